"""A trader without information: orders and cancellations at random times. Together they make a book."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Listing, Side, Trader

SECOND_NS = 1_000_000_000


class NoiseTrader(Trader):
    """Acts at random times: cancels an own order, takes the best price, or rests a limit order.

    Model: zero-intelligence order flow as in Farmer, Patelli and Zovko (2005, PNAS 102:2254-2259), with limit
    orders behind the opposite best price at a geometric-like distance as in Cont, Stoikov and Talreja (2010,
    Operations Research 58:549-563). A market that is empty is seeded around the fundamental value, or around
    `start_price`.

    Simplifications: no memory, sides are a fair coin, the rates do not depend on the state of the book. One
    agent stands for many small ones, so `max_open` bounds what it leaves in the book.
    """

    portable: ClassVar[bool] = True

    rate: float = 1.0
    """Actions per second (mean of the Poisson process)."""
    cancel_share: float = 0.35
    """Share of actions that cancel an own order, while there is one."""
    market_share: float = 0.15
    """Share of actions that take liquidity at the best opposite price."""
    size: float = 0.1
    """Mean order size in base units; sizes are exponential, at least one lot."""
    depth_ticks: float = 5.0
    """Mean distance of a limit order from the tick next to the opposite best price, in ticks."""
    max_open: int = 12
    """Own open orders per listing; beyond it the oldest is cancelled instead of a new one sent."""
    start_price: float = 0.0
    """Where a market without any quote begins, in quote units; 0: at the fundamental value."""

    def on_start(self) -> None:
        """Seed the market on both sides if it knows where, then act for the first time at a random moment."""
        for listing in self.listings:
            for side in (Side.BUY, Side.SELL):
                self._rest(listing, side)
        self._pause()

    def _pause(self) -> None:
        self.wake_in(1 + int(self.random.expovariate() * SECOND_NS / self.rate))

    def on_wake(self) -> None:
        """Do one thing at one listing."""
        listing = self.listings[self.random.below(len(self.listings))]
        kind = self.random.random()
        own = [order for order in self.orders.values() if order.listing is listing and not order.cancel_sent]
        if own and kind < self.cancel_share:
            self.cancel(own[self.random.below(len(own))].id)
        elif kind < self.cancel_share + self.market_share:
            self._take(listing, self.random.below(2))
        elif len(own) >= self.max_open:
            self.cancel(own[0].id)
        else:
            self._rest(listing, self.random.below(2))
        self._pause()

    def _take(self, listing: Listing, side: int) -> None:
        """Take at the best price shown, no further: what is not there is cancelled."""
        view = self.view(listing)
        best = view.ask_ticks if side == Side.BUY else view.bid_ticks
        if best is not None:
            send = self.buy if side == Side.BUY else self.sell
            send(listing, self._size(listing), listing.price(best), tif="IOC")

    def _rest(self, listing: Listing, side: int) -> None:
        """Leave a limit order a random distance from the best price of the other side."""
        ticks = self._anchor_ticks(listing, side)
        if ticks is not None:
            distance = 1 + int(self.random.expovariate() * self.depth_ticks)
            away = -distance if side == Side.BUY else distance
            send = self.buy if side == Side.BUY else self.sell
            send(listing, self._size(listing), listing.price(max(ticks + away, 1)))

    def _anchor_ticks(self, listing: Listing, side: int) -> int | None:
        """What an order keeps away from: the opposite best, else the own best, else the start."""
        view = self.view(listing)
        opposite, own = view.ask_ticks, view.bid_ticks
        if side == Side.SELL:
            opposite, own = own, opposite
        if opposite is not None:
            return opposite
        if own is not None:
            return own
        price = self.start_price or self.fundamental(listing.instrument)
        return None if price is None else listing.ticks(listing.round_price(price))

    def _size(self, listing: Listing) -> float:
        mean_lots = self.size / listing.size(1)
        return listing.size(1 + int(self.random.expovariate() * mean_lots))
