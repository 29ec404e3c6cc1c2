//! Market data leaves a venue, and arrives later at each site.

use std::sync::Arc;

use super::Kernel;
use super::channel::{Depth, Publication, TradePrint, Update};
use super::error::Result;
use super::market::PhaseNews;
use super::notice::{News, Notice};
use super::queue::Entry;
use super::tape::{QueueCause, QueueRow};
use crate::book::{Book, Quote, Touch};
use crate::external::External;
use crate::types::{FIRST_USER_AGENT, InstrumentId, ListingId, Nanos, Phase, Side, VenueId};

fn depth_of(book: &Book, levels: usize) -> Depth {
    Depth {
        sides: Side::BOTH
            .map(|side| book.depth(side, levels).map(|level| (level.price, level.lots)).collect()),
    }
}

fn price_and_lots(quote: Option<Quote>) -> (i64, i64) {
    quote.map_or((0, 0), |quote| (quote.price, quote.lots))
}

impl Kernel {
    /// Publishes if the touch, a trade, or a level that somebody subscribes to is news. `extra` is a recorded
    /// delay on top of each site's own.
    #[inline]
    pub(super) fn publish_if_changed(&mut self, place: usize, extra: Nanos, cause: QueueCause) -> Result<()> {
        let market = &self.markets[place];
        if market.external.as_ref().is_some_and(External::has_company) {
            self.note_queues(place, cause);
        }
        let market = &self.markets[place];
        let touch = self.venues[market.venue as usize].venue.book(market.local).touch();
        if touch == market.published && market.prints.is_empty() && market.levels == 0 {
            return Ok(());
        }
        self.publish(place, touch, extra)
    }

    /// Writes down where the queue before an agent's order in a recorded market has changed.
    #[cold]
    fn note_queues(&mut self, place: usize, cause: QueueCause) {
        let (market, tape, time_ns) = (&mut self.markets[place], &mut self.tape, self.now);
        let book = self.venues[market.venue as usize].venue.book(market.local);
        let Some(external) = market.external.as_mut().filter(|_| tape.keep_orders) else { return };
        external.queues_moved(book, |id, ahead| {
            let (listing, cause) = (place as ListingId, cause.code());
            tape.queues.push(QueueRow {
                time_ns,
                ahead,
                listing,
                agent: id.agent,
                counter: id.counter,
                cause,
            });
        });
    }

    #[inline(never)]
    fn publish(&mut self, place: usize, touch: Touch, extra: Nanos) -> Result<()> {
        let now = self.now;
        let market = &mut self.markets[place];
        let book = self.venues[market.venue as usize].venue.book(market.local);
        let (bbo, bbo_changed) = (touch.bbo(), touch != market.published);
        let depth = (market.levels > 0).then(|| depth_of(book, market.levels));
        let depth = depth.filter(|depth| *depth != *market.published_depth);
        if !bbo_changed && market.prints.is_empty() && depth.is_none() {
            return Ok(());
        }
        market.update_no += 1;
        market.published = touch;
        let before = (market.levels > 0).then(|| Arc::clone(&market.published_depth));
        if let Some(depth) = depth {
            market.published_depth = Arc::new(depth);
        }
        let publication = Publication {
            published_ns: now,
            update_no: market.update_no,
            bbo,
            last_trade: market.prints.last().copied(),
            depth: (market.levels > 0).then(|| Arc::clone(&market.published_depth)),
        };
        if bbo_changed {
            self.tape.quote(now, place as ListingId, price_and_lots(bbo.bid), price_and_lots(bbo.ask));
        }
        self.dispatch(place, publication, bbo_changed, before.as_deref(), extra)
    }

    /// Puts a publication on its way to every site.
    fn dispatch(
        &mut self,
        place: usize,
        publication: Publication,
        bbo_changed: bool,
        before: Option<&Depth>,
        extra: Nanos,
    ) -> Result<()> {
        let now = self.now;
        let market = &mut self.markets[place];
        let (venue, prints) = (market.venue as usize, &mut market.prints);
        let mut trades: Option<Arc<[TradePrint]>> = None;
        let first = place * self.profiles.len();
        for (site, profile) in self.profiles.iter().enumerate() {
            let number = (first + site) as u32;
            let channel = &mut self.channels[first + site];
            channel.catch_up(now);
            let arrival = channel.line.arrival(&profile.data[venue], now, extra)?;
            if arrival <= now && channel.is_idle() {
                channel.show(&publication);
            } else {
                let depth_changed = match (&publication.depth, before) {
                    (Some(depth), Some(before)) => depth.differs_within(before, channel.levels),
                    _ => false,
                };
                if channel.is_awaited() {
                    self.queue.push(arrival, Entry::Data(number));
                    if trades.is_none() && !prints.is_empty() {
                        trades = Some(Arc::from(prints.as_slice()));
                    }
                }
                let (publication, trades) = (publication.clone(), trades.clone());
                channel.send(Update { arrival, publication, trades, bbo_changed, depth_changed });
            }
            if !bbo_changed {
                continue;
            }
            if let (Some(channel), Some(model)) =
                (&mut self.consolidated[first + site], &profile.consolidated)
            {
                channel.catch_up(now);
                let arrival = channel.line.arrival(model, now, extra)?;
                channel.send(arrival, now, publication.bbo);
                if channel.is_awaited() {
                    self.queue.push(arrival, Entry::Consolidated(number));
                }
            }
        }
        prints.clear();
        Ok(())
    }

    pub(super) fn publish_phase(
        &mut self,
        venue: VenueId,
        phase: Phase,
        listing: Option<ListingId>,
    ) -> Result<()> {
        for (site, profile) in self.profiles.iter().enumerate() {
            let line = &mut self.phase_lines[site * self.venues.len() + venue as usize];
            let arrival = line.arrival(&profile.data[venue as usize], self.now, 0)?;
            let entry = self.phases.put(PhaseNews { profile: site as u32, venue, phase, listing });
            self.queue.push(arrival, Entry::Phase(entry));
        }
        Ok(())
    }

    /// Market data arrives at a site: each subscriber hears of the trades, then of its levels, then of the touch.
    pub(super) fn on_data(&mut self, number: u32) {
        let now = self.now;
        let listing = (number as usize / self.profiles.len()) as ListingId;
        let channel = &mut self.channels[number as usize];
        let update = channel.receive(now);
        let Publication { published_ns, update_no, bbo, .. } = update.publication;
        let trades = update.trades;
        for wish in &channel.subscriptions {
            let agent = wish.agent;
            if !self.agents[(agent - FIRST_USER_AGENT) as usize].enabled {
                continue;
            }
            let mut tell = |news| self.ready.push_back(Notice { time_ns: now, agent, news });
            if wish.trades {
                for &print in trades.as_deref().unwrap_or_default() {
                    tell(News::Trade { listing, print });
                }
            }
            if wish.depth > 0 && update.depth_changed {
                tell(News::Book { listing });
            }
            if wish.quotes && update.bbo_changed {
                tell(News::Quote { listing, bbo, update_no, published_ns });
            }
        }
    }

    pub(super) fn on_consolidated(&mut self, number: u32) {
        let now = self.now;
        let instrument: InstrumentId = self.markets[number as usize / self.profiles.len()].instrument;
        let channel = self.consolidated[number as usize].as_mut().expect("an entry has its channel");
        if !channel.receive(now) {
            return;
        }
        for &agent in &channel.subscribers {
            if self.agents[(agent - FIRST_USER_AGENT) as usize].enabled {
                self.ready.push_back(Notice { time_ns: now, agent, news: News::Consolidated { instrument } });
            }
        }
    }

    pub(super) fn on_phase(&mut self, entry: u32) {
        let PhaseNews { profile, venue, phase, listing } = self.phases.take(entry);
        for (place, agent) in self.agents.iter().enumerate() {
            if agent.profile == profile && agent.enabled {
                let news = News::Phase { venue, phase, listing };
                self.ready.push_back(Notice { time_ns: self.now, agent: Self::agent_id(place), news });
            }
        }
    }
}
