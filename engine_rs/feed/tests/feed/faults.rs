//! One fault at a time: the state, the counters and the book that follow from it.

use market_feed::event::{GapReason, Scope, State};
use market_feed::protocol::VENUES;

use crate::world::{MS, SECOND, World, settings};

pub const TWO: [&str; 2] = ["AAA", "BBB"];

pub fn opened(venue: &str, set: &[(&str, u64)]) -> World {
    opened_with(venue, set, 7)
}

pub fn opened_with(venue: &str, set: &[(&str, u64)], seed: u64) -> World {
    let depth = match venue {
        "kraken" => Some(10),
        "bybit" => Some(50),
        _ => None,
    };
    let mut world = World::new(venue, depth, &TWO, settings(set), seed);
    world.tick();
    world
}

/// Live after five ordinary seconds.
pub fn live(venue: &str, set: &[(&str, u64)]) -> World {
    let mut world = opened(venue, set);
    world.live(5 * SECOND);
    assert_eq!(world.states(), [State::Live; 2], "{venue}");
    world.assert_true();
    world
}

/// A frame that tells of a change of the symbol's book, not delivered.
pub fn diff_of(world: &mut World, sub: usize) -> String {
    let (conn, name) = (world.conn(), TWO[sub]);
    loop {
        world.change();
        let frames = &mut world.wires.get_mut(&conn).unwrap().frames;
        let found =
            frames.iter().position(|frame| frame.contains(name) && !frame.to_lowercase().contains("trade"));
        if let Some(at) = found {
            let frame = frames.remove(at).unwrap();
            world.deliver();
            return frame;
        }
        world.deliver();
    }
}

pub fn every(test: impl Fn(&str)) {
    VENUES.iter().for_each(|venue| test(venue.name));
}

#[test]
fn f17_a_connection_is_replaced_before_a_day_without_a_gap() {
    every(|venue| {
        let mut world = live(venue, &[("max_age_ms", 60_000)]);
        world.live(200 * SECOND);
        assert!(world.link.connections.reconnects_planned >= 2, "{venue}");
        assert_eq!((world.mirror.gaps[0].len(), world.mirror.gaps[1].len()), (0, 0), "{venue}");
        assert_eq!(world.states(), [State::Live; 2]);
        assert_eq!(world.wires.len(), 1, "the old connection is closed");
        // Every trade since the first, once and in order.
        for sub in 0..2 {
            let ids: Vec<u64> = world.mirror.trades[sub]
                .iter()
                .map(|t| t.id.to_string().replace("id-", "").parse().unwrap())
                .collect();
            assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{venue}: {ids:?}");
        }
        world.assert_true();
    });
}

#[test]
fn f17_a_day_under_a_virtual_clock() {
    let hour = 3_600_000;
    let mut world = live(
        "kraken",
        &[("frame_timeout_ms", hour), ("data_timeout_ms", hour), ("connect_timeout_ms", hour)],
    );
    for _ in 0..30 {
        // Forty-eight minutes in seconds of change, so that nothing goes stale.
        for _ in 0..48 {
            world.live(100 * MS);
            world.pass(59 * SECOND);
            world.deliver();
        }
    }
    assert_eq!(world.link.connections.reconnects_planned, 1, "after 23 hours");
    assert_eq!(world.mirror.book_gaps(0) + world.mirror.book_gaps(1), 0);
}

#[test]
fn f21_without_an_acknowledgement_a_subscription_is_given_up_in_time() {
    let mut world = opened("kraken", &[]);
    world.accept();
    for _ in 0..8 {
        world.pass(10 * SECOND);
        // Signs of life without a word about the subscription.
        if !world.wires.is_empty() {
            let conn = world.conn();
            world.wires.get_mut(&conn).unwrap().frames.clear();
            world.frame(conn, r#"{"channel":"heartbeat"}"#);
        }
    }
    assert_eq!(world.states(), [State::Failed; 2]);
    assert!(world.mirror.reasons[1].contains("BBB"), "{}", world.mirror.reasons[1]);
}

#[test]
fn f21_f23_a_refusal_concerns_its_symbol_only() {
    let mut world = opened("kraken", &[]);
    world.accept();
    let conn = world.conn();
    world.frame(
        conn,
        r#"{"error":"Currency pair not supported AAA","method":"subscribe","success":false,"symbol":"AAA"}"#,
    );
    world.live(5 * SECOND);
    assert_eq!(world.states(), [State::Failed, State::Live]);
    assert!(world.mirror.reasons[0].contains("not supported"));
}

#[test]
fn f27_f39_a_missing_message_costs_one_gap_of_one_symbol() {
    for venue in ["binance", "bybit", "okx", "kraken"] {
        let mut world = live(venue, &[]);
        drop(diff_of(&mut world, 0));
        world.live(5 * SECOND);
        assert_eq!((world.mirror.book_gaps(0), world.mirror.book_gaps(1)), (1, 0), "{venue}");
        let reason = if venue == "kraken" { GapReason::Checksum } else { GapReason::Sequence };
        assert_eq!(world.mirror.gaps[0][0].reason, reason);
        assert_eq!(world.link.connections.connects, 1, "{venue}: the other symbol keeps its connection");
        world.assert_true();
    }
}

#[test]
fn f27_a_number_missing_on_coinbase_concerns_the_connection() {
    let mut world = live("coinbase", &[]);
    drop(diff_of(&mut world, 0));
    world.live(5 * SECOND);
    assert_eq!((world.mirror.book_gaps(0), world.mirror.book_gaps(1)), (1, 1));
    assert_eq!(world.link.connections.connects, 2);
    world.assert_true();
}

#[test]
fn f28_f30_what_is_known_already_is_ignored() {
    for venue in ["binance", "bybit", "okx", "coinbase"] {
        let mut world = live(venue, &[]);
        let frame = diff_of(&mut world, 0);
        let conn = world.conn();
        let before = world.link.messages.ignored;
        // Coinbase numbers what came in between; there the message itself has gone by.
        if venue != "coinbase" {
            world.frame(conn, &frame);
            world.frame(conn, &frame);
            assert!(world.link.messages.ignored > before, "{venue}");
        }
        world.live(3 * SECOND);
        if venue != "coinbase" {
            world.assert_true();
        }
    }
}

#[test]
fn f31_a_snapshot_older_than_the_stream_is_asked_for_again() {
    let mut world = opened("binance", &[]);
    let old = world.exchange.rest("AAA");
    (0..40).for_each(|_| world.change());
    world.accept();
    (0..40).for_each(|_| world.change());
    world.deliver();
    world.tick();
    for _ in 0..3 {
        world.pass(2 * SECOND);
        for (conn, sub, _) in std::mem::take(&mut world.asked) {
            let body = if sub == 0 { old.clone() } else { world.exchange.rest("BBB") };
            world.with(|link, now, mirror| link.on_fetched(now, conn, sub, &body, mirror));
        }
        assert_eq!(world.state(0), State::Syncing);
    }
    world.live(60 * SECOND);
    world.assert_true();
    assert_eq!(world.mirror.book_gaps(0), 0, "nobody had seen the book");
    assert_eq!(world.link.messages.buffered, 0);
}

#[test]
fn f31_a_venue_that_is_busy_is_left_alone() {
    let mut world = opened("binance", &[]);
    world.accept();
    (0..40).for_each(|_| world.change());
    world.deliver();
    world.tick();
    let asked = world.link.connections.snapshots_asked;
    for (conn, sub, _) in std::mem::take(&mut world.asked) {
        world.with(|link, now, mirror| {
            link.on_fetch_failed(now, (conn, sub), "429", false, Some(20 * SECOND), mirror);
        });
    }
    world.pass(19 * SECOND);
    assert_eq!(world.link.connections.snapshots_asked, asked, "Retry-After is honoured");
    world.live(10 * SECOND);
    world.assert_true();
}

#[test]
fn f33_a_second_snapshot_replaces_the_book_and_tells_why() {
    for venue in ["kraken", "bybit", "okx"] {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        drop(diff_of(&mut world, 0));
        let frame = world.exchange.snapshot(conn, 0);
        world.frame(conn, &frame);
        assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Restart, "{venue}");
        assert_eq!(world.state(0), State::Live);
        world.live(SECOND);
        world.assert_true();
    }
}

#[test]
fn f34_wrong_checksums_always_end_in_an_unproven_book_that_is_not_shown() {
    let mut world = live("kraken", &[]);
    for _ in 0..400 {
        world.accept();
        world.change();
        for conn in world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                world.frame(conn, &frame.replace("\"checksum\":", "\"checksum\":7,\"was\":"));
            }
        }
        world.pass(500 * MS);
    }
    assert_eq!(world.states(), [State::Failed; 2]);
    assert!(!world.link.machines()[0].verifiable());
    assert_eq!(world.mirror.book_gaps(0), 1);
    assert_eq!(world.link.machines()[0].counts.checksum_bad, 3);
}

#[test]
fn f35_a_new_connection_does_not_merge_with_what_was_before() {
    every(|venue| {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        world.hang_up(conn, "closed by the venue: 1006");
        assert_eq!(world.states(), [State::Connecting; 2]);
        // While nobody listens every level moves, so a level kept from before would be a ghost.
        (0..200).for_each(|_| world.change());
        world.live(10 * SECOND);
        world.assert_true();
        assert_eq!((world.mirror.book_gaps(0), world.mirror.book_gaps(1)), (1, 1), "{venue}");
    });
}

#[test]
fn f37_a_crossed_book_is_taken_away() {
    let mut world = live("binance", &[]);
    let conn = world.conn();
    let id = world.link.machines()[0].last_id() + 1;
    let frame =
        format!(r#"{{"e":"depthUpdate","E":1,"s":"AAA","U":{id},"u":{id},"b":[["999.00","1"]],"a":[]}}"#);
    world.frame(conn, &frame);
    assert_eq!((world.state(0), world.state(1)), (State::Resyncing, State::Live));
    assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Crossed);
    assert_eq!(world.link.machines()[0].counts.crossed, 1);
    world.live(5 * SECOND);
    world.assert_true();
}

#[test]
fn f38_an_empty_side_is_a_book() {
    let mut world = live("bybit", &[]);
    let conn = world.conn();
    let id = world.exchange.markets[0].id + 1;
    let frame = format!(
        r#"{{"topic":"orderbook.50.AAA","type":"snapshot","ts":1,"data":{{"s":"AAA","b":[],"a":[["100.01","1"]],"u":{id},"seq":1}}}}"#
    );
    world.frame(conn, &frame);
    let book = world.link.machines()[0].readable().unwrap();
    assert_eq!((book.best_bid(), book.best_ask()), (None, Some((10_001, 1000))));
}

#[test]
fn f24_f26_the_unknown_is_ignored_and_maintenance_makes_stale() {
    let mut world = live("kraken", &[]);
    let conn = world.conn();
    let before = world.link.messages;
    world.frame(conn, r#"{"channel":"novelty","type":"update","data":[{"x":[1,2]}],"more":null}"#);
    assert_eq!(world.link.messages.ignored, before.ignored + 1);
    world.frame(conn, r#"{"channel":"status","type":"update","data":[{"system":"maintenance"}]}"#);
    assert_eq!(world.states(), [State::Stale; 2]);
    assert!(world.link.machines()[0].readable().is_none());
    world.live(5 * SECOND);
    assert_eq!(world.mirror.book_gaps(0), 0, "nothing was missing");
    world.assert_true();
}

#[test]
fn f25_a_message_off_the_grid_is_refused_whole() {
    let mut world = live("binance", &[]);
    let conn = world.conn();
    let shown = world.mirror.books[1].clone();
    let id = world.link.machines()[1].last_id() + 1;
    let levels = r#"[["99.90","7"],["99.901","7"]]"#;
    let frame = format!(r#"{{"e":"depthUpdate","E":1,"s":"BBB","U":{id},"u":{id},"b":{levels},"a":[]}}"#);
    world.frame(conn, &frame);
    assert!(shown.is_some() && world.state(1) == State::Resyncing);
    assert_eq!(world.mirror.gaps[1][0].reason, GapReason::Rejected);
    assert!(world.mirror.reasons[1].contains("99.901"), "{}", world.mirror.reasons[1]);
    assert_eq!(world.link.messages.rejected, 1);
    world.live(5 * SECOND);
    world.assert_true();
}

#[test]
fn f08_silence_makes_stale_and_then_a_new_connection() {
    every(|venue| {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        world.wires.get_mut(&conn).unwrap().dead = true;
        world.pass(31 * SECOND);
        assert!(!world.states().contains(&State::Live), "{venue}");
        let stale = world.mirror.log.iter().filter(|line| line.contains("State(Stale")).count();
        assert_eq!(stale, 2, "{venue}");
        world.live(20 * SECOND);
        assert_eq!((world.mirror.book_gaps(0), world.mirror.book_gaps(1)), (1, 1), "{venue}");
        world.assert_true();
    });
}

#[test]
fn a_hole_in_the_trades_is_told_and_the_book_stays() {
    let mut world = live("binance", &[]);
    let conn = world.conn();
    let trade = |id: u64| {
        format!(r#"{{"e":"trade","E":1,"s":"AAA","t":{id},"p":"100.00","q":"0.001","T":1,"m":true}}"#)
    };
    world.frame(conn, &trade(5000));
    world.frame(conn, &trade(5003));
    world.frame(conn, &trade(5003));
    let gap = *world.mirror.gaps[0].last().unwrap();
    assert_eq!((gap.scope, gap.missing), (Scope::Trades, Some((5001, 5002))));
    assert_eq!(world.state(0), State::Live);
    assert_eq!(world.link.machines()[0].counts.trades_repeated, 1);
}

#[test]
fn f40_the_venues_clock_may_say_anything() {
    let mut world = live("binance", &[]);
    let conn = world.conn();
    let stamps = ["0", "1", "99999999999999", "18446744073709551615", "1795400000000", "1795300000000000000"];
    for stamp in stamps {
        let id = world.link.machines()[0].last_id() + 1;
        let frame = format!(r#"{{"e":"depthUpdate","E":{stamp},"s":"AAA","U":{id},"u":{id},"b":[],"a":[]}}"#);
        world.frame(conn, &frame);
        assert_eq!(world.state(0), State::Live, "{stamp}");
    }
    let (_, least, most) = world.link.machines()[0].counts.latency_ns.unwrap();
    assert!(least < 0 && most > 0);
}

#[test]
fn f42_a_full_queue_drops_and_counts() {
    let mut world = live("okx", &[]);
    let before = world.link.messages;
    world.mirror.full = true;
    let conn = world.conn();
    let frames: Vec<String> = (0..10).map(|_| diff_of_quiet(&mut world)).collect();
    let mut mirror_free = |frame: &String| {
        let now = world.now();
        world.link.on_frame(now, conn, frame, &mut world.mirror);
    };
    frames.iter().for_each(&mut mirror_free);
    let messages = world.link.messages;
    assert!(messages.add_up());
    assert_eq!(
        messages.dropped - before.dropped,
        messages.received - before.received - (messages.ignored - before.ignored)
    );
}

/// A frame of the next change, undelivered, whatever its symbol.
fn diff_of_quiet(world: &mut World) -> String {
    let conn = world.conn();
    loop {
        world.change();
        let frames = &mut world.wires.get_mut(&conn).unwrap().frames;
        let found: Vec<String> = frames.drain(..).filter(|frame| frame.contains("\"books\"")).collect();
        if let Some(frame) = found.into_iter().next() {
            return frame;
        }
    }
}
