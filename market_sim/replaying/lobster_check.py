"""Is the book of a LOBSTER day rebuilt right? Every row of the orderbook file against the kernel's depth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from market_sim.engine import Side, engine_name, kernel_class
from market_sim.replaying.capture import FilePath
from market_sim.replaying.lobster import LobsterSource, update_rows
from market_sim.replaying.rows import flow_rows
from market_sim.replaying.window import Levels

SHOWN_DIFFERENCES = 5


def check_lobster(
    files: Sequence[FilePath], *, engine: str | None = None, onlooker: bool = False
) -> dict[str, Any]:
    """Replay a LOBSTER day in a kernel and compare its depth with every row of the orderbook file.

    Levels are taken from the orderbook file only where the window newly uncovers a price (`rows_adopting` of
    the rows, `share_adopting`). `onlooker` puts an agent into the market that hears everything and never
    quotes. Keys of the result: `ok` (every row equal), `rows`, `rows_equal`, `differences` (the first few),
    the counts of `WindowCounts`, `share_at_best` and `share_of_earliest` (visible executions at the best
    price, and of those of known orders the share that hit the earliest there), `engine`, `external`, times.
    Raises DataError with file and line.
    """
    started, cpu = time.perf_counter(), time.process_time()
    source = LobsterSource(files)
    kernel, listing = _kernel(engine, onlooker)
    rows = equal = 0
    first_ns: int | None = None
    differences: list[dict[str, Any]] = []
    for time_ns, ops, repairs, bids, asks in source.steps():
        first_ns = time_ns if first_ns is None else first_ns
        now_ns = time_ns - first_ns
        for update in (ops, repairs):
            if update:
                kernel.push_flow(flow_rows(update_rows(now_ns, update)))
            while kernel.next(now_ns) is not None:
                pass
            if update is ops:
                found = [_depth(kernel, listing, side, source.levels) for side in Side]
                same = found == [_best_first(bids, Side.BUY), _best_first(asks, Side.SELL)]
                rows, equal = rows + 1, equal + same
                if not same and len(differences) < SHOWN_DIFFERENCES:
                    row = {"bids": _best_first(bids, Side.BUY), "asks": _best_first(asks, Side.SELL)}
                    differences.append({"row": rows, "bids": found[0], "asks": found[1], "file": row})
    counts = source.window.counts
    wall_s = time.perf_counter() - started
    return {
        "ok": rows > 0 and equal == rows,
        **asdict(counts),
        "rows": rows,
        "rows_equal": equal,
        "share_adopting": _share(counts.rows_adopting, rows),
        "share_at_best": _share(counts.executions_at_best, counts.executions),
        "share_of_earliest": _share(counts.executions_of_earliest, counts.executions_of_known),
        "levels": source.levels,
        "symbol": source.terms.symbol,
        "tick": str(source.terms.tick),
        "differences": differences,
        "external": kernel.external_stats(listing),
        "engine": engine_name(engine),
        "cpu_s": time.process_time() - cpu,
        "wall_s": wall_s,
        "rows_per_s": rows / wall_s,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _best_first(levels: Levels, side: Side) -> list[tuple[int, int]]:
    return sorted(levels.items(), reverse=side == Side.BUY)


def _depth(kernel: Any, listing: int, side: Side, levels: int) -> list[tuple[int, int]]:
    return [(price, lots) for price, lots, _ in kernel.true_depth(listing, int(side), levels)]


def _kernel(engine: str | None, onlooker: bool) -> tuple[Any, int]:
    kernel = kernel_class(engine)(0)
    usd, stock = kernel.add_asset("USD", 2), kernel.add_asset("STOCK", 0)
    venue = kernel.add_venue("NASDAQ")
    listing: int = kernel.add_listing(venue, kernel.add_instrument("STOCK/USD", stock, usd), 1, 1, 0, 0, 0)
    profile = kernel.add_profile("site")
    kernel.add_external(listing)
    if onlooker:
        agent = kernel.add_agent("onlooker", profile, True, True, 0, 0, 0)
        kernel.subscribe(agent, listing, True, True, 5)
    kernel.start()
    return kernel, listing
