"""Recordings larger than memory: six times the rows need no more of it, whatever the form of the files."""

import gzip
import json
import subprocess
import sys

import numpy as np
import pytest

from tests.captures import CaptureWriter

#: A run in a process of its own: its arguments are rows that its tape may keep in memory, and files. The peak
#: is that of its own memory: what getrusage tells begins with the size of the process that started it.
RUN = """
import json, re, sys
from pathlib import Path
from market_sim.replaying import replay
told = replay(sys.argv[2:], "watch", overrides=["limits.tape_rows=" + sys.argv[1]]).summary()
peak_kib = int(re.search(r"VmHWM:\\s+([0-9]+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"events": told["events"], "peak_mb": peak_kib / 1024}))
"""
TAPE_ROWS = 50_000
MORE = 6
#: What a larger file may cost besides: blocks end elsewhere, and an allocator keeps what it was given.
ROOM_MB = 60

HEADS = {
    "quotes": "time,symbol,bid,ask,bid_size,ask_size",
    "trades": "time,symbol,price,size,side",
    "bars": "time,open,high,low,close,volume",
    "tardis": "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
}


def price(row: int) -> float:
    return 100 + (row * 7919 % 101) / 100


def line(form: str, row: int) -> str:
    second, mid = 1_700_000_000 + row, price(row)
    if form == "quotes":
        return f"{second},BTC/USD,{mid:.2f},{mid + 0.02:.2f},{1 + row % 7},{1 + row % 5}"
    if form == "trades":
        return f"{second},BTC/USD,{mid:.2f},{1 + row % 7},{'buy' if row % 2 else 'sell'}"
    if form == "bars":
        return f"{second},{mid:.2f},{mid + 1:.2f},{mid - 1:.2f},{mid:.2f},{4 + row % 7}"
    side = "bid" if row % 2 else "ask"
    level = (99 if row % 2 else 101) + (row * 7919 % 50) / 100
    first = "true" if row < 2 else "false"
    return f"binance,BTCUSDT,{second}000000,{second}001000,{first},{side},{level:.2f},{row % 9}"


def table(folder, form: str, rows: int, suffix: str = "csv") -> list[str]:
    path = folder / f"BTC-{rows}.{suffix}"
    with gzip.open(path, "wt", compresslevel=1) if suffix.endswith("gz") else path.open("w") as file:
        file.write(HEADS[form] + "\n")
        file.writelines(line(form, row) + "\n" for row in range(rows))
    return [str(path)]


def npz(folder, rows: int) -> list[str]:
    kind = [("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
            ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")]  # fmt: skip
    data, number = np.zeros(rows, kind), np.arange(rows)
    sells = number % 2 == 1
    data["ev"] = 0xC000_0001 | np.where(sells, 1 << 28, 1 << 29)
    data["exch_ts"] = data["local_ts"] = 1_700_000_000_000_000_000 + number * 1_000_000
    data["px"] = np.where(sells, 101, 99) + number * 7919 % 50 / 100
    data["qty"] = number % 9
    path = folder / f"btcusdt_{rows}.npz"
    np.savez_compressed(path, data=data)
    return [str(path)]


def lobster(folder, rows: int) -> list[str]:
    """An order joins in front of two others and goes again, so many times."""
    ask = "1000300,8,{},1000400,9,{}\n"
    files = [folder / f"AMZN_2012-06-21_{rows}_57600000_{what}_2.csv" for what in ("message", "orderbook")]
    with files[0].open("w") as messages, files[1].open("w") as book:
        for row in range(rows):
            stands = row % 2 == 0
            kind = 1 if stands else 3
            messages.write(f"{34_200 + row / 100:.2f},{kind},{11 + row // 2},{5 + row // 2 % 9},1000100,1\n")
            best = (f"1000100,{5 + row // 2 % 9}", "1000000,5") if stands else ("1000000,5", "999900,20")
            book.write(ask.format(*best))
    return [str(file) for file in files]


def capture(folder, rows: int) -> list[str]:
    writer = CaptureWriter()
    writer.snapshot(0, 10, {"99.00": "1", "98.00": "1"}, {"101.00": "1", "102.00": "1"})
    for row in range(rows):
        bids, asks = {f"99.{row % 100:02}": f"{row % 9}"}, {f"101.{row * 7 % 100:02}": f"{row % 7}"}
        writer.diff(row * 1_000_000, row, 11 + row, 11 + row, bids, asks)
    return [str(writer.write(folder / f"capture-{rows}.txt"))]


def run(files: list[str]) -> dict:
    command = [sys.executable, "-c", RUN, str(TAPE_ROWS), *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


#: How a form is written, and as many rows as fill every buffer of fixed size.
FORMS = {
    "quotes": (lambda folder, rows: table(folder, "quotes", rows), 120_000),
    "trades": (lambda folder, rows: table(folder, "trades", rows), 120_000),
    "bars": (lambda folder, rows: table(folder, "bars", rows), 120_000),
    "tardis": (lambda folder, rows: table(folder, "tardis", rows), 120_000),
    "quotes, gzip": (lambda folder, rows: table(folder, "quotes", rows, "csv.gz"), 120_000),
    "npz": (npz, 400_000),
    "lobster": (lobster, 60_000),
    "capture": (capture, 30_000),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", FORMS)
def test_memory_does_not_grow_with_the_file(tmp_path, form):
    write, rows = FORMS[form]
    few, many = (run(write(tmp_path, count)) for count in (rows, MORE * rows))
    print(f"{form}: {rows:,} rows {few['peak_mb']:.0f} MB, {MORE * rows:,} rows {many['peak_mb']:.0f} MB")
    assert many["events"] > (MORE - 1) * few["events"]
    assert many["peak_mb"] < few["peak_mb"] + ROOM_MB
