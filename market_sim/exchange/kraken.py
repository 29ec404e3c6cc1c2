"""Kraken's WebSocket API, version 2: `book` with its checksum, `trade`, `instrument`, heartbeats.

Source: Kraken's API documentation. Prices and sizes go out as JSON numbers with all their decimals, so
messages are put together as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from market_sim.engine import Side
from market_sim.exchange.board import Board, Changes, Moved, Quoted, Trade, Window
from market_sim.exchange.session import Answer, Session, dump, load, now_text
from market_sim.protocols.kraken import DEPTHS, checksum

CHANNELS = ("book", "trade", "instrument")


class KrakenSession(Session):
    """One connection, with its subscribed channels by symbol."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, path)
        self._books: dict[str, int] = {}
        self._trades: set[str] = set()
        self._quiet = False

    @property
    def subscribed(self) -> bool:
        """Whether it listens to any book or trades."""
        return bool(self._books or self._trades)

    def opened(self) -> list[str]:
        """The status of the system."""
        status = {"system": "online", "api_version": "v2", "connection_id": id(self), "version": "2.0.0"}
        return [dump({"channel": "status", "type": "update", "data": [status]})]

    def heard(self, text: str) -> list[str]:
        """subscribe, unsubscribe and ping."""
        request, came = load(text), now_text()
        if not isinstance(request, dict):
            return [
                dump(
                    {"error": "Malformed request", "success": False, "time_in": came, "time_out": now_text()}
                )
            ]
        head = {"req_id": request["req_id"]} if "req_id" in request else {}
        method, params = request.get("method"), request.get("params")
        if method == "ping":
            return [dump({"method": "pong", **head, "time_in": came, "time_out": now_text()})]
        if method not in ("subscribe", "unsubscribe") or not isinstance(params, dict):
            return [dump({"error": "Unsupported method", "method": method, "success": False, **head})]
        tail = {"success": True, "time_in": came, "time_out": now_text(), **head}
        if params.get("channel") == "instrument":
            return self._instruments(tail)
        symbols = params.get("symbol")
        told = []
        for symbol in symbols if isinstance(symbols, list) else [symbols]:
            error = self._refusal(method, params, symbol)
            if error is not None:
                wrong = {**tail, "success": False, "symbol": symbol}
                told.append(dump({"error": error, "method": method, **wrong}))
            else:
                act = self._subscribe if method == "subscribe" else self._leave
                told += act(str(symbol), params, tail)
        return told

    def _refusal(self, method: str, params: Mapping[str, Any], symbol: Any) -> str | None:
        channel, depth = params.get("channel"), params.get("depth", 10)
        if channel not in CHANNELS:
            return "Subscription channel not supported"
        if symbol not in self.board.symbols:
            return f"Currency pair not supported {symbol}"
        if channel == "book" and depth not in DEPTHS:
            return "Subscription depth not supported"
        known = symbol in (self._books if channel == "book" else self._trades)
        if method == "subscribe":
            return "Already subscribed" if known else None
        return None if known else "Subscription Not Found"

    def _subscribe(self, symbol: str, params: Mapping[str, Any], tail: dict[str, Any]) -> list[str]:
        quoted = self.board.symbols[symbol]
        snapshot = params.get("snapshot", True) is not False
        if params["channel"] == "trade":
            self._trades.add(symbol)
            result = {"channel": "trade", "snapshot": snapshot, "symbol": symbol}
            return [dump({"method": "subscribe", "result": result, **tail})]
        depth = self._books[symbol] = params.get("depth", 10)
        window = quoted.window(depth)
        result = {"channel": "book", "depth": depth, "snapshot": snapshot, "symbol": symbol}
        told = [dump({"method": "subscribe", "result": result, **tail})]
        if snapshot:
            told.append(_message("snapshot", quoted, list(window.bids.items()), list(window.asks.items())))
        return told

    def _leave(self, symbol: str, params: Mapping[str, Any], tail: dict[str, Any]) -> list[str]:
        result: dict[str, Any] = {"channel": params["channel"], "symbol": symbol}
        if params["channel"] == "book":
            result["depth"] = self._books.pop(symbol)
        else:
            self._trades.discard(symbol)
        return [dump({"method": "unsubscribe", "result": result, **tail})]

    def _instruments(self, tail: dict[str, Any]) -> list[str]:
        pairs = ",".join(_pair(quoted) for quoted in self.board.symbols.values())
        ack = dump({"method": "subscribe", "result": {"channel": "instrument", "snapshot": True}, **tail})
        data = f'{{"channel":"instrument","type":"snapshot","data":{{"assets":[],"pairs":[{pairs}]}}}}'
        return [ack, data]

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """An update, unless the book is not subscribed to at that depth."""
        if self._books.get(quoted.symbol) != window.depth:
            return []
        self._quiet = False
        # What is pushed out at the far end is not said: the client cuts its book itself.
        bids = [(price, size) for price, size in moved.bids if size or not quoted.bids.get(price)]
        asks = [(price, size) for price, size in moved.asks if size or not quoted.asks.get(price)]
        return [_message("update", quoted, bids, asks)] if bids or asks else []

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """A trade, unless trades are not subscribed to."""
        if quoted.symbol not in self._trades:
            return []
        self._quiet = False
        side = "sell" if trade.aggressor == Side.SELL else "buy"
        data = (
            f'{{"symbol":"{quoted.symbol}","side":"{side}","price":{quoted.price(trade.price)},'
            f'"qty":{quoted.size(trade.size)},"ord_type":"market","trade_id":{quoted.trades},"timestamp":"{now_text()}"}}'
        )
        return [f'{{"channel":"trade","type":"update","data":[{data}]}}']

    def second(self) -> list[str]:
        """A heartbeat where nothing else was said to a subscriber."""
        quiet, self._quiet = self._quiet, True
        return ['{"channel":"heartbeat"}'] if quiet and self.subscribed else []

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """Asset pairs over REST."""
        if path != "/0/public/AssetPairs":
            return None
        wanted = [name for name in query.get("pair", "").split(",") if name]
        by_name = {quoted.symbol.replace("/", ""): quoted for quoted in board.symbols.values()}
        chosen = [name.replace("/", "") for name in wanted] or list(by_name)
        if any(name not in by_name for name in chosen):
            return 200, {"error": ["EQuery:Unknown asset pair"]}
        return 200, {"error": [], "result": {name: _rest_pair(by_name[name]) for name in chosen}}


def _message(kind: str, quoted: Quoted, bids: Changes, asks: Changes) -> str:
    proof = checksum(quoted.digits(quoted.bids.top(10)), quoted.digits(quoted.asks.top(10)))
    sides = f'"bids":[{_levels(quoted, bids)}],"asks":[{_levels(quoted, asks)}]'
    data = f'{{"symbol":"{quoted.symbol}",{sides},"checksum":{proof},"timestamp":"{now_text()}"}}'
    return f'{{"channel":"book","type":"{kind}","data":[{data}]}}'


def _levels(quoted: Quoted, levels: Changes) -> str:
    return ",".join(f'{{"price":{quoted.price(price)},"qty":{quoted.size(size)}}}' for price, size in levels)


def _pair(quoted: Quoted) -> str:
    head = {"symbol": quoted.symbol, "base": quoted.base, "quote": quoted.quote, "status": "online"}
    precision = {"price_precision": quoted.price_decimals, "qty_precision": quoted.size_decimals}
    steps = f'"price_increment":{quoted.tick:f},"qty_increment":{quoted.lot:f},"qty_min":{quoted.lot:f}'
    return dump({**head, **precision})[:-1] + f",{steps}}}"


def _rest_pair(quoted: Quoted) -> dict[str, Any]:
    return {
        "altname": quoted.symbol.replace("/", ""),
        "wsname": quoted.symbol,
        "base": quoted.base,
        "quote": quoted.quote,
        "pair_decimals": quoted.price_decimals,
        "cost_decimals": 8,
        "lot_decimals": quoted.size_decimals,
        "lot_multiplier": 1,
        "ordermin": f"{quoted.lot:f}",
        "tick_size": f"{quoted.tick:f}",
        "status": "online",
    }
