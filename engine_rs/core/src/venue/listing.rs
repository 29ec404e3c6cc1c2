//! One listing of a venue: what a command does to its book, and what is said about it.

use super::accounts::Accounts;
use super::checks;
use super::regime::Regime;
use super::spec::ListingSpec;
use super::waiting::Waiting;
use super::writer::{Filled, Subject, Writer};
use crate::book::{Book, OrderState, Rest, Slot, Taken, Taker, Terms};
use crate::conditions::Conditions;
use crate::event::{CancelReason, RejectReason};
use crate::order::{NewOrder, SelfTradePrevention, TimeInForce};
use crate::types::{Lots, OrderId, Ticks};

#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub spec: ListingSpec,
    pub book: Book,
    /// Stops, and pegs without a price.
    pub waiting: Box<Waiting>,
    /// How it trades, where that is not continuous price-time trading alone.
    pub regime: Box<Regime>,
    /// It trades continuously and nothing but plain orders is alive: then plain matching will do. May be false
    /// without need.
    pub plain: bool,
    pub last_print: Option<Ticks>,
    /// A price that the venue has named since the last print.
    pub named_price: Option<Ticks>,
}

impl Listing {
    pub fn new(spec: ListingSpec) -> Self {
        Self {
            spec,
            book: Book::new(),
            waiting: Box::default(),
            regime: Box::default(),
            plain: true,
            last_print: None,
            named_price: None,
        }
    }

    /// Looks again whether plain matching will do.
    pub fn note_plain(&mut self) {
        self.plain = self.regime.is_plain() && self.book.is_plain() && self.waiting.is_empty();
    }

    /// The later of the last print and the price named by the venue.
    pub fn reference(&self) -> Option<Ticks> {
        self.named_price.or(self.last_print)
    }

    pub fn note_print(&mut self, price: Ticks) {
        (self.last_print, self.named_price) = (Some(price), None);
        self.regime.band.note_print(price);
    }

    /// A live order's numbers, wherever it is.
    pub fn order(&self, id: OrderId) -> Option<OrderState> {
        self.book.order(id).or_else(|| self.waiting.get(id).map(|waits| waits.state()))
    }

    /// A new order, or why not.
    #[inline(always)]
    pub fn enter(
        &mut self,
        order: &NewOrder,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        if !(self.plain & order.is_plain()) {
            return self.enter_with(order, &Conditions::NONE, accounts, say);
        }
        checks::new_order(&self.spec, &self.book, order, accounts.is_exempt(order.id.agent))?;
        let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        say.accepted(&subject, order.size);
        let taker = Taker {
            agent: order.id.agent,
            side: order.side,
            limit: order.price,
            size: order.size,
            stp: order.stp,
        };
        if order.tif == TimeInForce::Fok && !self.book.can_fill(&taker, &accounts.owners) {
            say.cancelled(&subject, order.size, CancelReason::FillOrKill);
            return Ok(());
        }
        let taken = self.sweep(order.id, &taker, accounts, say);
        self.settle_remainder(order, &subject, taken, say);
        Ok(())
    }

    /// What matching left of a new order rests or is cancelled.
    #[inline(always)]
    fn settle_remainder(&mut self, order: &NewOrder, subject: &Subject, taken: Taken, say: &mut Writer) {
        if taken.leaves == 0 {
            return;
        }
        let ended = match (order.price, order.tif) {
            _ if taken.met_itself => CancelReason::SelfTrade,
            (None, _) => CancelReason::NoLiquidity,
            (Some(_), TimeInForce::Ioc | TimeInForce::Fok) => CancelReason::ImmediateOrCancel,
            (Some(price), _) => {
                let terms = Terms::new(order.side, price, order.stp, order.post_only);
                let rest = Rest { id: order.id, terms, leaves: taken.leaves, total: order.size };
                return self.rest(rest, subject, say);
            }
        };
        say.cancelled(subject, taken.leaves, ended);
    }

    /// Cancels a resting order.
    #[inline(always)]
    pub fn cancel(
        &mut self,
        id: OrderId,
        reason: CancelReason,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let Some(order) = self.book.take_out(id) else { return self.cancel_waiting(id, reason, say) };
        self.gone(&order, reason, say);
        Ok(())
    }

    /// What follows when an order has been taken out of the book.
    #[inline(always)]
    fn gone(&mut self, order: &Rest, reason: CancelReason, say: &mut Writer) {
        if !self.plain {
            self.note_gone(order.terms, order.leaves);
        }
        let subject = Subject { id: order.id, side: order.terms.side(), price: order.terms.price() };
        say.cancelled(&subject, order.leaves, reason);
    }

    #[cold]
    fn cancel_waiting(
        &mut self,
        id: OrderId,
        reason: CancelReason,
        say: &mut Writer,
    ) -> Result<(), RejectReason> {
        let waits = self.waiting.remove(id).ok_or(RejectReason::UnknownOrder)?;
        say.cancelled(&waits.subject(), waits.state().leaves, reason);
        Ok(())
    }

    /// Takes lots from a resting order, which keeps its place; all of them end it.
    pub fn reduce(&mut self, id: OrderId, lots: Lots, say: &mut Writer) -> Result<(), RejectReason> {
        let (slot, _) = self.book.find(id).ok_or(RejectReason::UnknownOrder)?;
        if lots < 1 {
            return Err(RejectReason::SizeOutOfRange);
        }
        self.reduce_at(slot, lots, say);
        Ok(())
    }

    /// The same of an order at this place of the book; `lots` are more than none.
    #[inline(always)]
    pub fn reduce_at(&mut self, slot: Slot, lots: Lots, say: &mut Writer) {
        let (id, state) = self.book.standing(slot);
        if lots >= state.leaves {
            let order = self.book.take_out_at(slot);
            self.gone(&order, CancelReason::External, say);
        } else {
            self.change((id, slot), &state, -lots, say);
        }
    }

    /// Adds lots to a resting order in its place.
    pub fn grow(&mut self, id: OrderId, lots: Lots, say: &mut Writer) -> Result<(), RejectReason> {
        let (slot, _) = self.book.find(id).ok_or(RejectReason::UnknownOrder)?;
        self.grow_at(slot, lots, say)
    }

    /// The same of an order at this place of the book.
    #[inline(always)]
    pub fn grow_at(&mut self, slot: Slot, lots: Lots, say: &mut Writer) -> Result<(), RejectReason> {
        let (id, state) = self.book.standing(slot);
        checks::growth(&self.spec, &self.book, &state, lots)?;
        self.change((id, slot), &state, lots, say);
        Ok(())
    }

    #[inline(always)]
    fn change(&mut self, (id, slot): (OrderId, Slot), state: &OrderState, change: Lots, say: &mut Writer) {
        if !self.plain {
            self.note_resized(state, change);
        }
        self.book.resize_at(slot, change);
        let subject = Subject { id, side: state.side, price: state.price };
        say.replaced(&subject, state.total + change, state.leaves + change, true);
    }

    /// Matches what meets the other side. Most orders do not, and are spared the call.
    #[inline(always)]
    pub(super) fn sweep(
        &mut self,
        id: OrderId,
        taker: &Taker,
        accounts: &Accounts,
        say: &mut Writer,
    ) -> Taken {
        if self.book.meets(taker.side, taker.limit) {
            self.trade(id, taker, accounts, say)
        } else {
            Taken { leaves: taker.size, met_itself: false }
        }
    }

    #[inline(never)]
    fn trade(&mut self, id: OrderId, taker: &Taker, accounts: &Accounts, say: &mut Writer) -> Taken {
        let Self { spec, book, last_print, named_price, .. } = self;
        let mut open = taker.size;
        let mut print = None;
        let taken = book.take(taker, &accounts.owners, |done| {
            open -= done.lots;
            print = Some(done.price);
            // The order that named the higher price was checked at it, so this cannot leave its range.
            let notional = done.price * done.lots * spec.tick_lot_atoms();
            let maker_fee = if accounts.is_exempt(done.maker.agent) { 0 } else { spec.maker_fee(notional) };
            let taker_fee = if accounts.is_exempt(id.agent) { 0 } else { spec.taker_fee(notional) };
            say.matched(done, Filled { id, side: taker.side, open, maker_fee, taker_fee });
        });
        if print.is_some() {
            (*last_print, *named_price) = (print, None);
        }
        taken
    }

    /// Puts an order at the back of its price. Only one that passed orders of its owner can find them in its
    /// way; it is cancelled then, for a continuous book is never crossed.
    #[inline(always)]
    pub(super) fn rest(&mut self, order: Rest, subject: &Subject, say: &mut Writer) {
        if self.book.meets(subject.side, Some(subject.price)) {
            passed(&order, subject, say);
        } else {
            self.book.rest(order);
        }
    }
}

/// Ends an order that passed others of its owner and would stand across from them.
#[cold]
pub(super) fn passed(order: &Rest, subject: &Subject, say: &mut Writer) {
    assert_eq!(order.terms.stp(), SelfTradePrevention::Pass, "matching left an order that could trade");
    say.cancelled(subject, order.leaves, CancelReason::SelfTrade);
}
