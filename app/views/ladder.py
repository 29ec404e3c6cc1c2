"""The depth ladder: what waits at each price around the mid."""

from collections.abc import Callable, Sequence

import panel as pn
from bokeh.events import Tap
from bokeh.models import ColumnDataSource, Range1d

from app.heat import REVIEW_EVERY
from app.history import Book, History
from app.rows import LADDER_ROWS, ROWS, PriceRows, fits, step_for
from app.theme import Palette
from app.views.frame import Heading, YRange, canvas, card, fixed_format
from market_sim.frame import OrderPicture
from market_sim.runner import ListingInfo

FOLLOW_ROWS = 3
"""The ladder moves when the mid has moved by this many rows: a ladder that moves with every tick cannot be
read.
"""


OFF_CENTRE = ROWS // 2 - LADDER_ROWS - FOLLOW_ROWS - 1
"""How many rows the mid may wander before the grid under the ladder is centred on it again."""


class Ladder:
    """Horizontal bars, sellers above the mid and buyers below it; own orders as diamonds at their prices."""

    def __init__(self, name: str = "depth-ladder", on_price: Callable[[float], None] | None = None) -> None:
        self._x = YRange(1e-9, from_zero=True)
        self._prices = Range1d(0, 1)
        self._centre = float("nan")
        self._rows: PriceRows | None = None
        self._pictures = 0
        self.source = ColumnDataSource({"price": [], "buy": [], "sell": []})
        self._own_source = ColumnDataSource({"price": [], "size": []})
        self.names = (name,)
        plot = canvas(name, self._x.range, self._prices, x_label="size waiting", x_ticks=4)
        self._buy = plot.hbar(y="price", right="buy", left=0, height=1, source=self.source, line_width=0)
        self._sell = plot.hbar(y="price", right="sell", left=0, height=1, source=self.source, line_width=0)
        self._own = plot.scatter(
            "size", "price", source=self._own_source, marker="diamond", size=13, line_width=1.5
        )
        if on_price is not None:
            plot.on_event(Tap, lambda event: on_price(event.y))
        self._plot = plot
        self._heading = Heading("Depth ladder", "")
        self.viewable = card(self._heading, pn.pane.Bokeh(plot, sizing_mode="stretch_both"), "ladder")

    def open(self, listing: ListingInfo) -> None:
        """Another listing: its units."""
        self._centre = float("nan")
        self._rows = None
        self._x.forget(listing.lot)
        self._plot.xaxis.axis_label = f"size waiting, {listing.base}"
        self._plot.yaxis.axis_label = f"price, {listing.quote}"
        self._plot.yaxis.formatter = fixed_format(listing.price_decimals)

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._buy.glyph.fill_color = palette.buy
        self._sell.glyph.fill_color = palette.sell
        self._own.glyph.update(fill_color=palette.own, line_color=palette.mid_on_card)

    def mark_own(self, orders: Sequence[OrderPicture]) -> None:
        """Own orders, at the end of their size."""
        data = {"price": [order.price for order in orders], "size": [order.leaves for order in orders]}
        if data != self._own_source.data:
            self._own_source.data = data

    def update(self, history: History, listing: int) -> bool:
        """The newest book; False while there is no mid to show it around."""
        bids, asks = history.book(-1, listing)
        rows = self._choose_rows(
            float(history.mid[-1, listing]), (bids, asks), history.info.listings[listing]
        )
        if rows is None:
            return False
        buy, sell, centres = rows.totals(bids), rows.totals(asks), rows.centres()
        self._follow(float(history.mid[-1, listing]), rows, history.info.listings[listing])
        low, high = self._prices.start, self._prices.end
        near = (centres > low) & (centres < high)
        self._x.cover(0.0, float(max(buy[near].max(initial=0.0), sell[near].max(initial=0.0))))
        data = {"price": centres.tolist(), "buy": buy.tolist(), "sell": sell.tolist()}
        if len(self.source.data["price"]) == ROWS:
            self.source.patch({name: [(slice(0, ROWS), column)] for name, column in data.items()})
        else:
            self.source.data = data
        return True

    def _choose_rows(self, mid: float, book: Book, listing: ListingInfo) -> PriceRows | None:
        self._pictures += 1
        if mid == mid and (self._rows is None or self._pictures % REVIEW_EVERY == 0):
            wanted = step_for(mid, book, listing.tick)
            if self._rows is None or not fits(self._rows.step, wanted):
                self._rows = PriceRows.around(mid, listing.tick, wanted)
        if self._rows is not None and mid == mid and not self._rows.holds(mid, OFF_CENTRE):
            self._rows = PriceRows.around(mid, listing.tick, self._rows.step)
        return self._rows

    def _follow(self, mid: float, rows: PriceRows, listing: ListingInfo) -> None:
        height = 0.86 * rows.step
        if self._buy.glyph.height != height:
            self._buy.glyph.height = self._sell.glyph.height = height
            self._centre = float("nan")
            self._heading.say(
                f"Sizes waiting on {listing.venue}, sellers above buyers; a row is "
                f"{rows.step:,.{listing.price_decimals}f} {listing.quote}. ◆ is your own order."
            )
        # A NaN on either side compares false: the ladder stays where it is.
        if abs(mid - self._centre) <= FOLLOW_ROWS * rows.step or mid != mid:
            return
        self._centre = mid
        reach = (LADDER_ROWS + 0.5) * rows.step
        self._prices.update(start=mid - reach, end=mid + reach)
