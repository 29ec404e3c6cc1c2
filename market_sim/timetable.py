"""What execution strategies with a timetable have in common: they differ only in what is due when."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

from market_sim.notices import Fill
from market_sim.parent import ParentOrder
from market_sim.participant import Participant
from market_sim.units import SECOND_NS


class TimetableExecution(Participant):
    """Works a parent order in the first listing: so many lots shall be done by the end of each slice.

    A slice is taken at its beginning; with `patient` it rests at the own side's best price first, and what is
    left at its end is taken. A slice that found too little is made up for, after the last one too. For a
    class that derives from this and from `Trader`, in this order, and says in `_dues` what is due.
    """

    depth: ClassVar[int] = 5

    side: Literal["buy", "sell"] = "buy"
    """Which way."""
    size: float = 1.0
    """How much in all, in base units; rounded down to the lot."""
    duration_s: float = 600.0
    """Seconds from the first slice to the end of the last."""
    slices: int = 20
    """Number of slices, of equal length in time."""
    start_s: float = 1.0
    """Seconds after the start of the session when the first slice begins."""
    patient: bool = False
    """True: a slice rests at the own side's best price, and what is left at its end is taken."""
    protection_bps: int = 100
    """How far an order may go through the book, in basis points."""

    def _dues(self, total: int) -> list[int]:
        """Lots that shall be done by the end of each slice; never falling, the last is `total`."""
        raise NotImplementedError

    def on_start(self) -> None:
        """Make the timetable, and wait for the first slice."""
        if self.slices < 1 or self.duration_s <= 0:
            told = f"{self.name}: {self.slices} slices in {self.duration_s} s"
            raise ValueError(f"{told}; give at least one slice and more than 0 s")
        #: The parent order: what has been done, at what price, at what shortfall.
        self.parent = ParentOrder(self, self.listings[0], self.side, self.size, self.protection_bps)
        self._timetable = self._dues(self.parent.total)
        assert all(before <= after for before, after in pairwise(self._timetable))
        assert self._timetable[-1] == self.parent.total
        self._slice_ns = max(int(self.duration_s * SECOND_NS) // self.slices, 1)
        self._begin_ns = max(int(self.start_s * SECOND_NS), 1)
        self.wake_in(self._begin_ns)
        self._begin_ns += self.now_ns

    def on_wake(self) -> None:
        """Do what is due; come back for the next slice, or soon where orders rest or something is late."""
        passed_ns = self.now_ns - self._begin_ns
        over = min(passed_ns // self._slice_ns, self.slices)
        due = self._timetable[min(over, self.slices - 1)]
        if self.patient:
            self.parent.work(self._timetable[over - 1] if over else 0, due)
        else:
            self.parent.work(due)
        if self.parent.left > 0:
            soon = self.patient or over >= self.slices - 1
            rest_ns = self._slice_ns - passed_ns % self._slice_ns
            self.wake_in(max(self._slice_ns // 100, 1) if soon else rest_ns)

    def on_fill(self, fill: Fill) -> None:
        """Count it."""
        self.parent.record(fill)
