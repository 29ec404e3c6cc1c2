//! Recorded or live flow as orders of one external participant.
//!
//! The participant's book account rests the recorded sizes in the same queues as everybody, its taker
//! account plays the recorded aggressors. So an agent's queue position, fills and impact come out of the
//! ordinary matching; there is no second mechanism that could invent a fill. What was recorded is the
//! shadow: depth updates reconcile the book with it, trades only move the queue.

mod alone;
mod depth;
mod desk;
mod known;
mod levels;
mod orders;
mod queue;
mod trade;

use std::collections::BTreeMap;

pub use desk::{Counters, Desk, Journal};

use levels::Levels;

use crate::book::{Bbo, Book, Quote};
use crate::event::{Event, EventKind, FLAG_PRIORITY_KEPT};
use crate::order::TimeInForce;
use crate::types::{EXTERNAL_BOOK, Lots, Nanos, OrderId, Side, Ticks};

/// A recorded change of depth. `levels` are (side, price, recorded lots); 0 lots delete a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// The exchange's own stamp, where there is one.
    pub exchange_ns: Option<Nanos>,
    /// The whole book rather than changes of it.
    pub snapshot: bool,
    pub levels: Vec<(Side, Ticks, Lots)>,
}

/// A recorded change of one level; most changes of depth are that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelUpdate {
    pub exchange_ns: Option<Nanos>,
    pub side: Side,
    pub price: Ticks,
    /// Lots there now; 0 deletes the level.
    pub lots: Lots,
}

impl From<LevelUpdate> for DepthUpdate {
    fn from(level: LevelUpdate) -> Self {
        let LevelUpdate { exchange_ns, side, price, lots } = level;
        Self { exchange_ns, snapshot: false, levels: vec![(side, price, lots)] }
    }
}

/// A recorded trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeUpdate {
    pub exchange_ns: Option<Nanos>,
    pub aggressor: Side,
    pub price: Ticks,
    pub size: Lots,
}

closed_codes! {
    /// What a feed of single orders says of one of them.
    OrderOpKind {
        /// A new order.
        Add = 2,
        /// Lots leave it, untraded.
        Reduce = 3,
        /// It is gone, untraded.
        Delete = 4,
        /// It trades: of its lots, so many.
        Execute = 5,
        /// An order that nobody saw trades, at a price and so many lots; it has no id.
        Hidden = 6,
        /// Its price, or its open lots, or both are new.
        Replace = 7,
        /// Every order of a side is gone: the record begins anew.
        Clear = 8,
    }
}

/// A recorded event about one order; `side` is that of the resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderOp {
    pub kind: OrderOpKind,
    pub side: Side,
    /// As the feed numbers its orders.
    pub id: u64,
    pub price: Ticks,
    pub lots: Lots,
}

/// What the recorded flow has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub updates: u64,
    pub trades: u64,
    /// Additions that would have met the participant's own other side, and waited.
    pub held_back: u64,
    /// Lots that agents took of recorded liquidity.
    pub lots_taken: Lots,
    /// Lots that recorded aggressors traded with agents.
    pub lots_traded: Lots,
    /// Lots that an update brought back where agents had taken them.
    pub restored_lots: Lots,
    /// Events about orders that were not known, left out.
    pub unknown_orders: u64,
    /// New orders under the id of one that lives, left out.
    pub repeated_orders: u64,
    /// Events that took more from an order than it had; they took what there was.
    pub overdrawn_orders: u64,
}

/// Lots that a recorded reduction took from an order before the trade that may explain it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ghost {
    /// Number of the order.
    counter: u32,
    lots: Lots,
    /// The exchange's stamp of the reduction.
    stamp: Option<Nanos>,
}

impl Ghost {
    /// Whether a trade of this stamp may be what the reduction told of; unknown stamps may.
    fn usable(&self, traded: Option<Nanos>) -> bool {
        match (traded, self.stamp) {
            (Some(traded), Some(reduced)) => traded <= reduced,
            _ => true,
        }
    }
}

/// The external participant at one listing.
pub struct External {
    /// Cancellations come from all orders of a level alike instead of from its back.
    proportional: bool,
    /// The feed tells of single orders, not of price levels; unknown before the first update of either.
    by_order: Option<bool>,
    sides: [Levels; 2],
    /// Stamp of the latest trade.
    traded: Option<Nanos>,
    /// The newest own order that stood ahead when an agent's order joined its queue.
    after: BTreeMap<OrderId, u32>,
    /// Lots that stood before an agent's order when last looked.
    ahead: BTreeMap<OrderId, Lots>,
    /// The orders of a feed of single orders; without any in one by price level.
    recorded: known::Recorded,
    stats: Stats,
}

/// The participant's own orders at a price, oldest first: (counter, leaves).
fn chunks(book: &Book, side: Side, price: Ticks) -> impl Iterator<Item = (u32, Lots)> {
    book.level_orders(side, price)
        .filter(|(id, _)| id.agent == EXTERNAL_BOOK)
        .map(|(id, leaves)| (id.counter, leaves))
}

fn present(book: &Book, side: Side, price: Ticks) -> Lots {
    chunks(book, side, price).map(|(_, leaves)| leaves).sum()
}

fn best_own(book: &Book, side: Side) -> Option<Quote> {
    book.levels(side)
        .map(|level| Quote { price: level.price, lots: present(book, side, level.price) })
        .find(|quote| quote.lots > 0)
}

/// Whether the participant's own other side stands in the way of an order. Asking for the best of all first
/// spares a look through the level's orders nearly always.
#[inline]
fn meets_own(book: &Book, side: Side, price: Ticks) -> bool {
    book.meets(side, Some(price))
        && best_own(book, side.opposite()).is_some_and(|own| side.accepts(price, own.price))
}

const fn book_order(counter: u32) -> OrderId {
    OrderId::new(EXTERNAL_BOOK, counter)
}

impl External {
    pub fn new(proportional: bool) -> Self {
        Self {
            proportional,
            by_order: None,
            sides: Default::default(),
            traded: None,
            after: BTreeMap::new(),
            ahead: BTreeMap::new(),
            recorded: known::Recorded::default(),
            stats: Stats::default(),
        }
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Whether it takes updates of this kind: of single orders, or of levels and trades. The first one decides.
    pub fn takes(&mut self, by_order: bool) -> bool {
        *self.by_order.get_or_insert(by_order) == by_order
    }

    /// Best prices of the participant's own resting orders, with its own lots there.
    pub fn bbo(book: &Book) -> Bbo {
        Bbo { bid: best_own(book, Side::Buy), ask: best_own(book, Side::Sell) }
    }

    /// Notes where an agent's order joined a queue: behind the own orders up to `latest_own`.
    pub fn follow(&mut self, row: &Event, latest_own: u32) {
        let keeps_place = row.kind == EventKind::Fill && row.leaves > 0
            || row.kind == EventKind::Replaced && row.flags & FLAG_PRIORITY_KEPT != 0
            || row.kind.is_reject();
        if !keeps_place {
            self.ahead.remove(&row.id());
        }
        match row.kind {
            EventKind::Accepted => {
                self.after.insert(row.id(), latest_own);
            }
            EventKind::Replaced if row.flags & FLAG_PRIORITY_KEPT == 0 => {
                self.after.insert(row.id(), latest_own);
            }
            EventKind::Cancelled => {
                self.after.remove(&row.id());
            }
            EventKind::Fill if row.leaves == 0 => {
                self.after.remove(&row.id());
            }
            _ => {}
        }
    }

    /// Whether any agent has a live order here.
    #[inline]
    pub fn has_company(&self) -> bool {
        !self.after.is_empty()
    }

    /// Tells of every agent's order before which more or fewer lots stand than when last looked.
    pub fn queues_moved(&mut self, book: &Book, mut tell: impl FnMut(OrderId, Lots)) {
        let Self { after, ahead, .. } = self;
        for &id in after.keys() {
            let Some(now) = book.queue_ahead(id) else {
                ahead.remove(&id);
                continue;
            };
            if ahead.insert(id, now).is_some_and(|before| before != now) {
                tell(id, now);
            }
        }
    }

    /// Agents have taken lots of the participant's order of this number: the next update brings back what was
    /// recorded, its level or the order itself.
    pub fn taken(&mut self, counter: u32, side: Side, price: Ticks, lots: Lots) {
        if self.by_order == Some(true) {
            self.stats.lots_taken += lots;
            self.order_taken(counter);
        } else {
            self.level_taken(side, price, lots);
        }
    }

    fn level_taken(&mut self, side: Side, price: Ticks, lots: Lots) {
        self.stats.lots_taken += lots;
        *self.sides[side.index()].dirty.note(price) += lots;
    }

    /// Adds recorded lots behind everybody at a price; they meet agents' crossing orders up to their size.
    /// Where the participant's own other side stands in the way they wait (`false`): what was recorded as
    /// crossed did not trade with itself, so it must not here.
    #[inline]
    fn add(&mut self, desk: &mut Desk, side: Side, price: Ticks, lots: Lots) -> bool {
        if meets_own(desk.book(), side, price) {
            self.stats.held_back += 1;
            return false;
        }
        // Nobody stands behind an own order that is the last: what joins it passes nobody.
        let last = desk.book().last_order(side, price).filter(|(_, id, _)| id.agent == EXTERNAL_BOOK);
        if last.is_some_and(|(place, ..)| desk.grow_at(place, lots)) {
            return true;
        }
        let filled = desk.place(EXTERNAL_BOOK, side, TimeInForce::Gtc, price, lots);
        if filled > 0 {
            self.level_taken(side, price, filled);
        }
        true
    }
}
