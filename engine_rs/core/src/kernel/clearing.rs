//! What a venue's rows cause: in their order the log, the ledger, the tape, the totals, and reports on their
//! way to the agents concerned.

use std::ops::Range;

use super::Kernel;
use super::channel::TradePrint;
use super::error::Result;
use super::market::{Pending, Report};
use super::queue::Entry;
use super::tape::{QueueCause, Sent};
use crate::command::CommandEx;
use crate::event::{CancelReason, Event, EventKind, FLAG_ONE_LISTING, FLAG_PRIORITY_KEPT};
use crate::ledger::{Posting, Settlement};
use crate::order::Command;
use crate::types::{
    AgentId, EXTERNAL_BOOK, EXTERNAL_TAKER, FIRST_USER_AGENT, ListingId, Lots, Nanos, OrderId, Phase, VenueId,
};
use crate::venue::Venue;

/// The command that rows answer, and when its agent sent it.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    pub command: &'a Command,
    /// The same with its terms, if it carries any.
    pub with_terms: Option<&'a CommandEx>,
    pub sent_ns: Nanos,
}

impl Kernel {
    /// A command arrives at its venue.
    pub(super) fn on_command(&mut self, entry: u32) -> Result<()> {
        let Pending { market, command, with_terms, sent_ns } = self.commands.take(entry);
        let with_terms = with_terms.as_deref();
        self.last_actor = Some(command.id().agent);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        let id = command.id();
        let number = self.markets[market].venue;
        let venue = &mut self.venues[number as usize].venue;
        match with_terms {
            None => venue.process(self.now, &command, &mut rows),
            Some(command) => venue.process_ex(self.now, command, &mut rows),
        }
        if !self.agents[(id.agent - FIRST_USER_AGENT) as usize].enabled {
            // It was under way when its agent was taken out: nothing of it may stay behind.
            venue.cancel_with_reason(self.now, command.listing(), id, CancelReason::AgentDisabled, &mut rows);
        }
        self.set_timer(number, command.listing()..command.listing() + 1);
        let done = self.clear(number, &mut rows, Some(Cause { command: &command, with_terms, sent_ns }));
        self.rows = rows;
        done?;
        self.publish_if_changed(market, 0, QueueCause::Agents)
    }

    /// Works through the rows of one command or operation at a venue.
    pub(super) fn clear(&mut self, venue: VenueId, rows: &mut [Event], cause: Option<Cause>) -> Result<()> {
        let accepted = rows.first().is_some_and(|row| !row.kind.is_reject());
        if let Some(cause) = cause.filter(|_| accepted) {
            let listing = self.market_of(venue, cause.command.listing()) as ListingId;
            self.log.command(cause.command, cause.with_terms, listing, self.now);
        }
        for place in 0..rows.len() {
            if rows[place].kind == EventKind::Phase {
                self.clear_phase(venue, &mut rows[place])?;
                continue;
            }
            // Inside a venue rows carry the venue's own number of the listing; from here on the kernel's.
            let market = self.market_of(venue, rows[place].listing);
            rows[place].listing = market as ListingId;
            let row = &rows[place];
            self.log.row(row);
            match row.kind {
                EventKind::Trade => self.on_trade(market, row),
                EventKind::Print => self.on_print(market, row),
                // A match is TRADE and the two owners' FILLs.
                EventKind::Fill if rows[place - 1].kind == EventKind::Fill && of_one_match(rows, place) => {
                    self.settle(market, &rows[place - 2], [&rows[place - 1], row])?;
                }
                _ => self.count(row),
            }
            if row.kind.is_report() && row.agent >= FIRST_USER_AGENT {
                if let Some(external) = self.markets[market].external.as_mut() {
                    external.follow(row, self.external_counters.latest_own());
                }
                self.send_report(market, row, cause, place == 0)?;
            }
        }
        Ok(())
    }

    /// The kernel's number of a venue's listing.
    #[inline]
    fn market_of(&self, venue: VenueId, local: ListingId) -> usize {
        self.venues[venue as usize].markets[local as usize]
    }

    /// A venue, or one of its listings, is in another phase.
    fn clear_phase(&mut self, venue: VenueId, row: &mut Event) -> Result<()> {
        let listing = (row.flags & FLAG_ONE_LISTING != 0).then(|| self.market_of(venue, row.listing));
        row.listing = listing.map_or(venue, |market| market as ListingId);
        self.log.row(row);
        let phase = Phase::from_code(row.reason).expect("a venue says phases that there are");
        self.publish_phase(venue, phase, listing.map(|market| market as ListingId))
    }

    fn on_trade(&mut self, market: usize, trade: &Event) {
        self.note_print(market, trade);
        self.totals.fills += 1;
        self.totals.volume[market] += trade.size;
        let recorded = self.markets[market].external.as_mut().filter(|_| trade.agent == EXTERNAL_BOOK);
        if let Some(external) = recorded {
            external.taken(trade.counter, trade.side.opposite(), trade.price, trade.size);
        }
    }

    /// A recorded trade in so far as no agent took part.
    #[inline]
    pub(super) fn on_print(&mut self, market: usize, row: &Event) {
        self.note_print(market, row);
        self.tape.trade(row, EXTERNAL_BOOK, EXTERNAL_TAKER, 0, 0);
    }

    fn note_print(&mut self, market: usize, row: &Event) {
        let market = &mut self.markets[market];
        market.last_trade = Some(row.price);
        market.prints.push(TradePrint {
            price: row.price,
            size: row.size,
            aggressor: row.side,
            match_id: row.match_id,
            traded_ns: row.time_ns,
        });
    }

    /// Moves the money of a match at the moment of the match; what agents may spend moves with their reports.
    fn settle(&mut self, market: usize, trade: &Event, fills: [&Event; 2]) -> Result<()> {
        // In an auction the buyer is told first, whichever of the two was there first.
        let [maker, taker] = if fills[0].id() == trade.id() { fills } else { [fills[1], fills[0]] };
        assert!(
            maker.id() == trade.id() && taker.id() == trade.contra(),
            "a match is of the orders it names"
        );
        let state = &self.markets[market];
        let settlement = Settlement {
            venue: self.account(state.venue),
            base: state.base,
            quote: state.quote,
            aggressor: trade.side,
            maker: maker.agent,
            taker: taker.agent,
            notional: trade.price * trade.size * state.terms.tick_lot_atoms,
            base_atoms: trade.size * state.terms.lot_atoms,
            maker_fee: maker.fee,
            taker_fee: taker.fee,
        };
        for posting in settlement.postings() {
            self.post(posting)?;
        }
        self.tape.trade(trade, maker.agent, taker.agent, maker.fee, taker.fee);
        Ok(())
    }

    #[inline]
    pub(super) fn post(&mut self, posting: Posting) -> Result<()> {
        self.ledger.post(posting)?;
        self.log.posting(posting, self.now);
        Ok(())
    }

    /// Counts what user agents did: a recorded market's own orders are means, not activity.
    fn count(&mut self, row: &Event) {
        if row.agent < FIRST_USER_AGENT {
            return;
        }
        let totals = &mut self.totals;
        match row.kind {
            EventKind::Accepted => totals.orders += 1,
            EventKind::Cancelled if row.reason == CancelReason::Requested.code() => totals.cancels += 1,
            EventKind::Replaced => totals.replaces += 1,
            kind if kind.is_reject() => totals.rejects += 1,
            _ => {}
        }
    }

    /// A report leaves the venue for its owner.
    fn send_report(
        &mut self,
        market: usize,
        row: &Event,
        cause: Option<Cause>,
        is_first: bool,
    ) -> Result<()> {
        if self.tape.keep_orders {
            self.record(market, row, cause);
        }
        let agent = (row.agent - FIRST_USER_AGENT) as usize;
        let venue = self.markets[market].venue as usize;
        let link = &mut self.links[agent * self.venues.len() + venue];
        let arrival = link.report.arrival(&link.report_model, self.now, 0)?;
        // The first row of a replacement is its answer; the order may be changed again in the rows behind it.
        let replaces = |cause: Cause| matches!(cause.command, Command::Replace { .. });
        let answers = is_first && cause.is_some_and(replaces);
        let entry = self.reports.put(Report { row: *row, answers });
        self.queue.push(arrival, Entry::Report(entry));
        Ok(())
    }

    fn record(&mut self, market: usize, row: &Event, cause: Option<Cause>) {
        let gateway = &self.agents[(row.agent - FIRST_USER_AGENT) as usize].gateway;
        let known = gateway.open(row.counter);
        let (order_type, tif) = known.map_or((0, 0), |order| (order.order_type.code(), order.tif.code()));
        let answered = cause.filter(|cause| cause.command.id() == row.id());
        let sent = Sent {
            sent_ns: answered.map_or(0, |cause| cause.sent_ns),
            order_type,
            tif,
            queue_ahead: self.lots_ahead(market, row),
        };
        self.tape.report(row, sent);
    }

    /// Lots before an order that has just come to rest: it joined the back, so all others at its price.
    fn lots_ahead(&self, market: usize, row: &Event) -> Lots {
        let came_to_rest = match row.kind {
            EventKind::Accepted => true,
            EventKind::Replaced => row.flags & FLAG_PRIORITY_KEPT == 0,
            _ => false,
        };
        if !came_to_rest {
            return 0;
        }
        let market = &self.markets[market];
        let book = self.venues[market.venue as usize].venue.book(market.local);
        match book.shown(row.id()) {
            Some((side, shown)) => book.lots_at(side, shown.price) - shown.lots,
            // Behind all that is displayed, if it rests at a price at all.
            None => book.order(row.id()).map_or(0, |order| book.lots_at(order.side, order.price)),
        }
    }

    /// A venue's own clock moves: orders end, halts end, batches trade.
    pub(super) fn on_timer(&mut self, venue: VenueId) -> Result<()> {
        self.venues[venue as usize].timer = None;
        if self.closed {
            return Ok(());
        }
        self.operate(venue, |venue, now, rows| venue.advance(now, rows))
    }

    /// Lets something happen at a venue that is no agent's command, and all that follows.
    pub(super) fn operate(
        &mut self,
        number: VenueId,
        act: impl FnOnce(&mut Venue, Nanos, &mut Vec<Event>),
    ) -> Result<()> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        act(&mut self.venues[number as usize].venue, self.now, &mut rows);
        self.set_timer(number, 0..self.venues[number as usize].markets.len() as ListingId);
        let done = self.clear(number, &mut rows, None);
        self.rows = rows;
        done?;
        for place in 0..self.venues[number as usize].markets.len() {
            self.publish_if_changed(self.venues[number as usize].markets[place], 0, QueueCause::Agents)?;
        }
        Ok(())
    }

    /// Wakes the venue when one of these listings next has something to do by the clock, unless it wakes before.
    pub(super) fn set_timer(&mut self, number: VenueId, mut listings: Range<ListingId>) {
        let slot = &mut self.venues[number as usize];
        let first = listings.by_ref().filter_map(|listing| slot.venue.next_time(listing)).min();
        let Some(time) = first.filter(|_| !self.closed) else { return };
        if slot.timer.is_none_or(|set| time < set) {
            slot.timer = Some(time);
            self.queue.push(time.max(self.now), Entry::Timer(number));
        }
    }

    /// Cancels live orders (of one agent, or all): listing by listing, bids then asks, by priority.
    pub(super) fn expire_orders(&mut self, reason: CancelReason, agent: Option<AgentId>) -> Result<()> {
        for market in 0..self.markets.len() {
            let (venue, local) = (self.markets[market].venue as usize, self.markets[market].local);
            let now = self.now;
            let ids = self.venues[venue].venue.live_ids(local);
            let ids: Vec<OrderId> = ids.filter(|id| agent.is_none_or(|agent| id.agent == agent)).collect();
            let mut rows = std::mem::take(&mut self.rows);
            rows.clear();
            for id in ids {
                self.venues[venue].venue.cancel_with_reason(now, local, id, reason, &mut rows);
            }
            self.set_timer(venue as VenueId, local..local + 1);
            let done = self.clear(venue as VenueId, &mut rows, None);
            self.rows = rows;
            done?;
            self.publish_if_changed(market, 0, QueueCause::Agents)?;
        }
        Ok(())
    }
}

/// Whether two FILLs follow their TRADE.
fn of_one_match(rows: &[Event], place: usize) -> bool {
    rows[place - 2].kind == EventKind::Trade && rows[place - 2].match_id == rows[place].match_id
}
