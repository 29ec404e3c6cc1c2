//! Storage of resting orders: small records that are reused, so that a busy book stays in the cache.

use super::Rest;
use crate::order::SelfTradePrevention;
use crate::types::{Lots, OrderId, Side, Ticks};

/// The place of an order in the slab.
pub(crate) type Slot = u32;
/// No order: the end of a queue or of the free list.
pub(super) const NIL: Slot = Slot::MAX;

/// Price and flags of a resting order in one word: a record of 32 bytes never straddles two cache lines,
/// and a price needs 54 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms(u64);

impl Terms {
    #[inline]
    pub const fn new(side: Side, price: Ticks, stp: SelfTradePrevention, post_only: bool) -> Self {
        Self((price as u64) << 8 | side.code() as u64 | (stp.code() as u64) << 1 | (post_only as u64) << 4)
    }

    /// The same terms of an order that has an `Extra` beside it.
    #[inline]
    pub(super) const fn with_extra(self) -> Self {
        Self(self.0 | 1 << 5)
    }

    /// Whether the order has an `Extra`: it shows less than it holds, or its time is limited.
    #[inline]
    pub(super) const fn has_extra(self) -> bool {
        self.0 & 1 << 5 != 0
    }

    #[inline]
    pub const fn side(self) -> Side {
        if self.0 & 1 == 0 { Side::Buy } else { Side::Sell }
    }

    #[inline]
    pub const fn price(self) -> Ticks {
        (self.0 >> 8) as Ticks
    }

    #[inline]
    pub const fn stp(self) -> SelfTradePrevention {
        match (self.0 >> 1) & 7 {
            0 => SelfTradePrevention::None,
            1 => SelfTradePrevention::Newest,
            2 => SelfTradePrevention::Pass,
            3 => SelfTradePrevention::Oldest,
            4 => SelfTradePrevention::Both,
            _ => SelfTradePrevention::Decrement,
        }
    }

    #[inline]
    pub const fn post_only(self) -> bool {
        self.0 & 1 << 4 != 0
    }
}

/// A resting order and its neighbours in the queue of its price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resting {
    pub leaves: Lots,
    pub terms: Terms,
    pub id: OrderId,
    pub prev: Slot,
    pub next: Slot,
}

const _: () = assert!(size_of::<Resting>() == 32, "two orders to a cache line");

/// Resting orders by slot; slots of dead orders are reused, the last one freed first because it is warm.
#[derive(Clone, Debug)]
pub(super) struct Slab {
    orders: Vec<Resting>,
    /// Apart from the records: matching and cancelling never look at totals.
    totals: Vec<Lots>,
    free: Slot,
    live: usize,
}

impl Slab {
    pub fn new() -> Self {
        Self { orders: Vec::new(), totals: Vec::new(), free: NIL, live: 0 }
    }

    pub fn len(&self) -> usize {
        self.live
    }

    #[inline]
    pub fn get(&self, slot: Slot) -> &Resting {
        &self.orders[slot as usize]
    }

    #[inline]
    pub fn get_mut(&mut self, slot: Slot) -> &mut Resting {
        &mut self.orders[slot as usize]
    }

    #[inline]
    pub fn total(&self, slot: Slot) -> Lots {
        self.totals[slot as usize]
    }

    #[inline]
    pub fn set_total(&mut self, slot: Slot, total: Lots) {
        self.totals[slot as usize] = total;
    }

    /// Stores an order that is in no queue yet.
    #[inline]
    pub fn add(&mut self, order: Rest) -> Slot {
        if self.free == NIL {
            self.extend();
        }
        let slot = self.free;
        let place = &mut self.orders[slot as usize];
        self.free = place.next;
        // Field by field: a record put together first would be read back before its parts are in the cache.
        place.leaves = order.leaves;
        place.terms = order.terms;
        place.id = order.id;
        place.prev = NIL;
        place.next = NIL;
        self.totals[slot as usize] = order.total;
        self.live += 1;
        slot
    }

    /// Adds a free slot.
    #[cold]
    fn extend(&mut self) {
        self.free = Slot::try_from(self.orders.len()).expect("fewer than 2^32 orders fit in memory");
        assert_ne!(self.free, NIL, "the last slot stands for no order");
        self.orders.push(Resting {
            leaves: 0,
            terms: Terms(0),
            id: OrderId::new(0, 0),
            prev: NIL,
            next: NIL,
        });
        self.totals.push(0);
    }

    /// Frees the slot of an order that is in no queue any more; gives its total.
    #[inline]
    pub fn release(&mut self, slot: Slot) -> Lots {
        self.orders[slot as usize].next = self.free;
        self.free = slot;
        self.live -= 1;
        self.totals[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MAX_PRICE;

    fn rest(counter: u32) -> Rest {
        let terms = Terms::new(Side::Buy, 5, SelfTradePrevention::Newest, false);
        Rest { id: OrderId::new(5, counter), terms, leaves: 3, total: 4 }
    }

    #[test]
    fn terms_hold_the_largest_price_beside_every_flag() {
        for side in Side::BOTH {
            for code in 0..6 {
                let stp = SelfTradePrevention::from_code(code).unwrap();
                for post_only in [false, true] {
                    for price in [1, MAX_PRICE] {
                        let terms = Terms::new(side, price, stp, post_only);
                        assert_eq!(
                            (terms.side(), terms.price(), terms.stp(), terms.post_only()),
                            (side, price, stp, post_only)
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn freed_slots_are_used_again_before_the_slab_grows() {
        let mut slab = Slab::new();
        let slots: Vec<Slot> = (1..=3).map(|counter| slab.add(rest(counter))).collect();
        assert_eq!(slab.release(slots[0]), 4);
        slab.release(slots[2]);
        assert_eq!(slab.add(rest(4)), slots[2]);
        assert_eq!(slab.add(rest(5)), slots[0]);
        assert_eq!((slab.len(), slab.orders.len()), (3, 3));
    }
}
