"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from market_sim.errors import ScenarioError
from market_sim.units import UnitsError, parse_duration


class EngineName(StrEnum):
    """The two engines."""

    rust = "rust"
    reference = "reference"


class Clock(StrEnum):
    """The two clocks of a replay."""

    local = "local"
    venue = "venue"


class Protocol(StrEnum):
    """What captures are written in, and the forms of tables."""

    binance = "binance"
    kraken = "kraken"
    coinbase = "coinbase"
    okx = "okx"
    bybit = "bybit"
    lobster = "lobster"
    tardis = "tardis"
    hftbacktest = "hftbacktest"
    quotes = "quotes"
    trades = "trades"
    bars = "bars"
    closes = "closes"


def name_of(choice: StrEnum | None) -> str | None:
    """The plain text of a choice; None where the default shall rule."""
    return None if choice is None else choice.value


def read_duration(text: str | None, option: str) -> int | None:
    """Nanoseconds of a duration above 0; ScenarioError names the option."""
    if text is None:
        return None
    try:
        found_ns = parse_duration(text)
    except UnitsError as error:
        raise ScenarioError(error.what, option, error.remedy) from None
    if found_ns < 1:
        raise ScenarioError(f"{text!r} is no time", option, "Give a duration above 0.")
    return found_ns


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of every random stream; default: the scenario's.", min=0)
]
Engine = Annotated[EngineName | None, typer.Option(help="Default: native where it is built.")]
Until = Annotated[str | None, typer.Option(help='Simulated time to run, as in "1h" or "250ms".')]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Change one value: duration=30m, agents.maker.params.gamma=0.2."),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the resolved scenario, run.json and Parquet tables.")
]
