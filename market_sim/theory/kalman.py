"""A hedge ratio that moves: the Kalman filter of a regression whose coefficients are random walks.

Kalman (1960), Journal of Basic Engineering 82:35-45; for pairs Elliott, van der Hoek and Malcolm (2005),
"Pairs trading", Quantitative Finance 5:271-276.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(slots=True)
class HedgeFilter:
    """y = alpha + beta x + noise of variance `noise`; a step adds variances `drift_alpha` and `drift_beta`.

    Fields are the estimates after the last observation and their covariance [[aa, ab], [ab, bb]].
    """

    noise: float
    drift_alpha: float
    drift_beta: float
    alpha: float = 0.0
    beta: float = 0.0
    aa: float = 1.0
    ab: float = 0.0
    bb: float = 1.0

    def predict(self, x: float, y: float) -> tuple[float, float]:
        """What y is above its forecast, and the forecast's standard deviation, before y is learnt."""
        aa, bb = self.aa + self.drift_alpha, self.bb + self.drift_beta
        variance = aa + 2 * x * self.ab + x * x * bb + self.noise
        return y - self.alpha - self.beta * x, sqrt(variance)

    def learn(self, x: float, y: float) -> None:
        """Take in one observation."""
        error, deviation = self.predict(x, y)
        variance = deviation * deviation
        aa, ab, bb = self.aa + self.drift_alpha, self.ab, self.bb + self.drift_beta
        gain_alpha, gain_beta = (aa + x * ab) / variance, (ab + x * bb) / variance
        self.alpha += gain_alpha * error
        self.beta += gain_beta * error
        self.aa = aa - gain_alpha * (aa + x * ab)
        self.ab = ab - gain_alpha * (ab + x * bb)
        self.bb = bb - gain_beta * (ab + x * bb)
