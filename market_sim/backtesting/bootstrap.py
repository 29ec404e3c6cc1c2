"""Confidence intervals that respect dependence: the circular moving-block bootstrap.

Source: Kuensch (1989), Annals of Statistics 17:1217-1241; circular after Politis and Romano (1992). Blocks
are n^(1/3) long, the order that minimises the error of a variance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
DRAWS = 2_000
LEVEL = 0.95
FEWEST = 10


def block_length(observations: int) -> int:
    """Observations a block."""
    return max(1, round(observations ** (1 / 3)))


def interval(
    values: Floats, figure: Callable[[Floats], Floats], seed: int = 1, draws: int = DRAWS
) -> tuple[float, float] | None:
    """The central 95 % of a figure over resampled series; None for fewer than ten observations.

    `values` has observations in its first axis; `figure` takes (draws, observations, ...) and gives one
    number a draw. The seed is fixed, so that a report says the same twice.
    """
    count = len(values)
    if count < FEWEST:
        return None
    length = block_length(count)
    generator = np.random.default_rng(seed)
    blocks = -(-count // length)
    found = []
    # In parts, or a long series would take gigabytes.
    for start in range(0, draws, 100):
        part = min(100, draws - start)
        starts = generator.integers(0, count, (part, blocks, 1))
        places = (starts + np.arange(length)).reshape(part, -1)[:, :count] % count
        found.append(figure(values[places]))
    spread = np.concatenate(found)
    spread = spread[np.isfinite(spread)]
    if not len(spread):
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(spread, [tail, 1 - tail])
    return float(low), float(high)
