"""hftbacktest's npz files: depth and trades by price level, or single orders, of one symbol.

Source: the documentation of hftbacktest, "Data". One array `data` of fields ev, exch_ts, local_ts, px, qty,
order_id, ival, fval; `ev` holds the kind in its low byte and, from bit 31 down, whether the event counts at
the exchange and locally, and its side. A fill of a single order is followed by the change of that order.
The array is read piece by piece from the archive, and never as pickled objects.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from os import fspath
from pathlib import Path
from typing import Any

import numpy as np

from market_sim.engine import FlowKind
from market_sim.errors import DataError
from market_sim.records import FLOW, LAST, STAMPED
from market_sim.replaying.capture import EARLIEST_STAMP_NS, LATEST_STAMP_NS, FilePath
from market_sim.replaying.columns import (
    MOST_LOTS,
    MOST_TICKS,
    decimals_in,
    never_backwards,
    refuse_derivatives,
    step_of,
)
from market_sim.replaying.rows import RowCounts, Rows, Terms
from market_sim.replaying.symbols import base_and_quote

EXCHANGE, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT_LEVEL, BBO, ADD, CANCEL, MODIFY, FILL = 1, 2, 3, 4, 5, 10, 11, 12, 13
KINDS = {
    DEPTH: FlowKind.LEVEL, SNAPSHOT_LEVEL: FlowKind.LEVEL, TRADE: FlowKind.TRADE, ADD: FlowKind.ADD,
    CANCEL: FlowKind.DELETE, MODIFY: FlowKind.REPLACE, FILL: FlowKind.EXECUTE,
}  # fmt: skip
#: The fields that are read, and what numpy calls numbers of their kind.
FIELDS = {"ev": "iu", "exch_ts": "iu", "local_ts": "iu", "px": "iuf", "qty": "iuf", "order_id": "iu"}
# These say nothing without a side; a trade of unknown side is left out, the rest find theirs by their order.
SIDED = (DEPTH, SNAPSHOT_LEVEL, ADD)
PIECE_ROWS = 50_000
"""Events read at a time: as frames, tables and orders they take many times their room in the file."""

VENUE = "NPZ"
FORM = "Give hftbacktest's .npz: one array `data` with ev, exch_ts, local_ts, px, qty, order_id."


class NpzSource:
    """Consecutive files of one symbol."""

    protocol = "hftbacktest"

    def __init__(self, files: Sequence[FilePath], clock: str, options: Mapping[str, Any]) -> None:
        self.files = [fspath(file) for file in files]
        refuse_derivatives([Path(name).name for name in self.files], self.files[0])
        self.counts = RowCounts()
        self._clock = clock
        price = size = 0
        self._last_ns, self._by_order = 0, False
        self._counts_here, self._stamp = (LOCAL, "local_ts") if clock == "local" else (EXCHANGE, "exch_ts")
        for name, first, piece in self._pieces():
            kinds = piece["ev"] & 0xFF
            told = kinds != CLEAR
            self._check(name, first, piece)
            price, size = decimals_in(piece["px"][told], price), decimals_in(piece["qty"][told], size)
            self._last_ns = max(self._last_ns, int(self._times(piece).max()))
            self._by_order |= bool((kinds >= ADD).any())
        symbol = str(options.get("symbol") or Path(self.files[0]).stem.split("_")[0].upper())
        base, quote = base_and_quote(symbol, options.get("quote"))
        self.terms = Terms(VENUE, symbol, base, quote, step_of(price), step_of(size))

    def _pieces(self) -> Iterator[tuple[str, int, np.ndarray[Any, Any]]]:
        """(file, number of the piece's first row from 0, its rows)."""
        for name in self.files:
            first = 0
            for piece in _array_pieces(name):
                yield name, first, piece
                first += len(piece)

    def _check(self, name: str, first: int, piece: np.ndarray[Any, Any]) -> None:
        """DataError for the first event on the chosen clock that no market can have had."""
        kinds, used = self._used(piece)
        times, price, size = self._times(piece), piece["px"], piece["qty"]
        sideless = np.isin(kinds, SIDED) & (piece["ev"] & (BUY | SELL) == 0)
        for field, wrong, expected in (
            (
                self._stamp,
                (times < EARLIEST_STAMP_NS) | (times > LATEST_STAMP_NS),
                "nanoseconds since 1970 are",
            ),
            ("px", ~(np.isfinite(price) & (price > 0)) & (kinds != CANCEL), "a price above 0 is"),
            ("qty", ~(np.isfinite(size) & (size >= 0)) & (kinds != CANCEL), "a size of at least 0 is"),
            ("ev", sideless, "one of the bits 28 (sell) and 29 (buy) is"),
        ):
            _refuse_first(used & wrong, piece, field, expected, name, first)

    def _check_room(self, name: str, first: int, piece: np.ndarray[Any, Any]) -> None:
        """DataError for the first number below a tick or beyond what an engine takes."""
        tick, lot = float(self.terms.tick), float(self.terms.lot)
        kinds, used = self._used(piece)
        small = used & (kinds != CANCEL) & (piece["px"] < tick / 2)
        _refuse_first(small, piece, "px", f"at least a tick of {tick:g} is", name, first)
        for field, step, most in (("px", tick, MOST_TICKS), ("qty", lot, MOST_LOTS)):
            large = used & (piece[field] / step > most)
            _refuse_first(large, piece, field, f"at most {most * step:g} is", name, first)

    def _times(self, piece: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray(piece[self._stamp])

    def _used(self, piece: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The kind of each event, and whether it is of a known one and counts on the chosen clock."""
        kinds = piece["ev"] & 0xFF
        return kinds, np.isin(kinds, list(KINDS)) & (piece["ev"] & self._counts_here != 0)

    def last_ns(self) -> int:
        """The last stamp."""
        return self._last_ns

    def batches(self) -> Iterator[Rows]:
        """The events that count on the chosen clock, each an update of its own."""
        latest = 0
        tick, lot = float(self.terms.tick), float(self.terms.lot)
        for name, first, piece in self._pieces():
            kinds = piece["ev"] & 0xFF
            more = self.counts.more
            self._check_room(name, first, piece)
            # A level-1 summary repeats what depth says; clearing a side by hand is told by later levels.
            known = np.isin(kinds, list(KINDS))
            levels = kinds < ADD
            mixed = known & levels if self._by_order else np.zeros(len(piece), bool)
            mixed |= (kinds == TRADE) & (piece["ev"] & (BUY | SELL) == 0)
            kept = known & ~mixed & (piece["ev"] & self._counts_here != 0)
            more["left_out"] = more.get("left_out", 0) + int(np.count_nonzero(~known | mixed))
            own = piece[kept]
            if not len(own):
                continue
            rows = np.zeros(len(own), FLOW)
            rows["time_ns"], moved = never_backwards(self._times(own), latest)
            self.counts.backward_stamps += moved
            latest = int(rows["time_ns"][-1])
            rows["exchange_ns"], rows["flags"] = own["exch_ts"], LAST | STAMPED
            if self._clock == "venue":
                delay = own["local_ts"] - own["exch_ts"]
                self.counts.negative_delays += int(np.count_nonzero(delay < 0))
                rows["delay_ns"] = np.maximum(delay, 0)
            rows["price"] = np.rint(own["px"] / tick).astype(np.int64)
            rows["size"] = np.rint(own["qty"] / lot).astype(np.int64)
            rows["id"], rows["side"] = own["order_id"], own["ev"] & SELL != 0
            codes = np.zeros(256, np.uint8)
            for event, kind in KINDS.items():
                codes[event] = kind
            rows["kind"] = codes[own["ev"] & 0xFF]
            yield rows

    def notes(self) -> list[str]:
        """What the file cannot know."""
        told = (
            "single orders; each stands where it stood. An order that its fill ended is cancelled once more "
            "by the file, which counts as an unknown order"
            if self._by_order
            else "depth by price level and trades; queues are synthesised from sizes"
        )
        notes = [f"hftbacktest data of {self.terms.symbol}: {told}."]
        if self.counts.more.get("left_out"):
            notes.append(
                f"Events of other kinds, and trades without a side, left out: {self.counts.more['left_out']}."
            )
        return notes


def _refuse_first(
    wrong: np.ndarray[Any, Any], piece: np.ndarray[Any, Any], field: str, expected: str, name: str, first: int
) -> None:
    found = np.flatnonzero(wrong)
    if len(found):
        at = int(found[0])
        told = f"row {first + at} of `data`: {field} is {piece[field][at]}; {expected} expected"
        raise DataError(told, name, remedy="Correct the row, or take it out.")


def _array_pieces(name: str) -> Iterator[np.ndarray[Any, Any]]:
    """The rows of `data`, so many at a time. Its header is read by numpy without pickle."""
    try:
        with zipfile.ZipFile(name) as archive:
            member = next((entry for entry in archive.namelist() if entry == "data.npy"), None)
            if member is None:
                raise DataError(f"it holds {', '.join(archive.namelist())}", name, remedy=FORM)
            with archive.open(member) as file:
                yield from _rows_of(file, name)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError) as error:
        # zipfile's words: NotImplementedError for a compression that it does not know, RuntimeError for an
        # archive with a password.
        raise DataError(f"no npz archive that can be read ({error})", name, remedy=FORM) from error


def _rows_of(file: Any, name: str) -> Iterator[np.ndarray[Any, Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, kind = read(file)
    except ValueError as error:
        raise DataError(f"no array of numbers ({error})", name, remedy=FORM) from error
    if kind.hasobject or kind.names is None or not set(kind.names) >= FIELDS.keys() or len(shape) != 1:
        raise DataError(f"`data` has {kind.names or kind} in shape {shape}", name, remedy=FORM)
    for field, kinds in FIELDS.items():
        if kind[field].kind not in kinds:
            raise DataError(f"`data` has {field} as {kind[field]}", name, remedy=FORM)
    left = shape[0]
    if left <= 0:
        raise DataError("`data` is empty", name, remedy=FORM)
    while left:
        rows = min(left, PIECE_ROWS)
        raw = io.BytesIO()
        wanted = rows * kind.itemsize
        while raw.tell() < wanted and (part := file.read(wanted - raw.tell())):
            raw.write(part)
        if raw.tell() < wanted:
            raise DataError(f"it breaks off with {left:,} rows to come", name, remedy="Copy it again.")
        yield np.frombuffer(raw.getvalue(), kind, rows)
        left -= rows
