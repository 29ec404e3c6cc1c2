"""Gode and Sunder's traders without intelligence: random prices, with or without a budget."""

from __future__ import annotations

from typing import ClassVar, Literal

from agents.base import Fill, Trade, Trader

SECOND_NS = 1_000_000_000


class ZeroIntelligence(Trader):
    """Has units to buy (or to sell), each with a private value, and quotes a random price for the next one.

    Model: Gode and Sunder (1993), Journal of Political Economy 101:119-137. Quotes are uniform over the
    grid prices from `low` to `high` (ZI-U); with `constrained` a buyer bids no more than the unit's
    value, a seller asks no less than its cost (ZI-C). Units are traded in order, one at a time; a new
    quote takes the place of the old one. With `reset` every public trade of the listing takes all
    standing quotes away, as in the paper's double auction.

    Units: prices and values in quote units, `size` in base units per unit of the paper.

    Simplifications: traders come at random times (the paper draws one after the other); a quote that crosses
    trades at the earlier one's price, as in any continuous market; the first listing.
    """

    portable: ClassVar[bool] = True

    role: Literal["buyer", "seller"] = "buyer"
    """Which side."""
    values: tuple[float, ...] = ()
    """Value (a seller's: cost) of each unit, in the order in which they are traded; empty: drawn."""
    units: int = 5
    """Number of units while `values` is empty; drawn from the grid, a buyer's falling, a seller's rising."""
    constrained: bool = True
    """True: never at a loss (ZI-C). False: any price (ZI-U)."""
    low: float = 1.0
    """Lowest price of a quote in quote units."""
    high: float = 200.0
    """Highest price of a quote in quote units."""
    rate: float = 1.0
    """Quotes per second (mean of a Poisson process)."""
    size: float = 1.0
    """Size of a unit in base units."""
    reset: bool = True
    """True: a public trade takes the own quote away."""

    def on_start(self) -> None:
        """Know the units, and quote at a random time."""
        self._buys = self.role == "buyer"
        self._listing = self.listings[0]
        prices = self._listing.prices
        self._lowest, self._highest = prices.above(self.low), prices.below(self.high)
        if not 0 < self._lowest <= self._highest:
            raise ValueError(
                f"{self.name}: no price between {self.low} and {self.high}; give 0 < low <= high"
            )
        #: Value of every unit in ticks, and how many of them have traded.
        self.worth = self._draw() if not self.values else [prices.nearest(value) for value in self.values]
        self.traded = 0
        self._quote_id = 0
        self._pause()

    def _draw(self) -> list[int]:
        count = self._highest - self._lowest + 1
        drawn = [self._lowest + self.random.below(count) for _ in range(self.units)]
        return sorted(drawn, reverse=self._buys)

    def _pause(self) -> None:
        self.wake_in(1 + int(self.random.expovariate() * SECOND_NS / self.rate))

    def on_wake(self) -> None:
        """Quote for the next unit."""
        standing = self.orders.get(self._quote_id)
        ticks = self._price()
        if ticks is None:
            return
        if standing is None:
            send = self.buy if self._buys else self.sell
            self._quote_id = send(self._listing, self.size, self._listing.price(ticks))
        elif not standing.cancel_sent and not standing.replaces_sent:
            self.replace(standing.id, self._listing.price(ticks))
        self._pause()

    def _price(self) -> int | None:
        """A price in ticks for the next unit; None when all have traded. ZI-C may have no price left."""
        if self.traded >= len(self.worth):
            return None
        lowest, highest, worth = self._lowest, self._highest, self.worth[self.traded]
        if self.constrained:
            lowest, highest = (lowest, min(highest, worth)) if self._buys else (max(lowest, worth), highest)
        if lowest > highest:
            return None
        return lowest + self.random.below(highest - lowest + 1)

    def on_trade(self, trade: Trade) -> None:
        """Somebody has traded: quotes are over."""
        standing = self.orders.get(self._quote_id)
        if self.reset and standing is not None and not standing.cancel_sent:
            self.cancel(standing.id)

    def on_fill(self, fill: Fill) -> None:
        """A unit has traded, once its order has nothing left."""
        if fill.leaves_lots == 0:
            self.traded += 1
