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
    number = 1
    with open_bytes(path) as file:
        try:
            if names is None:
                head = file.readline(LONGEST_HEAD).decode("utf-8-sig")
                names = [column.strip() for column in head.rstrip("\r\n").split(",")]
                number = 2
            rest = b""
            while piece := file.read(block_bytes):
                whole, newline, rest = (rest + piece).rpartition(b"\n")
                if newline:
                    if whole.strip():
                        yield number, _table(name, number, whole, names)
                    number += whole.count(b"\n") + 1
            if rest.strip():
                yield number, _table(name, number, rest, names)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"the file breaks off ({error})", name, number, "Copy it again.") from error


def _table(name: str, number: int, raw: bytes, names: Sequence[str]) -> pl.DataFrame:
    schema = dict.fromkeys(names, pl.String)
    commas = len(names) - 1
    raw = raw.rstrip(b"\r\n")
    if b"\n\n" in raw or b"\n\r\n" in raw or raw[:1] in (b"\n", b"\r"):
        blank = next(at for at, line in enumerate(raw.split(b"\n")) if not line.strip(b"\r"))
        raise DataError("an empty line between others", name, number + blank, "Take it out.")
    try:
        table = pl.read_csv(io.BytesIO(raw), has_header=False, schema=schema, quote_char=None)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        for at, line in enumerate(raw.split(b"\n")):
            if line.strip() and line.count(b",") != commas:
                raise DataError(
                    f"{line.count(b',') + 1} columns, where {len(names)} are expected", name, number + at
                ) from error
        raise DataError(f"the table cannot be read ({error})", name, number, READERS_WORD) from error
    last = table.get_column(names[-1])
    if last.null_count():
        # A short line reads as one whose last columns are missing.
        for at, line in enumerate(raw.split(b"\n")):
            if line.strip() and line.count(b",") != commas:
                raise DataError(
                    f"{line.count(b',') + 1} columns, where {len(names)} are expected", name, number + at
                )
    return table
