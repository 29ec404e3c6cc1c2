"""Makes the sample recordings again: `python -m market_sim.samples.make [FOLDER]`."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from market_sim.result import Result
from market_sim.running import run
from market_sim.samples import HOME

SEED = 7
#: Quotes closer together than this are left out: a sample shall be small.
QUOTE_STEP_NS = 200_000_000
FIRST_CLOSE = date(2020, 1, 2)


def quotes(result: Result, venue: str, step_ns: int = QUOTE_STEP_NS) -> pl.DataFrame:
    """Best bid and ask with sizes at one venue, the last of every step."""
    own = result.quotes.filter(pl.col("venue") == venue).drop_nulls(["bid", "ask"])
    thin = own.group_by(
        "instrument", (pl.col("time_ns") // step_ns).alias("step"), maintain_order=True
    ).last()
    return thin.sort("time_ns").select(
        _time(), symbol="instrument", bid="bid", ask="ask", bid_size="bid_size", ask_size="ask_size"
    )


def trades(result: Result, venue: str) -> pl.DataFrame:
    """Trades at one venue."""
    own = result.trades.filter(pl.col("venue") == venue)
    return own.select(_time(), symbol="instrument", price="price", size="size", side="side")


def bars(result: Result, venue: str, every: str = "1m") -> pl.DataFrame:
    """Bars of the mid, with the traded volume."""
    mids = result.quotes.filter(pl.col("venue") == venue).drop_nulls("mid")
    rows = mids.group_by_dynamic("time", every=every).agg(
        open=pl.col("mid").first(),
        high=pl.col("mid").max(),
        low=pl.col("mid").min(),
        close=pl.col("mid").last(),
    )
    volume = result.trades.filter(pl.col("venue") == venue).group_by_dynamic("time", every=every)
    joined = rows.join(volume.agg(volume=pl.col("size").sum().round(4)), on="time", how="left")
    text = pl.col("time").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S")
    return joined.select(text.alias("time"), "open", "high", "low", "close", pl.col("volume").fill_null(0.0))


def closes(result: Result, venue: str, every: str = "1m") -> pl.DataFrame:
    """One close an instrument and simulated minute, dated as if each minute were a trading day."""
    mids = result.quotes.filter(pl.col("venue") == venue).drop_nulls("mid")
    wide = mids.group_by_dynamic("time", every=every, group_by="instrument").agg(pl.col("mid").last())
    table = wide.pivot("instrument", index="time", values="mid").sort("time").drop_nulls()
    names = {name: name.partition("/")[0] for name in table.columns if name != "time"}
    days = pl.date_range(FIRST_CLOSE, FIRST_CLOSE + timedelta(days=2 * len(table)), eager=True)
    trading = days.filter(days.dt.weekday() <= 5)[: len(table)]
    return table.select(
        trading.dt.strftime("%Y-%m-%d").alias("date"), *(pl.col(n).alias(k) for n, k in names.items())
    )


def _time() -> pl.Expr:
    return pl.col("time").dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.6f").alias("time")


def write(table: pl.DataFrame, path: Path) -> None:
    """CSV packed so that the same table gives the same bytes."""
    plain = table.write_csv(float_precision=None).encode()
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file:
        file.write(plain)
    path.write_bytes(packed.getvalue())


def make(home: Path = HOME) -> list[Path]:
    """Write every sample to a folder."""
    short = run("two_venues", seed=SEED, until="10m")
    long = run("two_venues", seed=SEED, until="2h")
    pairs, triangle = run("pairs", seed=SEED, until="20m"), run("triangle", seed=SEED, until="5m")
    year = run("pairs", seed=SEED, until="250m")
    venue = {result: result.config.listings[0].venue for result in (short, pairs, triangle, year)}
    tables = {
        "quotes": quotes(short, venue[short]),
        "trades": trades(short, venue[short]),
        "bars": bars(long, venue[short]),
        "pairs": quotes(pairs, venue[pairs]),
        "triangle": quotes(triangle, venue[triangle]),
        "closes": closes(year, venue[year]),
    }
    home.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write(table, home / f"{name}.csv.gz")
    return [home / f"{name}.csv.gz" for name in tables]


if __name__ == "__main__":
    for made in make(Path(sys.argv[1]) if len(sys.argv) > 1 else HOME):
        sys.stdout.write(f"{made} {made.stat().st_size} bytes\n")
