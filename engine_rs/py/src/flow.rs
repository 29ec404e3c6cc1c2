//! Recorded flow in bulk: FLOW rows of `market_sim.records`, several of which may make one update.

use market_core::external::{DepthUpdate, LevelUpdate, OrderOp, OrderOpKind, TradeUpdate};
use market_core::kernel::{FlowEvent, FlowUpdate};
use market_core::types::{Lots, Nanos, Side, Ticks};
use pyo3::prelude::*;

use crate::errors::bad_value;

pub const FLOW_BYTES: usize = 56;

const LEVEL: u8 = 0;
const TRADE: u8 = 1;
const LAST: u8 = 1;
const SNAPSHOT: u8 = 2;
const STAMPED: u8 = 4;

/// A row as it lies in memory.
#[derive(Clone, Copy)]
struct Row {
    time_ns: Nanos,
    exchange_ns: Nanos,
    delay_ns: Nanos,
    id: u64,
    price: Ticks,
    size: Lots,
    listing: u32,
    kind: u8,
    side: u8,
    flags: u8,
}

fn long(row: &[u8], at: usize) -> i64 {
    i64::from_ne_bytes(row[at..at + 8].try_into().expect("eight bytes"))
}

impl Row {
    fn read(row: &[u8]) -> Self {
        Row {
            time_ns: long(row, 0),
            exchange_ns: long(row, 8),
            delay_ns: long(row, 16),
            id: long(row, 24) as u64,
            price: long(row, 32),
            size: long(row, 40),
            listing: u32::from_ne_bytes(row[48..52].try_into().expect("four bytes")),
            kind: row[52],
            side: row[53],
            flags: row[54],
        }
    }

    fn exchange_ns(&self) -> Option<Nanos> {
        (self.flags & STAMPED != 0).then_some(self.exchange_ns)
    }

    fn update(&self, event: FlowEvent) -> FlowUpdate {
        let (time_ns, delay_ns) = (self.time_ns, self.delay_ns);
        FlowUpdate { time_ns, delay_ns, listing: i64::from(self.listing), event }
    }

    fn order(&self, side: Side) -> Option<OrderOp> {
        let kind = OrderOpKind::from_code(self.kind)?;
        Some(OrderOp { kind, side, id: self.id, price: self.price, lots: self.size })
    }
}

fn wrong<T>(number: usize, what: &str) -> PyResult<T> {
    Err(bad_value(format!("flow row {number}: {what} (market_sim.records)")))
}

/// Takes the updates of the rows in turn; `first` is the number of the first row.
pub fn updates(bytes: &[u8], mut take: impl FnMut(FlowUpdate) -> PyResult<()>) -> PyResult<()> {
    let mut rows: Vec<(Row, Side)> = Vec::new();
    for (number, bytes) in bytes.chunks_exact(FLOW_BYTES).enumerate() {
        let row = Row::read(bytes);
        let Some(side) = Side::from_code(row.side) else { return wrong(number, "no such side") };
        if row.kind != LEVEL && row.kind != TRADE && row.order(side).is_none() {
            return wrong(number, "no such kind");
        }
        if row.flags & LAST != 0 && rows.is_empty() && row.flags & SNAPSHOT == 0 {
            take(alone(&row, side))?;
            continue;
        }
        if rows.first().is_some_and(|(first, _)| first.time_ns != row.time_ns || first.listing != row.listing)
        {
            return wrong(number, "an update has one time and one listing");
        }
        rows.push((row, side));
        if row.flags & LAST != 0 {
            let Some(event) = together(&rows) else {
                return wrong(number, "levels, orders and trades mixed");
            };
            take(row.update(event))?;
            rows.clear();
        }
    }
    match rows.len() {
        0 => Ok(()),
        _ => wrong(bytes.len() / FLOW_BYTES - 1, "the last row must end an update"),
    }
}

fn alone(row: &Row, side: Side) -> FlowUpdate {
    row.update(match row.order(side) {
        None if row.kind == LEVEL => FlowEvent::Level(LevelUpdate {
            exchange_ns: row.exchange_ns(),
            side,
            price: row.price,
            lots: row.size,
        }),
        Some(op) => FlowEvent::Order(op),
        None => FlowEvent::Trade(TradeUpdate {
            exchange_ns: row.exchange_ns(),
            aggressor: side,
            price: row.price,
            size: row.size,
        }),
    })
}

fn together(rows: &[(Row, Side)]) -> Option<FlowEvent> {
    let (last, _) = rows.last()?;
    if last.kind != LEVEL {
        return rows.iter().map(|(row, side)| row.order(*side)).collect::<Option<_>>().map(FlowEvent::Orders);
    }
    let level = |&(row, side): &(Row, Side)| (row.kind == LEVEL).then_some((side, row.price, row.size));
    Some(FlowEvent::Depth(DepthUpdate {
        exchange_ns: last.exchange_ns(),
        snapshot: last.flags & SNAPSHOT != 0,
        levels: rows.iter().map(level).collect::<Option<_>>()?,
    }))
}
