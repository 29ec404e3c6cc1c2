"""What every protocol's session has in common: one client's connection, and what it is told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from market_sim.exchange.board import Board, Moved, Quoted, Trade, Window

Answer = tuple[int, Any]
"""Status and JSON of an answer over HTTP."""


class Closing(Exception):
    """The exchange ends the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Session:
    """One connection. Every method gives the messages to send, in order."""

    def __init__(self, board: Board, path: str) -> None:
        self.board = board
        self.path = path
        self.opened_ns = self.heard_ns = time.monotonic_ns()

    @property
    def subscribed(self) -> bool:
        """Whether it has asked for any market data."""
        raise NotImplementedError

    def opened(self) -> list[str]:
        """What is said on connecting."""
        return []

    def heard(self, text: str) -> list[str]:
        """Answers to a message of the client."""
        raise NotImplementedError

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """A window of a book has changed."""
        raise NotImplementedError

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """A trade has happened."""
        raise NotImplementedError

    def second(self) -> list[str]:
        """Called every second: heartbeats. Raises Closing where the exchange would give up the client."""
        return []

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """An answer over HTTP; None where the path is none of the protocol's."""
        return None


def dump(message: Any) -> str:
    """A message as exchanges write it: without spaces."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def load(text: str) -> Any:
    """The JSON of a client's message; None for anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def now_ms() -> int:
    """The exchange's clock, which is this machine's."""
    return time.time_ns() // 1_000_000


def now_text() -> str:
    """The same clock as RFC 3339 with microseconds."""
    return datetime.fromtimestamp(time.time_ns() / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
