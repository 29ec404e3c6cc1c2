"""Recorded flow as arrays: sources that are tables, merged in time and pushed in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from market_sim.errors import DataError
from market_sim.records import FLOW, LAST

SECOND_NS = 10**9
END_OF_TIME_NS = 2**62
# Rows handed over at a time. It bounds memory only: the outcome is the same for every value.
CHUNK_ROWS = 20_000

Rows = np.ndarray[Any, np.dtype[np.void]]


@dataclass(slots=True)
class RowCounts:
    """Rows of a source, and what had to be corrected in them."""

    rows: int = 0
    updates: int = 0
    backward_stamps: int = 0
    negative_delays: int = 0
    more: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is traded in a recording: names and grid, for a scenario of its own."""

    venue: str
    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    epoch_zone: str = "UTC"


class RowSource(Protocol):
    """A recording that comes as arrays."""

    protocol: str
    terms: Terms
    files: list[str]
    counts: RowCounts

    def batches(self) -> Iterator[Rows]:
        """FLOW rows, stamps in nanoseconds since 1970, whole updates, never backwards in time."""

    def last_ns(self) -> int:
        """A time, since 1970, that no row is after."""

    def notes(self) -> list[str]:
        """What the recording cannot know, and by which rule orders were made of it: sentences."""


class RowFlow:
    """Several sources as one flow for a market (see `Market`). Time 0 is the second of the first row."""

    def __init__(self, sources: Sequence[RowSource], clock: str, chunk: int = CHUNK_ROWS) -> None:
        self.sources = list(sources)
        self.clock = clock
        self._chunk = chunk
        self._batches = _merged([_numbered(source, place) for place, source in enumerate(self.sources)])
        self._rows: Rows = next(self._batches, np.zeros(0, FLOW))
        if not len(self._rows):
            names = ", ".join(name for source in self.sources for name in source.files)
            remedy = "All were left out: see that prices and sizes are above 0 and trades have a side."
            raise DataError("no row can be used", names, remedy=remedy)
        self.epoch_ns = int(self._rows["time_ns"][0]) // SECOND_NS * SECOND_NS
        self._kernel: Any = None
        self._ids: np.ndarray[Any, Any] = np.zeros(0, np.uint32)
        self._safe_ns = -1
        self._pushed_ns = 0
        #: For each source, how many ticks and lots of its listing one of its own is.
        self.scales = [(1, 1)] * len(self.sources)

    def bind(self, kernel: Any, listings: Mapping[tuple[str, str], int]) -> None:
        """Push to this kernel from now on; `listings` gives the id of each (venue, recorded symbol)."""
        self._kernel = kernel
        places = [(source.terms.venue, source.terms.symbol) for source in self.sources]
        self._ids = np.array([listings[place] for place in places], np.uint32)

    @property
    def end_ns(self) -> int | None:
        """Kernel time of the last update; None while there is more to push."""
        return None if len(self._rows) else self._pushed_ns

    def expected_end_ns(self) -> int:
        """Kernel time that no update is after."""
        return max(source.last_ns() for source in self.sources) - self.epoch_ns + SECOND_NS

    def fill(self, until_ns: int) -> int:
        """Push a chunk, or all up to `until_ns`; gives the time the kernel may now run to."""
        if until_ns <= self._safe_ns:
            return until_ns
        pushed = 0
        while len(self._rows):
            times = self._rows["time_ns"]
            due = int(np.searchsorted(times, until_ns + self.epoch_ns, "right"))
            # Never between two updates of one instant: what agents do at it comes after both.
            if due > self._chunk:
                due = int(np.searchsorted(times, times[self._chunk], "left")) or int(
                    np.searchsorted(times, times[0], "right")
                )
            if due == 0 or pushed >= self._chunk:
                self._safe_ns = int(times[0]) - self.epoch_ns - 1
                return min(until_ns, self._safe_ns)
            self._push(self._rows[:due])
            pushed += due
            self._rows = self._rows[due:]
            if not len(self._rows):
                self._rows = next(self._batches, self._rows)
        self._safe_ns = END_OF_TIME_NS
        return until_ns

    def _push(self, rows: Rows) -> None:
        shifted = rows.copy()
        shifted["time_ns"] -= self.epoch_ns
        shifted["exchange_ns"] -= self.epoch_ns
        shifted["listing"] = self._ids[rows["listing"]]
        for place, (ticks, lots) in enumerate(self.scales):
            if (ticks, lots) != (1, 1):
                own = rows["listing"] == place
                shifted["price"][own] *= ticks
                shifted["size"][own] *= lots
        self._kernel.push_flow(shifted)
        self._pushed_ns = int(shifted["time_ns"][-1])

    def counts(self) -> dict[str, Any]:
        """What was read and how it was corrected, as plain numbers."""
        sources = [
            {"venue": source.terms.venue, "symbol": source.terms.symbol, "files": list(source.files)}
            | {name: value for name, value in asdict(source.counts).items() if name != "more"}
            | source.counts.more
            for source in self.sources
        ]
        return {"clock": self.clock, "sources": sources}


def _numbered(source: RowSource, place: int) -> Iterator[Rows]:
    """A source's batches with its number as their listing; what runs backwards in time is a bug of ours."""
    latest = None
    for batch in source.batches():
        if not len(batch):
            continue
        times = batch["time_ns"]
        assert batch["flags"][-1] & LAST, f"{source.protocol}: a batch ends with a whole update"
        assert latest is None or latest <= times[0], f"{source.protocol}: rows run backwards"
        assert bool((times[1:] >= times[:-1]).all()), f"{source.protocol}: rows run backwards"
        latest = times[-1]
        batch["listing"] = place
        source.counts.rows += len(batch)
        source.counts.updates += int(np.count_nonzero(batch["flags"] & LAST))
        yield batch


def _merged(streams: list[Iterator[Rows]]) -> Iterator[Rows]:
    """Batches of several sources in one order of time; of one instant, in the order of the sources."""
    if len(streams) == 1:
        yield from _whole_instants(streams[0])
        return
    heads = [next(stream, None) for stream in streams]
    while any(head is not None for head in heads):
        # Up to here every source has spoken; of what comes later another may still bring something earlier.
        limit = min(int(head["time_ns"][-1]) for head in heads if head is not None)
        parts = []
        for place, head in enumerate(heads):
            if head is None:
                continue
            ready = int(np.searchsorted(head["time_ns"], limit, "left"))
            at_limit = head[ready:]
            if int(head["time_ns"][-1]) == limit:
                # The instant itself may go on in the next batch: it waits for that, unless there is none.
                following = next(streams[place], None)
                if following is None:
                    ready = len(head)
                    rest = None
                else:
                    rest = np.concatenate([at_limit, following])
            else:
                rest = at_limit
            parts.append(head[:ready])
            heads[place] = rest
        batch = np.concatenate(parts)
        if len(batch):
            yield batch[np.argsort(batch["time_ns"], kind="stable")]


def _whole_instants(stream: Iterator[Rows]) -> Iterator[Rows]:
    """The same rows in batches that no instant spans."""
    waiting: Rows | None = None
    for fresh in stream:
        batch = fresh if waiting is None else np.concatenate([waiting, fresh])
        whole = int(np.searchsorted(batch["time_ns"], batch["time_ns"][-1], "left"))
        waiting = batch[whole:]
        if whole:
            yield batch[:whole]
    if waiting is not None:
        yield waiting


def flow_rows(updates: Sequence[tuple[int, ...]]) -> Rows:
    """Rows from tuples (time_ns, exchange_ns, delay_ns, id, price, size, kind, side, flags)."""
    rows = np.zeros(len(updates), FLOW)
    if updates:
        names = ("time_ns", "exchange_ns", "delay_ns", "id", "price", "size", "kind", "side", "flags")
        for name, column in zip(names, zip(*updates, strict=True), strict=True):
            rows[name] = np.array(column, rows.dtype[name])
    return rows
