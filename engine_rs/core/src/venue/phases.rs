//! Phases: continuous trading, the auctions before and after it, and what happens between them.

use super::Venue;
use super::writer::Writer;
use crate::book::Cross;
use crate::event::Event;
use crate::types::{ListingId, Nanos, Phase, Ticks};

impl Venue {
    /// Goes to another phase. Orders that an auction has collected trade before the venue opens or closes; what
    /// rests stays where it is, but a session's orders end with it.
    pub fn set_phase(&mut self, now_ns: Nanos, phase: Phase, out: &mut Vec<Event>) {
        let uncrossed = match phase {
            Phase::Continuous | Phase::Closed => self.uncross_all(now_ns, out),
            _ => Vec::new(),
        };
        if phase == Phase::Closed {
            self.end_session(now_ns, out);
        }
        let resumes = phase == Phase::Continuous && self.phase != phase;
        self.phase = phase;
        for listing in &mut self.listings {
            listing.go_to(phase);
        }
        self.desk(now_ns, 0, out).1.phase(phase);
        for listing in 0..self.listings.len() as ListingId {
            if phase.is_call() || resumes || (phase == Phase::Continuous && uncrossed.contains(&listing)) {
                self.look_again(now_ns, listing, out);
            }
        }
    }

    /// Names a price from which an auction goes out: the next print takes its place.
    pub fn set_reference_price(&mut self, listing: ListingId, price: Ticks) {
        if let Some(found) = self.listings.get_mut(listing as usize) {
            found.named_price = Some(price);
            found.regime.static_price = Some(price);
        }
    }

    /// The phase of a listing that exists.
    pub fn listing_phase(&self, listing: ListingId) -> Phase {
        self.listings[listing as usize].regime.phase
    }

    /// What the auction of a listing that exists would come to now; `None` where nothing would trade or no
    /// orders are collected.
    pub fn indicative(&self, listing: ListingId) -> Option<Cross> {
        self.listings[listing as usize].indicative()
    }

    /// Ends the auctions that are under way; gives their listings.
    fn uncross_all(&mut self, now_ns: Nanos, out: &mut Vec<Event>) -> Vec<ListingId> {
        let Self { numbers, accounts, listings, .. } = self;
        let mut uncrossed = Vec::new();
        for (listing, found) in (0..).zip(listings).filter(|(_, found)| found.regime.called) {
            found.uncross(accounts, &mut Writer { out, numbers, time_ns: now_ns, listing });
            uncrossed.push(listing);
        }
        uncrossed
    }

    /// Lets stops see the last print again where trading begins, and says where an auction stands.
    fn look_again(&mut self, now_ns: Nanos, listing: ListingId, out: &mut Vec<Event>) {
        let print = self.listings[listing as usize].last_print;
        self.settle(now_ns, listing, out.len(), print, out);
    }
}
