//! What a feed tells its consumer.

use std::fmt;

use crate::book::Level;

/// Nanoseconds: since 1970 in stamps, since an arbitrary start where a clock only has to run evenly.
pub type Nanos = i64;

/// The instant at which something was received or is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Of an even clock that is never set; every deadline is on it.
    pub even_ns: Nanos,
    /// Of the machine's clock, since 1970; only stamps come from it.
    pub wall_ns: Nanos,
}

/// State of a subscription. The book is readable only when live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is no socket.
    Connecting,
    /// The socket is open; subscription or snapshot is awaited.
    Syncing,
    Live,
    /// The chain holds, but nothing has been heard for too long.
    Stale,
    /// A gap, a wrong checksum or a crossed book: a new snapshot is awaited on the same socket.
    Resyncing,
    /// Given up; the reason says why.
    Failed,
    /// Ended by its owner.
    Stopped,
}

impl State {
    pub const ALL: [Self; 7] = [
        Self::Connecting,
        Self::Syncing,
        Self::Live,
        Self::Stale,
        Self::Resyncing,
        Self::Failed,
        Self::Stopped,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Resyncing => "resyncing",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// Why data are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapReason {
    Disconnected,
    Sequence,
    Checksum,
    Crossed,
    /// A message could not be read or was off the grid.
    Rejected,
    /// The venue began anew with a snapshot of its own.
    Restart,
    /// The consumer did not keep up.
    Overflow,
    /// Nothing came for so long that a new snapshot was asked for.
    Silent,
}

impl GapReason {
    pub const ALL: [Self; 8] = [
        Self::Disconnected,
        Self::Sequence,
        Self::Checksum,
        Self::Crossed,
        Self::Rejected,
        Self::Restart,
        Self::Overflow,
        Self::Silent,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Sequence => "sequence",
            Self::Checksum => "checksum",
            Self::Crossed => "crossed",
            Self::Rejected => "rejected",
            Self::Restart => "restart",
            Self::Overflow => "overflow",
            Self::Silent => "silent",
        }
    }
}

/// What is missing: the whole book, or only trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Book,
    Trades,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Self::Book => "book",
            Self::Trades => "trades",
        }
    }
}

/// Who began a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggressor {
    Buyer,
    Seller,
}

/// A venue's own number or name of a trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeId {
    Number(u64),
    Name(String),
}

impl TradeId {
    pub fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Number)
    }
}

impl fmt::Display for TradeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A whole book, or absolute sizes of the levels that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookEvent {
    pub snapshot: bool,
    pub first_id: u64,
    pub last_id: u64,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    pub venue_ns: Option<Nanos>,
    pub id: TradeId,
    pub aggressor: Aggressor,
    pub price: i64,
    pub size: i64,
}

/// Something was lost. `missing`: first and last id, where the venue tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub scope: Scope,
    pub reason: GapReason,
    pub missing: Option<(u64, u64)>,
    /// Events that were thrown away here.
    pub dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Book(BookEvent),
    Trade(Trade),
    State(State, String),
    Gap(Gap),
}

impl Body {
    /// Memory that it holds, about.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Self::Book(book) => (book.bids.capacity() + book.asks.capacity()) * size_of::<Level>(),
            Self::State(_, reason) => reason.capacity(),
            Self::Trade(Trade { id: TradeId::Name(name), .. }) => name.capacity(),
            Self::Trade(_) | Self::Gap(_) => 0,
        };
        size_of::<Event>() + held
    }

    /// State and gaps are always delivered: they are few, and without them a consumer would trust a wrong book.
    pub fn is_bulk(&self) -> bool {
        matches!(self, Self::Book(_) | Self::Trade(_))
    }
}

/// Something about the subscription `sub`, stamped when it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub sub: usize,
    /// Of this machine, since 1970; no two events of a feed share a stamp.
    pub recv_ns: Nanos,
    /// Of the venue, since 1970.
    pub venue_ns: Option<Nanos>,
    pub body: Body,
}
