//! The engine's numbers and names for numbers, and the limits they live in.

/// Nanoseconds since the scenario's epoch.
pub type Nanos = i64;
/// A price in ticks of its listing.
pub type Ticks = i64;
/// A size in lots of its listing.
pub type Lots = i64;
/// Money in integer atoms of an asset.
pub type Atoms = i64;

pub type AgentId = u32;
pub type VenueId = u32;
pub type AssetId = u32;
pub type InstrumentId = u32;
/// Of a venue: the venue's own numbering from 0. The kernel's numbering is global.
pub type ListingId = u32;
pub type ProfileId = u32;

/// Accounts every kernel creates itself, before any agent of a scenario.
pub const FEES: AgentId = 0;
pub const EXTERNAL_BOOK: AgentId = 1;
pub const EXTERNAL_TAKER: AgentId = 2;
pub const MARKET: AgentId = 3;
pub const TRANSIT: AgentId = 4;
/// Agents from here on belong to the scenario.
pub const FIRST_USER_AGENT: AgentId = 5;

/// Largest price, so that a price is exact in a double wherever one is drawn.
pub const MAX_PRICE: Ticks = 1 << 53;
/// Largest size of one order.
pub const MAX_SIZE: Lots = 1 << 48;
/// Peaks of one iceberg at most: one incoming order could print every one of them.
pub const MAX_PEAKS: i64 = 10_000;
/// Largest notional, order value in base atoms, and total of a price level.
pub const MAX_TOTAL: i64 = 1 << 62;

closed_codes! {
    /// The side of an order; of a trade: its aggressor.
    Side { Buy = 0, Sell = 1 }
}

impl Side {
    /// Both sides in the order in which every listing of a book goes.
    pub const BOTH: [Side; 2] = [Side::Buy, Side::Sell];

    #[inline]
    pub const fn opposite(self) -> Self {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// 0 for bids, 1 for asks: the place in a pair of sides.
    #[inline]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether `price` is better than `other` for whoever meets a resting order of this side.
    #[inline]
    pub const fn better(self, price: Ticks, other: Ticks) -> bool {
        match self {
            Side::Buy => price > other,
            Side::Sell => price < other,
        }
    }

    /// Whether an incoming order of this side and limit may trade with a resting `price`.
    #[inline]
    pub const fn accepts(self, limit: Ticks, price: Ticks) -> bool {
        match self {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        }
    }
}

closed_codes! {
    /// What a venue does with commands now.
    Phase {
        Continuous = 0,
        Suspended = 1,
        Closed = 2,
        PreOpen = 3,
        OpeningAuction = 4,
        /// A halt that ends in an auction; of the venue, or of one listing whose price ran too far.
        Halt = 5,
        ClosingAuction = 6,
    }
}

impl Phase {
    /// Whether orders are collected for an auction: everything rests and nothing trades until its end.
    #[inline]
    pub const fn is_call(self) -> bool {
        self as u8 >= Self::PreOpen as u8
    }
}

/// The name of an order: the agent and the agent's own counter, known the moment it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C)]
pub struct OrderId {
    pub agent: AgentId,
    pub counter: u32,
}

impl OrderId {
    #[inline]
    pub const fn new(agent: AgentId, counter: u32) -> Self {
        Self { agent, counter }
    }

    /// Both in one word, for tables.
    #[inline]
    pub const fn key(self) -> u64 {
        (self.agent as u64) << 32 | self.counter as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_know_what_is_better_and_what_they_accept() {
        assert!(Side::Buy.better(11, 10) && !Side::Buy.better(10, 10));
        assert!(Side::Sell.better(9, 10) && !Side::Sell.better(10, 10));
        assert!(Side::Buy.accepts(10, 10) && Side::Buy.accepts(10, 9) && !Side::Buy.accepts(10, 11));
        assert!(Side::Sell.accepts(10, 10) && Side::Sell.accepts(10, 11) && !Side::Sell.accepts(10, 9));
    }

    #[test]
    fn codes_read_back_and_unknown_codes_are_refused() {
        for side in Side::BOTH {
            assert_eq!(Side::from_code(side.code()), Some(side));
            assert_eq!(side.opposite().opposite(), side);
        }
        assert_eq!(Side::from_code(2), None);
        assert_eq!(Phase::from_code(2), Some(Phase::Closed));
        assert_eq!(Phase::from_code(7), None);
        let calls: Vec<u8> = (0..7).filter(|&code| Phase::from_code(code).unwrap().is_call()).collect();
        assert_eq!(calls, [3, 4, 5, 6]);
    }
}
