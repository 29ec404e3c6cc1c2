//! What a new order may ask for beyond side, price and size. Orders that ask for nothing never pay for it.

use crate::types::{Lots, Nanos, Ticks};

closed_codes! {
    /// How an iceberg shows more once its peak is used up.
    Refresh {
        /// The reserve trades after all displayed orders of the price; a new peak shows after the command.
        Reserve = 0,
        /// Every new peak joins the back of the queue at once.
        Peak = 1,
    }
}

closed_codes! {
    /// The price that a pegged order follows.
    Peg {
        None = 0,
        /// The best displayed price of its own side.
        Primary = 1,
        /// Halfway between the best displayed prices; never shown.
        Midpoint = 2,
        /// The best displayed price of the other side.
        Market = 3,
    }
}

/// The optional terms of a new order; the default asks for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    pub stop_price: Option<Ticks>,
    /// Distance of a trailing stop from the best print since it came in: ticks, or hundredths of a per cent.
    pub trail_ticks: Ticks,
    pub trail_bps: i64,
    /// Makes a triggered trailing stop a limit order this far beyond its stop.
    pub trigger_limit_ticks: Option<Ticks>,
    /// Lots shown at a time; 0 shows nothing, `None` everything.
    pub display: Option<Lots>,
    pub refresh: Refresh,
    pub peg: Peg,
    /// Towards the other side positive.
    pub peg_offset_ticks: Ticks,
    /// Lots that must trade at once for the order to live at all.
    pub minimum: Lots,
    pub expire_ns: Option<Nanos>,
    /// A market order's limit is the opposite best price and so many ticks.
    pub protection_ticks: Option<Ticks>,
}

impl Conditions {
    pub const NONE: Self = Self {
        stop_price: None,
        trail_ticks: 0,
        trail_bps: 0,
        trigger_limit_ticks: None,
        display: None,
        refresh: Refresh::Reserve,
        peg: Peg::None,
        peg_offset_ticks: 0,
        minimum: 0,
        expire_ns: None,
        protection_ticks: None,
    };
}
