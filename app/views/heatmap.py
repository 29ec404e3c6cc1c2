"""The order book over time as a heatmap."""

import panel as pn
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from app.heat import Heat
from app.history import COLUMNS, History
from app.rows import ROWS
from app.theme import Palette
from app.views.frame import Heading, canvas, card, fixed_format
from app.words import amount
from market_sim.runner import ListingInfo


class Heatmap:
    """One image of bytes, drawn twice: see `app.heat`; with the mid as a line on it."""

    names = ("heatmap",)

    def __init__(self, window: Range1d, mids: ColumnDataSource) -> None:
        self._prices = Range1d(0, 1)
        self._source = ColumnDataSource(
            {"image": [], "left": [], "right": [], "low": [], "width": [], "height": []}
        )
        self._mapper = LinearColorMapper(low=0, high=255, palette=["#000000"])
        plot = canvas(*self.names, window, self._prices)
        for x in ("left", "right"):
            plot.image(
                "image", x=x, y="low", dw="width", dh="height", source=self._source, color_mapper=self._mapper
            )
        self._line = plot.step("t", "mid0", source=mids, mode="after", line_width=1.5)
        plot.grid.visible = False
        self._plot = plot
        self._heat: Heat | None = None
        self._listing: ListingInfo | None = None
        self._heading = Heading("Order-book heatmap", "")
        self.viewable = card(self._heading, pn.pane.Bokeh(plot, sizing_mode="stretch_both"), "heat")

    def open(self, history: History, listing: int, mid_column: str) -> None:
        """Another market or listing."""
        self._heat = Heat(history, listing)
        self._listing = history.info.listings[listing]
        self._plot.yaxis.axis_label = f"price, {self._listing.quote}"
        self._plot.yaxis.formatter = fixed_format(self._listing.price_decimals)
        self._line.glyph.y = mid_column

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._mapper.palette = list(palette.heat)
        self._line.glyph.line_color = palette.mid_on_heat

    def redraw(self, history: History) -> bool:
        """Everything in the window again; False while there is no mid to draw it around."""
        assert self._heat is not None, "open comes first"
        if not self._heat.redraw():
            return False
        self._send_image(history)
        self._say()
        return True

    def update(self, history: History) -> None:
        """The newest book as one more column."""
        assert self._heat is not None, "open comes first"
        columns = self._heat.update()
        if columns is None:
            self._send_image(history)
            self._say()
        elif columns:
            self._patch(columns)
            self._place(history)

    def _say(self) -> None:
        assert self._heat is not None, "open comes first"
        assert self._heat.rows is not None, "there is an image"
        assert self._listing is not None, "open comes first"
        listing = self._listing
        self._heading.say(
            f"The ladder over time on {listing.venue}: full colour from {amount(self._heat.full_size)} "
            f"{listing.base} in a row of {self._heat.rows.step:,.{listing.price_decimals}f} {listing.quote}; "
            "the line is the mid."
        )

    def _send_image(self, history: History) -> None:
        assert self._heat is not None, "open comes first"
        assert self._heat.rows is not None, "an image is drawn on a grid"
        rows = self._heat.rows
        left, right = self._edges(history)
        self._source.data = {
            "image": [self._heat.image.copy()],
            "left": [left],
            "right": [right],
            "low": [rows.low],
            "width": [COLUMNS * history.column_ns / 1e6],
            "height": [ROWS * rows.step],
        }
        self._prices.update(start=rows.low, end=rows.low + ROWS * rows.step)

    def _edges(self, history: History) -> tuple[float, float]:
        """Where the two copies of the ring lie, in ms: the turn of the ring that is filling and the one
        before.
        """
        turn = history.column(int(history.time[-1])) // COLUMNS
        width = COLUMNS * history.column_ns / 1e6
        return (turn - 1) * width, turn * width

    def _place(self, history: History) -> None:
        left, right = self._edges(history)
        if self._source.data["right"][0] != right:
            self._source.patch({"left": [(0, left)], "right": [(0, right)]})

    def _patch(self, columns: list[int]) -> None:
        assert self._heat is not None, "open comes first"
        first = columns[0]
        runs = (
            [columns]
            if columns[-1] >= first
            else [[k for k in columns if k >= first], [k for k in columns if k < first]]
        )
        self._source.patch(
            {
                "image": [
                    (
                        (0, slice(0, ROWS), slice(run[0], run[-1] + 1)),
                        self._heat.image[:, run[0] : run[-1] + 1].ravel(),
                    )
                    for run in runs
                ]
            }
        )
