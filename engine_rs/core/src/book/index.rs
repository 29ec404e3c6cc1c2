//! From an order's id to its slot.
//!
//! Half a cache line answers: a bucket of six places with a byte of each id's hash, read in one step. A table
//! by agent and counter was measured beside it; it answers as fast while one book is alone, but it spreads a
//! thousand live orders of a thousand agents over ten times the memory, and sixteen books then cost twice as
//! much a message. Nothing ever goes through the table in its own order, so hashing decides no result.
//!
//! What finds its bucket full goes to an ordered map. So ids chosen to collide cost a step of that map and no
//! more, and no id, however large, costs more memory than another.

use std::collections::BTreeMap;

use super::slab::{Slab, Slot};
use crate::types::OrderId;

/// Places of a bucket.
const PLACES: usize = 6;
/// Orders a bucket has on average when the table doubles; at three of six, three in a hundred find theirs full.
const MEAN_FILL: usize = 3;
const FIRST_BUCKETS: usize = 8;

#[derive(Clone, Debug)]
pub(super) struct Index {
    /// A power of two of them.
    buckets: Vec<Bucket>,
    /// Orders whose bucket was full.
    spilled: BTreeMap<OrderId, Slot>,
    live: usize,
}

impl Index {
    pub fn new() -> Self {
        Self { buckets: vec![Bucket::EMPTY; FIRST_BUCKETS], spilled: BTreeMap::new(), live: 0 }
    }

    #[inline]
    pub fn get(&self, id: OrderId, orders: &Slab) -> Option<Slot> {
        let hash = Hash::of(id);
        let bucket = &self.buckets[hash.bucket(self.buckets.len())];
        match bucket.find(hash, |slot| orders.get(slot).id == id) {
            Some(place) => Some(bucket.slots[place]),
            None if bucket.has_spilled() => self.spilled.get(&id).copied(),
            None => None,
        }
    }

    /// Notes an order that is not in the index yet and whose id its slot holds already.
    #[inline]
    pub fn insert(&mut self, id: OrderId, slot: Slot, orders: &Slab) {
        if self.live >= self.buckets.len() * MEAN_FILL {
            self.double(orders);
        }
        self.live += 1;
        self.put(id, slot);
    }

    /// Forgets an order and gives its slot, which `is_it` knows among the slots of like hashes.
    #[inline]
    pub fn take(&mut self, id: OrderId, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let hash = Hash::of(id);
        let at = hash.bucket(self.buckets.len());
        let bucket = &mut self.buckets[at];
        let slot = if let Some(place) = bucket.find(hash, is_it) {
            bucket.clear(place);
            bucket.slots[place]
        } else if bucket.has_spilled() {
            let slot = self.spilled.remove(&id)?;
            bucket.count_spilled(-1);
            slot
        } else {
            return None;
        };
        self.live -= 1;
        Some(slot)
    }

    #[inline]
    fn put(&mut self, id: OrderId, slot: Slot) {
        let hash = Hash::of(id);
        let at = hash.bucket(self.buckets.len());
        let bucket = &mut self.buckets[at];
        if !bucket.put(hash, slot) {
            bucket.count_spilled(1);
            self.spilled.insert(id, slot);
        }
    }

    #[cold]
    fn double(&mut self, orders: &Slab) {
        let doubled = vec![Bucket::EMPTY; self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, doubled);
        for slot in old.iter().flat_map(Bucket::live) {
            self.put(orders.get(slot).id, slot);
        }
        for (id, slot) in std::mem::take(&mut self.spilled) {
            self.put(id, slot);
        }
    }
}

/// Ids mixed so that neither neighbouring counters nor neighbouring agents crowd a bucket.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    #[inline]
    fn of(id: OrderId) -> Self {
        let key = u64::from(id.agent) << 32 | u64::from(id.counter);
        // The two halves of a product, folded (as in wyhash): one multiplication mixes every bit.
        let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        Self((product >> 64) as u64 ^ product as u64)
    }

    #[inline]
    fn bucket(self, buckets: usize) -> usize {
        (self.0 >> 32) as usize & (buckets - 1)
    }

    /// One byte, never 0, which marks a free place.
    #[inline]
    fn tag(self) -> u64 {
        (self.0 & 0xff).max(1)
    }
}

/// One bit of a byte in each of the lower six bytes.
const LOWEST: u64 = 0x0000_0101_0101_0101;
const LOWER_SEVEN: u64 = LOWEST * 0x7f;
const HIGHEST: u64 = LOWEST << 7;
/// Where the count of spilled orders stands in `tags`.
const SPILLED: u32 = 48;

/// Six places; never across two cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Bucket {
    /// A byte per place, 0 if it is free; above them how many orders of this bucket are in the map.
    tags: u64,
    slots: [Slot; PLACES],
}

impl Bucket {
    const EMPTY: Self = Self { tags: 0, slots: [0; PLACES] };

    /// The place with this tag of which `is_it` is true.
    #[inline]
    fn find(&self, hash: Hash, is_it: impl Fn(Slot) -> bool) -> Option<usize> {
        let mut candidates = self.places_of(hash.tag());
        while candidates != 0 {
            let place = candidates.trailing_zeros() as usize / 8;
            if is_it(self.slots[place]) {
                return Some(place);
            }
            candidates &= candidates - 1;
        }
        None
    }

    /// The highest bit of every byte that equals `tag`, all six compared at once.
    #[inline]
    fn places_of(&self, tag: u64) -> u64 {
        let differs = self.tags ^ (tag * LOWEST);
        !(((differs & LOWER_SEVEN) + LOWER_SEVEN) | differs) & HIGHEST
    }

    /// Takes a free place; `false` if there is none.
    #[inline]
    fn put(&mut self, hash: Hash, slot: Slot) -> bool {
        let free = self.places_of(0);
        if free == 0 {
            return false;
        }
        let place = free.trailing_zeros() / 8;
        self.tags |= hash.tag() << (8 * place);
        self.slots[place as usize] = slot;
        true
    }

    #[inline]
    fn clear(&mut self, place: usize) {
        self.tags &= !(0xff << (8 * place));
    }

    #[inline]
    fn has_spilled(&self) -> bool {
        self.tags >> SPILLED != 0
    }

    /// Counts up to its limit and stays there: then the map is always asked.
    fn count_spilled(&mut self, change: i64) {
        let count = self.tags >> SPILLED;
        if count < u64::from(u16::MAX) {
            let count = count.checked_add_signed(change).expect("what is removed was counted");
            self.tags = self.tags & (u64::MAX >> 16) | count << SPILLED;
        }
    }

    fn live(&self) -> impl Iterator<Item = Slot> {
        let taken = |place: &usize| self.tags >> (8 * place) & 0xff != 0;
        (0..PLACES).filter(taken).map(|place| self.slots[place])
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rest;
    use super::super::slab::Terms;
    use super::*;
    use crate::hash::Stream;
    use crate::order::SelfTradePrevention;
    use crate::types::Side;

    /// An index with the slab it speaks of, beside a plain map.
    struct Trial {
        index: Index,
        orders: Slab,
        model: BTreeMap<OrderId, Slot>,
    }

    impl Trial {
        fn new() -> Self {
            Self { index: Index::new(), orders: Slab::new(), model: BTreeMap::new() }
        }

        fn insert(&mut self, id: OrderId) {
            let terms = Terms::new(Side::Buy, 1, SelfTradePrevention::None, false);
            let slot = self.orders.add(Rest { id, terms, leaves: 1, total: 1 });
            self.index.insert(id, slot, &self.orders);
            self.model.insert(id, slot);
        }

        fn take(&mut self, id: OrderId) {
            let orders = &self.orders;
            let taken = self.index.take(id, |slot| orders.get(slot).id == id);
            assert_eq!(taken, self.model.remove(&id));
            if let Some(slot) = taken {
                self.orders.release(slot);
            }
        }

        fn check(&self) {
            assert_eq!(self.index.live, self.model.len());
            for (&id, &slot) in &self.model {
                assert_eq!(self.index.get(id, &self.orders), Some(slot));
            }
            let spilled: u64 = self.index.buckets.iter().map(|bucket| bucket.tags >> SPILLED).sum();
            assert_eq!(spilled as usize, self.index.spilled.len());
        }

        fn nth(&self, nth: usize) -> OrderId {
            *self.model.keys().nth(nth).expect("within")
        }
    }

    /// Counters in line, odd ids and the ends of the range, while the index grows and empties.
    #[test]
    fn an_index_answers_as_a_sorted_map_does() {
        let mut stream = Stream::named(3, &["index"]);
        let mut trial = Trial::new();
        for step in 0..30_000u32 {
            let odd = [0, 1, 7, u32::MAX, u32::MAX - 1];
            let agent = odd[stream.below(5) as usize];
            let counter = if stream.below(20) == 0 { odd[stream.below(5) as usize] } else { step };
            let id = OrderId::new(agent, counter);
            assert_eq!(trial.index.get(id, &trial.orders), trial.model.get(&id).copied());
            if !trial.model.contains_key(&id) {
                trial.insert(id);
            }
            let most = if step < 15_000 { 1_000 } else { 40 };
            while trial.model.len() > most {
                let id = trial.nth(stream.below(trial.model.len() as u64) as usize);
                trial.take(id);
                trial.take(id);
            }
            if step % 1_000 == 0 {
                trial.check();
            }
        }
        trial.check();
    }

    #[test]
    fn ids_chosen_to_collide_are_still_found() {
        let crowd =
            (0..).map(|counter| OrderId::new(5, counter)).filter(|&id| Hash::of(id).bucket(1 << 12) == 9);
        let mut trial = Trial::new();
        for id in crowd.take(200) {
            trial.insert(id);
        }
        assert!(trial.index.spilled.len() >= 190);
        trial.check();
        while !trial.model.is_empty() {
            let id = trial.nth(trial.model.len() / 2);
            trial.take(id);
            trial.take(id);
        }
        trial.check();
    }

    #[test]
    fn few_orders_of_orderly_agents_find_their_bucket_full() {
        let mut trial = Trial::new();
        for counter in 1..=20 {
            for agent in 0..1_000 {
                trial.insert(OrderId::new(agent, counter));
            }
        }
        trial.check();
        assert!(trial.index.spilled.len() < 20_000 / 20, "{} of 20,000", trial.index.spilled.len());
    }

    #[test]
    fn a_full_count_of_spilled_orders_stays() {
        let mut bucket = Bucket::EMPTY;
        for _ in 0..70_000 {
            bucket.count_spilled(1);
        }
        bucket.count_spilled(-1);
        assert!(bucket.has_spilled() && bucket.tags >> SPILLED == u64::from(u16::MAX));
        assert_eq!(bucket.live().count(), 0);
    }
}
