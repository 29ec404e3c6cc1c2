"""`market-sim run` and `market-sim verify`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from market_sim.cli.errors import FAILED_CHECK
from market_sim.cli.options import Engine, Json, Out, Overrides, Seed, Until, name_of, read_duration
from market_sim.cli.output import emit_json, emit_pairs, emit_table, notes
from market_sim.cli.progress import simulating

HEADLINES = (
    "scenario", "seed", "engine", "event_log_hash", "events", "orders", "cancels", "fills", "volume",
    "ledger_imbalance", "portable", "cpu_s", "wall_s", "peak_rss_mb",
)  # fmt: skip


def run(
    scenario: Annotated[str, typer.Argument(help="A shipped scenario's name or a TOML file.")],
    seed: Seed = None,
    until: Until = None,
    engine: Engine = None,
    overrides: Overrides = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Run a scenario from start to end."""
    from market_sim.running import run as run_market
    from market_sim.scenario import load

    plan = load(scenario, overrides or ())
    until_ns = read_duration(until, "--until")
    with simulating(plan.name) as tell:
        result = run_market(plan, seed=seed, until=until_ns, engine=name_of(engine), progress=tell, out=out)
    show(result.summary(), as_json)
    if out is not None:
        notes().print(
            f"saved to {out}; `market-sim verify {out}` runs it again", markup=False, soft_wrap=True
        )


def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that `run --out` or `replay --out` wrote.")],
    engine: Engine = None,
    as_json: Json = False,
) -> None:
    """Run a saved result again and compare event-log hashes; exit code 1 where they differ."""
    from market_sim.running import verify as verify_folder

    with simulating(f"verify {folder}") as tell:
        verification = verify_folder(folder, engine=name_of(engine), progress=tell)
    told = {
        "same": verification.same,
        "recorded": verification.recorded,
        "repeated": verification.repeated,
        "engine": verification.result.summary()["engine"],
    }
    if as_json:
        emit_json(told)
    else:
        emit_pairs(told, told)
    if not verification.same:
        raise typer.Exit(FAILED_CHECK)


def show(summary: Mapping[str, Any], as_json: bool) -> None:
    """A run's summary: the whole object for programs, headlines and accounts for people."""
    if as_json:
        emit_json(summary)
        return
    emit_pairs(summary, HEADLINES)
    emit_table(
        f"accounts (profit in {summary['numeraire']})",
        [
            {
                "agent": name,
                "profit": account["profit"],
                "inventory": account["inventory"],
                "fees": account["fees"],
            }
            for name, account in summary["accounts"].items()
        ],
    )
