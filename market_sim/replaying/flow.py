"""Recorded updates into a kernel, a little ahead of its clock: recordings may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, get_args

from market_sim.errors import DataError, ScenarioError
from market_sim.replaying.clocks import ClockCounts, Stamped, on_local_clock, on_venue_clock
from market_sim.replaying.inband import InBandSource
from market_sim.replaying.source import Source
from market_sim.replaying.update import Depth

Clock = Literal["local", "venue"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)
# Updates handed over at a time. It bounds memory only: the outcome is the same for every value.
CHUNK_UPDATES = 2_000
SECOND_NS = 10**9
END_OF_TIME_NS = 2**62
END_MARGIN_NS = 60 * SECOND_NS


def clock_named(name: str) -> Clock:
    """The clock of that name; ScenarioError for any other."""
    for clock in CLOCKS:
        if clock == name:
            return clock
    raise ScenarioError(f"unknown clock {name!r}", "replay", f"Choose {' or '.join(CLOCKS)}.")


class Flow:
    """The merged updates of several recordings, pushed to the external participants as time goes on.

    `epoch_ns` (since 1970) is the kernel's time 0: the second in which the first update happens. Bind a
    kernel, then ask `fill(until)` how far that kernel may run.
    """

    def __init__(
        self,
        sources: Sequence[Source | InBandSource],
        clock: Clock = "local",
        site_offset_ns: Mapping[str, int] | None = None,
        chunk: int = CHUNK_UPDATES,
    ) -> None:
        self.sources: list[Source | InBandSource] = list(sources)
        self.clock = clock
        self.clock_counts = ClockCounts()
        self._chunk = chunk
        streams = [source.updates() for source in self.sources]
        offsets = [(site_offset_ns or {}).get(source.venue, 0) for source in self.sources]
        self._updates: Iterator[Stamped] = (
            on_local_clock(streams, self.clock_counts)
            if clock == "local"
            else on_venue_clock(streams, offsets, self.clock_counts)
        )
        self._next: Stamped | None = next(self._updates, None)
        if self._next is None:
            names = [name for source in self.sources for name in source.capture.files]
            raise DataError(
                "no book can be followed, and so no message used",
                ", ".join(names),
                remedy="A book begins with its snapshot: record from the subscription on.",
            )
        self.epoch_ns = self._next.time_ns // SECOND_NS * SECOND_NS
        self._kernel: Any = None
        self._listings: list[dict[str, int]] = []
        self._safe_ns = -1
        self._pushed_ns = 0

    def bind(self, kernel: Any, listings: Mapping[tuple[str, str], int]) -> None:
        """Push to this kernel from now on; `listings` gives the id of each (venue, recorded symbol)."""
        self._kernel = kernel
        self._listings = [
            {symbol: listings[source.venue, symbol] for symbol in source.syncs} for source in self.sources
        ]

    @property
    def end_ns(self) -> int | None:
        """Kernel time of the last update; None while there is more to push."""
        return self._pushed_ns if self._next is None else None

    def expected_end_ns(self) -> int:
        """Kernel time that no update is after, for a bar of progress: from the last lines of the files."""
        first = self._next
        assert first is not None, "asked before anything is pushed"
        # The venue clock runs beside the local one, at a distance that differs a little from frame to frame.
        behind_ns = first.update.local_ns - first.time_ns
        last_ns = max(source.capture.last_stamp_ns() for source in self.sources)
        return last_ns - behind_ns - self.epoch_ns + END_MARGIN_NS

    def fill(self, until_ns: int) -> int:
        """Push at least one chunk, or all up to `until_ns`, and return the time the kernel may now run to.

        It may not run further: the next update could come before what the kernel would then have done.
        """
        if until_ns <= self._safe_ns:
            return until_ns
        pushed = 0
        while (stamped := self._next) is not None:
            time_ns = stamped.time_ns - self.epoch_ns
            # Never between two updates of one instant: what agents do at it comes after both.
            if time_ns > until_ns or (pushed >= self._chunk and time_ns > self._pushed_ns):
                self._safe_ns = time_ns - 1
                return min(until_ns, self._safe_ns)
            self._push(stamped, time_ns)
            self._pushed_ns = time_ns
            pushed += 1
            self._next = next(self._updates, None)
        self._safe_ns = END_OF_TIME_NS
        return until_ns

    def step(self) -> tuple[Stamped, int] | None:
        """Push exactly one update and return it with its kernel time; None when there is no more."""
        stamped = self._next
        if stamped is None:
            return None
        self._pushed_ns = stamped.time_ns - self.epoch_ns
        self._push(stamped, self._pushed_ns)
        self._next = next(self._updates, None)
        return stamped, self._pushed_ns

    def _push(self, stamped: Stamped, time_ns: int) -> None:
        update = stamped.update
        exchange_ns = None if update.exchange_ns is None else update.exchange_ns - self.epoch_ns
        listing = self._listings[stamped.source][update.symbol]
        if isinstance(update, Depth):
            self._kernel.push_depth(
                time_ns,
                exchange_ns,
                stamped.delay_ns,
                listing,
                update.snapshot,
                update.sides,
                update.prices,
                update.sizes,
            )
        else:
            self._kernel.push_trade(
                time_ns, exchange_ns, stamped.delay_ns, listing, update.aggressor, update.price, update.size
            )

    def counts(self) -> dict[str, Any]:
        """What was read and how it was corrected, as plain numbers."""
        sources = [
            {
                "venue": source.venue,
                "files": list(source.capture.files),
                **asdict(source.counts),
                "symbols": {name: asdict(sync.counts) for name, sync in source.syncs.items()},
            }
            for source in self.sources
        ]
        return {"clock": self.clock, **asdict(self.clock_counts), "sources": sources}
