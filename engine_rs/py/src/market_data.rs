//! Rows of market data as a numpy array of `market_sim.records.MARKET_DATA`.

use market_core::venue::MarketDataRow;
use numpy::{PyArray1, PyArrayMethods};
use pyo3::prelude::*;

const ROW_BYTES: usize = size_of::<MarketDataRow>();

pub fn array<'py>(py: Python<'py>, rows: impl Iterator<Item = MarketDataRow>) -> PyResult<Bound<'py, PyAny>> {
    let rows: Vec<MarketDataRow> = rows.collect();
    let bytes = PyArray1::<u8>::zeros(py, rows.len() * ROW_BYTES, false);
    for (place, row) in bytes.readwrite().as_slice_mut()?.chunks_exact_mut(ROW_BYTES).zip(&rows) {
        write(place, row);
    }
    let dtype = py.import("market_sim.records")?.getattr("MARKET_DATA")?;
    bytes.call_method1("view", (dtype,))
}

fn write(bytes: &mut [u8], row: &MarketDataRow) {
    let longs = [row.seq as i64, row.time_ns, row.price, row.size, row.surplus, row.match_id as i64];
    let (six, rest) = bytes.split_at_mut(48);
    for (place, number) in six.chunks_exact_mut(8).zip(longs) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    let words = [row.listing, row.agent, row.counter, row.orders];
    let (four, rest) = rest.split_at_mut(16);
    for (place, number) in four.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    rest[..4].copy_from_slice(&[row.kind.code(), row.side.code(), row.phase, row.flags]);
}
