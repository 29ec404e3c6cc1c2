"""What only the kernel and recorded flow may do to a venue: facts are not asked whether they are welcome."""

from __future__ import annotations

from market_sim.reference.event import CancelReason, EventKind
from market_sim.reference.order import Order
from market_sim.reference.types import (
    MAX_LEVEL_LOTS,
    MAX_PRICE,
    MAX_SIZE,
    ListingId,
    Lots,
    Nanos,
    Phase,
    Side,
    Ticks,
)
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.checks import check_amounts


class Recorded(VenueParts):
    """Commands that no participant can send."""

    def expire(self, time_ns: Nanos, listing: ListingId, order: Order, reason: CancelReason) -> None:
        """Cancel a live order whatever the phase: end of session, an agent taken out."""
        self._begin(time_ns)
        self.listings[listing].take_out(order)
        self._say.cancelled(listing, order, reason)
        self._settle(self.listings[listing])

    def reduce_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> None:
        """Take recorded lots away from a resting order; it keeps its place."""
        assert 0 < lots <= order.leaves, "a reduction takes between one lot and all that is left"
        if lots == order.leaves:
            self.expire(time_ns, listing, order, CancelReason.EXTERNAL)
        else:
            self._resize(time_ns, listing, order, -lots)

    def grow_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> bool:
        """Add recorded lots to a resting order in place; False where it or its level would grow too large."""
        assert lots > 0, "growth is at least one lot"
        where = self.listings[listing]
        crowded = where.book.level_lots(order.side, order.price) + lots > MAX_LEVEL_LOTS
        if crowded or check_amounts(where, order.price, order.total + lots, exempt=True):
            return False
        self._resize(time_ns, listing, order, lots)
        return True

    def _resize(self, time_ns: Nanos, listing: ListingId, order: Order, change: Lots) -> None:
        self._begin(time_ns)
        self.listings[listing].book.resize(order, change)
        order.total += change
        self._say.replaced(listing, order, kept_priority=True)
        self._settle(self.listings[listing])

    def print_trade(self, time_ns: Nanos, listing: ListingId, side: int, price: Ticks, size: Lots) -> int:
        """Report a recorded trade in so far as nobody here took part in it; stops hear of it like of any.

        ValueError for an unknown listing, or numbers that no trade has.
        """
        if listing not in self.listings or side not in (Side.BUY, Side.SELL):
            raise ValueError(f"print on listing {listing}, side {side}: unknown listing or side")
        if not (1 <= price <= MAX_PRICE and 1 <= size <= MAX_SIZE):
            raise ValueError(f"print of {size} lots at {price}: price from 1 to 2^53, size from 1 to 2^48")
        before = self._begin(time_ns)
        self._say.emit(EventKind.PRINT, price=price, size=size, listing=listing, side=int(side))
        where = self.listings[listing]
        where.note_print(price, elects=self._phase_of(where) == Phase.CONTINUOUS)
        self._settle(self.listings[listing])
        return len(self._say.events) - before
