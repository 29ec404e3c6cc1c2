//! One side as recorded by price level, and where the book departs from it.

use super::Ghost;
use crate::book::Index;
use crate::types::{Lots, Nanos, Ticks};

/// Place of a level in its list.
pub type Place = u32;

/// What is known of a price.
#[derive(Default)]
pub struct Level {
    pub price: Ticks,
    /// As recorded last.
    pub lots: Lots,
    /// By the age of their orders, oldest first.
    pub ghosts: Vec<Ghost>,
}

impl Level {
    /// Trades are recorded in their order: none still to come explains what a reduction took that is older than
    /// the latest of them. Of reductions without a stamp only the latest can be waited for.
    #[inline]
    pub fn forget_explained(&mut self, traded: Option<Nanos>) {
        if !self.ghosts.is_empty() {
            self.ghosts.retain(|ghost| ghost.stamp.is_some() && ghost.usable(traded));
        }
    }
}

/// The levels of one side.
#[derive(Default)]
pub struct Levels {
    levels: Vec<Level>,
    free: Vec<Place>,
    places: Index,
    /// Levels that may differ from the record, with the lots agents took there since they last agreed.
    pub dirty: Departures,
}

impl Levels {
    pub fn get(&self, price: Ticks) -> Option<&Level> {
        self.place(price).map(|place| &self.levels[place as usize])
    }

    #[inline]
    fn place(&self, price: Ticks) -> Option<Place> {
        self.places.get(price as u64, |place| self.levels[place as usize].price == price)
    }

    /// Lots recorded at a price.
    pub fn lots(&self, price: Ticks) -> Lots {
        self.get(price).map_or(0, |level| level.lots)
    }

    /// The place of a price, for `at`, until `close`.
    #[inline]
    pub fn open(&mut self, price: Ticks) -> Place {
        if let Some(place) = self.place(price) {
            return place;
        }
        let place = self.free.pop().unwrap_or(self.levels.len() as Place);
        if place as usize == self.levels.len() {
            self.levels.push(Level::default());
        }
        self.levels[place as usize].price = price;
        self.places.insert(price as u64, place, |place| self.levels[place as usize].price as u64);
        place
    }

    #[inline]
    pub fn at(&mut self, place: Place) -> &mut Level {
        &mut self.levels[place as usize]
    }

    /// A price of which nothing is left to know is forgotten.
    #[inline]
    pub fn close(&mut self, place: Place) {
        let level = &self.levels[place as usize];
        if level.lots == 0 && level.ghosts.is_empty() {
            let closed = self.places.take(level.price as u64, |found| found == place);
            closed.expect("what is closed was open");
            self.free.push(place);
        }
    }

    /// Changes what is recorded at a price; gives what was.
    pub fn set_lots(&mut self, price: Ticks, lots: Lots) -> Lots {
        let place = self.open(price);
        let before = std::mem::replace(&mut self.at(place).lots, lots);
        self.close(place);
        before
    }

    pub fn take_ghosts(&mut self, price: Ticks) -> Vec<Ghost> {
        let place = self.open(price);
        let ghosts = std::mem::take(&mut self.at(place).ghosts);
        self.close(place);
        ghosts
    }

    pub fn put_ghosts(&mut self, price: Ticks, ghosts: Vec<Ghost>) {
        let place = self.open(price);
        self.at(place).ghosts = ghosts;
        self.close(place);
    }

    /// Prices with recorded lots, in no order.
    pub fn prices(&self) -> impl Iterator<Item = Ticks> {
        self.levels.iter().filter(|level| level.lots > 0).map(|level| level.price)
    }

    /// Forgets the record and its ghosts, not where the book departs from it.
    pub fn clear(&mut self) {
        (self.levels, self.free, self.places) = Default::default();
    }
}

/// Lots by price, for the few prices of which there is something to say; in the order of price.
#[derive(Default)]
pub struct Departures(Vec<(Ticks, Lots)>);

impl Departures {
    fn find(&self, price: Ticks) -> Result<usize, usize> {
        self.0.binary_search_by_key(&price, |&(price, _)| price)
    }

    pub fn get(&self, price: Ticks) -> Option<Lots> {
        self.find(price).ok().map(|at| self.0[at].1)
    }

    /// The lots of a price, which is noted if it was not.
    #[inline]
    pub fn note(&mut self, price: Ticks) -> &mut Lots {
        let at = match self.find(price) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (price, 0));
                at
            }
        };
        &mut self.0[at].1
    }

    #[inline]
    pub fn remove(&mut self, price: Ticks) -> Option<Lots> {
        if self.0.is_empty() {
            return None;
        }
        self.find(price).ok().map(|at| self.0.remove(at).1)
    }

    pub fn prices(&self) -> impl Iterator<Item = Ticks> {
        self.0.iter().map(|&(price, _)| price)
    }

    /// Whether no other price than this one is noted.
    #[inline]
    pub fn none_but(&self, price: Ticks) -> bool {
        self.0.is_empty() || self.0.iter().all(|&(noted, _)| noted == price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_forgotten_when_nothing_is_left_to_know() {
        let mut side = Levels::default();
        assert_eq!((side.set_lots(7, 5), side.set_lots(7, 3), side.lots(7)), (0, 5, 3));
        side.put_ghosts(7, vec![Ghost { counter: 1, lots: 2, stamp: None }]);
        assert_eq!(side.set_lots(7, 0), 3);
        assert!(side.get(7).is_some_and(|level| level.ghosts.len() == 1), "its ghost waits for a trade");
        assert_eq!(side.take_ghosts(7).len(), 1);
        assert!(side.get(7).is_none());
        side.set_lots(9, 1);
        assert_eq!((side.levels.len(), side.prices().collect::<Vec<_>>()), (1, vec![9]));
    }

    #[test]
    fn departures_stay_in_the_order_of_price() {
        let mut dirty = Departures::default();
        for price in [5, 2, 9, 5] {
            *dirty.note(price) += 1;
        }
        assert_eq!(dirty.0, [(2, 1), (5, 2), (9, 1)]);
        assert_eq!((dirty.remove(5), dirty.remove(5), dirty.get(9)), (Some(2), None, Some(1)));
        assert!(!dirty.none_but(2));
        dirty.remove(9);
        assert!(dirty.none_but(2) && !dirty.none_but(9));
    }
}
