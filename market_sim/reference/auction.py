"""The price of an auction: one price for all who trade in it.

The ladder of Euronext, ASX and Xetra: the price at which most lots trade; of several, the one that leaves
the least surplus; of those, the highest if buyers are left at each and the lowest if sellers are; else the
one nearest the reference price. Candidates are all limits in the book and the reference price itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from market_sim.reference.book import Book
from market_sim.reference.types import Lots, Side, Ticks


class Cross(NamedTuple):
    """What would trade at a price; `surplus` is what buyers would lack (positive) or sellers keep."""

    price: Ticks
    volume: Lots
    surplus: Lots


def find_cross(book: Book, reference: Ticks | None) -> Cross | None:
    """Where the orders of a book cross; None if nothing can trade.

    Without a reference price the middle of what is left stands in for it, rounded down. Between two
    candidates a price that is none is as good as they are: demand only falls with the price, supply rises.
    """
    limits = {*book.sides[Side.BUY].levels, *book.sides[Side.SELL].levels}
    best = _best(list(_crosses(book, limits if reference is None else {*limits, reference})))
    if not best:
        return None
    if reference is not None:
        return min(best, key=lambda cross: abs(cross.price - reference))
    middle = (best[0].price + best[-1].price) // 2
    return next(cross for cross in _crosses(book, {*limits, middle}) if cross.price == middle)


def _crosses(book: Book, prices: set[Ticks]) -> Iterator[Cross]:
    """What would trade at each price, from the lowest. Orders without a limit trade at any."""
    bids, asks = book.sides
    buys = bids.market.all_lots + sum(level.all_lots for level in bids.levels.values())
    sells = asks.market.all_lots
    for price in sorted(prices):
        sells += asks.lots_at(price)
        yield Cross(price, min(buys, sells), buys - sells)
        buys -= bids.lots_at(price)


def _best(crosses: list[Cross]) -> list[Cross]:
    """The first three steps: volume, surplus, pressure."""
    most = max((cross.volume for cross in crosses), default=0)
    if not most:
        return []
    crosses = [cross for cross in crosses if cross.volume == most]
    least = min(abs(cross.surplus) for cross in crosses)
    crosses = [cross for cross in crosses if abs(cross.surplus) == least]
    if all(cross.surplus > 0 for cross in crosses):
        return crosses[-1:]
    if all(cross.surplus < 0 for cross in crosses):
        return crosses[:1]
    return crosses
