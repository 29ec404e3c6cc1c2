//! Figures, measured on request and each by itself:
//! `cargo test --release --manifest-path engine_rs/feed/Cargo.toml figures -- --ignored --nocapture --test-threads 1`.
//! What parsing and a book's change cost is in `benches/diffs.rs`.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "it measures"
)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::SinkExt;
use market_feed::event::{Body, Event, State};
use market_feed::feed::Feed;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::venue::{Watched, book, config, counter, serve, subscribe, watch};

/// Resident memory of this process, in bytes.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: 0 kB");
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// FEED_FIGURE_SECONDS shortens the minutes, to try a change.
fn seconds() -> u64 {
    std::env::var("FEED_FIGURE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[test]
#[ignore = "a minute of load; wants a quiet machine"]
fn messages_over_loopback() {
    let (sent, total) = counter();
    let length = Duration::from_secs(seconds());
    let server = serve(move |_, stream| {
        let sent = Arc::clone(&sent);
        async move {
            let mut socket = accept_async(stream).await.unwrap();
            subscribe(&mut socket).await.unwrap();
            let texts: Vec<String> = (0..1000).map(|lots| book("update", 10_000_001 + lots, "")).collect();
            let start = Instant::now();
            let mut number = 0;
            while start.elapsed() < length {
                for text in &texts[number % 1000..][..100] {
                    socket.feed(Message::text(text.clone())).await.unwrap();
                }
                socket.flush().await.unwrap();
                number += 100;
            }
            // Written once, when no more will come: whoever reads it may compare.
            sent.store(number, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    });
    let mut watched = watch(server.port, &[]);
    watched.until_live(1);
    // Two acknowledgements and the snapshot come before.
    let all = || total() as u64 + 3;
    let (start, mut events) = (Instant::now(), 0u64);
    while (total() == 0 || watched.stats().messages.received < all()) && start.elapsed() < 3 * length {
        events += watched.feed.poll(100_000, Duration::from_millis(10)).len() as u64;
    }
    let taken = start.elapsed().as_secs_f64();
    let messages = watched.stats().messages;
    println!("{:.0} messages/s over {taken:.1} s, {events} events, {messages:?}", total() as f64 / taken);
    assert_eq!((messages.received, messages.dropped, messages.rejected), (all(), 0, 0));
    assert_eq!(messages.applied, all() - 2, "every update changed the book, in order and by its checksum");
    assert!(messages.received as f64 >= 50_000.0 * taken, "fewer than 50,000 a second");
}

#[test]
#[ignore = "a minute of load; wants a quiet machine"]
fn memory_of_a_consumer_that_stops_for_a_minute() {
    let total = 10_000 * seconds();
    let server = serve(move |_, stream| async move {
        let mut socket = accept_async(stream).await.unwrap();
        subscribe(&mut socket).await.unwrap();
        let start = Instant::now();
        for number in 0..total {
            let text = book("update", 10_000_001 + number, "");
            if number % 100 < 99 {
                socket.feed(Message::text(text)).await.unwrap();
                continue;
            }
            socket.send(Message::text(text)).await.unwrap();
            // A hundred every ten milliseconds, whatever the sending took.
            tokio::time::sleep_until((start + Duration::from_millis(number / 10)).into()).await;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    let mut watched = Watched {
        feed: Feed::start(config(format!("ws://127.0.0.1:{}", server.port), &[])).unwrap(),
        events: Vec::new(),
    };
    let before = resident_bytes();
    let start = Instant::now();
    let mut most = before;
    while watched.stats().messages.received < total + 3 && start.elapsed().as_secs() < 2 * seconds() {
        std::thread::sleep(Duration::from_millis(50));
        most = most.max(resident_bytes());
    }
    let (growth, messages) = (most.saturating_sub(before), watched.stats().messages);
    println!(
        "{:.1} MiB more after {:.1} s, {messages:?}",
        growth as f64 / 1_048_576.0,
        start.elapsed().as_secs_f64()
    );
    assert_eq!(messages.received, total + 3, "the socket was read all the while");
    assert!(growth < 64 << 20 && messages.dropped > 0 && messages.add_up());
    // It begins to read again: one gap tells of everything that was dropped, and the book is the last one.
    watched.until("the gap", |watched| watched.gaps() == 1);
    let dropped: Vec<u64> = watched.events.iter().filter_map(dropped_by).collect();
    assert_eq!(dropped, [messages.dropped]);
    let book = watched.feed.book(0, 1).unwrap();
    assert_eq!(book.bids, [(1000, 10_000_000 + total as i64)]);
    watched.end();
}

fn dropped_by(event: &Event) -> Option<u64> {
    match event.body {
        Body::Gap(gap) => Some(gap.dropped),
        _ => None,
    }
}

#[test]
#[ignore = "a figure; wants a quiet machine"]
fn from_disconnected_to_live() {
    // Every other connection breaks without a word, the others end with a farewell.
    let server = serve(|number, stream| async move {
        let Ok(mut socket) = accept_async(stream).await else { return };
        let _ = subscribe(&mut socket).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        if number % 2 == 0 {
            let _ = socket.close(None).await;
        }
    });
    // The usual waits; only the budget is lifted, and a short life counts as a long one.
    let set = [("backoff_base_ms", 250), ("backoff_reset_ms", 1), ("connects_per_minute", 6_000)];
    let mut watched = watch(server.port, &set);
    let start = Instant::now();
    while watched.lives() < 401 && start.elapsed() < Duration::from_secs(180) {
        let events = watched.feed.poll(10_000, Duration::from_millis(100));
        watched.events.extend(events);
    }
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
        "{} times: p50 {} ms, p99 {} ms, most {} ms",
        waits.len(),
        waits[waits.len() / 2] / 1_000_000,
        p99 / 1_000_000,
        waits[waits.len() - 1] / 1_000_000
    );
    assert!(waits.len() >= 400 && p99 <= 1_500_000_000);
}
