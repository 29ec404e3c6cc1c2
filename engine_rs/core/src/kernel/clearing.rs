//! What a venue's rows cause: in their order the log, the ledger, the tape, the totals, and reports on their
//! way to the agents concerned.

use super::Kernel;
use super::channel::TradePrint;
use super::error::Result;
use super::market::Pending;
use super::queue::Entry;
use super::tape::Sent;
use crate::event::{CancelReason, Event, EventKind, FLAG_MAKER, FLAG_PRIORITY_KEPT};
use crate::ledger::{Posting, Settlement};
use crate::order::Command;
use crate::types::{
    AgentId, EXTERNAL_BOOK, EXTERNAL_TAKER, FIRST_USER_AGENT, ListingId, Lots, Nanos, OrderId, Side,
};

/// The command that rows answer, and when its agent sent it.
#[derive(Clone, Copy)]
pub struct Cause<'a> {
    pub command: &'a Command,
    pub sent_ns: Nanos,
}

impl Kernel {
    /// A command arrives at its venue.
    pub(super) fn on_command(&mut self, entry: u32) -> Result<()> {
        let Pending { market, command, sent_ns } = self.commands.take(entry);
        self.last_actor = Some(command.id().agent);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        let id = command.id();
        let venue = &mut self.venues[self.markets[market].venue as usize].venue;
        venue.process(self.now, &command, &mut rows);
        if !self.agents[(id.agent - FIRST_USER_AGENT) as usize].enabled {
            // It was under way when its agent was taken out: nothing of it may stay behind.
            venue.cancel_with_reason(self.now, command.listing(), id, CancelReason::AgentDisabled, &mut rows);
        }
        let done = self.clear(market, &mut rows, Some(Cause { command: &command, sent_ns }));
        self.rows = rows;
        done?;
        self.publish_if_changed(market, 0)
    }

    /// Works through the rows of one command or operation.
    pub(super) fn clear(&mut self, market: usize, rows: &mut [Event], cause: Option<Cause>) -> Result<()> {
        let listing = market as ListingId;
        let accepted = rows.first().is_some_and(|row| !row.kind.is_reject());
        if let Some(cause) = cause.filter(|_| accepted) {
            self.log.command(cause.command, listing, self.now);
        }
        for place in 0..rows.len() {
            // Inside a venue rows carry the venue's own number of the listing; from here on the kernel's.
            rows[place].listing = listing;
            let row = &rows[place];
            self.log.row(row);
            match row.kind {
                EventKind::Trade => self.on_trade(market, row),
                EventKind::Print => {
                    self.note_print(market, row);
                    self.tape.trade(row, EXTERNAL_BOOK, EXTERNAL_TAKER, 0, 0);
                }
                EventKind::Fill if row.flags & FLAG_MAKER == 0 => {
                    // A match is TRADE, the maker's FILL, the taker's FILL.
                    self.settle(market, &rows[place - 2], &rows[place - 1], row)?;
                }
                _ => self.count(row),
            }
            if row.kind.is_report() && row.agent >= FIRST_USER_AGENT {
                if let Some(external) = self.markets[market].external.as_mut() {
                    external.follow(row, self.external_counters.latest_own());
                }
                self.send_report(market, row, cause)?;
            }
        }
        Ok(())
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
    fn settle(&mut self, market: usize, trade: &Event, maker: &Event, taker: &Event) -> Result<()> {
        assert!(
            trade.kind == EventKind::Trade && maker.match_id == taker.match_id,
            "a match is three rows in a row"
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
    fn send_report(&mut self, market: usize, row: &Event, cause: Option<Cause>) -> Result<()> {
        if self.tape.keep_orders {
            self.record(market, row, cause);
        }
        let agent = (row.agent - FIRST_USER_AGENT) as usize;
        let venue = self.markets[market].venue as usize;
        let link = &mut self.links[agent * self.venues.len() + venue];
        let arrival = link.report.arrival(&link.report_model, self.now, 0)?;
        let entry = self.reports.put(*row);
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
        book.order(row.id()).map_or(0, |order| book.lots_at(order.side, order.price) - order.leaves)
    }

    /// Cancels live orders (of one agent, or all): listing by listing, bids then asks, by priority.
    pub(super) fn expire_orders(&mut self, reason: CancelReason, agent: Option<AgentId>) -> Result<()> {
        for market in 0..self.markets.len() {
            let (venue, local) = (self.markets[market].venue as usize, self.markets[market].local);
            let now = self.now;
            let book = self.venues[venue].venue.book(local);
            let ids = Side::BOTH.into_iter().flat_map(|side| book.side_orders(side)).map(|(id, _)| id);
            let ids: Vec<OrderId> = ids.filter(|id| agent.is_none_or(|agent| id.agent == agent)).collect();
            let mut rows = std::mem::take(&mut self.rows);
            rows.clear();
            for id in ids {
                self.venues[venue].venue.cancel_with_reason(now, local, id, reason, &mut rows);
            }
            let done = self.clear(market, &mut rows, None);
            self.rows = rows;
            done?;
            self.publish_if_changed(market, 0)?;
        }
        Ok(())
    }
}
