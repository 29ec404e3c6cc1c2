"""Terms that an order may carry beyond price and size. A plain order has none of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from market_sim.reference.types import Lots, Nanos, Ticks, int64


class Refresh(IntEnum):
    """How an iceberg shows its next peak.

    RESERVE: the reserve trades behind everything displayed, and a new peak shows after the sweep (TSX).
    PEAK: a used-up peak is renewed at once and joins the back of the queue.
    """

    RESERVE = 0
    PEAK = 1


class Peg(IntEnum):
    """What the price of a pegged order follows: its own side's best, the midpoint, the other side's best."""

    NONE = 0
    PRIMARY = 1
    MIDPOINT = 2
    MARKET = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """None and 0 mean: not asked for. Prices and distances in ticks, sizes in lots."""

    stop_price: Ticks | None = None
    trail_ticks: Ticks = 0
    trail_bps: int = 0
    trigger_limit_ticks: Ticks | None = None  # limit of an elected trailing stop, this far from its stop
    display_lots: Lots | None = None  # peak of an iceberg; 0: hidden
    refresh: int = Refresh.RESERVE
    peg: int = Peg.NONE
    peg_offset_ticks: Ticks = 0  # towards the other side if positive
    minimum_lots: Lots = 0  # at entry: as much at once, or nothing at all
    expire_ns: Nanos | None = None
    protection_ticks: Ticks | None = None  # a market order's limit, this far from the opposite best


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class Amendment:
    """What a live order is to become; None: as it is. Only waiting stops have more than price and size."""

    price: Ticks | None
    size: Lots  # the new TOTAL
    stop_price: Ticks | None = None
    trail_ticks: Ticks | None = None
    trail_bps: int | None = None

    @classmethod
    def of(cls, price: Ticks | None, size: Lots, *terms: int | None) -> Amendment:
        """The same from any kind of integer, numpy's too."""
        numbers = [None if number is None else int64(number) for number in terms]
        return cls(None if price is None else int64(price), int64(size), *numbers)

    @property
    def has_terms(self) -> bool:
        """Whether it asks for something that only a waiting stop has."""
        return (self.stop_price, self.trail_ticks, self.trail_bps) != (None, None, None)
