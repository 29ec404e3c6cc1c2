//! The tape: what happened, in columns, until somebody drains it.

use crate::event::Event;
use crate::types::{AgentId, ListingId, Lots, Nanos, Ticks};

/// Matches and recorded trades in which no agent took part (there the counters are 0).
#[derive(Default)]
pub struct TradeColumns {
    pub time_ns: Vec<Nanos>,
    pub listing: Vec<ListingId>,
    pub price: Vec<Ticks>,
    pub size: Vec<Lots>,
    pub aggressor: Vec<u8>,
    pub maker: Vec<AgentId>,
    pub maker_counter: Vec<u32>,
    pub taker: Vec<AgentId>,
    pub taker_counter: Vec<u32>,
    pub match_id: Vec<u64>,
    pub maker_fee: Vec<i64>,
    pub taker_fee: Vec<i64>,
}

/// The touch after each publication that changed it. A missing side is price 0 and 0 lots.
#[derive(Default)]
pub struct QuoteColumns {
    pub time_ns: Vec<Nanos>,
    pub listing: Vec<ListingId>,
    pub bid: Vec<Ticks>,
    pub bid_lots: Vec<Lots>,
    pub ask: Vec<Ticks>,
    pub ask_lots: Vec<Lots>,
}

/// Every report to an agent of the scenario, at the venue's time.
#[derive(Default)]
pub struct OrderColumns {
    pub time_ns: Vec<Nanos>,
    /// When the owner sent the command this row answers, else 0.
    pub sent_ns: Vec<Nanos>,
    pub kind: Vec<u8>,
    pub reason: Vec<u8>,
    pub listing: Vec<ListingId>,
    pub agent: Vec<AgentId>,
    pub counter: Vec<u32>,
    pub side: Vec<u8>,
    pub price: Vec<Ticks>,
    pub size: Vec<Lots>,
    pub leaves: Vec<Lots>,
    pub fee: Vec<i64>,
    pub flags: Vec<u8>,
    pub order_type: Vec<u8>,
    pub tif: Vec<u8>,
    /// Lots ahead when the order comes to rest, else 0.
    pub queue_ahead: Vec<Lots>,
}

/// What a row of the orders tape carries besides the report itself.
#[derive(Clone, Copy, Default)]
pub struct Sent {
    pub sent_ns: Nanos,
    pub order_type: u8,
    pub tif: u8,
    pub queue_ahead: Lots,
}

/// The three tables and which of them are kept.
pub struct Tape {
    pub trades: TradeColumns,
    pub quotes: QuoteColumns,
    pub orders: OrderColumns,
    pub keep_trades: bool,
    pub keep_quotes: bool,
    pub keep_orders: bool,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            trades: TradeColumns::default(),
            quotes: QuoteColumns::default(),
            orders: OrderColumns::default(),
            keep_trades: true,
            keep_quotes: true,
            keep_orders: true,
        }
    }
}

impl Tape {
    /// A match with both its fills, or a recorded trade (PRINT) with empty ones.
    pub fn trade(&mut self, event: &Event, maker: AgentId, taker: AgentId, maker_fee: i64, taker_fee: i64) {
        if !self.keep_trades {
            return;
        }
        let table = &mut self.trades;
        table.time_ns.push(event.time_ns);
        table.listing.push(event.listing);
        table.price.push(event.price);
        table.size.push(event.size);
        table.aggressor.push(event.side.code());
        table.maker.push(maker);
        table.maker_counter.push(event.counter);
        table.taker.push(taker);
        table.taker_counter.push(event.contra_counter);
        table.match_id.push(event.match_id);
        table.maker_fee.push(maker_fee);
        table.taker_fee.push(taker_fee);
    }

    /// The new touch of a listing: (price, lots) of each side.
    pub fn quote(&mut self, time: Nanos, listing: ListingId, bid: (Ticks, Lots), ask: (Ticks, Lots)) {
        if !self.keep_quotes {
            return;
        }
        let table = &mut self.quotes;
        table.time_ns.push(time);
        table.listing.push(listing);
        table.bid.push(bid.0);
        table.bid_lots.push(bid.1);
        table.ask.push(ask.0);
        table.ask_lots.push(ask.1);
    }

    pub fn report(&mut self, event: &Event, sent: Sent) {
        if !self.keep_orders {
            return;
        }
        debug_assert!(event.kind.is_report());
        let table = &mut self.orders;
        table.time_ns.push(event.time_ns);
        table.sent_ns.push(sent.sent_ns);
        table.kind.push(event.kind.code());
        table.reason.push(event.reason);
        table.listing.push(event.listing);
        table.agent.push(event.agent);
        table.counter.push(event.counter);
        table.side.push(event.side.code());
        table.price.push(event.price);
        table.size.push(event.size);
        table.leaves.push(event.leaves);
        table.fee.push(event.fee);
        table.flags.push(event.flags);
        table.order_type.push(sent.order_type);
        table.tif.push(sent.tif);
        table.queue_ahead.push(sent.queue_ahead);
    }
}
