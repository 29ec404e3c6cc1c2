//! Protocols of exchanges: what to send, and what their messages say. One file each; no socket, no clock.
//!
//! A new protocol is a file here that implements [`Protocol`], and one line in [`VENUES`].

mod binance;
mod bybit;
mod coinbase;
#[cfg(test)]
mod kit;
mod kraken;
mod levels;
mod okx;

use crate::book::{Book, Known, Level};
use crate::event::{Nanos, Trade};
use crate::grid::Grid;

/// Every venue that can be connected to.
pub const VENUES: [&Venue; 5] =
    [&binance::VENUE, &coinbase::VENUE, &kraken::VENUE, &okx::VENUE, &bybit::VENUE];

/// The venue of that name.
pub fn venue(name: &str) -> Option<&'static Venue> {
    VENUES.into_iter().find(|venue| venue.name == name)
}

/// How a quiet connection is kept, and its peer asked whether it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// A WebSocket ping after so long without a frame.
    Frame(Nanos),
    /// The protocol's own ping after so long without a frame.
    Quiet(Nanos),
    /// The protocol's own ping every so often, whatever comes.
    Every(Nanos),
}

/// Facts about a venue that do not change with its messages.
pub struct Venue {
    pub name: &'static str,
    pub ws_url: &'static str,
    pub rest_url: &'static str,
    pub keep_alive: KeepAlive,
    /// Levels a side to ask for where the caller does not say; None: the whole book.
    pub default_depth: Option<usize>,
    /// What may be asked for; empty: anything.
    pub depths: &'static [usize],
    /// The book's beginning comes by REST rather than in band.
    pub snapshot_by_rest: bool,
    /// What a snapshot of so many levels costs of the venue's allowance; 0 where there is none.
    pub snapshot_weight: fn(depth: Option<usize>) -> u64,
    /// The venue keeps only so many levels up to date as were asked for.
    pub window: bool,
    /// A sequence break concerns every subscription of the connection.
    pub connection_sequence: bool,
    /// Trade ids of a symbol have no holes.
    pub trade_ids_have_no_holes: bool,
    /// Nothing but the checksum proves that the book is right.
    pub checksum_is_only_proof: bool,
    /// A bid above an ask occurs while the venue's phase allows it, and is then no fault.
    pub may_be_crossed: bool,
    pub open: fn(depth: Option<usize>) -> Box<dyn Protocol>,
    /// Path and query that give tick and lot of a symbol by REST.
    pub instrument_path: fn(symbol: &str) -> String,
    /// (tick, lot) from the answer.
    pub read_instrument: fn(body: &str) -> Result<(String, String), Reject>,
}

/// The symbols of one connection, in the order of subscription.
#[derive(Clone, Debug, Default)]
pub struct Symbols(Vec<(String, Grid)>);

impl Symbols {
    pub fn new(symbols: Vec<(String, Grid)>) -> Self {
        Self(symbols)
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(other, _)| other == name)
    }

    pub fn name(&self, sub: usize) -> &str {
        &self.0[sub].0
    }

    pub fn grid(&self, sub: usize) -> &Grid {
        &self.0[sub].1
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// A channel of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Book,
    Trades,
}

/// Sizes of levels: of all (a snapshot) or of those that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookUpdate {
    pub snapshot: bool,
    /// Ids that it covers; equal where the venue gives one. 0 where it gives none.
    pub first_id: u64,
    pub last_id: u64,
    /// The id that it continues, where the venue says so.
    pub previous_id: Option<i64>,
    pub venue_ns: Option<Nanos>,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
    pub known: Known,
    pub checksum: Option<u32>,
}

impl BookUpdate {
    /// Memory that it holds, about.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + (self.bids.capacity() + self.asks.capacity()) * size_of::<Level>()
    }
}

/// What a frame says; one frame may say several things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Book(usize, BookUpdate),
    Trades {
        sub: usize,
        /// Trades of the past, sent with the subscription: no news.
        past: bool,
        trades: Vec<Trade>,
    },
    /// Subscribed. None: every symbol, every channel.
    Ack(Option<usize>, Option<Channel>),
    /// The venue will not serve this symbol, or refuses what was asked for (None: cannot be told whose).
    Refused(Option<usize>, String),
    /// The connection's own number of this frame.
    Sequence(u64),
    /// The venue has trouble (maintenance): what its books say may be old. Or it is over.
    Trouble(Option<String>),
    /// The venue asks for a new connection.
    ReconnectSoon(String),
}

/// Whom an unusable message concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concerns {
    Book(usize),
    Trades(usize),
    /// Cannot be told: every book of the connection may have missed something.
    Connection,
}

/// A message that cannot be used; nothing of it has been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub concerns: Concerns,
    pub why: String,
}

impl Reject {
    pub fn connection(why: impl ToString) -> Self {
        Self { concerns: Concerns::Connection, why: why.to_string() }
    }

    pub fn book(sub: usize, why: impl ToString) -> Self {
        Self { concerns: Concerns::Book(sub), why: why.to_string() }
    }

    pub fn trades(sub: usize, why: impl ToString) -> Self {
        Self { concerns: Concerns::Trades(sub), why: why.to_string() }
    }
}

/// What an update is to the book it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    Next,
    /// The book has it already.
    Old,
    /// The ids between are missing, as far as the venue tells.
    Gap(Option<(u64, u64)>),
}

/// One connection's conversation with a venue.
pub trait Protocol: Send {
    /// Messages that subscribe to book and trades of these symbols.
    fn subscribe(&mut self, symbols: &Symbols, subs: &[usize]) -> Vec<String>;

    /// Messages that make the venue send a new snapshot of one book; none where that takes a new connection or
    /// a REST request.
    fn resubscribe(&mut self, symbols: &Symbols, sub: usize) -> Vec<String>;

    /// Reads a frame. What it says goes to `out`, in order; nothing of an unusable frame does.
    fn read(&mut self, frame: &str, symbols: &Symbols, out: &mut Vec<Message>) -> Result<(), Reject>;

    /// Whether a diff continues the book, which stands at `last_id`.
    fn continuity(&self, last_id: u64, update: &BookUpdate) -> Continuity;

    /// Whether `book` has the checksum that came with an update; None where there is none to check.
    fn checksum(&self, _symbols: &Symbols, _sub: usize, _book: &Book, _update: &BookUpdate) -> Option<bool> {
        None
    }

    /// A ping in the venue's own form.
    fn ping(&mut self) -> Option<String> {
        None
    }

    /// Path and query of a snapshot by REST.
    fn snapshot_path(&self, _symbol: &str) -> String {
        unreachable!("only asked where snapshots come by REST")
    }

    fn read_snapshot(&self, _body: &str, _symbols: &Symbols, _sub: usize) -> Result<BookUpdate, Reject> {
        unreachable!("only asked where snapshots come by REST")
    }
}

/// A text cut to what fits a message.
pub fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(120).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// Tick and lot from decimals: 2 is "0.01".
fn step_of(decimals: u32) -> String {
    match decimals {
        0 => "1".to_owned(),
        some => format!("0.{}1", "0".repeat(some as usize - 1)),
    }
}
