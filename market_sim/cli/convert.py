"""`market-sim convert`: recordings as Parquet, with a report of their faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from market_sim.cli.options import Clock, Json, Protocol, name_of
from market_sim.cli.output import emit_json, emit_pairs, emit_table, notes
from market_sim.cli.progress import working

SHOWN = (
    "venue", "symbol", "rows", "updates", "tick", "lot", "backward_stamps", "negative_delays", "snapshots",
    "faults_found", "folder",
)  # fmt: skip


def convert(
    files: Annotated[list[str], typer.Argument(help="Tables: Tardis CSV and the other forms of `replay`.")],
    out: Annotated[Path, typer.Option(help="Folder for the Parquet files.")],
    protocol: Annotated[Protocol | None, typer.Option(help="Their form; default: recognised.")] = None,
    clock: Annotated[Clock, typer.Option(help="Whose stamps are the time.")] = Clock.local,
    as_json: Json = False,
) -> None:
    """Write recordings as Parquet; faults of order, gaps and reconnects are reported with their lines."""
    from market_sim.replaying.convert import convert as convert_files

    with working("converting"):
        told = convert_files(files, out, protocol=name_of(protocol), clock=clock.value)
    if as_json:
        emit_json(told)
        return
    for source in told["sources"]:
        emit_pairs(source, SHOWN)
        emit_table("faults", [{"line": None} | fault for fault in source["faults"]])
        for note in source["notes"]:
            notes().print(f"note: {note}", markup=False, soft_wrap=True)
