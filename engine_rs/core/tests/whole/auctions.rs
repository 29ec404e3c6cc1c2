//! Auctions: the price on exchanges' own examples, and against a search that tries every price.

use std::collections::BTreeMap;

use market_core::book::Cross;
use market_core::conditions::{Conditions, Refresh};
use market_core::event::{CancelReason, Event, EventKind};
use market_core::hash::Stream;
use market_core::order::{NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{Lots, MAX_PRICE, MAX_SIZE, OrderId, Phase, Side, Ticks};
use market_core::venue::{ListingSpec, Venue};
use proptest::prelude::*;

use OrderType::{Limit, Market, MarketToLimit};
use Side::{Buy, Sell};

struct Call {
    venue: Venue,
    rows: Vec<Event>,
    next: u32,
}

impl Call {
    fn new(reference: Option<Ticks>) -> Self {
        let mut venue = Venue::new();
        venue.add_listing(ListingSpec::new(1, 1, 0, 0, 0).unwrap());
        let mut rows = Vec::new();
        venue.set_phase(0, Phase::OpeningAuction, &mut rows);
        if let Some(price) = reference {
            venue.set_reference_price(0, price);
        }
        Self { venue, rows, next: 4 }
    }

    /// An order of an agent of its own; price 0 for none.
    fn order(&mut self, order_type: OrderType, side: Side, price: Ticks, size: Lots) -> OrderId {
        self.next += 1;
        let id = OrderId::new(self.next, 1);
        let price = (price > 0).then_some(price);
        let order = NewOrder { order_type, price, ..NewOrder::limit(id, 0, side, 1, size) };
        self.venue.new_order(0, &order, &mut self.rows);
        assert_eq!(self.rows.iter().filter(|row| row.kind.is_reject()).count(), 0);
        id
    }

    fn limits(&mut self, side: Side, orders: &[(Lots, Ticks)]) {
        for &(size, price) in orders {
            self.order(Limit, side, price, size);
        }
    }

    fn told(&self) -> Option<(Ticks, Lots)> {
        self.venue.indicative(0).map(|cross| (cross.price, cross.volume))
    }

    /// Opens the market; gives the price and volume of the auction and the lots of its matches.
    fn open(&mut self) -> (Option<(Ticks, Lots)>, Vec<Lots>) {
        self.rows.clear();
        self.venue.set_phase(0, Phase::Continuous, &mut self.rows);
        let of = |kind| self.rows.iter().filter(move |row| row.kind == kind);
        let price = of(EventKind::Auction).next().map(|row| (row.price, row.size));
        (price, of(EventKind::Trade).map(|row| row.size).collect())
    }
}

#[test]
fn asx_prints_639() {
    let mut call = Call::new(None);
    call.limits(Buy, &[(500, 640), (500, 639), (500, 639), (1000, 634), (500, 633)]);
    call.limits(Sell, &[(1000, 610), (500, 640), (520, 641), (550, 642), (519, 643)]);
    assert_eq!(call.told(), Some((639, 1000)));
    assert_eq!(call.open(), (Some((639, 1000)), vec![500, 500]));
}

#[test]
fn euronext_prints_1008_then_1010() {
    let mut call = Call::new(Some(1000));
    call.order(MarketToLimit, Buy, 0, 50);
    call.limits(Buy, &[(90, 1010), (10, 990)]);
    call.order(MarketToLimit, Sell, 0, 40);
    call.limits(Sell, &[(100, 1008), (60, 1015)]);
    assert_eq!(call.told(), Some((1008, 140)));
    call.order(Market, Buy, 0, 20);
    assert_eq!(call.told(), Some((1010, 140)));
    // Market-to-limit 50 against 40 and 10, the market order's 20, then 70 of the 90.
    assert_eq!(call.open(), (Some((1010, 140)), vec![40, 10, 20, 70]));
    let best = call.venue.book(0).best(Buy).unwrap();
    assert_eq!((best.price, best.lots), (1010, 20));
}

#[test]
fn orders_without_a_price_trade_at_the_reference() {
    for (reference, told) in [(Some(1000), Some((1000, 40))), (None, None)] {
        let mut call = Call::new(reference);
        call.order(MarketToLimit, Buy, 0, 40);
        call.order(Market, Sell, 0, 45);
        assert_eq!(call.told(), told);
        let lots: Vec<Lots> = told.iter().map(|told| told.1).collect();
        assert_eq!(call.open(), (told, lots));
        let mut ended = call.rows.iter().filter(|row| row.kind == EventKind::Cancelled);
        assert_eq!(ended.next_back().unwrap().reason, CancelReason::AuctionRemainder.code());
        assert_eq!(call.venue.live(0), 0);
    }
}

#[test]
fn surplus_and_reference_decide_between_prices_of_one_volume() {
    for (bids, asks, reference, told) in [
        ([(400, 202), (200, 201)], [(300, 199), (200, 198)], None, 201),
        ([(300, 202), (200, 201)], [(400, 199), (200, 198)], None, 199),
        ([(500, 201), (100, 199)], [(500, 199), (100, 201)], Some(200), 200),
        ([(500, 201), (100, 199)], [(500, 199), (100, 201)], Some(150), 199),
        ([(500, 201), (100, 199)], [(500, 199), (100, 201)], Some(250), 201),
    ] {
        let mut call = Call::new(reference);
        call.limits(Buy, &bids);
        call.limits(Sell, &asks);
        assert_eq!(call.told(), Some((told, 500)), "{bids:?} {asks:?} {reference:?}");
    }
}

#[test]
fn nothing_that_crosses_gives_no_price() {
    let mut call = Call::new(Some(150));
    call.limits(Buy, &[(5, 100)]);
    call.limits(Sell, &[(5, 101)]);
    assert_eq!((call.told(), call.open().0), (None, None));
}

#[test]
fn an_unlimited_buyer_without_a_bearable_price_ends() {
    let mut call = Call::new(Some(MAX_PRICE));
    call.order(Market, Buy, 0, MAX_SIZE);
    call.order(Limit, Sell, 1, MAX_SIZE);
    assert_eq!(call.open(), (Some((MAX_PRICE, MAX_SIZE)), vec![]));
    assert_eq!(call.venue.live(0), 1);
}

/// Tries every price a limit or the reference names, as the rule is told.
fn by_trial(orders: &[(Side, Ticks, Lots)], reference: Option<Ticks>) -> Option<Cross> {
    let at = |price: Ticks| {
        let bought = orders.iter().filter(|o| o.0 == Buy && (o.1 == 0 || o.1 >= price)).map(|o| o.2);
        let sold = orders.iter().filter(|o| o.0 == Sell && o.1 <= price).map(|o| o.2);
        let (bought, sold) = (bought.sum::<Lots>(), sold.sum::<Lots>());
        Cross { price, volume: bought.min(sold), surplus: bought - sold }
    };
    let limits = orders.iter().map(|order| order.1).filter(|&price| price > 0);
    let mut left: Vec<Cross> = limits.chain(reference).map(at).collect();
    left.sort_unstable_by_key(|cross| cross.price);
    let most = left.iter().map(|cross| cross.volume).max().filter(|&volume| volume > 0)?;
    left.retain(|cross| cross.volume == most);
    let least = left.iter().map(|cross| cross.surplus.abs()).min()?;
    left.retain(|cross| cross.surplus.abs() == least);
    let (lowest, highest) = (*left.first()?, *left.last()?);
    Some(match reference {
        _ if left.iter().all(|cross| cross.surplus > 0) => highest,
        _ if left.iter().all(|cross| cross.surplus < 0) => lowest,
        Some(reference) => *left.iter().min_by_key(|cross| (cross.price - reference).abs())?,
        None => at((lowest.price + highest.price) / 2),
    })
}

/// A stream of orders, cancels and replaces in a call; after each the told price is the tried one.
fn indications(seed: u64, steps: usize) {
    let draws = &mut Stream::named(seed, &["auction"]);
    let reference = (draws.below(2) == 0).then(|| 85 + draws.below(30) as i64);
    let mut call = Call::new(reference);
    let mut live: BTreeMap<OrderId, (Side, Ticks, Lots)> = BTreeMap::new();
    let mut told = None;
    for _ in 0..steps {
        let side = Side::BOTH[draws.below(2) as usize];
        let (price, size) = (90 + draws.below(20) as i64, 1 + draws.below(60) as i64);
        let known = live.keys().nth(draws.below(live.len() as u64 + 1) as usize).copied();
        call.rows.clear();
        match (draws.below(10), known) {
            (0..2, Some(id)) => {
                live.remove(&id);
                call.venue.cancel(0, 0, id, &mut call.rows);
            }
            (2..4, Some(id)) => {
                let price = if draws.below(2) == 0 { live[&id].1.max(1) } else { price };
                *live.get_mut(&id).unwrap() = (live[&id].0, price, size);
                call.venue.replace(0, 0, id, price, size, &mut call.rows);
            }
            (4, _) => {
                let order_type = [Market, MarketToLimit][draws.below(2) as usize];
                live.insert(call.order(order_type, side, 0, size), (side, 0, size));
            }
            (5, _) => {
                call.next += 1;
                let id = OrderId::new(call.next, 1);
                let peak = draws.below(size as u64 + 1) as i64;
                let terms = Conditions { display: Some(peak), ..Conditions::NONE };
                let order = NewOrder::limit(id, 0, side, price, size);
                call.venue.new_order_with(0, &order, &terms, &mut call.rows);
                live.insert(id, (side, price, size));
            }
            _ => {
                live.insert(call.order(Limit, side, price, size), (side, price, size));
            }
        }
        let orders: Vec<_> = live.values().copied().collect();
        let tried = by_trial(&orders, reference);
        assert_eq!(call.venue.indicative(0), tried, "{orders:?} {reference:?}");
        let published = call.rows.last().filter(|row| row.kind == EventKind::Indicative);
        assert_eq!(published.is_some(), tried != told, "told when it changes");
        told = tried;
    }
    let last = call.venue.indicative(0).map(|cross| (cross.price, cross.volume));
    let (auction, lots) = call.open();
    assert_eq!(auction, last, "the last indication is the auction");
    assert_eq!(lots.iter().sum::<Lots>(), auction.map_or(0, |auction| auction.1), "all of its volume trades");
    assert!(
        call.rows.iter().all(|row| row.kind != EventKind::Trade || Some(row.price) == auction.map(|a| a.0))
    );
    let bbo = call.venue.book(0).bbo();
    assert!(bbo.bid.zip(bbo.ask).is_none_or(|(bid, ask)| bid.price < ask.price));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn the_price_is_the_one_found_by_trying_all(seed in any::<u64>()) {
        indications(seed, 60);
    }
}

#[test]
fn a_million_orders_at_one_price_trade_in_one_auction() {
    let mut call = Call::new(None);
    for counter in 0..1_000_000u32 {
        let side = if counter % 2 == 0 { Buy } else { Sell };
        let id = OrderId::new(5 + counter % 2, counter);
        call.venue.new_order(0, &NewOrder::limit(id, 0, side, 100, 1), &mut call.rows);
        call.rows.clear();
    }
    let (auction, lots) = call.open();
    assert_eq!((auction, lots.len()), (Some((100, 500_000)), 500_000));
    assert_eq!(call.venue.book(0).live(), 0);
}

#[test]
fn an_owner_s_two_orders_follow_the_younger_s_mode() {
    use SelfTradePrevention::{Both, Decrement, Newest, None as Trades, Oldest};
    for (mode, left) in [
        (Trades, vec![(Buy, 3)]),
        (Newest, vec![(Buy, 8)]),
        (Oldest, vec![(Sell, 5)]),
        (Both, vec![]),
        (Decrement, vec![(Buy, 3)]),
    ] {
        let mut call = Call::new(None);
        call.venue.set_owner(6, 5);
        call.order(Limit, Buy, 10, 8);
        let sell = NewOrder { stp: mode, ..NewOrder::limit(OrderId::new(6, 1), 0, Sell, 9, 5) };
        call.venue.new_order(0, &sell, &mut call.rows);
        call.open();
        let resting = call.venue.book(0).live_orders().map(|(_, order)| (order.side, order.leaves));
        assert_eq!(resting.collect::<Vec<_>>(), left, "{mode:?}");
    }
}

#[test]
fn what_asks_for_a_match_at_once_is_refused_in_a_call() {
    let mut call = Call::new(None);
    let order = NewOrder::limit(OrderId::new(5, 1), 0, Buy, 10, 8);
    let none = Conditions::NONE;
    for (order, terms) in [
        (NewOrder { tif: TimeInForce::Ioc, ..order }, none),
        (NewOrder { tif: TimeInForce::Fok, ..order }, none),
        (order, Conditions { minimum: 2, ..none }),
        (
            NewOrder { order_type: Market, price: None, ..order },
            Conditions { protection_ticks: Some(2), ..none },
        ),
    ] {
        let before = call.venue.book(0).state_hash();
        call.rows.clear();
        call.venue.new_order_with(0, &order, &terms, &mut call.rows);
        assert_eq!((call.rows.len(), call.rows[0].reason), (1, 17));
        assert_eq!(before, call.venue.book(0).state_hash());
    }
}

#[test]
fn an_iceberg_takes_part_with_all_it_holds() {
    for (refresh, lots) in [(Refresh::Reserve, vec![2, 4, 3]), (Refresh::Peak, vec![2, 4, 2, 1])] {
        let mut call = Call::new(None);
        let terms = Conditions { display: Some(2), refresh, ..Conditions::NONE };
        let order = NewOrder::limit(OrderId::new(4, 1), 0, Buy, 10, 9);
        call.venue.new_order_with(0, &order, &terms, &mut call.rows);
        call.order(Limit, Buy, 10, 4);
        call.order(Limit, Sell, 10, 9);
        assert_eq!(call.open(), (Some((10, 9)), lots));
        let left = call.venue.book(0).leaves(OrderId::new(4, 1));
        assert_eq!(left, Some(4));
    }
}
