"""Binance spot frames: diff depth, trade, bookTicker and the REST order book, read from their JSON.

Source: Binance spot API documentation, "WebSocket Streams" and "How to manage a local order book correctly".
Frames come wrapped (`{"stream": ..., "data": {...}}`) or raw (`{"e": ...}`); the REST order book has neither
a stream nor a symbol nor a stamp. A futures capture is refused: its depth events chain by `pu`, another rule.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from market_sim.engine import Side
from market_sim.errors import DataError
from market_sim.replaying.capture import Line

Levels = list[list[str]]
# Millisecond stamps have 13 digits until 2286; `timeUnit=MICROSECOND` on the socket makes them 16.
MICROSECOND_STAMPS_FROM = 10**14
LATEST_EXCHANGE_MS = 4 * 10**12
REMEDY = "Cut the line out, or record again; every other line can stay."


class Diff(NamedTuple):
    """Levels that changed from update id `first_id` to `last_id`; sizes are absolute, "0" deletes."""

    symbol: str
    first_id: int
    last_id: int
    exchange_ns: int
    bids: Levels
    asks: Levels


class Snapshot(NamedTuple):
    """The order book as REST gave it; it names no symbol and no time."""

    last_id: int
    bids: Levels
    asks: Levels


class Print(NamedTuple):
    """A trade; `exchange_ns` is the time of the trade itself, not of the message about it."""

    symbol: str
    exchange_ns: int
    trade_id: int
    price: str
    size: str
    aggressor: Side


class Ticker(NamedTuple):
    """Best bid and offer with their sizes, after update id `last_id`."""

    symbol: str
    last_id: int
    bid: str
    bid_size: str
    ask: str
    ask_size: str


Record = Diff | Snapshot | Print | Ticker


class _Wrong(ValueError):
    pass


def parse(line: Line) -> Record | None:
    """What a frame says; None for what carries no market data (replies to subscriptions, other streams)."""
    try:
        frame = json.loads(line.frame)
    except ValueError as error:
        raise DataError(f"broken JSON ({error})", line.file, line.number, REMEDY) from error
    except RecursionError as error:
        raise DataError("broken JSON (nested too deep)", line.file, line.number, REMEDY) from error
    try:
        return _record(frame)
    except _Wrong as error:
        raise DataError(str(error), line.file, line.number, REMEDY) from error


def _record(frame: Any) -> Record | None:
    if not isinstance(frame, dict):
        raise _Wrong(f"found {_shown(frame)}; a frame is an object in braces")
    data = frame.get("data", frame)
    if not isinstance(data, dict):
        # `/ws/!ticker@arr` and its like carry lists; they are about no order book.
        return None
    kind = data.get("e")
    if kind == "depthUpdate":
        return _diff(data)
    if kind == "trade":
        return _trade(data)
    if "lastUpdateId" in data:
        # In a stream it is a partial book of 5 to 20 levels, which says nothing about the levels below.
        return None if "stream" in frame else _snapshot(data)
    if kind is None and "u" in data and "A" in data:
        return _ticker(data)
    return None


def _diff(data: dict[str, Any]) -> Diff:
    if "pu" in data:
        raise _Wrong("this is a futures depth event (it has `pu`); captures of spot streams are read")
    first_id, last_id = _count(data, "U"), _count(data, "u")
    if first_id > last_id:
        raise _Wrong(f"the update ids run backwards: U {first_id} is above u {last_id}")
    bids, asks = _levels(data, "b"), _levels(data, "a")
    return Diff(_symbol(data), first_id, last_id, _stamp_ns(data, "E"), bids, asks)


def _snapshot(data: dict[str, Any]) -> Snapshot:
    return Snapshot(_count(data, "lastUpdateId"), _levels(data, "bids"), _levels(data, "asks"))


def _trade(data: dict[str, Any]) -> Print:
    buyer_is_maker = data.get("m")
    if not isinstance(buyer_is_maker, bool):
        raise _Wrong(f"`m` (buyer is maker) is {_shown(buyer_is_maker)}; allowed: true or false")
    aggressor = Side.SELL if buyer_is_maker else Side.BUY
    price, size = _text(data, "p"), _text(data, "q")
    return Print(_symbol(data), _stamp_ns(data, "T"), _count(data, "t"), price, size, aggressor)


def _ticker(data: dict[str, Any]) -> Ticker:
    bid, bid_size, ask, ask_size = (_text(data, key) for key in ("b", "B", "a", "A"))
    return Ticker(_symbol(data), _count(data, "u"), bid, bid_size, ask, ask_size)


def _symbol(data: dict[str, Any]) -> str:
    return _text(data, "s").upper()


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not value:
        raise _Wrong(f"`{key}` is {_shown(value)}; allowed: a text")
    return value


def _count(data: dict[str, Any], key: str) -> int:
    value = data.get(key)
    if type(value) is not int or value < 0:
        raise _Wrong(f"`{key}` is {_shown(value)}; allowed: a whole number, 0 or more")
    return value


def _stamp_ns(data: dict[str, Any], key: str) -> int:
    value = _count(data, key)
    if value < MICROSECOND_STAMPS_FROM:
        if value > LATEST_EXCHANGE_MS:
            raise _Wrong(f"`{key}` is {value}; allowed: milliseconds or microseconds since 1970")
        return value * 1_000_000
    if value > LATEST_EXCHANGE_MS * 1_000:
        raise _Wrong(f"`{key}` is {value}; allowed: milliseconds or microseconds since 1970")
    return value * 1_000


def _levels(data: dict[str, Any], key: str) -> Levels:
    levels = data.get(key)
    if not isinstance(levels, list):
        raise _Wrong(f"`{key}` is {_shown(levels)}; allowed: a list of [price, quantity]")
    return levels


def _shown(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
