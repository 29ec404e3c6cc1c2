"""The heatmap's picture: how much waits at which price, column by column, as one ring of bytes.

Column k of simulated time lives in column k mod COLUMNS of the image. The page draws the same image twice,
side by side, and shows the stretch that ends now; so a tick costs one patched column, never a whole
picture.
"""

import numpy as np
import numpy.typing as npt

from app.history import COLUMNS, Book, History
from app.rows import ROWS, PriceRows, fits, step_for, whole_ticks

BRIGHTEST_QUANTILE = 0.98
MID_ROWS, MID_ROWS_AT_MOST, MID_OFF_CENTRE = 44, 54, 32
"""So many rows the mid's way through the window takes on a new grid, and at most before there is another;
and so many from the middle the newest mid may be.
"""

REVIEW_EVERY = 40
"""Samples between two looks at whether row height and brightness still fit the book."""


class Heat:
    """Image, price grid and brightness of one listing."""

    def __init__(self, history: History, listing: int) -> None:
        self._history = history
        self._listing = listing
        self._last = -1
        self.image: npt.NDArray[np.uint8] = np.zeros((ROWS, COLUMNS), dtype=np.uint8)
        self.rows: PriceRows | None = None
        self.full_size = 0.0
        """Size in one row, in base units, from which on a row is drawn brightest."""

    def update(self) -> list[int] | None:
        """Take in the newest sample. Ring columns that changed, or None when the whole image did."""
        if self._fits():
            return self._extend()
        return None if self.redraw() else []

    def _fits(self) -> bool:
        """Whether grid and brightness suit the newest sample."""
        mid, book = self._newest()
        if self.rows is None:
            return False
        if not np.isfinite(mid):
            return True
        if len(self._history) % REVIEW_EVERY == 0:
            brightness = self._brightness(self._history.shown()) / self.full_size
            if self._grid(mid, book).step != self.rows.step or not 0.5 < brightness < 2:
                return False
        return self.rows.holds(mid, MID_OFF_CENTRE)

    def _grid(self, mid: float, book: Book) -> PriceRows:
        """Rows fine enough for the book and high enough to hold where the mid has been."""
        mids = self._history.mid[self._history.shown(), self._listing]
        low, high = float(np.nanmin(mids)), float(np.nanmax(mids))
        wanted = max(step_for(mid, book, self._tick), whole_ticks((high - low) / MID_ROWS, self._tick))
        old = self.rows.step if self.rows else 0.0
        keep = old > 0 and fits(old, wanted) and high - low <= MID_ROWS_AT_MOST * old
        return PriceRows.around((low + high) / 2, self._tick, old if keep else wanted)

    def _newest(self) -> tuple[float, Book]:
        return float(self._history.mid[-1, self._listing]), self._history.book(-1, self._listing)

    @property
    def _tick(self) -> float:
        return self._history.info.listings[self._listing].tick

    def redraw(self) -> bool:
        """Draw everything again from the samples, on a grid around the newest mid; False without one to go
        by.
        """
        mid, book = self._newest()
        if np.isfinite(mid):
            self.rows = self._grid(mid, book)
        if self.rows is None:
            return False
        shown = self._history.shown()
        self.full_size = self._brightness(shown)
        self.image[:] = 0
        self._last = self._history.column(int(self._history.time[shown.start])) - 1
        for sample in range(shown.start, shown.stop):
            self._draw(sample)
        return True

    def _extend(self) -> list[int]:
        start, _ = self._history.window_ns()
        # What lies behind the window is not shown: after a leap in time only the window has to be filled.
        self._last = max(self._last, self._history.column(start) - 1)
        return self._draw(len(self._history) - 1)

    def _draw(self, sample: int) -> list[int]:
        """Fill the columns since the last one drawn, up to the sample's own, with the sample's book."""
        column = self._history.column(int(self._history.time[sample]))
        ring = [
            k % COLUMNS for k in range(max(min(self._last + 1, column), column - COLUMNS + 1), column + 1)
        ]
        self._last = column
        self.image[:, ring] = self._shades(sample)[:, np.newaxis]
        return ring

    def _totals(self, sample: int) -> npt.NDArray[np.float64]:
        assert self.rows is not None, "a grid is chosen before anything is drawn"
        bids, asks = self._history.book(sample, self._listing)
        return self.rows.totals(bids) + self.rows.totals(asks)

    def _shades(self, sample: int) -> npt.NDArray[np.uint8]:
        # The square root keeps thin rows visible beside thick ones.
        return (255 * np.sqrt(np.minimum(1.0, self._totals(sample) / self.full_size))).astype(np.uint8)

    def _brightness(self, shown: slice) -> float:
        totals = np.concatenate([self._totals(sample) for sample in range(shown.start, shown.stop, 5)])
        filled = totals[totals > 0]
        return float(np.quantile(filled, BRIGHTEST_QUANTILE)) if len(filled) else 1.0
