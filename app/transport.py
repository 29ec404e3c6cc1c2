"""How pictures reach the browser: without waiting for full packets, and never more of them than it paints.

An imported module, because main.py runs once per visitor and the first of these settings belongs to the
server.
"""

import time
from asyncio import AbstractEventLoop
from typing import Any

from bokeh.core.properties import Int
from bokeh.model import DataModel
from bokeh.models import CustomJS
from bokeh.server.views.ws import WSHandler
from tornado.websocket import WebSocketClosedError

PICTURES_AHEAD = 2
"""Pictures sent that the browser has not painted yet. More would only queue there, and the page lag behind
the market.
"""


def send_at_once() -> None:
    """Switch Nagle's algorithm off on Bokeh's websockets: a picture is several small messages, and each
    would wait until the one before has been acknowledged.
    """
    if getattr(WSHandler, "sends_at_once", False):
        return
    opened = WSHandler.open

    def open_at_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.set_nodelay(True)
        return opened(self, *args, **kwargs)

    WSHandler.open = open_at_once
    WSHandler.sends_at_once = True


SILENCE_S = 0.5


def ignore_closed_sockets(loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    """The event loop's way with errors nobody asked for: a tab that closes while a picture is on its way is
    none.
    """
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


class Pictures(DataModel):
    """Two counters that both ends of the connection see. Not a widget: a widget's change lays the whole
    page out again.
    """

    sent = Int(default=0)
    painted = Int(default=0)


class FlowControl:
    """Counts pictures out and, by a line of script in the page, pictures about to be painted. A hidden tab
    paints nothing, so nothing is sent to it until it shows again.
    """

    def __init__(self) -> None:
        self._last = 0.0
        #: Travels with the page when something on the page refers to it.
        self.pictures = Pictures()
        self.pictures.js_on_change(
            "sent",
            CustomJS(code="const n = cb_obj.sent; requestAnimationFrame(() => { cb_obj.painted = n })"),
        )

    def clear(self) -> bool:
        """Whether the browser keeps up. Asks again now and then: what was sent while the page was loading,
        or while the connection was down, is never answered.
        """
        if self.pictures.sent - self.pictures.painted < PICTURES_AHEAD:
            return True
        if time.monotonic() - self._last > SILENCE_S:
            self.count()
        return False

    def count(self) -> None:
        """Another picture goes out."""
        self.pictures.sent += 1
        self._last = time.monotonic()


send_at_once()
