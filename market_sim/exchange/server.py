"""The server: sockets and HTTP on one port, one session a connection, one market for all of them."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from market_sim.errors import MarketSimError
from market_sim.exchange.binance import BinanceSession
from market_sim.exchange.board import Board, Depth, Event
from market_sim.exchange.bybit import BybitSession
from market_sim.exchange.coinbase import CoinbaseSession
from market_sim.exchange.kraken import KrakenSession
from market_sim.exchange.okx import OkxSession
from market_sim.exchange.plays import Play
from market_sim.exchange.session import Answer, Closing, Session

SESSIONS: dict[str, type[Session]] = {
    "binance": BinanceSession,
    "kraken": KrakenSession,
    "coinbase": CoinbaseSession,
    "okx": OkxSession,
    "bybit": BybitSession,
}
LOOPBACK = "127.0.0.1"
# A client this far behind is cut off, as exchanges do; at no limit of speed the market waits for it instead.
OUTBOX_MESSAGES = 10_000
OUTBOX_FULL_SPEED = 500
PING_S = 20
CLOSE_S = 0.5
# Symbols of a capture begin within moments of each other; one that never does is not waited for.
PRIMED_NS = 5_000_000_000

logger = logging.getLogger("market_sim.exchange")

Action = Callable[[ServerConnection], Awaitable[None]]


class Interference:
    """What the test suite puts between an exchange and its clients. This one lets everything through."""

    def connecting(self, number: int, request: Request) -> Response | None:
        """An answer in place of a WebSocket for connection `number` (from 1)."""
        return None

    def outgoing(self, number: int, message: str) -> Iterable[str | bytes | Action]:
        """What is sent in place of a message; an action is awaited with the connection."""
        return (message,)

    def answer(self, path: str, answer: Answer) -> Answer | Response:
        """What HTTP gives in place of an answer."""
        return answer


class _Client:
    """A connection with its session and what is still to be sent to it."""

    def __init__(self, number: int, socket: ServerConnection, session: Session) -> None:
        self.number = number
        self.socket = socket
        self.session = session
        self.outbox: deque[str] = deque()
        self.ready = asyncio.Event()
        self.closing: Closing | None = None

    def post(self, messages: Iterable[str]) -> None:
        """Queue messages."""
        self.outbox.extend(messages)
        self.ready.set()

    def give_up(self, closing: Closing) -> None:
        """Close as soon as the writer gets to it."""
        self.closing = closing
        self.ready.set()


class Exchange:
    """A market served under one protocol. `speed` is market seconds a second, None as fast as clients read.

    The market begins when the first client has subscribed. `async with exchange.open():` serves it until
    left; `with exchange.in_thread():` does so beside other Python code. `ended` tells that the market is
    over; its last book stays on show.
    """

    def __init__(
        self,
        play: Play,
        protocol: str,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        speed: float | None = 1.0,
        interference: Interference | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        if protocol not in SESSIONS:
            raise MarketSimError(
                f"unknown protocol {protocol!r}", "exchange", f"Choose {', '.join(SESSIONS)}."
            )
        self.protocol = protocol
        self.board: Board = play.board
        self.host = host
        self.port = port
        self.speed = speed
        self.connections = 0
        self.requests = 0
        self.messages = 0
        self.ended = threading.Event()
        self.failure: BaseException | None = None
        self._happenings = play.events()
        self._session = SESSIONS[protocol]
        self._interference = interference or Interference()
        self._tls = tls
        self._clients: set[_Client] = set()
        self._begun = asyncio.Event()

    @property
    def url(self) -> str:
        """Where clients connect to; any path is taken by protocols that have none."""
        path = {"binance": "", "kraken": "/v2", "okx": "/ws/v5/public", "bybit": "/v5/public/spot"}
        return f"{'wss' if self._tls else 'ws'}://{self.host}:{self.port}{path.get(self.protocol, '')}"

    @property
    def rest_url(self) -> str:
        """Where its answers over HTTP are."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Exchange]:
        """Serve; gives itself with its port."""
        async with serve(
            self._serve,
            self.host,
            self.port,
            ssl=self._tls,
            process_request=self._on_request,
            ping_interval=PING_S,
            close_timeout=CLOSE_S,
            compression=None,
            max_queue=64,
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            tasks = [asyncio.create_task(self._run_market()), asyncio.create_task(self._beat())]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                # Nobody waits for a client's goodbye.
                for client in list(self._clients):
                    client.socket.transport.abort()

    @contextmanager
    def in_thread(self) -> Iterator[Exchange]:
        """Serve from a thread of its own, until left."""
        ready, leave = threading.Event(), asyncio.Event()
        loop = asyncio.new_event_loop()

        async def stay() -> None:
            async with self.open():
                ready.set()
                await leave.wait()

        def work() -> None:
            try:
                loop.run_until_complete(stay())
            except BaseException as error:
                self.failure = error
                ready.set()
            finally:
                loop.close()

        thread = threading.Thread(target=work, name="exchange", daemon=True)
        thread.start()
        ready.wait()
        try:
            if self.failure is not None:
                raise self.failure
            yield self
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(leave.set)
            thread.join()

    # -- connections

    async def _on_request(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._http(request)
        self.connections += 1
        # The handshake may be refused; the number is kept for the connection that follows it.
        socket.number = self.connections  # type: ignore[attr-defined]
        return self._interference.connecting(self.connections, request)

    def _http(self, request: Request) -> Response:
        self.requests += 1
        parts = urlsplit(request.path)
        answer = self._session.answer(self.board, parts.path, dict(parse_qsl(parts.query)))
        told = self._interference.answer(request.path, answer or (404, {"error": f"no {parts.path} here"}))
        return told if isinstance(told, Response) else json_response(*told)

    async def _serve(self, socket: ServerConnection) -> None:
        path = socket.request.path if socket.request is not None else "/"
        number: int = socket.number  # type: ignore[attr-defined]
        client = _Client(number, socket, self._session(self.board, path))
        self._clients.add(client)
        writer = asyncio.create_task(self._write(client))
        client.post(client.session.opened())
        self._begin_with(client)
        try:
            async for message in socket:
                client.session.heard_ns = time.monotonic_ns()
                text = message if isinstance(message, str) else message.decode("utf-8", "replace")
                client.post(client.session.heard(text))
                self._begin_with(client)
        except ConnectionClosed:
            pass
        finally:
            self._clients.discard(client)
            writer.cancel()

    def _begin_with(self, client: _Client) -> None:
        if client.session.subscribed:
            self._begun.set()

    async def _write(self, client: _Client) -> None:
        try:
            while True:
                await client.ready.wait()
                client.ready.clear()
                while client.outbox:
                    message = client.outbox.popleft()
                    for part in self._interference.outgoing(client.number, message):
                        if callable(part):
                            await part(client.socket)
                        else:
                            await client.socket.send(part)
                    self.messages += 1
                if client.closing is not None:
                    await client.socket.close(client.closing.code, client.closing.reason)
                    return
        except ConnectionClosed:
            pass

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1)
            for client in list(self._clients):
                try:
                    client.post(client.session.second())
                except Closing as closing:
                    client.give_up(closing)

    # -- the market

    async def _run_market(self) -> None:
        try:
            first_ns = self._prime()
            await self._begun.wait()
            began = time.monotonic()
            for time_ns, events in self._happenings:
                if self.speed is None:
                    await self._let_clients_read()
                else:
                    due = began + (time_ns - first_ns) / 1e9 / self.speed
                    # Also where it is late: clients have to be heard between two updates.
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                for event in events:
                    self._publish(event)
            logger.info("the market is over; its last book stays on show")
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failure = error
            logger.exception("the market behind the exchange failed")
        finally:
            self.ended.set()

    def _prime(self) -> int:
        """Play until every symbol has a book, so that nobody's first snapshot is empty; gives the time."""
        first_ns = time_ns = None
        for time_ns, events in self._happenings:
            first_ns = time_ns if first_ns is None else first_ns
            for event in events:
                self._publish(event)
            shown = all(quoted.bids or quoted.asks for quoted in self.board.symbols.values())
            if shown or time_ns > first_ns + PRIMED_NS:
                break
        return time_ns or 0

    async def _let_clients_read(self) -> None:
        await asyncio.sleep(0)
        while any(len(client.outbox) > OUTBOX_FULL_SPEED for client in self._clients):
            await asyncio.sleep(0.001)

    def _publish(self, event: Event) -> None:
        quoted = self.board.symbols[event.symbol]
        if isinstance(event, Depth):
            for window, moved in quoted.apply(event):
                for client in self._clients:
                    client.post(client.session.moved(quoted, window, moved))
        else:
            quoted.trades += 1
            for client in self._clients:
                client.post(client.session.traded(quoted, event))
        for client in self._clients:
            if self.speed is not None and len(client.outbox) > OUTBOX_MESSAGES:
                client.outbox.clear()
                client.give_up(Closing(1008, "too slow: messages were not read"))


def json_response(status: int, body: object, **headers: str) -> Response:
    """An HTTP answer with a JSON body."""
    data = json.dumps(body, separators=(",", ":")).encode()
    told = Headers(
        {"Content-Type": "application/json", "Content-Length": str(len(data)), "Connection": "close"}
    )
    for name, value in headers.items():
        told[name.replace("_", "-")] = value
    return Response(status, HTTPStatus(status).phrase, told, data)
