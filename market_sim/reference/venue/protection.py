"""The price of an order that leaves its price to the market: never further than it asked for."""

from __future__ import annotations

from market_sim.reference.order import NewOrder, OrderType
from market_sim.reference.types import MAX_PRICE, Side, Ticks
from market_sim.reference.venue.listing import Listing


def asks_the_market(order: NewOrder) -> bool:
    """Whether the order's limit comes from the book at the moment of matching."""
    protected = order.order_type == OrderType.MARKET and order.terms.protection_ticks is not None
    return protected or order.order_type == OrderType.MARKET_TO_LIMIT


def effective_price(listing: Listing, order: NewOrder, gathers: bool) -> Ticks | None:
    """The limit that the order will have: as sent, or from the best price displayed on the other side.

    None: it has none, or it would need one and nothing is displayed. Hidden orders do not count, since
    a limit that tells of them would betray them. Where orders gather the auction gives the limit, later.
    """
    if not asks_the_market(order) or gathers:
        return order.price
    best = listing.book.best_shown(1 - order.side)
    distance = order.terms.protection_ticks or 0
    return None if best is None else protected_price(order.side, best.price, distance)


def protected_price(side: int, best: Ticks, distance: Ticks) -> Ticks:
    """The opposite best and `distance` ticks beyond it, within the range of prices."""
    return min(best + distance, MAX_PRICE) if side == Side.BUY else max(best - distance, 1)
