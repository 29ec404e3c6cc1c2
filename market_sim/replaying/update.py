"""What a recorded market did, in the integers of its listing: what passes from protocols to the kernel."""

from __future__ import annotations

from typing import NamedTuple

from market_sim.engine import Side


class Depth(NamedTuple):
    """New absolute sizes of some levels (a diff), or of all (a snapshot: what it does not name is gone).

    `sides`, `prices` (ticks) and `sizes` (lots, 0 deletes) run in parallel. Stamps are nanoseconds since
    1970: `local_ns` of the receiving machine, `exchange_ns` of the exchange (None where a message has none).
    """

    file: str
    line: int
    symbol: str
    local_ns: int
    exchange_ns: int | None
    snapshot: bool
    first_id: int
    last_id: int
    sides: list[int]
    prices: list[int]
    sizes: list[int]

    def cleared(self) -> Depth:
        """An empty book in its place: the liquidity of a book that is not trusted is offered to nobody."""
        return self._replace(snapshot=True, sides=[], prices=[], sizes=[])


class Trade(NamedTuple):
    """A recorded trade of `size` lots at `price` ticks, begun by the `aggressor`."""

    file: str
    line: int
    symbol: str
    local_ns: int
    exchange_ns: int | None
    aggressor: Side
    price: int
    size: int


Update = Depth | Trade
