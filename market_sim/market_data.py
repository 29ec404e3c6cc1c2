"""A subscriber of market data: it rebuilds a venue's public books from numbered rows alone.

    subscriber = Subscriber(venue.market_data_snapshot())
    subscriber.apply(venue.take_market_data())
    subscriber.book(listing).levels(Side.BUY, 5)

Rows come from `Venue.take_market_data()` of either engine. Ticks and lots throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from market_sim.engine import LAST, OF_ONE, PLACE_KEPT, MarketDataKind, MarketDataRow, Phase, Side
from market_sim.errors import MarketSimError

__all__ = ["GapError", "PublicBook", "Subscriber"]

_OrderId = tuple[int, int]


class GapError(MarketSimError):
    """Rows were lost: number `expected` did not come, `got` did. The books are unknown from here on."""

    def __init__(self, expected: int, got: int) -> None:
        self.expected = expected
        self.got = got
        super().__init__(
            f"row {expected} of market data is missing: row {got} came in its place",
            "market data",
            "Start again from Venue.market_data_snapshot().",
        )


@dataclass
class PublicBook:
    """What is public of one listing.

    `touch` comes from BBO rows, `levels()` from L2, `orders()` from L3: a channel that is not published
    stays empty.
    """

    touch: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0), (0, 0)])
    last_trade: tuple[int, int, Side] | None = None  # price, lots, aggressor
    indicative: tuple[int, int, int] | None = None  # price, volume, surplus of a call's auction
    own_phase: Phase | None = None  # where it is not the venue's
    _levels: tuple[dict[int, tuple[int, int]], ...] = field(default_factory=lambda: ({}, {}))
    _queues: tuple[dict[int, dict[_OrderId, int]], ...] = field(default_factory=lambda: ({}, {}))
    _places: dict[_OrderId, tuple[int, int]] = field(default_factory=dict)

    @property
    def bbo(self) -> tuple[int | None, int, int | None, int]:
        """(bid, bid lots, ask, ask lots); an empty side is (None, 0)."""
        (bid, bid_lots), (ask, ask_lots) = self.touch
        return bid or None, bid_lots, ask or None, ask_lots

    def levels(self, side: int, count: int | None = None) -> list[tuple[int, int, int]]:
        """(price, lots shown, orders) from the best level on, at most `count` of them."""
        levels = self._levels[side]
        return [(price, *levels[price]) for price in islice(_best_first(side, levels), count)]

    def orders(self, side: int) -> list[tuple[int, int, int, int]]:
        """(price, agent, counter, lots shown) of the displayed orders, first in line first."""
        queues = self._queues[side]
        return [
            (price, agent, counter, lots)
            for price in _best_first(side, queues)
            for (agent, counter), lots in queues[price].items()
        ]

    def go_to(self, phase: Phase) -> None:
        """The listing is in another phase; what its auction would come to ends with the call."""
        self.own_phase = phase
        if phase in (Phase.CONTINUOUS, Phase.SUSPENDED, Phase.CLOSED):
            self.indicative = None

    def apply(self, row: MarketDataRow) -> None:
        """Carry out one row of this listing. MarketSimError if it cannot follow from the rows before."""
        _APPLY[MarketDataKind(row.kind)](self, row)

    def _bbo(self, row: MarketDataRow) -> None:
        self.touch[row.side] = (row.price, row.size)

    def _level(self, row: MarketDataRow) -> None:
        if row.size:
            self._levels[row.side][row.price] = (row.size, row.orders)
        elif self._levels[row.side].pop(row.price, None) is None:
            raise _unknown(row, "level")

    def _trade(self, row: MarketDataRow) -> None:
        self.last_trade = (row.price, row.size, Side(row.side))

    def _indicative(self, row: MarketDataRow) -> None:
        self.indicative = (row.price, row.size, row.surplus) if row.size else None

    def _add(self, row: MarketDataRow) -> None:
        order_id = (row.agent, row.counter)
        if order_id in self._places:
            raise _unknown(row, "free place for the order")
        self._places[order_id] = (row.side, row.price)
        self._queues[row.side].setdefault(row.price, {})[order_id] = row.size

    def _delete(self, row: MarketDataRow) -> None:
        order_id = (row.agent, row.counter)
        if order_id not in self._places:
            raise _unknown(row, "order")
        side, price = self._places.pop(order_id)
        queue = self._queues[side][price]
        del queue[order_id]
        if not queue:
            del self._queues[side][price]

    def _resize(self, row: MarketDataRow) -> None:
        order_id = (row.agent, row.counter)
        if self._places.get(order_id) != (row.side, row.price):
            raise _unknown(row, "order")
        self._queues[row.side][row.price][order_id] = row.size

    def _modify(self, row: MarketDataRow) -> None:
        if row.flags & PLACE_KEPT:
            self._resize(row)
        else:
            self._delete(row)
            self._add(row)


_APPLY = {
    MarketDataKind.BBO: PublicBook._bbo,
    MarketDataKind.LEVEL: PublicBook._level,
    MarketDataKind.ADD: PublicBook._add,
    MarketDataKind.REDUCE: PublicBook._resize,
    MarketDataKind.DELETE: PublicBook._delete,
    MarketDataKind.MODIFY: PublicBook._modify,
    MarketDataKind.TRADE: PublicBook._trade,
    MarketDataKind.INDICATIVE: PublicBook._indicative,
}


class Subscriber:
    """Follows one venue from a snapshot on.

    `seq`: number of the last row applied. `phase`: the venue's. `whole`: False in the middle of a command's
    rows, when a book may be crossed or a level's sum not yet right.
    """

    def __init__(self, snapshot: Sequence[MarketDataRow] = ()) -> None:
        self.seq = 0
        self.phase = Phase.CONTINUOUS
        self.whole = True
        self._books: dict[int, PublicBook] = {}
        if len(snapshot):
            self.restart(snapshot)

    def restart(self, snapshot: Sequence[MarketDataRow]) -> None:
        """Forget everything and start from a snapshot: after a gap, or to join late."""
        first, *rows = _rows(snapshot)
        if first.kind != MarketDataKind.SNAPSHOT:
            kind = MarketDataKind(first.kind).name
            raise MarketSimError(
                f"the first row is {kind}, not SNAPSHOT",
                "snapshot of market data",
                "Pass what Venue.market_data_snapshot() returns.",
            )
        self.seq, self.phase, self.whole = first.seq, Phase(first.phase), True
        self._books = {}
        for row in rows:
            self._carry_out(row)

    def apply(self, rows: Sequence[MarketDataRow]) -> int:
        """Carry out rows in their order; returns how many were new.

        Rows up to the own `seq` are passed over: a snapshot may be younger than the first rows after it,
        and feeds send rows twice. GapError where a number is left out; nothing from there on is applied.
        """
        new = 0
        for row in _rows(rows):
            if row.seq <= self.seq:
                continue
            if row.seq != self.seq + 1:
                raise GapError(self.seq + 1, row.seq)
            self._carry_out(row)
            self.seq, self.whole = row.seq, bool(row.flags & LAST)
            new += 1
        return new

    def book(self, listing: int) -> PublicBook:
        """The public book of a listing, empty as long as nothing was heard of it."""
        return self._books.setdefault(listing, PublicBook())

    def _carry_out(self, row: MarketDataRow) -> None:
        if row.kind == MarketDataKind.PHASE and row.flags & OF_ONE:
            self.book(row.listing).go_to(Phase(row.phase))
        elif row.kind == MarketDataKind.PHASE:
            self.phase = Phase(row.phase)
            for book in self._books.values():
                book.go_to(self.phase)
                book.own_phase = None
        else:
            self.book(row.listing).apply(row)


def _rows(rows: Iterable[Sequence[int]]) -> Iterator[MarketDataRow]:
    """Rows of either engine; an array's are turned into Python's integers first."""
    plain = getattr(rows, "tolist", None)
    return (MarketDataRow(*row) for row in (plain() if plain else rows))


def _best_first(side: int, prices: Iterable[int]) -> list[int]:
    return sorted(prices, reverse=side == Side.BUY)


def _unknown(row: MarketDataRow, what: str) -> MarketSimError:
    kind = MarketDataKind(row.kind).name
    return MarketSimError(
        f"row {row.seq} ({kind}) finds no {what}: listing {row.listing}, order {row.agent}.{row.counter}, "
        f"{Side(row.side).name} at {row.price}",
        "market data",
        "The rows are not of one venue in their order; start again from a snapshot.",
    )
