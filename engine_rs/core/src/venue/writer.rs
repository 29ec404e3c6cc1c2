//! How a venue speaks: every row gets the venue's next number.

use super::stop::Stop;
use crate::book::{Cross, Match, OrderState, Peak};
use crate::event::{
    CancelReason, Event, EventKind, FLAG_MAKER, FLAG_ONE_LISTING, FLAG_PRIORITY_KEPT, FLAG_TO_THE_BACK,
    RejectReason,
};
use crate::order::NewOrder;
use crate::types::{Atoms, ListingId, Lots, Nanos, OrderId, Phase, Side, Ticks};

/// A venue's counters; all start at 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub next_seq: u64,
    pub next_match: u64,
    /// Of orders that come to rest without showing all they hold.
    pub next_entry: u64,
    /// Of accepted orders that end at a time.
    pub next_expiry: u64,
    /// Of accepted stops and pegs.
    pub next_number: u64,
    /// Of orders that come to rest while orders are collected for an auction.
    pub next_call: u64,
}

/// The next number, counted on.
pub(super) fn count(next: &mut u64) -> u64 {
    *next += 1;
    *next - 1
}

/// Writes the rows of one command.
pub(super) struct Writer<'a> {
    pub out: &'a mut Vec<Event>,
    pub numbers: &'a mut Numbers,
    pub time_ns: Nanos,
    pub listing: ListingId,
}

impl Numbers {
    pub const FIRST: Self =
        Self { next_seq: 1, next_match: 1, next_entry: 1, next_expiry: 1, next_number: 1, next_call: 1 };
}

/// The order a report speaks of.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub id: OrderId,
    pub side: Side,
    pub price: Ticks,
}

/// The incoming side of a match, and what both sides pay.
pub(super) struct Filled {
    pub id: OrderId,
    pub side: Side,
    /// Lots still open after the match.
    pub open: Lots,
    pub maker_fee: Atoms,
    pub taker_fee: Atoms,
}

/// One side of an auction's match.
pub(super) struct Auctioned {
    pub id: OrderId,
    pub leaves: Lots,
    pub fee: Atoms,
}

impl Writer<'_> {
    #[inline]
    fn push(&mut self, row: Event) {
        let seq = self.numbers.next_seq;
        self.numbers.next_seq += 1;
        self.out.push(Event { seq, time_ns: self.time_ns, listing: self.listing, ..row });
    }

    #[inline]
    fn report(&mut self, kind: EventKind, of: &Subject, size: Lots, leaves: Lots, reason: u8, flags: u8) {
        self.push(Event {
            price: of.price,
            size,
            leaves,
            agent: of.id.agent,
            counter: of.id.counter,
            side: of.side,
            reason,
            flags,
            ..Event::empty(kind)
        });
    }

    #[inline]
    pub fn accepted(&mut self, of: &Subject, size: Lots) {
        self.report(EventKind::Accepted, of, size, size, 0, 0);
    }

    #[inline]
    pub fn cancelled(&mut self, of: &Subject, lots: Lots, reason: CancelReason) {
        self.report(EventKind::Cancelled, of, lots, 0, reason.code(), 0);
    }

    #[inline]
    pub fn replaced(&mut self, of: &Subject, total: Lots, leaves: Lots, priority_kept: bool) {
        let flags = if priority_kept { FLAG_PRIORITY_KEPT } else { 0 };
        self.report(EventKind::Replaced, of, total, leaves, 0, flags);
    }

    #[cold]
    pub fn refreshed(&mut self, peak: &Peak) {
        let of = Subject { id: peak.id, side: peak.side, price: peak.price };
        self.report(EventKind::Refreshed, &of, peak.shown, peak.leaves, 0, FLAG_TO_THE_BACK);
    }

    #[cold]
    pub fn triggered(&mut self, stop: &Stop) {
        let of = Subject { price: stop.stop.unwrap_or(0), ..stop.subject() };
        self.report(EventKind::Triggered, &of, stop.size, stop.size, 0, stop.order_type.code());
    }

    #[cold]
    pub fn repriced(&mut self, of: &Subject, leaves: Lots) {
        self.report(EventKind::Repriced, of, leaves, leaves, 0, 0);
    }

    #[cold]
    pub fn rejected(&mut self, order: &NewOrder, reason: RejectReason) {
        let of = Subject { id: order.id, side: order.side, price: order.price.unwrap_or(0) };
        self.report(EventKind::Rejected, &of, order.size, 0, reason.code(), 0);
    }

    /// Refuses a cancel or replace; the row says what is left of the order it meant, if that is known.
    #[cold]
    pub fn refused(
        &mut self,
        kind: EventKind,
        id: OrderId,
        known: Option<OrderState>,
        (price, size): (Ticks, Lots),
        reason: RejectReason,
    ) {
        let (side, leaves) = known.map_or((Side::Buy, 0), |state| (state.side, state.leaves));
        self.report(kind, &Subject { id, side, price }, size, leaves, reason.code(), 0);
    }

    /// A phase of the venue; rows of the venue name no listing.
    #[cold]
    pub fn phase(&mut self, phase: Phase) {
        self.push(Event { reason: phase.code(), ..Event::empty(EventKind::Phase) });
    }

    /// A phase of one listing while its venue goes on.
    #[cold]
    pub fn listing_phase(&mut self, phase: Phase) {
        let reason = phase.code();
        self.push(Event { reason, flags: FLAG_ONE_LISTING, ..Event::empty(EventKind::Phase) });
    }

    #[cold]
    pub fn indicative(&mut self, cross: Option<Cross>) {
        self.cross(EventKind::Indicative, cross);
    }

    #[cold]
    pub fn auction(&mut self, cross: Cross) {
        self.cross(EventKind::Auction, Some(cross));
    }

    fn cross(&mut self, kind: EventKind, cross: Option<Cross>) {
        let Cross { price, volume, surplus } = cross.unwrap_or(Cross { price: 0, volume: 0, surplus: 0 });
        self.push(Event { price, size: volume, leaves: surplus, ..Event::empty(kind) });
    }

    /// The rows of one match of an auction: the public print, then the buyer's report, then the seller's.
    /// Nobody made the price, so the older order stands in the maker's place and both pay as takers.
    pub fn auctioned(
        &mut self,
        price: Ticks,
        lots: Lots,
        bought: &Auctioned,
        sold: &Auctioned,
        buy_is_older: bool,
    ) {
        let match_id = count(&mut self.numbers.next_match);
        let (older, younger) = if buy_is_older { (bought, sold) } else { (sold, bought) };
        let print = Event { price, size: lots, match_id, ..Event::empty(EventKind::Trade) };
        self.push(Event {
            agent: older.id.agent,
            counter: older.id.counter,
            contra_agent: younger.id.agent,
            contra_counter: younger.id.counter,
            side: if buy_is_older { Side::Sell } else { Side::Buy },
            ..print
        });
        for (side, own, other) in [(Side::Buy, bought, sold), (Side::Sell, sold, bought)] {
            self.push(Event {
                kind: EventKind::Fill,
                agent: own.id.agent,
                counter: own.id.counter,
                contra_agent: other.id.agent,
                contra_counter: other.id.counter,
                leaves: own.leaves,
                fee: own.fee,
                side,
                ..print
            });
        }
    }

    #[cold]
    pub fn print(&mut self, aggressor: Side, price: Ticks, size: Lots) {
        self.push(Event { price, size, side: aggressor, ..Event::empty(EventKind::Print) });
    }

    /// The rows of one match: the public print, then the maker's report, then the taker's.
    #[inline]
    pub fn matched(&mut self, done: &Match, taker: Filled) {
        let match_id = self.numbers.next_match;
        self.numbers.next_match += 1;
        let print = Event {
            price: done.price,
            size: done.lots,
            match_id,
            agent: done.maker.agent,
            counter: done.maker.counter,
            contra_agent: taker.id.agent,
            contra_counter: taker.id.counter,
            side: taker.side,
            ..Event::empty(EventKind::Trade)
        };
        self.push(print);
        self.push(Event {
            kind: EventKind::Fill,
            leaves: done.maker_leaves,
            fee: taker.maker_fee,
            side: taker.side.opposite(),
            flags: FLAG_MAKER,
            ..print
        });
        self.push(Event {
            kind: EventKind::Fill,
            leaves: taker.open,
            fee: taker.taker_fee,
            agent: taker.id.agent,
            counter: taker.id.counter,
            contra_agent: done.maker.agent,
            contra_counter: done.maker.counter,
            ..print
        });
    }
}
