"""Mid price per venue over simulated time, with the trades."""

from collections.abc import Iterable, Sequence

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Range1d

from app.history import History
from app.theme import Palette
from app.views.frame import Heading, YRange, canvas, card, fixed_format
from app.views.marks import Marks, newest
from market_sim.frame import TradePicture
from market_sim.runner import MarketInfo, TimelineEvent

VENUES = 4
TRADES_SHOWN = 200
PICTURES_PER_MARK = 3
"""So a window's width of pictures fills with marks evenly: hundreds of them on one spot would say nothing."""

WIDTHS = (3.5, 1.6, 1.6, 1.6)
"""The first line is drawn wide, so that it can be seen under another that runs along it."""
NAN = float("nan")
NO_TRADES: dict[str, list[float]] = {"t": [], "buy": [], "sell": []}
SENTENCE = (
    "Half-way between best bid and ask per venue; dashed the microprice, which leans to the thinner side. "
    "▲ a larger buy, ▼ a larger sell."
)


class MidPrice:
    """A line per venue of the chosen instrument; triangles for trades."""

    names = ("mid-price", "heatmap")
    """The charts that draw its lines."""

    def __init__(self, window: Range1d) -> None:
        self._y = YRange(1.0)
        columns = [f"{name}{k}" for name in ("mid", "micro") for k in range(VENUES)]
        self.source = ColumnDataSource({"t": [], **{column: [] for column in columns}})
        self._trades = ColumnDataSource(NO_TRADES)
        plot = canvas(self.names[0], window, self._y.range)
        self._lines = [
            plot.step("t", f"mid{k}", source=self.source, mode="after", line_width=WIDTHS[k])
            for k in range(VENUES)
        ]
        # One pixel: Chromium has a way of its own to draw such a line, three times as fast as any wider one.
        self._micros = [
            plot.step("t", f"micro{k}", source=self.source, mode="after", line_width=1, line_dash=[4, 3])
            for k in range(VENUES)
        ]
        # One renderer a side: a colour for each mark would be read again from text for all of them at every
        # picture.
        marks = {"source": self._trades, "size": 6, "alpha": 0.75, "line_width": 0}
        self._buy = plot.scatter("t", "buy", marker="triangle", **marks)
        self._sell = plot.scatter("t", "sell", marker="inverted_triangle", **marks)
        self._marks = Marks(plot)
        self._plot = plot
        self._heading = Heading("Mid price", SENTENCE)
        self._shown: list[int] = []
        self._candidates: list[TradePicture] = []
        self._pictures = 0
        self._venues: list[str] = []
        self._colors: tuple[str, ...] = ()
        self.viewable = card(self._heading, pn.pane.Bokeh(plot, sizing_mode="stretch_both"), "mid")

    def open(self, info: MarketInfo, listing: int) -> None:
        """Show the venues of the listing's instrument."""
        instrument = info.listings[listing].instrument
        self._shown = [k for k, other in enumerate(info.listings) if other.instrument == instrument][:VENUES]
        chosen = info.listings[listing]
        self._y.forget(8 * chosen.tick)
        self._plot.yaxis.axis_label = f"{instrument}, {chosen.quote}"
        self._plot.yaxis.formatter = fixed_format(chosen.price_decimals)
        self._venues = [info.listings[k].venue for k in self._shown]
        self._name_lines()
        self._trades.data = dict(NO_TRADES)
        self._candidates.clear()
        # A line without a venue would still be computed at every picture.
        self._choose_renderers()

    def _choose_renderers(self) -> None:
        venues = len(self._shown)
        lines = [*self._lines[:venues], *self._micros[:venues]]
        self._plot.renderers = [*self._marks.renderers, *lines, self._buy, self._sell]

    def mark_events(self, events: Sequence[TimelineEvent], now_ns: int) -> None:
        """The events of the time line, by time; the newest of them in words."""
        if self._marks.show(events):
            self._choose_renderers()
        self._heading.say(f"{SENTENCE} {newest(events, now_ns)}" if events else SENTENCE)

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._marks.paint(palette)
        self._buy.glyph.fill_color = palette.buy
        self._sell.glyph.fill_color = palette.sell
        self._colors = palette.lines[:VENUES]
        for mid, micro, color in zip(self._lines, self._micros, self._colors, strict=True):
            mid.glyph.line_color = micro.glyph.line_color = color
        self._name_lines()

    def _name_lines(self) -> None:
        self._heading.name_lines(zip(self._colors, self._venues, strict=False))

    def redraw(self, history: History) -> bool:
        """Everything in the window again; True: there always is a sample to draw."""
        self.source.data = self._columns(history, history.shown())
        self._cover(history)
        return True

    def column_of(self, listing: int) -> str:
        """The source's column that holds the mid of a listing."""
        return f"mid{self._shown.index(listing)}"

    def update(self, history: History) -> None:
        """The newest sample; what has left the window is let go, for the browser would still compute it."""
        shown, newest_only = history.shown(), slice(len(history) - 1, None)
        self.source.stream(self._columns(history, newest_only), rollover=shown.stop - shown.start)
        self._cover(history)

    def add_trades(self, news: Iterable[TradePicture]) -> None:
        """The trades since the last picture; the largest of every few pictures is marked."""
        self._candidates.extend(trade for trade in news if trade.listing in self._shown)
        self._pictures += 1
        if self._pictures % PICTURES_PER_MARK or not self._candidates:
            return
        trades = [max(self._candidates, key=lambda trade: trade.size)]
        self._candidates.clear()
        self._trades.stream(
            {
                "t": [trade.time_ns / 1e6 for trade in trades],
                "buy": [trade.price if trade.side == "buy" else NAN for trade in trades],
                "sell": [NAN if trade.side == "buy" else trade.price for trade in trades],
            },
            rollover=TRADES_SHOWN,
        )

    def _columns(self, history: History, samples: slice) -> dict[str, list[float]]:
        columns = {"t": (history.time[samples] / 1e6).tolist()}
        for name, values in (("mid", history.mid[samples]), ("micro", history.micro[samples])):
            for k in range(VENUES):
                columns[f"{name}{k}"] = self._column(values, k).tolist()
        return columns

    def _column(self, values: np.ndarray, k: int) -> np.ndarray:
        # A line is taken off the chart by another message than its data: it always finds its column.
        return values[:, self._shown[k]] if k < len(self._shown) else np.full(len(values), np.nan)

    def _cover(self, history: History) -> None:
        mids = history.mid[history.shown()][:, self._shown]
        if np.isfinite(mids).any():
            self._y.cover(float(np.nanmin(mids)), float(np.nanmax(mids)))
