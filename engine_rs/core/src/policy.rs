//! How a listing allots what trades.

use std::fmt;

use crate::types::{Lots, MAX_SIZE, Nanos};

closed_codes! {
    /// The policies by their public codes.
    MatchingPolicy { PriceTime = 0, ProRata = 1, BatchAuction = 2 }
}

/// A policy with its numbers; the constructors have checked them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// Best price first, first in first out.
    #[default]
    PriceTime,
    /// Best price first; orders at one price share by size.
    ProRata(Shares),
    /// Orders are collected and all trade at one price whenever the interval has passed.
    BatchAuction { interval_ns: Nanos },
}

/// The fine print of pro-rata matching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Lots at most that the order which bettered the price gets ahead of all others.
    pub top_order_max_lots: Lots,
    /// A smaller share becomes none; what that leaves over goes to who came first.
    pub min_lots: Lots,
}

/// Numbers that make no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// A share of lots out of range.
    Lots(Lots),
    /// Shares belong to pro-rata matching alone.
    SharesWithoutProRata,
    /// An interval belongs to batch auctions, and is at least 1 ns.
    Interval(Nanos),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lots(lots) => write!(f, "matching: {lots} lots, must be from 0 to {MAX_SIZE}"),
            Self::SharesWithoutProRata => {
                write!(f, "matching: top_order_max_lots and pro_rata_min_lots belong to PRO_RATA")
            }
            Self::Interval(interval_ns) => write!(
                f,
                "matching: interval_ns is {interval_ns}; it is at least 1 with BATCH_AUCTION and belongs to it alone"
            ),
        }
    }
}

impl std::error::Error for PolicyError {}

impl Matching {
    /// The policy of these numbers; those that belong to another policy must be 0.
    pub fn new(policy: MatchingPolicy, shares: Shares, interval_ns: Nanos) -> Result<Self, PolicyError> {
        for lots in [shares.top_order_max_lots, shares.min_lots] {
            if !(0..=MAX_SIZE).contains(&lots) {
                return Err(PolicyError::Lots(lots));
            }
        }
        if policy != MatchingPolicy::ProRata && shares != Shares::default() {
            return Err(PolicyError::SharesWithoutProRata);
        }
        let in_batches = policy == MatchingPolicy::BatchAuction;
        if interval_ns < 0 || in_batches != (interval_ns > 0) {
            return Err(PolicyError::Interval(interval_ns));
        }
        Ok(match policy {
            MatchingPolicy::PriceTime => Self::PriceTime,
            MatchingPolicy::ProRata => Self::ProRata(shares),
            MatchingPolicy::BatchAuction => Self::BatchAuction { interval_ns },
        })
    }

    pub const fn policy(&self) -> MatchingPolicy {
        match self {
            Self::PriceTime => MatchingPolicy::PriceTime,
            Self::ProRata(_) => MatchingPolicy::ProRata,
            Self::BatchAuction { .. } => MatchingPolicy::BatchAuction,
        }
    }

    #[inline]
    pub const fn in_batches(&self) -> bool {
        matches!(self, Self::BatchAuction { .. })
    }

    pub const fn shares(&self) -> Option<Shares> {
        match self {
            Self::ProRata(shares) => Some(*shares),
            _ => None,
        }
    }
}

/// Shares lots out among sizes that ask for at least as many: `first` at most to the first in line, then to
/// each the same part of what it still asks, rounded down and none below `least`, and what is left over to
/// who came first.
pub fn share_out(lots: Lots, sizes: &[Lots], first: Lots, least: Lots) -> Vec<Lots> {
    let wanted: i128 = sizes.iter().map(|&size| i128::from(size)).sum();
    assert!(lots > 0 && i128::from(lots) <= wanted, "there is enough to share, and no more than asked for");
    let mut given = vec![0; sizes.len()];
    given[0] = first.min(sizes[0]).min(lots);
    let (left, wanted) = (i128::from(lots - given[0]), wanted - i128::from(given[0]));
    if left > 0 {
        for (given, &size) in given.iter_mut().zip(sizes) {
            let share = (left * i128::from(size - *given) / wanted) as Lots;
            *given += if share >= least { share } else { 0 };
        }
    }
    let mut over = lots - given.iter().sum::<Lots>();
    for (given, &size) in given.iter_mut().zip(sizes) {
        let more = over.min(size - *given);
        (*given, over) = (*given + more, over - more);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cme_shares_sixty_lots() {
        assert_eq!(share_out(60, &[10, 5, 20, 50, 75], 10, 2), [10, 3, 6, 16, 25]);
    }

    #[test]
    fn cme_shares_501_lots_with_a_top_order() {
        let given = share_out(501, &[100, 900, 200, 300, 400, 100], 100, 2);
        assert_eq!(given, [100, 191, 42, 63, 84, 21]);
    }

    #[test]
    fn the_largest_sizes_are_shared_exactly() {
        let given = share_out(MAX_SIZE, &[MAX_SIZE; 3], 0, 0);
        assert_eq!(given.iter().sum::<Lots>(), MAX_SIZE);
        assert_eq!(given[1], MAX_SIZE / 3);
    }

    #[test]
    fn numbers_of_another_policy_are_refused() {
        let none = Shares::default();
        let some = Shares { top_order_max_lots: 1, min_lots: 0 };
        let new = Matching::new;
        assert_eq!(new(MatchingPolicy::ProRata, some, 0), Ok(Matching::ProRata(some)));
        assert_eq!(new(MatchingPolicy::PriceTime, some, 0), Err(PolicyError::SharesWithoutProRata));
        assert_eq!(new(MatchingPolicy::BatchAuction, none, 0), Err(PolicyError::Interval(0)));
        assert_eq!(new(MatchingPolicy::PriceTime, none, 5), Err(PolicyError::Interval(5)));
        let negative = Shares { top_order_max_lots: 0, min_lots: -1 };
        assert_eq!(new(MatchingPolicy::ProRata, negative, 0), Err(PolicyError::Lots(-1)));
    }
}
