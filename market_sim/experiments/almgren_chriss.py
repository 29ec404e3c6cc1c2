"""Almgren and Chriss (2000): cost and risk of selling a million shares in five days, four risk aversions.

The paper's own example. Before every slice a liquidity provider posts bids below the price: 2,000 shares on
every cent, the first level 6.75 cents away, so that a slice of n shares pays epsilon + eta n / tau on average
- the model's temporary impact, produced by a book. After it the price has moved at random and by the
permanent impact. The seller sweeps the book with one order a slice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_sim.engine import Side, TimeInForce
from market_sim.experiments.lanes import Column, Lanes
from market_sim.experiments.verdict import Verdict
from market_sim.theory.almgren_chriss import curvature, holdings

LIQUIDITY, SELLER = 1, 2
TICK = 0.0025
LEVEL_TICKS = 4
#: Lanes of one venue: enough to pay for a step, few enough for the memory of its orders.
AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Setting:
    """The paper's parameters; time in days, prices in dollars, sizes in shares."""

    risk: float = 1e-6
    total: int = 1_000_000
    slices: int = 5
    interval: float = 1.0
    start: float = 50.0
    sigma: float = 0.95
    epsilon: float = 0.0625
    temporary: float = 2.5e-6
    permanent: float = 2.5e-7

    @property
    def trajectory(self) -> Column:
        """Shares held at the start and after every slice, whole numbers: what the agent follows."""
        kappa = curvature(self.risk, self.sigma, self.temporary, self.permanent, self.interval)
        return np.rint(holdings(self.total, self.slices, kappa, self.interval)).astype(np.int64)


#: (expected cost, its standard deviation) in dollars by risk aversion (1 / dollar).
PUBLISHED = {
    0.0: (662_500.0, 1_040_673.0),
    1e-6: (911_227.0, 603_431.0),
    2e-6: (1_140_715.0, 449_368.0),
    1e-5: (1_845_211.0, 171_712.0),
}
#: Days^-1 at risk aversion 1e-6, and thousands of shares held after each day.
KAPPA = 0.6071
HELD = (542.0, 289.9, 147.9, 62.1, 0.0)


def play(setting: Setting, paths: int, seed: int, engine: str | None = None) -> Column:
    """Cost of every path in dollars: value at the start less what the sales brought."""
    draws = np.random.default_rng(seed)
    parts = [min(AT_ONCE, paths - first) for first in range(0, paths, AT_ONCE)]
    return np.concatenate([_play(setting, count, draws, engine) for count in parts])


def _play(setting: Setting, paths: int, draws: np.random.Generator, engine: str | None) -> Column:
    lanes = Lanes(paths, engine)
    price, received = np.full(paths, setting.start), np.zeros(paths)
    # Shares on a level so that n shares cost temporary * n / interval on average.
    level_lots = round(LEVEL_TICKS * TICK * setting.interval / (2 * setting.temporary))
    first_ticks = round((setting.epsilon + LEVEL_TICKS * TICK / 2) / TICK)
    for sold in -np.diff(setting.trajectory):
        if sold == 0:
            continue
        top = np.rint(price / TICK).astype(np.int64) - first_ticks
        levels = int(-(-sold // level_lots))
        bids = [
            lanes.send(LIQUIDITY, Side.BUY, top - LEVEL_TICKS * level, level_lots)
            for level in range(levels + 1)
        ]
        lanes.send(SELLER, Side.SELL, 1, sold, TimeInForce.IOC)
        for bid in bids[-2:]:
            lanes.cancel(LIQUIDITY, bid)
        lots, ticks = lanes.flow(lanes.match(SELLER))
        assert (lots == -sold).all(), "a slice found less than it was to sell"
        received += ticks * TICK
        noise = setting.sigma * np.sqrt(setting.interval) * draws.standard_normal(paths)
        price = price + noise - setting.permanent * sold
    return setting.total * setting.start - received


def verdicts(setting: Setting, costs: Column, mean_tolerance: float, sd_tolerance: float) -> list[Verdict]:
    """Expected cost and its deviation against the paper's figures; the tolerances are shares of them.

    20,000 paths allow 0.015 for both, 200,000 paths 0.005 for the mean and 0.01 for the deviation.
    """
    mean, deviation = PUBLISHED[setting.risk]
    count, measured = len(costs), float(costs.std(ddof=1))
    name = f"lambda {setting.risk:g}"
    return [
        Verdict(
            f"{name}: expected cost ($)",
            mean,
            float(costs.mean()),
            measured / count**0.5,
            mean_tolerance * mean,
        ),
        Verdict(
            f"{name}: sd of cost ($)",
            deviation,
            measured,
            measured / (2 * count) ** 0.5,
            sd_tolerance * deviation,
        ),
    ]
