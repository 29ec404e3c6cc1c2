"""Profit, inventory, open orders, place in the queue and latency of every agent."""

from html import escape

import panel as pn

from app.history import History
from app.theme import MONO, Palette, line_style
from app.views.frame import Heading, card
from market_sim.frame import AgentPicture
from market_sim.runner import Frame, ListingInfo, MarketInfo

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; }}
table {{ width: 100%; border-collapse: collapse; font: 11px/1.6 {MONO}; }}
th {{ font-weight: 600; text-align: right; padding: 2px 6px 2px 2px; vertical-align: bottom;
  color: color-mix(in srgb, currentColor 68%, transparent); }}
td {{ text-align: right; padding: 0 5px 0 2px; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 14px; }}
tr.group td {{ font-weight: 600; }}
tr.one td {{ color: color-mix(in srgb, currentColor 75%, transparent); }}
tr + tr th {{ padding-top: 8px; }}
tr[data-do], td[data-do] {{ cursor: pointer; }}
tr[data-do]:hover td {{ text-decoration: underline; }}
td[data-do] {{ text-decoration: underline dotted; }}
i {{ display: inline-block; width: 16px; margin-right: 8px; vertical-align: middle; }}
"""


class Agents:
    """A line per kind of agent, which is also the legend of the two charts; under them a line for every
    agent.
    """

    def __init__(self) -> None:
        self._pane = pn.pane.HTML("", sizing_mode="stretch_both", stylesheets=[STYLE])
        self._heading = Heading(
            "Agents",
            "Who has won and lost so far, and how long orders take; “ahead” is what waits before the best "
            "placed order, drawdown the deepest fall of a profit since the start. Click one for its orders.",
        )
        self.viewable = card(self._heading, self._pane, "agents")
        self._palette: Palette | None = None

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._palette = palette

    def update(self, history: History, listing: int, frame: Frame) -> None:
        """The newest frame."""
        assert self._palette is not None, "paint comes first"
        info = history.info
        shown = info.listings[listing]
        asset = history.assets.index(shown.base)
        kinds = "".join(
            self._group(history, k, asset, shown.size_decimals, frame) for k in range(len(history.groups))
        )
        rows = "".join(
            _one(frame.picture.agents[i], shown, _latency(info, i))
            for i, group in enumerate(info.groups)
            if info.groups.count(group) > 1
        )
        base = escape(shown.base)
        head = (
            f"<th>profit, {escape(info.numeraire)}</th><th>inventory, {base}</th><th>open orders</th>"
            f"<th>ahead, {base}</th><th>drawdown, {escape(info.numeraire)}</th><th>latency</th>"
        )
        each = f"<tr><th>each agent</th><th></th>{head}</tr>{rows}" if rows else ""
        text = f"<table><tr><th>kind</th><th></th>{head}</tr>{kinds}{each}</table>"
        if self._pane.object != text:
            self._pane.object = text

    def _group(self, history: History, k: int, asset: int, decimals: int, frame: Frame) -> str:
        assert self._palette is not None, "paint comes first"
        color, dash = line_style(k, self._palette.lines)
        group, info = history.groups[k], history.info
        members = [i for i, name in enumerate(info.groups) if name == group]
        agents = [frame.picture.agents[i] for i in members]
        count = f" × {len(members)}" if len(members) > 1 else ""
        ahead = agents[0].ahead if len(agents) == 1 else None
        on = any(agent.enabled for agent in agents)
        switch = f"switch:{group} {'off' if on else 'on'}"
        mark = f"<i style='border-top:3px {dash} {color}'></i>"
        watch = f" data-do='watch:{escape(agents[0].name)}'"
        return (
            f"<tr class='group'><td{watch}>{mark}{escape(group)}{count}</td>"
            f"<td data-do='{escape(switch)}'>switch {'off' if on else 'on'}</td>"
            f"{_cells(history.profit[-1, k], history.inventory[-1, k, asset], decimals)}"
            f"{_places(sum(agent.open_orders for agent in agents), ahead, decimals)}"
            f"<td>{history.drawdown[k]:,.0f}</td><td>{escape(_latency(info, members[0]))}</td></tr>"
        )


def _latency(info: MarketInfo, agent: int) -> str:
    return info.latencies[agent] if agent < len(info.latencies) else "–"


def _one(agent: AgentPicture, listing: ListingInfo, latency: str) -> str:
    profit = float("nan") if agent.profit is None else agent.profit
    held = agent.inventory.get(listing.base, 0.0)
    off = "" if agent.enabled else " (off)"
    return (
        f"<tr class='one' data-do='watch:{escape(agent.name)}'><td>{escape(agent.name)}{off}</td><td></td>"
        f"{_cells(profit, held, listing.size_decimals)}"
        f"{_places(agent.open_orders, agent.ahead, listing.size_decimals)}<td></td>"
        f"<td>{escape(latency)}</td></tr>"
    )


def _places(open_orders: int, ahead: float | None, decimals: int) -> str:
    return f"<td>{open_orders:,}</td><td>{'–' if ahead is None else f'{ahead:,.{decimals}f}'}</td>"


def _cells(profit: float, inventory: float, decimals: int) -> str:
    # A minus sign as wide as a plus keeps the columns in line.
    shown = "–" if profit != profit else f"{profit:+,.2f}".replace("-", "−")
    return f"<td>{shown}</td><td>{f'{inventory:+,.{decimals}f}'.replace('-', '−')}</td>"
