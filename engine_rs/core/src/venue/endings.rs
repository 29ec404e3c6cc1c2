//! Orders that end without their own cancel: by the clock, with the session, all of an agent at once.

use std::collections::BTreeSet;

use super::Venue;
use super::listing::Listing;
use crate::book::Life;
use crate::event::{CancelReason, Event, EventKind, RejectReason};
use crate::types::{AgentId, ListingId, Nanos, OrderId, Phase, Side};

impl Venue {
    /// Ends every order whose time is over by `now_ns`, the earliest first; then halts and batches whose time is.
    /// Nothing else looks at the clock.
    pub fn advance(&mut self, now_ns: Nanos, out: &mut Vec<Event>) {
        let first = |venue: &Self| {
            let ends = venue
                .listings
                .iter()
                .zip(0..)
                .filter_map(|(listing, number)| listing.first_end().map(|(end, id)| (end, number, id)));
            ends.min()
        };
        let mut touched = BTreeSet::new();
        let mark = out.len();
        while let Some((_, listing, id)) = first(self).filter(|((expire_ns, _), ..)| *expire_ns <= now_ns) {
            touched.insert(listing);
            self.end(now_ns, listing, &[id], CancelReason::Expired, out);
        }
        for listing in touched {
            self.settle(now_ns, listing, mark, None, out);
        }
        for listing in 0..self.listings.len() as ListingId {
            self.pass_time(now_ns, listing, out);
        }
    }

    /// When a listing that exists next has something to do by the clock.
    pub fn next_time(&self, listing: ListingId) -> Option<Nanos> {
        let listing = &self.listings[listing as usize];
        if listing.plain {
            // Nothing that ends is alive.
            return None;
        }
        listing.first_end().map(|((expire_ns, _), _)| expire_ns)
    }

    /// All live orders of a listing that exists: bids and asks as they would trade, stops, parked pegs.
    pub fn live_ids(&self, listing: ListingId) -> impl Iterator<Item = OrderId> {
        let listing = &self.listings[listing as usize];
        listing.book.live_orders().map(|(id, _)| id).chain(listing.waiting.ids())
    }

    /// Ends the orders that were for the session.
    pub(super) fn end_session(&mut self, now_ns: Nanos, out: &mut Vec<Event>) {
        for listing in 0..self.listings.len() as ListingId {
            let each = &self.listings[listing as usize];
            if each.plain {
                continue;
            }
            let resting = each.book.live_orders().map(|(id, _)| id);
            let of_session = |id: &OrderId| each.life(*id) == Some(Life::Session);
            let ids: Vec<OrderId> = resting.chain(each.waiting.ids()).filter(of_session).collect();
            self.end(now_ns, listing, &ids, CancelReason::Expired, out);
        }
    }

    /// Cancels an agent's orders: of one listing or all, of one side or both. A venue that takes no cancel
    /// says so; where there is nothing to cancel it says nothing.
    pub fn mass_cancel(
        &mut self,
        now_ns: Nanos,
        agent: AgentId,
        listing: Option<ListingId>,
        side: Option<Side>,
        out: &mut Vec<Event>,
    ) {
        let unknown = listing.is_some_and(|listing| listing as usize >= self.listings.len());
        let refused = match self.phase {
            Phase::Closed => Some(RejectReason::VenueClosed),
            _ => unknown.then_some(RejectReason::UnknownListing),
        };
        match refused {
            Some(reason) => {
                let (_, mut say) = self.desk(now_ns, listing.unwrap_or(0), out);
                let nobody = OrderId::new(agent, 0);
                say.refused(EventKind::CancelRejected, nobody, None, (0, 0), reason);
            }
            None => self.cancel_all(now_ns, agent, listing, side, CancelReason::MassCancel, out),
        }
    }

    /// Lets an agent's orders end when its connection does, or stay.
    pub fn set_cancel_on_disconnect(&mut self, agent: AgentId, on: bool) {
        if on {
            self.accounts.until_disconnect.insert(agent);
        } else {
            self.accounts.until_disconnect.remove(&agent);
        }
    }

    /// An agent's connection is lost: its orders end if it asked for that, whatever the phase.
    pub fn disconnect(&mut self, now_ns: Nanos, agent: AgentId, out: &mut Vec<Event>) {
        if self.accounts.until_disconnect.contains(&agent) {
            self.cancel_all(now_ns, agent, None, None, CancelReason::Disconnected, out);
        }
    }

    fn cancel_all(
        &mut self,
        now_ns: Nanos,
        agent: AgentId,
        listing: Option<ListingId>,
        side: Option<Side>,
        reason: CancelReason,
        out: &mut Vec<Event>,
    ) {
        let mark = out.len();
        let mut touched = Vec::new();
        let all = 0..self.listings.len() as ListingId;
        for number in all.filter(|number| listing.is_none_or(|listing| listing == *number)) {
            let listing = &self.listings[number as usize];
            let ids: Vec<OrderId> = listing.orders_of(agent, side).collect();
            self.end(now_ns, number, &ids, reason, out);
            if !ids.is_empty() {
                touched.push(number);
            }
        }
        for number in touched {
            self.settle(now_ns, number, mark, None, out);
        }
    }

    fn end(
        &mut self,
        now_ns: Nanos,
        listing: ListingId,
        ids: &[OrderId],
        reason: CancelReason,
        out: &mut Vec<Event>,
    ) {
        for &id in ids {
            let (listing, mut say) = self.desk(now_ns, listing, out);
            let ended = listing.is_some_and(|listing| listing.cancel(id, reason, &mut say).is_ok());
            assert!(ended, "a listed order lives");
        }
    }
}

impl Listing {
    /// An agent's orders in the order in which they would trade, bids first.
    pub(super) fn orders_of(&self, agent: AgentId, side: Option<Side>) -> impl Iterator<Item = OrderId> {
        let sides = Side::BOTH.into_iter().filter(move |each| side.is_none_or(|side| side == *each));
        let orders = sides.flat_map(|side| self.book.side_orders(side));
        let resting = orders.map(|(id, _)| id).filter(move |id| id.agent == agent);
        resting.chain(self.waiting.ids_of(agent, side))
    }

    fn first_end(&self) -> Option<((Nanos, u64), OrderId)> {
        self.book.first_end().into_iter().chain(self.waiting.first_end()).min()
    }

    fn life(&self, id: OrderId) -> Option<Life> {
        let resting = self.book.extra_of(id).map(|extra| extra.life);
        resting.or_else(|| self.waiting.get(id).map(|waits| waits.life()))
    }
}
