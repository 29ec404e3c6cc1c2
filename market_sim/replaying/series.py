"""Quotes, trades, bars and closes from CSV: recordings without a book, and the rules that make one of them.

No such file knows queues. What is offered is one level a side, as each form allows:

- quotes: the recorded best bid and ask with their sizes; a resting order trades when the other side's quote
  reaches it, up to the quote's size.
- trades: each trade reaches agents who quote better, or stand ahead at its price; then a quote stands around
  it: the aggressor's price on its side, the other side `spread_bps` (at least a tick) away. A trade without a
  side takes it from the tick rule (Lee and Ready 1991): up is a buy, down a sale, unchanged as the last.
- bars: a quote `spread_bps` wide around the open at the bar's start, then the extreme nearer to the open and
  the other one at one and two thirds of it, then the close. The order of the extremes is a guess.
- closes: a quote around each close at its stamp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import fspath
from typing import Any

import numpy as np
import polars as pl

from market_sim.engine import FlowKind
from market_sim.errors import DataError
from market_sim.records import FLOW, LAST, SNAPSHOT
from market_sim.replaying.blocks import blocks, first_line
from market_sim.replaying.capture import FilePath
from market_sim.replaying.columns import (
    MOST_LOTS,
    MOST_TICKS,
    Lines,
    decimals_in,
    find_columns,
    line_of,
    never_backwards,
    numbers,
    refuse_derivatives,
    step_of,
    times_ns,
)
from market_sim.replaying.rows import RowCounts, Rows, Terms
from market_sim.replaying.symbols import base_and_quote

TIME = ("time", "timestamp", "date", "datetime", "ts", "time_ns")
SYMBOL = ("symbol", "instrument", "ticker", "pair")
SIZE = ("size", "quantity", "qty", "amount", "volume")
COLUMNS: dict[str, dict[str, Sequence[str]]] = {
    "quotes": {
        "time": TIME,
        "symbol": SYMBOL,
        "bid": ("bid", "bid_price", "bidprice"),
        "ask": ("ask", "ask_price", "askprice", "offer"),
        "bid_size": ("bid_size", "bidsize", "bid_qty", "bid_amount", "bid_volume"),
        "ask_size": ("ask_size", "asksize", "ask_qty", "ask_amount", "ask_volume"),
    },
    "trades": {
        "time": TIME,
        "symbol": SYMBOL,
        "price": ("price", "px"),
        "size": SIZE,
        "side": ("side", "aggressor"),
    },
    "bars": {
        "time": TIME,
        "symbol": SYMBOL,
        "open": ("open",),
        "high": ("high",),
        "low": ("low",),
        "close": ("close",),
        "volume": ("volume",),
    },
}
OPTIONAL = ("symbol", "bid_size", "ask_size", "size", "side", "volume")
PRICES = {"quotes": ("bid", "ask"), "trades": ("price",), "bars": ("open", "high", "low", "close")}
SIZES = {"quotes": ("bid_size", "ask_size"), "trades": ("size",), "bars": ("volume",)}
VENUE = "FILE"
DEFAULTS: dict[str, Any] = {
    "spread_bps": 2.0,
    "size": 1000.0,
    "divide_prices_by": 1.0,
    "quote": None,
    "symbol": None,
}
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Form:
    """A file's form, its columns by our names, and the symbol its rows are of (None: it has a column)."""

    name: str
    columns: Mapping[str, str]
    only: str | None


class SeriesSource:
    """One symbol of a CSV file as flow of one level a side."""

    def __init__(self, file: str, form: Form, symbol: str, terms: Terms, options: Mapping[str, Any]) -> None:
        self.protocol = form.name
        self.terms = terms
        self.files = [file]
        self.counts = RowCounts()
        self._form = form
        self._symbol = symbol
        self._options = options
        self._tick, self._lot = float(terms.tick), float(terms.lot)
        self._last_ns = 0
        self._side = 0
        self._last_ticks = 0

    def last_ns(self) -> int:
        """The stamp of the last row and the length of a bar."""
        if not self._last_ns:
            for first, block in blocks(self.files[0]):
                self._last_ns = int(times_ns(block[self._form.columns["time"]], self.files[0], first).max())
        return self._last_ns + (DAY_NS if self._form.name == "bars" else 0)

    def batches(self) -> Iterator[Rows]:
        """The symbol's rows as FLOW rows."""
        make = {"quotes": self._quotes, "trades": self._trades, "bars": self._bars}.get(
            self._form.name, self._closes
        )
        latest, bar_ns = 0, self._bar_ns()
        for first, block in blocks(self.files[0]):
            own, lines = _of_symbol(first, block, self._form, self._symbol)
            if not len(own):
                continue
            times = times_ns(own[self._form.columns["time"]], self.files[0], lines)
            times, moved = never_backwards(times, latest)
            self.counts.backward_stamps += moved
            latest = int(times[-1])
            rows = make(own, times, lines, bar_ns)
            rows["time_ns"] = np.maximum.accumulate(rows["time_ns"])
            yield rows

    def _bar_ns(self) -> int:
        """The length of a bar: the most frequent step between the first stamps."""
        if self._form.name != "bars":
            return 0
        block, lines = _of_symbol(*next(blocks(self.files[0])), self._form, self._symbol)
        steps = np.diff(times_ns(block[self._form.columns["time"]], self.files[0], lines))
        steps = steps[steps > 0]
        if not len(steps):
            return DAY_NS
        values, seen = np.unique(steps, return_counts=True)
        return int(values[int(np.argmax(seen))])

    def _column(
        self, block: pl.DataFrame, name: str, first: Lines, most: float
    ) -> np.ndarray[Any, Any] | None:
        own = self._form.columns.get(name)
        return None if own is None else numbers(block[own], self.files[0], first, most=most)

    def _ticks(self, block: pl.DataFrame, name: str, first: Lines) -> np.ndarray[Any, Any]:
        divisor = float(self._options["divide_prices_by"])
        values = self._column(block, name, first, MOST_TICKS * self._tick * divisor)
        assert values is not None
        scaled = np.nan_to_num(values) / divisor
        return np.rint(scaled / self._tick).astype(np.int64)

    def _lots(self, block: pl.DataFrame, name: str, first: Lines, share: float = 1.0) -> np.ndarray[Any, Any]:
        """Lots of a column; where the file has none, the size that was chosen, at least one lot."""
        values = self._column(block, name, first, MOST_LOTS * self._lot)
        if values is None:
            values = np.full(len(block), float(self._options["size"]))
            share = 1.0
        return np.floor(np.nan_to_num(values) * share / self._lot + 1e-6).astype(np.int64)

    def _quotes(self, block: pl.DataFrame, times: Any, first: Lines, _: int) -> Rows:
        bid, ask = self._ticks(block, "bid", first), self._ticks(block, "ask", first)
        lots = self._lots(block, "bid_size", first), self._lots(block, "ask_size", first)
        crossed = (bid > 0) & (ask > 0) & (bid >= ask)
        more = self.counts.more
        more["crossed_quotes"] = more.get("crossed_quotes", 0) + int(crossed.sum())
        kept = ~crossed
        return _levels(times[kept], bid[kept], lots[0][kept], ask[kept], lots[1][kept])

    def _around(self, mid: Any, lots: Any, times: Any) -> Rows:
        half = np.maximum(np.rint(mid * float(self._options["spread_bps"]) / 2e4), 1).astype(np.int64)
        return _levels(times, np.maximum(mid - half, 1), lots, mid + half, lots)

    def _trades(self, block: pl.DataFrame, times: Any, first: Lines, _: int) -> Rows:
        price, lots = self._ticks(block, "price", first), self._lots(block, "size", first)
        real = (price > 0) & (lots > 0)
        self.counts.more["empty_trades"] = self.counts.more.get("empty_trades", 0) + int((~real).sum())
        side = self._sides(block, price, first)[real]
        price, lots, times = price[real], lots[real], times[real]
        away = np.maximum(np.rint(price * float(self._options["spread_bps"]) / 1e4), 1).astype(np.int64)
        bid = np.where(side == 0, np.maximum(price - away, 1), price)
        ask = np.where(side == 0, price, price + away)
        rows = np.zeros(3 * len(price), FLOW)
        quotes = _levels(times, bid, lots, ask, lots)
        for part in (0, 1):
            rows[part + 1 :: 3] = quotes[part::2]
        prints = rows[0::3]
        prints["time_ns"], prints["price"], prints["size"], prints["side"] = times, price, lots, side
        prints["kind"], prints["flags"] = int(FlowKind.TRADE), LAST
        return rows

    def _sides(self, block: pl.DataFrame, price: Any, first: Lines) -> np.ndarray[Any, Any]:
        """0 for buyers who came, 1 for sellers."""
        own = self._form.columns.get("side")
        if own is not None:
            words = block[own].str.strip_chars().str.to_lowercase()
            buys, sells = words.is_in(["buy", "b", "bid", "1"]), words.is_in(["sell", "s", "ask", "-1"])
            wrong = (~(buys | sells)).fill_null(True).arg_true()
            if len(wrong):
                at = int(wrong[0])
                raise DataError(
                    f"side is {block[own][at]!r}; allowed: buy, sell",
                    self.files[0],
                    line_of(first, at),
                    "Correct it, or leave the whole column out: then the tick rule tells the side.",
                )
            return sells.to_numpy().astype(np.int64)
        moves = np.sign(np.diff(np.concatenate([[self._last_ticks or price[0]], price])))
        side = np.empty(len(price), np.int64)
        for at, move in enumerate(moves.tolist()):
            if move:
                self._side = 0 if move > 0 else 1
            side[at] = self._side
        self._last_ticks = int(price[-1])
        return side

    def _bars(self, block: pl.DataFrame, times: Any, first: Lines, bar_ns: int) -> Rows:
        opened, high, low, close = (self._ticks(block, name, first) for name in PRICES["bars"])
        wrong = np.flatnonzero(
            (low > np.minimum(opened, close)) | (high < np.maximum(opened, close)) | (low < 1)
        )
        if len(wrong):
            at = int(wrong[0])
            raise DataError(
                "a bar whose high and low do not hold its open and close",
                self.files[0],
                line_of(first, at),
                "Correct the row, or take it out.",
            )
        lots = np.maximum(self._lots(block, "volume", first, 0.25), 1)
        up_first = high - opened < opened - low
        path = [opened, np.where(up_first, high, low), np.where(up_first, low, high), close]
        rows = np.zeros(8 * len(opened), FLOW)
        for place, (mid, share) in enumerate(
            zip(path, (0, bar_ns // 3, 2 * bar_ns // 3, bar_ns - 1), strict=True)
        ):
            quotes = self._around(mid, lots, times + share)
            for part in (0, 1):
                rows[2 * place + part :: 8] = quotes[part::2]
        return rows

    def _closes(self, block: pl.DataFrame, times: Any, first: Lines, _: int) -> Rows:
        close = self._ticks(block, "close", first)
        real = close > 0
        lots = np.maximum(self._lots(block, "size", first), 1)
        return self._around(close[real], lots[real], times[real])

    def notes(self) -> list[str]:
        """What the file cannot know, and the rule that fills in."""
        sized = any(name in self._form.columns for name in SIZES.get(self._form.name, ()))
        size = "" if sized else f" The file has no sizes: {self._options['size']:g} are offered a side."
        spread = f"a quote {self._options['spread_bps']:g} bps wide"
        rules = {
            "quotes": "the best bid and ask alone: no depth, no trades, no queues. A resting order trades "
            "when the other side's quote reaches it.",
            "trades": f"trades alone: no book. Around each stands {spread}; queues are unknown.",
            "bars": f"bars alone: neither book nor trades. {spread.capitalize()} goes from open over the "
            "nearer and the farther extreme to the close; which came first is a guess.",
            "closes": f"closes alone: neither book nor trades. {spread.capitalize()} stands around each.",
        }
        told = [f"{self.terms.symbol} is known by {rules[self._form.name]}{size}"]
        if self.counts.more.get("crossed_quotes"):
            told.append(f"Crossed quotes, left out: {self.counts.more['crossed_quotes']}.")
        if self.counts.backward_stamps:
            told.append(f"Stamps that ran backwards, moved forward: {self.counts.backward_stamps}.")
        return told


def _levels(times: Any, bid: Any, bid_lots: Any, ask: Any, ask_lots: Any) -> Rows:
    """A whole book of one level a side, as two rows an instant."""
    rows = np.zeros(2 * len(times), FLOW)
    for part, (price, lots) in enumerate(((bid, bid_lots), (ask, ask_lots))):
        side = rows[part::2]
        side["time_ns"], side["side"], side["kind"] = times, part, int(FlowKind.LEVEL)
        side["price"], side["size"] = np.maximum(price, 1), np.where(price > 0, lots, 0)
    rows["flags"][1::2] = LAST | SNAPSHOT
    return rows


def _of_symbol(first: int, block: pl.DataFrame, form: Form, symbol: str) -> tuple[pl.DataFrame, Lines]:
    """The rows of a symbol, and their lines in the file."""
    if form.only is not None:
        return block, first
    own = (block[form.columns["symbol"]].str.strip_chars() == symbol).fill_null(False)
    return block.filter(own), first + own.arg_true().to_numpy().astype(np.int64)


PARTS_OF_BARS = {"open", "high", "low", "volume"}


def form_of(file: FilePath, wanted: str | None = None) -> Form | None:
    """The form of a CSV file by its header; None if it is none of these. `wanted`: say why it is not that."""
    return form_of_header(first_line(file), fspath(file), wanted)


def form_of_header(head: str, name: str, wanted: str | None = None) -> Form | None:
    """The form by the text of a header of the file `name`, as `form_of`."""
    header = [column.strip() for column in head.split(",")]
    refuse_derivatives(header, name)
    order = [wanted] if wanted in COLUMNS else [] if wanted == "closes" else list(COLUMNS)
    for form in order:
        try:
            columns = find_columns(header, COLUMNS[form], OPTIONAL, name)
        except DataError:
            if wanted:
                raise
            continue
        return Form(form, columns, None if "symbol" in columns else "")
    plain = [column.lower() for column in header]
    if plain and plain[0] in TIME and len(header) > 1 and wanted in (None, "closes"):
        if PARTS_OF_BARS & set(plain):
            return None  # bars with columns missing: `open` is no symbol
        # The second column tells whether the rest are prices of symbols that the header names.
        return Form("closes", {"time": header[0]}, "")
    return None


def open_series(form: str, files: Sequence[FilePath], options: Mapping[str, Any]) -> list[SeriesSource]:
    """A source for every symbol of every file. DataError for a file of another form."""
    settings = DEFAULTS | dict(options)
    sources = []
    for file in files:
        name = fspath(file)
        found = form_of(file, form)
        if found is None:
            raise DataError(f"no columns of {form}", name, 1, f"There are {first_line(file)!r}.")
        if form == "closes":
            for place, column in enumerate(first_line(file).split(",")[1:], 2):
                symbol = column.strip()
                if not symbol:
                    raise DataError(f"column {place} has no name", name, 1, "Name the symbol it is of.")
                own = Form("closes", {**found.columns, "close": symbol}, symbol)
                sources.append(_source(name, own, symbol, settings))
            continue
        symbols = [settings["symbol"] or _stem(name)] if found.only is not None else _symbols(name, found)
        if not symbols:
            raise DataError("no rows below the header", name, 2, "Give a file with at least one row.")
        sources += [_source(name, found, symbol, settings) for symbol in symbols]
    return sources


def _stem(name: str) -> str:
    """ "ejtrader_EURUSD_h4.csv" is about EURUSD: the longest part of capitals in a file's name."""
    import re
    from pathlib import Path

    parts = re.findall(r"[A-Z][A-Z0-9]{1,}", Path(name).stem)
    return max(parts, key=len) if parts else re.sub(r"[^A-Za-z0-9]", "", Path(name).stem).upper() or "ASSET"


def _symbols(file: str, form: Form) -> list[str]:
    found: dict[str, None] = {}
    for _, block in blocks(file):
        found |= dict.fromkeys(block[form.columns["symbol"]].str.strip_chars().unique(maintain_order=True))
    refuse_derivatives(found, file)
    return list(found)


def _source(file: str, form: Form, symbol: str, options: Mapping[str, Any]) -> SeriesSource:
    """The source on the grid that all numbers of its symbol share."""
    price = size = 0
    names = PRICES.get(form.name, ("close",))
    rows = 0
    for first, block in blocks(file):
        own, lines = _of_symbol(first, block, form, symbol)
        rows += len(own)
        for column in names:
            values = numbers(own[form.columns[column]], file, lines) / float(options["divide_prices_by"])
            price = decimals_in(values, price)
        for column in SIZES.get(form.name, ()):
            if column in form.columns:
                size = decimals_in(numbers(own[form.columns[column]], file, lines), size)
    if not rows:
        raise DataError(f"no rows of {symbol}", file, remedy="Give at least one, or leave the symbol out.")
    if form.name in ("bars", "closes"):
        # A quote around a price needs room: two more digits than the price itself has, within reason.
        price = min(max(price, 2), 6)
    base, quote = base_and_quote(symbol, options["quote"])
    terms = Terms(VENUE, symbol, base, quote, step_of(price), step_of(min(size, 6)))
    return SeriesSource(file, form, symbol, terms, options)
