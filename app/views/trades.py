"""The newest trades of the chosen instrument, newest first."""

from collections import deque
from collections.abc import Iterable
from html import escape

import panel as pn

from app.theme import MONO, Palette
from app.views.frame import Heading, card
from app.words import elapsed
from market_sim.frame import TradePicture
from market_sim.runner import MarketInfo

ROWS_SHOWN = 40

STYLE = f"""
:host {{ margin: 0; overflow: auto hidden; scrollbar-width: thin; content-visibility: auto; }}
table {{ width: 100%; border-collapse: collapse; font: 11.5px/1.5 {MONO}; }}
th {{ font-weight: 600; text-align: right; padding: 2px 10px 2px 2px; white-space: nowrap;
  color: color-mix(in srgb, currentColor 68%, transparent); }}
td {{ text-align: right; padding: 0 10px 0 2px; white-space: nowrap; }}
tr[data-do] {{ cursor: pointer; }}
tr[data-do]:hover td {{ text-decoration: underline; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 14px; }}
"""


class Trades:
    """A table as plain markup: at this rate a table widget would cost more than everything else on the
    page.
    """

    names = ("trades",)
    """As the page's script names it when it is out of sight."""

    def __init__(self) -> None:
        self._trades: deque[TradePicture] = deque(maxlen=ROWS_SHOWN)
        self._shown: list[int] = []
        self._pane = pn.pane.HTML(
            "", tags=[f"sight:{self.names[0]}"], sizing_mode="stretch_both", stylesheets=[STYLE]
        )
        self._info: MarketInfo | None = None
        self.viewable = card(
            Heading(
                "Trades",
                "Newest first; ▲ a buyer crossed the spread, ▼ a seller did. Click one for the order that "
                "waited.",
            ),
            self._pane,
            "trades",
        )
        self._palette: Palette | None = None
        self._fresh = False

    def open(self, info: MarketInfo, listing: int) -> None:
        """Show the venues of the listing's instrument."""
        instrument = info.listings[listing].instrument
        self._info = info
        self._shown = [k for k, other in enumerate(info.listings) if other.instrument == instrument]
        self._trades.clear()
        self._fresh = True
        self.draw()

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette
        self._fresh = True
        self.draw()

    def remember(self, news: Iterable[TradePicture]) -> None:
        """The trades since the last picture, oldest first."""
        trades = [trade for trade in news if trade.listing in self._shown]
        self._trades.extendleft(trades)
        self._fresh = self._fresh or bool(trades)

    def draw(self) -> bool:
        """Show what is remembered, if it is not shown yet; True: there always is a table to show."""
        if self._info is not None and self._palette is not None and self._fresh:
            self._draw(self._info, self._palette)
        return True

    def _draw(self, info: MarketInfo, palette: Palette) -> None:
        self._fresh = False
        listing = info.listings[self._shown[0]]
        many = len(self._shown) > 1
        venue = "<th>venue</th>" if many else ""
        price, size = f"price, {escape(listing.quote)}", f"size, {escape(listing.base)}"
        head = f"<th>h:min:s</th>{venue}<th></th><th>{price}</th><th>{size}</th>"
        rows = "".join(_row(trade, info, many, palette) for trade in self._trades)
        self._pane.object = f"<table><tr>{head}</tr>{rows}</table>"


def _row(trade: TradePicture, info: MarketInfo, many: bool, palette: Palette) -> str:
    listing = info.listings[trade.listing]
    color, arrow = (palette.buy, "▲") if trade.side == "buy" else (palette.sell, "▼")
    venue = f"<td>{escape(listing.venue)}</td>" if many else ""
    story = f" data-do='story:{escape(trade.maker)} {trade.maker_order}'" if trade.maker_order else ""
    return (
        f"<tr{story}><td>{elapsed(trade.time_ns)}</td>{venue}<td style='color:{color}'>{arrow}</td>"
        f"<td>{trade.price:,.{listing.price_decimals}f}</td><td>{trade.size:,.{listing.size_decimals}f}</td></tr>"
    )
