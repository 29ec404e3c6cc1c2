//! Changes to a resting order that keep its place in the queue.

use super::{Book, ladder};
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
    /// The order as it stands, or `None` if no such order rests.
    pub fn order(&self, id: OrderId) -> Option<OrderState> {
        let slot = self.index.get(id, &self.orders)?;
        let order = self.orders.get(slot);
        Some(OrderState {
            side: order.terms.side(),
            price: order.terms.price(),
            leaves: order.leaves,
            total: self.orders.total(slot),
            post_only: order.terms.post_only(),
        })
    }

    /// Changes leaves and total of a resting order by as much; it keeps its place. The caller has checked that
    /// something is left and, where it grows, that there is room.
    pub(crate) fn resize(&mut self, id: OrderId, change: Lots) {
        let slot = self.index.get(id, &self.orders).expect("the order rests");
        let total = self.orders.total(slot) + change;
        self.orders.set_total(slot, total);
        let order = self.orders.get_mut(slot);
        order.leaves += change;
        assert!(order.leaves > 0, "a resting order has lots");
        let terms = order.terms;
        self.sides[terms.side().index()].level_mut(ladder::key(terms.side(), terms.price())).add(change);
    }
}
