//! Recorded flow: a line of updates beside the queue, each applied at its instant and before everything else.

use super::Kernel;
use super::clearing::Cause;
use super::error::{KernelError, Result, later_as_asked};
use super::tape::QueueCause;
use crate::external::{DepthUpdate, Desk, External, LevelUpdate, OrderOp, OrderOpKind, Stats, TradeUpdate};
use crate::types::{Lots, MAX_PRICE, MAX_SIZE, Nanos, Side, Ticks};

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
    /// One event of a feed of single orders; most updates are that.
    Order(OrderOp),
    /// Several that are one update.
    Orders(Vec<OrderOp>),
}

impl FlowEvent {
    fn check(&self) -> Result<()> {
        match self {
            FlowEvent::Depth(depth) => {
                depth.levels.iter().try_for_each(|&(side, price, lots)| check(side, price, lots, 0))
            }
            FlowEvent::Level(level) => check(level.side, level.price, level.lots, 0),
            FlowEvent::Trade(trade) => check(trade.aggressor, trade.price, trade.size, 1),
            FlowEvent::Order(op) => check_order(op),
            FlowEvent::Orders(ops) => ops.iter().try_for_each(check_order),
        }
    }

    /// What a change of the queue before somebody's order comes from.
    fn queue_cause(&self) -> QueueCause {
        let trades = |op: &OrderOp| matches!(op.kind, OrderOpKind::Execute | OrderOpKind::Hidden);
        let traded = match self {
            FlowEvent::Trade(_) => true,
            FlowEvent::Order(op) => trades(op),
            FlowEvent::Orders(ops) => ops.iter().any(trades),
            FlowEvent::Depth(_) | FlowEvent::Level(_) => false,
        };
        if traded { QueueCause::Traded } else { QueueCause::Cancelled }
    }

    const fn by_order(&self) -> bool {
        matches!(self, FlowEvent::Order(_) | FlowEvent::Orders(_))
    }
}

/// Only what an event needs must be there: the record of a deletion need not say where the order stood.
fn check_order(op: &OrderOp) -> Result<()> {
    match op.kind {
        OrderOpKind::Add | OrderOpKind::Hidden | OrderOpKind::Replace => check(op.side, op.price, op.lots, 1),
        OrderOpKind::Reduce | OrderOpKind::Execute => check(op.side, 1, op.lots, 1),
        OrderOpKind::Delete | OrderOpKind::Clear => Ok(()),
    }
}

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
        update.event.check()?;
        let place = self.external_place(update.listing)?;
        if update.delay_ns < 0 {
            return KernelError::argument(format!(
                "a recorded delay of {} ns: it cannot be negative",
                update.delay_ns
            ));
        }
        later_as_asked(update.time_ns, update.delay_ns)?;
        let earliest = self.latest_push.max(self.now);
        if update.time_ns < earliest {
            return KernelError::engine(
                format!("recorded flow at {} ns after {earliest} ns", update.time_ns),
                "push",
                "Push updates in the order of time.",
            );
        }
        let by_order = update.event.by_order();
        let external = self.markets[place].external.as_mut().expect("just found");
        if !external.takes(by_order) {
            let (one, other) =
                if by_order { ("single orders", "levels") } else { ("levels", "single orders") };
            return KernelError::argument(format!(
                "recorded {one} for listing {}, whose flow is of {other}: a listing takes one kind",
                update.listing
            ));
        }
        self.latest_push = update.time_ns;
        self.flow.push_back(update);
        Ok(())
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

    /// One recorded update is atomic: all its steps, then one publication.
    pub(super) fn apply(&mut self, update: &FlowUpdate) -> Result<()> {
        let place = self.market_place(update.listing)?;
        let mut journal = std::mem::take(&mut self.journal);
        journal.clear();
        let market = &mut self.markets[place];
        let venue = market.venue;
        let mut desk = Desk {
            now: self.now,
            venue: &mut self.venues[market.venue as usize].venue,
            listing: market.local,
            counters: &mut self.external_counters,
            journal: &mut journal,
        };
        let external = market.external.as_mut().expect("checked when it was pushed");
        match &update.event {
            FlowEvent::Depth(depth) => external.depth(&mut desk, depth),
            FlowEvent::Level(level) => {
                if !external.level_alone(&mut desk, level) {
                    external.depth(&mut desk, &DepthUpdate::from(*level));
                }
            }
            FlowEvent::Trade(trade) => external.trade(&mut desk, trade),
            FlowEvent::Order(op) => external.orders(&mut desk, std::slice::from_ref(op)),
            FlowEvent::Orders(ops) => external.orders(&mut desk, ops),
        }
        let listing = market.local;
        if desk.venue.next_time(listing).is_some() {
            self.set_timer(venue, listing..listing + 1);
        }
        for number in 0..journal.len() {
            let (command, rows) = journal.step(number);
            let cause = command.map(|command| Cause { command, with_terms: None, sent_ns: self.now });
            // Not collected in a variable: an outcome is larger than most steps.
            if let Err(error) = self.clear(venue, rows, cause) {
                self.journal = journal;
                return Err(error);
            }
        }
        self.journal = journal;
        self.publish_if_changed(place, update.delay_ns, update.event.queue_cause())
    }
}
