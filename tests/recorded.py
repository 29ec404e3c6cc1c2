"""Recordings made by hand, message by message as the exchanges document them, with every oddity they have."""

from __future__ import annotations

import json

STAMP = "2026-01-02T03:04:05.000006Z"
STAMP_NS = 1_767_323_045_000_006_000
STAMP_MS = STAMP_NS // 10**6


def dumped(message):
    """A message as it goes over the wire."""
    return message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


def coinbase(channel, number, events):
    return {
        "channel": channel,
        "client_id": "",
        "timestamp": STAMP,
        "sequence_num": number,
        "events": events,
    }


def coinbase_levels(kind, product, *levels):
    updates = [
        {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": price, "new_quantity": size}
        for side, price, size in levels
    ]
    return {"type": kind, "product_id": product, "updates": updates}


def coinbase_trades(kind, product, *ids):
    trade = {"product_id": product, "price": "68901", "size": "0.5", "side": "BUY", "time": STAMP}
    trades = [{"trade_id": str(number), **trade} for number in ids]
    return {"type": kind, "trades": trades}


def coinbase_session(first=0):
    """One connection from its first frame on, two products; the numbers go over all channels.

    Acknowledgements and heartbeats take numbers as well, asks are called "offer", a message can hold events
    of two products, the trades of the past come with the subscription, new ones newest first, and a field or
    a channel that nobody knows is in it. COINBASE_BOOKS is what it ends with.
    """
    both = ["BTC-USD", "ETH-USD"]
    bodies = [
        ("subscriptions", [{"subscriptions": {"heartbeats": ["heartbeats"]}}]),
        ("heartbeats", [{"current_time": "2026-01-02 03:04:05 +0000 UTC m=+1.5", "heartbeat_counter": 1}]),
        (
            "l2_data",
            [
                coinbase_levels(
                    "snapshot",
                    "BTC-USD",
                    ("bid", "68900.00", "1.50"),
                    ("bid", "68899.99", "2"),
                    ("offer", "68901.00", "2"),
                    ("offer", "68902.5", "0.00000001"),
                )
            ],
        ),
        ("subscriptions", [{"subscriptions": {"heartbeats": ["heartbeats"], "level2": ["BTC-USD"]}}]),
        ("l2_data", [coinbase_levels("snapshot", "ETH-USD", ("offer", "3000.1", "7"))]),
        ("subscriptions", [{"subscriptions": {"heartbeats": ["heartbeats"], "level2": both}}]),
        ("market_trades", [coinbase_trades("snapshot", "BTC-USD", 12, 11)]),
        (
            "l2_data",
            [
                coinbase_levels("update", "BTC-USD", ("offer", "68901.00", "0"), ("bid", "68900.01", "3")),
                coinbase_levels("update", "ETH-USD", ("bid", "3000.0", "1")),
            ],
        ),
        ("market_trades", [coinbase_trades("update", "BTC-USD", 14, 13)]),
        ("status", [{"type": "snapshot", "products": []}]),
        ("candles", "of another shape"),
        ("heartbeats", [{"current_time": "x", "heartbeat_counter": "2"}]),
        # A level that was not there is deleted, another is named twice: the last counts.
        (
            "l2_data",
            [
                coinbase_levels(
                    "update",
                    "BTC-USD",
                    ("bid", "1.00", "0"),
                    ("bid", "68899.99", "5"),
                    ("bid", "68899.99", "4"),
                )
            ],
        ),
    ]
    return [coinbase(channel, first + number, events) for number, (channel, events) in enumerate(bodies)]


COINBASE_BOOKS = {
    "BTC-USD": ([("68900.01", "3"), ("68900.00", "1.50"), ("68899.99", "4")], [("68902.5", "0.00000001")]),
    "ETH-USD": ([("3000.0", "1")], [("3000.1", "7")]),
}


def bybit(topic, kind, data, **more):
    return {"topic": topic, "type": kind, "ts": STAMP_MS + 3, "data": data, **more}


def bybit_book(kind, number, bids, asks, depth=50, symbol="BTCUSDT", **more):
    data = {"s": symbol, "b": bids, "a": asks, "u": number, "seq": 7_961_638_724 + 100 * number}
    return bybit(f"orderbook.{depth}.{symbol}", kind, data, **more)


def bybit_session():
    """One connection, `orderbook.50` and `.1` and trades of one symbol, and topics that are no book of it.

    Acknowledgement and pong have no topic; `cts` is not always there; fields stand in any order; the
    one-level topic repeats its snapshot under the same `u`; a delta comes twice; a second snapshot comes
    unasked, and after a restart of the service one with `u` 1; a side may be empty; trades of one message
    share a `seq`. BYBIT_BOOK is what it ends with.
    """
    trade = {"T": STAMP_MS, "s": "BTCUSDT", "S": "Sell", "v": "0.001", "p": "16493.50", "BT": False, "seq": 7}
    turned = bybit_book("delta", 19, [["16493.50", "0"]], [["16610.50", "2"]], cts=STAMP_MS)
    return [
        {"success": True, "ret_msg": "subscribe", "conn_id": "2324d924", "req_id": "t", "op": "subscribe"},
        bybit_book("snapshot", 4, [["16493.50", "0.006"]], [["16611.00", "0.029"]], depth=1, cts=STAMP_MS),
        bybit_book(
            "snapshot",
            18,
            [["16493.50", "0.006"], ["16493.00", "0.1"]],
            [["16611.00", "0.029"]],
            cts=STAMP_MS,
        ),
        bybit_book("snapshot", 4, [["16493.50", "0.006"]], [["16611.00", "0.029"]], depth=1),
        {key: turned[key] for key in ("cts", "data", "ts", "type", "topic")},
        turned,
        bybit(
            "publicTrade.BTCUSDT",
            "snapshot",
            [{**trade, "i": "20f43950-d8dd"}, {**trade, "i": "20f43950-d8de"}],
        ),
        {"success": True, "ret_msg": "pong", "conn_id": "2324d924", "req_id": "100001", "op": "ping"},
        bybit_book("delta", 20, [], [], cts=STAMP_MS),
        bybit_book("snapshot", 77, [["16493.00", "1"]], [["16610.50", "1"]]),
        bybit_book("delta", 78, [], [["16610.50", "0"]]),
        bybit_book("snapshot", 1, [["16000", "1"]], [["16001", "1"]]),
        bybit_book("delta", 900, [["1", "1", "0"]], [], depth="rpi"),
        bybit_book("delta", 5_000, [["1", "1"]], [], depth="full"),
        bybit("tickers.BTCUSDT", "snapshot", {"symbol": "BTCUSDT", "lastPrice": "16000"}),
        bybit_book("delta", 2, [["15999.5", "2.5"]], []),
        bybit(
            "publicTrade.BTCUSDT",
            "snapshot",
            [{**trade, "i": "20f43950-d8de"}, {**trade, "i": "20f43950-d8df"}],
        ),
    ]


BYBIT_BOOK = ([("16000", "1"), ("15999.5", "2.5")], [("16001", "1")])


def binance_session():
    """A raw and a wrapped diff, the snapshot between them, trades and tickers."""

    def diff(first, last, bids, asks):
        return {
            "e": "depthUpdate",
            "E": STAMP_MS + last,
            "s": "BTCUSDT",
            "U": first,
            "u": last,
            "b": bids,
            "a": asks,
        }

    trade = {
        "e": "trade",
        "E": STAMP_MS,
        "s": "BTCUSDT",
        "t": 5,
        "p": "100.00",
        "q": "0.1",
        "T": STAMP_MS,
        "m": True,
        "M": True,
    }
    return [
        diff(90, 99, [["99.00", "1.0"]], []),
        {"lastUpdateId": 100, "bids": [["99.00", "2.0"]], "asks": [["101.00", "1.0"]]},
        {"stream": "btcusdt@depth@100ms", "data": diff(100, 101, [["100.00", "3.0"]], [])},
        {"stream": "btcusdt@trade", "data": trade},
        diff(102, 103, [["100.00", "2.9"]], [["101.00", "0.0"], ["102.00", "4.0"]]),
        {"u": 103, "s": "BTCUSDT", "b": "100.00", "B": "2.9", "a": "102.00", "A": "4.0"},
    ]


def okx_session():
    """`books` with its keep-alive and its reset, beside `books5` and `bbo-tbt` of the same pair."""

    def book(channel, rows, action=None, **ids):
        told = {"arg": {"channel": channel, "instId": "BTC-USDT"}}
        if action is not None:
            told["action"] = action
        bids, asks = rows
        data = {"asks": asks, "bids": bids, "ts": str(STAMP_MS), **ids}
        return {**told, "data": [data]}

    bid, ask = ["100", "1", "0", "1"], ["101", "1", "0", "1"]
    return [
        {
            "id": "1",
            "event": "subscribe",
            "arg": {"channel": "books", "instId": "BTC-USDT"},
            "connId": "a4d3ae55",
        },
        book("bbo-tbt", ([bid], [ask]), seqId=8),
        book("books", ([bid], [ask]), "snapshot", checksum=0, prevSeqId=-1, seqId=10),
        "pong",
        book("books", ([], []), "update", checksum=0, prevSeqId=10, seqId=10),
        book("books5", ([["99", "9", "0", "1"]], [ask]), seqId=11),
        book("books", ([["100.5", "2", "0", "1"]], []), "update", checksum=0, prevSeqId=10, seqId=3),
        book("books", ([["100", "0", "0", "0"]], []), "update", checksum=0, prevSeqId=3, seqId=5),
        {
            "event": "notice",
            "code": "64008",
            "msg": "The connection will soon be closed",
            "connId": "a4d3ae55",
        },
    ]
