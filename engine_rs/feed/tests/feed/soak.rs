//! Faults drawn from a seed, on every protocol, against an exchange that holds the truth.
//!
//! Two hundred seeds a day; the thousand and more:
//! `SOAK_SEEDS=100000 cargo test --release --manifest-path engine_rs/feed/Cargo.toml soak -- --ignored`.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::world::mirror::Sides;
use crate::world::{MS, Rng, SECOND, World, settings};
use market_feed::event::State;

const VENUES: [&str; 5] = ["binance", "kraken", "coinbase", "okx", "bybit"];

fn hash(sides: &Sides) -> u64 {
    let mut hasher = DefaultHasher::new();
    sides.hash(&mut hasher);
    hasher.finish()
}

struct Soak {
    world: World,
    rng: Rng,
    /// Every book that was ever true, by symbol.
    true_books: Vec<BTreeSet<u64>>,
    /// Answers of REST from a while ago.
    old_answers: Vec<(String, String)>,
    silent_until: i64,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let venue = VENUES[(seed % 5) as usize];
        // Kraken's checksum proves ten levels, so ten are asked for.
        let depth = (venue == "kraken").then_some(10).or((venue == "bybit").then_some(50));
        let settings = settings(&[
            ("attempts", 1_000_000),
            ("checksum_failures", 1_000_000),
            ("connects_per_minute", 60),
            ("snapshot_weight_per_minute", 1_000_000),
            ("data_timeout_ms", 20_000),
            ("max_age_ms", 40_000),
        ]);
        let world = World::new(venue, depth, &["AAA", "BBB"], settings, seed);
        let (old_answers, true_books) = (Vec::new(), vec![BTreeSet::new(); 2]);
        let mut soak = Self { world, rng: Rng(seed), true_books, old_answers, silent_until: 0 };
        soak.remember_truth();
        soak
    }

    fn remember_truth(&mut self) {
        for (sub, books) in self.true_books.iter_mut().enumerate() {
            books.insert(hash(&self.world.exchange.truth(sub)));
        }
    }

    /// No book can be read that was never true.
    fn assert_no_invention(&self) {
        for (sub, machine) in self.world.link.machines().iter().enumerate() {
            if let Some(book) = machine.readable() {
                let shown = (book.bids().collect(), book.asks().collect());
                let name = self.world.link.venue.name;
                let known = self.true_books[sub].contains(&hash(&shown));
                let tail = &self.world.mirror.log[self.world.mirror.log.len().saturating_sub(4)..];
                assert!(
                    known,
                    "{name}: never true: {shown:?}, now {:?}: {tail:#?}",
                    self.world.exchange.truth(sub)
                );
            }
        }
    }

    fn spoiled(&mut self, frame: &str) -> String {
        match self.rng.below(4) {
            0 => frame[..frame.len() / 2].to_owned(),
            1 => frame.replacen("0.", "0.00001", 1),
            2 => frame.replacen("\"b", "\"zz", 1).replacen("\"updates\"", "\"up\"", 1),
            _ => frame.replacen(':', ":-", 1),
        }
    }

    fn connection_faults(&mut self) {
        let Self { world, rng, .. } = self;
        if !world.dialled.is_empty() {
            match rng.below(6) {
                0 => world.refuse("503", None),
                1 => world.refuse("429", Some(2 * SECOND)),
                // No answer: the link has to give up by itself.
                2 => world.dialled.clear(),
                _ => world.accept(),
            }
        }
        let open: Vec<u64> = world.wires.keys().copied().collect();
        for conn in open {
            match rng.below(400) {
                0 => world.hang_up(conn, "closed by the venue: 1006"),
                1 => world.wires.get_mut(&conn).unwrap().dead = true,
                2 if world.link.venue.name == "binance" => {
                    world.frame(conn, r#"{"e":"serverShutdown","E":1}"#)
                }
                3 if world.link.venue.name != "binance" => {
                    let frame = world.exchange.snapshot(conn, rng.below(2) as usize);
                    world.wires.get_mut(&conn).unwrap().frames.push_back(frame);
                }
                4 => world.frame(
                    conn,
                    r#"{"channel":"status","type":"update","data":[{"system":"maintenance"}],"x":1}"#,
                ),
                _ => {}
            }
        }
    }

    fn frame_faults(&mut self) {
        for conn in self.world.wires.keys().copied().collect::<Vec<_>>() {
            while let Some(frame) = self.world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
                match self.rng.below(60) {
                    0 => {}
                    1 => (0..2).for_each(|_| self.world.frame(conn, &frame)),
                    2 => {
                        let next = self.world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front());
                        next.iter().for_each(|next| self.world.frame(conn, next));
                        self.world.frame(conn, &frame);
                    }
                    3 => {
                        let spoiled = self.spoiled(&frame);
                        self.world.frame(conn, &spoiled);
                    }
                    4 => self.world.frame(conn, &frame.replace("\"checksum\":", "\"checksum\":7,\"was\":")),
                    5 => self.world.frame(conn, r#"{"type":"something_new","channel":"novelty","op":"new"}"#),
                    _ => self.world.frame(conn, &frame),
                }
                self.assert_no_invention();
            }
        }
    }

    fn rest_faults(&mut self) {
        for (conn, sub, path) in std::mem::take(&mut self.world.asked) {
            let body = self.world.exchange.rest(&path);
            self.old_answers.push((path.clone(), body.clone()));
            let fail = |world: &mut World, why: &str, wait| {
                world.with(|link, now, mirror| {
                    link.on_fetch_failed(now, (conn, sub), why, false, wait, mirror)
                });
            };
            let take = |world: &mut World, body: &str| {
                world.with(|link, now, mirror| link.on_fetched(now, conn, sub, body, mirror));
            };
            match self.rng.below(8) {
                0 => fail(&mut self.world, "500", None),
                1 => fail(&mut self.world, "429", Some(3 * SECOND)),
                2 => take(&mut self.world, "<html>maintenance</html>"),
                3 => {
                    let old = self.old_answers.iter().find(|(of, _)| *of == path).unwrap().1.clone();
                    take(&mut self.world, &old);
                }
                4 => self.world.asked.push((conn, sub, path)),
                _ => take(&mut self.world, &body),
            }
            self.assert_no_invention();
        }
    }

    fn run(mut self) -> World {
        for _ in 0..400 {
            self.connection_faults();
            if self.world.now_ns >= self.silent_until {
                for _ in 0..self.rng.below(4) {
                    self.world.change();
                    self.remember_truth();
                }
            }
            if self.rng.once_in(200) {
                self.silent_until = self.world.now_ns + 45 * SECOND;
            }
            self.frame_faults();
            self.rest_faults();
            let step = if self.rng.once_in(50) { 5 * SECOND } else { 1 + self.rng.below(200) as i64 * MS };
            self.world.pass(step);
            self.assert_no_invention();
        }
        // The faults end; lines that died in silence are noticed and replaced.
        self.world.live(150 * SECOND);
        self.world
    }
}

fn assert_recovered(world: &World, seed: u64) {
    let machines = world.link.machines();
    let why: Vec<_> = machines.iter().map(|machine| (machine.state(), machine.reason())).collect();
    assert_eq!(world.states(), [State::Live; 2], "seed {seed}, {}: {why:?}", world.link.venue.name);
    world.assert_true();
    let messages = world.link.messages;
    assert!(messages.add_up() && messages.buffered == 0, "seed {seed}: {messages:?}");
    // Sixty at once, sixty a minute.
    let most = world.connected_at.iter().map(|&at| {
        world.connected_at.iter().filter(|&&other| (at..at + 60 * SECOND).contains(&other)).count()
    });
    assert!(most.max().unwrap_or(0) <= 120, "seed {seed}");
    assert!(world.wires.len() <= 2 && world.dialled.is_empty(), "seed {seed}: connections are left over");
    for (sub, machine) in machines.iter().enumerate() {
        assert_eq!(machine.counts.gaps, world.mirror.gaps[sub].len() as u64, "seed {seed}");
        assert_eq!(machine.counts.trades, world.mirror.trades[sub].len() as u64, "seed {seed}");
        let mut ids: Vec<String> =
            world.mirror.trades[sub].iter().map(|trade| trade.id.to_string()).collect();
        let told = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), told, "seed {seed}: a trade is told twice");
    }
}

#[test]
fn two_hundred_seeds_of_faults_end_in_the_truth() {
    soak(200);
}

#[test]
#[ignore = "a thousand seeds"]
fn a_thousand_seeds_of_faults_end_in_the_truth() {
    soak(std::env::var("SOAK_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000));
}

fn soak(seeds: u64) {
    let (mut gaps, mut resyncs, mut planned) = ([0; 5], [0; 5], [0; 5]);
    for seed in 0..seeds {
        let world = Soak::new(seed).run();
        assert_recovered(&world, seed);
        let of = (seed % 5) as usize;
        gaps[of] += world.link.machines().iter().map(|machine| machine.counts.gaps).sum::<u64>();
        resyncs[of] += world.link.machines().iter().map(|machine| machine.counts.resyncs).sum::<u64>();
        planned[of] += world.link.connections.reconnects_planned;
    }
    // A soak in which nothing happens proves nothing.
    for counts in [gaps, resyncs, planned] {
        assert!(counts.iter().all(|&count| count >= seeds / 10), "{gaps:?} {resyncs:?} {planned:?}");
    }
}

#[test]
fn the_same_seed_tells_the_same() {
    for seed in 0..20 {
        assert_eq!(Soak::new(seed).run().mirror.log, Soak::new(seed).run().mirror.log, "seed {seed}");
    }
}
