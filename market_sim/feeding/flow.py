"""The two sources of a feed's events: sockets, and the capture of what they brought."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from market_sim.engine import feed_module
from market_sim.errors import DataError, EngineError
from market_sim.feeding.mirror import Event, Mirror
from market_sim.feeding.subscriptions import Subscription
from market_sim.protocols.symbols import split_symbol
from market_sim.units import SECOND_NS

BATCH = 4096
FIRST_EVENT_MS = 5_000
WAIT_MS = 20
END_OF_TIME_NS = 2**62


class CapturedFlow:
    """A session's capture, pushed ahead of the kernel; ends with its last record."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        self._reader, self.books = open_reader(self.path)
        self._waiting: list[Event] = self._reader.read(BATCH)
        if not self._waiting:
            raise DataError("the capture holds no event", self.path, remedy="Record a session with --record.")
        self.mirror = Mirror(self.books, _epoch_ns(self._waiting[0]))
        self._safe_ns = -1
        self._ended = False

    def bind(self, kernel: Any, listings: dict[tuple[str, str], int]) -> None:
        """See `Mirror.bind`."""
        self.mirror.bind(kernel, listings)

    @property
    def end_ns(self) -> int | None:
        """Kernel time of the last record; None while there is more to push."""
        return self.mirror.last_ns if self._ended else None

    @property
    def torn_bytes(self) -> int:
        """Bytes at the end of the file that are no whole record."""
        return int(self._reader.torn_bytes) if self._ended else 0

    @property
    def breaks_off(self) -> bool:
        """Whether the file, read to where it stops, has no end: its writer was killed, or it was cut."""
        return self._ended and not self._reader.clean

    def fill(self, until_ns: int) -> int:
        """Push a batch, or all up to `until_ns`; gives the time the kernel may now run to."""
        while until_ns > self._safe_ns and not self._ended:
            for event in self._waiting:
                self.mirror.take(event)
            self._waiting = self._reader.read(BATCH)
            if self._waiting:
                self._safe_ns = self._waiting[0][1] - self.mirror.epoch_ns - 1
                return min(until_ns, self._safe_ns)
            self._ended, self._safe_ns = True, END_OF_TIME_NS
        return min(until_ns, self._safe_ns)


class LiveFlow:
    """Sockets, pushed as they speak: the kernel never runs ahead of what could still arrive.

    `fill` waits for wall-clock time to come, so a market on it runs at the speed of the world.
    """

    def __init__(
        self,
        books: Sequence[Subscription],
        *,
        ws_urls: Mapping[str, str] | None = None,
        rest_urls: Mapping[str, str] | None = None,
        depth: int | None = None,
        record: str | Path | None = None,
        settings: Mapping[str, int] | None = None,
        handle: Any = None,
    ) -> None:
        self.books = list(books)
        self.record = None if record is None else str(record)
        self.handle = (
            handle
            if handle is not None
            else _connect([book.row for book in books], ws_urls, rest_urls, depth, self.record, settings)
        )
        self._waiting: list[Event] = self.handle.poll(BATCH, FIRST_EVENT_MS)
        if not self._waiting:
            self.handle.stop()
            raise EngineError("the connector did not begin", "feed", "This is a bug; please report it.")
        self.mirror = Mirror(self.books, _epoch_ns(self._waiting[0]))
        self._safe_ns = -1
        self._ended = False

    def bind(self, kernel: Any, listings: dict[tuple[str, str], int]) -> None:
        """See `Mirror.bind`."""
        self.mirror.bind(kernel, listings)

    @property
    def end_ns(self) -> int | None:
        """Kernel time of the last record once the session has been stopped, else None."""
        return self.mirror.last_ns if self._ended else None

    def fill(self, until_ns: int) -> int:
        """Push what has come; gives the time up to which nothing more can come, waiting for it a little."""
        if until_ns > self._safe_ns and not self._ended:
            self.pump(WAIT_MS)
        return min(until_ns, self._safe_ns)

    def pump(self, wait_ms: int) -> int:
        """Push what has come, waiting so long for the first; gives the kernel time that is safe."""
        wait = wait_ms
        while True:
            events, self._waiting = self._waiting or self.handle.poll(BATCH, wait), []
            for event in events:
                self.mirror.take(event)
            wait = 0
            horizon_ns = self.handle.horizon_ns()
            if horizon_ns is not None:
                self._safe_ns = max(self._safe_ns, horizon_ns - self.mirror.epoch_ns)
                return self._safe_ns

    def finish(self) -> int:
        """Stop the sockets and push what they still brought; gives the kernel time of the end."""
        if not self._ended:
            self.handle.stop()
            while events := self._waiting or self.handle.poll(BATCH, 0):
                self._waiting = []
                for event in events:
                    self.mirror.take(event)
            self._ended, self._safe_ns = True, END_OF_TIME_NS
        return self.mirror.last_ns


def open_reader(path: str) -> tuple[Any, list[Subscription]]:
    """The reader of a capture, and the books it holds. DataError for what is no capture."""
    try:
        reader = feed_module().CaptureReader(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot be read as the capture of a live session ({error})", path, remedy="Check the path."
        ) from error
    return reader, [_subscription(entry) for entry in json.loads(reader.header)["subscriptions"]]


def _connect(
    rows: list[tuple[str, str, str, str]],
    ws_urls: Mapping[str, str] | None,
    rest_urls: Mapping[str, str] | None,
    depth: int | None,
    record: str | None,
    settings: Mapping[str, int] | None,
) -> Any:
    try:
        return feed_module().FeedHandle(
            rows, ws_urls=ws_urls, rest_urls=rest_urls, depth=depth, capture=record, settings=settings
        )
    except FileExistsError as error:
        raise DataError(
            "the file exists already", record or "", remedy="A capture is never written over: name another."
        ) from error
    except ValueError as error:
        raise DataError(str(error), "feed") from error


def _epoch_ns(first: Event) -> int:
    # Agents begin at time 0, the second in which the first record was made: before it, never after.
    return int(first[1]) // SECOND_NS * SECOND_NS


def _subscription(entry: Mapping[str, str]) -> Subscription:
    base, quote = split_symbol(entry["symbol"])
    return Subscription(
        entry["venue"], entry["symbol"], base, quote, Decimal(entry["tick"]), Decimal(entry["lot"])
    )
