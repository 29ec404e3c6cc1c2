"""Last layer of the kernel: the loop that takes the next thing and lets it happen."""

from __future__ import annotations

from typing import Any

from market_sim.errors import EngineError
from market_sim.reference.kernel.session import Session
from market_sim.reference.types import Nanos, int64

MAX_ENTRIES_AT_ONE_INSTANT = 100_000


class Kernel(Session):
    """The market as a whole. Python pulls: `next` runs it until there is something to tell an agent."""

    _entries_now = 0

    def next(self, until_ns: Nanos) -> tuple[Any, ...] | None:
        """Run to the next notice for an agent; None when nothing is left up to `until_ns`.

        The clock then stands at `until_ns`. Every notice is handed over before anything else happens.
        """
        self._after_start()
        until_ns = int64(until_ns)
        if until_ns < self.now_ns:
            raise ValueError(f"next({until_ns}) at {self.now_ns} ns: time does not run backwards")
        while True:
            while self._ready:
                notice = self._ready.popleft()
                agent = self._agents[notice[2]]
                if agent.enabled:
                    agent.notices += 1
                    return notice
            if not self._process_one(until_ns):
                self._advance(until_ns)
                return None

    def _process_one(self, until_ns: Nanos) -> bool:
        """Process the first entry up to `until_ns`; recorded flow goes first at its instant."""
        flow_ns = self._flow[0][0] if self._flow else None
        entry_ns = self._queue.next_time()
        if flow_ns is not None and flow_ns <= until_ns and (entry_ns is None or flow_ns <= entry_ns):
            self._count_entry(flow_ns)
            _, market, recorded = self._flow.popleft()
            if not self._closed:
                self._apply(market, recorded)
            return True
        if entry_ns is not None and entry_ns <= until_ns:
            self._count_entry(entry_ns)
            _, action, arguments = self._queue.pop()
            action(*arguments)
            return True
        return False

    def _count_entry(self, time_ns: Nanos) -> None:
        """Agents that answer each other without delay would stop the clock; better stop them."""
        self._advance(time_ns)
        self._entries_now += 1
        if self._entries_now > MAX_ENTRIES_AT_ONE_INSTANT:
            latest = self._latest_agent
            name = "no agent" if latest is None else f"agent {self._names[latest]!r}"
            raise EngineError(
                f"more than {MAX_ENTRIES_AT_ONE_INSTANT} entries at {time_ns} ns, the latest from {name}",
                "kernel",
                "Give its link a latency, or let it wait before it acts again.",
            )
        self.events += 1

    def _advance(self, time_ns: Nanos) -> None:
        if time_ns > self.now_ns:
            self.now_ns, self._entries_now = time_ns, 0
