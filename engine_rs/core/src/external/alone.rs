//! The short way where no agent has an order: what stands at a level is the participant's alone.
//!
//! Most updates of a recorded market find no agent's order in its book, and name one level that agrees with the
//! record. Then nobody's place has to be looked for. Every step is the one that the long way (`depth`, `trade`)
//! would take; the tests of both engines run through either.

use super::{Desk, External, Ghost, LevelUpdate, TradeUpdate};
use crate::types::{Lots, Side, Ticks};

impl External {
    /// Whether every order in the book is the participant's, and open to see.
    #[inline]
    pub(super) fn is_alone(&self, desk: &Desk) -> bool {
        self.after.is_empty() && desk.is_open()
    }

    /// Applies a change of one level, if the short way will do; `false` if not, and then nothing has changed.
    pub fn level_alone(&mut self, desk: &mut Desk, update: &LevelUpdate) -> bool {
        let LevelUpdate { exchange_ns, side, price, lots } = *update;
        if self.proportional || !self.is_alone(desk) || !self.agrees_but_for(side, price) {
            return false;
        }
        self.stats.updates += 1;
        let traded = self.traded;
        let recorded = &mut self.sides[side.index()];
        let taken = recorded.dirty.remove(price).unwrap_or(0);
        let place = recorded.open(price);
        let level = recorded.at(place);
        let before = std::mem::replace(&mut level.lots, lots);
        level.forget_explained(traded);
        let present = desk.book().lots_at(side, price);
        if present > lots {
            let fell = (before - lots).max(0);
            cut_back(desk, (side, price), present - lots, fell, exchange_ns, &mut level.ghosts);
        }
        recorded.close(place);
        if present < lots {
            self.stats.restored_lots += taken.min(lots - present);
            self.stand_back(desk, (side, price), lots - present, taken);
        }
        true
    }

    /// Whether no level departs from the record, this one aside.
    #[inline]
    fn agrees_but_for(&self, side: Side, price: Ticks) -> bool {
        // 0 is no price.
        self.sides[side.opposite().index()].dirty.none_but(0)
            && self.sides[side.index()].dirty.none_but(price)
    }

    /// Lots join the back, unless the participant's own other side is in the way.
    fn stand_back(&mut self, desk: &mut Desk, (side, price): (Side, Ticks), missing: Lots, taken: Lots) {
        if self.add(desk, side, price, missing) {
            return;
        }
        self.stats.restored_lots -= taken.min(missing);
        *self.sides[side.index()].dirty.note(price) = taken;
    }

    /// Applies a trade where nobody can be met and no reduction waits for its trade; `false` if it cannot.
    pub(super) fn trade_alone(&mut self, desk: &mut Desk, trade: &TradeUpdate) -> bool {
        let TradeUpdate { exchange_ns, aggressor, price, size } = *trade;
        let side = aggressor.opposite();
        if !self.is_alone(desk) {
            return false;
        }
        let level = self.sides[side.index()].get(price);
        if level.is_some_and(|level| level.ghosts.iter().any(|ghost| ghost.usable(exchange_ns))) {
            return false;
        }
        self.stats.trades += 1;
        self.traded = self.traded.max(exchange_ns);
        let mut left = size.min(desk.book().lots_at(side, price));
        while left > 0 {
            let first = desk.book().first_order(side, price);
            let (place, _, leaves) = first.expect("no more is taken than is there");
            desk.reduce_at(place, leaves.min(left));
            left -= leaves.min(left);
        }
        self.sides[side.index()].dirty.note(price);
        desk.print(aggressor, price, size);
        true
    }
}

/// Lots leave from the back of a level, newest order first; as far as the record fell they become ghosts.
fn cut_back(
    desk: &mut Desk,
    (side, price): (Side, Ticks),
    mut excess: Lots,
    fell: Lots,
    stamp: Option<i64>,
    ghosts: &mut Vec<Ghost>,
) {
    let first = ghosts.len();
    while excess > 0 {
        let last = desk.book().last_order(side, price);
        let (place, id, leaves) = last.expect("no more is cut than is there");
        let lots = leaves.min(excess);
        desk.reduce_at(place, lots);
        excess -= lots;
        if fell > 0 {
            ghosts.push(Ghost { counter: id.counter, lots, stamp });
        }
    }
    // The oldest of what left counts first, up to what the record fell.
    let mut room = fell;
    for ghost in ghosts[first..].iter_mut().rev() {
        ghost.lots = ghost.lots.min(room);
        room -= ghost.lots;
    }
    ghosts.retain(|ghost| ghost.lots > 0);
    if !ghosts.is_sorted_by_key(|ghost| ghost.counter) {
        ghosts.sort_by_key(|ghost| ghost.counter);
    }
}
