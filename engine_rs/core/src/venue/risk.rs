//! Risk before trade: limits of an agent in a listing, and what must be remembered to keep them.
//!
//! Positions and open lots follow the rows that a command has written; matching knows nothing of limits.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::Venue;
use super::listing::Listing;
use crate::event::{Event, EventKind, RejectReason};
use crate::hash::Fnv;
use crate::types::{AgentId, Atoms, ListingId, Lots, MAX_TOTAL, Nanos, OrderId, Side, Ticks};

const SECOND_NS: Nanos = 1_000_000_000;

/// Limits of one agent in one listing; `None`: no such limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskLimits {
    pub max_order_lots: Option<Lots>,
    pub max_notional_atoms: Option<Atoms>,
    /// Either way, if all open orders of one side were to trade.
    pub max_position_lots: Option<Lots>,
    /// How far beyond the reference price a limit may reach.
    pub collar_bps: Option<i64>,
    /// New orders and replacements within one second.
    pub max_messages_per_s: Option<i64>,
    /// Nothing is sold that is not held.
    pub no_short_sale: bool,
}

/// A limit that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskError {
    pub field: &'static str,
    pub value: i64,
    pub least: i64,
    pub most: i64,
}

impl fmt::Display for RiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, least, most } = self;
        write!(f, "risk limit {field} is {value}, must be from {least} to {most}")
    }
}

impl std::error::Error for RiskError {}

impl RiskLimits {
    fn check(&self) -> Result<(), RiskError> {
        let within = |field, value: Option<i64>, least, most| match value {
            Some(value) if !(least..=most).contains(&value) => Err(RiskError { field, value, least, most }),
            _ => Ok(()),
        };
        within("max_order_lots", self.max_order_lots, 0, MAX_TOTAL)?;
        within("max_notional_atoms", self.max_notional_atoms, 0, MAX_TOTAL)?;
        within("max_position_lots", self.max_position_lots, 0, MAX_TOTAL)?;
        within("collar_bps", self.collar_bps, 0, 1_000_000)?;
        within("max_messages_per_s", self.max_messages_per_s, 1, 100_000)
    }

    fn messages(&self) -> usize {
        self.max_messages_per_s.map_or(0, |most| most as usize)
    }
}

/// An agent in a listing.
#[derive(Clone, Debug, Default)]
struct Account {
    limits: RiskLimits,
    /// What it held before, plus bought, less sold.
    position: i128,
    open: BTreeMap<u32, (Side, Lots)>,
    /// Sums of `open`: buys, sells.
    open_lots: [i128; 2],
    /// Of the newest messages, as many as are allowed in a second.
    messages_ns: VecDeque<Nanos>,
}

impl Account {
    /// Counts a message, unless the second before it is full already.
    fn takes_message(&mut self, now_ns: Nanos) -> bool {
        let most = self.limits.messages();
        if most == 0 {
            return true;
        }
        let full = self.messages_ns.len() == most;
        if full && self.messages_ns.front().is_some_and(|&oldest| oldest > now_ns.saturating_sub(SECOND_NS)) {
            return false;
        }
        self.messages_ns.push_back(now_ns);
        self.forget_old();
        true
    }

    fn forget_old(&mut self) {
        let more = self.messages_ns.len().saturating_sub(self.limits.messages());
        self.messages_ns.drain(..more);
    }

    fn set_open(&mut self, counter: u32, side: Side, leaves: Lots) {
        let before = match leaves {
            0 => self.open.remove(&counter),
            _ => self.open.insert(counter, (side, leaves)),
        };
        if let Some((side, lots)) = before {
            self.open_lots[side.index()] -= i128::from(lots);
        }
        self.open_lots[side.index()] += i128::from(leaves);
    }

    fn follow(&mut self, row: &Event) {
        match row.kind {
            EventKind::Accepted | EventKind::Replaced => self.set_open(row.counter, row.side, row.leaves),
            EventKind::Cancelled => self.set_open(row.counter, row.side, 0),
            EventKind::Fill => {
                self.set_open(row.counter, row.side, row.leaves);
                let lots = i128::from(row.size);
                self.position += if row.side == Side::Buy { lots } else { -lots };
            }
            _ => (),
        }
    }

    /// Where the agent would stand if all it has open on this side were to trade.
    fn check_position(&self, ask: &Ask) -> Result<(), RejectReason> {
        let replaced = ask.replaced.and_then(|counter| self.open.get(&counter)).map_or(0, |open| open.1);
        let lots = self.open_lots[ask.side.index()] - i128::from(replaced) + i128::from(ask.lots);
        let worst = if ask.side == Side::Buy { self.position + lots } else { lots - self.position };
        if self.limits.max_position_lots.is_some_and(|most| worst > i128::from(most)) {
            return Err(RejectReason::RiskPosition);
        }
        let is_short = self.limits.no_short_sale && ask.side == Side::Sell && worst > 0;
        if is_short { Err(RejectReason::RiskShortSale) } else { Ok(()) }
    }
}

/// The limits of one listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Risk {
    accounts: BTreeMap<AgentId, Account>,
    /// Number of the last row that the accounts have seen.
    seen: u64,
}

impl Risk {
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Learns from the rows since the last time what agents hold and have open.
    pub fn follow(&mut self, rows: &[Event], listing: ListingId) {
        let new = rows.iter().rev().take_while(|row| row.seq > self.seen).count();
        for row in &rows[rows.len() - new..] {
            self.seen = row.seq;
            if row.listing == listing && row.kind.is_report() {
                if let Some(account) = self.accounts.get_mut(&row.agent) {
                    account.follow(row);
                }
            }
        }
    }
}

/// What an agent wants, as far as limits ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub agent: AgentId,
    pub side: Side,
    /// The limit that it would trade within.
    pub price: Option<Ticks>,
    /// What a lot counts for where there is no limit.
    pub value: Option<Ticks>,
    /// Whether something will give it a limit before it trades, or nobody asks for one.
    pub gets_limit: bool,
    /// Of the whole order.
    pub size: Lots,
    /// Of it, those that may still trade.
    pub lots: Lots,
    /// The order that it takes the place of.
    pub replaced: Option<u32>,
}

impl Listing {
    /// Counts a message, or says that it is one too many.
    #[cold]
    #[inline(never)]
    pub(super) fn check_rate(
        &mut self,
        agent: AgentId,
        exempt: bool,
        now_ns: Nanos,
    ) -> Result<(), RejectReason> {
        let account = self.regime.risk.accounts.get_mut(&agent).filter(|_| !exempt);
        let passes = account.is_none_or(|account| account.takes_message(now_ns));
        if passes { Ok(()) } else { Err(RejectReason::RiskMessageRate) }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn check_risk(&self, ask: &Ask, exempt: bool) -> Result<(), RejectReason> {
        let account = self.regime.risk.accounts.get(&ask.agent).filter(|_| !exempt);
        let Some(account) = account else { return Ok(()) };
        let limits = &account.limits;
        if limits.max_order_lots.is_some_and(|most| ask.size > most) {
            return Err(RejectReason::RiskOrderSize);
        }
        if let Some(most) = limits.max_notional_atoms {
            let value = ask.price.or(ask.value).or(self.reference()).ok_or(RejectReason::NoReferencePrice)?;
            if self.spec.notional(value, ask.size).is_none_or(|notional| notional > most) {
                return Err(RejectReason::RiskNotional);
            }
        }
        if let Some(bps) = limits.collar_bps {
            self.check_collar(ask, bps)?;
        }
        account.check_position(ask)
    }

    /// A limit may reach so far towards the other side; a passive price does no harm.
    fn check_collar(&self, ask: &Ask, bps: i64) -> Result<(), RejectReason> {
        let Some(price) = ask.price else {
            return if ask.gets_limit { Ok(()) } else { Err(RejectReason::ProtectionRequired) };
        };
        let reference = self.reference().ok_or(RejectReason::NoReferencePrice)?;
        let beyond = if ask.side == Side::Buy { price - reference } else { reference - price };
        let too_far = i128::from(beyond) * 10_000 > i128::from(bps) * i128::from(reference);
        if too_far { Err(RejectReason::RiskCollar) } else { Ok(()) }
    }

    /// Every live order of an agent: id, side and lots.
    fn open_of(&self, agent: AgentId) -> Vec<(OrderId, Side, Lots)> {
        let ids = self.orders_of(agent, None);
        ids.filter_map(|id| self.order(id).map(|order| (id, order.side, order.leaves))).collect()
    }

    /// Covers what later checks go by.
    pub(super) fn fold_risk(&self, hash: &mut Fnv, listing: ListingId) {
        for (&agent, account) in &self.regime.risk.accounts {
            let messages = account.messages_ns.len() as u64;
            hash.words(&[u64::from(listing), u64::from(agent), account.position as u64, messages]);
            account.messages_ns.iter().for_each(|&time_ns| hash.signed(time_ns));
        }
    }
}

impl Venue {
    /// Sets an agent's limits in a listing that exists, in place of those it had. Its position counts from the
    /// first call.
    pub fn set_risk(
        &mut self,
        agent: AgentId,
        listing: ListingId,
        limits: RiskLimits,
    ) -> Result<(), RiskError> {
        limits.check()?;
        let account = self.risk_account(agent, listing);
        account.limits = limits;
        account.forget_old();
        Ok(())
    }

    /// Says what an agent holds now: the position that limits are measured from.
    pub fn set_position(&mut self, agent: AgentId, listing: ListingId, lots: Lots) -> Result<(), RiskError> {
        if !(-MAX_TOTAL..=MAX_TOTAL).contains(&lots) {
            return Err(RiskError { field: "position", value: lots, least: -MAX_TOTAL, most: MAX_TOTAL });
        }
        self.risk_account(agent, listing).position = i128::from(lots);
        Ok(())
    }

    fn risk_account(&mut self, agent: AgentId, listing: ListingId) -> &mut Account {
        let found = &mut self.listings[listing as usize];
        found.plain = false;
        if !found.regime.risk.accounts.contains_key(&agent) {
            let mut account = Account::default();
            for (id, side, lots) in found.open_of(agent) {
                account.set_open(id.counter, side, lots);
            }
            found.regime.risk.seen = self.numbers.next_seq - 1;
            found.regime.risk.accounts.insert(agent, account);
        }
        found.regime.risk.accounts.get_mut(&agent).expect("it is there now")
    }
}
