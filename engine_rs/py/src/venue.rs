//! `Venue`: one venue alone, for tests, lessons and measurements.

use market_core::command::Amendment;
use market_core::event::Event;
use market_core::order::{Command, NewOrder};
use market_core::policy::{Matching, Shares};
use market_core::types::{MAX_PRICE, MAX_SIZE, OrderId};
use market_core::venue::{Channels, ListingSpec, MarketData, RiskLimits, Venue as CoreVenue};
use numpy::{PyArrayDescrMethods, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::arguments::{Id, Int, order_type, phase, policy, price, side, stp, terms, tif};
use crate::batch::{self, COMMAND_BYTES, EVENT_BYTES};
use crate::batch_ex::{self, COMMAND_EX_BYTES};
use crate::buffers::Levels;
use crate::errors::bad_value;
use crate::market_data;
use crate::rows::{self, Touch};

/// Events of a batch that may wait before they are written out.
const EVENTS_KEPT: usize = 32;

/// A venue alone. Commands return how many events they gave; the events wait until they are taken.
#[pyclass(module = "market_sim._engine")]
pub struct Venue {
    name: String,
    core: CoreVenue,
    waiting: Vec<Event>,
    /// `None` until somebody subscribes.
    data: Option<Box<MarketData>>,
}

impl Venue {
    fn run(&mut self, time_ns: Int, command: &Command) -> usize {
        self.events_of(|core, out| core.process(time_ns.0, command, out))
    }

    /// Rows that `act` writes, counted; market data hear of them.
    #[inline]
    fn events_of(&mut self, act: impl FnOnce(&mut CoreVenue, &mut Vec<Event>)) -> usize {
        let before = self.waiting.len();
        act(&mut self.core, &mut self.waiting);
        if let Some(data) = &mut self.data {
            data.observe(&self.core, &self.waiting[before..]);
        }
        self.waiting.len() - before
    }

    fn listing(&self, listing: Int) -> PyResult<u32> {
        match u32::try_from(listing.0) {
            Ok(number) if (number as usize) < self.core.listings() => Ok(number),
            _ => Err(bad_value(format!(
                "unknown listing {}: venue {:?} has {}, counted from 0",
                listing.0,
                self.name,
                self.core.listings()
            ))),
        }
    }

    /// Moves waiting events out until there is no room or none is left.
    fn write_out(&mut self, events: &mut [u8], written: &mut usize) {
        let room = events.len() / EVENT_BYTES - *written;
        let count = room.min(self.waiting.len());
        let rows = events[*written * EVENT_BYTES..].chunks_exact_mut(EVENT_BYTES);
        for (row, event) in rows.zip(&self.waiting) {
            batch::write_event(row.try_into().expect("a row's bytes"), event);
        }
        self.waiting.drain(..count);
        *written += count;
    }

    /// Events leave in portions that stay in the cache: one move for each command costs more than the matching.
    #[inline]
    fn process_rows<'a>(
        &mut self,
        commands: impl Iterator<Item = &'a [u8]>,
        events: &mut [u8],
        send: impl Fn(&mut CoreVenue, &[u8], &mut Vec<Event>),
    ) -> (usize, usize) {
        let room = events.len() / EVENT_BYTES;
        let (mut taken, mut written) = (0, 0);
        self.write_out(events, &mut written);
        for row in commands {
            if written + self.waiting.len() >= room {
                break;
            }
            self.events_of(|core, out| send(core, row, out));
            if self.waiting.len() >= EVENTS_KEPT {
                self.write_out(events, &mut written);
            }
            taken += 1;
        }
        self.write_out(events, &mut written);
        (taken, written)
    }

    fn process_plain(&mut self, commands: &[u8], events: &mut [u8]) -> (usize, usize) {
        self.process_rows(commands.chunks_exact(COMMAND_BYTES), events, |core, row, out| {
            let (time_ns, command) = batch::command(row).expect("checked");
            core.process(time_ns, &command, out);
        })
    }

    fn process_ex(&mut self, commands: &[u8], events: &mut [u8]) -> (usize, usize) {
        self.process_rows(commands.chunks_exact(COMMAND_EX_BYTES), events, |core, row, out| {
            let (time_ns, command) = batch_ex::command(row).expect("checked");
            core.process_ex(time_ns, &command, out);
        })
    }
}

#[pymethods]
impl Venue {
    #[new]
    fn new(name: String) -> Self {
        Self { name, core: CoreVenue::new(), waiting: Vec::new(), data: None }
    }

    fn add_listing(
        &mut self,
        tick_lot_atoms: Int,
        lot_atoms: Int,
        min_notional_atoms: Int,
        maker_fee_e8: Int,
        taker_fee_e8: Int,
    ) -> PyResult<u32> {
        let fees = (maker_fee_e8.0, taker_fee_e8.0);
        let spec = ListingSpec::new(tick_lot_atoms.0, lot_atoms.0, min_notional_atoms.0, fees.0, fees.1);
        Ok(self.core.add_listing(spec.map_err(bad_value)?))
    }

    fn set_owner(&mut self, agent: Id, owner: Id) {
        self.core.set_owner(agent.0, owner.0);
    }

    fn new_order(
        &mut self,
        time_ns: Int,
        agent: Id,
        counter: Id,
        listing: Id,
        side: Int,
        order_type: Int,
        tif: Int,
        stp: Int,
        post_only: bool,
        price: Option<Int>,
        size: Int,
    ) -> PyResult<usize> {
        let order = NewOrder {
            id: OrderId::new(agent.0, counter.0),
            listing: listing.0,
            side: self::side(side)?,
            order_type: self::order_type(order_type)?,
            tif: self::tif(tif)?,
            stp: self::stp(stp)?,
            post_only,
            price: price.map(|Int(price)| price),
            size: size.0,
        };
        Ok(self.run(time_ns, &Command::New(order)))
    }

    #[pyo3(signature = (
        time_ns, agent, counter, listing, side, order_type, tif, stp, post_only, price, size, *, stop_price=None,
        trail_ticks=Int(0), trail_bps=Int(0), trigger_limit_ticks=None, display_lots=None, refresh=Int(0),
        peg=Int(0), peg_offset_ticks=Int(0), minimum_lots=Int(0), expire_ns=None, protection_ticks=None
    ),
        // What help() and the stub check read: a default that is no literal would show as "...".
        text_signature = "($self, time_ns, agent, counter, listing, side, order_type, tif, stp, post_only, price, size, *, \
            stop_price=None, trail_ticks=0, trail_bps=0, trigger_limit_ticks=None, display_lots=None, refresh=0, \
            peg=0, peg_offset_ticks=0, minimum_lots=0, expire_ns=None, protection_ticks=None)")]
    fn new_order_ex(
        &mut self,
        time_ns: Int,
        agent: Id,
        counter: Id,
        listing: Id,
        side: Int,
        order_type: Int,
        tif: Int,
        stp: Int,
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
    ) -> PyResult<usize> {
        let order = NewOrder {
            id: OrderId::new(agent.0, counter.0),
            listing: listing.0,
            side: self::side(side)?,
            order_type: self::order_type(order_type)?,
            tif: self::tif(tif)?,
            stp: self::stp(stp)?,
            post_only,
            price: price.map(|Int(price)| price),
            size: size.0,
        };
        let terms = self::terms(
            [stop_price, trigger_limit_ticks, display_lots, expire_ns, protection_ticks],
            [trail_ticks, trail_bps, peg_offset_ticks, minimum_lots],
            (refresh, peg),
        )?;
        Ok(self.events_of(|core, out| core.new_order_with(time_ns.0, &order, &terms, out)))
    }

    fn print_trade(
        &mut self,
        time_ns: Int,
        listing: Int,
        side: Int,
        price: Int,
        size: Int,
    ) -> PyResult<usize> {
        let (listing, side) = (self.listing(listing)?, self::side(side)?);
        if !(1..=MAX_PRICE).contains(&price.0) || !(1..=MAX_SIZE).contains(&size.0) {
            return Err(bad_value(format!(
                "print of {} lots at {}: prices go from 1 to {MAX_PRICE} ticks, sizes from 1 to {MAX_SIZE} lots",
                size.0, price.0
            )));
        }
        Ok(self.events_of(|core, out| core.print_trade(time_ns.0, listing, side, price.0, size.0, out)))
    }

    fn advance(&mut self, time_ns: Int) -> usize {
        self.events_of(|core, out| core.advance(time_ns.0, out))
    }

    fn mass_cancel(
        &mut self,
        time_ns: Int,
        agent: Id,
        listing: Option<Id>,
        side: Option<Int>,
    ) -> PyResult<usize> {
        let side = side.map(self::side).transpose()?;
        let listing = listing.map(|Id(listing)| listing);
        Ok(self.events_of(|core, out| core.mass_cancel(time_ns.0, agent.0, listing, side, out)))
    }

    fn set_cancel_on_disconnect(&mut self, agent: Id, on: bool) {
        self.core.set_cancel_on_disconnect(agent.0, on);
    }

    fn disconnect(&mut self, time_ns: Int, agent: Id) -> usize {
        self.events_of(|core, out| core.disconnect(time_ns.0, agent.0, out))
    }

    fn cancel(&mut self, time_ns: Int, agent: Id, counter: Id, listing: Id) -> usize {
        let id = OrderId::new(agent.0, counter.0);
        self.run(time_ns, &Command::Cancel { id, listing: listing.0 })
    }

    fn replace(&mut self, time_ns: Int, agent: Id, counter: Id, listing: Id, price: Int, size: Int) -> usize {
        let id = OrderId::new(agent.0, counter.0);
        self.run(time_ns, &Command::Replace { id, listing: listing.0, price: price.0, size: size.0 })
    }

    /// `replace`, and for a waiting stop its stop price or trailing distance too; it may leave out the price.
    #[pyo3(signature = (
        time_ns, agent, counter, listing, price, size, *, stop_price=None, trail_ticks=None, trail_bps=None
    ))]
    fn replace_ex(
        &mut self,
        time_ns: Int,
        agent: Id,
        counter: Id,
        listing: Id,
        price: Option<Int>,
        size: Int,
        stop_price: Option<Int>,
        trail_ticks: Option<Int>,
        trail_bps: Option<Int>,
    ) -> usize {
        let id = OrderId::new(agent.0, counter.0);
        let number = |given: Option<Int>| given.map(|Int(number)| number);
        let change = Amendment {
            price: number(price),
            size: size.0,
            stop_price: number(stop_price),
            trail_ticks: number(trail_ticks),
            trail_bps: number(trail_bps),
        };
        self.events_of(|core, out| core.replace_with(time_ns.0, listing.0, id, &change, out))
    }

    fn set_phase(&mut self, time_ns: Int, phase: Int) -> PyResult<usize> {
        let phase = self::phase(phase)?;
        Ok(self.events_of(|core, out| core.set_phase(time_ns.0, phase, out)))
    }

    #[pyo3(signature = (listing, policy, *, top_order_max_lots=Int(0), pro_rata_min_lots=Int(0), interval_ns=Int(0)),
        text_signature = "($self, listing, policy, *, top_order_max_lots=0, pro_rata_min_lots=0, interval_ns=0)")]
    fn set_matching(
        &mut self,
        listing: Int,
        policy: Int,
        top_order_max_lots: Int,
        pro_rata_min_lots: Int,
        interval_ns: Int,
    ) -> PyResult<()> {
        let listing = self.listing(listing)?;
        let shares = Shares { top_order_max_lots: top_order_max_lots.0, min_lots: pro_rata_min_lots.0 };
        let matching = Matching::new(self::policy(policy)?, shares, interval_ns.0).map_err(bad_value)?;
        self.core.set_matching(listing, matching).map_err(bad_value)
    }

    #[pyo3(signature = (
        agent, listing, *, max_order_lots=None, max_notional_atoms=None, max_position_lots=None, collar_bps=None,
        max_messages_per_s=None, no_short_sale=false
    ))]
    fn set_risk(
        &mut self,
        agent: Id,
        listing: Int,
        max_order_lots: Option<Int>,
        max_notional_atoms: Option<Int>,
        max_position_lots: Option<Int>,
        collar_bps: Option<Int>,
        max_messages_per_s: Option<Int>,
        no_short_sale: bool,
    ) -> PyResult<()> {
        let listing = self.listing(listing)?;
        let number = |given: Option<Int>| given.map(|Int(number)| number);
        let limits = RiskLimits {
            max_order_lots: number(max_order_lots),
            max_notional_atoms: number(max_notional_atoms),
            max_position_lots: number(max_position_lots),
            collar_bps: number(collar_bps),
            max_messages_per_s: number(max_messages_per_s),
            no_short_sale,
        };
        self.core.set_risk(agent.0, listing, limits).map_err(bad_value)
    }

    fn set_position(&mut self, agent: Id, listing: Int, lots: Int) -> PyResult<()> {
        let listing = self.listing(listing)?;
        self.core.set_position(agent.0, listing, lots.0).map_err(bad_value)
    }

    fn set_volatility_halt(&mut self, listing: Int, halt_bps: Int, halt_ns: Int) -> PyResult<()> {
        let listing = self.listing(listing)?;
        self.core.set_volatility_halt(listing, halt_bps.0, halt_ns.0).map_err(bad_value)
    }

    fn set_reference_price(&mut self, listing: Int, price: Int) -> PyResult<()> {
        let listing = self.listing(listing)?;
        self.core.set_reference_price(listing, self::price(price)?);
        Ok(())
    }

    fn listing_phase(&self, listing: Int) -> PyResult<u8> {
        Ok(self.core.listing_phase(self.listing(listing)?).code())
    }

    /// (price, lots that trade, lots left over: to buy positive) of an auction that ended now, None without one.
    fn indicative(&self, listing: Int) -> PyResult<Option<(i64, i64, i64)>> {
        let cross = self.core.indicative(self.listing(listing)?);
        Ok(cross.map(|cross| (cross.price, cross.volume, cross.surplus)))
    }

    /// COMMAND or COMMAND_EX rows in, EVENT rows out, as long as `events` has room: (commands taken, events written).
    fn process(
        &mut self,
        py: Python<'_>,
        commands: &Bound<'_, PyUntypedArray>,
        events: &Bound<'_, PyUntypedArray>,
    ) -> PyResult<(usize, usize)> {
        let has_terms = commands.dtype().itemsize() == COMMAND_EX_BYTES;
        let row_bytes = if has_terms { COMMAND_EX_BYTES } else { COMMAND_BYTES };
        let commands = batch::bytes_of(commands, "commands", row_bytes)?;
        let events = batch::bytes_of(events, "events", EVENT_BYTES)?;
        let commands = commands.try_readonly().map_err(bad_value)?;
        let mut events = events.try_readwrite().map_err(bad_value)?;
        let (commands, events) = (commands.as_slice()?, events.as_slice_mut()?);
        if has_terms {
            batch_ex::check(commands)?;
            return Ok(py.detach(|| self.process_ex(commands, events)));
        }
        batch::check(commands)?;
        Ok(py.detach(|| self.process_plain(commands, events)))
    }

    fn take_events<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        self.waiting.drain(..).map(|event| rows::event(py, &event)).collect()
    }

    fn discard_events(&mut self) -> usize {
        self.waiting.drain(..).len()
    }

    fn bbo(&self, listing: Int) -> PyResult<Touch> {
        Ok(rows::touch(self.core.book(self.listing(listing)?).bbo()))
    }

    fn depth(&self, listing: Int, side: Int, levels: Int) -> PyResult<Vec<(i64, i64, u32)>> {
        let book = self.core.book(self.listing(listing)?);
        let levels = usize::try_from(levels.0).unwrap_or(0);
        Ok(book.depth(self::side(side)?, levels).map(rows::level).collect())
    }

    /// The best displayed levels into the caller's arrays: how many there were, and room for.
    #[pyo3(signature = (listing, side, prices, sizes, orders=None))]
    fn depth_into(
        &self,
        listing: Int,
        side: Int,
        prices: &Bound<'_, PyAny>,
        sizes: &Bound<'_, PyAny>,
        orders: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<usize> {
        let (book, side) = (self.core.book(self.listing(listing)?), self::side(side)?);
        Levels::new(prices, sizes, orders)?.fill(book.levels(side))
    }

    #[pyo3(signature = (listing, *, bbo=false, l2=false, l3=false))]
    fn set_market_data(&mut self, listing: Int, bbo: bool, l2: bool, l3: bool) -> PyResult<()> {
        let listing = self.listing(listing)?;
        let data = self.data.get_or_insert_default();
        data.set(&self.core, listing, Channels { bbo, l2, l3 });
        Ok(())
    }

    fn take_market_data<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let taken = self.data.as_deref_mut().map(MarketData::take);
        market_data::array(py, taken.into_iter().flatten())
    }

    fn market_data_snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let nothing = MarketData::default();
        let rows = self.data.as_deref().unwrap_or(&nothing).snapshot(&self.core);
        market_data::array(py, rows.into_iter())
    }

    /// (price, agent, counter, leaves, total) of a side's live orders, in the order they would trade.
    fn orders(&self, listing: Int, side: Int) -> PyResult<Vec<(i64, u32, u32, i64, i64)>> {
        let orders = self.core.book(self.listing(listing)?).side_orders(self::side(side)?);
        Ok(orders.map(|(id, order)| (order.price, id.agent, id.counter, order.leaves, order.total)).collect())
    }

    /// (price, agent, counter, shown lots) of a side's displayed orders, by priority.
    fn shown(&self, listing: Int, side: Int) -> PyResult<Vec<(i64, u32, u32, i64)>> {
        let orders = self.core.book(self.listing(listing)?).shown_orders(self::side(side)?);
        Ok(orders.map(|(id, shown)| (shown.price, id.agent, id.counter, shown.lots)).collect())
    }

    fn live(&self, listing: Int) -> PyResult<usize> {
        Ok(self.core.live(self.listing(listing)?))
    }

    /// (agent, counter, stop or 0, lots) of stops that no print has elected yet, in the order of their coming.
    fn waiting(&self, listing: Int) -> PyResult<Vec<(u32, u32, i64, i64)>> {
        let stops = self.core.waiting_stops(self.listing(listing)?);
        Ok(stops.map(|(id, stop, lots)| (id.agent, id.counter, stop, lots)).collect())
    }

    fn book_hash(&self, listing: Int) -> PyResult<u64> {
        Ok(self.core.book(self.listing(listing)?).state_hash())
    }

    fn state_hash(&self) -> u64 {
        self.core.state_hash()
    }

    #[getter]
    fn phase(&self) -> u8 {
        self.core.phase().code()
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }
}
