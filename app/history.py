"""What a page remembers of a market: samples of its frames, and the stretch of simulated time its charts
show.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from app.rows import nice
from market_sim.frame import ListingPicture
from market_sim.runner import Frame, MarketInfo

COLUMNS = 600
"""Columns of the heatmap; at 20 pictures a second the charts show the last 30 seconds of watching."""

PICTURES_PER_S = 20
KEPT = 800
"""Samples kept at least; arrays hold twice as many and shed the older half when full."""

LEVELS = 120
"""Levels of a book kept per side."""

NS = 1_000_000_000

Book = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


class History:
    """Samples of one opened market. Times in ns, mids in quote units, profit in the numeraire, inventory in
    base units.
    """

    def __init__(self, info: MarketInfo) -> None:
        self.info = info
        # Single traders first: they are what a scenario is about, crowds are the water they swim in.
        self.groups = tuple(
            sorted(dict.fromkeys(info.groups), key=lambda group: info.groups.count(group) > 1)
        )
        self.assets = tuple(dict.fromkeys(listing.base for listing in info.listings))
        self._group_of = np.array([self.groups.index(group) for group in info.groups], dtype=np.int64)
        self._time = np.zeros(2 * KEPT, dtype=np.int64)
        self._mid = np.full((2 * KEPT, len(info.listings)), np.nan)
        self._micro, self._imbalance, self._spread, self._volume = (
            np.full_like(self._mid, np.nan) for _ in range(4)
        )
        self._profit = np.full((2 * KEPT, len(self.groups)), np.nan)
        self._inventory = np.zeros((2 * KEPT, len(self.groups), len(self.assets)))
        self._peak = np.zeros(len(self.groups))
        #: How far each group's profit has fallen from its highest so far at most, in the numeraire; it is
        #: looked at once a picture, so a fall between two pictures is not seen.
        self.drawdown = np.zeros(len(self.groups))
        self._books: list[tuple[Book, ...]] = []
        self._size = 0
        self.column_ns = 1

    def __len__(self) -> int:
        return self._size

    @property
    def time(self) -> npt.NDArray[np.int64]:
        """Simulated time of each sample, ns."""
        return self._time[: self._size]

    @property
    def mid(self) -> npt.NDArray[np.float64]:
        """Mid per sample and listing; NaN while a side is empty."""
        return self._mid[: self._size]

    @property
    def micro(self) -> npt.NDArray[np.float64]:
        """Microprice per sample and listing; NaN while a side is empty."""
        return self._micro[: self._size]

    @property
    def imbalance(self) -> npt.NDArray[np.float64]:
        """Imbalance at the best prices, -1 to 1, per sample and listing."""
        return self._imbalance[: self._size]

    @property
    def spread(self) -> npt.NDArray[np.float64]:
        """Spread per sample and listing, quote units."""
        return self._spread[: self._size]

    @property
    def volume(self) -> npt.NDArray[np.float64]:
        """Base units traded since the start, per sample and listing."""
        return self._volume[: self._size]

    @property
    def profit(self) -> npt.NDArray[np.float64]:
        """Profit per sample and group of agents."""
        return self._profit[: self._size]

    @property
    def inventory(self) -> npt.NDArray[np.float64]:
        """Inventory per sample, group of agents and base asset."""
        return self._inventory[: self._size]

    def book(self, sample: int, listing: int) -> Book:
        """(bids, asks) of one sample, levels as rows of (price, size), best first."""
        return self._books[sample][listing]

    def add(self, frame: Frame) -> None:
        """Remember a frame."""
        if self._size == 2 * KEPT:
            self._shed()
        picture, at = frame.picture, self._size
        self._time[at] = picture.time_ns
        for k, listing in enumerate(picture.listings):
            self._mid[at, k] = _or_nan(listing.mid)
            self._micro[at, k] = _or_nan(listing.microprice)
            self._imbalance[at, k] = _or_nan(listing.imbalance)
            self._spread[at, k] = _or_nan(listing.spread)
            self._volume[at, k] = listing.volume
        if picture.agents:
            profit = [np.nan if agent.profit is None else agent.profit for agent in picture.agents]
            self._profit[at] = np.bincount(self._group_of, weights=profit, minlength=len(self.groups))
            # A profit without a mark is no number, and neither a peak nor a fall.
            self._peak = np.fmax(self._peak, self._profit[at])
            self.drawdown = np.fmax(self.drawdown, self._peak - self._profit[at])
            for k, asset in enumerate(self.assets):
                held = [agent.inventory.get(asset, 0.0) for agent in picture.agents]
                self._inventory[at, :, k] = np.bincount(
                    self._group_of, weights=held, minlength=len(self.groups)
                )
        self._books.append(tuple(_book(listing) for listing in picture.listings))
        self._size += 1

    def _shed(self) -> None:
        prices = (self._mid, self._micro, self._imbalance, self._spread, self._volume)
        for array in (self._time, *prices, self._profit, self._inventory):
            array[:KEPT] = array[KEPT:]
        del self._books[:KEPT]
        self._size = KEPT

    # -- the stretch of time that the charts show

    def fit(self, frame: Frame) -> bool:
        """Choose how much simulated time a column stands for, so that one column is one picture; True if it
        changed.

        At an asked speed that is known; as fast as it goes, the pace is measured and a change has to be
        worth a redraw.
        """
        pace = frame.speed if frame.speed is not None else frame.pace
        if not pace:
            return False
        # No wider than the whole market: at a great speed everything there is fits into the window.
        wanted = max(1, round(nice(min(pace * NS / PICTURES_PER_S, self.info.end_ns / COLUMNS))))
        factor = wanted / self.column_ns
        if wanted == self.column_ns or (frame.speed is None and 0.4 < factor < 2.6):
            return False
        self.column_ns = wanted
        return True

    def column(self, time_ns: int) -> int:
        """Number of the column that holds an instant, counted from the start of the market."""
        return int(time_ns) // self.column_ns

    def window_ns(self) -> tuple[int, int]:
        """The stretch of time shown: the newest columns. A young market fills what is shown: the stretch
        grows with it.
        """
        last = self.column(int(self.time[-1])) if self._size else 0
        first = max(0, last + 1 - COLUMNS)
        return first * self.column_ns, max(last + 1, first + COLUMNS // 10) * self.column_ns

    def shown(self) -> slice:
        """The samples inside the window, and the one before it so that lines start at the left edge."""
        start, _ = self.window_ns()
        first = int(np.searchsorted(self.time, start))
        return slice(max(0, first - 1), self._size)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _book(listing: ListingPicture) -> Book:
    return _side(listing.bids), _side(listing.asks)


def _side(levels: Sequence[tuple[float, float]]) -> npt.NDArray[np.float64]:
    return np.array(levels[:LEVELS], dtype=np.float64).reshape(-1, 2)
