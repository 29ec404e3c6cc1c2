//! One connection's conversation: frames in, what they mean for each subscription out. No socket, no clock.

use crate::counts::Fate;
use crate::event::{Body, Event, GapReason, Nanos, State};
use crate::machine::{Context, Machine, Output};
use crate::protocol::{Concerns, KeepAlive, Message, Protocol, Reject, Symbols, Venue};
use crate::settings::{Settings, ms};

/// What a connection wants sent or done beside its machines' outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A WebSocket ping.
    Frame,
    /// A message of the protocol.
    Message,
}

pub struct Session {
    protocol: Box<dyn Protocol>,
    pub machines: Vec<Machine>,
    depth: Option<usize>,
    /// The connection's number of the next frame.
    sequence: Option<u64>,
    last_frame: Nanos,
    last_probe: Nanos,
    /// Trades of a successor, to be told when it takes over.
    held: Vec<Event>,
}

/// Trades that a successor holds at most: more than an overlap of seconds brings.
const MOST_HELD: usize = 20_000;

impl Session {
    pub fn new(venue: &'static Venue, symbols: &Symbols, depth: Option<usize>) -> Self {
        Self {
            protocol: (venue.open)(depth),
            machines: (0..symbols.len()).map(|sub| Machine::new(sub, venue, depth)).collect(),
            depth,
            sequence: None,
            last_frame: 0,
            last_probe: 0,
            held: Vec::new(),
        }
    }

    /// A conversation on a second connection, which will replace this one. Subscriptions that are given up stay
    /// given up.
    pub fn successor(&self, ctx: &mut Context) -> Self {
        let mut next = Self::new(ctx.venue, ctx.symbols, self.depth);
        for (machine, old) in next.machines.iter_mut().zip(&self.machines) {
            machine.successor = true;
            if old.state() == State::Failed {
                machine.fail(ctx, GapReason::Disconnected, old.reason().to_owned());
            }
        }
        next
    }

    pub fn is_over(&self) -> bool {
        self.machines.iter().all(|machine| machine.state() == State::Failed)
    }

    /// Whether this successor has everything that the old connection has.
    pub fn can_replace(&self, old: &Self) -> bool {
        let pairs = self.machines.iter().zip(&old.machines);
        let mut pairs = pairs.filter(|(_, old)| old.state() != State::Failed);
        pairs.all(|(new, _)| new.state() == State::Live)
    }

    pub fn on_open(&mut self, ctx: &mut Context) {
        self.protocol = (ctx.venue.open)(self.depth);
        self.sequence = None;
        self.last_frame = ctx.now.even_ns;
        self.last_probe = ctx.now.even_ns;
        let subs: Vec<usize> =
            (0..self.machines.len()).filter(|&sub| self.machines[sub].state() != State::Failed).collect();
        let messages = self.protocol.subscribe(ctx.symbols, &subs);
        ctx.out.extend(messages.into_iter().map(Output::Send));
        self.machines.iter_mut().for_each(|machine| machine.open(ctx));
    }

    pub fn on_close(&mut self, ctx: &mut Context, why: &str) {
        self.machines.iter_mut().for_each(|machine| machine.close(ctx, why));
    }

    /// Any sign of life that carries no message.
    pub fn on_sign(&mut self, now: Nanos) {
        self.last_frame = now;
    }

    /// Reads a message and gives its fate.
    pub fn on_frame(&mut self, ctx: &mut Context, frame: &str) -> Fate {
        self.last_frame = ctx.now.even_ns;
        let mut said = Vec::new();
        if let Err(reject) = self.protocol.read(frame, ctx.symbols, &mut said) {
            self.reject(ctx, &reject);
            return Fate::Rejected;
        }
        let mut fate = Fate::Ignored;
        for message in said {
            match self.on_message(ctx, message) {
                Some(one) => fate = fate.max(one),
                None => break,
            }
        }
        fate
    }

    /// None: the rest of the frame is not to be read.
    fn on_message(&mut self, ctx: &mut Context, message: Message) -> Option<Fate> {
        match message {
            Message::Book(sub, update) => {
                return Some(self.machines[sub].on_book(ctx, &*self.protocol, update));
            }
            Message::Trades { sub, past, trades } => {
                return Some(self.machines[sub].on_trades(ctx, past, trades));
            }
            Message::Ack(sub, channel) => match sub {
                Some(sub) => self.machines[sub].acknowledge(channel),
                None => self.machines.iter_mut().for_each(|machine| machine.acknowledge(channel)),
            },
            Message::Refused(Some(sub), why) => {
                let why = format!("{} refuses {}: {why}", ctx.venue.name, ctx.symbols.name(sub));
                self.machines[sub].fail(ctx, GapReason::Rejected, why);
            }
            Message::Refused(None, why) => ctx.out.push(Output::Reconnect(format!("refused: {why}"))),
            Message::Sequence(number) => return self.on_sequence(ctx, number),
            Message::Trouble(Some(why)) => {
                self.machines.iter_mut().for_each(|machine| machine.doubt(ctx, &why))
            }
            Message::Trouble(None) => {}
            Message::ReconnectSoon(_) => ctx.out.push(Output::ReplaceSoon),
        }
        Some(Fate::Ignored)
    }

    fn on_sequence(&mut self, ctx: &mut Context, number: u64) -> Option<Fate> {
        let expected = self.sequence.unwrap_or(number);
        if number < expected {
            return None;
        }
        self.sequence = Some(number.saturating_add(1));
        if number > expected {
            let why = format!("frames {expected} to {} of the connection are missing", number - 1);
            for machine in &mut self.machines {
                machine.spoil(ctx, GapReason::Sequence, Some((expected, number - 1)), &why);
            }
            ctx.out.push(Output::Reconnect(why));
        }
        Some(if number > expected { Fate::Rejected } else { Fate::Ignored })
    }

    fn reject(&mut self, ctx: &mut Context, reject: &Reject) {
        let why = format!("unusable message: {}", reject.why);
        match reject.concerns {
            Concerns::Book(sub) => self.machines[sub].spoil(ctx, GapReason::Rejected, None, &why),
            Concerns::Trades(sub) => self.machines[sub].spoil_trades(ctx),
            Concerns::Connection => {
                self.machines
                    .iter_mut()
                    .for_each(|machine| machine.spoil(ctx, GapReason::Rejected, None, &why));
            }
        }
        // The number of an unusable frame is not known, so the next one's would look like a gap.
        if ctx.venue.connection_sequence {
            ctx.out.push(Output::Reconnect(why));
        }
    }

    pub fn snapshot_path(&self, symbols: &Symbols, sub: usize) -> String {
        self.protocol.snapshot_path(symbols.name(sub))
    }

    pub fn on_fetched(&mut self, ctx: &mut Context, sub: usize, body: &str) {
        match self.protocol.read_snapshot(body, ctx.symbols, sub) {
            Ok(update) => self.machines[sub].on_fetched(ctx, &*self.protocol, update),
            Err(reject) => self.machines[sub].on_fetch_failed(ctx, &reject.why, false, None),
        }
    }

    pub fn tick(&mut self, ctx: &mut Context) {
        self.machines.iter_mut().for_each(|machine| machine.tick(ctx, &mut *self.protocol));
    }

    /// Whether it is time to ask the peer for a sign of life, and how.
    pub fn probe(&mut self, ctx: &mut Context) -> Option<Probe> {
        if ctx.now.even_ns < self.probes_at(ctx.venue, ctx.settings) {
            return None;
        }
        self.last_probe = ctx.now.even_ns;
        if let KeepAlive::Frame(_) = ctx.venue.keep_alive {
            return Some(Probe::Frame);
        }
        ctx.out.extend(self.protocol.ping().map(Output::Send));
        Some(Probe::Message)
    }

    fn probes_at(&self, venue: &Venue, settings: &Settings) -> Nanos {
        // A short watchdog asks more often: at half its time, so that the answer can be there in time.
        let most = ms(settings.frame_timeout_ms) / 2;
        match venue.keep_alive {
            KeepAlive::Frame(after) | KeepAlive::Quiet(after) => {
                self.last_frame.max(self.last_probe) + after.min(most)
            }
            KeepAlive::Every(after) => self.last_probe + after.min(most),
        }
    }

    /// When the connection counts as dead.
    pub fn dies_at(&self, settings: &Settings) -> Nanos {
        self.last_frame.saturating_add(ms(settings.frame_timeout_ms))
    }

    /// When `tick` or `probe` next has something to do.
    pub fn wakes_at(&self, venue: &Venue, settings: &Settings) -> Nanos {
        let machines = self.machines.iter().filter_map(|machine| machine.wakes_at(settings)).min();
        let watchdogs = self.probes_at(venue, settings).min(self.dies_at(settings));
        machines.map_or(watchdogs, |at| at.min(watchdogs))
    }

    /// Keeps what a successor would tell, as far as it is news: trades.
    pub fn hold(&mut self, recv_ns: Nanos, sub: usize, venue_ns: Option<Nanos>, body: Body) {
        if matches!(body, Body::Trade(_)) && self.held.len() < MOST_HELD {
            self.held.push(Event { sub, recv_ns, venue_ns, body });
        }
    }

    /// Takes the place of `old`: trades that it has not told come first, then the books.
    pub fn replace(&mut self, ctx: &mut Context, old: &mut Self) {
        for event in std::mem::take(&mut self.held) {
            let Body::Trade(trade) = &event.body else { continue };
            let machine = &mut old.machines[event.sub];
            if machine.state() == State::Live && machine.trades.is_new(&trade.id) {
                let Event { sub, venue_ns, body, .. } = event;
                machine.counts.trades += 1;
                ctx.out.push(Output::Event { sub, venue_ns, body });
            }
        }
        for (machine, old) in self.machines.iter_mut().zip(&mut old.machines) {
            old.discard(ctx);
            machine.promote(ctx);
            machine.counts = old.counts;
            machine.trades = std::mem::take(&mut old.trades);
            let same = (machine.state(), machine.reason()) == (old.state(), old.reason());
            if machine.state() == State::Live {
                machine.counts.snapshots += 1;
                machine.tell_book(ctx);
            }
            if !same {
                machine.tell_state(ctx);
            }
        }
    }
}
