"""`market-sim bench replay`: recorded flow through kernel, queues and ledger, with a strategy that does
nothing.

A resolved feed (what a matching workload did to its book: adds, deletes, replacements, executions) is turned
into flow of single orders (L3) and of levels and trades (L2). Where the package hftbacktest is installed the
same feed runs through it in the same process, in turns, by its own conventions: a fill is followed by the
change of its order, and its no-op strategy asks for the next tenth of a second until there is none. Time is
processor time; the least of all rounds counts, for a neighbour can only add to it.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from market_sim.engine import FlowKind, kernel_class
from market_sim.errors import DataError
from market_sim.records import FLOW, LAST, STAMPED
from market_sim.workload import HEADER_BYTES, MESSAGE

ADD, CANCEL, REPLACE, EXECUTE = 0, 1, 3, 4
STEP_NS = 1_000  # between two rows of the feed
CHUNK_ROWS = 2_000
ELAPSE_NS = 100_000_000
START_NS = 1_000_000_000

Rows = np.ndarray[Any, Any]


def read_resolved(path: str | Path) -> Rows:
    """The rows of a resolved feed. DataError for a file that is none."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise DataError(str(error.strerror), str(path), remedy="Give a .res.bin of the generator.") from None
    if len(raw) < HEADER_BYTES or (len(raw) - HEADER_BYTES) % MESSAGE.itemsize:
        raise DataError(f"{len(raw)} bytes are no resolved feed", str(path))
    rows = np.frombuffer(raw, MESSAGE, offset=HEADER_BYTES)
    if not np.isin(rows["type"], (ADD, CANCEL, REPLACE, EXECUTE)).all():
        raise DataError("rows of unknown type: this is a workload, not its resolved feed", str(path))
    return rows


def order_flow(feed: Rows) -> Rows:
    """The feed as recorded orders; a replacement is a deletion and an addition in one update."""
    kind = feed["type"]
    rows = np.zeros(len(feed), FLOW)
    codes = {ADD: FlowKind.ADD, CANCEL: FlowKind.DELETE, REPLACE: FlowKind.DELETE, EXECUTE: FlowKind.EXECUTE}
    for code, flow in codes.items():
        rows["kind"][kind == code] = flow
    rows["time_ns"] = np.arange(len(feed)) * STEP_NS
    rows["id"] = np.where((kind == ADD) | (kind == EXECUTE), feed["id"], feed["ref"])
    rows["price"], rows["size"], rows["side"], rows["flags"] = feed["price"], feed["qty"], feed["side"], LAST
    replaced = np.flatnonzero(kind == REPLACE)
    added = rows[replaced]
    added["kind"], added["id"] = FlowKind.ADD, feed["id"][replaced]
    rows["flags"][replaced] = 0
    return np.insert(rows, replaced + 1, added)


def level_flow(feed: Rows) -> Rows:
    """The feed as sizes by price, and a trade before the change of depth that an execution makes."""
    levels: dict[tuple[int, int], int] = {}
    orders: dict[int, tuple[int, int, int]] = {}
    told: list[tuple[int, int, int, int, int]] = []

    def change(at: int, side: int, price: int, lots: int) -> None:
        levels[side, price] = levels.get((side, price), 0) + lots
        told.append((at, FlowKind.LEVEL, side, price, levels[side, price]))

    for at, (kind, side, _, size, price, number, ref) in enumerate(feed.tolist()):
        if kind in (CANCEL, REPLACE):
            old_side, old_price, old_size = orders.pop(ref)
            change(at, old_side, old_price, -old_size)
        if kind in (ADD, REPLACE):
            orders[number] = (side, price, size)
            change(at, side, price, size)
        if kind == EXECUTE:
            _, _, left = orders.pop(number)
            if left > size:
                orders[number] = (side, price, left - size)
            told.append((at, FlowKind.TRADE, 1 - side, price, size))
            change(at, side, price, -size)
    rows = np.zeros(len(told), FLOW)
    columns = np.array(told, np.int64)
    rows["time_ns"] = columns[:, 0] * STEP_NS
    for place, name in enumerate(("kind", "side", "price", "size"), start=1):
        rows[name] = columns[:, place]
    rows["flags"], rows["exchange_ns"] = LAST | STAMPED, rows["time_ns"]
    return rows


def _chunks(rows: Rows) -> Iterator[Rows]:
    ends: Any = np.flatnonzero(rows["flags"] & LAST) + 1
    start = 0
    while start < len(rows):
        end = int(ends[min(np.searchsorted(ends, start + CHUNK_ROWS), len(ends) - 1)])
        yield rows[start:end]
        start = end


def run_own(rows: Rows, engine: str | None = None) -> tuple[float, tuple[int, int, int, int]]:
    """(processor seconds, best bid and ask at the end) through a kernel with tape, hash, ledger and one
    agent.

    The agent wakes ten times a second of simulated time and does nothing, as the other's strategy does.
    """
    kernel = kernel_class(engine)(1)
    quote, base = kernel.add_asset("USD", 2), kernel.add_asset("X", 0)
    listing = kernel.add_listing(
        kernel.add_venue("N"), kernel.add_instrument("X/USD", base, quote), 1, 1, 0, 0, 0
    )
    profile = kernel.add_profile("site")
    kernel.add_external(listing)
    agent = kernel.add_agent("noop", profile, True, True, 0, 0, 0)
    kernel.start()
    kernel.wake_in(agent, ELAPSE_NS)
    chunks = list(_chunks(rows))
    began = time.process_time()
    for chunk in chunks:
        kernel.push_flow(chunk)
        until = int(chunk["time_ns"][-1])
        while kernel.next(until) is not None:
            kernel.wake_in(agent, ELAPSE_NS)
        kernel.drain_tape()
    spent = time.process_time() - began
    assert kernel.external_stats(listing)["unknown_orders"] == 0
    return spent, kernel.true_bbo(listing)


def bench_replay(path: str | Path, rounds: int = 5, engine: str | None = None) -> dict[str, Any]:
    """Nanoseconds a row of the feed, ours and (where installed) hftbacktest's, and how many times as fast."""
    feed = read_resolved(path)
    told: dict[str, Any] = {"rows": len(feed), "rounds": rounds}
    other = importlib.util.find_spec("hftbacktest") is not None
    for name, rows in (("l3", order_flow(feed)), ("l2", level_flow(feed))):
        ways: dict[str, Callable[[], tuple[float, Any]]] = {
            "market_sim": lambda rows=rows: run_own(rows, engine)  # type: ignore[misc]
        }
        if other:
            from market_sim.bench_hftbacktest import runners

            ways |= runners(feed, name)
        spent: dict[str, list[float]] = {way: [] for way in ways}
        tops = {}
        for _ in range(rounds):
            for way, run in ways.items():
                seconds, tops[way] = run()
                spent[way].append(seconds)
        if len({top for top in tops.values() if top is not None}) != 1:
            raise DataError(f"the books disagree at the end: {tops}", str(path))
        least = {way: min(times) * 1e9 / len(feed) for way, times in spent.items()}
        told[name] = {
            "updates": int(np.count_nonzero(rows["flags"] & LAST)),
            "ns_per_row": least,
            "times_as_fast": {way: least[way] / least["market_sim"] for way in least if way != "market_sim"},
        }
    return told
