//! What a venue says: one fixed row for reports to owners and for public data alike.

use crate::hash::Fnv;
use crate::types::{AgentId, ListingId, Lots, Nanos, OrderId, Side, Ticks};

closed_codes! {
    /// What a row says.
    EventKind {
        Accepted = 1,
        /// A fill as reported to one of its two owners.
        Fill = 2,
        Cancelled = 3,
        Replaced = 4,
        Rejected = 5,
        CancelRejected = 6,
        ReplaceRejected = 7,
        /// The public print of a match.
        Trade = 8,
        Phase = 9,
        /// A movement of the ledger in logs; never a row of a venue.
        Posting = 10,
        /// A recorded trade of an external market, in so far as no agent took part.
        Print = 11,
        /// A print has elected a stop.
        Triggered = 12,
        /// An iceberg shows a new peak.
        Refreshed = 13,
        /// A peg has another price.
        Repriced = 14,
        /// What an auction would come to if it ended now.
        Indicative = 15,
        /// An auction has ended.
        Auction = 16,
    }
}

impl EventKind {
    /// Whether the command was refused.
    #[inline]
    pub const fn is_reject(self) -> bool {
        matches!(self, Self::Rejected | Self::CancelRejected | Self::ReplaceRejected)
    }

    /// Whether the row is a report to the order's owner rather than public data.
    #[inline]
    pub const fn is_report(self) -> bool {
        (self as u8) <= Self::ReplaceRejected as u8
            || matches!(self, Self::Triggered | Self::Refreshed | Self::Repriced)
    }
}

closed_codes! {
    /// Why a command was refused.
    RejectReason {
        UnknownListing = 1,
        UnknownOrder = 2,
        DuplicateOrderId = 3,
        PriceOutOfRange = 4,
        SizeOutOfRange = 5,
        NotionalOverflow = 6,
        PostOnlyWouldCross = 7,
        VenueSuspended = 8,
        VenueClosed = 9,
        InsufficientFunds = 10,
        MinNotional = 11,
        InvalidCombination = 12,
        OpenOrderLimit = 13,
        OrderSizeLimit = 14,
        ProtectionRequired = 15,
        QuantityOverflow = 16,
        /// Not while orders are collected for an auction.
        NotInThisPhase = 17,
        NoReferencePrice = 18,
        RiskOrderSize = 19,
        RiskNotional = 20,
        RiskPosition = 21,
        RiskCollar = 22,
        RiskMessageRate = 23,
        RiskShortSale = 24,
        /// A term that its order cannot have, or that contradicts another.
        InvalidTerms = 25,
    }
}

closed_codes! {
    /// Why an order, or what was left of it, ended without a trade.
    CancelReason {
        Requested = 1,
        ImmediateOrCancel = 2,
        FillOrKill = 3,
        /// A market order without protection met an empty side.
        NoLiquidity = 4,
        SelfTrade = 5,
        SessionEnd = 6,
        AgentDisabled = 7,
        ReplacedBelowExecuted = 8,
        /// A recorded reduction took all of it.
        External = 9,
        /// Its time was over.
        Expired = 10,
        /// Less than its minimum could trade at once.
        MinimumQuantity = 11,
        MassCancel = 12,
        /// Its agent lost the connection and had asked for this.
        Disconnected = 13,
        /// Self-trade prevention took the last of it.
        SelfTradeDecrement = 14,
        /// A market order that its auction did not fill.
        AuctionRemainder = 15,
    }
}

/// Bit 0 of `flags` on a FILL: this order was resting.
pub const FLAG_MAKER: u8 = 1;
/// Bit 0 of `flags` on a REPLACED: the order kept its place in the queue.
pub const FLAG_PRIORITY_KEPT: u8 = 1;
/// Bit 0 of `flags` on a PHASE: it is the phase of the row's listing alone.
pub const FLAG_ONE_LISTING: u8 = 1;
/// Bit 0 of `flags` on a REFRESHED: the order went to the back of its queue.
pub const FLAG_TO_THE_BACK: u8 = 1;

/// One row; fields a kind does not use are 0. The layout is the numpy `EVENT` dtype, 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    pub time_ns: Nanos,
    /// The venue's own count of rows, from 1.
    pub seq: u64,
    pub price: Ticks,
    pub size: Lots,
    pub leaves: Lots,
    /// Quote atoms: positive charged, negative rebated.
    pub fee: i64,
    /// The venue's own count of matches, from 1.
    pub match_id: u64,
    pub listing: ListingId,
    pub agent: AgentId,
    pub counter: u32,
    pub contra_agent: AgentId,
    pub contra_counter: u32,
    pub kind: EventKind,
    /// A `RejectReason`, `CancelReason` or `Phase` code, as the kind says.
    pub reason: u8,
    pub side: Side,
    pub flags: u8,
}

const _: () = assert!(size_of::<Event>() == 80, "the row is 80 bytes in numpy too");

impl Event {
    /// A row of this kind with nothing else in it.
    #[inline]
    pub const fn empty(kind: EventKind) -> Self {
        Self {
            time_ns: 0,
            seq: 0,
            price: 0,
            size: 0,
            leaves: 0,
            fee: 0,
            match_id: 0,
            listing: 0,
            agent: 0,
            counter: 0,
            contra_agent: 0,
            contra_counter: 0,
            kind,
            reason: 0,
            side: Side::Buy,
            flags: 0,
        }
    }

    #[inline]
    pub const fn id(&self) -> OrderId {
        OrderId::new(self.agent, self.counter)
    }

    #[inline]
    pub const fn contra(&self) -> OrderId {
        OrderId::new(self.contra_agent, self.contra_counter)
    }

    /// Folds the row into the event log: `words`, where a row that knows no fee, match and counterparty is
    /// spared four of them.
    #[inline]
    pub fn fold(&self, log: &mut Fnv, name_of: impl Fn(AgentId) -> u64) {
        let words = self.words(name_of);
        log.words(&words[..5]);
        if self.fee as u64 | self.match_id | u64::from(self.contra_counter) == 0 {
            log.word_and_four_zeros(words[5]);
        } else {
            log.words(&words[5..10]);
        }
        log.words(&words[10..]);
    }

    /// The row's words in the event log. `name_of` gives the hash of an agent's name; `listing` must
    /// already be the kernel's number (of a PHASE row: the venue's).
    #[inline]
    pub fn words(&self, name_of: impl Fn(AgentId) -> u64) -> [u64; 12] {
        let contra = if self.contra_counter == 0 { 0 } else { name_of(self.contra_agent) };
        [
            u64::from(self.kind.code())
                | u64::from(self.reason) << 8
                | u64::from(self.side.code()) << 16
                | u64::from(self.flags) << 24
                | u64::from(self.listing) << 32,
            name_of(self.agent),
            u64::from(self.counter),
            self.price as u64,
            self.size as u64,
            self.leaves as u64,
            self.fee as u64,
            self.match_id,
            contra,
            u64::from(self.contra_counter),
            self.time_ns as u64,
            self.seq,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_packs_the_small_fields() {
        let row = Event {
            reason: 2,
            side: Side::Sell,
            flags: 1,
            listing: 9,
            agent: 6,
            counter: 3,
            contra_agent: 7,
            contra_counter: 4,
            ..Event::empty(EventKind::Fill)
        };
        let words = row.words(|agent| u64::from(agent) * 100);
        assert_eq!(words[0], 2 | 2 << 8 | 1 << 16 | 1 << 24 | 9 << 32);
        assert_eq!((words[1], words[2], words[8], words[9]), (600, 3, 700, 4));
    }

    #[test]
    fn folding_a_row_is_folding_its_words() {
        let plain =
            Event { agent: 5, counter: 3, price: 7, size: 2, seq: 9, ..Event::empty(EventKind::Accepted) };
        let rows = [
            plain,
            Event { fee: -1, ..plain },
            Event { match_id: 4, ..plain },
            Event { contra_agent: 6, contra_counter: 1, ..plain },
        ];
        for row in rows {
            let (mut folded, mut words) = (Fnv::new(), Fnv::new());
            row.fold(&mut folded, |agent| u64::from(agent) + 100);
            words.words(&row.words(|agent| u64::from(agent) + 100));
            assert_eq!(folded, words);
        }
    }

    #[test]
    fn a_row_without_contra_has_no_contra_name() {
        assert_eq!(Event::empty(EventKind::Accepted).words(|_| 5)[8], 0);
    }

    #[test]
    fn reports_and_rejects_are_told_apart_from_public_rows() {
        assert!(EventKind::Fill.is_report() && EventKind::ReplaceRejected.is_report());
        assert!(!EventKind::Trade.is_report() && !EventKind::Phase.is_report());
        assert!(EventKind::Rejected.is_reject() && !EventKind::Cancelled.is_reject());
    }
}
