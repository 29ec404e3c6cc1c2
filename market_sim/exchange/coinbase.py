"""Coinbase Advanced Trade: `level2`, `market_trades`, `heartbeats`, every message numbered.

Source: Coinbase's documentation, "Advanced Trade WebSocket channels". A client that subscribes to nothing for
five seconds is sent away.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from market_sim.engine import Side
from market_sim.exchange.board import Board, Moved, Quoted, Trade, Window
from market_sim.exchange.session import Answer, Closing, Session, dump, load, now_text

CHANNELS = ("level2", "market_trades", "heartbeats")
PATIENCE_NS = 5_000_000_000


class CoinbaseSession(Session):
    """One connection, with its channels and the number of its next message."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, path)
        self._channels: dict[str, set[str]] = {}
        self._number = 0
        self._beats = 0

    @property
    def subscribed(self) -> bool:
        """Whether it listens to any book or trades."""
        return bool(self._channels.get("level2") or self._channels.get("market_trades"))

    def heard(self, text: str) -> list[str]:
        """subscribe and unsubscribe, one channel each."""
        request = load(text)
        if not isinstance(request, dict) or request.get("type") not in ("subscribe", "unsubscribe"):
            return [dump({"type": "error", "message": "failed to parse message"})]
        channel, products = request.get("channel"), request.get("product_ids", [])
        if channel not in CHANNELS:
            return [dump({"type": "error", "message": f"channel {channel} does not exist"})]
        unknown = [product for product in products if product not in self.board.symbols]
        if unknown:
            return [dump({"type": "error", "message": f"{unknown[0]} is not a valid product"})]
        wanted = products or ["*"] if channel == "heartbeats" else products
        told = []
        if request["type"] == "subscribe":
            self._channels.setdefault(channel, set()).update(wanted)
            if channel == "level2":
                told = [
                    self._say("l2_data", [_snapshot(self.board.symbols[product])]) for product in products
                ]
            elif channel == "market_trades":
                told = [self._say("market_trades", [{"type": "snapshot", "trades": []}])]
        else:
            self._channels.get(channel, set()).difference_update(wanted)
        all_of = {name: sorted(kept) for name, kept in self._channels.items() if kept}
        return [*told, self._say("subscriptions", [{"subscriptions": all_of}])]

    def _say(self, channel: str, events: list[Any]) -> str:
        number, self._number = self._number, self._number + 1
        head = {"channel": channel, "client_id": "", "timestamp": now_text(), "sequence_num": number}
        return dump({**head, "events": events})

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """An update of the whole book."""
        if quoted.symbol not in self._channels.get("level2", ()) or window.depth is not None:
            return []
        updates = _updates(quoted, moved.bids, moved.asks)
        return [self._say("l2_data", [{"type": "update", "product_id": quoted.symbol, "updates": updates}])]

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """A trade, with the maker's side."""
        if quoted.symbol not in self._channels.get("market_trades", ()):
            return []
        told = {
            "trade_id": str(quoted.trades),
            "product_id": quoted.symbol,
            "price": quoted.price(trade.price),
            "size": quoted.size(trade.size),
            "side": "BUY" if trade.aggressor == Side.SELL else "SELL",
            "time": now_text(),
        }
        return [self._say("market_trades", [{"type": "update", "trades": [told]}])]

    def second(self) -> list[str]:
        """A heartbeat for those who asked for it."""
        if not any(self._channels.values()) and time.monotonic_ns() - self.opened_ns > PATIENCE_NS:
            raise Closing(1008, "no subscription within five seconds")
        if not self._channels.get("heartbeats"):
            return []
        self._beats += 1
        return [self._say("heartbeats", [{"current_time": now_text(), "heartbeat_counter": self._beats}])]

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """Products over REST."""
        home = "/api/v3/brokerage/market/products"
        if path == home:
            products = [_product(quoted) for quoted in board.symbols.values()]
            return 200, {"products": products, "num_products": len(products)}
        if not path.startswith(f"{home}/"):
            return None
        quoted = board.symbols.get(path.rpartition("/")[2])
        if quoted is None:
            return 404, {"error": "NOT_FOUND", "message": "valid product_id is required"}
        return 200, _product(quoted)


def _snapshot(quoted: Quoted) -> dict[str, Any]:
    quoted.window(None)
    updates = _updates(quoted, quoted.bids.top(), quoted.asks.top())
    return {"type": "snapshot", "product_id": quoted.symbol, "updates": updates}


def _updates(
    quoted: Quoted, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
) -> list[dict[str, str]]:
    stamp = now_text()
    return [
        {
            "side": side,
            "event_time": stamp,
            "price_level": quoted.price(price),
            "new_quantity": quoted.size(size),
        }
        for side, levels in (("bid", bids), ("offer", asks))
        for price, size in levels
    ]


def _product(quoted: Quoted) -> dict[str, Any]:
    return {
        "product_id": quoted.symbol,
        "price_increment": f"{quoted.tick:f}",
        "quote_increment": f"{quoted.tick:f}",
        "base_increment": f"{quoted.lot:f}",
        "base_min_size": f"{quoted.lot:f}",
        "base_currency_id": quoted.base,
        "quote_currency_id": quoted.quote,
        "product_type": "SPOT",
        "status": "online",
    }
