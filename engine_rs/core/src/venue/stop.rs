//! An order that waits for a print: what elects it, and how a trailing one follows.

use super::writer::Subject;
use crate::book::Life;
use crate::order::{OrderType, SelfTradePrevention, TimeInForce};
use crate::types::{Lots, OrderId, Side, Ticks};

/// How far a trailing stop follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trail {
    Ticks(Ticks),
    Bps(i64),
}

impl Trail {
    /// The stop at this distance from the best print, rounded away from it.
    fn stop(self, side: Side, extreme: Ticks) -> Ticks {
        let tenths = |bps: i64| i128::from(extreme) * i128::from(bps);
        let whole =
            |product: i128| Ticks::try_from(product.div_euclid(10_000)).expect("at most twice a price");
        match (self, side) {
            (Self::Ticks(ticks), Side::Buy) => extreme + ticks,
            (Self::Ticks(ticks), Side::Sell) => extreme - ticks,
            (Self::Bps(bps), Side::Buy) => whole(tenths(10_000 + bps) + 9_999),
            (Self::Bps(bps), Side::Sell) => whole(tenths(10_000 - bps)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// The venue's count of stops and pegs: who waited first.
    pub number: u64,
    pub id: OrderId,
    pub side: Side,
    pub order_type: OrderType,
    pub tif: TimeInForce,
    pub stp: SelfTradePrevention,
    pub price: Option<Ticks>,
    pub size: Lots,
    pub life: Life,
    pub protection_ticks: Option<Ticks>,
    pub trigger_limit_ticks: Option<Ticks>,
    pub trail: Option<Trail>,
    /// `None` for a trailing stop before the first print.
    pub stop: Option<Ticks>,
    pub extreme: Option<Ticks>,
}

impl Stop {
    /// Whether a print at this price elects it.
    pub fn holds(&self, print: Ticks) -> bool {
        self.stop.is_some_and(|stop| match self.side {
            Side::Buy => print >= stop,
            Side::Sell => print <= stop,
        })
    }

    /// Lets a trailing stop follow a print.
    pub fn follow(&mut self, print: Ticks) {
        if self.trail.is_none() {
            return;
        }
        let extreme = match (self.extreme, self.side) {
            (None, _) => print,
            (Some(extreme), Side::Buy) => extreme.min(print),
            (Some(extreme), Side::Sell) => extreme.max(print),
        };
        self.extreme = Some(extreme);
        self.stand();
    }

    /// Puts a trailing stop at its distance from the best print, once there is one.
    pub fn stand(&mut self) {
        if let (Some(trail), Some(extreme)) = (self.trail, self.extreme) {
            self.stop = Some(trail.stop(self.side, extreme));
        }
    }

    pub fn subject(&self) -> Subject {
        Subject { id: self.id, side: self.side, price: self.price.unwrap_or(0) }
    }

    /// Its place among the stops of its side: the smaller the sooner.
    pub fn rank(&self) -> Option<(Ticks, u64)> {
        let stop = self.stop?;
        Some((if self.side == Side::Buy { stop } else { -stop }, self.number))
    }
}
