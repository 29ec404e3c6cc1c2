//! Rows of market data rebuild the books, from the start or from a snapshot, and a lost row is noticed.

use market_core::order::NewOrder;
use market_core::types::{OrderId, Side};
use market_core::venue::{Channels, FLAG_LAST, MarketData, MarketDataKind, MarketDataRow, Venue};
use proptest::prelude::*;

use crate::random::Trial;
use crate::subscriber::Subscriber;

const ALL: Channels = Channels { bbo: true, l2: true, l3: true };

fn published(trial: &Trial) -> (MarketData, Subscriber) {
    let mut data = MarketData::default();
    data.set(&trial.venue, 0, ALL);
    let subscriber = Subscriber::from_snapshot(&data.snapshot(&trial.venue));
    (data, subscriber)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_rows_rebuild_the_books_after_every_command(seed in any::<u64>(), joins in 1i64..300) {
        let mut trial = Trial::new(seed);
        let (mut data, mut early) = published(&trial);
        let mut late: Option<Subscriber> = None;
        for now in 0..300 {
            let rows = trial.step(now);
            data.observe(&trial.venue, &rows);
            let carried_out = rows.first().is_some_and(|row| !row.kind.is_reject());
            let rows: Vec<MarketDataRow> = data.take().collect();
            let lasts = rows.iter().filter(|row| row.flags & FLAG_LAST != 0).count();
            prop_assert!(rows.is_empty() || (lasts == 1 && rows.last().unwrap().flags & FLAG_LAST != 0));
            for row in &rows {
                early.apply(row).unwrap();
                if let Some(late) = &mut late {
                    late.apply(row).unwrap();
                }
            }
            if now == joins {
                late = Some(Subscriber::from_snapshot(&data.snapshot(&trial.venue)));
            }
            early.check(&trial.venue);
            if carried_out {
                early.check_indicative(&trial.venue);
            }
            if let Some(late) = &late {
                late.check(&trial.venue);
            }
        }
        prop_assert!(late.is_some());
    }
}

#[test]
fn a_missing_row_is_noticed() {
    let mut trial = Trial::new(3);
    let (mut data, mut subscriber) = published(&trial);
    let mut rows = Vec::new();
    for now in 0..50 {
        let events = trial.step(now);
        data.observe(&trial.venue, &events);
        rows.extend(data.take());
    }
    rows.remove(10);
    let heard: Vec<_> = rows.iter().map(|row| subscriber.apply(row)).take(11).collect();
    assert!(heard[..10].iter().all(Result::is_ok));
    assert_eq!(heard[10], Err(11));
}

/// Only what is asked for is sent, and nothing is kept of orders that are gone.
#[test]
fn channels_are_apart() {
    let mut trial = Trial::new(4);
    let mut data = MarketData::default();
    data.set(&trial.venue, 0, Channels { bbo: true, ..Channels::default() });
    let bbo_and_trades =
        [MarketDataKind::Bbo, MarketDataKind::Trade, MarketDataKind::Indicative, MarketDataKind::Phase];
    for now in 0..200 {
        let events = trial.step(now);
        data.observe(&trial.venue, &events);
    }
    assert!(data.take().all(|row| bbo_and_trades.contains(&row.kind)));
    data.set(&trial.venue, 0, Channels::default());
    assert!(!data.is_on());
    let events = trial.step(200);
    data.observe(&trial.venue, &events);
    assert_eq!(data.take().count(), 0);
}

/// What a match does to the public, row by row.
#[test]
fn rows_of_one_match_by_hand() {
    let mut venue = Venue::new();
    venue.add_listing(market_core::venue::ListingSpec::new(1, 1, 0, 0, 0).unwrap());
    let mut data = MarketData::default();
    data.set(&venue, 0, ALL);
    let mut send = |agent, side, price, size| {
        let mut rows = Vec::new();
        let order = NewOrder::limit(OrderId::new(agent, 1), 0, side, price, size);
        venue.new_order(1, &order, &mut rows);
        data.observe(&venue, &rows);
        data.take().map(|row| (row.kind, row.agent, row.side, row.price, row.size)).collect::<Vec<_>>()
    };
    use MarketDataKind::{Add, Bbo, Delete, Level, Reduce, Trade};
    let sell = Side::Sell;
    assert_eq!(
        send(5, sell, 101, 4),
        [(Add, 5, sell, 101, 4), (Level, 0, sell, 101, 4), (Bbo, 0, sell, 101, 4)]
    );
    assert_eq!(
        send(6, sell, 102, 3),
        [(Add, 6, sell, 102, 3), (Level, 0, sell, 102, 3)],
        "the touch has not moved"
    );
    assert_eq!(
        send(7, Side::Buy, 102, 5),
        [
            (Trade, 0, Side::Buy, 101, 4),
            (Trade, 0, Side::Buy, 102, 1),
            (Delete, 5, sell, 101, 0),
            (Reduce, 6, sell, 102, 2),
            (Level, 0, sell, 101, 0),
            (Level, 0, sell, 102, 2),
            (Bbo, 0, sell, 102, 2),
        ]
    );
}
