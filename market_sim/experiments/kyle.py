"""Kyle (1985): how far a price moves with the orders it meets, and how an insider's knowledge comes out.

Every auction is a call auction with one price. The insider and the noise traders send market orders; a dealer
has posted the price schedule that the equilibrium says, one lot at each step of p + lambda y upward and
downward, and the auction finds where the total demand y meets it.

lambda is then measured, not read off: it is the slope of value less price before on the total demand, what
the dealer should charge if nobody is to gain from him. With the wrong schedule the two differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_sim.engine import Side
from market_sim.experiments.lanes import Column, Lanes
from market_sim.experiments.verdict import Verdict
from market_sim.theory.kyle import Equilibrium, equilibrium

DEALER, INSIDER, NOISE = 1, 2, 3
#: Lanes of one venue.
AT_ONCE = 2000
#: Prices around which the grid lies, in ticks; a step of the schedule has so many ticks.
MIDDLE, STEP_TICKS = 10_000_000, 1000
#: Lots in a standard deviation of the total demand, and deviations that the schedule covers.
LOTS, REACH = 15, 5.5

#: lambda of every auction printed, what remains unknown at the end, and the insider's profit; value and noise
#: of variance 1. By number of auctions.
PUBLISHED: dict[int, tuple[dict[int, float], float, float]] = {
    1: ({1: 0.5000}, 0.5000, 0.5000),
    2: ({1: 0.6529, 2: 0.5882}, 0.3460, 0.6206),
    4: ({1: 0.7648, 2: 0.7568, 3: 0.7372, 4: 0.6642}, 0.2206, 0.7307),
    20: ({1: 0.9152, 20: 0.7823}, 0.0612, 0.9024),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per auction: slope of (value - price before) on demand with its standard error. Per path: what was
    unknown at the end (value - last price), the insider's and the dealer's profit.
    """

    slope: Column
    slope_error: Column
    unknown: Column
    insider: Column
    dealer: Column


def play(auctions: int, paths: int, seed: int, charged: float = 1.0, engine: str | None = None) -> Outcome:
    """Play the equilibrium along so many paths; value and noise have variance 1.

    `charged` multiplies the dealer's lambda: with anything but 1 he is not in equilibrium.
    """
    draws = np.random.default_rng(seed)
    game = equilibrium(auctions)
    parts = [
        _play(game, min(AT_ONCE, paths - first), draws, charged, engine) for first in range(0, paths, AT_ONCE)
    ]
    before, demand, *rest = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    slope = (before * demand).sum(axis=1) / (demand**2).sum(axis=1)
    residual = (before - slope[:, None] * demand).std(axis=1)
    return Outcome(slope, residual / np.sqrt((demand**2).sum(axis=1)), *rest)


def _play(
    game: Equilibrium, paths: int, draws: np.random.Generator, charged: float, engine: str | None
) -> tuple[Column, ...]:
    lanes = Lanes(paths, engine)
    value, price = draws.standard_normal(paths), np.zeros(paths)
    insider, dealer = np.zeros(paths), np.zeros(paths)
    count, unknown = len(game.auctions), 1.0
    before, demand = np.empty((count, paths)), np.empty((count, paths))
    for number, auction in enumerate(game.auctions):
        noise = np.sqrt(1 / count)
        lot = np.sqrt(noise**2 + auction.demand**2 * unknown) / LOTS
        wanted = np.rint(auction.demand * (value - price) / lot).astype(np.int64)
        others = np.rint(noise * draws.standard_normal(paths) / lot).astype(np.int64)
        # Beyond the schedule nobody would sell: once in 25 million paths a wish is cut to it.
        limit = int(REACH * LOTS)
        others = np.clip(others, -limit - wanted, limit - wanted)
        before[number], demand[number] = value - price, (wanted + others) * lot
        ticks = _auction(lanes, wanted, others, limit)
        moved = (ticks - MIDDLE) / STEP_TICKS * charged * auction.impact * lot
        price = price + moved
        insider += (value - price) * wanted * lot
        dealer += (price - value) * (wanted + others) * lot
        unknown = auction.variance
    return before, demand, value - price, insider, dealer


def _auction(lanes: Lanes, wanted: Column, others: Column, limit: int) -> Column:
    """One call auction in every lane; gives its price in ticks. A step of the schedule is one lot."""
    for step in range(1, limit + 1):
        lanes.send(DEALER, Side.SELL, MIDDLE + step * STEP_TICKS)
        lanes.send(DEALER, Side.BUY, MIDDLE - step * STEP_TICKS)
    # The schedule does not cross itself, so it may stand before the call; an indication after every one
    # of its orders would cost far more than the auction.
    lanes.match(DEALER)
    lanes.call(MIDDLE)
    for agent, lots in ((INSIDER, wanted), (NOISE, others)):
        for side, chosen in ((Side.BUY, lots > 0), (Side.SELL, lots < 0)):
            who = np.flatnonzero(chosen)
            lanes.send(agent, side, None, np.abs(lots[who]), lanes=who)
    fills, prices = lanes.uncross(INSIDER)
    got, _ = lanes.flow(fills)
    assert (got == wanted).all(), "an insider's order was not filled"
    lanes.cancel_all(DEALER)
    # Where nobody wanted anything nothing traded: no news.
    return np.where(prices == 0, MIDDLE, prices)


def verdicts(auctions: int, outcome: Outcome) -> list[Verdict]:
    """The printed lambdas (+-1 %, or 3.5 standard errors where that is more), what stays unknown (+-2 %), the
    insider's profit (+-2 %, likewise) and that of the dealer (0 +-3.5 standard errors).
    """
    impacts, variance, profit = PUBLISHED[auctions]
    count = len(outcome.unknown)
    rows = []
    for number, impact in impacts.items():
        error = float(outcome.slope_error[number - 1])
        tolerance = max(0.01 * impact, 3.5 * error)
        slope = float(outcome.slope[number - 1])
        rows.append(Verdict(f"N = {auctions}: lambda of auction {number}", impact, slope, error, tolerance))
    left = float(outcome.unknown.var())
    error = variance * (2 / count) ** 0.5
    tolerance = max(0.02 * variance, 3.5 * error)
    rows.append(Verdict(f"N = {auctions}: variance left", variance, left, error, tolerance))
    for who, published, gain in (("insider", profit, outcome.insider), ("dealer", 0.0, outcome.dealer)):
        error = float(gain.std() / count**0.5)
        tolerance = max(0.02 * published, 3.5 * error)
        rows.append(
            Verdict(f"N = {auctions}: {who}'s profit", published, float(gain.mean()), error, tolerance)
        )
    return rows
