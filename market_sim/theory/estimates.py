"""What a maker learns from the quotes it sees."""

from __future__ import annotations

from dataclasses import dataclass

SECOND_NS = 1_000_000_000


@dataclass(slots=True)
class MidStatistics:
    """Running estimates of one listing: the last mid, its variance per second, the mean spread.

    Plain means at first, exponential ones as soon as a look weighs less than `least_weight` (the interval
    between two looks over the memory). Prices in quote units, times in nanoseconds.
    """

    mid: float | None = None
    variance: float = 0.0
    spread: float = 0.0
    looks: int = 0
    learned_ns: int = 0

    def learn(self, mid: float, spread: float, now_ns: int, least_weight: float) -> None:
        """Take in one look at the quotes of others."""
        self.looks += 1
        if self.mid is not None:
            weight = max(1 / (self.looks - 1), least_weight)
            move = mid - self.mid
            # Longer than an interval where a side was empty in between.
            elapsed_s = (now_ns - self.learned_ns) / SECOND_NS
            self.variance += weight * (move * move / elapsed_s - self.variance)
        weight = max(1 / self.looks, least_weight)
        self.spread = spread if self.looks == 1 else self.spread + weight * (spread - self.spread)
        self.mid, self.learned_ns = mid, now_ns
