"""Kraken, Coinbase, OKX and Bybit as recorded: read exactly, followed by their proofs, refused in words."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents.base import Trader
from market_sim.cli import app
from market_sim.engine import Side
from market_sim.errors import DataError
from market_sim.protocols import READERS, kraken, okx
from market_sim.protocols.records import Book, Numbered, Print, WireError, decode, milliseconds_ns, stamp_ns
from market_sim.replaying import check, replay
from market_sim.replaying.keeping import Change, Keeper
from market_sim.replaying.recording import Recording
from market_sim.replaying.recordings import protocol_of

DATA = Path(os.environ.get("MARKET_SIM_DATA", Path(__file__).parents[2] / "shared" / "data"))
STAMP = "2026-01-02T03:04:05.000006Z"
STAMP_NS = 1_767_323_045_000_006_000

# The example of Kraken's documentation, with its checksum, and an update derived from it.
ASKS = """45285.2/0.00100000 45286.4/1.54571953 45286.6/1.54571109 45289.6/1.54560911 45290.2/0.15890660
45291.8/1.54553491 45294.7/0.04454749 45296.1/0.35380000 45297.5/0.09945542 45299.5/0.18772827"""
BIDS = """45283.5/0.10000000 45283.4/1.54582015 45282.1/0.10000000 45281.0/0.10000000 45280.3/1.54592586
45279.0/0.07990000 45277.6/0.03310103 45277.5/0.30000000 45277.3/1.54602737 45276.6/0.15445238"""


def kraken_levels(text):
    return [level.split("/") for level in text.split()]


def kraken_book(kind, bids, asks, checksum, symbol="BTC/USD"):
    """A message with numbers as Kraken writes them: JSON numbers that keep their zeros."""
    sides = [
        "[" + ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in levels) + "]"
        for levels in (bids, asks)
    ]
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":{sides[0]},"asks":{sides[1]},'
        f'"checksum":{checksum},"timestamp":"{STAMP}"}}]}}'
    )


def kraken_snapshot(checksum=3310070434):
    return kraken_book("snapshot", kraken_levels(BIDS), kraken_levels(ASKS), checksum)


UPDATE = (
    "update",
    [("45283.5", "0.25000000"), ("45282.1", "0.00000000"), ("45276.5", "0.01000000")],
    [],
)


def follow(protocol, *messages):
    """Everything that follows from messages, and the keeper."""
    keeper = Keeper(READERS[protocol])
    found = [
        change
        for message in messages
        for record in READERS[protocol].read(
            decode(message if isinstance(message, str) else json.dumps(message))
        )
        for change in keeper.take(record)
    ]
    return found, keeper


def is_cleared(change):
    return isinstance(change, Change) and change.snapshot and not change.levels


# -- Kraken


def test_kraken_checksum_of_the_documentation_and_of_an_update():
    found, keeper = follow("kraken", kraken_snapshot(), kraken_book(*UPDATE, 2434760957))
    counts = keeper.book("BTC/USD").counts
    assert (counts.checksum_ok, counts.checksum_bad, counts.gaps) == (2, 0, 0)
    assert found[0].snapshot
    assert len(found[0].levels) == 20
    assert found[1].levels == [(0, *level) for level in UPDATE[1]]


def test_kraken_numbers_that_lost_their_zeros_give_another_checksum():
    floats = [[(float(price), float(size)) for price, size in kraken_levels(side)] for side in (BIDS, ASKS)]
    lost = [[(f"{price}", f"{size}") for price, size in side] for side in floats]
    digits = "".join(
        price.replace(".", "").lstrip("0") + size.replace(".", "").lstrip("0")
        for side in lost[::-1]
        for price, size in side
    )
    assert zlib.crc32(digits.encode()) == 1604409348
    # The decimals are found again by the checksum itself, and stated.
    _, keeper = follow("kraken", kraken_book("snapshot", *lost, 3310070434))
    book = keeper.book("BTC/USD")
    assert (book.counts.checksum_ok, book.decimals) == (1, (1, 8))


def test_kraken_decimals_come_from_the_instrument_channel_where_it_was_recorded():
    instrument = {
        "channel": "instrument",
        "type": "snapshot",
        "data": {"pairs": [{"symbol": "BTC/USD", "price_precision": 1, "qty_precision": 8}], "assets": []},
    }
    lost = [[(price, str(float(size))) for price, size in kraken_levels(side)] for side in (BIDS, ASKS)]
    _, keeper = follow("kraken", instrument, kraken_book("snapshot", *lost, 3310070434))
    book = keeper.book("BTC/USD")
    assert (book.counts.checksum_ok, book.precision_from, book.decimals) == (1, "instrument", (1, 8))


def test_a_kraken_book_is_cut_to_its_depth_after_every_message():
    """XChange issue 4571: a client that keeps what fell off shows a level that is long gone."""
    asks = [(f"{price}.0", "1.0") for price in range(1, 11)]
    ack = {
        "method": "subscribe",
        "success": True,
        "result": {"channel": "book", "symbol": "A/B", "depth": 10, "snapshot": True},
    }

    def crc(prices):
        return kraken.checksum([], [(int(price * 10), 10) for price in prices])

    found, keeper = follow(
        "kraken",
        ack,
        kraken_book("snapshot", [], asks, crc(range(1, 11)), "A/B"),
        kraken_book("update", [], [("2.5", "1.0")], crc([1, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]), "A/B"),
        kraken_book(
            "update", [], [("2.5", "0.0"), ("11.0", "1.0")], crc([1, 2, 3, 4, 5, 6, 7, 8, 9, 11]), "A/B"
        ),
    )
    assert keeper.book("A/B").counts.checksum_ok == 3
    assert (1, "10.0", "0") in found[1].levels
    assert [price for price, _ in keeper.book("A/B").asks.texts()][-1] == "11.0"


def test_a_wrong_checksum_empties_the_book_until_the_next_snapshot():
    found, keeper = follow(
        "kraken",
        kraken_snapshot(),
        kraken_book(*UPDATE, 1),
        kraken_book("update", [], [], 2434760957),
        kraken_snapshot(),
    )
    counts = keeper.book("BTC/USD").counts
    assert (counts.checksum_ok, counts.checksum_bad, counts.gaps, counts.updates_untrusted) == (3, 1, 1, 1)
    assert [is_cleared(change) for change in found] == [False, True, False]
    assert len(found[2].levels) == 20


def test_kraken_trades_before_the_subscription_are_no_news():
    trade = {"symbol": "BTC/USD", "side": "buy", "price": 1.5, "qty": 2, "trade_id": 7, "timestamp": STAMP}
    found, keeper = follow(
        "kraken",
        {"channel": "trade", "type": "snapshot", "data": [trade]},
        {"channel": "trade", "type": "update", "data": [trade | {"trade_id": 8}]},
        {"channel": "trade", "type": "update", "data": [trade | {"trade_id": 8}]},
    )
    assert found == [Print("BTC/USD", STAMP_NS, "8", Side.BUY, "1.5", "2")]
    assert keeper.trades_repeated == 1


# -- Coinbase


def coinbase(number, channel, events, **more):
    return {"channel": channel, "timestamp": STAMP, "sequence_num": number, "events": events, **more}


def coinbase_book(number, kind, *updates, product="BTC-USD"):
    rows = [
        {"side": side, "event_time": STAMP, "price_level": price, "new_quantity": size}
        for side, price, size in updates
    ]
    return coinbase(number, "l2_data", [{"type": kind, "product_id": product, "updates": rows}])


def coinbase_session():
    """Acknowledgements and heartbeats take numbers too; trades have the maker's side, newest first."""
    trade = {"product_id": "BTC-USD", "price": "68901", "size": "0.5", "side": "BUY", "time": STAMP}
    return [
        coinbase(0, "subscriptions", [{"subscriptions": {"level2": ["BTC-USD"]}}]),
        coinbase_book(1, "snapshot", ("bid", "68900.00", "1.50"), ("offer", "68901.00", "2")),
        coinbase(2, "heartbeats", [{"current_time": STAMP, "heartbeat_counter": 42}]),
        coinbase_book(3, "update", ("offer", "68901.00", "0"), ("offer", "68902.00", "1")),
        coinbase(4, "market_trades", [{"type": "snapshot", "trades": [trade | {"trade_id": "5"}]}]),
        coinbase(
            5,
            "market_trades",
            [{"type": "update", "trades": [trade | {"trade_id": "7"}, trade | {"trade_id": "6"}]}],
        ),
    ]


def test_coinbase_sequence_spans_all_channels():
    found, keeper = follow("coinbase", *coinbase_session())
    assert keeper.sequence_gaps == 0
    assert found[1].levels == [(1, "68901.00", "0"), (1, "68902.00", "1")]
    assert [(trade.trade_id, trade.aggressor) for trade in found[2:]] == [("6", Side.SELL), ("7", Side.SELL)]


def test_a_missing_coinbase_message_makes_all_books_of_the_connection_suspect():
    session = coinbase_session()
    session.insert(2, coinbase_book(2, "snapshot", ("bid", "10", "1"), product="X-USD"))
    for number, message in enumerate(session):
        message["sequence_num"] = number
    del session[3]  # a heartbeat; it could have been anything
    found, keeper = follow("coinbase", *session)
    assert keeper.sequence_gaps == 1
    assert {change.symbol for change in found if is_cleared(change)} == {"BTC-USD", "X-USD"}
    assert not keeper.book("BTC-USD").trusted


def test_a_new_coinbase_connection_begins_at_zero_and_is_no_gap():
    found, keeper = follow("coinbase", *coinbase_session(), *coinbase_session())
    assert (keeper.sequence_gaps, keeper.book("BTC-USD").counts.gaps) == (0, 0)
    assert sum(is_cleared(change) for change in found) == 1
    assert keeper.book("BTC-USD").trusted


def test_a_coinbase_message_that_was_written_twice_is_no_gap():
    session = coinbase_session()
    found, keeper = follow("coinbase", *[message for message in session for _ in range(2)])
    assert (keeper.sequence_gaps, keeper.book("BTC-USD").counts.gaps) == (0, 0)
    assert sum(isinstance(change, Print) for change in found) == 2
    assert keeper.book("BTC-USD").asks.texts() == [("68902.00", "1")]
    # One that is older than the last is of another connection, or out of order.
    _, keeper = follow("coinbase", *session, session[3])
    assert keeper.sequence_gaps == 1
    assert not keeper.book("BTC-USD").trusted


def test_a_coinbase_recording_without_numbers_is_read_and_said_to_be_unproven(tmp_path):
    session = coinbase_session()
    for message in session:
        del message["sequence_num"]
    told = check([written(tmp_path / "bare.jsonl", session)])
    assert (told["ok"], told["protocol"], told["updates_applied"]) == (True, "coinbase", 1)
    assert told["proof"]["COINBASE"].startswith("none")


def test_the_exchange_feed_of_coinbase():
    found, _ = follow(
        "coinbase",
        {"type": "snapshot", "product_id": "BTC-USD", "bids": [["10", "1"]], "asks": [["11", "2"]]},
        {"type": "l2update", "product_id": "BTC-USD", "time": STAMP,
         "changes": [["buy", "10", "0"], ["sell", "11", "3"]]},
        {
            "type": "match", "trade_id": 10, "sequence": 50, "side": "sell", "price": "11", "size": "1",
            "time": STAMP,
            "product_id": "BTC-USD", "maker_order_id": "a", "taker_order_id": "b",
        },
        {"type": "something new", "product_id": "BTC-USD"},
    )  # fmt: skip
    assert found[1].levels == [(0, "10", "0"), (1, "11", "3")]
    assert found[2] == Print("BTC-USD", STAMP_NS, "10", Side.BUY, "11", "1")


# -- OKX


def okx_book(action, previous, last, bids, asks, checksum=0, symbol="BTC-USDT"):
    data = {
        "bids": bids,
        "asks": asks,
        "ts": "1767323045000",
        "checksum": checksum,
        "prevSeqId": previous,
        "seqId": last,
    }
    return {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [data]}


def test_okx_checksum_examples():
    assert okx.checksum([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")]) == -1881014294
    assert okx.checksum([("3366.1", "7")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")]) == 831078360


def test_okx_chain_with_its_keep_alive_and_its_reset():
    level = [["100", "1", "0", "1"]]
    chain = [
        (-1, 10, "snapshot"),
        (10, 15, "update"),
        (15, 15, "update"),
        (15, 3, "update"),
        (3, 5, "update"),
    ]
    messages = [
        okx_book(action, previous, last, level if action == "snapshot" else [], [])
        for previous, last, action in chain
    ]
    found, keeper = follow("okx", *messages)
    counts = keeper.book("BTC-USDT").counts
    assert (counts.gaps, counts.updates_applied, counts.checksum_absent) == (0, 4, 5)
    assert len(found) == 5
    found, keeper = follow("okx", *messages[:2], *messages[4:])
    assert keeper.book("BTC-USDT").counts.gaps == 1
    assert is_cleared(found[-1])


# -- Bybit


def bybit_book(kind, number, bids, asks, depth=50, order=7961638724):
    data = {"s": "BTCUSDT", "b": bids, "a": asks, "u": number, "seq": order}
    return {
        "topic": f"orderbook.{depth}.BTCUSDT",
        "type": kind,
        "ts": 1767323045001,
        "data": data,
        "cts": 1767323045000,
    }


def test_bybit_counts_up_and_any_snapshot_replaces():
    snapshot = bybit_book("snapshot", 10, [["16493.50", "0.006"]], [["16611.00", "0.029"]])
    found, keeper = follow(
        "bybit",
        snapshot,
        bybit_book("delta", 11, [["16493.50", "0"], ["16400", "1"]], []),
        bybit_book("snapshot", 1, [["16000", "1"]], []),  # the service began anew
        bybit_book("delta", 2, [], [["16001", "1"]]),
        bybit_book("delta", 2, [], [["16001", "1"]]),
    )
    counts = keeper.book("BTCUSDT").counts
    assert (counts.gaps, counts.snapshots, counts.updates_applied, counts.updates_ignored) == (0, 2, 2, 1)
    assert keeper.book("BTCUSDT").bids.texts() == [("16000", "1")]
    found, keeper = follow("bybit", snapshot, bybit_book("delta", 13, [["16400", "1"]], []))
    assert keeper.book("BTCUSDT").counts.gaps == 1
    assert is_cleared(found[-1])


def test_bybit_begins_anew_and_its_snapshot_is_missing():
    """The new count would pass for repetitions, and for a continuation once it reaches the old one."""
    level = [["10", "1"]]
    before = bybit_book("snapshot", 10, level, [["12", "1"]], order=100)
    repeated = bybit_book("delta", 3, [], [["11", "1"]], order=90)
    later = [bybit_book("delta", number, [], [["11", "1"]], order=100 + number) for number in (3, 4)]
    found, keeper = follow("bybit", before, repeated)
    assert (len(found), keeper.book("BTCUSDT").counts.updates_ignored) == (1, 1)
    found, keeper = follow("bybit", before, *later)
    counts = keeper.book("BTCUSDT").counts
    assert (counts.gaps, counts.updates_ignored, counts.updates_untrusted) == (1, 0, 2)
    assert is_cleared(found[-1])
    # Id 1 says that all of the book is there, by whatever name.
    found, keeper = follow("bybit", before, bybit_book("delta", 1, level, [["13", "1"]], order=101))
    assert keeper.book("BTCUSDT").asks.texts() == [("13", "1")]
    assert (keeper.book("BTCUSDT").counts.snapshots, keeper.book("BTCUSDT").counts.gaps) == (2, 0)


def test_bybit_best_price_topic_beside_the_book_is_not_the_book():
    deep = bybit_book("snapshot", 10, [["10", "1"], ["9", "1"]], [["11", "1"]])
    found, keeper = follow("bybit", deep, bybit_book("snapshot", 4, [["10", "1"]], [["11", "1"]], depth=1))
    assert len(found) == 1
    assert len(keeper.book("BTCUSDT").bids) == 2


# -- all of them


def test_a_crossed_book_is_not_shown_until_it_uncrosses():
    found, keeper = follow(
        "okx",
        okx_book("snapshot", -1, 1, [["10", "1", "0", "1"]], [["11", "1", "0", "1"]]),
        okx_book("update", 1, 2, [["11", "1", "0", "1"]], []),
        okx_book("update", 2, 3, [["10.5", "1", "0", "1"]], []),
        okx_book("update", 3, 4, [["11", "0", "0", "0"]], []),
    )
    assert keeper.book("BTC-USDT").counts.crossed == 2
    assert [is_cleared(change) for change in found] == [False, True, False]
    assert found[2].levels == [(0, "10.5", "1"), (0, "10", "1"), (1, "11", "1")]


@pytest.mark.parametrize(
    ("protocol", "message", "told"),
    [
        ("kraken", kraken_book("snapshot", [("NaN", "1")], [], 1), "NaN is no number"),
        ("kraken", kraken_book("delta", [], [], 1), "`type`"),
        (
            "kraken",
            '{"channel":"book","type":"update","data":[{"symbol":"A/B","bids":[],"asks":[]}]}',
            "`checksum`",
        ),
        ("kraken", kraken_book("update", [("1", '"1e400"')], [], 1), "no market has such a number"),
        ("kraken", '{"channel":"book"', "broken JSON"),
        ("coinbase", coinbase_book(1, "update", ("sell", "1", "1")), "expected: bid or offer"),
        ("coinbase", coinbase_book("1", "update"), "`sequence_num`"),
        ("okx", okx_book("update", None, 1, [], []), "`prevSeqId`"),
        ("okx", okx_book("update", 1, 2, [["1"]], []), "expected: [price, size]"),
        ("bybit", bybit_book("delta", True, [], []), "`u`"),
        ("bybit", bybit_book("delta", 1, None, []), "`b`"),
    ],
)
def test_messages_that_are_not_as_documented_are_refused_whole(protocol, message, told):
    with pytest.raises(WireError) as caught:
        READERS[protocol].read(decode(message if isinstance(message, str) else json.dumps(message)))
    assert told in str(caught.value)


def test_exponents_and_large_ids_are_exact():
    book = kraken.read(decode(kraken_book("update", [("4.8E-7", "1e2")], [], 1)))[0]
    assert book.bids == [("0.00000048", "100")]
    found = okx.read(okx_book("update", 2**53 + 1, 2**53 + 2, [], []))[0]
    assert isinstance(found, Book)
    assert (found.previous_id, found.last_id) == (2**53 + 1, 2**53 + 2)


def test_stamps():
    assert stamp_ns("2026-01-02T03:04:05.123456789Z", "t") == 1_767_323_045_123_456_789
    assert stamp_ns("2026-01-02T04:04:05+01:00", "t") == 1_767_323_045_000_000_000
    assert milliseconds_ns("1767323045000", "t") == 1_767_323_045_000_000_000
    for wrong in ("1767323045", "soon", None, True, "1" * 30):
        with pytest.raises(WireError):
            milliseconds_ns(wrong, "t")
    with pytest.raises(WireError):
        stamp_ns("2026-13-02T03:04:05Z", "t")


# -- recordings


def dumped(messages):
    return [message if isinstance(message, str) else json.dumps(message) for message in messages]


def written(path, messages, stamp="{ns} {frame}"):
    lines = [
        stamp.format(
            ns=STAMP_NS + number * 10**6,
            ms=STAMP_NS // 10**6 + number,
            s=f"{STAMP_NS // 10**9}.{number:06d}",
            clock=f"2026-01-02T03:04:05.{number:03d}Z",
            frame=frame,
        )
        for number, frame in enumerate(dumped(messages))
    ]
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    "stamp", ["{ns} {frame}", "{ms} {frame}", "{s}: {frame}", "{clock} {frame}", "{frame}"]
)
def test_recorders_forms_are_told_apart(tmp_path, stamp):
    file = written(tmp_path / "recording", coinbase_session(), stamp)
    told = check(file)
    assert told["ok"], told
    assert (told["protocol"], told["bbo_rows"], told["snapshots"]) == ("coinbase", 2, 1)


def test_connection_marks_end_what_the_old_connection_said(tmp_path):
    sent = 'wss://somewhere <- 1767323045.1: {"op":"subscribe"}\n'
    book = json.dumps(okx_book("snapshot", -1, 1, [["10", "1", "0", "1"]], [["11", "1", "0", "1"]]))
    file = tmp_path / "log"
    opened = "wss://somewhere <-> 1767323045.0\n"
    file.write_text(f"{opened}{sent}1767323045.2: {book}\n{opened}{sent}1767323047.2: {book}\n")
    assert [wire.opened for wire in Recording([file]).wires()] == [True, False, True, False]
    told = check(file)
    assert (told["ok"], told["bbo_rows"], told["snapshots"]) == (True, 3, 2)


def test_a_line_of_another_kind_is_refused_with_its_place(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text(f"{STAMP_NS} {{}}\nsomething else\n")
    with pytest.raises(DataError, match=r"line 2: this is no line of a recording"):
        list(Recording([file]).wires())


def test_protocols_are_recognised(tmp_path):
    snapshots = {
        "kraken": ['{"channel":"status","type":"update","data":[]}', kraken_snapshot()],
        "coinbase": coinbase_session(),
        "okx": [okx_book("snapshot", -1, 1, [], [])],
        "bybit": [bybit_book("snapshot", 1, [], [])],
        "binance": ['{"lastUpdateId":1,"bids":[],"asks":[]}'],
    }
    for name, messages in snapshots.items():
        assert protocol_of([written(tmp_path / name, messages)]) == name
    # What is recognised by one reader is recognised by no other.
    for name, messages in list(snapshots.items())[:4]:
        knowing = [
            other for other, reader in READERS.items() if reader.recognises(decode(dumped(messages)[0]))
        ]
        assert knowing == [name]


@pytest.mark.parametrize("protocol", ["coinbase", "bybit"])
def test_agents_trade_in_a_recording_of_any_protocol(tmp_path, protocol):
    """A recorded sale reaches an agent that quotes better than the recorded bid."""

    class Quoter(Trader):
        def on_start(self):
            self.wake_in("25ms")

        def on_wake(self):
            self.buy(self.listings[0], "0.5", price="16493.60")

    books = {
        "bybit": [
            bybit_book("snapshot", 10, [["16493.50", "0.006"]], [["16611.00", "0.029"]]),
            bybit_book("delta", 11, [["16493.40", "1"]], []),
            {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1767323045003, "data": [
                {"T": 1767323045002, "s": "BTCUSDT", "S": "Sell", "v": "0.3", "p": "16493.50", "i": "a-b"}]},
            bybit_book("delta", 12, [["16493.30", "1"]], []),
        ],
        "coinbase": [
            coinbase_book(0, "snapshot", ("bid", "16493.50", "0.006"), ("offer", "16611.00", "0.029")),
            coinbase_book(1, "update", ("bid", "16493.40", "1")),
            coinbase(2, "market_trades", [{"type": "update", "trades": [
                {"trade_id": "1", "product_id": "BTC-USD", "price": "16493.50", "size": "0.3",
                 "side": "BUY", "time": STAMP}]}]),
            coinbase_book(3, "update", ("bid", "16493.30", "1")),
        ],
    }[protocol]  # fmt: skip
    symbol, quote = ("BTCUSDT", "USDT") if protocol == "bybit" else ("BTC-USD", "USD")
    venue = protocol.upper()
    scenario = {
        "schema": 1, "name": "one", "description": "one quoter", "duration": "1h", "numeraire": quote,
        "assets": {"BTC": {"decimals": 8}, quote: {"decimals": 8}},
        "venues": {venue: {}},
        "instruments": {f"BTC/{quote}": {"base": "BTC", "quote": quote}},
        "listings": [
            {"venue": venue, "instrument": f"BTC/{quote}", "tick": "0.01", "lot": "0.001", "external": symbol}
        ],
        "latency": {"near": {"entry": "1us", "report": "1us", "data": "0ns"}},
    }  # fmt: skip
    file = tmp_path / "recording"
    lines = [f"{STAMP_NS + number * 50 * 10**6} {frame}\n" for number, frame in enumerate(dumped(books))]
    file.write_text("".join(lines))
    result = replay(file, scenario, agents=[Quoter()])
    fills = result.trades.filter(maker="Quoter")
    assert fills.select("price", "size").rows() == [(16493.6, 0.3)]
    assert result.summary()["ledger_imbalance"] == {"BTC": 0, quote: 0}
    again = replay(file, scenario, agents=[Quoter()], engine="reference")
    assert result.event_log_hash == again.event_log_hash


@pytest.mark.skipif(
    not (DATA / "kraken").is_dir(), reason=f"no recordings in {DATA}; MARKET_SIM_DATA names the folder"
)
def test_every_checksum_of_the_kraken_and_okx_recordings():
    runner = CliRunner()
    for protocol, file, messages in (
        ("kraken", DATA / "kraken" / "kraken_v2_from_v1.jsonl", 2575),
        ("okx", DATA / "okx" / "okx_books.log", 290),
    ):
        done = runner.invoke(app, ["replay", str(file), "--protocol", protocol, "--check", "--json"])
        assert done.exit_code == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["checksum_ok"], told["checksum_bad"], told["gaps"]) == (messages, 0, 0)
        assert told["bbo_equal"] == told["bbo_rows"] > 0


def test_a_recording_with_a_wrong_checksum_fails_the_check(tmp_path):
    file = written(tmp_path / "recording", [kraken_snapshot(), kraken_book(*UPDATE, 2434760958)])
    done = CliRunner().invoke(app, ["replay", str(file), "--check", "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (told["ok"], told["checksum_ok"], told["checksum_bad"], told["gaps"]) == (False, 1, 1, 1)


def test_sequence_numbers_are_records_of_every_coinbase_message():
    assert READERS["coinbase"].read(coinbase(9, "status", []))[0] == Numbered(9)
