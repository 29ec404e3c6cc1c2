"""The market maker of Gueant, Lehalle and Fernandez-Tapia: Avellaneda and Stoikov without an end in sight."""

from __future__ import annotations

from math import exp, sqrt
from typing import ClassVar, Literal

from agents.base import Fill, Listing, Trade, Trader
from market_sim.theory import gueant
from market_sim.theory.estimates import MidStatistics

SECOND_NS = 1_000_000_000


class GueantLehalleFernandezTapia(Trader):
    """Quotes a bid and an ask at stationary distances from the mid that depend on the inventory.

    Model: Gueant, Lehalle and Fernandez-Tapia (2013), Mathematics and Financial Economics 7:477-507. With
    inventory q, risk aversion gamma, volatility sigma and fills at rate A exp(-kappa distance): distance of
    the bid (1/gamma) ln(1 + gamma/kappa) + (2q + 1)/2 s, of the ask (1/gamma) ln(1 + gamma/kappa) -
    (2q - 1)/2 s, where s = sqrt(sigma^2 gamma / (2 kappa A) (1 + gamma/kappa)^(1 + kappa/gamma)). With
    `form = "exact"` the distances come from the model's eigenvector for inventories up to `max_inventory`
    instead of this approximation. Prices are rounded away from the mid.

    Units: prices in quote units, time in seconds, q counts orders of `size` above what it began with; gamma
    and kappa in 1 / quote unit, sigma in quote units per square root of a second, A in fills per second. Left
    at 0 they come from what the maker sees:
    sigma from the squared changes of the mid, exponentially weighted over `window_s`;
    kappa = 2 / mean spread of the others;
    A from the rate of public trades (half of it for each side), which happened about half a spread away:
    A = rate / 2 * exp(kappa * spread / 2);
    gamma = `risk` / (sigma sqrt(window_s)).

    Simplifications: the mid is that of the other participants; trades are taken to reach one `size`; fees do
    not enter the quotes; a side that would exceed `max_inventory` is not quoted.
    """

    depth: ClassVar[int] = 5

    size: float = 0.1
    """Size of each quote in base units."""
    max_inventory: float = 1.0
    """Largest distance of the holding from where it began, in base units."""
    form: Literal["closed", "exact"] = "closed"
    """The paper's closed approximation, or its exact stationary solution."""
    risk: float = 0.1
    """Price standard deviations over `window_s` that stand for gamma; used while gamma is 0."""
    gamma: float = 0.0
    """Risk aversion in 1 / quote unit; 0: from `risk`."""
    sigma: float = 0.0
    """Volatility in quote units per square root of a second; 0: estimated."""
    kappa: float = 0.0
    """Decay of the fill rate in 1 / quote unit; 0: from the spread of the others."""
    intensity: float = 0.0
    """A, fills per second of a quote at the mid; 0: from the public trades."""
    window_s: float = 300.0
    """Memory of the estimates in seconds."""
    interval_s: float = 1.0
    """Seconds between two looks at the market; a fill makes it look at once."""
    patience_ticks: int = 1
    """Quotes that are off by less than this stay where they are, and keep their place in the queue."""

    def on_start(self) -> None:
        """Look for the first time within one interval."""
        self._home = {listing.base: self.account.position(listing.base) for listing in self.listings}
        self._seen = {listing.id: MidStatistics() for listing in self.listings}
        self._trades = dict.fromkeys(self._seen, 0)
        self._rate = dict.fromkeys(self._seen, 0.0)
        self._distances: tuple[tuple[float, ...], list[float], list[float]] | None = None
        self.wake_in(1 + int(self.random.random() * self.interval_s * SECOND_NS))

    def on_trade(self, trade: Trade) -> None:
        """Count: the fill rate comes from it."""
        self._trades[trade.listing_id] += 1

    def on_wake(self) -> None:
        """Learn from what changed, and quote."""
        for listing in self.listings:
            self._learn(listing)
            self._requote(listing)
        self.wake_in(int(self.interval_s * SECOND_NS))

    def on_fill(self, fill: Fill) -> None:
        """The inventory has changed, so both quotes have."""
        self._requote(fill.listing)

    def _learn(self, listing: Listing) -> None:
        bid, ask = self.others(listing)
        if bid is None or ask is None or bid >= ask:
            return
        seen, weight = self._seen[listing.id], self.interval_s / self.window_s
        seen.learn(listing.price(bid + ask) / 2, listing.price(ask - bid), self.now_ns, weight)
        weight = max(1 / seen.looks, weight)
        rate = self._trades[listing.id] / self.interval_s
        self._trades[listing.id] = 0
        self._rate[listing.id] += weight * (rate - self._rate[listing.id])

    def _requote(self, listing: Listing) -> None:
        mid = self._seen[listing.id].mid
        if mid is None:
            return
        inventory = self.account.position(listing.base) - self._home[listing.base]
        below, above = self._quote_distances(listing, inventory / self.size)
        size = listing.round_size(self.size)
        may_buy, may_sell = inventory + size <= self.max_inventory, inventory - size >= -self.max_inventory
        self.quote_beside(
            listing,
            listing.prices.below(mid - below) if may_buy else None,
            listing.prices.above(mid + above) if may_sell else None,
            size,
            self.patience_ticks,
        )

    def _quote_distances(self, listing: Listing, units: float) -> tuple[float, float]:
        """Distances of bid and ask from the mid in quote units, with `units` orders of inventory."""
        terms = self._terms(listing)
        if self.form == "closed":
            return gueant.closed_form(units, *terms)
        largest = max(int(self.max_inventory / self.size), 1)
        if self._distances is None or self._distances[0] != terms:
            bids, asks = gueant.stationary(largest, *terms)
            self._distances = terms, bids.tolist(), asks.tolist()
        _, below, above = self._distances
        where = min(max(round(units), -largest), largest) + largest
        # At its end a side has no distance; the caller does not quote it.
        return min(below[where], 1e300), min(above[where], 1e300)

    def _terms(self, listing: Listing) -> tuple[float, float, float, float]:
        """gamma, sigma, kappa and A, given or learnt."""
        seen, tick = self._seen[listing.id], listing.price(1)
        # Without any move seen yet a tick per second stands in: no volatility would mean no risk at all.
        sigma = self.sigma or sqrt(seen.variance) or tick
        spread = max(seen.spread, tick)
        kappa = self.kappa or 2 / spread
        gamma = self.gamma or self.risk / (sigma * sqrt(self.window_s))
        # Before the first trade one a window stands in: no fills at all would mean quotes at infinity.
        rate = max(self._rate[listing.id], 1 / self.window_s)
        return gamma, sigma, kappa, self.intensity or rate / 2 * exp(kappa * spread / 2)
