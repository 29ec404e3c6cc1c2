//! An aggregated order book (L2) as a venue tells it.

/// A price in ticks and the lots there.
pub type Level = (i64, i64);

/// Changes of more levels than this are merged in one pass; each level by itself would move the rest each time.
const MERGE_FROM: usize = 1024;

/// Levels that a piece of a side holds at most; a full one is parted in two.
const PIECE: usize = 64;

/// So many changes in a row that concern one piece are merged into it in one pass.
const RUN: usize = 3;

/// One side: levels by a key that rises towards the best price, which therefore stands last. They lie in pieces, so
/// that a level that comes or goes deep in a book of thousands moves few others.
#[derive(Clone, Debug, Default)]
struct Half {
    /// (key, lots): the key of a bid is its price, of an ask its negative price. No piece is empty.
    pieces: Vec<Vec<Level>>,
    /// The last key of every piece.
    tops: Vec<i64>,
    len: usize,
    /// The piece of the last change: a diff names its levels from the best on, so the next is there or just below.
    last: usize,
    /// Room to merge in, kept between changes.
    merging: Vec<Level>,
}

impl PartialEq for Half {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.best_first().eq(other.best_first())
    }
}

impl Eq for Half {}

impl Half {
    fn best_first(&self) -> impl Iterator<Item = Level> + '_ {
        self.pieces.iter().rev().flat_map(|piece| piece.iter().rev().copied())
    }

    /// The piece in which a key is, or would be.
    fn piece_of(&self, key: i64) -> usize {
        let is_there = |number: usize| {
            // Whatever is better than the best belongs to the last piece.
            self.tops.get(number).is_some_and(|&top| key <= top || number + 1 == self.tops.len())
                && (number == 0 || key > self.tops[number - 1])
        };
        for near in [self.last, self.last.wrapping_sub(1)] {
            if is_there(near) {
                return near;
            }
        }
        let best = self.tops.len().saturating_sub(1);
        self.tops.partition_point(|&top| top < key).min(best)
    }

    /// Changes in order; keys are prices times `sign`.
    fn set_all(&mut self, mut changes: &[Level], sign: i64) {
        while let [(price, lots), more @ ..] = changes {
            let number = self.piece_of(sign * price);
            let run = self.run_of(number, changes, sign);
            if run < RUN {
                self.set(sign * price, *lots);
                changes = more;
            } else {
                self.last = number;
                self.merge_into(number, &changes[..run], sign);
                changes = &changes[run..];
            }
        }
    }

    /// How many changes from here on belong to the piece, with keys that fall; 0 where there is no piece.
    fn run_of(&self, number: usize, changes: &[Level], sign: i64) -> usize {
        if self.pieces.is_empty() {
            return 0;
        }
        let below = number.checked_sub(1).map_or(i64::MIN, |number| self.tops[number]);
        let mut last = i64::MAX;
        let mut belongs = |&(price, _): &Level| {
            let before = std::mem::replace(&mut last, sign * price);
            below < last && last < before
        };
        changes.iter().take_while(|change| belongs(change)).count()
    }

    fn merge_into(&mut self, number: usize, changes: &[Level], sign: i64) {
        let piece = &mut self.pieces[number];
        self.merging.resize(piece.len() + changes.len() + 1, (0, 0));
        // From the best on, towards the front.
        let (mut free, mut left) = (self.merging.len(), piece.len());
        for &(price, lots) in changes {
            let key = sign * price;
            while left > 0 && piece[left - 1].0 > key {
                (free, left) = (free - 1, left - 1);
                self.merging[free] = piece[left];
            }
            left -= usize::from(left > 0 && piece[left - 1].0 == key);
            // Written whether it stays or not: no processor could foresee that branch.
            self.merging[free - 1] = (key, lots);
            free -= usize::from(lots > 0);
        }
        self.merging[free - left..free].copy_from_slice(&piece[..left]);
        let merged = &self.merging[free - left..];
        self.len = self.len - piece.len() + merged.len();
        match merged {
            [] => {
                self.pieces.remove(number);
                self.tops.remove(number);
            }
            [.., (top, _)] if merged.len() <= PIECE => {
                piece.clear();
                piece.extend_from_slice(merged);
                self.tops[number] = *top;
            }
            _ => {
                let parts = merged.chunks(PIECE / 2);
                self.tops.splice(number..=number, parts.clone().map(|part| part[part.len() - 1].0));
                self.pieces.splice(number..=number, parts.map(<[Level]>::to_vec));
            }
        }
    }

    fn set(&mut self, key: i64, lots: i64) {
        let number = self.piece_of(key);
        self.last = number;
        let Some(piece) = self.pieces.get_mut(number) else {
            if lots > 0 {
                (self.pieces, self.tops, self.len) = (vec![vec![(key, lots)]], vec![key], 1);
            }
            return;
        };
        let at = piece.partition_point(|&(other, _)| other < key);
        match piece.get_mut(at) {
            Some(level) if level.0 == key && lots > 0 => level.1 = lots,
            Some(level) if level.0 == key => self.remove(number, at),
            _ if lots > 0 => self.insert(number, at, (key, lots)),
            // Deleting what is not there is ordinary: the level lay outside the snapshot.
            _ => {}
        }
    }

    fn remove(&mut self, number: usize, at: usize) {
        let piece = &mut self.pieces[number];
        piece.remove(at);
        self.len -= 1;
        match piece.last() {
            Some(&(top, _)) => self.tops[number] = top,
            None => {
                self.pieces.remove(number);
                self.tops.remove(number);
            }
        }
    }

    fn insert(&mut self, number: usize, at: usize, level: Level) {
        let piece = &mut self.pieces[number];
        piece.insert(at, level);
        self.len += 1;
        self.tops[number] = piece[piece.len() - 1].0;
        if piece.len() > PIECE {
            let upper = piece.split_off(PIECE / 2);
            self.tops.insert(number, piece[piece.len() - 1].0);
            self.pieces.insert(number + 1, upper);
        }
    }

    /// Many changes at once; of a price named twice the last counts.
    fn merge(&mut self, mut changes: Vec<Level>) {
        changes.sort_by_key(|&(key, _)| key);
        let mut merged: Vec<Level> = Vec::with_capacity(self.len + changes.len());
        let mut old = self.pieces.iter().flatten().copied().peekable();
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
        self.len = merged.len();
        // Room for what comes: a full piece would be parted by the next level.
        self.pieces = merged.chunks(PIECE / 2).map(<[Level]>::to_vec).collect();
        self.tops = merged.chunks(PIECE / 2).map(|piece| piece[piece.len() - 1].0).collect();
    }

    /// Cuts to the best `depth` levels; the keys of what went.
    fn truncate(&mut self, depth: usize) -> Vec<i64> {
        let mut gone = Vec::new();
        while self.len > depth {
            let piece = &mut self.pieces[0];
            let number = piece.len().min(self.len - depth);
            gone.extend(piece.drain(..number).map(|(key, _)| key));
            self.len -= number;
            if piece.is_empty() {
                self.pieces.remove(0);
                self.tops.remove(0);
            }
        }
        gone
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
            self.bids.set_all(&bids, 1);
        }
        if asks.len() > MERGE_FROM {
            self.asks.merge(asks.iter().map(|&(price, lots)| (-price, lots)).collect());
        } else {
            self.asks.set_all(&asks, -1);
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
        (self.bids.len, self.asks.len)
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
        self.bids.best_first()
    }

    /// Asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = Level> + '_ {
        self.asks.best_first().map(|(key, lots)| (-key, lots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::draws;

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
    fn a_book_of_many_pieces_is_a_sorted_table() {
        let mut next = draws(11);
        let mut table = std::collections::BTreeMap::new();
        let mut half = Half::default();
        for step in 0..60_000 {
            // It grows, shrinks to nothing, and grows again.
            let lots = if (step / 20_000) % 2 == next(8) / 7 { 1 + next(9) as i64 } else { 0 };
            let key = next(3_000) as i64 - 1_500;
            half.set(key, lots);
            if lots == 0 {
                table.remove(&key);
            } else {
                table.insert(key, lots);
            }
            if step % 500 == 0 {
                let depth = if step % 7_500 == 0 { 700 } else { 5_000 };
                let gone = half.truncate(depth);
                let expected: Vec<i64> =
                    table.keys().copied().take(table.len().saturating_sub(depth)).collect();
                assert_eq!(gone, expected);
                for key in gone {
                    table.remove(&key);
                }
                assert!(half.best_first().eq(table.iter().rev().map(|(&key, &lots)| (key, lots))));
                assert_eq!(half.len, table.len());
                assert!(half.pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())));
                let tops: Vec<i64> = half.pieces.iter().map(|piece| piece[piece.len() - 1].0).collect();
                assert_eq!(half.tops, tops);
            }
        }
    }

    #[test]
    fn runs_of_changes_end_as_one_by_one() {
        let mut next = draws(5);
        let (mut runs, mut single) = (Half::default(), Half::default());
        for step in 0..4_000 {
            // It grows and shrinks, dense and wide, mostly from the best on; now and then in any order.
            let reach = [40, 400, 4_000][next(3) as usize];
            let mut changes: Vec<Level> = (0..next(150))
                .map(|_| {
                    (next(reach) as i64 + 1, if next(10) < 3 + step / 500 { 0 } else { 1 + next(9) as i64 })
                })
                .collect();
            if next(8) > 0 {
                changes.sort_by_key(|&(price, _)| price);
            }
            runs.set_all(&changes, -1);
            changes.iter().for_each(|&(price, lots)| single.set(-price, lots));
            assert_eq!(runs, single);
            assert!(runs.pieces.iter().all(|piece| (1..=PIECE).contains(&piece.len())));
            let tops: Vec<i64> = runs.pieces.iter().map(|piece| piece[piece.len() - 1].0).collect();
            assert_eq!(runs.tops, tops);
        }
    }

    #[test]
    fn many_changes_at_once_end_as_one_by_one() {
        let mut next = draws(7);
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
