//! Matching in a book that shows less than it holds, or for an order whose self-trade prevention changes
//! resting orders. Plain orders among plain orders never come here (`matching`).

use super::ladder::{self, Key, NO_KEY};
use super::matching::{Match, Taken, Taker, limit_key};
use super::owners::Owners;
use super::slab::{NIL, Resting, Slot};
use super::{Book, Extra, OrderState, Rules};
use crate::conditions::Refresh;
use crate::order::SelfTradePrevention;
use crate::policy::{Shares, share_out};
use crate::types::{Lots, MAX_TOTAL, OrderId, Side, Ticks};

/// What happens while an incoming order is matched, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Match(Match),
    /// The owner's resting order is taken out for the incoming one; `state` as it stood.
    OwnRemoved {
        id: OrderId,
        state: OrderState,
    },
    /// Both sides of a pair of one owner lose so many lots; `state` of the resting one after it.
    Decremented {
        id: OrderId,
        state: OrderState,
        lots: Lots,
    },
    Refreshed(Peak),
}

/// An iceberg's new peak.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peak {
    pub id: OrderId,
    pub side: Side,
    pub price: Ticks,
    pub shown: Lots,
    pub leaves: Lots,
}

/// What meeting one's own order means for the sweep.
enum Meeting {
    GoOn,
    Stop,
}

/// How an incoming order came out of a sweep.
pub(crate) struct Swept {
    pub taken: Taken,
    /// It was stopped before a match beyond the band.
    pub halted: bool,
}

struct Sweep<'a, F> {
    book: &'a mut Book,
    taker: &'a Taker,
    owners: &'a Owners,
    rules: Rules,
    side: Side,
    leaves: Lots,
    tell: F,
}

impl Book {
    /// Matches an incoming order with everything that rests, shown or not.
    pub(crate) fn sweep(
        &mut self,
        taker: &Taker,
        owners: &Owners,
        rules: Rules,
        tell: impl FnMut(&Step),
    ) -> Swept {
        let side = taker.side.opposite();
        let limit = limit_key(side, taker.limit);
        let mut key = self.first_key(side);
        let mut sweep = Sweep { book: self, taker, owners, rules, side, leaves: taker.size, tell };
        while key <= limit && sweep.leaves > 0 {
            if sweep.is_beyond(key) {
                return Swept { taken: Taken { leaves: sweep.leaves, met_itself: false }, halted: true };
            }
            if matches!(sweep.displayed(key), Meeting::Stop) || matches!(sweep.behind(key), Meeting::Stop) {
                return Swept { taken: Taken { leaves: sweep.leaves, met_itself: true }, halted: false };
            }
            key = sweep.book.next_key(side, key);
        }
        Swept { taken: Taken { leaves: sweep.leaves, met_itself: false }, halted: false }
    }

    /// Shows the next peak of icebergs whose reserve waited for the end of the sweep.
    pub(crate) fn refresh(&mut self, mut tell: impl FnMut(&Peak)) {
        for place in 0..self.extras.used_up.len() {
            let peak = self.show_peak(self.extras.used_up[place]);
            tell(&peak);
        }
        self.extras.used_up.clear();
    }

    /// Whether at least `wanted` lots could trade at once, under the taker's own mode.
    pub(crate) fn can_trade(&self, taker: &Taker, wanted: Lots, owners: &Owners, rules: &Rules) -> bool {
        let side = taker.side.opposite();
        let mut open = wanted;
        let mut key = self.first_key(side);
        if key != NO_KEY && !rules.band.allows(ladder::price(side, key)) {
            return false;
        }
        let limit = limit_key(side, rules.band.within(taker.side, taker.limit));
        while key <= limit && open > 0 {
            let shared = rules.shares.is_some();
            let Some(left) = self.open_after(key, taker, open, owners, shared) else { return false };
            open = left;
            key = self.next_key(side, key);
        }
        open <= 0
    }

    /// What of `open` one price would leave, or `None` if the taker's mode ends it there before it is filled.
    /// Where orders share, nobody can tell what trades before an own one.
    fn open_after(
        &self,
        key: Key,
        taker: &Taker,
        mut open: Lots,
        owners: &Owners,
        shared: bool,
    ) -> Option<Lots> {
        use SelfTradePrevention::{None as Trades, Oldest, Pass};
        let side = taker.side.opposite();
        let own = |id| taker.stp != Trades && taker.owns(id, owners);
        let stops = !matches!(taker.stp, Trades | Pass | Oldest);
        if shared && stops && self.queue(side, key).any(|order| own(order.id)) {
            return None;
        }
        // Displayed lots stand first, then the reserves that join the back, then what is never displayed.
        let peaks = self.queue_slots(side, key).map(|slot| (slot, self.orders.get(slot).leaves));
        let renewed = self.queue_slots(side, key).map(|slot| (slot, self.renewable(slot)));
        let behind = self.behind_slots(side, key).map(|slot| (slot, self.extras.get(slot).reserve));
        for (slot, lots) in peaks.chain(renewed).chain(behind) {
            if own(self.orders.get(slot).id) {
                if stops {
                    return None;
                }
                continue;
            }
            open -= lots.min(open);
            if open == 0 {
                break;
            }
        }
        Some(open)
    }

    fn renewable(&self, slot: Slot) -> Lots {
        match self.extra(slot) {
            Some(Extra { display: Some(display), reserve, .. }) if !display.off_display() => *reserve,
            _ => 0,
        }
    }

    pub(super) fn show_peak(&mut self, slot: Slot) -> Peak {
        let Resting { id, terms, .. } = *self.orders.get(slot);
        let extra = *self.extras.get(slot);
        let display = extra.display.expect("only icebergs show peaks");
        let shown = display.lots.min(extra.reserve);
        self.extras.set_reserve(slot, extra.reserve - shown);
        let order = self.orders.get_mut(slot);
        (order.leaves, order.prev, order.next) = (shown, NIL, NIL);
        let (side, price) = (terms.side(), terms.price());
        self.sides[side.index()].open(ladder::key(side, price)).append(&mut self.orders, slot);
        Peak { id, side, price, shown, leaves: extra.reserve }
    }

    /// Takes traded lots from what an order shows, else from what it does not; an order without lots is
    /// forgotten, an empty level not closed. Says whether the order is to show its next peak at once.
    pub(super) fn give(&mut self, slot: Slot, lots: Lots) -> (Match, bool) {
        let Resting { id, terms, leaves: shown, .. } = *self.orders.get(slot);
        let extra = self.extra(slot).copied().unwrap_or(Extra::NONE);
        let maker_leaves = shown + extra.reserve - lots;
        let mut used_up = false;
        if shown > 0 {
            self.orders.get_mut(slot).leaves -= lots;
            let level = self.sides[terms.side().index()].level_mut(ladder::key(terms.side(), terms.price()));
            level.subtract(lots);
            if shown == lots {
                level.unlink(&mut self.orders, slot);
                used_up = extra.reserve > 0;
            }
        } else {
            self.extras.set_reserve(slot, extra.reserve - lots);
        }
        let renews = used_up && extra.display.is_some_and(|display| display.refresh == Refresh::Peak);
        if maker_leaves == 0 {
            self.forget(slot);
        } else if used_up && !renews {
            self.extras.used_up.push(slot);
        }
        (Match { maker: id, price: terms.price(), lots, maker_leaves }, renews)
    }

    /// Lots that may still rest at a price before all orders there, shown or not, leave the range.
    pub(crate) fn room_behind(&self, side: Side, price: Ticks) -> Lots {
        MAX_TOTAL - self.whole_at(side, ladder::key(side, price))
    }

    /// Lots of all orders at a price, shown or not.
    pub(super) fn whole_at(&self, side: Side, key: Key) -> Lots {
        let shown = self.total_at(side, key);
        if self.extras.is_empty() {
            return shown;
        }
        let reserves: Lots = self.queue_slots(side, key).map(|slot| self.renewable(slot)).sum();
        let behind: Lots = self.behind_slots(side, key).map(|slot| self.extras.get(slot).reserve).sum();
        shown + reserves + behind
    }

    /// The next better price at which anything rests.
    pub(super) fn previous_key(&self, side: Side, key: Key) -> Key {
        let mut behind = self.extras.off_display[side.index()].range(..(key, 0));
        let behind = behind.next_back().map(|(&(key, _), _)| key);
        let shown = Some(self.sides[side.index()].previous(key)).filter(|&key| key != NO_KEY);
        shown.max(behind).unwrap_or(NO_KEY)
    }

    /// The best price of a side at which anything rests, shown or not.
    pub(super) fn first_key(&self, side: Side) -> Key {
        let behind = self.extras.off_display[side.index()].keys().next().map_or(NO_KEY, |&(key, _)| key);
        self.sides[side.index()].best().min(behind)
    }

    pub(super) fn next_key(&self, side: Side, key: Key) -> Key {
        let mut behind = self.extras.off_display[side.index()].range((key + 1, 0)..);
        let behind = behind.next().map_or(NO_KEY, |(&(key, _), _)| key);
        self.sides[side.index()].next(key).min(behind)
    }
}

impl<F: FnMut(&Step)> Sweep<'_, F> {
    /// Whether a price with somebody to meet lies beyond the band.
    fn is_beyond(&self, key: Key) -> bool {
        let passes = self.taker.stp == SelfTradePrevention::Pass;
        !self.rules.band.allows(ladder::price(self.side, key))
            && self
                .book
                .slots(self.side, key)
                .any(|slot| !passes || !self.is_own(self.book.orders.get(slot).id))
    }

    fn displayed(&mut self, key: Key) -> Meeting {
        if self.book.queue_slots(self.side, key).next().is_none() {
            return Meeting::GoOn;
        }
        let end = match self.rules.shares {
            Some(shares) => self.shared(key, shares),
            None => self.queued(key),
        };
        let ladder = &mut self.book.sides[self.side.index()];
        if ladder.level_mut(key).is_empty() {
            ladder.close(key);
        }
        end
    }

    /// The displayed orders of a price share what they cannot have whole, until nothing displayed is left.
    fn shared(&mut self, key: Key, shares: Shares) -> Meeting {
        let passes = self.taker.stp == SelfTradePrevention::Pass;
        while self.leaves > 0 {
            let queue = self.book.queue_slots(self.side, key).map(|slot| (slot, self.book.orders.get(slot)));
            let (slots, sizes): (Vec<Slot>, Vec<Lots>) = queue
                .filter(|(_, order)| !(passes && self.is_own(order.id)))
                .map(|(slot, order)| (slot, order.leaves))
                .unzip();
            let Some(&first) = slots.first() else { break };
            let is_top = self.rules.top == Some(self.book.orders.get(first).id);
            let top_lots = if is_top { shares.top_order_max_lots } else { 0 };
            let given = match sizes.iter().sum::<Lots>() {
                shown if shown <= self.leaves => sizes,
                _ => share_out(self.leaves, &sizes, top_lots, shares.min_lots),
            };
            for (slot, lots) in slots.into_iter().zip(given).filter(|(_, lots)| *lots > 0) {
                if !self.is_own(self.book.orders.get(slot).id) {
                    self.trade(slot, lots);
                } else if matches!(self.meet_own(slot, lots), Meeting::Stop) {
                    return Meeting::Stop;
                }
            }
        }
        Meeting::GoOn
    }

    /// The displayed queue of a price, first in first out; a renewed peak is met again at the back.
    fn queued(&mut self, key: Key) -> Meeting {
        let head = self.book.queue_slots(self.side, key).next();
        let Some(mut slot) = head else { return Meeting::GoOn };
        let mut end = Meeting::GoOn;
        while slot != NIL && self.leaves > 0 {
            let maker = *self.book.orders.get(slot);
            let mut next = maker.next;
            if self.is_own(maker.id) {
                end = self.meet_own(slot, Lots::MAX);
                if matches!(end, Meeting::Stop) {
                    break;
                }
            } else if self.trade(slot, maker.leaves) && next == NIL {
                next = slot;
            }
            slot = next;
        }
        end
    }

    /// Hidden orders and reserves of a price, once nothing displayed is left there that could trade.
    fn behind(&mut self, key: Key) -> Meeting {
        let mut from = 0;
        while self.leaves > 0 {
            let Some((entry, slot)) = self.book.extras.behind(self.side, key, from) else { break };
            from = entry + 1;
            if self.is_own(self.book.orders.get(slot).id) {
                if matches!(self.meet_own(slot, Lots::MAX), Meeting::Stop) {
                    return Meeting::Stop;
                }
            } else {
                self.trade_reserve(slot);
            }
        }
        Meeting::GoOn
    }

    fn is_own(&self, maker: OrderId) -> bool {
        self.taker.stp != SelfTradePrevention::None && self.taker.owns(maker, self.owners)
    }

    /// Trades with what a maker shows; says whether it stands at the back with a new peak.
    fn trade(&mut self, slot: Slot, shown: Lots) -> bool {
        let lots = self.leaves.min(shown);
        self.leaves -= lots;
        let (done, renews) = self.book.give(slot, lots);
        self.rules.band.note_print(done.price);
        (self.tell)(&Step::Match(done));
        if renews {
            let peak = self.book.show_peak(slot);
            (self.tell)(&Step::Refreshed(peak));
        }
        renews
    }

    fn trade_reserve(&mut self, slot: Slot) {
        assert_eq!(self.book.orders.get(slot).leaves, 0, "a reserve trades after what its order shows");
        let lots = self.leaves.min(self.book.extras.get(slot).reserve);
        self.leaves -= lots;
        let (done, _) = self.book.give(slot, lots);
        self.rules.band.note_print(done.price);
        (self.tell)(&Step::Match(done));
    }

    /// The taker's mode rules when it meets an order of its owner for so many lots at most.
    fn meet_own(&mut self, slot: Slot, lots: Lots) -> Meeting {
        use SelfTradePrevention as Mode;
        match self.taker.stp {
            Mode::None | Mode::Pass => return Meeting::GoOn,
            Mode::Newest => return Meeting::Stop,
            Mode::Oldest | Mode::Both => {
                let (id, state) = self.remove_own(slot);
                (self.tell)(&Step::OwnRemoved { id, state });
            }
            Mode::Decrement => self.decrement(slot, lots),
        }
        if self.taker.stp == Mode::Both { Meeting::Stop } else { Meeting::GoOn }
    }

    fn decrement(&mut self, slot: Slot, most: Lots) {
        let id = self.book.orders.get(slot).id;
        let state = self.book.state(slot);
        let lots = self.leaves.min(state.leaves).min(most);
        self.leaves -= lots;
        let after = OrderState { leaves: state.leaves - lots, total: state.total - lots, ..state };
        if after.leaves == 0 {
            self.remove_own(slot);
        } else {
            self.book.resize(id, -lots);
        }
        (self.tell)(&Step::Decremented { id, state: after, lots });
    }

    /// Takes a slot out without closing its level, which the sweep still stands at.
    fn remove_own(&mut self, slot: Slot) -> (OrderId, OrderState) {
        let state = self.book.state(slot);
        let Resting { id, leaves: shown, .. } = *self.book.orders.get(slot);
        if shown > 0 {
            let level = self.book.sides[self.side.index()].level_mut(ladder::key(self.side, state.price));
            level.subtract(shown);
            level.unlink(&mut self.book.orders, slot);
        }
        self.book.forget(slot);
        (id, state)
    }
}
