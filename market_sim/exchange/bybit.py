"""Bybit's public WebSocket API, version 5, spot: `orderbook.DEPTH.SYMBOL`, `publicTrade.SYMBOL`, JSON pings.

Source: Bybit's API documentation. A request has at most ten topics.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from market_sim.engine import Side
from market_sim.exchange.board import Board, Moved, Quoted, Trade, Window
from market_sim.exchange.session import Answer, Session, dump, load, now_ms

DEPTHS = (1, 50, 200, 1000)
LARGEST_REQUEST = 10
REPEAT_NS = 3_000_000_000


class BybitSession(Session):
    """One connection, with its topics."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, path)
        self._topics: dict[str, None] = {}
        self._best_ns: dict[str, int] = {}

    @property
    def subscribed(self) -> bool:
        """Whether it listens to any topic."""
        return bool(self._topics)

    def heard(self, text: str) -> list[str]:
        """subscribe, unsubscribe and ping."""
        request = load(text)
        if not isinstance(request, dict):
            return [self._result(False, "Params Error", None, {})]
        head = {"req_id": request["req_id"]} if "req_id" in request else {}
        operation, topics = request.get("op"), request.get("args") or []
        if operation == "ping":
            return [self._result(True, "pong", "ping", head)]
        if operation not in ("subscribe", "unsubscribe"):
            return [self._result(False, "Invalid op", operation, head)]
        if len(topics) > LARGEST_REQUEST:
            return [self._result(False, f"args size >{LARGEST_REQUEST}", operation, head)]
        wrong = next((topic for topic in topics if self._parted(topic) is None), None)
        if wrong is not None:
            return [self._result(False, f"Invalid symbol :[{wrong}]", operation, head)]
        told = [self._result(True, operation, operation, head)]
        for topic in topics:
            if operation == "unsubscribe":
                self._topics.pop(topic, None)
            else:
                self._topics[topic] = None
                told += self._snapshot(topic)
        return told

    def _result(self, success: bool, message: str, operation: Any, head: dict[str, Any]) -> str:
        result = {"success": success, "ret_msg": message, "conn_id": f"{id(self):x}", "op": operation}
        return dump({**result, **head})

    def _parted(self, topic: Any) -> tuple[str, int, Quoted] | None:
        parts = topic.split(".") if isinstance(topic, str) else []
        quoted = self.board.symbols.get(parts[-1]) if parts else None
        if quoted is None:
            return None
        if parts[0] == "publicTrade" and len(parts) == 2:
            return "publicTrade", 0, quoted
        if parts[0] == "orderbook" and len(parts) == 3 and parts[1].isdigit() and int(parts[1]) in DEPTHS:
            return "orderbook", int(parts[1]), quoted
        return None

    def _snapshot(self, topic: str) -> list[str]:
        parted = self._parted(topic)
        assert parted is not None, "topics are looked at before they are taken"
        kind, depth, quoted = parted
        if kind == "publicTrade":
            return []
        window = quoted.window(depth)
        self._best_ns[topic] = time.monotonic_ns()
        book = quoted.texts(window.bids.items()), quoted.texts(window.asks.items())
        return [_message(quoted, depth, "snapshot", window.number, *book)]

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """A delta; for the topic of one level a snapshot."""
        topic = f"orderbook.{window.depth}.{quoted.symbol}"
        if topic not in self._topics:
            return []
        if window.depth == 1:
            return self._snapshot(topic)
        sides = quoted.texts(moved.bids), quoted.texts(moved.asks)
        return [_message(quoted, window.depth, "delta", moved.number, *sides)]

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """A trade."""
        topic = f"publicTrade.{quoted.symbol}"
        if topic not in self._topics:
            return []
        told = {
            "T": now_ms(),
            "s": quoted.symbol,
            "S": "Sell" if trade.aggressor == Side.SELL else "Buy",
            "v": quoted.size(trade.size),
            "p": quoted.price(trade.price),
            "L": "ZeroPlusTick",
            "i": f"00000000-0000-5000-8000-{quoted.trades:012x}",
            "BT": False,
            "seq": quoted.last_id,
        }
        return [dump({"topic": topic, "type": "snapshot", "ts": now_ms(), "data": [told]})]

    def second(self) -> list[str]:
        """The topics of one level say their snapshot again after three seconds."""
        due = time.monotonic_ns() - REPEAT_NS
        return [
            message
            for topic in self._topics
            if topic.startswith("orderbook.1.") and self._best_ns[topic] < due
            for message in self._snapshot(topic)
        ]

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """Instruments over REST."""
        if path != "/v5/market/instruments-info":
            return None
        wanted = query.get("symbol")
        chosen = [_instrument(quoted) for quoted in board.symbols.values() if wanted in (None, quoted.symbol)]
        result = {"category": "spot", "list": chosen}
        return 200, {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now_ms()}


def _message(
    quoted: Quoted, depth: int | None, kind: str, number: int, bids: list[list[str]], asks: list[list[str]]
) -> str:
    stamp = now_ms()
    data = {"s": quoted.symbol, "b": bids, "a": asks, "u": number, "seq": quoted.last_id}
    topic = f"orderbook.{depth}.{quoted.symbol}"
    return dump({"topic": topic, "ts": stamp, "type": kind, "data": data, "cts": stamp})


def _instrument(quoted: Quoted) -> dict[str, Any]:
    return {
        "symbol": quoted.symbol,
        "baseCoin": quoted.base,
        "quoteCoin": quoted.quote,
        "status": "Trading",
        "lotSizeFilter": {"basePrecision": f"{quoted.lot:f}", "minOrderQty": f"{quoted.lot:f}"},
        "priceFilter": {"tickSize": f"{quoted.tick:f}"},
    }
