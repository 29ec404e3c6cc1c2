//! From an order's id to its slot: per agent, by counter.
//!
//! Counters rise by one, so the live orders of an agent are a short stretch of them: a ring per agent
//! answers with two loads and no hashing. An order that outlives its neighbours by far, a counter out of
//! line or an absurd agent number goes to an ordered map instead, so that no id costs more memory than
//! a few times the order it names.

use std::collections::BTreeMap;

use super::slab::{NIL, Slot};
use crate::types::{AgentId, OrderId};

/// Agents from here on have no ring: a table of rings must not be as long as the largest number sent.
const AGENTS_WITH_RING: AgentId = 1 << 17;
const FIRST_RING: usize = 16;
/// A ring may be this many times as long as it has live orders, beyond `SPARE_RING` places.
const RING_PER_LIVE: usize = 16;
const SPARE_RING: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Index {
    rings: Vec<Ring>,
    sparse: BTreeMap<OrderId, Slot>,
}

impl Index {
    pub fn new() -> Self {
        Self { rings: Vec::new(), sparse: BTreeMap::new() }
    }

    #[inline]
    pub fn get(&self, id: OrderId) -> Option<Slot> {
        if let Some(ring) = self.rings.get(id.agent as usize) {
            if u64::from(id.counter) >= ring.unseen {
                return None;
            }
            if let Some(slot) = ring.get(id.counter) {
                return Some(slot);
            }
        }
        if self.sparse.is_empty() { None } else { self.sparse.get(&id).copied() }
    }

    /// Notes an order that is not in the index yet.
    #[inline]
    pub fn insert(&mut self, id: OrderId, slot: Slot) {
        let placed = self.rings.get_mut(id.agent as usize).is_some_and(|ring| ring.put(id.counter, slot));
        if !placed {
            self.insert_slowly(id, slot);
        }
    }

    #[cold]
    fn insert_slowly(&mut self, id: OrderId, slot: Slot) {
        if id.agent >= AGENTS_WITH_RING {
            self.sparse.insert(id, slot);
            return;
        }
        let agent = id.agent as usize;
        if agent >= self.rings.len() {
            self.rings.resize_with(agent + 1, Ring::new);
        }
        let ring = &mut self.rings[agent];
        let sparse = &mut self.sparse;
        ring.make_room(id.counter, |counter, elder| {
            sparse.insert(OrderId::new(id.agent, counter), elder);
        });
        if !ring.put(id.counter, slot) {
            ring.unseen = ring.unseen.max(u64::from(id.counter) + 1);
            self.sparse.insert(id, slot);
        }
    }

    #[inline]
    pub fn remove(&mut self, id: OrderId) -> Option<Slot> {
        if let Some(ring) = self.rings.get_mut(id.agent as usize)
            && let Some(slot) = ring.take(id.counter)
        {
            return Some(slot);
        }
        if self.sparse.is_empty() { None } else { self.sparse.remove(&id) }
    }
}

/// Slots of as many counters from `first` on as the ring is long, counter `c` at place `c` modulo the
/// length, a power of two. Places of dead and future orders hold `NIL`, so the stretch moves by moving
/// `first`.
#[derive(Clone, Debug)]
struct Ring {
    slots: Box<[Slot]>,
    first: u32,
    live: u32,
    /// No counter from here on was ever noted: a new order is known to be new without a look at its place.
    unseen: u64,
}

impl Ring {
    fn new() -> Self {
        Self { slots: Box::default(), first: 0, live: 0, unseen: 0 }
    }

    #[inline]
    fn covers(&self, counter: u32) -> bool {
        (counter.wrapping_sub(self.first) as usize) < self.slots.len()
    }

    #[inline]
    fn place(&self, counter: u32) -> usize {
        counter as usize & (self.slots.len().wrapping_sub(1))
    }

    #[inline]
    fn get(&self, counter: u32) -> Option<Slot> {
        let slot = if self.covers(counter) { self.slots[self.place(counter)] } else { NIL };
        (slot != NIL).then_some(slot)
    }

    /// Notes a counter within the stretch; `false` if it lies outside.
    #[inline]
    fn put(&mut self, counter: u32, slot: Slot) -> bool {
        if !self.covers(counter) {
            return false;
        }
        self.slots[self.place(counter)] = slot;
        self.live += 1;
        self.unseen = self.unseen.max(u64::from(counter) + 1);
        true
    }

    #[inline]
    fn take(&mut self, counter: u32) -> Option<Slot> {
        let slot = self.get(counter)?;
        self.slots[self.place(counter)] = NIL;
        self.live -= 1;
        Some(slot)
    }

    /// Moves or lengthens the stretch so that it covers a counter ahead of it. Where that would make the
    /// ring too long, its oldest orders are handed to `spill`, each at most once in its life. A counter
    /// behind the stretch stays outside: old counters come back only from hostile hands.
    fn make_room(&mut self, counter: u32, spill: impl FnMut(u32, Slot)) {
        if self.live == 0 {
            self.first = counter;
        }
        if counter < self.first {
            return;
        }
        if self.slots.is_empty() {
            self.slots = vec![NIL; FIRST_RING].into();
        }
        self.skip_dead();
        let needed = (counter - self.first) as usize + 1;
        if needed <= self.slots.len() {
            return;
        }
        if needed <= self.live as usize * RING_PER_LIVE + SPARE_RING {
            self.lengthen(needed.next_power_of_two());
        } else {
            self.spill_before(counter - self.slots.len() as u32 / 2, spill);
            if self.live == 0 {
                self.first = counter;
            }
        }
    }

    /// Moves `first` to the oldest live order; a counter is passed once.
    fn skip_dead(&mut self) {
        while self.live > 0 && self.slots[self.place(self.first)] == NIL {
            self.first += 1;
        }
    }

    fn lengthen(&mut self, length: usize) {
        let old = std::mem::replace(&mut self.slots, vec![NIL; length].into());
        for ahead in 0..old.len() as u32 {
            let counter = self.first.wrapping_add(ahead);
            let place = self.place(counter);
            self.slots[place] = old[counter as usize & (old.len() - 1)];
        }
    }

    fn spill_before(&mut self, counter: u32, mut spill: impl FnMut(u32, Slot)) {
        while self.live > 0 && self.first < counter {
            if let Some(slot) = self.take(self.first) {
                spill(self.first, slot);
            }
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Stream;

    /// Counters in line, in bursts, out of line and at the end of their range, against a plain map.
    #[test]
    fn an_index_answers_as_a_sorted_map_does() {
        let mut stream = Stream::named(3, &["index"]);
        let mut index = Index::new();
        let mut model: BTreeMap<OrderId, Slot> = BTreeMap::new();
        let mut next = [1u32, 50, u32::MAX - 60_000];
        for slot in 0..200_000u32 {
            let agent = stream.below(3) as u32;
            let counter = &mut next[agent as usize];
            *counter = counter.wrapping_add(if stream.below(2_000) == 0 { 5_000 } else { 1 });
            let agent = if agent == 1 { u32::MAX } else { agent };
            let odd = [0, 1, 7, u32::MAX, u32::MAX - 1][stream.below(5) as usize];
            let id = OrderId::new(agent, if stream.below(50) == 0 { odd } else { *counter });
            assert_eq!(index.get(id), model.get(&id).copied());
            model.entry(id).or_insert_with(|| {
                index.insert(id, slot);
                slot
            });
            // Mostly young orders die, so that a few elders stay behind.
            while model.len() > 40 + slot as usize / 2_000 {
                let nth = stream.below(model.len() as u64) as usize;
                let id = *model.keys().nth(nth).expect("within");
                assert_eq!(index.remove(id), model.remove(&id));
                assert_eq!(index.remove(id), None);
            }
        }
        for (&id, &slot) in &model {
            assert_eq!(index.get(id), Some(slot));
        }
    }

    #[test]
    fn one_elder_does_not_hold_a_long_ring() {
        let mut index = Index::new();
        index.insert(OrderId::new(5, 1), 1);
        for counter in 2..1_000_000 {
            index.insert(OrderId::new(5, counter), 2);
            index.remove(OrderId::new(5, counter));
        }
        assert_eq!(index.get(OrderId::new(5, 1)), Some(1));
        assert!(index.rings[5].slots.len() <= 128);
        assert_eq!(index.sparse.len(), 1);
    }

    #[test]
    fn absurd_ids_cost_no_more_than_an_order() {
        let mut index = Index::new();
        for step in 0..1_000u32 {
            index.insert(OrderId::new(u32::MAX - step, u32::MAX), step);
            index.insert(OrderId::new(7, u32::MAX - step * 1_000_003), step);
            index.insert(OrderId::new(8, step * 4_000_003), step);
        }
        assert_eq!(index.get(OrderId::new(u32::MAX - 3, u32::MAX)), Some(3));
        assert_eq!(index.get(OrderId::new(7, u32::MAX - 3 * 1_000_003)), Some(3));
        assert_eq!(index.get(OrderId::new(8, 3 * 4_000_003)), Some(3));
        let places: usize = index.rings.iter().map(|ring| ring.slots.len()).sum();
        assert!(places <= 64, "{places} places");
    }
}
