"""The market maker of Avellaneda and Stoikov: two quotes around a price that leans against the inventory."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar, Literal

from agents.base import Fill, Listing, Trader
from market_sim.theory.avellaneda_stoikov import mean_spread, optimal_spread, reservation_price
from market_sim.theory.estimates import MidStatistics

SECOND_NS = 1_000_000_000


class AvellanedaStoikov(Trader):
    """Quotes one bid and one ask at every listing it trades, and moves both against its inventory.

    Model: Avellaneda and Stoikov (2008), Quantitative Finance 8:217-224. With mid s, inventory q, volatility
    sigma and time to the horizon tau: reservation price r = s - q gamma sigma^2 tau, total spread gamma
    sigma^2 tau + (2 / gamma) ln(1 + gamma / kappa), quotes at r -+ spread / 2, rounded away from r.

    Units: prices in quote units, time in seconds, q counts orders of `size` above what it began with. gamma
    is in 1 / quote unit, sigma in quote units per square root of a second, kappa (the fall of the fill rate
    with distance) in 1 / quote unit. Left at 0 they come from what the maker sees, so one setting fits any
    price level and a real feed as well as a simulated one:
    sigma from the squared changes of the mid, exponentially weighted over `window_s`;
    kappa = 2 / mean spread of the others, the value at which a maker without risk aversion quotes their
    spread;
    gamma = `risk` / (sigma sqrt(horizon)): one `size` of inventory moves the quotes by `risk` standard
    deviations of the price over the horizon.

    `symmetric` is the strategy that the paper compares with: the same spread, averaged over the horizon,
    around the mid whatever the inventory. `reference = "fundamental"` quotes around the fundamental value, as
    the paper's model does, whose mid stands apart from any book.

    Simplifications: the mid is that of the other participants (own orders are taken out of the view, or the
    maker would chase itself); kappa is not fitted to fills; fees do not enter the quotes; the published
    model keeps no inventory limit, this one stops quoting the side that would exceed `max_inventory`.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    size: float = 0.1
    """Size of each quote in base units."""
    max_inventory: float = 1.0
    """Largest distance of the holding from where it began, in base units."""
    horizon_s: float = 60.0
    """Time to the horizon in seconds."""
    finite: bool = False
    """True: the horizon is `horizon_s` after the start and draws near. False: it stays ahead."""
    risk: float = 0.1
    """Price standard deviations by which one `size` of inventory moves the quotes; used while gamma is 0."""
    gamma: float = 0.0
    """Risk aversion in 1 / quote unit; 0: from `risk`."""
    sigma: float = 0.0
    """Volatility in quote units per square root of a second; 0: estimated."""
    kappa: float = 0.0
    """Decay of the fill rate in 1 / quote unit; 0: from the spread of the others."""
    window_s: float = 300.0
    """Memory of the estimates in seconds."""
    interval_s: float = 1.0
    """Seconds between two looks at the market; a fill makes it look at once."""
    patience_ticks: int = 1
    """Quotes that are off by less than this stay where they are, and keep their place in the queue."""
    symmetric: bool = False
    """True: the horizon's mean spread around the mid, without regard to the inventory."""
    reference: Literal["book", "fundamental"] = "book"
    """Where the mid comes from: the others' quotes, or the fundamental value, if the scenario has one."""

    def on_start(self) -> None:
        """Look for the first time within one interval: makers that start together shall not move together."""
        self._home = {listing.base: self.account.position(listing.base) for listing in self.listings}
        self._seen = {listing.id: MidStatistics() for listing in self.listings}
        for listing in self.listings:
            if self.reference == "fundamental" and self.fundamental(listing.instrument) is None:
                raise ValueError(
                    f"{self.name} quotes around the value of {listing.instrument}, which has no "
                    f'[fundamentals] table; give it one, or choose reference = "book"'
                )
        self.wake_in(1 + int(self.random.random() * self.interval_s * SECOND_NS))

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
        """Update mid, variance per second and mean spread from the others' quotes."""
        bid, ask = self.others(listing)
        if bid is not None and ask is not None and bid < ask:
            self._seen[listing.id].learn(
                listing.price(bid + ask) / 2,
                listing.price(ask - bid),
                self.now_ns,
                self.interval_s / self.window_s,
            )

    def _requote(self, listing: Listing) -> None:
        mid = self._seen[listing.id].mid
        if self.reference == "fundamental":
            mid = self.fundamental(listing.instrument)
        if mid is None:
            return
        inventory = self.account.position(listing.base) - self._home[listing.base]
        reservation, spread = self._model(listing, mid, inventory / self.size)
        bid = listing.prices.below(reservation - spread / 2)
        ask = listing.prices.above(reservation + spread / 2)
        size = listing.round_size(self.size)
        self.quote_beside(
            listing,
            bid if inventory + size <= self.max_inventory else None,
            ask if inventory - size >= -self.max_inventory else None,
            size,
            self.patience_ticks,
        )

    def _model(self, listing: Listing, mid: float, units: float) -> tuple[float, float]:
        """Reservation price and total spread, both in quote units, with `units` orders of inventory."""
        tick, seen = listing.price(1), self._seen[listing.id]
        tau = self.horizon_s
        if self.finite:
            tau = max(self.horizon_s - self.now_ns / SECOND_NS, 0.0)
        # Without any move seen yet a tick per second stands in: no volatility would mean no risk at all.
        variance = self.sigma * self.sigma or seen.variance or tick * tick
        kappa = self.kappa or 2 / max(seen.spread, tick)
        gamma = self.gamma or self.risk / sqrt(variance * self.horizon_s)
        if self.symmetric:
            return mid, mean_spread(gamma, variance, kappa, self.horizon_s)
        reservation = reservation_price(mid, units, gamma, variance, tau)
        return reservation, optimal_spread(gamma, variance, kappa, tau)
