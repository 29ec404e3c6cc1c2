"""Sharing a number of lots among orders that stand at one price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from market_sim.reference.book import Book
from market_sim.reference.level import Level
from market_sim.reference.order import Order
from market_sim.reference.types import Lots, Side, Ticks

Allotment = tuple[Order, Lots]


def share_out(lots: Lots, sizes: list[Lots], least: Lots = 0, first: Lots = 0) -> list[Lots]:
    """Pro rata, as CME writes it: each gets the same part of its size, rounded down.

    `first` lots at most go to the first in line ahead of the others; a share below `least` becomes none;
    what rounding leaves over goes to whoever came first, as far as its size allows.
    """
    assert 0 < lots <= sum(sizes), "there is enough to share, and not more than asked for"
    given = [0] * len(sizes)
    given[0] = min(first, sizes[0], lots)
    left, wanted = lots - given[0], sum(sizes) - given[0]
    if left:
        shares = [left * (size - got) // wanted for size, got in zip(sizes, given, strict=True)]
        given = [got + (share if share >= least else 0) for got, share in zip(given, shares, strict=True)]
    over = lots - sum(given)
    for place, size in enumerate(sizes):
        more = min(over, size - given[place])
        given[place] += more
        over -= more
    return given


def allot_batch(book: Book, side: int, price: Ticks, volume: Lots) -> list[Allotment]:
    """Who of a side gets how much of a batch's volume at its price.

    Orders without a limit first, then the better price, then the earlier batch. Within one batch nobody
    came first: the group that cannot have all shares by size.
    """
    allotted: list[Allotment] = []
    for group in _groups(book, side, price):
        if not volume:
            break
        sizes = [order.leaves for order in group]
        given = sizes if sum(sizes) <= volume else share_out(volume, sizes)
        allotted += [(order, lots) for order, lots in zip(group, given, strict=True) if lots]
        volume -= sum(given)
    return allotted


def _groups(book: Book, side: int, price: Ticks) -> Iterator[list[Order]]:
    levels: Iterable[Level] = [book.sides[side].market, *book.sides[side].from_best()]
    for level in levels:
        reaches = level.price >= price if side == Side.BUY else level.price <= price
        if reaches or not level.price:
            for _, group in groupby(level.orders.values(), key=lambda order: order.batch):
                yield list(group)
