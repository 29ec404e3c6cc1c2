"""The Epps effect through the engine: one value, quoted at two venues that refresh their quotes at random.

A dealer at each listing moves one bid and one ask to the value of that moment whenever a Poisson clock rings.
The engine publishes the best prices; what an observer sees, after a delay for each listing, is sampled at
intervals, and the returns of the two mids are correlated. The values are two Brownian motions of correlation
`correlation`: 1 is one instrument listed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from market_sim.engine import (
    CommandKind,
    MarketDataKind,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    engine_name,
    venue_class,
)
from market_sim.errors import EngineError
from market_sim.experiments.lanes import ROWS_A_COMMAND, Column
from market_sim.experiments.verdict import Verdict
from market_sim.records import COMMAND, EVENT, HAS_PRICE, MARKET_DATA

DEALER = 1
SECOND_NS = 1_000_000_000
#: Ticks of one unit of price, half the dealers' spread in ticks, and where both values begin: high enough
#: never to reach 0 within a path.
TICKS_A_UNIT, HALF_SPREAD_TICKS = 100_000, 50
START = 1000.0

#: Measured over true correlation by rate times interval, from 1 - (1 - exp(-x)) / x.
SHARES = {0.1: 0.0484, 0.5: 0.2131, 1.0: 0.3679, 3.0: 0.6833, 10.0: 0.9000, 50.0: 0.9800}


@dataclass(frozen=True, slots=True)
class Setting:
    """Refreshes a second and delay in seconds of each listing's data; seconds of a path.

    The values move by one unit of price in the root of a second. `regular` dealers refresh by a clock instead
    of at random.
    """

    rates: tuple[float, float] = (10.0, 10.0)
    delays: tuple[float, float] = (0.0, 0.0)
    correlation: float = 1.0
    seconds: float = 500.0
    regular: bool = False

    @property
    def warm_up(self) -> float:
        """Seconds after which the age of a quote has forgotten the start."""
        return 20 / min(self.rates) + max(self.delays)


@dataclass(frozen=True, slots=True)
class Quotes:
    """What a path's observer was told: of each listing when new mids arrived (nanoseconds), and the mids."""

    arrivals: tuple[Column, Column]
    mids: tuple[Column, Column]


def play(setting: Setting, paths: int, seed: int, engine: str | None = None) -> list[Quotes]:
    """Quote and publish along `paths` independent paths."""
    draws = np.random.default_rng(seed)
    chosen = engine_name(engine)
    return [_play(setting, draws, chosen) for _ in range(paths)]


def _play(setting: Setting, draws: np.random.Generator, engine: str) -> Quotes:
    times, listings, values = _refreshes(setting, draws)
    commands = _commands(times, listings, np.rint(values * TICKS_A_UNIT).astype(np.int64))
    venue = venue_class(engine)("epps")
    for listing in (0, 1):
        venue.add_listing(1, 1, 0, 0, 0)
        venue.set_market_data(listing, bbo=True)
    _process(venue, commands)
    told = _published(venue)
    mids = [_mids(told[told["listing"] == listing]) for listing in (0, 1)]
    first, second = (
        (published + round(delay * SECOND_NS), mid)
        for (published, mid), delay in zip(mids, setting.delays, strict=True)
    )
    return Quotes((first[0], second[0]), (first[1], second[1]))


def _refreshes(setting: Setting, draws: np.random.Generator) -> tuple[Column, Column, Column]:
    """Times in nanoseconds, listings and values of all refreshes of a path, in order; both start at 0."""
    own = []
    for rate in setting.rates:
        if setting.regular:
            own.append(np.arange(round(rate * setting.seconds)) / rate)
        else:
            count = draws.poisson(rate * setting.seconds)
            own.append(np.concatenate([[0.0], np.sort(draws.uniform(0, setting.seconds, count))]))
    times = np.rint(np.concatenate(own) * SECOND_NS).astype(np.int64)
    listings = np.repeat([0, 1], list(map(len, own)))
    order = np.argsort(times, kind="stable")
    times, listings = times[order], listings[order]
    steps = np.sqrt(np.diff(times, prepend=0) / SECOND_NS)
    common, apart = np.cumsum(steps * draws.standard_normal((2, len(times))), axis=1)
    mixed = setting.correlation * common + np.sqrt(1 - setting.correlation**2) * apart
    return times, listings, START + np.where(listings == 0, common, mixed)


def _commands(times: Column, listings: Column, ticks: Column) -> Column:
    """Two orders of every listing, then two replacements a refresh: first the quote that gives way."""
    rows = np.zeros(2 * len(times), COMMAND)
    for name, column in (("time_ns", times), ("listing", listings)):
        rows[name] = np.repeat(column, 2)
    before = np.zeros(len(ticks), np.int64)
    for listing in (0, 1):
        own = listings == listing
        before[own] = np.concatenate([ticks[own][:1], ticks[own][:-1]])
    is_first = np.isin(np.arange(len(ticks)), [np.flatnonzero(listings == listing)[0] for listing in (0, 1)])
    sides = np.empty(len(rows), np.int64)
    sides[0::2] = np.where(ticks > before, Side.SELL, Side.BUY)
    sides[1::2] = np.where(ticks > before, Side.BUY, Side.SELL)
    buys = sides == Side.BUY
    rows["price"] = np.repeat(ticks, 2) + np.where(buys, -HALF_SPREAD_TICKS, HALF_SPREAD_TICKS)
    rows["kind"] = np.where(np.repeat(is_first, 2), CommandKind.NEW, CommandKind.REPLACE)
    rows["agent"], rows["side"], rows["size"] = DEALER, sides, 1
    rows["counter"] = 1 + 2 * np.repeat(listings, 2) + buys
    rows["flags"], rows["order_type"], rows["tif"] = HAS_PRICE, OrderType.LIMIT, TimeInForce.GTC
    rows["stp"] = SelfTradePrevention.NONE
    return rows


def _process(venue: Any, commands: Column) -> None:
    events = np.zeros(ROWS_A_COMMAND * len(commands), EVENT)
    taken, _ = venue.process(commands, events)
    if taken != len(commands):
        raise EngineError(f"the venue took {taken} of {len(commands)} refreshes", "epps")


def _published(venue: Any) -> Column:
    """The changes of best prices as MARKET_DATA rows, whichever engine gives them."""
    rows = venue.take_market_data()
    if not isinstance(rows, np.ndarray):
        rows = np.array([tuple(row) for row in rows], MARKET_DATA)
    return rows[rows["kind"] == MarketDataKind.BBO]


def _mids(told: Column) -> tuple[Column, Column]:
    """Of one listing: times in nanoseconds and the mid in units of price after all changes of that time."""
    sides = {}
    for side in (Side.BUY, Side.SELL):
        latest = np.maximum.accumulate(np.where(told["side"] == side, np.arange(len(told)), 0))
        sides[side] = told["price"][latest]
    is_last = np.append(np.diff(told["time_ns"]) > 0, True)
    mids = (sides[Side.BUY] + sides[Side.SELL]) / (2 * TICKS_A_UNIT)
    return told["time_ns"][is_last], mids[is_last]


def measured_share(setting: Setting, quotes: list[Quotes], interval: float) -> tuple[float, float]:
    """Correlation of the mids' changes every `interval` seconds over that of the values, all paths together;
    and its standard error, by leaving out one path after the other.
    """
    sums = np.array([_products(setting, seen, interval) for seen in quotes])
    without = sums.sum(axis=0) - sums
    left_out = _correlation(without) / setting.correlation
    spread = ((left_out - left_out.mean()) ** 2).mean()
    share = float(_correlation(sums.sum(axis=0))) / setting.correlation
    return share, float(np.sqrt((len(quotes) - 1) * spread))


def _products(setting: Setting, seen: Quotes, interval: float) -> Column:
    """Sums of both squares and of the product of the two mids' changes."""
    count = int((setting.seconds - setting.warm_up) / interval)
    # Whole nanoseconds: what arrives at the very moment of a sample is seen, whatever a float would round to.
    times = np.rint((setting.warm_up + interval * np.arange(count + 1)) * SECOND_NS).astype(np.int64)
    moves = []
    for arrivals, mids in zip(seen.arrivals, seen.mids, strict=True):
        moves.append(np.diff(mids[np.searchsorted(arrivals, times, "right") - 1]))
    first, second = moves
    return np.array([(first**2).sum(), (second**2).sum(), (first * second).sum()])


def _correlation(sums: Column) -> Column:
    return sums[..., 2] / np.sqrt(sums[..., 0] * sums[..., 1])


def verdicts(setting: Setting, quotes: list[Quotes]) -> list[Verdict]:
    """The measured shares at six multiples of the mean time between refreshes (+-0.005 at 20,000 seconds in
    all), for one rate at both listings and no delays.
    """
    rate = setting.rates[0]
    rows = []
    for multiple, published in SHARES.items():
        share, error = measured_share(setting, quotes, multiple / rate)
        rows.append(Verdict(f"Epps: share at rate x interval {multiple:g}", published, share, error, 0.005))
    return rows
