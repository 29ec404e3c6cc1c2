//! Changes to a resting order that keep its place in the queue.

use super::slab::Slot;
use super::{Book, Extra, ladder};
use crate::types::{Lots, OrderId, Side, Ticks};

/// A resting order's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub side: Side,
    pub price: Ticks,
    pub leaves: Lots,
    /// Lots executed so far plus leaves.
    pub total: Lots,
    pub post_only: bool,
}

impl OrderState {
    pub const fn executed(&self) -> Lots {
        self.total - self.leaves
    }
}

impl Book {
    /// The order's place in memory, good until the book changes, and how it stands.
    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<(Slot, OrderState)> {
        self.slot(id).map(|slot| (slot, self.state(slot)))
    }

    /// The order at a place in memory that has just been looked up, and how it stands.
    #[inline]
    pub(crate) fn standing(&self, slot: Slot) -> (OrderId, OrderState) {
        (self.orders.get(slot).id, self.state(slot))
    }

    /// The order as it stands, or `None` if no such order rests.
    pub fn order(&self, id: OrderId) -> Option<OrderState> {
        Some(self.state(self.slot(id)?))
    }

    #[inline]
    pub(super) fn state(&self, slot: Slot) -> OrderState {
        let order = self.orders.get(slot);
        OrderState {
            side: order.terms.side(),
            price: order.terms.price(),
            leaves: order.leaves + self.extra(slot).map_or(0, |extra| extra.reserve),
            total: self.orders.total(slot),
            post_only: order.terms.post_only(),
        }
    }

    /// Changes leaves and total of a resting order by as much; it keeps its place. The caller has checked that
    /// something is left and, where it grows, that there is room.
    pub(crate) fn resize(&mut self, id: OrderId, change: Lots) {
        self.resize_at(self.slot(id).expect("the order rests"), change);
    }

    /// The same, of an order that has just been found.
    #[inline(always)]
    pub(crate) fn resize_at(&mut self, slot: Slot, change: Lots) {
        let total = self.orders.total(slot) + change;
        self.orders.set_total(slot, total);
        if self.orders.get(slot).terms.has_extra() {
            return self.resize_extra(slot, change);
        }
        let order = self.orders.get_mut(slot);
        order.leaves += change;
        assert!(order.leaves > 0, "a resting order has lots");
        let terms = order.terms;
        self.sides[terms.side().index()].level_mut(ladder::key(terms.side(), terms.price())).add(change);
    }

    /// What is not shown goes first, and comes first.
    #[cold]
    fn resize_extra(&mut self, slot: Slot, change: Lots) {
        let reserve = self.extras.get(slot).reserve;
        let order = self.orders.get_mut(slot);
        let leaves = order.leaves + reserve + change;
        assert!(leaves > 0, "a resting order has lots");
        let Extra { display, unpriced, .. } = *self.extras.get(slot);
        let in_the_open = display.is_none() && unpriced.is_none();
        let (shown, terms) = (if in_the_open { leaves } else { order.leaves.min(leaves) }, order.terms);
        let fallen = order.leaves - shown;
        order.leaves = shown;
        self.extras.set_reserve(slot, leaves - shown);
        if fallen != 0 {
            self.sides[terms.side().index()]
                .level_mut(ladder::key(terms.side(), terms.price()))
                .subtract(fallen);
        }
    }
}
