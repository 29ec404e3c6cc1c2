//! What an agent has been told; and, for observers only, how things truly are.

use super::Kernel;
use super::channel::{Channel, TradePrint};
use super::error::{KernelError, Result};
use super::setup::known;
use crate::book::{Bbo, Book, DepthLevel, OrderState};
use crate::external::External;
use crate::types::{Atoms, Lots, Nanos, OrderId, Side, Ticks, VenueId};

/// The touch as an agent knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteView {
    pub bbo: Bbo,
    pub update_no: u64,
    pub published_ns: Nanos,
}

/// The levels as an agent knows them, bids then asks, each (price, lots) from the best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthView {
    pub sides: [Vec<(Ticks, Lots)>; 2],
    pub published_ns: Nanos,
}

/// The touch at one venue as a consolidated view knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsolidatedQuote {
    pub venue: VenueId,
    pub bbo: Bbo,
    pub published_ns: Nanos,
}

impl Kernel {
    /// Market data of a listing as it reaches an agent's site, up to now.
    fn channel(&mut self, agent: i64, listing: i64) -> Result<&Channel> {
        self.after_start()?;
        let site = self.agents[self.agent_place(agent)?].profile as usize;
        let channel = self.market_place(listing)? * self.profiles.len() + site;
        let channel = &mut self.channels[channel];
        channel.catch_up(self.now);
        Ok(channel)
    }

    /// The touch as last heard of; none before anything has arrived.
    pub fn bbo_view(&mut self, agent: i64, listing: i64) -> Result<Option<QuoteView>> {
        let current = self.channel(agent, listing)?.current();
        Ok(current.map(|last| QuoteView {
            bbo: last.bbo,
            update_no: last.update_no,
            published_ns: last.published_ns,
        }))
    }

    /// The levels that an agent subscribes to, as last heard of.
    pub fn depth_view(&mut self, agent: i64, listing: i64) -> Result<Option<DepthView>> {
        let told = self.depth_told(agent, listing)?;
        Ok(told.map(|(sides, published_ns)| DepthView { sides: sides.map(<[_]>::to_vec), published_ns }))
    }

    /// One side of it, for a caller that copies it.
    pub fn depth_view_side(
        &mut self,
        agent: i64,
        listing: i64,
        side: Side,
    ) -> Result<Option<&[(Ticks, Lots)]>> {
        Ok(self.depth_told(agent, listing)?.map(|(sides, _)| sides[side.index()]))
    }

    #[expect(clippy::type_complexity, reason = "two sides and their time")]
    fn depth_told(&mut self, agent: i64, listing: i64) -> Result<Option<([&[(Ticks, Lots)]; 2], Nanos)>> {
        let channel = self.channel(agent, listing)?;
        let levels = u32::try_from(agent).map_or(0, |agent| channel.levels_of(agent));
        if levels == 0 {
            return KernelError::argument(format!(
                "agent {agent} has no subscription to depth of listing {listing}: subscribe before start"
            ));
        }
        let Some(last) = channel.current() else { return Ok(None) };
        let Some(depth) = &last.depth else { return Ok(None) };
        let sides = [0, 1].map(|side| {
            let side = &depth.sides[side];
            &side[..levels.min(side.len())]
        });
        Ok(Some((sides, last.published_ns)))
    }

    /// The last trade heard of.
    pub fn last_trade_view(&mut self, agent: i64, listing: i64) -> Result<Option<TradePrint>> {
        Ok(self.channel(agent, listing)?.last_trade())
    }

    /// The touch of an instrument at every venue heard of, in the order of listings.
    pub fn consolidated_view(&mut self, agent: i64, instrument: i64) -> Result<Vec<ConsolidatedQuote>> {
        self.after_start()?;
        let site = self.agents[self.agent_place(agent)?].profile as usize;
        let instrument = known(&self.instruments, instrument, "instrument")?;
        let mut view = Vec::new();
        for (place, market) in self.markets.iter().enumerate() {
            let channel = &mut self.consolidated[place * self.profiles.len() + site];
            if let Some(channel) = channel.as_mut().filter(|_| market.instrument as usize == instrument) {
                channel.catch_up(self.now);
                if let Some((published_ns, bbo)) = channel.current() {
                    view.push(ConsolidatedQuote { venue: market.venue, bbo, published_ns });
                }
            }
        }
        Ok(view)
    }

    /// Atoms that an agent may spend, as far as its reports tell.
    pub fn spendable(&self, agent: i64, venue: i64, asset: i64) -> Result<Atoms> {
        let agent = self.agent_place(agent)?;
        let venue = known(&self.venues, venue, "venue")? as VenueId;
        let asset = known(&self.assets, asset, "asset")? as u32;
        if !self.started {
            // Until the start an agent has what was deposited.
            return Ok(self.ledger.balance(Self::agent_id(agent), venue, asset));
        }
        Ok(self.agents[agent].gateway.spendable(self.slot(venue, asset)))
    }

    /// True balance, reserved atoms included; of the kernel's own accounts too.
    pub fn balance(&self, agent: i64, venue: i64, asset: i64) -> Result<Atoms> {
        let agent = known(&self.names, agent, "agent")? as u32;
        let venue = known(&self.venues, venue, "venue")? as VenueId;
        let asset = known(&self.assets, asset, "asset")? as u32;
        Ok(self.ledger.balance(agent, venue, asset))
    }

    fn book(&self, listing: i64) -> Result<&Book> {
        let market = &self.markets[self.market_place(listing)?];
        Ok(self.venues[market.venue as usize].venue.book(market.local))
    }

    pub fn true_bbo(&self, listing: i64) -> Result<Bbo> {
        Ok(self.book(listing)?.bbo())
    }

    pub fn true_depth(&self, listing: i64, side: Side, levels: usize) -> Result<Vec<DepthLevel>> {
        Ok(self.book(listing)?.depth(side, levels).collect())
    }

    /// The best prices of a recorded market's own resting orders, with its own lots there.
    pub fn external_bbo(&self, listing: i64) -> Result<Bbo> {
        self.external_place(listing)?;
        Ok(External::bbo(self.book(listing)?))
    }

    /// Price of the last trade, recorded ones included.
    pub fn last_trade(&self, listing: i64) -> Result<Option<Ticks>> {
        Ok(self.markets[self.market_place(listing)?].last_trade)
    }

    /// Live orders, bids then asks, by priority.
    pub fn open_orders(&self, listing: i64) -> Result<Vec<(OrderId, OrderState)>> {
        Ok(self.book(listing)?.live_orders().collect())
    }

    /// Lots before a live order at its price; none if it does not rest.
    pub fn queue_ahead(&self, agent: i64, counter: i64) -> Option<Lots> {
        let id = OrderId::new(u32::try_from(agent).ok()?, u32::try_from(counter).ok()?);
        // Agents count their orders over all listings, so at most one book knows this one; the external
        // participant does too.
        self.markets
            .iter()
            .find_map(|market| self.venues[market.venue as usize].venue.book(market.local).queue_ahead(id))
    }

    /// Per asset all balances less all deposits, by a full scan: anything but 0 is a fault of the engine.
    pub fn ledger_imbalance(&self) -> Vec<i128> {
        (0..self.assets.len()).map(|asset| self.ledger.imbalance(asset as u32)).collect()
    }

    /// Phase, counters and books of a venue, as one number.
    pub fn state_hash(&self, venue: i64) -> Result<u64> {
        Ok(self.venues[known(&self.venues, venue, "venue")?].venue.state_hash())
    }
}
