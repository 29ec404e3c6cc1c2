"""A connector without sockets, for tests of what stands on it: the same methods, on a script."""

from __future__ import annotations

from collections import deque

EPOCH_NS = 1_767_323_045_000_000_000
MS = 1_000_000


class FakeHandle:
    """Gives the events of a script as its own clock passes them; every poll lets so much time pass."""

    def __init__(self, events, step_ns=50 * MS):
        self.script = deque(sorted(events, key=lambda event: event[1]))
        self.now_ns = self.script[0][1]
        self.step_ns = step_ns
        self.stopped = False
        self.recorded = []

    def poll(self, max_events=4096, timeout_ms=0):
        if timeout_ms:
            self.now_ns += self.step_ns
        found = []
        while self.script and len(found) < max_events and (self.stopped or self.script[0][1] <= self.now_ns):
            found.append(self.script.popleft())
        self.recorded += found
        return found

    def horizon_ns(self):
        if self.script and self.script[0][1] <= self.now_ns:
            return None
        return max(self.now_ns, self.recorded[-1][1] if self.recorded else 0)

    def stop(self):
        if not self.stopped:
            self.stopped = True
            # What had not come by now never comes; the books say that they are stopped.
            self.script.clear()
            last = max(self.now_ns, self.recorded[-1][1])
            subs = {event[3] for event in self.recorded}
            self.script.extend(
                ("state", last + 1 + sub, None, sub, "stopped", "asked to") for sub in sorted(subs)
            )

    def stats(self):
        return {"venues": {"kraken": {"last_error": "connection refused"}}, "subscriptions": []}


class FakeReader:
    """The capture of a fake handle."""

    torn_bytes, clean = 0, True

    def __init__(self, header, events):
        self.header = header
        self._events = deque(events)

    def read(self, max_events=4096):
        return [self._events.popleft() for _ in range(min(max_events, len(self._events), 7))]


class Script:
    """Builds events; times are milliseconds after EPOCH_NS."""

    def __init__(self):
        self.events = []

    def state(self, at_ms, state, reason="", sub=0):
        self.events.append(("state", EPOCH_NS + int(at_ms * MS), None, sub, state, reason))
        return self

    def book(self, at_ms, bids, asks, kind="snapshot", sub=0):
        levels = [(0, *level) for level in bids] + [(1, *level) for level in asks]
        columns = [list(column) for column in zip(*levels, strict=True)] if levels else [[], [], []]
        now_ns = EPOCH_NS + int(at_ms * MS)
        self.events.append((kind, now_ns, now_ns - 3 * MS, sub, 0, 0, *columns))
        return self

    def diff(self, at_ms, bids, asks, sub=0):
        return self.book(at_ms, bids, asks, "diff", sub)

    def trade(self, at_ms, aggressor, price, size, sub=0):
        now_ns = EPOCH_NS + int(at_ms * MS)
        self.events.append(
            ("trade", now_ns, now_ns - 3 * MS, sub, str(len(self.events)), aggressor, price, size)
        )
        return self

    def gap(self, at_ms, scope="book", reason="sequence", dropped=0, sub=0):
        self.events.append(("gap", EPOCH_NS + int(at_ms * MS), None, sub, scope, reason, 5, 7, dropped))
        return self
