"""Coinbase: Advanced Trade (`level2`, `market_trades`) and the Exchange feed (`level2_batch`, `matches`).

Source: Coinbase's documentation, "Advanced Trade WebSocket channels" and "Exchange WebSocket channels". On
Advanced Trade every message of a connection, of whatever channel, takes the next `sequence_num`; the level
books themselves are not numbered. Sides of trades are the maker's. The Exchange feed proves nothing about
its level book, nor does a recording whose recorder left the numbers out.
"""

from __future__ import annotations

from typing import Any

from market_sim.engine import Side
from market_sim.protocols.records import (
    Book,
    Levels,
    Numbered,
    Print,
    Record,
    WireError,
    need,
    number,
    pairs,
    shown,
    side_of,
    stamp_ns,
)

TRUNCATES = False
_ADVANCED_CHANNELS = ("l2_data", "market_trades")
_EXCHANGE_TYPES = ("snapshot", "l2update", "match", "last_match", "heartbeat", "subscriptions")


def recognises(message: Any) -> bool:
    """Whether a message is one of this protocol."""
    if not isinstance(message, dict):
        return False
    if "channel" in message and ("sequence_num" in message or message["channel"] in _ADVANCED_CHANNELS):
        return True
    return message.get("type") in _EXCHANGE_TYPES and ("product_id" in message or "channels" in message)


def read(message: Any) -> list[Record]:
    """What a message says; only its sequence number for channels that carry no market data."""
    if not isinstance(message, dict):
        raise WireError("the message is no object")
    if "channel" not in message:
        return _read_exchange(message)
    records: list[Record] = []
    if "sequence_num" in message:
        records.append(Numbered(need(message, "sequence_num", int)))
    channel = message.get("channel")
    if channel == "l2_data":
        at_ns = stamp_ns(message.get("timestamp"), "timestamp")
        records += [_book(event, at_ns) for event in need(message, "events", list)]
    elif channel == "market_trades":
        for event in need(message, "events", list):
            history = _is_snapshot(event)
            records += [_trade(found, history) for found in _in_order(need(event, "trades", list))]
    return records


def _is_snapshot(event: Any) -> bool:
    kind = event.get("type") if isinstance(event, dict) else None
    if kind not in ("snapshot", "update"):
        raise WireError(f"an event's `type` is {shown(kind)}; expected: snapshot or update")
    return bool(kind == "snapshot")


def _book(event: Any, at_ns: int) -> Book:
    snapshot = _is_snapshot(event)
    bids: Levels = []
    asks: Levels = []
    for found in need(event, "updates", list):
        # Asks are spelled "offer"; recorders that put that right write "ask".
        word = need(found, "side", str).lower()
        side = side_of("offer" if word == "ask" else word, "bid", "offer")
        level = (
            number(found.get("price_level"), "price_level"),
            number(found.get("new_quantity"), "new_quantity"),
        )
        (bids if side == Side.BUY else asks).append(level)
    return Book(need(event, "product_id", str), snapshot, at_ns, bids, asks)


def _in_order(trades: list[Any]) -> list[Any]:
    # A batch lists its newest trade first; ids rise with time.
    ids = [trade.get("trade_id") for trade in trades if isinstance(trade, dict)]
    whole = len(ids) == len(trades) and all(isinstance(found, str) and found.isdigit() for found in ids)
    return sorted(trades, key=lambda trade: int(trade["trade_id"])) if whole else trades


def _trade(found: Any, history: bool) -> Print:
    maker = side_of(found.get("side") if isinstance(found, dict) else None, "buy", "sell")
    return Print(
        symbol=need(found, "product_id", str),
        exchange_ns=stamp_ns(found.get("time"), "time"),
        trade_id=need(found, "trade_id", str),
        aggressor=Side.SELL if maker == Side.BUY else Side.BUY,
        price=number(found.get("price"), "price"),
        size=number(found.get("size"), "size"),
        history=history,
    )


def _read_exchange(message: dict[str, Any]) -> list[Record]:
    kind = message.get("type")
    if kind == "snapshot":
        at_ns = stamp_ns(message["time"], "time") if "time" in message else None
        symbol = need(message, "product_id", str)
        return [
            Book(symbol, True, at_ns, pairs(message.get("bids"), "bids"), pairs(message.get("asks"), "asks"))
        ]
    if kind == "l2update":
        return [_changes(message)]
    if kind in ("match", "last_match"):
        trade = {**message, "trade_id": str(need(message, "trade_id", int))}
        return [_trade(trade, history=kind == "last_match")]
    return []


def _changes(message: dict[str, Any]) -> Book:
    bids: Levels = []
    asks: Levels = []
    for change in need(message, "changes", list):
        if not isinstance(change, list) or len(change) != 3:
            raise WireError(f"a change is {shown(change)}; expected: [side, price, size]")
        level = number(change[1], "changes"), number(change[2], "changes")
        (bids if side_of(change[0], "buy", "sell") == Side.BUY else asks).append(level)
    at_ns = stamp_ns(message["time"], "time") if "time" in message else None
    return Book(need(message, "product_id", str), False, at_ns, bids, asks)
