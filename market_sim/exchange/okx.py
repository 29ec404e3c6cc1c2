"""OKX's WebSocket API, version 5: `books`, `trades`, ids that chain, text pings.

Source: OKX's API guide. The checksum is 0, as the exchange sends it since 2026; a client that is silent for
thirty seconds is sent away.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from market_sim.engine import Side
from market_sim.exchange.board import Board, Changes, Moved, Quoted, Trade, Window
from market_sim.exchange.session import Answer, Closing, Session, dump, load, now_ms

DEPTH = 400
CHANNELS = ("books", "trades")
SILENCE_NS = 30_000_000_000


class OkxSession(Session):
    """One connection, with the last id sent for every book."""

    def __init__(self, board: Board, path: str) -> None:
        super().__init__(board, path)
        self._books: dict[str, int] = {}
        self._trades: set[str] = set()

    @property
    def subscribed(self) -> bool:
        """Whether it listens to any book or trades."""
        return bool(self._books or self._trades)

    def heard(self, text: str) -> list[str]:
        """subscribe, unsubscribe and ping."""
        if text == "ping":
            return ["pong"]
        request = load(text)
        if not isinstance(request, dict) or request.get("op") not in ("subscribe", "unsubscribe"):
            return [dump({"event": "error", "code": "60012", "msg": f"Invalid request: {text[:200]}"})]
        head = {"id": request["id"]} if "id" in request else {}
        told = []
        for arg in request.get("args") or []:
            told += self._arg(request["op"], arg, head)
        return told

    def _arg(self, op: str, arg: Any, head: dict[str, Any]) -> list[str]:
        channel, symbol = (arg.get("channel"), arg.get("instId")) if isinstance(arg, dict) else (None, None)
        if channel not in CHANNELS or symbol not in self.board.symbols:
            text = f"Wrong URL or channel:{channel},instId:{symbol} doesn't exist."
            return [dump({**head, "event": "error", "code": "60018", "msg": text, "connId": f"{id(self):x}"})]
        told = [dump({**head, "event": op, "arg": arg, "connId": f"{id(self):x}"})]
        if channel == "trades":
            (self._trades.add if op == "subscribe" else self._trades.discard)(symbol)
        elif op == "unsubscribe":
            self._books.pop(symbol, None)
        else:
            quoted = self.board.symbols[symbol]
            window = quoted.window(DEPTH)
            self._books[symbol] = quoted.last_id
            sides = list(window.bids.items()), list(window.asks.items())
            told.append(_message(quoted, "snapshot", -1, quoted.last_id, *sides))
        return told

    def moved(self, quoted: Quoted, window: Window, moved: Moved) -> list[str]:
        """An update that continues the last one."""
        last_id = self._books.get(quoted.symbol)
        if last_id is None or window.depth != DEPTH:
            return []
        self._books[quoted.symbol] = moved.last_id
        return [_message(quoted, "update", last_id, moved.last_id, moved.bids, moved.asks)]

    def traded(self, quoted: Quoted, trade: Trade) -> list[str]:
        """A trade."""
        if quoted.symbol not in self._trades:
            return []
        told = {
            "instId": quoted.symbol,
            "tradeId": str(quoted.trades),
            "px": quoted.price(trade.price),
            "sz": quoted.size(trade.size),
            "side": "sell" if trade.aggressor == Side.SELL else "buy",
            "ts": str(now_ms()),
            "count": "1",
        }
        return [dump({"arg": {"channel": "trades", "instId": quoted.symbol}, "data": [told]})]

    def second(self) -> list[str]:
        """Nothing; but a silent client has to go."""
        if time.monotonic_ns() - self.heard_ns > SILENCE_NS:
            raise Closing(4004, "No data received in 30s.")
        return []

    @staticmethod
    def answer(board: Board, path: str, query: Mapping[str, str]) -> Answer | None:
        """Instruments over REST."""
        if path != "/api/v5/public/instruments":
            return None
        wanted = query.get("instId")
        chosen = [quoted for quoted in board.symbols.values() if wanted in (None, quoted.symbol)]
        if not chosen:
            return 200, {"code": "51001", "msg": "Instrument ID does not exist", "data": []}
        return 200, {"code": "0", "msg": "", "data": [_instrument(quoted) for quoted in chosen]}


def _message(quoted: Quoted, action: str, previous: int, last: int, bids: Changes, asks: Changes) -> str:
    sides = [
        [[quoted.price(price), quoted.size(lots), "0", "1" if lots else "0"] for price, lots in side]
        for side in (bids, asks)
    ]
    ids = {"ts": str(now_ms()), "checksum": 0, "prevSeqId": previous, "seqId": last}
    data = {"asks": sides[1], "bids": sides[0], **ids}
    return dump({"arg": {"channel": "books", "instId": quoted.symbol}, "action": action, "data": [data]})


def _instrument(quoted: Quoted) -> dict[str, Any]:
    return {
        "instType": "SPOT",
        "instId": quoted.symbol,
        "baseCcy": quoted.base,
        "quoteCcy": quoted.quote,
        "tickSz": f"{quoted.tick:f}",
        "lotSz": f"{quoted.lot:f}",
        "minSz": f"{quoted.lot:f}",
        "state": "live",
    }
