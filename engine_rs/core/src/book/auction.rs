//! The price of an auction: of all limits and the reference price the one at which most lots trade, then
//! the fewest are left over, then where the pressure points, then the nearest to the reference.
//!
//! Demand falls and supply rises with the price, so both need only be known at one place near the answer.
//! A `Cursor` keeps them there while orders come and go: a search starts where the last one ended and steps
//! over the levels in between, usually none. Only a call phase's first search passes over all levels.

use super::ladder::{self, NO_KEY};
use super::slab::Slot;
use super::{Book, Peak, Unpriced};
use crate::order::SelfTradePrevention;
use crate::policy::share_out;
use crate::types::{Lots, MAX_PRICE, MAX_TOTAL, OrderId, Side, Ticks};

/// What an auction comes to. Counts beyond 63 bits are told as the last that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    pub price: Ticks,
    /// Lots that trade.
    pub volume: Lots,
    /// Lots left over at the price: positive to buy, negative to sell.
    pub surplus: Lots,
}

/// Lots that would be bought and sold at a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    at: Ticks,
    /// Sums over levels, each of which may hold 2^62.
    demand: i128,
    supply: i128,
}

impl Cursor {
    /// Notes that lots have come to a price, or gone (negative).
    pub fn shift(&mut self, side: Side, price: Ticks, lots: Lots) {
        match side {
            Side::Buy if price >= self.at => self.demand += i128::from(lots),
            Side::Sell if price <= self.at => self.supply += i128::from(lots),
            _ => (),
        }
    }

    const fn surplus(&self) -> i128 {
        self.demand - self.supply
    }

    /// More lots first, then fewer left over.
    fn rank(&self) -> (i128, i128) {
        (self.demand.min(self.supply), -self.surplus().abs())
    }

    fn same_lots(&self, other: &Self) -> bool {
        (self.demand, self.supply) == (other.demand, other.supply)
    }

    fn cross(&self) -> Option<Cross> {
        let most = i128::from(Lots::MAX);
        let volume = self.demand.min(self.supply).min(most) as Lots;
        let surplus = self.surplus().clamp(-most, most) as Lots;
        (volume > 0).then_some(Cross { price: self.at, volume, surplus })
    }
}

impl Book {
    /// A cursor at a price, by a pass over the levels.
    pub(crate) fn cursor(&self, at: Ticks) -> Cursor {
        let within = |side: Side| {
            let keys = self.keys(side).take_while(move |&key| key <= ladder::key(side, at));
            keys.map(|key| i128::from(self.whole_at(side, key))).sum()
        };
        Cursor { at, demand: within(Side::Buy), supply: within(Side::Sell) }
    }

    /// A price to begin a search at: the reference, else any limit; `None`: there is neither.
    pub(crate) fn some_price(&self, reference: Option<Ticks>) -> Option<Ticks> {
        let best = |side| self.keys(side).find_map(|key| limit(side, key));
        reference.or_else(|| best(Side::Buy)).or_else(|| best(Side::Sell))
    }

    /// What an auction would come to now. Leaves the cursor near the answer.
    pub(crate) fn cross(&self, cursor: &mut Cursor, reference: Option<Ticks>) -> Option<Cross> {
        let prices = Candidates { book: self, reference };
        let (bought, sold) = prices.around(cursor)?;
        // Of the prices with something left over to buy, and of those with something to sell, these are best.
        let (Some(bought), Some(sold)) = (bought, sold) else {
            return bought.map_or(sold, |bought| Some(prices.of_bought(bought))).and_then(|at| at.cross());
        };
        match bought.rank().cmp(&sold.rank()) {
            std::cmp::Ordering::Greater => prices.of_bought(bought),
            std::cmp::Ordering::Less => sold,
            std::cmp::Ordering::Equal => {
                let (lowest, highest) = (prices.lowest_like(bought), prices.highest_like(sold));
                let price = nearest(lowest.at, highest.at, reference);
                prices.at(if price > sold.at { sold } else { bought }, price)
            }
        }
        .cross()
    }
}

/// The prices that an auction chooses from.
struct Candidates<'a> {
    book: &'a Book,
    reference: Option<Ticks>,
}

impl Candidates<'_> {
    /// The highest candidate at which demand is not below supply, and the one above it; moves the cursor.
    fn around(&self, cursor: &mut Cursor) -> Option<(Option<Cursor>, Option<Cursor>)> {
        if !self.contains(cursor.at) {
            *cursor = self.below(cursor).or_else(|| self.above(cursor))?;
        }
        while cursor.surplus() < 0 {
            let Some(below) = self.below(cursor) else { return Some((None, Some(*cursor))) };
            *cursor = below;
        }
        loop {
            match self.above(cursor) {
                Some(above) if above.surplus() >= 0 => *cursor = above,
                above => return Some((Some(*cursor), above)),
            }
        }
    }

    /// The best price where demand is not below supply: under pressure the highest.
    fn of_bought(&self, highest: Cursor) -> Cursor {
        if highest.surplus() > 0 {
            return highest;
        }
        let lowest = self.lowest_like(highest);
        self.at(lowest, nearest(lowest.at, highest.at, self.reference))
    }

    fn lowest_like(&self, cursor: Cursor) -> Cursor {
        let steps = std::iter::successors(Some(cursor), |cursor| self.below(cursor));
        steps.take_while(|step| step.same_lots(&cursor)).last().unwrap_or(cursor)
    }

    fn highest_like(&self, cursor: Cursor) -> Cursor {
        let steps = std::iter::successors(Some(cursor), |cursor| self.above(cursor));
        steps.take_while(|step| step.same_lots(&cursor)).last().unwrap_or(cursor)
    }

    fn contains(&self, price: Ticks) -> bool {
        let limit = |side| self.book.whole_at(side, ladder::key(side, price)) > 0;
        self.reference == Some(price) || limit(Side::Buy) || limit(Side::Sell)
    }

    fn above(&self, from: &Cursor) -> Option<Cursor> {
        let ask = self.book.next_key(Side::Sell, ladder::key(Side::Sell, from.at));
        let bid = self.book.previous_key(Side::Buy, ladder::key(Side::Buy, from.at));
        let limits = [limit(Side::Buy, bid), limit(Side::Sell, ask), self.reference];
        let at = limits.into_iter().flatten().filter(|&price| price > from.at).min()?;
        Some(self.at(*from, at))
    }

    fn below(&self, from: &Cursor) -> Option<Cursor> {
        let ask = self.book.previous_key(Side::Sell, ladder::key(Side::Sell, from.at));
        let bid = self.book.next_key(Side::Buy, ladder::key(Side::Buy, from.at));
        let limits = [limit(Side::Buy, bid), limit(Side::Sell, ask), self.reference];
        let at = limits.into_iter().flatten().filter(|&price| price < from.at).max()?;
        Some(self.at(*from, at))
    }

    /// The same cursor at a price with no level strictly between.
    fn at(&self, from: Cursor, at: Ticks) -> Cursor {
        let lots = |side, price| i128::from(self.book.whole_at(side, ladder::key(side, price)));
        let (mut demand, mut supply) = (from.demand, from.supply);
        if at > from.at {
            demand -= lots(Side::Buy, from.at);
            supply += lots(Side::Sell, at);
        } else if at < from.at {
            demand += lots(Side::Buy, at);
            supply -= lots(Side::Sell, from.at);
        }
        Cursor { at, demand, supply }
    }
}

/// The price of a level, unless it is that of orders without one.
fn limit(side: Side, key: ladder::Key) -> Option<Ticks> {
    let price = ladder::price(side, key);
    (key != NO_KEY && (1..=MAX_PRICE).contains(&price)).then_some(price)
}

/// The price nearest the reference; without one the middle, rounded down.
fn nearest(lowest: Ticks, highest: Ticks, reference: Option<Ticks>) -> Ticks {
    reference.map_or(lowest + (highest - lowest) / 2, |reference| reference.clamp(lowest, highest))
}

/// The order of a side that trades next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    slot: Slot,
    pub id: OrderId,
    pub stp: SelfTradePrevention,
    /// Lots that trade before another order has its turn.
    pub reach: Lots,
    /// Smaller for who came first; 0 before the call.
    pub call_number: u64,
}

impl Book {
    /// The next order that an auction at this price may fill: those without a price, then as in a sweep.
    pub(crate) fn front(&self, side: Side, price: Ticks) -> Option<Front> {
        let key = self.first_key(side);
        if key > ladder::key(side, price) {
            return None;
        }
        let slot = self.slots(side, key).next().expect("a listed price holds orders");
        Some(self.front_at(slot))
    }

    /// A resting order as an auction meets it.
    pub(crate) fn front_of(&self, id: OrderId) -> Option<Front> {
        self.slot(id).map(|slot| self.front_at(slot))
    }

    fn front_at(&self, slot: Slot) -> Front {
        let order = self.orders.get(slot);
        let extra = self.extra(slot);
        let reach = if order.leaves > 0 { order.leaves } else { extra.map_or(0, |extra| extra.reserve) };
        let call_number = extra.and_then(|extra| extra.called).map_or(0, |called| called.number);
        Front { slot, id: order.id, stp: order.terms.stp(), reach, call_number }
    }

    /// Who of a side gets how much of a batch's volume: orders without a price first, then the better price,
    /// then the earlier batch; within one batch nobody came first, and those that cannot have all share by size.
    pub(crate) fn allot(&self, side: Side, price: Ticks, mut volume: Lots) -> Vec<(OrderId, Lots)> {
        let mut allotted = Vec::new();
        for key in self.keys(side).take_while(|&key| key <= ladder::key(side, price)) {
            let slots: Vec<Slot> = self.slots(side, key).collect();
            for group in slots.chunk_by(|&one, &next| self.batch(one) == self.batch(next)) {
                if volume == 0 {
                    return allotted;
                }
                let sizes: Vec<Lots> = group.iter().map(|&slot| self.state(slot).leaves).collect();
                let given = match sizes.iter().sum::<Lots>() {
                    wanted if wanted <= volume => sizes,
                    _ => share_out(volume, &sizes, 0, 0),
                };
                volume -= given.iter().sum::<Lots>();
                let ids = group.iter().map(|&slot| self.orders.get(slot).id);
                allotted.extend(ids.zip(given).filter(|(_, lots)| *lots > 0));
            }
        }
        allotted
    }

    fn batch(&self, slot: Slot) -> u64 {
        self.extra(slot).and_then(|extra| extra.called).map_or(0, |called| called.batch)
    }

    /// Takes an auction's lots from an order; gives what it still holds and the peak that it shows at once.
    pub(crate) fn fill(&mut self, front: &Front, lots: Lots) -> (Lots, Option<Peak>) {
        let terms = self.orders.get(front.slot).terms;
        let shown = self.orders.get(front.slot).leaves > 0;
        let (done, renews) = self.give(front.slot, lots);
        let peak = renews.then(|| self.show_peak(front.slot));
        let (ladder, key) = (&mut self.sides[terms.side().index()], ladder::key(terms.side(), terms.price()));
        if shown && ladder.level_mut(key).is_empty() {
            ladder.close(key);
        }
        (done.maker_leaves, peak)
    }

    /// Lots that may still join the orders without a price.
    pub(crate) fn unpriced_room(&self, side: Side) -> Lots {
        MAX_TOTAL - self.whole_at(side, ladder::unpriced_key(side))
    }

    /// Orders of a side without a price, first in first out, and what becomes of them.
    pub(crate) fn unpriced(&self, side: Side) -> impl Iterator<Item = (OrderId, Unpriced)> {
        let slots = self.behind_slots(side, ladder::unpriced_key(side));
        slots.filter_map(|slot| Some((self.orders.get(slot).id, self.extra(slot)?.unpriced?)))
    }
}
