//! What the kernel tells an agent, one notice at a time.

use super::channel::TradePrint;
use crate::book::Bbo;
use crate::event::Event;
use crate::types::{AgentId, InstrumentId, ListingId, Nanos, Phase, VenueId};

closed_codes! {
    /// The public codes of the notices; the first item of the tuple that Python sees.
    NoticeKind { Wake = 0, Quote = 1, Trade = 2, Book = 3, Report = 4, Phase = 5, Consolidated = 6 }
}

/// A notice for one agent at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    pub time_ns: Nanos,
    pub agent: AgentId,
    pub news: News,
}

/// What it says. Listings are the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Wake,
    /// The touch changed.
    Quote {
        listing: ListingId,
        bbo: Bbo,
        update_no: u64,
        published_ns: Nanos,
    },
    /// A public trade.
    Trade {
        listing: ListingId,
        print: TradePrint,
    },
    /// The subscribed levels changed.
    Book {
        listing: ListingId,
    },
    /// A report on the agent's own order.
    Report(Event),
    Phase {
        venue: VenueId,
        phase: Phase,
        /// The one listing it concerns; none: all of the venue's.
        listing: Option<ListingId>,
    },
    /// The best bid or offer of an instrument changed at some venue.
    Consolidated {
        instrument: InstrumentId,
    },
}
