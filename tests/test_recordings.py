"""Recordings as other recorders write them: every form, every protocol; odd files are refused in words."""

from __future__ import annotations

import csv
import gzip
import io
import json

import pytest
from typer.testing import CliRunner

from market_sim.cli import app
from market_sim.errors import DataError
from market_sim.protocols import READERS
from market_sim.protocols.records import decode
from market_sim.replaying import check, replay
from market_sim.replaying.envelopes import enclosed
from market_sim.replaying.keeping import Keeper
from market_sim.replaying.recording import Recording
from tests.recorded import (
    BYBIT_BOOK,
    COINBASE_BOOKS,
    STAMP_NS,
    binance_session,
    bybit_session,
    coinbase_session,
    dumped,
    okx_session,
)
from tests.test_protocols import UPDATE, kraken_book, kraken_snapshot

SESSIONS = {
    "binance": binance_session,
    "kraken": lambda: [kraken_snapshot(), kraken_book(*UPDATE, 2434760957)],
    "coinbase": coinbase_session,
    "okx": okx_session,
    "bybit": bybit_session,
}


def in_csv(*cells):
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def seconds(ns):
    return f"{ns // 10**9}.{ns % 10**9 // 1000:06d}"


def rfc3339(ns, digits=7):
    return f"2026-01-02T03:04:05.{ns % 10**9:09d}"[: 20 + digits] + "Z"


def value(frame):
    """The frame as a JSON value: what is no JSON, a bare `pong`, can only be quoted."""
    return frame if frame.startswith("{") else json.dumps(frame)


#: How recorders write a frame that came at a time.
FORMS = {
    "ns": lambda ns, frame: f"{ns} {frame}",
    "us": lambda ns, frame: f"{ns // 1000} {frame}",
    "ms and a tab": lambda ns, frame: f"{ns // 10**6}\t{frame}",
    "seconds": lambda ns, frame: f"{seconds(ns)} {frame}",
    "cryptofeed": lambda ns, frame: f"{seconds(ns)}: {frame}",
    "Tardis": lambda ns, frame: f"{rfc3339(ns)} {frame}",
    "zone": lambda ns, frame: f"{rfc3339(ns, 6)[:-1]}+00:00 {frame}",
    "comma": lambda ns, frame: f"{ns},{frame}",
    "CSV": lambda ns, frame: in_csv(str(ns), frame),
    "quoted": lambda ns, frame: f"{ns} {json.dumps(frame)}",
    "bar": lambda ns, frame: f"{ns}|{frame}",
    "bare": lambda ns, frame: frame,
    "object": lambda ns, frame: f'{{"received_ns":{ns},"message":{value(frame)}}}',
    "text in object": lambda ns, frame: json.dumps({"exchange": "x", "raw": frame, "ts": ns / 1e9}),
    "nested": lambda ns, frame: f'{{"local_timestamp":"{rfc3339(ns)}","data":{value(frame)}}}',
    "list": lambda ns, frame: f"[{ns // 10**6},{value(frame)}]",
    "list of texts": lambda ns, frame: json.dumps([rfc3339(ns), frame]),
}


def written(path, messages, form="ns"):
    lines = [
        FORMS[form](STAMP_NS + number * 10**6, dumped(message)) for number, message in enumerate(messages)
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def checked(*arguments):
    done = CliRunner().invoke(app, ["replay", *map(str, arguments), "--check", "--json"])
    return done.exit_code, json.loads(done.stdout) if done.stdout else None, done.stderr


@pytest.mark.parametrize("protocol", SESSIONS)
def test_every_form_of_every_protocol_says_the_same(tmp_path, protocol):
    found = {}
    for form in FORMS:
        file = written(tmp_path / "recording", SESSIONS[protocol](), form)
        told = check(file, protocol=protocol)
        assert told["ok"], (form, told)
        keys = ("protocol", "checksum_ok", "checksum_bad", "gaps", "crossed", "bbo_rows", "bbo_equal")
        found[form] = [told[key] for key in keys]
    assert len({tuple(told) for told in found.values()}) == 1, found
    assert found["ns"][0] == protocol


def test_a_frame_is_cut_out_as_it_was_written():
    """Read and written again, Kraken's numbers would lose the zeros under their checksum."""
    frame = '{"channel":"book","data":[{"qty":0.10000000}]}'
    for line in (
        f'{{"ts": 1767323045000, "data": {frame}}}',
        f'{{"data":{frame} , "recv_time":"2026-01-02T03:04:05Z"}}',
        f"[ 1767323045 , {frame} ]",
    ):
        assert enclosed(line).frame == frame
    # Messages of exchanges are not mistaken for a recorder's.
    for message in (
        '{"ts":1,"topic":"orderbook.1.X","data":{"s":"X"}}',
        '{"stream":"btcusdt@trade","data":{"e":"trade"}}',
        '{"data":[{"symbol":"BTC/USD"}],"timestamp":"x","channel":"book"}',
        '{"e":"trade","T":1,"data":{}}',
        "[1,2,3]",
        '[{"a":1}]',
        '{"ts":1,"data":',
    ):
        assert enclosed(message) is None


def test_recorders_heads_comments_and_answers_are_passed_over(tmp_path):
    """What cryptofeed's recorder puts around messages: settings, connections, what was sent, REST answers."""
    diff, snapshot, *rest = (dumped(message) for message in binance_session())
    file = tmp_path / "BINANCE.0"
    clock = seconds(STAMP_NS)
    lines = [
        "configuration: {'fh': {}, 'symbols': ['BTC-USDT']}",
        f"wss://stream.example.org/stream <-> {clock}",
        f'wss://stream.example.org/stream <- {clock}: {{"method":"SUBSCRIBE"}}',
        f"{clock}: {diff}",
        f"https://api.example.org/api/v3/depth?symbol=BTCUSDT&limit=5000 -> {clock}: {snapshot}",
        *(f"{clock}: {frame}" for frame in rest),
    ]
    file.write_text("\n".join(lines) + "\n\n")
    told = check(file)
    assert (told["protocol"], told["ok"], told["gaps"], told["bbo_rows"]) == ("binance", True, 0, 1)
    bybit = written(tmp_path / "table.csv", bybit_session(), "CSV")
    bybit.write_text("\ufefflocal_timestamp,message\n" + "# by hand\n" + bybit.read_text())
    assert check(bybit)["ok"]
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(bybit.read_bytes()))
    assert check(tmp_path / "packed.jsonl.gz")["ok"]


@pytest.mark.parametrize("protocol", SESSIONS)
def test_the_command_prints_the_counts_of_every_protocol(tmp_path, protocol):
    file = written(tmp_path / "recording", SESSIONS[protocol](), "bare")
    code, told, _ = checked(file, "--protocol", protocol)
    assert (code, told["gaps"], told["crossed"], told["checksum_bad"]) == (0, 0, 0, 0)
    assert told["checksum_ok"] == (2 if protocol == "kraken" else 0)
    assert told["bbo_equal"] == told["bbo_rows"] > 0


def kept(protocol, messages):
    keeper = Keeper(READERS[protocol])
    trades = []
    for message in messages:
        if message == "pong":
            continue
        for record in READERS[protocol].read(decode(dumped(message))):
            trades += [found for found in keeper.take(record) if not hasattr(found, "levels")]
    return keeper, [trade.trade_id for trade in trades]


def test_coinbase_with_all_its_oddities(tmp_path):
    keeper, trades = kept("coinbase", coinbase_session())
    for product, book in COINBASE_BOOKS.items():
        found = keeper.book(product)
        assert (found.bids.texts(), found.asks.texts()) == book
        assert (found.counts.gaps, found.trusted) == (0, True)
    assert trades == ["13", "14"]
    assert keeper.sequence_gaps == 0
    told = check(written(tmp_path / "two", [*coinbase_session(), *coinbase_session()]))
    assert (told["ok"], told["snapshots"], told["sequence_gaps"]) == (True, 4, 0), (
        "a second connection begins at 0"
    )
    # A recording that begins in the middle: nothing is shown before the snapshot, and nothing is missing.
    told = check(written(tmp_path / "late", [*coinbase_session()[7:9], *coinbase_session()]))
    assert (told["ok"], told["gaps"]) == (True, 0)


@pytest.mark.parametrize("lost", range(4, 12))
def test_any_message_lost_from_a_coinbase_connection_shows(tmp_path, lost):
    session = coinbase_session()
    del session[lost]
    code, told, _ = checked(written(tmp_path / "gap", session))
    assert (code, told["ok"], told["sequence_gaps"]) == (1, False, 1)


def test_bybit_with_all_its_oddities(tmp_path):
    keeper, trades = kept("bybit", bybit_session())
    book = keeper.book("BTCUSDT")
    assert (book.bids.texts(), book.asks.texts()) == BYBIT_BOOK
    counts = book.counts
    # The first one-level snapshot is all there is then; the later one is beside a deeper book.
    assert (counts.gaps, counts.snapshots, counts.updates_applied, counts.updates_ignored) == (0, 4, 4, 2)
    assert trades == ["20f43950-d8dd", "20f43950-d8de", "20f43950-d8df"]
    session = bybit_session()
    del session[8]  # u 20, without a level in it
    session.insert(8, session[8])
    told = check(written(tmp_path / "whole", bybit_session()))
    assert (told["ok"], told["gaps"], told["protocol"]) == (True, 0, "bybit")


@pytest.mark.parametrize("lost", [4, 10])
def test_a_delta_lost_from_bybit_shows(tmp_path, lost):
    session = bybit_session()
    last = session[lost]["data"]["u"]
    # What follows a lost delta, and does not heal it.
    session[lost : lost + 2 if lost == 4 else lost + 1] = [
        {**session[8], "data": {**session[8]["data"], "u": last + 1}}
    ]
    code, told, _ = checked(written(tmp_path / "gap", session))
    assert (code, told["ok"]) == (1, False)
    assert told["gaps"] >= 1


def test_okx_of_five_levels_or_of_the_best_alone(tmp_path):
    keeper, _ = kept("okx", okx_session())
    book = keeper.book("BTC-USDT")
    assert (book.bids.texts(), book.asks.texts()) == ([("100.5", "2")], [("101", "1")])
    assert (book.counts.gaps, book.counts.updates_applied) == (0, 3)
    for channel in ("books5", "bbo-tbt"):
        alone = [
            message
            for message in okx_session()
            if isinstance(message, dict) and message.get("arg", {}).get("channel") == channel
        ]
        told = check(written(tmp_path / channel, alone))
        assert (told["ok"], told["snapshots"], told["gaps"]) == (True, 1, 0)


def test_kraken_numbers_that_lost_their_zeros_in_the_recording(tmp_path):
    """A recorder that went through floats: the decimals are found by the checksum, and that is said."""
    lost = [json.dumps(json.loads(message)) for message in SESSIONS["kraken"]()]
    assert "0.10000000" not in "".join(lost)
    told = check(written(tmp_path / "recording", lost))
    assert (told["ok"], told["checksum_ok"], told["checksum_bad"]) == (True, 2, 0)


ODD = {
    "a page": (b"<html><body>Not found</body></html>\n", "no line of a recording"),
    "words": (b"how it went\nwell enough\n", "no line of a recording"),
    "zip": (b"PK\x03\x04" + bytes(60), "zip archive"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(60), "zstd"),
    "latin": ('1767323045000000000 {"a":"\u00e4"}\n'.encode("latin-1"), "UTF-8"),
    "other feed": (b'1767323045000000000 {"table":"orderBookL2","action":"partial","data":[]}\n', "nothing"),
    "no time": (b'{"lastUpdateId":1,"bids":[],"asks":[]}\n', "."),
    "stamp of the year 1970": (b'86400 {"e":"trade"}\n', "no line of a recording"),
    "cut in the middle": (b'1767323045000000000 {"e":"depthUpdate","E":1767323045000,"s":"BT', "broken JSON"),
    "nothing": (b"", "empty"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("protocol", [None, *SESSIONS])
def test_odd_files_are_refused_in_words(tmp_path, name, protocol):
    data, words = ODD[name]
    file = tmp_path / "odd"
    file.write_bytes(data)
    arguments = [] if protocol is None else ["--protocol", protocol]
    code, told, said = checked(file, *arguments)
    assert code == 2, (told, said)
    assert told is None
    assert "Traceback" not in said
    assert "odd" in said
    if protocol in (None, "binance"):
        assert words in said


def test_a_recording_is_traded_in_whatever_its_form(tmp_path):
    """The same hash from every form that keeps the stamps."""
    hashes = {
        form: replay(written(tmp_path / "recording", coinbase_session(), form), "watch").event_log_hash
        for form in ("ns", "object", "CSV", "list of texts")
    }
    # Seven digits of a second are all that the last of them keeps; these stamps have six.
    assert len(set(hashes.values())) == 1, hashes


def test_marks_of_connections_are_kept(tmp_path):
    file = tmp_path / "log"
    file.write_text(f"wss://x <-> {seconds(STAMP_NS)}\n{seconds(STAMP_NS)}: {{}}\n")
    assert [wire.opened for wire in Recording([file]).wires()] == [True, False]
    file.write_text("wss://x <-> soon\n")
    with pytest.raises(DataError, match="no line of a recording"):
        list(Recording([file]).wires())


@pytest.mark.parametrize("symbol", ["BTC-USDT-SWAP", "BTC-USD-240628"])
def test_contracts_are_refused_by_name_and_can_be_checked(tmp_path, symbol):
    file = tmp_path / "okx.jsonl"
    level = {"asks": [["101", "1", "0", "1"]], "bids": [], "ts": "1700000000000", "seqId": 1, "prevSeqId": -1}
    message = {"arg": {"channel": "books", "instId": symbol}, "action": "snapshot", "data": [level]}
    file.write_text(json.dumps(message) + "\n")
    with pytest.raises(DataError, match=f"okx.jsonl: '{symbol}' is a contract. Spot only"):
        replay(file, "watch")
    assert check(file, "watch")["ok"], "whether a recording is whole can be asked of any"


def test_a_token_named_like_a_contract_is_none(tmp_path):
    file = tmp_path / "okx.jsonl"
    level = {"asks": [["2", "1", "0", "1"]], "bids": [], "ts": "1700000000000", "seqId": 1, "prevSeqId": -1}
    message = {"arg": {"channel": "books", "instId": "PERP-USDT"}, "action": "snapshot", "data": [level]}
    file.write_text(json.dumps(message) + "\n")
    assert replay(file, "watch").summary()["events"] > 0
