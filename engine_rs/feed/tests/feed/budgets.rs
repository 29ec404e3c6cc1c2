//! What a feed asks of a venue: connections, snapshots, and how quiet it may be.

use market_feed::event::State;

use crate::faults::{TWO, every, live, opened};
use crate::world::{MS, SECOND, World, settings};

/// The most that came within any minute.
fn most_in_a_minute(times: &[i64]) -> usize {
    let within = |from: i64| times.iter().filter(|&&at| (from..from + 60 * SECOND).contains(&at)).count();
    times.iter().map(|&at| within(at)).max().unwrap_or(0)
}

#[test]
fn f09_a_door_slammed_fifty_times() {
    every(|venue| {
        for (name, budget) in [("the usual budget", 10), ("no budget", 60_000)] {
            let mut world = opened(venue, &[("connects_per_minute", budget)]);
            while world.connected_at.len() < 50 {
                world.accept();
                if let Some(&conn) = world.wires.keys().next_back() {
                    world.hang_up(conn, "closed by the venue: 1006");
                }
                let next = world.link.wakes_at();
                world.now_ns = next.max(world.now_ns + 1);
                world.tick();
            }
            assert_eq!(world.states(), [State::Connecting; 2], "{venue}");
            assert!(most_in_a_minute(&world.connected_at) <= 2 * budget as usize);
            let waits: Vec<i64> = world.connected_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
            // The n-th wait is below 250 ms times two to the power of n, and no more than thirty seconds.
            if name == "no budget" {
                for (retry, &wait) in waits.iter().enumerate() {
                    assert!(
                        wait <= ((250 * MS) << retry.min(20)).min(30 * SECOND) + MS,
                        "{venue} {retry}: {wait}"
                    );
                }
            }
            let mean = waits[10..].iter().sum::<i64>() / 39;
            assert!(
                mean > 4 * SECOND,
                "{venue}, {name}: opening a socket does not make it the first try again"
            );
            assert_eq!(world.mirror.gaps[0].len(), 0, "{venue}: nobody had seen a book");
        }
    });
}

#[test]
fn f16_five_minutes_without_a_ping_of_the_venue() {
    every(|venue| {
        // The market moves: nothing is ever asked.
        let mut world = live(venue, &[]);
        world.live(300 * SECOND);
        assert_eq!((world.link.connections.connects, world.mirror.gaps[0].len()), (1, 0), "{venue}");
        // It stands still, and the venue only answers our pings: the line is kept, the book is doubted.
        let mut world = live(venue, &[]);
        for _ in 0..300 {
            world.pass(SECOND);
            world.accept();
            world.deliver();
            world.answer();
        }
        assert_eq!(
            world.link.connections.disconnects,
            u64::from(world.link.venue.connection_sequence),
            "{venue}"
        );
        assert!(world.mirror.log.iter().any(|line| line.contains("State(Stale")), "{venue}");
        world.live(10 * SECOND);
        assert_eq!(world.states(), [State::Live; 2], "{venue}");
        world.assert_true();
    });
}

#[test]
fn f17_a_venue_that_asks_for_a_new_connection_gets_one_without_a_gap() {
    for (venue, notice) in [
        ("binance", r#"{"e":"serverShutdown","E":1}"#),
        ("binance", r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#),
        (
            "okx",
            r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed.","connId":"a"}"#,
        ),
    ] {
        let mut world = live(venue, &[]);
        let conn = world.conn();
        world.frame(conn, notice);
        world.live(5 * SECOND);
        let connections = &world.link.connections;
        assert_eq!((connections.reconnects_planned, connections.disconnects), (1, 0), "{venue}");
        assert_eq!((world.mirror.gaps[0].len(), world.mirror.gaps[1].len()), (0, 0), "{venue}");
        assert_eq!(world.wires.len(), 1, "the old one is closed");
        assert_ne!(world.conn(), conn);
        world.assert_true();
    }
}

#[test]
fn f21_three_symbols_of_which_one_is_acknowledged() {
    let names = ["AAA", "BBB", "CCC"];
    let mut world = World::new("kraken", Some(10), &names, settings(&[]), 7);
    world.tick();
    world.accept();
    for _ in 0..600 {
        world.change();
        for conn in world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                let other = names[1..].iter().any(|name| frame.contains(name));
                if !other {
                    world.frame(conn, &frame);
                }
            }
        }
        world.pass(100 * MS);
    }
    assert_eq!(world.states(), [State::Live, State::Failed, State::Failed]);
    for sub in [1, 2] {
        let reason = &world.mirror.reasons[sub];
        assert!(reason.contains(names[sub]) && reason.contains("kraken"), "{reason}");
    }
    assert_eq!(world.link.connections.connects, 1, "the first symbol keeps its connection");
    let machine = &world.link.machines()[0];
    let shown = (machine.book.bids().collect(), machine.book.asks().collect());
    assert_eq!(world.exchange.truth(0), shown);
}

#[test]
fn f21_an_acknowledgement_of_something_else_and_data_before_it() {
    let mut world = opened("bybit", &[]);
    world.exchange.acks = false;
    world.accept();
    let conn = world.conn();
    world.frame(conn, r#"{"success":true,"ret_msg":"subscribe","req_id":"7","op":"subscribe"}"#);
    let without_trades = |world: &mut World| {
        world.change();
        for conn in world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                if !frame.contains("publicTrade") {
                    world.frame(conn, &frame);
                }
            }
        }
        world.pass(100 * MS);
    };
    (0..10).for_each(|_| without_trades(&mut world));
    assert_eq!(world.states(), [State::Live; 2], "data are as good as an acknowledgement");
    world.assert_true();
    // Trades were never acknowledged: that is missed by name, whatever the book does.
    (0..400).for_each(|_| without_trades(&mut world));
    assert_eq!(world.states(), [State::Failed; 2]);
    assert!(
        world.mirror.reasons.iter().all(|reason| reason.contains("trades")),
        "{:?}",
        world.mirror.reasons
    );
}

#[test]
fn f23_a_symbol_that_binance_does_not_know_is_named_when_nothing_comes() {
    let mut world = opened("binance", &[]);
    world.accept();
    for _ in 0..700 {
        world.change();
        for conn in world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                if !frame.contains(TWO[0]) {
                    world.frame(conn, &frame);
                }
            }
        }
        // REST does not know it either.
        for (conn, sub, path) in std::mem::take(&mut world.asked) {
            let body = world.exchange.rest(&path);
            world.with(|link, now, mirror| match sub {
                0 => link.on_fetch_failed(now, (conn, sub), "the venue answers 400", true, None, mirror),
                _ => link.on_fetched(now, conn, sub, &body, mirror),
            });
        }
        world.pass(100 * MS);
    }
    assert_eq!(world.states(), [State::Failed, State::Live], "{:?}", world.mirror.reasons);
    let reason = &world.mirror.reasons[0];
    assert!(reason.contains("AAA") && reason.contains("does binance list it?"), "{reason}");
}

#[test]
fn f26_a_halt_of_trading_leaves_the_book_and_maintenance_does_not() {
    let mut world = live("kraken", &[]);
    let conn = world.conn();
    let status = |system: &str| {
        format!(
            r#"{{"channel":"status","type":"update","data":[{{"system":"{system}","api_version":"v2"}}]}}"#
        )
    };
    for system in ["cancel_only", "post_only", "limit_only", "online"] {
        world.frame(conn, &status(system));
        assert_eq!(world.states(), [State::Live; 2], "{system}: the data go on");
    }
    world.frame(conn, &status("maintenance"));
    assert_eq!(world.states(), [State::Stale; 2]);
    assert!(world.mirror.reasons[0].contains("maintenance"));
    world.frame(conn, &status("online"));
    world.live(5 * SECOND);
    world.assert_true();
}

#[test]
fn f44_a_hundred_symbols_come_back_within_the_allowance() {
    let names: Vec<String> = (0..100).map(|n| format!("SYM{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A book of 1,000 levels costs 50 of the venue's 6,000 a minute.
    for (depth, weight) in [(1_000, 50), (5_000, 250)] {
        let mut world = World::new("binance", Some(depth), &names, settings(&[]), 7);
        world.tick();
        let mut asked_at = Vec::new();
        let mut come_back = |world: &mut World, minutes: i64| {
            let until = world.now_ns + minutes * 60 * SECOND;
            while world.now_ns < until && world.states().iter().any(|&state| state != State::Live) {
                world.accept();
                (0..20).for_each(|_| world.change());
                world.deliver();
                world.tick();
                asked_at.extend(std::iter::repeat_n(world.now_ns, world.asked.len()));
                world.answer();
                world.pass(SECOND);
            }
            assert_eq!(world.states(), vec![State::Live; 100], "depth {depth}");
            world.assert_true();
        };
        come_back(&mut world, 15);
        let conn = world.conn();
        world.hang_up(conn, "closed by the venue: 1001");
        assert_eq!(world.states(), vec![State::Connecting; 100]);
        come_back(&mut world, 15);
        assert_eq!((world.link.connections.connects, asked_at.len()), (2, 200), "one snapshot each");
        assert!(
            most_in_a_minute(&asked_at) * weight <= 6_000,
            "depth {depth}: {}",
            most_in_a_minute(&asked_at)
        );
        assert!(world.mirror.gaps.iter().all(|gaps| gaps.len() == 1), "one gap each");
    }
}
