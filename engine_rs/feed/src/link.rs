//! A venue's connections over time: when to connect, when to give up, how to replace one without a gap.
//!
//! Whoever drives it tells what happened and when, and does what it asks for; nothing here waits or reads a
//! clock, so a day of faults runs in a moment.

use crate::backoff::{Budget, Jitter};
use crate::counts::{Connections, Fate, Messages};
use crate::event::{Body, Gap, GapReason, Nanos, Now, Scope, State};
use crate::machine::{Context, Output};
use crate::protocol::{Symbols, Venue};
use crate::session::{Probe, Session};
use crate::settings::{Settings, ms};

/// A connection's number; never used twice.
pub type Conn = u64;

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Connect(Conn),
    Close(Conn),
    Send(Conn, String),
    /// A WebSocket ping.
    Ping(Conn),
    /// GET of this path and query.
    Fetch(Conn, usize, String),
}

/// Takes events; says whether a book or a trade had room.
pub trait Sink {
    fn push(&mut self, sub: usize, now: Now, venue_ns: Option<Nanos>, body: Body) -> bool;
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not before this time.
    Waiting(Nanos),
    Connecting(Conn, Nanos),
    Open(Conn, Nanos),
    /// Nothing is left to connect for.
    Done,
}

impl Stage {
    fn conn(self) -> Option<Conn> {
        match self {
            Self::Connecting(conn, _) | Self::Open(conn, _) => Some(conn),
            Self::Waiting(_) | Self::Done => None,
        }
    }
}

/// A venue with its subscriptions.
pub struct Link {
    pub venue: &'static Venue,
    symbols: Symbols,
    settings: Settings,
    depth: Option<usize>,
    session: Session,
    stage: Stage,
    /// A second connection that is to replace the first.
    next: Option<(Session, Stage)>,
    /// Why the first is to be replaced.
    replace_at: Nanos,
    retries: u32,
    next_conn: Conn,
    jitter: Jitter,
    connects: Budget,
    snapshots: Budget,
    pub messages: Messages,
    /// Counts of a successor, whose messages are repeats to the consumer; nobody reads them.
    unseen: Messages,
    pub connections: Connections,
    commands: Vec<Command>,
}

/// Runs something with the context of a connection and hands on what comes out of it.
macro_rules! with_context {
    ($link:expr, $now:expr, |$ctx:ident| $body:expr) => {
        with_context!($link, $now, messages, |$ctx| $body)
    };
    ($link:expr, $now:expr, $messages:ident, |$ctx:ident| $body:expr) => {{
        let mut out = Vec::new();
        let mut $ctx = Context {
            now: $now,
            venue: $link.venue,
            symbols: &$link.symbols,
            settings: &$link.settings,
            jitter: &mut $link.jitter,
            snapshots: &mut $link.snapshots,
            messages: &mut $link.$messages,
            out: &mut out,
        };
        let result = $body;
        (result, out)
    }};
}

impl Link {
    /// `depth`: levels a side to ask for, None for the venue's usual number. `seed` of the jitter.
    pub fn new(
        venue: &'static Venue,
        symbols: Symbols,
        depth: Option<usize>,
        settings: Settings,
        seed: u64,
    ) -> Self {
        let depth = depth.or(venue.default_depth);
        let affordable = match (venue.snapshot_weight)(depth) {
            0 => u64::MAX,
            weight => (settings.snapshot_weight_per_minute / weight).max(1),
        };
        Self {
            venue,
            session: Session::new(venue, &symbols, depth),
            symbols,
            depth,
            stage: Stage::Waiting(Nanos::MIN),
            next: None,
            replace_at: Nanos::MAX,
            retries: 0,
            next_conn: 0,
            jitter: Jitter::new(seed),
            connects: Budget::per_minute(settings.connects_per_minute),
            snapshots: Budget::per_minute(settings.snapshots_per_minute.min(affordable)),
            settings,
            messages: Messages::default(),
            // More than could ever be settled.
            unseen: Messages { buffered: 1 << 60, ..Messages::default() },
            connections: Connections::default(),
            commands: Vec::new(),
        }
    }

    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    pub fn depth(&self) -> Option<usize> {
        self.depth
    }

    pub fn machines(&self) -> &[crate::machine::Machine] {
        &self.session.machines
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.stage, Stage::Open(..))
    }

    /// What is to be done, in order; empties the list.
    pub fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Tells the first states.
    pub fn start(&mut self, now: Now, sink: &mut dyn Sink) {
        let ((), out) = with_context!(self, now, |ctx| {
            self.session.machines.iter_mut().for_each(|machine| machine.tell_state(&mut ctx));
        });
        self.deliver(now, out, sink);
    }

    pub fn on_open(&mut self, now: Now, conn: Conn, sink: &mut dyn Sink) {
        if self.stage == Stage::Done || !self.is_current(conn) {
            self.commands.push(Command::Close(conn));
            return;
        }
        let open = Stage::Open(conn, now.even_ns);
        if self.stage.conn() == Some(conn) {
            self.stage = open;
            self.replace_at = now.even_ns.saturating_add(ms(self.settings.max_age_ms));
            let ((), out) = with_context!(self, now, |ctx| self.session.on_open(&mut ctx));
            self.deliver(now, out, sink);
        } else if let Some((session, stage)) = &mut self.next {
            *stage = open;
            let ((), out) = with_context!(self, now, unseen, |ctx| session.on_open(&mut ctx));
            self.hold(now, conn, out, sink);
        }
    }

    /// The connection is gone, or could not be made. `retry_after`: the venue's own wish.
    pub fn on_close(
        &mut self,
        now: Now,
        conn: Conn,
        why: &str,
        retry_after: Option<Nanos>,
        sink: &mut dyn Sink,
    ) {
        if !self.is_current(conn) {
            return;
        }
        self.connections.last_error = why.to_owned();
        if self.stage.conn() != Some(conn) {
            let stage = Stage::Waiting(now.even_ns.saturating_add(self.wait(retry_after)));
            let next = self.successor(now);
            self.next = Some((next, stage));
            return;
        }
        if matches!(self.stage, Stage::Open(..)) {
            self.connections.disconnects += 1;
        }
        let settled =
            self.session.machines.iter().any(|machine| machine.is_settled(now.even_ns, &self.settings));
        if settled {
            self.retries = 0;
        }
        let ((), out) = with_context!(self, now, |ctx| self.session.on_close(&mut ctx, why));
        self.deliver(now, out, sink);
        match self.next.take() {
            Some((next, stage @ Stage::Open(..))) => return self.take_over(now, next, stage, sink),
            other => self.commands.extend(other.and_then(|(_, stage)| stage.conn()).map(Command::Close)),
        }
        self.stage = Stage::Waiting(now.even_ns.saturating_add(self.wait(retry_after)));
    }

    /// Any frame that carries no message.
    pub fn on_sign(&mut self, now: Now, conn: Conn) {
        if self.stage.conn() == Some(conn) {
            self.session.on_sign(now.even_ns);
        } else if let Some(session) = successor_on(&mut self.next, conn) {
            session.on_sign(now.even_ns);
        }
    }

    /// A message in a form that no venue uses.
    pub fn on_binary(&mut self, now: Now, conn: Conn) {
        self.on_sign(now, conn);
        self.messages.count(Fate::Ignored);
    }

    pub fn on_frame(&mut self, now: Now, conn: Conn, frame: &str, sink: &mut dyn Sink) {
        self.connections.bytes += frame.len() as u64;
        if self.stage.conn() == Some(conn) {
            let (fate, out) = with_context!(self, now, |ctx| self.session.on_frame(&mut ctx, frame));
            self.messages.count(fate);
            if !self.deliver(now, out, sink) && fate == Fate::Applied {
                self.messages.applied -= 1;
                self.messages.dropped += 1;
            }
            return;
        }
        self.messages.count(Fate::Ignored);
        let Some((session, stage)) = &mut self.next else { return };
        if stage.conn() == Some(conn) {
            let (_, out) = with_context!(self, now, unseen, |ctx| session.on_frame(&mut ctx, frame));
            self.hold(now, conn, out, sink);
            self.hand_over(now, sink);
        }
    }

    pub fn on_fetched(&mut self, now: Now, conn: Conn, sub: usize, body: &str, sink: &mut dyn Sink) {
        if self.stage.conn() == Some(conn) {
            let ((), out) = with_context!(self, now, |ctx| self.session.on_fetched(&mut ctx, sub, body));
            self.deliver(now, out, sink);
        } else if let Some(session) = successor_on(&mut self.next, conn) {
            let ((), out) = with_context!(self, now, unseen, |ctx| session.on_fetched(&mut ctx, sub, body));
            self.hold(now, conn, out, sink);
            self.hand_over(now, sink);
        }
    }

    /// `refused`: the venue says that the request itself is wrong.
    pub fn on_fetch_failed(
        &mut self,
        now: Now,
        (conn, sub): (Conn, usize),
        why: &str,
        refused: bool,
        retry_after: Option<Nanos>,
        sink: &mut dyn Sink,
    ) {
        self.connections.last_error = why.to_owned();
        if self.stage.conn() == Some(conn) {
            let machine = &mut self.session.machines[sub];
            let ((), out) =
                with_context!(self, now, |ctx| machine.on_fetch_failed(&mut ctx, why, refused, retry_after));
            self.deliver(now, out, sink);
        } else if let Some(session) = successor_on(&mut self.next, conn) {
            let machine = &mut session.machines[sub];
            let ((), out) = with_context!(self, now, unseen, |ctx| machine.on_fetch_failed(
                &mut ctx,
                why,
                refused,
                retry_after
            ));
            self.hold(now, conn, out, sink);
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now, sink: &mut dyn Sink) {
        self.tick_first(now, sink);
        self.tick_next(now, sink);
        if self.session.is_over() && self.stage != Stage::Done {
            self.commands.extend(self.stage.conn().map(Command::Close));
            self.commands.extend(self.next.take().and_then(|(_, stage)| stage.conn()).map(Command::Close));
            self.stage = Stage::Done;
        }
    }

    fn tick_first(&mut self, now: Now, sink: &mut dyn Sink) {
        match self.stage {
            Stage::Done => {}
            Stage::Waiting(at) if now.even_ns >= at => self.stage = self.connect(now),
            Stage::Waiting(_) => {}
            Stage::Connecting(conn, due) if now.even_ns >= due => {
                self.cut(now, conn, "no handshake in time", sink)
            }
            Stage::Connecting(..) => {}
            Stage::Open(conn, _) => {
                let (probe, out) = with_context!(self, now, |ctx| {
                    self.session.tick(&mut ctx);
                    self.session.probe(&mut ctx)
                });
                self.commands.extend((probe == Some(Probe::Frame)).then_some(Command::Ping(conn)));
                self.deliver(now, out, sink);
                if self.stage.conn() == Some(conn) && now.even_ns >= self.session.dies_at(&self.settings) {
                    let why = format!("no frame for {} ms", self.settings.frame_timeout_ms);
                    let ((), out) = with_context!(self, now, |ctx| {
                        self.session.machines.iter_mut().for_each(|machine| machine.doubt(&mut ctx, &why));
                    });
                    self.deliver(now, out, sink);
                    self.cut(now, conn, &why, sink);
                }
            }
        }
    }

    fn tick_next(&mut self, now: Now, sink: &mut dyn Sink) {
        if self.next.is_none() && self.is_connected() && now.even_ns >= self.replace_at {
            let session = self.successor(now);
            self.next = Some((session, Stage::Waiting(now.even_ns)));
            self.replace_at = Nanos::MAX;
        }
        let Some((session, stage)) = &mut self.next else { return };
        match *stage {
            Stage::Waiting(at) if now.even_ns >= at => {
                let stage = self.connect(now);
                if let Some((_, next)) = &mut self.next {
                    *next = stage;
                }
            }
            Stage::Connecting(conn, due) if now.even_ns >= due => {
                self.cut(now, conn, "no handshake in time", sink)
            }
            Stage::Open(conn, _) => {
                let (probe, out) = with_context!(self, now, unseen, |ctx| {
                    session.tick(&mut ctx);
                    session.probe(&mut ctx)
                });
                let dead = now.even_ns >= session.dies_at(&self.settings) || session.is_over();
                self.commands.extend((probe == Some(Probe::Frame)).then_some(Command::Ping(conn)));
                self.hold(now, conn, out, sink);
                if dead {
                    self.cut(now, conn, "the second connection does not come up", sink);
                }
            }
            _ => {}
        }
    }

    /// When `tick` next has something to do.
    pub fn wakes_at(&self) -> Nanos {
        let of = |session: &Session, stage: Stage| match stage {
            Stage::Waiting(at) | Stage::Connecting(_, at) => at,
            Stage::Open(..) => session.wakes_at(self.venue, &self.settings),
            Stage::Done => Nanos::MAX,
        };
        let first = of(&self.session, self.stage);
        let next = self.next.as_ref().map_or(Nanos::MAX, |(session, stage)| of(session, *stage));
        let replace = if self.next.is_none() && self.is_connected() { self.replace_at } else { Nanos::MAX };
        first.min(next).min(replace)
    }

    /// The consumer has room again after `dropped` events of this subscription were thrown away.
    pub fn refill(&mut self, now: Now, sub: usize, dropped: u64, sink: &mut dyn Sink) {
        let machine = &mut self.session.machines[sub];
        machine.counts.gaps += 1;
        machine.counts.overflows += 1;
        let gap = Gap { scope: Scope::Book, reason: GapReason::Overflow, missing: None, dropped };
        let ((), mut out) = with_context!(self, now, |ctx| {
            if machine.state() == State::Live {
                machine.tell_book(&mut ctx);
            }
            machine.tell_state(&mut ctx);
        });
        out.insert(0, Output::Event { sub, venue_ns: None, body: Body::Gap(gap) });
        self.deliver(now, out, sink);
    }

    /// Ends everything.
    pub fn stop(&mut self, now: Now, sink: &mut dyn Sink) {
        self.commands.extend(self.stage.conn().map(Command::Close));
        self.commands.extend(self.next.take().and_then(|(_, stage)| stage.conn()).map(Command::Close));
        self.stage = Stage::Done;
        let ((), out) = with_context!(self, now, |ctx| {
            self.session.machines.iter_mut().for_each(|machine| machine.stop(&mut ctx));
        });
        self.deliver(now, out, sink);
    }

    fn is_current(&self, conn: Conn) -> bool {
        self.stage.conn() == Some(conn)
            || self.next.as_ref().and_then(|(_, stage)| stage.conn()) == Some(conn)
    }

    fn successor(&mut self, now: Now) -> Session {
        let (session, _) = with_context!(self, now, unseen, |ctx| self.session.successor(&mut ctx));
        session
    }

    fn connect(&mut self, now: Now) -> Stage {
        if let Err(later) = self.connects.take(now.even_ns) {
            return Stage::Waiting(later);
        }
        self.next_conn += 1;
        self.connections.connects += 1;
        self.commands.push(Command::Connect(self.next_conn));
        Stage::Connecting(self.next_conn, now.even_ns.saturating_add(ms(self.settings.connect_timeout_ms)))
    }

    fn wait(&mut self, retry_after: Option<Nanos>) -> Nanos {
        let (base, cap) = (ms(self.settings.backoff_base_ms), ms(self.settings.backoff_cap_ms));
        let wait = self.jitter.wait(base, cap, self.retries);
        self.retries = self.retries.saturating_add(1);
        wait.max(retry_after.unwrap_or(0))
    }

    fn cut(&mut self, now: Now, conn: Conn, why: &str, sink: &mut dyn Sink) {
        self.commands.push(Command::Close(conn));
        self.on_close(now, conn, why, None, sink);
    }

    fn hand_over(&mut self, now: Now, sink: &mut dyn Sink) {
        if !self.next.as_ref().is_some_and(|(session, _)| session.can_replace(&self.session)) {
            return;
        }
        let Some((next, stage)) = self.next.take() else { return };
        self.commands.extend(self.stage.conn().map(Command::Close));
        self.connections.reconnects_planned += 1;
        self.take_over(now, next, stage, sink);
    }

    fn take_over(&mut self, now: Now, mut next: Session, stage: Stage, sink: &mut dyn Sink) {
        let mut old =
            std::mem::replace(&mut self.session, Session::new(self.venue, &Symbols::default(), None));
        let ((), out) = with_context!(self, now, |ctx| next.replace(&mut ctx, &mut old));
        self.session = next;
        self.stage = stage;
        if let Stage::Open(_, since) = stage {
            self.replace_at = since.saturating_add(ms(self.settings.max_age_ms));
        }
        self.deliver(now, out, sink);
    }

    /// Events go to the sink, the rest becomes commands. Whether the sink had room for all.
    fn deliver(&mut self, now: Now, out: Vec<Output>, sink: &mut dyn Sink) -> bool {
        let mut room = true;
        let mut reconnect = None;
        let Some(conn) = self.stage.conn() else {
            for output in out {
                if let Output::Event { sub, venue_ns, body } = output {
                    room &= sink.push(sub, now, venue_ns, body);
                }
            }
            return room;
        };
        for output in out {
            match output {
                Output::Event { sub, venue_ns, body } => room &= sink.push(sub, now, venue_ns, body),
                Output::Send(text) => self.commands.push(Command::Send(conn, text)),
                Output::Fetch(sub) => self.fetch(conn, sub, false),
                Output::ReplaceSoon => self.replace_at = self.replace_at.min(now.even_ns),
                Output::Reconnect(why) => reconnect = Some(why),
            }
        }
        if let Some(why) = reconnect {
            self.cut(now, conn, &why, sink);
        }
        room
    }

    /// What a successor wants done is done; what it tells is kept.
    fn hold(&mut self, now: Now, conn: Conn, out: Vec<Output>, sink: &mut dyn Sink) {
        let mut reconnect = None;
        for output in out {
            match output {
                Output::Event { sub, venue_ns, body } => {
                    if let Some((session, _)) = &mut self.next {
                        session.hold(now.wall_ns, sub, venue_ns, body);
                    }
                }
                Output::Send(text) => self.commands.push(Command::Send(conn, text)),
                Output::Fetch(sub) => self.fetch(conn, sub, true),
                Output::ReplaceSoon => {}
                Output::Reconnect(why) => reconnect = Some(why),
            }
        }
        if let Some(why) = reconnect {
            self.cut(now, conn, &why, sink);
        }
    }

    fn fetch(&mut self, conn: Conn, sub: usize, successor: bool) {
        self.connections.snapshots_asked += 1;
        let session = match &self.next {
            Some((session, _)) if successor => session,
            _ => &self.session,
        };
        self.commands.push(Command::Fetch(conn, sub, session.snapshot_path(&self.symbols, sub)));
    }
}

/// The successor, if this connection is its.
fn successor_on(next: &mut Option<(Session, Stage)>, conn: Conn) -> Option<&mut Session> {
    next.as_mut().filter(|(_, stage)| stage.conn() == Some(conn)).map(|(session, _)| session)
}
