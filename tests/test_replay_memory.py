"""Recordings larger than memory: six times the rows need no more of it, whatever the form of the file."""

import gzip
import json
import subprocess
import sys

import pytest

#: A run in a process of its own: its arguments are a file, and rows that its tape may keep in memory.
RUN = """
import json, sys
from market_sim.replaying import replay
told = replay(sys.argv[1], overrides=["limits.tape_rows=" + sys.argv[2]]).summary()
print(json.dumps({"events": told["events"], "peak_mb": told["peak_rss_mb"]}))
"""
TAPE_ROWS = 50_000
FEW, MANY = 150_000, 900_000
#: What a larger file may cost besides: blocks end elsewhere, and an allocator keeps what it was given.
ROOM_MB = 60


def price(row: int) -> float:
    return 100 + (row * 7919 % 101) / 100


HEADS = {
    "quotes": "time,symbol,bid,ask,bid_size,ask_size",
    "trades": "time,symbol,price,size,side",
    "bars": "time,open,high,low,close,volume",
    "tardis": "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount",
}


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


def write(path, form: str, rows: int) -> str:
    packed = path.suffix == ".gz"
    with gzip.open(path, "wt", compresslevel=1) if packed else path.open("w") as file:
        file.write(HEADS[form] + "\n")
        file.writelines(line(form, row) + "\n" for row in range(rows))
    return str(path)


def run(path: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", RUN, path, str(TAPE_ROWS)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


FORMS = [("quotes", "csv"), ("trades", "csv"), ("bars", "csv"), ("tardis", "csv"), ("quotes", "csv.gz")]


@pytest.mark.slow
@pytest.mark.parametrize(("form", "suffix"), FORMS)
def test_memory_does_not_grow_with_the_file(tmp_path, form, suffix):
    few, many = (run(write(tmp_path / f"{rows}.{suffix}", form, rows)) for rows in (FEW, MANY))
    print(f"{form} {suffix}: {FEW:,} rows {few['peak_mb']:.0f} MB, {MANY:,} rows {many['peak_mb']:.0f} MB")
    assert many["events"] > 5 * few["events"]
    assert many["peak_mb"] < few["peak_mb"] + ROOM_MB
