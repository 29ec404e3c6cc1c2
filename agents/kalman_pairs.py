"""Pairs trading with a hedge ratio that moves: a Kalman filter follows it."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Trader
from market_sim.pair import Pair
from market_sim.theory.kalman import HedgeFilter

SECOND_NS = 1_000_000_000


class KalmanPairs(Trader):
    """Sells the second of two instruments where it is above the filter's forecast, buys it where it is below.

    Model: second = alpha + beta first + noise, alpha and beta random walks, followed by a Kalman filter
    (Elliott, van der Hoek and Malcolm 2005, Quantitative Finance 5:271-276; the trading rule as in Chan 2013,
    "Algorithmic Trading", chapter 3). The score of a look is the forecast error in forecast standard
    deviations, before the look is learnt: beyond `entry` the pair is opened, `size` of the second against
    beta times `size` of the first as the filter has it then, at `exit` closed. The filter begins at the line
    through the first look with slope 1 in relative terms (beta = second / first) and trades after `warm_up`
    looks.

    Units: `noise` is the standard deviation of the gap in quote units of the second instrument; 0: learnt as
    the mean squared forecast error of the warm-up. `drift` is what a step adds to the coefficients: the
    standard deviation of beta's step as a share of beta, and of alpha's as a share of the second's price.

    Simplifications: it trades at market; costs enter through `entry` only; the first two listings.
    """

    portable: ClassVar[bool] = True

    size: float = 1.0
    """Size of the leg in the second instrument, in its base units."""
    interval_s: float = 1.0
    """Seconds between two looks."""
    entry: float = 2.0
    """Score at which a pair is opened, in standard deviations."""
    exit: float = 0.0
    """Score at which it is closed, in standard deviations."""
    warm_up: int = 120
    """Looks before the first trade."""
    noise: float = 0.0
    """Standard deviation of the gap in quote units; 0: learnt during the warm-up."""
    drift: float = 1e-5
    """Standard deviation of a step of beta and alpha, relative."""
    protection_bps: int = 100
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Begin to look."""
        self._pair = Pair(self, self.protection_bps)
        #: The filter; None before the first look.
        self.filter: HedgeFilter | None = None
        self._looks = 0
        self._squares = 0.0
        self.wake_in(int(self.interval_s * SECOND_NS))

    def on_wake(self) -> None:
        """Look, decide by the forecast, then learn."""
        self.wake_in(int(self.interval_s * SECOND_NS))
        mids = self._pair.mids()
        if mids is not None:
            if self.filter is None:
                self.filter = self._begin(*mids)
            error, deviation = self.filter.predict(*mids)
            self._looks += 1
            if self._looks > self.warm_up:
                self._decide(error / deviation)
            elif self.noise == 0:
                self._squares += error * error
                tick = self._pair.second.price(1)
                self.filter.noise = max(self._squares / self._looks, tick * tick)
            self.filter.learn(*mids)
        self._pair.trade()

    def _begin(self, first: float, second: float) -> HedgeFilter:
        beta = second / first
        tick = self._pair.second.price(1)
        alpha_step, beta_step = self.drift * second, self.drift * beta
        return HedgeFilter(
            noise=self.noise * self.noise or tick * tick,
            drift_alpha=alpha_step * alpha_step,
            drift_beta=beta_step * beta_step,
            beta=beta,
            # The line goes through the first look, give or take; its slope may be anything near.
            aa=second * second,
            ab=0.0,
            bb=beta * beta,
        )

    def _decide(self, score: float) -> None:
        assert self.filter is not None
        pair = self._pair
        side = (pair.target[1] > 0) - (pair.target[1] < 0)
        if side == 0 and pair.held() == pair.target and abs(score) >= self.entry and self.filter.beta > 0:
            lots = pair.second.sizes.below(self.size)
            pair.aim(-lots if score > 0 else lots, self.filter.beta)
            self.log("opens at score %.2f, beta %.4f", score, self.filter.beta)
        elif side and -side * score <= self.exit:
            pair.target = [0, 0]
            self.log("closes at score %.2f", score)
