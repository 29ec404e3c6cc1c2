//! What networks and servers do to sockets, on loopback.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "real sockets take real time")]

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use market_feed::event::{Body, GapReason, State};
use market_feed::feed::Feed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::venue::{PATIENCE, Watched, behave_well, book, config, counter, serve, subscribe, watch};

/// Bytes of an unmasked frame: `head` is final bit and kind.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![head];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

async fn live(stream: TcpStream) -> WebSocketStream<TcpStream> {
    let mut socket = accept_async(stream).await.unwrap();
    subscribe(&mut socket).await.unwrap();
    socket
}

/// A first connection that goes live and then suffers; every later one lives well.
fn after_first<F>(suffer: fn(WebSocketStream<TcpStream>) -> F) -> crate::venue::Server
where
    F: Future<Output = ()> + 'static,
{
    serve(move |number, stream| async move {
        if number == 0 {
            suffer(live(stream).await).await;
        } else {
            behave_well(stream).await;
        }
    })
}

/// Live, hurt, live again; one gap tells of it.
fn recovers<F>(suffer: fn(WebSocketStream<TcpStream>) -> F, set: &[(&str, u64)]) -> Watched
where
    F: Future<Output = ()> + 'static,
{
    let server = after_first(suffer);
    let mut watched = watch(server.port, set);
    watched.until_live(2);
    assert_eq!(watched.gaps(), 1);
    assert_eq!(server.connects(), 2);
    let book = watched.feed.book(0, 1).unwrap();
    assert_eq!((book.bids[0].0, book.asks[0]), (1000, (1010, 50_000_000)));
    watched
}

#[test]
fn f01_nobody_listens() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut watched = watch(port, &[]);
    watched.until("two attempts", |watched| watched.stats().connections.connects >= 2);
    watched.until("the reason", |watched| watched.told(State::Connecting, "cannot connect"));
    assert_eq!(watched.gaps(), 0);
    watched.end();
}

#[test]
fn f02_nobody_answers_the_handshake() {
    let server = serve(|_, stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    });
    let mut watched = watch(server.port, &[("connect_timeout_ms", 100)]);
    watched.until("two attempts", |watched| watched.stats().connections.connects >= 2);
    watched.until("the reason", |watched| watched.told(State::Connecting, "no handshake"));
    watched.end();
}

#[test]
fn f03_statuses_on_upgrade_and_their_wish_to_be_left_alone() {
    for (status, wish) in
        [(429, "retry-after: 1\r\n"), (418, "retry-after: 1\r\n"), (403, ""), (503, ""), (301, "")]
    {
        let server = serve(move |number, mut stream| async move {
            if number > 0 {
                return behave_well(stream).await;
            }
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let answer = format!("HTTP/1.1 {status} X\r\n{wish}content-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        let mut watched = watch(server.port, &[]);
        watched.until_live(1);
        assert!(watched.told(State::Connecting, &status.to_string()), "{status}");
        let connects = server.connects.lock().unwrap().clone();
        if !wish.is_empty() {
            assert!(connects[1] - connects[0] >= Duration::from_millis(990), "{status}");
        }
        watched.end();
    }
}

#[test]
fn f04_a_handshake_for_somebody_else() {
    let server = serve(|number, mut stream| async move {
        if number > 0 {
            return behave_well(stream).await;
        }
        let mut request = [0; 2048];
        let _ = stream.read(&mut request).await;
        let head = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n";
        let _ = stream.write_all(format!("{head}sec-websocket-accept: AAAA\r\n\r\n").as_bytes()).await;
    });
    let mut watched = watch(server.port, &[]);
    watched.until_live(1);
    assert!(watched.told(State::Connecting, "handshake"));
    watched.end();
}

#[test]
fn f05_f06_an_end_in_the_middle_of_a_frame_or_without_a_farewell() {
    let torn = |mut socket: WebSocketStream<TcpStream>| async move {
        let _ = socket.get_mut().write_all(&[0x81, 126, 16]).await;
    };
    recovers(torn, &[]).end();
    // The same with a reset in place of an end.
    let reset = |mut socket: WebSocketStream<TcpStream>| async move {
        let _ = socket.get_mut().write_all(&[0x81, 126, 16]).await;
        // A reset throws away what has not been read yet.
        sleep(Duration::from_millis(200)).await;
        let _ = socket.get_mut().set_zero_linger();
    };
    recovers(reset, &[]).end();
    let watched = recovers(|socket| async move { drop(socket) }, &[]);
    let gap = watched.events.iter().find_map(|event| match event.body {
        Body::Gap(gap) => Some(gap.reason),
        _ => None,
    });
    assert_eq!(gap, Some(GapReason::Disconnected));
    watched.end();
}

#[test]
fn f07_farewells_of_every_kind() {
    for code in [1000u16, 1001, 1008, 1009, 1011, 1012, 1013] {
        let server = serve(move |number, stream| async move {
            if number > 0 {
                return behave_well(stream).await;
            }
            let mut socket = live(stream).await;
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "farewell".into() })).await;
        });
        let mut watched = watch(server.port, &[]);
        watched.until_live(2);
        assert!(watched.told(State::Connecting, &format!("{code} farewell")), "{code}");
        assert_eq!(watched.gaps(), 1);
        watched.end();
    }
}

#[test]
fn f08_a_peer_that_neither_reads_nor_writes() {
    let silent = |socket: WebSocketStream<TcpStream>| async move {
        sleep(Duration::from_secs(60)).await;
        drop(socket);
    };
    let watched = recovers(silent, &[("frame_timeout_ms", 300)]);
    assert!(watched.told(State::Stale, "no frame"));
    watched.end();
}

#[test]
fn f09_a_door_that_is_slammed_is_not_hammered() {
    let server = serve(|_, stream| async move { drop(accept_async(stream).await) });
    let mut watched =
        watch(server.port, &[("connects_per_minute", 8), ("backoff_base_ms", 1), ("backoff_cap_ms", 2)]);
    let start = Instant::now();
    watched.until("the budget", |watched| watched.stats().connections.connects >= 8);
    sleep_here(800);
    assert!(server.connects() <= 8 + start.elapsed().as_secs() as usize / 7 + 1, "{}", server.connects());
    watched.end();
}

fn sleep_here(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

#[test]
fn f10_f11_dribbles_fragments_and_a_ping_between_them() {
    let server = serve(|_, stream| async move {
        let mut socket = live(stream).await;
        let text = book("update", 10_000_777, "");
        let (first, rest) = text.as_bytes().split_at(40);
        let (second, third) = rest.split_at(40);
        let mut bytes = frame(0x01, first);
        bytes.extend(frame(0x89, b"are you there"));
        bytes.extend(frame(0x00, second));
        bytes.extend(frame(0x80, third));
        for byte in bytes {
            let _ = socket.get_mut().write_all(&[byte]).await;
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_secs(60)).await;
    });
    let mut watched = watch(server.port, &[]);
    watched.until("the change", |watched| {
        watched.feed.book(0, 1).is_some_and(|book| book.bids == [(1000, 10_000_777)])
    });
    assert_eq!((watched.gaps(), server.connects()), (0, 1));
    watched.end();
}

#[test]
fn f12_messages_of_megabytes_and_beyond_the_limit() {
    let large = |mut socket: WebSocketStream<TcpStream>| async move {
        let pad = format!(r#","pad":"{}""#, "x".repeat(12 << 20));
        let _ = socket.send(Message::text(book("update", 10_000_123, &pad))).await;
        // The limit is set to 13 MiB; this is above.
        let pad = format!(r#","pad":"{}""#, "x".repeat(14 << 20));
        let _ = socket.send(Message::text(book("update", 10_000_124, &pad))).await;
        sleep(Duration::from_secs(60)).await;
    };
    let watched = recovers(large, &[("max_message_bytes", 13 << 20)]);
    assert!(watched.told(State::Connecting, "too long"));
    let large = watched.events.iter().any(|event| match &event.body {
        Body::Book(book) => book.bids == [(1000, 10_000_123)],
        _ => false,
    });
    assert!(large, "twelve mebibytes in one frame are an ordinary message");
    watched.end();
}

#[test]
fn f13_text_that_is_none() {
    let broken = |mut socket: WebSocketStream<TcpStream>| async move {
        let _ = socket.get_mut().write_all(&frame(0x81, &[0xff, 0xfe, 0x80])).await;
        sleep(Duration::from_secs(60)).await;
    };
    recovers(broken, &[]).end();
}

#[test]
fn f14_f15_binary_frames_are_passed_over_and_pings_answered_at_once() {
    let (answered, count) = counter();
    let server = serve(move |_, stream| {
        let answered = std::sync::Arc::clone(&answered);
        async move {
            let mut socket = live(stream).await;
            let _ = socket.send(Message::binary(vec![1, 2, 3])).await;
            let payload = vec![b'p'; 125];
            let start = Instant::now();
            let _ = socket.send(Message::Ping(payload.clone().into())).await;
            while let Some(Ok(message)) = socket.next().await {
                if message == Message::Pong(payload.clone().into())
                    && start.elapsed() < Duration::from_secs(1)
                {
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    });
    let mut watched = watch(server.port, &[]);
    watched.until("the pong", |_| count() == 1);
    assert_eq!((watched.gaps(), watched.lives()), (0, 1));
    watched.end();
}

#[test]
fn f41_a_burst_of_two_hundred_thousand_messages() {
    let total = 200_000u64;
    let server = serve(move |_, stream| async move {
        let mut socket = live(stream).await;
        for lots in 0..total {
            let text = Message::text(book("update", 10_000_001 + lots % 1000, ""));
            let sent = if lots % 100 == 99 { socket.send(text).await } else { socket.feed(text).await };
            if sent.is_err() {
                return;
            }
        }
        while socket.next().await.is_some() {}
    });
    let mut config = config(format!("ws://127.0.0.1:{}", server.port), &[]);
    config.queue = 300_000;
    let mut watched = Watched { feed: Feed::start(config).unwrap(), events: Vec::new() };
    let last = 10_000_001 + (total as i64 - 1) % 1000;
    watched.until("all of them", |watched| watched.stats().messages.received >= total + 3);
    let messages = watched.stats().messages;
    assert_eq!((messages.received, messages.dropped, messages.rejected), (total + 3, 0, 0));
    assert_eq!((watched.gaps(), server.connects()), (0, 1));
    assert_eq!(watched.feed.book(0, 1).unwrap().bids, [(1000, last)]);
    watched.end();
}

#[test]
fn f43_a_consumer_that_panics_leaves_the_feed_as_it_is() {
    let server = serve(|_, stream| behave_well(stream));
    let mut watched = watch(server.port, &[]);
    watched.until_live(1);
    let died = std::thread::scope(|scope| {
        let reads = || -> usize {
            let events = watched.feed.poll(10, Duration::from_secs(1));
            panic!("a consumer that cannot go on after {} events", events.len());
        };
        std::thread::Builder::new().name("dies".to_owned()).spawn_scoped(scope, reads).unwrap().join()
    });
    assert!(died.is_err());
    let before = watched.events.len();
    watched.until("what comes afterwards", |watched| watched.events.len() > before + 20);
    assert_eq!((watched.gaps(), server.connects(), watched.state().0), (0, 1, State::Live));
    watched.end();
}

#[test]
fn f18_an_address_of_which_the_first_is_dead() {
    // `localhost` is ::1 and 127.0.0.1 on most machines; the server listens on the second only.
    let server = serve(|_, stream| behave_well(stream));
    let mut watched = crate::venue::watch_url(format!("ws://localhost:{}/v2", server.port), &[]);
    watched.until_live(1);
    watched.end();
}

#[test]
fn f42_a_consumer_that_stops_loses_events_that_are_counted_and_gets_the_book_again() {
    let (pongs, ponged) = counter();
    let server = serve(move |_, stream| {
        let pongs = std::sync::Arc::clone(&pongs);
        async move {
            let mut socket = live(stream).await;
            for lots in 0u64..20_000 {
                if socket.send(Message::text(book("update", 10_000_001 + lots, ""))).await.is_err() {
                    return;
                }
            }
            let _ = socket.send(Message::Ping(b"still there?".to_vec().into())).await;
            while let Some(Ok(message)) = socket.next().await {
                pongs.fetch_add(usize::from(matches!(message, Message::Pong(_))), Ordering::SeqCst);
            }
        }
    });
    let mut config = config(format!("ws://127.0.0.1:{}", server.port), &[]);
    config.queue = 64;
    let mut watched = Watched { feed: Feed::start(config).unwrap(), events: Vec::new() };
    let start = Instant::now();
    while watched.stats().messages.received < 20_003 {
        assert!(start.elapsed() < PATIENCE, "the socket is read whoever polls");
        sleep_here(5);
    }
    let messages = watched.stats().messages;
    assert!(messages.add_up() && messages.dropped > 15_000, "{messages:?}");
    while ponged() == 0 {
        assert!(start.elapsed() < PATIENCE, "pings are answered whoever polls");
        sleep_here(5);
    }
    watched.until("the book", |watched| {
        let last = watched.events.iter().rev().find_map(|event| match &event.body {
            Body::Book(book) => Some(book.bids.clone()),
            _ => None,
        });
        last == Some(vec![(1000, 10_020_000)])
    });
    let lost: Vec<u64> = watched
        .events
        .iter()
        .filter_map(|event| match event.body {
            Body::Gap(gap) if gap.reason == GapReason::Overflow => Some(gap.dropped),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [messages.dropped], "one gap tells of all");
    watched.end();
}

#[test]
fn f48_a_feed_ends_within_a_second_whatever_it_does() {
    // Never answered; and live on a socket that the peer no longer reads.
    for answers in [false, true] {
        let server = serve(move |_, stream| async move {
            let socket = if answers { Ok(live(stream).await) } else { Err(stream) };
            sleep(Duration::from_secs(60)).await;
            drop(socket);
        });
        let mut watched = watch(server.port, &[]);
        if answers {
            watched.until_live(1);
        } else {
            watched.until("a connection", |_| server.connects() > 0);
        }
        watched.end();
    }
}
