"""The order flow of Cont, Stoikov and Talreja: every kind of event at its own rate."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Order, Side, Trader

MINUTE_NS = 60_000_000_000


class PoissonOrderFlow(Trader):
    """All traders of a market in one: limit orders, market orders and cancellations of one size each.

    Model: Cont, Stoikov and Talreja (2010), Operations Research 58:549-563. Independent Poisson processes: on
    each side limit orders i ticks from the best price of the other side at rate lambda(i), market orders at
    rate mu, and every standing order is cancelled at rate theta(i), i its distance from the best price of the
    other side now. The defaults are the paper's estimates for Sky Perfect Communications; further out than
    they go lambda is `tail_scale` / i^`tail_power`, up to `levels` ticks, and theta its last value.

    Units: rates per minute, multiplied by `speed`; distances in ticks of the listing, `size` in base units.

    It is buyers and sellers at once and trades with itself: it needs `stp = "none"`.

    Simplifications: events see the book by this agent's own view, so give it a latency far below the time
    between events; cancellations are of its own orders; a side that is empty is measured from where its best
    price was last. The first listing.
    """

    limit_rates: tuple[float, ...] = (1.85, 1.51, 1.09, 0.88, 0.77)
    """lambda(1), lambda(2) ...: limit orders per minute at each distance, on each side."""
    cancel_rates: tuple[float, ...] = (0.71, 0.81, 0.68, 0.56, 0.47)
    """theta(1), theta(2) ...: cancellations per minute of an order at a distance; the last for all beyond."""
    market_rate: float = 0.94
    """mu: market orders per minute on each side."""
    tail_scale: float = 1.92
    """lambda beyond the given rates, at a distance of one tick, in orders per minute."""
    tail_power: float = 0.52
    """How fast it falls: the power of the distance in ticks."""
    levels: int = 20
    """Furthest distance of a limit order in ticks."""
    speed: float = 60.0
    """All rates are multiplied by it; 60 makes a paper's minute a second."""
    size: float = 1.0
    """Size of every order in base units."""
    start_price: float = 0.0
    """Where an empty market begins, in quote units; 0: at the fundamental value."""
    seed_depth: int = 3
    """Orders on each of the first levels of both sides at the start."""

    depth: ClassVar[int] = 1

    def on_start(self) -> None:
        """Fill the book around the start, and wait for the first event."""
        if not self.limit_rates or not self.cancel_rates or self.levels < len(self.limit_rates):
            raise ValueError(
                f"{self.name}: {len(self.limit_rates)} limit rates, {len(self.cancel_rates)} cancel rates, "
                f"{self.levels} levels; give rates of both kinds, and levels for all of them"
            )
        if self.market.groups[self.name].stp != "none":
            raise ValueError(
                f"{self.name} is both sides of its market, and self-trade prevention would cancel every "
                'trade; give it stp = "none"'
            )
        self._listing = self.listings[0]
        self._lambda = [self._limit_rate(distance) for distance in range(1, self.levels + 1)]
        self._arrivals = sum(self._lambda)
        price = self.start_price or self.fundamental(self._listing.instrument)
        if price is None:
            raise ValueError(
                f"{self.name}: no start_price, and {self._listing.instrument} has no fundamental"
            )
        middle = self._listing.prices.nearest(price)
        self._best = [middle, middle + 1]
        for distance in range(1, len(self.limit_rates) + 1):
            for _ in range(self.seed_depth):
                self._rest(Side.BUY, distance)
                self._rest(Side.SELL, distance)
        self._next()

    def _limit_rate(self, distance: int) -> float:
        if distance <= len(self.limit_rates):
            return self.limit_rates[distance - 1]
        return float(self.tail_scale / distance**self.tail_power)

    def _next(self) -> None:
        """Draw the time to the next event; having no memory, it may be drawn anew after every one."""
        pause = self.random.expovariate() / (self._look() * self.speed)
        self.wake_in(1 + int(pause * MINUTE_NS))

    def _look(self) -> float:
        """Learn both best prices, as (last) seen, and the own orders; gives the rate of all events."""
        view = self.view(self._listing)
        if view.bid_ticks is not None:
            self._best[Side.BUY] = view.bid_ticks
        if view.ask_ticks is not None:
            self._best[Side.SELL] = view.ask_ticks
        self._standing = [order for order in self.orders.values() if not order.cancel_sent]
        self._cancels = sum(self._cancel_rate(order) for order in self._standing)
        return 2 * (self._arrivals + self.market_rate) + self._cancels

    def _cancel_rate(self, order: Order) -> float:
        away = abs(order.asked_ticks - self._best[1 - order.side_code])
        return self.cancel_rates[min(max(away, 1), len(self.cancel_rates)) - 1]

    def on_wake(self) -> None:
        """One event: which kind it is is as likely as its rate."""
        drawn = self.random.random() * self._look()
        if drawn < 2 * self._arrivals:
            self._arrive(drawn / 2)
        elif drawn < 2 * (self._arrivals + self.market_rate):
            self._take(self.random.below(2))
        else:
            self._cancel_one(drawn - 2 * (self._arrivals + self.market_rate))
        self._next()

    def _arrive(self, drawn: float) -> None:
        distance = 1
        for rate in self._lambda[:-1]:
            if drawn < rate:
                break
            drawn -= rate
            distance += 1
        self._rest(self.random.below(2), distance)

    def _rest(self, side: int, distance: int) -> None:
        """A limit order so many ticks from the best price of the other side."""
        opposite = self._best[1 - side]
        ticks = opposite - distance if side == Side.BUY else opposite + distance
        send = self.buy if side == Side.BUY else self.sell
        send(self._listing, self.size, self._listing.price(max(ticks, 1)))

    def _take(self, side: int) -> None:
        view = self.view(self._listing)
        best = view.ask_ticks if side == Side.BUY else view.bid_ticks
        if best is not None:
            send = self.buy if side == Side.BUY else self.sell
            send(self._listing, self.size, self._listing.price(best), tif="IOC")

    def _cancel_one(self, drawn: float) -> None:
        for order in self._standing:
            rate = self._cancel_rate(order)
            if drawn < rate:
                self.cancel(order.id)
                return
            drawn -= rate
