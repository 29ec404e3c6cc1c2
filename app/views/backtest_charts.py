"""Equity, drawdown and prices of a backtest, over the time of its data."""

import panel as pn
from bokeh.models import ColumnDataSource, DatetimeTickFormatter, HoverTool, NumeralTickFormatter, Range1d

from app.theme import Palette
from app.views.frame import Heading, YRange, canvas, card, fixed_format
from market_sim.runner.backtests import BacktestOutcome, Price

NAN = float("nan")
NOTHING: dict[str, list[float]] = {"t": [], "y": []}


def numbers(values: tuple[float | None, ...]) -> list[float]:
    """A column with gaps as a chart takes it."""
    return [NAN if value is None else value for value in values]


def dates() -> DatetimeTickFormatter:
    """Wall-clock times, as fine as the stretch is short."""
    return DatetimeTickFormatter(
        milliseconds="%H:%M:%S.%3N",
        seconds="%H:%M:%S",
        minsec="%H:%M:%S",
        minutes="%H:%M",
        hourmin="%H:%M",
        hours="%d %b %H:%M",
        days="%d %b %Y",
        months="%b %Y",
        years="%Y",
    )


class Chart:
    """One line over time, in a card."""

    def __init__(self, name: str, title: str, sentence: str, area: str, window: Range1d) -> None:
        self.y = YRange(1e-9)
        self.source = ColumnDataSource(dict(NOTHING))
        self.plot = canvas(name, window, self.y.range)
        self.plot.xaxis.formatter = dates()
        self.plot.yaxis.formatter = NumeralTickFormatter(format="0,0.[0000]")
        self.line = self.plot.step("t", "y", source=self.source, mode="after", line_width=1.8)
        self.hover = HoverTool(
            renderers=[self.line],
            mode="vline",
            tooltips=[("time", "@t{%F %T}"), (title, "@y{0,0.[000000]}")],
            formatters={"@t": "datetime"},
        )
        self.plot.add_tools(self.hover)
        self.heading = Heading(title, sentence)
        self.viewable = card(self.heading, pn.pane.Bokeh(self.plot, sizing_mode="stretch_both"), area)

    def show(self, times: tuple[float, ...], values: tuple[float | None, ...], unit: str, zone: str) -> None:
        """Another run."""
        known = [value for value in values if value is not None]
        self.plot.yaxis.axis_label = unit
        self.plot.xaxis.axis_label = f"time of the data, {zone}"
        self.y.forget(1e-9)
        if known:
            self.y.cover(min(known), max(known))
        self.source.data = {"t": list(times), "y": numbers(values)}


class Charts:
    """Three charts that share their stretch of time. Wheel-free: what is shown is the whole run."""

    def __init__(self) -> None:
        self.window = Range1d(0, 1)
        self.equity = Chart(
            "equity",
            "Equity",
            "Everything the strategy holds, at the mid of each listing.",
            "equity",
            self.window,
        )
        self.drawdown = Chart(
            "drawdown", "Drawdown", "How far equity is below its highest so far.", "drawdown", self.window
        )
        self.price = Chart(
            "price",
            "Price and fills",
            "The mid, with what the strategy bought ▲ and sold ▼.",
            "price",
            self.window,
        )
        self._fills = ColumnDataSource({"t": [], "buy": [], "sell": []})
        marks = {"source": self._fills, "size": 8, "alpha": 0.9, "line_width": 0}
        self._buy = self.price.plot.scatter("t", "buy", marker="triangle", **marks)
        self._sell = self.price.plot.scatter("t", "sell", marker="inverted_triangle", **marks)

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self.equity.line.glyph.line_color = palette.lines[0]
        self.drawdown.line.glyph.line_color = palette.lines[1]
        self.price.line.glyph.line_color = palette.mid_on_card
        self._buy.glyph.fill_color = palette.buy
        self._sell.glyph.fill_color = palette.sell

    def show(self, run: BacktestOutcome, listing: str) -> None:
        """Another run, with the price of one of its listings."""
        start, end = run.times_ms[0], run.times_ms[-1]
        self.window.update(start=start, end=max(end, start + 1))
        self.equity.show(run.times_ms, run.equity, run.numeraire, run.zone)
        self.drawdown.show(run.times_ms, run.drawdown, run.numeraire, run.zone)
        self.show_price(run, listing)

    def show_price(self, run: BacktestOutcome, listing: str) -> None:
        """The price of one listing, and the fills on it."""
        price = next((price for price in run.prices if price.listing == listing), run.prices[0])
        self.price.show(run.times_ms, price.mid, f"{price.listing}, {price.quote}", run.zone)
        self.price.plot.yaxis.formatter = fixed_format(_decimals(price))
        self._fills.data = {
            "t": [fill[0] for fill in price.fills],
            "buy": [fill[1] if fill[3] > 0 else NAN for fill in price.fills],
            "sell": [NAN if fill[3] > 0 else fill[1] for fill in price.fills],
        }


def _decimals(price: Price) -> int:
    """Digits behind the point that its labels need."""
    known = [value for value in price.mid if value is not None]
    spread = max(known) - min(known) if known else 1.0
    return 0 if spread > 20 else 2 if spread > 0.2 else 4
