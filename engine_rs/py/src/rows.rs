//! Small values of the core as tuples.

use market_core::book::{Bbo, DepthLevel, Quote};
use market_core::event::Event;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// (bid, bid lots, ask, ask lots); an empty side is (None, 0).
pub type Touch = (Option<i64>, i64, Option<i64>, i64);

pub fn touch(bbo: Bbo) -> Touch {
    let part = |quote: Option<Quote>| (quote.map(|quote| quote.price), quote.map_or(0, |quote| quote.lots));
    let ((bid, bid_lots), (ask, ask_lots)) = (part(bbo.bid), part(bbo.ask));
    (bid, bid_lots, ask, ask_lots)
}

pub fn level(level: DepthLevel) -> (i64, i64, u32) {
    (level.price, level.lots, level.orders)
}

/// The fields of an event in the order of `market_sim.engine.Event`.
pub fn event<'py>(py: Python<'py>, row: &Event) -> PyResult<Bound<'py, PyTuple>> {
    let fields: [i128; 16] = [
        row.time_ns.into(),
        row.seq.into(),
        row.price.into(),
        row.size.into(),
        row.leaves.into(),
        row.fee.into(),
        row.match_id.into(),
        row.listing.into(),
        row.agent.into(),
        row.counter.into(),
        row.contra_agent.into(),
        row.contra_counter.into(),
        row.kind.code().into(),
        row.reason.into(),
        row.side.code().into(),
        row.flags.into(),
    ];
    // Only the two counts could pass 2^63, after centuries.
    PyTuple::new(py, fields.map(|field| field as i64))
}
