"""`start_ws`: one venue's live books from Python, without a market around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Self

from market_sim.engine import feed_module
from market_sim.errors import DataError
from market_sim.feeding.subscriptions import Subscription, read_wanted
from market_sim.orderbook import ExactLevel, OrderBook
from market_sim.protocols import PROTOCOLS

POLL_MS = 100
BATCH = 4096


class FeedSocket:
    """Live books of one venue, kept by a thread of the extension: read and stopped at any moment.

    `order_book(symbol)` is None unless the book is in step with the venue: what is shown is right.
    """

    def __init__(self, handle: Any, books: Sequence[Subscription]) -> None:
        self.books = list(books)
        self._handle = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def order_book(self, symbol: str | None = None, levels: int = 0) -> OrderBook | None:
        """The book as it is now, so many levels a side (0: all that is known); None unless it is live."""
        number = self._number(symbol)
        found = self._handle.book(number, levels)
        if found is None:
            return None
        book = self.books[number]
        bids, asks = (
            tuple(ExactLevel(ticks * book.tick, lots * book.lot) for ticks, lots in side)
            for side in found[3:5]
        )
        return OrderBook(bids, asks)

    def state(self, symbol: str | None = None) -> tuple[str, str]:
        """(connecting, syncing, live, stale, resyncing, failed or stopped; the reason in words)."""
        state, reason = self._handle.state(self._number(symbol))
        return state, reason

    def poll(self, timeout_ms: int = 0) -> list[tuple[Any, ...]]:
        """Events since the last call, in order, as `FeedHandle.poll` gives them: whole ticks and lots."""
        return list(self._handle.poll(BATCH, timeout_ms))

    def stats(self) -> dict[str, Any]:
        """Counters of the connection and of every book."""
        return dict(self._handle.stats())

    def stop(self) -> None:
        """End the connection, within a second; nothing happens the second time."""
        self._handle.stop()

    def _number(self, symbol: str | None) -> int:
        if symbol is None and len(self.books) == 1:
            return 0
        for number, book in enumerate(self.books):
            if symbol in (book.symbol, book.instrument):
                return number
        names = ", ".join(book.instrument for book in self.books)
        raise DataError(f"no book of {symbol}", "start_ws", remedy=f"There are {names}.")


def start_ws(
    url: str,
    symbols: Sequence[str] = ("BTC/USD",),
    *,
    protocol: str | None = None,
    grid: tuple[str, str] | None = None,
    rest_url: str | None = None,
    depth: int | None = None,
    settings: Mapping[str, int] | None = None,
    blocking: bool = False,
) -> FeedSocket:
    """Follow live order books at a WebSocket address; gives a handle to read and to stop.

    `protocol` (binance, kraken, coinbase, okx, bybit) is read off a known exchange's address. `symbols` are
    BASE/QUOTE. `grid` is (tick, lot) for all of them; without it the venue is asked over REST. With
    `blocking` it returns when the connection has ended: by Ctrl-C, which stops it, or by failure.

    Needs the native extension: EngineError says how to build it. DataError for what it cannot follow.
    """
    module = feed_module()
    spoken = protocol or _protocol_of(url)
    if spoken not in PROTOCOLS:
        raise DataError(f"unknown protocol {spoken!r}", "start_ws", remedy=f"Choose {', '.join(PROTOCOLS)}.")
    names = [symbols] if isinstance(symbols, str) else list(symbols)
    books = [_subscription(module, spoken, name, grid, rest_url) for name in names]
    try:
        handle = module.FeedHandle(
            [book.row for book in books],
            ws_urls={spoken: url},
            rest_urls=None if rest_url is None else {spoken: rest_url},
            depth=depth,
            settings=settings,
        )
    except ValueError as error:
        raise DataError(str(error), "start_ws") from error
    socket = FeedSocket(handle, books)
    if blocking:
        _stay(socket)
    return socket


def _protocol_of(url: str) -> str:
    for name in PROTOCOLS:
        if name in url.lower():
            return name
    # Its path or query can hold what nobody else should see, so the address is not repeated.
    raise DataError(
        "it is open which protocol that address speaks",
        "start_ws",
        remedy=f"Say protocol=, one of {', '.join(PROTOCOLS)}.",
    )


def _subscription(
    module: Any, protocol: str, name: str, grid: tuple[str, str] | None, rest_url: str | None
) -> Subscription:
    wanted = read_wanted(f"{protocol}:{name}")
    if grid is None:
        try:
            grid = module.fetch_instrument(wanted.venue, wanted.symbol, rest_url)
        except (ValueError, OSError, RuntimeError) as error:
            raise DataError(
                f"{protocol} does not say tick and lot of {name} ({error})",
                "start_ws",
                remedy='Say them, as in grid=("0.1", "0.00000001").',
            ) from error
    return Subscription(*wanted[:4], Decimal(grid[0]), Decimal(grid[1]))


def _stay(socket: FeedSocket) -> None:
    try:
        while any(socket.state(book.symbol)[0] not in ("failed", "stopped") for book in socket.books):
            socket.poll(POLL_MS)
    except KeyboardInterrupt:
        pass
    finally:
        socket.stop()
