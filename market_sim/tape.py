"""What happened in a market, as tables: trades, quotes, orders, queues, drained from the kernel into Polars
frames.

In memory the rows stay integers; beyond a limit they go to Parquet files in a folder. Names, prices and times
are added when somebody reads a table.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

TABLES = ("trades", "quotes", "orders", "queues")
FRESH_TRADES_KEPT = 1000
#: Frames join up to so many rows: while two of them do, their rows stand in memory twice.
MOST_JOINED_ROWS = 500_000
FRESH_COLUMNS = (
    "time_ns",
    "listing",
    "price",
    "size",
    "aggressor",
    "maker",
    "maker_counter",
    "taker",
    "taker_counter",
)

_RAW = {
    "trades": {
        "time_ns": pl.Int64,
        "listing": pl.UInt32,
        "price": pl.Int64,
        "size": pl.Int64,
        "aggressor": pl.UInt8,
        "maker": pl.UInt32,
        "maker_counter": pl.UInt32,
        "taker": pl.UInt32,
        "taker_counter": pl.UInt32,
        "match_id": pl.UInt64,
        "maker_fee": pl.Int64,
        "taker_fee": pl.Int64,
    },
    "quotes": {
        "time_ns": pl.Int64,
        "listing": pl.UInt32,
        "bid": pl.Int64,
        "bid_lots": pl.Int64,
        "ask": pl.Int64,
        "ask_lots": pl.Int64,
    },
    "orders": {
        "time_ns": pl.Int64,
        "sent_ns": pl.Int64,
        "kind": pl.UInt8,
        "reason": pl.UInt8,
        "listing": pl.UInt32,
        "agent": pl.UInt32,
        "counter": pl.UInt32,
        "side": pl.UInt8,
        "price": pl.Int64,
        "size": pl.Int64,
        "leaves": pl.Int64,
        "fee": pl.Int64,
        "flags": pl.UInt8,
        "order_type": pl.UInt8,
        "tif": pl.UInt8,
        "queue_ahead": pl.Int64,
    },
    "queues": {
        "time_ns": pl.Int64,
        "listing": pl.UInt32,
        "agent": pl.UInt32,
        "counter": pl.UInt32,
        "ahead": pl.Int64,
        "cause": pl.UInt8,
    },
}

Columns = Mapping[str, Sequence[int]]


class Tape:
    """Tables of integer rows, in memory up to `limit_rows` together, then in Parquet files.

    With `recent_only` the oldest rows are dropped instead: a market on show goes on for days.
    """

    def __init__(self, limit_rows: int) -> None:
        self._limit_rows = limit_rows
        self.recent_only = False
        #: Called with the columns of every batch of trades.
        self.on_trades: Callable[[Columns], None] | None = None
        self._frames: dict[str, list[pl.DataFrame]] = {table: [] for table in TABLES}
        self._files: dict[str, list[Path]] = {table: [] for table in TABLES}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._rows_in_memory = 0
        self._fresh: deque[tuple[int, ...]] | None = None

    @property
    def spilled(self) -> bool:
        """True once rows have gone to disk."""
        return self._folder is not None

    def collect(self, kernel: Any) -> None:
        """Take over what the kernel has recorded since the last time."""
        for table, columns in kernel.drain_tape().items():
            rows = len(columns["time_ns"])
            if rows == 0:
                continue
            if table == "trades":
                if self._fresh is not None:
                    self._note_fresh(columns)
                if self.on_trades is not None:
                    self.on_trades(columns)
            self._append(table, pl.DataFrame(dict(columns), schema_overrides=_RAW[table]))
            self._rows_in_memory += rows
        if self._rows_in_memory > self._limit_rows:
            if self.recent_only:
                self._shed()
            else:
                self._spill()

    def _append(self, table: str, frame: pl.DataFrame) -> None:
        frames = self._frames[table]
        frames.append(frame)
        # A watched market is drained many times a second: frames of like size join, so that few are kept and
        # no row is copied often.
        while len(frames) > 1 and frames[-2].height <= frames[-1].height:
            if frames[-2].height + frames[-1].height > MOST_JOINED_ROWS:
                break
            newest = frames.pop()
            frames[-1] = pl.concat([frames[-1], newest], rechunk=True)

    def _note_fresh(self, columns: Columns) -> None:
        assert self._fresh is not None
        newest = pl.DataFrame({name: columns[name][-FRESH_TRADES_KEPT:] for name in FRESH_COLUMNS})
        self._fresh.extend(newest.rows())

    def take_fresh_trades(self) -> list[tuple[int, ...]]:
        """The FRESH_COLUMNS of the newest trades since the last call; none on the first."""
        fresh = list(self._fresh or ())
        self._fresh = deque(maxlen=FRESH_TRADES_KEPT)
        return fresh

    def _shed(self) -> None:
        """Keep the newest rows, at most half of what is allowed."""
        kept = self._limit_rows // (2 * len(TABLES))
        for frames in self._frames.values():
            if frames:
                frames[:] = [pl.concat(frames).tail(kept)]
        self._rows_in_memory = sum(frames[0].height for frames in self._frames.values() if frames)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="market_sim_tape_")
        for table, frames in self._frames.items():
            # One after another, each let go before the next: written together they would need as much again.
            while frames:
                path = Path(self._folder.name) / f"{table}-{len(self._files[table]):05d}.parquet"
                frames.pop(0).write_parquet(path)
                self._files[table].append(path)
        self._rows_in_memory = 0

    def lazy(self, table: str) -> pl.LazyFrame:
        """A table of integer rows, in order of occurrence, without loading what lies on disk."""
        parts = [pl.scan_parquet(path) for path in self._files[table]]
        frames = self._frames[table]
        parts.extend(frame.lazy() for frame in frames)
        return pl.concat(parts) if parts else pl.LazyFrame(schema=_RAW[table])
