//! What a diff of Binance costs from its text to the changed book and the event for the consumer, in processor time.
//!
//! `cargo bench --manifest-path engine_rs/feed/Cargo.toml --bench diffs`. FEED_CAPTURE names an unpacked capture
//! (`<local ns> <raw frame>` a line, with the REST snapshot) whose own diffs are measured as well.
//!
//! Generated diffs meet a book of 5,000 levels a side; 14 levels is the median diff of a recorded BTCUSDT stream,
//! 324 the largest in a hundred. Every diff is timed by itself with the thread's processor clock, whose two
//! readings are part of the figure and are printed beside it.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it measures, and prints what it measured"
)]

use std::collections::BTreeMap;

use market_feed::event::{Body, Nanos, Now, State};
use market_feed::grid::Grid;
use market_feed::link::{Command, Conn, Link, Sink};
use market_feed::protocol::{self, Symbols};
use market_feed::settings::Settings;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 9;
const DIFFS: u64 = 6_000;
const BOOK_LEVELS: u64 = 5_000;
/// In ticks of 0.01.
const MIDDLE: u64 = 6_173_700;

/// A consumer that takes everything and keeps nothing.
struct Nobody;

impl Sink for Nobody {
    fn push(&mut self, _sub: usize, _now: Now, _venue_ns: Option<Nanos>, body: Body) -> bool {
        drop(std::hint::black_box(body));
        true
    }
}

fn processor_ns() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

fn level(ticks: u64, lots: u64) -> String {
    format!(
        r#"["{}.{:02}000000","{}.{:08}"]"#,
        ticks / 100,
        ticks % 100,
        lots / 100_000_000,
        lots % 100_000_000
    )
}

/// A market as the stream shows it: a snapshot, and diffs that continue it.
struct Stream {
    snapshot: String,
    diffs: Vec<String>,
}

fn generated(levels: u64) -> Stream {
    let mut draws = Draws(levels);
    let side = |sign: i64| {
        let ticks = |n: u64| (MIDDLE as i64 + sign * (1 + n as i64)) as u64;
        (0..BOOK_LEVELS).map(|n| level(ticks(n), 1_000_000 + n)).collect::<Vec<_>>().join(",")
    };
    let snapshot = format!(r#"{{"lastUpdateId":100,"bids":[{}],"asks":[{}]}}"#, side(-1), side(1));
    // Most of what changes is near the best price, every second level where it is much; a tenth lies anywhere.
    let near = levels.max(60);
    let mut change = |sign: i64| {
        let mut drawn = BTreeMap::new();
        while drawn.len() < levels as usize / 2 {
            let reach = if draws.below(10) == 0 { BOOK_LEVELS } else { near };
            let lots = if draws.below(3) == 0 { 0 } else { 1 + draws.below(500_000_000) };
            drawn.insert(1 + draws.below(reach) as i64, lots);
        }
        // As Binance writes them: every price once, the best first.
        let texts = drawn.iter().map(|(ticks, &lots)| level((MIDDLE as i64 + sign * ticks) as u64, lots));
        texts.collect::<Vec<_>>().join(",")
    };
    let mut diff = |id: u64| {
        format!(
            r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":{id},"u":{id},"b":[{}],"a":[{}]}}}}"#,
            change(-1),
            change(1)
        )
    };
    Stream { snapshot, diffs: (101..101 + DIFFS).map(&mut diff).collect() }
}

fn captured(path: &str) -> Stream {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("FEED_CAPTURE {path}: {error}"));
    let frames = || text.lines().filter_map(|line| line.split_once(' ').map(|(_, frame)| frame.to_owned()));
    let snapshot = frames().find(|frame| frame.starts_with(r#"{"lastUpdateId""#));
    Stream {
        snapshot: snapshot.expect("a capture holds the REST snapshot that its diffs continue"),
        diffs: frames().filter(|frame| frame.contains(r#""e":"depthUpdate""#)).collect(),
    }
}

struct Measured {
    link: Link,
    conn: Conn,
    now: Now,
}

impl Measured {
    fn connected() -> Self {
        let venue = protocol::venue("binance").expect("binance is a venue");
        let grid = Grid::new("0.01", "0.00000001").expect("a grid");
        let symbols = Symbols::new(vec![("BTCUSDT".to_owned(), grid)]);
        let link = Link::new(venue, symbols, None, Settings::default(), 1);
        let now = Now { even_ns: 1, wall_ns: 1_723_161_255_300_000_000 };
        let mut measured = Self { link, conn: 0, now };
        measured.link.start(now, &mut Nobody);
        measured.link.tick(now, &mut Nobody);
        for command in measured.link.take_commands() {
            if let Command::Connect(conn) = command {
                measured.conn = conn;
            }
        }
        measured.link.on_open(now, measured.conn, &mut Nobody);
        measured
    }

    /// The processor time of one frame. The socket's reader has just looked whether it is UTF-8, so it is in the
    /// cache.
    fn take(&mut self, frame: &str) -> i64 {
        assert!(std::str::from_utf8(std::hint::black_box(frame.as_bytes())).is_ok());
        self.now.even_ns += 100_000;
        self.now.wall_ns += 100_000;
        let start = processor_ns();
        self.link.on_frame(self.now, self.conn, frame, &mut Nobody);
        processor_ns() - start
    }

    /// Live from the first diff and the snapshot; how many diffs that took.
    fn live(&mut self, stream: &Stream) -> usize {
        for (number, diff) in stream.diffs.iter().enumerate() {
            self.take(diff);
            self.link.tick(self.now, &mut Nobody);
            if self.link.take_commands().iter().any(|command| matches!(command, Command::Fetch(..))) {
                self.link.on_fetched(self.now, self.conn, 0, &stream.snapshot, &mut Nobody);
            }
            if self.link.machines()[0].state() == State::Live {
                return number + 1;
            }
        }
        panic!("the diffs do not continue the snapshot: {}", self.link.machines()[0].reason());
    }
}

fn percentile(sorted: &[i64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize] as f64 / 1000.0
}

/// Each diff's least processor time in the parser alone.
fn parsing(stream: &Stream) -> Vec<i64> {
    let venue = protocol::venue("binance").expect("binance is a venue");
    let grid = Grid::new("0.01", "0.00000001").expect("a grid");
    let symbols = Symbols::new(vec![("BTCUSDT".to_owned(), grid)]);
    let mut protocol = (venue.open)(None);
    let mut once = |diff: &String| {
        let mut said = Vec::new();
        assert!(std::str::from_utf8(std::hint::black_box(diff.as_bytes())).is_ok());
        let start = processor_ns();
        protocol.read(diff, &symbols, &mut said).expect("a diff");
        let time = processor_ns() - start;
        drop(std::hint::black_box(said));
        time
    };
    let mut least: Vec<i64> = stream.diffs.iter().map(&mut once).collect();
    for _ in 1..ROUNDS {
        least.iter_mut().zip(&stream.diffs).for_each(|(least, diff)| *least = once(diff).min(*least));
    }
    least.sort_unstable();
    least
}

fn measure(name: &str, stream: &Stream) {
    let mut times = Vec::new();
    let mut least: Vec<i64> = Vec::new();
    for _ in 0..ROUNDS {
        let mut measured = Measured::connected();
        let begun = measured.live(stream);
        let round: Vec<i64> = stream.diffs[begun..].iter().map(|diff| measured.take(diff)).collect();
        let machine = &measured.link.machines()[0];
        assert_eq!((machine.state(), machine.counts.gaps), (State::Live, 0), "{}", machine.reason());
        let messages = measured.link.messages;
        let taken = messages.applied + messages.ignored;
        assert_eq!(taken, stream.diffs.len() as u64, "{messages:?}");
        assert!(messages.ignored < 100, "old diffs stand at the beginning only: {messages:?}");
        match least.is_empty() {
            true => least.clone_from(&round),
            false => least.iter_mut().zip(&round).for_each(|(least, &time)| *least = time.min(*least)),
        }
        times.extend(round);
    }
    times.sort_unstable();
    least.sort_unstable();
    let parser = parsing(stream);
    let bytes = stream.diffs.iter().map(String::len).sum::<usize>() / stream.diffs.len();
    println!(
        "{name}: {} diffs of {bytes} bytes on average, {ROUNDS} rounds: p50 {:.1} us, p99 {:.1} us, most {:.1} us; \
         each diff's least: p50 {:.1} us, p99 {:.1} us, of it the parser {:.1} and {:.1} us",
        stream.diffs.len(),
        percentile(&times, 0.5),
        percentile(&times, 0.99),
        percentile(&times, 1.0),
        percentile(&least, 0.5),
        percentile(&least, 0.99),
        percentile(&parser, 0.5),
        percentile(&parser, 0.99),
    );
}

fn main() {
    // `cargo test --benches` runs this too, and there it has nothing to say.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut clock: Vec<i64> = (0..10_000).map(|_| processor_ns()).collect();
    clock = clock.windows(2).map(|pair| pair[1] - pair[0]).collect();
    clock.sort_unstable();
    println!("reading the clock: p50 {:.2} us", percentile(&clock, 0.5));
    for levels in [14, 324] {
        measure(&format!("generated, {levels} levels"), &generated(levels));
    }
    if let Ok(path) = std::env::var("FEED_CAPTURE") {
        measure("captured", &captured(&path));
    }
}
