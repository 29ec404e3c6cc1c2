//! Random commands over every type of order; what must hold is read off rows and books.

use std::collections::BTreeMap;

use market_core::book::Bbo;
use market_core::conditions::{Conditions, Peg, Refresh};
use market_core::event::{Event, EventKind, FLAG_ONE_LISTING};
use market_core::hash::Stream;
use market_core::order::{NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::policy::{Matching, Shares};
use market_core::types::{Lots, OrderId, Phase, Side, Ticks};
use market_core::venue::{ListingSpec, RiskLimits, Venue};
use proptest::prelude::*;

/// Agents 5 and 6 are one owner.
const OWNER_OF: [u32; 5] = [0, 5, 5, 7, 8];

#[derive(Clone, Copy, Debug)]
struct Seen {
    side: Side,
    leaves: Lots,
    stp: SelfTradePrevention,
}

pub struct Trial {
    pub venue: Venue,
    draws: Stream,
    live: BTreeMap<OrderId, Seen>,
    last_print: Option<Ticks>,
    counter: u32,
    in_batches: bool,
}

fn pick<T: Copy>(draws: &mut Stream, from: &[T]) -> T {
    from[draws.below(from.len() as u64) as usize]
}

impl Trial {
    pub fn new(seed: u64) -> Self {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(3, 2, 0, -2_000, 5_000).unwrap());
        venue.set_owner(6, 5);
        let draws = Stream::named(seed, &["whole"]);
        Self { venue, draws, live: BTreeMap::new(), last_print: None, counter: 0, in_batches: false }
    }

    /// One random command; gives its rows.
    /// The same under a policy, a halt and limits that the seed chooses.
    pub fn with_rules(seed: u64) -> Self {
        let mut trial = Self::new(seed);
        let matching = match seed % 4 {
            2 => Matching::ProRata(Shares { top_order_max_lots: 9, min_lots: 2 }),
            3 => Matching::BatchAuction { interval_ns: 30 },
            _ => Matching::PriceTime,
        };
        trial.venue.set_matching(0, matching).unwrap();
        if seed % 3 == 0 && !matching.in_batches() {
            trial.venue.set_volatility_halt(0, 400, 50).unwrap();
        }
        if seed % 5 == 0 {
            let limits = RiskLimits { max_position_lots: Some(80), ..RiskLimits::default() };
            trial.venue.set_risk(5, 0, RiskLimits { max_messages_per_s: Some(60), ..limits }).unwrap();
        }
        trial.in_batches = matching.in_batches();
        trial
    }

    pub fn step(&mut self, now: i64) -> Vec<Event> {
        let mut rows = Vec::new();
        let before = self.venue.book(0).state_hash();
        let draw = self.draws.below(20);
        let agent = 5 + self.draws.below(4) as u32;
        let id = self.any_id(agent);
        let mut stp = SelfTradePrevention::None;
        match draw {
            0..13 => {
                let (order, terms) = self.new_order(agent, now);
                stp = order.stp;
                self.venue.new_order_with(now, &order, &terms, &mut rows);
            }
            13 | 14 => self.venue.cancel(now, 0, id, &mut rows),
            15..18 => {
                let (price, size) = (90 + self.draws.below(20) as i64, 1 + self.draws.below(30) as i64);
                self.venue.replace(now, 0, id, price, size, &mut rows);
            }
            18 => self.venue.advance(now, &mut rows),
            _ => match self.draws.below(8) {
                0 => self.venue.mass_cancel(now, agent, None, None, &mut rows),
                1 => {
                    self.venue.print_trade(now, 0, Side::Buy, 95 + self.draws.below(10) as i64, 1, &mut rows)
                }
                2..5 => {
                    use Phase::{ClosingAuction, OpeningAuction, PreOpen, Suspended};
                    let phase = pick(
                        &mut self.draws,
                        &[Suspended, PreOpen, OpeningAuction, Phase::Halt, ClosingAuction],
                    );
                    self.venue.set_phase(now, phase, &mut rows);
                }
                5 => self.venue.set_reference_price(0, 90 + self.draws.below(20) as i64),
                _ => self.venue.set_phase(now, Phase::Continuous, &mut rows),
            },
        }
        if rows.first().is_some_and(|row| row.kind.is_reject()) {
            assert_eq!(rows.len(), 1, "a reject is all there is to say: {rows:?}");
            assert_eq!(before, self.venue.book(0).state_hash(), "a reject changes no book: {rows:?}");
        }
        for row in &rows {
            self.note(row, stp);
        }
        self.check(&rows);
        rows
    }

    fn any_id(&mut self, agent: u32) -> OrderId {
        let nth = self.draws.below(self.live.len() as u64 + 1) as usize;
        self.live.keys().nth(nth).copied().unwrap_or(OrderId::new(agent, 1))
    }

    fn new_order(&mut self, agent: u32, now: i64) -> (NewOrder, Conditions) {
        use OrderType::{Limit, Market, MarketToLimit, Stop, StopLimit, TrailingStop};
        let draws = &mut self.draws;
        self.counter += 1;
        let types = [Limit, Limit, Limit, Limit, Market, MarketToLimit, Stop, StopLimit, TrailingStop];
        let order_type = pick(draws, &types);
        let priced = matches!(order_type, Limit | StopLimit) || (order_type == Market && draws.below(2) == 0);
        let size = 1 + draws.below(40) as i64;
        let mut terms = Conditions::NONE;
        if order_type == Limit && draws.below(2) == 0 {
            match draws.below(3) {
                0 => terms.display = Some(draws.below(size as u64 + 1) as i64),
                1 => terms.minimum = draws.below(size as u64 + 1) as i64,
                _ => {
                    terms.peg = pick(draws, &[Peg::Primary, Peg::Midpoint, Peg::Market]);
                    terms.peg_offset_ticks = draws.below(5) as i64 - 2;
                }
            }
            if terms.display.is_some_and(|lots| lots > 0) {
                terms.refresh = pick(draws, &[Refresh::Reserve, Refresh::Peak]);
            }
        }
        match order_type {
            Stop | StopLimit => terms.stop_price = Some(90 + draws.below(20) as i64),
            TrailingStop if draws.below(2) == 0 => terms.trail_bps = 1 + draws.below(900) as i64,
            TrailingStop => terms.trail_ticks = 1 + draws.below(6) as i64,
            _ => (),
        }
        if !priced && matches!(order_type, Market | Stop | TrailingStop) && draws.below(2) == 0 {
            terms.protection_ticks = Some(draws.below(4) as i64);
        }
        use TimeInForce::{Day, Fok, Gtc, Gtd, Ioc};
        let tif = pick(draws, &[Gtc, Gtc, Gtc, Gtc, Day, Gtd, Ioc, Fok]);
        if tif == Gtd {
            terms.expire_ns = Some(now + 1 + draws.below(60) as i64);
        }
        use SelfTradePrevention as Stp;
        let modes = [Stp::None, Stp::Newest, Stp::Oldest, Stp::Both, Stp::Decrement];
        let order = NewOrder {
            id: OrderId::new(agent, self.counter),
            listing: 0,
            side: pick(draws, &Side::BOTH),
            order_type,
            tif,
            stp: pick(draws, &modes),
            post_only: draws.below(10) == 0,
            price: priced.then(|| 92 + draws.below(16) as i64),
            size,
        };
        (order, terms)
    }

    /// Of every order: sent = filled + open + ended, step by step.
    fn note(&mut self, row: &Event, stp: SelfTradePrevention) {
        match row.kind {
            EventKind::Accepted => {
                let seen = Seen { side: row.side, leaves: row.leaves, stp };
                assert!(self.live.insert(row.id(), seen).is_none(), "an id is live once: {row:?}");
            }
            EventKind::Fill => {
                let seen = self.live.get_mut(&row.id()).expect("only live orders are filled");
                assert_eq!(seen.leaves - row.size, row.leaves, "{row:?}");
                seen.leaves = row.leaves;
                if row.leaves == 0 {
                    self.live.remove(&row.id());
                }
            }
            EventKind::Cancelled => {
                let seen = self.live.get(&row.id()).expect("only live orders end");
                let decremented = row.reason == 14;
                assert!(seen.leaves == row.size || decremented, "all that is open ends: {row:?}");
                self.live.remove(&row.id());
            }
            EventKind::Replaced => {
                self.live.get_mut(&row.id()).expect("only live orders change").leaves = row.leaves;
            }
            EventKind::Triggered | EventKind::Refreshed | EventKind::Repriced => {
                assert_eq!(self.live[&row.id()].leaves, row.leaves, "{row:?}");
            }
            EventKind::Trade => {
                self.last_print = Some(row.price);
                let owner = |agent: u32| OWNER_OF[agent as usize - 4];
                let taker = self.live[&row.contra()];
                if owner(row.agent) == owner(row.contra_agent) {
                    assert_eq!(taker.stp, SelfTradePrevention::None, "{row:?}");
                }
            }
            EventKind::Print => self.last_print = Some(row.price),
            _ => (),
        }
    }

    fn check(&self, rows: &[Event]) {
        let book = self.venue.book(0);
        let trades = self.venue.listing_phase(0) == Phase::Continuous && !self.in_batches;
        if let (true, Bbo { bid: Some(bid), ask: Some(ask) }) = (trades, book.bbo()) {
            assert!(bid.price < ask.price, "{rows:?}");
        }
        let stopped = |row: &Event| row.kind == EventKind::Phase && row.flags == FLAG_ONE_LISTING;
        let auctioned = rows.iter().any(|row| row.kind == EventKind::Auction || stopped(row));
        assert!(trades || auctioned || rows.iter().all(|row| row.kind != EventKind::Trade), "{rows:?}");
        assert_eq!(self.venue.live(0), self.live.len(), "{rows:?}");
        for (id, order) in book.live_orders() {
            let seen = self.live[&id];
            assert_eq!((order.side, order.leaves), (seen.side, seen.leaves));
            assert!(order.total >= order.leaves && order.leaves > 0);
        }
        for side in Side::BOTH {
            let mut levels: BTreeMap<Ticks, (Lots, u32)> = BTreeMap::new();
            for (_, shown) in book.shown_orders(side) {
                let level = levels.entry(shown.price).or_default();
                *level = (level.0 + shown.lots, level.1 + 1);
            }
            let told: BTreeMap<_, _> = book.levels(side).map(|l| (l.price, (l.lots, l.orders))).collect();
            assert_eq!(told, levels, "levels are the sums of what they show");
        }
        if let (Some(print), Phase::Continuous) = (self.last_print, self.venue.listing_phase(0)) {
            for (id, stop, _) in self.venue.waiting_stops(0).filter(|waiting| waiting.1 != 0) {
                let waits = if self.live[&id].side == Side::Buy { print < stop } else { print > stop };
                assert!(waits, "{id:?} at {stop} waits although {print} was printed");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_order_is_accounted_for(seed in any::<u64>()) {
        let mut trial = Trial::with_rules(seed);
        for now in 0..400 {
            trial.step(now);
        }
        prop_assert!(trial.counter > 0);
    }
}

/// Numbers from the ends of every range, in every term: rejected or carried out, never a panic.
#[test]
fn extreme_terms_are_survived() {
    // Price-time with a halt and limits, price-time alone, pro rata, batches.
    for seed in [0, 1, 2, 3] {
        extremes(seed);
    }
}

fn extremes(seed: u64) {
    use market_core::types::{MAX_PRICE, MAX_SIZE};
    let ends = [i64::MIN, -1, 0, 1, 2, 9_999, MAX_SIZE, MAX_PRICE - 1, MAX_PRICE, MAX_PRICE + 1, i64::MAX];
    let mut trial = Trial::with_rules(seed);
    let mut rows = Vec::new();
    for counter in 0..20_000 {
        let (sound, mut terms) = trial.new_order(5 + counter % 4, i64::from(counter));
        let draws = &mut trial.draws;
        let mut order = NewOrder { id: OrderId::new(sound.id.agent, counter), ..sound };
        match draws.below(10) {
            0 => order.size = pick(draws, &ends),
            1 => order.price = order.price.map(|_| pick(draws, &ends)),
            2 => terms.stop_price = terms.stop_price.map(|_| pick(draws, &ends)),
            3 => terms.trail_ticks = pick(draws, &ends),
            4 => terms.trail_bps = pick(draws, &ends),
            5 => terms.display = Some(pick(draws, &ends)),
            6 => terms.minimum = pick(draws, &ends),
            7 => terms.peg_offset_ticks = pick(draws, &ends),
            8 => terms.protection_ticks = Some(pick(draws, &ends)),
            _ => {
                (terms.expire_ns, terms.trigger_limit_ticks) =
                    (Some(pick(draws, &ends)), Some(pick(draws, &ends)))
            }
        }
        let now = pick(draws, &[i64::MIN, 0, i64::from(counter), i64::MAX]);
        trial.venue.new_order_with(now, &order, &terms, &mut rows);
        let (price, size) = (pick(&mut trial.draws, &ends), pick(&mut trial.draws, &ends));
        trial.venue.replace(now, 0, order.id, price, size, &mut rows);
        if counter % 50 == 0 {
            trial.venue.print_trade(
                now,
                0,
                Side::Buy,
                pick(&mut trial.draws, &[1, 100, MAX_PRICE]),
                1,
                &mut rows,
            );
        }
        if counter % 400 == 0 {
            trial.venue.mass_cancel(now, 5 + trial.draws.below(4) as u32, None, None, &mut rows);
        }
        if counter % 150 == 0 {
            let phases = [Phase::Continuous, Phase::OpeningAuction, Phase::Closed, Phase::ClosingAuction];
            let phase = pick(&mut trial.draws, &phases);
            trial.venue.set_phase(now, phase, &mut rows);
            trial.venue.set_reference_price(0, pick(&mut trial.draws, &[1, 100, MAX_PRICE]));
        }
        if counter % 70 == 0 {
            trial.venue.advance(now, &mut rows);
        }
        let trades = trial.venue.listing_phase(0) == Phase::Continuous && !trial.in_batches;
        if let (true, Bbo { bid: Some(bid), ask: Some(ask) }) = (trades, trial.venue.book(0).bbo()) {
            assert!(bid.price < ask.price);
        }
        rows.clear();
    }
}
