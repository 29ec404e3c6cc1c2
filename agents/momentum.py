"""A trend follower: buys what has risen, sells what has fallen."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from agents.base import Listing, Trader

SECOND_NS = 1_000_000_000
BPS = 10_000


class MomentumTrader(Trader):
    """Holds `size` long while a short moving average of the mid is above a long one, short while it is below.

    Model: the variable-length moving average rule of Brock, Lakonishok and LeBaron (1992), Journal of Finance
    47:1731-1764, with their band: within `band_bps` of each other the averages say nothing, and the position
    stays as it is (`hold = True`) or is closed. The first `long` looks only fill the memory.

    Simplifications: plain averages of equally spaced looks; trades at market towards the target; a short
    position needs the base asset or `short_selling`, otherwise the gateway refuses and it waits.
    """

    portable: ClassVar[bool] = True

    size: float = 0.1
    """Size of the position in base units."""
    interval_s: float = 1.0
    """Mean seconds between two looks; they come at random, half to one and a half times this apart."""
    short: int = 20
    """Looks in the short average."""
    long: int = 120
    """Looks in the long average, more than in the short one."""
    band_bps: float = 1.0
    """How far the averages must be apart, in basis points."""
    hold: bool = True
    """True: within the band the position stays. False: it is closed."""
    protection_bps: int = 50
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Begin to look."""
        if not 0 < self.short < self.long:
            raise ValueError(f"{self.name}: short {self.short}, long {self.long}; give 0 < short < long")
        # Sums of bid and ask in ticks: whole numbers, so that a running sum never drifts.
        self._notes: dict[int, deque[int]] = {
            listing.id: deque(maxlen=self.long) for listing in self.listings
        }
        self._home = {listing.id: self._atoms(listing) for listing in self.listings}
        self._pause()

    def _atoms(self, listing: Listing) -> int:
        return self.account.balance_atoms(listing.base, listing.venue)

    def _pause(self) -> None:
        # A crowd that looks at the same instants would move as one.
        self.wake_in(1 + int((0.5 + self.random.random()) * self.interval_s * SECOND_NS))

    def on_wake(self) -> None:
        """Look at every listing."""
        for listing in self.listings:
            self._look(listing)
        self._pause()

    def _look(self, listing: Listing) -> None:
        view, notes = self.view(listing), self._notes[listing.id]
        if view.bid_ticks is None or view.ask_ticks is None:
            return
        notes.append(view.bid_ticks + view.ask_ticks)
        if len(notes) < self.long:
            return
        signal = self._signal(notes)
        if signal is None or any(order.listing is listing for order in self.orders.values()):
            return
        lots = listing.sizes.below(self.size)
        held = (self._atoms(listing) - self._home[listing.id]) // listing.lot_atoms
        missing = signal * lots - held
        if missing:
            send = self.buy if missing > 0 else self.sell
            send(listing, listing.size(abs(missing)), protection_bps=self.protection_bps)

    def _signal(self, notes: deque[int]) -> int | None:
        """+1 rising, -1 falling, 0 neither; None: leave the position as it is."""
        recent = sum(notes[k] for k in range(self.long - self.short, self.long))
        short, long = recent * self.long, sum(notes) * self.short
        if abs(short - long) * BPS > self.band_bps * long:
            return 1 if short > long else -1
        return None if self.hold else 0
