"""Which live books: `kraken:BTC/USD`, with the grid that their numbers lie on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from market_sim.engine import feed_module
from market_sim.errors import DataError, MarketSimError
from market_sim.protocols import PROTOCOLS
from market_sim.protocols.symbols import split_symbol, symbol_name
from market_sim.scenario import Scenario
from market_sim.units import UnitsError, exact_decimal

FORM = 'Write VENUE:BASE/QUOTE, as in "kraken:BTC/USD", or with a grid "kraken:BTC/USD@TICK/LOT".'

Fetch = Callable[[str, str], tuple[str, str]]


class Wanted(NamedTuple):
    """A book asked for: the venue's name in the connector, its spelling of the symbol, the assets, and the
    grid where one was given.
    """

    venue: str
    symbol: str
    base: str
    quote: str
    grid: tuple[Decimal, Decimal] | None = None

    @property
    def place(self) -> str:
        """The venue's name in a scenario."""
        return self.venue.upper()


class Subscription(NamedTuple):
    """A book to follow, with its grid: whole ticks and lots from here on."""

    venue: str
    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal

    @property
    def place(self) -> str:
        """The venue's name in a scenario."""
        return self.venue.upper()

    @property
    def instrument(self) -> str:
        """BASE/QUOTE."""
        return f"{self.base}/{self.quote}"

    @property
    def row(self) -> tuple[str, str, str, str]:
        """What the connector takes."""
        return self.venue, self.symbol, f"{self.tick:f}", f"{self.lot:f}"


def read_wanted(text: str) -> Wanted:
    """A book from its text; DataError says the form."""
    named, _, grid = text.partition("@")
    venue, _, symbol = named.partition(":")
    venue = venue.lower()
    if venue not in PROTOCOLS or not symbol:
        raise DataError(f"found {text!r}", "feed", remedy=f"{FORM} Venues: {', '.join(PROTOCOLS)}.")
    base, quote = split_symbol(symbol.upper())
    return Wanted(venue, symbol_name(base, quote, venue), base, quote, _grid(grid) if grid else None)


def _grid(text: str) -> tuple[Decimal, Decimal]:
    parts = text.split("/")
    try:
        tick, lot = (exact_decimal(part) for part in parts)
    except (ValueError, UnitsError) as error:
        raise DataError(f"found the grid {text!r}", "feed", remedy=FORM) from error
    if tick <= 0 or lot <= 0:
        raise DataError(f"found the grid {text!r}", "feed", remedy="Tick and lot are above 0.")
    return tick, lot


def with_grids(
    wanted: Sequence[Wanted], plan: Scenario, rest_urls: Mapping[str, str], fetch: Fetch | None = None
) -> list[Subscription]:
    """Give every book its grid: the one written, else that of the scenario's listing, else the venue's own,
    asked over REST. DataError where nobody says it.
    """
    listed = {(table.venue, table.external): table for table in plan.listings if table.external}
    found = []
    for book in wanted:
        table = listed.get((book.place, book.symbol))
        if book.grid is not None:
            grid = book.grid
        elif table is not None:
            grid = table.tick, table.lot
        else:
            grid = _fetched(book, rest_urls, fetch)
        found.append(Subscription(*book[:4], *grid))
    return found


def _fetched(book: Wanted, rest_urls: Mapping[str, str], fetch: Fetch | None) -> tuple[Decimal, Decimal]:
    try:
        if fetch is not None:
            tick, lot = fetch(book.venue, book.symbol)
        else:
            tick, lot = feed_module().fetch_instrument(book.venue, book.symbol, rest_urls.get(book.venue))
        return Decimal(tick), Decimal(lot)
    except MarketSimError:
        raise
    except (ValueError, OSError, RuntimeError, ArithmeticError) as error:
        raise DataError(
            f"{book.venue} does not say the tick and lot of {book.symbol} ({error})",
            "feed",
            remedy=f"Check network and symbol, or write {book.venue}:{book.base}/{book.quote}@TICK/LOT.",
        ) from error
