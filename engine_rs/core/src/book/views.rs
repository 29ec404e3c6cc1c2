//! Looking at a book: best prices, depth, queues, and the hash of everything that can change a later match.

use super::ladder::{self, Key, NO_KEY};
use super::slab::{NIL, Resting};
use super::{Book, OrderState};
use crate::hash::Fnv;
use crate::types::{AgentId, Lots, OrderId, Side, Ticks};

/// A price and the lots of all orders there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub price: Ticks,
    pub lots: Lots,
}

/// Best bid and offer; a side without orders has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bbo {
    pub bid: Option<Quote>,
    pub ask: Option<Quote>,
}

/// A level of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    pub price: Ticks,
    pub lots: Lots,
    pub orders: u32,
}

impl Book {
    #[inline]
    pub fn bbo(&self) -> Bbo {
        Bbo { bid: self.best(Side::Buy), ask: self.best(Side::Sell) }
    }

    #[inline]
    pub fn best(&self, side: Side) -> Option<Quote> {
        let key = self.sides[side.index()].best();
        (key != NO_KEY).then(|| Quote { price: ladder::price(side, key), lots: self.total_at(side, key) })
    }

    /// Levels from the best price on.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = DepthLevel> {
        self.level_keys(side).map(move |key| {
            let level = self.sides[side.index()].level(key).expect("listed levels exist");
            DepthLevel { price: ladder::price(side, key), lots: level.total(), orders: level.orders() }
        })
    }

    /// The best `levels` levels.
    pub fn depth(&self, side: Side, levels: usize) -> impl Iterator<Item = DepthLevel> {
        self.levels(side).take(levels)
    }

    /// Lots of all orders at a price.
    #[inline]
    pub fn lots_at(&self, side: Side, price: Ticks) -> Lots {
        self.total_at(side, ladder::key(side, price))
    }

    /// The queue at a price, first in first out: ids and leaves.
    pub fn level_orders(&self, side: Side, price: Ticks) -> impl Iterator<Item = (OrderId, Lots)> {
        self.queue(side, ladder::key(side, price)).map(|order| (order.id, order.leaves))
    }

    /// Orders of a side by priority.
    pub fn side_orders(&self, side: Side) -> impl Iterator<Item = (OrderId, OrderState)> {
        self.level_keys(side).flat_map(move |key| self.queue(side, key)).map(|order| {
            let state = self.order(order.id).expect("listed orders rest");
            (order.id, state)
        })
    }

    /// All orders in book order: bids by priority, then asks.
    pub fn live_orders(&self) -> impl Iterator<Item = (OrderId, OrderState)> {
        Side::BOTH.into_iter().flat_map(|side| self.side_orders(side))
    }

    /// Lots priced strictly better than `price`, counting the orders of agents that `counts` accepts.
    pub fn lots_better(&self, side: Side, price: Ticks, counts: impl Fn(AgentId) -> bool) -> Lots {
        let end = ladder::key(side, price);
        self.level_keys(side)
            .take_while(|&key| key < end)
            .flat_map(|key| self.queue(side, key))
            .filter(|order| counts(order.id.agent))
            .map(|order| order.leaves)
            .sum()
    }

    /// Lots that stand before an order at its price, or `None` if no such order rests. Quick for the last of
    /// a queue, else a step per order before it.
    pub fn queue_ahead(&self, id: OrderId) -> Option<Lots> {
        let order = self.resting(id)?;
        let (side, price) = (order.terms.side(), order.terms.price());
        if order.next == NIL {
            return Some(self.lots_at(side, price) - order.leaves);
        }
        let mut ahead = 0;
        let mut slot = order.prev;
        while slot != NIL {
            let before = self.orders.get(slot);
            ahead += before.leaves;
            slot = before.prev;
        }
        Some(ahead)
    }

    /// Covers every order's place, terms and lots; two books of one hash answer later commands alike.
    pub fn state_hash(&self) -> u64 {
        let mut hash = Fnv::new();
        for side in Side::BOTH {
            for key in self.level_keys(side) {
                for slot in self.queue_slots(side, key) {
                    let order = self.orders.get(slot);
                    let terms = order.terms;
                    hash.words(&[
                        u64::from(side.code()),
                        terms.price() as u64,
                        u64::from(order.id.agent),
                        u64::from(order.id.counter),
                        order.leaves as u64,
                        self.orders.total(slot) as u64,
                        u64::from(terms.stp().code()) | u64::from(terms.post_only()) << 8,
                    ]);
                }
            }
        }
        hash.value()
    }

    pub(super) fn level_keys(&self, side: Side) -> impl Iterator<Item = Key> {
        let ladder = &self.sides[side.index()];
        let some = |key| (key != NO_KEY).then_some(key);
        std::iter::successors(some(ladder.best()), move |&key| some(ladder.next(key)))
    }

    #[inline]
    pub(super) fn total_at(&self, side: Side, key: Key) -> Lots {
        self.sides[side.index()].level(key).map_or(0, |level| level.total())
    }

    pub(super) fn queue(&self, side: Side, key: Key) -> impl Iterator<Item = &Resting> {
        self.queue_slots(side, key).map(|slot| self.orders.get(slot))
    }

    fn queue_slots(&self, side: Side, key: Key) -> impl Iterator<Item = u32> {
        let head = self.sides[side.index()].level(key).map_or(NIL, |level| level.head());
        let some = |slot| (slot != NIL).then_some(slot);
        std::iter::successors(some(head), move |&slot| some(self.orders.get(slot).next))
    }
}
