"""What happens next: a heap in the order of time, then class, then order of pushes."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from market_sim.reference.types import Nanos

# Classes of entries at one instant. Recorded flow (class 0) is a cursor of its own and goes before them all.
VENUE, DATA, REPORT, WAKE = 1, 2, 3, 4

Action = Callable[..., None]


class Queue:
    """Entries are (time, class, sequence, action, arguments).

    The sequence number makes every key unique: ties never depend on addresses, hashing or threads.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[Nanos, int, int, Action, tuple[Any, ...]]] = []
        self._sequence = 0

    def push(self, time_ns: Nanos, entry_class: int, action: Action, *arguments: Any) -> None:
        """Let `action(*arguments)` happen at `time_ns`."""
        self._sequence += 1
        heappush(self._heap, (time_ns, entry_class, self._sequence, action, arguments))

    def next_time(self) -> Nanos | None:
        """Time of the first entry, None if nothing waits."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> tuple[Nanos, Action, tuple[Any, ...]]:
        """Take the first entry."""
        time_ns, _, _, action, arguments = heappop(self._heap)
        return time_ns, action, arguments
