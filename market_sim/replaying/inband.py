"""One venue's recording as a stream of updates, for protocols whose books come in band (all but Binance)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from market_sim.errors import DataError
from market_sim.protocols import READERS
from market_sim.protocols.records import Book, Print, Record, WireError, decode
from market_sim.replaying.capture import FilePath
from market_sim.replaying.grid import Grid, GridError
from market_sim.replaying.keeping import Change, Keeper, KeptBook, KeptCounts
from market_sim.replaying.recording import Recording, Wire
from market_sim.replaying.source import GRID_REMEDY, PATIENCE_FRAMES, SourceCounts
from market_sim.replaying.update import Depth, Trade, Update

REMEDY = "Cut the line out, or record again; every other line can stay."
SILENT_FRAMES = ("ping", "pong")


class Top(NamedTuple):
    """Best prices of a kept book, in ticks; None for an empty side, or one that is not shown."""

    bid: int | None
    ask: int | None


@dataclass(slots=True)
class Kept:
    """What a symbol's book went through, in the shape that other recordings' counts have."""

    book: KeptBook

    @property
    def counts(self) -> KeptCounts:
        """Messages of the symbol by what became of them."""
        return self.book.counts


def read_records(protocol: str, wire: Wire) -> list[Record]:
    """What a recorded message says; DataError with its file and line where it cannot be read."""
    if wire.frame in SILENT_FRAMES:
        return []
    try:
        return READERS[protocol].read(decode(wire.frame))
    except WireError as error:
        raise DataError(f"{protocol}: {error}", wire.file, wire.number, REMEDY) from error


class InBandSource:
    """The recording of one venue. `grids` holds the symbols that are wanted, with their listings' steps."""

    def __init__(
        self, venue: str, files: Sequence[FilePath], grids: Mapping[str, Grid], protocol: str
    ) -> None:
        self.venue = venue
        self.protocol = protocol
        self.capture = Recording(files)
        self.counts = SourceCounts()
        self.keeper = Keeper(READERS[protocol])
        self.tops: dict[tuple[str, int, str], deque[Top]] | None = None
        self._grids = dict(grids)
        self._seen: set[str] = set()
        self._latest_ns = 0
        self._unstamped: list[Wire] = []

    @property
    def syncs(self) -> dict[str, Kept]:
        """The state of each wanted symbol's book."""
        return {name: Kept(self.keeper.book(name)) for name in self._grids}

    def updates(self) -> Iterator[Update]:
        """Every update in order of receipt. DataError with file and line for what cannot be read exactly."""
        for wire in self.capture.wires():
            if wire.opened:
                yield from self._depths(wire, self.keeper.connected())
                continue
            self.counts.frames += 1
            records = read_records(self.protocol, wire)
            stamp_ns = wire.local_ns if wire.local_ns is not None else _exchange_ns(records)
            if stamp_ns is None and not self._latest_ns:
                # Nothing has told the time yet: it happens with the first message that does.
                self._unstamped.append(wire)
            else:
                yield from self._on_time(wire, records, stamp_ns)
            if self.counts.frames == PATIENCE_FRAMES:
                self._assert_wanted()
        self._assert_wanted()

    def _on_time(self, wire: Wire, records: list[Record], stamp_ns: int | None) -> Iterator[Update]:
        self._latest_ns = max(self._latest_ns, stamp_ns or 0)
        waiting, self._unstamped = self._unstamped, []
        for before in waiting:
            yield from self._on_records(before, read_records(self.protocol, before))
        yield from self._on_records(wire, records)

    def _on_records(self, wire: Wire, records: list[Record]) -> Iterator[Update]:
        wanted = False
        for record in records:
            symbol = getattr(record, "symbol", None)
            if isinstance(record, Book):
                self._seen.add(record.symbol)
            if symbol is not None and symbol not in self._grids:
                continue
            wanted = wanted or symbol is not None
            try:
                for found in self.keeper.take(record):
                    if isinstance(found, Change):
                        yield self._depth(wire, found)
                    else:
                        yield from self._trade(wire, found)
            except GridError as error:
                raise DataError(f"{symbol}: {error}", wire.file, wire.number, GRID_REMEDY) from error
        self.counts.other_frames += not wanted
        self.counts.trades_repeated = self.keeper.trades_repeated

    def _depths(self, wire: Wire, changes: Iterator[Change]) -> Iterator[Depth]:
        for change in changes:
            if change.symbol in self._grids:
                yield self._depth(wire, change)

    def _depth(self, wire: Wire, change: Change) -> Depth:
        grid = self._grids[change.symbol]
        prices = [grid.ticks[price] for _, price, _ in change.levels]
        sizes = [grid.lots[size] for _, _, size in change.levels]
        if self.tops is not None:
            place = wire.file, wire.number, change.symbol
            self.tops.setdefault(place, deque()).append(self._top(change))
        return Depth(
            wire.file,
            wire.number,
            change.symbol,
            self._stamp(wire),
            change.exchange_ns,
            change.snapshot,
            change.last_id,
            change.last_id,
            [side for side, _, _ in change.levels],
            prices,
            sizes,
        )

    def _top(self, change: Change) -> Top:
        book, grid = self.keeper.book(change.symbol), self._grids[change.symbol]
        if change.snapshot and not change.levels:
            return Top(None, None)
        bid, ask = ([grid.ticks[price] for price, _ in ladder.texts(1)] for ladder in (book.bids, book.asks))
        return Top(bid[0] if bid else None, ask[0] if ask else None)

    def _trade(self, wire: Wire, found: Print) -> Iterator[Trade]:
        book = self.keeper.book(found.symbol)
        if not book.trusted or book.hidden:
            self.counts.trades_untrusted += 1
            return
        grid = self._grids[found.symbol]
        price, size = grid.ticks[found.price], grid.lots[found.size]
        if size == 0:
            raise GridError("a trade of size 0")
        self.counts.trades += 1
        place = (wire.file, wire.number, found.symbol, self._stamp(wire), found.exchange_ns)
        yield Trade(*place, found.aggressor, price, size)

    def _stamp(self, wire: Wire) -> int:
        return self._latest_ns if wire.local_ns is None else wire.local_ns

    def _assert_wanted(self) -> None:
        if self._seen & self._grids.keys():
            return
        found = f"the recording holds books of {', '.join(sorted(self._seen)) or 'nothing'}"
        raise DataError(
            f"{found}, the scenario wants {', '.join(self._grids)}",
            self.capture.files[0],
            remedy=f"Choose a scenario whose listing at {self.venue} names a recorded symbol as `external`, "
            "or another --protocol.",
        )


def _exchange_ns(records: Sequence[Record]) -> int | None:
    stamps = [record.exchange_ns for record in records if isinstance(record, Book | Print)]
    return max((stamp for stamp in stamps if stamp is not None), default=None)
