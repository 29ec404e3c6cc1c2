//! The participant's place at a venue: what it does there is written down, for the kernel to settle.

use crate::book::Book;
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

/// A step and where its rows begin; they end where the next step's begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// None: an operation that only recorded flow has (reduce, grow, print).
    command: Option<Command>,
    first_row: usize,
}

/// Commands and rows of one update, in order.
#[derive(Default)]
pub struct Journal {
    steps: Vec<Step>,
    pub rows: Vec<Event>,
}

impl Journal {
    pub fn clear(&mut self) {
        self.steps.clear();
        self.rows.clear();
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// A step's command, if it was one, and its rows.
    pub fn step(&mut self, number: usize) -> (Option<&Command>, &mut [Event]) {
        let Self { steps, rows } = self;
        let end = steps.get(number + 1).map_or(rows.len(), |next| next.first_row);
        let step = &steps[number];
        (step.command.as_ref(), &mut rows[step.first_row..end])
    }

    fn begin(&mut self, command: Option<Command>) -> &mut Vec<Event> {
        self.steps.push(Step { command, first_row: self.rows.len() });
        &mut self.rows
    }
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

    /// A limit order that passes the participant's own orders by; gives the lots that traded at once.
    pub fn place(&mut self, agent: AgentId, side: Side, tif: TimeInForce, price: Ticks, lots: Lots) -> Lots {
        let id = self.counters.next(agent);
        let order = NewOrder {
            tif,
            stp: SelfTradePrevention::Pass,
            ..NewOrder::limit(id, self.listing, side, price, lots)
        };
        let command = Command::New(order);
        let first_row = self.journal.rows.len();
        self.venue.process(self.now, &command, self.journal.begin(Some(command)));
        let rows = &self.journal.rows[first_row..];
        rows.iter().filter(|row| row.kind == EventKind::Fill && row.id() == id).map(|row| row.size).sum()
    }

    /// Recorded lots leave an own order, as far as they are still there: agents' stops and pegs answer every
    /// step, and may have taken some.
    pub fn reduce(&mut self, id: OrderId, lots: Lots) {
        let done = self.venue.reduce_by(self.now, self.listing, id, lots, self.journal.begin(None));
        let gone = Err(RejectReason::UnknownOrder);
        assert!(done.is_ok() || done == gone, "recorded flow takes lots of its own orders");
    }

    /// Recorded lots join an own order in place; `false` if it is gone or would grow too large.
    pub fn grow(&mut self, id: OrderId, lots: Lots) -> bool {
        self.venue.grow_by(self.now, self.listing, id, lots, self.journal.begin(None)).is_ok()
    }

    /// Reports recorded lots in which no agent took part.
    pub fn print(&mut self, aggressor: Side, price: Ticks, lots: Lots) {
        let rows = self.journal.begin(None);
        self.venue.print_trade(self.now, self.listing, aggressor, price, lots, rows);
    }
}
