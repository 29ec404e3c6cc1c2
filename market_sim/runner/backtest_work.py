"""The work of a backtest's task: run it, say what came of it, write its files."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from market_sim.runner.backtests import (
    DAILY,
    PAIRS,
    REPORT,
    TABLES,
    BacktestOutcome,
    BacktestRequest,
    FileReady,
    PairTest,
    Price,
)
from market_sim.runner.tasks import Progress, Tell

if TYPE_CHECKING:
    from market_sim.backtesting import Backtest

FILLS_TOLD = 300
MARKS_TOLD = 400
FEWEST_CLOSES = 30
POINTS_TOLD = 2_000


def run_backtest(request: BacktestRequest, folder: Path, tell: Tell) -> None:
    """The work of a task: run, tell the outcome, then write the files, each told when it is there."""
    from market_sim.backtesting import backtest

    tell(Progress(None, "reading the data"))
    data: Any = request.scenario or [str(file) for file in request.files]
    daily = request.form == DAILY
    found = backtest(
        request.kind,
        data,
        params=dict(request.params),
        cash=request.cash,
        holdings=dict(request.holdings),
        short_selling=request.short_selling,
        maker_fee_bps=request.maker_fee_bps,
        taker_fee_bps=request.taker_fee_bps,
        latency=request.latency,
        calendar=request.calendar,
        # A close stands for its day: what the mid is between two of them, nobody knows.
        step="1d" if daily else None,
        options=None if request.scenario or request.symbol is None else {"symbol": request.symbol},
        seed=request.seed,
        until=request.until,
        engine=request.engine,
        shipped_only=True,
        progress=_simulating(tell),
    )
    tell(Progress(None, "computing the figures"))
    pair = _pair(request, found)
    tell(_outcome(request, found, pair))
    if pair is not None:
        found.notes = (pair.sentence, *found.notes)
    _write(found, folder, tell)


def _simulating(tell: Tell) -> Callable[[int, int], None]:
    def progress(now_ns: int, end_ns: int) -> None:
        share = now_ns / end_ns if end_ns else 0.0
        tell(Progress(min(share, 1.0), f"simulating, {share:.0%}"))

    return progress


def _outcome(request: BacktestRequest, found: Backtest, pair: PairTest | None) -> BacktestOutcome:
    summary = found.result.summary()
    thin = found.equity.gather_every(-(-len(found.equity) // POINTS_TOLD))
    return BacktestOutcome(
        title=request.title,
        agent=request.kind.rpartition(":")[2],
        engine=summary["engine"],
        numeraire=found.result.config.numeraire,
        zone=found.result.config.zone,
        origin=found.origin,
        notes=found.notes,
        figures=found.figures,
        event_log_hash=summary["event_log_hash"],
        ledger_imbalance=summary["ledger_imbalance"],
        times_ms=_ms(thin),
        equity=_column(thin, "equity"),
        profit=_column(thin, "profit"),
        drawdown=_column(thin, "drawdown"),
        prices=tuple(
            Price(
                f"{table.venue}:{table.instrument}",
                found.result.config.instruments[table.instrument].quote,
                _column(thin, f"mid_{table.venue}:{table.instrument}"),
                _marks(found.fills, f"{table.venue}:{table.instrument}"),
            )
            for table in found.result.config.listings
        ),
        fills=_fills(found),
        pair=pair,
    )


def _ms(frame: pl.DataFrame) -> tuple[float, ...]:
    plain = frame["time"].dt.replace_time_zone(None).cast(pl.Int64)
    return tuple((plain / 1e6).to_list())


def _column(frame: pl.DataFrame, name: str) -> tuple[float | None, ...]:
    return tuple(frame[name].to_list())


def _marks(fills: pl.DataFrame, listing: str) -> tuple[tuple[float, float, float, int], ...]:
    own = fills.filter(fills["listing"] == listing)
    own = own.gather_every(max(1, -(-len(own) // MARKS_TOLD)))
    return tuple(zip(_ms(own), own["price"].to_list(), own["size"].to_list(), own["sign"], strict=True))


def _fills(found: Backtest) -> tuple[tuple[Any, ...], ...]:
    instruments = found.result.config.instruments
    quotes = {
        f"{table.venue}:{table.instrument}": instruments[table.instrument].quote
        for table in found.result.config.listings
    }
    return tuple(
        (
            row["time"].strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            row["listing"],
            "buy" if row["sign"] > 0 else "sell",
            row["price"],
            row["size"],
            row["fee"],
            quotes[row["listing"]],
            row["is_maker"],
            row.get("mid"),
            *(row.get(f"markout_{seconds}s_bps") for seconds in (1, 5, 30)),
        )
        for row in found.fills.tail(FILLS_TOLD).iter_rows(named=True)
    )


def _pair(request: BacktestRequest, found: Backtest) -> PairTest | None:
    """The test of a pairs strategy's two prices, on daily closes: with less than a day a sample, noise of
    the book would be tested as well.
    """
    from market_sim.replaying.blocks import blocks
    from market_sim.replaying.columns import numbers
    from market_sim.theory.cointegration import cointegration_p_value

    listings = [f"{table.venue}:{table.instrument}" for table in found.result.config.listings][:2]
    if request.kind not in PAIRS or request.form != DAILY or len(listings) < 2:
        return None
    (file, *_) = request.files
    parts = []
    for line, block in blocks(file):
        own = [numbers(block[name], str(file), line) for name in block.columns[1:3]]
        parts.append(np.column_stack(own))
    closes = np.concatenate(parts)
    # A day without one of the two is no day of the pair.
    closes = closes[np.isfinite(closes).all(axis=1)]
    if len(closes) < FEWEST_CLOSES:
        return None
    p_value = cointegration_p_value(closes[:, 0], closes[:, 1])
    return PairTest(listings[0], listings[1], len(closes), p_value) if isfinite(p_value) else None


def _write(found: Backtest, folder: Path, tell: Tell) -> None:
    from market_sim.runner.answers import harmless

    for name in TABLES:
        frame = getattr(found, name)
        tell(Progress(None, f"writing {name}"))
        frame.write_parquet(folder / f"{name}.parquet")
        harmless(frame).write_csv(folder / f"{name}.csv")
        tell(FileReady(f"{name}.csv"))
        tell(FileReady(f"{name}.parquet"))
    tell(Progress(None, "writing the report"))
    found.report(folder / REPORT)
    tell(FileReady(REPORT))
