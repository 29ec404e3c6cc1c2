"""What goes where: results on standard output, everything else (progress, logs, errors) on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def notes() -> Console:
    """The console for people: standard error, made anew because tests and notebooks exchange it."""
    return Console(stderr=True, highlight=False)


def results() -> Console:
    """The console for results read by people."""
    return Console(highlight=False)


def emit_json(result: Mapping[str, Any]) -> None:
    """One JSON object, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(result, ensure_ascii=False, allow_nan=False) + "\n")


def emit_pairs(result: Mapping[str, Any], names: Iterable[str]) -> None:
    """Chosen figures of a result, one a line."""
    table = Table(show_header=False, box=None, pad_edge=False)
    for name in names:
        if name in result:
            table.add_row(name.replace("_", " "), shown(result[name]))
    results().print(table)


def emit_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of equal keys as a table."""
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name, value in rows[0].items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name.replace("_", " "), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(shown(value) for value in row.values()))
    results().print(table)


def shown(value: Any) -> str:
    """A value for a person: thousands apart, no binary noise."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return str(value)
