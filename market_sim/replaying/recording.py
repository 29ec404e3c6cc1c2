"""Recordings of a feed in the forms that recorders write: stamped by line, or bare JSON lines.

Read line by line, plain or gzip:
- `<stamp> <frame>`, the stamp in ns, us, ms or s since 1970 (told apart by its digits) or as RFC 3339;
- `<seconds>: <frame>` with `<address> <-> <seconds>` where a connection begins, `<address> <- ...` for what
  was sent and `<address> -> <seconds>: <frame>` for an answer over HTTP;
- `<frame>` alone: what has no stamp happens with the exchange's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from market_sim.errors import DataError
from market_sim.protocols.records import WireError, stamp_ns
from market_sim.replaying.capture import (
    BACKWARD_TOLERANCE_NS,
    EARLIEST_STAMP_NS,
    LATEST_STAMP_NS,
    Capture,
)

FORM = "A recording has one message a line: `<local stamp> <JSON>`, or the JSON alone."
# Digits of a whole number of seconds, milliseconds, microseconds or nanoseconds since 1970, until 2286.
UNIT_OF_DIGITS = {10: 10**9, 13: 10**6, 16: 10**3, 19: 1}
_WHOLE = re.compile(r"(?P<stamp>\d{10}|\d{13}|\d{16}|\d{19})[ \t,:]\s*(?P<frame>\S.*)", re.ASCII | re.DOTALL)
_CLOCK = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\d[T ][0-9:.]+(?:Z|[+-]\d\d:?\d\d)?)[ \t,]\s*(?P<frame>\S.*)", re.DOTALL
)
_SECONDS = re.compile(r"(?:\S+ -> )?(?P<stamp>\d{9,10}(?:\.\d+)?):? (?P<frame>\S.*)", re.ASCII | re.DOTALL)
_OPENED = re.compile(r"\S+ <-> \d+(?:\.\d+)?", re.ASCII)
_SENT = re.compile(r"\S+ <- ", re.ASCII)


class Wire(NamedTuple):
    """One received message: where it stands, when it was received (None: not recorded), what it says.

    `opened` marks the line that says that a new connection began; it has no message.
    """

    file: str
    number: int
    local_ns: int | None
    frame: str
    opened: bool = False


class Recording(Capture):
    """Consecutive files of one recording, in whichever of the forms above."""

    def wires(self) -> Iterator[Wire]:
        """Every received message and every beginning of a connection. DataError with file and line."""
        latest_ns = 0
        for name in self.files:
            number = 0
            for number, raw in self._raw_lines(name):
                wire = _wire(name, number, raw)
                if wire is None:
                    continue
                if wire.local_ns is not None:
                    _assert_forward(wire, latest_ns)
                    latest_ns = max(latest_ns, wire.local_ns)
                yield wire
            if number == 0:
                raise DataError("the file is empty", name, remedy=FORM)

    def last_stamp_ns(self) -> int:
        """Receive stamp of the last message; LATEST_STAMP_NS where the recording has none."""
        last: Wire | None = None
        tail: tuple[int, bytes] | None = None
        for number, raw in self._raw_lines(self.files[-1]):
            if raw.strip():
                tail = number, raw
        if tail is not None:
            last = _wire(self.files[-1], *tail)
        return LATEST_STAMP_NS if last is None or last.local_ns is None else last.local_ns


def _assert_forward(wire: Wire, latest_ns: int) -> None:
    assert wire.local_ns is not None, "only stamped messages are compared"
    if wire.local_ns < latest_ns - BACKWARD_TOLERANCE_NS:
        raise DataError(
            f"its stamp lies {(latest_ns - wire.local_ns) // 10**9} s before the one read last",
            wire.file,
            wire.number,
            "Give the files of one venue in the order they were recorded.",
        )


def _wire(name: str, number: int, raw: bytes) -> Wire | None:
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"this is no UTF-8 text ({error})", name, number, FORM) from error
    if not text or _SENT.match(text):
        return None
    if text[0] in "{[" or text in ("ping", "pong"):
        return Wire(name, number, None, text)
    if _OPENED.fullmatch(text):
        return Wire(name, number, None, "", opened=True)
    for pattern, unit in ((_WHOLE, None), (_CLOCK, "clock"), (_SECONDS, "seconds")):
        if match := pattern.fullmatch(text):
            return Wire(name, number, _stamp(match["stamp"], unit, name, number), match["frame"])
    raise DataError("this is no line of a recording", name, number, FORM)


def _stamp(text: str, unit: str | None, name: str, number: int) -> int:
    try:
        if unit == "clock":
            found = stamp_ns(text, "stamp")
        elif unit == "seconds":
            found = int(Decimal(text) * 10**9)
        else:
            found = int(text) * UNIT_OF_DIGITS[len(text)]
    except WireError as error:
        raise DataError(str(error), name, number, FORM) from error
    if not EARLIEST_STAMP_NS <= found < LATEST_STAMP_NS:
        raise DataError(f"the stamp {text} is no time since 1970", name, number, FORM)
    return found
