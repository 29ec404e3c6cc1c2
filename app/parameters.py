"""A strategy's parameters as sliders: what each is, in its own words and unit, its values, and its default on
data of some pace.

The words are those written under the attribute in the agent's source, so page and source cannot part.
"""

import ast
import importlib
import inspect
import textwrap
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, get_args, get_origin

from app.rows import nice
from app.strategies import Strategy
from market_sim.scenario.parameters import parameters_of

STEPS = (1, 1.5, 2, 3, 5, 7)
DECADES = 2
"""A slider goes this many powers of ten below and above its default."""
FROM_NOTHING = (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0)
DAY_S = 86_400.0
DAILY = {"window": 60, "max_hold_s": 60 * DAY_S, "warm_up": 60, "refit": 20, "short": 10, "long": 60}
"""Defaults where a row is a day: an agent's own count notes a second apart."""

ABOVE_ZERO = ("interval_s", "window", "size", "slices", "rate", "window_s", "duration_s")
"""A strategy with none of these does nothing, or never stops asking."""

Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """One parameter: `sentence` says what it is and in which unit; `values` are those on offer, or none
    where it is free text.
    """

    name: str
    sentence: str
    default: Value
    values: tuple[Value, ...]


def settings_of(strategy: Strategy, pace_s: float = 1.0) -> tuple[Setting, ...]:
    """The parameters of a strategy on data with a row about every `pace_s` seconds: times scale with it."""
    home, _, name = strategy.kind.partition(":")
    kind = getattr(importlib.import_module(home), name)
    words, hints = sentences(kind), parameters_of(kind)
    found = []
    for key, plain in strategy.defaults.items():
        default = paced(key, plain, pace_s)
        values = _values(hints[key].kind, default)
        if key in ABOVE_ZERO and default:
            values = tuple(value for value in values if value)
        found.append(Setting(key, words.get(key, key.replace("_", " ")), default, values))
    return tuple(found)


def paced(name: str, default: Value, pace_s: float) -> Value:
    """A default on data of that pace: seconds grow with the distance of the rows, as if they were one."""
    if pace_s >= DAY_S and name in DAILY:
        return type(default)(DAILY[name])
    if name.endswith("_s") and isinstance(default, float) and pace_s > 1:
        return default * pace_s
    return default


@cache
def sentences(kind: type) -> dict[str, str]:
    """What is written under each attribute of a class and of its bases, without the last point."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue  # built in: it has no source and no parameters
        (body,) = (node.body for node in ast.parse(source).body[:1] if isinstance(node, ast.ClassDef))
        for line, after in pairwise(body):
            if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = " ".join(str(after.value.value).split())
                found[line.target.id] = text.removesuffix(".").replace("`", "")
    return found


def _values(hint: object, default: Value) -> tuple[Value, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    if isinstance(default, bool):
        return (False, True)
    if isinstance(default, str):
        return ()
    if not default:
        values: tuple[float, ...] = FROM_NOTHING
    else:
        size = abs(default)
        low = nice(size / 10**DECADES)
        steps = [step * 10.0**power for power in range(-12, 14) for step in STEPS]
        values = tuple(step for step in steps if low <= step * (1 + 1e-9) and step <= size * 10**DECADES)
        values = tuple(sorted({0.0, *(float(f"{step:.3g}") for step in values), float(size)}))
        if default < 0:
            values = tuple(-value for value in reversed(values))
    if isinstance(default, int):
        return tuple(sorted({int(value) for value in values if value == int(value)} | {default}))
    return values


def text_of(value: Value) -> str:
    """A value as a link writes it."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
