"""Whether two prices belong together: Engle and Granger (1987), Econometrica 55:251-276."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hedge_ratio(first: NDArray[Any], second: NDArray[Any]) -> tuple[float, float] | None:
    """(beta, alpha) of the regression second = alpha + beta first; None where the first stands still."""
    if len(first) < 3 or np.ptp(first) == 0:
        return None
    from scipy.stats import linregress

    fitted = linregress(first, second)
    return float(fitted.slope), float(fitted.intercept)


def cointegration_p_value(first: NDArray[Any], second: NDArray[Any]) -> float:
    """p-value of the Engle-Granger test with a constant: small says that the pair holds together.

    MacKinnon's (1994, 2010) distribution, lags by the Akaike criterion. 1 for series that stand still.
    """
    from statsmodels.tsa.stattools import coint

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 1.0
    return float(coint(second, first, trend="c", autolag="aic")[1])
