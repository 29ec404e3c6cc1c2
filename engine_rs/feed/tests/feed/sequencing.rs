//! Messages that are lost, swapped or come again, and snapshots that do not meet the stream: one fault at a time.

use std::collections::BTreeSet;

use market_feed::book::{Book, Known};
use market_feed::event::{GapReason, State};
use market_feed::protocol::{Message, VENUES};

use crate::faults::{TWO, diff_of, every, live, opened, opened_with};
use crate::parsers::symbols;
use crate::world::mirror::Sides;
use crate::world::{MS, SECOND, World};

/// Recovered: live, the exchange's book, everything accounted for, and so many gaps of the first and second symbol.
fn assert_recovered(world: &World, gaps: (usize, usize)) {
    let venue = world.link.venue.name;
    assert_eq!(world.states(), [State::Live; 2], "{venue}: {:?}", world.mirror.reasons);
    world.assert_true();
    assert_eq!((world.mirror.book_gaps(0), world.mirror.book_gaps(1)), gaps, "{venue}");
    let messages = world.link.messages;
    assert!(messages.add_up() && messages.buffered == 0, "{venue}: {messages:?}");
}

/// Whether a book that has not seen the changes between `before` and now is wrong after the next message, `next`.
fn is_missed(world: &World, sub: usize, before: &Sides, next: &str) -> bool {
    let venue = world.link.venue;
    let mut said = Vec::new();
    (venue.open)(world.link.depth()).read(next, &symbols(), &mut said).unwrap();
    let [Message::Book(_, update)] = &said[..] else { panic!("{next} is no book message") };
    let mut book = Book::new(world.link.depth());
    book.reset(&before.0, &before.1, Known::default());
    book.apply(update.bids.clone(), update.asks.clone());
    (book.bids().collect(), book.asks().collect()) != world.exchange.truth(sub)
}

#[test]
fn f27_the_first_message_after_the_snapshot_is_lost() {
    every(|venue| {
        let mut told = BTreeSet::new();
        for seed in 0..12 {
            let mut world = opened_with(venue, &[], seed);
            world.accept();
            while world.states() != [State::Live; 2] {
                world.change();
                world.deliver();
                world.tick();
                world.answer();
            }
            let (before, connects) = (world.exchange.truth(0), world.link.connections.connects);
            drop(diff_of(&mut world, 0));
            // Ids tell of every loss. A checksum proves the book: what the next message says anyway was not missed.
            let mut missed = true;
            if venue == "kraken" {
                let (conn, next) = (world.conn(), diff_of(&mut world, 0));
                missed = is_missed(&world, 0, &before, &next);
                world.frame(conn, &next);
            }
            world.live(5 * SECOND);
            let both = world.link.venue.connection_sequence;
            assert_recovered(&world, (usize::from(missed), usize::from(both)));
            assert_eq!(world.link.connections.connects, connects + u64::from(both), "{venue}, seed {seed}");
            told.insert(missed);
        }
        assert!(told.contains(&true), "{venue}: nothing was ever missed");
    });
}

#[test]
fn f27_the_last_message_before_the_end_is_lost() {
    every(|venue| {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        drop(diff_of(&mut world, 0));
        world.hang_up(conn, "closed by the venue: 1001");
        world.live(10 * SECOND);
        assert_recovered(&world, (1, 1));
    });
}

#[test]
fn f27_many_messages_in_a_row_are_one_gap() {
    for venue in ["binance", "bybit", "okx", "kraken"] {
        let mut world = live(venue, &[]);
        (0..7).for_each(|_| drop(diff_of(&mut world, 0)));
        world.live(5 * SECOND);
        assert_recovered(&world, (1, 0));
        let told = world.link.machines()[0].counts.gaps as usize;
        assert_eq!(told, world.mirror.gaps[0].len(), "{venue}: every gap is told and counted");
    }
}

#[test]
fn f29_two_messages_change_places() {
    for venue in ["binance", "bybit", "okx", "coinbase"] {
        let mut world = live(venue, &[]);
        let (conn, trades) = (world.conn(), world.mirror.trades[0].len());
        // Both of one symbol and next to each other, as they would be on the wire.
        world.change();
        while world.wires[&conn].frames.len() < 2
            || world.wires[&conn].frames.iter().any(|frame| !frame.contains(TWO[0]) || is_trade(frame))
        {
            world.deliver();
            world.change();
            world.change();
        }
        let frames = &mut world.wires.get_mut(&conn).unwrap().frames;
        frames.make_contiguous().reverse();
        world.deliver();
        world.live(5 * SECOND);
        let both = world.link.venue.connection_sequence;
        assert_recovered(&world, (1, usize::from(both)));
        assert!(world.mirror.trades[0].len() >= trades, "{venue}");
    }
}

fn is_trade(frame: &str) -> bool {
    frame.to_lowercase().contains("trade")
}

#[test]
fn f30_a_range_of_old_messages_comes_again() {
    for venue in ["binance", "bybit", "okx"] {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        let mut old = Vec::new();
        for _ in 0..10 {
            let frame = diff_of(&mut world, 1);
            world.frame(conn, &frame);
            old.push(frame);
        }
        let before = world.link.messages;
        old.iter().for_each(|frame| world.frame(conn, frame));
        assert_eq!(world.link.messages.ignored, before.ignored + 10, "{venue}");
        assert_eq!(world.link.messages.applied, before.applied, "{venue}");
        assert_recovered(&world, (0, 0));
    }
}

#[test]
fn f30_repetitions_alone_let_a_book_go_stale() {
    for venue in ["binance", "bybit"] {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        let frame = diff_of(&mut world, 0);
        let repeat = |world: &mut World, times: usize| {
            for _ in 0..times {
                world.frame(conn, &frame);
                world.pass(10 * SECOND);
            }
        };
        repeat(&mut world, 8);
        assert_eq!(world.state(0), State::Live, "{venue}");
        repeat(&mut world, 2);
        assert_eq!((world.state(0), world.mirror.book_gaps(0)), (State::Stale, 0), "{venue}");
        repeat(&mut world, 9);
        assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Silent, "{venue}");
        world.live(10 * SECOND);
        assert_recovered(&world, (1, 1));
    }
}

/// Binance, connected, with diffs kept and snapshots asked for; nothing answered.
fn waiting_for_snapshots() -> World {
    let mut world = opened("binance", &[]);
    world.accept();
    (0..40).for_each(|_| world.change());
    world.deliver();
    world.tick();
    assert_eq!(world.asked.len(), 2);
    world
}

#[test]
fn f31_a_snapshot_newer_than_everything_kept() {
    let mut world = waiting_for_snapshots();
    // The market goes on, and its messages are still on their way when the snapshot is taken.
    (0..40).for_each(|_| world.change());
    world.answer();
    let held = world.link.messages;
    assert!(held.add_up() && held.buffered == 0, "what the snapshot covers is let go: {held:?}");
    world.deliver();
    world.live(SECOND);
    assert_recovered(&world, (0, 0));
    assert_eq!(world.link.connections.snapshots_asked, 2, "it is good as it is");
}

#[test]
fn f31_a_snapshot_out_of_a_cache() {
    let mut world = opened("binance", &[]);
    let cached: Vec<String> = TWO.iter().map(|name| world.exchange.rest(name)).collect();
    // What changes in half a minute later somebody connects, and is given that.
    (0..300).for_each(|_| world.change());
    world.accept();
    (0..40).for_each(|_| world.change());
    world.deliver();
    world.tick();
    for (conn, sub, _) in std::mem::take(&mut world.asked) {
        world.with(|link, now, mirror| link.on_fetched(now, conn, sub, &cached[sub], mirror));
        assert_ne!(world.state(sub), State::Live, "no diff continues it");
    }
    world.live(10 * SECOND);
    assert_recovered(&world, (0, 0));
    assert!(world.link.connections.snapshots_asked >= 4);
}

#[test]
fn f31_a_snapshot_that_takes_eight_seconds_and_one_that_is_a_page() {
    let mut world = waiting_for_snapshots();
    for _ in 0..80 {
        world.change();
        world.deliver();
        world.pass(100 * MS);
    }
    assert_eq!(world.states(), [State::Syncing; 2], "it is still waited for");
    assert_eq!(world.link.connections.snapshots_asked, 2, "and not asked for again");
    for (conn, sub, _) in std::mem::take(&mut world.asked) {
        let page = "<html><body>502 Bad Gateway</body></html>";
        world.with(|link, now, mirror| link.on_fetched(now, conn, sub, page, mirror));
    }
    assert_eq!(world.states(), [State::Syncing; 2]);
    assert!(world.mirror.reasons[0].contains("no order book"), "{}", world.mirror.reasons[0]);
    world.live(5 * SECOND);
    assert_recovered(&world, (0, 0));
}

#[test]
fn f32_a_message_is_lost_while_a_snapshot_is_waited_for() {
    let mut world = waiting_for_snapshots();
    let truth = [world.exchange.rest("AAA"), world.exchange.rest("BBB")];
    (0..20).for_each(|_| world.change());
    world.deliver();
    drop(diff_of(&mut world, 0));
    let later = diff_of(&mut world, 0);
    let conn = world.conn();
    world.frame(conn, &later);
    // The snapshot is of before the hole: what is kept does not continue it to the end.
    for (conn, sub, _) in std::mem::take(&mut world.asked) {
        world.with(|link, now, mirror| link.on_fetched(now, conn, sub, &truth[sub], mirror));
    }
    assert_eq!((world.state(0), world.state(1)), (State::Syncing, State::Live));
    assert!(world.mirror.reasons[0].contains("gap"), "{}", world.mirror.reasons[0]);
    world.live(5 * SECOND);
    assert_recovered(&world, (0, 0));
}

#[test]
fn f33_bybit_begins_anew_with_id_one() {
    let mut world = live("bybit", &[]);
    let conn = world.conn();
    world.deliver();
    for id in [1u64, 2, 3] {
        world.exchange.markets[0].id = id - 1;
        let (bids, asks) = (r#"[["99.00","1.000"]]"#, r#"[["101.00","2.000"]]"#);
        let kind = if id == 1 { "snapshot" } else { "delta" };
        let frame = format!(
            r#"{{"topic":"orderbook.50.AAA","type":"{kind}","ts":1,"data":{{"s":"AAA","b":{bids},"a":{asks},"u":{id},"seq":1}},"cts":1}}"#
        );
        world.frame(conn, &frame);
        assert_eq!((world.state(0), world.link.machines()[0].last_id()), (State::Live, id));
    }
    assert_eq!(world.mirror.gaps[0].len(), 1);
    assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Restart);
    assert_eq!(world.mirror.books[0], Some((vec![(9_900, 1_000)], vec![(10_100, 2_000)])));
    assert_eq!(world.link.machines()[0].counts.resyncs, 0, "nothing had to be asked for");
}

#[test]
fn f33_bybit_begins_anew_and_its_snapshot_is_lost() {
    let mut world = live("bybit", &[]);
    let conn = world.conn();
    world.deliver();
    let frame = |id: u64, seq: u64| {
        format!(
            r#"{{"topic":"orderbook.50.AAA","type":"delta","ts":1,"data":{{"s":"AAA","b":[["99.00","1.000"]],"a":[],"u":{id},"seq":{seq}}},"cts":1}}"#
        )
    };
    // As old as its id: a repetition.
    world.frame(conn, &frame(2, 0));
    assert_eq!((world.state(0), world.mirror.book_gaps(0)), (State::Live, 0));
    // Sent later than what had the higher id: the book is not what is there now.
    world.frame(conn, &frame(2, 1_000_000));
    assert_eq!((world.state(0), world.mirror.gaps[0][0].reason), (State::Resyncing, GapReason::Rejected));
    world.frame(conn, &frame(3, 1_000_001));
    world.live(5 * SECOND);
    assert_recovered(&world, (1, 0));
    // What says id 1 is the whole book, by whatever name.
    world.frame(conn, &frame(1, 1_000_002));
    assert_eq!(world.mirror.books[0], Some((vec![(9_900, 1_000)], vec![])));
}

#[test]
fn f33_okx_keeps_alive_with_the_same_id_and_resets_to_a_lower_one() {
    let mut world = live("okx", &[]);
    let conn = world.conn();
    world.deliver();
    let before = (world.mirror.books[0].clone(), world.link.machines()[0].counts);
    let last = world.link.machines()[0].last_id();
    let empty = |previous: u64, id: u64| {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"AAA"}},"action":"update","data":[{{"bids":[],"asks":[],"ts":"1","checksum":0,"prevSeqId":{previous},"seqId":{id}}}]}}"#
        )
    };
    for (previous, id) in [(last, last), (last, 3), (3, 5)] {
        world.frame(conn, &empty(previous, id));
        assert_eq!((world.state(0), world.link.machines()[0].last_id()), (State::Live, id));
    }
    assert_eq!(world.mirror.books[0], before.0);
    let counts = world.link.machines()[0].counts;
    assert_eq!((counts.gaps, counts.resyncs, counts.diffs), (0, 0, before.1.diffs + 3));
    world.frame(conn, &empty(6, 9));
    assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Sequence);
    assert_eq!(world.state(0), State::Resyncing);
}

#[test]
fn f34_wrong_checksums_of_okx_end_in_a_book_that_says_it_is_not_proven() {
    let mut world = live("okx", &[]);
    for _ in 0..400 {
        world.accept();
        world.change();
        for conn in world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                world.frame(conn, &frame.replace("\"checksum\":0", "\"checksum\":7"));
            }
        }
        world.pass(500 * MS);
    }
    for (sub, machine) in world.link.machines().iter().enumerate() {
        assert_eq!((machine.state(), machine.verifiable()), (State::Live, false));
        assert!(world.mirror.reasons[sub].contains("unverifiable"), "{}", world.mirror.reasons[sub]);
        assert_eq!(machine.counts.checksum_bad, 3, "then it is not looked at any more");
    }
    world.live(SECOND);
    world.assert_true();
}

#[test]
fn f37_a_locked_book_is_taken_away_and_one_of_an_auction_held_back() {
    let mut world = live("binance", &[]);
    let conn = world.conn();
    world.deliver();
    let (id, (bids, _)) = (world.link.machines()[0].last_id() + 1, world.exchange.truth(0));
    let bid = format!("{}.{:02}", bids[0].0 / 100, bids[0].0 % 100);
    let locked =
        format!(r#"{{"e":"depthUpdate","E":1,"s":"AAA","U":{id},"u":{id},"b":[],"a":[["{bid}","1"]]}}"#);
    world.frame(conn, &locked);
    assert_eq!(world.mirror.gaps[0][0].reason, GapReason::Crossed);
    assert!(world.link.machines()[0].readable().is_none());
    world.live(5 * SECOND);
    assert_recovered(&world, (1, 0));

    let mut world = live("okx", &[]);
    let conn = world.conn();
    world.deliver();
    let last = world.link.machines()[0].last_id();
    let auction = |previous: u64, id: u64, size: &str| {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"AAA"}},"action":"update","data":[{{"bids":[["999","{size}","0","1"]],"asks":[],"ts":"1","checksum":0,"prevSeqId":{previous},"seqId":{id}}}]}}"#
        )
    };
    world.frame(conn, &auction(last, last + 1, "1"));
    assert!(world.link.machines()[0].readable().is_none() && world.mirror.books[0].is_none());
    assert_eq!((world.state(0), world.link.machines()[0].counts.crossed), (State::Resyncing, 1));
    world.frame(conn, &auction(last + 1, last + 2, "0"));
    assert_eq!((world.state(0), world.mirror.book_gaps(0)), (State::Live, 0), "nothing was missing");
    world.assert_true();
}

#[test]
fn f22_what_answers_a_repeated_subscription_changes_nothing() {
    for venue in VENUES.map(|venue| venue.name) {
        let mut world = live(venue, &[]);
        let first = world.conn();
        world.hang_up(first, "closed by the venue: 1006");
        world.live(10 * SECOND);
        let conn = world.conn();
        let again = match venue {
            "kraken" => {
                r#"{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"AAA","req_id":9}"#
            }
            "bybit" => {
                r#"{"success":false,"ret_msg":"error:handler not found,topic:orderbook.50.AAA already subscribed","req_id":"0","op":"subscribe"}"#
            }
            "okx" => {
                r#"{"id":"9","event":"subscribe","arg":{"channel":"books","instId":"AAA"},"connId":"x"}"#
            }
            "binance" => r#"{"result":null,"id":9}"#,
            // Coinbase numbers its acknowledgements; one more is in the exchange's own hands.
            _ => continue,
        };
        let before = world.link.messages;
        world.frame(conn, again);
        world.frame(conn, again);
        assert_eq!(world.link.messages.ignored, before.ignored + 2, "{venue}");
        world.live(SECOND);
        assert_recovered(&world, (1, 1));
    }
}
