"""Execution along the day's volume: the volume-weighted average price."""

from __future__ import annotations

from agents.base import Trader
from market_sim.timetable import TimetableExecution


class Vwap(TimetableExecution, Trader):
    """Trades a given size in slices in proportion to the volume that is expected in each.

    Model: volume-weighted average price execution by a volume profile (Madhavan 2002, "VWAP strategies",
    Trading 2002(1):32-39): the share of each slice is the profile's weight at its time over the sum
    of all. The default is the U shape of an equity session: busy at both ends.

    Simplifications: the profile is given and not learnt during the day; one parent order in the first
    listing.
    """

    profile: tuple[float, ...] = (1.6, 1.2, 1.0, 0.8, 0.7, 0.7, 0.8, 1.0, 1.2, 1.6)
    """Expected volume in equal parts of the duration, in any unit; at least one above 0, none below."""

    def _dues(self, total: int) -> list[int]:
        if min(self.profile, default=-1) < 0 or sum(self.profile) <= 0:
            raise ValueError(f"{self.name}: profile {self.profile}; give volumes of at least 0, not all 0")
        # The little more keeps a whole number that a float has missed from falling to the one below.
        return [int(total * share + 1e-9) for share in self._shares()]

    def _shares(self) -> list[float]:
        """Share of the profile's volume that is over by the end of each slice; the last is 1."""
        whole, parts = sum(self.profile), len(self.profile)
        shares = []
        for k in range(1, self.slices + 1):
            full, rest = divmod(k * parts, self.slices)
            passed = sum(self.profile[:full])
            if rest:
                passed += self.profile[full] * rest / self.slices
            shares.append(passed / whole)
        return shares
