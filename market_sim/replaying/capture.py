"""Capture files: one frame a line, `<local ns> <raw frame>`, plain or gzip, read as a stream.

The stamp is the receiving machine's clock in nanoseconds since 1970; the frame is what the socket (or the
REST request) gave, byte for byte. Nothing here knows an exchange.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, NamedTuple

from market_sim.errors import DataError

FilePath = str | PathLike[str]

GZIP_MAGIC = b"\x1f\x8b"
ARCHIVES = {
    b"PK\x03\x04": ("zip archive", "unzip"),
    b"\x28\xb5\x2f\xfd": ("file packed by zstd", "zstd -d"),
    b"\xfd7zXZ\x00": ("file packed by xz", "xz -d"),
    b"BZh": ("file packed by bzip2", "bzip2 -d"),
}
# zlib's way to say: with a gzip header, any window.
GZIP_WINDOW = 31
PACKED_PIECE = 1 << 16
READ_BUFFER = 1 << 20
# A frame this long is a file without line ends, not a message: the largest order book is some 15 MB.
LONGEST_LINE = 64 << 20
# Stamps in other units than nanoseconds lie outside: 10^17 ns is the year 1973, 4 x 10^18 the year 2096.
EARLIEST_STAMP_NS = 10**17
LATEST_STAMP_NS = 4 * 10**18
# A time server sets a clock back by seconds; a stamp further back means files in a wrong order.
BACKWARD_TOLERANCE_NS = 60 * 10**9
FORM = "A capture has one frame a line: `<local stamp in ns> <raw JSON frame>`."


class Line(NamedTuple):
    """One captured frame: where it stands (file, number from 1), when it was received, what it says."""

    file: str
    number: int
    local_ns: int
    frame: str


class Capture:
    """Consecutive files of one recording, iterated frame by frame; holds one line at a time."""

    def __init__(self, files: Sequence[FilePath]) -> None:
        self.files = [fspath(path) for path in files]
        if not self.files:
            raise DataError("no file is given", remedy="Name one or more capture files.")
        for name in self.files:
            _assert_readable(name)

    def last_stamp_ns(self) -> int:
        """Receive stamp of the last frame, found without reading what the frames say."""
        last = None
        for number, raw in self._raw_lines(self.files[-1]):
            if raw.strip():
                last = number, raw
        line = _split(self.files[-1], *last) if last is not None else None
        if line is None:
            raise DataError("the file is empty", self.files[-1], remedy=FORM)
        return line.local_ns

    def __iter__(self) -> Iterator[Line]:
        """Every frame. DataError with file and line where one cannot be read."""
        latest_ns = 0
        for name in self.files:
            for line in self._read_file(name):
                if line.local_ns < latest_ns - BACKWARD_TOLERANCE_NS:
                    seconds = (latest_ns - line.local_ns) // 10**9
                    raise DataError(
                        f"the stamp {line.local_ns} lies {seconds} s before the one read last",
                        name,
                        line.number,
                        "Give the files of one venue in the order they were recorded.",
                    )
                latest_ns = max(latest_ns, line.local_ns)
                yield line

    def _read_file(self, name: str) -> Iterator[Line]:
        number = 0
        for number, raw in self._raw_lines(name):
            line = _split(name, number, raw)
            if line is not None:
                yield line
        if number == 0:
            raise DataError("the file is empty", name, remedy=FORM)

    def _raw_lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        number = 0
        try:
            with io.BufferedReader(io.FileIO(name), READ_BUFFER) as below:
                _assert_no_archive(name, below.peek(8)[:8])
                for number, raw in enumerate(_raw_lines(below), start=1):
                    yield number, raw
        except (EOFError, zlib.error) as error:
            raise DataError(
                f"the compressed data break off ({error})",
                name,
                number + 1,
                f"Copy the file again, or keep what is whole: `gzip -dc FILE | head -n {number} > capture`.",
            ) from error
        except OSError as error:
            raise _unreadable(name, error) from error


def _assert_readable(name: str) -> None:
    # Before a long run over the files that stand in front of it.
    try:
        with Path(name).open("rb"):
            pass
    except OSError as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: OSError) -> DataError:
    return DataError(f"cannot be read ({error.strerror or error})", name, remedy="Check the path.")


def _assert_no_archive(name: str, head: bytes) -> None:
    for magic, (kind, command) in ARCHIVES.items():
        if head.startswith(magic):
            raise DataError(f"this is a {kind}", name, remedy=f"Unpack it first: `{command} {name}`.")


def _raw_lines(below: io.BufferedReader[Any]) -> Iterator[bytes]:
    # By content, not by name: captures are renamed more often than recompressed.
    if below.peek(2)[:2] == GZIP_MAGIC:
        yield from _unpacked_lines(below)
        return
    while raw := below.readline(LONGEST_LINE):
        yield raw


def _unpacked_lines(below: io.BufferedReader[Any]) -> Iterator[bytes]:
    # Not through gzip.open: where the data break it drops what it has read ahead, and the place with it.
    rest = b""
    unpack = zlib.decompressobj(GZIP_WINDOW)
    while packed := below.read(PACKED_PIECE):
        while packed:
            if unpack.eof:
                unpack = zlib.decompressobj(GZIP_WINDOW)
            *lines, rest = (rest + unpack.decompress(packed)).split(b"\n")
            yield from lines
            packed = unpack.unused_data
        if len(rest) >= LONGEST_LINE:
            break
    else:
        if not unpack.eof:
            raise EOFError("the end of the compressed stream is missing")
    if rest:
        yield rest


def _split(name: str, number: int, raw: bytes) -> Line | None:
    stamp, separator, frame = raw.partition(b" ")
    if not separator or not stamp.isdigit():
        if not raw.strip():
            return None
        raise DataError("this is no line of a capture", name, number, FORM)
    local_ns = int(stamp) if len(stamp) < 20 else LATEST_STAMP_NS
    if not EARLIEST_STAMP_NS <= local_ns < LATEST_STAMP_NS:
        raise DataError(
            f"the stamp {stamp[:30].decode()} is no time in nanoseconds since 1970", name, number, FORM
        )
    if len(raw) >= LONGEST_LINE and not raw.endswith(b"\n"):
        raise DataError(f"the line is longer than {LONGEST_LINE >> 20} MB", name, number, FORM)
    try:
        return Line(name, number, local_ns, frame.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"the frame is no UTF-8 text ({error})", name, number, FORM) from error
