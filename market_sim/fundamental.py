"""The value that news moves and prices wander around: an Ornstein-Uhlenbeck process on an integer step."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal
from typing import Self

from market_sim.engine import stream_seed
from market_sim.scenario import FundamentalTable
from market_sim.stream import Stream
from market_sim.units import SECOND_NS

BPS = Decimal(10_000)
# Decimal arithmetic is the same on every machine, which the C library's exp and log are not.
EXACT = Context(prec=40)


class Fundamental:
    """A fundamental value in quote per base, held constant between its steps.

    With deviation x, mean reversion k = ln 2 / half-life, step d and volatility v (of the start value, per
    square root of a second), the discretisation is exact (Uhlenbeck and Ornstein, 1930): x(t+d) = x(t) e^(-k
    d) + v sqrt((1 - e^(-2 k d)) / (2 k)) z with z standard normal. A follower is `start + beta (leader -
    leader's start)` plus such a deviation; a product is `start` times the ratios of its leaders to their
    starts, plus such a deviation. Values are floored at 0.
    """

    def __init__(self, table: FundamentalTable, stream: Stream, leaders: Sequence[Self] = ()) -> None:
        self.start = float(table.start)
        self.step_ns = table.step_ns
        self._leaders = tuple(leaders)
        self._is_product = table.product_of is not None
        self._beta = float(table.beta)
        self._stream = stream
        self._decay, self._shock = coefficients(table)
        self._deviation = 0.0
        self._jumps = 0.0
        self._steps = 0

    @classmethod
    def all_of(cls, tables: dict[str, FundamentalTable], seed: int) -> dict[str, Self]:
        """Every fundamental of a scenario, each drawing from a stream of its own."""
        made: dict[str, Self] = {}
        for name, table in tables.items():
            leaders = [made[leader] for leader in table.leaders]
            made[name] = cls(table, Stream(stream_seed(seed, "fundamental", name)), leaders)
        return made

    def at(self, time_ns: int) -> float:
        """The value at a time that does not fall."""
        steps = time_ns // self.step_ns
        while self._steps < steps:
            self._deviation = self._decay * self._deviation + self._shock * self._stream.gauss()
            self._steps += 1
        value = self._led(time_ns) + self._jumps + self._deviation
        return value if value > 0.0 else 0.0

    def _led(self, time_ns: int) -> float:
        """Where the leaders put it; its start without any."""
        value = self.start
        for leader in self._leaders:
            if self._is_product:
                value *= leader.at(time_ns) / leader.start
            else:
                value += self._beta * (leader.at(time_ns) - leader.start)
        return value

    def jump(self, time_ns: int, bps: Decimal) -> None:
        """Move the value, and the mean it reverts to, by so many basis points of itself for good."""
        self._jumps += self.at(time_ns) * float(bps / BPS)


def coefficients(table: FundamentalTable) -> tuple[float, float]:
    """Decay per step and standard deviation of one step's shock, in quote per base."""
    half_life_s = EXACT.divide(Decimal(table.half_life_ns), Decimal(SECOND_NS))
    step_s = EXACT.divide(Decimal(table.step_ns), Decimal(SECOND_NS))
    rate = EXACT.divide(EXACT.ln(Decimal(2)), half_life_s)
    decay = EXACT.exp(EXACT.multiply(-rate, step_s))
    variance_s = EXACT.divide(1 - EXACT.multiply(decay, decay), 2 * rate)
    volatility = EXACT.divide(EXACT.multiply(table.start, table.volatility_bps), BPS)
    return float(decay), float(EXACT.multiply(volatility, EXACT.sqrt(variance_s)))
