//! A small market to run: one instrument on two venues, atoms, ticks and lots all one.
#![allow(dead_code, reason = "each test program uses its part")]

use market_core::event::{Event, EventKind};
use market_core::external::{DepthUpdate, TradeUpdate};
use market_core::kernel::{
    AgentSpec, Credit, FlowEvent, FlowUpdate, Kernel, MarketSpec, News, Notice, OrderRequest, Turn,
};
use market_core::latency::Latency;
use market_core::order::{OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{Lots, Nanos, Side, Ticks};
use market_core::venue::ListingSpec;

pub const USD: i64 = 0;
pub const BTC: i64 = 1;
/// Listings of BTC/USD, one a venue.
pub const NORTH: i64 = 0;
pub const SOUTH: i64 = 1;
/// The end of time, for draining.
pub const END: Nanos = 1 << 62;

pub fn constant(ns: Nanos) -> Latency {
    Latency::constant(ns).unwrap()
}

pub struct Market {
    pub kernel: Kernel,
    funds: i64,
}

impl Market {
    pub fn new(pooled: bool) -> Self {
        let mut kernel = Kernel::new(7, pooled);
        kernel.add_asset("USD", 2).unwrap();
        kernel.add_asset("BTC", 8).unwrap();
        kernel.add_instrument("BTC/USD", BTC, USD).unwrap();
        for (venue, name) in [(NORTH, "NORTH"), (SOUTH, "SOUTH")] {
            kernel.add_venue(name).unwrap();
            let numbers = ListingSpec::new(1, 1, 0, 0, 0).unwrap();
            kernel.add_listing(MarketSpec { venue, instrument: 0, numbers }).unwrap();
        }
        kernel.add_profile("site").unwrap();
        Self { kernel, funds: 1_000_000 }
    }

    /// An agent without latency, with funds at NORTH, that may not sell short.
    pub fn agent(&mut self, name: &str) -> i64 {
        let credit = Credit { unlimited: false, short_selling: false, max_open_orders: 0 };
        let spec = AgentSpec { profile: 0, credit, stp: SelfTradePrevention::Newest, decision_ns: 0 };
        let agent = i64::from(self.kernel.add_agent(name, spec).unwrap());
        for asset in [USD, BTC] {
            self.kernel.deposit(agent, NORTH, asset, self.funds).unwrap();
        }
        agent
    }

    pub fn start(mut self) -> Self {
        self.kernel.start().unwrap();
        self
    }

    pub fn order(&mut self, agent: i64, listing: i64, side: Side, price: Ticks, size: Lots) -> i64 {
        let request = OrderRequest {
            listing,
            side,
            order_type: OrderType::Limit,
            tif: TimeInForce::Gtc,
            post_only: false,
            price: Some(price),
            size,
        };
        i64::from(self.kernel.new_order(agent, &request).unwrap())
    }

    pub fn buy(&mut self, agent: i64, price: Ticks, size: Lots) -> i64 {
        self.order(agent, NORTH, Side::Buy, price, size)
    }

    pub fn sell(&mut self, agent: i64, price: Ticks, size: Lots) -> i64 {
        self.order(agent, NORTH, Side::Sell, price, size)
    }

    /// Runs up to a time and gives every notice on the way.
    pub fn run(&mut self, until: Nanos) -> Vec<Notice> {
        let mut notices = Vec::new();
        loop {
            match self.kernel.next(until, 1_000).unwrap() {
                Turn::Notice(notice) => notices.push(notice),
                Turn::Idle => return notices,
                Turn::Busy => {}
            }
        }
    }

    /// Lets everything at this instant happen.
    pub fn settle(&mut self) -> Vec<Notice> {
        self.run(self.kernel.now_ns())
    }

    pub fn depth(&mut self, time_ns: Nanos, exchange_ns: Option<Nanos>, levels: &[(Side, Ticks, Lots)]) {
        self.push_depth(time_ns, exchange_ns, false, levels);
    }

    pub fn snapshot(&mut self, time_ns: Nanos, levels: &[(Side, Ticks, Lots)]) {
        self.push_depth(time_ns, None, true, levels);
    }

    fn push_depth(
        &mut self,
        time_ns: Nanos,
        exchange_ns: Option<Nanos>,
        snapshot: bool,
        levels: &[(Side, Ticks, Lots)],
    ) {
        let event = FlowEvent::Depth(DepthUpdate { exchange_ns, snapshot, levels: levels.to_vec() });
        self.kernel.push_flow(FlowUpdate { time_ns, delay_ns: 0, listing: NORTH, event }).unwrap();
        self.run(time_ns);
    }

    /// A recorded trade without a stamp.
    pub fn trade(&mut self, time_ns: Nanos, aggressor: Side, price: Ticks, size: Lots) -> Vec<Notice> {
        self.stamped_trade(time_ns, None, aggressor, price, size)
    }

    pub fn stamped_trade(
        &mut self,
        time_ns: Nanos,
        exchange_ns: Option<Nanos>,
        aggressor: Side,
        price: Ticks,
        size: Lots,
    ) -> Vec<Notice> {
        let event = FlowEvent::Trade(TradeUpdate { exchange_ns, aggressor, price, size });
        self.kernel.push_flow(FlowUpdate { time_ns, delay_ns: 0, listing: NORTH, event }).unwrap();
        self.run(time_ns)
    }

    /// The queue at a price: (agent, lots), first in first out.
    pub fn queue(&self, side: Side, price: Ticks) -> Vec<(u32, Lots)> {
        let orders = self.kernel.open_orders(NORTH).unwrap();
        let here = orders.iter().filter(|(_, order)| order.side == side && order.price == price);
        here.map(|(id, order)| (id.agent, order.leaves)).collect()
    }

    /// Nothing lost, nothing invented.
    pub fn assert_balanced(&self) {
        assert!(self.kernel.ledger_imbalance().iter().all(|&atoms| atoms == 0));
    }
}

/// Reports of one kind among notices.
pub fn reports(notices: &[Notice], kind: EventKind) -> Vec<Event> {
    let rows = notices.iter().filter_map(|notice| match notice.news {
        News::Report(row) if row.kind == kind => Some(row),
        _ => None,
    });
    rows.collect()
}

/// Lots that an agent's orders traded, as told by notices.
pub fn filled(notices: &[Notice], agent: i64) -> Lots {
    let fills = reports(notices, EventKind::Fill);
    fills.iter().filter(|row| i64::from(row.agent) == agent).map(|row| row.size).sum()
}
