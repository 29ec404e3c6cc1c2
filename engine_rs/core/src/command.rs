//! Commands that carry terms. Plain ones stay what `order::Command` makes them: small, and spared the terms.

use crate::conditions::Conditions;
use crate::hash::Fnv;
use crate::order::{Command, NewOrder};
use crate::types::{ListingId, Lots, Nanos, OrderId, Ticks};

/// What a live order is to become. What is `None` stays as it is; only waiting stops have more than a price
/// and a size to change, and only they may leave out the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amendment {
    pub price: Option<Ticks>,
    /// The new total: what has been executed counts towards it.
    pub size: Lots,
    pub stop_price: Option<Ticks>,
    /// The new distance of a trailing stop, in one of its two measures.
    pub trail_ticks: Option<Ticks>,
    pub trail_bps: Option<i64>,
}

impl Amendment {
    /// A new price and size, as any order may have them.
    pub const fn plain(price: Ticks, size: Lots) -> Self {
        Self { price: Some(price), size, stop_price: None, trail_ticks: None, trail_bps: None }
    }

    /// Whether it asks for something that only a waiting stop has.
    pub const fn has_terms(&self) -> bool {
        self.stop_price.is_some() || self.trail_ticks.is_some() || self.trail_bps.is_some()
    }
}

/// Any command of a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandEx {
    Plain(Command),
    New(NewOrder, Conditions),
    Replace { id: OrderId, listing: ListingId, change: Amendment },
}

impl CommandEx {
    pub const fn id(&self) -> OrderId {
        match self {
            Self::Plain(command) => command.id(),
            Self::New(order, _) => order.id,
            Self::Replace { id, .. } => *id,
        }
    }

    pub const fn listing(&self) -> ListingId {
        match self {
            Self::Plain(command) => command.listing(),
            Self::New(order, _) => order.listing,
            Self::Replace { listing, .. } => *listing,
        }
    }

    /// Folds the accepted command into the event log as `Command::fold` does: what carries terms has heads of
    /// its own and its terms behind it, so that a log of plain commands is what it always was.
    pub fn fold(&self, log: &mut Fnv, agent: u64, listing: ListingId, time_ns: Nanos) {
        match self {
            Self::Plain(command) => command.fold(log, agent, listing, time_ns),
            Self::New(order, terms) => {
                Command::New(*order).fold(log, agent, listing, time_ns);
                log.words(&terms_words(terms));
            }
            Self::Replace { id, change, .. } => {
                let given = given(&[change.price, change.stop_price, change.trail_ticks, change.trail_bps]);
                let number = |given: Option<i64>| given.unwrap_or(0) as u64;
                log.words(&[
                    25,
                    agent,
                    u64::from(id.counter),
                    u64::from(listing),
                    given,
                    number(change.price),
                    change.size as u64,
                    number(change.stop_price),
                    number(change.trail_ticks),
                    number(change.trail_bps),
                    time_ns as u64,
                ]);
            }
        }
    }
}

/// The terms behind a new order's own words.
fn terms_words(terms: &Conditions) -> [u64; 12] {
    let Conditions { stop_price, trigger_limit_ticks, display, expire_ns, protection_ticks, .. } = *terms;
    let optional = [stop_price, trigger_limit_ticks, display, expire_ns, protection_ticks];
    let number = |given: Option<i64>| given.unwrap_or(0) as u64;
    [
        24,
        given(&optional),
        number(stop_price),
        number(trigger_limit_ticks),
        number(display),
        number(expire_ns),
        number(protection_ticks),
        terms.trail_ticks as u64,
        terms.trail_bps as u64,
        u64::from(terms.refresh.code()) | u64::from(terms.peg.code()) << 8,
        terms.peg_offset_ticks as u64,
        terms.minimum as u64,
    ]
}

/// A bit for each number that is there, the first one lowest.
fn given(numbers: &[Option<i64>]) -> u64 {
    numbers.iter().zip(0..).fold(0, |bits, (number, place)| bits | u64::from(number.is_some()) << place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::{Peg, Refresh};
    use crate::types::Side;

    fn folded(command: &CommandEx) -> u64 {
        let mut log = Fnv::new();
        command.fold(&mut log, 7, 3, 11);
        log.value()
    }

    #[test]
    fn every_term_reaches_the_log() {
        let order = NewOrder::limit(OrderId::new(5, 1), 0, Side::Buy, 10, 4);
        let none = Conditions::NONE;
        let terms = [
            none,
            Conditions { stop_price: Some(0), ..none },
            Conditions { trigger_limit_ticks: Some(0), ..none },
            Conditions { display: Some(0), ..none },
            Conditions { expire_ns: Some(0), ..none },
            Conditions { protection_ticks: Some(0), ..none },
            Conditions { trail_ticks: 1, ..none },
            Conditions { trail_bps: 1, ..none },
            Conditions { refresh: Refresh::Peak, ..none },
            Conditions { peg: Peg::Primary, ..none },
            Conditions { peg_offset_ticks: 1, ..none },
            Conditions { minimum: 1, ..none },
        ];
        let mut hashes: Vec<u64> = terms.iter().map(|terms| folded(&CommandEx::New(order, *terms))).collect();
        let plain = Amendment::plain(10, 4);
        let changes = [
            plain,
            Amendment { price: None, ..plain },
            Amendment { size: 5, ..plain },
            Amendment { stop_price: Some(0), ..plain },
            Amendment { trail_ticks: Some(0), ..plain },
            Amendment { trail_bps: Some(0), ..plain },
        ];
        let replace = |change| CommandEx::Replace { id: order.id, listing: 0, change };
        hashes.extend(changes.map(|change| folded(&replace(change))));
        let distinct = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), distinct);
    }

    #[test]
    fn a_plain_command_folds_as_it_always_did() {
        let command = Command::Cancel { id: OrderId::new(5, 9), listing: 0 };
        let mut log = Fnv::new();
        command.fold(&mut log, 7, 3, 11);
        assert_eq!(folded(&CommandEx::Plain(command)), log.value());
    }
}
