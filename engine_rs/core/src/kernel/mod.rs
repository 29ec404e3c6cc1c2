//! The kernel: one clock, one queue of things to come, venues, accounts, links and delayed views.
//!
//! `setup` says what exists and `linking` who hears and reaches what, `sending` what agents ask for, `run` takes the next thing from the queue,
//! `clearing` books what a venue's rows cause, `publishing` lets market data out and in, `flow` is the
//! recorded market, `session` the phases and the end, `reading` what may be seen.

mod channel;
mod clearing;
mod error;
mod flow;
mod gateway;
mod inflow;
mod link;
mod linking;
mod log;
mod market;
mod notice;
mod publishing;
mod queue;
mod reading;
mod run;
mod sending;
mod session;
mod setup;
mod slab;
mod tape;

use std::collections::VecDeque;

pub use channel::TradePrint;
pub use error::{KernelError, Result};
pub use flow::{FlowEvent, FlowKind, FlowRow, FlowUpdate};
pub use gateway::Credit;
pub use log::ENCODING_VERSION;
pub use market::Totals;
pub use notice::{News, Notice, NoticeKind};
pub use reading::{ConsolidatedQuote, DepthView, QuoteView};
pub use run::{ENTRIES_AT_ONE_INSTANT, Turn};
pub use sending::{IGNORED, OrderRequest, TransferRequest};
pub use setup::{AgentSpec, MarketSpec};
pub use tape::{OrderColumns, QueueCause, QueueRow, QuoteRow, Tape, TradeRow};

use crate::event::Event;
use crate::external::{Counters, Journal};
use crate::ledger::{Ledger, Posting};
use crate::types::{AgentId, Nanos};
use channel::{Channel, ConsolidatedChannel, Subscription};
use inflow::Inflow;
use link::{Line, Link};
use log::{EventLog, TransferOrder};
use market::{Market, Participant, Pending, PhaseNews, Report};
use queue::Queue;
use setup::{Instrument, Profile, VenueSlot};
use slab::Slab;

/// A market of several venues under one clock. Ids count from 0 in order of creation; those that callers
/// give are checked, so they come in as `i64`.
pub struct Kernel {
    seed: u64,
    /// All balances at venue 0, with one prime broker.
    pooled: bool,
    started: bool,
    closed: bool,
    now: Nanos,
    /// Entries processed.
    events: u64,
    entries_now: u32,
    /// The agent of the last command, local reject or wake: whoever keeps an instant from ending.
    last_actor: Option<AgentId>,

    assets: Vec<String>,
    venues: Vec<VenueSlot>,
    instruments: Vec<Instrument>,
    markets: Vec<Market>,
    profiles: Vec<Profile>,
    /// Of the scenario; the first one is agent 5.
    agents: Vec<Participant>,
    /// Of all agents, the kernel's own included.
    names: Vec<String>,
    /// What was asked for before the start, which fulfils it.
    deposits: Vec<Posting>,
    subscriptions: Vec<(usize, Subscription)>,
    consolidated_subscriptions: Vec<(usize, AgentId)>,

    /// `agent index * venues + venue`, from `start` on.
    links: Vec<Link>,
    /// `market * profiles + profile`.
    channels: Vec<Channel>,
    consolidated: Vec<Option<ConsolidatedChannel>>,
    /// `profile * venues + venue`.
    phase_lines: Vec<Line>,

    queue: Queue,
    commands: Slab<Pending>,
    transfers: Slab<TransferOrder>,
    reports: Slab<Report>,
    phases: Slab<PhaseNews>,
    flow: Inflow,
    ready: VecDeque<Notice>,

    ledger: Ledger,
    log: EventLog,
    tape: Tape,
    totals: Totals,

    /// Room for the rows of one command, and for one recorded update, so that neither is allocated anew.
    rows: Vec<Event>,
    journal: Journal,
    external_counters: Counters,
    /// Time of the last recorded update handed in.
    latest_push: Nanos,
}

impl Kernel {
    /// Simulated time: that of the last entry, or where a run was asked to end.
    #[inline]
    pub fn now_ns(&self) -> Nanos {
        self.now
    }

    /// Entries processed so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// One number for everything that has happened so far.
    pub fn event_log_hash(&self) -> u64 {
        self.log.value()
    }

    /// The tape since it was last drained.
    pub fn tape(&mut self) -> &mut Tape {
        &mut self.tape
    }
}
