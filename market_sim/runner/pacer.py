"""How far simulated time may have come by now, and how fast it really goes."""

import time
from collections import deque
from collections.abc import Callable

NS = 1_000_000_000

LAG_FORGIVEN_S = 0.25
"""A market that falls further behind its speed than this many seconds stops trying to catch up: a burst
after a stall would show minutes of market in one picture.
"""

METER_WINDOW_S = 1.0


class Pacer:
    """Turns passing wall time into a goal in simulated time, at a speed in simulated seconds per second."""

    def __init__(
        self, now_ns: int, speed: float | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._clock = clock
        self.speed = speed
        self.rebase(now_ns)

    def rebase(self, now_ns: int) -> None:
        """Count from here on: after a pause, a step, a restart, or a change of speed."""
        self._wall = self._clock()
        self._sim_ns = now_ns

    def goal_ns(self, now_ns: int) -> int | None:
        """Simulated time to have reached by now; None without a limit. Forgives a lag that has grown too
        long.
        """
        if self.speed is None:
            return None
        goal = self._sim_ns + int((self._clock() - self._wall) * self.speed * NS)
        if goal - now_ns > LAG_FORGIVEN_S * self.speed * NS:
            self.rebase(now_ns)
            return now_ns + int(LAG_FORGIVEN_S / 2 * self.speed * NS)
        return goal


class Meter:
    """Pace (simulated seconds per second) and events per second, over about the last second of running."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int, int]] = deque()

    def restart(self) -> None:
        """Forget what was measured: a pause must not count as slowness."""
        self._samples.clear()

    def note(self, time_ns: int, events: int) -> None:
        """Where the market stands now."""
        now = self._clock()
        self._samples.append((now, time_ns, events))
        while len(self._samples) > 2 and now - self._samples[1][0] >= METER_WINDOW_S:
            self._samples.popleft()

    def rates(self) -> tuple[float, float]:
        """(simulated seconds per second, events per second); zeros until two samples are there."""
        if len(self._samples) < 2:
            return 0.0, 0.0
        (wall_0, time_0, events_0), (wall_1, time_1, events_1) = self._samples[0], self._samples[-1]
        wall = max(wall_1 - wall_0, 1e-9)
        return (time_1 - time_0) / NS / wall, (events_1 - events_0) / wall
