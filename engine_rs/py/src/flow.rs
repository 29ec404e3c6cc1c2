//! Recorded flow in bulk: FLOW rows of `market_sim.records`, several of which may make one update.

use market_core::external::{DepthUpdate, OrderOp, OrderOpKind};
use market_core::kernel::{FlowEvent, FlowKind, FlowRow, FlowUpdate, Kernel};
use market_core::types::Side;
use pyo3::prelude::*;

use crate::errors::{bad_value, raise};

pub const FLOW_BYTES: usize = 56;

const LEVEL: u8 = 0;
const TRADE: u8 = 1;
const LAST: u8 = 1;
const SNAPSHOT: u8 = 2;
const STAMPED: u8 = 4;

fn long(row: &[u8], at: usize) -> i64 {
    i64::from_ne_bytes(row[at..at + 8].try_into().expect("eight bytes"))
}

fn wrong<T>(number: usize, what: &str) -> PyResult<T> {
    Err(bad_value(format!("flow row {number}: {what} (market_sim.records)")))
}

/// A row as it lies in memory, and its flags.
#[inline]
fn read(number: usize, bytes: &[u8]) -> PyResult<(FlowRow, u8)> {
    let bytes: &[u8; FLOW_BYTES] = bytes.try_into().expect("a row");
    let flags = bytes[54];
    let Some(side) = Side::from_code(bytes[53]) else { return wrong(number, "no such side") };
    let kind = match bytes[52] {
        LEVEL => FlowKind::Level,
        TRADE => FlowKind::Trade,
        code => match OrderOpKind::from_code(code) {
            Some(kind) => FlowKind::Order(kind),
            None => return wrong(number, "no such kind"),
        },
    };
    let row = FlowRow {
        time_ns: long(bytes, 0),
        delay_ns: long(bytes, 16),
        listing: u32::from_ne_bytes(bytes[48..52].try_into().expect("four bytes")).into(),
        exchange_ns: (flags & STAMPED != 0).then(|| long(bytes, 8)),
        kind,
        side,
        id: long(bytes, 24) as u64,
        price: long(bytes, 32),
        lots: long(bytes, 40),
    };
    Ok((row, flags))
}

/// Hands the updates of the rows in, in turn.
pub fn push(kernel: &mut Kernel, bytes: &[u8]) -> PyResult<()> {
    let mut rows: Vec<FlowRow> = Vec::new();
    for (number, bytes) in bytes.chunks_exact(FLOW_BYTES).enumerate() {
        let (row, flags) = read(number, bytes)?;
        if flags & LAST != 0 && rows.is_empty() && flags & SNAPSHOT == 0 {
            kernel.push_row(&row).map_err(raise)?;
            continue;
        }
        if rows.first().is_some_and(|first| (first.time_ns, first.listing) != (row.time_ns, row.listing)) {
            return wrong(number, "an update has one time and one listing");
        }
        rows.push(row);
        if flags & LAST != 0 {
            let Some(event) = together(&rows, flags & SNAPSHOT != 0) else {
                return wrong(number, "levels, orders and trades mixed");
            };
            let FlowRow { time_ns, delay_ns, listing, .. } = row;
            kernel.push_flow(FlowUpdate { time_ns, delay_ns, listing, event }).map_err(raise)?;
            rows.clear();
        }
    }
    match rows.len() {
        0 => Ok(()),
        _ => wrong(bytes.len() / FLOW_BYTES - 1, "the last row must end an update"),
    }
}

/// Rows as the one update that they are.
fn together(rows: &[FlowRow], snapshot: bool) -> Option<FlowEvent> {
    let last = rows.last()?;
    if last.kind != FlowKind::Level {
        return rows.iter().map(order).collect::<Option<_>>().map(FlowEvent::Orders);
    }
    let level = |row: &FlowRow| (row.kind == FlowKind::Level).then_some((row.side, row.price, row.lots));
    let levels = rows.iter().map(level).collect::<Option<_>>()?;
    Some(FlowEvent::Depth(DepthUpdate { exchange_ns: last.exchange_ns, snapshot, levels }))
}

fn order(row: &FlowRow) -> Option<OrderOp> {
    let FlowKind::Order(kind) = row.kind else { return None };
    Some(OrderOp { kind, side: row.side, id: row.id, price: row.price, lots: row.lots })
}
