"""The connector against the loopback exchange: in step, through faults, and with agents in what it brings."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from market_sim import engine
from market_sim.errors import DataError, EngineError
from market_sim.exchange import Exchange, open_play
from market_sim.exchange.server import Interference, json_response
from market_sim.feeding import feed, open_captured, start_ws
from tests.captures import made_up_market
from tests.exchange_kit import PROTOCOLS


def connector():
    """The extension with its connector, or None."""
    try:
        return engine.feed_module()
    except EngineError:
        return None


pytestmark = pytest.mark.skipif(
    connector() is None, reason="the native extension has no connector to live feeds"
)

DATA = Path(os.environ.get("MARKET_SIM_DATA", Path(__file__).parents[2] / "shared" / "data"))
QUICK = {
    "backoff_base_ms": 50,
    "backoff_cap_ms": 400,
    "snapshots_per_minute": 600,
    "snapshot_weight_per_minute": 600_000,
    "connects_per_minute": 600,
}


def serve(protocol, source="two_venues", speed=20.0, interference=None, until="20s"):
    play = (
        open_play(source, protocol, seed=7, until=until)
        if source == "two_venues"
        else open_play(source, protocol)
    )
    return Exchange(play, protocol, speed=speed, interference=interference)


def follow(exchange, settings=None, depth=None):
    """A FeedHandle on everything an exchange has."""
    module = connector()
    rows = [
        (exchange.protocol, quoted.symbol, f"{quoted.tick:f}", f"{quoted.lot:f}")
        for quoted in exchange.board.symbols.values()
    ]
    return module.FeedHandle(
        rows,
        ws_urls={exchange.protocol: exchange.url},
        rest_urls={exchange.protocol: exchange.rest_url},
        depth=depth,
        settings={**QUICK, **(settings or {})},
    )


class Reader:
    """A consumer that mirrors books from events alone and holds the connector to its promises."""

    def __init__(self, handle):
        self.handle = handle
        self.books = {}
        self.states = {}
        self.gaps = []
        self.kinds = Counter()
        self.last_ns = 0
        self.primed = {}

    def take(self, event):
        kind, recv_ns, _, sub = event[:4]
        assert recv_ns > self.last_ns, "receive stamps rise strictly"
        self.last_ns = recv_ns
        self.kinds[kind] += 1
        if kind == "snapshot":
            self.books[sub] = ({}, {})
            self.primed[sub] = True
            self._set(sub, event)
        elif kind == "diff":
            assert self.states[sub] == "live", f"a diff while {self.states[sub]}"
            self._set(sub, event)
            bids, asks = self.books[sub]
            assert not (bids and asks) or max(bids) < min(asks), "a crossed book was shown"
        elif kind == "trade":
            assert self.states[sub] == "live"
        elif kind == "state":
            state = event[4]
            if state == "live":
                assert self.primed.get(sub), "live without a snapshot before it"
            else:
                self.primed[sub] = False
            self.states[sub] = state
        else:
            self.gaps.append((sub, *event[4:9]))

    def _set(self, sub, event):
        for side, price, size in zip(*event[6:9], strict=True):
            self.books[sub][side].pop(price, None)
            if size:
                self.books[sub][side][price] = size

    def until(self, exchange, quiet_s=0.4, patience_s=30.0):
        """Read until the exchange's market is over and nothing more comes."""
        deadline, last = time.monotonic() + patience_s, time.monotonic()
        while time.monotonic() < deadline:
            events = self.handle.poll(4096, 50)
            for event in events:
                self.take(event)
            if any(event[0] in ("diff", "snapshot", "trade") for event in events):
                last = time.monotonic()
            quiet = time.monotonic() - last > quiet_s
            if quiet and exchange.ended.is_set() and all(state == "live" for state in self.states.values()):
                return self
        raise AssertionError(f"not live and quiet after {patience_s} s: {self.states}, {self.handle.stats()}")

    def book(self, sub=0):
        bids, asks = self.books[sub]
        return sorted(bids.items(), reverse=True), sorted(asks.items())


def assert_accounted(handle, protocol):
    told = handle.stats()["venues"][protocol]
    parts = sum(told[name] for name in ("applied", "ignored", "rejected", "dropped", "buffered"))
    assert told["received"] == parts, told


def assert_true_book(exchange, handle, reader, levels=None):
    """The mirrored book, the handle's own and the exchange's truth are one."""
    for sub, symbol in enumerate(exchange.board.symbols):
        truth = tuple(side[:levels] for side in exchange.board.book(symbol))
        assert tuple(side[:levels] for side in reader.book(sub)) == truth
        found = handle.book(sub, levels or 0)
        assert found is not None
        assert (found[3], found[4]) == truth


# -- in step


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_session_on_loopback_and_its_capture(tmp_path, protocol):
    file = tmp_path / "session.msfeed"
    with serve(protocol, until="1m").in_thread() as exchange:
        result = feed(
            [f"{protocol}:BTC/USD"],
            seed=3,
            until="4s",
            record=file,
            ws_urls={protocol: exchange.url},
            rest_urls={protocol: exchange.rest_url},
        )
        assert exchange.failure is None
    summary = result.summary()
    (story,) = summary["replay"]["books"].values()
    assert story["gaps"] == 0
    assert story["diffs"] > 100
    assert story["trades"] > 20
    assert summary["orders"] > 0
    assert set(summary["ledger_imbalance"].values()) == {0}
    again = open_captured(file, seed=3)
    again.run()
    assert again.result().event_log_hash == result.event_log_hash
    assert again.flow.torn_bytes == 0


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_book_that_is_followed_is_the_exchange_s(protocol):
    with serve(protocol).in_thread() as exchange:
        handle = follow(exchange)
        reader = Reader(handle).until(exchange)
        assert_true_book(exchange, handle, reader)
        assert reader.gaps == []
        stats = handle.stats()["subscriptions"][0]
        assert (stats["checksum_bad"], stats["crossed"], stats["resyncs"]) == (0, 0, 0)
        handle.stop()
        assert_accounted(handle, protocol)


def tickers_of(lines):
    """(update id, best prices and sizes) of every recorded book ticker."""
    found = []
    for line in lines:
        data = json.loads(line.split(" ", 1)[1])
        data = data.get("data", data)
        if "e" not in data and "A" in data:
            found.append((data["u"], tuple(Decimal(data[key]) for key in ("b", "B", "a", "A"))))
    return found


def compare_with_tickers(path, lines, speed, patience_s):
    """(rows, equal): the followed book after each diff against the last ticker up to its update id."""
    tickers = tickers_of(lines)
    rows = equal = 0
    with serve("binance", str(path), speed=speed).in_thread() as exchange:
        handle = follow(exchange)
        (quoted,) = exchange.board.symbols.values()
        reader, position, current = Reader(handle), 0, None
        deadline = time.monotonic() + patience_s
        while True:
            events = handle.poll(4096, 200)
            for event in events:
                reader.take(event)
                if event[0] != "diff":
                    continue
                while position < len(tickers) and tickers[position][0] <= event[5]:
                    current = tickers[position][1]
                    position += 1
                if current is None:
                    continue
                bids, asks = reader.books[0]
                bid, ask = max(bids), min(asks)
                found = (bid * quoted.tick, bids[bid] * quoted.lot, ask * quoted.tick, asks[ask] * quoted.lot)
                rows += 1
                equal += found == current
            if exchange.ended.is_set() and not events:
                break
            assert time.monotonic() < deadline, "the capture did not end in time"
        assert_true_book(exchange, handle, reader, 50)
        assert reader.gaps == []
        handle.stop()
        assert_accounted(handle, "binance")
    return rows, equal


def test_a_binance_capture_through_the_exchange_agrees_with_its_tickers(tmp_path):
    capture = made_up_market(20)
    rows, equal = compare_with_tickers(capture.write(tmp_path / "c.gz"), capture.lines, 10.0, 30.0)
    assert rows == equal > 150


@pytest.mark.slow
@pytest.mark.skipif(
    not (DATA / "binance").is_dir(), reason=f"no captures in {DATA}; MARKET_SIM_DATA names them"
)
def test_the_recorded_bitcoin_book_through_the_exchange_agrees_with_its_tickers(tmp_path):
    """The comparison of the spine, with the socket between: 6,491 of 6,493 rows there, 99.9 % here."""
    packed = sorted((DATA / "binance").glob("*.gz"))
    lines = [
        f"{line}\n" for name in packed for line in gzip.decompress(name.read_bytes()).decode().splitlines()
    ]
    whole = tmp_path / "whole.txt"
    whole.write_text("".join(lines))
    rows, equal = compare_with_tickers(whole, lines, 12.0, 150.0)
    print(f"{equal} of {rows} rows equal")
    assert rows > 6_000
    assert equal >= 0.999 * rows


# -- faults, injected between the exchange and the connector

UPDATE = {
    "binance": '"e":"depthUpdate"',
    "kraken": '"channel":"book","type":"update"',
    "coinbase": '"type":"update","product_id"',
    "okx": '"action":"update"',
    "bybit": '"type":"delta"',
}


class Fault(Interference):
    """Does something to book updates number `at` and, with `times`, to those after it; counts what it did."""

    def __init__(self, protocol, act, at=40, times=1):
        self.mark = UPDATE[protocol]
        self.act = act
        self.numbers = range(at, at + times)
        self.seen = 0
        self.done = 0

    def outgoing(self, number, message):
        if self.mark not in message:
            return (message,)
        self.seen += 1
        if self.seen not in self.numbers:
            return (message,)
        self.done += 1
        return self.act(message)


async def cut(socket):
    """The connection breaks without a goodbye."""
    socket.transport.abort()


def closing(code):
    async def close(socket):
        await socket.close(code, "as the test wants it")

    return close


def faulty_session(protocol, fault, settings=None, until="40s"):
    """What a consumer sees of a session with a fault: (reader, statistics), its last book compared."""
    with serve(protocol, until=until, interference=fault).in_thread() as exchange:
        handle = follow(exchange, settings)
        try:
            reader = Reader(handle).until(exchange)
            assert_true_book(exchange, handle, reader)
        finally:
            handle.stop()
        assert exchange.failure is None
        assert_accounted(handle, protocol)
        return reader, handle.stats()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("lost", [1, 7])
def test_lost_updates_are_noticed_and_the_book_is_fetched_again(protocol, lost):
    fault = Fault(protocol, lambda message: (), times=lost)
    reader, stats = faulty_session(protocol, fault)
    assert fault.done >= lost
    book_gaps = [gap for gap in reader.gaps if gap[1] == "book"]
    assert book_gaps, "a lost update must show"
    assert {gap[2] for gap in book_gaps} <= {"sequence", "checksum", "disconnected", "crossed"}
    assert reader.kinds["snapshot"] >= 2
    assert stats["subscriptions"][0]["gaps"] >= 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repeated_and_swapped_updates_never_show_a_wrong_book(protocol):
    held = []

    def swap(message):
        held.append(message)
        return () if len(held) % 2 else (message, held[-2])

    repeated, _ = faulty_session(protocol, Fault(protocol, lambda message: (message, message), times=3))
    assert repeated.kinds["snapshot"] >= 1
    swapped, _ = faulty_session(protocol, Fault(protocol, swap, times=2))
    assert swapped.kinds["snapshot"] >= (1 if protocol == "kraken" else 2)


STRANGE = {
    "broken": '{"half":',
    "unknown": '{"channel":"news","event":"unheard of"}',
    "binary": b"\x00\xff\x01",
    "list": "[1,2,3]",
    "null": "null",
    "nan": '{"data":NaN}',
}


@pytest.mark.parametrize(
    ("protocol", "extra"),
    [*(("kraken", name) for name in STRANGE), *((name, "broken") for name in PROTOCOLS if name != "kraken")],
)
def test_messages_nobody_documented_leave_the_book_right(protocol, extra):
    fault = Fault(protocol, lambda message: (STRANGE[extra], message))
    _, stats = faulty_session(protocol, fault, until="20s")
    venue = stats["venues"][protocol]
    assert fault.done == 1
    assert venue["ignored"] + venue["rejected"] >= 1


@pytest.mark.parametrize(
    ("protocol", "end"),
    [*((name, "cut") for name in PROTOCOLS), ("kraken", 1000), ("kraken", 1011), ("binance", 1001)],
)
def test_a_connection_that_ends_is_made_again(protocol, end):
    action = cut if end == "cut" else closing(end)
    reader, stats = faulty_session(protocol, Fault(protocol, lambda message: (action,)))
    assert stats["venues"][protocol]["connects"] == 2
    assert [gap[1:3] for gap in reader.gaps if gap[1] == "book"] == [("book", "disconnected")]
    assert reader.kinds["snapshot"] == 2


def test_a_wrong_checksum_is_not_believed_and_not_shown():
    def spoil(message):
        head, mark, tail = message.partition('"checksum":')
        return (head + mark + "1" + tail.lstrip("0123456789"),)

    reader, stats = faulty_session("kraken", Fault("kraken", spoil))
    assert stats["subscriptions"][0]["checksum_bad"] == 1
    assert [gap[2] for gap in reader.gaps if gap[1] == "book"] == ["checksum"]


class Refusing(Interference):
    """Refuses the first connections, or spoils the first answers over HTTP."""

    def __init__(self, connections=(), answers=()):
        self.connections = list(connections)
        self.answers = list(answers)

    def connecting(self, number, request):
        return self.connections.pop(0) if self.connections else None

    def answer(self, path, answer):
        return self.answers.pop(0) if self.answers and "/depth" in path else answer


def html(status):
    body = b"<html>an error page</html>"
    return Response(
        status, "OK", Headers({"Content-Type": "text/html", "Content-Length": str(len(body))}), body
    )


@pytest.mark.parametrize(
    "answers",
    [
        [json_response(429, {"code": -1003}, Retry_After="1")],
        [json_response(503, {}), json_response(500, {})],
        [html(200)],
        [json_response(200, {"lastUpdateId": 0, "bids": [["1", "1"]], "asks": [["2", "1"]]})] * 3,
        [json_response(200, {"lastUpdateId": None, "bids": [], "asks": []})],
    ],
    ids=["429", "5xx", "html", "old", "null"],
)
def test_a_snapshot_that_cannot_be_had_is_asked_for_again(answers):
    wanted = len(answers)
    reader, stats = faulty_session("binance", Refusing(answers=answers), until="60s")
    assert stats["venues"]["binance"]["snapshots_asked"] >= wanted + 1
    assert reader.kinds["snapshot"] == 1


@pytest.mark.parametrize("status", [429, 503, 403])
def test_a_refused_handshake_is_tried_again(status):
    answers = [json_response(status, {}, Retry_After="1")] * 2
    began = time.monotonic()
    _, stats = faulty_session("kraken", Refusing(connections=answers))
    assert stats["venues"]["kraken"]["connects"] >= 1
    if status == 429:
        assert time.monotonic() - began > 2.0, "Retry-After is kept"


def test_a_gap_of_one_symbol_leaves_the_others_alone():
    class OneSymbol(Fault):
        def outgoing(self, number, message):
            return super().outgoing(number, message) if '"symbol":"BTC/USD"' in message else (message,)

    fault = OneSymbol("kraken", lambda message: ())
    play = open_play("triangle", "kraken", seed=7, until="20s")
    with Exchange(play, "kraken", speed=10.0, interference=fault).in_thread() as exchange:
        handle = follow(exchange)
        reader = Reader(handle).until(exchange)
        assert_true_book(exchange, handle, reader)
        handle.stop()
        assert_accounted(handle, "kraken")
        symbols = list(exchange.board.symbols)
    assert len(symbols) >= 3
    assert {symbols[gap[0]] for gap in reader.gaps} == {"BTC/USD"}
    assert handle.stats()["venues"]["kraken"]["connects"] == 1


# -- from Python


def test_start_ws_reads_and_stops():
    with serve("kraken", speed=5.0).in_thread() as exchange:
        handle = start_ws(
            exchange.url, ["BTC/USD"], protocol="kraken", rest_url=exchange.rest_url, blocking=False
        )
        deadline = time.monotonic() + 10
        while handle.state()[0] != "live":
            assert time.monotonic() < deadline, handle.state()
            time.sleep(0.02)
        book = handle.order_book("BTC/USD")
        assert book is not None
        assert book.best_bid.price < book.best_ask.price
        assert handle.order_book() is not None
        with pytest.raises(DataError, match="There are BTC/USD"):
            handle.order_book("ETH/USD")
        began = time.monotonic()
        handle.stop()
        assert time.monotonic() - began < 1.0
        assert handle.order_book() is None
        assert handle.state()[0] == "stopped"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def command(*arguments):
    return [sys.executable, "-m", "market_sim", *arguments]


def test_without_a_network_the_command_says_so_within_seconds():
    url = f"kraken=ws://127.0.0.1:{free_port()}"
    began = time.monotonic()
    done = subprocess.run(
        command("feed", "kraken:BTC/USD@0.1/0.00000001", "--url", url, "--patience", "2s"),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no live book within 2 s" in done.stderr
    assert "refused" in done.stderr.lower()
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "end",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, marks=pytest.mark.slow),
    ],
)
def test_a_session_from_the_command_line_lives_again_from_its_capture(tmp_path, end):
    """Ctrl-C and SIGTERM end it in order; a kill -9 leaves the capture to its last whole record."""
    file = tmp_path / "session.msfeed"
    with serve("kraken", until="5m", speed=10.0).in_thread() as exchange:
        addresses = ["--url", f"kraken={exchange.url}", "--rest-url", f"kraken={exchange.rest_url}"]
        process = subprocess.Popen(
            command("feed", "kraken:BTC/USD", "--seed", "3", "--record", str(file), "--json", *addresses),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 40
        while not file.exists() or file.stat().st_size < 6_000:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline, "nothing is recorded"
            time.sleep(0.1)
        process.send_signal(end)
        told, said = process.communicate(timeout=30)
    done = subprocess.run(
        command("replay", str(file), "--seed", "3", "--json"), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["replay"]["books"]["KRAKEN:BTC/USD"]["diffs"] > 20
    assert again["replay"]["breaks_off"] == ("breaks off" in done.stderr) == (end == signal.SIGKILL)
    if end != signal.SIGKILL:
        assert process.returncode == 0, said
        assert json.loads(told)["event_log_hash"] == again["event_log_hash"]
    else:
        assert process.returncode == -signal.SIGKILL
        assert again["orders"] > 0


def test_the_command_converts_a_session_s_capture(tmp_path):
    file, out = tmp_path / "session.msfeed", tmp_path / "tables"
    with serve("okx", until="1m").in_thread() as exchange:
        addresses = {"okx": exchange.url}, {"okx": exchange.rest_url}
        lived = feed(
            ["okx:BTC/USD"], "watch", until="2s", record=file, ws_urls=addresses[0], rest_urls=addresses[1]
        )
    done = subprocess.run(
        command("convert", str(file), "--out", str(out), "--json"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (source,) = json.loads(done.stdout)["sources"]
    story = lived.summary()["replay"]["books"]["OKX:BTC/USD"]
    assert source["updates"] == story["diffs"] + story["snapshots"]
    assert (source["trades"], source["faults_found"]) == (story["trades"], 0)
    assert {path.name for path in out.iterdir()} == {
        "levels-00000.parquet", "trades-00000.parquet", "events-00000.parquet",
    }  # fmt: skip
