//! Phases: continuous trading, the auctions before and after it, and what happens between them.

use super::Venue;
use super::regime::Regime;
use super::writer::Writer;
use crate::book::Cross;
use crate::event::Event;
use crate::policy::Matching;
use crate::types::{ListingId, Nanos, Phase};

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
            if phase.is_call() || resumes || phase == Phase::Closed || uncrossed.contains(&listing) {
                self.look_again(now_ns, listing, out);
            }
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
        let collected = |regime: &Regime| regime.called || regime.matching.in_batches();
        let of = |listing: &ListingId| collected(&self.listings[*listing as usize].regime);
        let listings: Vec<ListingId> = (0..self.listings.len() as ListingId).filter(of).collect();
        for &listing in &listings {
            self.uncross(now_ns, listing, out);
        }
        listings
    }

    /// Says whether anything traded.
    fn uncross(&mut self, now_ns: Nanos, listing: ListingId, out: &mut Vec<Event>) -> bool {
        let matches = self.numbers.next_match;
        let Self { numbers, accounts, listings, .. } = self;
        let mut say = Writer { out, numbers, time_ns: now_ns, listing };
        listings[listing as usize].uncross(accounts, &mut say);
        self.numbers.next_match != matches
    }

    /// Ends a listing's own halt if its time is over, or a batch if its interval is.
    pub(super) fn pass_time(&mut self, now_ns: Nanos, listing: ListingId, out: &mut Vec<Event>) {
        let Regime { halted, halt_until_ns, matching, batch_clock, .. } =
            *self.listings[listing as usize].regime;
        if halted && (1..=now_ns).contains(&halt_until_ns) {
            self.uncross(now_ns, listing, out);
            self.listings[listing as usize].go_to(self.phase);
            let phase = self.phase;
            self.desk(now_ns, listing, out).1.listing_phase(phase);
            return self.look_again(now_ns, listing, out);
        }
        let Matching::BatchAuction { interval_ns } = matching else { return };
        let clock = now_ns.div_euclid(interval_ns);
        if self.phase == Phase::Continuous && clock > batch_clock {
            self.listings[listing as usize].regime.batch_clock = clock;
            if self.uncross(now_ns, listing, out) {
                self.look_again(now_ns, listing, out);
            } else {
                self.settle(now_ns, listing, out.len(), None, out);
            }
        }
    }

    /// Lets stops see the last print again where trading begins, and says where an auction stands.
    fn look_again(&mut self, now_ns: Nanos, listing: ListingId, out: &mut Vec<Event>) {
        let print = self.listings[listing as usize].last_print;
        self.settle(now_ns, listing, out.len(), print, out);
    }
}
