"""How messages travel between Bokeh's server and pages that carry `scripts/frames.js`: at once, and what one
turn says in one frame. Importing this sets the server so; main.py would do it once per visitor.

Bokeh sends header, metadata and content of a message as three frames, and answers every change that comes
from a page with three more that the page drops. A frame passes through six threads of three processes before
a script sees it; a picture is one message.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from bokeh.protocol.message import Message
from bokeh.server.views.ws import WSHandler

SEPARATOR = "\x1e"
"""The record separator: no JSON text holds a control character."""


class Frames:
    """Texts written in one turn of the event loop, sent as one; bytes stay alone. `write` is that of
    Tornado's connection.
    """

    def __init__(self, write: Callable[..., Any]) -> None:
        self._write = write
        self._texts: list[str] = []

    def write(self, message: str | bytes, binary: bool = False) -> asyncio.Future[None]:
        """Send with what else this turn says. Nobody waits: few pictures are on their way to a page."""
        loop = asyncio.get_running_loop()
        if isinstance(message, bytes):
            self.flush()
            self._write(message, binary=binary)
        else:
            if not self._texts:
                loop.call_soon(self.flush)
            self._texts.append(message)
        sent = loop.create_future()
        sent.set_result(None)
        return sent

    def flush(self) -> None:
        """Send now."""
        texts, self._texts = self._texts, []
        if texts:
            self._write(SEPARATOR.join(texts))


def send_at_once() -> None:
    """Switch Nagle's algorithm off on Bokeh's websockets: a small message would wait until the one
    before has been acknowledged.
    """
    if getattr(WSHandler, "sends_at_once", False):
        return
    opened = WSHandler.open

    def open_at_once(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.set_nodelay(True)
        return opened(self, *args, **kwargs)

    WSHandler.open = open_at_once
    WSHandler.sends_at_once = True


def join_frames() -> None:
    """Join the frames to every page whose own come joined."""
    if hasattr(WSHandler, "joins"):
        return
    WSHandler.joins = False
    take, send = WSHandler.on_message, WSHandler.send_message

    async def on_message(self: Any, frame: str | bytes) -> None:
        if isinstance(frame, bytes) or SEPARATOR not in frame:
            await take(self, frame)
            return
        if not self.joins and self.ws_connection is not None:
            self.joins = True
            self.ws_connection.write_message = Frames(self.ws_connection.write_message).write
        for text in frame.split(SEPARATOR, 2):
            # A part that is none has closed the connection.
            if self.ws_connection is not None:
                await take(self, text)

    async def send_message(self: Any, message: Message[Any]) -> None:
        if not (self.joins and message.msgtype == "OK"):
            await send(self, message)

    WSHandler.on_message, WSHandler.send_message = on_message, send_message


send_at_once()
join_frames()
