"""An agent's own record of one of its orders, as last reported to it."""

from __future__ import annotations

from market_sim.engine import OrderType, Side
from market_sim.listing import Listing
from market_sim.view import SIDES


class Order:
    """An own order. `id` is the agent's own counter, known the moment the order is sent.

    `order_type` is what was sent; `is_triggered` says that a print has elected a stop.
    `status`: "sent" (no answer yet), "open", "filled", "cancelled" or "rejected". `cancel_sent` and
    `replaces_sent` say what is on its way; `asked_ticks` and `asked_lots` are the price and total size that
    the last request asked for.
    """

    __slots__ = (
        "asked_lots",
        "asked_ticks",
        "cancel_sent",
        "id",
        "is_triggered",
        "lacks_view",
        "leaves_lots",
        "listing",
        "order_type",
        "price_ticks",
        "replaces_sent",
        "sent_ns",
        "side_code",
        "size_lots",
        "status",
    )

    def __init__(
        self, counter: int, listing: Listing, side: int, price_ticks: int, size_lots: int, sent_ns: int
    ) -> None:
        self.id = counter
        self.listing = listing
        self.side_code = side
        self.price_ticks = self.asked_ticks = price_ticks
        self.size_lots = self.asked_lots = self.leaves_lots = size_lots
        self.sent_ns = sent_ns
        self.status = "sent"
        self.cancel_sent = False
        self.replaces_sent = 0
        self.lacks_view = False
        self.order_type = OrderType.LIMIT
        self.is_triggered = False

    @property
    def side(self) -> Side:
        """BUY or SELL."""
        return SIDES[self.side_code]

    @property
    def price(self) -> float:
        """Limit price, or protection price of a market order; 0 as long as it has neither."""
        return self.listing.prices.value(self.price_ticks)

    @property
    def size(self) -> float:
        """Total size, filled part included."""
        return self.listing.sizes.value(self.size_lots)

    @property
    def leaves(self) -> float:
        """Size still open."""
        return self.listing.sizes.value(self.leaves_lots)

    @property
    def filled(self) -> float:
        """Size traded so far, as reported."""
        return self.listing.sizes.value(self.size_lots - self.leaves_lots)

    @property
    def is_open(self) -> bool:
        """True while the order may still trade, as far as the agent knows."""
        return self.status in ("sent", "open")

    def __repr__(self) -> str:
        return (
            f"Order({self.id}, {self.listing.name}, {self.side.name}, price={self.price}, size={self.size}, "
            f"leaves={self.leaves}, status={self.status!r})"
        )
