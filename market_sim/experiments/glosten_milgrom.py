"""Glosten and Milgrom (1985): quotes that nobody regrets, a spread that decays, a dealer who earns nothing.

Every path has a value of 0 or 1. A dealer quotes one lot on each side, one trader comes and takes one of
them, the dealer learns from it and quotes again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market_sim.engine import Side, TimeInForce
from market_sim.experiments.lanes import Column, Lanes
from market_sim.experiments.verdict import Verdict
from market_sim.theory.glosten_milgrom import after_buy, after_sale, expected_spread

DEALER, TRADERS = 1, 2
TICK = 1e-6

#: (ask, bid) by (prior, share of informed traders).
QUOTES = {
    (0.5, 0.1): (0.55, 0.45),
    (0.5, 0.3): (0.65, 0.35),
    (0.5, 0.5): (0.75, 0.25),
    (0.3, 0.3): (0.4432, 0.1875),
    (0.8, 0.3): (0.8814, 0.6829),
}
#: Mean spread before trade t with 30 % informed traders and a prior of one half: the paper's quotes, averaged
#: over all paths without a draw.
SPREADS = {trade: expected_spread(0.3, trade - 1) for trade in (1, 2, 5, 10, 20, 40)}
#: Mean change of the log odds a trade towards the truth, informed share 0.3.
SPEED = 0.1857


@dataclass(frozen=True, slots=True)
class Setting:
    """Prior probability of value 1, share of informed traders, trades of a path."""

    prior: float = 0.5
    informed: float = 0.3
    trades: int = 40


@dataclass(frozen=True, slots=True)
class Outcome:
    """Per path: the value, whether the first trader bought, the final belief, the dealer's profit; and for
    every trade the mean spread quoted before it with its standard error.
    """

    value: Column
    bought_first: Column
    belief: Column
    profit: Column
    spread: Column
    spread_error: Column


def play(setting: Setting, paths: int, seed: int, engine: str | None = None) -> Outcome:
    """Trade along `paths` paths through the matching engine."""
    draws = np.random.default_rng(seed)
    lanes = Lanes(paths, engine)
    value = draws.random(paths) < setting.prior
    belief, bought_first = np.full(paths, setting.prior), np.zeros(paths, bool)
    inventory, cash = np.zeros(paths), np.zeros(paths)
    spread, error = np.zeros(setting.trades), np.zeros(setting.trades)
    for trade in range(setting.trades):
        up, down = after_buy(belief, setting.informed), after_sale(belief, setting.informed)
        ask = np.maximum(np.rint(up / TICK).astype(np.int64), 2)
        # Once the belief is as good as certain both would round to one price.
        bid = np.clip(np.rint(down / TICK).astype(np.int64), 1, ask - 1)
        spread[trade], error[trade] = (up - down).mean(), (up - down).std() / np.sqrt(paths)
        quotes = lanes.send(DEALER, Side.BUY, bid), lanes.send(DEALER, Side.SELL, ask)
        buys = np.where(draws.random(paths) < setting.informed, value, draws.random(paths) < 0.5)
        for side, who, limit in ((Side.BUY, buys, ask), (Side.SELL, ~buys, bid)):
            chosen = np.flatnonzero(who)
            lanes.send(TRADERS, side, limit[chosen], tif=TimeInForce.IOC, lanes=chosen)
        for quote in quotes:
            lanes.cancel(DEALER, quote)
        lots, ticks = lanes.flow(lanes.match(DEALER))
        # What the dealer learns is what was done to its quotes, not what the experiment knows.
        assert (abs(lots) == 1).all()
        if trade == 0:
            bought_first = lots < 0
        inventory, cash = inventory + lots, cash + ticks * TICK
        belief = np.where(lots < 0, up, down)
    return Outcome(value, bought_first, belief, cash + inventory * value, spread, error)


def quote_verdicts(setting: Setting, outcome: Outcome) -> list[Verdict]:
    """What the value was worth on average after a first buy and a first sale: the published ask and bid.

    Tolerance four standard errors, 0.015 at most.
    """
    rows = []
    name = f"prior {setting.prior:g}, informed {setting.informed:g}"
    ask, bid = QUOTES[setting.prior, setting.informed]
    for what, published, traded in (("ask", ask, outcome.bought_first), ("bid", bid, ~outcome.bought_first)):
        worth = outcome.value[traded]
        mean, error = float(worth.mean()), float(worth.std() / np.sqrt(len(worth)))
        rows.append(Verdict(f"{name}: {what}", published, mean, error, 0.015).within(4, 0.015))
    return rows


def verdicts(setting: Setting, outcome: Outcome) -> list[Verdict]:
    """The decay of the spread (+-0.003 at 20,000 paths), the speed of learning (+-3 %) and the dealer's
    profit a trade (0 +-3 standard errors), for a prior of one half and 30 % informed traders.
    """
    rows = [
        Verdict(
            f"mean spread before trade {t}",
            published,
            float(outcome.spread[t - 1]),
            float(outcome.spread_error[t - 1]),
            0.003,
        )
        for t, published in SPREADS.items()
        if t <= setting.trades
    ]
    sign = np.where(outcome.value, 1, -1)
    with np.errstate(divide="ignore"):
        odds = sign * (np.log(outcome.belief) - np.log1p(-outcome.belief)) / setting.trades
    root = np.sqrt(len(odds))
    rows.append(
        Verdict("log odds gained a trade", SPEED, float(odds.mean()), float(odds.std() / root), 0.03 * SPEED)
    )
    profit = outcome.profit / setting.trades
    error = float(profit.std() / root)
    rows.append(Verdict("dealer's profit a trade", 0.0, float(profit.mean()), error, 3 * error))
    return rows
