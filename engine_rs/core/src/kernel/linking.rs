//! Who reaches and hears what: links, limits, endowments, subscriptions; and the start, which opens every line.
//!
//! Each line draws from a stream named after its two ends, so one more agent leaves the others' draws alone.

use super::Kernel;
use super::channel::{Channel, ConsolidatedChannel, Subscription};
use super::error::{KernelError, Result};
use super::link::{Line, Link};
use super::setup::known;
use crate::external::External;
use crate::latency::Latency;
use crate::ledger::Posting;
use crate::types::{AgentId, AssetId, Atoms, FIRST_USER_AGENT, Lots, VenueId};

impl Kernel {
    /// Place of an agent of the scenario.
    #[inline]
    pub(super) fn agent_place(&self, agent: i64) -> Result<usize> {
        let first = i64::from(FIRST_USER_AGENT);
        match usize::try_from(agent.wrapping_sub(first)) {
            Ok(place) if place < self.agents.len() => Ok(place),
            _ => KernelError::argument(format!(
                "unknown agent {agent}: this kernel has {} agents, counted from {first}",
                self.agents.len()
            )),
        }
    }

    #[inline]
    pub(super) fn market_place(&self, listing: i64) -> Result<usize> {
        known(&self.markets, listing, "listing")
    }

    #[inline]
    pub(super) fn agent_id(place: usize) -> AgentId {
        place as AgentId + FIRST_USER_AGENT
    }

    /// Latency of an agent's orders to a venue and of the reports back.
    pub fn set_link(&mut self, agent: i64, venue: i64, entry: Latency, report: Latency) -> Result<()> {
        self.before_start()?;
        let agent = self.agent_place(agent)?;
        let venue = known(&self.venues, venue, "venue")?;
        let models = &mut self.agents[agent].link_models;
        models.resize(models.len().max(venue + 1), (Latency::ZERO, Latency::ZERO));
        models[venue] = (entry, report);
        Ok(())
    }

    /// Largest order of an agent on a listing; 0 for none.
    pub fn set_order_limit(&mut self, agent: i64, listing: i64, max_order_lots: Lots) -> Result<()> {
        self.before_start()?;
        let agent = self.agent_place(agent)?;
        let market = self.market_place(listing)?;
        if max_order_lots < 0 {
            return KernelError::argument(format!(
                "an order limit of {max_order_lots} lots: give 0 for none, or a positive number"
            ));
        }
        let limits = &mut self.agents[agent].max_order_lots;
        limits.resize(limits.len().max(market + 1), 0);
        limits[market] = max_order_lots;
        Ok(())
    }

    /// Endows an agent.
    pub fn deposit(&mut self, agent: i64, venue: i64, asset: i64, atoms: Atoms) -> Result<()> {
        self.before_start()?;
        let place = self.agent_place(agent)?;
        let venue = known(&self.venues, venue, "venue")? as VenueId;
        let asset = known(&self.assets, asset, "asset")? as AssetId;
        if atoms < 0 {
            return KernelError::argument(format!("a deposit of {atoms} atoms: it cannot be negative"));
        }
        let posting = Posting { agent: Self::agent_id(place), venue: self.account(venue), asset, atoms };
        self.ledger.grow(self.names.len(), self.venues.len(), self.assets.len());
        self.ledger.deposit(posting)?;
        self.deposits.push(posting);
        self.log.posting(posting, 0);
        Ok(())
    }

    /// Adds to what an agent hears of a listing; `depth` levels a side, 0 for none.
    pub fn subscribe(
        &mut self,
        agent: i64,
        listing: i64,
        quotes: bool,
        trades: bool,
        depth: i64,
    ) -> Result<()> {
        self.before_start()?;
        let place = self.agent_place(agent)?;
        let market = self.market_place(listing)?;
        let Ok(depth) = usize::try_from(depth) else {
            return KernelError::argument(format!(
                "a subscription to {depth} levels: give 0 for none, or a positive number"
            ));
        };
        let wish = Subscription { agent: Self::agent_id(place), quotes, trades, depth };
        self.subscriptions.push((market, wish));
        Ok(())
    }

    /// Lets an agent hear of every change of the best bid or offer of an instrument at any venue.
    pub fn subscribe_consolidated(&mut self, agent: i64, instrument: i64) -> Result<()> {
        self.before_start()?;
        let place = self.agent_place(agent)?;
        let instrument = known(&self.instruments, instrument, "instrument")?;
        let profile = &self.profiles[self.agents[place].profile as usize];
        if profile.consolidated.is_none() {
            return KernelError::argument(format!(
                "profile {:?} has no consolidated view: set its latency first",
                profile.name
            ));
        }
        self.consolidated_subscriptions.push((instrument, Self::agent_id(place)));
        Ok(())
    }

    /// Lets a recorded market trade on a listing; `proportional`: cancellations come from a whole queue alike
    /// instead of from its back.
    pub fn add_external(&mut self, listing: i64, proportional: bool) -> Result<()> {
        self.before_start()?;
        let market = self.market_place(listing)?;
        self.markets[market].external = Some(External::new(proportional));
        Ok(())
    }

    /// Freezes the set-up and opens every line.
    pub fn start(&mut self) -> Result<()> {
        self.before_start()?;
        self.started = true;
        self.ledger.grow(self.names.len(), self.venues.len(), self.assets.len());
        self.open_accounts()?;
        self.open_links();
        self.open_channels();
        self.fulfil_subscriptions();
        Ok(())
    }

    /// Where balances of a venue are kept: pooled accounts are all at venue 0.
    #[inline]
    pub(super) const fn account(&self, venue: VenueId) -> VenueId {
        if self.pooled { 0 } else { venue }
    }

    /// Place of an account in a gateway's balances.
    #[inline]
    pub(super) fn slot(&self, venue: VenueId, asset: AssetId) -> usize {
        self.account(venue) as usize * self.assets.len() + asset as usize
    }

    fn open_accounts(&mut self) -> Result<()> {
        for place in 0..self.markets.len() {
            let (venue, base, quote) = {
                let market = &self.markets[place];
                (market.venue, market.base, market.quote)
            };
            let (base_slot, quote_slot) = (self.slot(venue, base), self.slot(venue, quote));
            let terms = &mut self.markets[place].terms;
            (terms.base_slot, terms.quote_slot) = (base_slot, quote_slot);
        }
        let slots = self.venues.len() * self.assets.len();
        for agent in &mut self.agents {
            agent.gateway.open_slots(slots);
            agent.max_order_lots.resize(self.markets.len(), 0);
        }
        for Posting { agent, venue, asset, atoms } in std::mem::take(&mut self.deposits) {
            let slot = self.slot(venue, asset);
            self.agents[(agent - FIRST_USER_AGENT) as usize].gateway.credit(slot, atoms)?;
        }
        Ok(())
    }

    fn open_links(&mut self) {
        let Self { agents, venues, names, links, seed, .. } = self;
        for (place, agent) in agents.iter_mut().enumerate() {
            let name = &names[place + FIRST_USER_AGENT as usize];
            let mut models = std::mem::take(&mut agent.link_models);
            models.resize(venues.len(), (Latency::ZERO, Latency::ZERO));
            for (slot, (entry_model, report_model)) in venues.iter().zip(models) {
                links.push(Link {
                    entry_model,
                    report_model,
                    entry: Line::new(*seed, &["entry", name, &slot.name]),
                    report: Line::new(*seed, &["report", name, &slot.name]),
                });
            }
        }
    }

    fn open_channels(&mut self) {
        let Self { markets, profiles, venues, instruments, seed, .. } = self;
        for market in markets.iter() {
            let venue = &venues[market.venue as usize].name;
            let instrument = &instruments[market.instrument as usize].name;
            for profile in profiles.iter() {
                let line = |what| Line::new(*seed, &[what, &profile.name, venue, instrument]);
                self.channels.push(Channel::new(line("data")));
                let consolidated = profile.consolidated.as_ref();
                self.consolidated.push(consolidated.map(|_| ConsolidatedChannel::new(line("consolidated"))));
            }
        }
        for profile in profiles.iter() {
            for slot in venues.iter() {
                self.phase_lines.push(Line::new(*seed, &["phase", &profile.name, &slot.name]));
            }
        }
    }

    fn fulfil_subscriptions(&mut self) {
        let sites = self.profiles.len();
        let site = |agents: &[super::market::Participant], agent: AgentId| {
            agents[(agent - FIRST_USER_AGENT) as usize].profile as usize
        };
        for (market, wish) in std::mem::take(&mut self.subscriptions) {
            self.channels[market * sites + site(&self.agents, wish.agent)].subscribe(wish);
            let levels = &mut self.markets[market].levels;
            *levels = (*levels).max(wish.depth);
        }
        for (instrument, agent) in std::mem::take(&mut self.consolidated_subscriptions) {
            let site = site(&self.agents, agent);
            for (place, market) in self.markets.iter().enumerate() {
                if market.instrument as usize == instrument {
                    let channel = self.consolidated[place * sites + site].as_mut();
                    channel.expect("checked when it subscribed").subscribe(agent);
                }
            }
        }
    }
}
