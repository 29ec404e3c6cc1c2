"""Profit and inventory over simulated time, one line per kind of agent."""

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, NumeralTickFormatter, Range1d

from app.history import History
from app.theme import Palette, line_style
from app.views.frame import Heading, YRange, canvas, card

LINES = 14


class Lines:
    """One chart with a line per group of agents, in the order and colours of the agents' table."""

    def __init__(self, name: str, title: str, area: str, window: Range1d) -> None:
        self._y = YRange(1.0)
        self._source = ColumnDataSource({"t": [], **{f"y{k}": [] for k in range(LINES)}})
        self._plot = canvas(name, window, self._y.range, x_ticks=3)
        self._plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[0000]")
        self._lines: list[GlyphRenderer] = []
        self._colors: tuple[str, ...] = ()
        self.heading = Heading(title, "")
        self.viewable = card(self.heading, pn.pane.Bokeh(self._plot, sizing_mode="stretch_both"), area)

    def open(self, unit: str, least: float, lines: int) -> None:
        """Another market: the unit of the values, the smallest height worth showing in it, and how many
        lines.
        """
        lines = min(lines, LINES)
        for k in range(len(self._lines), lines):
            self._lines.append(
                self._plot.step("t", f"y{k}", source=self._source, mode="after", line_width=1.8)
            )
            self._color(k)
        # A line without a group would still be computed at every picture.
        self._plot.renderers = self._lines[:lines]
        self._plot.yaxis.axis_label = unit
        self._y.forget(least)

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._colors = palette.lines
        for k in range(len(self._lines)):
            self._color(k)

    def _color(self, k: int) -> None:
        color, dash = line_style(k, self._colors)
        self._lines[k].glyph.update(line_color=color, line_dash=dash)

    def redraw(self, times: np.ndarray, values: np.ndarray) -> None:
        """Everything in the window: times in ns, values by sample and group."""
        self._source.data = self._columns(times, values)
        self._cover(values)

    def update(self, times: np.ndarray, values: np.ndarray) -> None:
        """The newest sample, last in what the window shows; what has left the window is let go."""
        self._source.stream(self._columns(times[-1:], values[-1:]), rollover=len(times))
        self._cover(values)

    @staticmethod
    def _columns(times: np.ndarray, values: np.ndarray) -> dict[str, list[float]]:
        missing = np.full(len(times), np.nan)
        columns = {f"y{k}": (values[:, k] if k < values.shape[1] else missing).tolist() for k in range(LINES)}
        return {"t": (times / 1e6).tolist(), **columns}

    def _cover(self, values: np.ndarray) -> None:
        shown = values[:, :LINES]
        if np.isfinite(shown).any():
            self._y.cover(float(np.nanmin(shown)), float(np.nanmax(shown)))


class Results:
    """The two charts side by side."""

    names = ("profit", "inventory")

    def __init__(self, window: Range1d) -> None:
        self.profit = Lines("profit", "Profit", "profit", window)
        self.inventory = Lines("inventory", "Inventory", "inventory", window)
        self._asset = 0

    def open(self, history: History, listing: int) -> None:
        """Another market or listing: inventory is shown of the listing's base asset."""
        info = history.info
        base = info.listings[listing].base
        self._asset = history.assets.index(base)
        self.profit.open(info.numeraire, 1e-6, len(history.groups))
        self.profit.heading.say(
            f"Each kind's holdings at the mid, in {info.numeraire}, beyond what it was given."
        )
        self.inventory.open(base, info.listings[listing].lot, len(history.groups))
        self.inventory.heading.say(f"{base} that each kind holds beyond what it was given.")

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self.profit.paint(palette)
        self.inventory.paint(palette)

    def redraw(self, history: History) -> bool:
        """Everything in the window again; True: there always is a sample to draw."""
        shown = history.shown()
        self.profit.redraw(history.time[shown], history.profit[shown])
        self.inventory.redraw(history.time[shown], history.inventory[shown][:, :, self._asset])
        return True

    def update(self, history: History) -> None:
        """The newest sample."""
        shown = history.shown()
        self.profit.update(history.time[shown], history.profit[shown])
        self.inventory.update(history.time[shown], history.inventory[shown][:, :, self._asset])
