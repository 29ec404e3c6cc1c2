"""The scenario's events on a time line, with how far the market has come."""

from html import escape

import panel as pn

from app.theme import MONO
from app.views.frame import Heading, card
from app.words import elapsed
from market_sim.runner import Frame, MarketInfo

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
                "Time line", "What the scenario lets happen, and when, in simulated time since the start."
            ),
            self._pane,
            "timeline",
        )

    def update(self, info: MarketInfo, frame: Frame) -> None:
        """The newest frame."""
        text = _drawn(info, frame.picture.time_ns) if info.timeline else NOTHING
        if self._pane.object != text:
            self._pane.object = text


NOTHING = "<ul><li>This scenario has no events of its own: what happens comes from its agents.</li></ul>"


def _drawn(info: MarketInfo, now_ns: int) -> str:
    end_ns = max(info.timeline[-1].time_ns * 1.08, 1)
    marks = "".join(f"<i style='left:{100 * event.time_ns / end_ns:.1f}%'></i>" for event in info.timeline)
    come = f"<b style='width:{min(100.0, 100 * now_ns / end_ns):.0f}%'></b>"
    future = [event for event in info.timeline if event.time_ns > now_ns]
    items = ""
    for event in info.timeline:
        state = "past" if event.time_ns <= now_ns else "next" if event is future[0] else ""
        items += f"<li class='{state}'>{elapsed(event.time_ns)} {escape(event.text)}</li>"
    return f"<div class='line'>{come}{marks}</div><ul>{items}</ul>"
