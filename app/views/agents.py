"""Profit and inventory of every agent."""

from html import escape

import panel as pn

from app.history import History
from app.theme import MONO, Palette, line_style
from app.views.frame import Heading, card
from market_sim.frame import AgentPicture
from market_sim.runner import Frame, ListingInfo

STYLE = f"""
:host {{ margin: 0; overflow-y: auto; scrollbar-width: thin; }}
table {{ width: 100%; border-collapse: collapse; font: 12px/1.55 {MONO}; }}
th {{ font-weight: 600; text-align: right; padding: 2px 14px 2px 4px;
  color: color-mix(in srgb, currentColor 68%, transparent); }}
td {{ text-align: right; padding: 0 14px 0 4px; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 14px; }}
tr.group td {{ font-weight: 600; }}
tr.one td {{ color: color-mix(in srgb, currentColor 75%, transparent); }}
tr + tr th {{ padding-top: 8px; }}
i {{ display: inline-block; width: 16px; margin-right: 8px; vertical-align: middle; }}
"""


class Agents:
    """A line per kind of agent, which is also the legend of the two charts; under them a line for every
    agent.
    """

    def __init__(self) -> None:
        self._pane = pn.pane.HTML("", sizing_mode="stretch_both", stylesheets=[STYLE])
        self._heading = Heading(
            "Agents", "Who has won and lost so far; the colours are those of the two charts."
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
            self._group(history, k, asset, shown.size_decimals) for k in range(len(history.groups))
        )
        rows = "".join(
            _one(frame.picture.agents[i], shown)
            for i, group in enumerate(info.groups)
            if info.groups.count(group) > 1
        )
        head = f"<th>profit, {escape(info.numeraire)}</th><th>inventory, {escape(shown.base)}</th>"
        each = f"<tr><th>each agent</th>{head}</tr>{rows}" if rows else ""
        self._pane.object = f"<table><tr><th>kind</th>{head}</tr>{kinds}{each}</table>"

    def _group(self, history: History, k: int, asset: int, decimals: int) -> str:
        assert self._palette is not None, "paint comes first"
        color, dash = line_style(k, self._palette.lines)
        members = history.info.groups.count(history.groups[k])
        count = f" × {members}" if members > 1 else ""
        return (
            f"<tr class='group'><td><i style='border-top:3px {dash} {color}'></i>"
            f"{escape(history.groups[k])}{count}</td>"
            f"{_cells(history.profit[-1, k], history.inventory[-1, k, asset], decimals)}</tr>"
        )


def _one(agent: AgentPicture, listing: ListingInfo) -> str:
    profit = float("nan") if agent.profit is None else agent.profit
    held = agent.inventory.get(listing.base, 0.0)
    return f"<tr class='one'><td>{escape(agent.name)}</td>{_cells(profit, held, listing.size_decimals)}</tr>"


def _cells(profit: float, inventory: float, decimals: int) -> str:
    # A minus sign as wide as a plus keeps the columns in line.
    shown = "–" if profit != profit else f"{profit:+,.2f}".replace("-", "−")
    return f"<td>{shown}</td><td>{f'{inventory:+,.{decimals}f}'.replace('-', '−')}</td>"
