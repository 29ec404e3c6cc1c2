"""Where a run stops itself: events, wall time and memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from market_sim.errors import LimitError
from market_sim.scenario.tables import Limits
from market_sim.units import format_time

try:
    import resource
except ImportError:  # Windows has no such module; memory is then not watched
    resource = None  # type: ignore[assignment]

MB = 1024 * 1024
MEMORY_EVERY_S = 0.1
STATM = Path("/proc/self/statm")


def memory_mb() -> float | None:
    """Resident memory of this process now; where the system tells only its peak, that; None where it tells
    nothing.
    """
    if STATM.exists() and resource is not None:
        return int(STATM.read_text().split()[1]) * resource.getpagesize() / MB
    return peak_memory_mb()


def peak_memory_mb() -> float | None:
    """Largest resident memory of this process so far, or None where the system does not tell."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak / MB if sys.platform == "darwin" else peak * 1024 / MB


class Guard:
    """Watches a run's limits: wall time counts within `with guard`, and `check` raises LimitError.

    The error names the limit, what was reached, and the busiest agent: one that wakes itself without end is
    that.
    """

    def __init__(
        self, limits: Limits, notices: Callable[[], Sequence[int]], agent_names: Sequence[str]
    ) -> None:
        self._limits = limits
        self._notices = notices
        self._agent_names = agent_names
        self._wall_s = self._cpu_s = self._next_memory_s = 0.0
        self._resumed: tuple[float, float] | None = None

    def __enter__(self) -> None:
        self._resumed = (time.perf_counter(), time.process_time())

    def __exit__(self, *error: object) -> None:
        self._wall_s, self._cpu_s = self.wall_s, self.cpu_s
        self._resumed = None

    @property
    def wall_s(self) -> float:
        """Wall seconds spent running."""
        return self._wall_s + (0.0 if self._resumed is None else time.perf_counter() - self._resumed[0])

    @property
    def cpu_s(self) -> float:
        """Processor seconds spent running, by all threads of this process."""
        return self._cpu_s + (0.0 if self._resumed is None else time.process_time() - self._resumed[1])

    def check(self, now_ns: int, events: int) -> None:
        """Raise LimitError if a limit is passed."""
        limits = self._limits
        if events > limits.events:
            raise self._error(
                f"{events:,} events, more than limits.events = {limits.events:,}", now_ns, "events"
            )
        wall_s = self.wall_s
        if wall_s > limits.wall_s:
            raise self._error(
                f"ran {wall_s:.0f} s, more than limits.wall_s = {limits.wall_s}", now_ns, "wall_s"
            )
        # Asking the system takes longer than a thousand events.
        if wall_s < self._next_memory_s:
            return
        self._next_memory_s = wall_s + MEMORY_EVERY_S
        used_mb = memory_mb()
        if used_mb is not None and used_mb > limits.memory_mb:
            what = f"{used_mb:,.0f} MB in use, more than limits.memory_mb = {limits.memory_mb:,}"
            raise self._error(what, now_ns, "memory_mb")

    def _error(self, what: str, now_ns: int, limit: str) -> LimitError:
        notices = self._notices()
        total = sum(notices)
        remedy = f"Raise limits.{limit} or run less."
        if total:
            busiest = max(range(len(notices)), key=notices.__getitem__)
            share = notices[busiest] / total
            remedy = (
                f"The busiest agent is {self._agent_names[busiest]!r}: {share:.0%} of all {total:,} notices; "
                f"if it wakes itself without end, mend it, else raise limits.{limit}."
            )
        return LimitError(what, f"at {format_time(now_ns)} of simulated time", remedy)
