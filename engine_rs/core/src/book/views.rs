//! Looking at a book: best prices, depth, queues, and the hash of everything that can change a later match.

use super::ladder::{self, Key, NO_KEY};
use super::level::Level;
use super::slab::{NIL, Resting, Slot};
use super::{Book, Extra, Life, OrderState, Unpriced};
use crate::hash::Fnv;
use crate::types::{AgentId, Lots, OrderId, Side, Ticks};

/// A price and the lots of all orders there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub price: Ticks,
    pub lots: Lots,
}

/// Best bid and offer; a side without orders has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bbo {
    pub bid: Option<Quote>,
    pub ask: Option<Quote>,
}

/// A level of one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthLevel {
    pub price: Ticks,
    pub lots: Lots,
    pub orders: u32,
}

/// The touch as a book keeps it: what is quick to take and to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Keys of the best bid and ask, `NO_KEY` for none.
    keys: [Key; 2],
    /// Lots there; 0 for none.
    lots: [Lots; 2],
}

impl Touch {
    pub const EMPTY: Self = Self { keys: [NO_KEY; 2], lots: [0; 2] };

    fn quote(&self, side: Side) -> Option<Quote> {
        let key = self.keys[side.index()];
        (key != NO_KEY).then(|| Quote { price: ladder::price(side, key), lots: self.lots[side.index()] })
    }

    pub fn bbo(&self) -> Bbo {
        Bbo { bid: self.quote(Side::Buy), ask: self.quote(Side::Sell) }
    }
}

impl Book {
    #[inline]
    pub fn bbo(&self) -> Bbo {
        Bbo { bid: self.best(Side::Buy), ask: self.best(Side::Sell) }
    }

    #[inline]
    pub fn touch(&self) -> Touch {
        let [bids, asks] = &self.sides;
        Touch { keys: [bids.best(), asks.best()], lots: [bids.best_total(), asks.best_total()] }
    }

    #[inline]
    pub fn best(&self, side: Side) -> Option<Quote> {
        let key = self.sides[side.index()].best();
        (key != NO_KEY).then(|| Quote { price: ladder::price(side, key), lots: self.total_at(side, key) })
    }

    /// Levels from the best price on.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = DepthLevel> {
        self.level_keys(side).map(move |key| {
            let level = self.sides[side.index()].level(key).expect("listed levels exist");
            DepthLevel { price: ladder::price(side, key), lots: level.total(), orders: level.orders() }
        })
    }

    /// The best `levels` levels.
    pub fn depth(&self, side: Side, levels: usize) -> impl Iterator<Item = DepthLevel> {
        self.levels(side).take(levels)
    }

    /// Lots of all orders at a price.
    #[inline]
    pub fn lots_at(&self, side: Side, price: Ticks) -> Lots {
        self.total_at(side, ladder::key(side, price))
    }

    /// The queue at a price, first in first out: ids and leaves.
    pub fn level_orders(&self, side: Side, price: Ticks) -> impl Iterator<Item = (OrderId, Lots)> {
        self.queue(side, ladder::key(side, price)).map(|order| (order.id, order.leaves))
    }

    /// The last of the queue at a price: its place in memory, good until the book changes, its id and leaves.
    #[inline]
    pub(crate) fn last_order(&self, side: Side, price: Ticks) -> Option<(Slot, OrderId, Lots)> {
        self.level_end(side, price, Level::tail)
    }

    /// The first of the queue at a price, likewise.
    #[inline]
    pub(crate) fn first_order(&self, side: Side, price: Ticks) -> Option<(Slot, OrderId, Lots)> {
        self.level_end(side, price, Level::head)
    }

    #[inline]
    fn level_end(
        &self,
        side: Side,
        price: Ticks,
        end: impl Fn(&Level) -> Slot,
    ) -> Option<(Slot, OrderId, Lots)> {
        let slot = end(self.sides[side.index()].level(ladder::key(side, price))?);
        let order = self.orders.get(slot);
        Some((slot, order.id, order.leaves))
    }

    /// Orders of a side by priority.
    pub fn side_orders(&self, side: Side) -> impl Iterator<Item = (OrderId, OrderState)> {
        self.keys(side)
            .flat_map(move |key| self.slots(side, key))
            .map(|slot| (self.orders.get(slot).id, self.state(slot)))
    }

    /// Displayed orders of a side by priority, with the lots they show.
    pub fn shown_orders(&self, side: Side) -> impl Iterator<Item = (OrderId, Quote)> {
        self.level_keys(side)
            .flat_map(move |key| self.queue(side, key))
            .map(|order| (order.id, Quote { price: order.terms.price(), lots: order.leaves }))
    }

    /// What the public sees of an order, if it sees anything of it.
    pub fn shown(&self, id: OrderId) -> Option<(Side, Quote)> {
        let Resting { terms, leaves: lots, .. } = *self.resting(id)?;
        (lots > 0).then(|| (terms.side(), Quote { price: terms.price(), lots }))
    }

    /// The displayed level at a price; one without orders is empty.
    pub fn level(&self, side: Side, price: Ticks) -> DepthLevel {
        let level = self.sides[side.index()].level(ladder::key(side, price));
        level.map_or(DepthLevel { price, lots: 0, orders: 0 }, |level| DepthLevel {
            price,
            lots: level.total(),
            orders: level.orders(),
        })
    }

    /// All orders in book order: bids by priority, then asks.
    pub fn live_orders(&self) -> impl Iterator<Item = (OrderId, OrderState)> {
        Side::BOTH.into_iter().flat_map(|side| self.side_orders(side))
    }

    /// Lots priced strictly better than `price`, counting the orders of agents that `counts` accepts.
    pub fn lots_better(&self, side: Side, price: Ticks, counts: impl Fn(AgentId) -> bool) -> Lots {
        let end = ladder::key(side, price);
        self.level_keys(side)
            .take_while(|&key| key < end)
            .flat_map(|key| self.queue(side, key))
            .filter(|order| counts(order.id.agent))
            .map(|order| order.leaves)
            .sum()
    }

    /// Lots that stand before an order at its price, or `None` if no such order rests. Quick for the last of
    /// a queue, else a step per order before it.
    pub fn queue_ahead(&self, id: OrderId) -> Option<Lots> {
        let order = self.resting(id)?;
        let (side, price) = (order.terms.side(), order.terms.price());
        if order.next == NIL {
            // Of a hidden order this is all that is displayed at its price.
            return Some(self.lots_at(side, price) - order.leaves);
        }
        let mut ahead = 0;
        let mut slot = order.prev;
        while slot != NIL {
            let before = self.orders.get(slot);
            ahead += before.leaves;
            slot = before.prev;
        }
        Some(ahead)
    }

    /// Covers every order's place, terms and lots; two books of one hash answer later commands alike.
    pub fn state_hash(&self) -> u64 {
        let mut hash = Fnv::new();
        for side in Side::BOTH {
            for slot in self.keys(side).flat_map(|key| self.slots(side, key)) {
                self.fold(&mut hash, slot);
            }
        }
        hash.value()
    }

    fn fold(&self, hash: &mut Fnv, slot: Slot) {
        let order = self.orders.get(slot);
        let (terms, state) = (order.terms, self.state(slot));
        let extra = self.extra(slot).copied().unwrap_or(Extra::NONE);
        hash.words(&[
            u64::from(terms.side().code()),
            terms.price() as u64,
            u64::from(order.id.agent),
            u64::from(order.id.counter),
            state.leaves as u64,
            state.total as u64,
            u64::from(terms.stp().code())
                | u64::from(terms.post_only()) << 8
                | u64::from(extra.display.is_some()) << 16
                | u64::from(extra.life == Life::Session) << 17
                | u64::from(matches!(extra.life, Life::Until { .. })) << 18
                | u64::from(extra.peg.is_some()) << 19
                | u64::from(extra.unpriced.is_some()) << 20
                | u64::from(extra.unpriced == Some(Unpriced::ToLimit)) << 21
                | u64::from(extra.called.is_some()) << 22,
        ]);
        if let Some(display) = extra.display {
            let refresh = u64::from(display.refresh.code());
            hash.words(&[order.leaves as u64, display.lots as u64, refresh, display.entry]);
        }
        if let Life::Until { expire_ns, number } = extra.life {
            hash.words(&[expire_ns as u64, number]);
        }
        if let Some(peg) = extra.peg {
            let limit = peg.limit.unwrap_or(0) as u64;
            hash.words(&[u64::from(peg.kind.code()), peg.offset_ticks as u64, limit, peg.number]);
        }
        if let Some(called) = extra.called {
            hash.words(&[called.number, called.batch]);
        }
    }

    /// Prices at which anything rests, shown or not, from the best on.
    pub(super) fn keys(&self, side: Side) -> impl Iterator<Item = Key> {
        let some = |key| (key != NO_KEY).then_some(key);
        std::iter::successors(some(self.first_key(side)), move |&key| some(self.next_key(side, key)))
    }

    /// Orders of a price: the displayed queue, then the hidden ones.
    pub(super) fn slots(&self, side: Side, key: Key) -> impl Iterator<Item = Slot> {
        let hidden = self.behind_slots(side, key).filter(|&slot| self.orders.get(slot).leaves == 0);
        self.queue_slots(side, key).chain(hidden)
    }

    /// Hidden orders and icebergs whose reserve trades with them, by entry.
    pub(super) fn behind_slots(&self, side: Side, key: Key) -> impl Iterator<Item = Slot> {
        self.extras.off_display[side.index()].range((key, 0)..=(key, u64::MAX)).map(|(_, &slot)| slot)
    }

    pub(super) fn level_keys(&self, side: Side) -> impl Iterator<Item = Key> {
        let ladder = &self.sides[side.index()];
        let some = |key| (key != NO_KEY).then_some(key);
        std::iter::successors(some(ladder.best()), move |&key| some(ladder.next(key)))
    }

    #[inline]
    pub(super) fn total_at(&self, side: Side, key: Key) -> Lots {
        self.sides[side.index()].level(key).map_or(0, |level| level.total())
    }

    pub(super) fn queue(&self, side: Side, key: Key) -> impl Iterator<Item = &Resting> {
        self.queue_slots(side, key).map(|slot| self.orders.get(slot))
    }

    pub(super) fn queue_slots(&self, side: Side, key: Key) -> impl Iterator<Item = Slot> {
        let head = self.sides[side.index()].level(key).map_or(NIL, |level| level.head());
        let some = |slot| (slot != NIL).then_some(slot);
        std::iter::successors(some(head), move |&slot| some(self.orders.get(slot).next))
    }
}
