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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extra {
    pub life: Life,
    pub display: Option<Display>,
    pub peg: Option<PegTerms>,
    /// Open lots that are not shown.
    pub reserve: Lots,
}

impl Extra {
    pub const NONE: Self = Self { life: Life::UntilCancelled, display: None, peg: None, reserve: 0 };
}

/// The extras of one book, by slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    by_slot: Vec<Extra>,
    /// Orders that have one.
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
        self.live += 1;
        if let Some(display) = extra.display.filter(Display::off_display) {
            self.off_display[side.index()].insert((key, display.entry), slot);
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
        self.live -= 1;
        if let Some(display) = extra.display.filter(Display::off_display) {
            self.off_display[side.index()].remove(&(key, display.entry));
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
