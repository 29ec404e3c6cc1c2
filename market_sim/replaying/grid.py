"""Decimal texts of a feed to whole ticks and lots, exactly: integers all the way, never a binary float."""

from __future__ import annotations

import re
from decimal import Decimal

_PLAIN = re.compile(r"(?P<whole>[0-9]{1,18})(?:\.(?P<part>[0-9]{0,18}))?", re.ASCII)
# Feeds repeat a few thousand texts again and again; the bound keeps a day's sizes from growing the table.
REMEMBERED_TEXTS = 1 << 17
# Finer than any feed quotes: eight decimals on exchanges, eighteen on chains.
FINEST_DECIMALS = 18


class GridError(ValueError):
    """A text that is no plain decimal, or a number that is no whole multiple of the step."""


def scaled(text: object, decimals: int = FINEST_DECIMALS) -> int:
    """`text` times 10^decimals. GridError for a float, a sign, an exponent, or more digits than fit."""
    if not isinstance(text, str):
        raise GridError(f'found {text!r}; a feed gives prices and quantities as texts, as in "0.01000000"')
    match = _PLAIN.fullmatch(text)
    if match is None:
        negative = text.startswith("-")
        raise GridError(
            f"found {text[:40]!r}; " + ("it is negative" if negative else "it is no plain decimal")
        )
    part = (match["part"] or "").rstrip("0")
    if len(part) > decimals:
        raise GridError(f"found {text!r}; it has more than {decimals} decimals")
    return int(match["whole"] + part.ljust(decimals, "0"))


class Steps(dict[str, int]):
    """Texts to whole multiples of `step`: with a step of 0.01, "61837.63000000" is 6183763.

    Looked up like a dict; GridError where the text is off the grid, below `lowest` or above `highest`.
    """

    def __init__(self, step: Decimal, name: str, lowest: int, highest: int) -> None:
        super().__init__()
        self.step = step
        self._name = name
        self._lowest = lowest
        self._highest = highest
        self._step_scaled = int(step.scaleb(FINEST_DECIMALS))
        if self._step_scaled <= 0 or Decimal(self._step_scaled) != step.scaleb(FINEST_DECIMALS):
            raise GridError(f"a {name} of {step} cannot be a step; it must be above 0 and at least 10^-18")

    def __missing__(self, text: str) -> int:
        number, rest = divmod(scaled(text), self._step_scaled)
        if rest:
            raise GridError(f"{text} is no whole multiple of the {self._name} {self.step:f}")
        if not self._lowest <= number <= self._highest:
            raise GridError(f"{text} is {number} {self._name}s; allowed: {self._lowest} to {self._highest}")
        if len(self) >= REMEMBERED_TEXTS:
            self.clear()
        self[text] = number
        return number


LARGEST_TICKS = 2**53
LARGEST_LOTS = 2**48


class Grid:
    """The price and size steps of one listing: `ticks[text]` and `lots[text]` are exact integers."""

    def __init__(self, tick: Decimal, lot: Decimal) -> None:
        self.tick = tick
        self.lot = lot
        self.ticks = Steps(tick, "tick", 1, LARGEST_TICKS)
        self.lots = Steps(lot, "lot", 0, LARGEST_LOTS)


def common_step(shared: int) -> Decimal:
    """The largest power of ten up to 1 that divides `shared`, a number times 10^18; 1 for 0.

    A power of ten, though the data may allow a coarser step: prices that happen to share a factor prove no
    tick.
    """
    exponent = FINEST_DECIMALS
    while shared % 10**exponent:
        exponent -= 1
    return Decimal(1).scaleb(exponent - FINEST_DECIMALS)


def decimals_of(step: Decimal) -> int:
    """The digits behind the point that a multiple of the step can have."""
    return max(0, -int(step.normalize().as_tuple().exponent))
