//! The engine against the model: the same rows and the same books after every step.

use std::collections::BTreeSet;

use market_core::event::{Event, EventKind, RejectReason};
use market_core::order::Command;
use market_core::types::Side;
use market_core::venue::{ListingSpec, Venue};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::model::{Model, Order};
use crate::steps::{LISTINGS, OWNERS, Step, steps};

pub fn venue() -> Venue {
    let mut venue = Venue::new();
    for terms in LISTINGS {
        let spec = ListingSpec::new(
            terms.tick_lot_atoms,
            terms.lot_atoms,
            terms.min_notional_atoms,
            terms.maker_fee_e8,
            terms.taker_fee_e8,
        );
        venue.add_listing(spec.expect("the tests' listings are valid"));
    }
    for (agent, owner) in OWNERS {
        venue.set_owner(agent, owner);
    }
    venue
}

/// Takes both a step further; gives the rows of each.
pub fn advance(venue: &mut Venue, model: &mut Model, time_ns: i64, step: &Step) -> (Vec<Event>, Vec<Event>) {
    let mut rows = Vec::new();
    let expected = match step {
        Step::Command(command) => {
            venue.process(time_ns, command, &mut rows);
            model.process(time_ns, command)
        }
        Step::Phase(phase) => {
            venue.set_phase(time_ns, *phase, &mut rows);
            model.set_phase(time_ns, *phase)
        }
        Step::Change { pick, lots } => {
            let Some(Order { id, .. }) = picked(model, *pick) else { return (rows, Vec::new()) };
            let done = if *lots < 0 {
                venue.reduce_by(time_ns, 0, id, -lots, &mut rows)
            } else {
                venue.grow_by(time_ns, 0, id, *lots, &mut rows)
            };
            // Growth beyond a range is refused with nothing said; the model need not know.
            if done.is_ok() { model.change(time_ns, 0, id, *lots) } else { Vec::new() }
        }
        Step::Amend { .. } => {
            let Some(command) = command_of(model, step) else { return (rows, Vec::new()) };
            return advance(venue, model, time_ns, &Step::Command(command));
        }
    };
    (rows, expected)
}

/// The command a step sends, if it sends one.
pub fn command_of(model: &Model, step: &Step) -> Option<Command> {
    match *step {
        Step::Command(command) => Some(command),
        Step::Amend { pick, price, lots } => {
            let order = picked(model, pick)?;
            let (price, size) = (order.price + price, order.total + lots);
            Some(Command::Replace { id: order.id, listing: 0, price, size })
        }
        Step::Phase(_) | Step::Change { .. } => None,
    }
}

fn picked(model: &Model, pick: usize) -> Option<Order> {
    let book = &model.books[0];
    (!book.is_empty()).then(|| book[pick % book.len()])
}

/// Properties prove nothing about what random steps never reach.
#[test]
fn random_steps_reach_every_kind_of_row_and_reason() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        let steps = steps(150).new_tree(&mut runner).expect("steps can be drawn").current();
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        for (time_ns, step) in (0..).zip(&steps) {
            let (rows, _) = advance(&mut venue, &mut model, time_ns, step);
            reached.extend(rows.iter().map(|row| (row.kind, row.reason, row.flags)));
        }
    }
    let kinds = |kind| reached.iter().filter(|row| row.0 == kind).map(|row| row.1).collect::<Vec<_>>();
    use RejectReason as R;
    let rejected = [
        R::UnknownListing,
        R::DuplicateOrderId,
        R::PriceOutOfRange,
        R::SizeOutOfRange,
        R::NotionalOverflow,
        R::PostOnlyWouldCross,
        R::VenueSuspended,
        R::MinNotional,
        R::InvalidCombination,
    ];
    assert_eq!(kinds(EventKind::Rejected), rejected.map(R::code));
    assert_eq!(kinds(EventKind::CancelRejected), [R::UnknownListing, R::UnknownOrder].map(R::code));
    assert!(kinds(EventKind::ReplaceRejected).contains(&R::PostOnlyWouldCross.code()));
    assert_eq!(kinds(EventKind::Cancelled), [1, 2, 3, 4, 5, 8, 9]);
    for (kind, flags) in
        [(EventKind::Fill, 0), (EventKind::Fill, 1), (EventKind::Replaced, 0), (EventKind::Replaced, 1)]
    {
        assert!(reached.contains(&(kind, 0, flags)));
    }
}

proptest! {
    /// Invariants 3 and 14 (priority at entry and after a replace) and every number of every row.
    #[test]
    fn the_engine_says_what_the_model_says(steps in steps(150)) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        for (time_ns, step) in (0..).zip(&steps) {
            let (rows, expected) = advance(&mut venue, &mut model, time_ns, step);
            prop_assert_eq!(&rows, &expected, "step {}: {:?}", time_ns, step);
            for listing in 0..LISTINGS.len() {
                prop_assert_eq!(venue.book(listing as u32).state_hash(), model.book_hash(listing));
            }
        }
    }

    /// Invariant 7, and what the views say: levels are the sums of their orders, none is empty, ids are unique.
    #[test]
    fn views_add_up(steps in steps(120)) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        for (time_ns, step) in (0..).zip(&steps) {
            advance(&mut venue, &mut model, time_ns, step);
        }
        for (listing, orders) in model.books.iter().enumerate() {
            let book = venue.book(listing as u32);
            prop_assert_eq!(book.live(), orders.len());
            for side in Side::BOTH {
                let queue = model.queue(listing, side);
                let shown: Vec<_> = book.side_orders(side).map(|(id, state)| (id, state.price, state.leaves)).collect();
                let expected: Vec<_> = queue.iter().map(|order| (order.id, order.price, order.leaves)).collect();
                prop_assert_eq!(shown, expected);
                prop_assert_eq!(book.best(side).map(|best| best.price), queue.first().map(|order| order.price));
                for level in book.levels(side) {
                    let here: Vec<_> = queue.iter().filter(|order| order.price == level.price).collect();
                    prop_assert_eq!(level.orders as usize, here.len());
                    prop_assert!(level.orders > 0);
                    prop_assert_eq!(level.lots, here.iter().map(|order| order.leaves).sum::<i64>());
                    let mut ahead = 0;
                    for (order, (id, leaves)) in here.iter().zip(book.level_orders(side, level.price)) {
                        prop_assert_eq!((order.id, order.leaves), (id, leaves));
                        prop_assert_eq!(book.queue_ahead(order.id), Some(ahead));
                        ahead += leaves;
                    }
                }
                let mine = |agent| agent > 2;
                let better: i64 = queue.iter().filter(|o| side.better(o.price, 100) && mine(o.id.agent)).map(|o| o.leaves).sum();
                prop_assert_eq!(book.lots_better(side, 100, mine), better);
            }
        }
    }

    /// Invariant 11: what is refused changes no book.
    #[test]
    fn a_reject_leaves_every_book_as_it_was(steps in steps(120)) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        for (time_ns, step) in (0..).zip(&steps) {
            let before = [venue.book(0).state_hash(), venue.book(1).state_hash()];
            let seq = venue.next_seq();
            let (rows, _) = advance(&mut venue, &mut model, time_ns, step);
            if rows.first().is_some_and(|row| row.kind.is_reject()) {
                prop_assert_eq!(before, [venue.book(0).state_hash(), venue.book(1).state_hash()]);
                prop_assert_eq!((rows.len(), venue.next_seq()), (1, seq + 1));
            }
        }
    }

    /// A cancel takes out what is left, once.
    #[test]
    fn every_live_order_can_be_cancelled_once(steps in steps(120)) {
        let (mut venue, mut model) = (venue(), Model::new(&LISTINGS, &OWNERS));
        for (time_ns, step) in (0..).zip(&steps) {
            advance(&mut venue, &mut model, time_ns, step);
        }
        let mut rows = Vec::new();
        let live: Vec<_> = venue.book(0).live_orders().collect();
        venue.set_phase(0, market_core::types::Phase::Continuous, &mut rows);
        for (id, state) in live {
            rows.clear();
            for _ in 0..2 {
                venue.process(0, &Command::Cancel { id, listing: 0 }, &mut rows);
            }
            prop_assert_eq!((rows[0].kind, rows[0].size), (EventKind::Cancelled, state.leaves));
            prop_assert_eq!(rows[1].kind, EventKind::CancelRejected);
        }
        prop_assert_eq!(venue.book(0).live(), 0);
        prop_assert_eq!(venue.book(0).bbo(), Default::default());
    }
}
