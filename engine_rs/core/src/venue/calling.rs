//! While orders are collected for an auction: they rest as they come, and the venue says what would trade.

use super::listing::Listing;
use super::writer::{Subject, Writer, count};
use crate::book::{Called, Cross, Extra, OrderState, Rest, Terms, Unpriced};
use crate::conditions::{Conditions, Peg};
use crate::event::{CancelReason, RejectReason};
use crate::order::{NewOrder, OrderType, TimeInForce};
use crate::types::{Lots, OrderId, Side, Ticks};

impl Listing {
    /// An order that wants to trade at once has no place where nothing trades.
    pub(super) fn check_phase(&self, order: &NewOrder, terms: &Conditions) -> Result<(), RejectReason> {
        let at_once = (!order.tif.may_rest() || terms.minimum > 0 || terms.protection_ticks.is_some())
            && !order.order_type.is_stop();
        let unseen = self.regime.matching.in_batches() && (terms.display.is_some() || terms.peg != Peg::None);
        if self.regime.collects() && (at_once || unseen) {
            return Err(RejectReason::NotInThisPhase);
        }
        Ok(())
    }

    /// Whether the queue of orders without a price has room for one more.
    pub(super) fn check_unpriced(&self, order: &NewOrder) -> Result<(), RejectReason> {
        let may_wait = order.tif.may_rest() && !order.order_type.is_stop();
        let joins = self.regime.collects() && may_wait && order.price.is_none();
        if joins && order.size > self.book.unpriced_room(order.side) {
            return Err(RejectReason::QuantityOverflow);
        }
        Ok(())
    }

    /// An accepted order comes in where nothing matches; one that may not wait ends.
    pub(super) fn collect(&mut self, order: &NewOrder, total: Lots, mut extra: Extra, say: &mut Writer) {
        let subject = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        let ended = match order.tif {
            TimeInForce::Ioc => CancelReason::ImmediateOrCancel,
            TimeInForce::Fok => CancelReason::FillOrKill,
            _ => {
                let to_limit = order.order_type == OrderType::MarketToLimit;
                let then = if to_limit { Unpriced::ToLimit } else { Unpriced::Ends };
                extra.unpriced = order.price.is_none().then_some(then);
                let terms = Terms::new(order.side, subject.price, order.stp, order.post_only);
                return self.rest_called(Rest { id: order.id, terms, leaves: order.size, total }, extra, say);
            }
        };
        say.cancelled(&subject, order.size, ended);
    }

    /// Lets an order join the back of its price, or of the queue without one, whatever stands across.
    pub(super) fn rest_called(&mut self, order: Rest, mut extra: Extra, say: &mut Writer) {
        let batch = if self.regime.matching.in_batches() { self.regime.batch } else { 0 };
        extra.called = Some(Called { number: count(&mut say.numbers.next_call), batch });
        self.regime.no_longer_top(order.id);
        if let Some(display) = &mut extra.display {
            display.entry = count(&mut say.numbers.next_entry);
        }
        self.shift(order.terms.side(), order.terms.price(), order.leaves);
        self.book.rest_with(order, Extra { reserve: 0, ..extra });
    }

    /// Takes an order out of the book, of which an auction's price takes note.
    #[inline]
    pub(super) fn take_out(&mut self, id: OrderId) -> Option<Rest> {
        let order = self.book.take_out(id)?;
        if !self.plain {
            self.note_gone(order.terms, order.leaves);
        }
        Some(order)
    }

    // By value, here and below: what the hot path hands over by reference it has to keep in memory.
    #[cold]
    #[inline(never)]
    pub(super) fn note_gone(&mut self, terms: Terms, leaves: Lots) {
        self.shift(terms.side(), terms.price(), -leaves);
    }

    /// Changes leaves and total of an order in its place.
    #[inline]
    pub(super) fn resize(&mut self, id: OrderId, change: Lots) {
        if !self.plain {
            let state = self.book.order(id).expect("the order rests");
            self.note_resized(&state, change);
        }
        self.book.resize(id, change);
    }

    #[cold]
    #[inline(never)]
    pub(super) fn note_resized(&mut self, state: &OrderState, change: Lots) {
        self.shift(state.side, state.price, change);
    }

    /// Orders without a price (0) count at every price.
    fn shift(&mut self, side: Side, price: Ticks, lots: Lots) {
        if let Some(cursor) = &mut self.regime.cursor {
            let unpriced = if side == Side::Buy { Ticks::MAX } else { Ticks::MIN };
            cursor.shift(side, if price == 0 { unpriced } else { price }, lots);
        }
    }

    /// What the auction would come to now.
    pub(super) fn cross(&mut self) -> Option<Cross> {
        let reference = self.reference();
        let Self { book, regime, .. } = self;
        let cursor = match &mut regime.cursor {
            Some(cursor) => cursor,
            none => none.insert(book.cursor(book.some_price(reference)?)),
        };
        book.cross(cursor, reference)
    }

    /// The same for whoever asks, if orders are collected.
    pub fn indicative(&self) -> Option<Cross> {
        if !self.regime.collects() {
            return None;
        }
        let reference = self.reference();
        let anew = || self.book.some_price(reference).map(|at| self.book.cursor(at));
        let mut cursor = self.regime.cursor.or_else(anew)?;
        self.book.cross(&mut cursor, reference)
    }

    /// Publishes what the auction would come to, if that has changed.
    pub(super) fn publish_indicative(&mut self, say: &mut Writer) {
        if !self.regime.phase.is_call() {
            return;
        }
        let cross = self.cross();
        if cross != self.regime.published {
            self.regime.published = cross;
            say.indicative(cross);
        }
    }
}
