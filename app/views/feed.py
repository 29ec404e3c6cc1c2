"""How live books are: state, gaps, resyncs, messages a second, latency."""

from html import escape

import panel as pn

from app.theme import MONO
from market_sim.runner import BookStatus, FeedStatus

STYLE = f"""
:host {{ margin: 0; overflow-x: auto; }}
table {{ border-collapse: collapse; font: 12px/1.6 {MONO}; }}
th, td {{ text-align: right; padding: 0 16px 0 0; white-space: nowrap; }}
th:first-child, td:first-child, td.state, th.state {{ text-align: left; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); font-weight: 500; }}
td.state b {{ border-radius: 999px; padding: 0 9px; border: 1px solid currentColor; }}
.live {{ color: #2fc6a0; }} .broken {{ color: #d55e00; }}
"""
TITLES = (
    "book", "state", "messages/s", "messages", "latency, ms", "gaps", "resyncs", "reconnects", "dropped",
    "checksums right / wrong",
)  # fmt: skip
BROKEN = ("stale", "resyncing", "failed")


class Feed:
    """One pane; nothing where the market is not live."""

    def __init__(self) -> None:
        self.viewable = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_width", visible=False)

    def update(self, feed: FeedStatus | None, event_log_hash: str = "") -> None:
        """The newest frame's; of a session that is over also the event-log hash, which a replay comes to."""
        if self.viewable.visible != (feed is not None):
            self.viewable.visible = feed is not None
        if feed is None:
            return
        head = "".join(f"<th{' class=state' if name == 'state' else ''}>{name}</th>" for name in TITLES)
        size = f"<th>capture</th><td>{feed.recorded_bytes / 1e6:.2f} MB</td>" if feed.recorded_bytes else ""
        if event_log_hash:
            size += f"<th>event log</th><td class='hash'>{event_log_hash}</td>"
        rows = "".join(map(_row, feed.books))
        text = f"<table class='feed'><tr>{head}</tr>{rows}{f'<tr>{size}</tr>' if size else ''}</table>"
        if self.viewable.object != text:
            self.viewable.object = text


def _row(book: BookStatus) -> str:
    css = "live" if book.state == "live" else "broken" if book.state in BROKEN else ""
    reason = f" {escape(book.reason)}" if book.reason and book.state != "live" else ""
    latency = "–" if book.latency_ms is None else f"{book.latency_ms:,.1f}"
    right, wrong = book.checksums
    numbers = (
        f"{book.messages_per_s:,.0f}", f"{book.messages:,}", latency, f"{book.gaps:,}", f"{book.resyncs:,}",
        f"{book.reconnects:,}", f"{book.dropped:,}", f"{right:,} / {wrong:,}",
    )  # fmt: skip
    cells = "".join(f"<td>{number}</td>" for number in numbers)
    state = f"<td class='state {css}'><b>{escape(book.state)}</b>{reason}</td>"
    return f"<tr><td>{escape(book.book)}</td>{state}{cells}</tr>"
