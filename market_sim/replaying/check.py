"""Does the rebuilt book agree with what the exchange itself said was best? Agents are off.

After every applied diff the participant's own best prices and sizes are compared with the last bookTicker
whose update id is not above the diff's. What they are compared with is read from the raw frames here, by
another way than the replay's: its own JSON, its own decimals, its own count of gaps.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from os import PathLike
from typing import Any, NamedTuple

from market_sim.engine import engine_name
from market_sim.errors import DataError
from market_sim.replaying.capture import Line
from market_sim.replaying.check_in_band import check_in_band, kernel_without_agents
from market_sim.replaying.flow import Flow, clock_named
from market_sim.replaying.recording import StampedRecording
from market_sim.replaying.recordings import Files, open_sources, scenario_for
from market_sim.replaying.source import Source
from market_sim.replaying.update import Depth
from market_sim.scenario import ListingTable, Scenario

# A bookTicker leaves the exchange with the change it tells; one that comes later than this is lost, not late.
LOOK_AHEAD_NS = 10 * 10**9
REQUIRED_SHARE = 0.999
SHOWN_DIFFERENCES = 5


class Top(NamedTuple):
    """Best prices and sizes in instrument units; None for a side that is empty."""

    bid: Decimal | None
    bid_size: Decimal
    ask: Decimal | None
    ask_size: Decimal


class _Diff(NamedTuple):
    """A depth event as its frame has it: received when, up to which update id."""

    local_ns: int
    last_id: int


class _Frames:
    """The raw frames of one venue, read a little ahead of the replay."""

    def __init__(self, files: Sequence[str]) -> None:
        self.gaps = 0
        self._lines = iter(StampedRecording(files))
        self._diffs: dict[tuple[str, int], _Diff] = {}
        self._tickers: dict[str, deque[tuple[int, Top]]] = {}
        self._latest: dict[str, Top] = {}
        self._last_ids: dict[str, int] = {}
        self._read_ns = 0

    def diff_at(self, file: str, number: int) -> _Diff:
        """The depth event of that line."""
        while (file, number) not in self._diffs:
            if not self.advance():
                raise DataError("the replay applied a depth event that is not in the file", file, number)
        return self._diffs.pop((file, number))

    def ticker_for(self, symbol: str, diff: _Diff) -> Top | None:
        """The last bookTicker whose update id is not above the diff's; None before the first."""
        tickers = self._tickers.setdefault(symbol, deque())
        while True:
            while tickers and tickers[0][0] <= diff.last_id:
                self._latest[symbol] = tickers.popleft()[1]
            if tickers or self._read_ns > diff.local_ns + LOOK_AHEAD_NS or not self.advance():
                return self._latest.get(symbol)

    def advance(self) -> bool:
        """Read one more frame; False at the end."""
        line = next(self._lines, None)
        if line is None:
            return False
        self._read_ns = max(self._read_ns, line.local_ns)
        try:
            frame = json.loads(line.frame)
            data = frame.get("data", frame)
            if isinstance(data, dict):
                self._note(line, data)
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
            raise DataError(f"the frame cannot be read ({error!r})", line.file, line.number) from error
        return True

    def _note(self, line: Line, data: dict[str, Any]) -> None:
        if data.get("e") == "depthUpdate":
            self._diffs[line.file, line.number] = _Diff(line.local_ns, data["u"])
            last_id = self._last_ids.setdefault(data["s"], data["u"])
            self.gaps += data["U"] > last_id + 1
            self._last_ids[data["s"]] = max(last_id, data["u"])
        elif "e" not in data and "A" in data:
            top = Top(Decimal(data["b"]), Decimal(data["B"]), Decimal(data["a"]), Decimal(data["A"]))
            self._tickers.setdefault(data["s"], deque()).append((data["u"], top))


@dataclass
class _Comparison:
    """One listing's rows so far."""

    listing: ListingTable
    updates: int = 0
    rows: int = 0
    equal: int = 0
    crossed: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)

    def add(self, update: Depth, bbo: tuple[int | None, int, int | None, int], ticker: Top | None) -> None:
        """Compare the participant's best, in ticks and lots, with what the exchange said."""
        bid, bid_lots, ask, ask_lots = bbo
        self.updates += 1
        self.crossed += bid is not None and ask is not None and bid >= ask
        if ticker is None:
            return
        tick, lot = self.listing.tick, self.listing.lot
        book = Top(
            None if bid is None else bid * tick,
            bid_lots * lot,
            None if ask is None else ask * tick,
            ask_lots * lot,
        )
        self.rows += 1
        if book == ticker:
            self.equal += 1
        elif len(self.differences) < SHOWN_DIFFERENCES:
            found = {"book": [str(value) for value in book], "book_ticker": [str(value) for value in ticker]}
            self.differences.append({"file": update.file, "line": update.line, **found})


def check(
    files: Files,
    scenario: str | PathLike[str] | Mapping[str, Any] | Scenario | None = None,
    *,
    clock: str | None = None,
    engine: str | None = None,
    protocol: str | None = None,
) -> dict[str, Any]:
    """Replay captures without agents and compare the book with what the exchange proved it to be:
    `market-sim replay --check`. For Binance that is every bookTicker; for the others see `check_in_band`.

    `files`, `scenario`, `clock` and `protocol` as in `replay`. Keys of the result: `ok` (there were updates,
    at least 99.9 % of the rows are equal or, without a bookTicker, no id is missing, and the book never
    crossed; the command's exit code), `protocol`, `proof` (what continuity rests on), `checksum_ok`,
    `checksum_bad`, `checksum_absent`, `updates_applied`, `bbo_rows`, `bbo_equal`, `crossed`, `gaps` (breaks
    in the recorded update ids), `differences` (the first few, with file and line), `engine`, `clock`,
    `external` (the participant's counts per listing), `recording` (counts of the reading), `frames`,
    `wall_s`, `frames_per_s`. Raises DataError with file and line for what cannot be read, ScenarioError for
    a scenario that does not fit.
    """
    started = time.perf_counter()
    market = scenario_for(files, scenario, protocol=protocol)
    sources = [source for source in open_sources(files, market, protocol) if isinstance(source, Source)]
    if not sources:
        return check_in_band(files, market, clock=clock, engine=engine, protocol=protocol)
    flow = Flow(sources, clock_named(clock or market.replay.clock), market.replay.site_offset_ns)
    kernel, ids = kernel_without_agents(market, engine)
    flow.bind(kernel, ids)
    frames = [_Frames(source.capture.files) for source in sources]
    comparisons = {
        (listing.venue, listing.external): _Comparison(listing)
        for listing in market.listings
        if listing.external
    }
    while (pushed := flow.step()) is not None:
        stamped, now_ns = pushed
        notice = kernel.next(now_ns)
        assert notice is None, f"there is no agent to hear {notice}"
        update = stamped.update
        if isinstance(update, Depth) and not update.snapshot:
            place = sources[stamped.source].venue, update.symbol
            diff = frames[stamped.source].diff_at(update.file, update.line)
            ticker = frames[stamped.source].ticker_for(update.symbol, diff)
            comparisons[place].add(update, kernel.external_bbo(ids[place]), ticker)
    for source in frames:
        while source.advance():
            pass
    gaps = sum(source.gaps for source in frames)
    wall_s = time.perf_counter() - started
    read = sum(source.counts.frames for source in sources)
    return {
        **_verdict(list(comparisons.values()), gaps),
        "gaps": gaps,
        "engine": engine_name(engine),
        "clock": flow.clock,
        "scenario": market.name,
        "external": {f"{venue}:{symbol}": kernel.external_stats(ids[venue, symbol]) for venue, symbol in ids},
        "recording": flow.counts(),
        "frames": read,
        "wall_s": wall_s,
        "frames_per_s": read / wall_s,
    }


def _verdict(comparisons: list[_Comparison], gaps: int) -> dict[str, Any]:
    updates, rows, equal, crossed = (
        sum(getattr(comparison, name) for comparison in comparisons)
        for name in ("updates", "rows", "equal", "crossed")
    )
    # Without a ticker the ids are all that can be proven.
    proven = equal >= REQUIRED_SHARE * rows if rows else gaps == 0
    return {
        "ok": updates > 0 and proven and crossed == 0,
        "protocol": "binance",
        # Binance sends none; the keys are those of the other protocols.
        "checksum_ok": 0,
        "checksum_bad": 0,
        "checksum_absent": updates,
        "updates_applied": updates,
        "bbo_rows": rows,
        "bbo_equal": equal,
        "crossed": crossed,
        "proof": "update ids U and u"
        + (", and every bookTicker" if rows else "; no bookTicker was recorded"),
        "differences": [row for comparison in comparisons for row in comparison.differences],
    }
