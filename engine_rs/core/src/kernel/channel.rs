//! Market data under way to one site: what was published, and what has arrived.

use std::collections::VecDeque;
use std::sync::Arc;

use super::link::Line;
use crate::book::Bbo;
use crate::types::{AgentId, Lots, Nanos, Side, Ticks};

/// A trade as market data tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradePrint {
    pub price: Ticks,
    pub size: Lots,
    pub aggressor: Side,
    /// 0: a recorded trade in which no agent took part.
    pub match_id: u64,
    pub traded_ns: Nanos,
}

/// The best levels of both sides, bids first: (price, lots).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    pub sides: [Vec<(Ticks, Lots)>; 2],
}

impl Depth {
    /// Whether the best `levels` of either side differ.
    pub fn differs_within(&self, other: &Self, levels: usize) -> bool {
        let best = |side: &[(Ticks, Lots)]| side.len().min(levels);
        self.sides.iter().zip(&other.sides).any(|(a, b)| a[..best(a)] != b[..best(b)])
    }
}

/// One update as the venue published it, the same for every site.
#[derive(Clone, Debug)]
pub struct Publication {
    pub published_ns: Nanos,
    pub update_no: u64,
    pub bbo: Bbo,
    pub last_trade: Option<TradePrint>,
    pub depth: Option<Arc<Depth>>,
}

/// An update under way. The flags say what the agents have not been told yet.
pub struct Update {
    pub arrival: Nanos,
    pub publication: Publication,
    /// What was traded since the update before; only where somebody waits to be told.
    pub trades: Option<Arc<[TradePrint]>>,
    pub bbo_changed: bool,
    pub depth_changed: bool,
}

/// What an agent wants to hear of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub agent: AgentId,
    pub quotes: bool,
    pub trades: bool,
    /// Levels a side; 0: none.
    pub depth: usize,
}

/// Market data of one listing on its way to one site profile.
pub struct Channel {
    pub line: Line,
    /// In the order of agents.
    pub subscriptions: Vec<Subscription>,
    /// Levels a side that travel with each update: what the deepest subscriber asked for.
    pub levels: usize,
    pending: VecDeque<Update>,
    current: Option<Publication>,
    last_trade: Option<TradePrint>,
}

impl Channel {
    pub fn new(line: Line) -> Self {
        Self {
            line,
            subscriptions: Vec::new(),
            levels: 0,
            pending: VecDeque::new(),
            current: None,
            last_trade: None,
        }
    }

    /// Adds to what an agent hears.
    pub fn subscribe(&mut self, wish: Subscription) {
        self.levels = self.levels.max(wish.depth);
        match self.subscriptions.binary_search_by_key(&wish.agent, |have| have.agent) {
            Ok(place) => {
                let have = &mut self.subscriptions[place];
                have.quotes |= wish.quotes;
                have.trades |= wish.trades;
                have.depth = have.depth.max(wish.depth);
            }
            Err(place) => self.subscriptions.insert(place, wish),
        }
    }

    /// How many levels this agent sees.
    pub fn levels_of(&self, agent: AgentId) -> usize {
        match self.subscriptions.binary_search_by_key(&agent, |have| have.agent) {
            Ok(place) => self.subscriptions[place].depth,
            Err(_) => 0,
        }
    }

    /// Whether each update has an entry in the kernel's queue; without subscribers nobody waits for it.
    pub fn is_awaited(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether an update that arrives at once may be shown without going through those under way: nobody
    /// waits to be told.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.subscriptions.is_empty()
    }

    pub fn send(&mut self, update: Update) {
        self.pending.push_back(update);
    }

    /// Takes in the oldest update under way. If another arrives at this same instant, what has changed
    /// is left for that one to tell: notices conflate, trades do not.
    pub fn receive(&mut self, now: Nanos) -> Update {
        let mut update = self.pending.pop_front().expect("each entry of a channel has its update");
        debug_assert!(update.arrival == now);
        if let Some(next) = self.pending.front_mut().filter(|next| next.arrival <= now) {
            next.bbo_changed |= std::mem::take(&mut update.bbo_changed);
            next.depth_changed |= std::mem::take(&mut update.depth_changed);
        }
        self.show(&update.publication);
        update
    }

    /// Takes in everything that has arrived on a channel that nobody waits for.
    #[inline]
    pub fn catch_up(&mut self, now: Nanos) {
        if self.is_awaited() || self.pending.is_empty() {
            return;
        }
        while self.pending.front().is_some_and(|update| update.arrival <= now) {
            let update = self.pending.pop_front().expect("just seen");
            self.show(&update.publication);
        }
    }

    #[inline]
    pub fn show(&mut self, publication: &Publication) {
        if publication.last_trade.is_some() {
            self.last_trade = publication.last_trade;
        }
        self.current = Some(publication.clone());
    }

    /// The last update that has arrived.
    pub fn current(&self) -> Option<&Publication> {
        self.current.as_ref()
    }

    pub fn last_trade(&self) -> Option<TradePrint> {
        self.last_trade
    }
}

/// The touch of one listing on its way to the consolidated views of one site profile.
pub struct ConsolidatedChannel {
    pub line: Line,
    /// In the order of agents.
    pub subscribers: Vec<AgentId>,
    pending: VecDeque<(Nanos, Nanos, Bbo)>,
    current: Option<(Nanos, Bbo)>,
}

impl ConsolidatedChannel {
    pub fn new(line: Line) -> Self {
        Self { line, subscribers: Vec::new(), pending: VecDeque::new(), current: None }
    }

    pub fn subscribe(&mut self, agent: AgentId) {
        if let Err(place) = self.subscribers.binary_search(&agent) {
            self.subscribers.insert(place, agent);
        }
    }

    pub fn is_awaited(&self) -> bool {
        !self.subscribers.is_empty()
    }

    pub fn send(&mut self, arrival: Nanos, published_ns: Nanos, bbo: Bbo) {
        self.pending.push_back((arrival, published_ns, bbo));
    }

    /// Takes in the oldest update; whether to tell (not if another arrives at this same instant).
    pub fn receive(&mut self, now: Nanos) -> bool {
        let (_, published_ns, bbo) = self.pending.pop_front().expect("each entry has its update");
        self.current = Some((published_ns, bbo));
        self.pending.front().is_none_or(|(arrival, ..)| *arrival > now)
    }

    pub fn catch_up(&mut self, now: Nanos) {
        if self.is_awaited() {
            return;
        }
        while self.pending.front().is_some_and(|(arrival, ..)| *arrival <= now) {
            let (_, published_ns, bbo) = self.pending.pop_front().expect("just seen");
            self.current = Some((published_ns, bbo));
        }
    }

    /// When the last arrived touch was published, and the touch.
    pub fn current(&self) -> Option<(Nanos, Bbo)> {
        self.current
    }
}
