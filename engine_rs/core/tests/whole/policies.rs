//! Pro-rata shares, batches, volatility halts and limits, on examples worked out by hand or by an exchange.

use market_core::conditions::{Conditions, Refresh};
use market_core::event::{Event, EventKind, FLAG_ONE_LISTING, RejectReason};
use market_core::order::{NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::policy::{Matching, Shares};
use market_core::types::{Lots, OrderId, Phase, Side, Ticks};
use market_core::venue::{ListingSpec, RiskLimits, RuleError, Venue};

use Side::{Buy, Sell};

struct Floor {
    venue: Venue,
    rows: Vec<Event>,
    next: u32,
}

impl Floor {
    fn new(matching: Matching) -> Self {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(1, 1, 0, 0, 0).unwrap());
        venue.set_matching(0, matching).unwrap();
        Self { venue, rows: Vec::new(), next: 4 }
    }

    fn order(&mut self, side: Side, price: Ticks, size: Lots) -> NewOrder {
        self.next += 1;
        NewOrder::limit(OrderId::new(self.next, 1), 0, side, price, size)
    }

    fn enter(&mut self, order: &NewOrder) -> Vec<Event> {
        self.rows.clear();
        self.venue.new_order(0, order, &mut self.rows);
        self.rows.clone()
    }

    fn limit(&mut self, side: Side, price: Ticks, size: Lots) -> Vec<Event> {
        let order = self.order(side, price, size);
        self.enter(&order)
    }

    fn depth(&self, side: Side) -> Vec<(Ticks, Lots)> {
        self.venue.book(0).levels(side).map(|level| (level.price, level.lots)).collect()
    }
}

/// (older or resting agent, lots) of the matches.
fn trades(rows: &[Event]) -> Vec<(u32, Lots)> {
    rows.iter().filter(|row| row.kind == EventKind::Trade).map(|row| (row.agent, row.size)).collect()
}

fn lots(rows: &[Event]) -> Vec<Lots> {
    trades(rows).into_iter().map(|trade| trade.1).collect()
}

fn reason(rows: &[Event]) -> Option<u8> {
    rows.first().filter(|row| row.kind.is_reject()).map(|row| row.reason)
}

const CME: Matching = Matching::ProRata(Shares { top_order_max_lots: 100, min_lots: 2 });

#[test]
fn cme_shares_sixty_lots_among_five_bids() {
    let mut floor = Floor::new(CME);
    for size in [10, 5, 20, 50, 75] {
        floor.limit(Buy, 100, size);
    }
    assert_eq!(lots(&floor.limit(Sell, 100, 60)), [10, 3, 6, 16, 25]);
}

#[test]
fn cme_gives_the_top_order_its_hundred_first() {
    let mut floor = Floor::new(CME);
    for size in [100, 900, 200, 300, 400, 100] {
        floor.limit(Buy, 100, size);
    }
    assert_eq!(lots(&floor.limit(Sell, 100, 501)), [100, 191, 42, 63, 84, 21]);
}

#[test]
fn who_takes_a_whole_level_meets_its_queue() {
    let mut floor = Floor::new(CME);
    for size in [4, 9, 2] {
        floor.limit(Buy, 100, size);
    }
    floor.limit(Buy, 99, 5);
    assert_eq!(lots(&floor.limit(Sell, 99, 17)), [4, 9, 2, 2]);
}

#[test]
fn a_top_order_that_loses_its_place_is_no_top() {
    let mut floor = Floor::new(Matching::ProRata(Shares { top_order_max_lots: 50, min_lots: 0 }));
    let first = floor.order(Buy, 100, 10);
    floor.enter(&first);
    floor.limit(Buy, 100, 10);
    let mut rows = Vec::new();
    floor.venue.replace(0, 0, first.id, 100, 20, &mut rows);
    assert_eq!(trades(&floor.limit(Sell, 100, 15)), [(6, 5), (5, 10)]);
}

#[test]
fn self_trade_prevention_takes_no_more_than_a_share() {
    let mut floor = Floor::new(Matching::ProRata(Shares::default()));
    floor.venue.set_owner(7, 5);
    floor.limit(Buy, 100, 10);
    floor.limit(Buy, 100, 10);
    let sell = NewOrder { stp: SelfTradePrevention::Decrement, ..floor.order(Sell, 100, 10) };
    let rows = floor.enter(&sell);
    assert_eq!(trades(&rows), [(6, 5)]);
    assert_eq!(floor.venue.book(0).leaves(OrderId::new(5, 1)), Some(5));
}

#[test]
fn peaks_share_again_until_the_taker_is_done() {
    let mut floor = Floor::new(Matching::ProRata(Shares::default()));
    let terms = Conditions { display: Some(4), refresh: Refresh::Peak, ..Conditions::NONE };
    let iceberg = floor.order(Buy, 100, 12);
    floor.venue.new_order_with(0, &iceberg, &terms, &mut Vec::new());
    floor.limit(Buy, 100, 4);
    assert_eq!(trades(&floor.limit(Sell, 100, 10)), [(5, 4), (6, 4), (5, 2)]);
}

fn batches() -> Floor {
    Floor::new(Matching::BatchAuction { interval_ns: 100 })
}

#[test]
fn a_batch_trades_when_its_interval_is_over() {
    let mut floor = batches();
    assert_eq!(lots(&floor.limit(Buy, 102, 10)), [0; 0]);
    floor.limit(Sell, 100, 4);
    let mut rows = Vec::new();
    floor.venue.advance(99, &mut rows);
    assert_eq!(rows.len(), 0);
    assert_eq!(floor.venue.indicative(0).map(|cross| (cross.price, cross.volume)), Some((102, 4)));
    floor.venue.advance(100, &mut rows);
    assert_eq!((rows[0].kind, rows[0].price, rows[0].size), (EventKind::Auction, 102, 4));
    assert_eq!(floor.depth(Buy), [(102, 6)]);
    rows.clear();
    floor.venue.advance(199, &mut rows);
    assert_eq!(rows.len(), 0);
}

#[test]
fn earlier_batches_come_first_and_one_batch_shares() {
    let mut floor = batches();
    floor.limit(Buy, 100, 10);
    floor.venue.advance(100, &mut Vec::new());
    floor.limit(Buy, 100, 30);
    floor.limit(Buy, 100, 10);
    floor.limit(Sell, 100, 31);
    let mut rows = Vec::new();
    floor.venue.advance(200, &mut rows);
    // 10 of the first batch whole; 21 shared 30 : 10 is 15 and 5, the last lot to who came first.
    assert_eq!(trades(&rows), [(5, 10), (6, 16), (7, 5)]);
}

#[test]
fn a_batch_takes_no_order_that_cannot_wait() {
    let mut floor = batches();
    let ioc = NewOrder { tif: TimeInForce::Ioc, ..floor.order(Buy, 100, 1) };
    assert_eq!(reason(&floor.enter(&ioc)), Some(RejectReason::NotInThisPhase.code()));
    floor.limit(Buy, 100, 1);
    assert_eq!(floor.venue.set_matching(0, Matching::PriceTime), Err(RuleError::HasOrders(0)));
    assert_eq!(floor.venue.set_volatility_halt(0, 100, 0), Err(RuleError::HaltInBatches(0)));
}

fn halting(halt_ns: i64) -> Floor {
    let mut floor = Floor::new(Matching::PriceTime);
    floor.venue.set_reference_price(0, 1_000);
    floor.venue.set_volatility_halt(0, 100, halt_ns).unwrap();
    floor
}

#[test]
fn a_listing_halts_before_the_match_beyond_its_band() {
    let mut floor = halting(50);
    for price in [1_005, 1_010, 1_011] {
        floor.limit(Sell, price, 1);
    }
    let rows = floor.limit(Buy, 1_020, 3);
    assert_eq!(lots(&rows), [1, 1]);
    let halt = rows.iter().find(|row| row.kind == EventKind::Phase).unwrap();
    assert_eq!((halt.reason, halt.listing, halt.flags), (Phase::Halt.code(), 0, FLAG_ONE_LISTING));
    let told = rows.last().unwrap();
    assert_eq!((told.kind, told.price, told.size), (EventKind::Indicative, 1_011, 1));
    assert_eq!((floor.venue.phase(), floor.venue.listing_phase(0)), (Phase::Continuous, Phase::Halt));
    assert_eq!((floor.depth(Buy), floor.depth(Sell)), (vec![(1_020, 1)], vec![(1_011, 1)]));
    let mut rows = Vec::new();
    floor.venue.advance(49, &mut rows);
    assert_eq!(rows.len(), 0);
    floor.venue.advance(50, &mut rows);
    assert_eq!(lots(&rows), [1]);
    assert_eq!(floor.venue.listing_phase(0), Phase::Continuous);
    assert_eq!(rows.last().unwrap().kind, EventKind::Phase);
    // The auction at 1,011 is what the next halt is measured from.
    floor.limit(Sell, 1_021, 1);
    floor.limit(Sell, 1_022, 1);
    let rows = floor.limit(Buy, 1_030, 2);
    assert_eq!((lots(&rows).len(), floor.venue.listing_phase(0)), (1, Phase::Halt));
}

#[test]
fn fill_or_kill_counts_only_what_would_not_halt() {
    let mut floor = halting(0);
    floor.limit(Sell, 1_010, 1);
    floor.limit(Sell, 1_011, 1);
    let fok = NewOrder { tif: TimeInForce::Fok, ..floor.order(Buy, 1_020, 2) };
    assert_eq!(lots(&floor.enter(&fok)), [0; 0]);
    assert_eq!(floor.venue.listing_phase(0), Phase::Continuous);
    let ioc = NewOrder { tif: TimeInForce::Ioc, ..floor.order(Buy, 1_020, 2) };
    let rows = floor.enter(&ioc);
    assert_eq!((lots(&rows), floor.venue.listing_phase(0)), (vec![1], Phase::Halt));
    assert_eq!(floor.depth(Buy), []);
    let mut rows = Vec::new();
    floor.venue.advance(i64::MAX, &mut rows);
    assert_eq!(floor.venue.listing_phase(0), Phase::Halt, "only a phase ends a halt without an end");
    floor.venue.set_phase(0, Phase::Continuous, &mut rows);
    assert_eq!(floor.venue.listing_phase(0), Phase::Continuous);
}

fn limited(limits: RiskLimits) -> Floor {
    let mut floor = Floor::new(Matching::PriceTime);
    floor.venue.set_reference_price(0, 1_000);
    floor.venue.set_risk(5, 0, limits).unwrap();
    floor
}

/// What agent 5 is told when it sends this as its counter-th order.
fn told(floor: &mut Floor, counter: u32, side: Side, price: Ticks, size: Lots) -> Option<u8> {
    let before = floor.venue.book(0).state_hash();
    let rows = floor.enter(&NewOrder::limit(OrderId::new(5, counter), 0, side, price, size));
    let reason = reason(&rows);
    assert!(reason.is_none() || before == floor.venue.book(0).state_hash(), "a reject changes no book");
    reason
}

#[test]
fn every_limit_has_its_reason() {
    let none = RiskLimits::default();
    for (limits, side, price, size, refused) in [
        (RiskLimits { max_order_lots: Some(5), ..none }, Buy, 1_000, 5, None),
        (RiskLimits { max_order_lots: Some(5), ..none }, Buy, 1_000, 6, Some(RejectReason::RiskOrderSize)),
        (RiskLimits { max_notional_atoms: Some(5_000), ..none }, Buy, 1_000, 5, None),
        (
            RiskLimits { max_notional_atoms: Some(5_000), ..none },
            Buy,
            1_001,
            5,
            Some(RejectReason::RiskNotional),
        ),
        (RiskLimits { collar_bps: Some(100), ..none }, Buy, 1_010, 5, None),
        (RiskLimits { collar_bps: Some(100), ..none }, Buy, 1_011, 5, Some(RejectReason::RiskCollar)),
        (RiskLimits { collar_bps: Some(100), ..none }, Buy, 1, 5, None),
        (RiskLimits { collar_bps: Some(100), ..none }, Sell, 989, 5, Some(RejectReason::RiskCollar)),
        (RiskLimits { no_short_sale: true, ..none }, Sell, 1_000, 1, Some(RejectReason::RiskShortSale)),
        (RiskLimits { no_short_sale: true, ..none }, Buy, 1_000, 1, None),
    ] {
        let mut floor = limited(limits);
        let told = told(&mut floor, 1, side, price, size);
        assert_eq!(told, refused.map(RejectReason::code), "{limits:?}");
    }
}

#[test]
fn a_position_counts_what_is_held_and_what_is_open() {
    let position = RejectReason::RiskPosition.code();
    let mut floor = limited(RiskLimits { max_position_lots: Some(10), ..RiskLimits::default() });
    floor.venue.set_position(5, 0, 4).unwrap();
    assert_eq!(told(&mut floor, 1, Buy, 990, 4), None);
    assert_eq!(told(&mut floor, 2, Buy, 980, 3), Some(position));
    assert_eq!(told(&mut floor, 2, Sell, 1_020, 14), None);
    assert_eq!(told(&mut floor, 3, Sell, 1_030, 1), Some(position));
    let mut rows = Vec::new();
    floor.venue.replace(0, 0, OrderId::new(5, 1), 990, 7, &mut rows);
    assert_eq!(reason(&rows), Some(position));
    floor.next = 5;
    floor.limit(Sell, 990, 4);
    // Four more are held: 8 and 2 open make ten.
    assert_eq!(told(&mut floor, 4, Buy, 980, 2), None);
    assert_eq!(told(&mut floor, 5, Buy, 970, 1), Some(position));
    rows.clear();
    floor.venue.cancel(0, 0, OrderId::new(5, 4), &mut rows);
    assert_eq!(told(&mut floor, 6, Buy, 970, 2), None);
}

#[test]
fn a_second_takes_so_many_messages() {
    let mut floor = limited(RiskLimits { max_messages_per_s: Some(2), ..RiskLimits::default() });
    let mut sent = |time_ns: i64, counter: u32| {
        let order = NewOrder::limit(OrderId::new(5, counter), 0, Buy, 900, 1);
        let mut rows = Vec::new();
        floor.venue.new_order(time_ns, &order, &mut rows);
        reason(&rows)
    };
    let refused = Some(RejectReason::RiskMessageRate.code());
    let told =
        [(0, 1), (10, 2), (999_999_999, 3), (1_000_000_000, 4), (1_000_000_000, 5)].map(|(t, c)| sent(t, c));
    assert_eq!(told, [None, None, refused, None, refused]);
}

#[test]
fn under_a_collar_a_market_order_needs_protection() {
    let mut floor = limited(RiskLimits { collar_bps: Some(100), ..RiskLimits::default() });
    let order = NewOrder {
        order_type: OrderType::Market,
        price: None,
        ..NewOrder::limit(OrderId::new(5, 1), 0, Buy, 1, 1)
    };
    assert_eq!(reason(&floor.enter(&order)), Some(RejectReason::ProtectionRequired.code()));
    let mut rows = Vec::new();
    floor.venue.set_phase(0, Phase::PreOpen, &mut rows);
    assert_eq!(reason(&floor.enter(&order)), None, "an auction gives it a price");
}
