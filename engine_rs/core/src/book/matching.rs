//! Price-time matching: best price first, first in first out, at the resting order's price.

use super::Book;
use super::ladder::{self, Key, NO_KEY};
use super::owners::Owners;
use super::slab::NIL;
use crate::order::SelfTradePrevention;
use crate::types::{AgentId, Lots, OrderId, Side, Ticks};

/// An incoming order, as far as matching needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct Taker {
    pub agent: AgentId,
    pub side: Side,
    /// It never trades beyond this price; `None`: at any price.
    pub limit: Option<Ticks>,
    pub size: Lots,
    pub stp: SelfTradePrevention,
}

/// One match; `maker_leaves` is what still rests of the maker's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    pub maker: OrderId,
    pub price: Ticks,
    pub lots: Lots,
    pub maker_leaves: Lots,
}

/// How an incoming order came out of matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub leaves: Lots,
    /// It met an order of its owner, and its mode stopped it there.
    pub met_itself: bool,
}

impl Book {
    /// Matches an incoming order, telling `on_match` of each match in order of priority.
    #[inline]
    pub(crate) fn take(&mut self, taker: &Taker, owners: &Owners, mut on_match: impl FnMut(&Match)) -> Taken {
        let Self { sides, orders, index, .. } = self;
        let side = taker.side.opposite();
        let ladder = &mut sides[side.index()];
        let limit = limit_key(side, taker.limit);
        let mut leaves = taker.size;
        let mut key = ladder.best();
        while key <= limit && leaves > 0 {
            let price = ladder::price(side, key);
            let level = ladder.level_mut(key);
            let mut slot = level.head();
            while slot != NIL && leaves > 0 {
                let maker = orders.get_mut(slot);
                let next = maker.next;
                if taker.stp != SelfTradePrevention::None && taker.owns(maker.id, owners) {
                    if taker.stp == SelfTradePrevention::Newest {
                        return Taken { leaves, met_itself: true };
                    }
                    slot = next;
                    continue;
                }
                let lots = leaves.min(maker.leaves);
                leaves -= lots;
                maker.leaves -= lots;
                level.subtract(lots);
                let done = Match { maker: maker.id, price, lots, maker_leaves: maker.leaves };
                on_match(&done);
                if done.maker_leaves == 0 {
                    level.unlink(orders, slot);
                    orders.release(slot);
                    index.take(done.maker.key(), |found| found == slot);
                }
                slot = next;
            }
            if level.is_empty() {
                ladder.close(key);
            }
            // The next level, not the best: own orders that were passed stay where they are.
            key = ladder.next(key);
        }
        Taken { leaves, met_itself: false }
    }

    /// Whether an incoming order could be filled whole, now, by a plain book.
    pub(crate) fn can_fill(&self, taker: &Taker, owners: &Owners) -> bool {
        let side = taker.side.opposite();
        let limit = limit_key(side, taker.limit);
        // Totals first: they are few, and usually decide.
        let enough =
            self.level_keys(side).take_while(|&key| key <= limit).try_fold(taker.size, |open, key| {
                let open = open - self.total_at(side, key);
                if open > 0 { Ok(open) } else { Err(()) }
            });
        if enough.is_ok() || taker.stp == SelfTradePrevention::None {
            return enough.is_err();
        }
        let mut open = taker.size;
        for key in self.level_keys(side).take_while(|&key| key <= limit) {
            for order in self.queue(side, key) {
                if taker.owns(order.id, owners) {
                    if taker.stp == SelfTradePrevention::Newest {
                        return false;
                    }
                    continue;
                }
                open -= order.leaves.min(open);
                if open == 0 {
                    return true;
                }
            }
        }
        false
    }

    /// Whether an incoming order of this side and limit would meet a displayed one of the other side.
    #[inline]
    pub(crate) fn meets(&self, side: Side, limit: Option<Ticks>) -> bool {
        let other = side.opposite();
        self.sides[other.index()].best() <= limit_key(other, limit)
    }

    /// Whether an incoming order at this price would meet any of the other side, shown or not.
    #[inline]
    pub(crate) fn crosses(&self, side: Side, price: Ticks) -> bool {
        let other = side.opposite();
        let best = if self.is_plain() { self.sides[other.index()].best() } else { self.first_key(other) };
        best <= ladder::key(other, price)
    }
}

impl Taker {
    #[inline]
    pub(super) fn owns(&self, order: OrderId, owners: &Owners) -> bool {
        order.agent == self.agent || owners.of(order.agent) == owners.of(self.agent)
    }
}

#[inline]
pub(super) fn limit_key(side: Side, limit: Option<Ticks>) -> Key {
    match limit {
        Some(price) => ladder::key(side, price),
        None => NO_KEY - 1,
    }
}
