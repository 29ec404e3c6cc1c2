"""The story of an order, laid over the page: when it was sent and arrived, what stood before it, its end."""

from html import escape
from typing import Any

import panel as pn

from app.theme import MONO
from app.words import elapsed

STYLE = f"""
:host {{ margin: 0; overflow: auto; }}
.story {{ padding: 10px 16px 14px; font-size: 12.5px; line-height: 1.5; }}
.story h3 {{ font-size: 15px; margin: 2px 0 4px; }}
.story p {{ margin: 0 0 8px; }}
table {{ border-collapse: collapse; font: 11.5px/1.6 {MONO}; width: 100%; }}
th, td {{ text-align: right; padding: 0 8px; white-space: nowrap; }}
th:nth-child(2), td:nth-child(2), th:nth-child(3), td:nth-child(3) {{ text-align: left; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); }}
.close {{ float: right; cursor: pointer; border: 1px solid currentColor; border-radius: 6px;
  padding: 1px 10px; background: none; color: inherit; font: inherit; }}
"""

OVERLAY = {
    "position": "fixed",
    "right": "18px",
    "bottom": "18px",
    "z-index": "1200",
    "width": "min(760px, calc(100vw - 36px))",
    "max-height": "62vh",
    "overflow": "auto",
    "border-radius": "10px",
    "background": "var(--panel-surface-color)",
    "border": "1px solid color-mix(in srgb, var(--panel-on-surface-color) 45%, transparent)",
    "box-shadow": "0 8px 40px rgb(0 0 0 / 45%)",
}
ROWS_SHOWN = 60

MEANING = {
    "sent": "left the agent",
    "accepted": "reached the venue and stands in the queue",
    "ahead": "the queue before it changed",
    "fill": "traded",
    "replaced": "got another price or size",
    "cancelled": "ended untraded",
    "rejected": "was refused",
    "cancel_rejected": "its cancel came too late",
    "replace_rejected": "its change came too late",
}


class Story:
    """One pane, hidden until an order is clicked."""

    def __init__(self) -> None:
        self.viewable = pn.pane.HTML("", stylesheets=[STYLE], styles=OVERLAY, visible=False)

    def close(self) -> None:
        """Out of the way."""
        self.viewable.visible = False

    def say(self, title: str, sentence: str) -> None:
        """A sentence in place of a story."""
        self._show(title, f"<p>{escape(sentence)}</p>")

    def tell(self, agent: str, order: int, rows: list[dict[str, Any]]) -> None:
        """The rows of `result.order`."""
        first = rows[0]
        sentence = (
            f"{first['side']} on {first['listing']}. Times are simulated, sizes in base units; “ahead” is "
            "what waits before it at its price."
        )
        titles = ("h:min:s", "what", "through", "price", "size", "open", "ahead")
        head = "".join(f"<th>{title}</th>" for title in titles)
        body = "".join(_row(row) for row in rows[-ROWS_SHOWN:])
        left_out = len(rows) - ROWS_SHOWN
        more = f"<p>The {left_out} rows before are left out.</p>" if left_out > 0 else ""
        self._show(
            f"Order {order} of {agent}",
            f"<p>{escape(sentence)}</p>{more}<table><tr>{head}</tr>{body}</table>",
        )

    def _show(self, title: str, body: str) -> None:
        close = "<button class='close' data-do='close-story:' aria-label='Close the story'>Close</button>"
        self.viewable.object = f"<div class='story' role='dialog'>{close}<h3>{escape(title)}</h3>{body}</div>"
        self.viewable.visible = True


def _row(row: dict[str, Any]) -> str:
    what = MEANING.get(row["what"], row["what"])
    cells = (elapsed(row["time_ns"]), what, row["cause"] or "", *map(_number, _figures(row)))
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _figures(row: dict[str, Any]) -> tuple[float | None, ...]:
    return row["price"], row["size"], row["leaves"], row["queue_ahead"]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"
