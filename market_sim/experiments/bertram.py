"""Bertram (2010): how long an optimal pairs trade takes, and what it earns in a year.

Two instruments whose prices differ by an Ornstein-Uhlenbeck process; the paper's example, time in years. A
dealer quotes both wherever somebody comes, a quarter of the cost away from their mids, so that the four fills
of a round trip pay the paper's cost. The arbitrageur looks every `interval`, buys the cheap one and sells the
dear one at the optimal threshold, and goes back at the opposite one.

A diffusion that is watched at intervals passes a threshold late: what is expected is the paper's figure for
thresholds moved outward by 0.5826 sigma sqrt(interval).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_sim.engine import Side, TimeInForce
from market_sim.experiments.lanes import Column, Lanes
from market_sim.experiments.verdict import Verdict
from market_sim.theory.ornstein_uhlenbeck import (
    OVERSHOOT,
    Spread,
    best_return,
    holds,
    mean_cycle,
    return_rate,
)

DEALER, TRADER = 1, 2
TICK = 1e-6
#: Normal draws held at once.
BLOCK = 500

THRESHOLD, MEAN_CYCLE, RETURN = 0.004715, 0.017122, 0.492358
#: The paper's spread: mean reversion a year, volatility per square root of a year.
PAPER = Spread(180.9670, 0.1538)


@dataclass(frozen=True, slots=True)
class Setting:
    """The paper's example; prices in dollars, time in years."""

    spread: Spread = PAPER
    cost: float = 0.001
    interval: float = 5e-6
    start: float = 100.0
    #: Volatility of what both instruments have in common; the arbitrageur is hedged against it.
    common: float = 0.2
    #: Threshold to trade at, in dollars; None for the optimal one.
    at: float | None = None

    @property
    def threshold(self) -> float:
        """The chosen one, else the optimal one, which the agent computes in the same way."""
        return best_return(self.spread, self.cost) if self.at is None else self.at

    @property
    def watched(self) -> float:
        """The threshold at which a look every `interval` finds it passed on average."""
        return self.threshold + OVERSHOOT * self.spread.sigma * self.interval**0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of every cycle: its length in years and its profit in dollars per share."""

    length: Column
    profit: Column


class _Pair:
    """Both instruments of every path: the first of path i is lane i, the second lane i + paths."""

    def __init__(self, setting: Setting, paths: int, engine: str | None) -> None:
        self.setting = setting
        self.paths = paths
        self.lanes = Lanes(2 * paths, engine)
        self.cash = np.zeros(paths)

    def trade(self, who: Column, first: Column, second: Column, buy: bool) -> None:
        """Paths `who` buy (or sell back) one second against one first, at the dealer's quotes around mids."""
        half = self.setting.cost / 4
        for lanes, mid, side in (
            (who, first, Side.SELL if buy else Side.BUY),
            (who + self.paths, second, Side.BUY if buy else Side.SELL),
        ):
            sign = 1 if side == Side.BUY else -1
            price = np.rint((mid + sign * half) / TICK).astype(np.int64)
            self.lanes.send(DEALER, Side.SELL if side == Side.BUY else Side.BUY, price, lanes=lanes)
            self.lanes.send(TRADER, side, price, tif=TimeInForce.IOC, lanes=lanes)
        lots, ticks = self.lanes.flow(self.lanes.match(TRADER))
        assert np.abs(lots).sum() == 2 * len(who)
        self.cash += (ticks[: self.paths] + ticks[self.paths :]) * TICK


def play(setting: Setting, cycles: int, seed: int, engine: str | None = None) -> Outcome:
    """Play so many independent cycles, each from just below the lower threshold back to it."""
    draws = np.random.default_rng(seed)
    pair, bound = _Pair(setting, cycles, engine), setting.threshold
    decay = np.exp(-setting.spread.speed * setting.interval)
    noise = setting.spread.deviation * np.sqrt(1 - decay * decay)
    # Every cycle begins where a look found the one before over: as far beyond the threshold as looks are
    # late.
    spread = np.full(cycles, -setting.watched)
    first = np.full(cycles, setting.start)
    alive, held = np.arange(cycles), np.ones(cycles, bool)
    pair.trade(alive, first, first + spread, buy=True)
    length, step = np.zeros(cycles), 0
    while len(alive):
        moves = draws.standard_normal((BLOCK, 2, len(alive)))
        moves[:, 1] *= setting.common * np.sqrt(setting.interval)
        kept = np.ones(len(alive), bool)
        for spread_move, common_move in moves:
            step += 1
            spread = spread * decay + noise * spread_move
            first = first + common_move
            now = holds(held, spread, -bound, bound)
            sold, over = held & ~now & kept, ~held & now & kept
            if sold.any():
                pair.trade(alive[sold], first[sold], (first + spread)[sold], buy=False)
            if over.any():
                length[alive[over]] = step * setting.interval
                kept &= ~over
            held = now
        alive, spread, first, held = alive[kept], spread[kept], first[kept], held[kept]
    return Outcome(length, pair.cash)


def verdicts(setting: Setting, outcome: Outcome) -> list[Verdict]:
    """Mean cycle (+-3 %) and yearly return (+-5 %), at the thresholds as watched; for 4,000 cycles."""
    bound, count = setting.watched, len(outcome.length)
    cycle = mean_cycle(setting.spread, -bound, bound)
    earned = return_rate(setting.spread, -bound, bound, setting.cost)
    mean, error = outcome.length.mean(), outcome.length.std() / count**0.5
    gain, gain_error = outcome.profit.mean(), outcome.profit.std() / count**0.5
    rate = gain / mean
    rate_error = rate * ((error / mean) ** 2 + (gain_error / gain) ** 2) ** 0.5
    return [
        Verdict("mean cycle (years)", cycle, float(mean), float(error), 0.03 * cycle),
        Verdict("return (USD a share and year)", earned, float(rate), float(rate_error), 0.05 * earned),
    ]
