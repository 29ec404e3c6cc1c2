"""Figures of a curve: returns, Sharpe and Sortino ratios, drawdown, and what they may be called.

A ratio is annualised only where a calendar is named ("24/7": 365 days a year, "252": sessions) and at least
five of its days are there; a ratio of a few hours times the square root of a year says nothing. Else it is
per period, and its name says of how many seconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from market_sim.backtesting.bootstrap import interval
from market_sim.errors import ScenarioError
from market_sim.units import SECOND_NS

Floats = np.ndarray[Any, np.dtype[np.float64]]
CALENDARS = {"24/7": 365, "252": 252}
FEWEST_DAYS = 5


def calendar_named(name: str | None) -> str | None:
    """The calendar of that name; ScenarioError for any other."""
    if name is None or name in CALENDARS:
        return name
    raise ScenarioError(
        f"unknown calendar {name!r}", "backtest", f"Choose {' or '.join(CALENDARS)}, or none."
    )


def daily_equity(curve: pl.DataFrame, calendar: str) -> pl.DataFrame:
    """The last equity of each day in the market's zone: of every day, or ("252") of each day with a change of
    prices.
    """
    mids = [name for name in curve.columns if name.startswith("mid_")]
    days = (
        curve.drop_nulls("equity")
        .group_by(pl.col("time").dt.date().alias("day"), maintain_order=True)
        .agg(pl.col("equity").last(), *(pl.col(name).last() for name in mids))
    )
    if calendar == "252" and mids:
        moved = pl.any_horizontal([pl.col(name).diff().fill_null(1.0) != 0 for name in mids])
        days = days.filter(moved)
    return days


def returns_of(equity: Floats) -> Floats:
    """Relative changes from sample to sample; empty where equity is not above zero throughout."""
    if len(equity) < 2 or not (equity > 0).all():
        return np.empty(0)
    return equity[1:] / equity[:-1] - 1


def sharpe(returns: Floats) -> Floats:
    """Mean over standard deviation along the last axis; NaN without deviation."""
    deviation = returns.std(axis=-1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0, returns.mean(axis=-1) / deviation, np.nan)


def sortino(returns: Floats) -> Floats:
    """Mean over the root mean square of what lies below zero, along the last axis; NaN where nothing does."""
    below = np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, returns.mean(axis=-1) / below, np.nan)


def ratios(curve: pl.DataFrame, step_ns: int, calendar: str | None) -> dict[str, Any]:
    """Sharpe and Sortino with their 95 % intervals and the basis: annualised, or per period of so long."""
    basis: dict[str, Any] = {"annualised": False, "period_s": step_ns / SECOND_NS, "calendar": calendar}
    equity = curve.drop_nulls("equity")["equity"].to_numpy()
    returns, scale = returns_of(equity), 1.0
    if calendar is not None:
        days = daily_equity(curve, calendar)
        first = curve.drop_nulls("equity")["equity"].to_numpy()[:1]
        if len(days) >= FEWEST_DAYS:
            returns = returns_of(np.concatenate([first, days["equity"].to_numpy()]))
            scale = CALENDARS[calendar] ** 0.5
            basis |= {"annualised": True, "period_s": 86_400.0}
    told: dict[str, Any] = {**basis, "periods": len(returns)}
    for name, figure in (("sharpe", sharpe), ("sortino", sortino)):
        value = float(figure(returns)) * scale if len(returns) > 1 else float("nan")
        told[name] = value if np.isfinite(value) else None
        limits = interval(returns, figure)
        told[f"{name}_interval"] = None if limits is None else [limit * scale for limit in limits]
    mean = interval(returns, lambda drawn: drawn.mean(axis=-1))
    told["mean_return_bps"] = float(returns.mean()) * 1e4 if len(returns) else None
    told["mean_return_bps_interval"] = None if mean is None else [limit * 1e4 for limit in mean]
    return told


def drawdown(curve: pl.DataFrame) -> dict[str, Any]:
    """The deepest fall of equity below its highest so far: how deep, from when, to when, until when."""
    known = curve.drop_nulls("equity")
    if known.is_empty() or (lowest := known["drawdown"].min()) is None:
        return {"max_drawdown": None, "max_drawdown_share": None, "from": None, "to": None, "until": None}
    at = int(known["drawdown"].arg_min() or 0)
    before, after = known[: at + 1], known[at:]
    peak_at = int(before["equity"].arg_max() or 0)
    peak = float(before["equity"][peak_at])
    recovered = after.filter(pl.col("equity") >= peak)
    deep = float(lowest)  # type: ignore[arg-type]
    return {
        "max_drawdown": -deep,
        "max_drawdown_share": -deep / peak if peak > 0 else None,
        "from": before["time"][peak_at].isoformat(),
        "to": known["time"][at].isoformat(),
        # Open at the end: it has not come back.
        "until": recovered["time"][0].isoformat() if len(recovered) and deep < 0 else None,
    }
