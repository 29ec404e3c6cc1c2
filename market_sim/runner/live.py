"""A live feed as what a runner runs: the market of a feed session, at the pace of the world."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from market_sim.errors import DataError, EngineError
from market_sim.runner.commands import Action, End, MarketRequest
from market_sim.runner.frames import BookStatus, FeedStatus, MarketInfo
from market_sim.runner.source import MarketSource, watched

if TYPE_CHECKING:
    from market_sim.feeding import FeedSession

BOOKS = 4
PATIENCE_S = 8.0
"""How long a page waits for the first live book before it says that there is none."""
RECORD_MB = 512
"""The largest capture a page may write, unless MARKET_SIM_RECORD_MB says otherwise."""
MB = 1_000_000
SIZE_EVERY_S = 1.0


def open_live(request: MarketRequest) -> LiveSource:
    """A market on the live books of a request, with its guests, connecting. DataError in words."""
    from market_sim.feeding import open_feed
    from market_sim.runner.guests import seats_of, with_guests

    if len(request.books) > BOOKS:
        raise DataError(f"{len(request.books)} books at once", "feed", remedy=f"Take up to {BOOKS}.")
    limit = record_limit_mb() * MB
    path = None if request.record is None else _capture(request.record)
    session = open_feed(
        request.books,
        request.scenario,
        seed=request.seed,
        engine=request.engine,
        overrides=[*request.changes, *watched()],
        shipped_only=True,
        record=path,
        adapt=lambda plan: with_guests(plan, request),
    )
    return LiveSource(session, seats_of(session.market.config), path, limit)


def record_limit_mb() -> int:
    """The largest capture in MB; EngineError if the environment's number is none."""
    text = os.environ.get("MARKET_SIM_RECORD_MB", str(RECORD_MB))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EngineError(f"{text!r} is no size", "MARKET_SIM_RECORD_MB", "Give megabytes above 0.")
    return int(text)


def _capture(folder: Path) -> Path:
    """A file that does not exist yet; the folder is the server's, the name is made here."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise DataError(
            "nothing can be written into the folder of recordings",
            "feed",
            remedy="Connect without recording, or make the server's MARKET_SIM_DATA writable.",
        )
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return folder / f"live-{moment}-{os.getpid()}.msfeed"


class LiveSource(MarketSource):
    """A market that live books feed. Time passes by itself: nothing holds, hurries or steps it."""

    def __init__(self, session: FeedSession, seats: list[str], path: Path | None, limit_bytes: int) -> None:
        super().__init__(session.market, session.origin, seats)
        self._session = session
        self._path, self._limit_bytes = path, limit_bytes
        self._deadline = time.monotonic() + PATIENCE_S
        self._next_size = 0.0
        self._recorded = 0
        session.begin()

    def info(self) -> MarketInfo:
        """What stays the same while it runs."""
        recording = "" if self._path is None else str(self._path)
        return replace(super().info(), live=True, recording=recording)

    def follow(self) -> None:
        """Run to what has come; DataError where no book is live in time, or of a capture too large."""
        flow: Any = self._session.flow
        self._market.step_to(min(flow.pump(0), self._market.end_ns))
        now = time.monotonic()
        if not flow.mirror.ever_live and now > self._deadline:
            causes = self._session.causes()
            self.close()
            raise DataError(
                f"no live book within {PATIENCE_S:g} s: {causes}",
                "feed",
                remedy="Check the network and the symbols of the venue, then connect again.",
            )
        if now >= self._next_size:
            self._next_size = now + SIZE_EVERY_S
            self._measure()

    def _measure(self) -> None:
        if self._path is None:
            return
        with suppress(OSError):
            self._recorded = self._path.stat().st_size
        if self._recorded > self._limit_bytes:
            self.close()
            raise DataError(
                f"the capture has reached {self._recorded / MB:,.0f} MB and the session was ended",
                self._path.name,
                remedy="It is whole up to here. MARKET_SIM_RECORD_MB allows more.",
            )

    def feed(self) -> FeedStatus:
        """How the books and their connections are."""
        flow: Any = self._session.flow
        stats = flow.handle.stats()
        rows = zip(flow.books, flow.mirror.stories, stats["subscriptions"], strict=True)
        return FeedStatus(
            tuple(
                _status(book, story, row, stats["venues"].get(book.venue, {})) for book, story, row in rows
            ),
            self._recorded,
        )

    def act(self, command: Action) -> tuple[str, int | None]:
        """Carry out a command from outside; the end disconnects."""
        if isinstance(command, End):
            self.close()
            self._measure()
            return "Disconnected: the books are closed, open orders are cancelled, accounts stand.", None
        return super().act(command)

    def close(self) -> None:
        """Stop the sockets, finish the capture, end the market."""
        self._session.close()
        self._look_now = True


def _status(book: Any, story: Any, row: dict[str, Any], venue: dict[str, Any]) -> BookStatus:
    latency_ns = row["latency_ns"]
    return BookStatus(
        book=f"{book.place}:{book.instrument}",
        state=row["state"],
        reason=str(row["reason"] or venue.get("last_error") or ""),
        gaps=row["gaps"],
        resyncs=row["resyncs"],
        reconnects=venue.get("disconnects", 0),
        dropped=story.dropped + venue.get("dropped", 0),
        checksums=(row["checksum_ok"], row["checksum_bad"]),
        messages=venue.get("received", 0),
        messages_per_s=venue.get("messages_per_s", 0.0),
        latency_ms=None if latency_ns is None else latency_ns / 1e6,
    )
