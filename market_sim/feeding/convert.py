"""The capture of a live session as Parquet, with a report of what it lost and where its clocks disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from market_sim.errors import DataError
from market_sim.feeding.flow import open_reader
from market_sim.feeding.mirror import Event
from market_sim.feeding.subscriptions import Subscription

BATCH = 4096
# A part of a table; a day of one book has some ten million rows.
ROWS_A_PART = 2_000_000
SHOWN_FAULTS = 20
SIDES = ("bid", "ask")
AGGRESSORS = ("buy", "sell")

_LEVELS: dict[str, Any] = {
    "time_ns": pl.Int64,
    "exchange_ns": pl.Int64,
    "book": pl.UInt16,
    "update": pl.Int64,
    "snapshot": pl.Boolean,
    "side": pl.UInt8,
    "price_ticks": pl.Int64,
    "size_lots": pl.Int64,
}
_TRADES: dict[str, Any] = {
    "time_ns": pl.Int64,
    "exchange_ns": pl.Int64,
    "book": pl.UInt16,
    "trade_id": pl.String,
    "aggressor": pl.UInt8,
    "price_ticks": pl.Int64,
    "size_lots": pl.Int64,
}
_EVENTS: dict[str, Any] = {
    "time_ns": pl.Int64,
    "book": pl.UInt16,
    "kind": pl.String,
    "what": pl.String,
    "reason": pl.String,
    "first_missing": pl.Int64,
    "last_missing": pl.Int64,
    "dropped": pl.Int64,
}


@dataclass(slots=True)
class _Story:
    """What one book of a capture holds."""

    updates: int = 0
    rows: int = 0
    snapshots: int = 0
    trades: int = 0
    faults_found: int = 0
    backward_stamps: int = 0
    negative_delays: int = 0
    latest_ns: dict[str, int] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)

    def stamp(self, kind: str, recv_ns: int, venue_ns: int | None) -> None:
        """Compare the two clocks of an event."""
        if venue_ns is None:
            return
        self.negative_delays += venue_ns > recv_ns
        self.backward_stamps += venue_ns < self.latest_ns.get(kind, venue_ns)
        self.latest_ns[kind] = max(venue_ns, self.latest_ns.get(kind, venue_ns))

    def fault(self, recv_ns: int, what: str) -> None:
        """Note something that was lost."""
        self.faults_found += 1
        if len(self.faults) < SHOWN_FAULTS:
            self.faults.append({"time_ns": recv_ns, "what": what})


class _Table:
    """Rows of one table, written in parts."""

    def __init__(
        self, folder: Path, name: str, schema: dict[str, Any], books: Sequence[Subscription]
    ) -> None:
        self.files: list[str] = []
        self._folder, self._name, self._schema, self._books = folder, name, schema, books
        self._rows: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        """One more row."""
        self._rows.append(row)
        if len(self._rows) >= ROWS_A_PART:
            self.flush()

    def flush(self) -> None:
        """Write what is there as one part; an empty table is one empty part."""
        if not self._rows and self.files:
            return
        frame = pl.DataFrame(self._rows, self._schema, orient="row").lazy()
        books = pl.LazyFrame(
            {
                "book": range(len(self._books)),
                "venue": [book.venue for book in self._books],
                "symbol": [book.symbol for book in self._books],
                "tick": [float(book.tick) for book in self._books],
                "lot": [float(book.lot) for book in self._books],
            },
            {
                "book": pl.UInt16,
                "venue": pl.String,
                "symbol": pl.String,
                "tick": pl.Float64,
                "lot": pl.Float64,
            },
        )
        frame = frame.join(books, on="book", how="left", maintain_order="left")
        if "price_ticks" in self._schema:
            price = (pl.col("price_ticks") * pl.col("tick")).alias("price")
            frame = frame.with_columns(price, (pl.col("size_lots") * pl.col("lot")).alias("size"))
        for column, names in (("side", SIDES), ("aggressor", AGGRESSORS)):
            if column in self._schema:
                words = pl.col(column).replace_strict(dict(enumerate(names)), return_dtype=pl.String)
                frame = frame.with_columns(words)
        path = self._folder / f"{self._name}-{len(self.files):05d}.parquet"
        frame.drop("book", "tick", "lot").collect().write_parquet(path)
        self.files.append(path.name)
        self._rows.clear()


def convert_capture(path: str | Path, out: str | Path) -> dict[str, Any]:
    """Write a session's capture (`.msfeed`) to a folder of Parquet files, and report its faults.

    `levels-*.parquet`: a row per level of every snapshot and diff (`time_ns`, the local receive stamp, and
    `exchange_ns`, both since 1970; `update`, which numbers the messages; `snapshot`; `side`; `price`, `size`,
    0 deletes; `price_ticks`, `size_lots`, exact; `venue`, `symbol`). `trades-*.parquet`: `trade_id` and
    `aggressor` (buy or sell). `events-*.parquet`: changes of state and gaps.

    Keys of the report: `folder`, `files`, `breaks_off` (the capture has no end: its writer was killed, or it
    was cut), `torn_bytes` (there, of a record that is not whole), `sources` (per book: `venue`,
    `symbol`, `tick`, `lot`, `rows`, `updates`, `snapshots`, `trades`, `faults_found`, `faults` (the first),
    `backward_stamps`, `negative_delays`, `notes`). Raises DataError for a folder that has files already, or
    what is no capture.
    """
    folder = Path(out)
    if folder.exists() and any(folder.iterdir()):
        raise DataError("the folder is not empty", str(folder), remedy="Name a new one.")
    reader, books = open_reader(str(path))
    folder.mkdir(parents=True, exist_ok=True)
    stories = [_Story() for _ in books]
    tables = {
        name: _Table(folder, name, schema, books)
        for name, schema in (("levels", _LEVELS), ("trades", _TRADES), ("events", _EVENTS))
    }
    number = 0
    while events := reader.read(BATCH):
        for event in events:
            number += 1
            _write(event, number, tables, stories[event[3]])
    for table in tables.values():
        table.flush()
    return {
        "folder": str(folder),
        "files": [name for table in tables.values() for name in table.files],
        "breaks_off": not reader.clean,
        "torn_bytes": int(reader.torn_bytes),
        "sources": [
            _told(book, story, folder, not reader.clean) for book, story in zip(books, stories, strict=True)
        ],
    }


def _write(event: Event, number: int, tables: dict[str, _Table], story: _Story) -> None:
    kind, recv_ns, venue_ns, sub = event[:4]
    story.stamp(kind, recv_ns, venue_ns)
    if kind in ("snapshot", "diff"):
        story.updates += 1
        story.snapshots += kind == "snapshot"
        story.rows += len(event[6])
        for level in zip(*event[6:9], strict=True):
            tables["levels"].add((recv_ns, venue_ns, sub, number, kind == "snapshot", *level))
    elif kind == "trade":
        story.trades += 1
        tables["trades"].add((recv_ns, venue_ns, sub, *event[4:8]))
    elif kind == "state":
        tables["events"].add((recv_ns, sub, kind, *event[4:6], None, None, 0))
    else:
        scope, reason, first, last, dropped = event[4:9]
        ids = f", ids {first} to {last}" if first is not None else ""
        story.fault(
            recv_ns, f"gap in the {scope}: {reason}{ids}" + (f", {dropped} dropped" if dropped else "")
        )
        tables["events"].add((recv_ns, sub, f"gap in {scope}", "", reason, first, last, dropped))


def _told(book: Subscription, story: _Story, folder: Path, breaks_off: bool) -> dict[str, Any]:
    names = (
        "rows",
        "updates",
        "snapshots",
        "trades",
        "faults_found",
        "backward_stamps",
        "negative_delays",
        "faults",
    )
    notes = []
    if story.faults_found:
        notes.append(f"{book.symbol}: its book is not known from each gap to the next snapshot.")
    if breaks_off:
        notes.append(f"{book.symbol}: the capture breaks off; what it has to its last whole record is here.")
    if story.negative_delays:
        notes.append(f"{book.symbol}: {story.negative_delays} messages were received before they were sent.")
    grid = {"tick": f"{book.tick:f}", "lot": f"{book.lot:f}"}
    counts = {name: getattr(story, name) for name in names}
    return {
        "venue": book.venue,
        "symbol": book.symbol,
        **grid,
        **counts,
        "notes": notes,
        "folder": str(folder),
    }
