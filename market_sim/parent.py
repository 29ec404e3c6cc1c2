"""A parent order: a large order that an execution strategy works in small ones."""

from __future__ import annotations

from market_sim.engine import Side
from market_sim.listing import Listing
from market_sim.notices import Fill
from market_sim.order import Order
from market_sim.participant import Participant


class ParentOrder:
    """What is to be traded, what has been, and what is on its way. Sizes in lots.

    The strategy forwards its fills to `record` and says with `work` how much shall be done by now.
    """

    def __init__(
        self, trader: Participant, listing: Listing, side: str, size: float, protection_bps: int
    ) -> None:
        self.trader = trader
        self.listing = listing
        self.side = Side.BUY if side == "buy" else Side.SELL
        #: Lots in all, on the grid, not above what was asked for.
        self.total = listing.sizes.below(size)
        if self.total <= 0:
            raise ValueError(f"{trader.name}: size {size} is less than a lot of {listing.name}")
        self.protection_bps = protection_bps
        self.done = 0
        #: Mid when the work began, in quote units; None until one has been seen.
        self.arrival_mid: float | None = None
        self._ticks_lots = 0
        self._resting = 0

    @property
    def left(self) -> int:
        """Lots still to be traded."""
        return self.total - self.done

    @property
    def committed(self) -> int:
        """Lots that have traded or are in orders on their way."""
        return self.done + sum(order.leaves_lots for order in self._open())

    @property
    def average_price(self) -> float | None:
        """Mean price of what has traded, in quote units; None before the first fill."""
        return self.listing.price(1) * self._ticks_lots / self.done if self.done else None

    @property
    def shortfall_bps(self) -> float | None:
        """Implementation shortfall of what has traded against the arrival mid, in basis points: above 0 a
        cost.
        """
        price, mid = self.average_price, self.arrival_mid
        if price is None or not mid:
            return None
        return (price / mid - 1) * 10_000 * (1 if self.side == Side.BUY else -1)

    def record(self, fill: Fill) -> None:
        """Take in a fill of this listing and side."""
        if fill.listing is self.listing and fill.side_code == self.side:
            self.done += fill.size_lots
            self._ticks_lots += fill.size_lots * fill.price_ticks

    def work(self, take: int, join: int = 0) -> None:
        """Trade so that `take` lots are done, and offer to trade up to `join`.

        What is missing to `take` goes out as a protected market order. Beyond it an order rests at the best
        price of the own side and follows that price. Both wait while there is no view of the price they need.
        """
        view = self.trader.view(self.listing)
        if self.arrival_mid is None:
            self.arrival_mid = view.mid
        resting = self.trader.orders.get(self._resting)
        missing = min(take, self.total) - self.done
        if missing <= 0:
            self._rest(min(join, self.total) - self.done)
        elif resting is not None:
            # Both at once could trade more than there is to do: the next look finds it gone.
            if not resting.cancel_sent:
                self.trader.cancel(resting.id)
        elif (view.ask_ticks if self.side == Side.BUY else view.bid_ticks) is not None:
            missing -= sum(order.leaves_lots for order in self._open())
            if missing > 0:
                send = self.trader.buy if self.side == Side.BUY else self.trader.sell
                send(self.listing, self.listing.size(missing), protection_bps=self.protection_bps)

    def _open(self) -> list[Order]:
        return [order for order in self.trader.orders.values() if order.listing is self.listing]

    def _rest(self, lots: int) -> None:
        """Keep so many lots at the best price of the own side; none if 0, or if nobody else is there."""
        best = self.trader.others(self.listing)[self.side]
        order = self.trader.orders.get(self._resting)
        if order is not None and (order.cancel_sent or order.replaces_sent or order.status == "sent"):
            return
        if lots <= 0 or best is None:
            if order is not None:
                self.trader.cancel(order.id)
        elif order is not None:
            if order.price_ticks != best or order.leaves_lots != lots:
                total = self.listing.size(order.size_lots - order.leaves_lots + lots)
                self.trader.replace(order.id, self.listing.price(best), total)
        elif not self._open():
            send = self.trader.buy if self.side == Side.BUY else self.trader.sell
            self._resting = send(
                self.listing, self.listing.size(lots), self.listing.price(best), post_only=True
            )
