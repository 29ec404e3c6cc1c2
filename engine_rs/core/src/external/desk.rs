//! The participant's place at a venue: what it does there is written down, for the kernel to settle.

use crate::book::{Book, Slot};
use crate::event::{Event, EventKind, RejectReason};
use crate::order::{Command, NewOrder, SelfTradePrevention, TimeInForce};
use crate::types::{AgentId, EXTERNAL_BOOK, ListingId, Lots, Nanos, OrderId, Phase, Side, Ticks};
use crate::venue::Venue;

/// Last order numbers of the two accounts, over all listings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    book: u32,
    taker: u32,
}

impl Counters {
    /// Number of the book account's newest order.
    pub fn latest_own(self) -> u32 {
        self.book
    }

    fn next(&mut self, agent: AgentId) -> OrderId {
        let last = if agent == EXTERNAL_BOOK { &mut self.book } else { &mut self.taker };
        // The oldest numbers are long dead when they come round again; 0 stands for no order.
        *last = last.checked_add(1).unwrap_or(1);
        OrderId::new(agent, *last)
    }
}

/// Rows of one update, in order, and which of them answer an order that the participant placed. All other steps
/// (reduce, grow, print) are operations that only recorded flow has; of those a log says no command.
#[derive(Default)]
pub struct Journal {
    pub rows: Vec<Event>,
    /// Number of its first row, and how long the order may live.
    placed: Vec<(usize, TimeInForce)>,
}

impl Journal {
    pub fn clear(&mut self) {
        self.rows.clear();
        self.placed.clear();
    }

    /// How many orders were placed.
    #[inline]
    pub fn placed(&self) -> usize {
        self.placed.len()
    }

    /// Number of the first row of an order that was placed, and the command, unless it was refused: the row
    /// says all else of it.
    #[inline]
    pub fn command(&self, number: usize) -> (usize, Option<Command>) {
        let (row, tif) = self.placed[number];
        let Event { kind, listing, side, price, size, .. } = self.rows[row];
        let placed = || Command::New(order(self.rows[row].id(), listing, side, tif, price, size));
        (row, (kind == EventKind::Accepted).then(placed))
    }
}

/// A limit order that passes the participant's own orders by.
#[inline]
fn order(
    id: OrderId,
    listing: ListingId,
    side: Side,
    tif: TimeInForce,
    price: Ticks,
    lots: Lots,
) -> NewOrder {
    let stp = SelfTradePrevention::Pass;
    NewOrder { tif, stp, ..NewOrder::limit(id, listing, side, price, lots) }
}

/// One listing at one instant.
pub struct Desk<'a> {
    pub now: Nanos,
    pub venue: &'a mut Venue,
    /// The venue's own number.
    pub listing: ListingId,
    pub counters: &'a mut Counters,
    pub journal: &'a mut Journal,
}

impl Desk<'_> {
    pub fn book(&self) -> &Book {
        self.venue.book(self.listing)
    }

    /// Whether the venue takes orders now.
    pub fn is_open(&self) -> bool {
        self.venue.phase() == Phase::Continuous
    }

    /// Places a limit order that passes the participant's own orders by; gives the lots that traded at once.
    #[inline(always)]
    pub fn place(&mut self, agent: AgentId, side: Side, tif: TimeInForce, price: Ticks, lots: Lots) -> Lots {
        let order = order(self.counters.next(agent), self.listing, side, tif, price, lots);
        let first_row = self.journal.rows.len();
        self.journal.placed.push((first_row, tif));
        self.venue.enter(self.now, &order, &mut self.journal.rows);
        let rows = &self.journal.rows[first_row..];
        if rows.len() == 1 {
            return 0;
        }
        rows.iter()
            .filter(|row| row.kind == EventKind::Fill && row.id() == order.id)
            .map(|row| row.size)
            .sum()
    }

    /// Recorded lots leave an own order, as far as they are still there: agents' stops and pegs answer every
    /// step, and may have taken some.
    pub fn reduce(&mut self, id: OrderId, lots: Lots) {
        let done = self.venue.reduce_by(self.now, self.listing, id, lots, &mut self.journal.rows);
        let gone = Err(RejectReason::UnknownOrder);
        assert!(done.is_ok() || done == gone, "recorded flow takes lots of its own orders");
    }

    /// The same of an order whose place in memory has just been looked up.
    #[inline]
    pub fn reduce_at(&mut self, place: Slot, lots: Lots) {
        self.venue.reduce_at(self.now, self.listing, place, lots, &mut self.journal.rows);
    }

    /// As `grow`, of an order whose place in memory has just been looked up.
    #[inline]
    pub fn grow_at(&mut self, place: Slot, lots: Lots) -> bool {
        self.venue.grow_at(self.now, self.listing, place, lots, &mut self.journal.rows).is_ok()
    }

    /// Recorded lots join an own order in place; `false` if it is gone or would grow too large.
    pub fn grow(&mut self, id: OrderId, lots: Lots) -> bool {
        self.venue.grow_by(self.now, self.listing, id, lots, &mut self.journal.rows).is_ok()
    }

    /// Reports recorded lots in which no agent took part.
    pub fn print(&mut self, aggressor: Side, price: Ticks, lots: Lots) {
        let rows = &mut self.journal.rows;
        self.venue.print_trade(self.now, self.listing, aggressor, price, lots, rows);
    }
}
