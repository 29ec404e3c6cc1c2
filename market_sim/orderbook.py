"""A read-only order book by price (L2), and its reading from the JSON that exchanges publish."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from market_sim.errors import DataError

# Prices and sizes of real markets lie far inside; what lies outside is another unit or a broken text.
LARGEST_DIGITS = 30
FORM = 'Give {"bids": [[price, size], ...], "asks": [[price, size], ...]}.'
PRICE_KEYS = ("price", "px", "p")
SIZE_KEYS = ("size", "qty", "quantity", "amount", "sz", "q")


class Level(NamedTuple):
    """One price level, in instrument units, for reading."""

    price: float
    size: float


class ExactLevel(NamedTuple):
    """One price level with the decimals that were written."""

    price: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """A snapshot of resting sizes by price, best first on both sides; it does not change.

    `bids` and `asks` are for reading (floats, each the nearest to the decimal that was written); `exact_bids`
    and `exact_asks` hold the decimals themselves, and everything computed from a book uses those.
    """

    exact_bids: tuple[ExactLevel, ...]
    exact_asks: tuple[ExactLevel, ...]

    @property
    def bids(self) -> tuple[Level, ...]:
        """(price, size) of the bids, highest price first."""
        return tuple(Level(float(price), float(size)) for price, size in self.exact_bids)

    @property
    def asks(self) -> tuple[Level, ...]:
        """(price, size) of the asks, lowest price first."""
        return tuple(Level(float(price), float(size)) for price, size in self.exact_asks)

    @property
    def best_bid(self) -> Level | None:
        """The highest bid; None on an empty side."""
        return self.bids[0] if self.exact_bids else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask; None on an empty side."""
        return self.asks[0] if self.exact_asks else None

    @property
    def mid(self) -> float | None:
        """Half way between best bid and best ask, in quote units; None when a side is empty."""
        if not (self.exact_bids and self.exact_asks):
            return None
        return float((self.exact_bids[0].price + self.exact_asks[0].price) / 2)

    @property
    def spread(self) -> float | None:
        """Best ask minus best bid, in quote units; None when a side is empty."""
        if not (self.exact_bids and self.exact_asks):
            return None
        return float(self.exact_asks[0].price - self.exact_bids[0].price)

    @property
    def crossed(self) -> bool:
        """Whether the best bid is above the best ask: no market in which one could trade at these prices."""
        if not (self.exact_bids and self.exact_asks):
            return False
        return self.exact_bids[0].price > self.exact_asks[0].price


def parse_orderbook(text: str | bytes) -> OrderBook:
    """The order book in a JSON text: `{"bids": [[price, size], ...], "asks": [...]}`.

    Prices and sizes may be numbers or texts and are read as the decimals written, never through a binary
    float. A level may carry more (a count of orders) or be an object with `price` and `size` (or `qty`);
    levels may come in any order; a size of 0 says that nothing rests there. Other keys of the text are not
    looked at.

    Raises DataError naming side and level for a text that is no JSON, a missing side, a price that is not
    above 0, a negative size, a price given twice, or anything that is no finite number.
    """
    if not isinstance(text, str | bytes | bytearray):
        raise DataError(f"found {type(text).__name__}", "order book", remedy="Give the JSON as text.")
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise DataError(f"this is no JSON ({error})", "order book", remedy=FORM) from error
    if not isinstance(found, dict):
        raise DataError("this JSON is no object", "order book", remedy=FORM)
    return OrderBook(
        tuple(sorted(_side(found, "bids"), key=lambda level: -level.price)),
        tuple(sorted(_side(found, "asks"), key=lambda level: level.price)),
    )


def _side(found: Mapping[str, Any], name: str) -> list[ExactLevel]:
    rows = found.get(name)
    if not isinstance(rows, list):
        raise DataError(f"no list of {name}", "order book", remedy=FORM)
    levels: dict[Decimal, ExactLevel] = {}
    for number, row in enumerate(rows):
        place = f"order book, {name}[{number}]"
        price, size = (_decimal(part, place) for part in _parts(row, place))
        if price <= 0:
            raise DataError(f"the price {price} is not above 0", place, remedy=FORM)
        if size < 0:
            raise DataError(f"the size {size} is negative", place, remedy=FORM)
        if price in levels:
            raise DataError(f"the price {price} stands there twice", place, remedy="Give each price once.")
        levels[price] = ExactLevel(price, size)
    return [level for level in levels.values() if level.size]


def _parts(row: Any, place: str) -> tuple[Any, Any]:
    if isinstance(row, list) and len(row) >= 2:
        return row[0], row[1]
    if isinstance(row, dict):
        price = next((row[key] for key in PRICE_KEYS if key in row), None)
        size = next((row[key] for key in SIZE_KEYS if key in row), None)
        if price is not None and size is not None:
            return price, size
    raise DataError("this is no pair of price and size", place, remedy=FORM)


def _decimal(part: Any, place: str) -> Decimal:
    try:
        value = Decimal(part) if isinstance(part, str) else None
    except InvalidOperation:
        value = None
    if value is None or not value.is_finite() or (value and abs(value.adjusted()) > LARGEST_DIGITS):
        raise DataError(f"{str(part)[:40]!r} is no finite number of a market's size", place, remedy=FORM)
    return value
