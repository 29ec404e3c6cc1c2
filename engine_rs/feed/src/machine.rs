//! One subscription on one connection: a book that is right, or says that it is not. No socket, no clock.
//!
//! `syncing` becomes `live` when a snapshot and what follows it make an uncrossed book. A gap, a wrong checksum,
//! a crossed book or an unusable message take the book away at once, tell the consumer of one gap, and ask for
//! a new snapshot of this symbol alone (`resyncing`).

use std::collections::VecDeque;

use crate::backoff::{Budget, Jitter};
use crate::book::Book;
use crate::counts::{Counts, Fate, Messages};
use crate::event::{Body, BookEvent, Gap, GapReason, Nanos, Now, Scope, State, Trade};
use crate::protocol::{BookUpdate, Channel, Continuity, Protocol, Symbols, Venue};
use crate::settings::{Settings, ms};
use crate::trades::TradeMemory;

/// What a machine wants done.
#[derive(Debug)]
pub enum Output {
    Event {
        sub: usize,
        venue_ns: Option<Nanos>,
        body: Body,
    },
    Send(String),
    /// A snapshot by REST.
    Fetch(usize),
    /// The venue asks for a new connection; this one still works.
    ReplaceSoon,
    /// A new connection: what is wrong cannot be put right on this one.
    Reconnect(String),
}

/// What a machine works with.
pub struct Context<'a> {
    pub now: Now,
    pub venue: &'static Venue,
    pub symbols: &'a Symbols,
    pub settings: &'a Settings,
    pub jitter: &'a mut Jitter,
    pub snapshots: &'a mut Budget,
    pub messages: &'a mut Messages,
    pub out: &'a mut Vec<Output>,
}

impl Context<'_> {
    fn after(&self, milliseconds: u64) -> Nanos {
        self.now.even_ns.saturating_add(ms(milliseconds))
    }
}

pub struct Machine {
    sub: usize,
    state: State,
    reason: String,
    pub counts: Counts,
    pub book: Book,
    last_id: u64,
    last_venue_ns: Option<Nanos>,
    /// The book continues a snapshot without a gap. Live, stale, or held back because it is crossed.
    synced: bool,
    was_live: bool,
    /// Diffs that came before their snapshot, or (while live) since a wider one was asked for.
    kept: VecDeque<BookUpdate>,
    /// A snapshot is asked for while the book stays live: the market nears the end of the known range.
    widening: bool,
    /// Levels a side of the last snapshot.
    snapshot_levels: (usize, usize),
    /// When to ask for a snapshot.
    ask_at: Option<Nanos>,
    /// By when the snapshot or the first data must be here.
    data_due: Option<Nanos>,
    /// By when the venue must have acknowledged, and what.
    ack_due: Option<Nanos>,
    acked: (bool, bool),
    /// Retries since the book was last live for long.
    retries: u32,
    /// Deadlines missed, and unusable snapshots, since the book was last live.
    misses: u32,
    checksum_failures: u32,
    verifiable: bool,
    live_since: Nanos,
    last_data: Nanos,
    pub trades: TradeMemory,
    /// Beside the connection that the consumer follows there is another that will replace it.
    pub successor: bool,
}

impl Machine {
    pub fn new(sub: usize, venue: &Venue, depth: Option<usize>) -> Self {
        Self {
            sub,
            state: State::Connecting,
            reason: String::new(),
            counts: Counts::default(),
            book: Book::new(depth.filter(|_| venue.window)),
            last_id: 0,
            last_venue_ns: None,
            synced: false,
            was_live: false,
            kept: VecDeque::new(),
            widening: false,
            snapshot_levels: (0, 0),
            ask_at: None,
            data_due: None,
            ack_due: None,
            acked: (false, false),
            retries: 0,
            misses: 0,
            checksum_failures: 0,
            verifiable: true,
            live_since: 0,
            last_data: 0,
            trades: TradeMemory::default(),
            successor: false,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether checksums are checked and have not been given up.
    pub fn verifiable(&self) -> bool {
        self.verifiable
    }

    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    pub fn last_venue_ns(&self) -> Option<Nanos> {
        self.last_venue_ns
    }

    /// The book, if it may be read.
    pub fn readable(&self) -> Option<&Book> {
        (self.state == State::Live).then_some(&self.book)
    }

    /// Whether the book has been live for so long that what went wrong before is over.
    pub fn is_settled(&self, now: Nanos, settings: &Settings) -> bool {
        self.state == State::Live && now - self.live_since >= ms(settings.backoff_reset_ms)
    }

    /// The connection is open and the subscription is on its way.
    pub fn open(&mut self, ctx: &mut Context) {
        if self.state == State::Failed {
            return;
        }
        self.acked = (false, false);
        self.ack_due = Some(ctx.after(ctx.settings.ack_timeout_ms));
        self.data_due = Some(ctx.after(ctx.settings.first_data_timeout_ms));
        self.ask_at = None;
        self.was_live = false;
        self.enter(ctx, State::Syncing, "subscribed".to_owned());
    }

    /// The connection is gone.
    pub fn close(&mut self, ctx: &mut Context, why: &str) {
        if self.state == State::Failed {
            return;
        }
        self.lose(ctx, GapReason::Disconnected, None);
        (self.ask_at, self.data_due, self.ack_due) = (None, None, None);
        self.enter(ctx, State::Connecting, why.to_owned());
    }

    /// The owner has ended the feed.
    pub fn stop(&mut self, ctx: &mut Context) {
        self.drop_kept(ctx);
        self.synced = false;
        self.book.clear();
        self.enter(ctx, State::Stopped, String::new());
    }

    /// Another connection has taken over.
    pub fn discard(&mut self, ctx: &mut Context) {
        self.drop_kept(ctx);
    }

    /// The consumer follows this connection from now on.
    pub fn promote(&mut self, ctx: &mut Context) {
        self.successor = false;
        if !self.widening {
            // Until now every message here was a repeat; what is kept is now waited for.
            ctx.messages.ignored -= self.kept.len() as u64;
            ctx.messages.buffered += self.kept.len() as u64;
        }
    }

    pub fn acknowledge(&mut self, channel: Option<Channel>) {
        match channel {
            Some(Channel::Book) => self.acked.0 = true,
            Some(Channel::Trades) => self.acked.1 = true,
            None => self.acked = (true, true),
        }
        if self.acked == (true, true) {
            self.ack_due = None;
        }
    }

    /// Gives the subscription up.
    pub fn fail(&mut self, ctx: &mut Context, reason: GapReason, why: String) {
        if self.state == State::Failed {
            return;
        }
        self.lose(ctx, reason, None);
        (self.ask_at, self.data_due, self.ack_due) = (None, None, None);
        self.enter(ctx, State::Failed, why);
    }

    /// Takes a book message.
    pub fn on_book(&mut self, ctx: &mut Context, protocol: &dyn Protocol, update: BookUpdate) -> Fate {
        if self.state == State::Failed {
            return Fate::Ignored;
        }
        self.acknowledge(Some(Channel::Book));
        let heard_before = std::mem::replace(&mut self.last_data, ctx.now.even_ns);
        self.counts.heard(ctx.now.wall_ns, update.venue_ns);
        if update.snapshot {
            return self.on_snapshot(ctx, protocol, update);
        }
        if !self.synced {
            return self.keep(ctx, update);
        }
        match protocol.continuity(self.last_id, &update) {
            Continuity::Old => {
                // Repetitions alone do not keep a book from going stale.
                self.last_data = heard_before;
                // What the book has already shows that the stream and the snapshot meet.
                if matches!(self.state, State::Syncing | State::Resyncing) && !self.book.is_crossed() {
                    self.go_live(ctx);
                }
                Fate::Ignored
            }
            Continuity::Next => self.on_next(ctx, protocol, update),
            Continuity::Gap(missing) => {
                self.lose(ctx, GapReason::Sequence, missing);
                let fate = self.keep(ctx, update);
                self.resync(ctx, "a gap in the sequence");
                if fate == Fate::Ignored { Fate::Rejected } else { fate }
            }
        }
    }

    fn on_next(&mut self, ctx: &mut Context, protocol: &dyn Protocol, mut update: BookUpdate) -> Fate {
        if self.widening {
            self.kept.push_back(update.clone());
        }
        let (bids, asks) = (std::mem::take(&mut update.bids), std::mem::take(&mut update.asks));
        let (bids, asks) = self.book.apply(bids, asks);
        self.counts.diffs += 1;
        self.last_id = update.last_id;
        self.last_venue_ns = update.venue_ns;
        if !self.verify(ctx, protocol, &update) {
            return Fate::Rejected;
        }
        if self.book.is_crossed() {
            return self.crossed(ctx);
        }
        if self.state != State::Live {
            self.go_live(ctx);
        } else if !(bids.is_empty() && asks.is_empty()) {
            let (first_id, last_id) = (update.first_id, update.last_id);
            let event = BookEvent { snapshot: false, first_id, last_id, bids, asks };
            self.tell(ctx, update.venue_ns, Body::Book(event));
        }
        self.widen_if_needed(ctx);
        Fate::Applied
    }

    /// A snapshot in band replaces the book, asked for or not.
    fn on_snapshot(&mut self, ctx: &mut Context, protocol: &dyn Protocol, update: BookUpdate) -> Fate {
        let repeats = self.synced && self.last_id == update.last_id && update.last_id != 0 && {
            let mut book = self.book.clone();
            book.reset(&update.bids, &update.asks, update.known);
            book == self.book
        };
        if repeats {
            if self.state == State::Stale {
                self.go_live(ctx);
            }
            return Fate::Ignored;
        }
        self.begin(&update);
        if !self.verify(ctx, protocol, &update) {
            return Fate::Rejected;
        }
        if self.book.is_crossed() {
            return self.crossed(ctx);
        }
        if self.is_exposed() {
            self.tell_gap(ctx, Scope::Book, GapReason::Restart, None);
        }
        self.go_live(ctx);
        Fate::Applied
    }

    fn begin(&mut self, update: &BookUpdate) {
        self.book.reset(&update.bids, &update.asks, update.known);
        self.snapshot_levels = self.book.len();
        self.synced = true;
        self.last_id = update.last_id;
        self.last_venue_ns = update.venue_ns;
        self.counts.snapshots += 1;
        (self.ask_at, self.data_due) = (None, None);
    }

    /// The answer to a request for a snapshot by REST.
    pub fn on_fetched(&mut self, ctx: &mut Context, protocol: &dyn Protocol, update: BookUpdate) {
        let old = |machine: &Self| {
            let next = machine.kept.iter().find(|diff| diff.last_id > update.last_id);
            next.is_some_and(|diff| matches!(protocol.continuity(update.last_id, diff), Continuity::Gap(_)))
        };
        if self.widening {
            return self.on_wider(ctx, protocol, &update);
        }
        if self.synced || !matches!(self.state, State::Syncing | State::Resyncing) {
            return;
        }
        if old(self) {
            // What is kept stays: a newer snapshot will meet it.
            self.ask_again(ctx, "the snapshot is older than the stream");
            return;
        }
        self.begin(&update);
        let met = !self.kept.is_empty() || self.misses > 0;
        let mut kept = std::mem::take(&mut self.kept);
        while let Some(diff) = kept.pop_front() {
            match protocol.continuity(self.last_id, &diff) {
                Continuity::Old => ctx.messages.settle(Fate::Ignored, 1),
                Continuity::Next => {
                    ctx.messages.settle(Fate::Applied, 1);
                    self.counts.diffs += 1;
                    self.last_id = diff.last_id;
                    self.last_venue_ns = diff.venue_ns;
                    self.book.apply(diff.bids, diff.asks);
                }
                Continuity::Gap(_) => {
                    // Lost while syncing: nobody has seen the book, so there is no gap to tell of.
                    kept.push_front(diff);
                    self.kept = kept;
                    self.synced = false;
                    self.book.clear();
                    self.ask_again(ctx, "a gap in the sequence while syncing");
                    return;
                }
            }
        }
        if self.book.is_crossed() {
            self.crossed(ctx);
        } else if met {
            self.go_live(ctx);
        } else {
            // It could come out of an old cache: the next diff shows whether the stream continues it.
            self.data_due = Some(ctx.after(ctx.settings.first_data_timeout_ms));
        }
    }

    /// A snapshot that was asked for while the book is live: it takes over with the diffs since.
    fn on_wider(&mut self, ctx: &mut Context, protocol: &dyn Protocol, update: &BookUpdate) {
        self.widening = false;
        let kept = std::mem::take(&mut self.kept);
        let (mut book, mut last_id) = (self.book.clone(), update.last_id);
        book.reset(&update.bids, &update.asks, update.known);
        for diff in kept {
            match protocol.continuity(last_id, &diff) {
                Continuity::Old => {}
                Continuity::Next => {
                    last_id = diff.last_id;
                    book.apply(diff.bids, diff.asks);
                }
                Continuity::Gap(_) => return self.widen_later(ctx),
            }
        }
        if self.state != State::Live || last_id < self.last_id || book.is_crossed() {
            return self.widen_later(ctx);
        }
        self.begin(update);
        (self.book, self.last_id) = (book, last_id);
        self.tell_book(ctx);
    }

    fn widen_later(&mut self, ctx: &mut Context) {
        let wait = self.wait(ctx).max(ms(1000));
        self.ask_at = Some(ctx.now.even_ns.saturating_add(wait));
    }

    /// A market that has left nine tenths of the levels of its snapshot behind needs a new one in time.
    fn widen_if_needed(&mut self, ctx: &mut Context) {
        let known = self.book.known();
        let (bids, asks) = self.book.len();
        let thin = known.low.is_some() && bids * 10 < self.snapshot_levels.0
            || known.high.is_some() && asks * 10 < self.snapshot_levels.1;
        if thin && !self.widening && self.ask_at.is_none() && ctx.venue.snapshot_by_rest {
            self.ask_at = Some(ctx.now.even_ns);
        }
    }

    /// The request for a snapshot has come to nothing.
    pub fn on_fetch_failed(
        &mut self,
        ctx: &mut Context,
        why: &str,
        refused: bool,
        retry_after: Option<Nanos>,
    ) {
        if refused && !self.synced {
            self.on_miss(ctx, why);
        }
        if self.widening {
            self.widening = false;
            self.kept.clear();
            self.widen_later(ctx);
        } else if !self.synced && matches!(self.state, State::Syncing | State::Resyncing) {
            self.ask_again(ctx, &format!("snapshot: {why}"));
        }
        let earliest = retry_after.map(|wait| ctx.now.even_ns.saturating_add(wait));
        self.ask_at = self.ask_at.map(|at| earliest.map_or(at, |earliest| at.max(earliest)));
    }

    /// An unusable message, or one lost for certain.
    pub fn spoil(&mut self, ctx: &mut Context, reason: GapReason, missing: Option<(u64, u64)>, why: &str) {
        if matches!(self.state, State::Failed | State::Connecting | State::Stopped) {
            return;
        }
        if reason == GapReason::Rejected && !self.was_live {
            self.misses += 1;
            if u64::from(self.misses) >= ctx.settings.attempts {
                return self.fail(ctx, reason, why.to_owned());
            }
        }
        self.lose(ctx, reason, missing);
        self.resync(ctx, why);
    }

    /// The venue says that its data may be old.
    pub fn doubt(&mut self, ctx: &mut Context, why: &str) {
        if self.state == State::Live {
            self.enter(ctx, State::Stale, why.to_owned());
        }
    }

    /// Takes trades; gives whether any was told.
    pub fn on_trades(&mut self, ctx: &mut Context, past: bool, trades: Vec<Trade>) -> Fate {
        if self.state == State::Failed {
            return Fate::Ignored;
        }
        self.acknowledge(Some(Channel::Trades));
        let mut fate = Fate::Ignored;
        for trade in trades {
            let missing = ctx.venue.trade_ids_have_no_holes.then(|| self.trades.missing(&trade.id)).flatten();
            if !self.trades.is_new(&trade.id) {
                self.counts.trades_repeated += 1;
            } else if !past && (self.successor || self.state == State::Live) {
                self.counts.heard(ctx.now.wall_ns, trade.venue_ns);
                if let Some(missing) = missing {
                    self.tell_gap(ctx, Scope::Trades, GapReason::Sequence, Some(missing));
                }
                self.counts.trades += 1;
                self.tell(ctx, trade.venue_ns, Body::Trade(trade));
                fate = Fate::Applied;
            } else if !past {
                self.counts.trades_untold += 1;
            }
        }
        fate
    }

    /// Trades were in a message that cannot be read.
    pub fn spoil_trades(&mut self, ctx: &mut Context) {
        if self.is_exposed() {
            self.tell_gap(ctx, Scope::Trades, GapReason::Rejected, None);
            // The hole that this leaves in the ids is told already.
            self.trades.forget_expected();
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, ctx: &mut Context, protocol: &mut dyn Protocol) {
        let now = ctx.now.even_ns;
        let due = |at: Option<Nanos>| at.is_some_and(|at| now >= at);
        match self.state {
            State::Failed | State::Connecting | State::Stopped => return,
            State::Live if self.is_settled(now, ctx.settings) => self.retries = 0,
            _ => {}
        }
        if due(self.ack_due) {
            let missing = if self.acked.0 { "trades" } else { "the book" };
            self.on_miss(ctx, &format!("no acknowledgement of {missing}"));
            self.ack_due =
                Some(ctx.after(ctx.settings.ack_timeout_ms)).filter(|_| self.state != State::Failed);
            let again = protocol.subscribe(ctx.symbols, &[self.sub]);
            if self.state != State::Failed {
                ctx.out.extend(again.into_iter().map(Output::Send));
            }
        }
        if due(self.data_due) {
            let asked = if self.was_live { "a new snapshot" } else { "data" };
            self.on_miss(ctx, &format!("no usable {asked} of the book in time"));
            if self.state != State::Failed {
                self.lose(ctx, GapReason::Silent, None);
                self.resync(ctx, "no usable data in time");
            }
        }
        if due(self.ask_at) && self.state != State::Failed {
            self.ask(ctx, protocol);
        }
        let silent_for = now - self.last_data;
        if self.state == State::Live && silent_for >= ms(ctx.settings.data_timeout_ms) {
            self.enter(ctx, State::Stale, "no data for too long".to_owned());
        }
        if self.state == State::Stale && silent_for >= ms(ctx.settings.data_timeout_ms).saturating_mul(2) {
            self.lose(ctx, GapReason::Silent, None);
            self.resync(ctx, "no data for too long");
        }
    }

    /// When `tick` next has something to do.
    pub fn wakes_at(&self, settings: &Settings) -> Option<Nanos> {
        let silence = match self.state {
            State::Failed | State::Connecting | State::Stopped => return None,
            State::Live => Some(self.last_data.saturating_add(ms(settings.data_timeout_ms))),
            State::Stale => {
                Some(self.last_data.saturating_add(ms(settings.data_timeout_ms).saturating_mul(2)))
            }
            _ => None,
        };
        [self.ack_due, self.data_due, self.ask_at, silence].into_iter().flatten().min()
    }

    /// The whole book as an event: after an overflow, or when this connection takes over.
    pub fn tell_book(&mut self, ctx: &mut Context) {
        let event = BookEvent {
            snapshot: true,
            first_id: self.last_id,
            last_id: self.last_id,
            bids: self.book.bids().collect(),
            asks: self.book.asks().collect(),
        };
        self.tell(ctx, self.last_venue_ns, Body::Book(event));
    }

    pub fn tell_state(&mut self, ctx: &mut Context) {
        let body = Body::State(self.state, self.reason.clone());
        self.tell(ctx, None, body);
    }

    fn ask(&mut self, ctx: &mut Context, protocol: &mut dyn Protocol) {
        if let Err(later) = ctx.snapshots.take(ctx.now.even_ns) {
            self.ask_at = Some(later);
            return;
        }
        self.ask_at = None;
        if ctx.venue.snapshot_by_rest {
            self.widening = self.synced;
            ctx.out.push(Output::Fetch(self.sub));
        } else {
            let messages = protocol.resubscribe(ctx.symbols, self.sub);
            ctx.out.extend(messages.into_iter().map(Output::Send));
        }
        // A request by REST always comes to an end of its own.
        if !self.synced && !ctx.venue.snapshot_by_rest {
            self.data_due = Some(ctx.after(ctx.settings.snapshot_timeout_ms));
        }
    }

    fn on_miss(&mut self, ctx: &mut Context, what: &str) {
        self.misses += 1;
        if u64::from(self.misses) >= ctx.settings.attempts {
            let name = ctx.symbols.name(self.sub);
            let why = format!("{name}: {what}, {} times; does {} list it?", self.misses, ctx.venue.name);
            self.fail(ctx, GapReason::Silent, why);
        }
    }

    /// Keeps a diff until a snapshot has come, where snapshots come by request.
    fn keep(&mut self, ctx: &mut Context, update: BookUpdate) -> Fate {
        if !ctx.venue.snapshot_by_rest {
            return Fate::Ignored;
        }
        if self.kept.len() as u64 >= ctx.settings.buffered_diffs {
            self.kept.pop_front();
            ctx.messages.settle(Fate::Dropped, 1);
        }
        self.kept.push_back(update);
        // Only now: a snapshot is judged by the first diff, so that must be here before.
        if self.state == State::Syncing && self.ask_at.is_none() && self.kept.len() == 1 {
            self.ask_at = Some(ctx.now.even_ns);
            self.data_due = None;
        }
        Fate::Buffered
    }

    fn drop_kept(&mut self, ctx: &mut Context) {
        if !self.widening {
            ctx.messages.settle(Fate::Dropped, self.kept.len() as u64);
        }
        self.widening = false;
        self.kept.clear();
    }

    fn is_exposed(&self) -> bool {
        matches!(self.state, State::Live | State::Stale)
    }

    /// The book is wrong from here on. Who has seen it learns of one gap.
    fn lose(&mut self, ctx: &mut Context, reason: GapReason, missing: Option<(u64, u64)>) {
        if self.is_exposed() {
            self.tell_gap(ctx, Scope::Book, reason, missing);
            // Held: the caller enters another state before anything else happens.
            self.was_live = true;
        }
        self.drop_kept(ctx);
        self.synced = false;
        self.book.clear();
        self.trades.forget_expected();
    }

    /// Asks for a new snapshot, at once or, after the first time, after a random wait.
    fn resync(&mut self, ctx: &mut Context, why: &str) {
        self.counts.resyncs += 1;
        if ctx.venue.connection_sequence {
            ctx.out.push(Output::Reconnect(why.to_owned()));
        }
        self.ask_again(ctx, why);
    }

    fn ask_again(&mut self, ctx: &mut Context, why: &str) {
        let wait = self.wait(ctx);
        self.ask_at = Some(ctx.now.even_ns.saturating_add(wait)).filter(|_| !ctx.venue.connection_sequence);
        self.data_due = None;
        let state = if self.was_live { State::Resyncing } else { State::Syncing };
        self.enter(ctx, state, why.to_owned());
    }

    fn wait(&mut self, ctx: &mut Context) -> Nanos {
        self.retries += 1;
        match self.retries {
            1 => 0,
            more => {
                let (base, cap) = (ms(ctx.settings.backoff_base_ms), ms(ctx.settings.backoff_cap_ms));
                ctx.jitter.wait(base, cap, more - 2)
            }
        }
    }

    /// Whether the book has the checksum that came with the update, or there is none to check.
    fn verify(&mut self, ctx: &mut Context, protocol: &dyn Protocol, update: &BookUpdate) -> bool {
        if !self.verifiable {
            return true;
        }
        match protocol.checksum(ctx.symbols, self.sub, &self.book, update) {
            None => return true,
            Some(true) => {
                self.counts.checksum_ok += 1;
                self.checksum_failures = 0;
                return true;
            }
            Some(false) => {}
        }
        self.counts.checksum_bad += 1;
        self.checksum_failures += 1;
        if u64::from(self.checksum_failures) < ctx.settings.checksum_failures {
            self.lose(ctx, GapReason::Checksum, None);
            self.resync(ctx, "a wrong checksum");
            return false;
        }
        self.verifiable = false;
        if ctx.venue.checksum_is_only_proof {
            let why = format!(
                "the checksum is wrong {} times in a row: the book cannot be proven",
                self.checksum_failures
            );
            self.fail(ctx, GapReason::Checksum, why);
        }
        !ctx.venue.checksum_is_only_proof
    }

    /// A bid at or above an ask is not shown. Where the venue has phases in which that is right, the book is kept
    /// and shown again when it is over.
    fn crossed(&mut self, ctx: &mut Context) -> Fate {
        self.counts.crossed += 1;
        if ctx.venue.may_be_crossed {
            self.was_live |= self.is_exposed();
            let state = if self.was_live { State::Resyncing } else { State::Syncing };
            if self.ask_at.is_none() {
                // An auction lasts; a fault is over with the next snapshot.
                self.ask_at = Some(ctx.after(ctx.settings.snapshot_timeout_ms));
            }
            self.enter(ctx, state, "bids and asks cross: an auction, or a fault".to_owned());
            return Fate::Applied;
        }
        self.lose(ctx, GapReason::Crossed, None);
        self.resync(ctx, "bids and asks cross");
        Fate::Rejected
    }

    fn go_live(&mut self, ctx: &mut Context) {
        self.tell_book(ctx);
        if self.state == State::Live {
            return;
        }
        self.was_live = true;
        self.misses = 0;
        (self.ask_at, self.data_due) = (None, None);
        self.live_since = ctx.now.even_ns;
        self.last_data = ctx.now.even_ns;
        self.trades.forget_expected();
        let why = if self.verifiable { "" } else { "unverifiable: checksums were wrong" };
        self.enter(ctx, State::Live, why.to_owned());
    }

    fn enter(&mut self, ctx: &mut Context, state: State, reason: String) {
        if (self.state, &self.reason) != (state, &reason) {
            (self.state, self.reason) = (state, reason);
            self.tell_state(ctx);
        }
    }

    fn tell_gap(&mut self, ctx: &mut Context, scope: Scope, reason: GapReason, missing: Option<(u64, u64)>) {
        self.counts.gaps += 1;
        self.tell(ctx, None, Body::Gap(Gap { scope, reason, missing, dropped: 0 }));
    }

    fn tell(&self, ctx: &mut Context, venue_ns: Option<Nanos>, body: Body) {
        ctx.out.push(Output::Event { sub: self.sub, venue_ns, body });
    }
}
