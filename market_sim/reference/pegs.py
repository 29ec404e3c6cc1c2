"""The price of a pegged order: it follows the displayed market, never crosses it, and never follows pegs."""

from __future__ import annotations

from market_sim.reference.book import Book
from market_sim.reference.terms import Peg
from market_sim.reference.types import MAX_PRICE, Side, Ticks


def reference_price(book: Book, side: int) -> Ticks | None:
    """Best displayed price of a side that somebody other than pegs stands for."""
    for level in book.sides[side].displayed():
        if any(not order.terms.peg for order in level.orders.values()):
            return level.price
    return None


def pegged_price(book: Book, side: int, peg: int, offset: Ticks, limit: Ticks | None) -> Ticks | None:
    """Where a pegged order belongs now; None where what it follows is missing or leaves it no room.

    A positive offset is towards the other side. The limit caps the price, and one tick is left to the
    best price displayed on the other side.
    """
    target = _followed(book, side, peg)
    if target is None:
        return None
    opposite = book.best_shown(1 - side)
    if side == Side.BUY:
        room = MAX_PRICE if opposite is None else opposite.price - 1
        price = min(target + offset, room, room if limit is None else limit)
    else:
        room = 1 if opposite is None else opposite.price + 1
        price = max(target - offset, room, room if limit is None else limit)
    if not 1 <= room <= MAX_PRICE:
        return None
    return min(max(price, 1), MAX_PRICE)


def _followed(book: Book, side: int, peg: int) -> Ticks | None:
    own, opposite = reference_price(book, side), reference_price(book, 1 - side)
    if peg == Peg.PRIMARY:
        return own
    if peg == Peg.MARKET:
        return opposite
    if own is None or opposite is None:
        return None
    return (own + opposite) // 2 if side == Side.BUY else -(-(own + opposite) // 2)
