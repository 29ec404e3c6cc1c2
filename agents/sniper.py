"""Latency arbitrage: take quotes that have not yet followed a price that has moved elsewhere."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import ClassVar

from agents.base import Fill, Listing, Quote, Side, Trader

SECOND_NS = 1_000_000_000
FEE_ONE = 100_000_000
BPS = 10_000


class SnipingArbitrageur(Trader):
    """Watches a leading market and picks off the stale quotes of the others, then waits for them to follow.

    Model: the sniper of Budish, Cramton and Shim (2015), Quarterly Journal of Economics 130:1547-1621:
    when a public signal moves, quotes that have not been cancelled yet are worth less than they ask, and
    whoever is first takes them. The signal is the mid of the first listing; what the others are worth is
    that mid plus their usual difference from it (the median of notes over `window_s`). A quote
    is stale if it is worse than this value by the taker fees of going in and out and `min_edge_bps`; it
    is taken up to where that ends, immediate or cancel, at most `max_size`. The position is sold at
    market once the market has come to the value within `exit_bps` (half its spread and the fee are then
    what is left to pay), or after `max_hold_s`.

    Simplifications: one position per follower; the value is that of the moment, no forecast of it; it does
    not hedge in the leader while it waits. All listings must be of one pair of assets.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    min_edge_bps: float = 1.0
    """A level is taken only if it is better than the value by more than this after fees, in basis points."""
    max_size: float = 1.0
    """Largest position in a follower, in base units."""
    window_s: float = 60.0
    """Memory of the usual difference from the leader, in seconds."""
    note_s: float = 0.1
    """Seconds between two notes of it."""
    exit_bps: float = 1.0
    """How near the follower's mid must be to the value before the position is closed, in basis points."""
    max_hold_s: float = 10.0
    """Longest time a position is held, in seconds."""
    warm_up_s: float = 5.0
    """Seconds in which it only learns the difference."""
    protection_bps: int = 50
    """How far the closing order may go through the book, in basis points."""

    def on_start(self) -> None:
        """The first listing leads."""
        if len(self.listings) < 2:
            raise ValueError(
                f"{self.name} needs a leader and a follower, and trades {len(self.listings)} listing"
            )
        self._leader, *self._followers = self.listings
        for other in self._followers:
            if (other.base, other.quote) != (self._leader.base, self._leader.quote):
                raise ValueError(f"{self.name}: {other.name} is of other assets than {self._leader.name}")
        self._home = {listing.id: self._atoms(listing) for listing in self._followers}
        # Distances from the leader's mid in quote units, and their median.
        length = max(int(self.window_s / self.note_s), 1)
        self._notes: dict[int, deque[float]] = {
            listing.id: deque(maxlen=length) for listing in self._followers
        }
        self._basis: dict[int, float] = {}
        self._entered_ns: dict[int, int] = {}
        self._traded_ns: dict[int, int] = {}
        self._begin_ns = self.now_ns + int(self.warm_up_s * SECOND_NS)
        self.wake_in(int(self.note_s * SECOND_NS))

    def _atoms(self, listing: Listing) -> int:
        return self.account.balance_atoms(listing.base, listing.venue)

    def _held(self, listing: Listing) -> int:
        return (self._atoms(listing) - self._home[listing.id]) // listing.lot_atoms

    def on_quote(self, quote: Quote) -> None:
        """A price has moved: look whether somebody has not followed, or the follower has come."""
        if quote.listing is self._leader:
            for follower in self._followers:
                self._look(follower)
        else:
            self._look(quote.listing)

    def on_wake(self) -> None:
        """Take notes; positions grow old without quotes too."""
        for follower in self._followers:
            self._note(follower)
            self._look(follower)
        self.wake_in(int(self.note_s * SECOND_NS))

    def _look(self, listing: Listing) -> None:
        leader, view = self.view(self._leader).mid, self.view(listing)
        if leader is None or view.mid is None:
            return
        if listing.id not in self._basis:
            self._note(listing)
        value = leader + self._basis[listing.id]
        busy = any(order.listing is listing for order in self.orders.values())
        # A view from before the own last trade still shows what that trade took.
        stale_view = (view.published_ns or 0) < self._traded_ns.get(listing.id, 0)
        if busy or stale_view:
            return
        if self._held(listing):
            self._close_if_over(listing, value, view.mid)
        elif self.now_ns >= self._begin_ns:
            self._snipe(listing, value)

    def _note(self, listing: Listing) -> None:
        """Remember how far the follower is from the leader now; usual is the median of what is remembered."""
        leader, follower = self.view(self._leader).mid, self.view(listing).mid
        if leader is not None and follower is not None:
            notes = self._notes[listing.id]
            notes.append(follower - leader)
            self._basis[listing.id] = median(notes)

    def _snipe(self, listing: Listing, value: float) -> None:
        """Take every level that is stale."""
        depth = self.view(listing).depth
        if depth is None:
            return
        margin = value * (2 * max(listing.taker_fee_e8, 0) / FEE_ONE + self.min_edge_bps / BPS)
        for side, levels, worst in (
            (Side.BUY, depth[1], listing.prices.below(value - margin)),
            (Side.SELL, depth[0], listing.prices.above(value + margin)),
        ):
            good = [
                lots for ticks, lots in levels if (ticks <= worst if side == Side.BUY else ticks >= worst)
            ]
            lots = min(sum(good), listing.sizes.below(self.max_size))
            if lots > 0:
                send = self.buy if side == Side.BUY else self.sell
                send(listing, listing.size(lots), listing.price(worst), tif="IOC")
                self._entered_ns[listing.id] = self.now_ns
                return

    def _close_if_over(self, listing: Listing, value: float, mid: float) -> None:
        held = self._held(listing)
        come = (value - mid) * (1 if held > 0 else -1) <= value * self.exit_bps / BPS
        if come or self.now_ns - self._entered_ns[listing.id] > self.max_hold_s * SECOND_NS:
            send = self.sell if held > 0 else self.buy
            send(listing, listing.size(abs(held)), protection_bps=self.protection_bps)

    def on_fill(self, fill: Fill) -> None:
        """Remember when it traded."""
        if fill.listing is not self._leader:
            self._traded_ns[fill.listing_id] = fill.venue_ns
