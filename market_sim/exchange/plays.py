"""What an exchange plays: a capture as it was received, or a simulation as it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from market_sim.engine import Side
from market_sim.errors import ScenarioError
from market_sim.exchange.board import Board, Changes, Depth, Event, Quoted, Trade
from market_sim.market import Market
from market_sim.protocols.symbols import symbol_name
from market_sim.replaying.clocks import ClockCounts, on_local_clock
from market_sim.replaying.recordings import WATCH, open_sources, protocol_of, scenario_for
from market_sim.replaying.update import Depth as RecordedDepth
from market_sim.scenario import Scenario, load
from market_sim.units import duration_ns

# How finely a simulation is published: the pace of Binance's depth stream.
SLICE_NS = 100_000_000
# More levels than any channel shows.
ALL_LEVELS = 10_000

logger = logging.getLogger("market_sim.exchange")


class Play(Protocol):
    """A market over time."""

    board: Board
    notes: list[str]
    """What whoever serves it should know."""

    def events(self) -> Iterator[tuple[int, list[Event]]]:
        """(time in ns, what happens at it), times rising."""


def open_play(
    source: str,
    protocol: str,
    *,
    venue: str | None = None,
    seed: int | None = None,
    until: str | int | None = None,
    engine: str | None = None,
    overrides: Iterable[str] = (),
) -> CapturePlay | SimulationPlay:
    """A capture where `source` is a file that is no TOML, else the scenario of that name or file.

    `venue` chooses among a scenario's venues (default: its first). Raises DataError and ScenarioError.
    """
    path = Path(source)
    if path.is_file() and path.suffix != ".toml":
        return CapturePlay([source], protocol)
    return SimulationPlay(
        load(source, overrides), protocol, venue=venue, seed=seed, until=until, engine=engine
    )


class CapturePlay:
    """A capture, whatever protocol it was recorded in, with its update ids."""

    def __init__(self, files: Sequence[str], protocol: str) -> None:
        self._files = list(files)
        recorded = protocol_of(self._files)
        plan = scenario_for(self._files, WATCH)
        self._symbols: dict[str, str] = {}
        quoted = []
        for listing in plan.listings:
            assert listing.external is not None, "a market to watch lists recorded symbols alone"
            base, quote = _assets(plan, listing.instrument)
            # In its own protocol a symbol keeps its spelling.
            name = listing.external if recorded == protocol else symbol_name(base, quote, protocol)
            self._symbols[listing.external] = name
            quoted.append(Quoted(name, base, quote, listing.tick, listing.lot))
        self.board = Board(quoted)
        # It says which recorded symbols could not come along.
        self.notes = [plan.description]
        self._plan = plan

    def events(self) -> Iterator[tuple[int, list[Event]]]:
        """Every update at its receive stamp."""
        streams = [source.updates() for source in open_sources(self._files, self._plan)]
        for stamped in on_local_clock(streams, ClockCounts()):
            update = stamped.update
            symbol = self._symbols[update.symbol]
            if isinstance(update, RecordedDepth):
                sides = _sides(update.sides, update.prices, update.sizes)
                ids = update.first_id, update.last_id
                yield stamped.time_ns, [Depth(symbol, update.snapshot, *sides, *ids)]
            else:
                yield stamped.time_ns, [Trade(symbol, update.aggressor, update.price, update.size)]


class SimulationPlay:
    """A scenario, run while it is served; the same seed gives the same market as `market-sim run`."""

    def __init__(
        self,
        scenario: Scenario,
        protocol: str,
        *,
        venue: str | None = None,
        seed: int | None = None,
        until: str | int | None = None,
        engine: str | None = None,
    ) -> None:
        self.venue = next(iter(scenario.venues)) if venue is None else venue
        if self.venue not in scenario.venues:
            raise ScenarioError(f"no venue {venue!r}", "exchange", f"Venues: {', '.join(scenario.venues)}.")
        self.market = Market(scenario, seed=seed, engine=engine)
        self.market.kernel.set_tape(True, False, False)
        self.market.tape.take_fresh_trades()  # they are noted from the first call on
        self.notes: list[str] = []
        if until is not None:
            self.market.end_ns = duration_ns(until)
        self._listings = [listing for listing in self.market.listings if listing.venue == self.venue]
        self._names = {
            listing.id: symbol_name(listing.base, listing.quote, protocol) for listing in self._listings
        }
        self.board = Board(
            Quoted(self._names[listing.id], listing.base, listing.quote, listing.tick, listing.lot)
            for listing in self._listings
        )

    def events(self) -> Iterator[tuple[int, list[Event]]]:
        """The market's trades and changes of its books, ten times a simulated second.

        It stops an instant before the session's end, which would cancel every order.
        """
        market, end_ns = self.market, self.market.end_ns - 1
        now_ns = 0
        while now_ns < end_ns:
            now_ns = min(now_ns + SLICE_NS, end_ns)
            market.step_to(now_ns)
            yield now_ns, [*self._trades(), *self._depths()]

    def _trades(self) -> Iterator[Trade]:
        market = self.market
        market.tape.collect(market.kernel)
        for _, number, price, size, aggressor, *_ in market.tape.take_fresh_trades():
            if number in self._names:
                yield Trade(self._names[number], Side(aggressor), price, size)

    def _depths(self) -> Iterator[Depth]:
        for listing in self._listings:
            symbol = self._names[listing.id]
            quoted = self.board.symbols[symbol]
            sides: list[Changes] = []
            for side, ladder in ((Side.BUY, quoted.bids), (Side.SELL, quoted.asks)):
                rows = self.market.kernel.true_depth(listing.id, int(side), ALL_LEVELS)
                after = {row[0]: row[1] for row in rows}
                gone = [(price, 0) for price, _ in ladder.top() if price not in after]
                sides.append(
                    gone + [(price, lots) for price, lots in after.items() if ladder.get(price) != lots]
                )
            if sides[0] or sides[1]:
                yield Depth(symbol, False, sides[0], sides[1])


def _assets(plan: Scenario, instrument: str) -> tuple[str, str]:
    table = plan.instruments[instrument]
    return table.base, table.quote


def _sides(sides: Sequence[int], prices: Sequence[int], sizes: Sequence[int]) -> tuple[Changes, Changes]:
    told: tuple[Changes, Changes] = ([], [])
    for side, price, size in zip(sides, prices, sizes, strict=True):
        told[side].append((price, size))
    return told
