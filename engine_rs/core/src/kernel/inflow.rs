//! Recorded updates that wait for their instant: a ring of rows.
//!
//! A recorded market hands in millions of updates, nearly all of them of one level, one trade or one order.
//! Each is written field by field into its row and read from there. Handed over whole, a record is copied in
//! pieces larger than those it was written in, and each such piece waits for the stores before it.

use std::collections::VecDeque;

use super::flow::{FlowEvent, FlowKind, FlowRow};
use crate::external::{LevelUpdate, OrderOp, OrderOpKind, TradeUpdate};
use crate::types::{Lots, Nanos, Side, Ticks};

/// An update on its way in; fields that its kind does not use are whatever was there before.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub time_ns: Nanos,
    pub delay_ns: Nanos,
    stamp: Nanos,
    id: u64,
    price: Ticks,
    lots: Lots,
    /// Place of the listing.
    pub market: u32,
    /// `None`: several levels or orders, which wait apart, in the order of their rows.
    pub kind: Option<FlowKind>,
    side: Side,
    stamped: bool,
}

impl Row {
    const BLANK: Self = Self {
        time_ns: 0,
        delay_ns: 0,
        stamp: 0,
        id: 0,
        price: 0,
        lots: 0,
        market: 0,
        kind: None,
        side: Side::Buy,
        stamped: false,
    };

    fn exchange_ns(&self) -> Option<Nanos> {
        self.stamped.then_some(self.stamp)
    }

    #[inline]
    pub fn level(&self) -> LevelUpdate {
        let Self { side, price, lots, .. } = *self;
        LevelUpdate { exchange_ns: self.exchange_ns(), side, price, lots }
    }

    #[inline]
    pub fn trade(&self) -> TradeUpdate {
        let Self { side: aggressor, price, lots: size, .. } = *self;
        TradeUpdate { exchange_ns: self.exchange_ns(), aggressor, price, size }
    }

    #[inline]
    pub fn order(&self, kind: OrderOpKind) -> OrderOp {
        let Self { side, id, price, lots, .. } = *self;
        OrderOp { kind, side, id, price, lots }
    }
}

/// The updates handed in and not yet due, first in, first out.
#[derive(Default)]
pub struct Inflow {
    /// As many as a power of two, or none.
    rows: Vec<Row>,
    /// Number of the oldest row since the start; modulo the ring its place.
    first: usize,
    len: usize,
    bundles: VecDeque<FlowEvent>,
}

impl Inflow {
    /// Time of the next update, `Nanos::MAX` if there is none.
    #[inline]
    pub fn next_time(&self) -> Nanos {
        if self.len == 0 { Nanos::MAX } else { self.rows[self.place(0)].time_ns }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `market` is the place of the row's listing.
    #[inline]
    pub fn push(&mut self, market: usize, new: &FlowRow) {
        let row = self.open(new.time_ns, new.delay_ns, market);
        row.kind = Some(new.kind);
        (row.stamp, row.stamped) = (new.exchange_ns.unwrap_or(0), new.exchange_ns.is_some());
        (row.side, row.id, row.price, row.lots) = (new.side, new.id, new.price, new.lots);
    }

    pub fn push_bundle(&mut self, time_ns: Nanos, delay_ns: Nanos, market: usize, bundle: FlowEvent) {
        self.open(time_ns, delay_ns, market).kind = None;
        self.bundles.push_back(bundle);
    }

    /// A new row at the end.
    #[inline]
    fn open(&mut self, time_ns: Nanos, delay_ns: Nanos, market: usize) -> &mut Row {
        if self.len == self.rows.len() {
            self.double();
        }
        let place = self.place(self.len);
        self.len += 1;
        let row = &mut self.rows[place];
        (row.time_ns, row.delay_ns, row.market) = (time_ns, delay_ns, market as u32);
        row
    }

    /// Takes the oldest update out; of a bundle its row, and `bundle` gives what is in it.
    #[inline]
    pub fn pop(&mut self) -> Row {
        let row = self.rows[self.place(0)];
        self.first = self.first.wrapping_add(1);
        self.len -= 1;
        row
    }

    /// What the row just taken out stands for.
    pub fn bundle(&mut self) -> FlowEvent {
        self.bundles.pop_front().expect("a bundle waits for each of its rows")
    }

    #[inline]
    fn place(&self, nth: usize) -> usize {
        self.first.wrapping_add(nth) & self.rows.len().wrapping_sub(1)
    }

    #[cold]
    fn double(&mut self) {
        let old = std::mem::take(&mut self.rows);
        let (start, size) = (self.first & old.len().wrapping_sub(1), (2 * old.len()).max(64));
        self.rows.reserve_exact(size);
        self.rows.extend_from_slice(&old[start.min(old.len())..]);
        self.rows.extend_from_slice(&old[..start.min(old.len())]);
        self.rows.resize(size, Row::BLANK);
        self.first = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::DepthUpdate;

    /// A row, or a bundle in its place.
    fn pushed(inflow: &mut Inflow, number: i64) {
        let kind = match number % 4 {
            0 => FlowKind::Level,
            1 => FlowKind::Trade,
            2 => FlowKind::Order(OrderOpKind::Reduce),
            _ => return inflow.push_bundle(number, number * 3, number as usize % 7, bundle(number)),
        };
        let (side, price, lots) = (Side::Sell, number + 1, number + 2);
        let exchange_ns = (number % 3 == 0).then_some(number - 9);
        let row = FlowRow {
            time_ns: number,
            delay_ns: number * 3,
            listing: 0,
            exchange_ns,
            kind,
            side,
            id: number as u64 + 5,
            price,
            lots,
        };
        inflow.push(number as usize % 7, &row);
    }

    fn bundle(number: i64) -> FlowEvent {
        let levels = vec![(Side::Sell, number + 1, number + 2)];
        FlowEvent::Depth(DepthUpdate { exchange_ns: None, snapshot: true, levels })
    }

    fn check_next(inflow: &mut Inflow, number: i64) {
        assert_eq!(inflow.next_time(), number);
        let row = inflow.pop();
        assert_eq!((row.time_ns, row.delay_ns, row.market), (number, number * 3, number as u32 % 7));
        let (side, price, lots) = (Side::Sell, number + 1, number + 2);
        let exchange_ns = (number % 3 == 0).then_some(number - 9);
        match row.kind {
            Some(FlowKind::Level) => assert_eq!(row.level(), LevelUpdate { exchange_ns, side, price, lots }),
            Some(FlowKind::Trade) => {
                assert_eq!(row.trade(), TradeUpdate { exchange_ns, aggressor: side, price, size: lots });
            }
            Some(FlowKind::Order(kind)) => {
                assert_eq!(row.order(kind), OrderOp { kind, side, id: number as u64 + 5, price, lots });
            }
            None => assert_eq!(inflow.bundle(), bundle(number)),
        }
    }

    #[test]
    fn updates_leave_as_they_came_however_full_the_ring() {
        let mut inflow = Inflow::default();
        assert_eq!((inflow.next_time(), inflow.is_empty()), (Nanos::MAX, true));
        let (mut came, mut left) = (0, 0);
        for (pushes, pops) in [(3, 2), (70, 60), (500, 400), (64, 175), (1_000, 10), (1, 991)] {
            for _ in 0..pushes {
                pushed(&mut inflow, came);
                came += 1;
            }
            for _ in 0..pops {
                check_next(&mut inflow, left);
                left += 1;
            }
        }
        assert!(inflow.is_empty() && came == left && inflow.rows.len() == 1_024);
    }
}
