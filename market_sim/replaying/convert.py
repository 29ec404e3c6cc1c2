"""Recordings as Parquet: one folder a listing, part by part, with every fault that was found in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from market_sim.engine import FlowKind
from market_sim.errors import DataError
from market_sim.records import LAST, SNAPSHOT, STAMPED
from market_sim.replaying.formats import open_tables, recognise
from market_sim.replaying.rows import Rows, RowSource

SHOWN_FAULTS = 100
SIDES = ("buy", "sell")


def convert(
    files: Any,
    out: str | Path,
    *,
    protocol: str | None = None,
    clock: str = "local",
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write tables as Parquet and report what was found: `market-sim convert`.

    Each source of flow goes to OUT/VENUE_SYMBOL_NUMBER/part-00000.parquet and so on: `time_ns` and
    `exchange_ns` (since 1970; null without a stamp), `delay_ns`, `kind` (a FlowKind in small letters),
    `side`, `order`, `price` and `size` in units, `last` and `snapshot` (of an update). A part is as large
    as a block of the file, so data larger than memory go through.

    Gives per source its rows, updates, counts of corrections and `faults`: stamps that run backwards,
    silences of more than a minute, reconnects; the first hundred with their lines. Raises DataError with
    file and line.
    """
    form = recognise(files, protocol)
    if form is None:
        raise DataError(
            "these are no tables that are known", str(files), remedy="Name their --protocol, as in tardis."
        )
    home = Path(out)
    told = []
    for number, source in enumerate(open_tables(files, form, clock, options)):
        name = re.sub(r"[^A-Za-z0-9]+", "-", source.terms.symbol)
        folder = home / f"{source.terms.venue}_{name}_{number}"
        told.append(_write(source, folder))
    return {"protocol": form, "clock": clock, "out": str(home), "sources": told}


def _write(source: RowSource, folder: Path) -> dict[str, Any]:
    if folder.exists() and any(folder.iterdir()):
        raise DataError("this folder holds something already", str(folder), remedy="Name another --out.")
    folder.mkdir(parents=True, exist_ok=True)
    rows = updates = 0
    for part, batch in enumerate(source.batches()):
        table = _table(batch, source)
        table.write_parquet(folder / f"part-{part:05d}.parquet")
        rows, updates = rows + len(batch), updates + int((batch["flags"] & LAST != 0).sum())
    faults = list(getattr(source, "faults", ()))
    snapshots = source.counts.more.get("snapshots", 0)
    if snapshots > 1:
        faults.append({"fault": "reconnects, with a gap before each", "count": snapshots - 1})
    return {
        "venue": source.terms.venue,
        "symbol": source.terms.symbol,
        "files": list(source.files),
        "folder": str(folder),
        "tick": f"{source.terms.tick:f}",
        "lot": f"{source.terms.lot:f}",
        "rows": rows,
        "updates": updates,
        "backward_stamps": source.counts.backward_stamps,
        "negative_delays": source.counts.negative_delays,
        **source.counts.more,
        "faults": faults[:SHOWN_FAULTS],
        "faults_found": len(faults),
        "notes": source.notes(),
    }


def _table(batch: Rows, source: RowSource) -> pl.DataFrame:
    # One division of two whole numbers is exact to the last place.
    tick, lot = source.terms.tick.as_integer_ratio(), source.terms.lot.as_integer_ratio()
    names = {int(kind): kind.name.lower() for kind in FlowKind}
    stamped = pl.Series(batch["flags"] & STAMPED != 0)
    table = pl.DataFrame(
        {
            "time_ns": batch["time_ns"],
            "exchange_ns": batch["exchange_ns"],
            "delay_ns": batch["delay_ns"],
            "kind": [names[kind] for kind in batch["kind"].tolist()],
            "side": [SIDES[side] for side in batch["side"].tolist()],
            "order": batch["id"],
            "price": batch["price"] * tick[0] / tick[1],
            "size": batch["size"] * lot[0] / lot[1],
            "last": batch["flags"] & LAST != 0,
            "snapshot": batch["flags"] & SNAPSHOT != 0,
        }
    )
    return table.with_columns(pl.when(stamped).then(pl.col("exchange_ns")).alias("exchange_ns"))
