//! Events of a feed as tuples, and back.

use market_feed::counts::{Counts, Messages};
use market_feed::event::{Aggressor, Body, BookEvent, Event, Gap, GapReason, Scope, State, Trade, TradeId};
use market_feed::feed::{SubscriptionStats, VenueStats};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::errors::bad_value;

fn book<'py>(py: Python<'py>, event: &Event, book: &BookEvent) -> PyResult<Bound<'py, PyTuple>> {
    let kind = if book.snapshot { "snapshot" } else { "diff" };
    let both = || book.bids.iter().chain(&book.asks);
    let sides = (0..book.bids.len()).map(|_| 0).chain((0..book.asks.len()).map(|_| 1));
    let sides = PyList::new(py, sides.collect::<Vec<u8>>())?;
    let prices = PyList::new(py, both().map(|level| level.0).collect::<Vec<_>>())?;
    let sizes = PyList::new(py, both().map(|level| level.1).collect::<Vec<_>>())?;
    (kind, event.recv_ns, event.venue_ns, event.sub, book.first_id, book.last_id, sides, prices, sizes)
        .into_pyobject(py)
}

/// The tuple of an event; its first field is the kind.
pub fn event<'py>(py: Python<'py>, event: &Event) -> PyResult<Bound<'py, PyTuple>> {
    let (recv_ns, venue_ns, sub) = (event.recv_ns, event.venue_ns, event.sub);
    match &event.body {
        Body::Book(body) => book(py, event, body),
        Body::Trade(trade) => {
            let aggressor = u8::from(trade.aggressor == Aggressor::Seller);
            let id = trade.id.to_string();
            ("trade", recv_ns, venue_ns, sub, id, aggressor, trade.price, trade.size).into_pyobject(py)
        }
        Body::State(state, reason) => {
            ("state", recv_ns, venue_ns, sub, state.name(), reason.as_str()).into_pyobject(py)
        }
        Body::Gap(gap) => {
            let (from, to) = gap.missing.unzip();
            let (scope, reason) = (gap.scope.name(), gap.reason.name());
            ("gap", recv_ns, venue_ns, sub, scope, reason, from, to, gap.dropped).into_pyobject(py)
        }
    }
}

pub fn events<'py>(py: Python<'py>, all: &[Event]) -> PyResult<Bound<'py, PyList>> {
    let tuples: Vec<_> = all.iter().map(|one| event(py, one)).collect::<PyResult<_>>()?;
    PyList::new(py, tuples)
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, given: &str) -> PyResult<T> {
    let found = all.iter().copied().find(|&one| name(one) == given);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        bad_value(format!("{given:?}; allowed: {}", names.join(", ")))
    })
}

fn read_book(tuple: &Bound<'_, PyTuple>, snapshot: bool) -> PyResult<Body> {
    let (sides, prices, sizes): (Vec<u8>, Vec<i64>, Vec<i64>) =
        (tuple.get_item(6)?.extract()?, tuple.get_item(7)?.extract()?, tuple.get_item(8)?.extract()?);
    if sides.len() != prices.len() || sides.len() != sizes.len() {
        return Err(bad_value("sides, prices and sizes are not of one length"));
    }
    let levels: Vec<_> = prices.into_iter().zip(sizes).collect();
    let of =
        |side: u8| levels.iter().zip(&sides).filter(move |(_, of)| **of == side).map(|(level, _)| *level);
    let (bids, asks) = (of(0).collect(), of(1).collect());
    let (first_id, last_id) = (tuple.get_item(4)?.extract()?, tuple.get_item(5)?.extract()?);
    Ok(Body::Book(BookEvent { snapshot, first_id, last_id, bids, asks }))
}

/// The event of a tuple as `event` makes it.
pub fn read_event(tuple: &Bound<'_, PyTuple>) -> PyResult<Event> {
    let kind: String = tuple.get_item(0)?.extract()?;
    let venue_ns: Option<i64> = tuple.get_item(2)?.extract()?;
    let text = |at: usize| -> PyResult<String> { tuple.get_item(at)?.extract() };
    let body = match kind.as_str() {
        "snapshot" | "diff" => read_book(tuple, kind == "snapshot")?,
        "trade" => {
            let aggressor: u8 = tuple.get_item(5)?.extract()?;
            let aggressor = if aggressor == 0 { Aggressor::Buyer } else { Aggressor::Seller };
            let (price, size) = (tuple.get_item(6)?.extract()?, tuple.get_item(7)?.extract()?);
            Body::Trade(Trade { venue_ns, id: TradeId::parse(&text(4)?), aggressor, price, size })
        }
        "state" => Body::State(named(&State::ALL, State::name, &text(4)?)?, text(5)?),
        "gap" => {
            let scope = named(&[Scope::Book, Scope::Trades], Scope::name, &text(4)?)?;
            let reason = named(&GapReason::ALL, GapReason::name, &text(5)?)?;
            let (from, to): (Option<u64>, Option<u64>) =
                (tuple.get_item(6)?.extract()?, tuple.get_item(7)?.extract()?);
            Body::Gap(Gap { scope, reason, missing: from.zip(to), dropped: tuple.get_item(8)?.extract()? })
        }
        other => {
            return Err(bad_value(format!(
                "{other:?} is no kind of event; allowed: snapshot, diff, trade, state, gap"
            )));
        }
    };
    Ok(Event { sub: tuple.get_item(3)?.extract()?, recv_ns: tuple.get_item(1)?.extract()?, venue_ns, body })
}

/// Sets the named fields of something as items of a dictionary.
macro_rules! items {
    ($table:expr, $from:expr, $($name:ident),+ $(,)?) => {
        $($table.set_item(stringify!($name), $from.$name)?;)+
    };
}

fn messages(table: &Bound<'_, PyDict>, messages: Messages) -> PyResult<()> {
    items!(table, messages, received, applied, ignored, rejected, dropped, buffered);
    Ok(())
}

pub fn venue<'py>(py: Python<'py>, stats: &VenueStats, messages_per_s: f64) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    messages(&table, stats.messages)?;
    items!(table, stats.connections, connects, disconnects, reconnects_planned, bytes, snapshots_asked);
    table.set_item("last_error", &stats.connections.last_error)?;
    table.set_item("connected", stats.connected)?;
    table.set_item("messages_per_s", messages_per_s)?;
    Ok(table)
}

pub fn subscription<'py>(py: Python<'py>, stats: &SubscriptionStats) -> PyResult<Bound<'py, PyDict>> {
    let table = PyDict::new(py);
    table.set_item("state", stats.state.name())?;
    table.set_item("reason", &stats.reason)?;
    table.set_item("verifiable", stats.verifiable)?;
    table.set_item("known_low", stats.known.low)?;
    table.set_item("known_high", stats.known.high)?;
    counts(&table, &stats.counts)?;
    Ok(table)
}

fn counts(table: &Bound<'_, PyDict>, counts: &Counts) -> PyResult<()> {
    items!(
        table,
        counts,
        snapshots,
        diffs,
        trades,
        trades_repeated,
        trades_untold,
        gaps,
        resyncs,
        checksum_ok
    );
    items!(table, counts, checksum_bad, crossed, overflows, last_recv_ns);
    table.set_item("latency_ns", counts.latency_ns.map(|(last, ..)| last))?;
    table.set_item("latency_min_ns", counts.latency_ns.map(|(_, least, _)| least))?;
    table.set_item("latency_max_ns", counts.latency_ns.map(|(.., most)| most))
}
