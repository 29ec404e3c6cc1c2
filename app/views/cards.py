"""The numbers on top: mid, consolidated best prices, spread, imbalance, simulated time, speed, events."""

from html import escape

import panel as pn

from app.theme import Palette
from app.words import duration, elapsed, speed
from market_sim.runner import Frame, ListingInfo, MarketInfo

STYLE = """
:host { margin: 0; --muted: color-mix(in srgb, currentColor 70%, transparent); }
.cards { display: grid; grid-template-columns: 1.15fr .9fr 2fr 1.35fr 1.2fr 1.1fr 1.2fr; gap: 4px 16px;
  padding: 2px 6px; }
.cell { min-width: 0; white-space: nowrap; }
@media (max-width: 1440px) { .cards { grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); }
  .wide { grid-column: span 2; } }
@media (max-width: 700px) { .wide { grid-column: 1 / -1; } }
.label { font-size: 11px; letter-spacing: .08em; text-transform: uppercase; color: var(--muted); }
.value { font-size: 23px; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.value small { font-size: 13px; font-weight: 500; margin-left: 5px; color: var(--muted); }
.note { font-size: 11.5px; overflow: hidden; text-overflow: ellipsis; color: var(--muted); }
"""

NONE = "–"
DAY_NS = 86_400 * 10**9


def consolidated(
    info: MarketInfo, instrument: str, frame: Frame
) -> tuple[tuple[float, str], tuple[float, str]] | None:
    """((best bid, its venue), (best offer, its venue)) over an instrument's venues; None without both."""
    pairs = zip(info.listings, frame.picture.listings, strict=True)
    books = [(listing.venue, book) for listing, book in pairs if listing.instrument == instrument]
    bids = [(book.bid, venue) for venue, book in books if book.bid is not None]
    asks = [(book.ask, venue) for venue, book in books if book.ask is not None]
    if not bids or not asks:
        return None
    return max(bids, key=lambda best: best[0]), min(asks, key=lambda best: best[0])


class Cards:
    """Seven numbers, each with its unit and where it is taken from."""

    def __init__(self) -> None:
        self._palette: Palette | None = None
        self.viewable = pn.pane.HTML(
            "", sizing_mode="stretch_width", stylesheets=[STYLE], styles={"grid-area": "cards"}
        )

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette

    def update(self, info: MarketInfo, listing: int, frame: Frame) -> None:
        """The newest frame."""
        assert self._palette is not None, "paint comes first"
        shown, book = info.listings[listing], frame.picture.listings[listing]
        cells = [
            self._mid(shown, book.mid),
            self._spread(shown, book.spread),
            self._consolidated(info, shown, frame),
            self._imbalance(book.imbalance),
            self._time(info, frame),
            self._speed(frame),
            _cell(
                "Events",
                f"{frame.events_per_s:,.0f}<small>per second</small>",
                f"{frame.picture.events:,} so far",
            ),
        ]
        self.viewable.object = f"<div class='cards'>{''.join(cells)}</div>"

    def _mid(self, listing: ListingInfo, mid: float | None) -> str:
        decimals = listing.price_decimals + 1
        value = NONE if mid is None else f"{mid:,.{decimals}f}"
        return _cell(
            "Mid",
            f"{value}<small>{escape(listing.quote)}</small>",
            escape(listing.name),
            self._palette.lines[0],
        )

    @staticmethod
    def _spread(listing: ListingInfo, spread: float | None) -> str:
        if spread is None:
            return _cell("Spread", NONE, "a side of the book is empty")
        ticks = round(spread / listing.tick)
        value = f"{spread:,.{listing.price_decimals}f}<small>{escape(listing.quote)}</small>"
        return _cell("Spread", value, f"{ticks:,} tick{'s' if ticks != 1 else ''}, best ask − best bid")

    def _consolidated(self, info: MarketInfo, shown: ListingInfo, frame: Frame) -> str:
        """Best bid and offer over the venues of the instrument; crossed and locked markets are said so."""
        best = consolidated(info, shown.instrument, frame)
        label = "Best bid and offer over venues"
        if best is None:
            return _cell(label, NONE, "a side is empty everywhere")
        (bid, bidder), (ask, asker) = best
        decimals = shown.price_decimals
        value = f"{bid:,.{decimals}f} / {ask:,.{decimals}f}<small>{escape(shown.quote)}</small>"
        note, color = f"bid at {escape(bidder)}, offer at {escape(asker)}", "inherit"
        if bid >= ask:
            word = "locked" if bid == ask else f"crossed by {bid - ask:,.{decimals}f} {escape(shown.quote)}"
            note, color = f"<b>✕ {word}</b>: {note}", self._palette.sell
        return f"<div class='wide'>{_cell(label, value, note, color)}</div>"

    def _imbalance(self, imbalance: float | None) -> str:
        if imbalance is None:
            return _cell("Imbalance", NONE, "a side of the book is empty")
        arrow, color, word = (
            ("▲", self._palette.buy, "buyers") if imbalance >= 0 else ("▼", self._palette.sell, "sellers")
        )
        value = f"{arrow} {imbalance:+.2f}<small>of −1…+1</small>".replace("-", "−")
        return _cell("Imbalance", value, f"more {word} at the best", color)

    @staticmethod
    def _time(info: MarketInfo, frame: Frame) -> str:
        # A simulated market goes on for weeks; a recording ends.
        end = "since the start" if info.end_ns > DAY_NS else f"of {duration(info.end_ns)}"
        return _cell("Simulated time", elapsed(frame.picture.time_ns), f"h:min:s, {end}")

    @staticmethod
    def _speed(frame: Frame) -> str:
        asked = "as fast as it goes" if frame.speed is None else f"asked: {speed(frame.speed)}"
        return _cell(
            "Speed", f"{speed(frame.pace) if frame.running else '0×'}<small>real time</small>", asked
        )


def _cell(label: str, value: str, note: str, color: str = "inherit") -> str:
    number = f"<div class='value' style='color:{color}'>{value}</div>"
    return f"<div class='cell'><div class='label'>{label}</div>{number}<div class='note'>{note}</div></div>"
