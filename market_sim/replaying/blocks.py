"""Tables of text, read block by block: plain or gzip, whole lines, never more in memory than a block."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from os import fspath
from pathlib import Path
from typing import IO, cast

import polars as pl

from market_sim.errors import DataError
from market_sim.replaying.capture import GZIP_MAGIC, FilePath

# A bar becomes eight rows of flow: what a block takes in memory is many times its text.
BLOCK_BYTES = 2 << 20
LONGEST_HEAD = 1 << 16
READERS_WORD = "Give a CSV file as text (UTF-8), plain or gzip."


def open_bytes(path: FilePath) -> IO[bytes]:
    """A file opened for reading, unpacked if it is gzip. DataError where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        return cast(IO[bytes], gzip.open(path)) if packed else Path(path).open("rb")
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror or error})", fspath(path), remedy="Check the path."
        ) from error


def first_line(path: FilePath) -> str:
    """The first line without its end. DataError for an empty file or one that is no text."""
    with open_bytes(path) as file:
        try:
            raw = file.readline(LONGEST_HEAD)
            text = raw.decode("utf-8-sig").rstrip("\r\n")
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise DataError(f"this is no text ({error})", fspath(path), 1, READERS_WORD) from error
    if not text.strip():
        raise DataError("the file is empty", fspath(path), remedy=READERS_WORD)
    return text


def blocks(
    path: FilePath, names: Sequence[str] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[tuple[int, pl.DataFrame]]:
    """(number of the block's first line, its rows as columns of text), one block after another.

    `names`: the columns of a file without a header; None: its first line has them. Raises DataError with file
    and line for a line that has another number of columns.
    """
    name = fspath(path)
    number, head = 1, b""
    with open_bytes(path) as file:
        try:
            if names is None:
                head = file.readline(LONGEST_HEAD)
                names = _header(name, head)
                number = 2
            rest = b""
            while piece := file.read(block_bytes):
                whole, newline, rest = (rest + piece).rpartition(b"\n")
                if newline:
                    if whole.strip():
                        yield number, _table(name, number, whole, names, head)
                    number += whole.count(b"\n") + 1
            if rest.strip():
                yield number, _table(name, number, rest, names, head)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"the file breaks off ({error})", name, number, "Copy it again.") from error


def _header(name: str, head: bytes) -> list[str]:
    """The names of the columns. DataError for one that is there twice: which of them is meant?"""
    names = [column.strip() for column in head.decode("utf-8-sig").rstrip("\r\n").split(",")]
    double = next((column for column in names if names.count(column) > 1), None)
    if double is not None:
        raise DataError(f"column {double[:40]!r} is there twice", name, 1, "Rename one of them.")
    return names


def assert_commas(head: str, name: str) -> None:
    """DataError for a first line whose fields are quoted, or not separated by commas."""
    if '"' in head:
        raise DataError("fields in quotation marks are not read", name, 1, "Write them without.")
    for mark, word in (("\t", "tabs"), (";", "semicolons"), ("|", "bars")):
        if mark in head and "," not in head:
            remedy = "Separate them by commas, and write decimals with a point."
            raise DataError(f"columns are separated by {word}", name, 1, remedy)


def _table(name: str, number: int, raw: bytes, names: Sequence[str], head: bytes) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    raw = raw.rstrip(b"\r\n")
    head = head.strip()
    if head and (again := raw.find(head)) >= 0 and raw[again - 1 : again] in (b"", b"\n"):
        line = number + raw[:again].count(b"\n")
        raise DataError("the header is there again", name, line, "Take it out of files that were joined.")
    if b"\n\n" in raw or b"\n\r\n" in raw or raw[:1] in (b"\n", b"\r"):
        blank = next(at for at, line in enumerate(raw.split(b"\n")) if not line.strip(b"\r"))
        raise DataError("an empty line between others", name, number + blank, "Take it out.")
    try:
        table = pl.read_csv(io.BytesIO(raw), has_header=False, schema=schema, quote_char=None)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        _assert_text(raw, name, number)
        _assert_whole_lines(raw, name, number, len(names))
        raise DataError(f"the table cannot be read ({error})", name, number, READERS_WORD) from error
    if table.get_column(names[-1]).null_count():
        # A short line reads as one whose last columns are missing.
        _assert_whole_lines(raw, name, number, len(names))
    return table


def _assert_text(raw: bytes, name: str, number: int) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = number + raw[: error.start].count(b"\n")
        raise DataError(f"byte {raw[error.start]:#04x} is no UTF-8", name, line, READERS_WORD) from error


def _assert_whole_lines(raw: bytes, name: str, number: int, columns: int) -> None:
    for at, line in enumerate(raw.split(b"\n")):
        if line.strip() and line.count(b",") != columns - 1:
            raise DataError(
                f"{line.count(b',') + 1} columns, where {columns} are expected",
                name,
                number + at,
                "Give every line as many fields as the header, with decimal points and without quotes.",
            )
