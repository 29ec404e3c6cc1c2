"""Columns of a table as numbers: times in nanoseconds, prices and sizes on the grid that all share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from market_sim.errors import DataError

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

# Digits behind the point that a recording may use; what a binary float adds beyond is noise.
MOST_DECIMALS = 8
NOISE = 1e-3
FORMATS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%Y%m%d",
    "%d.%m.%Y %H:%M:%S%.f",
    "%Y.%m.%d %H:%M",
)
LAST_NS = 2**63 - 1
TIME_REMEDY = 'Write times as "2024-01-31 09:30:00.5" (UTC) or as seconds, ms, us or ns since 1970.'
NUMBER_REMEDY = "Write plain numbers with a decimal point; leave the field empty where there is none."
#: Largest price in ticks, with room for a quote around it, and largest size in lots, as engines take them.
MOST_TICKS, MOST_LOTS = 2**52, 2**48
#: The number of a block's first line, or of each of its lines where it was picked from more.
Lines = int | Numbers
#: Words of derivatives in names of columns, venues and symbols. They are refused: spot only.
DERIVATIVES = re.compile(
    r"funding|mark_price|open_interest|liquidation|perp|swap|futures|deribit|bitmex|margin|delivery",
    re.IGNORECASE,
)
SPOT_ONLY = "Spot only: perpetuals, futures, funding and margin are not simulated."


def line_of(lines: Lines, at: int) -> int:
    """The file's line of a row."""
    return lines + at if isinstance(lines, int) else int(lines[at])


def refuse_derivatives(names: Iterable[str], file: str) -> None:
    """DataError for a name that tells of perpetuals, funding or margin."""
    for name in names:
        if DERIVATIVES.search(name):
            raise DataError(f"{name!r} is about derivatives", file, remedy=SPOT_ONLY)


def find_columns(
    names: Sequence[str], wanted: Mapping[str, Sequence[str]], optional: Sequence[str], file: str
) -> dict[str, str]:
    """The file's own name of each wanted column; `wanted` has the accepted spellings.

    DataError names what is missing and what there is.
    """
    plain = {name.strip().lower().replace(" ", "_"): name for name in names}
    found = {}
    for column, spellings in wanted.items():
        own = next((plain[spelling] for spelling in spellings if spelling in plain), None)
        if own is not None:
            found[column] = own
        elif column not in optional:
            raise DataError(
                f"no column {column!r} ({' or '.join(spellings)}) among {', '.join(names)}",
                file,
                1,
                "Give the column one of these names, or choose the form that the file has.",
            )
    return found


def times_ns(texts: pl.Series, file: str, first: Lines) -> Numbers:
    """Nanoseconds since 1970. DataError for the first line whose time cannot be read."""
    plain = texts.str.strip_chars()
    counted = plain.str.contains(r"^\d{9,19}(\.\d+)?$").fill_null(False)
    if bool(counted.all()):
        return _epoch_ns(plain, file, first)
    told = plain.str.replace("T", " ", literal=True).str.replace(r"(Z|\+00:?00)$", "")
    # What cannot be read, form by form: the line to blame is one that does not have the form of most.
    unread = [~counted]
    for form in FORMATS:
        read = told.str.to_datetime(form, time_unit="ns", strict=False)
        if read.null_count() == 0:
            return read.cast(pl.Int64).to_numpy()
        unread.append(read.is_null())
    zoned = told.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", time_unit="ns", strict=False, time_zone="UTC")
    if zoned.null_count() == 0:
        return zoned.cast(pl.Int64).to_numpy()
    wrong = min((*unread, zoned.is_null()), key=lambda missing: int(missing.sum()))
    at = int(wrong.arg_true()[0])
    what = f"{plain[at]!r} is no time" if plain[at] else "the time is missing"
    raise DataError(what, file, line_of(first, at), TIME_REMEDY)


def _epoch_ns(plain: pl.Series, file: str, first: Lines) -> Numbers:
    parts = plain.str.split_exact(".", 1).struct.unnest()
    whole = parts["field_0"].cast(pl.Int64).to_numpy()
    digits = len(parts["field_0"][0])
    # 10 digits are seconds until the year 2286, 13 milliseconds, 16 microseconds, 19 nanoseconds.
    power = 9 if digits <= 11 else 6 if digits <= 14 else 3 if digits <= 17 else 0
    late = np.flatnonzero(whole > LAST_NS // 10**power)
    if len(late):
        at = int(late[0])
        raise DataError(f"{plain[at]!r} is no time before 2262", file, line_of(first, at), TIME_REMEDY)
    fraction = parts["field_1"].fill_null("").str.slice(0, power).str.pad_end(power, "0") if power else None
    rest = 0 if fraction is None else fraction.cast(pl.Int64).to_numpy()
    return whole * 10**power + rest


def numbers(texts: pl.Series, file: str, first: Lines, least: float = 0.0, most: float = np.inf) -> Floats:
    """Floats of a column, NaN where it is empty. DataError for the first line that has no number in range."""
    read = texts.str.strip_chars().cast(pl.Float64, strict=False)
    empty = texts.is_null() | (texts.str.strip_chars() == "")
    values = read.to_numpy()
    wrong = np.flatnonzero(~empty.to_numpy() & ~(np.isfinite(values) & (values >= least) & (values <= most)))
    if len(wrong):
        at = int(wrong[0])
        room = f"of at least {least:g}" if most == np.inf else f"from {least:g} to {most:g}"
        raise DataError(
            f"{texts.name} is {texts[at]!r}; a number {room} is expected",
            file,
            line_of(first, at),
            NUMBER_REMEDY,
        )
    return np.where(empty.to_numpy(), np.nan, values)


def decimals_in(values: Floats, so_far: int = 0) -> int:
    """Digits behind the point that the values need, at least `so_far` and at most MOST_DECIMALS."""
    real = values[np.isfinite(values)]
    digits = so_far
    while digits < MOST_DECIMALS:
        scaled = real * 10.0**digits
        # A float that was computed is off by a last place or so; a digit that was meant is not.
        if bool((np.abs(scaled - np.rint(scaled)) <= NOISE + 1e-12 * np.abs(scaled)).all()):
            break
        digits += 1
    return digits


def step_of(decimals: int) -> Decimal:
    """The grid with so many digits behind the point."""
    return Decimal(1).scaleb(-decimals)


def on_grid(values: Floats, step: Decimal) -> Numbers:
    """Whole multiples of the step, nearest; NaN becomes 0."""
    return np.rint(np.nan_to_num(values) / float(step)).astype(np.int64)


def never_backwards(times: Numbers, latest: int) -> tuple[Numbers, int]:
    """The times, each at least the one before it, and how many had to be moved."""
    moved = np.maximum.accumulate(np.maximum(times, latest))
    return moved, int(np.count_nonzero(moved != times))
