"""The single values of a scenario: read exactly, never through a binary float, and written back as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from market_sim.scenario import distributions
from market_sim.scenario.complaint import show, unknown
from market_sim.units import format_duration, parse_duration

FEE_E8_PER_BPS = 10_000
LARGEST_FEE_BPS = 10_000


def exact(value: Any) -> Decimal:
    """A finite decimal from a number or a text; a float goes by its shortest text. ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f'found {show(value)}; allowed: a number, or its digits in quotes as in "0.01"')
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(
            f'found {show(value)}; allowed: a number, or its digits in quotes as in "0.01"'
        ) from None
    if not number.is_finite():
        raise ValueError(f"found {show(value)}; allowed: a finite number")
    return number


def plain(number: Decimal) -> str:
    """The shortest digits of a decimal, without an exponent: equal numbers give equal texts."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _positive(number: Decimal) -> Decimal:
    if number <= 0:
        raise ValueError(f"found {plain(number)}; allowed: a number above 0")
    return number


def _not_negative(number: Decimal) -> Decimal:
    if number < 0:
        raise ValueError(f"found {plain(number)}; allowed: 0 or more")
    return number


def _duration(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError(
            f'found {show(value)}; allowed: a duration with its unit in quotes, as in "1h", "250ms", "50us"'
        )
    return parse_duration(value)


def _signed_duration(value: Any) -> int:
    if isinstance(value, str) and value.startswith("-"):
        return -_duration(value[1:])
    return _duration(value)


def _some_time(duration_ns: int) -> int:
    if duration_ns <= 0:
        raise ValueError(f"found {format_duration(duration_ns)!r}; allowed: a duration above 0")
    return duration_ns


def _fee_e8(value: Any) -> int:
    bps = exact(value)
    rate = bps * FEE_E8_PER_BPS
    if rate != rate.to_integral_value():
        raise ValueError(f"found {plain(bps)} bps; allowed: whole steps of 0.0001 bps")
    if abs(bps) > LARGEST_FEE_BPS:
        raise ValueError(f"found {plain(bps)} bps; allowed: at most {LARGEST_FEE_BPS} bps either way (100 %)")
    return int(rate)


def _fee_text(rate_e8: int) -> str:
    return plain(Decimal(rate_e8) / FEE_E8_PER_BPS)


def one_of(*allowed: str) -> BeforeValidator:
    """A validator for a closed set of words."""

    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(unknown("value", value, allowed))
        return value

    return BeforeValidator(check)


def _matching(pattern: str, allowed: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(name: str) -> str:
        if compiled.fullmatch(name) is None:
            raise ValueError(f"found {show(name)}; allowed: {allowed}")
        return name

    return check


_NAME = _matching(r"[A-Za-z][A-Za-z0-9_+-]*", "a letter, then letters, digits, '_', '+' or '-'")
_ASSET = _matching(r"[A-Za-z0-9]+", "letters and digits")
_SYMBOL = _matching(r"[A-Za-z0-9][A-Za-z0-9_+/-]*", "letters, digits, '/', '_', '+' and '-', as in 'BTC/USD'")

Name = Annotated[str, AfterValidator(_NAME)]
AssetName = Annotated[str, AfterValidator(_ASSET)]
InstrumentName = Annotated[str, AfterValidator(_SYMBOL)]
Exact = Annotated[Decimal, BeforeValidator(exact), PlainSerializer(plain)]
PositiveExact = Annotated[Decimal, BeforeValidator(exact), AfterValidator(_positive), PlainSerializer(plain)]
NotNegativeExact = Annotated[
    Decimal, BeforeValidator(exact), AfterValidator(_not_negative), PlainSerializer(plain)
]
DurationNs = Annotated[int, BeforeValidator(_duration), PlainSerializer(format_duration)]
SignedDurationNs = Annotated[int, BeforeValidator(_signed_duration), PlainSerializer(format_duration)]
PositiveDurationNs = Annotated[
    int, BeforeValidator(_duration), AfterValidator(_some_time), PlainSerializer(format_duration)
]
FeeE8 = Annotated[int, BeforeValidator(_fee_e8), PlainSerializer(_fee_text)]


def _latency(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return ("constant", parse_duration(value))
    shapes = (
        '"50us"',
        "{ uniform = [lo, hi] }",
        "{ table = [q0, …] }",
        "{ series = [[at, delay], …] }",
        "{ exponential = { mean, least } }",
        "{ lognormal = { median, sigma } }",
    )
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"found {show(value)}; allowed: {', '.join(shapes)}")
    shape, content = next(iter(value.items()))
    if shape in distributions.TERMS:
        return ("table", distributions.quantile_table(shape, content))
    readers = {"uniform": _uniform, "table": _table, "series": _series}
    if shape not in readers:
        raise ValueError(unknown("latency model", shape, [*readers, *distributions.TERMS]))
    if not isinstance(content, list):
        raise ValueError(f"{shape}: found {show(content)}; allowed: a list of durations")
    return readers[shape](content)


def _uniform(content: Sequence[Any]) -> tuple[Any, ...]:
    if len(content) != 2:
        raise ValueError(f"uniform: found {len(content)} durations; allowed: two, lowest and highest")
    low_ns, high_ns = (_duration(item) for item in content)
    if low_ns > high_ns:
        raise ValueError(f"uniform: the lowest, {content[0]}, is above the highest, {content[1]}")
    return ("uniform", low_ns, high_ns)


def _table(content: Sequence[Any]) -> tuple[Any, ...]:
    if len(content) < 2:
        raise ValueError(
            f"table: found {len(content)} quantiles; allowed: two or more, at equal steps from 0 to 1"
        )
    quantiles_ns = tuple(_duration(item) for item in content)
    for low, high, text in zip(quantiles_ns, quantiles_ns[1:], content[1:], strict=False):
        if high < low:
            raise ValueError(f"table: the quantiles fall at {text}; allowed: each at least the one before")
    return ("table", quantiles_ns)


def _series(content: Sequence[Any]) -> tuple[Any, ...]:
    if not content or any(not isinstance(item, list) or len(item) != 2 for item in content):
        raise ValueError('series: allowed: pairs of time and delay, as in [["0s", "1ms"], ["10m", "5ms"]]')
    times_ns = tuple(_duration(at) for at, _ in content)
    for early, late, (text, _) in zip(times_ns, times_ns[1:], content[1:], strict=False):
        if late <= early:
            raise ValueError(f"series: the time {text} does not follow the one before it")
    return ("series", times_ns, tuple(_duration(delay) for _, delay in content))


def _latency_text(model: tuple[Any, ...]) -> Any:
    shape = model[0]
    if shape == "constant":
        return format_duration(model[1])
    if shape == "uniform":
        return {"uniform": [format_duration(model[1]), format_duration(model[2])]}
    if shape == "table":
        return {"table": [format_duration(item) for item in model[1]]}
    pairs = zip(model[1], model[2], strict=True)
    return {"series": [[format_duration(at), format_duration(delay)] for at, delay in pairs]}


# The kernel's form: ("constant", ns), ("uniform", lo, hi), ("table", quantiles), ("series", times, delays).
LatencyModel = Annotated[tuple[Any, ...], BeforeValidator(_latency), PlainSerializer(_latency_text)]
