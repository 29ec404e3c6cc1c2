//! The drained tape: dictionaries of numpy columns.

use market_core::kernel::{OrderColumns, QueueRow, QuoteRow, Tape, TradeRow};
use numpy::{Element, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The named fields of rows as columns of a dictionary.
macro_rules! fields {
    ($py:expr, $rows:expr, $($name:ident),+ $(,)?) => {{
        let columns = PyDict::new($py);
        $(columns.set_item(stringify!($name), array($py, $rows.iter().map(|row| row.$name).collect()))?;)+
        columns
    }};
}

/// Moves the named columns of a table into a dictionary.
macro_rules! columns {
    ($py:expr, $table:expr, $($name:ident),+ $(,)?) => {{
        let columns = PyDict::new($py);
        $(columns.set_item(stringify!($name), array($py, $table.$name))?;)+
        columns
    }};
}

fn array<T: Element>(py: Python<'_>, column: Vec<T>) -> Bound<'_, PyArray1<T>> {
    PyArray1::from_vec(py, column)
}

pub fn drained<'py>(py: Python<'py>, tape: &mut Tape) -> PyResult<Bound<'py, PyDict>> {
    let tables = PyDict::new(py);
    tables.set_item("trades", trades(py, &tape.trades)?)?;
    tables.set_item("quotes", quotes(py, &tape.quotes)?)?;
    tables.set_item("queues", queues(py, &tape.queues)?)?;
    // Their memory is kept for the next rows.
    tape.trades.clear();
    tape.quotes.clear();
    tape.queues.clear();
    tables.set_item("orders", orders(py, std::mem::take(&mut tape.orders))?)?;
    Ok(tables)
}

fn trades<'py>(py: Python<'py>, rows: &[TradeRow]) -> PyResult<Bound<'py, PyDict>> {
    Ok(fields!(
        py,
        rows,
        time_ns,
        listing,
        price,
        size,
        aggressor,
        maker,
        maker_counter,
        taker,
        taker_counter,
        match_id,
        maker_fee,
        taker_fee,
    ))
}

fn quotes<'py>(py: Python<'py>, rows: &[QuoteRow]) -> PyResult<Bound<'py, PyDict>> {
    Ok(fields!(py, rows, time_ns, listing, bid, bid_lots, ask, ask_lots))
}

fn queues<'py>(py: Python<'py>, rows: &[QueueRow]) -> PyResult<Bound<'py, PyDict>> {
    Ok(fields!(py, rows, time_ns, listing, agent, counter, ahead, cause))
}

fn orders(py: Python<'_>, table: OrderColumns) -> PyResult<Bound<'_, PyDict>> {
    Ok(columns!(
        py,
        table,
        time_ns,
        sent_ns,
        kind,
        reason,
        listing,
        agent,
        counter,
        side,
        price,
        size,
        leaves,
        fee,
        flags,
        order_type,
        tif,
        queue_ahead,
    ))
}
