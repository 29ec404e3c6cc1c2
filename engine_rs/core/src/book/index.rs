//! From a key (an order's id, the number that a feed gave an order, a price) to the slot where it is kept.
//!
//! Half a cache line answers: a bucket of six places with a byte of each id's hash, read in one step. A table
//! by agent and counter was measured beside it; it answers as fast while one book is alone, but it spreads a
//! thousand live orders of a thousand agents over ten times the memory, and sixteen books then cost twice as
//! much a message. Nothing ever goes through the table in its own order, so hashing decides no result.
//!
//! What finds its bucket full goes to an ordered map. So ids chosen to collide cost a step of that map and no
//! more, and no id, however large, costs more memory than another.

use std::collections::BTreeMap;

use super::bucket::{Bucket, Hash};
use super::slab::Slot;

/// Keys a bucket has on average when the table doubles; at three of six, three in a hundred find theirs full.
const MEAN_FILL: usize = 3;
const FIRST_BUCKETS: usize = 8;

/// It keeps no key: whoever keeps what is at a slot says whether it is the one asked for.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// A power of two of them.
    buckets: Vec<Bucket>,
    /// Keys whose bucket was full.
    spilled: BTreeMap<u64, Slot>,
    live: usize,
}

impl Index {
    pub fn new() -> Self {
        Self { buckets: vec![Bucket::EMPTY; FIRST_BUCKETS], spilled: BTreeMap::new(), live: 0 }
    }

    /// The slot of a key, which `is_it` knows among the slots of like hashes.
    #[inline(always)]
    pub fn get(&self, key: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let hash = Hash::of(key);
        let bucket = &self.buckets[hash.bucket(self.buckets.len())];
        match bucket.find(hash, is_it) {
            Some(place) => Some(bucket.slot(place)),
            None if bucket.spilled() > 0 => self.spilled.get(&key).copied(),
            None => None,
        }
    }

    /// Notes a key that is not in the index yet; `key_of` gives those of the slots that are.
    #[inline(always)]
    pub fn insert(&mut self, key: u64, slot: Slot, key_of: impl Fn(Slot) -> u64) {
        if self.live >= self.buckets.len() * MEAN_FILL {
            self.double(key_of);
        }
        self.live += 1;
        self.put(key, slot);
    }

    /// Forgets a key and gives its slot, which `is_it` knows among the slots of like hashes.
    #[inline(always)]
    pub fn take(&mut self, key: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let hash = Hash::of(key);
        let at = hash.bucket(self.buckets.len());
        let bucket = &mut self.buckets[at];
        let slot = if let Some(place) = bucket.find(hash, is_it) {
            bucket.clear(place);
            bucket.slot(place)
        } else if bucket.spilled() > 0 {
            let slot = self.spilled.remove(&key)?;
            bucket.count_spilled(-1);
            slot
        } else {
            return None;
        };
        self.live -= 1;
        Some(slot)
    }

    #[inline]
    fn put(&mut self, key: u64, slot: Slot) {
        let hash = Hash::of(key);
        let at = hash.bucket(self.buckets.len());
        let bucket = &mut self.buckets[at];
        if !bucket.put(hash, slot) {
            bucket.count_spilled(1);
            self.spilled.insert(key, slot);
        }
    }

    #[cold]
    fn double(&mut self, key_of: impl Fn(Slot) -> u64) {
        let doubled = vec![Bucket::EMPTY; self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, doubled);
        for slot in old.iter().flat_map(Bucket::live) {
            self.put(key_of(slot), slot);
        }
        for (key, slot) in std::mem::take(&mut self.spilled) {
            self.put(key, slot);
        }
    }
}

impl Default for Index {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rest;
    use super::super::slab::{Slab, Terms};
    use super::*;
    use crate::hash::Stream;
    use crate::order::SelfTradePrevention;
    use crate::types::{OrderId, Side};

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

        fn slot(&self, id: OrderId) -> Option<Slot> {
            self.index.get(id.key(), |slot| self.orders.get(slot).id == id)
        }

        fn insert(&mut self, id: OrderId) {
            let terms = Terms::new(Side::Buy, 1, SelfTradePrevention::None, false);
            let slot = self.orders.add(Rest { id, terms, leaves: 1, total: 1 });
            self.index.insert(id.key(), slot, |slot| self.orders.get(slot).id.key());
            self.model.insert(id, slot);
        }

        fn take(&mut self, id: OrderId) {
            let orders = &self.orders;
            let taken = self.index.take(id.key(), |slot| orders.get(slot).id == id);
            assert_eq!(taken, self.model.remove(&id));
            if let Some(slot) = taken {
                self.orders.release(slot);
            }
        }

        fn check(&self) {
            assert_eq!(self.index.live, self.model.len());
            for (&id, &slot) in &self.model {
                assert_eq!(self.slot(id), Some(slot));
            }
            let spilled: u64 = self.index.buckets.iter().map(|bucket| bucket.spilled()).sum();
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
            assert_eq!(trial.slot(id), trial.model.get(&id).copied());
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
        let crowd = (0..)
            .map(|counter| OrderId::new(5, counter))
            .filter(|&id| Hash::of(id.key()).bucket(1 << 12) == 9);
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
}
