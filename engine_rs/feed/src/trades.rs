//! Which trades have been seen: connections that overlap and subscriptions that begin with the past repeat them.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::event::TradeId;

/// Trades with names that are remembered: what a venue sends within minutes.
const REMEMBERED: usize = 4096;

#[derive(Clone, Debug, Default)]
pub struct TradeMemory {
    /// Largest number seen; numbers rise.
    last: Option<u64>,
    /// The number that has to come next, while nothing is known to be missing.
    expected: Option<u64>,
    order: VecDeque<u64>,
    names: BTreeSet<u64>,
}

impl TradeMemory {
    /// Whether a trade is seen for the first time; from now on it has been.
    pub fn is_new(&mut self, id: &TradeId) -> bool {
        match id {
            TradeId::Number(number) => {
                let new = self.last.is_none_or(|last| *number > last);
                if new {
                    self.last = Some(*number);
                    self.expected = number.checked_add(1);
                }
                new
            }
            TradeId::Name(name) => self.is_new_name(name),
        }
    }

    fn is_new_name(&mut self, name: &str) -> bool {
        // Names are 128-bit random; that two of thousands share a hash of 64 bits will not be seen.
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let hash = hasher.finish();
        if !self.names.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > REMEMBERED {
            self.order.pop_front().map(|oldest| self.names.remove(&oldest));
        }
        true
    }

    /// First and last number between the last trade and this one, where numbers have no holes.
    pub fn missing(&self, id: &TradeId) -> Option<(u64, u64)> {
        match (self.expected, id) {
            (Some(expected), TradeId::Number(number)) if *number > expected => Some((expected, number - 1)),
            _ => None,
        }
    }

    /// What is missing up to the next trade has been told already.
    pub fn forget_expected(&mut self) {
        self.expected = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_holes_show() {
        let mut memory = TradeMemory::default();
        let number = TradeId::Number;
        assert_eq!(memory.missing(&number(7)), None);
        assert!(memory.is_new(&number(7)) && !memory.is_new(&number(7)) && !memory.is_new(&number(6)));
        assert_eq!(memory.missing(&number(8)), None);
        assert_eq!(memory.missing(&number(10)), Some((8, 9)));
        memory.forget_expected();
        assert_eq!(memory.missing(&number(10)), None);
        assert!(memory.is_new(&number(u64::MAX)) && !memory.is_new(&number(10)));
    }

    #[test]
    fn names_are_remembered_within_bounds() {
        let mut memory = TradeMemory::default();
        let name = |n: usize| TradeId::Name(format!("20f43950-{n}"));
        assert!((0..3 * REMEMBERED).all(|n| memory.is_new(&name(n))));
        assert!((2 * REMEMBERED..3 * REMEMBERED).all(|n| !memory.is_new(&name(n))));
        assert!(memory.order.len() <= REMEMBERED && memory.names.len() <= REMEMBERED);
    }
}
