//! One listing's two sides: price-time priority and nothing else.
//!
//! A book knows orders, prices and owners. Fees, sequence numbers, phases and time are its venue's.
//!
//! What `inline(always)` marks here and in the venue is called once a message from few places. Left to itself
//! the compiler hands records over through memory, in pieces, and reading such a record back in one go waits
//! for every store before it: a third more a message, and several times that where stores miss the cache.

mod bitmap;
mod bucket;
mod change;
mod index;
mod ladder;
mod level;
mod matching;
mod owners;
mod slab;
mod views;

pub use change::OrderState;
pub use matching::{Match, Taken, Taker};
pub use owners::Owners;
pub use slab::Terms;
pub use views::{Bbo, DepthLevel, Quote};

use crate::types::{Lots, MAX_TOTAL, OrderId, Side, Ticks};
use index::Index;
use ladder::Ladder;
use slab::{Resting, Slab};

/// An order that is to rest. Whoever rests it has checked `room` first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    pub id: OrderId,
    pub terms: Terms,
    pub leaves: Lots,
    /// Lots executed so far plus leaves.
    pub total: Lots,
}

/// The resting orders of one listing.
#[derive(Clone, Debug)]
pub struct Book {
    /// Bids, then asks.
    sides: [Ladder; 2],
    orders: Slab,
    index: Index,
}

impl Book {
    pub fn new() -> Self {
        Self { sides: [Ladder::new(), Ladder::new()], orders: Slab::new(), index: Index::new() }
    }

    #[inline]
    pub fn contains(&self, id: OrderId) -> bool {
        self.index.get(id, &self.orders).is_some()
    }

    /// Lots still open, or `None` if no such order rests.
    #[inline]
    pub fn leaves(&self, id: OrderId) -> Option<Lots> {
        self.resting(id).map(|order| order.leaves)
    }

    /// Number of resting orders.
    pub fn live(&self) -> usize {
        self.orders.len()
    }

    /// Lots that may still be added at a price before the level's total leaves its range.
    #[inline]
    pub fn room(&self, side: Side, price: Ticks) -> Lots {
        MAX_TOTAL - self.lots_at(side, price)
    }

    /// Puts an order behind everybody at its price.
    #[inline(always)]
    pub(crate) fn rest(&mut self, order: Rest) {
        let key = ladder::key(order.terms.side(), order.terms.price());
        let slot = self.orders.add(order);
        self.sides[order.terms.side().index()].open(key).append(&mut self.orders, slot);
        self.index.insert(order.id, slot, &self.orders);
    }

    /// Takes a resting order out and returns it as it stood.
    #[inline(always)]
    pub(crate) fn take_out(&mut self, id: OrderId) -> Option<Rest> {
        let orders = &self.orders;
        let slot = self.index.take(id, |slot| orders.get(slot).id == id)?;
        let order = orders.get(slot);
        let (terms, leaves) = (order.terms, order.leaves);
        let key = ladder::key(terms.side(), terms.price());
        let ladder = &mut self.sides[terms.side().index()];
        let level = ladder.level_mut(key);
        level.subtract(leaves);
        if level.unlink(&mut self.orders, slot) {
            ladder.close(key);
        }
        let total = self.orders.release(slot);
        Some(Rest { id, terms, leaves, total })
    }

    #[inline]
    fn resting(&self, id: OrderId) -> Option<&Resting> {
        self.index.get(id, &self.orders).map(|slot| self.orders.get(slot))
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}
