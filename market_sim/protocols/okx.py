"""OKX's WebSocket API, version 5: `books`, its kin of fewer levels, and `trades`.

Source: OKX's API guide, "Order book channel". Updates chain by `prevSeqId`; the CRC-32 of the 25 best levels
is in older recordings and has been 0 on the wire since 2026, so it is looked at only where it is not 0.
`books5` and `bbo-tbt` are snapshots again and again. Of several channels of a symbol the deepest is its book.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from market_sim.protocols.records import (
    Book,
    Print,
    Record,
    WireError,
    milliseconds_ns,
    need,
    number,
    pairs,
    shown,
    side_of,
)

CHECKED_LEVELS = 25
TRUNCATES = False
# Levels a side of each channel; those with updates, and those of snapshots only.
CHAINED_CHANNELS = {"books": 400, "books-l2-tbt": 400, "books50-l2-tbt": 50}
SNAPSHOT_CHANNELS = {"books5": 5, "bbo-tbt": 1}
TRADE_CHANNELS = ("trades", "trades-all")


def recognises(message: Any) -> bool:
    """Whether a message is one of this protocol."""
    return isinstance(message, dict) and isinstance(message.get("arg"), dict) and "instId" in message["arg"]


def read(message: Any) -> list[Record]:
    """What a message says; nothing for acknowledgements, `pong` and other channels."""
    if not isinstance(message, dict):
        raise WireError("the message is no object")
    arg = message.get("arg")
    if not isinstance(arg, dict) or "data" not in message:
        return []
    channel = arg.get("channel")
    if channel in CHAINED_CHANNELS:
        symbol, snapshot = need(arg, "instId", str), _is_snapshot(message)
        depth = CHAINED_CHANNELS[channel]
        return [_book(symbol, found, snapshot, depth) for found in need(message, "data", list)]
    if channel in SNAPSHOT_CHANNELS:
        symbol, depth = need(arg, "instId", str), SNAPSHOT_CHANNELS[channel]
        return [_book(symbol, found, True, depth) for found in need(message, "data", list)]
    if channel in TRADE_CHANNELS:
        return [_trade(found) for found in need(message, "data", list)]
    return []


def _is_snapshot(message: dict[str, Any]) -> bool:
    action = message.get("action")
    if action not in ("snapshot", "update"):
        raise WireError(f"`action` is {shown(action)}; expected: snapshot or update")
    return bool(action == "snapshot")


def _book(symbol: str, found: Any, snapshot: bool, depth: int) -> Book:
    # Recordings from before 2023 have no sequence ids, only checksums.
    numbered = isinstance(found, dict) and "seqId" in found
    return Book(
        symbol=symbol,
        snapshot=snapshot,
        exchange_ns=milliseconds_ns(found.get("ts") if isinstance(found, dict) else None, "ts"),
        bids=pairs(found.get("bids"), "bids"),
        asks=pairs(found.get("asks"), "asks"),
        previous_id=need(found, "prevSeqId", int) if numbered and not snapshot else None,
        last_id=need(found, "seqId", int) if numbered else 0,
        checksum=found.get("checksum") or None,
        depth=depth,
    )


def _trade(found: Any) -> Print:
    return Print(
        symbol=need(found, "instId", str),
        exchange_ns=milliseconds_ns(found.get("ts"), "ts"),
        trade_id=need(found, "tradeId", str),
        aggressor=side_of(found.get("side"), "buy", "sell"),
        price=number(found.get("px"), "px"),
        size=number(found.get("sz"), "sz"),
    )


def checksum(bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> int:
    """Signed CRC-32 over `bid price:bid size:ask price:ask size:...` of the 25 best levels, as sent."""
    parts = [
        part
        for level in zip_longest(bids[:CHECKED_LEVELS], asks[:CHECKED_LEVELS], fillvalue=())
        for side in level
        for part in side
    ]
    unsigned = zlib.crc32(":".join(parts).encode("ascii"))
    return unsigned - 2**32 if unsigned >= 2**31 else unsigned
