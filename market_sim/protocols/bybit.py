"""Bybit's public WebSocket API, version 5: `orderbook.DEPTH.SYMBOL` and `publicTrade.SYMBOL`.

Source: Bybit's API documentation, "Orderbook". A delta's `u` is one above the last; any snapshot replaces the
book, with `u` 1 after a restart of the service; the one-level topic repeats a snapshot under the same `u`.
`seq` rises with time over all topics, also where `u` begins anew.
"""

from __future__ import annotations

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

TRUNCATES = False


def recognises(message: Any) -> bool:
    """Whether a message is one of this protocol."""
    if not isinstance(message, dict):
        return False
    topic = message.get("topic")
    if isinstance(topic, str) and topic.startswith(("orderbook.", "publicTrade.")):
        return True
    return "ret_msg" in message and "conn_id" in message


def read(message: Any) -> list[Record]:
    """What a message says; nothing for acknowledgements, pongs and other topics."""
    if not isinstance(message, dict):
        raise WireError("the message is no object")
    topic = message.get("topic")
    if not isinstance(topic, str):
        return []
    if topic.startswith("orderbook."):
        # `orderbook.rpi` counts other orders as well, and `orderbook.full` begins with an answer over REST.
        return [_book(message)] if topic.split(".")[1].isdigit() else []
    if topic.startswith("publicTrade."):
        return [_trade(found) for found in need(message, "data", list)]
    return []


def _book(message: dict[str, Any]) -> Book:
    kind = message.get("type")
    if kind not in ("snapshot", "delta"):
        raise WireError(f"`type` is {shown(kind)}; expected: snapshot or delta")
    found = need(message, "data", dict)
    last_id = need(found, "u", int)
    snapshot = kind == "snapshot" or last_id == 1
    # `cts` is the matching engine's time; early recordings have only the sender's.
    at_ns = milliseconds_ns(message.get("cts", message.get("ts")), "ts")
    return Book(
        symbol=need(found, "s", str),
        snapshot=snapshot,
        exchange_ns=at_ns,
        bids=pairs(found.get("b"), "b"),
        asks=pairs(found.get("a"), "a"),
        previous_id=None if snapshot else last_id - 1,
        last_id=last_id,
        repeats=True,
        order=need(found, "seq", int) if "seq" in found else 0,
        depth=int(message["topic"].split(".")[1]),
    )


def _trade(found: Any) -> Print:
    return Print(
        symbol=need(found, "s", str),
        exchange_ns=milliseconds_ns(found.get("T"), "T"),
        trade_id=need(found, "i", str),
        aggressor=side_of(found.get("S"), "buy", "sell"),
        price=number(found.get("p"), "p"),
        size=number(found.get("v"), "v"),
    )
