"""A book seen through a window of n levels, order by order, as LOBSTER's two files have it.

The message file tells of the orders in the window only. So a price that leaves the window must be forgotten
(what happens there is not told any more), and one that enters at its outer edge must be taken from the
orderbook file, as one order of unknown make. Everything else follows from the messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from market_sim.engine import FlowKind, Side

ADD, CANCEL, DELETE, EXECUTE, HIDDEN, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7
# Orders of unknown make are numbered from here: feeds number theirs from 1.
FIRST_UNKNOWN_ID = 1 << 63

Op = tuple[int, int, int, int, int]  # FlowKind, side, id, price, lots
Levels = dict[int, int]


class Message(NamedTuple):
    """One line of a message file, its numbers as they are; `side` is the resting order's."""

    kind: int
    id: int
    size: int
    price: int
    side: int


@dataclass(slots=True)
class WindowCounts:
    """What the messages did, and where the orderbook file was needed."""

    rows: int = 0
    rows_equal: int = 0
    rows_adopting: int = 0
    levels_adopted: int = 0
    levels_forgotten: int = 0
    executions: int = 0
    executions_at_best: int = 0
    executions_of_known: int = 0
    executions_of_earliest: int = 0
    executions_hidden: int = 0
    cross_trades: int = 0
    halts: int = 0
    unknown_orders: int = 0


class Window:
    """The orders in the window: two sides of price -> {id: lots}, oldest first."""

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.counts = WindowCounts()
        self._sides: tuple[dict[int, dict[int, int]], dict[int, dict[int, int]]] = ({}, {})
        self._next_unknown = FIRST_UNKNOWN_ID
        self._seen: list[Levels | None] = [None, None]

    def apply(self, message: Message, bids: Levels, asks: Levels) -> tuple[list[Op], list[Op]]:
        """What a message does to recorded orders, and what would still have to be put right.

        `bids` and `asks` are the orderbook's row after the message: price -> size. The first list brings the
        book to that row by the messages and the window's rule alone. The second is empty unless the two files
        disagree.
        """
        ops: list[Op] = []
        self.counts.rows += 1
        if self._seen[0] is not None:
            self._follow(message, ops)
        adopted = self.counts.levels_adopted
        for side, row in ((0, bids), (1, asks)):
            self._slide(side, row, ops)
        if self.counts.rows > 1:
            self.counts.rows_adopting += self.counts.levels_adopted > adopted
        repairs: list[Op] = []
        for side, row in ((0, bids), (1, asks)):
            self._repair(side, row, repairs)
            self._seen[side] = row
        self.counts.rows_equal += not repairs
        return ops, repairs

    def _follow(self, message: Message, ops: list[Op]) -> None:
        kind, number, size, price, side = message
        if kind == ADD:
            self._sides[side].setdefault(price, {})[number] = size
            ops.append((FlowKind.ADD, side, number, price, size))
        elif kind in (CANCEL, DELETE, EXECUTE):
            self._take(message, ops)
        elif kind == HIDDEN:
            self.counts.executions_hidden += 1
            ops.append((FlowKind.HIDDEN, side, 0, price, size))
        elif kind == CROSS:
            self.counts.cross_trades += 1
        else:
            self.counts.halts += 1

    def _take(self, message: Message, ops: list[Op]) -> None:
        """Lots leave an order: the one named, or, if that came before the window, the unknown one there."""
        kind, number, size, price, side = message
        queue = self._sides[side].get(price, {})
        unknown = next(iter(queue), None)
        own = number if number in queue else unknown
        if kind == EXECUTE:
            self._count_execution(message, queue)
        if own is None or (own != number and own < FIRST_UNKNOWN_ID):
            self.counts.unknown_orders += 1
            return
        flow = FlowKind.EXECUTE if kind == EXECUTE else FlowKind.REDUCE
        ops.append((flow, side, own, price, size))
        queue[own] -= size
        if queue[own] <= 0:
            del queue[own]
        if not queue:
            del self._sides[side][price]

    def _count_execution(self, message: Message, queue: dict[int, int]) -> None:
        prices = self._sides[message.side]
        best = (max if message.side == Side.BUY else min)(prices, default=None)
        self.counts.executions += 1
        self.counts.executions_at_best += best == message.price
        if message.id in queue:
            self.counts.executions_of_known += 1
            earliest = next(number for number in queue if number < FIRST_UNKNOWN_ID)
            self.counts.executions_of_earliest += earliest == message.id

    def _slide(self, side: int, row: Levels, ops: list[Op]) -> None:
        """Forget what has left the window, adopt what it newly uncovers."""
        prices, seen = self._sides[side], self._seen[side]
        outwards = -1 if side == Side.BUY else 1
        if len(row) == self.levels:
            edge = max(price * outwards for price in row)
            for price in [price for price in prices if price * outwards > edge]:
                ops.extend(self._dropped(side, price))
                self.counts.levels_forgotten += 1
        # A side with fewer levels than the window has been seen whole: nothing of it can come into view.
        covered = None
        if seen is not None:
            if len(seen) < self.levels:
                return
            covered = max(price * outwards for price in seen)
        for price, size in row.items():
            if price not in prices and (covered is None or price * outwards > covered):
                ops.append(self._adopted(side, price, size))
                self.counts.levels_adopted += seen is not None

    def _adopted(self, side: int, price: int, size: int) -> Op:
        number = self._next_unknown
        self._next_unknown += 1
        self._sides[side].setdefault(price, {})[number] = size
        return FlowKind.ADD, side, number, price, size

    def _dropped(self, side: int, price: int) -> list[Op]:
        return [(FlowKind.DELETE, side, number, price, 0) for number in self._sides[side].pop(price)]

    def _repair(self, side: int, row: Levels, repairs: list[Op]) -> None:
        prices = self._sides[side]
        for price in [price for price in prices if price not in row]:
            repairs.extend(self._dropped(side, price))
        for price, size in row.items():
            if sum(prices.get(price, {}).values()) != size:
                if price in prices:
                    repairs.extend(self._dropped(side, price))
                repairs.append(self._adopted(side, price, size))


def row_levels(values: Sequence[int]) -> tuple[Levels, Levels]:
    """(bids, asks) of an orderbook row: ask price, ask size, bid price, bid size, level by level.

    Empty levels are written with a price of +-9999999999 and size 0.
    """
    bids = {price: size for price, size in zip(values[2::4], values[3::4], strict=True) if size > 0}
    asks = {price: size for price, size in zip(values[0::4], values[1::4], strict=True) if size > 0}
    return bids, asks
