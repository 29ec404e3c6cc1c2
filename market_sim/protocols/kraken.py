"""Kraken's WebSocket API, version 2: `book`, `trade` and `instrument`.

Source: Kraken's API documentation, "Book (Level 2)", "Book checksum". Prices and sizes are JSON numbers.
A client holds as many levels as it subscribed to and drops what falls behind them; a CRC-32 over the ten
best levels of both sides comes with every message and is the only proof of continuity.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from market_sim.protocols.records import (
    Book,
    Levels,
    Precision,
    Print,
    Record,
    Subscribed,
    WireError,
    need,
    number,
    side_of,
    stamp_ns,
)

DEPTHS = (10, 25, 100, 500, 1000)
CHECKED_LEVELS = 10
TRUNCATES = True


def recognises(message: Any) -> bool:
    """Whether a message is one of this protocol."""
    if not isinstance(message, dict):
        return False
    if message.get("channel") in ("book", "trade", "instrument", "heartbeat", "status"):
        return "sequence_num" not in message
    return message.get("method") in ("subscribe", "unsubscribe", "pong")


def read(message: Any) -> list[Record]:
    """What a message says; nothing for status, heartbeat and other channels."""
    if not isinstance(message, dict):
        raise WireError("the message is no object")
    channel = message.get("channel")
    if channel == "book":
        snapshot = _is_snapshot(message)
        return [_book(found, snapshot) for found in need(message, "data", list)]
    if channel == "trade":
        snapshot = _is_snapshot(message)
        return [_trade(found, snapshot) for found in need(message, "data", list)]
    if channel == "instrument":
        found = need(message, "data", dict).get("pairs")
        return [_precision(pair) for pair in found] if isinstance(found, list) else []
    return _answer(message)


def _answer(message: dict[str, Any]) -> list[Record]:
    result = message.get("result")
    if message.get("method") != "subscribe" or message.get("success") is not True:
        return []
    if not isinstance(result, dict) or result.get("channel") != "book":
        return []
    return [Subscribed(need(result, "symbol", str), result.get("depth"))]


def _is_snapshot(message: dict[str, Any]) -> bool:
    kind = message.get("type")
    if kind not in ("snapshot", "update"):
        raise WireError(f"`type` is {kind!r}; expected: snapshot or update")
    return bool(kind == "snapshot")


def _book(found: Any, snapshot: bool) -> Book:
    stamp = found.get("timestamp") if isinstance(found, dict) else None
    return Book(
        symbol=need(found, "symbol", str),
        snapshot=snapshot,
        exchange_ns=None if stamp is None else stamp_ns(stamp, "timestamp"),
        bids=_levels(found, "bids"),
        asks=_levels(found, "asks"),
        checksum=need(found, "checksum", int),
    )


def _levels(found: Any, side: str) -> Levels:
    rows = found.get(side, [])
    if not isinstance(rows, list):
        raise WireError(f"`{side}` is no list")
    return [(number(_part(row, "price"), "price"), number(_part(row, "qty"), "qty")) for row in rows]


def _part(row: Any, key: str) -> Any:
    if not isinstance(row, dict):
        raise WireError("a level is no object with price and qty")
    return row.get(key)


def _trade(found: Any, history: bool) -> Print:
    return Print(
        symbol=need(found, "symbol", str),
        exchange_ns=stamp_ns(found.get("timestamp"), "timestamp"),
        trade_id=str(need(found, "trade_id", int)),
        aggressor=side_of(found.get("side"), "buy", "sell"),
        price=number(found.get("price"), "price"),
        size=number(found.get("qty"), "qty"),
        history=history,
    )


def _precision(pair: Any) -> Precision:
    return Precision(
        need(pair, "symbol", str), need(pair, "price_precision", int), need(pair, "qty_precision", int)
    )


def checksum(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], drop_price: int = 1, drop_size: int = 1
) -> int:
    """CRC-32 over the ten best levels, asks first: per level the digits of price and size at the pair's
    precision, without the point and leading zeros.

    `bids` and `asks` are (price, size) as integers, best first; `drop_price` and `drop_size` divide them
    down to the pair's precision.
    """
    text = "".join(
        f"{price // drop_price}{size // drop_size}"
        for side in (asks[:CHECKED_LEVELS], bids[:CHECKED_LEVELS])
        for price, size in side
    )
    return zlib.crc32(text.encode("ascii"))
