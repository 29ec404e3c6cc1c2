//! A small Kraken on a loopback socket, and what a test wants to see of a feed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "real sockets take real time")]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use market_feed::event::{Body, Event, State};
use market_feed::feed::{Config, Feed, Subscription};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Listens on a port of its own; every connection is handled by what the test gave, by its number from 0.
pub struct Server {
    pub port: u16,
    pub connects: Arc<Mutex<Vec<Instant>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub fn serve<F, Fut>(behave: F) -> Server
where
    F: Fn(usize, TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connects: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = Arc::clone(&connects);
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let accepting = async {
                for number in 0.. {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    seen.lock().unwrap().push(Instant::now());
                    tokio::task::spawn_local(behave(number, stream));
                }
            };
            tokio::select! {
                () = accepting => {}
                _ = stopped => {}
            }
        });
    });
    Server { port, connects, stop: Some(stop), thread: Some(thread) }
}

impl Server {
    pub fn connects(&self) -> usize {
        self.connects.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

pub const ACKS: [&str; 2] = [
    r#"{"method":"subscribe","result":{"channel":"book","symbol":"BTC/USD"},"success":true}"#,
    r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}"#,
];

/// A message about a book of one bid at 100.0, with `lots` there, and one ask at 101.0.
pub fn book(kind: &str, lots: u64, more: &str) -> String {
    let quantity = format!("0.{lots:08}");
    let digits = format!("1010500000001000{lots}");
    let sum = crc32fast::hash(digits.as_bytes());
    let asks = if kind == "snapshot" { r#"{"price":101.0,"qty":0.50000000}"# } else { "" };
    format!(
        r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{{"price":100.0,"qty":{quantity}}}],"asks":[{asks}],"checksum":{sum}{more}}}]}}"#
    )
}

/// Answers the subscription; the socket is live then.
pub async fn subscribe<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>) -> Option<()> {
    socket.next().await?.ok()?;
    for text in ACKS {
        socket.send(Message::text(text)).await.ok()?;
    }
    socket.send(Message::text(book("snapshot", 10_000_000, ""))).await.ok()
}

/// An ordinary life: a change every few milliseconds until the peer goes.
pub async fn behave_well<S: AsyncRead + AsyncWrite + Unpin>(stream: S) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    if subscribe(&mut socket).await.is_none() {
        return;
    }
    for lots in 0u64.. {
        tokio::select! {
            frame = socket.next() => if !matches!(frame, Some(Ok(_))) { return },
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                let text = book("update", 10_000_001 + lots % 1000, "");
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}

pub fn config(url: String, set: &[(&str, u64)]) -> Config {
    let text = |text: &str| text.to_owned();
    let mut config = Config {
        subscriptions: vec![Subscription {
            venue: text("kraken"),
            symbol: text("BTC/USD"),
            tick: text("0.1"),
            lot: text("0.00000001"),
        }],
        ws_urls: [(text("kraken"), url)].into(),
        queue: 65_536,
        ..Config::default()
    };
    for (name, value) in [("connects_per_minute", 600), ("backoff_base_ms", 20)].iter().chain(set) {
        config.settings.set(name, *value).unwrap();
    }
    config
}

/// A feed and everything that it has told.
pub struct Watched {
    pub feed: Feed,
    pub events: Vec<Event>,
}

/// How long a test waits before it says that something does not happen: nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn watch(port: u16, set: &[(&str, u64)]) -> Watched {
    watch_url(format!("ws://127.0.0.1:{port}/v2"), set)
}

pub fn watch_url(url: String, set: &[(&str, u64)]) -> Watched {
    Watched { feed: Feed::start(config(url, set)).unwrap(), events: Vec::new() }
}

impl Watched {
    /// Polls until `done`, for as long as a busy machine may need.
    pub fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}; {:?}", self.state(), self.stats());
            let events = self.feed.poll(10_000, Duration::from_millis(10));
            self.events.extend(events);
        }
    }

    pub fn until_live(&mut self, times: usize) {
        self.until("live", |watched| watched.lives() >= times);
    }

    pub fn state(&self) -> (State, String) {
        self.feed.state(0).unwrap()
    }

    pub fn stats(&self) -> market_feed::feed::VenueStats {
        self.feed.venue_stats().remove(0)
    }

    /// How often the book has become live.
    pub fn lives(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.body, Body::State(State::Live, _))).count()
    }

    pub fn gaps(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.body, Body::Gap(_))).count()
    }

    pub fn told(&self, state: State, part: &str) -> bool {
        self.events
            .iter()
            .any(|event| matches!(&event.body, Body::State(of, why) if *of == state && why.contains(part)))
    }

    /// Ends the feed: within a second, with every message accounted for and stamps that rise.
    pub fn end(mut self) {
        let start = Instant::now();
        self.feed.stop();
        assert!(start.elapsed() < Duration::from_secs(1), "the end took {:?}", start.elapsed());
        loop {
            let events = self.feed.poll(10_000, Duration::ZERO);
            if events.is_empty() {
                break;
            }
            self.events.extend(events);
        }
        assert!(matches!(self.events.last().map(|event| &event.body), Some(Body::State(State::Stopped, _))));
        assert!(self.events.windows(2).all(|pair| pair[0].recv_ns < pair[1].recv_ns));
        let messages = self.stats().messages;
        assert!(messages.add_up() && messages.buffered == 0, "{messages:?}");
    }
}

/// A counter that handlers share.
pub fn counter() -> (Arc<AtomicUsize>, impl Fn() -> usize + Clone) {
    let count: Arc<AtomicUsize> = Arc::default();
    let read = Arc::clone(&count);
    (count, move || read.load(Ordering::SeqCst))
}
