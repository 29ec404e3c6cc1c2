"""The parameters of a trader class: its public class annotations that have a default."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from market_sim.scenario.complaint import show, unknown

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    type(None): "nothing",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its annotated type and its default."""

    name: str
    kind: Any
    default: Any

    @property
    def words(self) -> str:
        """The type in a reader's words."""
        return _in_words(self.kind)

    def read(self, value: Any) -> Any:
        """The value as the annotated type (a whole number is also a number); ValueError otherwise."""
        return _read(value, self.kind)


def parameters_of(kind: type) -> dict[str, Parameter]:
    """The parameters of a class and its bases with the class's defaults, in order of declaration."""
    found: dict[str, Parameter] = {}
    for base in reversed(kind.__mro__):
        for name, hint in inspect.get_annotations(base).items():
            if name.startswith("_") or not hasattr(kind, name):
                continue
            hint = _evaluated(hint, base)
            if ClassVar not in (get_origin(hint), hint):
                found[name] = Parameter(name, hint, getattr(kind, name))
    return found


def _evaluated(hint: Any, owner: type) -> Any:
    """An annotation as a type. One at a time: a base may name types that only type checkers know."""
    if not isinstance(hint, str):
        return hint
    shim = type("Shim", (), {"__annotations__": {"hint": hint}, "__module__": owner.__module__})
    return get_type_hints(shim)["hint"]


def read_parameters(kind: type, given: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """All parameters with the given ones read, sorted by name, and the problems as (name, sentence)."""
    declared = parameters_of(kind)
    values = {name: parameter.default for name, parameter in declared.items()}
    problems: list[tuple[str, str]] = []
    for name, value in given.items():
        if name not in declared:
            problems.append((name, unknown(f"parameter of {kind.__name__}", name, declared)))
            continue
        try:
            values[name] = declared[name].read(value)
        except ValueError as error:
            problems.append((name, str(error)))
    return dict(sorted(values.items())), problems


def _in_words(kind: Any) -> str:
    if _is_union(kind):
        return " or ".join(_in_words(member) for member in get_args(kind))
    origin = get_origin(kind)
    if origin in (list, tuple):
        return f"a list of {_in_words(get_args(kind)[0])}"
    if origin is typing.Literal:
        return ", ".join(repr(choice) for choice in get_args(kind))
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (typing.Union, types.UnionType)


def _read(value: Any, kind: Any) -> Any:
    refusal = ValueError(f"found {show(value)}; allowed: {_in_words(kind)}")
    if kind is Any:
        return value
    if _is_union(kind):
        for member in get_args(kind):
            try:
                return _read(value, member)
            except ValueError:
                continue
        raise refusal
    origin = get_origin(kind)
    if origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise refusal
        return origin(_read(item, get_args(kind)[0]) for item in value)
    if origin is typing.Literal:
        if value in get_args(kind):
            return value
        raise refusal
    if kind is float and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    if kind is Decimal and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    # bool is an int to Python, not to a reader of a scenario.
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise refusal
