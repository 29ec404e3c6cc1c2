"""Binance spot: `/ws` and `/stream`, depth diffs with a REST snapshot, trades, book tickers, partial books.

Source: Binance spot API documentation, "WebSocket Streams", "Market Data endpoints". A stream of a symbol
that does not exist is acknowledged and stays silent, as there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from market_sim.engine import Side
from market_sim.exchange.board import Board, Moved, Quoted, Trade, Window
from market_sim.exchange.session import Answer, Session, dump, load, now_ms

LARGEST_DEPTH = 5000
DEFAULT_DEPTH = 100
_PARTIAL = re.compile(r"depth(5|10|20)(@\d+ms)?")
_DIFFS = ("depth", "depth@100ms", "depth@1000ms")
_INVALID = {"code": 2, "msg": "Invalid request: property name must be one of SUBSCRIBE, UNSUBSCRIBE"}


class BinanceSession(Session):
    """One connection, with streams from its path and from requests."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, path)
        parts = urlsplit(path)
        self._combined = parts.path.startswith("/stream")
        names = parse_qs(parts.query).get("streams", [""])[0] if self._combined else parts.path[4:]
        self._streams: dict[str, None] = dict.fromkeys(name for name in names.split("/") if name)
        self._best: dict[str, tuple[Any, ...]] = {}
        self._watch()

    @property
    def subscribed(self) -> bool:
        """Whether it listens to any stream."""
        return bool(self._streams)

    def heard(self, text: str) -> list[str]:
        """SUBSCRIBE, UNSUBSCRIBE and LIST_SUBSCRIPTIONS."""
        request = load(text)
        if not isinstance(request, dict):
            return [dump({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}})]
        number, params = request.get("id"), request.get("params", [])
        method = request.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            return [dump({"result": list(self._streams), "id": number})]
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not isinstance(params, list):
            return [dump({"error": _INVALID, "id": number})]
        for name in map(str, params):
            if method == "SUBSCRIBE":
                self._streams[name] = None
            else:
                self._streams.pop(name, None)
        self._watch()
        return [dump({"result": None, "id": number})]

    def _watch(self) -> None:
        # Diffs hold every level; what a client does not know came with its snapshot.
        for quoted in self.board.symbols.values():
            if any(name.startswith(f"{quoted.symbol.lower()}@") for name in self._streams):
                quoted.window(None)

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """Diffs, partial books and tickers of that symbol's streams."""
        told = []
        for name in self._streams:
            symbol, _, stream = name.partition("@")
            if symbol != quoted.symbol.lower() or window.depth is not None:
                continue
            if stream in _DIFFS:
                told.append(self._wrap(name, _diff(quoted, moved)))
            elif match := _PARTIAL.fullmatch(stream):
                told.append(self._wrap(name, _book(quoted, int(match[1]))))
            elif stream == "bookTicker" and (ticker := self._ticker(quoted)) is not None:
                told.append(self._wrap(name, ticker))
        return told

    def _ticker(self, quoted: Quoted) -> dict[str, Any] | None:
        bid, ask = quoted.bids.top(1), quoted.asks.top(1)
        best = (*bid, *ask)
        if not (bid and ask) or self._best.get(quoted.symbol) == best:
            return None
        self._best[quoted.symbol] = best
        (bid_text,), (ask_text,) = quoted.texts(bid), quoted.texts(ask)
        names = {"b": bid_text[0], "B": bid_text[1], "a": ask_text[0], "A": ask_text[1]}
        return {"u": quoted.last_id, "s": quoted.symbol, **names}

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """Trades of that symbol's streams."""
        told, stamp = [], now_ms()
        price, size = quoted.price(trade.price), quoted.size(trade.size)
        maker = trade.aggressor == Side.SELL
        data = {"e": "trade", "E": stamp, "s": quoted.symbol, "t": quoted.trades, "p": price, "q": size}
        for name in self._streams:
            if name == f"{quoted.symbol.lower()}@trade":
                told.append(self._wrap(name, {**data, "T": stamp, "m": maker, "M": True}))
            elif name == f"{quoted.symbol.lower()}@aggTrade":
                whole = {
                    "e": "aggTrade",
                    "E": stamp,
                    "s": quoted.symbol,
                    "a": quoted.trades,
                    "p": price,
                    "q": size,
                }
                ids = {"f": quoted.trades, "l": quoted.trades, "T": stamp, "m": maker, "M": True}
                told.append(self._wrap(name, {**whole, **ids}))
        return told

    def _wrap(self, name: str, data: dict[str, Any]) -> str:
        return dump({"stream": name, "data": data} if self._combined else data)

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """The REST snapshot, and what clients ask before it."""
        if path == "/api/v3/ping":
            return 200, {}
        if path == "/api/v3/time":
            return 200, {"serverTime": now_ms()}
        if path == "/api/v3/exchangeInfo":
            return _exchange_info(board, query)
        if path != "/api/v3/depth":
            return None
        quoted = board.symbols.get(query.get("symbol", "").upper())
        if quoted is None:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        limit = query.get("limit", str(DEFAULT_DEPTH))
        if not limit.isdigit() or not int(limit):
            return 400, {"code": -1100, "msg": "Illegal characters found in parameter 'limit'."}
        return 200, _book(quoted, min(int(limit), LARGEST_DEPTH))


def _diff(quoted: Quoted, moved: Moved) -> dict[str, Any]:
    head = {"e": "depthUpdate", "E": now_ms(), "s": quoted.symbol, "U": moved.first_id, "u": moved.last_id}
    return {**head, "b": quoted.texts(moved.bids), "a": quoted.texts(moved.asks)}


def _book(quoted: Quoted, levels: int) -> dict[str, Any]:
    bids, asks = quoted.texts(quoted.bids.top(levels)), quoted.texts(quoted.asks.top(levels))
    return {"lastUpdateId": quoted.last_id, "bids": bids, "asks": asks}


def _exchange_info(board: Board, query: Mapping[str, str]) -> Answer:
    wanted = query.get("symbol")
    if wanted is not None and wanted.upper() not in board.symbols:
        return 400, {"code": -1121, "msg": "Invalid symbol."}
    symbols = [_info(quoted) for quoted in board.symbols.values() if wanted in (None, quoted.symbol)]
    return 200, {"timezone": "UTC", "serverTime": now_ms(), "rateLimits": [], "symbols": symbols}


def _info(quoted: Quoted) -> dict[str, Any]:
    tick, lot = f"{quoted.tick:f}", f"{quoted.lot:f}"
    lots = {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000.00000000", "stepSize": lot}
    prices = {
        "filterType": "PRICE_FILTER",
        "minPrice": tick,
        "maxPrice": "1000000.00000000",
        "tickSize": tick,
    }
    return {
        "symbol": quoted.symbol,
        "status": "TRADING",
        "baseAsset": quoted.base,
        "baseAssetPrecision": 8,
        "quoteAsset": quoted.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "icebergAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [prices, lots],
        "permissions": ["SPOT"],
        "permissionSets": [["SPOT"]],
    }
