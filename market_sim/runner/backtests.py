"""A backtest as a page sees it: what it asks for, and what it is told. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market_sim.runner.commands import Parameters

TABLES = ("equity", "fills", "orders")
REPORT = "report.html"
DAILY = "closes"
LEVEL = 0.05
"""A test passes where its p-value is lower."""

PAIRS = ("agents.pairs:PairsTrader", "agents.bertram:OptimalPairs", "agents.kalman_pairs:KalmanPairs")
"""Strategies that stand on two prices belonging together."""


@dataclass(frozen=True, slots=True)
class BacktestRequest:
    """A shipped strategy (`package.module:Class`, parameters) and its data: a scenario to simulate for
    `until`, or else recordings in a table or capture, of the form `form` where it is known.

    `title` is what people call the data. Money is in the numeraire, `holdings` are (asset, amount) at every
    venue, fees in bps of value; fees and latency are those of recordings: a scenario has its own.
    """

    kind: str
    params: Parameters = ()
    scenario: str | None = None
    files: tuple[Path, ...] = ()
    form: str | None = None
    title: str = ""
    symbol: str | None = None
    seed: int | None = None
    until: str | None = None
    cash: str = "100000"
    holdings: tuple[tuple[str, str], ...] = ()
    short_selling: bool = True
    maker_fee_bps: str = "0"
    taker_fee_bps: str = "0"
    latency: str = "1ms"
    calendar: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class PairTest:
    """Engle and Granger's test of the first two listings: on how many daily closes, and its p-value."""

    first: str
    second: str
    closes: int
    p_value: float

    @property
    def sentence(self) -> str:
        """What the p-value says, and what it does not."""
        first, second = (name.partition(":")[2] for name in (self.first, self.second))
        start = (
            f"Do {first} and {second} belong together? Engle and Granger's test over {self.closes:,} daily "
            f"closes: p {_p_text(self.p_value)}. "
        )
        if self.p_value < LEVEL:
            return start + (
                "Two prices that have nothing to do with each other come out so low in fewer than "
                f"{LEVEL:.0%} of cases, so the pair passes at 5 %. That says nothing about tomorrow, and "
                "a pair that was picked among many needs a lower value."
            )
        return start + (
            "The pair does not pass at 5 %: prices that have nothing to do with each other come out so low "
            f"in {self.p_value:.0%} of cases. Nothing here shows that the gap between them must close, and "
            "what the strategy earned may be luck."
        )


@dataclass(frozen=True, slots=True)
class Price:
    """One listing: its mid a sample, and fills on it as (ms, price, size, 1 bought or -1 sold)."""

    listing: str
    quote: str
    mid: tuple[float | None, ...]
    fills: tuple[tuple[float, float, float, int], ...]


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What a backtest shows: thinned columns for charts, every figure, the newest fills.

    `times_ms` is wall-clock time in the market's zone, as milliseconds since 1970, one a sample; equity,
    profit and drawdown are in the numeraire, None where a price is unknown. `fills` are rows of (time,
    listing, side, price, size, fee, quote asset, maker, mid before, markouts after 1, 5 and 30 s in
    bps), newest last.
    """

    title: str
    agent: str
    engine: str
    numeraire: str
    zone: str
    origin: str
    notes: tuple[str, ...]
    figures: dict[str, Any]
    event_log_hash: str
    ledger_imbalance: dict[str, int]
    times_ms: tuple[float, ...]
    equity: tuple[float | None, ...]
    profit: tuple[float | None, ...]
    drawdown: tuple[float | None, ...]
    prices: tuple[Price, ...]
    fills: tuple[tuple[Any, ...], ...]
    pair: PairTest | None = None


@dataclass(frozen=True, slots=True)
class FileReady:
    """A file of the task's folder is complete, under this name."""

    name: str


def _p_text(value: float) -> str:
    """A p-value with as many digits as mean something."""
    return "< 0.0001" if value < 1e-4 else f"= {value:.4f}" if value < 0.01 else f"= {value:.2f}"
