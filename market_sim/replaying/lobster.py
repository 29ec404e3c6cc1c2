"""LOBSTER: NASDAQ order by order; a message file and an orderbook file of n levels, of one stock and day.

Source: the read-me of LOBSTER's sample files (Huang and Polak 2011). Message: seconds after midnight in New
York, type, order id, size, price x 10,000, direction of the resting order. Row k of the orderbook is the
state after message k. See `window` for what the two can tell together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from os import fspath
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from market_sim.engine import FlowKind
from market_sim.errors import DataError
from market_sim.records import LAST
from market_sim.replaying.blocks import blocks, first_line
from market_sim.replaying.capture import FilePath
from market_sim.replaying.columns import MOST_LOTS, MOST_TICKS
from market_sim.replaying.rows import RowCounts, Rows, Terms, flow_rows
from market_sim.replaying.window import Levels, Message, Op, Window, row_levels

MESSAGE_COLUMNS = ("time", "type", "id", "size", "price", "direction")
VENUE = "NASDAQ"
PRICE_UNITS = 10_000
ZONE = "America/New_York"
NAME = re.compile(r"(?P<symbol>[A-Za-z0-9.\-]+)_(?P<date>\d{4}-\d{2}-\d{2})_")
SECONDS_OF_A_DAY = 86_400
TIME = r"^\d{1,5}(\.\d{1,12})?$"
KINDS = (1, 2, 3, 4, 5, 6, 7)
UPDATES_A_BATCH = 50_000
FORM = "Give the two files of one day: MESSAGE (6 columns) and ORDERBOOK (4 columns a level)."


class LobsterSource:
    """The two files of one day, as recorded orders of one listing at NASDAQ."""

    protocol = "lobster"

    def __init__(self, files: Sequence[FilePath]) -> None:
        self._messages, self._book, self.levels = _sorted(files)
        self.files = [self._messages, self._book]
        self.counts = RowCounts()
        self.window = Window(self.levels)
        named = NAME.match(Path(self._messages).name)
        self._date = named["date"] if named else "1970-01-01"
        try:
            midnight = datetime.fromisoformat(self._date).replace(tzinfo=ZoneInfo(ZONE))
        except ValueError as error:
            remedy = "Name it as LOBSTER does: AMZN_2012-06-21_..."
            raise DataError(f"no day is {self._date} ({error})", self._messages, remedy=remedy) from error
        self._midnight_ns = int(midnight.timestamp()) * 10**9
        symbol = named["symbol"].upper() if named else "STOCK"
        self._tick_units = self._step()
        tick = Decimal(self._tick_units) / PRICE_UNITS
        self.terms = Terms(VENUE, symbol, symbol, "USD", tick, Decimal(1), ZONE)

    def _step(self) -> int:
        """The tick in LOBSTER's price units: what all displayed prices are made of, a cent at most."""
        step = 100
        for _, block in blocks(self._book, self._book_columns()):
            prices = block.select(pl.col("^(ask|bid)_price_.*$").cast(pl.Int64, strict=False))
            for column in prices.iter_columns():
                real = column.drop_nulls().to_numpy()
                real = real[(real > 0) & (real < 9_999_999_999)]
                step = int(np.gcd.reduce(real, initial=step))
        return max(step, 1)

    def _book_columns(self) -> list[str]:
        return [
            f"{what}_{level}"
            for level in range(1, self.levels + 1)
            for what in ("ask_price", "ask_size", "bid_price", "bid_size")
        ]

    def last_ns(self) -> int:
        """The end of the day."""
        return self._midnight_ns + 86_400 * 10**9

    def steps(self) -> Iterator[tuple[int, list[Op], list[Op], Levels, Levels]]:
        """For each message: time (ns since 1970), its events, repairs, and the orderbook's row (bids, asks).

        Prices in ticks, sizes in lots. See `Window.apply`.
        """
        latest_ns = 0
        for time_ns, message, row in _paired(self._rows_of_messages(), self._rows_of_book()):
            if time_ns < latest_ns:
                self.counts.backward_stamps += 1
            latest_ns = max(time_ns, latest_ns)
            bids, asks = row_levels(row)
            ops, repairs = self.window.apply(message, bids, asks)
            unit = self._tick_units
            yield (
                latest_ns,
                [self._on_grid(op) for op in ops],
                [self._on_grid(op) for op in repairs],
                {price // unit: size for price, size in bids.items()},
                {price // unit: size for price, size in asks.items()},
            )

    def _on_grid(self, op: Op) -> Op:
        kind, side, number, price, lots = op
        ticks, rest = divmod(price, self._tick_units)
        if rest:
            # Hidden orders trade between ticks: agents from the next tick on have priority, up or down.
            assert kind == FlowKind.HIDDEN, "displayed prices make the tick"
            self.counts.more["hidden_between_ticks"] = self.counts.more.get("hidden_between_ticks", 0) + 1
            ticks += side == 0
        return kind, side, number, ticks, lots

    def batches(self) -> Iterator[Rows]:
        """The day as FLOW rows."""
        waiting: list[tuple[int, ...]] = []
        for time_ns, ops, repairs, _, _ in self.steps():
            for update in (ops, repairs):
                waiting.extend(update_rows(time_ns, update))
            if len(waiting) >= UPDATES_A_BATCH:
                yield flow_rows(waiting)
                waiting = []
        yield flow_rows(waiting)
        self.counts.more |= asdict(self.window.counts)

    def notes(self) -> list[str]:
        """What the two files cannot know."""
        counts = self.window.counts
        share = counts.rows_adopting / counts.rows if counts.rows else 0.0
        told = [
            f"LOBSTER shows {self.levels} levels a side: orders beyond are unknown, and a level that comes "
            "into view stands as one order of unknown make ahead of all later ones "
            f"({counts.rows_adopting:,} of {counts.rows:,} rows, {share:.1%}).",
            "Hidden orders are unknown until they trade; that meets agents at their price or better.",
            "The files have the exchange's stamps only: the way of the data is the scenario's latency.",
        ]
        if counts.rows_equal < counts.rows:
            told.append(
                f"The two files disagree in {counts.rows - counts.rows_equal:,} rows, which were set right "
                "from the orderbook file."
            )
        if counts.halts:
            told.append(
                f"Halt messages: {counts.halts}. Agents could trade through them, recorded traders did not."
            )
        return told

    def _rows_of_messages(self) -> Iterator[tuple[int, Message]]:
        for number, block in blocks(self._messages, MESSAGE_COLUMNS):
            self._check(block, number)
            seconds = block["time"].str.split_exact(".", 1).struct.unnest()
            fraction = seconds["field_1"].fill_null("").str.slice(0, 9).str.pad_end(9, "0").cast(pl.Int64)
            times = seconds["field_0"].cast(pl.Int64) * 10**9 + fraction + self._midnight_ns
            columns = [block[name].cast(pl.Int64).to_list() for name in ("type", "id", "size", "price")]
            sides = [0 if text.strip() == "1" else 1 for text in block["direction"].to_list()]
            for row in zip(times.to_list(), *columns, sides, strict=True):
                yield row[0], Message(*row[1:])

    def _check(self, block: pl.DataFrame, first: int) -> None:
        """DataError for the first line that is no message."""
        wrong = {
            "time": ~(
                pl.col("time").str.contains(TIME)
                & (pl.col("time").cast(pl.Float64, strict=False) < SECONDS_OF_A_DAY).fill_null(False)
            ),
            "type": ~pl.col("type").cast(pl.Int64, strict=False).is_in(KINDS).fill_null(False),
            "id": ~(pl.col("id").cast(pl.Int64, strict=False) >= 0).fill_null(False),
            "size": ~pl.col("size").cast(pl.Int64, strict=False).is_between(0, MOST_LOTS).fill_null(False),
            # A halt has the price -1, or 0 or 1 for what it says.
            "price": ~pl.col("price")
            .cast(pl.Int64, strict=False)
            .is_between(pl.when(pl.col("type").str.strip_chars() == "7").then(-1).otherwise(1), MOST_TICKS)
            .fill_null(False),
            "direction": ~pl.col("direction").str.strip_chars().is_in(["1", "-1"]),
        }
        found = block.select(**wrong)
        for name in MESSAGE_COLUMNS:
            places = found[name].fill_null(True).arg_true()
            if len(places):
                at = int(places[0])
                raise DataError(
                    f"{name} is {block[name][at]!r}, which no LOBSTER message has",
                    self._messages,
                    first + at,
                    FORM,
                )

    def _rows_of_book(self) -> Iterator[tuple[int, ...]]:
        for number, block in blocks(self._book, self._book_columns()):
            numbers = block.select(pl.all().cast(pl.Int64, strict=False))
            # An empty level has a price that means nothing, and size 0.
            levels = [(name, name.replace("price", "size")) for name in self._book_columns()[::2]]
            sound = numbers.select(
                pl.all_horizontal(
                    pl.all().is_not_null(),
                    *(pl.col(size).is_between(0, MOST_LOTS) for _, size in levels),
                    *(
                        (pl.col(size) == 0) | pl.col(price).is_between(1, MOST_TICKS)
                        for price, size in levels
                    ),
                )
            )[:, 0]
            wrong = (~sound.fill_null(False)).arg_true()
            if len(wrong):
                raise DataError(
                    "an orderbook row with what is no price or no size",
                    self._book,
                    number + int(wrong[0]),
                    FORM,
                )
            yield from numbers.iter_rows()


def update_rows(time_ns: int, ops: list[Op]) -> list[tuple[int, ...]]:
    """One update as tuples for `flow_rows`."""
    last = len(ops) - 1
    return [
        (time_ns, 0, 0, number, price, lots, kind, side, LAST if place == last else 0)
        for place, (kind, side, number, price, lots) in enumerate(ops)
    ]


def _paired(
    messages: Iterator[tuple[int, Message]], rows: Iterator[tuple[int, ...]]
) -> Iterator[tuple[int, Message, tuple[int, ...]]]:
    for (time_ns, message), row in zip(messages, rows, strict=False):
        yield time_ns, message, row


def _sorted(files: Sequence[FilePath]) -> tuple[str, str, int]:
    """(message file, orderbook file, levels), told apart by their columns; DataError for anything else."""
    names = [fspath(path) for path in files]
    if len(names) != 2:
        raise DataError(f"{len(names)} files for LOBSTER", ", ".join(names), remedy=FORM)
    columns = {name: len(first_line(name).split(",")) for name in names}
    messages = [name for name in names if columns[name] == len(MESSAGE_COLUMNS)]
    books = [name for name in names if columns[name] % 4 == 0]
    if len(messages) != 1 or len(books) != 1:
        told = ", ".join(f"{Path(name).name} has {count}" for name, count in columns.items())
        raise DataError(f"columns that no LOBSTER day has: {told}", names[0], remedy=FORM)
    lines = [_lines(name) for name in (messages[0], books[0])]
    if lines[0] != lines[1]:
        raise DataError(
            f"{lines[0]:,} messages, but {lines[1]:,} rows of the orderbook: of two days, or cut off",
            messages[0],
            remedy=FORM,
        )
    return messages[0], books[0], columns[books[0]] // 4


def _lines(name: str) -> int:
    from market_sim.replaying.blocks import open_bytes

    total, last = 0, b"\n"
    with open_bytes(name) as file:
        while piece := file.read(1 << 20):
            total += piece.count(b"\n")
            last = piece[-1:]
    return total + (last != b"\n")
