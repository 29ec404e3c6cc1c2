"""Execution in step with the market: a percentage of the volume."""

from __future__ import annotations

from typing import ClassVar, Literal

from agents.base import Fill, Trade, Trader
from market_sim.parent import ParentOrder

SECOND_NS = 1_000_000_000


class PercentageOfVolume(Trader):
    """Trades a given size as a fixed share of the volume that the market trades, its own included.

    Model: participation-rate execution (POV, "with volume"): after a public volume of V since its start,
    `rate` V shall be done. What is due is taken at market once it reaches `child`, the smallest order worth
    sending.

    Simplifications: it follows volume and does not foresee it, so it is always a little late; one parent
    order in the first listing.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    side: Literal["buy", "sell"] = "buy"
    """Which way."""
    size: float = 1.0
    """How much in all, in base units; rounded down to the lot."""
    rate: float = 0.1
    """Share of the public volume, above 0 and below 1."""
    child: float = 0.0
    """Smallest order worth sending, in base units; 0: a lot."""
    start_s: float = 1.0
    """Seconds after the start of the session when it begins to count."""
    duration_s: float = 0.0
    """Seconds after which it stops, done or not; 0: it goes on until all is done."""
    protection_bps: int = 100
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Begin to listen after `start_s`."""
        if not 0 < self.rate < 1:
            raise ValueError(f"{self.name}: rate {self.rate}; give a share above 0 and below 1")
        self.parent = ParentOrder(self, self.listings[0], self.side, self.size, self.protection_bps)
        self._volume = 0
        self._listening = False
        self.wake_in(max(int(self.start_s * SECOND_NS), 1))

    def on_wake(self) -> None:
        """Begin, or stop."""
        self._listening = not self._listening
        if self._listening:
            self.parent.work(0)
            if self.duration_s > 0:
                self.wake_in(int(self.duration_s * SECOND_NS))

    def on_trade(self, trade: Trade) -> None:
        """The market has traded: so do we."""
        if not self._listening or trade.listing is not self.parent.listing:
            return
        self._volume += trade.size_lots
        due = min(int(self._volume * self.rate + 1e-9), self.parent.total)
        child = max(self.parent.listing.sizes.above(self.child), 1)
        missing = due - self.parent.committed
        if missing >= child or (missing > 0 and due == self.parent.total):
            self.parent.work(due)

    def on_fill(self, fill: Fill) -> None:
        """Count it."""
        self.parent.record(fill)

    def on_end(self) -> None:
        """Say how it went."""
        self.log(
            "%s of %s lots done, shortfall %s bps",
            self.parent.done,
            self.parent.total,
            self.parent.shortfall_bps,
        )
