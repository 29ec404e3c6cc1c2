"""The scenario's events on a time line, with how far the market has come."""

from collections.abc import Sequence
from html import escape

import panel as pn

from app.theme import MONO
from app.views.frame import Heading, card
from app.words import elapsed
from market_sim.runner import TimelineEvent

STYLE = f"""
:host {{ margin: 0; overflow: auto; scrollbar-width: thin; }}
.line {{ position: relative; height: 8px; margin: 10px 14px 6px; border-radius: 4px;
  background: color-mix(in srgb, currentColor 16%, transparent); }}
.line b {{ position: absolute; inset: 0 auto 0 0; border-radius: 4px; background: #4da3ff; }}
.line i {{ position: absolute; top: -4px; width: 3px; height: 16px; background: #e69f00; }}
ul {{ list-style: none; margin: 0; padding: 0 14px 10px; font: 11.5px/1.6 {MONO}; }}
.past {{ opacity: .6; }} .next {{ font-weight: 700; }}
"""


class Timeline:
    """A bar with a mark per event, and the events in words."""

    def __init__(self) -> None:
        self._pane = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_both")
        self.viewable = card(
            Heading(
                "Time line",
                "What the scenario lets happen and what the instructor does, in simulated time since the "
                "start; the numbers are those in the price chart.",
            ),
            self._pane,
            "timeline",
        )

    def update(self, events: Sequence[TimelineEvent], now_ns: int) -> None:
        """The events, in the order of their times, and how far the market has come."""
        text = _drawn(events, now_ns) if events else NOTHING
        if self._pane.object != text:
            self._pane.object = text


NOTHING = "<ul><li>This scenario has no events of its own: what happens comes from its agents.</li></ul>"


def _drawn(events: Sequence[TimelineEvent], now_ns: int) -> str:
    end_ns = max(events[-1].time_ns * 1.08, 1)
    marks = "".join(f"<i style='left:{100 * event.time_ns / end_ns:.1f}%'></i>" for event in events)
    come = f"<b style='width:{min(100.0, 100 * now_ns / end_ns):.0f}%'></b>"
    future = [event for event in events if event.time_ns > now_ns]
    items = ""
    for number, event in enumerate(events, start=1):
        state = "past" if event.time_ns <= now_ns else "next" if event is future[0] else ""
        items += f"<li class='{state}'>{number}. {elapsed(event.time_ns)} {escape(event.text)}</li>"
    return f"<div class='line'>{come}{marks}</div><ul>{items}</ul>"
