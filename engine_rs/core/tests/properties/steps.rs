//! Random commands: few agents, ids and prices, so that orders meet, collide and refer to each other; and
//! now and then a number from the end of its range.

use market_core::order::{Command, NewOrder, OrderType, SelfTradePrevention, TimeInForce};
use market_core::types::{Lots, OrderId, Phase, Side, Ticks};
use proptest::prelude::*;

use crate::model::Terms;

/// Two accounts of one owner, who pass each other; the others stand for themselves.
pub const PASSING: [u32; 2] = [1, 2];
pub const OWNERS: [(u32, u32); 2] = [(1, 1), (2, 1)];

pub const LISTINGS: [Terms; 2] = [
    Terms {
        tick_lot_atoms: 7,
        lot_atoms: 3,
        min_notional_atoms: 0,
        maker_fee_e8: -2_000_000,
        taker_fee_e8: 5_000_000,
    },
    Terms { tick_lot_atoms: 1, lot_atoms: 1, min_notional_atoms: 200, maker_fee_e8: 0, taker_fee_e8: 1 },
];

#[derive(Clone, Debug)]
pub enum Step {
    Command(Command),
    Phase(Phase),
    /// Recorded lots that come or go; the number picks among the live orders.
    Change {
        pick: usize,
        lots: Lots,
    },
    /// A replace near where a live order stands: often its own price, its own size, or both.
    Amend {
        pick: usize,
        price: Ticks,
        lots: Lots,
    },
}

pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..most)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        60 => new_order().prop_map(|order| Step::Command(Command::New(order))),
        15 => (id(), listing()).prop_map(|(id, listing)| Step::Command(Command::Cancel { id, listing })),
        20 => (id(), listing(), price(), size())
            .prop_map(|(id, listing, price, size)| Step::Command(Command::Replace { id, listing, price, size })),
        1 => prop_oneof![3 => Just(Phase::Continuous), 1 => Just(Phase::Suspended)].prop_map(Step::Phase),
        4 => (any::<usize>(), -12i64..12).prop_filter("a change", |(_, lots)| *lots != 0)
            .prop_map(|(pick, lots)| Step::Change { pick, lots }),
        12 => (any::<usize>(), -1i64..=1, -4i64..=2).prop_map(|(pick, price, lots)| Step::Amend { pick, price, lots }),
    ]
}

pub fn new_order() -> impl Strategy<Value = NewOrder> {
    let terms = (
        prop_oneof![6 => Just(OrderType::Limit), 1 => Just(OrderType::Market)],
        prop_oneof![6 => Just(TimeInForce::Gtc), 2 => Just(TimeInForce::Ioc), 2 => Just(TimeInForce::Fok)],
        prop_oneof![3 => Just(SelfTradePrevention::Newest), 1 => Just(SelfTradePrevention::None)],
        prop::bool::weighted(0.1),
    );
    (id(), listing(), side(), price(), prop::bool::weighted(0.95), size(), terms).prop_map(
        |(id, listing, side, price, priced, size, (order_type, tif, stp, post_only))| NewOrder {
            id,
            listing,
            side,
            order_type,
            tif,
            stp: if PASSING.contains(&id.agent) { SelfTradePrevention::Pass } else { stp },
            post_only,
            price: priced.then_some(price),
            size,
        },
    )
}

pub fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn id() -> impl Strategy<Value = OrderId> {
    let counter = prop_oneof![20 => 1u32..25, 1 => Just(u32::MAX), 1 => any::<u32>()];
    (prop_oneof![20 => 1u32..7, 1 => Just(u32::MAX)], counter)
        .prop_map(|(agent, counter)| OrderId::new(agent, counter))
}

fn listing() -> impl Strategy<Value = u32> {
    prop_oneof![30 => Just(0u32), 10 => Just(1), 1 => Just(2), 1 => Just(u32::MAX)]
}

fn price() -> impl Strategy<Value = Ticks> {
    prop_oneof![
        40 => 95i64..106,
        2 => prop::sample::select(vec![1, 2, (1 << 53) - 1, 1 << 53]),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, (1 << 53) + 1, i64::MAX]),
    ]
}

fn size() -> impl Strategy<Value = Lots> {
    prop_oneof![
        40 => 1i64..30,
        1 => prop::sample::select(vec![1 << 47, 1 << 48]),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, (1 << 48) + 1, i64::MAX]),
    ]
}
