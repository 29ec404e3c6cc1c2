"""Execution in equal slices: the time-weighted average price."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Trader
from market_sim.timetable import TimetableExecution


class Twap(TimetableExecution, Trader):
    """Trades a given size in slices of equal size and equal length in time.

    Model: time-weighted average price execution, the trajectory that Almgren and Chriss (2000), Journal of
    Risk 3:5-39, find without risk aversion. A slice that found too little is made up for in the next; after
    the last one it tries on until all is done.

    Simplifications: one parent order in the first listing; slices are not varied to hide them.
    """

    portable: ClassVar[bool] = True

    def _dues(self, total: int) -> list[int]:
        return [total * (k + 1) // self.slices for k in range(self.slices)]
