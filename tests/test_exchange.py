"""The loopback exchange: any client of a protocol ends with the book that its market ends with."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal

import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

from market_sim.errors import MarketSimError
from market_sim.exchange import Board, Depth, Exchange, SimulationPlay, Trade, open_play
from market_sim.exchange.board import Quoted
from market_sim.market import Market
from market_sim.protocols import READERS
from market_sim.protocols.records import Print, decode
from market_sim.protocols.symbols import symbol_name
from market_sim.replaying.keeping import Keeper
from market_sim.scenario import load
from tests.captures import made_up_market
from tests.exchange_kit import PROTOCOLS, connected, followed_by_ccxt, listen, subscriptions, texts

SEED = 7


def simulated(protocol, until="20s", speed=None):
    return Exchange(open_play("two_venues", protocol, seed=SEED, until=until), protocol, speed=speed)


def truth_of_a_run(until):
    """The book that the same market ends with when nobody serves it, as (price, size) decimals."""
    market = Market(load("two_venues"), seed=SEED)
    market.run(until)
    (north,) = [picture for picture in market.last_books if picture.name.startswith("NORTH")]
    return tuple(
        [(Decimal(str(price)), Decimal(str(size))) for price, size in side]
        for side in (north.bids, north.asks)
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_independent_client_ends_with_the_book_of_the_simulation(protocol):
    pytest.importorskip("ccxt.pro", reason="ccxt is not installed (dependency group dev)")
    with simulated(protocol, speed=20).in_thread() as exchange:
        bids, asks, updates = asyncio.run(followed_by_ccxt(exchange, "BTC", "USD", quiet_s=0.7))
        (symbol,) = exchange.board.symbols
        assert (bids, asks) == texts(exchange, symbol, None)
    assert updates > 50
    assert (bids, asks) == truth_of_a_run("20s")


@pytest.mark.slow
@pytest.mark.timeout(420)
@pytest.mark.parametrize("protocol", ["kraken", "binance"])
def test_an_independent_client_follows_a_simulation_for_five_minutes(protocol):
    pytest.importorskip("ccxt.pro", reason="ccxt is not installed (dependency group dev)")
    with simulated(protocol, until="5m", speed=1.0).in_thread() as exchange:
        bids, asks, updates = asyncio.run(followed_by_ccxt(exchange, "BTC", "USD", quiet_s=2.0))
    print(f"{protocol}: {updates} updates, {len(bids)} bids and {len(asks)} asks compared")
    expected = truth_of_a_run("5m")
    assert (bids[:20], asks[:20]) == expected
    assert updates > 1000


@pytest.mark.parametrize("protocol", PROTOCOLS[1:])
@pytest.mark.parametrize("depth", [None, "least"])
def test_what_is_served_proves_itself(protocol, depth):
    """Checksums, chains and sequence numbers hold from the first message to the last."""
    least = {"kraken": 10, "bybit": 50}.get(protocol)
    if depth and least is None:
        pytest.skip(f"{protocol} has one depth")
    with simulated(protocol).in_thread() as exchange:
        (symbol,) = exchange.board.symbols
        heard = listen(exchange, symbol, least if depth else None)
        expected = texts(exchange, symbol, 10)
    keeper = Keeper(READERS[protocol])
    records = [record for message in heard for record in READERS[protocol].read(decode(message))]
    trades = [found for record in records for found in keeper.take(record) if isinstance(found, Print)]
    book = keeper.book(symbol)
    assert (book.counts.gaps, book.counts.checksum_bad, keeper.sequence_gaps) == (0, 0, 0)
    assert (book.counts.snapshots, book.counts.crossed, book.trusted) == (1, 0, True)
    assert book.counts.checksum_ok > 50 or protocol != "kraken"
    assert len(trades) > 10
    kept = tuple([(Decimal(p), Decimal(s)) for p, s in side.texts(10)] for side in (book.bids, book.asks))
    assert kept == expected


def test_a_binance_client_of_our_own_book_code_is_in_step():
    """By the documented procedure, with nothing of ours but the socket: buffer, snapshot, continue."""
    with simulated("binance", speed=40).in_thread() as exchange:
        book, last, taken = {"b": {}, "a": {}}, None, 0
        with connected(exchange, "/ws/btcusd@depth@100ms") as socket:
            buffered = [json.loads(socket.recv()) for _ in range(5)]
            with urllib.request.urlopen(
                f"{exchange.rest_url}/api/v3/depth?symbol=BTCUSD&limit=5000"
            ) as answer:
                snapshot = json.load(answer)
            assert snapshot["lastUpdateId"] >= buffered[0]["U"] - 1
            for side, name in (("b", "bids"), ("a", "asks")):
                book[side] = {Decimal(price): Decimal(size) for price, size in snapshot[name]}
            last = snapshot["lastUpdateId"]
            while True:
                try:
                    event = buffered.pop(0) if buffered else json.loads(socket.recv(timeout=0.5))
                except TimeoutError:
                    if exchange.ended.is_set():
                        break
                    continue
                if event["u"] <= last:
                    continue
                assert event["U"] <= last + 1, "something was lost"
                last, taken = event["u"], taken + 1
                for side in ("b", "a"):
                    for price, size in event[side]:
                        book[side][Decimal(price)] = Decimal(size)
        bids, asks = texts(exchange, "BTCUSD", None)
    assert taken > 50
    assert sorted(((p, s) for p, s in book["b"].items() if s), reverse=True) == bids
    assert sorted((p, s) for p, s in book["a"].items() if s) == asks


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_capture_is_served_under_any_protocol(tmp_path, protocol):
    """A Binance capture: under its own protocol with its own ids, under another with that one's proofs."""
    file = made_up_market(8).write(tmp_path / "capture.gz")
    with Exchange(open_play(str(file), protocol), protocol, speed=None).in_thread() as exchange:
        (symbol,) = exchange.board.symbols
        assert symbol == symbol_name("BTC", "USDT", protocol)
        heard = listen(exchange, symbol)
        expected = texts(exchange, symbol, 10)
    if protocol != "binance":
        keeper = Keeper(READERS[protocol])
        for message in heard:
            for record in READERS[protocol].read(decode(message)):
                list(keeper.take(record))
        book = keeper.book(symbol)
        assert (book.counts.checksum_bad, book.counts.gaps, keeper.sequence_gaps) == (0, 0, 0)
        assert book.counts.updates_applied > 50
        assert book.counts.checksum_ok > 50 or protocol != "kraken"
        assert (
            tuple([(Decimal(p), Decimal(s)) for p, s in side.texts(10)] for side in (book.bids, book.asks))
            == expected
        )
        return
    served = [json.loads(message)["data"] for message in heard if "depth" in message]
    recorded = [
        json.loads(line.split(" ", 1)[1])["data"] for line in made_up_market(8).lines if "depthUpdate" in line
    ]
    ids = {(event["U"], event["u"]) for event in recorded}
    assert len(served) > 50
    assert {(event["U"], event["u"]) for event in served} <= ids
    assert [event["U"] for event in served[1:]] == [event["u"] + 1 for event in served[:-1]]


def test_symbols_of_a_capture_that_do_not_fit_the_engine_are_named(tmp_path):
    def line(symbol, sizes):
        book = {"s": symbol, "b": [["1", size] for size in sizes], "a": [], "u": 7, "seq": 1}
        return json.dumps(
            {"topic": f"orderbook.50.{symbol}", "type": "snapshot", "ts": 1_767_323_045_000, "data": book}
        )

    file = tmp_path / "capture.jsonl"
    file.write_text(line("BTCUSDT", ["1"]) + "\n" + line("PEPEUSDT", ["0.00000001", "90000000000"]) + "\n")
    play = open_play(str(file), "bybit")
    assert list(play.board.symbols) == ["BTCUSDT"]
    assert "PEPEUSDT" in play.notes[0]


def test_a_window_tells_exactly_what_its_clients_must_change():
    """Against a client that keeps only what it is told, over random changes."""
    draw = random.Random(3)
    quoted = Quoted("A", "A", "B", Decimal("0.01"), Decimal("0.001"))
    windows = {depth: quoted.window(depth) for depth in (1, 5, None)}
    held = {depth: ({}, {}) for depth in windows}
    for _ in range(2000):
        sides = [
            [(draw.randrange(1, 60) + 60 * side, draw.choice((0, 0, 5, 7))) for _ in range(draw.randrange(4))]
            for side in (0, 1)
        ]
        snapshot = draw.random() < 0.01
        for window, moved in quoted.apply(
            Depth("A", snapshot, *[list(dict(side).items()) for side in sides])
        ):
            for side, changes in zip(held[window.depth], (moved.bids, moved.asks), strict=True):
                for price, size in changes:
                    side.pop(price, None)
                    if size:
                        side[price] = size
        for depth, (bids, asks) in held.items():
            assert bids == dict(quoted.bids.top(depth))
            assert asks == dict(quoted.asks.top(depth))


def test_numbers_are_written_with_all_their_decimals():
    quoted = Quoted("A", "A", "B", Decimal("0.05"), Decimal("0.00000001"))
    assert quoted.price(1) == "0.05"
    assert quoted.price(123456) == "6172.80"
    assert quoted.size(150_000_000) == "1.50000000"
    assert Quoted("A", "A", "B", Decimal(5), Decimal(1)).texts([(3, 2)]) == [["15", "2"]]
    assert quoted.digits([(123456, 7)]) == [(617280, 7)]


@pytest.mark.parametrize(
    ("protocol", "path", "told"),
    [
        ("binance", "/api/v3/exchangeInfo?symbol=BTCUSD", "tickSize"),
        ("kraken", "/0/public/AssetPairs?pair=BTC/USD", '"tick_size":"5"'),
        ("coinbase", "/api/v3/brokerage/market/products/BTC-USD", '"base_increment":"0.001"'),
        ("okx", "/api/v5/public/instruments?instType=SPOT&instId=BTC-USD", '"lotSz":"0.001"'),
        ("bybit", "/v5/market/instruments-info?category=spot&symbol=BTCUSD", '"tickSize":"5"'),
    ],
)
def test_instruments_over_http(protocol, path, told):
    with simulated(protocol).in_thread() as exchange:
        with urllib.request.urlopen(exchange.rest_url + path) as answer:
            assert answer.headers["Content-Type"] == "application/json"
            body = answer.read().decode()
        assert told in body
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{exchange.rest_url}/nothing/here")
        assert caught.value.code == 404


@pytest.mark.parametrize(
    ("protocol", "request_", "told"),
    [
        ("binance", {"method": "SUBSCRIBE", "params": ["xxxyyy@depth"], "id": 5}, '{"result":null,"id":5}'),
        ("binance", {"method": "NONE", "id": 6}, '"code":2'),
        (
            "kraken",
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["XX/YY"]}},
            "Currency pair not supported XX/YY",
        ),
        ("kraken", {"method": "ping", "req_id": 9}, '"method":"pong","req_id":9'),
        ("coinbase", {"type": "subscribe", "product_ids": ["XX-YY"], "channel": "level2"}, '"type":"error"'),
        ("okx", {"op": "subscribe", "args": [{"channel": "books", "instId": "XX-YY"}]}, '"code":"60018"'),
        ("okx", "ping", "pong"),
        ("bybit", {"op": "subscribe", "args": ["orderbook.50.XXYY"]}, '"success":false'),
        ("bybit", {"op": "ping", "req_id": "1"}, '"ret_msg":"pong"'),
    ],
)
def test_requests_are_answered_as_the_exchange_would(protocol, request_, told):
    with simulated(protocol).in_thread() as exchange, connected(exchange) as socket:
        socket.send(request_ if isinstance(request_, str) else json.dumps(request_))
        answer = socket.recv(timeout=5)
        if '"channel":"status"' in answer:
            answer = socket.recv(timeout=5)
        assert told in answer


class Endless:
    """A market of one level that changes as fast as it may."""

    def __init__(self):
        self.board = Board([Quoted("BTCUSD", "BTC", "USD", Decimal(1), Decimal(1))])

    def events(self):
        for number in range(10**9):
            yield number, [Depth("BTCUSD", False, [(100 + number % 500, 1 + number % 7)], [(1000, 1)])]


def test_a_client_that_does_not_read_is_cut_off():
    exchange = Exchange(Endless(), "binance", speed=1e-3)  # a nanosecond of market lasts a microsecond
    with exchange.in_thread(), connected(exchange) as socket:
        for message in subscriptions("binance", "BTCUSD"):
            socket.send(json.dumps(message))
        given_up_by = time.monotonic() + 60
        # Nothing is read until the exchange has given up: a reader on a busy machine could keep up with it.
        while not any(client.closing for client in exchange._clients):
            assert time.monotonic() < given_up_by
            time.sleep(0.05)
        with pytest.raises(ConnectionClosed) as caught:
            list(iter(lambda: socket.recv(timeout=5), None))
        assert caught.value.rcvd.code == 1008


def test_a_market_that_fails_is_told():
    class Broken(Endless):
        def events(self):
            yield from [(0, [Depth("BTCUSD", False, [(1, 1)], [])]), (1, [Trade("NOWHERE", 0, 1, 1)])]

    with Exchange(Broken(), "binance", speed=None).in_thread() as exchange, connected(exchange) as socket:
        socket.send(json.dumps(subscriptions("binance", "BTCUSD")[0]))
        assert exchange.ended.wait(5)
        assert isinstance(exchange.failure, KeyError)


def test_unknown_protocols_and_venues_are_refused():
    with pytest.raises(MarketSimError, match="Choose binance, kraken"):
        Exchange(Endless(), "nasdaq")
    plan = load("two_venues")
    with pytest.raises(MarketSimError, match="Venues: NORTH, SOUTH"):
        SimulationPlay(plan, "kraken", venue="EAST")


def test_the_command_serves_and_ends_with_its_market():
    command = [
        sys.executable,
        "-m",
        "market_sim",
        "exchange",
        "two_venues",
        "--protocol",
        "kraken",
        "--port",
        "0",
    ]
    command += ["--until", "3s", "--speed", "max", "--once", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        assert told["symbols"] == ["BTC/USD"]
        with websockets.sync.client.connect(told["url"]) as socket:
            socket.send(json.dumps(subscriptions("kraken", "BTC/USD")[0]))
            assert json.loads(socket.recv())["channel"] == "status"
        assert process.wait(30) == 0
