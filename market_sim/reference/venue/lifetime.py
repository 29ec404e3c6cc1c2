"""How orders end without a trade and without their agent naming them: by the clock, in bulk, with a line."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from market_sim.reference.event import CancelReason, EventKind, RejectReason
from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.types import AgentId, ListingId, Nanos, Phase
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.listing import Listing


class Lifetime(VenueParts):
    """Expiry, mass cancel, cancel on disconnect."""

    def advance(self, time_ns: Nanos) -> int:
        """Let the venue's clock reach `time_ns`: what was good till then expires, earliest first; then
        halts end that have lasted long enough, and batches whose interval is over.

        Only this moves the clock; an order's own time stamp does not. Returns the events emitted.
        """
        before = self._begin(time_ns)
        touched = set()
        while self._expiries and self._expiries[0][0] <= time_ns:
            expire_ns, number, listing, order = heapq.heappop(self._expiries)
            if self._lives(listing, order) and order.expiry == (expire_ns, number):
                self._end(self.listings[listing], order, CancelReason.EXPIRED)
                touched.add(listing)
        for listing in sorted(touched):
            self._settle(self.listings[listing])
        for each in self.listings.values():
            self._pass_time(each, time_ns)
        return len(self._say.events) - before

    def next_time(self) -> Nanos | None:
        """When the venue next has something to do by the clock."""
        while self._expiries:
            expire_ns, number, listing, order = self._expiries[0]
            if self._lives(listing, order) and order.expiry == (expire_ns, number):
                return expire_ns
            heapq.heappop(self._expiries)
        return None

    def mass_cancel(self, time_ns: Nanos, agent: AgentId, listing: ListingId | None, side: int | None) -> int:
        """Cancel all orders of an agent, in all listings or one, on both sides (None) or one."""
        before = self._begin(time_ns)
        if self.phase == Phase.CLOSED or (listing is not None and listing not in self.listings):
            closed = self.phase == Phase.CLOSED
            reason = RejectReason.VENUE_CLOSED if closed else RejectReason.UNKNOWN_LISTING
            self._say.refused(EventKind.CANCEL_REJECTED, reason, listing or 0, (agent, 0), None)
        else:
            self._end_all(
                CancelReason.MASS_CANCEL,
                lambda order: order.agent == agent and side in (None, order.side),
                listing,
            )
        return len(self._say.events) - before

    def set_cancel_on_disconnect(self, agent: AgentId, on: bool) -> None:
        """Whether the agent's orders end when its connection does."""
        (self._ends_with_connection.add if on else self._ends_with_connection.discard)(agent)

    def disconnect(self, time_ns: Nanos, agent: AgentId) -> int:
        """The agent's connection is gone; so are its orders, if it asked for that."""
        before = self._begin(time_ns)
        if agent in self._ends_with_connection:
            self._end_all(CancelReason.DISCONNECTED, lambda order: order.agent == agent)
        return len(self._say.events) - before

    def _end_of_day(self) -> None:
        self._end_all(CancelReason.EXPIRED, lambda order: order.tif == TimeInForce.DAY, settle=False)

    def _end_all(
        self,
        reason: CancelReason,
        chosen: Callable[[Order], bool],
        listing: ListingId | None = None,
        settle: bool = True,
    ) -> None:
        """End the chosen orders, listing by listing, bids before asks, as they would have traded."""
        touched = []
        for each in self.listings.values() if listing is None else [self.listings[listing]]:
            ending = [order for order in each.all_orders() if chosen(order)]
            for order in ending:
                self._end(each, order, reason)
            if ending and settle:
                touched.append(each)
        for each in touched:
            self._settle(each)

    def _end(self, listing: Listing, order: Order, reason: CancelReason) -> None:
        listing.take_out(order)
        self._say.cancelled(listing.id, order, reason)

    def _note_expiry(self, listing: Listing, order: Order, expire_ns: Nanos | None) -> None:
        assert expire_ns is not None, "a good-till-date order has a date"
        order.expiry = (expire_ns, self._next_expiry)
        heapq.heappush(self._expiries, (*order.expiry, listing.id, order))
        self._next_expiry += 1

    def _lives(self, listing: ListingId, order: Order) -> bool:
        return self.listings[listing].find(order.id) is order
