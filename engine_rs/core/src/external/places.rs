//! From the number a feed gave an order to the place where it is kept: a table of open addresses.
//!
//! Nothing ever goes through the table in its own order, so hashing decides no result. An entry that leaves
//! pulls those behind it forward, so that a day of orders that come and go leaves no trace.

/// Place of a recorded order in its list.
pub type Place = u32;

const FREE: Place = Place::MAX;
const FIRST_ENTRIES: usize = 64;

#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    place: Place,
}

pub struct Places {
    /// A power of two of them, at most half of them taken.
    entries: Vec<Entry>,
    taken: usize,
}

impl Default for Places {
    fn default() -> Self {
        Self { entries: vec![Entry { id: 0, place: FREE }; FIRST_ENTRIES], taken: 0 }
    }
}

/// Feeds number their orders in a row, or in steps: every bit of an id must count.
#[inline]
const fn mixed(id: u64) -> u64 {
    let once = (id ^ (id >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    once ^ (once >> 29)
}

impl Places {
    #[inline]
    fn home(&self, id: u64) -> usize {
        mixed(id) as usize & (self.entries.len() - 1)
    }

    /// Where an id stands, or else where it would.
    #[inline]
    fn find(&self, id: u64) -> usize {
        let mut at = self.home(id);
        while self.entries[at].place != FREE && self.entries[at].id != id {
            at = (at + 1) & (self.entries.len() - 1);
        }
        at
    }

    #[inline]
    pub fn get(&self, id: u64) -> Option<Place> {
        let place = self.entries[self.find(id)].place;
        (place != FREE).then_some(place)
    }

    /// Notes an id; `false` where it is noted already.
    #[inline]
    pub fn insert(&mut self, id: u64, place: Place) -> bool {
        if 2 * self.taken >= self.entries.len() {
            self.double();
        }
        let at = self.find(id);
        if self.entries[at].place != FREE {
            return false;
        }
        self.entries[at] = Entry { id, place };
        self.taken += 1;
        true
    }

    pub fn remove(&mut self, id: u64) {
        self.take(id).expect("what is removed is there");
    }

    /// Forgets an id and gives its place, if it was noted.
    #[inline]
    pub fn take(&mut self, id: u64) -> Option<Place> {
        let (mut hole, last) = (self.find(id), self.entries.len() - 1);
        let place = self.entries[hole].place;
        if place == FREE {
            return None;
        }
        let mut at = (hole + 1) & last;
        while self.entries[at].place != FREE {
            // An entry moves into the hole unless that lies before its home.
            let from_home = at.wrapping_sub(self.home(self.entries[at].id)) & last;
            if from_home >= at.wrapping_sub(hole) & last {
                self.entries[hole] = self.entries[at];
                hole = at;
            }
            at = (at + 1) & last;
        }
        self.entries[hole].place = FREE;
        self.taken -= 1;
        Some(place)
    }

    #[cold]
    fn double(&mut self) {
        let larger = vec![Entry { id: 0, place: FREE }; 2 * self.entries.len()];
        for entry in std::mem::replace(&mut self.entries, larger) {
            if entry.place != FREE {
                let at = self.find(entry.id);
                self.entries[at] = entry;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_answers_as_an_ordered_map_does() {
        let (mut places, mut map) = (Places::default(), BTreeMap::new());
        let mut state = 1_u64;
        for step in 0..200_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Few distinct ids, some far apart, so that entries meet and wrap around the end.
            let id = ((state >> 33) % 3_000) << (16 * ((state >> 60) & 1));
            if state >> 62 == 0 {
                assert_eq!(places.take(id), map.remove(&id));
            } else {
                assert_eq!(places.insert(id, step), !map.contains_key(&id));
                map.entry(id).or_insert(step);
            }
            assert_eq!(places.get(id), map.get(&id).copied());
        }
        for id in 0..3_000 {
            assert_eq!(places.get(id), map.get(&id).copied());
        }
    }
}
