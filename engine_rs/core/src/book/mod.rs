//! One listing's two sides, and how orders meet: by price and time, by shares, or in an auction.
//!
//! A book knows orders, prices and owners. Fees, sequence numbers, phases and time are its venue's.
//!
//! What `inline(always)` marks here and in the venue is called once a message from few places. Left to itself
//! the compiler hands records over through memory, in pieces, and reading such a record back in one go waits
//! for every store before it: a third more a message, and several times that where stores miss the cache.

mod auction;
mod bitmap;
mod bucket;
mod change;
mod extra;
mod index;
mod ladder;
mod level;
mod matching;
mod owners;
mod register;
mod rules;
mod slab;
mod sweep;
mod views;

pub use auction::Cross;
pub(crate) use auction::{Cursor, Front};
pub use change::OrderState;
pub use extra::{Called, Display, Extra, Life, PegTerms, Unpriced};
pub(crate) use index::Index;
pub use matching::{Match, Taken, Taker};
pub use owners::Owners;
pub(crate) use register::Register;
pub(crate) use rules::{Band, Rules};
pub(crate) use slab::Slot;
pub use slab::Terms;
pub(crate) use sweep::{Peak, Step, Swept};
pub use views::{Bbo, DepthLevel, Quote, Touch};

use crate::types::{Lots, MAX_TOTAL, Nanos, OrderId, Side, Ticks};
use extra::Extras;
use ladder::{Key, Ladder};
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
    /// Apart, so that what plain matching touches lies close together.
    extras: Box<Extras>,
}

impl Book {
    pub fn new() -> Self {
        Self {
            sides: [Ladder::new(), Ladder::new()],
            orders: Slab::new(),
            index: Index::new(),
            extras: Box::default(),
        }
    }

    #[inline]
    pub fn contains(&self, id: OrderId) -> bool {
        self.slot(id).is_some()
    }

    /// Lots still open, or `None` if no such order rests.
    #[inline]
    pub fn leaves(&self, id: OrderId) -> Option<Lots> {
        self.order(id).map(|order| order.leaves)
    }

    /// Whether every order rests whole, in the open and without an end: then plain matching will do.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.extras.is_empty()
    }

    /// Number of resting orders.
    pub fn live(&self) -> usize {
        self.orders.len()
    }

    /// `room` where every order rests whole in the open.
    #[inline]
    pub(crate) fn plain_room(&self, side: Side, price: Ticks) -> Lots {
        MAX_TOTAL - self.lots_at(side, price)
    }

    /// Lots that may still be added at a price before the level's total leaves its range.
    #[inline]
    pub fn room(&self, side: Side, price: Ticks) -> Lots {
        if self.extras.is_empty() {
            MAX_TOTAL - self.lots_at(side, price)
        } else {
            self.room_behind(side, price)
        }
    }

    /// Puts an order behind everybody at its price.
    #[inline(always)]
    pub(crate) fn rest(&mut self, order: Rest) {
        let key = ladder::key(order.terms.side(), order.terms.price());
        let slot = self.orders.add(order);
        self.sides[order.terms.side().index()].open(key).append(&mut self.orders, slot);
        self.index.insert(order.id.key(), slot, |slot| self.orders.get(slot).id.key());
    }

    /// Takes a resting order out and returns it as it stood.
    #[inline(always)]
    pub(crate) fn take_out(&mut self, id: OrderId) -> Option<Rest> {
        let orders = &self.orders;
        let slot = self.index.take(id.key(), |slot| orders.get(slot).id == id)?;
        Some(self.unrest(slot))
    }

    /// The same of an order at a place in memory that has just been looked up.
    #[inline(always)]
    pub(crate) fn take_out_at(&mut self, slot: Slot) -> Rest {
        self.index.take(self.orders.get(slot).id.key(), |found| found == slot);
        self.unrest(slot)
    }

    /// Takes out an order that the index has forgotten.
    #[inline(always)]
    fn unrest(&mut self, slot: Slot) -> Rest {
        let Resting { id, terms, leaves, .. } = *self.orders.get(slot);
        if terms.has_extra() {
            return self.take_out_extra(slot);
        }
        let key = ladder::key(terms.side(), terms.price());
        let ladder = &mut self.sides[terms.side().index()];
        let level = ladder.level_mut(key);
        level.subtract(leaves);
        if level.unlink(&mut self.orders, slot) {
            ladder.close(key);
        }
        let total = self.orders.release(slot);
        Rest { id, terms, leaves, total }
    }

    /// Puts an order with an extra behind everybody at its price; `order.leaves` counts what it does not show.
    pub(crate) fn rest_with(&mut self, order: Rest, extra: Extra) {
        let (side, key) = (order.terms.side(), extra_key(order.terms));
        let shown = match (extra.unpriced, extra.display) {
            (Some(_), _) => 0,
            (_, Some(display)) => display.lots.min(order.leaves),
            _ => order.leaves,
        };
        let slot = self.orders.add(Rest { leaves: shown, terms: order.terms.with_extra(), ..order });
        self.index.insert(order.id.key(), slot, |slot| self.orders.get(slot).id.key());
        self.extras.add(slot, side, key, Extra { reserve: order.leaves - shown, ..extra });
        if shown > 0 {
            self.sides[side.index()].open(key).append(&mut self.orders, slot);
        }
    }

    /// The same of an order that has an extra.
    #[cold]
    fn take_out_extra(&mut self, slot: Slot) -> Rest {
        let Resting { id, terms, leaves: shown, .. } = *self.orders.get(slot);
        let (side, key) = (terms.side(), extra_key(terms));
        if shown > 0 {
            let ladder = &mut self.sides[side.index()];
            let level = ladder.level_mut(key);
            level.subtract(shown);
            if level.unlink(&mut self.orders, slot) {
                ladder.close(key);
            }
        }
        let reserve = self.extras.remove(slot, side, key).reserve;
        Rest { id, terms, leaves: shown + reserve, total: self.orders.release(slot) }
    }

    /// Forgets an order that stands in no queue any more.
    fn forget(&mut self, slot: Slot) {
        let Resting { id, terms, .. } = *self.orders.get(slot);
        if terms.has_extra() {
            self.extras.remove(slot, terms.side(), extra_key(terms));
        }
        self.index.take(id.key(), |found| found == slot);
        self.orders.release(slot);
    }

    #[inline]
    fn extra(&self, slot: Slot) -> Option<&Extra> {
        self.orders.get(slot).terms.has_extra().then(|| self.extras.get(slot))
    }

    /// What the order has beyond price and size.
    pub(crate) fn extra_of(&self, id: OrderId) -> Option<Extra> {
        self.slot(id).and_then(|slot| self.extra(slot)).copied()
    }

    pub(crate) fn has_pegs(&self) -> bool {
        !self.extras.pegs.is_empty()
    }

    /// Resting pegs by number.
    pub(crate) fn pegs(&self) -> impl Iterator<Item = (u64, OrderId)> {
        self.extras.pegs.iter().map(|(&number, &slot)| (number, self.orders.get(slot).id))
    }

    pub(crate) fn terms(&self, id: OrderId) -> Option<Terms> {
        self.resting(id).map(|order| order.terms)
    }

    /// The best price at which an order is displayed that follows no other.
    pub(crate) fn reference(&self, side: Side) -> Option<Ticks> {
        let leads = |slot| self.extra(slot).is_none_or(|extra| extra.peg.is_none());
        let key = self.level_keys(side).find(|&key| self.queue_slots(side, key).any(leads))?;
        Some(ladder::price(side, key))
    }

    /// The order that ends next: its time, its number among those that end, and its id.
    pub(crate) fn first_end(&self) -> Option<((Nanos, u64), OrderId)> {
        self.extras.ends.first_key_value().map(|(&end, &slot)| (end, self.orders.get(slot).id))
    }

    #[inline(always)]
    fn slot(&self, id: OrderId) -> Option<Slot> {
        self.index.get(id.key(), |slot| self.orders.get(slot).id == id)
    }

    #[inline]
    fn resting(&self, id: OrderId) -> Option<&Resting> {
        self.slot(id).map(|slot| self.orders.get(slot))
    }
}

/// The key of an order that has an extra: it may be without a price, which counts as 0.
fn extra_key(terms: Terms) -> Key {
    match terms.price() {
        0 => ladder::unpriced_key(terms.side()),
        price => ladder::key(terms.side(), price),
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}
