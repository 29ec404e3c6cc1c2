//! Recorded flow: a line of updates beside the queue, each applied at its instant and before everything else.

use super::Kernel;
use super::error::{KernelError, Result, later_as_asked};
use super::tape::QueueCause;
use crate::event::{Event, EventKind};
use crate::external::{
    DepthUpdate, Desk, External, Journal, LevelUpdate, OrderOp, OrderOpKind, Stats, TradeUpdate,
};
use crate::types::{EXTERNAL_BOOK, ListingId, Lots, MAX_PRICE, MAX_SIZE, Nanos, Side, Ticks};

/// A recorded update on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowUpdate {
    pub time_ns: Nanos,
    /// How much later than its own time a site hears of it, on top of the site's own delay.
    pub delay_ns: Nanos,
    pub listing: i64,
    pub event: FlowEvent,
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    Depth(DepthUpdate),
    /// One level of it.
    Level(LevelUpdate),
    Trade(TradeUpdate),
    /// One event of a feed of single orders.
    Order(OrderOp),
    /// Several that are one update.
    Orders(Vec<OrderOp>),
}

/// What a row tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// `lots` are at the price now; 0 deletes the level.
    Level,
    /// `side` is the aggressor's.
    Trade,
    Order(OrderOpKind),
}

/// A recorded update that is one level, one trade or one order, as nearly all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRow {
    pub time_ns: Nanos,
    /// As in `FlowUpdate`.
    pub delay_ns: Nanos,
    pub listing: i64,
    /// Of levels and trades.
    pub exchange_ns: Option<Nanos>,
    pub kind: FlowKind,
    pub side: Side,
    /// Of orders.
    pub id: u64,
    pub price: Ticks,
    pub lots: Lots,
}

impl FlowRow {
    fn order_op(&self, kind: OrderOpKind) -> OrderOp {
        OrderOp { kind, side: self.side, id: self.id, price: self.price, lots: self.lots }
    }

    #[inline]
    fn check(&self) -> Result<()> {
        match self.kind {
            FlowKind::Level => check(self.side, self.price, self.lots, 0),
            FlowKind::Trade => check(self.side, self.price, self.lots, 1),
            FlowKind::Order(kind) => check_order(&self.order_op(kind)),
        }
    }
}

impl FlowUpdate {
    /// As a row, if it is one.
    fn row(&self) -> Option<FlowRow> {
        let (exchange_ns, kind, side, id, price, lots) = match self.event {
            FlowEvent::Level(level) => {
                (level.exchange_ns, FlowKind::Level, level.side, 0, level.price, level.lots)
            }
            FlowEvent::Trade(trade) => {
                (trade.exchange_ns, FlowKind::Trade, trade.aggressor, 0, trade.price, trade.size)
            }
            FlowEvent::Order(op) => (None, FlowKind::Order(op.kind), op.side, op.id, op.price, op.lots),
            FlowEvent::Depth(_) | FlowEvent::Orders(_) => return None,
        };
        let Self { time_ns, delay_ns, listing, .. } = *self;
        Some(FlowRow { time_ns, delay_ns, listing, exchange_ns, kind, side, id, price, lots })
    }
}

/// Only what an event needs must be there: the record of a deletion need not say where the order stood.
#[inline]
fn check_order(op: &OrderOp) -> Result<()> {
    use OrderOpKind::{Add, Clear, Delete, Hidden, Replace};
    let priced = matches!(op.kind, Add | Hidden | Replace);
    let sized = !matches!(op.kind, Delete | Clear);
    check(op.side, if priced { op.price } else { 1 }, if sized { op.lots } else { 1 }, 1)
}

fn check_bundle(event: &FlowEvent) -> Result<()> {
    match event {
        FlowEvent::Depth(depth) => {
            depth.levels.iter().try_for_each(|&(side, price, lots)| check(side, price, lots, 0))
        }
        FlowEvent::Orders(ops) => ops.iter().try_for_each(check_order),
        _ => unreachable!("one level, trade or order is a row"),
    }
}

#[inline]
fn check(side: Side, price: Ticks, lots: Lots, least: Lots) -> Result<()> {
    match (1..=MAX_PRICE).contains(&price) && (least..=MAX_SIZE).contains(&lots) {
        true => Ok(()),
        false => KernelError::argument(format!(
            "recorded {side:?} of {lots} lots at price {price}: prices go from 1 to {MAX_PRICE}, lots from {least} to \
             {MAX_SIZE}"
        )),
    }
}

impl Kernel {
    /// Hands in a recorded update; they come in the order of time.
    pub fn push_flow(&mut self, update: FlowUpdate) -> Result<()> {
        if let Some(row) = update.row() {
            return self.push_row(&row);
        }
        let FlowUpdate { time_ns, delay_ns, listing, event } = update;
        check_bundle(&event)?;
        let by_order = matches!(event, FlowEvent::Orders(_));
        let place = self.admit(time_ns, delay_ns, listing, by_order)?;
        self.flow.push_bundle(time_ns, delay_ns, place, event);
        Ok(())
    }

    /// The same for one that is a row.
    #[inline]
    pub fn push_row(&mut self, row: &FlowRow) -> Result<()> {
        row.check()?;
        let by_order = matches!(row.kind, FlowKind::Order(_));
        let place = self.admit(row.time_ns, row.delay_ns, row.listing, by_order)?;
        self.flow.push(place, row);
        Ok(())
    }

    /// Whether an update may come in: the place of its listing.
    #[inline]
    fn admit(&mut self, time_ns: Nanos, delay_ns: Nanos, listing: i64, by_order: bool) -> Result<usize> {
        let place = self.external_place(listing)?;
        if delay_ns < 0 {
            return KernelError::argument(format!(
                "a recorded delay of {delay_ns} ns: it cannot be negative"
            ));
        }
        later_as_asked(time_ns, delay_ns)?;
        let earliest = self.latest_push.max(self.now);
        if time_ns < earliest {
            return KernelError::engine(
                format!("recorded flow at {time_ns} ns after {earliest} ns"),
                "push",
                "Push updates in the order of time.",
            );
        }
        let external = self.markets[place].external.as_mut().expect("just found");
        if !external.takes(by_order) {
            let (one, other) =
                if by_order { ("single orders", "levels") } else { ("levels", "single orders") };
            return KernelError::argument(format!(
                "recorded {one} for listing {listing}, whose flow is of {other}: a listing takes one kind"
            ));
        }
        self.latest_push = time_ns;
        Ok(place)
    }

    /// Place of a listing that has a recorded market.
    pub(super) fn external_place(&self, listing: i64) -> Result<usize> {
        let place = self.market_place(listing)?;
        match self.markets[place].external {
            Some(_) => Ok(place),
            None => KernelError::argument(format!(
                "listing {listing} has no recorded market: call add_external before start"
            )),
        }
    }

    pub fn external_stats(&self, listing: i64) -> Result<Stats> {
        let place = self.external_place(listing)?;
        Ok(self.markets[place].external.as_ref().map(External::stats).unwrap_or_default())
    }

    /// Applies recorded updates, each at its instant, up to `until` and as long as nothing else is due before
    /// them, at most `most`; gives their number. None of them hands out a notice.
    pub(super) fn apply_due(&mut self, until: Nanos, most: u32) -> Result<u32> {
        let mut journal = std::mem::take(&mut self.journal);
        let mut applied = 0;
        let mut done = Ok(());
        while applied < most && done.is_ok() {
            let time = self.flow.next_time();
            if self.flow.is_empty()
                || time > until
                || self.queue.next_time().is_some_and(|entry| entry < time)
            {
                break;
            }
            applied += 1;
            done = self.count_entry(time).and_then(|()| self.apply_next(&mut journal));
        }
        self.journal = journal;
        done.map(|()| applied)
    }

    /// Takes the next recorded update out and applies it, unless the day is over. It is atomic: all its steps,
    /// then one publication.
    #[inline]
    fn apply_next(&mut self, journal: &mut Journal) -> Result<()> {
        let row = self.flow.pop();
        let bundle = row.kind.is_none().then(|| self.flow.bundle());
        if self.closed {
            return Ok(());
        }
        let place = row.market as usize;
        journal.clear();
        let market = &mut self.markets[place];
        let (venue, listing) = (market.venue, market.local);
        let external = market.external.as_mut().expect("checked when it was pushed");
        let mut desk = Desk {
            now: self.now,
            venue: &mut self.venues[venue as usize].venue,
            listing,
            counters: &mut self.external_counters,
            journal,
        };
        let cause = match row.kind {
            Some(FlowKind::Level) => {
                let level = row.level();
                if !external.level_alone(&mut desk, &level) {
                    external.depth(&mut desk, &DepthUpdate::from(level));
                }
                QueueCause::Cancelled
            }
            Some(FlowKind::Trade) => {
                external.trade(&mut desk, &row.trade());
                QueueCause::Traded
            }
            Some(FlowKind::Order(kind)) => {
                external.one_order(&mut desk, &row.order(kind));
                queue_cause(kind)
            }
            None => apply_bundle(external, &mut desk, &bundle.expect("taken out with its row")),
        };
        if desk.venue.next_time(listing).is_some() {
            self.set_timer(venue, listing..listing + 1);
        }
        let mut cleared = 0;
        for number in 0..journal.placed() {
            let (first, command) = journal.command(number);
            self.clear_recorded(place, &mut journal.rows[cleared..first])?;
            if let Some(command) = command {
                self.log.command(&command, None, place as ListingId, self.now);
            }
            cleared = first;
        }
        self.clear_recorded(place, &mut journal.rows[cleared..])?;
        self.publish_if_changed(place, row.delay_ns, cause)
    }

    /// `clear` for rows of one listing that no agent has to hear of, as far as they are that.
    #[inline]
    fn clear_recorded(&mut self, place: usize, rows: &mut [Event]) -> Result<()> {
        for number in 0..rows.len() {
            let row = &mut rows[number];
            let own = row.agent == EXTERNAL_BOOK;
            match row.kind {
                EventKind::Accepted | EventKind::Replaced | EventKind::Cancelled if own => {
                    row.listing = place as ListingId;
                    self.log.row(row);
                }
                EventKind::Print => {
                    row.listing = place as ListingId;
                    self.log.row(row);
                    self.on_print(place, row);
                }
                _ => return self.clear(self.markets[place].venue, &mut rows[number..], None),
            }
        }
        Ok(())
    }
}

/// What a change of the queue before somebody's order comes from.
const fn queue_cause(kind: OrderOpKind) -> QueueCause {
    match kind {
        OrderOpKind::Execute | OrderOpKind::Hidden => QueueCause::Traded,
        _ => QueueCause::Cancelled,
    }
}

fn apply_bundle(external: &mut External, desk: &mut Desk, bundle: &FlowEvent) -> QueueCause {
    match bundle {
        FlowEvent::Depth(depth) => external.depth(desk, depth),
        FlowEvent::Orders(ops) => {
            external.orders(desk, ops);
            if ops.iter().any(|op| queue_cause(op.kind) == QueueCause::Traded) {
                return QueueCause::Traded;
            }
        }
        _ => unreachable!("one level, trade or order is a row"),
    }
    QueueCause::Cancelled
}
