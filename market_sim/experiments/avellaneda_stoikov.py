"""The table of Avellaneda and Stoikov (2008): profit and final inventory of two strategies, three risk
aversions.

The mid starts at 100 and moves by +-sigma sqrt(dt) a step; the maker quotes one lot on each side for 200
steps. The paper fills a quote at distance d from the mid with probability A exp(-k d) dt. Here every step
brings one buyer and one seller of one lot, immediate or cancel, who pay up to (1 / k) ln(A dt / U) away
from the mid, U uniform: they reach a distance d with exactly that probability (with certainty if it exceeds
1), and the matching engine decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_sim.engine import Side, TimeInForce
from market_sim.experiments.lanes import Column, Lanes
from market_sim.experiments.verdict import Verdict
from market_sim.theory.avellaneda_stoikov import mean_spread, optimal_spread, reservation_price

MAKER, TAKERS = 1, 2


@dataclass(frozen=True, slots=True)
class Setting:
    """The paper's parameters; prices in dollars, time in units of the horizon."""

    gamma: float = 0.1
    symmetric: bool = False
    sigma: float = 2.0
    kappa: float = 1.5
    intensity: float = 140.0
    horizon: float = 1.0
    steps: int = 200
    start: float = 100.0
    tick: float = 0.01


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of every path: profit in dollars (cash and inventory at the last mid), final inventory in lots; and the
    mean spread that was quoted.
    """

    profit: Column
    inventory: Column
    spread: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the paper's tables 1 to 3, from 1000 paths."""

    spread: float
    profit: float
    profit_sd: float
    inventory: float
    inventory_sd: float


#: By (gamma, symmetric).
PUBLISHED = {
    (0.1, False): Row(1.49, 65.0, 6.6, 0.08, 2.9),
    (0.1, True): Row(1.49, 68.4, 12.7, 0.26, 8.4),
    (0.01, False): Row(1.35, 68.6, 8.7, 0.12, 5.1),
    (0.01, True): Row(1.35, 68.8, 12.8, 0.09, 8.7),
    (1.0, False): Row(3.02, 31.4, 5.0, 0.02, 1.7),
    (1.0, True): Row(3.02, 44.0, 11.0, 0.00, 5.1),
}


def play(setting: Setting, paths: int, seed: int, engine: str | None = None) -> Outcome:
    """Quote and trade along `paths` paths through the matching engine."""
    draws = np.random.default_rng(seed)
    lanes = Lanes(paths, engine)
    mid = np.full(paths, setting.start)
    inventory, cash = np.zeros(paths), np.zeros(paths)
    dt = setting.horizon / setting.steps
    spreads = 0.0
    for step in range(setting.steps):
        bid, ask, spread = _quotes(setting, mid, inventory, setting.horizon - step * dt)
        spreads += spread
        orders = [
            lanes.send(MAKER, side, _ticks(price, setting.tick))
            for side, price in ((Side.BUY, bid), (Side.SELL, ask))
        ]
        for side, sign in ((Side.BUY, 1), (Side.SELL, -1)):
            reach = np.log(setting.intensity * dt / (1 - draws.random(paths))) / setting.kappa
            # Rounded towards the mid: rounded to the nearest they would reach half a tick too far.
            limit = sign * np.floor((sign * mid + reach) / setting.tick).astype(np.int64)
            lanes.send(TAKERS, side, np.maximum(limit, 1), tif=TimeInForce.IOC)
        for order in orders:
            lanes.cancel(MAKER, order)
        lots, ticks = lanes.flow(lanes.match(MAKER))
        inventory, cash = inventory + lots, cash + ticks * setting.tick
        mid = mid + setting.sigma * np.sqrt(dt) * draws.choice((-1.0, 1.0), paths)
    return Outcome(cash + inventory * mid, inventory, spreads / setting.steps)


def _quotes(setting: Setting, mid: Column, inventory: Column, tau: float) -> tuple[Column, Column, float]:
    variance = setting.sigma**2
    if setting.symmetric:
        centre, spread = mid, mean_spread(setting.gamma, variance, setting.kappa, setting.horizon)
    else:
        centre = reservation_price(mid, inventory, setting.gamma, variance, tau)
        spread = optimal_spread(setting.gamma, variance, setting.kappa, tau)
    return centre - spread / 2, centre + spread / 2, spread


def _ticks(price: Column, tick: float) -> Column:
    return np.rint(price / tick).astype(np.int64)


def verdicts(setting: Setting, outcome: Outcome, published: Row) -> list[Verdict]:
    """One row of the paper's table against what came out.

    The paper's figures carry the noise of 1000 paths: 0.21 and 0.49 of the mean profit, 0.16 and 0.43 of its
    deviation (inventory and symmetric strategy, over 60 seeds), so profits may differ by 1.5 dollars,
    deviations of profit and inventory by a tenth; the mean inventory by four standard errors of both.
    """
    name = f"gamma {setting.gamma:g}, {'symmetric' if setting.symmetric else 'inventory'}"
    count = len(outcome.profit)
    profit_sd, inventory_sd = outcome.profit.std(ddof=1), outcome.inventory.std(ddof=1)
    mean_error = inventory_sd / np.sqrt(count)
    both = 4 * inventory_sd * np.sqrt(1 / count + 1 / 1000)
    rows = [
        ("spread ($)", published.spread, outcome.spread, 0.0, 0.015),
        ("mean profit ($)", published.profit, outcome.profit.mean(), profit_sd / np.sqrt(count), 1.5),
        (
            "sd of profit ($)",
            published.profit_sd,
            profit_sd,
            _sd_error(outcome.profit),
            0.1 * published.profit_sd,
        ),
        ("mean inventory (lots)", published.inventory, outcome.inventory.mean(), mean_error, both),
        (
            "sd of inventory (lots)",
            published.inventory_sd,
            inventory_sd,
            _sd_error(outcome.inventory),
            0.1 * published.inventory_sd,
        ),
    ]
    return [Verdict(f"{name}: {what}", *map(float, numbers)) for what, *numbers in rows]


def _sd_error(sample: Column) -> float:
    """Standard error of a sample's standard deviation, by its fourth moment."""
    away = (sample - sample.mean()) ** 2
    return float(away.std() / np.sqrt(len(sample)) / (2 * np.sqrt(away.mean())))
