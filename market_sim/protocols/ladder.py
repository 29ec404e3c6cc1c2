"""One side of a book by price, best first: a sorted list of prices beside a table."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Generic, TypeVar

V = TypeVar("V")


class Ladder(Generic[V]):
    """Integer prices to whatever rests there; `sign` -1 puts the highest price first (bids), 1 the lowest."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._levels: dict[int, V] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, price: int, level: V | None) -> None:
        """Give a price another level; None takes it away, also one that is not there."""
        key = price * self._sign
        if level is None:
            if self._levels.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]
            return
        if key not in self._levels:
            insort(self._keys, key)
        self._levels[key] = level

    def get(self, price: int) -> V | None:
        """What rests at a price."""
        return self._levels.get(price * self._sign)

    def cut(self, depth: int) -> list[V]:
        """Drop what lies behind so many levels; gives what was dropped."""
        dropped = [self._levels.pop(key) for key in self._keys[depth:]]
        del self._keys[depth:]
        return dropped

    def clear(self) -> None:
        """Forget everything."""
        self._keys.clear()
        self._levels.clear()

    @property
    def best(self) -> int | None:
        """Best price."""
        return self._keys[0] * self._sign if self._keys else None

    def top(self, count: int | None = None) -> list[tuple[int, V]]:
        """(price, level) of the best levels; None for all."""
        return [(key * self._sign, self._levels[key]) for key in self._keys[:count]]
