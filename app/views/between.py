"""Who traded with whom: a table of kinds against kinds."""

from html import escape

import panel as pn

from app.theme import MONO
from app.views.frame import Heading, card
from market_sim.runner import Frame, MarketInfo

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; }}
table {{ border-collapse: collapse; font: 11.5px/1.6 {MONO}; margin: 2px 14px 10px; }}
th, td {{ text-align: right; padding: 0 10px 0 0; white-space: nowrap; }}
th {{ color: color-mix(in srgb, currentColor 70%, transparent); font-weight: 600; }}
td {{ background: color-mix(in srgb, #4da3ff var(--share, 0%), transparent); padding: 0 6px; }}
th:first-child {{ text-align: left; }}
"""


class Between:
    """Rows are those whose orders waited, columns those who took them."""

    def __init__(self) -> None:
        self._heading = Heading("Who traded with whom", "")
        self._pane = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_both")
        self.viewable = card(self._heading, self._pane, "between")

    def open(self, info: MarketInfo, listing: int) -> None:
        """Another market or listing."""
        chosen = info.listings[listing]
        self._heading.say(
            f"{chosen.base} traded on {chosen.name} since the start; a row's orders waited (makers), a "
            "column's took them (takers)."
        )
        self._pane.object = ""

    def update(self, info: MarketInfo, listing: int, frame: Frame) -> None:
        """The newest frame."""
        sizes = {(maker, taker): size for k, maker, taker, size in frame.picture.between if k == listing}
        makers = list(dict.fromkeys(maker for maker, _ in sizes))
        takers = list(dict.fromkeys(taker for _, taker in sizes))
        if not sizes:
            text = "<table><tr><td>Nobody has traded yet.</td></tr></table>"
        else:
            largest, decimals = max(sizes.values()), info.listings[listing].size_decimals
            head = "".join(f"<th>{escape(taker)}</th>" for taker in takers)
            rows = "".join(
                f"<tr><th>{escape(maker)}</th>"
                + "".join(_cell(sizes.get((maker, taker), 0.0), largest, decimals) for taker in takers)
                + "</tr>"
                for maker in makers
            )
            text = f"<table><tr><th>maker \\ taker</th>{head}</tr>{rows}</table>"
        if self._pane.object != text:
            self._pane.object = text


def _cell(size: float, largest: float, decimals: int) -> str:
    if not size:
        return "<td>·</td>"
    return f"<td style='--share:{50 * size / largest:.0f}%'>{size:,.{min(decimals, 3)}f}</td>"
