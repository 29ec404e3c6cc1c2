"""`market-sim replay`: a recorded market with agents in it, or a check that its book is rebuilt right."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from market_sim.cli.errors import FAILED_CHECK
from market_sim.cli.options import (
    Clock,
    Engine,
    Json,
    Out,
    Overrides,
    Protocol,
    Seed,
    Until,
    name_of,
    read_duration,
)
from market_sim.cli.output import emit_json, emit_pairs, emit_table, notes
from market_sim.cli.progress import simulating, working
from market_sim.cli.run import show

CHECKED = (
    "ok", "protocol", "rows", "rows_equal", "rows_adopting", "share_adopting", "executions", "share_at_best",
    "share_of_earliest", "executions_hidden", "unknown_orders", "halts", "checksum_ok", "checksum_bad",
    "checksum_absent", "bbo_rows", "bbo_equal", "crossed", "gaps", "sequence_gaps", "proof", "clock",
    "engine", "frames", "frames_per_s",
)  # fmt: skip


def replay(
    files: Annotated[
        list[str],
        typer.Argument(
            help="Captures in order, plain or .gz; VENUE=FILE where a scenario has several venues."
        ),
    ],
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Agents off: prove the book by every bookTicker, checksum and sequence."
        ),
    ] = False,
    protocol: Annotated[
        Protocol | None, typer.Option(help="Whose messages; default: recognised by the first ones.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(help='Scenario whose listings name recorded symbols; "watch": the recording alone.'),
    ] = None,
    clock: Annotated[
        Clock | None, typer.Option(help="local: receive stamps. venue: exchange stamps, recorded delays.")
    ] = None,
    site_offset: Annotated[
        str | None, typer.Option(help='Added to recorded delays on the venue clock, as in "2ms" or "-1ms".')
    ] = None,
    seed: Seed = None,
    until: Until = None,
    engine: Engine = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Replay recorded markets. Without --scenario an Avellaneda-Stoikov maker trades in the recorded one."""
    if check:
        given = {
            "--seed": seed,
            "--until": until,
            "--set": overrides,
            "--out": out,
            "--site-offset": site_offset,
        }
        _refuse_beside_check([name for name, value in given.items() if value is not None])
        _check(
            files, scenario, as_json, clock=name_of(clock), engine=name_of(engine), protocol=name_of(protocol)
        )
        return
    from market_sim.replaying import replay as replay_files

    until_ns = read_duration(until, "--until")
    with simulating("replay") as tell:
        result = replay_files(
            files,
            scenario,
            seed=seed,
            clock=name_of(clock),
            site_offset=site_offset,
            until=until_ns,
            engine=name_of(engine),
            overrides=overrides or (),
            protocol=name_of(protocol),
            progress=tell,
            out=out,
        )
    summary = result.summary()
    show(summary, as_json)
    for note in summary["replay"]["notes"]:
        notes().print(f"note: {note}", markup=False, soft_wrap=True)


def _refuse_beside_check(names: list[str]) -> None:
    if names:
        raise typer.BadParameter(f"{names[0]} has no meaning beside --check: no agents run there")


def _checked(check_files: Any, files: list[str], scenario: str | None, settings: dict[str, Any]) -> Any:
    from market_sim.replaying.formats import recognise

    table = recognise(files, settings["protocol"])
    if table is None:
        return check_files(files, scenario, **settings)
    if table != "lobster":
        raise typer.BadParameter(f"--check has nothing to compare {table} files with")
    if scenario or settings["clock"]:
        raise typer.BadParameter("--scenario and --clock have no meaning beside --check of a LOBSTER day")
    from market_sim.replaying.lobster_check import check_lobster

    return check_lobster(files, engine=settings["engine"])


def _check(files: list[str], scenario: str | None, as_json: bool, **settings: Any) -> None:
    from market_sim.replaying import check as check_files

    with working("checking every frame"):
        told = _checked(check_files, files, scenario, settings)
    if as_json:
        emit_json(told)
    else:
        emit_pairs(told, CHECKED)
        emit_table("first differences", told["differences"])
    if not told["ok"]:
        raise typer.Exit(FAILED_CHECK)
