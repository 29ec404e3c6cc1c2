//! What a venue decides about a listing: how it matches, when it halts, where an auction goes out from.

use std::fmt;

use super::Venue;
use crate::policy::Matching;
use crate::types::{ListingId, Nanos, Ticks};

/// A rule that does not go with what a listing is or has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    HasOrders(ListingId),
    HaltInBatches(ListingId),
    HaltOutOfRange { halt_bps: i64, halt_ns: Nanos },
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HasOrders(listing) => {
                write!(f, "listing {listing} has live orders: choose its matching before the first")
            }
            Self::HaltInBatches(listing) => {
                write!(f, "listing {listing}: trading in batches knows no volatility halt")
            }
            Self::HaltOutOfRange { halt_bps, halt_ns } => {
                write!(f, "halt at {halt_bps} bps for {halt_ns} ns: 0 to {WIDEST_BPS} bps, time from 0")
            }
        }
    }
}

impl std::error::Error for RuleError {}

const WIDEST_BPS: i64 = 10_000;

impl Venue {
    /// Chooses how a listing that exists matches, before its first order.
    pub fn set_matching(&mut self, listing: ListingId, matching: Matching) -> Result<(), RuleError> {
        if self.live(listing) > 0 {
            return Err(RuleError::HasOrders(listing));
        }
        let found = &mut self.listings[listing as usize];
        if matching.in_batches() && found.regime.band.bps > 0 {
            return Err(RuleError::HaltInBatches(listing));
        }
        found.regime.matching = matching;
        found.note_plain();
        Ok(())
    }

    /// Halts a listing that exists before a match further than this from its static price (0: never). The
    /// static price is the last auction's or the one named last, else the first print. After `halt_ns` (0: when
    /// the phase changes) an auction opens the listing again.
    pub fn set_volatility_halt(
        &mut self,
        listing: ListingId,
        halt_bps: i64,
        halt_ns: Nanos,
    ) -> Result<(), RuleError> {
        if !(0..=WIDEST_BPS).contains(&halt_bps) || halt_ns < 0 {
            return Err(RuleError::HaltOutOfRange { halt_bps, halt_ns });
        }
        let found = &mut self.listings[listing as usize];
        if found.regime.matching.in_batches() {
            return Err(RuleError::HaltInBatches(listing));
        }
        found.regime.band.bps = halt_bps;
        found.regime.halt_ns = halt_ns;
        if let Some(print) = found.last_print {
            found.regime.band.note_print(print);
        }
        found.note_plain();
        Ok(())
    }

    /// Names the price of a listing that exists, for auctions until the next print and for its volatility halt.
    pub fn set_reference_price(&mut self, listing: ListingId, price: Ticks) {
        let found = &mut self.listings[listing as usize];
        found.named_price = Some(price);
        found.regime.band.middle = Some(price);
    }
}
