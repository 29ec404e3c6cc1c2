"""The order ticket: what a person sends, what stands open, what became of it, and what it has earned."""

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from app.controls import TIFS, Controls
from app.theme import MONO, Palette
from app.views.frame import CARD, Heading
from app.words import elapsed
from market_sim.frame import AgentPicture, OrderPicture
from market_sim.runner import Answer, ListingInfo, MarketInfo, Told

NEWS_SHOWN = 30
TEXT_KEPT = 40
"""Characters of a size or price that a link carries: more is no number."""

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; min-height: 140px; }}
.mine {{ padding: 0 14px 8px; font-size: 12px; line-height: 1.5; }}
table {{ border-collapse: collapse; font: 11.5px/1.7 {MONO}; width: 100%; }}
th, td {{ text-align: right; padding: 0 5px 0 0; white-space: nowrap; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); }}
td[data-do] {{ cursor: pointer; text-decoration: underline dotted; }}
.news {{ font: 11.5px/1.5 {MONO}; margin-top: 6px; }}
.no {{ border-left: 3px solid #d55e00; padding-left: 6px; }}
"""


class Ticket:
    """Widgets and one pane; what they do is wired up by the page."""

    def __init__(self) -> None:
        small = {"size": "small", "sizing_mode": "stretch_width", "margin": (4, 5)}
        self.size = pmui.TextInput(label="Size", **small)
        self.price = pmui.TextInput(label="Price; empty: at the market", **small)
        self.tif = pmui.Select(label="Stands", options=TIFS, value="GTC", **small)
        self.post_only = pmui.Checkbox(label="Post only: refuse rather than take", value=False, margin=(2, 5))
        self.buy = pmui.Button(label="Buy", variant="contained", **small)
        self.sell = pmui.Button(label="Sell", variant="contained", **small)
        self.replace = pmui.Button(label="Replace", variant="outlined", visible=False, **small)
        # Of a size that its text does not change: a panel that grows has the whole page laid out again.
        self._mine = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_both")
        self._heading = Heading("Trade yourself", "")
        self._news: list[Answer | Told] = []
        self.replacing: int | None = None
        self._first_size = ""
        row = {"sizing_mode": "stretch_width", "margin": (0, 8)}
        self.viewable = pn.Column(
            self._heading.viewable,
            pn.Row(self.size, self.price, **row),
            pn.Row(self.tif, **row),
            pn.Row(self.post_only, **row),
            pn.Row(self.buy, self.sell, self.replace, **row),
            self._mine,
            stylesheets=[CARD],
            styles={"grid-area": "ticket", "overflow": "auto"},
            sizing_mode="stretch_both",
            margin=0,
        )

    @property
    def asked(self) -> dict[str, Any]:
        """What stands on it, as a link's controls say it."""
        size = "" if self.size.value == self._first_size else self.size.value
        return {
            "size": size[:TEXT_KEPT],
            "price": self.price.value[:TEXT_KEPT],
            "tif": self.tif.value,
            "post_only": bool(self.post_only.value),
        }

    def open(self, info: MarketInfo, listing: ListingInfo, seat: str | None, controls: Controls) -> None:
        """Another market, listing or account: units, and what the link says or else first values."""
        if seat is None:
            self._heading.say("You watch this market: take a seat under Agents and class to trade in it.")
        else:
            latency = info.latencies[info.agents.index(seat)]
            self._heading.say(
                f"As {seat} on {listing.name}: orders take {latency} of simulated time to the venue, answers "
                f"as long back. Taker fee {listing.taker_fee_bps:g} bps, maker {listing.maker_fee_bps:g}. "
                f"Steps: {listing.lot:g} {listing.base}, {listing.tick:g} {listing.quote}; no price: market."
            )
        self.size.label, self.price.label = f"Size, {listing.base}", f"Price, {listing.quote}"
        self._first_size = f"{100 * listing.lot:.{listing.size_decimals}f}"
        self.size.value, self.price.value = controls.size or self._first_size, controls.price
        self.tif.value, self.post_only.value = controls.tif, controls.post_only
        self.choose(None)
        for widget in (self.size, self.price, self.tif, self.post_only, self.buy, self.sell):
            widget.disabled = seat is None
        self._news.clear()
        self._mine.object = ""

    def choose(self, order: OrderPicture | None) -> None:
        """Fill the ticket with an open order that shall be replaced; None ends it."""
        self.replacing = order.order if order else None
        self.replace.visible = order is not None
        if order is not None:
            self.replace.label = f"Replace order {order.order}"
            self.size.value, self.price.value = f"{order.size:.10g}", f"{order.price:.10g}"

    def hear(self, news: list[Answer | Told]) -> None:
        """What became of commands and orders, oldest first."""
        self._news = [*self._news, *news][-NEWS_SHOWN:]

    def update(
        self, info: MarketInfo, account: AgentPicture | None, orders: list[OrderPicture], palette: Palette
    ) -> None:
        """The newest frame."""
        parts = [_standing(info, account), _table(info, orders, palette)]
        parts.append("<div class='news' role='log'>" + "".join(map(_news, reversed(self._news))) + "</div>")
        text = f"<div class='mine'>{''.join(parts)}</div>"
        if self._mine.object != text:
            self._mine.object = text


def _standing(info: MarketInfo, account: AgentPicture | None) -> str:
    if account is None:
        return ""
    profit = "–" if account.profit is None else f"{account.profit:+,.2f}".replace("-", "−")
    held = ", ".join(f"{amount:+,.6g} {escape(asset)}" for asset, amount in account.inventory.items())
    off = "" if account.enabled else " Switched off."
    return (
        f"<div class='standing'>Own profit <b>{profit} {escape(info.numeraire)}</b> at the mid; "
        f"holding {held.replace('-', '−')} beyond the start.{off}</div>"
    )


def _table(info: MarketInfo, orders: list[OrderPicture], palette: Palette) -> str:
    if not orders:
        return "<div>No open orders in a book.</div>"
    titles = ("order", "venue", "side", "price", "open", "ahead", "", "")
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f"<table><tr>{head}</tr>{''.join(_order(info, order, palette) for order in orders)}</table>"


def _order(info: MarketInfo, order: OrderPicture, palette: Palette) -> str:
    listing = info.listings[order.listing]
    color = palette.buy if order.side == "buy" else palette.sell
    return (
        f"<tr class='own'><td data-do='story:{escape(order.agent)} {order.order}'>{order.order}</td>"
        f"<td>{escape(listing.venue)}</td><td style='color:{color}'>{order.side}</td>"
        f"<td>{order.price:,.{listing.price_decimals}f}</td><td>{order.leaves:.{listing.size_decimals}f}</td>"
        f"<td>{order.ahead:.{listing.size_decimals}f}</td>"
        f"<td data-do='change:{order.order}'>change</td><td data-do='cancel:{order.order}'>cancel</td></tr>"
    )


def _news(item: Answer | Told) -> str:
    if isinstance(item, Told):
        return f"<div>{elapsed(item.time_ns)} order {item.order}: {escape(item.text)}</div>"
    css = "" if item.done else " class='no' role='alert'"
    return f"<div{css}>{elapsed(item.time_ns)} {escape(item.sentence)}</div>"
