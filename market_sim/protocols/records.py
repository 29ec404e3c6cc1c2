"""What one message of a feed says, the same for all exchanges; numbers are the texts that were sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from market_sim.engine import Side

Levels = list[tuple[str, str]]

# Beyond it, a text is a broken number, not a price; and a padded one would fill memory.
LARGEST_EXPONENT = 40
EARLIEST_MS = 10**11
LATEST_MS = 4 * 10**12
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class WireError(ValueError):
    """A message that is not what its exchange documents."""


class Book(NamedTuple):
    """Levels of one symbol: all of them (`snapshot`) or those that changed, sizes absolute, 0 deletes.

    `previous_id` is the id that the update continues, None where the exchange numbers nothing; `last_id`
    that of the book afterwards. With `repeats` an id that is not above the last is a repetition and not a
    loss, unless `order` says that it is news: that rises with time whatever ids do (0: there is none).
    `checksum` is the exchange's own over the book afterwards; None where it gives none.
    """

    symbol: str
    snapshot: bool
    exchange_ns: int | None
    bids: Levels
    asks: Levels
    previous_id: int | None = None
    last_id: int = 0
    repeats: bool = False
    checksum: int | None = None
    order: int = 0
    depth: int | None = None
    """Levels a side of the channel, where one symbol can come in several."""


class Print(NamedTuple):
    """A trade. `history` marks those from before the subscription, which are no news."""

    symbol: str
    exchange_ns: int
    trade_id: str
    aggressor: Side
    price: str
    size: str
    history: bool = False


class Precision(NamedTuple):
    """Decimals of a symbol's prices and sizes, as the exchange states them."""

    symbol: str
    price_decimals: int
    size_decimals: int


class Subscribed(NamedTuple):
    """A book is (again) subscribed to, with so many levels a side where the exchange says it."""

    symbol: str
    depth: int | None


class Numbered(NamedTuple):
    """The number of a message among all of its connection."""

    number: int


Record = Book | Print | Precision | Subscribed | Numbered


def decode(text: str) -> Any:
    """The message in a JSON text, with fractions kept as they are written. WireError for what is no JSON."""
    try:
        return json.loads(text, parse_float=str, parse_constant=_no_number)
    except RecursionError as error:
        raise WireError("broken JSON (nested too deep)") from error
    except ValueError as error:
        raise WireError(f"broken JSON ({error})") from error


def _no_number(text: str) -> Any:
    raise WireError(f"{text} is no number")


def need(found: Any, key: str, kind: type) -> Any:
    """`found[key]`, which must be of that kind; WireError names the key."""
    value = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise WireError(f"`{key}` is {shown(value)}; expected: {kind.__name__}")
    return value


def number(value: Any, name: str) -> str:
    """The plain decimal text of a price or size that came as text or as a JSON number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise WireError(f"`{name}` is {shown(value)}; expected: a number")
    if "e" in value or "E" in value:
        return _without_exponent(value, name)
    return value


def _without_exponent(value: str, name: str) -> str:
    try:
        exact = Decimal(value)
    except InvalidOperation as error:
        raise WireError(f"`{name}` is {shown(value)}; expected: a number") from error
    if not exact.is_finite() or abs(exact.adjusted()) > LARGEST_EXPONENT:
        raise WireError(f"`{name}` is {shown(value)}; no market has such a number")
    return f"{exact:f}"


def pairs(rows: Any, name: str) -> Levels:
    """[price, size, ...] rows as texts."""
    if not isinstance(rows, list):
        raise WireError(f"`{name}` is {shown(rows)}; expected: a list of [price, size]")
    found = []
    for row in rows:
        if not isinstance(row, Sequence) or isinstance(row, str) or len(row) < 2:
            raise WireError(f"`{name}` has {shown(row)}; expected: [price, size]")
        found.append((number(row[0], name), number(row[1], name)))
    return found


def side_of(value: Any, buy: str, sell: str) -> Side:
    """The side that a word names, whatever its case."""
    word = value.lower() if isinstance(value, str) else value
    if word == buy:
        return Side.BUY
    if word == sell:
        return Side.SELL
    raise WireError(f"the side is {shown(value)}; expected: {buy} or {sell}")


def stamp_ns(value: Any, name: str) -> int:
    """Nanoseconds since 1970 of an RFC 3339 text, cut after the ninth decimal."""
    match = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise WireError(f"`{name}` is {shown(value)}; expected: a time such as 2026-01-02T03:04:05.678Z")
    day, clock, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in (None, 'Z') else zone}")
    except ValueError as error:
        raise WireError(f"`{name}` is {shown(value)}; {error}") from error
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since.days * 86_400 + since.seconds
    return seconds * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))


def milliseconds_ns(value: Any, name: str) -> int:
    """Nanoseconds since 1970 of milliseconds, given as a number or as its digits."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 16:
        raise WireError(f"`{name}` is {shown(value)}; expected: milliseconds since 1970")
    found = int(text)
    if not EARLIEST_MS <= found <= LATEST_MS:
        raise WireError(f"`{name}` is {found}; expected: milliseconds since 1970")
    return found * 1_000_000


def shown(value: object) -> str:
    """A value for a message, short."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
