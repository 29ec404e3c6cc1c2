//! Exact counts of what came and what became of it.

use crate::event::Nanos;

/// What became of a message; each has exactly one fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Without effect: replies, heartbeats, repeats, what a snapshot covers, what nobody asked for.
    Ignored,
    /// Kept until a snapshot has come.
    Buffered,
    /// It reached the consumer.
    Applied,
    /// Usable, but lost here: the consumer or a snapshot was too slow.
    Dropped,
    /// Unusable: unreadable, off the grid, out of sequence, against its checksum, crossed.
    Rejected,
}

/// Messages of a venue. At every moment `received` is the sum of the other five; `buffered` is 0 once every
/// book is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages {
    pub received: u64,
    pub applied: u64,
    pub ignored: u64,
    pub rejected: u64,
    pub dropped: u64,
    pub buffered: u64,
}

impl Messages {
    pub fn count(&mut self, fate: Fate) {
        self.received += 1;
        *self.of(fate) += 1;
    }

    /// The fate of `number` messages that were kept.
    pub fn settle(&mut self, fate: Fate, number: u64) {
        self.buffered -= number;
        *self.of(fate) += number;
    }

    /// Whether every message is accounted for.
    pub fn add_up(&self) -> bool {
        self.received == self.applied + self.ignored + self.rejected + self.dropped + self.buffered
    }

    fn of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Ignored => &mut self.ignored,
            Fate::Buffered => &mut self.buffered,
            Fate::Applied => &mut self.applied,
            Fate::Dropped => &mut self.dropped,
            Fate::Rejected => &mut self.rejected,
        }
    }
}

/// A venue's connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Attempts.
    pub connects: u64,
    pub disconnects: u64,
    /// Connections replaced by another before they ended.
    pub reconnects_planned: u64,
    pub bytes: u64,
    pub snapshots_asked: u64,
    pub last_error: String,
}

/// What became of one subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Snapshots of the venue that were taken as the book.
    pub snapshots: u64,
    pub diffs: u64,
    pub trades: u64,
    pub trades_repeated: u64,
    /// Trades while the book was not live: whom they met cannot be told.
    pub trades_untold: u64,
    /// Discontinuities told to the consumer.
    pub gaps: u64,
    pub resyncs: u64,
    pub checksum_ok: u64,
    pub checksum_bad: u64,
    pub crossed: u64,
    pub overflows: u64,
    /// Receipt minus the venue's stamp: of the last message, the least and the most. The venue's clock may be
    /// ahead.
    pub latency_ns: Option<(Nanos, Nanos, Nanos)>,
    pub last_recv_ns: Option<Nanos>,
}

impl Counts {
    /// Notes when something was received, and when the venue says it sent it.
    pub fn heard(&mut self, recv_ns: Nanos, venue_ns: Option<Nanos>) {
        self.last_recv_ns = Some(recv_ns);
        if let Some(latency) = venue_ns.map(|venue_ns| recv_ns.saturating_sub(venue_ns)) {
            let (_, least, most) = self.latency_ns.unwrap_or((latency, latency, latency));
            self.latency_ns = Some((latency, least.min(latency), most.max(latency)));
        }
    }
}
