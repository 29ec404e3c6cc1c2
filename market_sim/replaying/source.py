"""One venue's recording as a stream of updates: symbols told apart, numbers exact, books in step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from market_sim.errors import DataError
from market_sim.replaying.binance import Diff, Levels, Print, Record, Snapshot, parse
from market_sim.replaying.capture import FilePath, Line
from market_sim.replaying.grid import Grid, GridError
from market_sim.replaying.recording import StampedRecording
from market_sim.replaying.sync import BookSync
from market_sim.replaying.update import Depth, Trade, Update

# A REST order book names no symbol; the ids of two symbols lie further apart than half an hour of one's.
IDS_OF_ONE_SYMBOL = 1_000_000
# So many frames of other symbols only, and the file belongs to another scenario.
PATIENCE_FRAMES = 20_000
GRID_REMEDY = "Give the listing the tick and the lot of the recorded market."
LEVEL_REMEDY = 'Levels are texts, as in ["100.00", "1.5"]. Take the line out, or record again.'


@dataclass(slots=True)
class SourceCounts:
    """Frames of a recording by what became of them."""

    frames: int = 0
    trades: int = 0
    trades_repeated: int = 0
    trades_missing: int = 0
    trades_untrusted: int = 0
    other_frames: int = 0
    snapshots_unplaced: int = 0


@dataclass(slots=True)
class _Symbol:
    name: str
    grid: Grid
    sync: BookSync = field(default_factory=BookSync)
    last_trade_id: int = -1


class Source:
    """The recording of one venue. `grids` holds the symbols that are wanted, with their listings' steps."""

    def __init__(self, venue: str, files: Sequence[FilePath], grids: Mapping[str, Grid]) -> None:
        self.venue = venue
        self.capture = StampedRecording(files)
        self.counts = SourceCounts()
        self._symbols = {name: _Symbol(name, grid) for name, grid in grids.items()}
        self._last_ids: dict[str, int] = {}
        self._unplaced: list[tuple[Line, Snapshot]] = []

    @property
    def syncs(self) -> dict[str, BookSync]:
        """The state of each wanted symbol's book."""
        return {name: symbol.sync for name, symbol in self._symbols.items()}

    def updates(self) -> Iterator[Update]:
        """Every update in order of receipt. DataError with file and line for what cannot be read exactly."""
        for line in self.capture:
            self.counts.frames += 1
            record = parse(line)
            if isinstance(record, Diff):
                yield from self._on_diff(line, record)
            elif isinstance(record, Print):
                yield from self._on_trade(line, record)
            elif isinstance(record, Snapshot):
                yield from self._on_snapshot(line, record)
            else:
                self._on_other(record)
            if self.counts.frames == PATIENCE_FRAMES:
                self._assert_wanted()
        self.counts.snapshots_unplaced = len(self._unplaced)
        self._assert_wanted()
        for symbol in self._symbols.values():
            self._assert_snapshot(symbol)

    def _on_diff(self, line: Line, diff: Diff) -> Iterator[Depth]:
        self._last_ids[diff.symbol] = diff.last_id
        if self._unplaced:
            waiting, self._unplaced = self._unplaced, []
            for place, snapshot in waiting:
                # Readable as this symbol's book only now.
                yield from self._on_snapshot(place._replace(local_ns=line.local_ns), snapshot)
        symbol = self._symbols.get(diff.symbol)
        if symbol is None:
            self.counts.other_frames += 1
            return
        depth = self._depth(line, symbol, diff.exchange_ns, diff.first_id, diff.last_id, diff.bids, diff.asks)
        yield from symbol.sync.on_diff(depth)
        if symbol.sync.counts.diffs_lost:
            self._assert_snapshot(symbol)

    def _on_snapshot(self, line: Line, snapshot: Snapshot) -> Iterator[Depth]:
        name = self._symbol_of(line, snapshot)
        if name is None:
            self._unplaced.append((line, snapshot))
            return
        symbol = self._symbols.get(name)
        if symbol is None:
            self.counts.other_frames += 1
            return
        last_id = snapshot.last_id
        depth = self._depth(line, symbol, None, last_id, last_id, snapshot.bids, snapshot.asks)
        yield from symbol.sync.on_snapshot(depth._replace(snapshot=True))

    def _on_trade(self, line: Line, trade: Print) -> Iterator[Trade]:
        symbol = self._symbols.get(trade.symbol)
        if symbol is None:
            self.counts.other_frames += 1
            return
        last_id, symbol.last_trade_id = symbol.last_trade_id, max(symbol.last_trade_id, trade.trade_id)
        if trade.trade_id <= last_id:
            self.counts.trades_repeated += 1
            return
        if last_id >= 0:
            self.counts.trades_missing += trade.trade_id - last_id - 1
        try:
            price, size = symbol.grid.ticks[trade.price], symbol.grid.lots[trade.size]
            if size == 0:
                raise GridError("a trade of size 0")
        except GridError as error:
            raise DataError(f"{trade.symbol}: {error}", line.file, line.number, GRID_REMEDY) from error
        if not symbol.sync.trusted:
            # Whom it met cannot be told without a book: an agent would overtake a queue that nobody knows.
            self.counts.trades_untrusted += 1
            return
        self.counts.trades += 1
        place = (line.file, line.number, trade.symbol, line.local_ns, trade.exchange_ns)
        yield Trade(*place, trade.aggressor, price, size)

    def _on_other(self, record: Record | None) -> None:
        if record is None:
            self.counts.other_frames += 1

    def _depth(
        self,
        line: Line,
        symbol: _Symbol,
        exchange_ns: int | None,
        first: int,
        last: int,
        bids: Levels,
        asks: Levels,
    ) -> Depth:
        ticks, lots = symbol.grid.ticks, symbol.grid.lots
        prices, sizes = [], []
        try:
            for levels in (bids, asks):
                for price, size in levels:
                    prices.append(ticks[price])
                    sizes.append(lots[size])
        except GridError as error:
            raise DataError(f"{symbol.name}: {error}", line.file, line.number, GRID_REMEDY) from error
        except (TypeError, ValueError) as error:
            raise DataError(
                f"a level is no pair of price and quantity ({error})", line.file, line.number, LEVEL_REMEDY
            ) from error
        sides = [0] * len(bids) + [1] * len(asks)
        return Depth(
            line.file,
            line.number,
            symbol.name,
            line.local_ns,
            exchange_ns,
            False,
            first,
            last,
            sides,
            prices,
            sizes,
        )

    def _symbol_of(self, line: Line, snapshot: Snapshot) -> str | None:
        """The symbol whose update ids are near the snapshot's; None while no such symbol has been seen."""
        distances = sorted(
            (distance, name)
            for name, last_id in self._last_ids.items()
            if (distance := abs(last_id - snapshot.last_id)) <= IDS_OF_ONE_SYMBOL
        )
        if not distances:
            return None
        if len(distances) > 1 and distances[0][0] == distances[1][0]:
            raise DataError(
                f"the snapshot could belong to {distances[0][1]} or to {distances[1][1]}",
                line.file,
                line.number,
                "Record one symbol a file.",
            )
        return distances[0][1]

    def _assert_wanted(self) -> None:
        if self._last_ids.keys() & self._symbols.keys():
            return
        found = f"the file holds depth events of {', '.join(sorted(self._last_ids)) or 'nothing'}"
        raise DataError(
            f"{found}, the scenario wants {', '.join(self._symbols)}",
            self.capture.files[0],
            remedy=f"Choose a scenario whose listing at {self.venue} names a recorded symbol as `external`.",
        )

    def _assert_snapshot(self, symbol: _Symbol) -> None:
        if symbol.name in self._last_ids and symbol.sync.counts.snapshots == 0:
            raise DataError(
                f"no order book snapshot of {symbol.name} that its depth events continue",
                self.capture.files[0],
                remedy="Begin with the file that holds the REST snapshot (the line without `stream`).",
            )
