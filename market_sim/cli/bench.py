"""`market-sim bench`: how fast the engine is, on a stated workload, with its results checked."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from market_sim.cli.options import Json
from market_sim.cli.output import emit_json, emit_pairs
from market_sim.cli.progress import counting, working

bench = typer.Typer(no_args_is_help=True, help="Measure the engine.", rich_markup_mode=None)


class PathName(StrEnum):
    """Ways into the engine."""

    rust = "rust"
    batch = "batch"
    call = "call"
    reference = "reference"


@bench.callback()
def group() -> None:
    """Measure the engine. Times are processor time; the least of all rounds is reported."""


@bench.command()
def match(
    file: Annotated[Path, typer.Argument(help="The .bin file of a matching workload.")],
    path: Annotated[
        PathName,
        typer.Option(
            help="rust: the whole loop in Rust. batch: arrays of 1,000 commands. "
            "call: one Python call per command. reference: the engine in Python."
        ),
    ] = PathName.rust,
    rounds: Annotated[int, typer.Option(help="Timed rounds.", min=1)] = 9,
    books: Annotated[
        int, typer.Option(help="rust only: so many books, each a little behind the one before.", min=1)
    ] = 1,
    ledger: Annotated[bool, typer.Option(help="rust only: post every match to a ledger.")] = False,
    as_json: Json = False,
) -> None:
    """Match a workload of order messages in one book."""
    from market_sim.bench import bench_match

    with counting(f"bench match, {path}", "rounds") as tell:
        report = bench_match(file, path.value, rounds, tell, books, ledger).as_dict()
    if as_json:
        emit_json(report)
    else:
        emit_pairs(report, report)


@bench.command()
def replay(
    file: Annotated[Path, typer.Argument(help="The .res.bin file of a matching workload.")],
    rounds: Annotated[int, typer.Option(help="Timed rounds.", min=1)] = 5,
    as_json: Json = False,
) -> None:
    """Replay a resolved feed, order by order and by levels, beside the package hftbacktest if installed."""
    from market_sim.bench_replay import bench_replay

    with working("bench replay"):
        report = bench_replay(file, rounds)
    if as_json:
        emit_json(report)
    else:
        emit_pairs(report, report)
