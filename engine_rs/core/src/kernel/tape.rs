//! The tape: what happened, until somebody drains it.

use crate::event::Event;
use crate::types::{AgentId, ListingId, Lots, Nanos, Ticks};

/// A match, or a recorded trade in which no agent took part (there the counters are 0).
#[derive(Clone, Copy, Debug)]
pub struct TradeRow {
    pub time_ns: Nanos,
    pub price: Ticks,
    pub size: Lots,
    pub match_id: u64,
    pub maker_fee: i64,
    pub taker_fee: i64,
    pub listing: ListingId,
    pub maker: AgentId,
    pub maker_counter: u32,
    pub taker: AgentId,
    pub taker_counter: u32,
    pub aggressor: u8,
}

/// The touch after a publication that changed it. A missing side is price 0 and 0 lots.
#[derive(Clone, Copy, Debug)]
pub struct QuoteRow {
    pub time_ns: Nanos,
    pub bid: Ticks,
    pub bid_lots: Lots,
    pub ask: Ticks,
    pub ask_lots: Lots,
    pub listing: ListingId,
}

closed_codes! {
    /// Through whom the queue before an agent's order has changed.
    QueueCause {
        /// A recorded trade.
        Traded = 1,
        /// Any other recorded change: lots that left untraded.
        Cancelled = 2,
        /// What agents did, or the venue's own clock.
        Agents = 3,
    }
}

/// The queue before an agent's order in a recorded market has changed: lots that stand before it now.
#[derive(Clone, Copy, Debug)]
pub struct QueueRow {
    pub time_ns: Nanos,
    pub ahead: Lots,
    pub listing: ListingId,
    pub agent: AgentId,
    pub counter: u32,
    pub cause: u8,
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

/// The tables and which of them are kept; queues go with orders.
pub struct Tape {
    pub trades: Vec<TradeRow>,
    pub quotes: Vec<QuoteRow>,
    pub orders: OrderColumns,
    pub queues: Vec<QueueRow>,
    pub keep_trades: bool,
    pub keep_quotes: bool,
    pub keep_orders: bool,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            trades: Vec::new(),
            quotes: Vec::new(),
            orders: OrderColumns::default(),
            queues: Vec::new(),
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
        self.trades.push(TradeRow {
            time_ns: event.time_ns,
            price: event.price,
            size: event.size,
            match_id: event.match_id,
            maker_fee,
            taker_fee,
            listing: event.listing,
            maker,
            maker_counter: event.counter,
            taker,
            taker_counter: event.contra_counter,
            aggressor: event.side.code(),
        });
    }

    /// The new touch of a listing: (price, lots) of each side.
    pub fn quote(&mut self, time: Nanos, listing: ListingId, bid: (Ticks, Lots), ask: (Ticks, Lots)) {
        if !self.keep_quotes {
            return;
        }
        let ((bid, bid_lots), (ask, ask_lots)) = (bid, ask);
        self.quotes.push(QuoteRow { time_ns: time, bid, bid_lots, ask, ask_lots, listing });
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
