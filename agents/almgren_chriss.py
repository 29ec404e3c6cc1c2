"""Execution with a price on risk: the optimal trajectory of Almgren and Chriss."""

from __future__ import annotations

from agents.base import Trader
from market_sim.theory.almgren_chriss import curvature, holdings
from market_sim.timetable import TimetableExecution


class AlmgrenChriss(TimetableExecution, Trader):
    """Trades a given size so that expected cost plus `risk` times the variance of the cost is least.

    Model: Almgren and Chriss (2000), Journal of Risk 3:5-39: with T left of n slices of length tau the
    holding is X sinh(kappa T) / sinh(kappa n tau), 2 (cosh(kappa tau) - 1) / tau^2 = `risk` `sigma`^2 /
    (`temporary` - `permanent` tau / 2). Most goes first, the more so the larger kappa; without risk aversion
    it is a straight line.

    Units: `risk` in 1 / quote unit, `sigma` in quote units per square root of a second, `temporary` (eta) in
    quote units per base unit per second, `permanent` (gamma) in quote units per base unit. Left at 0, `risk`
    is taken from `urgency` = kappa times the duration: 1 is nearly even, 5 almost all in the first half.

    Simplifications: impact is linear and known beforehand, the trajectory does not react to prices (in the
    paper's model it would not pay to); one parent order in the first listing.
    """

    urgency: float = 2.0
    """kappa times the duration, a number without unit; used while `risk` is 0."""
    risk: float = 0.0
    """Risk aversion (lambda) in 1 / quote unit; 0: from `urgency`."""
    sigma: float = 0.0
    """Volatility in quote units per square root of a second; needed with `risk`."""
    temporary: float = 0.0
    """Temporary impact (eta) in quote units per base unit per second; needed with `risk`."""
    permanent: float = 0.0
    """Permanent impact (gamma) in quote units per base unit."""

    def _dues(self, total: int) -> list[int]:
        tau_s = self.duration_s / self.slices
        kappa = self.urgency / self.duration_s
        if self.risk > 0:
            kappa = curvature(self.risk, self.sigma, self.temporary, self.permanent, tau_s)
        held = holdings(total, self.slices, kappa, tau_s)
        return [total - round(left) for left in held[1:].tolist()]
