"""Trading a mean-reverting spread: Bertram (2010), "Analytic solutions for optimal statistical arbitrage
trading", Physica A 389:2234-2243.

The spread is an Ornstein-Uhlenbeck process around 0, dX = -speed X dt + sigma dW. A trade buys it at `enter`,
sells it at `leave` > `enter`, pays `cost` for both together, and waits until the spread is back at `enter`:
one cycle. Time in any one unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A discretely watched diffusion passes a level about this many step deviations late (Broadie, Glasserman and
#: Kou 1997, Mathematical Finance 7:325-349): -zeta(1/2) / sqrt(2 pi).
OVERSHOOT = 0.5826


@dataclass(frozen=True, slots=True)
class Spread:
    """An Ornstein-Uhlenbeck process: mean reversion speed, volatility per square root of time, mean."""

    speed: float
    sigma: float
    mean: float = 0.0

    @property
    def deviation(self) -> float:
        """Stationary standard deviation."""
        return self.sigma / sqrt(2 * self.speed)

    @property
    def half_life(self) -> float:
        """Time in which an expected distance from the mean halves."""
        return log(2) / self.speed


def mean_cycle(spread: Spread, enter: float, leave: float) -> float:
    """Mean time from `enter` to `leave` and back, thresholds counted from the mean."""
    from scipy.special import erfi

    scale = sqrt(spread.speed) / spread.sigma
    return float(pi / spread.speed * (erfi(leave * scale) - erfi(enter * scale)))


def cycle_variance(spread: Spread, enter: float, leave: float) -> float:
    """Variance of that time."""
    up, down = (_passage_variance(spread, *ends) for ends in ((enter, leave), (-leave, -enter)))
    return up + down


def _passage_variance(spread: Spread, start: float, end: float) -> float:
    """Variance of the first passage time from `start` up to a higher `end`.

    In units of the stationary deviation and of 1 / speed the mean passage time has the slope -g(x), g(x) =
    sqrt(2 pi) exp(x^2 / 2) N(x), and its variance the slope -2 exp(x^2 / 2) times the integral of
    exp(-y^2 / 2) g(y)^2 up to x: no series to cut off.
    """
    from scipy.integrate import quad
    from scipy.special import erfcx

    def slope(x: float) -> float:
        # exp(x^2 / 2) N(x) without overflow far out to the left.
        return sqrt(pi / 2) * float(erfcx(-x / sqrt(2)))

    def inner(x: float) -> float:
        found, _ = quad(lambda y: exp((x * x - y * y) / 2) * slope(y) ** 2, -np.inf, x, limit=200)
        return 2 * found

    low, high = start / spread.deviation, end / spread.deviation
    found, _ = quad(inner, low, high, limit=200)
    return float(found / spread.speed**2)


def return_rate(spread: Spread, enter: float, leave: float, cost: float) -> float:
    """Expected profit per unit of time."""
    return (leave - enter - cost) / mean_cycle(spread, enter, leave)


def return_variance(spread: Spread, enter: float, leave: float, cost: float) -> float:
    """Variance of the profit per unit of time."""
    gain = leave - enter - cost
    return gain**2 * cycle_variance(spread, enter, leave) / mean_cycle(spread, enter, leave) ** 3


def best_return(spread: Spread, cost: float) -> float:
    """The threshold b whose cycle from -b to b has the highest expected return.

    ValueError for a cost below 0. Always above half the cost; however large that is, waiting for more pays.
    """
    from scipy.optimize import minimize_scalar

    if cost < 0:
        raise ValueError(f"the cost of a round trip is {cost}: give at least 0")
    least = cost / 2
    if least > 5 * spread.deviation:
        raise ValueError(
            f"a round trip costs {cost:g}, the spread's deviation is {spread.deviation:g}: it does not come "
            f"that far"
        )
    found = minimize_scalar(
        lambda b: -return_rate(spread, -b, b, cost),
        bounds=(least + 1e-9 * spread.deviation, least + 3 * spread.deviation),
        method="bounded",
        options={"xatol": 1e-9 * spread.deviation},
    )
    return float(found.x)


def best_sharpe(spread: Spread, cost: float, riskless: float) -> tuple[float, float]:
    """(b, ratio): the threshold whose cycle has the highest Sharpe ratio; `riskless` is the profit that a
    cycle's capital would bring without risk, counted once a cycle as in the paper.
    """
    from scipy.optimize import minimize_scalar

    def ratio(b: float) -> float:
        excess = return_rate(spread, -b, b, cost + riskless)
        return excess / sqrt(return_variance(spread, -b, b, cost))

    least = (cost + riskless) / 2
    found = minimize_scalar(
        lambda b: -ratio(b),
        bounds=(least + 1e-6 * spread.deviation, least + 3 * spread.deviation),
        method="bounded",
    )
    return float(found.x), ratio(float(found.x))


def holds(held: Any, spread: Any, enter: float, leave: float) -> Any:
    """Whether the spread shall be held now: bought at or below `enter`, kept until `leave`; or arrays."""
    return (spread <= enter) | (held & (spread < leave))


def fit(values: NDArray[Any], interval: float) -> Spread | None:
    """The process that fits equally spaced observations, by regression of each on the one before.

    None where they do not revert: a slope of at least 1, or not above 0, or observations that stand still.
    """
    from statsmodels.tsa.ar_model import AutoReg

    if len(values) < 10 or np.ptp(values) == 0:
        return None
    fitted = AutoReg(values, lags=1, trend="c").fit()
    intercept, slope = (float(number) for number in fitted.params)
    if not 0 < slope < 1:
        return None
    speed = -log(slope) / interval
    noise = float(fitted.sigma2)
    if noise <= 0:
        return None
    return Spread(speed, sqrt(noise * 2 * speed / (1 - slope * slope)), intercept / (1 - slope))
