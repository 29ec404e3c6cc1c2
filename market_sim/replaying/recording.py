"""Recordings of a feed in the forms that recorders write: stamped lines, JSON around frames, bare frames.

Read line by line, plain or gzip:
- `<stamp> <frame>`, the stamp in ns, us, ms or s since 1970 (told apart by its digits) or as RFC 3339, with a
  space, tab, comma, colon, semicolon or bar behind it, the frame as it came or quoted as text;
- `<seconds>: <frame>` with `<address> <-> <seconds>` where a connection begins, `<address> <- ...` for what
  was sent, `<address> -> <seconds>: <frame>` for an answer over HTTP, `configuration: ...` at the top;
- `{"received": <stamp>, "message": <frame>}` and its like, and `[<stamp>, <frame>]` (`envelopes.py`);
- `<frame>` alone: what has no stamp happens with the exchange's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from market_sim.errors import DataError
from market_sim.protocols.records import WireError, stamp_ns
from market_sim.replaying.capture import (
    BACKWARD_TOLERANCE_NS,
    EARLIEST_STAMP_NS,
    LATEST_STAMP_NS,
    Capture,
    Line,
)
from market_sim.replaying.envelopes import enclosed, is_header, unquoted

FORM = "A recording has one message a line: `<local stamp> <JSON>`, or the JSON alone."
# Digits before the point of seconds, milliseconds, microseconds or nanoseconds since 1970, until 2286.
UNIT_OF_DIGITS = {9: 10**9, 10: 10**9, 13: 10**6, 16: 10**3, 19: 1}
# Nanoseconds by their digits: what captures of our own have in front of every frame.
_OWN = re.compile(rb"\d{18,19} [^\"]", re.ASCII)
_NUMBERED = re.compile(
    r"(?:\S+ -> )?(?P<stamp>\d{9,19}(?:\.\d+)?)(?:[ \t]|[,:;|]\s*)(?P<frame>\S.*)", re.ASCII | re.DOTALL
)
_CLOCK = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\d[T ][0-9:.]+(?:Z|[+-]\d\d:?\d\d)?)[ \t,;|]\s*(?P<frame>\S.*)", re.DOTALL
)
_OPENED = re.compile(r"\S+ <-> \d+(?:\.\d+)?", re.ASCII)
_SENT = re.compile(r"\S+ <- ", re.ASCII)
_EVENT_TIME = re.compile(r'"[ET]"\s*:\s*(\d{13}|\d{16})\b', re.ASCII)


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
            number, is_empty = 0, True
            for number, raw in self._raw_lines(name):
                wire = _wire(name, number, raw)
                if wire is None:
                    continue
                is_empty = False
                if wire.local_ns is not None:
                    _assert_forward(wire, latest_ns)
                    latest_ns = max(latest_ns, wire.local_ns)
                yield wire
            if is_empty:
                found = "the file holds no message" if number else "the file is empty"
                raise DataError(found, name, remedy=FORM)

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
        text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
    except UnicodeDecodeError as error:
        raise DataError(f"this is no UTF-8 text ({error})", name, number, FORM) from error
    if not text or text[0] == "#" or _SENT.match(text):
        return None
    if text[0] in "{[":
        found = enclosed(text)
        if found is not None:
            return Wire(name, number, _stamp(found.stamp, name, number), found.frame)
        return Wire(name, number, None, text)
    if text in ("ping", "pong"):
        return Wire(name, number, None, text)
    if _OPENED.fullmatch(text):
        return Wire(name, number, None, "", opened=True)
    for pattern in (_NUMBERED, _CLOCK):
        if match := pattern.fullmatch(text):
            return Wire(name, number, _stamp(match["stamp"], name, number), unquoted(match["frame"]))
    if number == 1 and (is_header(text) or text.startswith("configuration: ")):
        return None
    raise DataError("this is no line of a recording", name, number, FORM)


def _stamp(text: str, name: str, number: int) -> int:
    """Nanoseconds since 1970 of a stamp as RFC 3339 or as a number, whose digits tell its unit."""
    try:
        if "-" in text[1:] and ":" in text:
            found = stamp_ns(text, "stamp")
        else:
            exact = Decimal(text)
            found = int(exact * UNIT_OF_DIGITS[exact.adjusted() + 1])
    except WireError as error:
        raise DataError(str(error), name, number, FORM) from error
    except (InvalidOperation, KeyError, ValueError) as error:
        raise DataError(f"the stamp {text[:30]} is no time since 1970", name, number, FORM) from error
    if not EARLIEST_STAMP_NS <= found < LATEST_STAMP_NS:
        raise DataError(f"the stamp {text[:30]} is no time since 1970", name, number, FORM)
    return found


class StampedRecording(Recording):
    """A recording frame by frame, each with a stamp: of receipt, else of the event in it, else the last."""

    def __iter__(self) -> Iterator[Line]:
        """Every frame. DataError with file and line where one cannot be read."""
        if self._is_own():
            yield from super().__iter__()
            return
        latest_ns, unstamped = 0, list[Wire]()
        for wire in self.wires():
            if wire.opened or wire.frame in ("ping", "pong"):
                continue
            stamp = _event_ns(wire.frame) if wire.local_ns is None else wire.local_ns
            if stamp is None and not latest_ns:
                # Nothing has told the time yet: it happens with the first frame that does.
                unstamped.append(wire)
                continue
            latest_ns = max(latest_ns, stamp or 0)
            for before in unstamped:
                yield Line(before.file, before.number, latest_ns, before.frame)
            unstamped.clear()
            at_ns = latest_ns if wire.local_ns is None else wire.local_ns
            yield Line(wire.file, wire.number, at_ns, wire.frame)
        if unstamped:
            first = unstamped[0]
            raise DataError("nothing in the file tells a time", first.file, first.number, FORM)

    def last_stamp_ns(self) -> int:
        """Receive stamp of the last frame; LATEST_STAMP_NS where the recording has none."""
        return Capture.last_stamp_ns(self) if self._is_own() else super().last_stamp_ns()

    def _is_own(self) -> bool:
        first = next((raw for _, raw in self._raw_lines(self.files[0]) if raw.strip()), b"")
        return _OWN.match(first) is not None


def _event_ns(frame: str) -> int | None:
    found = _EVENT_TIME.search(frame)
    return None if found is None else int(found[1]) * UNIT_OF_DIGITS[len(found[1])]
