//! Pegged orders: the price that each follows, and what happens when it moves.

use super::accounts::Accounts;
use super::checks;
use super::listing::Listing;
use super::waiting::{Parked, Waits};
use super::writer::{Subject, Writer, count};
use crate::book::{Extra, PegTerms, Terms};
use crate::conditions::{Conditions, Peg};
use crate::event::{CancelReason, RejectReason};
use crate::order::{NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use crate::types::{Lots, MAX_PRICE, OrderId, Side, Ticks};

/// A peg out of book and waiting list, with all that it takes to enter again.
struct Moving {
    parked: Parked,
    extra: Extra,
    price: Option<Ticks>,
}

impl Listing {
    pub(super) fn enter_peg(
        &mut self,
        sent: &NewOrder,
        terms: &Conditions,
        mut extra: Extra,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let mut peg = PegTerms {
            kind: terms.peg,
            offset_ticks: terms.peg_offset_ticks,
            limit: sent.price,
            number: say.numbers.next_number,
        };
        if peg.limit.is_some_and(|limit| !(1..=MAX_PRICE).contains(&limit)) {
            return Err(RejectReason::PriceOutOfRange);
        }
        let exempt = accounts.is_exempt(sent.id.agent);
        let price = self.peg_price(sent.side, &peg, (sent.size, sent.size), exempt);
        let order = NewOrder { price, ..*sent };
        checks::entry(&self.spec, &self.book, &order, exempt, self.waiting.get(sent.id).is_some())?;
        self.check_risk(&self.asked(&order, terms), exempt)?;
        peg.number = count(&mut say.numbers.next_number);
        extra.peg = Some(peg);
        super::entering::start_life(&mut extra, terms, &mut say.numbers.next_expiry);
        let of = Subject { id: sent.id, side: sent.side, price: price.unwrap_or(0) };
        say.accepted(&of, sent.size);
        let parked = Parked {
            id: sent.id,
            side: sent.side,
            stp: sent.stp,
            leaves: sent.size,
            total: sent.size,
            life: extra.life,
            peg,
        };
        self.move_to(&Moving { parked, extra, price }, accounts, say);
        Ok(())
    }

    /// Lets every peg follow, in the order in which they came.
    pub(super) fn reprice(&mut self, accounts: &Accounts, say: &mut Writer) {
        let resting = self.book.pegs();
        let parked = self.waiting.parked().map(|parked| (parked.peg.number, parked.id));
        let mut pegs: Vec<(u64, OrderId)> = resting.chain(parked).collect();
        pegs.sort_unstable();
        for (_, id) in pegs {
            if self.regime.collects() {
                // What a peg follows means nothing once its listing has halted.
                return;
            }
            let Some((parked, extra, now)) = self.peg(id) else { continue };
            let exempt = accounts.is_exempt(id.agent);
            let price = self.peg_price(parked.side, &parked.peg, (parked.leaves, parked.total), exempt);
            if price != now {
                self.take_peg(id);
                say.repriced(&Subject { price: price.unwrap_or(0), ..parked.subject() }, parked.leaves);
                self.move_to(&Moving { parked, extra, price }, accounts, say);
            }
        }
    }

    /// A peg's new limit and total. Only a lower size at the same limit keeps its place.
    pub(super) fn replace_peg(
        &mut self,
        id: OrderId,
        (limit, size): (Ticks, Lots),
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let (mut parked, mut extra, now) = self.peg(id).ok_or(RejectReason::UnknownOrder)?;
        let exempt = accounts.is_exempt(id.agent);
        checks::amounts(&self.spec, Some(limit), size, exempt)?;
        let leaves = size - (parked.total - parked.leaves);
        let state = parked.state(parked.peg.limit);
        self.check_replaced(id, &state, limit, size, exempt)?;
        let of = Subject { price: now.unwrap_or(0), ..parked.subject() };
        if leaves <= 0 {
            return self.cancel(id, CancelReason::ReplacedBelowExecuted, say);
        }
        let keeps = parked.peg.limit == Some(limit) && size < parked.total;
        let change = size - parked.total;
        (parked.leaves, parked.total) = (leaves, size);
        if keeps {
            match now {
                Some(_) => self.resize(id, change),
                None => {
                    self.waiting.remove(id);
                    self.waiting.park(parked);
                }
            }
            say.replaced(&of, size, leaves, true);
            return Ok(());
        }
        self.take_peg(id);
        parked.peg.limit = Some(limit);
        extra.peg = Some(parked.peg);
        let price = self.peg_price(parked.side, &parked.peg, (leaves, size), exempt);
        say.replaced(&Subject { price: price.unwrap_or(0), ..of }, size, leaves, false);
        self.move_to(&Moving { parked, extra, price }, accounts, say);
        Ok(())
    }

    fn move_to(&mut self, moving: &Moving, accounts: &Accounts, say: &mut Writer) {
        let Moving { parked, extra, price } = *moving;
        if price.is_none() {
            return self.waiting.park(parked);
        }
        let order = NewOrder {
            id: parked.id,
            listing: say.listing,
            side: parked.side,
            order_type: OrderType::Limit,
            tif: TimeInForce::Gtc,
            stp: parked.stp,
            post_only: false,
            price,
            size: parked.leaves,
        };
        self.act(&order, parked.total, extra, 0, accounts, say);
    }

    /// A peg as it would be parked, its extra, and its price if it rests.
    fn peg(&self, id: OrderId) -> Option<(Parked, Extra, Option<Ticks>)> {
        if let Some(Waits::Peg(parked)) = self.waiting.get(id) {
            let display = super::entering::peg_display(parked.peg.kind);
            let extra = Extra { life: parked.life, display, peg: Some(parked.peg), ..Extra::NONE };
            return Some((parked, extra, None));
        }
        let extra = self.book.extra_of(id)?;
        let (state, peg) = (self.book.order(id)?, extra.peg?);
        let stp: SelfTradePrevention = self.book.terms(id).map(Terms::stp)?;
        let parked = Parked {
            id,
            side: state.side,
            stp,
            leaves: state.leaves,
            total: state.total,
            life: extra.life,
            peg,
        };
        Some((parked, Extra { reserve: 0, ..extra }, Some(state.price)))
    }

    fn take_peg(&mut self, id: OrderId) {
        if self.waiting.remove(id).is_none() {
            self.take_out(id);
        }
    }

    /// The price that a peg has now; `None` if there is nothing to follow or no way to stand there. While
    /// orders are collected pegs follow nothing.
    fn peg_price(
        &self,
        side: Side,
        peg: &PegTerms,
        (leaves, total): (Lots, Lots),
        exempt: bool,
    ) -> Option<Ticks> {
        let reference = |side| self.book.reference(side);
        let followed = match peg.kind {
            _ if self.regime.collects() => return None,
            Peg::None => return None,
            Peg::Primary => reference(side)?,
            Peg::Market => reference(side.opposite())?,
            Peg::Midpoint => {
                let sum = reference(Side::Buy)? + reference(Side::Sell)?;
                if side == Side::Buy { sum.div_euclid(2) } else { (sum + 1).div_euclid(2) }
            }
        };
        let opposite = self.book.best(side.opposite()).map(|quote| quote.price);
        let price = match side {
            Side::Buy => (followed + peg.offset_ticks)
                .min(peg.limit.unwrap_or(MAX_PRICE))
                .min(opposite.map_or(MAX_PRICE, |ask| ask - 1)),
            Side::Sell => {
                let price = (followed - peg.offset_ticks).max(peg.limit.unwrap_or(1));
                price.max(opposite.map_or(1, |bid| bid + 1))
            }
        };
        let price = price.clamp(1, MAX_PRICE);
        let crosses = opposite.is_some_and(|other| side.accepts(price, other));
        let stands = checks::amounts(&self.spec, Some(price), total, exempt).is_ok()
            && leaves <= self.book.room(side, price);
        (!crosses && stands).then_some(price)
    }
}
