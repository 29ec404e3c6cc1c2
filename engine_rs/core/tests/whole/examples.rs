//! Examples with the numbers that exchanges print. The same stand in Python for both engines.

use market_core::conditions::{Conditions, Refresh};
use market_core::event::{CancelReason, Event, EventKind};
use market_core::order::{NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{Lots, OrderId, Side, Ticks};
use market_core::venue::{ListingSpec, Venue};

struct Floor {
    venue: Venue,
    rows: Vec<Event>,
    next: u32,
}

impl Floor {
    fn new() -> Self {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(1, 1, 0, 0, 0).unwrap());
        Self { venue, rows: Vec::new(), next: 0 }
    }

    /// Every order is of another agent, unless the test says otherwise.
    fn order(&mut self, side: Side, price: Ticks, size: Lots) -> NewOrder {
        self.next += 1;
        NewOrder::limit(OrderId::new(4 + self.next, 1), 0, side, price, size)
    }

    fn enter(&mut self, order: NewOrder, terms: Conditions) -> Vec<Event> {
        self.rows.clear();
        self.venue.new_order_with(0, &order, &terms, &mut self.rows);
        self.rows.clone()
    }

    fn limit(&mut self, side: Side, price: Ticks, size: Lots) -> Vec<Event> {
        let order = self.order(side, price, size);
        self.enter(order, Conditions::NONE)
    }

    fn depth(&self, side: Side) -> Vec<(Ticks, Lots)> {
        self.venue.book(0).levels(side).map(|level| (level.price, level.lots)).collect()
    }
}

fn trades(rows: &[Event]) -> Vec<(u32, Ticks, Lots)> {
    let printed = rows.iter().filter(|row| row.kind == EventKind::Trade);
    printed.map(|row| (row.agent, row.price, row.size)).collect()
}

fn iceberg(refresh: Refresh) -> (Vec<(u32, Ticks, Lots)>, Floor) {
    let mut floor = Floor::new();
    floor.limit(Side::Buy, 1000, 100);
    floor.limit(Side::Buy, 990, 500);
    let order = floor.order(Side::Buy, 990, 10_000);
    floor.enter(order, Conditions { display: Some(100), refresh, ..Conditions::NONE });
    floor.limit(Side::Buy, 990, 200);
    let rows = floor.limit(Side::Sell, 990, 1_500);
    (trades(&rows), floor)
}

#[test]
fn an_iceberg_with_a_reserve_prints_it_at_once() {
    let (printed, floor) = iceberg(Refresh::Reserve);
    let lots: Vec<Lots> = printed.iter().map(|trade| trade.2).collect();
    assert_eq!(lots, [100, 500, 100, 200, 600]);
    assert_eq!(floor.depth(Side::Buy), [(990, 100)]);
    assert_eq!(floor.venue.book(0).leaves(OrderId::new(7, 1)), Some(9_300));
}

#[test]
fn an_iceberg_of_peaks_prints_each_of_them() {
    let (printed, floor) = iceberg(Refresh::Peak);
    assert_eq!(
        printed.iter().filter(|trade| trade.0 == 7).map(|trade| trade.2).collect::<Vec<_>>(),
        [100; 7]
    );
    assert_eq!(floor.venue.book(0).leaves(OrderId::new(7, 1)), Some(9_300));
}

#[test]
fn a_protected_market_order_rests_at_its_protection() {
    let mut floor = Floor::new();
    for (price, size) in [(90_025, 2), (90_300, 3), (90_550, 3), (90_675, 5)] {
        floor.limit(Side::Sell, price, size);
    }
    let order = NewOrder { order_type: OrderType::Market, price: None, ..floor.order(Side::Buy, 1, 10) };
    let rows = floor.enter(order, Conditions { protection_ticks: Some(600), ..Conditions::NONE });
    let printed: Vec<_> = trades(&rows).iter().map(|trade| (trade.1, trade.2)).collect();
    assert_eq!(printed, [(90_025, 2), (90_300, 3), (90_550, 3)]);
    assert_eq!(floor.depth(Side::Buy), [(90_625, 2)]);
}

#[test]
fn a_stop_enters_after_the_sweep_that_elects_it() {
    let mut floor = Floor::new();
    for (price, size) in [(1000, 1000), (990, 500), (980, 1000)] {
        floor.limit(Side::Buy, price, size);
    }
    // An on-stop bid that the print at 990 elects; a buy stop waits for prints at or above it.
    floor.limit(Side::Sell, 985, 1);
    assert_eq!(floor.venue.book(0).best(Side::Buy).unwrap().lots, 999);
    let order = NewOrder { order_type: OrderType::StopLimit, ..floor.order(Side::Buy, 990, 1000) };
    let waiting = floor.enter(order, Conditions { stop_price: Some(1001), ..Conditions::NONE });
    assert_eq!(waiting.len(), 1);
    floor.limit(Side::Buy, 1001, 1);
    let rows = floor.limit(Side::Sell, 990, 1_500);
    let kinds: Vec<EventKind> = rows.iter().map(|row| row.kind).collect();
    let triggered = kinds.iter().position(|kind| *kind == EventKind::Triggered).unwrap();
    assert_eq!(trades(&rows[..triggered]).iter().map(|trade| trade.2).collect::<Vec<_>>(), [1, 999, 500]);
    assert_eq!(floor.depth(Side::Buy), [(990, 1000), (980, 1000)]);
}

#[test]
fn trailing_stops_follow_the_best_print() {
    for (side, bps, prints, stop) in [
        (Side::Buy, 500, [43_000, 42_000, 42_500], 44_100),
        (Side::Sell, 1_000, [40_000, 41_000, 40_500], 36_900),
    ] {
        let mut floor = Floor::new();
        let order = NewOrder { order_type: OrderType::TrailingStop, price: None, ..floor.order(side, 1, 10) };
        floor.enter(order, Conditions { trail_bps: bps, ..Conditions::NONE });
        for price in prints {
            floor.venue.print_trade(0, 0, Side::Buy, price, 1, &mut floor.rows);
        }
        let waiting: Vec<_> = floor.venue.waiting_stops(0).map(|(_, stop, _)| stop).collect();
        assert_eq!(waiting, [stop]);
    }
}

/// Makers of one owner, and how its taker's mode deals with them.
fn own(mode: SelfTradePrevention, makers: &[(Ticks, Lots)], taker: Lots) -> (Vec<Event>, Floor) {
    let mut floor = Floor::new();
    for &(price, size) in makers {
        let order = floor.order(Side::Buy, price, size);
        floor.venue.set_owner(order.id.agent, 1);
        floor.enter(order, Conditions::NONE);
    }
    let order = NewOrder { stp: mode, ..floor.order(Side::Sell, 1, taker) };
    floor.venue.set_owner(order.id.agent, 1);
    let rows = floor.enter(order, Conditions::NONE);
    (rows, floor)
}

#[test]
fn oldest_expires_every_maker_and_the_taker_rests() {
    let (rows, floor) = own(SelfTradePrevention::Oldest, &[(12, 12), (11, 13), (10, 81)], 30);
    let expired = rows.iter().filter(|row| row.reason == CancelReason::SelfTrade.code());
    assert_eq!(expired.map(|row| row.size).collect::<Vec<_>>(), [12, 13, 81]);
    assert_eq!((floor.depth(Side::Buy), floor.depth(Side::Sell)), (vec![], vec![(1, 30)]));
}

#[test]
fn decrement_takes_the_smaller_order_from_both() {
    let (rows, floor) = own(SelfTradePrevention::Decrement, &[(2, 6)], 2);
    assert_eq!(floor.venue.book(0).leaves(OrderId::new(5, 1)), Some(4));
    let last = rows.last().unwrap();
    assert_eq!((last.kind, last.reason), (EventKind::Cancelled, CancelReason::SelfTradeDecrement.code()));
    assert_eq!(floor.depth(Side::Sell), []);
}

#[test]
fn both_cancels_both() {
    let (rows, floor) = own(SelfTradePrevention::Both, &[(2, 6), (1, 1)], 2);
    assert_eq!(trades(&rows), []);
    assert_eq!((floor.depth(Side::Buy), floor.depth(Side::Sell)), (vec![(1, 1)], vec![]));
}

#[test]
fn a_minimum_that_cannot_trade_ends_the_order() {
    let mut floor = Floor::new();
    floor.limit(Side::Sell, 10, 4);
    for (minimum, left) in [(5, vec![(10, 4)]), (4, vec![])] {
        let order = NewOrder { tif: TimeInForce::Gtc, ..floor.order(Side::Buy, 10, 6) };
        let rows = floor.enter(order, Conditions { minimum, ..Conditions::NONE });
        assert_eq!(floor.depth(Side::Sell), left, "{rows:?}");
    }
    assert_eq!(floor.depth(Side::Buy), [(10, 2)]);
}
