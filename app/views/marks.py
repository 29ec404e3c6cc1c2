"""Events of the time line as numbered lines in a chart."""

from collections.abc import Sequence

from bokeh.models import ColumnDataSource, GlyphRenderer, Range1d
from bokeh.plotting import figure

from app.theme import Palette
from market_sim.runner import TimelineEvent

TOP = 0.99
"""Where numbers stand, as a share of the chart's height."""


class Marks:
    """A dashed line an event, with its number: words would lie over each other. Without events nothing is
    drawn: a renderer that is there is computed at every picture.
    """

    def __init__(self, plot: figure) -> None:
        self._source = ColumnDataSource({"t": [], "height": [], "text": []})
        self._plot = plot
        plot.extra_y_ranges = {"share": Range1d(0, 1)}
        self._lines = plot.vspan(x="t", source=self._source, line_dash=[3, 4], line_width=1.3)
        self._texts = plot.text(
            x="t",
            y="height",
            text="text",
            source=self._source,
            y_range_name="share",
            text_baseline="top",
            text_font_size="1.05em",
            text_font_style="bold",
            x_offset=3,
        )
        self._shown: list[TimelineEvent] = []

    @property
    def renderers(self) -> list[GlyphRenderer]:
        """What the chart has to draw."""
        return [self._lines, self._texts] if self._shown else []

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._lines.glyph.line_color = palette.mark
        self._texts.glyph.text_color = palette.mark

    def show(self, events: Sequence[TimelineEvent]) -> bool:
        """The events, by time; True when there is anything new to draw."""
        if list(events) == self._shown:
            return False
        self._shown = list(events)
        self._source.data = {
            "t": [event.time_ns / 1e6 for event in events],
            "height": [TOP] * len(events),
            "text": [str(number) for number in range(1, len(events) + 1)],
        }
        return True


def newest(events: Sequence[TimelineEvent], now_ns: int) -> str:
    """The last thing that has happened, with its number, in words."""
    past = [event for event in events if event.time_ns <= now_ns]
    return f"Event {len(past)}: {past[-1].text}" if past else "Numbered: events to come."
