"""Messages inside something: recorders' own JSON around a frame, and frames quoted as text.

`{"received_ns": 1767323045000006000, "message": {...}}`, `{"ts": 1767323045.1, "raw": "{...}"}`,
`[1767323045000, {...}]` and the like. The frame is cut out of the text as it stands: read and written again
it would lose the zeros that a checksum runs over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

_STAMP_KEY = re.compile(
    r"(?=.)(?:recv|received?|receipt|local|arrival|arrived|captured?|recorded?|rx|ingest(?:ed)?)?"
    r"[_-]?(?:at|timestamp|time|ts|t)?[_-]?(?:ns|us|ms|s|sec|seconds|nanos|micros|millis)?",
    re.IGNORECASE | re.ASCII,
)
_PAYLOAD_KEYS = ("message", "msg", "data", "raw", "frame", "payload", "body", "text", "content")
_BESIDE_KEYS = ("exchange", "venue", "source", "symbol", "conn", "connection", "id", "seq", "n")
# What only an exchange's own message has at its top.
_OWN_KEYS = frozenset(
    ("stream", "e", "lastUpdateId", "topic", "arg", "sequence_num", "method", "op", "success", "product_id")
)
_FIRST_KEY = re.compile(r'\{\s*"([^"\\]*)"\s*:')
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Enclosed(NamedTuple):
    """A frame that was found inside a line, and the text of the stamp beside it."""

    stamp: str
    frame: str


class _Member(NamedTuple):
    key: str
    text: str


def enclosed(text: str) -> Enclosed | None:
    """Stamp and frame in a recorder's own JSON; None where the line is an exchange's message itself."""
    try:
        return _in_list(text) if text[0] == "[" else _in_object(text)
    except (ValueError, IndexError, RecursionError):
        # Whoever reads it as a message says what is wrong with it.
        return None


def unquoted(text: str) -> str:
    """A frame without the quotes of JSON (`"{\\"a\\":1}"`) or of a CSV column (`"{""a"":1}"`) around it."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        inner = json.loads(text)
    except ValueError:
        inner = text[1:-1].replace('""', '"')
    return str(inner)


def is_header(text: str) -> bool:
    """Whether a line names the columns of a stamp and a message."""
    names = [name.strip().strip('"') for name in re.split(r"[,;\t|]", text)]
    return (
        len(names) == 2 and _STAMP_KEY.fullmatch(names[0]) is not None and names[1].lower() in _PAYLOAD_KEYS
    )


def _in_object(text: str) -> Enclosed | None:
    first = _FIRST_KEY.match(text)
    if first is None or not _may_enclose(first[1]):
        return None
    members = list(_members(text))
    if any(member.key in _OWN_KEYS for member in members):
        return None
    stamps = [member.text for member in members if _STAMP_KEY.fullmatch(member.key)]
    frames = [
        found for member in members if member.key.lower() in _PAYLOAD_KEYS and (found := _frame(member.text))
    ]
    return Enclosed(stamps[0].strip('"'), frames[0]) if stamps and len(frames) == 1 else None


def _in_list(text: str) -> Enclosed | None:
    stamp, end = _DECODER.raw_decode(text, _after_space(text, 1))
    if isinstance(stamp, dict | list | bool) or stamp is None or text[_after_space(text, end)] != ",":
        return None
    written = text[1:end].strip().strip('"')
    start = _after_space(text, _after_space(text, end) + 1)
    _, end = _DECODER.raw_decode(text, start)
    frame = _frame(text[start:end])
    whole = text[_after_space(text, end) :].rstrip() == "]"
    return Enclosed(written, frame) if frame and whole else None


def _may_enclose(key: str) -> bool:
    word = key.lower()
    return word in _PAYLOAD_KEYS or word in _BESIDE_KEYS or _STAMP_KEY.fullmatch(key) is not None


def _frame(text: str) -> str | None:
    """The frame that a member's text is: an object, or a text that holds one."""
    frame = unquoted(text).strip()
    return frame if frame.startswith("{") or frame in ("ping", "pong") else None


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def _members(text: str) -> Iterator[_Member]:
    """The members of a JSON object, values as they are written. ValueError or IndexError where it is none."""
    at = _after_space(text, 1)
    while True:
        if text[at] != '"':
            raise ValueError(text)
        key, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        if text[at] != ":":
            raise ValueError(text)
        start = _after_space(text, at + 1)
        _, end = _DECODER.raw_decode(text, start)
        yield _Member(key, text[start:end])
        at = _after_space(text, end)
        if text[at] == "}":
            return
        if text[at] != ",":
            raise ValueError(text)
        at = _after_space(text, at + 1)
