"""A session written down: the market asked for, and every command with where the market stood. Played again
it ends with the same hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from market_sim.errors import DataError, MarketSimError
from market_sim.runner.commands import ACTIONS, Command, MarketRequest, Reopen, Restart, Step
from market_sim.runner.frames import JournalEntry
from market_sim.runner.process import Factory, Source
from market_sim.units import SECOND_NS

KINDS = {kind.__name__: kind for kind in (*ACTIONS, Step)}


def to_text(request: MarketRequest, journal: Iterable[JournalEntry]) -> str:
    """One JSON object a line: the market as it was last opened, then what happened to it. What only changed
    the pace is left out.
    """
    kept: list[JournalEntry] = []
    for entry in journal:
        if isinstance(entry.command, Restart):
            request, kept = request.with_seed(entry.command.seed), []
        elif isinstance(entry.command, Reopen):
            request, kept = entry.command.request, []
        elif isinstance(entry.command, (*ACTIONS, Step)):
            kept.append(entry)
    lines: list[dict[str, Any]] = [{"market": asdict(request)}]
    lines += [
        {"time_ns": entry.time_ns, "do": type(entry.command).__name__, **asdict(entry.command)}
        for entry in kept
    ]
    return "".join(json.dumps(line, default=str) + "\n" for line in lines)


def from_text(text: str) -> tuple[MarketRequest, list[tuple[int, Command]]]:
    """What `to_text` wrote: the market and (time, command) pairs; DataError names the line."""
    number = 1
    try:
        first, *rest = text.splitlines()
        market = json.loads(first)["market"]
        captures = tuple(Path(name) for name in market["captures"])
        strategy = market["strategy"] and (
            market["strategy"][0],
            tuple((name, value) for name, value in market["strategy"][1]),
        )
        lists = {name: tuple(market[name]) for name in ("changes", "strategy_listings", "books")}
        record = market["record"] and Path(market["record"])
        request = MarketRequest(
            **{**market, **lists, "captures": captures, "strategy": strategy, "record": record}
        )
        found: list[tuple[int, Command]] = []
        for line in rest:
            number += 1
            entry = json.loads(line)
            time_ns, kind = int(entry.pop("time_ns")), KINDS[entry.pop("do")]
            found.append((time_ns, kind(**entry)))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"this is no line of a journal ({error})", "journal", number) from None
    return request, found


def play(
    request: MarketRequest, entries: Sequence[tuple[int, Command]], until_ns: int, factory: Factory
) -> Source:
    """The market after the same commands at the same instants, run on to `until_ns`."""
    market = factory(request)
    for time_ns, command in entries:
        if time_ns > market.now_ns:
            market.step_to(time_ns)
        _do(market, command)
    if until_ns > market.now_ns and not market.finished:
        market.step_to(until_ns)
    return market


def _do(market: Source, command: Command) -> None:
    if isinstance(command, Step):
        if command.unit == "event":
            market.step_event()
        else:
            market.step_to(min(market.now_ns + SECOND_NS, market.end_ns))
        return
    assert isinstance(command, ACTIONS), "a journal holds nothing else"
    try:
        market.act(command)
    except MarketSimError:
        # It was refused then as well, and the person was told.
        return
