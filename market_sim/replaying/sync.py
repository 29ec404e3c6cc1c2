"""One symbol's order book brought in step with its snapshot, exactly by the exchange's rule.

Diffs are kept until a snapshot has come; what it covers already (`u <= lastUpdateId`) is ignored; a diff that
starts after the next id (`U > id + 1`) is a gap: something was lost, and the book is not trusted until the
next snapshot. Every other diff applies, also one that begins inside what is known, for its sizes are
absolute.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from market_sim.replaying.update import Depth

# A quarter of an hour of events at ten a second; a snapshot that is older than that starts with a gap anyway.
KEPT_DIFFS = 10_000


@dataclass(slots=True)
class SyncCounts:
    """What became of a symbol's diffs and snapshots."""

    snapshots: int = 0
    stale_snapshots: int = 0
    diffs_applied: int = 0
    diffs_ignored: int = 0
    diffs_lost: int = 0
    gaps: int = 0


@dataclass(slots=True)
class BookSync:
    """One symbol's state: in step with `last_id`, or waiting for a snapshot with its diffs kept."""

    counts: SyncCounts = field(default_factory=SyncCounts)
    last_id: int = -1
    trusted: bool = False
    _kept: deque[Depth] = field(default_factory=deque)

    def on_diff(self, diff: Depth) -> list[Depth]:
        """What is to be applied now: the diff, nothing, or an empty book where a gap shows."""
        if not self.trusted:
            self._keep(diff)
            return []
        return self._apply(diff)

    def on_snapshot(self, snapshot: Depth) -> list[Depth]:
        """The snapshot and the kept diffs that continue it; nothing where it is too old to be continued."""
        if self._too_old(snapshot):
            self.counts.stale_snapshots += 1
            return []
        self.counts.snapshots += 1
        self.trusted, self.last_id = True, snapshot.last_id
        released = [snapshot]
        waiting, self._kept = self._kept, deque()
        for diff in waiting:
            # A kept diff could be read as a book no earlier than the snapshot it continues.
            released += self.on_diff(diff._replace(local_ns=max(diff.local_ns, snapshot.local_ns)))
        return released

    def _too_old(self, snapshot: Depth) -> bool:
        if self.trusted:
            return snapshot.last_id < self.last_id
        first = next((diff for diff in self._kept if diff.last_id > snapshot.last_id), None)
        return first is not None and first.first_id > snapshot.last_id + 1

    def _apply(self, diff: Depth) -> list[Depth]:
        if diff.last_id <= self.last_id:
            self.counts.diffs_ignored += 1
            return []
        if diff.first_id > self.last_id + 1:
            self.counts.gaps += 1
            self.trusted = False
            self._keep(diff)
            return [diff.cleared()]
        self.counts.diffs_applied += 1
        self.last_id = diff.last_id
        return [diff]

    def _keep(self, diff: Depth) -> None:
        if len(self._kept) >= KEPT_DIFFS:
            self._kept.popleft()
            self.counts.diffs_lost += 1
        self._kept.append(diff)
