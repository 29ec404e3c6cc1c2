"""New numbers for an order that waits: its stop price or its distance, besides price and size."""

from __future__ import annotations

from dataclasses import replace

from market_sim.reference.event import EventKind, RejectReason
from market_sim.reference.order import Order, OrderType, may_rest
from market_sim.reference.stops import stand
from market_sim.reference.terms import Amendment
from market_sim.reference.types import (
    MAX_LEVEL_LOTS,
    MAX_PRICE,
    AgentId,
    ListingId,
    Lots,
    Nanos,
    Phase,
    Ticks,
)
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.checks import FINE, check_amounts, check_phase
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.sense import ONE_WHOLE_BPS


class Amending(VenueParts):
    """Replacements that reach the terms of a waiting stop."""

    def replace_ex(
        self,
        time_ns: Nanos,
        agent: AgentId,
        counter: int,
        listing: ListingId,
        price: Ticks | None,
        size: Lots,
        *,
        stop_price: Ticks | None = None,
        trail_ticks: Ticks | None = None,
        trail_bps: int | None = None,
    ) -> int:
        """`replace`, and for a waiting stop its stop price, or the distance of a trailing one, too.

        A waiting stop may leave out the price (its own stays) and keeps its place among the waiting. If the
        last trade holds for it now, it is elected at once. Returns the events emitted.
        """
        change = Amendment.of(price, size, stop_price, trail_ticks, trail_bps)
        return self.amend(time_ns, agent, counter, listing, change)

    def amend(
        self, time_ns: Nanos, agent: AgentId, counter: int, listing: ListingId, change: Amendment
    ) -> int:
        """The same for a change that has its own object."""
        stop = (
            self.listings[listing].stops.waiting.get((agent, counter)) if listing in self.listings else None
        )
        if stop is None and change.price is not None and not change.has_terms:
            return self.replace(time_ns, agent, counter, listing, change.price, change.size)
        before = self._begin(time_ns)
        reason = check_phase(self.phase, is_cancel=False)
        if not reason and listing in self.listings:
            reason = self._check_rate(agent, listing, time_ns)
        reason = reason or self._missing(listing, self._find(listing, agent, counter))
        if not reason:
            reason = self._unamendable(self.listings[listing], stop, change)
        if stop is None or reason:
            order = self._find(listing, agent, counter)
            asked = (change.price or 0, change.size)
            self._say.refused(EventKind.REPLACE_REJECTED, reason, listing, (agent, counter), order, *asked)
        else:
            self._amend(self.listings[listing], stop, change)
        return len(self._say.events) - before

    def _unamendable(self, listing: Listing, stop: Order | None, change: Amendment) -> int:
        """Why a live order cannot become that, 0 if it can; `stop`: the order, if it is a waiting stop."""
        if stop is None:
            nameless = change.price is None
            return RejectReason.INVALID_COMBINATION if nameless else RejectReason.INVALID_TERMS
        if reason := check_amendment(stop, change):
            return reason
        price = (stop.price or None) if change.price is None else change.price
        if reason := check_amounts(listing, price, change.size, stop.agent in self.exempt):
            return reason
        rests = price is not None and may_rest(stop.tif)
        if rests and listing.book.level_lots(stop.side, price or 0) + change.size > MAX_LEVEL_LOTS:
            return RejectReason.QUANTITY_OVERFLOW
        less = not change.has_terms and price == (stop.price or None) and change.size < stop.total
        value = stop.stop if change.stop_price is None else change.stop_price
        return FINE if less else self._check_change_risk(listing, stop, price, value, change.size)

    def _amend(self, listing: Listing, order: Order, change: Amendment) -> None:
        price = order.price if change.price is None else change.price
        kept = not change.has_terms and price == order.price and change.size < order.total
        order.price, order.leaves, order.total = price, change.size, change.size
        order.stop = order.stop if change.stop_price is None else change.stop_price
        if change.price is not None:
            order.terms = replace(order.terms, protection_ticks=None)
        if change.trail_ticks is not None or change.trail_bps is not None:
            distance = {"trail_ticks": change.trail_ticks or 0, "trail_bps": change.trail_bps or 0}
            order.terms = replace(order.terms, **distance)
            stand(order)
        self._say.replaced(listing.id, order, kept_priority=kept)
        if self._phase_of(listing) == Phase.CONTINUOUS:
            listing.look_again_at_last_print()
        self._settle(listing)


def check_amendment(stop: Order, change: Amendment) -> int:
    """Whether a waiting stop of this type can have such numbers."""
    trails = stop.order_type == OrderType.TRAILING_STOP
    if trails and change.price is not None:
        return RejectReason.INVALID_COMBINATION
    by_ticks, by_bps = change.trail_ticks is not None, change.trail_bps is not None
    misplaced = change.stop_price is not None if trails else by_ticks or by_bps
    in_range = all(
        number is None or 1 <= number <= most
        for number, most in (
            (change.stop_price, MAX_PRICE),
            (change.trail_ticks, MAX_PRICE),
            (change.trail_bps, ONE_WHOLE_BPS - 1),
        )
    )
    return FINE if in_range and not misplaced and not (by_ticks and by_bps) else RejectReason.INVALID_TERMS
