"""A trader who hides large orders in small ones: where the long memory of order signs comes from."""

from __future__ import annotations

from agents.base import Listing, Side, Trader

SECOND_NS = 1_000_000_000


class OrderSplitter(Trader):
    """Works one hidden order after the other, each in many market orders of one size and one sign.

    Model: Lillo, Mike and Farmer (2005), Physical Review E 71:066122. Hidden orders have a fair sign and a
    length with a Pareto tail, P(length >= l) = l^-`alpha`; one piece trades at a time. A crowd of such
    traders makes signs of market orders whose autocorrelation falls like lag^-(alpha - 1).

    Simplifications: pieces go at random times (mean `rate` a second) at the best opposite price shown and no
    further: what is not there is not traded, but counts as a piece; hidden orders do not react to prices, and
    one follows the other without a pause (the paper's model with a fixed number of hidden orders).
    """

    rate: float = 0.2
    """Pieces per second (mean of a Poisson process)."""
    size: float = 0.1
    """Size of a piece in base units."""
    alpha: float = 1.5
    """Tail exponent of the length in orders; the signs' memory is long for 1 < alpha < 2."""
    longest: int = 100_000
    """Most pieces of a hidden order."""

    def on_start(self) -> None:
        """Begin at a random time."""
        if self.alpha <= 1 or self.longest < 1:
            raise ValueError(
                f"{self.name}: alpha {self.alpha}, longest {self.longest}; give alpha > 1, longest >= 1"
            )
        self._left = 0
        self._side = Side.BUY
        self._listing = self.listings[0]
        #: Lengths of the hidden orders so far, in pieces.
        self.lengths: list[int] = []
        self._pause()

    def _pause(self) -> None:
        self.wake_in(1 + int(self.random.expovariate() * SECOND_NS / self.rate))

    def on_wake(self) -> None:
        """Trade a piece."""
        if self._left == 0:
            self._next_hidden_order()
        self._left -= 1
        self._take(self._listing)
        self._pause()

    def _next_hidden_order(self) -> None:
        self._listing = self.listings[self.random.below(len(self.listings))]
        self._side = Side(self.random.below(2))
        self._left = min(int(self.random.paretovariate(self.alpha)), self.longest)
        self.lengths.append(self._left)

    def _take(self, listing: Listing) -> None:
        view = self.view(listing)
        best = view.ask_ticks if self._side == Side.BUY else view.bid_ticks
        if best is not None:
            send = self.buy if self._side == Side.BUY else self.sell
            send(listing, listing.round_size(self.size), listing.price(best), tif="IOC")
