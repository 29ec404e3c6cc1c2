"""Volatility halts: one listing stops before it trades too far away, and opens again by an auction."""

from __future__ import annotations

from market_sim.reference.event import ONE_LISTING, EventKind
from market_sim.reference.types import INT64_MAX, ListingId, Nanos, Phase
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.listing import Listing

WIDEST_BPS = 10_000


class Halts(VenueParts):
    """The band around the static price, and the listing's own phase."""

    def set_volatility_halt(self, listing: ListingId, halt_bps: int, halt_ns: Nanos) -> None:
        """Halt a listing before a match further than `halt_bps` from its static price (0: never).

        The static price is the price of the last auction or the one set last; where there is none, the
        first print. After `halt_ns` (0: when `set_phase` says so) an auction opens the listing again.
        The band concerns continuous trading; an auction may end at any price. ValueError for numbers out
        of range, and for a listing that trades in batches: it never trades continuously.
        """
        where = self._listing(listing)
        if not (0 <= halt_bps <= WIDEST_BPS and 0 <= halt_ns <= INT64_MAX):
            raise ValueError(f"halt at {halt_bps} bps for {halt_ns} ns: 0 to {WIDEST_BPS} bps, time from 0")
        if where.batches:
            raise ValueError(f"listing {listing} trades in batches, which know no volatility halt")
        where.rules.halt_bps, where.rules.halt_ns = halt_bps, halt_ns
        if halt_bps and where.static_price is None:
            where.static_price = where.last_print

    def _halt(self, listing: Listing) -> None:
        """Stop before a match: from now on the listing's orders gather."""
        call, lasts_ns = listing.call, listing.rules.halt_ns
        call.halted = call.called = True
        call.halt_until_ns = min(self._say.time_ns + lasts_ns, INT64_MAX) if lasts_ns else 0
        listing.tops = [None, None]
        self._say.emit(EventKind.PHASE, reason=Phase.HALT, listing=listing.id, flags=ONE_LISTING)

    def _halt_is_over(self, listing: Listing, time_ns: Nanos) -> bool:
        return listing.call.halted and 0 < listing.call.halt_until_ns <= time_ns

    def _end_halt(self, listing: Listing) -> None:
        listing.call.halted, listing.call.halt_until_ns = False, 0
