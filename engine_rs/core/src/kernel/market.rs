//! What the kernel keeps of each listing and each agent while time runs.

use std::sync::Arc;

use super::channel::{Depth, TradePrint};
use super::gateway::{Gateway, Terms};
use crate::book::Touch;
use crate::command::CommandEx;
use crate::event::Event;
use crate::external::External;
use crate::latency::Latency;
use crate::order::{Command, SelfTradePrevention};
use crate::types::{AssetId, InstrumentId, ListingId, Lots, Nanos, Phase, ProfileId, Ticks, VenueId};

/// A listing within the kernel, and what has been published of it.
pub struct Market {
    pub venue: VenueId,
    /// The venue's own number.
    pub local: ListingId,
    pub instrument: InstrumentId,
    pub base: AssetId,
    pub quote: AssetId,
    pub terms: Terms,
    /// Levels a side of the deepest subscriber anywhere.
    pub levels: usize,
    pub published: Touch,
    pub published_depth: Arc<Depth>,
    pub update_no: u64,
    /// Trades since the last publication.
    pub prints: Vec<TradePrint>,
    pub last_trade: Option<Ticks>,
    pub external: Option<External>,
}

/// An agent of the scenario.
pub struct Participant {
    pub profile: ProfileId,
    pub stp: SelfTradePrevention,
    pub decision_ns: Nanos,
    pub enabled: bool,
    pub gateway: Gateway,
    /// By listing; 0: no limit.
    pub max_order_lots: Vec<Lots>,
    /// Until the start: latency to and from each venue, as far as set.
    pub link_models: Vec<(Latency, Latency)>,
}

/// A command on its way to its venue.
pub struct Pending {
    pub market: usize,
    pub command: Command,
    /// The same with its terms, if it carries any; apart, so that plain commands stay small.
    pub with_terms: Option<Box<CommandEx>>,
    pub sent_ns: Nanos,
}

/// A report on its way to its owner.
pub struct Report {
    pub row: Event,
    /// Whether it answers the owner's replacement; other changes of an order come unasked.
    pub answers: bool,
}

/// A change of phase on its way to a site.
pub struct PhaseNews {
    pub profile: ProfileId,
    pub venue: VenueId,
    pub phase: Phase,
    /// The one listing it concerns; none: all of the venue's.
    pub listing: Option<ListingId>,
}

/// Counts since the start, recorded flow's included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Accepted.
    pub orders: u64,
    /// Requested and done.
    pub cancels: u64,
    /// Of agents; what recorded flow grows and shrinks is no replacement.
    pub replaces: u64,
    pub rejects: u64,
    /// Matches.
    pub fills: u64,
    /// Lots traded, by listing.
    pub volume: Vec<Lots>,
    /// Notices handed out, by agent; the kernel's own get none.
    pub notices: Vec<u64>,
}
