"""Books followed over many messages, by the rules of their protocols: in step and proven, or not trusted.

A book is trusted from a snapshot on, until an update does not continue it, a checksum differs, or its
connection ends. While best bid and ask cross it is kept but not shown. Everything that happens is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import NamedTuple

from market_sim.protocols import kraken, okx
from market_sim.protocols.ladder import Ladder
from market_sim.protocols.records import Book, Levels, Numbered, Precision, Print, Record, Subscribed
from market_sim.replaying.grid import FINEST_DECIMALS, GridError, scaled

# Repeated trades come with a reconnect, so the last few thousand are enough to know one again.
REMEMBERED_TRADES = 4096


class Change(NamedTuple):
    """What is to be done to a mirror of a book: levels as (side, price text, size text), 0 deletes.

    With `snapshot` everything else goes; an empty one says that the book cannot be trusted, or is crossed.
    """

    symbol: str
    snapshot: bool
    exchange_ns: int | None
    last_id: int
    levels: list[tuple[int, str, str]]


@dataclass(slots=True)
class KeptCounts:
    """What became of a symbol's messages."""

    snapshots: int = 0
    updates_applied: int = 0
    updates_ignored: int = 0
    updates_untrusted: int = 0
    gaps: int = 0
    crossed: int = 0
    checksum_ok: int = 0
    checksum_bad: int = 0
    checksum_absent: int = 0


class LadderSide(Ladder[tuple[int, str, str]]):
    """One side's levels, best first; prices and sizes as integers times 10^18 beside the texts sent."""

    def set(self, price: str, size: str) -> None:
        """Give a level another size; 0 takes it away, also one that is not there."""
        lots = scaled(size)
        self.put(scaled(price), (lots, price, size) if lots else None)

    def numbers(self, count: int) -> list[tuple[int, int]]:
        """(price, size) of the best levels, times 10^18."""
        return [(price, level[0]) for price, level in self.top(count)]

    def texts(self, count: int | None = None) -> Levels:
        """(price, size) of the best levels as they were sent."""
        return [level[1:] for _, level in self.top(count)]


@dataclass(slots=True)
class KeptBook:
    """One symbol: its levels, whether they can be trusted, and what was counted."""

    symbol: str
    counts: KeptCounts = field(default_factory=KeptCounts)
    bids: LadderSide = field(default_factory=lambda: LadderSide(-1))
    asks: LadderSide = field(default_factory=lambda: LadderSide(1))
    trusted: bool = False
    hidden: bool = False
    last_id: int = 0
    last_order: int = 0
    depth: int | None = None
    channel_depth: int | None = None
    decimals: tuple[int, int] | None = None
    precision_from: str = "none"
    """Where the decimals under a checksum come from: the exchange ("instrument"), or the data."""

    def apply(self, record: Book) -> list[tuple[int, str, str]]:
        """Set the levels of a message; gives what changed, with what fell off the end of the book."""
        changed = [
            (side, price, size)
            for side, levels in enumerate((record.bids, record.asks))
            for price, size in levels
        ]
        for side, price, size in changed:
            (self.asks if side else self.bids).set(price, size)
        if self.depth is not None:
            for side, ladder in enumerate((self.bids, self.asks)):
                changed += [(side, price, "0") for _, price, _ in ladder.cut(self.depth)]
        return changed

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is not below the best ask."""
        bid, ask = self.bids.best, self.asks.best
        return bid is not None and ask is not None and bid >= ask

    def whole(self, exchange_ns: int | None) -> Change:
        """The book as it stands."""
        levels = [
            (side, price, size)
            for side, ladder in enumerate((self.bids, self.asks))
            for price, size in ladder.texts()
        ]
        return Change(self.symbol, True, exchange_ns, self.last_id, levels)

    def nothing(self, exchange_ns: int | None) -> Change:
        """An empty book in its place."""
        return Change(self.symbol, True, exchange_ns, self.last_id, [])


class Keeper:
    """All books of one venue's recording."""

    def __init__(self, protocol: ModuleType) -> None:
        self.books: dict[str, KeptBook] = {}
        self.sequence_gaps = 0
        self.trades_repeated = 0
        self._protocol = protocol
        self._number: int | None = None
        self._last_trade: dict[str, int] = {}
        self._seen_trades: dict[str, None] = {}

    @property
    def numbered(self) -> bool:
        """Whether messages carry numbers of their connection."""
        return self._number is not None

    def book(self, symbol: str) -> KeptBook:
        """The book of a symbol, empty and untrusted at first."""
        return self.books.setdefault(symbol, KeptBook(symbol))

    def connected(self) -> Iterator[Change]:
        """A new connection: what the old one said is no longer followed up."""
        self._number = None
        for book in self.books.values():
            if book.trusted:
                book.trusted = False
                yield book.nothing(None)

    def take(self, record: Record) -> Iterator[Change | Print]:
        """What follows from a record: changes of books, and trades that are news. GridError for a number that
        is no plain decimal.
        """
        if isinstance(record, Book):
            yield from self._on_book(record)
        elif isinstance(record, Print):
            if not record.history and self._is_new(record):
                yield record
        elif isinstance(record, Precision):
            book = self.book(record.symbol)
            book.decimals = record.price_decimals, record.size_decimals
            book.precision_from = "instrument"
        elif isinstance(record, Subscribed):
            self.book(record.symbol).depth = record.depth
        else:
            yield from self._on_number(record)

    def _on_number(self, record: Numbered) -> Iterator[Change]:
        last, self._number = self._number, record.number
        if last is None or record.number in (last, last + 1):
            # Heard twice: sizes are absolute and trades have ids, so nothing of it counts twice.
            return
        if record.number != 0:
            # Something of this connection is missing, and it may have been about any of its books.
            self.sequence_gaps += 1
            for book in self.books.values():
                book.counts.gaps += book.trusted
        number = self._number
        yield from self.connected()
        self._number = number

    def _is_new(self, trade: Print) -> bool:
        if trade.trade_id.isdigit():
            found, last = int(trade.trade_id), self._last_trade.get(trade.symbol, -1)
            self._last_trade[trade.symbol] = max(found, last)
            new = found > last
        else:
            key = f"{trade.symbol} {trade.trade_id}"
            new = key not in self._seen_trades
            self._seen_trades[key] = None
            if len(self._seen_trades) > REMEMBERED_TRADES:
                del self._seen_trades[next(iter(self._seen_trades))]
        self.trades_repeated += not new
        return new

    # -- books

    def _on_book(self, record: Book) -> Iterator[Change]:
        book = self.book(record.symbol)
        if record.depth is not None:
            if book.channel_depth is not None and record.depth < book.channel_depth:
                book.counts.updates_ignored += 1
                return
            book.channel_depth = record.depth
        if record.snapshot:
            yield from self._on_snapshot(book, record)
        elif not book.trusted and not len(book.bids) and not len(book.asks):
            book.counts.updates_untrusted += 1
        else:
            yield from self._on_update(book, record)

    def _on_snapshot(self, book: KeptBook, record: Book) -> Iterator[Change]:
        book.counts.snapshots += 1
        book.bids.clear()
        book.asks.clear()
        book.trusted, book.hidden = True, False
        book.last_id, book.last_order = record.last_id, record.order
        if self._protocol is kraken:
            _note_shape(book, record)
        book.apply(record)
        if not self._proven(book, record):
            yield book.nothing(record.exchange_ns)
            return
        yield from self._shown(book, record, None)

    def _on_update(self, book: KeptBook, record: Book) -> Iterator[Change]:
        # A lower id in a later message: ids have begun anew, and the snapshot that says so is missing.
        anew = record.last_id < book.last_id and record.order > book.last_order
        if record.repeats and record.last_id <= book.last_id and not anew:
            book.counts.updates_ignored += 1
            return
        if book.trusted and record.previous_id is not None and record.previous_id != book.last_id:
            book.counts.gaps += 1
            book.trusted = False
            yield book.nothing(record.exchange_ns)
        book.last_id, book.last_order = record.last_id, record.order
        changed = book.apply(record)
        was_trusted = book.trusted
        # Also without trust: how many later messages disagree tells a lost message from a wrong checksum.
        proven = self._proven(book, record)
        if not was_trusted:
            book.counts.updates_untrusted += 1
        elif not proven:
            book.counts.gaps += 1
            yield book.nothing(record.exchange_ns)
        else:
            book.counts.updates_applied += 1
            yield from self._shown(book, record, changed)

    def _shown(
        self, book: KeptBook, record: Book, changed: list[tuple[int, str, str]] | None
    ) -> Iterator[Change]:
        if book.is_crossed:
            book.counts.crossed += 1
            if not book.hidden:
                yield book.nothing(record.exchange_ns)
            book.hidden = True
        elif changed is None or book.hidden:
            book.hidden = False
            yield book.whole(record.exchange_ns)
        else:
            yield Change(book.symbol, False, record.exchange_ns, book.last_id, changed)

    def _proven(self, book: KeptBook, record: Book) -> bool:
        """Whether the checksum agrees, or there is none; a disagreement ends the trust."""
        if record.checksum is None:
            book.counts.checksum_absent += 1
            return True
        if self._checksum(book, record) == record.checksum:
            book.counts.checksum_ok += 1
            return True
        book.counts.checksum_bad += 1
        book.trusted = False
        return False

    def _checksum(self, book: KeptBook, record: Book) -> int:
        if self._protocol is okx:
            return okx.checksum(book.bids.texts(okx.CHECKED_LEVELS), book.asks.texts(okx.CHECKED_LEVELS))
        assert self._protocol is kraken, f"{self._protocol.__name__} has no checksum"
        assert book.decimals is not None, "decimals are noted with the first snapshot"
        found = _kraken_checksum(book, *book.decimals)
        if found != record.checksum and record.snapshot and book.precision_from != "instrument":
            # A recorder that reads numbers as floats writes them without the zeros at their end.
            for decimals in _candidates(book.decimals):
                if _kraken_checksum(book, *decimals) == record.checksum:
                    book.decimals, book.precision_from = decimals, "checksum"
                    return record.checksum
        return found


def _note_shape(book: KeptBook, record: Book) -> None:
    """Depth and decimals of a Kraken book that nobody stated: the least that its snapshot can have."""
    if book.depth is None:
        longest = max(len(record.bids), len(record.asks))
        book.depth = next((depth for depth in kraken.DEPTHS if depth >= longest), kraken.DEPTHS[-1])
    if book.precision_from in ("none", "digits"):
        levels = [*record.bids, *record.asks]
        seen = [max((len(level[part].partition(".")[2]) for level in levels), default=0) for part in (0, 1)]
        book.decimals, book.precision_from = (seen[0], seen[1]), "digits"


def _candidates(least: tuple[int, int]) -> Iterator[tuple[int, int]]:
    for price in range(least[0], 13):
        for size in range(least[1], 13):
            yield price, size


def _kraken_checksum(book: KeptBook, price_decimals: int, size_decimals: int) -> int:
    if max(price_decimals, size_decimals) > FINEST_DECIMALS:
        raise GridError(f"{book.symbol} has more than {FINEST_DECIMALS} decimals")
    levels = kraken.CHECKED_LEVELS
    drop_price, drop_size = 10 ** (FINEST_DECIMALS - price_decimals), 10 ** (FINEST_DECIMALS - size_decimals)
    return kraken.checksum(book.bids.numbers(levels), book.asks.numbers(levels), drop_price, drop_size)
