//! A venue written as plainly as can be: one vector of orders per listing in order of arrival, searched from
//! end to end. Slow, and for that reason believable; the engine must say the same rows.

use market_core::event::{CancelReason, Event, EventKind, RejectReason};
use market_core::hash::Fnv;
use market_core::order::{Command, NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{AgentId, Lots, OrderId, Phase, Side, Ticks};

/// Numbers of a listing as the tests hand them out.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub tick_lot_atoms: i64,
    pub lot_atoms: i64,
    pub min_notional_atoms: i64,
    pub maker_fee_e8: i64,
    pub taker_fee_e8: i64,
}

#[derive(Clone, Copy, Debug)]
pub struct Order {
    pub id: OrderId,
    pub side: Side,
    pub price: Ticks,
    pub leaves: Lots,
    pub total: Lots,
    pub stp: SelfTradePrevention,
    pub post_only: bool,
}

#[derive(Clone, Debug)]
pub struct Model {
    pub phase: Phase,
    pub terms: Vec<Terms>,
    /// Per listing, earliest first.
    pub books: Vec<Vec<Order>>,
    owners: Vec<(AgentId, AgentId)>,
    seq: u64,
    match_id: u64,
    rows: Vec<Event>,
}

impl Model {
    pub fn new(terms: &[Terms], owners: &[(AgentId, AgentId)]) -> Self {
        Self {
            phase: Phase::Continuous,
            terms: terms.to_vec(),
            books: vec![Vec::new(); terms.len()],
            owners: owners.to_vec(),
            seq: 1,
            match_id: 1,
            rows: Vec::new(),
        }
    }

    /// The rows a venue must write for this command.
    pub fn process(&mut self, time_ns: i64, command: &Command) -> Vec<Event> {
        if let Err(reason) = self.carry_out(command) {
            self.refuse(command, reason);
        }
        self.finish(time_ns, command.listing())
    }

    pub fn set_phase(&mut self, time_ns: i64, phase: Phase) -> Vec<Event> {
        self.phase = phase;
        self.rows.push(Event { reason: phase.code(), ..Event::empty(EventKind::Phase) });
        self.finish(time_ns, 0)
    }

    /// Recorded lots that come or go in place.
    pub fn change(&mut self, time_ns: i64, listing: u32, id: OrderId, change: Lots) -> Vec<Event> {
        let book = &mut self.books[listing as usize];
        if let Some(at) = book.iter().position(|order| order.id == id) {
            if book[at].leaves + change <= 0 {
                let gone = book.remove(at);
                self.cancelled(&gone, CancelReason::External);
            } else {
                book[at].leaves += change;
                book[at].total += change;
                let order = book[at];
                self.rows.push(Event { size: order.total, flags: 1, ..row(EventKind::Replaced, &order) });
            }
        }
        self.finish(time_ns, listing)
    }

    pub fn owner(&self, agent: AgentId) -> AgentId {
        self.owners.iter().find(|(of, _)| *of == agent).map_or(agent, |&(_, owner)| owner)
    }

    /// Orders of a side by priority.
    pub fn queue(&self, listing: usize, side: Side) -> Vec<Order> {
        let mut orders: Vec<Order> =
            self.books[listing].iter().copied().filter(|order| order.side == side).collect();
        // A stable sort keeps the order of arrival within a price.
        orders.sort_by_key(|order| if side == Side::Buy { -order.price } else { order.price });
        orders
    }

    pub fn book_hash(&self, listing: usize) -> u64 {
        let mut hash = Fnv::new();
        for side in Side::BOTH {
            for order in self.queue(listing, side) {
                hash.word(u64::from(side.code()));
                hash.signed(order.price);
                hash.word(u64::from(order.id.agent));
                hash.word(u64::from(order.id.counter));
                hash.signed(order.leaves);
                hash.signed(order.total);
                hash.word(u64::from(order.stp.code()) + 256 * u64::from(order.post_only));
            }
        }
        hash.value()
    }

    fn carry_out(&mut self, command: &Command) -> Result<(), RejectReason> {
        match (self.phase, command) {
            (Phase::Continuous, _) | (Phase::Suspended, Command::Cancel { .. }) => (),
            (Phase::Suspended, _) => return Err(RejectReason::VenueSuspended),
            (Phase::Closed, _) => return Err(RejectReason::VenueClosed),
            _ => panic!("this model knows no auctions"),
        }
        let listing = command.listing() as usize;
        if listing >= self.books.len() {
            return Err(RejectReason::UnknownListing);
        }
        match *command {
            Command::New(order) => self.new_order(listing, &order),
            Command::Cancel { id, .. } => {
                let order = self.remove(listing, id).ok_or(RejectReason::UnknownOrder)?;
                self.cancelled(&order, CancelReason::Requested);
                Ok(())
            }
            Command::Replace { id, price, size, .. } => self.replace(listing, id, price, size),
        }
    }

    fn new_order(&mut self, listing: usize, new: &NewOrder) -> Result<(), RejectReason> {
        let limit = new.order_type == OrderType::Limit;
        let odd_post_only = new.post_only && (!limit || new.tif != TimeInForce::Gtc);
        if odd_post_only || (limit && new.price.is_none()) {
            return Err(RejectReason::InvalidCombination);
        }
        self.check_amounts(listing, new.price, new.size)?;
        if self.find(listing, new.id).is_some() {
            return Err(RejectReason::DuplicateOrderId);
        }
        if new.post_only && self.crosses(listing, new.side, new.price) {
            return Err(RejectReason::PostOnlyWouldCross);
        }
        if let (TimeInForce::Gtc, Some(price)) = (new.tif, new.price) {
            self.check_total(listing, new.side, price, new.size, None)?;
        }
        let price = new.price.unwrap_or(0);
        let mut order = Order {
            id: new.id,
            side: new.side,
            price,
            leaves: new.size,
            total: new.size,
            stp: new.stp,
            post_only: new.post_only,
        };
        self.rows.push(Event { size: new.size, ..row(EventKind::Accepted, &order) });
        if new.tif == TimeInForce::Fok && !self.clone().fills_whole(listing, order, new.price) {
            self.cancelled(&order, CancelReason::FillOrKill);
            return Ok(());
        }
        let stopped = self.sweep(listing, &mut order, new.price);
        if stopped || order.leaves == 0 {
            return Ok(());
        }
        match (new.price, new.tif) {
            (None, _) => self.cancelled(&order, CancelReason::NoLiquidity),
            (_, TimeInForce::Gtc) => self.rest(listing, order),
            _ => self.cancelled(&order, CancelReason::ImmediateOrCancel),
        }
        Ok(())
    }

    fn replace(&mut self, listing: usize, id: OrderId, price: Ticks, size: Lots) -> Result<(), RejectReason> {
        let old = self.find(listing, id).ok_or(RejectReason::UnknownOrder)?;
        self.check_amounts(listing, Some(price), size)?;
        if old.post_only && self.crosses(listing, old.side, Some(price)) {
            return Err(RejectReason::PostOnlyWouldCross);
        }
        let leaves = size - (old.total - old.leaves);
        self.check_total(listing, old.side, price, leaves, Some(id))?;
        if leaves <= 0 {
            self.remove(listing, id);
            self.cancelled(&old, CancelReason::ReplacedBelowExecuted);
            return Ok(());
        }
        let mut order = Order { price, leaves, total: size, ..old };
        let keeps = price == old.price && size < old.total;
        self.rows.push(Event { size, flags: u8::from(keeps), ..row(EventKind::Replaced, &order) });
        if keeps {
            *self.books[listing].iter_mut().find(|order| order.id == id).expect("found above") = order;
            return Ok(());
        }
        self.remove(listing, id);
        if !self.sweep(listing, &mut order, Some(price)) && order.leaves > 0 {
            self.rest(listing, order);
        }
        Ok(())
    }

    /// Matches an order; whether self-trade prevention ended it.
    fn sweep(&mut self, listing: usize, taker: &mut Order, limit: Option<Ticks>) -> bool {
        for maker in self.queue(listing, taker.side.opposite()) {
            let within = match (limit, taker.side) {
                (None, _) => true,
                (Some(limit), Side::Buy) => maker.price <= limit,
                (Some(limit), Side::Sell) => maker.price >= limit,
            };
            if taker.leaves == 0 || !within {
                break;
            }
            if self.owner(maker.id.agent) == self.owner(taker.id.agent) {
                match taker.stp {
                    SelfTradePrevention::None => (),
                    SelfTradePrevention::Pass => continue,
                    SelfTradePrevention::Newest => {
                        self.cancelled(taker, CancelReason::SelfTrade);
                        return true;
                    }
                    mode => unreachable!("{mode:?} is in no step: the model knows plain orders"),
                }
            }
            self.trade(listing, maker, taker);
        }
        false
    }

    fn trade(&mut self, listing: usize, mut maker: Order, taker: &mut Order) {
        let lots = maker.leaves.min(taker.leaves);
        maker.leaves -= lots;
        taker.leaves -= lots;
        match maker.leaves {
            0 => drop(self.remove(listing, maker.id)),
            _ => *self.books[listing].iter_mut().find(|order| order.id == maker.id).expect("rests") = maker,
        }
        let terms = self.terms[listing];
        let notional = i128::from(maker.price) * i128::from(lots) * i128::from(terms.tick_lot_atoms);
        let of = |kind, order: &Order, contra: &Order, rate, flags| Event {
            price: maker.price,
            size: lots,
            match_id: self.match_id,
            contra_agent: contra.id.agent,
            contra_counter: contra.id.counter,
            fee: fee(notional, rate),
            flags,
            ..row(kind, order)
        };
        let print = Event { leaves: 0, side: taker.side, ..of(EventKind::Trade, &maker, taker, 0, 0) };
        let made = of(EventKind::Fill, &maker, taker, terms.maker_fee_e8, 1);
        let took = of(EventKind::Fill, taker, &maker, terms.taker_fee_e8, 0);
        self.rows.extend([print, made, took]);
        self.match_id += 1;
    }

    fn rest(&mut self, listing: usize, order: Order) {
        // Reached only by orders that passed their owner's own.
        if self.crosses(listing, order.side, Some(order.price)) {
            self.cancelled(&order, CancelReason::SelfTrade);
        } else {
            self.books[listing].push(order);
        }
    }

    fn fills_whole(mut self, listing: usize, mut order: Order, limit: Option<Ticks>) -> bool {
        !self.sweep(listing, &mut order, limit) && order.leaves == 0
    }

    fn crosses(&self, listing: usize, side: Side, price: Option<Ticks>) -> bool {
        let best = self.queue(listing, side.opposite()).first().map(|order| order.price);
        match (best, price) {
            (Some(best), Some(price)) => side.accepts(price, best),
            (best, _) => best.is_some(),
        }
    }

    fn check_amounts(&self, listing: usize, price: Option<Ticks>, size: Lots) -> Result<(), RejectReason> {
        let terms = self.terms[listing];
        if price.is_some_and(|price| !(1..=1 << 53).contains(&price)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        if !(1..=1 << 48).contains(&size) {
            return Err(RejectReason::SizeOutOfRange);
        }
        // At most 2^53 * 2^48 here, and the atoms of the tests' listings are few.
        let notional =
            price.map(|price| i128::from(price) * i128::from(size) * i128::from(terms.tick_lot_atoms));
        let base = i128::from(size) * i128::from(terms.lot_atoms);
        if base > 1 << 62 || notional.is_some_and(|notional| notional > 1 << 62) {
            return Err(RejectReason::NotionalOverflow);
        }
        match notional {
            Some(notional) if notional < i128::from(terms.min_notional_atoms) => {
                Err(RejectReason::MinNotional)
            }
            _ => Ok(()),
        }
    }

    fn check_total(
        &self,
        listing: usize,
        side: Side,
        price: Ticks,
        lots: Lots,
        but: Option<OrderId>,
    ) -> Result<(), RejectReason> {
        let others: Lots = self.books[listing]
            .iter()
            .filter(|order| order.side == side && order.price == price && Some(order.id) != but)
            .map(|order| order.leaves)
            .sum();
        if others + lots > 1 << 62 { Err(RejectReason::QuantityOverflow) } else { Ok(()) }
    }

    pub fn find(&self, listing: usize, id: OrderId) -> Option<Order> {
        self.books.get(listing)?.iter().find(|order| order.id == id).copied()
    }

    fn remove(&mut self, listing: usize, id: OrderId) -> Option<Order> {
        let at = self.books[listing].iter().position(|order| order.id == id)?;
        Some(self.books[listing].remove(at))
    }

    fn cancelled(&mut self, order: &Order, reason: CancelReason) {
        let size = order.leaves;
        self.rows.push(Event { size, leaves: 0, reason: reason.code(), ..row(EventKind::Cancelled, order) });
    }

    fn refuse(&mut self, command: &Command, reason: RejectReason) {
        let known = self.find(command.listing() as usize, command.id());
        let of_known = |kind, price, size| Event {
            price,
            size,
            side: known.map_or(Side::Buy, |order| order.side),
            leaves: known.map_or(0, |order| order.leaves),
            ..Event::empty(kind)
        };
        let mut refused = match *command {
            Command::New(order) => Event {
                price: order.price.unwrap_or(0),
                size: order.size,
                side: order.side,
                ..Event::empty(EventKind::Rejected)
            },
            Command::Cancel { .. } => of_known(EventKind::CancelRejected, 0, 0),
            Command::Replace { price, size, .. } => of_known(EventKind::ReplaceRejected, price, size),
        };
        refused.reason = reason.code();
        refused.agent = command.id().agent;
        refused.counter = command.id().counter;
        self.rows.push(refused);
    }

    fn finish(&mut self, time_ns: i64, listing: u32) -> Vec<Event> {
        let mut rows = std::mem::take(&mut self.rows);
        for row in &mut rows {
            (row.time_ns, row.seq, row.listing) = (time_ns, self.seq, listing);
            self.seq += 1;
        }
        rows
    }
}

/// A row about an order as it stands.
fn row(kind: EventKind, order: &Order) -> Event {
    Event {
        price: order.price,
        leaves: order.leaves,
        agent: order.id.agent,
        counter: order.id.counter,
        side: order.side,
        ..Event::empty(kind)
    }
}

/// Charges round away from zero, rebates towards it.
fn fee(notional: i128, rate_e8: i64) -> i64 {
    let exact = notional * i128::from(rate_e8);
    let whole = exact / 100_000_000;
    let charged_more = i128::from(rate_e8 > 0 && whole * 100_000_000 < exact);
    (whole + charged_more) as i64
}
