//! An agent's own gateway: what it may spend and which of its orders it believes open.
//!
//! It learns only from the reports that have arrived, so no venue's news reaches another venue ahead
//! of the latency: true balances move at the match, these at the report.

use std::collections::{BTreeMap, VecDeque};

use super::error::{KernelError, Result};
use crate::event::{Event, EventKind, RejectReason};
use crate::order::{OrderType, TimeInForce};
use crate::types::{Atoms, ListingId, Lots, MAX_PRICE, MAX_SIZE, Side, Ticks};

/// What trading a listing costs, as far as funds are concerned. Slots are places in `spendable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    pub base_slot: usize,
    pub quote_slot: usize,
    pub tick_lot_atoms: Atoms,
    pub lot_atoms: Atoms,
    /// The dearer of the two fees in 1e-8 of the notional; 0 when both are rebates.
    pub worst_fee_e8: i64,
}

/// An order as last reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    pub listing: ListingId,
    pub side: Side,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    /// The worst price it can trade at, whatever it stands at now; none: nothing bounds it.
    pub price: Option<Ticks>,
    pub total: Lots,
    pub leaves: Lots,
    pub reserved: Atoms,
}

/// How far an agent is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    pub unlimited: bool,
    pub short_selling: bool,
    /// 0: no limit.
    pub max_open_orders: usize,
}

impl Credit {
    /// What an order of so many lots ties up: a buy its price and the worst fee, a sale its base.
    /// Each fill rounds its fee up by less than an atom and there are at most as many fills as lots.
    /// None: more than any balance can hold.
    fn need(self, terms: &Terms, side: Side, price: Option<Ticks>, lots: Lots) -> Option<Atoms> {
        if self.unlimited || lots <= 0 {
            return Some(0);
        }
        let lots = i128::from(lots);
        let atoms = match (side, price) {
            (Side::Sell, _) if self.short_selling => 0,
            (Side::Sell, _) => lots.checked_mul(i128::from(terms.lot_atoms))?,
            // A buy without a price never gets as far as a reservation.
            (Side::Buy, None) => return None,
            (Side::Buy, Some(price)) => {
                let value = (i128::from(price) * lots).checked_mul(i128::from(terms.tick_lot_atoms))?;
                let worst_fee = match terms.worst_fee_e8 {
                    0 => 0,
                    rate => value.checked_mul(i128::from(rate))? / 100_000_000 + lots,
                };
                value.checked_add(worst_fee)?
            }
        };
        Atoms::try_from(atoms).ok()
    }

    /// What an order ties up as it stands, or as any replacement under way may make it.
    fn dearest_need(
        &self,
        terms: &Terms,
        order: &OpenOrder,
        asked: Option<&VecDeque<(Option<Ticks>, Lots)>>,
    ) -> Option<Atoms> {
        let mut dearest = self.need(terms, order.side, order.price, order.leaves)?;
        let executed = order.total - order.leaves;
        for &(price, total) in asked.into_iter().flatten() {
            dearest = dearest.max(self.need(terms, order.side, price.or(order.price), total - executed)?);
        }
        Some(dearest)
    }
}

/// One agent's gateway.
pub struct Gateway {
    credit: Credit,
    spendable: Vec<Atoms>,
    open: BTreeMap<u32, OpenOrder>,
    /// Replacements of open orders not answered yet: (price, none to keep it; total), oldest first.
    asked: BTreeMap<u32, VecDeque<(Option<Ticks>, Lots)>>,
    last_counter: u32,
}

/// Whether price and size lie where a venue would take them.
pub fn in_range(price: Option<Ticks>, size: Lots) -> std::result::Result<(), RejectReason> {
    if price.is_some_and(|price| !(1..=MAX_PRICE).contains(&price)) {
        Err(RejectReason::PriceOutOfRange)
    } else if !(1..=MAX_SIZE).contains(&size) {
        Err(RejectReason::SizeOutOfRange)
    } else {
        Ok(())
    }
}

impl Gateway {
    pub fn new(credit: Credit) -> Self {
        Self { credit, spendable: Vec::new(), open: BTreeMap::new(), asked: BTreeMap::new(), last_counter: 0 }
    }

    /// Makes room for all (venue, asset) pairs, once they are known.
    pub fn open_slots(&mut self, slots: usize) {
        self.spendable.resize(slots, 0);
    }

    pub fn spendable(&self, slot: usize) -> Atoms {
        self.spendable[slot]
    }

    pub fn open(&self, counter: u32) -> Option<&OpenOrder> {
        self.open.get(&counter)
    }

    /// The counter of the agent's next order, over all venues.
    pub fn next_counter(&mut self) -> Result<u32> {
        match self.last_counter.checked_add(1) {
            Some(counter) => {
                self.last_counter = counter;
                Ok(counter)
            }
            None => KernelError::engine("2^32 orders of one agent", "gateway", "Use more agents."),
        }
    }

    const fn slot(terms: &Terms, side: Side) -> usize {
        match side {
            Side::Buy => terms.quote_slot,
            Side::Sell => terms.base_slot,
        }
    }

    /// Moves `spendable` by `atoms`.
    pub fn credit(&mut self, slot: usize, atoms: Atoms) -> Result<()> {
        match self.spendable[slot].checked_add(atoms) {
            Some(sum) => {
                self.spendable[slot] = sum;
                Ok(())
            }
            None => KernelError::engine(
                format!("ledger overflow: {} and {atoms} atoms spendable", self.spendable[slot]),
                "gateway",
                "Choose coarser atoms or smaller endowments.",
            ),
        }
    }

    /// Takes `atoms` for a transfer if they are there; unlimited credit always has them.
    pub fn withdraw(&mut self, slot: usize, atoms: Atoms) -> Result<bool> {
        if !self.credit.unlimited && self.spendable[slot] < atoms {
            return Ok(false);
        }
        self.credit(slot, -atoms)?;
        Ok(true)
    }

    /// Checks a new order and reserves for it.
    pub fn admit(
        &mut self,
        terms: &Terms,
        counter: u32,
        order: OpenOrder,
        max_lots: Lots,
    ) -> Result<Option<RejectReason>> {
        if let Some(reason) = self.refusal(&order, max_lots) {
            return Ok(Some(reason));
        }
        let slot = Self::slot(terms, order.side);
        let reserved = match self.credit.need(terms, order.side, order.price, order.leaves) {
            Some(need) if need == 0 || need <= self.spendable[slot] => need,
            _ => return Ok(Some(RejectReason::InsufficientFunds)),
        };
        self.credit(slot, -reserved)?;
        self.open.insert(counter, OpenOrder { reserved, ..order });
        Ok(None)
    }

    fn refusal(&self, order: &OpenOrder, max_lots: Lots) -> Option<RejectReason> {
        if let Err(reason) = in_range(order.price, order.leaves) {
            return Some(reason);
        }
        let limit = self.credit.max_open_orders;
        if limit > 0 && self.open.len() >= limit {
            return Some(RejectReason::OpenOrderLimit);
        }
        if max_lots > 0 && order.leaves > max_lots {
            return Some(RejectReason::OrderSizeLimit);
        }
        let unpriced_buy = order.side == Side::Buy && order.price.is_none();
        (unpriced_buy && !self.credit.unlimited).then_some(RejectReason::ProtectionRequired)
    }

    /// Checks a replacement of an open order and reserves what it may need beyond what is reserved.
    pub fn admit_replace(
        &mut self,
        terms: &Terms,
        counter: u32,
        price: Option<Ticks>,
        size: Lots,
        max_lots: Lots,
    ) -> Result<Option<RejectReason>> {
        let Some(order) = self.open.get(&counter).copied() else {
            return Ok(Some(RejectReason::UnknownOrder));
        };
        if let Err(reason) = in_range(price, size) {
            return Ok(Some(reason));
        }
        if max_lots > 0 && size > max_lots {
            return Ok(Some(RejectReason::OrderSizeLimit));
        }
        let executed = order.total - order.leaves;
        let slot = Self::slot(terms, order.side);
        let more = match self.credit.need(terms, order.side, price.or(order.price), size - executed) {
            Some(need) => (need - order.reserved).max(0),
            None => return Ok(Some(RejectReason::InsufficientFunds)),
        };
        if more > 0 && more > self.spendable[slot] {
            return Ok(Some(RejectReason::InsufficientFunds));
        }
        self.credit(slot, -more)?;
        self.open.get_mut(&counter).expect("found above").reserved += more;
        self.asked.entry(counter).or_default().push_back((price, size));
        Ok(None)
    }

    /// Settles a venue's report when it arrives: reserves what the order still needs, then books the fill.
    /// `answers`: whether it answers the oldest replacement asked for. A link keeps the order of messages, so
    /// answers come in the order of requests.
    pub fn settle(&mut self, terms: &Terms, event: &Event, answers: bool) -> Result<()> {
        let Some(order) = self.open.get_mut(&event.counter) else {
            return Ok(());
        };
        match event.kind {
            EventKind::Fill => order.leaves = event.leaves,
            EventKind::Cancelled | EventKind::Rejected => order.leaves = 0,
            EventKind::Replaced => {
                order.total = event.size;
                order.leaves = event.leaves;
            }
            EventKind::ReplaceRejected => {}
            // An acknowledgement and a refused cancel change nothing here.
            _ => return Ok(()),
        }
        if order.leaves == 0 {
            self.asked.remove(&event.counter);
        } else if answers {
            let asked = self.asked.get_mut(&event.counter).and_then(VecDeque::pop_front);
            if let (Some((price, _)), EventKind::Replaced) = (asked, event.kind) {
                // What was asked for bounds it; a peg's report says where it stands.
                order.price = price.or(order.price);
            }
        }
        let asked = self.asked.get(&event.counter);
        let Some(need) = self.credit.dearest_need(terms, order, asked) else {
            return KernelError::engine(
                "ledger overflow: an open order needs more than a balance can hold",
                "gateway",
                "Choose coarser atoms or smaller orders.",
            );
        };
        let released = order.reserved - need;
        order.reserved = need;
        let (side, is_dead) = (order.side, order.leaves == 0);
        if is_dead {
            self.open.remove(&event.counter);
        }
        self.credit(Self::slot(terms, side), released)?;
        if event.kind == EventKind::Fill {
            self.pay(terms, side, event)?;
        }
        Ok(())
    }

    /// The fill's own postings: cost or proceeds, and the fee, which is always in quote.
    fn pay(&mut self, terms: &Terms, side: Side, event: &Event) -> Result<()> {
        let notional = event.price * event.size * terms.tick_lot_atoms;
        let base = event.size * terms.lot_atoms;
        let sign = if side == Side::Buy { 1 } else { -1 };
        self.credit(terms.base_slot, sign * base)?;
        self.credit(terms.quote_slot, -sign * notional - event.fee)
    }
}
