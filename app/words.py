"""Numbers as people read them."""

import math

NS = 1_000_000_000


def elapsed(time_ns: int) -> str:
    """Simulated time since the start as h:mm:ss.mmm."""
    seconds, rest = divmod(time_ns, NS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}.{rest // 1_000_000:03d}"


def duration(time_ns: int) -> str:
    """A length of simulated time in the largest units that fit: 1 h, 10 min 51 s."""
    seconds = time_ns / NS
    hours, rest = divmod(seconds, 3600)
    minutes, second = divmod(rest, 60)
    parts = [(int(hours), "h"), (int(minutes), "min"), (round(second, 3), "s")]
    return " ".join(f"{number:g} {unit}" for number, unit in parts if number) or "0 s"


def speed(value: float) -> str:
    """Simulated seconds per second, with as many digits as help."""
    return f"{value:,.0f}×" if value >= 100 else f"{value:.3g}×"


def amount(value: float) -> str:
    """A size with three digits that count, without an exponent."""
    if value <= 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(value)))
    return f"{value:,.{decimals}f}"
