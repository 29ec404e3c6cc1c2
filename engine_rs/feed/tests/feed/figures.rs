//! Figures, measured on request: `cargo test --release -p market_feed figures -- --ignored --nocapture`.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it measures"
)]

use std::time::{Duration, Instant};

use futures_util::SinkExt;
use market_feed::event::{Body, Nanos, Now, State};
use market_feed::feed::Feed;
use market_feed::link::Sink;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::venue::{Watched, behave_well, book, config, serve, subscribe, watch};
use crate::world::{SECOND, World, settings};

/// A consumer that costs nothing.
struct Anybody;

impl Sink for Anybody {
    fn push(&mut self, _sub: usize, _now: Now, _venue_ns: Option<Nanos>, _body: Body) -> bool {
        true
    }
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Peak resident memory of this process, in bytes.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) << 10
}

#[test]
#[ignore = "a figure; wants a quiet machine"]
fn parse_and_book_of_a_binance_diff() {
    let mut world = World::new("binance", None, &["BTCUSDT"], settings(&[]), 1);
    world.live(5 * SECOND);
    let conn = world.conn();
    // As many levels as the median diff of the recording (667 bytes) has, and as one in a hundred (12.5 kB).
    for levels in [14, 324] {
        let mut times = Vec::new();
        for round in 0..20_000u64 {
            let id = world.link.machines()[0].last_id() + 1;
            let side = |base: u64| {
                let one = |n: u64| {
                    format!(r#"["{}.{:02}000000","0.{:03}00000"]"#, base, n % 100, (round + n) % 1000)
                };
                (0..levels / 2).map(one).collect::<Vec<_>>().join(",")
            };
            let frame = format!(
                r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1723161255208,"s":"BTCUSDT","U":{id},"u":{id},"b":[{}],"a":[{}]}}}}"#,
                side(50),
                side(150)
            );
            let now = world.now();
            let start = Instant::now();
            world.link.on_frame(now, conn, &frame, &mut Anybody);
            times.push(start.elapsed());
            assert_eq!(world.state(0), State::Live);
        }
        times.sort();
        println!("{levels} levels: p50 {:?} p99 {:?}", percentile(&times, 0.5), percentile(&times, 0.99));
    }
}

#[test]
#[ignore = "a minute of load; wants a quiet machine"]
fn messages_over_loopback() {
    let seconds = std::env::var("LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let total = 50_000 * seconds;
    let server = serve(move |_, stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        subscribe(&mut socket).await.unwrap();
        let texts: Vec<String> = (0..1000).map(|lots| book("update", 10_000_001 + lots, "")).collect();
        for number in 0..total {
            let text = Message::text(texts[number as usize % 1000].clone());
            let sent = if number % 100 == 99 { socket.send(text).await } else { socket.feed(text).await };
            sent.unwrap();
        }
        socket.flush().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let mut watched = watch(server.port, &[]);
    watched.until_live(1);
    let start = Instant::now();
    while watched.stats().messages.received < total + 3 && start.elapsed() < Duration::from_secs(2 * seconds)
    {
        drop(watched.feed.poll(100_000, Duration::from_millis(10)));
    }
    let messages = watched.stats().messages;
    println!("{:.0} messages/s, {messages:?}", messages.received as f64 / start.elapsed().as_secs_f64());
    assert_eq!((messages.received, messages.dropped), (total + 3, 0));
}

#[test]
#[ignore = "a minute of load; wants a quiet machine"]
fn memory_of_a_consumer_that_stops_for_a_minute() {
    let server = serve(move |_, stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        subscribe(&mut socket).await.unwrap();
        for lots in 0..600_000u64 {
            socket.send(Message::text(book("update", 10_000_001 + lots, ""))).await.unwrap();
            if lots % 100 == 99 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let watched = Watched {
        feed: Feed::start(config(format!("ws://127.0.0.1:{}", server.port), &[])).unwrap(),
        events: Vec::new(),
    };
    let before = peak_bytes();
    std::thread::sleep(Duration::from_secs(65));
    let (growth, messages) = (peak_bytes() - before, watched.stats().messages);
    println!("{} MiB more, {messages:?}", growth >> 20);
    assert!(growth < 64 << 20 && messages.dropped > 0 && messages.add_up());
}

#[test]
#[ignore = "a figure; wants a quiet machine"]
fn from_disconnected_to_live() {
    let server = serve(|number, stream| async move {
        if number % 2 == 0 {
            let Ok(mut socket) = accept_async(stream).await else { return };
            let _ = subscribe(&mut socket).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        } else {
            let _ = tokio::time::timeout(Duration::from_millis(20), behave_well(stream)).await;
        }
    });
    // The usual waits; only the budget is lifted.
    let mut watched = watch(server.port, &[("backoff_base_ms", 250), ("backoff_reset_ms", 1)]);
    watched.until_live(60);
    let mut lost = None;
    let mut waits = Vec::new();
    for event in &watched.events {
        match &event.body {
            Body::State(State::Live, _) => waits.extend(lost.take().map(|at| event.recv_ns - at)),
            Body::Gap(_) => lost = Some(event.recv_ns),
            _ => {}
        }
    }
    waits.sort_unstable();
    let p99 = waits[(waits.len() - 1) * 99 / 100];
    println!(
        "{} times: p50 {} ms, p99 {} ms",
        waits.len(),
        waits[waits.len() / 2] / 1_000_000,
        p99 / 1_000_000
    );
    assert!(p99 <= 1_500_000_000);
}
