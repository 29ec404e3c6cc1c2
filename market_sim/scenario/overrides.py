"""`--set key=value`: one value of a scenario, named by the dotted path that error messages use too."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from market_sim.errors import ScenarioError
from market_sim.scenario.complaint import unknown

# Tables whose keys are names: a new name there would be a new venue, not a changed one.
_NAMED_TABLES = ("assets", "venues", "instruments", "latency", "fundamentals")


def apply_overrides(raw: dict[str, Any], overrides: Iterable[str]) -> list[str]:
    """Write `path=value` texts into a parsed file in place and give the paths; ScenarioError if bad."""
    paths = []
    for text in overrides:
        path, equals, value = text.partition("=")
        path = path.strip()
        if not equals or not path:
            raise ScenarioError(f"found {text!r}", "--set", "Write it as key=value, as in duration=30m.")
        _set(raw, path, _value(value.strip()))
        paths.append(path)
    return paths


def _value(text: str) -> Any:
    """The text as a TOML value where it is one, so that 3, true and [1, 2] are not texts."""
    try:
        return tomllib.loads(f"value = {text}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(raw: dict[str, Any], path: str, value: Any) -> None:
    where = f"--set {path}"
    here: Any = raw
    rest = path
    top = path.split(".")[0]
    depth = 0
    while True:
        key, dot, after = _next_key(here, rest, where, top, depth)
        if not dot:
            break
        here = here[key] if isinstance(here, list) else here.setdefault(key, {})
        if not isinstance(here, dict | list):
            raise ScenarioError(f"{key!r} is a single value and has nothing inside", where)
        rest, depth = after, depth + 1
    here[key] = value


def _next_key(here: Any, rest: str, where: str, top: str, depth: int) -> tuple[Any, bool, str]:
    """The key (or index) that the path means here, whether it goes on, and what is left of it."""
    if isinstance(here, list):
        names = [_entry_name(top, item, number) for number, item in enumerate(here, start=1)]
        key, dot, after = _split(rest, names)
        if key not in names:
            raise ScenarioError(unknown(f"entry of {top}", key, names), where)
        return names.index(key), dot, after
    key, dot, after = _split(rest, list(here))
    if depth == 1 and top in _NAMED_TABLES and key not in here:
        raise ScenarioError(unknown(f"name in [{top}]", key, here), where)
    return key, dot, after


def _split(rest: str, known: list[str]) -> tuple[str, bool, str]:
    """A known name is taken whole; a name in quotes too; otherwise the text before the first dot."""
    if rest.startswith('"') and '"' in rest[1:]:
        key, after = rest[1:].split('"', 1)
        return key, after.startswith("."), after[1:]
    for name in sorted(known, key=len, reverse=True):
        if rest == name or rest.startswith(f"{name}."):
            return name, rest != name, rest[len(name) + 1 :]
    key, dot, after = rest.partition(".")
    return key, bool(dot), after


def _entry_name(table: str, item: Any, number: int) -> str:
    if isinstance(item, dict) and table == "agents":
        return str(item.get("name", number))
    if isinstance(item, dict) and table == "listings":
        return f"{item.get('venue')}:{item.get('instrument')}"
    return str(number)
