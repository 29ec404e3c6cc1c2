"""A trader with an opinion of what the instrument is worth, who trades when the market is off."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Listing, Trader

SECOND_NS = 1_000_000_000
BPS = 10_000


class ValueTrader(Trader):
    """Looks at random times; buys below, sells above its own noisy observation of the fundamental value.

    Model: the fundamental trader of agent-based markets (Wah, Wright and Wellman 2017, JAIR 59:613-650; the
    value agents of ABIDES): the fundamental is a mean-reverting Ornstein-Uhlenbeck process, every look
    observes it with a fresh normal error, and an order is sent only if the price is better than the estimate
    by an edge.

    Simplifications: errors are independent from look to look, no learning from prices; an order goes no
    further than the estimate less the edge, so a look trades at most `size`.
    """

    portable: ClassVar[bool] = True

    rate: float = 0.5
    """Looks per second (mean of a Poisson process)."""
    noise_bps: float = 2.0
    """Standard deviation of the observation error, in basis points of the value."""
    edge_bps: float = 2.0
    """How far the price must be better than the estimate, in basis points; below the taker fee it loses."""
    size: float = 0.1
    """Size of an order in base units."""
    max_position: float = 0.0
    """Largest distance of the holding from where it began, in base units; 0: as far as the funds go."""

    def on_start(self) -> None:
        """Remember the holding it began with, and look at a random moment."""
        for listing in self.listings:
            if self.fundamental(listing.instrument) is None:
                raise ValueError(
                    f"{self.name} values {listing.instrument}, which has no [fundamentals] table"
                )
        self._home = {listing.base: self.account.position(listing.base) for listing in self.listings}
        self._pause()

    def _pause(self) -> None:
        self.wake_in(1 + int(self.random.expovariate() * SECOND_NS / self.rate))

    def on_wake(self) -> None:
        """Look at one listing and trade if it is worth it."""
        listing = self.listings[self.random.below(len(self.listings))]
        value = self.fundamental(listing.instrument)
        assert value is not None
        self._trade(listing, value * (1 + self.random.gauss() * self.noise_bps / BPS))
        self._pause()

    def _trade(self, listing: Listing, estimate: float) -> None:
        view = self.view(listing)
        highest = listing.prices.below(estimate * (1 - self.edge_bps / BPS))
        lowest = listing.prices.above(estimate * (1 + self.edge_bps / BPS))
        size = listing.round_size(self.size)
        if view.ask_ticks is not None and view.ask_ticks <= highest:
            if self._may_hold(listing, size):
                self.buy(listing, size, listing.price(highest), tif="IOC")
        elif view.bid_ticks is not None and view.bid_ticks >= lowest and self._may_hold(listing, -size):
            self.sell(listing, size, listing.price(lowest), tif="IOC")

    def _may_hold(self, listing: Listing, change: float) -> bool:
        """Whether a trade keeps the holding within `max_position` of where it began, or brings it nearer."""
        off = self.account.position(listing.base) - self._home[listing.base]
        return not self.max_position or abs(off + change) <= max(self.max_position, abs(off))
