"""The two clocks of a replay: when each recorded update happens in the kernel, and when agents hear of it.

`local`: an update happens when it was received, and its news travels no further; stamps rise strictly over
all recordings. `venue`: it happens at the exchange's stamp, and its news takes the recorded time from there
to the receiving machine plus a stated site offset. The offset also sets right two clocks that disagree.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from market_sim.replaying.update import Update

# How far an update may be received behind one with a later exchange stamp and still be put in its place.
# Depth is stamped when its batch ends and trades when they happen, so they pass each other by some 100 ms.
REORDER_NS = 2 * 10**9


class Stamped(NamedTuple):
    """An update with its instant (ns since 1970 on the chosen clock) and the delay of the news about it."""

    time_ns: int
    delay_ns: int
    source: int
    update: Update


@dataclass(slots=True)
class ClockCounts:
    """Stamps that had to be corrected: moved forward to keep the order, delays below zero taken as zero."""

    bumped_stamps: int = 0
    negative_delays: int = 0
    # The shortest delay as recorded, with its site's offset; below zero it says by how much the clocks
    # disagree.
    least_delay_ns: int | None = None


Streams = list[Iterator[Update]]


def on_local_clock(streams: Streams, counts: ClockCounts) -> Iterator[Stamped]:
    """All updates by receive stamp; one that is not later than its predecessor happens 1 ns after it."""
    latest_ns = 0
    for stamped in _merged([_received(stream, source) for source, stream in enumerate(streams)]):
        time_ns = stamped.time_ns
        if time_ns <= latest_ns:
            time_ns = latest_ns + 1
        counts.bumped_stamps += time_ns != stamped.update.local_ns
        latest_ns = time_ns
        yield stamped._replace(time_ns=time_ns)


def _received(updates: Iterable[Update], source: int) -> Iterator[Stamped]:
    latest_ns = 0
    for update in updates:
        latest_ns = max(latest_ns, update.local_ns)
        yield Stamped(latest_ns, 0, source, update)


def on_venue_clock(streams: Streams, offsets_ns: list[int], counts: ClockCounts) -> Iterator[Stamped]:
    """All updates by exchange stamp, equal ones in order of receipt; a stream's offset joins its delays."""
    latest_ns = 0
    happened = [_happened(stream, source) for source, stream in enumerate(streams)]
    for stamped in _merged([_reordered(stream) for stream in happened]):
        latest_ns = max(latest_ns, stamped.time_ns)
        counts.bumped_stamps += latest_ns != (stamped.update.exchange_ns or stamped.time_ns)
        delay_ns = stamped.update.local_ns - latest_ns + offsets_ns[stamped.source]
        counts.negative_delays += delay_ns < 0
        if counts.least_delay_ns is None or delay_ns < counts.least_delay_ns:
            counts.least_delay_ns = delay_ns
        yield stamped._replace(time_ns=latest_ns, delay_ns=max(0, delay_ns))


def _happened(updates: Iterable[Update], source: int) -> Iterator[Stamped]:
    """Each update at its exchange stamp; a snapshot, which has none, with the update that continues it."""
    latest_ns = 0
    unstamped: list[Update] = []
    # A trade that was read after a snapshot met the book it describes, though its own stamp may be older.
    begun_ns: dict[str, int] = {}
    for update in updates:
        if update.exchange_ns is None:
            unstamped.append(update)
            continue
        for waiting in unstamped:
            begun_ns[waiting.symbol] = update.exchange_ns
            yield Stamped(update.exchange_ns, 0, source, waiting)
        unstamped.clear()
        latest_ns = max(latest_ns, update.exchange_ns)
        yield Stamped(max(update.exchange_ns, begun_ns.get(update.symbol, 0)), 0, source, update)
    for waiting in unstamped:
        yield Stamped(latest_ns or waiting.local_ns, 0, source, waiting)


def _reordered(stream: Iterable[Stamped]) -> Iterator[Stamped]:
    waiting: list[tuple[int, int, Stamped]] = []
    latest_ns = 0
    for number, stamped in enumerate(stream):
        heapq.heappush(waiting, (stamped.time_ns, number, stamped))
        latest_ns = max(latest_ns, stamped.time_ns)
        while waiting[0][0] < latest_ns - REORDER_NS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


_TIME: Callable[[Stamped], int] = attrgetter("time_ns")


def _merged(streams: list[Iterator[Stamped]]) -> Iterator[Stamped]:
    return streams[0] if len(streams) == 1 else heapq.merge(*streams, key=_TIME)
