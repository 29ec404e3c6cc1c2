"""The market maker of Avellaneda and Stoikov: two quotes around a price that leans against the inventory."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from agents.base import Fill, Listing, Side, Trader

SECOND_NS = 1_000_000_000
# Lots of the own orders by side and price in ticks.
Own = dict[tuple[int, int | None], int]


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

    def on_start(self) -> None:
        """Look for the first time within one interval: makers that start together shall not move together."""
        self._home = {listing.base: self.account.position(listing.base) for listing in self.listings}
        self._mid: dict[int, float] = {}
        self._variance: dict[int, float] = {}
        self._spread: dict[int, float] = {}
        self._looks: dict[int, int] = {}
        self._learned_ns: dict[int, int] = {}
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

    def _others(self, listing: Listing) -> tuple[int | None, int | None]:
        """Best bid and ask in ticks without the own orders, as far as the view is deep."""
        book = self.view(listing).depth
        if book is None:
            return None, None
        own: Own = {}
        for order in self.orders.values():
            if order.listing is listing:
                key = (order.side_code, order.price_ticks)
                own[key] = own.get(key, 0) + order.leaves_lots
        return _first_beyond(book[0], own, Side.BUY), _first_beyond(book[1], own, Side.SELL)

    def _learn(self, listing: Listing) -> None:
        """Update mid, variance per second and mean spread from the others' quotes."""
        bid, ask = self._others(listing)
        if bid is None or ask is None or bid >= ask:
            return
        mid, spread = listing.price(bid + ask) / 2, listing.price(ask - bid)
        looks = self._looks[listing.id] = self._looks.get(listing.id, 0) + 1
        if looks > 1:
            # A plain mean at first, an exponential one as soon as the window is full.
            weight = max(1 / (looks - 1), self.interval_s / self.window_s)
            move = mid - self._mid[listing.id]
            # Longer than an interval where a side was empty in between.
            elapsed_s = (self.now_ns - self._learned_ns[listing.id]) / SECOND_NS
            variance = self._variance.get(listing.id, 0.0)
            self._variance[listing.id] = variance + weight * (move * move / elapsed_s - variance)
        weight = max(1 / looks, self.interval_s / self.window_s)
        known = self._spread.get(listing.id, spread)
        self._spread[listing.id] = known + weight * (spread - known)
        self._mid[listing.id], self._learned_ns[listing.id] = mid, self.now_ns

    def _requote(self, listing: Listing) -> None:
        mid = self._mid.get(listing.id)
        if mid is None:
            return
        inventory = self.account.position(listing.base) - self._home[listing.base]
        reservation, spread = self._model(listing, mid, inventory / self.size)
        bid = max(listing.prices.below(reservation - spread / 2), 1)
        ask = listing.prices.above(reservation + spread / 2)
        best_bid, best_ask = self._others(listing)
        # A quote through the others' best would be rejected as post-only; next to it is as far as it goes.
        if best_ask is not None:
            bid = min(bid, best_ask - 1)
        if best_bid is not None:
            ask = max(ask, best_bid + 1)
        size = listing.round_size(self.size)
        bid, ask = self._unless_near(listing, Side.BUY, bid), self._unless_near(listing, Side.SELL, ask)
        may_buy, may_sell = inventory + size <= self.max_inventory, inventory - size >= -self.max_inventory
        self.quote(
            listing, listing.price(bid) if may_buy else None, listing.price(ask) if may_sell else None, size
        )

    def _unless_near(self, listing: Listing, side: Side, ticks: int) -> int:
        """The wanted price, or that of the standing quote where the two differ by less than the patience."""
        for order in self.orders.values():
            if order.listing is listing and order.side_code == side and order.asked_ticks is not None:
                near = abs(order.asked_ticks - ticks) < self.patience_ticks and not order.cancel_sent
                return order.asked_ticks if near else ticks
        return ticks

    def _model(self, listing: Listing, mid: float, units: float) -> tuple[float, float]:
        """Reservation price and total spread, both in quote units, with `units` orders of inventory."""
        tick = listing.price(1)
        tau = self.horizon_s
        if self.finite:
            tau = max(self.horizon_s - self.now_ns / SECOND_NS, 0.0)
        # Without any move seen yet a tick per second stands in: no volatility would mean no risk at all.
        variance = self.sigma * self.sigma or self._variance.get(listing.id, 0.0) or tick * tick
        kappa = self.kappa or 2 / max(self._spread[listing.id], tick)
        gamma = self.gamma or self.risk / sqrt(variance * self.horizon_s)
        reservation = mid - units * gamma * variance * tau
        return reservation, gamma * variance * tau + 2 / gamma * log1p(gamma / kappa)


def _first_beyond(levels: list[tuple[int, int]], own: Own, side: Side) -> int | None:
    """The first level that holds more than the own orders there."""
    for ticks, lots in levels:
        if lots > own.get((side, ticks), 0):
            return ticks
    return None


def log1p(x: float) -> float:
    """ln(1 + x) for x >= 0 by its series in x / (2 + x): the same digits on every machine."""
    step = x / (2 + x)
    power, total, n = step, 0.0, 1
    while total + power / n != total:
        total += power / n
        power *= step * step
        n += 2
    return 2 * total
