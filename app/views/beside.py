"""Up to four listings side by side: numbers and depth of each."""

from collections.abc import Sequence
from html import escape

import panel as pn

from app.controls import SIDE_BY_SIDE
from app.history import History
from app.theme import Palette
from app.views.frame import CARD, NUMBERS_EVERY
from app.views.ladder import Ladder
from market_sim.frame import ListingPicture
from market_sim.runner import Frame, ListingInfo

STYLE = """
:host { margin: 0; }
.top { padding: 8px 14px 4px; }
.top b { font-size: 15px; }
.top div { display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: 12.5px; line-height: 1.5;
  font-variant-numeric: tabular-nums; }
"""


class Column:
    """One listing."""

    def __init__(self, number: int) -> None:
        self.ladder = Ladder(f"ladder-{number}")
        self._numbers = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_width")
        self.viewable = pn.Column(
            self._numbers,
            self.ladder.viewable,
            stylesheets=[CARD],
            sizing_mode="stretch_both",
            margin=5,
            visible=False,
        )

    def say(self, listing: ListingInfo, book: ListingPicture) -> None:
        """The numbers above the ladder."""
        price, size = listing.price_decimals, listing.size_decimals
        mid = "–" if book.mid is None else f"{book.mid:,.{price + 1}f} {listing.quote}"
        spread = "–" if book.spread is None else f"{book.spread:,.{price}f} {listing.quote}"
        imbalance = "–" if book.imbalance is None else f"{book.imbalance:+.2f}".replace("-", "−")
        last = "–" if book.last is None else f"{book.last:,.{price}f} {listing.quote}"
        texts = (
            f"mid <b>{mid}</b>",
            f"spread {spread}",
            f"imbalance {imbalance} of −1…+1",
            f"last {last}",
            f"volume {book.volume:,.{size}f} {listing.base}",
            "" if book.phase == "continuous" else f"<b>{escape(book.phase)}</b>",
        )
        cells = "".join(f"<span>{text}</span>" for text in texts if text)
        self._numbers.object = f"<div class='top'><b>{escape(listing.name)}</b><div>{cells}</div></div>"


class Beside:
    """Four columns, as many shown as listings are chosen."""

    def __init__(self) -> None:
        self._columns = [Column(number) for number in range(SIDE_BY_SIDE)]
        self._listings: list[int] = []
        self._pictures = 0
        self.viewable = pn.Row(*(column.viewable for column in self._columns), sizing_mode="stretch_both")

    def open(self, history: History, listings: Sequence[int]) -> None:
        """Another market, or other listings of it."""
        self._listings, self._pictures = list(listings[:SIDE_BY_SIDE]), 0
        for number, column in enumerate(self._columns):
            column.viewable.visible = number < len(self._listings)
            if column.viewable.visible:
                column.ladder.open(history.info.listings[self._listings[number]])

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        for column in self._columns:
            column.ladder.paint(palette)

    def update(self, history: History, frame: Frame, own: str | None) -> None:
        """The newest frame."""
        for column, listing in zip(self._columns, self._listings, strict=False):
            column.ladder.update(history, listing)
            orders = frame.picture.orders
            column.ladder.mark_own(
                [order for order in orders if order.agent == own and order.listing == listing]
            )
            if self._pictures % NUMBERS_EVERY == 0 or not frame.running:
                column.say(history.info.listings[listing], frame.picture.listings[listing])
        self._pictures += 1
