"""The frame every panel stands in: a title, one explaining sentence, the drawing; figures in one style."""

from collections.abc import Iterable
from html import escape

import panel as pn
from bokeh.models import DatetimeTickFormatter, NumeralTickFormatter, Range1d
from bokeh.plotting import figure

ELAPSED = "simulated time, h:min:s"

NUMBERS_EVERY = 5
"""Pictures between two of the tables and numbers: no eye reads a number twenty times a second."""

AWAY = "away"
"""Class of a page that is not on show: a style sheet of its own would otherwise outdo Bokeh's way to hide."""

GRID = """
:host(.away) { display: none !important; }
:host { display: grid; gap: 10px; margin: 0; box-sizing: border-box; width: 100%; flex: 1 1 auto;
  min-height: 0; }
"""

CARD = """
:host {
  background: color-mix(in srgb, var(--panel-surface-color) 95%, var(--panel-on-surface-color));
  border: 1px solid color-mix(in srgb, var(--panel-surface-color) 86%, var(--panel-on-surface-color));
  border-radius: 10px; overflow: hidden; min-width: 0; min-height: 0; margin: 0;
}
"""

HEADING = """
:host { margin: 0; }
.heading { padding: 8px 14px 2px; line-height: 1.3; }
.heading b { font-size: 14px; font-weight: 600; margin-right: 8px; }
.heading span { font-size: 12px; color: color-mix(in srgb, currentColor 72%, transparent); }
.heading i { display: inline-block; width: 14px; height: 4px; border-radius: 2px; margin: 0 5px 0 10px;
  vertical-align: middle; }
.heading em { font-size: 12px; font-style: normal; font-weight: 600; white-space: nowrap; }
"""


class Heading:
    """Title, explaining sentence and, where lines need names, a legend: as markup, because a legend on the
    canvas would be painted again with every picture.
    """

    def __init__(self, title: str, sentence: str) -> None:
        self._title, self._sentence = title, sentence
        self._legend: list[tuple[str, str]] = []
        self.viewable = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[HEADING])
        self._draw()

    def say(self, sentence: str) -> None:
        """Change the explaining sentence."""
        self._sentence = sentence
        self._draw()

    def name_lines(self, legend: Iterable[tuple[str, str]]) -> None:
        """Name the lines: (colour, name) of each."""
        self._legend = list(legend)
        self._draw()

    def _draw(self) -> None:
        lines = "".join(
            f"<i style='background:{color}'></i><em>{escape(name)}</em>" for color, name in self._legend
        )
        title, sentence = escape(self._title), escape(self._sentence)
        text = f"<div class='heading'><b>{title}</b><span>{sentence}</span>{lines}</div>"
        if self.viewable.object != text:
            self.viewable.object = text


def card(heading: Heading, body: pn.viewable.Viewable, area: str) -> pn.Column:
    """A panel of the page; `area` is its place in the page's grid."""
    return pn.Column(
        heading.viewable,
        body,
        sizing_mode="stretch_both",
        stylesheets=[CARD],
        styles={"grid-area": area},
        margin=0,
    )


def canvas(name: str, x_range: Range1d, y_range: Range1d, x_label: str = ELAPSED, x_ticks: int = 4) -> figure:
    """A bare Bokeh figure: transparent, so that the card and the theme show through. Few tick labels, and
    no minimum border on an axis' side: measuring labels is half of a repaint, and a border wider than its
    labels means a new layout each time.
    """
    plot = figure(
        name=name,
        x_range=x_range,
        y_range=y_range,
        x_axis_type="datetime" if x_label == ELAPSED else "linear",
        x_axis_label=x_label,
        sizing_mode="stretch_both",
        toolbar_location=None,
        tools="",
        min_border_right=18,
        min_border_top=6,
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        output_backend="canvas",
        # The theme sizes labels relative to this.
        styles={"font-size": "11.5px", "content-visibility": "auto"},
    )
    plot.yaxis.ticker.desired_num_ticks = 5
    plot.xaxis.ticker.desired_num_ticks = x_ticks
    if x_label == ELAPSED:
        plot.xaxis.formatter = elapsed_format()
    return plot


def elapsed_format() -> DatetimeTickFormatter:
    """Milliseconds since the start as h:min:s, finer where the stretch is short."""
    clock = "%H:%M:%S"
    return DatetimeTickFormatter(
        microseconds="%S.%fs",
        milliseconds="%M:%S.%3Ns",
        seconds=clock,
        minsec=clock,
        minutes=clock,
        hourmin=clock,
        hours=clock,
        days="day %j",
        boundary_scaling=False,
    )


def fixed_format(decimals: int) -> NumeralTickFormatter:
    """Always so many decimals: labels of one width leave the plot where it is."""
    return NumeralTickFormatter(format=f"0,0.{'0' * decimals}" if decimals else "0,0")


class YRange:
    """A vertical range that holds what is shown, with air, and moves only when it has to: a range that
    follows every sample makes a line that cannot be read.
    """

    def __init__(self, least: float, from_zero: bool = False) -> None:
        self.range = Range1d(0, 1)
        self._least = least
        self._from_zero = from_zero
        self._set = False

    def forget(self, least: float) -> None:
        """Another market: the next values decide afresh. `least` is the smallest height in the axis' unit."""
        self._least, self._set = least, False

    def cover(self, low: float, high: float) -> None:
        """Make room for values from low to high."""
        if self._from_zero:
            low = 0.0
        height = max(high - low, self._least)
        shown = self.range.end - self.range.start
        fits = self.range.start <= low and high <= self.range.end
        if self._set and fits and shown < 2.6 * height:
            return
        middle, air = (low + high) / 2, 0.7 * height
        start, end = (0.0, 1.25 * height) if self._from_zero else (middle - air, middle + air)
        self.range.update(start=start, end=end)
        self._set = True
