"""How long messages take: integer models of delay, and links on which nothing overtakes.

A model comes as a tuple of plain numbers (nanoseconds):
`("constant", ns)`, `("uniform", lowest, highest)` with both ends included, `("table", (q0, .., qn))`
with quantiles at equal steps of probability, `("series", (t0, ..), (v0, ..))`, a step function of the
time at which the message is sent.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from market_sim.reference.hashing import SplitMix64
from market_sim.reference.types import Nanos, int64


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same delay; draws nothing."""

    ns: Nanos

    def draw(self, stream: SplitMix64, time_ns: Nanos) -> Nanos:
        """Delay of a message sent at `time_ns`."""
        return self.ns


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every whole nanosecond from `lowest` to `highest` is equally likely."""

    lowest: Nanos
    highest: Nanos

    def draw(self, stream: SplitMix64, time_ns: Nanos) -> Nanos:
        """Delay of a message sent at `time_ns`."""
        return self.lowest + stream.below(self.highest - self.lowest + 1)


@dataclass(frozen=True, slots=True)
class Table:
    """Quantiles at equal steps of probability, linear in between: any distribution, in integers."""

    quantiles: tuple[Nanos, ...]

    def draw(self, stream: SplitMix64, time_ns: Nanos) -> Nanos:
        """Delay of a message sent at `time_ns`."""
        place = stream.next() * (len(self.quantiles) - 1)  # 64 bits of fraction below the index
        index = place >> 64
        fraction = (place >> 32) & 0xFFFFFFFF
        low, high = self.quantiles[index], self.quantiles[index + 1]
        return low + ((high - low) * fraction >> 32)


@dataclass(frozen=True, slots=True)
class Series:
    """A measured course: `values[i]` holds from `times[i]` on, the first value also before; draws nothing."""

    times: tuple[Nanos, ...]
    values: tuple[Nanos, ...]

    def draw(self, stream: SplitMix64, time_ns: Nanos) -> Nanos:
        """Delay of a message sent at `time_ns`."""
        return self.values[max(bisect_right(self.times, time_ns) - 1, 0)]


Latency = Constant | Uniform | Table | Series
ZERO = Constant(0)


def parse_model(model: Sequence[Any]) -> Latency:
    """Check a model and give it its class; ValueError says what is wrong with it."""
    kind, *parts = model
    if kind == "constant" and len(parts) == 1:
        return Constant(_not_negative(parts)[0])
    if kind == "uniform" and len(parts) == 2:
        lowest, highest = _not_negative(parts)
        if highest < lowest:
            raise ValueError(f"uniform latency from {lowest} to {highest} ns: give the lower bound first")
        return Uniform(lowest, highest)
    if kind == "table" and len(parts) == 1:
        quantiles = _not_negative(parts[0])
        if len(quantiles) < 2:
            raise ValueError(f"latency table with {len(quantiles)} quantiles: give at least two")
        if any(later < earlier for earlier, later in pairwise(quantiles)):
            raise ValueError("latency table falls: quantiles must not fall")
        return Table(quantiles)
    if kind == "series" and len(parts) == 2:
        times, values = tuple(int64(time_ns) for time_ns in parts[0]), _not_negative(parts[1])
        if len(times) != len(values) or not times:
            raise ValueError(
                f"latency series with {len(times)} times and {len(values)} values: as many of each"
            )
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise ValueError("latency series: times must increase")
        return Series(times, values)
    raise ValueError(
        f"unknown latency model {model!r}: constant, uniform, table or series with their numbers"
    )


def _not_negative(values: Sequence[int]) -> tuple[Nanos, ...]:
    whole = tuple(int64(value) for value in values)
    for value in whole:
        if value < 0:
            raise ValueError(f"a latency of {value} ns: a message cannot arrive before it is sent")
    return whole


class Line:
    """One direction of a link, or one channel of market data: messages keep their order."""

    __slots__ = ("_last_arrival", "_stream", "model")

    def __init__(self, model: Latency, seed: int) -> None:
        self.model = model
        self._stream = SplitMix64(seed)
        self._last_arrival: Nanos = 0

    def arrival(self, time_ns: Nanos, extra_ns: Nanos = 0) -> Nanos:
        """When a message sent at `time_ns` arrives, `extra_ns` (a recorded delay) added to the model's draw.

        A message that drew a short delay waits for the one before it: lines are queues.
        """
        drawn = time_ns + extra_ns + self.model.draw(self._stream, time_ns)
        if drawn > self._last_arrival:
            self._last_arrival = drawn
        return self._last_arrival
