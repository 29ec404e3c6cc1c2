//! What a few resting orders have beyond price and size: a reserve, a refresh, an end. Kept apart from the
//! slab, so that the orders that have none of it stay as small as they were.

use std::collections::BTreeMap;

use super::ladder::Key;
use super::slab::Slot;
use crate::conditions::{Peg, Refresh};
use crate::types::{Lots, Nanos, Side, Ticks};

/// When a resting order ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    UntilCancelled,
    Session,
    /// At a time; orders of one time end in the order of their numbers.
    Until {
        expire_ns: Nanos,
        number: u64,
    },
}

/// How much of an order is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Display {
    /// The peak; 0 shows nothing.
    pub lots: Lots,
    pub refresh: Refresh,
    /// The venue's count of orders that came to rest this way: their rank behind what is displayed.
    pub entry: u64,
}

impl Display {
    /// Whether the order waits, with what it does not show, behind everything displayed at its price.
    pub const fn off_display(&self) -> bool {
        self.lots == 0 || matches!(self.refresh, Refresh::Reserve)
    }
}

/// What a pegged order follows, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PegTerms {
    pub kind: Peg,
    /// Towards the other side positive.
    pub offset_ticks: Ticks,
    /// It never goes beyond this price.
    pub limit: Option<Ticks>,
    /// The venue's count of stops and pegs: who follows first.
    pub number: u64,
}

/// That an order came to rest while orders were collected for an auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// The venue's count of such orders.
    pub number: u64,
    /// The listing's count of auctions, where they are its way of trading; else 0.
    pub batch: u64,
}

/// What becomes of an order without a price that its auction does not fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    Ends,
    /// It takes the auction's price as its limit.
    ToLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    pub life: Life,
    pub display: Option<Display>,
    pub peg: Option<PegTerms>,
    /// `None`: it came to rest in continuous trading.
    pub called: Option<Called>,
    /// Of an order without a price, which waits for an auction before all that have one.
    pub unpriced: Option<Unpriced>,
    /// Open lots that are not shown.
    pub reserve: Lots,
}

impl Extra {
    pub const NONE: Self = Self {
        life: Life::UntilCancelled,
        display: None,
        peg: None,
        called: None,
        unpriced: None,
        reserve: 0,
    };

    /// Whether it makes no difference to continuous trading. When an order was called only an auction asks.
    const fn is_idle(&self) -> bool {
        matches!(self.life, Life::UntilCancelled)
            && self.display.is_none()
            && self.peg.is_none()
            && self.unpriced.is_none()
    }

    /// The order's rank among those that its price does not show.
    fn rank_behind(&self) -> Option<u64> {
        match (self.unpriced, self.called) {
            (Some(_), Some(called)) => Some(called.number),
            _ => self.display.filter(Display::off_display).map(|display| display.entry),
        }
    }
}

/// The extras of one book, by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    by_slot: Vec<Extra>,
    /// Orders that have one which matters to continuous trading.
    live: usize,
    /// Hidden orders and reserves by price and entry; bids, then asks.
    pub off_display: [BTreeMap<(Key, u64), Slot>; 2],
    /// Orders that end at a time, by time and number.
    pub ends: BTreeMap<(Nanos, u64), Slot>,
    /// Pegs by number.
    pub pegs: BTreeMap<u64, Slot>,
    /// Icebergs whose peak ran out in this sweep, oldest first.
    pub used_up: Vec<Slot>,
}

impl Extras {
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    pub fn get(&self, slot: Slot) -> &Extra {
        &self.by_slot[slot as usize]
    }

    /// Changes the lots that an order does not show.
    pub fn set_reserve(&mut self, slot: Slot, reserve: Lots) {
        self.by_slot[slot as usize].reserve = reserve;
    }

    pub fn add(&mut self, slot: Slot, side: Side, key: Key, extra: Extra) {
        let needed = slot as usize + 1;
        if self.by_slot.len() < needed {
            self.by_slot.resize(needed.next_power_of_two(), Extra::NONE);
        }
        self.by_slot[slot as usize] = extra;
        if extra.is_idle() {
            return;
        }
        self.live += 1;
        if let Some(rank) = extra.rank_behind() {
            self.off_display[side.index()].insert((key, rank), slot);
        }
        if let Life::Until { expire_ns, number } = extra.life {
            self.ends.insert((expire_ns, number), slot);
        }
        if let Some(peg) = extra.peg {
            self.pegs.insert(peg.number, slot);
        }
    }

    /// Forgets the extra of an order that leaves the book.
    pub fn remove(&mut self, slot: Slot, side: Side, key: Key) -> Extra {
        let extra = self.by_slot[slot as usize];
        if extra.is_idle() {
            return extra;
        }
        self.live -= 1;
        if let Some(rank) = extra.rank_behind() {
            self.off_display[side.index()].remove(&(key, rank));
        }
        if let Life::Until { expire_ns, number } = extra.life {
            self.ends.remove(&(expire_ns, number));
        }
        if let Some(peg) = extra.peg {
            self.pegs.remove(&peg.number);
        }
        self.used_up.retain(|&used| used != slot);
        extra
    }

    /// The first order behind the display at a price, from an entry number on.
    pub fn behind(&self, side: Side, key: Key, from: u64) -> Option<(u64, Slot)> {
        let orders = &self.off_display[side.index()];
        orders.range((key, from)..=(key, u64::MAX)).next().map(|(&(_, entry), &slot)| (entry, slot))
    }
}
