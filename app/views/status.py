"""The line that says what is shown: running or not, where the data come from, which engine; and errors, in
words.
"""

from html import escape

import panel as pn

from app.theme import MONO
from market_sim.runner import Failure, Frame, MarketInfo

STYLE = f"""
:host {{ margin: 0; }}
.status {{ display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; font-size: 12.5px;
  line-height: 1.4; }}
.chip {{ border: 1px solid color-mix(in srgb, currentColor 35%, transparent); border-radius: 999px;
  padding: 0 10px; font-weight: 600; white-space: nowrap; }}
.error {{ border-left: 4px solid #d55e00; background: color-mix(in srgb, #d55e00 14%, transparent);
  padding: 8px 12px; margin-top: 6px; border-radius: 6px; font-size: 13.5px; line-height: 1.45;
  overflow-wrap: anywhere; }}
.error pre {{ font: 11.5px/1.45 {MONO}; overflow: auto; max-height: 260px; white-space: pre; }}
.welcome {{ border-left: 4px solid #4da3ff; background: color-mix(in srgb, #4da3ff 12%, transparent);
  padding: 6px 12px; margin-top: 6px; border-radius: 6px; font-size: 13px; line-height: 1.45; }}
summary {{ cursor: pointer; }}
"""

ENGINES = {"rust": "Rust engine", "reference": "reference engine (Python)"}


WELCOME = (
    "<div class='welcome'>This is a whole market in a box: simulated traders send orders, venues match them, "
    "and you see every order and who earns by it. It is running now: pause it with the space bar, move a "
    "slider under Parameters, or send an order of your own under Trade yourself. Click any trade to follow "
    "the order behind it; the address bar always holds a link to what you see.</div>"
)


class Status:
    """One pane of markup; every foreign text in it is escaped. `welcome` adds three sentences for who comes
    without a link.
    """

    def __init__(self, welcome: bool = False) -> None:
        self._welcome = welcome
        self.viewable = pn.pane.HTML(
            "", sizing_mode="stretch_width", stylesheets=[STYLE], styles={"grid-area": "status"}
        )
        self._complaints: list[str] = []

    def complain(self, sentences: list[str]) -> None:
        """Say these until the next choice is made."""
        self._complaints = list(sentences)

    def update(self, info: MarketInfo | None, frame: Frame | None, failure: Failure | None) -> None:
        """What is open now."""
        parts = [self._line(info, frame, failure)]
        if self._welcome:
            parts.append(WELCOME)
        parts.extend(
            f"<div class='error' role='alert'>{escape(sentence)}</div>" for sentence in self._complaints
        )
        if failure:
            parts.append(_failure(failure))
        text = "".join(parts)
        if self.viewable.object != text:
            self.viewable.object = text

    @staticmethod
    def _line(info: MarketInfo | None, frame: Frame | None, failure: Failure | None) -> str:
        if failure and not info:
            return "<div class='status'><span class='chip'>no market</span></div>"
        if info is None or frame is None:
            return "<div class='status'><span class='chip'>opening the market …</span></div>"
        state = _state(frame, failure)
        chips = f"<span class='chip'>{state}</span><span class='chip'>{ENGINES[info.engine]}</span>"
        text = f"<b>{escape(info.title)}</b>, seed {info.seed}. {escape(info.origin)}"
        return f"<div class='status'>{chips}<span>{text}</span></div>"


def _state(frame: Frame, failure: Failure | None) -> str:
    if failure:
        return "ended by an error"
    if frame.picture.finished:
        return "over" if frame.feed is None else "disconnected"
    return "running" if frame.running else "paused"


def _failure(failure: Failure) -> str:
    trace = (
        f"<details><summary>Where it happened</summary><pre>{escape(failure.traceback)}</pre></details>"
        if failure.traceback
        else ""
    )
    return (
        f"<div class='error' role='alert'><b>The market stopped.</b> {escape(failure.sentence)}{trace}</div>"
    )
