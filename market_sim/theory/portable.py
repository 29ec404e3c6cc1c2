"""Functions of + - * / only, so that every machine gets the same digits."""

from __future__ import annotations


def log1p(x: float) -> float:
    """ln(1 + x) for x >= 0 by its series in x / (2 + x); for the arguments of quotes, far below 1000."""
    step = x / (2 + x)
    power, total, n = step, 0.0, 1
    while total + power / n != total:
        total += power / n
        power *= step * step
        n += 2
    return 2 * total
