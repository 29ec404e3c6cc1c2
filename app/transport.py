"""How pictures reach the browser: never more of them than it paints."""

import time
from asyncio import AbstractEventLoop
from logging import LogRecord
from traceback import walk_tb
from typing import Any

from bokeh.core.properties import Int
from bokeh.model import DataModel
from bokeh.models import CustomJS
from bokeh.server.connection import ServerConnection
from tornado.websocket import WebSocketClosedError

PICTURES_AHEAD = 2
"""Pictures sent that the browser has not painted yet. More would only queue there, and the page lag behind
the market.
"""

LONE_MS = 150
"""How long the browser waits for a second picture before it answers one alone: every answer is a message that
both ends work on.
"""

LONGEST_S = 0.11
"""Between two pictures for a browser that does not keep up. Where many pages share a machine, each sends two,
waits for both and sends two again, and some get more than others: at an even pace all repaint nine times a
second.
"""

SHORTEST_S = 0.03
"""Between two pictures for one that does: less than a beat, so that every beat may send."""

SLOWER, FASTER = 1.2, 0.985
"""By what the time between pictures changes with a beat that finds the browser behind, and with a picture."""


SILENCE_S = 0.5


def ignore_closed_sockets(loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's way with errors nobody asked for: a tab that closes while a picture is on its way is
    none.
    """
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


def of_open_tabs(record: LogRecord) -> bool:
    """A filter of log records: what a tab had still on its way when it was closed, Bokeh hands to a
    connection that has no session any more, and logs its own assertion. Every other error is kept.
    """
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, AssertionError):
        return True
    raised_in = [frame.f_code for frame, _ in walk_tb(error.__traceback__)]
    return raised_in[-1:] != [ServerConnection.session.fget.__code__]


class Pictures(DataModel):
    """Two counters that both ends of the connection see. Not a widget: a widget's change lays the whole
    page out again.
    """

    sent = Int(default=0)
    painted = Int(default=0)


ANSWER = f"""
const n = cb_obj.sent
const answer = () => {{ cb_obj.painted = n }}
requestAnimationFrame(() => {{
  if (n - cb_obj.painted >= {PICTURES_AHEAD}) {{ answer() }}
  else {{ setTimeout(() => {{ if (cb_obj.sent === n) {{ answer() }} }}, {LONE_MS}) }}
}})
"""


class FlowControl:
    """Counts pictures out and, by a few lines of script in the page, pictures about to be painted. A hidden
    tab paints nothing, so nothing is sent to it until it shows again.
    """

    def __init__(self) -> None:
        self._last = self._due = 0.0
        self._apart_s = SHORTEST_S
        #: Travels with the page when something on the page refers to it.
        self.pictures = Pictures()
        self.pictures.js_on_change("sent", CustomJS(code=ANSWER))

    def clear(self) -> bool:
        """Whether another picture may go out: the browser keeps up, and it is time. Asks again now and then:
        what was sent while the page was loading, or while the connection was down, is never answered.
        """
        now = time.monotonic()
        if self.pictures.sent - self.pictures.painted < PICTURES_AHEAD:
            return now >= self._due
        self._apart_s = min(LONGEST_S, SLOWER * self._apart_s)
        if now - self._last > SILENCE_S:
            self.count()
        return False

    def count(self) -> None:
        """Another picture goes out."""
        self.pictures.sent += 1
        self._last = time.monotonic()
        self._apart_s = max(SHORTEST_S, FASTER * self._apart_s)
        # From when it was due, not from the beat that came after: the pace is kept over many pictures.
        self._due = max(self._due + self._apart_s, self._last)
