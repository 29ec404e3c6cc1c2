"""The Epps effect: two prices that move as one look unrelated when they are compared too often.

Epps (1979), "Comovements in stock prices in the very short run", Journal of the American Statistical
Association 74:291-298, found it. What asynchrony has to do with it is the overlap of two intervals: when
prices are sampled every `interval` and each was last refreshed at a time of its own, only the time that both
returns cover counts. Toth, Toth and Kertesz (2007), "Modeling the Epps effect of cross correlations in asset
prices", Proc. SPIE 6601, and Mastromatteo, Marsili and Zoi (2011), European Physical Journal B 80:243-253,
solve it for refreshes of one Poisson rate; for two rates the integral is as easy.

Rates are in refreshes per unit of time, intervals and lags in the same unit; all may be numbers or arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def overlap_share(interval: Any, rate: Any, other_rate: Any | None = None) -> Any:
    """Measured correlation over true correlation, between 0 and 1, of two diffusions seen at their last
    refreshes.

    With x = rate * interval and one rate for both: 1 - (1 - exp(-x)) / x. With rates l and m, E(l) =
    (1 - exp(-l interval)) / l and their sum s: 1 - (E(l) + E(m) - (l E(l) + m E(m)) / s) / interval. A leg
    that is refreshed without end (`other_rate` infinite) does no better than one as slow as the other.
    """
    slow, fast = np.asarray(rate, float), np.asarray(rate if other_rate is None else other_rate, float)
    with np.errstate(invalid="ignore"):
        unseen, other_unseen = -np.expm1(-slow * interval), -np.expm1(-fast * interval)
        both = np.where(np.isinf(slow + fast), 0.0, (unseen + other_unseen) / (slow + fast))
        lost = unseen / slow + other_unseen / fast - both
    return 1 - lost / interval


def lag_share(interval: Any, lag: Any) -> Any:
    """Measured over true correlation where one price is seen `lag` later than the other and both without a
    break: the overlap max(0, 1 - lag / interval).
    """
    return np.maximum(0.0, 1 - np.asarray(lag, float) / interval)
