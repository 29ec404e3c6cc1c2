"""Gueant, Lehalle and Fernandez-Tapia (2013), "Dealing with the inventory risk", Mathematics and Financial
Economics 7:477-507: Avellaneda and Stoikov's maker far from its horizon.

sigma is in price units per square root of a second, `intensity` (A) in fills per second of a quote at the
mid, kappa (how fast fills fall with distance) and gamma (risk aversion) in 1 / price unit. Inventory counts
quotes filled. Distances are from the mid, positive outward, in price units.
"""

from __future__ import annotations

from math import log1p, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray


def risk_neutral_distance(gamma: float, kappa: float) -> float:
    """The part of both distances that no inventory changes: (1 / gamma) ln(1 + gamma / kappa)."""
    return log1p(gamma / kappa) / gamma


def inventory_step(gamma: float, sigma: float, kappa: float, intensity: float) -> float:
    """By how much one more unit of inventory moves both quotes, in price units."""
    power = (1 + gamma / kappa) ** (1 + kappa / gamma)
    return sqrt(sigma * sigma * gamma / (2 * kappa * intensity) * power)


def closed_form(
    inventory: Any, gamma: float, sigma: float, kappa: float, intensity: float
) -> tuple[Any, Any]:
    """Distances (bid, ask) by the paper's asymptotic approximation; `inventory` a number or an array."""
    base = risk_neutral_distance(gamma, kappa)
    step = inventory_step(gamma, sigma, kappa, intensity)
    return base + (2 * inventory + 1) / 2 * step, base - (2 * inventory - 1) / 2 * step


def stationary(
    largest: int, gamma: float, sigma: float, kappa: float, intensity: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Exact distances (bid, ask) infinitely far from the horizon, for inventories -largest .. largest.

    From the eigenvector of the smallest eigenvalue of the paper's tridiagonal matrix. A side that would
    exceed `largest` has distance infinity. ValueError unless `largest` is at least 1.
    """
    if largest < 1:
        raise ValueError(f"the largest inventory is {largest}: give at least 1")
    from scipy.linalg import eigh_tridiagonal

    q = np.arange(-largest, largest + 1)
    eta = intensity * (1 + gamma / kappa) ** -(1 + kappa / gamma)
    _, vectors = eigh_tridiagonal(
        kappa * gamma * sigma * sigma / 2 * q * q, np.full(2 * largest, -eta), select="i", select_range=(0, 0)
    )
    f = np.abs(vectors[:, 0])
    steps = np.log(f[:-1] / f[1:]) / kappa
    base = risk_neutral_distance(gamma, kappa)
    return np.append(base + steps, np.inf), np.append(np.inf, base - steps)
