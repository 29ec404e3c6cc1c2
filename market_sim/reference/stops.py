"""Orders that wait for trades to reach their stop price. They stand in no queue and nobody sees them."""

from __future__ import annotations

from market_sim.reference.order import Order, OrderType
from market_sim.reference.types import OrderId, Side, Ticks

TEN_THOUSAND = 10_000  # basis points in one


class StopBook:
    """The waiting stops of one listing, in the order in which they came."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: dict[OrderId, Order] = {}

    def elect(self, price: Ticks) -> list[Order]:
        """Take out the stops that a print at `price` elects.

        Buys before sells, the stop that the market reached first before the others, then first come.
        """
        for order in self.waiting.values():
            follow(order, price)
        elected = sorted((order for order in self.waiting.values() if holds(order, price)), key=rank)
        for order in elected:
            del self.waiting[order.id]
        return elected


def rank(order: Order) -> tuple[int, Ticks, int]:
    """Place of an elected stop among those that the same print elects."""
    assert order.stop is not None, "only a stop with a price is elected"
    return order.side, order.stop if order.side == Side.BUY else -order.stop, order.number


def holds(order: Order, price: Ticks | None) -> bool:
    """Whether a print at `price` elects the order: at its stop or beyond it."""
    if price is None or order.stop is None:
        return False
    return price >= order.stop if order.side == Side.BUY else price <= order.stop


def follow(order: Order, price: Ticks | None) -> None:
    """Let a trailing stop follow the best print since it came: the lowest for a buy, the highest for a sell.

    A distance in basis points is rounded outward, so that a stop never stands closer than asked for.
    """
    if order.order_type != OrderType.TRAILING_STOP or price is None:
        return
    best = min if order.side == Side.BUY else max
    order.extreme = price if order.extreme is None else best(order.extreme, price)
    stand(order)


def stand(order: Order) -> None:
    """Put a trailing stop at its distance from the best print, once there is one."""
    if order.extreme is None:
        return
    ticks, bps = order.terms.trail_ticks, order.terms.trail_bps
    if order.side == Side.BUY:
        order.stop = order.extreme + ticks + -(-order.extreme * bps // TEN_THOUSAND)
    else:
        order.stop = order.extreme - ticks - -(-order.extreme * bps // TEN_THOUSAND)
