"""`market-sim bench match`: one matching workload through one way into the engine, checked and timed.

A first round keeps every event and gives fills, traded lots and a hash over the fills. The rounds after it
are timed; they must leave the venue in the same state. Time is processor time of this process, and the least
of all rounds is reported: whatever else a machine does can only add to it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from market_sim.engine import (
    Event,
    EventKind,
    SelfTradePrevention,
    TimeInForce,
    engine_name,
    native_module,
    venue_class,
)
from market_sim.errors import EngineError
from market_sim.records import EVENT, HAS_PRICE
from market_sim.workload import Workload, commands, id_of, read_workload

PATHS = ("rust", "batch", "call", "reference")
BATCH_ROWS = 1_000
EVENT_ROWS = 16_384
MASK = 2**64 - 1
TIF, STP = int(TimeInForce.GTC), int(SelfTradePrevention.NEWEST)

Columns = np.ndarray[Any, Any]


@dataclass
class Fills:
    """Fills so far, and a hash that depends on maker, size, price and order of every one of them."""

    fills: int = 0
    traded: int = 0
    hash: int = 0

    def add(self, maker_agent: int, maker_counter: int, size: int, price: int) -> None:
        """Fold in one trade (`size` in lots, `price` in ticks)."""
        self.fills += 1
        self.traded += size
        word = id_of(maker_agent, maker_counter) * 31 + size * 7 + price
        self.hash = (self.hash * 1_000_003 + word) & MASK


@dataclass(frozen=True)
class MatchReport:
    """What one path did with a workload.

    `messages` are the timed ones of one book; fills, traded and hash are one book's and include the preload.
    """

    path: str
    books: int
    ledger: bool
    workload: str
    messages: int
    preload: int
    rounds: int
    ns_per_message: float
    fills: int
    traded: int
    hash: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Way(Protocol):
    """One way to hand commands to a venue."""

    def prepare(self, rows: Columns) -> Any:
        """Bring COMMAND rows into the form this way takes; not timed."""

    def feed(self, venue: Any, prepared: Any) -> None:
        """Hand everything over and throw the events away; timed."""

    def feed_keeping(self, venue: Any, prepared: Any, fills: Fills) -> None:
        """The same, but count the fills."""


class Batches:
    """Arrays of COMMAND rows into `Venue.process`, events into one array that is used again and again."""

    def __init__(self) -> None:
        self.events = np.zeros(EVENT_ROWS, EVENT)

    def prepare(self, rows: Columns) -> list[Columns]:
        """Slices of BATCH_ROWS rows."""
        return [rows[i : i + BATCH_ROWS] for i in range(0, len(rows), BATCH_ROWS)]

    def _chunks(self, venue: Any, batches: Iterable[Columns]) -> Iterator[int]:
        for batch in batches:
            while len(batch):
                # fewer are taken than given when the events no longer fit
                taken, written = venue.process(batch, self.events)
                if not taken:
                    raise EngineError(
                        "one command gives more events than fit", "bench", f"More than {EVENT_ROWS}."
                    )
                yield written
                batch = batch[taken:]

    def feed(self, venue: Any, prepared: Any) -> None:
        """One call per batch."""
        for _ in self._chunks(venue, prepared):
            pass

    def feed_keeping(self, venue: Any, prepared: Any, fills: Fills) -> None:
        """One call per batch; trades are read out of the event rows."""
        for written in self._chunks(venue, prepared):
            rows = self.events[:written]
            trades = rows[rows["kind"] == EventKind.TRADE]
            for name in trades[["agent", "counter", "size", "price"]].tolist():
                fills.add(*name)


class Calls:
    """One Python call per command, as an agent would make it."""

    def prepare(self, rows: Columns) -> list[tuple[int, ...]]:
        """Rows as tuples of Python ints, so that no conversion is timed."""
        names = ["time_ns", "agent", "counter", "kind", "side", "order_type", "price", "size", "flags"]
        return rows[names].tolist()

    def _run(self, venue: Any, prepared: list[tuple[int, ...]], clear: Callable[[], Any]) -> None:
        new_order, cancel = venue.new_order, venue.cancel
        for i in range(0, len(prepared), BATCH_ROWS):
            for time_ns, agent, counter, kind, side, order_type, price, size, flags in prepared[
                i : i + BATCH_ROWS
            ]:
                if kind:
                    cancel(time_ns, agent, counter, 0)
                else:
                    limit = price if flags & HAS_PRICE else None
                    new_order(time_ns, agent, counter, 0, side, order_type, TIF, STP, False, limit, size)
            clear()

    def feed(self, venue: Any, prepared: Any) -> None:
        """Events are dropped every BATCH_ROWS calls, or they would fill the memory."""
        self._run(venue, prepared, venue.discard_events)

    def feed_keeping(self, venue: Any, prepared: Any, fills: Fills) -> None:
        """Events are taken every BATCH_ROWS calls."""

        def count() -> None:
            for event in map(Event._make, venue.take_events()):
                if event.kind == EventKind.TRADE:
                    fills.add(event.agent, event.counter, event.size, event.price)

        self._run(venue, prepared, count)


WAYS: dict[str, tuple[str, Callable[[], Way]]] = {
    "batch": ("rust", Batches),
    "call": ("rust", Calls),
    "reference": ("reference", Calls),
}


def bench_match(
    file: str | Path,
    path: str = "rust",
    rounds: int = 9,
    progress: Callable[[int, int], None] | None = None,
    books: int = 1,
    ledger: bool = False,
) -> MatchReport:
    """Run the workload in `file` through one path (`rust`, `batch`, `call`, `reference`), `rounds` times.

    With several `books` every message goes to all of them, one some messages behind the other, and the time
    is that of one message in one book. With `ledger` every match also moves money and goods between
    accounts. Both are for the `rust` path, where nothing else is measured. `progress(done, rounds)` is
    called after each round. Raises DataError for a bad file, EngineError for an unknown path, for a native
    path without the native engine, and when a round ends in another state than the first.
    """
    if path not in PATHS:
        raise EngineError(
            f"unknown path {path!r}", "bench match --path", f"Choose one of {', '.join(PATHS)}."
        )
    if path != "rust" and (books, ledger) != (1, False):
        remedy = "Choose --path rust, or leave --books and --ledger out."
        raise EngineError("several books or a ledger", f"bench match --path {path}", remedy)
    if rounds < 1:
        raise EngineError(f"{rounds} rounds", "bench match --rounds", "At least one is needed.")
    workload = read_workload(file)
    tell = progress or (lambda done, total: None)
    fills, best_ns = (
        _in_rust(workload, rounds, tell, books, ledger)
        if path == "rust"
        else _in_python(workload, path, rounds, tell)
    )
    return MatchReport(
        path=path,
        books=books,
        ledger=ledger,
        workload=workload.path.name,
        messages=workload.timed,
        preload=workload.preload,
        rounds=rounds,
        ns_per_message=round(best_ns / max(workload.timed * books, 1), 2),
        fills=fills.fills,
        traded=fills.traded,
        hash=fills.hash,
    )


def _in_rust(
    workload: Workload, rounds: int, tell: Callable[[int, int], None], books: int, ledger: bool
) -> tuple[Fills, int]:
    engine_name("rust")  # says how to build it where it is missing
    native = native_module()
    assert native is not None
    shared = native.Workload(workload.path.read_bytes())
    outcomes = set()
    times_ns = []
    for done in range(rounds):
        run = native.WorkloadRun(shared, books, ledger)
        run.preload()
        start_ns = time.process_time_ns()
        outcome = run.finish()
        times_ns.append(time.process_time_ns() - start_ns)
        if not run.is_balanced():
            raise EngineError("the ledger is out of balance", "bench match", "This is a bug: report it.")
        outcomes.add((*outcome, run.state_hash()))
        tell(done + 1, rounds)
    _assert_one(len(outcomes))
    fills, traded, fill_hash, _ = outcomes.pop()
    return Fills(fills, traded, fill_hash), min(times_ns)


def _in_python(
    workload: Workload, path: str, rounds: int, tell: Callable[[int, int], None]
) -> tuple[Fills, int]:
    engine, way_class = WAYS[path]
    venue_type = venue_class(engine)
    way = way_class()
    preload = way.prepare(commands(workload.messages[: workload.preload]))
    timed = way.prepare(commands(workload.messages[workload.preload :], first_ns=workload.preload))

    fills = Fills()
    checked = _venue(venue_type)
    way.feed_keeping(checked, preload, fills)
    way.feed_keeping(checked, timed, fills)
    states = {checked.state_hash()}
    times_ns = []
    for done in range(rounds):
        venue = _venue(venue_type)
        way.feed(venue, preload)
        # A collection of earlier garbage would be charged to this round.
        gc.collect()
        gc.disable()
        try:
            start_ns = time.process_time_ns()
            way.feed(venue, timed)
            times_ns.append(time.process_time_ns() - start_ns)
        finally:
            gc.enable()
        states.add(venue.state_hash())
        tell(done + 1, rounds)
    _assert_one(len(states))
    return fills, min(times_ns)


def _assert_one(states: int) -> None:
    if states != 1:
        raise EngineError(f"the rounds ended in {states} states", "bench match", "This is a bug: report it.")


def _venue(venue_type: Any) -> Any:
    """A venue with one listing; a rebate of 0.2 and a charge of 0.5 bps put both roundings to work."""
    venue = venue_type("bench")
    venue.add_listing(1, 1, 0, -2_000, 5_000)
    return venue
