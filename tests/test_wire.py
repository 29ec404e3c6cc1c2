"""Frames between server and page are joined once the page joins its own; messages are the same."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.protocol import Protocol
from bokeh.server.views.ws import WSHandler

from app.wire import SEPARATOR, Frames


class Socket(WSHandler):
    """A handler without a request: what it takes and what it writes, by frame."""

    def __init__(self) -> None:
        self.frames: list[str | bytes] = []
        self.taken: list[Any] = []
        self.ws_connection = SimpleNamespace(
            write_message=lambda message, binary=False: self.frames.append(message)
        )

    async def write(self, *messages: str | bytes) -> None:
        for message in messages:
            await self.ws_connection.write_message(message, binary=isinstance(message, bytes))

    async def _receive(self, fragment: str | bytes) -> None:
        self.taken.append(fragment)


def test_texts_of_one_turn_are_one_frame_and_bytes_stay_alone_in_their_order() -> None:
    sent: list[str | bytes] = []

    async def turns() -> None:
        frames = Frames(lambda message, binary=False: sent.append(message))
        for message in ("a", "b", b"1", "c"):
            await frames.write(message, binary=isinstance(message, bytes))
        await asyncio.sleep(0)
        await frames.write("d")
        await asyncio.sleep(0)

    asyncio.run(turns())
    assert sent == [f"a{SEPARATOR}b", b"1", "c", "d"]


def test_a_page_that_joins_its_frames_is_understood_and_gets_joined_ones() -> None:
    async def talk() -> Socket:
        socket = Socket()
        await socket.on_message(SEPARATOR.join(("header", "metadata", "content")))
        await socket.write("x", "y")
        await asyncio.sleep(0)
        return socket

    socket = asyncio.run(talk())
    assert socket.taken == ["header", "metadata", "content"]
    assert socket.frames == [f"x{SEPARATOR}y"]


def test_what_is_no_message_closes_the_connection_and_the_rest_is_left() -> None:
    async def talk() -> Socket:
        socket = Socket()

        async def refuse(fragment: str | bytes) -> None:
            socket.taken.append(fragment)
            socket.ws_connection = None

        socket._receive = refuse
        await socket.on_message(SEPARATOR * 1000)
        return socket

    assert asyncio.run(talk()).taken == [""]


def test_a_client_that_does_not_join_gets_every_frame_by_itself() -> None:
    async def talk() -> Socket:
        socket = Socket()
        socket.ws_connection.write_message = written(socket)
        for part in ("header", "metadata", "content"):
            await socket.on_message(part)
        await socket.write("x", "y")
        return socket

    socket = asyncio.run(talk())
    assert socket.taken == ["header", "metadata", "content"]
    assert socket.frames == ["x", "y"]


def written(socket: Socket) -> Any:
    async def write_message(message: str | bytes, binary: bool = False) -> None:
        socket.frames.append(message)

    return write_message


@pytest.mark.parametrize("joins", [True, False])
def test_word_that_a_change_has_arrived_goes_only_to_who_may_wait_for_it(
    joins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = Socket()
    socket.joins = joins
    said: list[str] = []

    async def send(message: Any, connection: Any) -> None:
        said.append(message.msgtype)

    for msgtype in ("OK", "ERROR"):
        message = Protocol().create(msgtype, "1", *(["why"] if msgtype == "ERROR" else []))
        monkeypatch.setattr(type(message), "send", send)
        asyncio.run(socket.send_message(message))
    assert said == (["ERROR"] if joins else ["OK", "ERROR"])


def test_no_message_holds_the_separator() -> None:
    text = f"a{SEPARATOR}b"
    assert SEPARATOR not in json.dumps(text)
    message = Protocol().create("ERROR", "1", text)
    assert SEPARATOR not in message.header_json + message.metadata_json + message.content_json
