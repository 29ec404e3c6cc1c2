//! New prices and sizes for live orders: what keeps its place, and what enters again.

use super::accounts::Accounts;
use super::listing::Listing;
use super::risk::Ask;
use super::stop::Stop;
use super::waiting::Waits;
use super::writer::{Subject, Writer};
use super::{checks, sense};
use crate::book::{OrderState, Rest, Taker, Terms};
use crate::event::{CancelReason, RejectReason};
use crate::order::OrderType;
use crate::types::{Lots, OrderId, Ticks};

impl Listing {
    /// Replaces price and total size of a live order, or says why not.
    pub fn replace(
        &mut self,
        id: OrderId,
        price: Ticks,
        size: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        if !self.plain {
            self.check_rate(id.agent, accounts.is_exempt(id.agent), say.time_ns)?;
            let mark = say.out.len();
            self.replace_any(id, price, size, accounts, say)?;
            self.settle(mark, None, accounts, say);
            return Ok(());
        }
        self.replace_resting(id, price, size, accounts, say)
    }

    #[cold]
    fn replace_any(
        &mut self,
        id: OrderId,
        price: Ticks,
        size: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        match self.waiting.get(id) {
            Some(Waits::Stop(stop)) => {
                self.replace_stop(stop, price, size, accounts.is_exempt(id.agent), say)
            }
            Some(Waits::Peg(_)) => self.replace_peg(id, (price, size), accounts, say),
            None if self.book.extra_of(id).is_some_and(|extra| extra.peg.is_some()) => {
                self.replace_peg(id, (price, size), accounts, say)
            }
            None => self.replace_resting(id, price, size, accounts, say),
        }
    }

    /// What limits say of new numbers for an order. Less at the same price is always fine: whoever has too much
    /// must be able to shed it.
    #[cold]
    #[inline(never)]
    pub(super) fn check_replaced(
        &self,
        id: OrderId,
        state: &OrderState,
        price: Ticks,
        size: Lots,
        exempt: bool,
    ) -> Result<(), RejectReason> {
        if price == state.price && size < state.total {
            return Ok(());
        }
        let ask = Ask {
            agent: id.agent,
            side: state.side,
            price: Some(price),
            value: None,
            gets_limit: true,
            size,
            lots: size - state.executed(),
            replaced: Some(id.counter),
        };
        self.check_risk(&ask, exempt)
    }

    /// A waiting stop's new price and size; it goes on waiting where it was.
    fn replace_stop(
        &mut self,
        stop: Stop,
        price: Ticks,
        size: Lots,
        exempt: bool,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        if stop.order_type == OrderType::TrailingStop {
            return Err(RejectReason::InvalidCombination);
        }
        checks::amounts(&self.spec, Some(price), size, exempt)?;
        if stop.tif.may_rest() && size > self.book.room(stop.side, price) {
            return Err(RejectReason::QuantityOverflow);
        }
        self.check_replaced(stop.id, &Waits::Stop(stop).state(), price, size, exempt)?;
        let kept = stop.price.unwrap_or(0) == price && size < stop.size;
        let new = Stop { price: Some(price), size, protection_ticks: None, ..stop };
        self.waiting.remove(stop.id);
        self.waiting.add_stop(new);
        say.replaced(&new.subject(), size, size, kept);
        Ok(())
    }

    #[inline(always)]
    fn enter_again_plain(&mut self, order: Rest, subject: &Subject, accounts: &Accounts, say: &mut Writer) {
        let (side, limit, stp) = (subject.side, Some(subject.price), order.terms.stp());
        let taker = Taker { agent: order.id.agent, side, limit, size: order.leaves, stp };
        let taken = self.sweep(order.id, &taker, accounts, say);
        if taken.met_itself {
            say.cancelled(subject, taken.leaves, CancelReason::SelfTrade);
        } else if taken.leaves > 0 {
            self.rest(Rest { leaves: taken.leaves, ..order }, subject, say);
        }
    }

    fn replace_resting(
        &mut self,
        id: OrderId,
        price: Ticks,
        size: Lots,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let state = checks::replace(&self.spec, &self.book, id, price, size, accounts.is_exempt(id.agent))?;
        let extra = if self.plain { None } else { self.book.extra_of(id) };
        let display = extra.and_then(|extra| extra.display);
        if display.is_some_and(|display| !sense::peaks(display.lots, size)) {
            return Err(RejectReason::InvalidTerms);
        }
        if !self.plain {
            self.check_replaced(id, &state, price, size, accounts.is_exempt(id.agent))?;
        }
        let leaves = size - state.executed();
        let subject = Subject { id, side: state.side, price };
        if leaves <= 0 {
            return self.cancel(id, CancelReason::ReplacedBelowExecuted, say);
        }
        if price == state.price && size < state.total {
            self.resize(id, size - state.total);
            say.replaced(&subject, size, leaves, true);
        } else {
            let old = self.take_out(id).expect("the checks found it");
            say.replaced(&subject, size, leaves, false);
            let terms = Terms::new(state.side, price, old.terms.stp(), old.terms.post_only());
            let new = Rest { terms, leaves, total: size, ..old };
            if self.plain & terms.stp().is_plain() {
                self.enter_again_plain(new, &subject, accounts, say);
            } else {
                self.enter_again(new, extra, accounts, say);
            }
        }
        Ok(())
    }
}
