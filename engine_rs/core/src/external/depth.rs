//! Depth updates: the participant's book follows the recorded one.

use std::collections::BTreeMap;

use super::{DepthUpdate, Desk, External, Ghost, book_order, chunks, present};
use crate::types::{Lots, Nanos, Side, Ticks};

/// Levels that an update concerns; of those a diff names, how far the recorded size fell.
type Touched = BTreeMap<Ticks, Option<Lots>>;

/// Best price first.
fn best_first(side: Side, touched: &Touched) -> Vec<(Ticks, Option<Lots>)> {
    let rising = touched.iter().map(|(&price, &fell)| (price, fell));
    match side {
        Side::Buy => rising.rev().collect(),
        Side::Sell => rising.collect(),
    }
}

/// Lots to take from each chunk, from the newest back.
fn cut_from_back(chunks: &[(u32, Lots)], cuts: &mut [Lots], mut excess: Lots) {
    for (cut, (_, leaves)) in cuts.iter_mut().zip(chunks).rev() {
        let lots = excess.min(leaves - *cut);
        *cut += lots;
        excess -= lots;
    }
    assert!(excess == 0, "no more is cut than is there");
}

/// The same share of each chunk, rounded down.
fn cut_proportionally(chunks: &[(u32, Lots)], cuts: &mut [Lots], excess: Lots, present: Lots) -> Lots {
    let mut left = excess;
    for (cut, (_, leaves)) in cuts.iter_mut().zip(chunks) {
        *cut = (i128::from(excess) * i128::from(*leaves) / i128::from(present)) as Lots;
        left -= *cut;
    }
    left
}

impl External {
    /// Applies a recorded update: reductions first, then additions, so that what moves from price to price
    /// does not meet itself. All of it is one instant; the caller publishes once.
    pub fn depth(&mut self, desk: &mut Desk, update: &DepthUpdate) {
        self.stats.updates += 1;
        let touched = Side::BOTH.map(|side| best_first(side, &self.record(side, update)));
        let levels =
            || Side::BOTH.into_iter().flat_map(|side| touched[side.index()].iter().map(move |t| (side, t)));
        if !desk.is_open() {
            // Nothing moves on a venue that is not open; the next update after that reconciles.
            for (side, &(price, _)) in levels() {
                self.sides[side.index()].dirty.note(price);
            }
            return;
        }
        for (side, &(price, fell)) in levels() {
            let removed = self.reduce(desk, side, price);
            if let Some(fell) = fell {
                self.remember_ghosts(side, price, &removed, fell, update.exchange_ns);
            }
        }
        for (side, &(price, _)) in levels() {
            self.fill_up(desk, side, price);
        }
        for (side, &(price, _)) in levels() {
            self.compare(desk, side, price);
        }
    }

    /// Takes one side of an update into the shadow; gives the levels that it concerns.
    fn record(&mut self, side: Side, update: &DepthUpdate) -> Touched {
        let recorded = &mut self.sides[side.index()];
        // A price named twice counts as last named.
        let named: BTreeMap<Ticks, Lots> = update
            .levels
            .iter()
            .filter(|(of, ..)| *of == side)
            .map(|&(_, price, lots)| (price, lots))
            .collect();
        let mut touched: Touched = recorded.dirty.prices().map(|price| (price, None)).collect();
        if update.snapshot {
            touched.extend(recorded.prices().chain(named.keys().copied()).map(|price| (price, None)));
            recorded.clear();
            for (price, lots) in named {
                recorded.set_lots(price, lots);
            }
            return touched;
        }
        for (price, lots) in named {
            let before = recorded.set_lots(price, lots);
            touched.insert(price, Some((before - lots).max(0)));
        }
        touched
    }

    fn target(&self, side: Side, price: Ticks) -> Lots {
        self.sides[side.index()].lots(price)
    }

    /// Takes away what stands beyond the recorded size; gives (counter, lots) of each order, newest first.
    fn reduce(&mut self, desk: &mut Desk, side: Side, price: Ticks) -> Vec<(u32, Lots)> {
        let own: Vec<(u32, Lots)> = chunks(desk.book(), side, price).collect();
        let present: Lots = own.iter().map(|(_, leaves)| leaves).sum();
        let excess = present - self.target(side, price);
        if excess <= 0 {
            return Vec::new();
        }
        let mut cuts = vec![0; own.len()];
        let left = match self.proportional {
            true => cut_proportionally(&own, &mut cuts, excess, present),
            false => excess,
        };
        cut_from_back(&own, &mut cuts, left);
        let counters = own.iter().map(|(counter, _)| *counter);
        let removed: Vec<(u32, Lots)> = counters.zip(cuts).rev().filter(|(_, lots)| *lots > 0).collect();
        for &(counter, lots) in &removed {
            desk.reduce(book_order(counter), lots);
        }
        removed
    }

    /// Keeps what left a named level whose recorded size fell: it may turn out to have been a trade whose
    /// message is still to come.
    fn remember_ghosts(
        &mut self,
        side: Side,
        price: Ticks,
        removed: &[(u32, Lots)],
        fell: Lots,
        stamp: Option<Nanos>,
    ) {
        let traded = self.traded;
        let recorded = &mut self.sides[side.index()];
        let place = recorded.open(price);
        let level = recorded.at(place);
        level.forget_explained(traded);
        let mut room = fell;
        for &(counter, gone) in removed.iter().rev() {
            let lots = gone.min(room);
            if lots > 0 {
                level.ghosts.push(Ghost { counter, lots, stamp });
                room -= lots;
            }
        }
        level.ghosts.sort_by_key(|ghost| ghost.counter);
        recorded.close(place);
    }

    /// Adds what is missing. What agents had taken comes back this way; it is counted.
    fn fill_up(&mut self, desk: &mut Desk, side: Side, price: Ticks) {
        let missing = self.target(side, price) - present(desk.book(), side, price);
        if missing <= 0 {
            return;
        }
        let taken = self.sides[side.index()].dirty.get(price).unwrap_or(0);
        if self.add(desk, side, price, missing) {
            let restored = missing.min(taken);
            self.stats.restored_lots += restored;
            if restored > 0 {
                *self.sides[side.index()].dirty.note(price) -= restored;
            }
        }
    }

    /// Notes whether a level still departs from the record.
    fn compare(&mut self, desk: &Desk, side: Side, price: Ticks) {
        let agrees = present(desk.book(), side, price) == self.target(side, price);
        let dirty = &mut self.sides[side.index()].dirty;
        if agrees {
            dirty.remove(price);
        } else {
            dirty.note(price);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_come_from_the_back_or_from_all_alike() {
        let own = [(1, 10), (2, 5), (3, 4)];
        let mut cuts = [0; 3];
        cut_from_back(&own, &mut cuts, 6);
        assert_eq!(cuts, [0, 2, 4]);
        let mut cuts = [0; 3];
        let left = cut_proportionally(&own, &mut cuts, 6, 19);
        assert_eq!((cuts, left), ([3, 1, 1], 1));
        cut_from_back(&own, &mut cuts, left);
        assert_eq!(cuts, [3, 1, 2]);
    }
}
