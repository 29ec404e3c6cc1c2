"""A CSV file from a stranger, looked at before anything else reads it: how large it is, what it is, and the
first line that is wrong.

Bytes first (archives, zero bytes, encoding, length of lines), then the table (columns, rows, symbols, times,
numbers), so that no later reader meets more than it can take. Nothing of the file is run, and no archive is
unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from market_sim.errors import DataError
from market_sim.replaying.blocks import blocks, first_line
from market_sim.replaying.columns import numbers, times_ns
from market_sim.replaying.formats import TABLES
from market_sim.replaying.series import PRICES, SIZES, Form, form_of

ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive (also .npz and .xlsx are)",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "packed by gzip",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x80\x04": "a Python pickle",
    b"\x93NUMPY": "a numpy file",
    b"PAR1": "a Parquet file",
}
PIECE = 1 << 20
FORMS = ("quotes", "trades", "bars", "closes")
LARGEST = 1e12
"""No price and no size is larger: what is, was written with a decimal comma or in another unit."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What a file may have at most; bytes of a line and of the whole, symbols that become listings."""

    size_bytes: int = 16 << 20
    rows: int = 500_000
    columns: int = 40
    line_bytes: int = 2_000
    symbols: int = 8


@dataclass(frozen=True, slots=True)
class Vetted:
    """A file that may be used: its form, its columns by the file's names, rows, symbols, first and last time
    (ns since 1970), and the typical step between rows in seconds.
    """

    form: str
    columns: tuple[str, ...]
    rows: int
    symbols: tuple[str, ...]
    first_ns: int
    last_ns: int
    step_s: float


@dataclass(slots=True)
class _Seen:
    rows: int = 0
    symbols: dict[str, None] = field(default_factory=dict)
    first_ns: int | None = None
    last_ns: int = 0
    steps: list[np.ndarray[Any, Any]] = field(default_factory=list)


def vet(path: Path, name: str, limits: FileLimits | None = None) -> Vetted:
    """Look at a file that people call `name`; DataError says the line and the reason."""
    bounds = limits or FileLimits()
    try:
        _check_bytes(path, bounds)
        return _check_table(path, bounds)
    except DataError as error:
        # The path is the machine's affair; people know the file by their own name for it.
        raise DataError(error.what, name, error.line, error.remedy) from None


def _check_bytes(path: Path, bounds: FileLimits) -> None:
    size = path.stat().st_size
    if size > bounds.size_bytes:
        raise DataError(
            f"{size / 1e6:.1f} MB are too many",
            remedy=f"Up to {bounds.size_bytes / 1e6:.1f} MB are taken: cut it, or thin it out.",
        )
    if not size:
        raise DataError("the file is empty", remedy=f"Forms: {_forms()}.")
    line = 1
    with path.open("rb") as file:
        head = file.read(8)
        for magic, what in ARCHIVES.items():
            if head.startswith(magic):
                raise DataError(f"this is {what}", remedy="Give a CSV file as plain text (UTF-8).")
        file.seek(0)
        for whole in _lines(file):
            for text in whole:
                _check_line(text, line, bounds)
                line += 1


def _lines(file: BinaryIO) -> Iterator[list[bytes]]:
    """Whole lines, a piece of the file at a time; what has no end is given as it is."""
    rest = b""
    while piece := file.read(PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        yield whole
        if len(rest) > PIECE:
            yield [rest]
            rest = b""
    if rest:
        yield [rest]


def _check_line(text: bytes, line: int, bounds: FileLimits) -> None:
    if len(text) > bounds.line_bytes:
        raise DataError(f"{len(text):,} bytes are too long for a line", line=line)
    if line > bounds.rows + 1:
        raise DataError(f"more than {bounds.rows:,} rows", line=line, remedy="Cut it, or thin it out.")
    if b"\0" in text:
        raise DataError("a zero byte is no text", line=line, remedy="Save it as CSV in UTF-8.")
    if b'"' in text:
        raise DataError("quotation marks are not read", line=line, remedy="Write fields without them.")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"byte {error.start + 1} is no UTF-8", line=line, remedy="Save it as CSV in UTF-8."
        ) from None


def _check_table(path: Path, bounds: FileLimits) -> Vetted:
    names = [name.strip() for name in first_line(path).split(",")]
    if len(names) > bounds.columns:
        raise DataError(f"{len(names)} columns; up to {bounds.columns} are taken", line=1)
    lower = [name.lower() for name in names]
    double = next((name for name in lower if lower.count(name) > 1), None)
    if double is not None:
        raise DataError(f"column {double[:40]!r} is there twice", line=1, remedy="Rename one of them.")
    if "" in names:
        raise DataError(f"column {names.index('') + 1} has no name", line=1)
    form = form_of(path)
    if form is None:
        raise DataError(
            f"columns {', '.join(names[:8])[:120]} are of no known form", line=1, remedy=f"Forms: {_forms()}."
        )
    seen = _Seen()
    for first, block in blocks(path, block_bytes=PIECE):
        _check_block(str(path), form, names, first, block, seen)
        if len(seen.symbols) > bounds.symbols:
            raise DataError(
                f"{len(seen.symbols)} symbols or more; up to {bounds.symbols} are taken", line=first
            )
    if seen.first_ns is None or not seen.rows:
        raise DataError("there is a header, and no row", line=1)
    steps = np.concatenate(seen.steps) if seen.steps else np.array([])
    steps = steps[steps > 0]
    return Vetted(
        form.name,
        tuple(names),
        seen.rows,
        tuple(seen.symbols),
        seen.first_ns,
        seen.last_ns,
        float(np.median(steps)) / 1e9 if len(steps) else 0.0,
    )


def _check_block(
    file: str, form: Form, names: list[str], first: int, block: pl.DataFrame, seen: _Seen
) -> None:
    times = times_ns(block[form.columns["time"]], file, first)
    if not len(times):
        return
    seen.rows += len(block)
    back = np.flatnonzero(np.diff(np.concatenate([[seen.last_ns or times[0]], times])) < 0)
    if len(back):
        at = int(back[0])
        text = block[form.columns["time"]][at]
        raise DataError(f"time {text!r} is before the row above", file, first + at, "Sort the rows by time.")
    seen.first_ns = int(times[0]) if seen.first_ns is None else seen.first_ns
    seen.last_ns = int(times[-1])
    seen.steps.append(np.diff(times))
    columns = [form.columns[name] for name in (*PRICES.get(form.name, ()), *SIZES.get(form.name, ()))
               if name in form.columns]  # fmt: skip
    for column in columns or names[1:]:
        values = numbers(block[column], file, first)
        large = np.flatnonzero(values > LARGEST)
        if len(large):
            at = int(large[0])
            raise DataError(f"{column} is {block[column][at]!r}, more than {LARGEST:g}", file, first + at)
    if "symbol" in form.columns:
        seen.symbols |= dict.fromkeys(
            block[form.columns["symbol"]].str.strip_chars().unique(maintain_order=True)
        )
    elif form.name == "closes":
        seen.symbols |= dict.fromkeys(names[1:])


def _forms() -> str:
    return "; ".join(f"{name}: {TABLES[name]}" for name in FORMS)
