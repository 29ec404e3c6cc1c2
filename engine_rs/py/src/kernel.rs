//! `Kernel`: the market under one clock, pulled by Python.

use market_core::book::{DepthLevel, OrderState};
use market_core::command::Amendment;
use market_core::external::{DepthUpdate, TradeUpdate};
use market_core::kernel::{
    AgentSpec, ConsolidatedQuote, Credit, FlowEvent, FlowUpdate, Kernel as Core, MarketSpec, OrderRequest,
    TransferRequest, Turn,
};
use market_core::types::{OrderId, Side};
use market_core::venue::ListingSpec;
use numpy::{PyArrayMethods, PyUntypedArray};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::arguments::{self as given, Int, Seed};
use crate::buffers::Levels;
use crate::errors::{bad_value, raise};
use crate::rows::{self, Touch};
use crate::{batch, flow, notices, tape};

/// Entries processed with the interpreter held: handing it back and forth beside a busy thread costs more.
const SHORT: u32 = 4_096;
/// Entries processed before Ctrl-C is asked for.
const LONG: u32 = 1 << 20;

type Ladder = Vec<(i64, i64)>;

/// A market of several venues under one clock. Ids are small integers in the order of creation.
#[pyclass(module = "market_sim._engine")]
pub struct Kernel {
    core: Core,
}

#[pymethods]
impl Kernel {
    #[new]
    #[pyo3(signature = (seed, pooled = false))]
    fn new(seed: Seed, pooled: bool) -> Self {
        Self { core: Core::new(seed.0, pooled) }
    }

    // --- set-up -------------------------------------------------------------------------------------

    fn add_asset(&mut self, name: &str, decimals: Int) -> PyResult<u32> {
        self.core.add_asset(name, decimals.0).map_err(raise)
    }

    fn add_venue(&mut self, name: &str) -> PyResult<u32> {
        self.core.add_venue(name).map_err(raise)
    }

    fn add_instrument(&mut self, name: &str, base: Int, quote: Int) -> PyResult<u32> {
        self.core.add_instrument(name, base.0, quote.0).map_err(raise)
    }

    fn add_listing(
        &mut self,
        venue: Int,
        instrument: Int,
        tick_lot_atoms: Int,
        lot_atoms: Int,
        min_notional_atoms: Int,
        maker_fee_e8: Int,
        taker_fee_e8: Int,
    ) -> PyResult<u32> {
        let fees = (maker_fee_e8.0, taker_fee_e8.0);
        let numbers = ListingSpec::new(tick_lot_atoms.0, lot_atoms.0, min_notional_atoms.0, fees.0, fees.1);
        let numbers = numbers.map_err(bad_value)?;
        self.core.add_listing(MarketSpec { venue: venue.0, instrument: instrument.0, numbers }).map_err(raise)
    }

    fn add_profile(&mut self, name: &str) -> PyResult<u32> {
        self.core.add_profile(name).map_err(raise)
    }

    fn set_data_latency(&mut self, profile: Int, venue: Int, model: &Bound<'_, PyAny>) -> PyResult<()> {
        self.core.set_data_latency(profile.0, venue.0, given::latency(model)?).map_err(raise)
    }

    fn set_consolidated_latency(&mut self, profile: Int, model: &Bound<'_, PyAny>) -> PyResult<()> {
        self.core.set_consolidated_latency(profile.0, given::latency(model)?).map_err(raise)
    }

    fn add_agent(
        &mut self,
        name: &str,
        profile: Int,
        unlimited_credit: bool,
        short_selling: bool,
        stp: Int,
        decision_ns: Int,
        max_open_orders: Int,
    ) -> PyResult<u32> {
        let Ok(max_open_orders) = usize::try_from(max_open_orders.0) else {
            return Err(bad_value(format!("agent {name:?}: max_open_orders cannot be negative")));
        };
        let credit = Credit { unlimited: unlimited_credit, short_selling, max_open_orders };
        let spec =
            AgentSpec { profile: profile.0, credit, stp: given::stp(stp)?, decision_ns: decision_ns.0 };
        self.core.add_agent(name, spec).map_err(raise)
    }

    fn set_link(
        &mut self,
        agent: Int,
        venue: Int,
        entry_model: &Bound<'_, PyAny>,
        report_model: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (entry, report) = (given::latency(entry_model)?, given::latency(report_model)?);
        self.core.set_link(agent.0, venue.0, entry, report).map_err(raise)
    }

    fn set_order_limit(&mut self, agent: Int, listing: Int, max_order_lots: Int) -> PyResult<()> {
        self.core.set_order_limit(agent.0, listing.0, max_order_lots.0).map_err(raise)
    }

    fn deposit(&mut self, agent: Int, venue: Int, asset: Int, atoms: Int) -> PyResult<()> {
        self.core.deposit(agent.0, venue.0, asset.0, atoms.0).map_err(raise)
    }

    fn subscribe(
        &mut self,
        agent: Int,
        listing: Int,
        quotes: bool,
        trades: bool,
        depth: Int,
    ) -> PyResult<()> {
        self.core.subscribe(agent.0, listing.0, quotes, trades, depth.0).map_err(raise)
    }

    fn subscribe_consolidated(&mut self, agent: Int, instrument: Int) -> PyResult<()> {
        self.core.subscribe_consolidated(agent.0, instrument.0).map_err(raise)
    }

    #[pyo3(signature = (listing, proportional = false))]
    fn add_external(&mut self, listing: Int, proportional: bool) -> PyResult<()> {
        self.core.add_external(listing.0, proportional).map_err(raise)
    }

    fn set_tape(&mut self, trades: bool, quotes: bool, orders: bool) {
        let tape = self.core.tape();
        (tape.keep_trades, tape.keep_quotes, tape.keep_orders) = (trades, quotes, orders);
    }

    fn start(&mut self) -> PyResult<()> {
        self.core.start().map_err(raise)
    }

    // --- running ------------------------------------------------------------------------------------

    /// Runs to the next notice for an agent; None when nothing is left up to `until_ns`.
    fn next<'py>(&mut self, py: Python<'py>, until_ns: Int) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let mut turn = self.core.next(until_ns.0, SHORT).map_err(raise)?;
        loop {
            match turn {
                Turn::Notice(notice) => return notices::tuple(py, &notice).map(Some),
                Turn::Idle => return Ok(None),
                Turn::Busy => py.check_signals()?,
            }
            turn = py.detach(|| self.core.next(until_ns.0, LONG)).map_err(raise)?;
        }
    }

    #[getter]
    fn now_ns(&self) -> i64 {
        self.core.now_ns()
    }

    /// Queue entries and recorded updates processed so far.
    #[getter]
    fn events(&self) -> u64 {
        self.core.events()
    }

    fn wake_in(&mut self, agent: Int, delay_ns: Int) -> PyResult<()> {
        self.core.wake_in(agent.0, delay_ns.0).map_err(raise)
    }

    fn new_order(
        &mut self,
        agent: Int,
        listing: Int,
        side: Int,
        order_type: Int,
        tif: Int,
        post_only: bool,
        price: Option<Int>,
        size: Int,
    ) -> PyResult<u32> {
        let request = OrderRequest {
            listing: listing.0,
            side: given::side(side)?,
            order_type: given::order_type(order_type)?,
            tif: given::tif(tif)?,
            post_only,
            price: price.map(|Int(price)| price),
            size: size.0,
        };
        self.core.new_order(agent.0, &request).map_err(raise)
    }

    #[pyo3(signature = (
        agent, listing, side, order_type, tif, post_only, price, size, *, stop_price=None, trail_ticks=Int(0),
        trail_bps=Int(0), trigger_limit_ticks=None, display_lots=None, refresh=Int(0), peg=Int(0),
        peg_offset_ticks=Int(0), minimum_lots=Int(0), expire_ns=None, protection_ticks=None
    ),
        text_signature = "($self, agent, listing, side, order_type, tif, post_only, price, size, *, stop_price=None, \
            trail_ticks=0, trail_bps=0, trigger_limit_ticks=None, display_lots=None, refresh=0, peg=0, \
            peg_offset_ticks=0, minimum_lots=0, expire_ns=None, protection_ticks=None)")]
    fn new_order_ex(
        &mut self,
        agent: Int,
        listing: Int,
        side: Int,
        order_type: Int,
        tif: Int,
        post_only: bool,
        price: Option<Int>,
        size: Int,
        stop_price: Option<Int>,
        trail_ticks: Int,
        trail_bps: Int,
        trigger_limit_ticks: Option<Int>,
        display_lots: Option<Int>,
        refresh: Int,
        peg: Int,
        peg_offset_ticks: Int,
        minimum_lots: Int,
        expire_ns: Option<Int>,
        protection_ticks: Option<Int>,
    ) -> PyResult<u32> {
        let request = OrderRequest {
            listing: listing.0,
            side: given::side(side)?,
            order_type: given::order_type(order_type)?,
            tif: given::tif(tif)?,
            post_only,
            price: price.map(|Int(price)| price),
            size: size.0,
        };
        let terms = given::terms(
            [stop_price, trigger_limit_ticks, display_lots, expire_ns, protection_ticks],
            [trail_ticks, trail_bps, peg_offset_ticks, minimum_lots],
            (refresh, peg),
        )?;
        self.core.new_order_ex(agent.0, &request, &terms).map_err(raise)
    }

    fn cancel(&mut self, agent: Int, counter: Int) -> PyResult<()> {
        self.core.cancel(agent.0, counter.0).map_err(raise)
    }

    fn replace(&mut self, agent: Int, counter: Int, price: Int, size: Int) -> PyResult<()> {
        self.core.replace(agent.0, counter.0, price.0, size.0).map_err(raise)
    }

    #[pyo3(signature = (agent, counter, price, size, *, stop_price=None, trail_ticks=None, trail_bps=None))]
    fn replace_ex(
        &mut self,
        agent: Int,
        counter: Int,
        price: Option<Int>,
        size: Int,
        stop_price: Option<Int>,
        trail_ticks: Option<Int>,
        trail_bps: Option<Int>,
    ) -> PyResult<()> {
        let number = |given: Option<Int>| given.map(|Int(number)| number);
        let change = Amendment {
            price: number(price),
            size: size.0,
            stop_price: number(stop_price),
            trail_ticks: number(trail_ticks),
            trail_bps: number(trail_bps),
        };
        self.core.replace_ex(agent.0, counter.0, &change).map_err(raise)
    }

    fn set_cancel_on_disconnect(&mut self, agent: Int, on: bool) -> PyResult<()> {
        self.core.set_cancel_on_disconnect(agent.0, on).map_err(raise)
    }

    fn disconnect(&mut self, agent: Int) -> PyResult<()> {
        self.core.disconnect(agent.0).map_err(raise)
    }

    fn transfer(
        &mut self,
        agent: Int,
        from_venue: Int,
        to_venue: Int,
        asset: Int,
        atoms: Int,
        fee_atoms: Int,
        delay_ns: Int,
    ) -> PyResult<bool> {
        let request = TransferRequest {
            from_venue: from_venue.0,
            to_venue: to_venue.0,
            asset: asset.0,
            atoms: atoms.0,
            fee_atoms: fee_atoms.0,
            delay_ns: delay_ns.0,
        };
        self.core.transfer(agent.0, &request).map_err(raise)
    }

    fn set_phase(&mut self, venue: Int, phase: Int) -> PyResult<()> {
        self.core.set_phase(venue.0, given::phase(phase)?).map_err(raise)
    }

    fn disable_agent(&mut self, agent: Int) -> PyResult<()> {
        self.core.disable_agent(agent.0).map_err(raise)
    }

    fn enable_agent(&mut self, agent: Int) -> PyResult<()> {
        self.core.enable_agent(agent.0).map_err(raise)
    }

    fn close(&mut self) -> PyResult<()> {
        self.core.close().map_err(raise)
    }

    // --- recorded flow ------------------------------------------------------------------------------

    fn push_depth(
        &mut self,
        time_ns: Int,
        exchange_ns: Option<Int>,
        delay_ns: Option<Int>,
        listing: Int,
        snapshot: bool,
        sides: &Bound<'_, PyAny>,
        prices: &Bound<'_, PyAny>,
        sizes: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (sides, prices, sizes) =
            (given::integers(sides)?, given::integers(prices)?, given::integers(sizes)?);
        if sides.len() != prices.len() || sides.len() != sizes.len() {
            let lengths = (sides.len(), prices.len(), sizes.len());
            return Err(bad_value(format!(
                "{} sides, {} prices, {} sizes: give as many of each",
                lengths.0, lengths.1, lengths.2
            )));
        }
        let levels = sides.into_iter().zip(prices).zip(sizes);
        let levels: Vec<(Side, i64, i64)> = levels
            .map(|((side, price), lots)| Ok((given::side(Int(side))?, price, lots)))
            .collect::<PyResult<_>>()?;
        let depth = DepthUpdate { exchange_ns: exchange_ns.map(|Int(ns)| ns), snapshot, levels };
        self.push(time_ns, delay_ns, listing, FlowEvent::Depth(depth))
    }

    fn push_trade(
        &mut self,
        time_ns: Int,
        exchange_ns: Option<Int>,
        delay_ns: Option<Int>,
        listing: Int,
        aggressor: Int,
        price: Int,
        size: Int,
    ) -> PyResult<()> {
        let trade = TradeUpdate {
            exchange_ns: exchange_ns.map(|Int(ns)| ns),
            aggressor: given::side(aggressor)?,
            price: price.0,
            size: size.0,
        };
        self.push(time_ns, delay_ns, listing, FlowEvent::Trade(trade))
    }

    /// Many updates at once: FLOW rows. What comes before a bad row is taken.
    fn push_flow(&mut self, rows: &Bound<'_, PyUntypedArray>) -> PyResult<()> {
        let bytes = batch::bytes_of(rows, "flow", flow::FLOW_BYTES)?;
        let bytes = bytes.readonly();
        flow::push(&mut self.core, bytes.as_slice()?)
    }

    fn external_stats<'py>(&self, py: Python<'py>, listing: Int) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.core.external_stats(listing.0).map_err(raise)?;
        let table = PyDict::new(py);
        table.set_item("updates", stats.updates)?;
        table.set_item("trades", stats.trades)?;
        table.set_item("held_back", stats.held_back)?;
        table.set_item("lots_taken", stats.lots_taken)?;
        table.set_item("lots_traded", stats.lots_traded)?;
        table.set_item("restored_lots", stats.restored_lots)?;
        table.set_item("unknown_orders", stats.unknown_orders)?;
        table.set_item("repeated_orders", stats.repeated_orders)?;
        table.set_item("overdrawn_orders", stats.overdrawn_orders)?;
        Ok(table)
    }

    fn external_bbo(&self, listing: Int) -> PyResult<Touch> {
        self.core.external_bbo(listing.0).map(rows::touch).map_err(raise)
    }

    // --- what an agent has been told ----------------------------------------------------------------

    fn bbo_view<'py>(
        &mut self,
        py: Python<'py>,
        agent: Int,
        listing: Int,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some(view) = self.core.bbo_view(agent.0, listing.0).map_err(raise)? else { return Ok(None) };
        let (bid, bid_lots, ask, ask_lots) = rows::touch(view.bbo);
        (bid, bid_lots, ask, ask_lots, view.update_no, view.published_ns).into_pyobject(py).map(Some)
    }

    fn depth_view(&mut self, agent: Int, listing: Int) -> PyResult<Option<(Ladder, Ladder, i64)>> {
        let view = self.core.depth_view(agent.0, listing.0).map_err(raise)?;
        Ok(view.map(|view| {
            let [bids, asks] = view.sides;
            (bids, asks, view.published_ns)
        }))
    }

    /// One side of it into the caller's arrays: how many levels, or None before anything has arrived.
    fn depth_view_into(
        &mut self,
        agent: Int,
        listing: Int,
        side: Int,
        prices: &Bound<'_, PyAny>,
        sizes: &Bound<'_, PyAny>,
    ) -> PyResult<Option<usize>> {
        let (side, places) = (given::side(side)?, Levels::new(prices, sizes, None)?);
        let levels = self.core.depth_view_side(agent.0, listing.0, side).map_err(raise)?;
        let level = |&(price, lots)| DepthLevel { price, lots, orders: 0 };
        levels.map(|levels| places.fill(levels.iter().map(level))).transpose()
    }

    fn last_trade_view(&mut self, agent: Int, listing: Int) -> PyResult<Option<(i64, i64, u8, i64)>> {
        let last = self.core.last_trade_view(agent.0, listing.0).map_err(raise)?;
        Ok(last.map(|last| (last.price, last.size, last.aggressor.code(), last.traded_ns)))
    }

    fn consolidated_view(
        &mut self,
        agent: Int,
        instrument: Int,
    ) -> PyResult<Vec<(u32, Option<i64>, i64, Option<i64>, i64, i64)>> {
        let quotes = self.core.consolidated_view(agent.0, instrument.0).map_err(raise)?;
        let row = |quote: ConsolidatedQuote| {
            let (bid, bid_lots, ask, ask_lots) = rows::touch(quote.bbo);
            (quote.venue, bid, bid_lots, ask, ask_lots, quote.published_ns)
        };
        Ok(quotes.into_iter().map(row).collect())
    }

    fn spendable(&self, agent: Int, venue: Int, asset: Int) -> PyResult<i64> {
        self.core.spendable(agent.0, venue.0, asset.0).map_err(raise)
    }

    // --- for observers, never for agents ------------------------------------------------------------

    fn balance(&self, agent: Int, venue: Int, asset: Int) -> PyResult<i64> {
        self.core.balance(agent.0, venue.0, asset.0).map_err(raise)
    }

    fn true_bbo(&self, listing: Int) -> PyResult<Touch> {
        self.core.true_bbo(listing.0).map(rows::touch).map_err(raise)
    }

    fn true_depth(&self, listing: Int, side: Int, levels: Int) -> PyResult<Vec<(i64, i64, u32)>> {
        let levels = usize::try_from(levels.0).unwrap_or(0);
        let depth = self.core.true_depth(listing.0, given::side(side)?, levels).map_err(raise)?;
        Ok(depth.into_iter().map(rows::level).collect())
    }

    fn last_trade(&self, listing: Int) -> PyResult<Option<i64>> {
        self.core.last_trade(listing.0).map_err(raise)
    }

    /// (agent, counter, side, price, leaves, total) of live orders, bids then asks, by priority.
    fn open_orders(&self, listing: Int) -> PyResult<Vec<(u32, u32, u8, i64, i64, i64)>> {
        let orders = self.core.open_orders(listing.0).map_err(raise)?;
        let row = |(id, order): (OrderId, OrderState)| {
            (id.agent, id.counter, order.side.code(), order.price, order.leaves, order.total)
        };
        Ok(orders.into_iter().map(row).collect())
    }

    fn queue_ahead(&self, agent: Int, counter: Int) -> Option<i64> {
        self.core.queue_ahead(agent.0, counter.0)
    }

    fn ledger_imbalance(&self) -> Vec<i128> {
        self.core.ledger_imbalance()
    }

    fn event_log_hash(&self) -> u64 {
        self.core.event_log_hash()
    }

    fn state_hash(&self, venue: Int) -> PyResult<u64> {
        self.core.state_hash(venue.0).map_err(raise)
    }

    fn totals<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let totals = self.core.totals();
        let table = PyDict::new(py);
        table.set_item("orders", totals.orders)?;
        table.set_item("cancels", totals.cancels)?;
        table.set_item("replaces", totals.replaces)?;
        table.set_item("rejects", totals.rejects)?;
        table.set_item("fills", totals.fills)?;
        table.set_item("volume", &totals.volume)?;
        table.set_item("notices", &totals.notices)?;
        Ok(table)
    }

    fn drain_tape<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        tape::drained(py, self.core.tape())
    }
}

impl Kernel {
    fn push(&mut self, time_ns: Int, delay_ns: Option<Int>, listing: Int, event: FlowEvent) -> PyResult<()> {
        let delay_ns = delay_ns.map_or(0, |Int(ns)| ns);
        let update = FlowUpdate { time_ns: time_ns.0, delay_ns, listing: listing.0, event };
        self.core.push_flow(update).map_err(raise)
    }
}
