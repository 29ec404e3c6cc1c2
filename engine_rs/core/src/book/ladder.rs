//! One side's prices: a flat window of levels around the touch and an ordered map for the rest.
//!
//! Almost every order of a real book lands within a few hundred ticks of the touch, where a level is an
//! addition away. A price may still be anything from 1 to 2^53, so whatever lies outside the window goes to
//! the map; when that happens often the window moves after the market, or doubles.

use std::collections::BTreeMap;

use super::bitmap::Bitmap;
use super::level::Level;
use crate::types::{Lots, MAX_PRICE, Side, Ticks};

/// A price as its side ranks it: the smaller the better. One code path then serves bids and asks.
pub(super) type Key = i64;
/// Above every key: no level.
pub(super) const NO_KEY: Key = Key::MAX;

const FIRST_WINDOW: usize = 256;
/// 24 bytes a level: at most 768 KiB a side.
const LARGEST_WINDOW: usize = 1 << 15;

/// Bids are ranked by the negative price. It is worked out without a branch: no processor guesses the side of
/// the next order.
#[inline]
pub(super) const fn key(side: Side, price: Ticks) -> Key {
    let flip = side.code() as Key - 1;
    (price ^ flip).wrapping_sub(flip)
}

#[inline]
pub(super) const fn price(side: Side, key: Key) -> Ticks {
    self::key(side, key)
}

/// The key of orders without a price: before every price of their side.
#[inline]
pub(super) const fn unpriced_key(side: Side) -> Key {
    match side {
        Side::Buy => -MAX_PRICE - 1,
        Side::Sell => 0,
    }
}

#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// The key of the window's first place.
    base: Key,
    window: Vec<Level>,
    taken: Bitmap,
    outside: BTreeMap<Key, Level>,
    /// Key of the best level, `NO_KEY` if there is none.
    best: Key,
    /// Orders that came to rest outside since the window last moved.
    strays: usize,
}

impl Ladder {
    pub fn new() -> Self {
        Self {
            base: 0,
            window: Vec::new(),
            taken: Bitmap::new(0),
            outside: BTreeMap::new(),
            best: NO_KEY,
            strays: 0,
        }
    }

    /// Key of the best level, `NO_KEY` if the side is empty.
    #[inline]
    pub fn best(&self) -> Key {
        self.best
    }

    /// Lots at the best level; 0 if the side is empty.
    #[inline]
    pub fn best_total(&self) -> Lots {
        match self.window.get(self.place(self.best)) {
            Some(level) => level.total(),
            None => self.outside.get(&self.best).map_or(0, Level::total),
        }
    }

    #[inline]
    pub fn level(&self, key: Key) -> Option<&Level> {
        match self.window.get(self.place(key)) {
            Some(level) => (!level.is_empty()).then_some(level),
            None => self.outside.get(&key),
        }
    }

    /// The level of a key that is known to hold orders.
    #[inline]
    pub fn level_mut(&mut self, key: Key) -> &mut Level {
        let place = self.place(key);
        if place < self.window.len() {
            &mut self.window[place]
        } else {
            self.outside.get_mut(&key).expect("a resting order's level exists")
        }
    }

    /// The level of a key, which is about to get an order.
    #[inline]
    pub fn open(&mut self, key: Key) -> &mut Level {
        let place = self.place(key);
        if place >= self.window.len() {
            return self.open_outside(key);
        }
        let level = &mut self.window[place];
        if level.is_empty() {
            self.taken.set(place);
            self.best = self.best.min(key);
        }
        level
    }

    #[cold]
    fn open_outside(&mut self, key: Key) -> &mut Level {
        self.strays += 1;
        // Moving costs a step per level of the window; a quarter as many strays pay for it.
        if self.strays > self.window.len() / 4 {
            self.strays = 0;
            self.follow(self.best.min(key));
            if self.place(key) < self.window.len() {
                return self.open(key);
            }
        }
        self.best = self.best.min(key);
        self.outside.entry(key).or_insert(Level::EMPTY)
    }

    /// Closes a level that has lost its last order.
    #[inline]
    pub fn close(&mut self, key: Key) {
        let place = self.place(key);
        if place < self.window.len() {
            self.window[place] = Level::EMPTY;
            self.taken.clear(place);
        } else {
            self.outside.remove(&key);
        }
        if key == self.best {
            self.best = self.next(key);
        }
    }

    /// The next worse level's key, `NO_KEY` if there is none.
    #[inline]
    pub fn next(&self, key: Key) -> Key {
        if self.outside.is_empty() { self.next_inside(key) } else { self.next_anywhere(key) }
    }

    #[inline]
    fn next_inside(&self, key: Key) -> Key {
        let after = key + 1;
        let from = if after < self.base { 0 } else { self.place(after) };
        self.taken.first_from(from).map_or(NO_KEY, |place| self.base + place as Key)
    }

    /// The next better level's key, `NO_KEY` if there is none.
    pub fn previous(&self, key: Key) -> Key {
        let end = if key < self.base { 0 } else { self.place(key) };
        let inside = self.taken.last_before(end).map(|place| self.base + place as Key);
        let outside = self.outside.range(..key).next_back().map(|(&key, _)| key);
        inside.max(outside).unwrap_or(NO_KEY)
    }

    fn next_anywhere(&self, key: Key) -> Key {
        let outside = self.outside.range(key + 1..).next().map_or(NO_KEY, |(&key, _)| key);
        outside.min(self.next_inside(key))
    }

    /// Moves the window to where the touch is now. If it stands there already it was too small: it doubles,
    /// up to its largest size.
    fn follow(&mut self, best: Key) {
        let size = self.window.len();
        let place = self.place(best);
        let well_placed = (size / 8..=size / 2).contains(&place);
        let size = match size {
            0 => FIRST_WINDOW,
            LARGEST_WINDOW if well_placed => return,
            _ if well_placed => size * 2,
            _ => size,
        };
        while let Some(place) = self.taken.first_from(0) {
            self.outside.insert(self.base + place as Key, self.window[place]);
            self.taken.clear(place);
        }
        // A quarter for prices better than the touch, the rest for the depth behind it.
        self.base = best - (size / 4) as Key;
        self.window.clear();
        self.window.resize(size, Level::EMPTY);
        self.taken = Bitmap::new(size);
        let mut worse = self.outside.split_off(&self.base);
        let mut beyond = worse.split_off(&(self.base + size as Key));
        for (key, level) in worse {
            let place = self.place(key);
            self.window[place] = level;
            self.taken.set(place);
        }
        self.outside.append(&mut beyond);
    }

    /// Place of a key in the window; outside it the number is too large for any window.
    #[inline]
    fn place(&self, key: Key) -> usize {
        key.wrapping_sub(self.base) as u64 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rest;
    use super::super::slab::{Slab, Slot, Terms};
    use super::*;
    use crate::hash::Stream;
    use crate::order::SelfTradePrevention;
    use crate::types::OrderId;

    fn put(ladder: &mut Ladder, slab: &mut Slab, key: Key) -> Slot {
        let terms = Terms::new(Side::Sell, 1, SelfTradePrevention::None, false);
        let slot = slab.add(Rest { id: OrderId::new(5, 1), terms, leaves: 1, total: 1 });
        ladder.open(key).append(slab, slot);
        slot
    }

    fn drop_one(ladder: &mut Ladder, slab: &mut Slab, key: Key, slot: Slot) {
        let level = ladder.level_mut(key);
        level.subtract(1);
        if level.unlink(slab, slot) {
            ladder.close(key);
        }
        slab.release(slot);
    }

    fn keys(ladder: &Ladder) -> Vec<Key> {
        let mut keys = Vec::new();
        let mut key = ladder.best();
        while key != NO_KEY {
            keys.push(key);
            key = ladder.next(key);
        }
        keys
    }

    /// Prices wander, jump to the ends of the range and come back; a plain map is always right.
    #[test]
    fn a_ladder_lists_what_a_sorted_map_lists() {
        let mut stream = Stream::named(42, &["ladder"]);
        let (mut ladder, mut slab) = (Ladder::new(), Slab::new());
        let mut model: BTreeMap<Key, Vec<Slot>> = BTreeMap::new();
        let mut centre = 1_000_000i64;
        for step in 0..40_000 {
            centre += stream.below(41) as i64 - 20;
            let key = match stream.below(50) {
                0 => 1 + stream.below(3) as i64,
                1 => MAX_PRICE - stream.below(3) as i64,
                2 => 1 + stream.below(MAX_PRICE as u64) as i64,
                _ => centre + stream.below(3_000) as i64,
            };
            if stream.below(100) < 52 || model.is_empty() {
                let slot = put(&mut ladder, &mut slab, key);
                model.entry(key).or_default().push(slot);
            } else {
                let from = if stream.below(2) == 0 { key } else { Key::MIN };
                let found = model.range(from..).next().or_else(|| model.iter().next());
                let key = *found.expect("not empty").0;
                let slot = model.get_mut(&key).expect("found").pop().expect("no empty level");
                if model[&key].is_empty() {
                    model.remove(&key);
                }
                drop_one(&mut ladder, &mut slab, key, slot);
            }
            assert_eq!(ladder.best(), model.keys().next().copied().unwrap_or(NO_KEY));
            if step % 1_000 == 0 {
                assert_eq!(keys(&ladder), model.keys().copied().collect::<Vec<_>>());
                for key in [key - 1, key, key + 1, Key::MIN, MAX_PRICE + 1] {
                    let better = model.range(..key).next_back().map_or(NO_KEY, |(&key, _)| key);
                    assert_eq!(ladder.previous(key), better);
                }
                for (key, slots) in &model {
                    assert_eq!(ladder.level(*key).expect("listed").orders() as usize, slots.len());
                }
            }
        }
        assert!(ladder.window.len() > FIRST_WINDOW, "the window grew with the depth");
    }

    #[test]
    fn the_window_follows_a_market_that_has_moved() {
        let (mut ladder, mut slab) = (Ladder::new(), Slab::new());
        let first = put(&mut ladder, &mut slab, 100);
        drop_one(&mut ladder, &mut slab, 100, first);
        for _ in 0..=FIRST_WINDOW {
            put(&mut ladder, &mut slab, 9_000_000);
        }
        assert!(ladder.place(9_000_000) < ladder.window.len());
        assert!(ladder.outside.is_empty());
        assert_eq!(keys(&ladder), [9_000_000]);
    }

    #[test]
    fn extreme_prices_do_not_grow_the_window() {
        let (mut ladder, mut slab) = (Ladder::new(), Slab::new());
        for _ in 0..100_000 {
            for key in [1, MAX_PRICE] {
                let slot = put(&mut ladder, &mut slab, key);
                drop_one(&mut ladder, &mut slab, key, slot);
            }
        }
        assert!(ladder.window.len() <= LARGEST_WINDOW);
        assert_eq!(ladder.best(), NO_KEY);
    }
}
