"""Phases of a venue and of its listings, and the clock that ends batches and halts."""

from __future__ import annotations

from market_sim.reference.event import ONE_LISTING, EventKind
from market_sim.reference.types import CALL_PHASES, ListingId, Nanos, Phase
from market_sim.reference.venue.auctions import BOTH_ZERO, Auctions
from market_sim.reference.venue.listing import Listing


class Phases(Auctions):
    """Changes of phase. Leaving a call lets its orders trade before anything else happens."""

    def listing_phase(self, listing: ListingId) -> Phase:
        """The phase of a listing: its venue's, or HALT while it is halted by itself."""
        return self._phase_of(self._listing(listing))

    def set_phase(self, time_ns: Nanos, phase: int) -> int:
        """Go to another phase.

        CONTINUOUS and CLOSED end a call: its orders trade at one price first, even if the venue was SUSPENDED
        meanwhile. A listing's own halt ends with every change of its venue's phase. Stops look at the last
        print when continuous trading begins. ValueError for a code that is no phase.
        """
        was, now = self.phase, Phase(phase)
        before = self._begin(time_ns)
        crossed = self._end_calls() if now in (Phase.CONTINUOUS, Phase.CLOSED) else []
        if now == Phase.CLOSED:
            self._end_of_day()
        for listing in self.listings.values():
            self._enter_phase(listing, now)
        self.phase = now
        self._say.emit(EventKind.PHASE, reason=int(now), listing=self.id)
        if now == Phase.CONTINUOUS:
            for listing in self.listings.values() if was != now else crossed:
                listing.look_again_at_last_print()
                self._settle(listing)
        for listing in self.listings.values():
            self._publish_indicative(listing)
        return len(self._say.events) - before

    def _end_calls(self) -> list[Listing]:
        crossed = [each for each in self.listings.values() if each.call.called or each.batches]
        for listing in crossed:
            self._uncross(listing)
        return crossed

    def _enter_phase(self, listing: Listing, phase: Phase) -> None:
        self._end_halt(listing)
        if phase in CALL_PHASES:
            listing.call.called = True
            listing.tops = [None, None]
        else:
            listing.call.published = BOTH_ZERO

    def _pass_time(self, listing: Listing, time_ns: Nanos) -> None:
        """End a halt whose time is over, or a batch whose interval is."""
        if self._halt_is_over(listing, time_ns):
            self._uncross(listing)
            self._end_halt(listing)
            self._say.emit(EventKind.PHASE, reason=Phase.CONTINUOUS, listing=listing.id, flags=ONE_LISTING)
            listing.look_again_at_last_print()
            self._settle(listing)
        elif listing.batches and self.phase == Phase.CONTINUOUS:
            interval = time_ns // listing.rules.interval_ns
            if interval > listing.call.batch_clock:
                listing.call.batch_clock = interval
                if self._uncross(listing):
                    listing.look_again_at_last_print()
                self._settle(listing)
