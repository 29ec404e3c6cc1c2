"""Tardis CSV: incremental_book_L2 and trades of one spot symbol.

Source: Tardis.dev, "CSV datasets". Stamps are microseconds since 1970; `timestamp` is the exchange's,
`local_timestamp` the recorder's. Rows of one message share both. A run of rows with `is_snapshot` true is a
whole book: at the start, and again after every reconnect of the recorder, where something was lost between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import fspath
from typing import Any

import numpy as np
import polars as pl

from market_sim.engine import FlowKind
from market_sim.errors import DataError
from market_sim.records import FLOW, LAST, SNAPSHOT, STAMPED
from market_sim.replaying.blocks import blocks, first_line
from market_sim.replaying.capture import FilePath
from market_sim.replaying.columns import (
    MOST_LOTS,
    MOST_TICKS,
    decimals_in,
    never_backwards,
    numbers,
    refuse_derivatives,
    step_of,
)
from market_sim.replaying.rows import RowCounts, Rows, Terms

DEPTH_COLUMNS = (
    "exchange",
    "symbol",
    "timestamp",
    "local_timestamp",
    "is_snapshot",
    "side",
    "price",
    "amount",
)
TRADE_COLUMNS = ("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount")
# Whole days by these names are derivatives, which the name itself does not say.
DERIVATIVE_VENUES = frozenset(
    {"bybit", "bitmex", "deribit", "phemex", "ftx", "okex-swap", "binance-delivery"}
)
SILENCE_NS = 60 * 10**9
FORM = "Give Tardis CSV files incremental_book_L2 and trades of one spot symbol."


class TardisSource:
    """One file of Tardis: depth or trades, told apart by its columns. Both of a symbol feed one listing."""

    protocol = "tardis"

    def __init__(self, file: FilePath, clock: str, terms: Terms) -> None:
        self.files = [fspath(file)]
        self.counts = RowCounts()
        self.terms = terms
        self._clock = clock
        self._is_depth = _columns(file) == DEPTH_COLUMNS
        self.faults: list[dict[str, Any]] = []
        self._last = 0

    def last_ns(self) -> int:
        """The stamp of the last row, found by reading the end of the file."""
        if not self._last:
            for first, block in blocks(self.files[0]):
                self._last = int(_stamps(block, "local_timestamp", self.files[0], first).max())
        return self._last

    def batches(self) -> Iterator[Rows]:
        """The file as FLOW rows on the chosen clock; an update is one message."""
        rest: Rows | None = None
        latest, was_snapshot = 0, False
        for first, block in blocks(self.files[0]):
            rows, snapshot = self._rows(block, first)
            rows["time_ns"], moved = never_backwards(rows["time_ns"], latest)
            self._note_faults(rows, first, moved, latest)
            latest = int(rows["time_ns"][-1])
            if self._is_depth:
                was_snapshot = self._mark_updates(rows, snapshot, was_snapshot)
            else:
                rows["flags"] |= LAST
            if rest is not None:
                rows = np.concatenate([_closed(rest, rows), rows])
            # What ends the last message of a block is known with the next one.
            ends = np.flatnonzero(rows["flags"] & LAST)
            whole = int(ends[-1]) + 1 if len(ends) else 0
            rest = rows[whole:] if whole < len(rows) else None
            if whole:
                yield rows[:whole]
        if rest is not None:
            rest["flags"][-1] |= LAST
            yield rest

    def _rows(self, block: pl.DataFrame, first: int) -> tuple[Rows, np.ndarray[Any, Any]]:
        file = self.files[0]
        rows = np.zeros(len(block), FLOW)
        exchange = _stamps(block, "timestamp", file, first)
        local = _stamps(block, "local_timestamp", file, first)
        rows["exchange_ns"], rows["flags"] = exchange, STAMPED
        rows["time_ns"] = local if self._clock == "local" else exchange
        if self._clock == "venue":
            delay = local - exchange
            self.counts.negative_delays += int(np.count_nonzero(delay < 0))
            rows["delay_ns"] = np.maximum(delay, 0)
        tick, lot = float(self.terms.tick), float(self.terms.lot)
        price = numbers(block["price"], file, first, tick / 2, MOST_TICKS * tick)
        amount = numbers(block["amount"], file, first, most=MOST_LOTS * lot)
        empty = np.flatnonzero(np.isnan(price) | np.isnan(amount))
        if len(empty):
            raise DataError("price or amount is missing", file, first + int(empty[0]), FORM)
        rows["price"] = np.rint(price / float(self.terms.tick)).astype(np.int64)
        rows["size"] = np.rint(amount / float(self.terms.lot)).astype(np.int64)
        sides = block["side"].str.strip_chars().str.to_lowercase()
        words = ("bid", "ask") if self._is_depth else ("buy", "sell")
        known = sides.is_in(words if self._is_depth else [*words, "unknown"]).fill_null(False)
        if not known.all():
            at = int((~known).arg_true()[0])
            raise DataError(
                f"side is {block['side'][at]!r}; allowed: {', '.join(words)}", file, first + at, FORM
            )
        rows["side"] = (sides == words[1]).to_numpy()
        rows["kind"] = int(FlowKind.LEVEL if self._is_depth else FlowKind.TRADE)
        if not self._is_depth:
            sided = (sides != "unknown").to_numpy() & (rows["size"] > 0)
            dropped = len(rows) - int(sided.sum())
            self.counts.more["trades_without_side"] = self.counts.more.get("trades_without_side", 0) + dropped
            return rows[sided], sided[sided]
        return rows, (block["is_snapshot"].str.to_lowercase() == "true").to_numpy()

    def _mark_updates(self, rows: Rows, snapshot: np.ndarray[Any, Any], was_snapshot: bool) -> bool:
        """Ends of messages; a run of snapshot rows is one update, whatever its stamps."""
        same = (rows["exchange_ns"][1:] == rows["exchange_ns"][:-1]) & (
            rows["time_ns"][1:] == rows["time_ns"][:-1]
        )
        together = (same & (snapshot[1:] == snapshot[:-1])) | (snapshot[1:] & snapshot[:-1])
        rows["flags"][:-1][~together] |= LAST
        rows["flags"][snapshot] |= SNAPSHOT
        # All rows of an update have its last time: the book is known when its last row is.
        starts = np.flatnonzero(np.concatenate([[True], ~together]))
        ends = np.append(starts[1:], len(rows))
        for start, end in zip(starts[snapshot[starts]], ends[snapshot[starts]], strict=True):
            rows["time_ns"][start:end] = rows["time_ns"][end - 1]
            began = not (start == 0 and was_snapshot)
            self.counts.more["snapshots"] = self.counts.more.get("snapshots", 0) + began
        return bool(snapshot[-1])

    def _note_faults(self, rows: Rows, first: int, moved: int, latest: int) -> None:
        self.counts.backward_stamps += moved
        if moved:
            self.faults.append({"line": first, "fault": "backward stamps", "count": moved})
        times = rows["time_ns"]
        if not len(times):
            return
        steps = np.diff(np.concatenate([[latest or times[0]], times]))
        for at in np.flatnonzero(steps > SILENCE_NS):
            seconds = int(steps[at]) / 1e9
            self.faults.append({"line": first + int(at), "fault": "silence", "seconds": seconds})

    def notes(self) -> list[str]:
        """What the file cannot know."""
        more = self.counts.more
        told = [
            f"Tardis {'depth by price level' if self._is_depth else 'trades'} of {self.terms.symbol}: queues "
            "are synthesised from sizes by price; growth joins the back, trades take the front."
        ]
        if self._is_depth and more.get("snapshots", 0) > 1:
            told.append(
                f"The recorder reconnected {more['snapshots'] - 1} times; what happened meanwhile is lost."
            )
        if more.get("trades_without_side"):
            told.append(f"Trades without a side, left out: {more['trades_without_side']}.")
        return told


def _closed(rest: Rows, rows: Rows) -> Rows:
    """The open message of a block, ended unless the next block goes on with it."""
    first, last = rows[0], rest[-1]
    snapshots = bool(first["flags"] & SNAPSHOT) and bool(last["flags"] & SNAPSHOT)
    same = first["exchange_ns"] == last["exchange_ns"] and first["time_ns"] == last["time_ns"]
    if snapshots or (same and (first["flags"] ^ last["flags"]) & SNAPSHOT == 0):
        rest["time_ns"] = first["time_ns"]
    else:
        rest["flags"][-1] |= LAST
    return rest


def _stamps(block: pl.DataFrame, name: str, file: str, first: int) -> np.ndarray[Any, Any]:
    read = block[name].cast(pl.Int64, strict=False)
    wrong = (read.is_null() | (read < 10**14) | (read > 10**16)).fill_null(True).arg_true()
    if len(wrong):
        at = int(wrong[0])
        raise DataError(
            f"{name} is {block[name][at]!r}; microseconds since 1970 are expected", file, first + at, FORM
        )
    return read.to_numpy() * 1_000


def _columns(file: FilePath) -> tuple[str, ...]:
    return tuple(name.strip() for name in first_line(file).split(","))


def open_tardis(files: Sequence[FilePath], clock: str, options: Mapping[str, Any]) -> list[TardisSource]:
    """A source for each file, on the grid that all files of its symbol share. DataError for what is none."""
    grids: dict[tuple[str, str], tuple[int, int]] = {}
    places: list[tuple[FilePath, tuple[str, str]]] = []
    for file in files:
        name = fspath(file)
        columns = _columns(file)
        refuse_derivatives(columns, name)
        if columns not in (DEPTH_COLUMNS, TRADE_COLUMNS):
            raise DataError(
                f"columns {', '.join(columns)} are no book and no trades of Tardis", name, 1, FORM
            )
        place: tuple[str, str] | None = None
        for first, block in blocks(file):
            place = place or (block["exchange"][0], block["symbol"][0])
            if None in place:
                raise DataError("exchange or symbol is missing", name, first, FORM)
            own = ((block["exchange"] == place[0]) & (block["symbol"] == place[1])).fill_null(False)
            if not own.all():
                line = first + int((~own).arg_true()[0])
                raise DataError("rows of several symbols", name, line, "Split the file: one symbol a file.")
            price, amount = grids.get(place, (0, 0))
            grids[place] = (
                decimals_in(numbers(block["price"], name, first), price),
                decimals_in(numbers(block["amount"], name, first), amount),
            )
        if place is None:
            raise DataError("no rows", name, remedy=FORM)
        refuse_derivatives(place, name)
        if place[0] in DERIVATIVE_VENUES:
            refuse_derivatives([f"{place[0]} futures"], name)
        places.append((file, place))
    return [TardisSource(file, clock, _terms(place, *grids[place], options)) for file, place in places]


def _terms(place: tuple[str, str], price: int, amount: int, options: Mapping[str, Any]) -> Terms:
    from market_sim.replaying.symbols import base_and_quote

    base, quote = base_and_quote(place[1], options.get("quote"))
    venue = place[0].upper().replace(".", "-")
    return Terms(venue, place[1], base, quote, step_of(price), step_of(amount))
