"""Distributions of a delay as tables of integer quantiles: the kernel draws from them without a logarithm."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from statistics import NormalDist
from typing import Any

from market_sim.scenario.complaint import show, unknown
from market_sim.units import exact_decimal, parse_duration

STEPS = 500
# The ends of an unbounded distribution are cut: the table ends at its quantile of 1 - 1 / (2 STEPS).
LAST = Decimal(1) - Decimal(1) / (2 * STEPS)
# Decimal's exponential and logarithm have the same digits on every machine, which the C library's do not.
EXACT = Context(prec=30)
TERMS = {"exponential": ("mean", "least"), "lognormal": ("median", "sigma")}


def quantile_table(shape: str, terms: Any) -> tuple[int, ...]:
    """Quantiles in ns at equal steps. ValueError names a term that is missing, unknown or out of range.

    `exponential = { mean = "5ms", least = "1ms" }`: `least` (default 0), an exponential rest, `mean` in all.
    `lognormal = { median = "5ms", sigma = 0.5 }`: sigma is the standard deviation of the delay's logarithm.
    """
    if not isinstance(terms, Mapping):
        raise ValueError(f"{shape}: found {show(terms)}; allowed: a table of {' and '.join(TERMS[shape])}")
    for key in terms:
        if key not in TERMS[shape]:
            raise ValueError(f"{shape}: {unknown('key', key, TERMS[shape])}")
    probabilities = [min(Decimal(step) / STEPS, LAST) for step in range(STEPS + 1)]
    if shape == "exponential":
        return _exponential(terms, probabilities)
    return _lognormal(terms, probabilities)


def _exponential(terms: Mapping[str, Any], probabilities: list[Decimal]) -> tuple[int, ...]:
    mean_ns, least_ns = _delay(terms, "exponential", "mean"), parse_duration(terms.get("least", "0s"))
    if least_ns >= mean_ns:
        raise ValueError(f"exponential: least {terms['least']} is not below mean {terms['mean']}")
    return tuple(least_ns + round(-EXACT.ln(1 - p) * (mean_ns - least_ns)) for p in probabilities)


def _lognormal(terms: Mapping[str, Any], probabilities: list[Decimal]) -> tuple[int, ...]:
    median_ns = _delay(terms, "lognormal", "median")
    sigma = exact_decimal(terms.get("sigma", 0))
    if not 0 < sigma <= 5:
        raise ValueError(f"lognormal: found sigma {show(terms.get('sigma'))}; allowed: above 0, at most 5")
    normal = NormalDist()
    scores = [Decimal(normal.inv_cdf(float(max(p, 1 - LAST)))) for p in probabilities]
    return tuple(round(median_ns * EXACT.exp(EXACT.multiply(sigma, score))) for score in scores)


def _delay(terms: Mapping[str, Any], shape: str, key: str) -> int:
    if not isinstance(terms.get(key), str):
        raise ValueError(f'{shape}: found {key} {show(terms.get(key))}; allowed: a duration, as in "5ms"')
    delay_ns = parse_duration(terms[key])
    if delay_ns == 0:
        raise ValueError(f"{shape}: found {key} 0; allowed: a duration above 0")
    return delay_ns
