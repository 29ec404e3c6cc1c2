//! Input at the ends of its range and in bulk: no panic, no blow-up.

use market_core::event::{EventKind, RejectReason};
use market_core::order::{Command, NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{MAX_PRICE, MAX_SIZE, OrderId, Side};
use market_core::venue::{ListingSpec, Venue};
use proptest::prelude::*;

fn venue() -> Venue {
    let mut venue = Venue::new();
    venue.add_listing(ListingSpec::new(1, 1, 0, -2_000, 5_000).expect("valid"));
    venue
}

fn any_command() -> impl Strategy<Value = Command> {
    let wild = || {
        prop_oneof![any::<i64>(), 1i64..=MAX_PRICE, Just(1), Just(MAX_PRICE), Just(i64::MAX), Just(i64::MIN)]
    };
    let id = (prop_oneof![any::<u32>(), 0u32..3], prop_oneof![any::<u32>(), 0u32..3])
        .prop_map(|(agent, counter)| OrderId::new(agent, counter));
    let listing = prop_oneof![9 => Just(0u32), 1 => any::<u32>()];
    let codes = (0u8..2, 0u8..2, 0u8..3, 0u8..3, any::<bool>());
    (0u8..4, id, listing, prop::option::weighted(0.9, wild()), wild(), codes).prop_map(
        |(kind, id, listing, price, size, (side, order_type, tif, stp, post_only))| match kind {
            0 => Command::Cancel { id, listing },
            1 => Command::Replace { id, listing, price: price.unwrap_or(0), size },
            _ => Command::New(NewOrder {
                id,
                listing,
                side: Side::from_code(side).expect("a side"),
                order_type: OrderType::from_code(order_type).expect("a type"),
                tif: TimeInForce::from_code(tif).expect("a time in force"),
                stp: SelfTradePrevention::from_code(stp).expect("a mode"),
                post_only,
                price,
                size,
            }),
        },
    )
}

proptest! {
    /// Invariant 15.
    #[test]
    fn no_number_makes_the_engine_panic(commands in prop::collection::vec(any_command(), 1..200)) {
        let (mut venue, mut rows) = (venue(), Vec::new());
        for (time_ns, command) in commands.iter().enumerate() {
            let before = rows.len();
            venue.process(time_ns as i64 - 100, command, &mut rows);
            prop_assert!(rows.len() > before, "every command is answered");
        }
        prop_assert_eq!(rows.len() as u64 + 1, venue.next_seq());
    }
}

#[test]
fn a_level_that_would_leave_its_range_takes_no_more() {
    let (mut venue, mut rows) = (venue(), Vec::new());
    let order = |counter| NewOrder::limit(OrderId::new(5, counter), 0, Side::Buy, 1, MAX_SIZE);
    let fitting = 1 << (62 - 48);
    for counter in 1..=fitting + 1 {
        venue.process(0, &Command::New(order(counter)), &mut rows);
    }
    let last = rows.last().expect("answered");
    assert_eq!((last.kind, last.reason), (EventKind::Rejected, RejectReason::QuantityOverflow.code()));
    assert_eq!(venue.book(0).bbo().bid.expect("a bid").lots, 1 << 62);
    assert_eq!(venue.book(0).live(), fitting as usize);
    // An order's own lots make room for it: to the back of a full level it may go.
    rows.clear();
    let back = Command::Replace { id: OrderId::new(5, 1), listing: 0, price: 1, size: MAX_SIZE };
    venue.process(0, &back, &mut rows);
    assert_eq!((rows[0].kind, rows[0].flags), (EventKind::Replaced, 0));
    assert_eq!(venue.book(0).level_orders(Side::Buy, 1).last(), Some((OrderId::new(5, 1), MAX_SIZE)));
}

#[test]
fn a_million_orders_at_one_price_and_a_storm_of_cancels() {
    const ORDERS: u32 = 1_000_000;
    let (mut venue, mut rows) = (venue(), Vec::with_capacity(8));
    let id = |number: u32| OrderId::new(number % 7, number / 7 + 1);
    for number in 0..ORDERS {
        venue.process(0, &Command::New(NewOrder::limit(id(number), 0, Side::Sell, 100, 2)), &mut rows);
        rows.clear();
    }
    assert_eq!(venue.book(0).queue_ahead(id(ORDERS - 1)), Some(2 * i64::from(ORDERS - 1)));
    // All over the queue, so that every cancel leaves neighbours to be joined.
    for step in 0..u64::from(ORDERS) / 2 {
        let number = (step * 7_919 % u64::from(ORDERS)) as u32;
        venue.process(0, &Command::Cancel { id: id(number), listing: 0 }, &mut rows);
        assert_eq!(rows[0].kind, EventKind::Cancelled);
        rows.clear();
    }
    let left = venue.book(0).live();
    let sweep = NewOrder {
        order_type: OrderType::Market,
        price: None,
        ..NewOrder::limit(OrderId::new(9, 1), 0, Side::Buy, 1, MAX_SIZE)
    };
    venue.process(0, &Command::New(sweep), &mut rows);
    assert_eq!(rows.iter().filter(|row| row.kind == EventKind::Trade).count(), left);
    assert_eq!(venue.book(0).live(), 0);
}

#[test]
fn exempt_flow_pays_nothing_and_knows_no_least_notional() {
    let mut venue = Venue::new();
    venue.add_listing(ListingSpec::new(1, 1, 1_000, 5_000, 5_000).expect("valid"));
    venue.set_exempt(1);
    let mut rows = Vec::new();
    let small = |agent, side| Command::New(NewOrder::limit(OrderId::new(agent, 1), 0, side, 100, 1));
    venue.process(0, &small(5, Side::Sell), &mut rows);
    assert_eq!(rows[0].reason, RejectReason::MinNotional.code());
    rows.clear();
    venue.process(0, &small(1, Side::Sell), &mut rows);
    let large = NewOrder::limit(OrderId::new(5, 2), 0, Side::Buy, 100, 10);
    venue.process(0, &Command::New(large), &mut rows);
    let fees: Vec<_> = rows.iter().filter(|row| row.kind == EventKind::Fill).map(|row| row.fee).collect();
    assert_eq!(fees, [0, 1]);
}
