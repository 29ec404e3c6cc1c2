"""What is said about a bad scenario: where, what was found, what is allowed, what was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

# Pydantic's kinds of error whose own words speak of Python types; a reader of a TOML file knows other names.
_PLAIN_WORDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "string_type": 'a text in quotes, as in "…"',
    "list_type": "a list, as in [ … ]",
    "dict_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "model_attributes_type": "a table of keys and values",
    "float_type": "a number",
}


def nearest(found: object, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` where an allowed name is close to the one found, otherwise nothing."""
    names = list(allowed)
    by_fold = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(str(found).casefold(), by_fold, n=1, cutoff=0.6)
    return f"; did you mean {by_fold[close[0]]!r}?" if close else ""


def unknown(what: str, found: object, allowed: Iterable[str]) -> str:
    """The sentence for a name that is not among the allowed ones."""
    names = list(allowed)
    listed = ", ".join(names) if names else "none is defined"
    return f"unknown {what} {found!r}; allowed: {listed}{nearest(found, names)}"


def show(value: object) -> str:
    """A value as a file would write it, short enough for one line."""
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def place(path: Sequence[str | int], raw: Any) -> str:
    """A dotted place that `--set` takes too: list entries go by their name, events by their number from 1."""
    parts: list[str] = []
    here = raw
    skipped_tag = False
    for depth, step in enumerate(path):
        if step == "[key]":
            continue
        # A tagged union puts the entry's kind into the path; it is no key of the file.
        if depth == 2 and path[0] == "events" and not skipped_tag and isinstance(here, dict):
            skipped_tag = True
            if step == here.get("kind"):
                continue
        if isinstance(here, list) and isinstance(step, int):
            here = here[step] if step < len(here) else None
            parts.append(_entry_name(path[0], here, step))
            continue
        parts.append(str(step))
        here = here.get(step) if isinstance(here, dict) else None
    return ".".join(parts) or "the file"


def _entry_name(table: str | int, entry: Any, index: int) -> str:
    if isinstance(entry, dict):
        if table == "listings" and "venue" in entry and "instrument" in entry:
            return f"{entry['venue']}:{entry['instrument']}"
        if table == "agents" and isinstance(entry.get("name"), str):
            return str(entry["name"])
    return str(index + 1)


def from_pydantic(error: ValidationError, raw: Any) -> list[tuple[str, str]]:
    """Every finding of a validation as (place, sentence)."""
    return [(place(item["loc"], raw), _sentence(dict(item))) for item in error.errors(include_url=False)]


def _sentence(item: dict[str, Any]) -> str:
    kind, found = item["type"], item["input"]
    if kind == "value_error":
        return str(item["ctx"]["error"])
    if kind == "missing":
        return "this key is missing and has no default"
    if kind == "union_tag_invalid":
        allowed = [name.strip(" '") for name in item["ctx"]["expected_tags"].split(",")]
        return unknown("kind", item["ctx"]["tag"], allowed)
    if kind == "union_tag_not_found":
        return "this entry has no `kind`"
    if kind in _PLAIN_WORDS:
        return f"found {show(found)}; allowed: {_PLAIN_WORDS[kind]}"
    words = item["msg"].replace("Input should be ", "")
    return f"found {show(found)}; allowed: {words}"


def report(source: str, problems: Sequence[tuple[str, str]], overridden: Sequence[str] = ()) -> str:
    """One message for all problems of a source, a line each; says which came in by `--set`."""
    lines = []
    for where, what in problems:
        by_hand = any(path == where or path.startswith(f"{where}.") for path in overridden)
        lines.append(f"{source}: {where}{' (from --set)' if by_hand else ''}: {what}")
    if len(lines) == 1:
        return lines[0]
    return f"{source}: {len(lines)} problems\n" + "\n".join("  " + line for line in lines)
