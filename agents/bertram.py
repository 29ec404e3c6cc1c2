"""Pairs trading with optimal thresholds: Bertram's answer to how far a gap has to open."""

from __future__ import annotations

from collections import deque

import numpy as np

from agents.base import Listing, Trader
from market_sim.pair import Pair
from market_sim.theory import ornstein_uhlenbeck as ou
from market_sim.theory.cointegration import hedge_ratio

SECOND_NS = 1_000_000_000
FEE_ONE = 100_000_000


class OptimalPairs(Trader):
    """Buys the gap between two instruments at the threshold that earns most per time, sells it at its mirror.

    Model: Bertram (2010), Physica A 389:2234-2243. The gap second - beta first is an Ornstein-Uhlenbeck
    process. With speed alpha, volatility sigma and cost c of a round trip, a trade from mean - b to mean + b
    earns 2b - c and takes (pi / alpha) (erfi(b sqrt(alpha) / sigma) - erfi(-b sqrt(alpha) / sigma)) with the
    way back; b makes the ratio largest. Left at 0, alpha and sigma come from a regression of each gap on the
    one before over the last `window` looks, beta from one of the second mid on the first; they are fitted
    anew every `refit` looks while nothing is held. Where the fitted gap does not revert, nothing is opened.
    With `both` it also sells the gap at mean + b and buys it back at mean - b.

    The cost is what the round trip pays beyond the mids: half of both spreads and the taker fees of four
    orders at the views' prices, or `cost`.

    Units: prices and the gap in quote units per base unit of the second instrument, `speed` in 1 / second,
    `volatility` in quote units per square root of a second.

    Simplifications: it trades at market when a look finds the threshold passed, which is a little late (see
    `market_sim.experiments.bertram`); the first two listings; no test for cointegration.
    """

    size: float = 1.0
    """Size of the leg in the second instrument, in its base units."""
    window: int = 600
    """Looks in the fits."""
    refit: int = 60
    """Looks between two fits."""
    interval_s: float = 1.0
    """Seconds between two looks."""
    beta: float = 0.0
    """Size of the first per size of the second; 0: fitted."""
    speed: float = 0.0
    """Mean reversion of the gap in 1 / second; with `volatility` and `mean` used instead of a fit if above
    0.
    """
    volatility: float = 0.0
    """Volatility of the gap in quote units per square root of a second."""
    mean: float = 0.0
    """Mean of the gap in quote units."""
    cost: float = 0.0
    """Cost of a round trip in quote units; 0: from spreads and fees."""
    both: bool = True
    """True: also the other way round."""
    protection_bps: int = 100
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Begin to look."""
        self._pair = Pair(self, self.protection_bps)
        self._notes: deque[tuple[float, float]] = deque(maxlen=self.window)
        self._since_fit = 0
        #: What the gap is taken for, its beta, and half the distance between the thresholds.
        self.process: ou.Spread | None = None
        self.hedge = self.beta
        self.threshold = 0.0
        self._side = 0
        self.wake_in(int(self.interval_s * SECOND_NS))

    def on_wake(self) -> None:
        """Look, fit if it is time, decide, and trade towards the target."""
        self.wake_in(int(self.interval_s * SECOND_NS))
        mids = self._pair.mids()
        if mids is not None:
            self._notes.append(mids)
            self._since_fit += 1
            if self._side == 0 and (self.process is None or self._since_fit >= self.refit):
                self._fit()
            if self.process is not None:
                self._decide(mids[1] - self.hedge * mids[0] - self.process.mean)
        self._pair.trade()

    def _fit(self) -> None:
        if self.speed > 0:
            self.hedge = self.beta or 1.0
            process: ou.Spread | None = ou.Spread(self.speed, self.volatility, self.mean)
        elif len(self._notes) < self.window:
            return
        else:
            process = self._fitted()
        self._since_fit = 0
        self.process = None
        cost = self._cost()
        if process is None or cost is None:
            return
        try:
            self.threshold = ou.best_return(process, cost)
        except ValueError as error:
            self.log("opens nothing: %s", error)
            return
        self.process = process

    def _fitted(self) -> ou.Spread | None:
        notes = np.array(self._notes)
        if self.beta:
            self.hedge = self.beta
        else:
            found = hedge_ratio(notes[:, 0], notes[:, 1])
            if found is None or found[0] <= 0:
                return None
            self.hedge = found[0]
        return ou.fit(notes[:, 1] - self.hedge * notes[:, 0], self.interval_s)

    def _cost(self) -> float | None:
        """Quote units that a round trip of one unit pays beyond the mids; None while a view has one side."""
        if self.cost > 0:
            return self.cost
        legs = [_leg_cost(leg, self.view(leg).mid, self.view(leg).spread) for leg in self._pair.legs]
        first, second = legs
        return None if first is None or second is None else second + self.hedge * first

    def _decide(self, gap: float) -> None:
        """Hold the gap, hold it sold, or nothing: +1, -1, 0."""
        long = ou.holds(self._side > 0, gap, -self.threshold, self.threshold)
        short = self.both and ou.holds(self._side < 0, -gap, -self.threshold, self.threshold)
        side = int(long) - int(short)
        if side != self._side:
            self.log("gap %.6g, threshold %.6g: %+d", gap, self.threshold, side)
            self._side = side
            self._pair.aim(side * self._pair.second.sizes.below(self.size), self.hedge)


def _leg_cost(leg: Listing, mid: float | None, spread: float | None) -> float | None:
    if mid is None or spread is None:
        return None
    return spread + 2 * mid * max(leg.taker_fee_e8, 0) / FEE_ONE
