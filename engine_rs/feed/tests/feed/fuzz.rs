//! Mutated messages for minutes, protocol by protocol:
//! `cargo test --release --manifest-path engine_rs/feed/Cargo.toml fuzz::kraken -- --ignored --nocapture`.
//!
//! FEED_FUZZ_SECONDS: how long, in processor time (600). FEED_FUZZ_CORPUS: a file of recorded messages, one a line, behind a stamp or
//! bare; without it the messages are those of the exchange made up for the tests. Messages are changed as JSON
//! (values, keys, lengths, depth) and as bytes. They meet the parser alone, and a link that is live and has to
//! keep its promises to a consumer. Half of those links live on until a subscription is given up. Peak memory is held
//! below a bound, and what is resident must not grow from the second third of the run to the last; so each protocol
//! wants a process of its own.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it runs for a stated time and says what it did"
)]

use market_feed::event::State;
use market_feed::grid::Grid;
use market_feed::protocol::{self, Protocol, Symbols, Venue};
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use crate::parsers;
use crate::world::{MS, Rng, World, settings};

const NAMES: [&str; 2] = ["AAA", "BBB"];
/// What a run may take beside its corpus: a frame of some megabytes, its levels, and what the allocator keeps.
const MOST_MORE_BYTES: u64 = 192 << 20;
/// From the second third of a run to the last. Ten minutes are tens of millions of messages: less than a byte each.
const MOST_GROWTH_BYTES: u64 = 8 << 20;
const MOST_COPIED_BYTES: usize = 2 << 20;
const FRAMES_A_WORLD: usize = 2_000;

const TOKENS: [&str; 24] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1e400",
    "1e-400",
    "4.8E-7",
    "NaN",
    "1e7",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "0.1.2",
    "\"1e400\"",
    "\"-1\"",
    "\"\\u0031\"",
    "\"\u{e4}\u{1f4a9}\"",
    "[[[[]]]]",
    "00",
];

/// A size in bytes out of what the kernel says of this process: VmHWM (peak), VmRSS (resident now).
fn bytes_of(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process of itself");
    let line = status.lines().find(|line| line.starts_with(field));
    let text = line.and_then(|line| line.split_whitespace().nth(1));
    text.and_then(|text| text.parse::<u64>().ok()).expect("a size in kB") << 10
}

/// What is resident when nothing of a message is held, by the third of the run.
#[derive(Default)]
struct Resident([Vec<u64>; 3]);

impl Resident {
    fn note(&mut self, third: i64) {
        self.0[third.clamp(0, 2) as usize].push(bytes_of("VmRSS"));
    }

    /// The median: what a rare message of megabytes makes the allocator keep for a while is not growth.
    fn typical(&mut self, third: usize) -> u64 {
        let seen = &mut self.0[third];
        assert!(!seen.is_empty(), "a run too short to have thirds");
        seen.sort_unstable();
        seen[seen.len() / 2]
    }
}

/// Processor time of this thread: a busy machine is no reason to try less.
fn processor_seconds() -> i64 {
    clock_gettime(ClockId::ThreadCPUTime).tv_sec
}

/// Frames of the file in FEED_FUZZ_CORPUS, behind whatever stands in front of them.
fn recorded() -> Vec<String> {
    let Ok(path) = std::env::var("FEED_FUZZ_CORPUS") else { return Vec::new() };
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("FEED_FUZZ_CORPUS {path}: {error}"));
    let frame = |line: &str| line.find('{').map(|at| line[at..].to_owned());
    // Enough of them; long ones would take the time of many.
    text.lines().filter_map(frame).filter(|frame| frame.len() < 100_000).take(5_000).collect()
}

/// The symbols that the frames speak of, so that they are read to the end.
fn symbols_in(frames: &[String]) -> Symbols {
    let mut names: Vec<String> = NAMES.map(str::to_owned).into();
    for frame in frames {
        for key in ["\"s\":\"", "\"symbol\":\"", "\"product_id\":\"", "\"instId\":\""] {
            let name = frame.split(key).nth(1).and_then(|rest| rest.split('"').next());
            names.extend(name.map(str::to_owned));
        }
        names.sort();
        names.dedup();
    }
    let grid = || Grid::new("0.0000000001", "0.00000001").unwrap();
    Symbols::new(names.into_iter().map(|name| (name, grid())).collect())
}

/// One of the values inside, drawn evenly enough.
fn inside<'v>(value: &'v mut Value, rng: &mut Rng) -> &'v mut Value {
    let has_more = match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    };
    if !has_more || rng.once_in(5) {
        return value;
    }
    match value {
        Value::Array(items) => {
            let at = rng.below(items.len() as u64) as usize;
            inside(&mut items[at], rng)
        }
        Value::Object(fields) => {
            let at = rng.below(fields.len() as u64) as usize;
            inside(fields.values_mut().nth(at).expect("there are so many"), rng)
        }
        _ => value,
    }
}

fn drawn(rng: &mut Rng) -> Value {
    let token = TOKENS[rng.below(TOKENS.len() as u64) as usize];
    serde_json::from_str(token).unwrap_or_else(|_| Value::String(token.to_owned()))
}

fn change_value(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Array(items) => match rng.below(5) {
            0 if !items.is_empty() => drop(items.remove(rng.below(items.len() as u64) as usize)),
            1 if !items.is_empty() => {
                let copy = items[rng.below(items.len() as u64) as usize].clone();
                // Now and then as many as make a message of some megabytes.
                let fit = MOST_COPIED_BYTES / (copy.to_string().len() + 1);
                let times = if rng.once_in(200) { fit } else { fit.min(rng.below(40) as usize) };
                items.extend(std::iter::repeat_n(copy, times));
            }
            2 => items.reverse(),
            3 => items.push(drawn(rng)),
            _ => *value = drawn(rng),
        },
        Value::Object(fields) => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = names.get(rng.below(names.len().max(1) as u64) as usize).cloned().unwrap_or_default();
            match rng.below(4) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert(format!("{name}x"), drawn(rng))),
                2 => {
                    let moved = fields.remove(&name).unwrap_or(Value::Null);
                    fields.insert("data".to_owned(), moved);
                }
                _ => drop(fields.insert(name, drawn(rng))),
            }
        }
        Value::String(text) => match rng.below(4) {
            0 => text.push('0'),
            1 => drop(text.pop()),
            2 if text.len() < 10_000 => *text = text.repeat(1 + rng.below(30) as usize),
            _ => *value = drawn(rng),
        },
        _ => *value = drawn(rng),
    }
}

/// Puts a token where a number, a text or a word stands: also what no JSON writer would write.
fn change_token(text: &mut String, rng: &mut Rng) {
    let ends = |c: char| ",:[]{}\"".contains(c);
    let starts: Vec<usize> =
        text.match_indices(|c: char| ":[,".contains(c)).map(|(at, _)| at + 1).take(4_000).collect();
    let Some(&start) = starts.get(rng.below(starts.len().max(1) as u64) as usize) else { return };
    let length = text[start..].find(ends).unwrap_or(text.len() - start);
    text.replace_range(start..start + length, TOKENS[rng.below(TOKENS.len() as u64) as usize]);
}

fn change_bytes(text: &str, other: &str, rng: &mut Rng) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..1 + rng.below(4) {
        let at = rng.below(bytes.len().max(1) as u64) as usize;
        match rng.below(7) {
            _ if bytes.is_empty() => bytes.push(rng.below(256) as u8),
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.below(256) as u8,
            2 => bytes.insert(at, b"\"{}[],:0123456789eE.-\\ "[rng.below(23) as usize]),
            3 => drop(bytes.remove(at)),
            4 => bytes.truncate(at),
            5 => {
                let end = (at + rng.below(60) as usize).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => {
                let from = rng.below(other.len().max(1) as u64) as usize;
                bytes.truncate(at);
                bytes.extend(&other.as_bytes()[from..]);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn mutated(text: &str, other: &str, rng: &mut Rng) -> String {
    let mut changed = text.to_owned();
    if !rng.once_in(3) {
        if let Ok(mut value) = serde_json::from_str::<Value>(text) {
            (0..1 + rng.below(3)).for_each(|_| change_value(inside(&mut value, rng), rng));
            changed = value.to_string();
        }
    }
    if rng.once_in(3) {
        change_token(&mut changed, rng);
    }
    if rng.once_in(3) { change_bytes(&changed, other, rng) } else { changed }
}

#[derive(Default)]
struct Tally {
    frames: u64,
    refused: u64,
    met: u64,
    live: u64,
    given_up: u64,
}

/// The parser alone, in a conversation that goes on.
fn read_many(
    venue: &Venue,
    protocol: &mut dyn Protocol,
    corpus: &[String],
    rng: &mut Rng,
    tally: &mut Tally,
    symbols: &Symbols,
) {
    for _ in 0..64 {
        let pick = |rng: &mut Rng| &corpus[rng.below(corpus.len() as u64) as usize];
        let frame = mutated(pick(rng), pick(rng), rng);
        let mut said = Vec::new();
        tally.frames += 1;
        if protocol.read(&frame, symbols, &mut said).is_err() {
            tally.refused += 1;
            assert!(said.is_empty(), "an unusable message is refused whole: {frame}");
        }
        assert!(said.len() <= frame.len(), "a message cannot say more than its own length holds: {frame}");
        if venue.snapshot_by_rest {
            let _ = protocol.read_snapshot(&frame, symbols, 0);
        }
        let _ = (venue.read_instrument)(&frame);
    }
}

/// A live link among mutated messages: the world's own checks hold after each.
fn meet(world: &mut World, rng: &mut Rng, tally: &mut Tally) {
    world.accept();
    world.change();
    for conn in world.wires.keys().copied().collect::<Vec<_>>() {
        while let Some(frame) = world.wires.get_mut(&conn).and_then(|wire| wire.frames.pop_front()) {
            tally.met += 1;
            if rng.once_in(12) {
                let frame = mutated(&frame, &frame, rng);
                world.frame(conn, &frame);
            }
            world.frame(conn, &frame);
        }
    }
    for (conn, sub, path) in std::mem::take(&mut world.asked) {
        let body = world.exchange.rest(&path);
        let body = if rng.once_in(4) { mutated(&body, &body, rng) } else { body };
        world.with(|link, now, mirror| link.on_fetched(now, conn, sub, &body, mirror));
    }
    world.pass(50 * MS);
    tally.live += u64::from(world.states().contains(&State::Live));
}

fn world(name: &str, seed: u64) -> World {
    let depth = (name == "kraken").then_some(10).or((name == "bybit").then_some(50));
    let patient = [
        ("attempts", 1_000_000),
        ("checksum_failures", 1_000_000),
        ("connects_per_minute", 100_000),
        ("snapshots_per_minute", 100_000),
        ("snapshot_weight_per_minute", 100_000_000),
        ("backoff_cap_ms", 250),
    ];
    World::new(name, depth, &NAMES, settings(&patient), seed)
}

/// A link that lives on, with what the test itself keeps of it thrown away; another where one is given up.
fn lives_on(lasting: &mut World, name: &str, rng: &mut Rng, tally: &mut Tally) {
    if lasting.states().contains(&State::Failed) {
        *lasting = world(name, rng.below(u64::MAX));
        tally.given_up += 1;
    }
    meet(lasting, rng, tally);
    lasting.forget_past();
}

fn fuzz(name: &str) {
    let seconds = std::env::var("FEED_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600);
    let venue = protocol::venue(name).unwrap();
    let mut corpus = recorded();
    let recorded = corpus.len();
    (0..20).for_each(|seed| corpus.extend(parsers::messages(name, seed)));
    let symbols = symbols_in(&corpus);
    let mut rng = Rng(0xf022);
    let (start, before) = (processor_seconds(), bytes_of("VmHWM"));
    let (mut tally, mut worlds, mut resident) = (Tally::default(), 0, Resident::default());
    let mut lasting = world(name, 0);
    while processor_seconds() - start < seconds {
        worlds += 1;
        let mut world = world(name, worlds);
        let mut protocol = (venue.open)(None);
        for round in 0..FRAMES_A_WORLD / 64 {
            read_many(venue, &mut *protocol, &corpus, &mut rng, &mut tally, &symbols);
            match round % 2 {
                0 => meet(&mut world, &mut rng, &mut tally),
                _ => lives_on(&mut lasting, name, &mut rng, &mut tally),
            }
        }
        drop(world);
        resident.note(3 * (processor_seconds() - start) / seconds);
        let more = bytes_of("VmHWM").saturating_sub(before);
        assert!(more < MOST_MORE_BYTES, "{} MiB more than at the beginning", more >> 20);
    }
    let Tally { frames, refused, met, live, given_up } = tally;
    let [first, second, last] = [0, 1, 2].map(|third| resident.typical(third));
    println!(
        "{name}: {} s, {recorded} recorded and {} other messages; parser: {frames} mutated, {refused} refused; \
         links: {worlds} short, {} long, {met} messages among mutated ones, live after {live} steps; \
         {} MiB more memory at most; resident in the thirds of the run {} {} {} KiB",
        processor_seconds() - start,
        corpus.len() - recorded,
        given_up + 1,
        bytes_of("VmHWM").saturating_sub(before) >> 20,
        first >> 10,
        second >> 10,
        last >> 10
    );
    let growth = last.saturating_sub(second);
    assert!(growth < MOST_GROWTH_BYTES, "memory grows: {} KiB more in the last third", growth >> 10);
    // A run in which everything is refused, or nothing, or no book is ever live, has tried nothing.
    assert!(refused > frames / 10 && refused < frames && live > worlds);
}

#[test]
#[ignore = "ten minutes"]
fn binance() {
    fuzz("binance");
}

#[test]
#[ignore = "ten minutes"]
fn kraken() {
    fuzz("kraken");
}

#[test]
#[ignore = "ten minutes"]
fn coinbase() {
    fuzz("coinbase");
}

#[test]
#[ignore = "ten minutes"]
fn okx() {
    fuzz("okx");
}

#[test]
#[ignore = "ten minutes"]
fn bybit() {
    fuzz("bybit");
}
