"""Imbalance, spread and volume over simulated time, a line per venue of the instrument on show."""

import numpy as np
from bokeh.models import Range1d

from app.history import History
from app.theme import Palette
from app.views.results import Lines
from market_sim.runner import MarketInfo

VENUES = 4
EVERY = 3
"""Pictures between two of these charts: three more canvases at full rate would cost the others theirs."""


class Flow:
    """The three charts."""

    names = ("imbalance", "spread", "volume")

    def __init__(self, window: Range1d) -> None:
        self.imbalance = Lines("imbalance", "Imbalance", "imbalance", window)
        self.spread = Lines("spread", "Spread", "spread", window)
        self.volume = Lines("volume", "Volume", "volume", window)
        self.imbalance.heading.say(
            "Size at the best bid less size at the best ask, over both: +1 only buyers wait, −1 only sellers."
        )
        self._charts = (self.imbalance, self.spread, self.volume)
        self._shown: list[int] = []
        self._pictures = 0

    def open(self, info: MarketInfo, listing: int) -> None:
        """Show the venues of the listing's instrument."""
        chosen = info.listings[listing]
        self._shown = [k for k, other in enumerate(info.listings) if other.instrument == chosen.instrument][
            :VENUES
        ]
        self.imbalance.open("−1 to +1", 0.5, len(self._shown))
        self.spread.open(chosen.quote, 2 * chosen.tick, len(self._shown))
        self.spread.heading.say(
            f"Best ask less best bid, in {chosen.quote}: what a round trip costs at once."
        )
        self.volume.open(chosen.base, 10 * chosen.lot, len(self._shown))
        self.volume.heading.say(f"{chosen.base} traded since the start at each venue.")

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        for chart in self._charts:
            chart.paint(palette)

    def redraw(self, history: History) -> bool:
        """Everything in the window again; True: there always is a sample to draw."""
        shown = history.shown()
        for chart, values in zip(self._charts, self._values(history, shown), strict=True):
            chart.redraw(history.time[shown], values)
        return True

    def update(self, history: History) -> None:
        """The newest sample, now and then."""
        self._pictures += 1
        if self._pictures % EVERY:
            return
        shown = history.shown()
        for chart, values in zip(self._charts, self._values(history, shown), strict=True):
            chart.update(history.time[shown], values)

    def _values(self, history: History, shown: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        columns = self._shown
        return (
            history.imbalance[shown][:, columns],
            history.spread[shown][:, columns],
            history.volume[shown][:, columns],
        )
