"""The live orders of the agent that was clicked, with their places in the queue, and what became of all its
orders.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import panel as pn

from app.theme import MONO, Palette
from app.views.frame import Heading, card
from market_sim.frame import OrderPicture
from market_sim.runner import Frame, MarketInfo

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; }}
table {{ border-collapse: collapse; font: 11.5px/1.6 {MONO}; width: calc(100% - 28px); margin: 0 14px; }}
th, td {{ text-align: right; padding: 0 8px 0 0; white-space: nowrap; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); }}
tr[data-do] {{ cursor: pointer; }}
tr[data-do]:hover td {{ text-decoration: underline; }}
p {{ margin: 4px 14px; font-size: 12px; }}
"""
ROWS_SHOWN = 60


class Orders:
    """Figures and a table; a click on a row tells the order's story."""

    def __init__(self) -> None:
        self._heading = Heading("Orders", "")
        self._pane = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_both")
        self.viewable = card(self._heading, self._pane, "orders")
        self.agent = ""
        self._figures = ""
        self.watch("")

    def watch(self, agent: str) -> None:
        """Show this agent's orders."""
        self.agent, self._figures = agent, ""
        if agent:
            self._heading.say(
                f"What became of {agent}'s orders, as far back as the newest reports go, and what it has in "
                "the books, with how much waits before it; click one for its story."
            )
        else:
            self._heading.say(
                "Click an agent in the table to see what became of its orders, and their places in the queue."
            )
        self._pane.object = ""

    def tell(self, metrics: Sequence[Mapping[str, Any]]) -> None:
        """What became of the agent's orders, from the next picture on: rows of `trader_metrics`."""
        self._figures = "".join(_figures(row) for row in metrics)

    def update(self, info: MarketInfo, frame: Frame, palette: Palette) -> None:
        """The newest frame."""
        orders = [order for order in frame.picture.orders if order.agent == self.agent]
        if not self.agent:
            text = ""
        elif not orders:
            text = "<p>No live orders at the moment.</p>"
        else:
            head = "<th>order</th><th>listing</th><th>side</th><th>price</th><th>open</th><th>ahead</th>"
            rows = "".join(_row(info, order, palette) for order in orders[:ROWS_SHOWN])
            text = f"<table><tr>{head}</tr>{rows}</table>"
        text = (self._figures + text) if self.agent else ""
        if self._pane.object != text:
            self._pane.object = text


def _figures(row: Mapping[str, Any]) -> str:
    base, quote = row["base"], row["quote"]
    ratio, makers, waited = row["fill_ratio"], row["maker_share"], row["time_in_queue_mean_s"]
    parts = (
        f"{row['orders']:,} orders",
        f"{row['orders_filled']:,} of them traded",
        "" if ratio is None else f"fill ratio {ratio:.1%}",
        "" if makers is None else f"{makers:.0%} as maker",
        "" if waited is None else f"{waited:,.2f} s in the queue",
        f"bought {row['bought']:,.8g} and sold {row['sold']:,.8g} {base}",
        f"turnover {row['turnover']:,.2f} {quote}",
        f"fees {row['fees']:,.4f} {quote}",
    )
    told = ", ".join(part for part in parts if part)
    return f"<p class='metrics'><b>{escape(row['listing'])}</b> {escape(told)}</p>"


def _row(info: MarketInfo, order: OrderPicture, palette: Palette) -> str:
    listing = info.listings[order.listing]
    color = palette.buy if order.side == "buy" else palette.sell
    cells = (
        f"<td>{order.order}</td><td>{escape(listing.name)}</td><td style='color:{color}'>{order.side}</td>",
        f"<td>{order.price:,.{listing.price_decimals}f} {escape(listing.quote)}</td>",
        f"<td>{order.leaves:,.{listing.size_decimals}f} {escape(listing.base)}</td>",
        f"<td>{order.ahead:,.{listing.size_decimals}f} {escape(listing.base)}</td>",
    )
    return f"<tr data-do='story:{escape(order.agent)} {order.order}'>{''.join(cells)}</tr>"
