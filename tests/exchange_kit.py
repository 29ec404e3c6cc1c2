"""Clients of the loopback exchange for tests: an independent one (ccxt), and a bare socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from decimal import Decimal

import websockets.sync.client

from market_sim.exchange import Exchange

PROTOCOLS = ("binance", "kraken", "coinbase", "okx", "bybit")


def subscriptions(protocol, symbol, depth=None):
    """What a client sends for book and trades of one symbol."""
    if protocol == "binance":
        return [
            {
                "method": "SUBSCRIBE",
                "params": [f"{symbol.lower()}@depth@100ms", f"{symbol.lower()}@trade"],
                "id": 1,
            }
        ]
    if protocol == "kraken":
        book = {"channel": "book", "symbol": [symbol], "depth": depth or 1000}
        trades = {"channel": "trade", "symbol": [symbol]}
        return [{"method": "subscribe", "params": params, "req_id": 1} for params in (book, trades)]
    if protocol == "coinbase":
        channels = ("heartbeats", "level2", "market_trades")
        return [{"type": "subscribe", "product_ids": [symbol], "channel": channel} for channel in channels]
    if protocol == "okx":
        return [
            {
                "id": "1",
                "op": "subscribe",
                "args": [{"channel": c, "instId": symbol} for c in ("books", "trades")],
            }
        ]
    return [{"op": "subscribe", "args": [f"orderbook.{depth or 1000}.{symbol}", f"publicTrade.{symbol}"]}]


@contextlib.contextmanager
def connected(exchange: Exchange, path=None):
    """A bare WebSocket."""
    url = exchange.url + ("/stream" if exchange.protocol == "binance" else "")
    if path is not None:
        url = f"ws://{exchange.host}:{exchange.port}{path}"
    with websockets.sync.client.connect(url, max_size=None, close_timeout=1) as socket:
        yield socket


def listen(exchange: Exchange, symbol, depth=None, patience_s=20.0):
    """Every message of a subscription until the market is over and nothing more comes."""
    heard = []
    with connected(exchange) as socket:
        for message in subscriptions(exchange.protocol, symbol, depth):
            socket.send(json.dumps(message))
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            try:
                heard.append(socket.recv(timeout=0.3))
            except TimeoutError:
                if exchange.ended.is_set():
                    return heard
    raise AssertionError(f"{exchange.protocol}: the market did not end within {patience_s} s")


def texts(exchange: Exchange, symbol, levels):
    """The exchange's true book as (price, size) decimals."""
    quoted = exchange.board.symbols[symbol]
    return tuple(
        [(Decimal(price), Decimal(size)) for price, size in quoted.texts(side)]
        for side in exchange.board.book(symbol, levels)
    )


async def followed_by_ccxt(exchange: Exchange, base, quote, quiet_s):
    """(bids, asks, updates) as ccxt's own client has them once nothing has come for a while at the end."""
    import ccxt.pro

    client = getattr(ccxt.pro, exchange.protocol)({"newUpdates": False})
    urls = client.urls["api"]
    if exchange.protocol == "binance":
        urls["ws"]["spot"], urls["public"] = f"{exchange.url}/ws", f"{exchange.rest_url}/api/v3"
    elif exchange.protocol == "kraken":
        urls["ws"]["publicV2"] = exchange.url
    elif exchange.protocol == "bybit":
        urls["ws"]["public"]["spot"] = exchange.url
    else:
        urls["ws"] = exchange.url
    (symbol,) = (name for name, quoted in exchange.board.symbols.items() if quoted.base == base)
    market = {
        "id": symbol,
        "lowercaseId": symbol.lower(),
        "symbol": f"{base}/{quote}",
        "base": base,
        "quote": quote,
    }
    kind = {"baseId": base, "quoteId": quote, "type": "spot", "spot": True, "active": True}
    client.set_markets([client.safe_market_structure({**market, **kind, "info": {"wsname": symbol}})])
    limit = {"kraken": 100, "binance": 1000}.get(exchange.protocol)
    updates, book = 0, None
    try:
        while True:
            try:
                book = await asyncio.wait_for(client.watch_order_book(f"{base}/{quote}", limit), quiet_s)
                updates += 1
            except TimeoutError:
                if exchange.ended.is_set():
                    break
        assert book is not None, f"{exchange.protocol}: no book came"
        sides = [
            [(Decimal(str(level[0])), Decimal(str(level[1]))) for level in book[side]]
            for side in ("bids", "asks")
        ]
        return sides[0], sides[1], updates
    finally:
        await client.close()
