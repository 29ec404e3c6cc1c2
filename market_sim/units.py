"""Exact reading and writing of durations, decimals and amounts: text goes to integers without a binary float
between.

Durations are integer nanoseconds, amounts integer atoms of an asset, fee rates integers in 1e-8 of the
notional.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from market_sim.errors import MarketSimError

UNITS_NS = {
    "d": 86_400_000_000_000,
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "ns": 1,
}
SECOND_NS = UNITS_NS["s"]
LARGEST_NS = 2**62

Number = Decimal | str | float | int

_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PIECE.pattern}\s*)+")


class UnitsError(MarketSimError, ValueError):
    """A number or duration that cannot be read exactly, or does not fit the grid it is meant for."""


def parse_duration(text: str) -> int:
    """Nanoseconds of a duration such as "1h", "250ms", "50us", "1h30m" or "1.5s".

    Raises UnitsError where a unit is missing or unknown, or where the duration is no whole number of
    nanoseconds.
    """
    stripped = text.strip() if isinstance(text, str) else ""
    if not _WHOLE.fullmatch(stripped):
        raise UnitsError(
            f"{text!r} is no duration",
            remedy='Write a number and a unit (d, h, m, s, ms, us, ns), as in "250ms".',
        )
    total = Decimal(0)
    for number, unit in _PIECE.findall(stripped):
        total += Decimal(number) * UNITS_NS["us" if unit == "µs" else unit]
    if total != total.to_integral_value():
        raise UnitsError(
            f"{text!r} is no whole number of nanoseconds", remedy="The clock counts nanoseconds."
        )
    if total > LARGEST_NS:
        raise UnitsError(
            f"{text!r} is longer than the clock can count", remedy="The longest is about 146 years."
        )
    return int(total)


def duration_ns(duration: str | int) -> int:
    """A duration given as text with a unit, or as an integer of nanoseconds; UnitsError for anything else."""
    if isinstance(duration, int) and not isinstance(duration, bool):
        return duration
    if isinstance(duration, str):
        return parse_duration(duration)
    raise UnitsError(
        f"{duration!r} is no duration",
        remedy='Give integer nanoseconds or a text such as "250ms"; a float has no unit.',
    )


def format_duration(duration: int) -> str:
    """The shortest single-unit text that `parse_duration` reads back as the same nanoseconds."""
    for unit, unit_ns in UNITS_NS.items():
        if duration % unit_ns == 0 and duration != 0:
            return f"{duration // unit_ns}{unit}"
    return "0s"


def format_time(time_ns: int) -> str:
    """Simulated time for people: hours:minutes:seconds since the epoch, to the nanosecond, short where it can
    be.
    """
    seconds, rest_ns = divmod(time_ns, SECOND_NS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{hour:02d}:{minute:02d}:{second:02d}"
    if rest_ns == 0:
        return text
    digits = f"{rest_ns:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}"


def exact_decimal(number: Number) -> Decimal:
    """The decimal a person wrote: a float counts as its shortest text, so 0.1 is one tenth. UnitsError
    otherwise.
    """
    if isinstance(number, Decimal):
        value = number
    else:
        if isinstance(number, bool) or not isinstance(number, int | float | str):
            # numpy's numbers land here; their text is the shortest one too.
            number = str(number)
        try:
            value = Decimal(number if isinstance(number, int) else str(number))
        except InvalidOperation:
            raise UnitsError(
                f"{number!r} is no number", remedy='Give a number or its digits, as in "0.01".'
            ) from None
    if not value.is_finite():
        raise UnitsError(f"{number!r} is not finite", remedy="Give a finite number.")
    return value


def to_atoms(amount: Number, decimals: int, asset: str = "asset") -> int:
    """Atoms of an amount of an asset with so many decimals; UnitsError where the amount is finer than an
    atom.
    """
    atoms = exact_decimal(amount).scaleb(decimals)
    if atoms != atoms.to_integral_value():
        raise UnitsError(
            f"{amount} {asset} is no whole number of atoms",
            remedy=f"{asset} has {decimals} decimals; round the amount.",
        )
    return int(atoms)


def from_atoms(atoms: int, decimals: int) -> float:
    """The amount nearest to so many atoms, for reading."""
    # Division of two integers is correctly rounded: the float prints as the decimal that was meant.
    return atoms / 10**decimals
