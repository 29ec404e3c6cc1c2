"""A person at an order ticket."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Cancelled, Fill, Order, Reject, Trader


class Human(Trader):
    """Does nothing by itself: its orders come from outside, through a market's runner, and reach the venue as
    late as its latency says. It keeps what it has been told, so that a page can show it.

    Model: none, a seat. Simplification: a person takes no time to decide; what a page shows them is what a
    frame brings, not what their view has been told.
    """

    portable: ClassVar[bool] = True

    def on_start(self) -> None:
        """Nothing has been told yet."""
        self.told: list[tuple[int, int, str]] = []

    def _tell(self, order: int, text: str) -> None:
        self.told.append((self.now_ns, order, text))

    def on_accepted(self, order: Order) -> None:
        """The venue has taken an order or a replacement."""
        self._tell(order.id, f"accepted at {order.price:,}, {order.leaves:,} open")

    def on_fill(self, fill: Fill) -> None:
        """An own order has traded."""
        self._tell(fill.order_id, f"filled {fill.size:,} at {fill.price:,}, fee {fill.fee:,.8g}")

    def on_cancelled(self, cancelled: Cancelled) -> None:
        """An own order has ended."""
        self._tell(cancelled.order_id, f"cancelled ({_words(cancelled.reason)})")

    def on_reject(self, reject: Reject) -> None:
        """An order, cancel or replace was refused."""
        self._tell(reject.order_id, f"refused ({_words(reject.reason)})")


def _words(reason: object) -> str:
    return str(getattr(reason, "name", reason)).lower().replace("_", " ")
