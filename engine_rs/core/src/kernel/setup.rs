//! What exists: assets, venues, instruments, listings, sites, agents, links, deposits. `start` freezes it.

use std::collections::VecDeque;

use super::Kernel;
use super::error::{KernelError, Result};
use super::gateway::{Credit, Gateway, Terms};
use super::inflow::Inflow;
use super::log::EventLog;
use super::market::{Market, Participant, Totals};
use super::queue::Queue;
use super::slab::Slab;
use super::tape::Tape;
use crate::book::Touch;
use crate::external::{Counters, Journal};
use crate::hash::name_hash;
use crate::latency::Latency;
use crate::ledger::Ledger;
use crate::order::SelfTradePrevention;
use crate::types::{
    AgentId, AssetId, EXTERNAL_BOOK, EXTERNAL_TAKER, FIRST_USER_AGENT, InstrumentId, ListingId, Nanos,
    ProfileId, VenueId,
};
use crate::venue::{ListingSpec, Venue};

const RESERVED_NAMES: [&str; FIRST_USER_AGENT as usize] =
    ["fees", "external-book", "external-taker", "market", "transit"];

pub(super) struct VenueSlot {
    pub name: String,
    pub venue: Venue,
    /// The kernel's numbers of its listings, by the venue's own.
    pub markets: Vec<usize>,
    /// The first time that a timer is set for.
    pub timer: Option<Nanos>,
}

/// What is traded: `base` for `quote`.
pub(super) struct Instrument {
    pub name: String,
    pub base: AssetId,
    pub quote: AssetId,
}

/// A place where agents sit.
pub(super) struct Profile {
    pub name: String,
    /// By venue.
    pub data: Vec<Latency>,
    pub consolidated: Option<Latency>,
}

/// A listing to be added.
#[derive(Clone, Copy, Debug)]
pub struct MarketSpec {
    pub venue: i64,
    pub instrument: i64,
    pub numbers: ListingSpec,
}

/// An agent to be added.
#[derive(Clone, Copy, Debug)]
pub struct AgentSpec {
    pub profile: i64,
    pub credit: Credit,
    pub stp: SelfTradePrevention,
    /// How long it thinks before what it sends leaves.
    pub decision_ns: Nanos,
}

/// The place of a thing that a caller names by number.
pub(super) fn known<T>(things: &[T], number: i64, what: &str) -> Result<usize> {
    match usize::try_from(number) {
        Ok(place) if place < things.len() => Ok(place),
        _ => KernelError::argument(format!(
            "unknown {what} {number}: there are {}, counted from 0",
            things.len()
        )),
    }
}

fn unused<'a>(mut names: impl Iterator<Item = &'a String>, name: &str, what: &str) -> Result<()> {
    match names.any(|used| used == name) {
        true => KernelError::argument(format!("{what} {name:?} exists already: names are unique")),
        false => Ok(()),
    }
}

fn not_negative(value: i64, what: &str) -> Result<()> {
    match value {
        0.. => Ok(()),
        _ => KernelError::argument(format!("{what} is {value}: it cannot be negative")),
    }
}

/// Number of the last of `len` things.
fn last(len: usize) -> u32 {
    u32::try_from(len - 1).expect("fewer than 2^32 of anything")
}

impl Kernel {
    pub fn new(seed: u64, pooled: bool) -> Self {
        let mut log = EventLog::default();
        for name in RESERVED_NAMES {
            log.name_agent(name_hash(name));
        }
        Self {
            seed,
            pooled,
            started: false,
            closed: false,
            now: 0,
            events: 0,
            entries_now: 0,
            last_actor: None,
            assets: Vec::new(),
            venues: Vec::new(),
            instruments: Vec::new(),
            markets: Vec::new(),
            profiles: Vec::new(),
            agents: Vec::new(),
            names: RESERVED_NAMES.map(String::from).to_vec(),
            deposits: Vec::new(),
            subscriptions: Vec::new(),
            consolidated_subscriptions: Vec::new(),
            links: Vec::new(),
            channels: Vec::new(),
            consolidated: Vec::new(),
            phase_lines: Vec::new(),
            queue: Queue::default(),
            commands: Slab::default(),
            transfers: Slab::default(),
            reports: Slab::default(),
            phases: Slab::default(),
            flow: Inflow::default(),
            ready: VecDeque::new(),
            ledger: Ledger::new(pooled),
            log,
            tape: Tape::default(),
            totals: Totals { notices: vec![0; RESERVED_NAMES.len()], ..Totals::default() },
            rows: Vec::new(),
            journal: Journal::default(),
            external_counters: Counters::default(),
            latest_push: 0,
        }
    }

    pub(super) fn before_start(&self) -> Result<()> {
        match self.started {
            true => KernelError::engine(
                "the set-up is frozen",
                "kernel",
                "Make every set-up call before start().",
            ),
            false => Ok(()),
        }
    }

    pub(super) fn after_start(&self) -> Result<()> {
        match self.started {
            false => KernelError::engine(
                "the kernel has not started",
                "kernel",
                "Call start() once the set-up is complete.",
            ),
            true => Ok(()),
        }
    }

    /// An asset. `decimals`, how many places an atom is behind the unit, is for people to read.
    pub fn add_asset(&mut self, name: &str, decimals: i64) -> Result<AssetId> {
        self.before_start()?;
        unused(self.assets.iter(), name, "asset")?;
        if !(0..=18).contains(&decimals) {
            return KernelError::argument(format!("asset {name:?} with {decimals} decimals: choose 0 to 18"));
        }
        self.assets.push(name.to_owned());
        Ok(last(self.assets.len()))
    }

    /// A venue, open for continuous trading.
    pub fn add_venue(&mut self, name: &str) -> Result<VenueId> {
        self.before_start()?;
        unused(self.venues.iter().map(|slot| &slot.name), name, "venue")?;
        let mut venue = Venue::new();
        // Recorded flow paid its fees where it was recorded, and its two accounts are one market.
        venue.set_owner(EXTERNAL_TAKER, EXTERNAL_BOOK);
        venue.set_exempt(EXTERNAL_BOOK);
        venue.set_exempt(EXTERNAL_TAKER);
        self.venues.push(VenueSlot { name: name.to_owned(), venue, markets: Vec::new(), timer: None });
        for profile in &mut self.profiles {
            profile.data.push(Latency::ZERO);
        }
        Ok(last(self.venues.len()))
    }

    /// An instrument: `base` is bought and sold for `quote`.
    pub fn add_instrument(&mut self, name: &str, base: i64, quote: i64) -> Result<InstrumentId> {
        self.before_start()?;
        let base_place = known(&self.assets, base, "asset")?;
        let quote_place = known(&self.assets, quote, "asset")?;
        unused(self.instruments.iter().map(|instrument| &instrument.name), name, "instrument")?;
        if base == quote {
            return KernelError::argument(format!(
                "instrument {name:?} is quoted in its own base: choose two assets"
            ));
        }
        let instrument =
            Instrument { name: name.to_owned(), base: base_place as AssetId, quote: quote_place as AssetId };
        self.instruments.push(instrument);
        Ok(last(self.instruments.len()))
    }

    /// Lists an instrument on a venue; the number counts over all venues.
    pub fn add_listing(&mut self, spec: MarketSpec) -> Result<ListingId> {
        self.before_start()?;
        let venue = known(&self.venues, spec.venue, "venue")? as VenueId;
        let instrument = known(&self.instruments, spec.instrument, "instrument")? as InstrumentId;
        if self.markets.iter().any(|market| (market.venue, market.instrument) == (venue, instrument)) {
            return KernelError::argument(format!(
                "instrument {instrument} is listed on venue {venue} already"
            ));
        }
        let Instrument { base, quote, .. } = self.instruments[instrument as usize];
        let numbers = spec.numbers;
        let terms = Terms {
            // Filled in at the start, when the number of assets is known.
            base_slot: 0,
            quote_slot: 0,
            tick_lot_atoms: numbers.tick_lot_atoms(),
            lot_atoms: numbers.lot_atoms(),
            worst_fee_e8: numbers.maker_fee_e8().max(numbers.taker_fee_e8()).max(0),
        };
        self.venues[venue as usize].markets.push(self.markets.len());
        self.markets.push(Market {
            venue,
            local: self.venues[venue as usize].venue.add_listing(numbers),
            instrument,
            base,
            quote,
            terms,
            levels: 0,
            published: Touch::EMPTY,
            published_depth: Default::default(),
            update_no: 0,
            prints: Vec::new(),
            last_trade: None,
            external: None,
        });
        self.totals.volume.push(0);
        Ok(last(self.markets.len()))
    }

    /// A site profile; its market data has no delay until one is set.
    pub fn add_profile(&mut self, name: &str) -> Result<ProfileId> {
        self.before_start()?;
        unused(self.profiles.iter().map(|profile| &profile.name), name, "profile")?;
        let data = vec![Latency::ZERO; self.venues.len()];
        self.profiles.push(Profile { name: name.to_owned(), data, consolidated: None });
        Ok(last(self.profiles.len()))
    }

    /// How late a venue's market data, and its changes of phase, are at a site.
    pub fn set_data_latency(&mut self, profile: i64, venue: i64, model: Latency) -> Result<()> {
        self.before_start()?;
        let venue = known(&self.venues, venue, "venue")?;
        let profile = known(&self.profiles, profile, "profile")?;
        self.profiles[profile].data[venue] = model;
        Ok(())
    }

    /// Gives a site a consolidated view over venues, this late.
    pub fn set_consolidated_latency(&mut self, profile: i64, model: Latency) -> Result<()> {
        self.before_start()?;
        let profile = known(&self.profiles, profile, "profile")?;
        self.profiles[profile].consolidated = Some(model);
        Ok(())
    }

    /// A participant; it may send once the kernel has started.
    pub fn add_agent(&mut self, name: &str, spec: AgentSpec) -> Result<AgentId> {
        self.before_start()?;
        let profile = known(&self.profiles, spec.profile, "profile")? as ProfileId;
        unused(self.names.iter(), name, "agent")?;
        not_negative(spec.decision_ns, "decision_ns")?;
        if spec.stp == SelfTradePrevention::Pass {
            return KernelError::argument(format!(
                "agent {name:?} with self-trade prevention PASS, which is for recorded flow: choose NONE 0, NEWEST 1, \
                 OLDEST 3, BOTH 4 or DECREMENT 5"
            ));
        }
        self.agents.push(Participant {
            profile,
            stp: spec.stp,
            decision_ns: spec.decision_ns,
            enabled: true,
            gateway: Gateway::new(spec.credit),
            max_order_lots: Vec::new(),
            link_models: Vec::new(),
        });
        self.names.push(name.to_owned());
        self.log.name_agent(name_hash(name));
        self.totals.notices.push(0);
        Ok(last(self.names.len()))
    }
}
