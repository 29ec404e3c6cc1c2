"""What an exchange shows: the true book of every symbol, and windows of it as deep as channels are.

All numbers are integers of the symbol's grid; texts are made here too, with every decimal the grid has, as
exchanges write them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from market_sim.engine import Side
from market_sim.protocols.ladder import Ladder
from market_sim.replaying.grid import decimals_of

Changes = list[tuple[int, int]]
"""(price in ticks, size in lots); 0 deletes."""


class Depth(NamedTuple):
    """New sizes at one symbol: those that changed, or with `snapshot` all there are. Ids as the source has
    them; 0 lets the board count.
    """

    symbol: str
    snapshot: bool
    bids: Changes
    asks: Changes
    first_id: int = 0
    last_id: int = 0


class Trade(NamedTuple):
    """A trade at one symbol."""

    symbol: str
    aggressor: Side
    price: int
    size: int


Event = Depth | Trade


class Moved(NamedTuple):
    """How a window changed: what entered, changed and left it, with the ids of the book."""

    bids: Changes
    asks: Changes
    first_id: int
    last_id: int
    number: int
    """Of this window's changes, one more each."""


@dataclass(slots=True)
class Window:
    """The best `depth` levels of both sides as clients of a channel hold them; None for all."""

    depth: int | None
    number: int = 1
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Quoted:
    """One symbol: its assets and grid, its book, its windows."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    bids: Ladder[int] = field(default_factory=lambda: Ladder(-1))
    asks: Ladder[int] = field(default_factory=lambda: Ladder(1))
    last_id: int = 0
    trades: int = 0
    windows: dict[int | None, Window] = field(default_factory=dict)
    price_decimals: int = 0
    size_decimals: int = 0
    _price_step: int = 0
    _size_step: int = 0

    def __post_init__(self) -> None:
        self.price_decimals, self.size_decimals = decimals_of(self.tick), decimals_of(self.lot)
        self._price_step = int(self.tick.scaleb(self.price_decimals))
        self._size_step = int(self.lot.scaleb(self.size_decimals))

    def price(self, ticks: int) -> str:
        """A price with all its decimals."""
        return _text(ticks * self._price_step, self.price_decimals)

    def size(self, lots: int) -> str:
        """A size with all its decimals."""
        return _text(lots * self._size_step, self.size_decimals)

    def digits(self, levels: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """(price, size) as integers of their decimals, for checksums."""
        return [(ticks * self._price_step, lots * self._size_step) for ticks, lots in levels]

    def texts(self, levels: Iterable[tuple[int, int]]) -> list[list[str]]:
        """[price, size] texts."""
        return [[self.price(ticks), self.size(lots)] for ticks, lots in levels]

    def window(self, depth: int | None) -> Window:
        """The window of that depth, kept up from now on."""
        found = self.windows.get(depth)
        if found is None:
            found = self.windows[depth] = Window(
                depth, 1, dict(self.bids.top(depth)), dict(self.asks.top(depth))
            )
        return found

    def apply(self, depth: Depth) -> list[tuple[Window, Moved]]:
        """Bring the book to the new sizes; gives every window that changed, and how."""
        changes = _changes_of(self, depth) if depth.snapshot else (depth.bids, depth.asks)
        for ladder, side in ((self.bids, changes[0]), (self.asks, changes[1])):
            for price, size in side:
                ladder.put(price, size or None)
        first = depth.first_id if depth.first_id and not depth.snapshot else self.last_id + 1
        self.last_id = depth.last_id or self.last_id + max(1, len(changes[0]) + len(changes[1]))
        moved = []
        for window in self.windows.values():
            if window.depth is None:
                sides = [list(changes[0]), list(changes[1])]
            else:
                sides = [self._move(window, side) for side in Side]
            if sides[0] or sides[1] or window.depth is None:
                window.number += 1
                ids = (min(first, self.last_id), self.last_id, window.number)
                moved.append((window, Moved(sides[0], sides[1], *ids)))
        return moved

    def _move(self, window: Window, side: Side) -> Changes:
        ladder = self.asks if side else self.bids
        before = window.asks if side else window.bids
        after = dict(ladder.top(window.depth))
        gone = [(price, 0) for price in before if price not in after]
        new = [(price, size) for price, size in after.items() if before.get(price) != size]
        if side:
            window.asks = after
        else:
            window.bids = after
        return gone + new


class Board:
    """All symbols of one exchange."""

    def __init__(self, symbols: Iterable[Quoted]) -> None:
        self.symbols = {quoted.symbol: quoted for quoted in symbols}

    def book(self, symbol: str, levels: int | None = None) -> tuple[Changes, Changes]:
        """Bids and asks in ticks and lots, best first."""
        quoted = self.symbols[symbol]
        return quoted.bids.top(levels), quoted.asks.top(levels)


def _changes_of(quoted: Quoted, depth: Depth) -> tuple[Changes, Changes]:
    """A new book as changes to the old one."""
    told = []
    for ladder, levels in ((quoted.bids, depth.bids), (quoted.asks, depth.asks)):
        after = dict(levels)
        gone = [(price, 0) for price, _ in ladder.top() if not after.get(price)]
        told.append(gone + [(price, size) for price, size in levels if ladder.get(price) != size])
    return told[0], told[1]


def _text(value: int, decimals: int) -> str:
    if not decimals:
        return str(value)
    digits = str(value).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}"
