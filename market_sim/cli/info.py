"""`market-sim doctor` and `market-sim scenarios`."""

from __future__ import annotations

from typing import Annotated

import typer

from market_sim.cli.errors import FAILED_CHECK
from market_sim.cli.options import Json
from market_sim.cli.output import emit_json, emit_table, results


def doctor(
    as_json: Json = False,
    port: Annotated[int, typer.Option(help="The dashboard's port to look at.")] = 5006,
) -> None:
    """Report versions, engine and obstacles, to read or to paste into an issue; exit code 1 for an error."""
    from market_sim.doctor import examine

    report = examine(port)
    if as_json:
        emit_json(report.as_dict())
    else:
        results().print(report.as_text(), markup=False, soft_wrap=True)
    if not report.healthy:
        raise typer.Exit(FAILED_CHECK)


def scenarios(as_json: Json = False) -> None:
    """List the scenarios that come with market_sim."""
    from market_sim.scenario import load, shipped_scenarios

    rows = [
        {"name": name, "description": load(name).description.strip().split("\n")[0]}
        for name in shipped_scenarios()
    ]
    if as_json:
        emit_json({"scenarios": rows})
    else:
        emit_table("shipped scenarios", rows)
