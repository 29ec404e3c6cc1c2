//! A consumer that does what consumers are told to do, and notices when it is told nonsense.

use market_feed::book::Level;
use market_feed::event::{Body, Gap, Nanos, Now, Scope, State, Trade};
use market_feed::link::Sink;
use std::collections::BTreeMap;

pub type Sides = (Vec<Level>, Vec<Level>);

pub struct Mirror {
    /// What the consumer holds of each subscription; None: nothing that it may trust.
    pub books: Vec<Option<Sides>>,
    pub states: Vec<State>,
    pub reasons: Vec<String>,
    pub gaps: Vec<Vec<Gap>>,
    pub trades: Vec<Vec<Trade>>,
    pub snapshots: Vec<u64>,
    /// Everything, as text, to compare two runs.
    pub log: Vec<String>,
    /// A queue that is full.
    pub full: bool,
}

impl Mirror {
    pub fn new(subs: usize) -> Self {
        Self {
            books: vec![None; subs],
            states: vec![State::Connecting; subs],
            reasons: vec![String::new(); subs],
            gaps: vec![Vec::new(); subs],
            trades: vec![Vec::new(); subs],
            snapshots: vec![0; subs],
            log: Vec::new(),
            full: false,
        }
    }

    pub fn book_gaps(&self, sub: usize) -> usize {
        self.gaps[sub].iter().filter(|gap| gap.scope == Scope::Book).count()
    }

    fn change(levels: &mut Vec<Level>, changes: &[Level], best_is_high: bool) {
        let mut by_price: BTreeMap<i64, i64> = levels.iter().copied().collect();
        for &(price, size) in changes {
            match size {
                0 => drop(by_price.remove(&price)),
                _ => drop(by_price.insert(price, size)),
            }
        }
        *levels = by_price.into_iter().collect();
        if best_is_high {
            levels.reverse();
        }
    }
}

impl Sink for Mirror {
    fn push(&mut self, sub: usize, now: Now, venue_ns: Option<Nanos>, body: Body) -> bool {
        if self.full && body.is_bulk() {
            return false;
        }
        self.log.push(format!("{} {venue_ns:?} {sub} {body:?}", now.wall_ns));
        match body {
            Body::Book(book) if book.snapshot => {
                self.snapshots[sub] += 1;
                self.books[sub] = Some((book.bids, book.asks));
            }
            Body::Book(book) => {
                assert_eq!(self.states[sub], State::Live, "a diff while not live");
                let (bids, asks) = self.books[sub].as_mut().expect("a diff without a snapshot");
                Self::change(bids, &book.bids, true);
                Self::change(asks, &book.asks, false);
            }
            Body::Trade(trade) => self.trades[sub].push(trade),
            Body::State(state, reason) => {
                if state == State::Live {
                    assert!(self.books[sub].is_some(), "live without a snapshot before it");
                } else {
                    self.books[sub] = None;
                }
                (self.states[sub], self.reasons[sub]) = (state, reason);
            }
            Body::Gap(gap) => {
                if gap.scope == Scope::Book {
                    // Stale books have been taken away before, but nobody knew then that something was missing.
                    let stale = self.states[sub] == State::Stale;
                    assert!(self.books[sub].is_some() || stale, "two gaps for one discontinuity");
                    self.books[sub] = None;
                }
                self.gaps[sub].push(gap);
            }
        }
        if let Some((bids, asks)) = &self.books[sub] {
            if let (State::Live, Some(bid), Some(ask)) = (self.states[sub], bids.first(), asks.first()) {
                assert!(bid.0 < ask.0, "the consumer holds a crossed book");
            }
        }
        true
    }
}
