"""Prices into rows: one grid of price rows that the ladder and the heatmap share."""

from dataclasses import dataclass
from math import floor, log10

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

ROWS = 80
LADDER_ROWS = 24
"""Rows of the ladder on each side of the mid."""

NEAR_SHARE = 0.85
NEAR_ROWS = 18
"""So much of what waits shall lie within so many rows of the mid."""


def nice(value: float) -> float:
    """The smallest of 1, 2, 3, 5 times a power of ten that is not below `value`."""
    power = 10.0 ** floor(log10(value))
    for step in (1, 2, 3, 5, 10):
        if step * power >= value * (1 - 1e-9):
            return step * power
    raise AssertionError("a number is at most ten times its leading power")


@dataclass(frozen=True)
class PriceRows:
    """`ROWS` rows of height `step`; row r holds prices from `low + r * step` on. Prices in quote units."""

    low: float
    step: float

    @classmethod
    def around(cls, mid: float, tick: float, step: float) -> "PriceRows":
        """A grid of that step centred on the mid."""
        # Half a tick below a price on the grid: no price of the book ever lies on the edge between two rows.
        return cls((round(mid / step) - ROWS // 2) * step - tick / 2, step)

    def holds(self, mid: float, off_centre: int) -> bool:
        """Whether the mid is within so many rows of the middle."""
        return abs((mid - self.low) / self.step - ROWS / 2) <= off_centre

    def index(self, prices: Floats) -> npt.NDArray[np.int64]:
        """The row of each price; rows outside 0..ROWS are outside the grid."""
        return np.floor((prices - self.low) / self.step).astype(np.int64)

    def totals(self, side: Floats) -> Floats:
        """Size per row of one side of a book, levels given as rows of (price, size)."""
        if not len(side):
            return np.zeros(ROWS)
        rows = self.index(side[:, 0])
        inside = (rows >= 0) & (rows < ROWS)
        return np.bincount(rows[inside], weights=side[inside, 1], minlength=ROWS)

    def centres(self) -> Floats:
        """The price in the middle of each row: the price itself where a row is one tick high."""
        return self.low + (np.arange(ROWS) + 0.5) * self.step


def step_for(mid: float, book: tuple[Floats, Floats], tick: float) -> float:
    """A row height: a nice multiple of the tick with which a ladder shows what waits near the mid, not the
    stragglers far away from it.
    """
    levels = np.concatenate(book)
    if not len(levels):
        return tick
    distances = np.abs(levels[:, 0] - mid)
    order = np.argsort(distances)
    near = np.searchsorted(np.cumsum(levels[order, 1]), NEAR_SHARE * levels[:, 1].sum())
    return whole_ticks(float(distances[order[min(int(near), len(order) - 1)]]) / NEAR_ROWS, tick)


def whole_ticks(step: float, tick: float) -> float:
    """The next nice multiple of the tick that is not below a step."""
    return tick * max(1.0, round(nice(max(step / tick, 1.0))))


def fits(step: float, wanted: float) -> bool:
    """Whether a step in use is near enough to a wanted one: one nice number up or down is no reason to
    redraw.
    """
    return 0.39 < wanted / step < 2.6
