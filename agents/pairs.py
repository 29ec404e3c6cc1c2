"""Pairs trading: bet that the price gap between two instruments that move together closes again."""

from __future__ import annotations

from collections import deque
from math import sqrt
from typing import ClassVar, NamedTuple

from agents.base import Trader
from market_sim.pair import Pair

SECOND_NS = 1_000_000_000


class Fit(NamedTuple):
    """A regression of the second mid on the first: slope, intercept, standard deviation of the rest."""

    beta: float
    alpha: float
    deviation: float

    def score(self, first: float, second: float) -> float:
        """How many standard deviations the second instrument is dear (above 0) or cheap beside the first."""
        return (second - self.alpha - self.beta * first) / self.deviation


class PairsTrader(Trader):
    """Sells the dear one of two instruments, buys the cheap one, and waits for the gap to close.

    Model: the trading rule of Gatev, Goetzmann and Rouwenhorst (2006), Review of Financial Studies
    19:797-827, with a regression hedge in place of their normalised prices: every `interval_s` the mids of
    both instruments are noted; the second's are regressed on the first's over the last `window` notes by
    least squares. If the mids now are more than `entry` standard deviations off that line, the pair is
    opened: `size` of the second against beta times `size` of the first. Slope, intercept and deviation are
    fixed at entry until the pair is closed: at a score inside `exit`, or beyond `stop`, or after
    `max_hold_s`. After a stop it waits until the score has been inside `entry` again. All it knows are its
    own delayed views so far; nothing looks ahead.

    It trades at market, towards a target holding of each instrument, so a leg that filled short is sent
    again for the rest at the next look; if a pair cannot be completed within `patience` looks, it is closed.

    Simplifications: no test for cointegration; costs enter only through `entry` and `exit`; the first two
    listings.
    """

    portable: ClassVar[bool] = True

    size: float = 1.0
    """Size of the leg in the second instrument, in its base units."""
    window: int = 300
    """Number of notes in the regression."""
    interval_s: float = 1.0
    """Seconds between two notes."""
    entry: float = 2.0
    """Score at which a pair is opened, in standard deviations."""
    exit: float = 0.5
    """Score at which it is closed, in standard deviations."""
    stop: float = 5.0
    """Score at which it is given up, in standard deviations."""
    max_hold_s: float = 900.0
    """Longest time a pair is held, in seconds."""
    patience: int = 5
    """Looks after which a pair that is still incomplete is closed."""
    protection_bps: int = 100
    """How far an order may go through the book, in basis points."""

    def on_start(self) -> None:
        """Two listings are a pair; begin to take notes."""
        self._pair = Pair(self, self.protection_bps)
        self._notes: deque[tuple[float, float]] = deque(maxlen=self.window)
        self._fit: Fit | None = None
        self._opened_ns = 0
        self._incomplete = 0
        self._barred = False
        self.wake_in(int(self.interval_s * SECOND_NS))

    def on_wake(self) -> None:
        """Note, decide, and trade towards the target."""
        self.wake_in(int(self.interval_s * SECOND_NS))
        mids = self._pair.mids()
        if mids is not None:
            if self._fit is None:
                self._consider_opening(*mids)
            else:
                self._consider_closing(self._fit.score(*mids))
            # Only now: a gap measured by a line that has already been bent towards it would look smaller.
            self._notes.append(mids)
        self._pair.trade()

    def _consider_opening(self, first: float, second: float) -> None:
        if len(self._notes) < self.window or self._pair.target != self._pair.held():
            return
        fit = least_squares(self._notes)
        if fit is None or fit.beta <= 0:
            return
        score = fit.score(first, second)
        if abs(score) < self.entry:
            self._barred = False
        elif not self._barred and abs(score) < self.stop:
            lots = self._pair.second.sizes.below(self.size)
            self._pair.aim(-lots if score > 0 else lots, fit.beta)
            self._fit, self._opened_ns, self._incomplete = fit, self.now_ns, 0
            self.log("opens at score %.2f, beta %.4f", score, fit.beta)

    def _consider_closing(self, score: float) -> None:
        # The gap has come back, or gone through to the other side of where it was opened.
        short = self._pair.target[1] < 0
        closed = score < self.exit if short else score > -self.exit
        stopped = abs(score) > self.stop or self.now_ns - self._opened_ns > self.max_hold_s * SECOND_NS
        self._incomplete = self._incomplete + 1 if self._pair.held() != self._pair.target else 0
        if closed or stopped or self._incomplete > self.patience:
            self.log("closes at score %.2f", score)
            self._pair.target, self._fit, self._barred = [0, 0], None, not closed


def least_squares(notes: deque[tuple[float, float]]) -> Fit | None:
    """Regress the second column on the first; None where the first does not move or nothing is left over.

    Sums run from left to right on deviations from the first note, so every machine and Python gets the same
    digits.
    """
    x0, y0 = notes[0]
    n = len(notes)
    sx = sy = sxx = sxy = syy = 0.0
    for x, y in notes:
        dx, dy = x - x0, y - y0
        sx, sy = sx + dx, sy + dy
        sxx, sxy, syy = sxx + dx * dx, sxy + dx * dy, syy + dy * dy
    vxx, vxy, vyy = sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n
    if vxx <= 0:
        return None
    beta = vxy / vxx
    left = vyy - beta * vxy
    if left <= 0:
        return None
    return Fit(beta, (y0 + sy / n) - beta * (x0 + sx / n), sqrt(left / (n - 2)))
