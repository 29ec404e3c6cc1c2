//! Orders that are in no book: stops until a print elects them, pegs while there is nothing to follow.

use std::collections::{BTreeMap, BTreeSet};

use super::stop::Stop;
use super::writer::Subject;
use crate::book::{Life, OrderState, PegTerms};
use crate::hash::Fnv;
use crate::order::{SelfTradePrevention, TimeInForce};
use crate::types::{AgentId, Lots, Nanos, OrderId, Side, Ticks};

/// A peg that has nothing to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    pub id: OrderId,
    pub side: Side,
    pub stp: SelfTradePrevention,
    pub leaves: Lots,
    pub total: Lots,
    pub life: Life,
    pub peg: PegTerms,
}

impl Parked {
    pub fn subject(&self) -> Subject {
        Subject { id: self.id, side: self.side, price: 0 }
    }

    /// Its numbers, with this for its price.
    pub fn state(&self, price: Option<Ticks>) -> OrderState {
        let Self { side, leaves, total, .. } = *self;
        OrderState { side, price: price.unwrap_or(0), leaves, total, post_only: false }
    }

    fn tif(&self) -> TimeInForce {
        match self.life {
            Life::UntilCancelled => TimeInForce::Gtc,
            Life::Session => TimeInForce::Day,
            Life::Until { .. } => TimeInForce::Gtd,
        }
    }
}

/// What an id that is not in the book stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    Stop(Stop),
    Peg(Parked),
}

impl Waits {
    pub fn subject(&self) -> Subject {
        match self {
            Self::Stop(stop) => stop.subject(),
            Self::Peg(peg) => peg.subject(),
        }
    }

    pub fn state(&self) -> OrderState {
        let Subject { side, price, .. } = self.subject();
        let (leaves, total) = match self {
            Self::Stop(stop) => (stop.size, stop.size),
            Self::Peg(peg) => (peg.leaves, peg.total),
        };
        OrderState { side, price, leaves, total, post_only: false }
    }

    pub fn life(&self) -> Life {
        match self {
            Self::Stop(stop) => stop.life,
            Self::Peg(peg) => peg.life,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    numbers: BTreeMap<OrderId, u64>,
    stops: BTreeMap<u64, Stop>,
    parked: BTreeMap<u64, Parked>,
    /// Stops by rank; buys, then sells.
    ranks: [BTreeSet<(Ticks, u64)>; 2],
    trailing: BTreeSet<u64>,
    ends: BTreeMap<(Nanos, u64), OrderId>,
}

impl Waiting {
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn get(&self, id: OrderId) -> Option<Waits> {
        let number = self.numbers.get(&id)?;
        let stop = self.stops.get(number).copied().map(Waits::Stop);
        stop.or_else(|| self.parked.get(number).copied().map(Waits::Peg))
    }

    pub fn add_stop(&mut self, stop: Stop) {
        self.note(stop.id, stop.number, stop.life);
        self.ranks[stop.side.index()].extend(stop.rank());
        if stop.trail.is_some() {
            self.trailing.insert(stop.number);
        }
        self.stops.insert(stop.number, stop);
    }

    pub fn park(&mut self, peg: Parked) {
        self.note(peg.id, peg.peg.number, peg.life);
        self.parked.insert(peg.peg.number, peg);
    }

    fn note(&mut self, id: OrderId, number: u64, life: Life) {
        self.numbers.insert(id, number);
        if let Life::Until { expire_ns, number } = life {
            self.ends.insert((expire_ns, number), id);
        }
    }

    pub fn remove(&mut self, id: OrderId) -> Option<Waits> {
        let number = self.numbers.remove(&id)?;
        let waits = match self.stops.remove(&number) {
            Some(stop) => {
                if let Some(rank) = stop.rank() {
                    self.ranks[stop.side.index()].remove(&rank);
                }
                self.trailing.remove(&number);
                Waits::Stop(stop)
            }
            None => Waits::Peg(self.parked.remove(&number).expect("a waiting order is a stop or a peg")),
        };
        if let Life::Until { expire_ns, number } = waits.life() {
            self.ends.remove(&(expire_ns, number));
        }
        Some(waits)
    }

    /// Takes out the stops that a print elects, in the order in which they enter.
    pub fn elect(&mut self, print: Ticks, elected: &mut impl Extend<Stop>) {
        let Self { stops, trailing, ranks, .. } = self;
        for number in trailing.iter() {
            let stop = stops.get_mut(number).expect("trailing stops are stops");
            let rank = &mut ranks[stop.side.index()];
            if let Some(old) = stop.rank() {
                rank.remove(&old);
            }
            stop.follow(print);
            rank.extend(stop.rank());
        }
        for side in Side::BOTH {
            let reached = if side == Side::Buy { print } else { -print };
            while let Some(&(rank, number)) = self.ranks[side.index()].first() {
                if rank > reached {
                    break;
                }
                let id = self.stops[&number].id;
                if let Some(Waits::Stop(stop)) = self.remove(id) {
                    elected.extend([stop]);
                }
            }
        }
    }

    /// Stops by number.
    pub fn stops(&self) -> impl Iterator<Item = &Stop> {
        self.stops.values()
    }

    pub fn parked(&self) -> impl Iterator<Item = &Parked> {
        self.parked.values()
    }

    /// Ids of stops, then of parked pegs, by number.
    pub fn ids(&self) -> impl Iterator<Item = OrderId> {
        self.stops.values().map(|stop| stop.id).chain(self.parked.values().map(|peg| peg.id))
    }

    pub fn ids_of(&self, agent: AgentId, side: Option<Side>) -> impl Iterator<Item = OrderId> {
        self.ids().filter(move |id| {
            let of = self.get(*id).expect("a listed order waits").subject();
            id.agent == agent && side.is_none_or(|side| side == of.side)
        })
    }

    pub fn first_end(&self) -> Option<((Nanos, u64), OrderId)> {
        self.ends.first_key_value().map(|(&end, &id)| (end, id))
    }

    /// Covers what waits and how far trailing stops have followed.
    pub fn fold(&self, hash: &mut Fnv) {
        for stop in self.stops() {
            hash.words(&[
                stop.number,
                u64::from(stop.id.agent),
                u64::from(stop.id.counter),
                u64::from(stop.side.code())
                    | u64::from(stop.order_type.code()) << 8
                    | u64::from(stop.tif.code()) << 16
                    | u64::from(stop.stp.code()) << 24,
                stop.price.unwrap_or(0) as u64,
                stop.size as u64,
                stop.size as u64,
                stop.stop.unwrap_or(0) as u64,
                stop.extreme.unwrap_or(0) as u64,
            ]);
        }
        for parked in self.parked() {
            hash.words(&[
                parked.peg.number,
                u64::from(parked.id.agent),
                u64::from(parked.id.counter),
                u64::from(parked.side.code())
                    | u64::from(parked.tif().code()) << 16
                    | u64::from(parked.stp.code()) << 24,
                parked.leaves as u64,
                parked.total as u64,
                u64::from(parked.peg.kind.code()),
                parked.peg.offset_ticks as u64,
                parked.peg.limit.unwrap_or(0) as u64,
            ]);
        }
    }
}
