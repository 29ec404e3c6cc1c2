"""Almgren and Chriss (2000), "Optimal execution of portfolio transactions", Journal of Risk 3:5-39.

A position of `total` shares is sold in `slices` equal intervals of length `interval`. The price moves by
sigma sqrt(interval) at random and by `permanent` a share sold; a slice of n shares fetches epsilon +
`temporary` n / interval less than the price before it. Time in any one unit, prices in quote units, sizes in
shares; `risk` (lambda) in 1 / quote unit.
"""

from __future__ import annotations

from math import acosh, sinh
from typing import Any

import numpy as np
from numpy.typing import NDArray


def curvature(risk: float, sigma: float, temporary: float, permanent: float, interval: float) -> float:
    """kappa of the optimal trajectory, in 1 / unit of time; 0 without risk aversion.

    ValueError where the permanent impact of a slice outweighs its temporary one: then there is no optimum.
    """
    adjusted = temporary - permanent * interval / 2
    if adjusted <= 0:
        raise ValueError(
            f"temporary impact {temporary} is not above half the permanent one a slice, "
            f"{permanent * interval / 2}: no trajectory is best; use shorter slices"
        )
    square = risk * sigma * sigma / adjusted
    return acosh(square * interval * interval / 2 + 1) / interval


def holdings(total: float, slices: int, kappa: float, interval: float) -> NDArray[Any]:
    """Shares still held at the start and after each slice: total ... 0, slices + 1 numbers."""
    left = np.arange(slices, -1, -1)
    if kappa * interval * slices < 1e-9:
        return total * left / slices
    if kappa * interval * slices > 700:
        # sinh would overflow; nothing is left after the first slices.
        return total * np.exp(-kappa * interval * (slices - left))
    return total * np.sinh(kappa * interval * left) / sinh(kappa * interval * slices)


def expected_cost(
    held: NDArray[Any], epsilon: float, temporary: float, permanent: float, interval: float
) -> float:
    """Mean of what the sale brings less than its value at the start, for a trajectory of holdings."""
    sold = -np.diff(held)
    impact = permanent * held[1:] @ sold
    return float(impact + epsilon * np.abs(sold).sum() + temporary / interval * sold @ sold)


def cost_deviation(held: NDArray[Any], sigma: float, interval: float) -> float:
    """Standard deviation of the same."""
    return float(sigma * np.sqrt(interval * held[1:] @ held[1:]))
