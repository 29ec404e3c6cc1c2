"""Kyle (1985), "Continuous auctions and insider trading", Econometrica 53:1315-1335: his theorem 2.

An insider knows the value; noise traders do not; dealers see what both want together and set the price that
is the value to expect. There are `auctions` at equal intervals of one unit of time; the noise traders' total
has the variance `noise_variance` over all of it, the value the variance `value_variance` at the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class Auction:
    """One auction of the equilibrium.

    The insider demands `demand` (beta_n times the interval) times value less price; dealers move the price by
    `impact` (lambda_n) times the total demand; `variance` (Sigma_n) is what remains unknown afterwards.
    """

    demand: float
    impact: float
    variance: float


@dataclass(frozen=True, slots=True)
class Equilibrium:
    """All auctions, and the profit that the insider expects before the first."""

    auctions: tuple[Auction, ...]
    profit: float


def equilibrium(auctions: int, value_variance: float = 1.0, noise_variance: float = 1.0) -> Equilibrium:
    """The linear equilibrium, unique by Kyle's theorem.

    Solved backward from the last auction for an arbitrary variance left, and scaled to the one at the start.
    ValueError for no auction or a variance that is not above 0.
    """
    if auctions < 1 or value_variance <= 0 or noise_variance <= 0:
        raise ValueError(
            f"{auctions} auctions, variances {value_variance} and {noise_variance}: give at least one "
            "auction, variances above 0"
        )
    noise = noise_variance / auctions
    left, alpha, delta = 1.0, 0.0, 0.0
    steps = []
    for _ in range(auctions):
        impact = _impact(alpha, left, noise)
        demand = (1 - 2 * alpha * impact) / (2 * impact * (1 - alpha * impact))
        steps.append(Auction(demand, impact, left))
        delta += alpha * impact * impact * noise
        left /= 1 - demand * impact
        alpha = 1 / (4 * impact * (1 - alpha * impact))
    # Prices, impacts and profits are in proportion to the value's standard deviation, demands inversely.
    scale = sqrt(value_variance / left)
    scaled = [
        Auction(step.demand / scale, step.impact * scale, step.variance * scale * scale)
        for step in reversed(steps)
    ]
    return Equilibrium(tuple(scaled), (alpha * left + delta) * scale)


def _impact(alpha: float, left: float, noise: float) -> float:
    """lambda with 2 noise lambda^2 (1 - alpha lambda) = left (1 - 2 alpha lambda), below 1 / (2 alpha)."""
    if alpha == 0:
        return sqrt(left / (2 * noise))
    from scipy.optimize import brentq

    return float(
        brentq(
            lambda x: 2 * noise * x * x * (1 - alpha * x) - left * (1 - 2 * alpha * x),
            0.0,
            1 / (2 * alpha),
            xtol=1e-15,
            rtol=1e-14,
        )
    )
