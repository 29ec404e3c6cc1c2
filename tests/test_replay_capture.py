"""Capture files: read as a stream, refused with file, line and remedy."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pytest

from market_sim.errors import DataError
from market_sim.replaying.capture import Capture
from market_sim.replaying.grid import Grid, GridError, Steps, common_step, scaled
from market_sim.replaying.source import Source
from market_sim.replaying.update import Depth, Trade
from tests.captures import BASE_NS, CaptureWriter

GRID = {"BTCUSDT": (Decimal("0.01"), Decimal("0.001"))}


def updates_of(*files, grids=GRID):
    source = Source("BINANCE", files, {name: Grid(*steps) for name, steps in grids.items()})
    return list(source.updates()), source


def small():
    capture = CaptureWriter()
    capture.snapshot(0, 10, {"100.00": "1.000", "99.99": "2.5"}, {"100.01": "0.001"})
    capture.diff(5, 1, 11, 12, {"100.00": "0"}, {"100.02": "3"})
    capture.trade(7, 2, 1, "100.01", "0.001", seller=False)
    return capture


@pytest.mark.parametrize("name", ["plain.txt", "packed.gz"])
def test_numbers_are_exact_ticks_and_lots(tmp_path, name):
    file = small().diff(9, 3, 13, 13, {"73000000000000.29": "0.003"}).write(tmp_path / name)
    found, _ = updates_of(file)
    # The symbol of a snapshot is known from the first depth event on, so it is applied with that.
    assert found[0] == Depth(
        str(file),
        1,
        "BTCUSDT",
        BASE_NS + 5,
        None,
        True,
        10,
        10,
        [0, 0, 1],
        [10000, 9999, 10001],
        [1000, 2500, 1],
    )
    assert found[1] == Depth(
        str(file),
        2,
        "BTCUSDT",
        BASE_NS + 5,
        BASE_NS + 1_000_000,
        False,
        11,
        12,
        [0, 1],
        [10000, 10002],
        [0, 3000],
    )
    assert found[2] == Trade(str(file), 3, "BTCUSDT", BASE_NS + 7, BASE_NS + 2_000_000, 0, 10001, 1)
    # 73000000000000.29 has no exact binary float: 7300000000000029 ticks would come out as ...28 or ...30.
    assert found[3].prices == [7_300_000_000_000_029]


def test_files_follow_each_other_and_line_numbers_start_again(tmp_path):
    first = small().write(tmp_path / "1.gz")
    second = CaptureWriter().diff(20, 5, 13, 14, {"99.98": "1"}).write(tmp_path / "2.txt")
    found, _ = updates_of(first, second)
    assert [(update.file, update.line) for update in found[2:]] == [(str(first), 3), (str(second), 1)]


@pytest.mark.parametrize("name", ["plain.txt", "packed.gz"])
def test_the_last_stamp_is_found_without_reading_frames(tmp_path, name):
    capture = small().raw(77, "not even JSON")
    capture.lines.append("")
    assert Capture([capture.write(tmp_path / name)]).last_stamp_ns() == BASE_NS + 77


def test_compression_is_told_by_content(tmp_path):
    misnamed = tmp_path / "capture.txt"
    misnamed.write_bytes(gzip.compress(small().text().encode()))
    assert len(updates_of(misnamed)[0]) == 3


def test_raw_socket_frames_and_microseconds_are_read_too(tmp_path):
    capture = CaptureWriter().snapshot(0, 10, {"1.00": "1"}, {})
    stamp_us = BASE_NS // 1000 + 7
    data = {
        "e": "depthUpdate",
        "E": stamp_us,
        "s": "BTCUSDT",
        "U": 11,
        "u": 11,
        "b": [["1.00", "2"]],
        "a": [],
    }
    found, _ = updates_of(capture.raw(3, data).write(tmp_path / "c"))
    assert found[1].exchange_ns == BASE_NS + 7000
    assert found[1].sizes == [2000]


def test_what_is_no_market_data_passes_by(tmp_path):
    capture = (
        CaptureWriter().raw(0, '{"result":null,"id":1}').raw(1, '{"stream":"!miniTicker@arr","data":[]}')
    )
    capture.lines += small().lines
    capture.stream(9, "depth20", {"lastUpdateId": 5, "bids": [], "asks": []})
    found, source = updates_of(capture.write(tmp_path / "c"))
    assert len(found) == 3
    assert source.counts.other_frames == 3


def test_symbols_of_one_file_are_told_apart(tmp_path):
    ether = CaptureWriter("ETHUSDT")
    lines = [
        small().lines[0],
        *ether.snapshot(1, 9_000_000_010, {"50.00": "4"}, {"50.01": "5"}).lines,
        *ether.diff(2, 1, 9_000_000_011, 9_000_000_012, {"50.00": "6"}).lines[1:],
        *small().lines[1:],
        *ether.trade(8, 2, 1, "50.00", "1", seller=True).lines[2:],
    ]
    capture = CaptureWriter()
    capture.lines = lines
    file = capture.write(tmp_path / "both")
    grids = {**GRID, "ETHUSDT": (Decimal("0.01"), Decimal("1"))}
    found, _ = updates_of(file, grids=grids)
    assert [(update.symbol, update.line) for update in found] == [
        ("ETHUSDT", 2), ("ETHUSDT", 3), ("BTCUSDT", 1), ("BTCUSDT", 4), ("BTCUSDT", 5), ("ETHUSDT", 6),
    ]  # fmt: skip
    only, source = updates_of(file)
    assert {update.symbol for update in only} == {"BTCUSDT"}
    assert source.counts.other_frames == 3


DIFF, TRADE = (small().lines[number].partition(" ")[2] for number in (1, 2))
EVENT_MS = BASE_NS // 10**6 + 1
BAD_FRAMES = {
    "broken JSON": (DIFF[:50], "broken JSON"),
    "nested too deep": ("[" * 200_000, "broken JSON"),
    "no object": ("[1,2]", "object"),
    "price is a number": (DIFF.replace('"100.00"', "100.00"), "100.0"),
    "size is negative": (DIFF.replace('"3"', '"-3"'), "negative"),
    "size has an exponent": (DIFF.replace('"3"', '"3e2"'), "plain decimal"),
    "size is no number": (DIFF.replace('"3"', '"NaN"'), "plain decimal"),
    "price is off the grid": (DIFF.replace("100.02", "100.025"), "tick"),
    "size is off the grid": (DIFF.replace('"3"', '"0.0005"'), "lot"),
    "price is zero": (DIFF.replace("100.02", "0.00"), "allowed: 1"),
    "size is too large": (DIFF.replace('"3"', '"999999999999999999"'), "allowed: 0 to"),
    "level of one": (DIFF.replace('["100.02","3"]', '["100.02"]'), "pair"),
    "level is null": (DIFF.replace('["100.02","3"]', "null"), "pair"),
    "ids run backwards": (DIFF.replace('"U":11', '"U":13'), "backwards"),
    "id is a text": (DIFF.replace('"u":12', '"u":"12"'), "`u` is '12'"),
    "id is negative": (DIFF.replace('"U":11', '"U":-11'), "`U` is -11"),
    "no event time": (DIFF.replace('"E"', '"F"'), "`E` is missing"),
    "event time in nanoseconds": (DIFF.replace(f'"E":{EVENT_MS}', f'"E":{BASE_NS}'), "`E` is 17"),
    "levels are no list": (DIFF.replace('"b":[["100.00","0"]]', '"b":{}'), "`b` is {}"),
    "futures": (DIFF.replace('"U"', '"pu":9,"U"'), "futures"),
    "trade of nothing": (TRADE.replace('"t":1,', '"t":2,').replace('"0.001"', '"0.000"'), "size 0"),
    "trade without a side": (TRADE.replace('"m":false', '"m":0'), "buyer is maker"),
    "trade without a price": (TRADE.replace('"p"', '"x"'), "`p` is missing"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frame_is_refused_with_its_place(tmp_path, name):
    frame, complaint = BAD_FRAMES[name]
    assert frame not in (DIFF, TRADE), "the planted fault must change something"
    capture = small()
    capture.lines[1:1] = [CaptureWriter().diff(1, 0, 8, 9).lines[0]]
    capture.raw(9, frame)
    file = capture.write(tmp_path / "bad.txt")
    with pytest.raises(DataError) as caught:
        updates_of(file)
    assert (caught.value.file, caught.value.line) == (str(file), 5)
    assert complaint in caught.value.what
    assert f"{file}, line 5: " in str(caught.value)


FOREIGN = {
    "CSV": (b"time,price\n2024-01-01,5\n", 1, "no line of a recording"),
    "binary": (bytes(range(256)) * 20, 1, "no line of a recording"),
    "stamp of no unit": (b'17231616000 {"a":1}\n', 1, "no time since 1970"),
    "stamp too long": (b"9" * 40 + b' {"a":1}\n', 1, "no line of a recording"),
    "zip archive": (b"PK\x03\x04" + bytes(40), None, "zip archive"),
    "no UTF-8": (b"%d " % BASE_NS + b'{"a":"\xff\xfe"}\n', 1, "UTF-8"),
    "line cut off": (small().text().encode()[:-20], 3, "broken JSON"),
    "empty": (b"", None, "empty"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file_is_refused_with_its_place(tmp_path, name):
    data, line, complaint = FOREIGN[name]
    file = tmp_path / "foreign"
    file.write_bytes(data)
    with pytest.raises(DataError) as caught:
        updates_of(file)
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert complaint in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_damaged_gzip_is_refused_where_it_breaks(tmp_path, damage):
    capture = small()
    for number in range(20_000):
        capture.diff(
            100 + number,
            number,
            13 + number,
            13 + number,
            {f"{50 + number}.17": str(number * 7919 % 100_003)},
        )
    packed = bytearray(gzip.compress(capture.text().encode()))
    file = tmp_path / "damaged.gz"
    if damage == "truncated":
        file.write_bytes(packed[: len(packed) * 2 // 3])
    else:
        packed[len(packed) // 2] ^= 0xFF
        file.write_bytes(packed)
    with pytest.raises(DataError) as caught:
        updates_of(file)
    assert caught.value.line is not None
    assert 3 < caught.value.line < 20_003


def test_truncated_gzip_names_line_and_remedy(tmp_path):
    packed = gzip.compress(small().text().encode())
    file = tmp_path / "cut.gz"
    file.write_bytes(packed[:-9])
    with pytest.raises(DataError, match="break off") as caught:
        updates_of(file)
    assert "head -n" in caught.value.remedy


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read") as caught:
        Capture([tmp_path / "nowhere.gz"])
    assert caught.value.file.endswith("nowhere.gz")


def test_files_in_the_wrong_order_are_refused(tmp_path):
    late = CaptureWriter().diff(3600 * 10**9, 5, 13, 14).write(tmp_path / "late")
    early = small().write(tmp_path / "early")
    with pytest.raises(DataError, match="order they were recorded") as caught:
        updates_of(late, early)
    assert (caught.value.file, caught.value.line) == (str(early), 1)


def test_capture_of_another_symbol_is_refused(tmp_path):
    file = CaptureWriter("ETHUSDT").diff(0, 0, 1, 2).write(tmp_path / "eth")
    with pytest.raises(DataError, match="ETHUSDT, the scenario wants BTCUSDT"):
        updates_of(file)


def test_capture_without_snapshot_is_refused(tmp_path):
    file = CaptureWriter().diff(0, 0, 1, 2, {"1.00": "1"}).write(tmp_path / "late.txt")
    with pytest.raises(DataError, match="no order book snapshot of BTCUSDT"):
        updates_of(file)


def test_repeated_trades_are_ignored_and_missing_ones_counted(tmp_path):
    capture = small()
    for number in (1, 2, 2, 6):
        capture.trade(10 + number, 3, number, "100.01", "0.001", seller=False)
    found, source = updates_of(capture.write(tmp_path / "c"))
    assert sum(isinstance(update, Trade) for update in found) == 3
    assert (source.counts.trades, source.counts.trades_repeated, source.counts.trades_missing) == (3, 2, 3)


def test_scaled_reads_digits_not_floats():
    assert scaled("0.1", 1) == 1
    assert scaled("61837.63000000", 2) == 6_183_763
    with pytest.raises(GridError, match="decimals"):
        scaled("0.123", 2)
    for wrong in (0.1, 5, None, True, "", "+1", "1_0", "٣", ".5"):
        with pytest.raises(GridError):
            scaled(wrong)


def test_remembered_texts_do_not_grow_without_bound(monkeypatch):
    monkeypatch.setattr("market_sim.replaying.grid.REMEMBERED_TEXTS", 10)
    steps = Steps(Decimal("0.01"), "tick", 1, 10**9)
    assert [steps[f"{number}.00"] for number in range(1, 100)] == [100 * number for number in range(1, 100)]
    assert len(steps) <= 10


def test_common_step_is_a_power_of_ten():
    assert common_step(scaled("0.05")) == Decimal("0.01")
    assert common_step(scaled("1200")) == Decimal(1)
    assert common_step(0) == Decimal(1)


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("market_sim.replaying.capture.LONGEST_LINE", 1000)
    capture = small().diff(9, 3, 13, 13, {f"{number}.00": "1" for number in range(1, 100)})
    with pytest.raises(DataError, match="longer than"):
        updates_of(capture.write(tmp_path / "long"))
