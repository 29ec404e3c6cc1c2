//! Drives a venue's link: connects, reads, writes and waits as the link asks. All on one thread.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "this is where real time comes in")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{FutureExt, SinkExt, StreamExt};
use rustls::ClientConfig;
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::event::{Body, Nanos, Now};
use crate::hub::Hub;
use crate::link::{Command, Conn, Link, Sink};
use crate::net::{self, Failure, Socket, Url};

/// Frames read at once before others have their turn.
const FRAMES_A_TURN: usize = 256;
/// What a peer gets to take a message or a farewell.
const FAREWELL: Duration = Duration::from_millis(300);
const WRITE: Duration = Duration::from_secs(5);

/// Reads the machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Now {
        let even_ns = Nanos::try_from(self.0.elapsed().as_nanos()).unwrap_or(Nanos::MAX);
        Now { even_ns, wall_ns: wall_ns() }
    }
}

/// Nanoseconds since 1970, by the machine's clock.
pub fn wall_ns() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX)
}

/// What a driver needs to know besides its link.
#[derive(Clone)]
pub struct Setup {
    pub ws: Url,
    pub rest: Url,
    /// Other roots than the machine's.
    pub tls: Option<Arc<ClientConfig>>,
    pub snapshot_timeout: Duration,
    pub connect_timeout: Duration,
    pub most_bytes: usize,
    pub clock: Clock,
}

/// Turns the link's numbers of subscriptions into the feed's.
pub struct Tap {
    pub hub: Arc<Hub>,
    pub subs: Vec<usize>,
}

impl Sink for Tap {
    fn push(&mut self, sub: usize, now: Now, venue_ns: Option<Nanos>, body: Body) -> bool {
        self.hub.push(self.subs[sub], now, venue_ns, body)
    }
}

enum Out {
    Text(String),
    Ping,
    Close,
}

struct Task {
    outbox: Option<mpsc::UnboundedSender<Out>>,
    abort: AbortHandle,
}

pub struct Driver {
    link: Arc<Mutex<Link>>,
    hub: Arc<Hub>,
    subs: Vec<usize>,
    setup: Setup,
    tasks: RefCell<BTreeMap<Conn, Task>>,
    /// The link wants to be woken earlier than planned.
    changed: Notify,
    planned: Cell<Nanos>,
}

impl Driver {
    pub fn new(link: Arc<Mutex<Link>>, tap: Tap, setup: Setup) -> Rc<Self> {
        let (tasks, changed) = Default::default();
        let planned = Cell::new(Nanos::MIN);
        Rc::new(Self { link, hub: tap.hub, subs: tap.subs, setup, tasks, changed, planned })
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Lets the link do something, then does what it asks for.
    fn with<R>(self: &Rc<Self>, act: impl FnOnce(&mut Link, Now, &mut Tap) -> R) -> R {
        let mut tap = Tap { hub: Arc::clone(&self.hub), subs: self.subs.clone() };
        let (result, commands) = {
            let mut link = self.lock();
            let result = act(&mut link, self.setup.clock.now(), &mut tap);
            (result, link.take_commands())
        };
        for command in commands {
            self.obey(command);
        }
        result
    }

    /// Runs until `stop`, then takes leave.
    pub async fn run(self: Rc<Self>, stop: Rc<Notify>) {
        loop {
            self.with(|link, now, tap| link.tick(now, tap));
            let wakes_at = self.lock().wakes_at();
            self.planned.set(wakes_at);
            let wait = wakes_at.saturating_sub(self.setup.clock.now().even_ns).max(0);
            tokio::select! {
                () = stop.notified() => break,
                () = sleep(Duration::from_nanos(wait as u64)) => {}
                () = self.changed.notified() => {}
            }
        }
        self.with(|link, now, tap| link.stop(now, tap));
        let _ = timeout(FAREWELL, async {
            while self.tasks.borrow().values().any(|task| !task.abort.is_finished()) {
                sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    /// Wakes `run` if the link wants that earlier than it knew.
    fn nudge(&self) {
        if self.lock().wakes_at() < self.planned.get() {
            self.changed.notify_one();
        }
    }

    /// Tells subscriptions that lost something, and have room again, the book as it is.
    pub fn refill(self: &Rc<Self>) {
        for (sub, dropped) in self.hub.take_lagging(&self.subs) {
            let local = self.subs.iter().position(|&other| other == sub);
            if let Some(local) = local {
                self.with(|link, now, tap| link.refill(now, local, dropped, tap));
            }
        }
    }

    fn obey(self: &Rc<Self>, command: Command) {
        match command {
            Command::Connect(conn) => {
                let this = Rc::clone(self);
                let task = spawn_local(async move { this.connect(conn).await });
                self.tasks.borrow_mut().insert(conn, Task { outbox: None, abort: task.abort_handle() });
            }
            Command::Close(conn) => self.close(conn),
            Command::Send(conn, text) => self.send(conn, Out::Text(text)),
            Command::Ping(conn) => self.send(conn, Out::Ping),
            Command::Fetch(conn, sub, path) => {
                let this = Rc::clone(self);
                spawn_local(async move { this.fetch(conn, sub, &path).await });
            }
        }
        self.tasks.borrow_mut().retain(|_, task| !task.abort.is_finished());
    }

    fn send(&self, conn: Conn, out: Out) {
        if let Some(Task { outbox: Some(outbox), .. }) = self.tasks.borrow().get(&conn) {
            // A task that has ended tells of its end itself.
            let _ = outbox.send(out);
        }
    }

    fn close(self: &Rc<Self>, conn: Conn) {
        let open = self.tasks.borrow().get(&conn).map(|task| (task.outbox.clone(), task.abort.clone()));
        match open {
            Some((Some(outbox), abort)) => {
                let _ = outbox.send(Out::Close);
                spawn_local(async move {
                    sleep(FAREWELL).await;
                    abort.abort();
                });
            }
            Some((None, abort)) => abort.abort(),
            None => {}
        }
    }

    async fn connect(self: Rc<Self>, conn: Conn) {
        let setup = &self.setup;
        let opened = net::open(&setup.ws, setup.tls.clone(), setup.connect_timeout, setup.most_bytes).await;
        match opened {
            Ok(socket) => {
                let (outbox, inbox) = mpsc::unbounded_channel();
                if let Some(task) = self.tasks.borrow_mut().get_mut(&conn) {
                    task.outbox = Some(outbox);
                }
                self.with(|link, now, tap| link.on_open(now, conn, tap));
                self.nudge();
                let why = self.converse(conn, socket, inbox).await;
                if let Some(why) = why {
                    self.with(|link, now, tap| link.on_close(now, conn, &why, None, tap));
                }
            }
            Err(Failure { why, retry_after, .. }) => {
                self.with(|link, now, tap| link.on_close(now, conn, &why, retry_after, tap));
            }
        }
        self.nudge();
    }

    /// Reads and writes until the connection ends; why it did, unless it was asked to.
    async fn converse(
        self: &Rc<Self>,
        conn: Conn,
        mut socket: Socket,
        mut inbox: mpsc::UnboundedReceiver<Out>,
    ) -> Option<String> {
        loop {
            tokio::select! {
                frame = socket.next() => {
                    let mut frame = Some(frame);
                    for _ in 0..FRAMES_A_TURN {
                        let Some(next) = frame else { break };
                        if let Err(why) = self.take(conn, next) {
                            return Some(why);
                        }
                        frame = socket.next().now_or_never();
                    }
                    if let Some(Err(why)) = frame.map(|left| self.take(conn, left)) {
                        return Some(why);
                    }
                    self.nudge();
                }
                out = inbox.recv() => {
                    let message = match out {
                        Some(Out::Text(text)) => Message::text(text),
                        Some(Out::Ping) => Message::Ping(Default::default()),
                        Some(Out::Close) | None => {
                            let _ = timeout(FAREWELL, socket.close(None)).await;
                            return None;
                        }
                    };
                    match timeout(WRITE, socket.send(message)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return Some(ended(&error)),
                        Err(_) => return Some("the venue takes no message".to_owned()),
                    }
                }
            }
        }
    }

    /// Hands a frame to the link; Err with the reason where it was the last.
    fn take(self: &Rc<Self>, conn: Conn, frame: Option<Result<Message, WsError>>) -> Result<(), String> {
        match frame {
            Some(Ok(Message::Text(text))) => self.with(|link, now, tap| link.on_frame(now, conn, &text, tap)),
            Some(Ok(Message::Binary(_))) => self.with(|link, now, _| link.on_binary(now, conn)),
            Some(Ok(Message::Close(frame))) => {
                return Err(frame.map_or_else(
                    || "closed by the venue".to_owned(),
                    |frame| {
                        let reason: String = frame.reason.chars().take(120).collect();
                        format!("closed by the venue: {} {reason}", u16::from(frame.code))
                            .trim_end()
                            .to_owned()
                    },
                ));
            }
            Some(Ok(_)) => self.with(|link, now, _| link.on_sign(now, conn)),
            Some(Err(error)) => return Err(ended(&error)),
            None => return Err("the connection ended".to_owned()),
        }
        Ok(())
    }

    async fn fetch(self: Rc<Self>, conn: Conn, sub: usize, path: &str) {
        let setup = &self.setup;
        let answer = match setup.rest.with_path(path) {
            Ok(url) => net::get(&url, setup.tls.clone(), setup.snapshot_timeout, setup.most_bytes).await,
            Err(why) => Err(Failure { why, retry_after: None, refused: true }),
        };
        match answer {
            Ok(body) => self.with(|link, now, tap| link.on_fetched(now, conn, sub, &body, tap)),
            Err(Failure { why, retry_after, refused }) => {
                self.with(|link, now, tap| {
                    link.on_fetch_failed(now, (conn, sub), &why, refused, retry_after, tap);
                });
            }
        }
        self.nudge();
    }
}

fn ended(error: &WsError) -> String {
    match error {
        WsError::ConnectionClosed | WsError::AlreadyClosed => "the connection ended".to_owned(),
        WsError::Capacity(error) => format!("a message is too long: {error}"),
        other => format!("the connection broke: {other}"),
    }
}
