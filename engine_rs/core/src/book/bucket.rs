//! Six places of the index, by a byte of hash each: the unit in which ids are looked up.

use super::slab::Slot;

/// Places of a bucket.
const PLACES: usize = 6;

/// A key mixed so that neither neighbouring counters nor neighbouring agents crowd a bucket.
#[derive(Clone, Copy)]
pub(super) struct Hash(u64);

impl Hash {
    #[inline]
    pub fn of(key: u64) -> Self {
        // The two halves of a product, folded (as in wyhash): one multiplication mixes every bit.
        let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
        Self((product >> 64) as u64 ^ product as u64)
    }

    #[inline]
    pub fn bucket(self, buckets: usize) -> usize {
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
pub(super) struct Bucket {
    /// A byte per place, 0 if it is free; above them how many orders of this bucket are in the map.
    tags: u64,
    slots: [Slot; PLACES],
}

impl Bucket {
    pub const EMPTY: Self = Self { tags: 0, slots: [0; PLACES] };

    /// The place with this tag of which `is_it` is true.
    #[inline(always)]
    pub fn find(&self, hash: Hash, is_it: impl Fn(Slot) -> bool) -> Option<usize> {
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
    pub fn put(&mut self, hash: Hash, slot: Slot) -> bool {
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
    pub fn clear(&mut self, place: usize) {
        self.tags &= !(0xff << (8 * place));
    }

    #[inline]
    pub fn slot(&self, place: usize) -> Slot {
        self.slots[place]
    }

    /// How many orders that belong here are in the map.
    #[inline]
    pub fn spilled(&self) -> u64 {
        self.tags >> SPILLED
    }

    /// Counts up to its limit and stays there: then the map is always asked.
    pub fn count_spilled(&mut self, change: i64) {
        let count = self.spilled();
        if count < u64::from(u16::MAX) {
            let count = count.checked_add_signed(change).expect("what is removed was counted");
            self.tags = self.tags & (u64::MAX >> 16) | count << SPILLED;
        }
    }

    /// Slots of the places taken.
    pub fn live(&self) -> impl Iterator<Item = Slot> {
        let taken = |place: &usize| self.tags >> (8 * place) & 0xff != 0;
        (0..PLACES).filter(taken).map(|place| self.slots[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_tag_among_like_ones() {
        let mut bucket = Bucket::EMPTY;
        // Neighbouring and equal tags: what a comparison that borrows across bytes would mix up.
        for (slot, tag) in [(10, 2), (11, 1), (12, 1), (13, 0x80), (14, 0x81), (15, 0xff)] {
            assert!(bucket.put(Hash(tag), slot));
        }
        assert!(!bucket.put(Hash(7), 16));
        assert_eq!(bucket.find(Hash(1), |slot| slot == 12), Some(2));
        assert_eq!(bucket.find(Hash(2), |slot| slot == 12), None);
        assert_eq!(bucket.find(Hash(0xff), |_| true), Some(5));
        bucket.clear(2);
        assert_eq!(bucket.live().collect::<Vec<_>>(), [10, 11, 13, 14, 15]);
        // The free place still holds its old slot; its tag must not.
        assert_eq!(bucket.find(Hash(1), |slot| slot == 12), None);
        assert!(bucket.put(Hash(0), 17) && bucket.find(Hash(1), |slot| slot == 17) == Some(2));
    }

    #[test]
    fn a_full_count_of_spilled_orders_stays() {
        let mut bucket = Bucket::EMPTY;
        for _ in 0..70_000 {
            bucket.count_spilled(1);
        }
        bucket.count_spilled(-1);
        assert_eq!(bucket.spilled(), u64::from(u16::MAX));
        assert_eq!(bucket.live().count(), 0);
    }
}
