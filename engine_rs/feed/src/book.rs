//! An aggregated order book (L2) as a venue tells it.

/// A price in ticks and the lots there.
pub type Level = (i64, i64);

/// Changes of more levels than this are merged in one pass; each level by itself would move the rest each time.
const MERGE_FROM: usize = 1024;

/// One side: levels by a key that rises towards the best price, which therefore stands last, where books
/// change most and little has to move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Half {
    /// (key, lots): the key of a bid is its price, of an ask its negative price.
    levels: Vec<Level>,
}

impl Half {
    fn set(&mut self, key: i64, lots: i64) {
        let at = match self.levels.last() {
            None => 0,
            Some(&(best, _)) if key > best => self.levels.len(),
            _ => self.levels.partition_point(|&(other, _)| other < key),
        };
        match self.levels.get_mut(at) {
            Some(level) if level.0 == key && lots == 0 => drop(self.levels.remove(at)),
            Some(level) if level.0 == key => level.1 = lots,
            _ if lots > 0 => self.levels.insert(at, (key, lots)),
            // Deleting what is not there is ordinary: the level lay outside the snapshot.
            _ => {}
        }
    }

    /// Many changes at once; of a price named twice the last counts.
    fn merge(&mut self, mut changes: Vec<Level>) {
        changes.sort_by_key(|&(key, _)| key);
        let mut merged: Vec<Level> = Vec::with_capacity(self.levels.len() + changes.len());
        let mut old = self.levels.iter().copied().peekable();
        let mut at = 0;
        while at < changes.len() {
            let (key, _) = changes[at];
            while at + 1 < changes.len() && changes[at + 1].0 == key {
                at += 1;
            }
            while let Some(level) = old.next_if(|level| level.0 < key) {
                merged.push(level);
            }
            old.next_if(|level| level.0 == key);
            if changes[at].1 > 0 {
                merged.push(changes[at]);
            }
            at += 1;
        }
        merged.extend(old);
        self.levels = merged;
    }

    /// Cuts to the best `depth` levels; the keys of what went.
    fn truncate(&mut self, depth: usize) -> Vec<i64> {
        let excess = self.levels.len().saturating_sub(depth);
        self.levels.drain(..excess).map(|(key, _)| key).collect()
    }
}

/// Prices between which a book is complete, both included; None on a side where it is complete to the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Lowest bid that a snapshot of limited depth named.
    pub low: Option<i64>,
    /// Highest ask that it named.
    pub high: Option<i64>,
}

/// The book of one instrument, in ticks and lots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    bids: Half,
    asks: Half,
    known: Known,
    /// Levels a side that the venue keeps up to date.
    depth: Option<usize>,
}

impl Book {
    /// `depth`: levels a side that the venue keeps up to date, None for all.
    pub fn new(depth: Option<usize>) -> Self {
        Self { depth, ..Self::default() }
    }

    /// Replaces everything. `known` says how far the venue's snapshot reached.
    pub fn reset(&mut self, bids: &[Level], asks: &[Level], known: Known) {
        *self = Self { known, depth: self.depth, ..Self::default() };
        self.bids.merge(bids.to_vec());
        self.asks.merge(asks.iter().map(|&(price, lots)| (-price, lots)).collect());
        self.truncate();
    }

    pub fn clear(&mut self) {
        self.reset(&[], &[], Known::default());
    }

    /// Sets absolute sizes, in order, 0 deletes; of a price named twice the last counts. Gives the changes as a
    /// mirror of this book has to make them: without levels outside the known range, with those that fell
    /// out of the depth.
    pub fn apply(&mut self, mut bids: Vec<Level>, mut asks: Vec<Level>) -> (Vec<Level>, Vec<Level>) {
        if let Some(low) = self.known.low {
            bids.retain(|&(price, _)| price >= low);
        }
        if let Some(high) = self.known.high {
            asks.retain(|&(price, _)| price <= high);
        }
        if bids.len() > MERGE_FROM {
            self.bids.merge(bids.clone());
        } else {
            bids.iter().for_each(|&(price, lots)| self.bids.set(price, lots));
        }
        if asks.len() > MERGE_FROM {
            self.asks.merge(asks.iter().map(|&(price, lots)| (-price, lots)).collect());
        } else {
            asks.iter().for_each(|&(price, lots)| self.asks.set(-price, lots));
        }
        let (low, high) = self.truncate();
        bids.extend(low.into_iter().map(|key| (key, 0)));
        asks.extend(high.into_iter().map(|key| (-key, 0)));
        (bids, asks)
    }

    fn truncate(&mut self) -> (Vec<i64>, Vec<i64>) {
        match self.depth {
            Some(depth) => (self.bids.truncate(depth), self.asks.truncate(depth)),
            None => Default::default(),
        }
    }

    pub fn known(&self) -> Known {
        self.known
    }

    /// Levels per side: (bids, asks).
    pub fn len(&self) -> (usize, usize) {
        (self.bids.levels.len(), self.asks.levels.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    pub fn best_bid(&self) -> Option<Level> {
        self.bids().next()
    }

    pub fn best_ask(&self) -> Option<Level> {
        self.asks().next()
    }

    /// Whether a bid stands at or above an ask.
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some(bid), Some(ask)) if bid.0 >= ask.0)
    }

    /// Bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = Level> + '_ {
        self.bids.levels.iter().rev().copied()
    }

    /// Asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = Level> + '_ {
        self.asks.levels.iter().rev().map(|&(key, lots)| (-key, lots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(book: &Book) -> (Vec<Level>, Vec<Level>) {
        (book.bids().collect(), book.asks().collect())
    }

    #[test]
    fn absolute_sizes_replace_and_zero_deletes() {
        let mut book = Book::new(None);
        book.reset(&[(99, 5), (98, 7)], &[(101, 4), (102, 6)], Known::default());
        book.apply(vec![(99, 0), (97, 1), (50, 0)], vec![(101, 9), (100, 1)]);
        assert_eq!(sides(&book), (vec![(98, 7), (97, 1)], vec![(100, 1), (101, 9), (102, 6)]));
        assert!(!book.is_crossed());
        book.apply(vec![(100, 2)], vec![]);
        assert!(book.is_crossed(), "locked counts as crossed");
    }

    #[test]
    fn of_a_price_named_twice_the_last_counts() {
        let mut book = Book::new(None);
        book.reset(&[(99, 5), (99, 6)], &[], Known::default());
        assert_eq!(book.best_bid(), Some((99, 6)));
        book.apply(vec![(99, 1), (99, 0), (99, 3)], vec![]);
        assert_eq!(book.best_bid(), Some((99, 3)));
    }

    #[test]
    fn levels_beyond_the_depth_go_and_the_mirror_is_told() {
        // The published case: ten asks, a better one pushes the tenth out, its deletion does not bring it back.
        let asks: Vec<Level> = (1..=10).map(|price| (price * 10, 1)).collect();
        let mut book = Book::new(Some(10));
        book.reset(&[], &asks, Known::default());
        assert_eq!(book.apply(vec![], vec![(25, 1)]).1, [(25, 1), (100, 0)]);
        book.apply(vec![], vec![(25, 0), (110, 1)]);
        let prices: Vec<i64> = book.asks().map(|(price, _)| price).collect();
        assert_eq!(prices, [10, 20, 30, 40, 50, 60, 70, 80, 90, 110]);
    }

    #[test]
    fn levels_outside_the_known_range_are_neither_kept_nor_told() {
        let mut book = Book::new(None);
        book.reset(&[(99, 5), (98, 7)], &[(101, 4)], Known { low: Some(98), high: None });
        assert_eq!(book.apply(vec![(97, 3), (98, 2)], vec![(900, 1)]), (vec![(98, 2)], vec![(900, 1)]));
        assert_eq!(sides(&book), (vec![(99, 5), (98, 2)], vec![(101, 4), (900, 1)]));
    }

    #[test]
    fn many_changes_at_once_end_as_one_by_one() {
        let mut draw = 7u64;
        let mut next = |below: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (draw >> 33) % below
        };
        let mut once = Book::new(None);
        let mut single = Book::new(None);
        for _ in 0..20 {
            let mut change =
                || (0..3000).map(|_| (next(2000) as i64 + 1, next(4) as i64)).collect::<Vec<_>>();
            let (bids, asks) = (change(), change());
            once.apply(bids.clone(), asks.clone());
            bids.into_iter().for_each(|level| drop(single.apply(vec![level], vec![])));
            asks.into_iter().for_each(|level| drop(single.apply(vec![], vec![level])));
            assert_eq!(once, single);
        }
    }
}
