"""What every lesson uses: how much to compute, exercises that answer, and the table at the end.

A lesson runs in one of two modes: `short`, in seconds and with the random numbers of a fixed seed, and
`full`, with as many runs as its tolerances ask for. `MARKET_SIM_LESSONS=full` chooses the second.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import polars as pl

import market_sim
from market_sim.errors import DataError, MarketSimError
from market_sim.experiments.verdict import Verdict, table

Mode = Literal["short", "full"]


class LessonError(MarketSimError):
    """A verdict that did not come out: the lesson says something that this run does not show."""


def mode() -> Mode:
    """`short` unless MARKET_SIM_LESSONS says `full`; DataError for anything else."""
    said = os.environ.get("MARKET_SIM_LESSONS", "short")
    if said == "short":
        return "short"
    if said == "full":
        return "full"
    raise DataError(f"MARKET_SIM_LESSONS is {said!r}", "environment", remedy="Set it to short or full.")


def pick(short: int, full: int, reference: int | None = None) -> int:
    """How often to run: `full` or `short` by the mode, at most `reference` on the engine in Python."""
    count = full if mode() == "full" else short
    if market_sim.ENGINE == "reference" and reference is not None:
        return min(count, reference)
    return count


def in_full() -> bool:
    """Whether all runs that the tolerances ask for are made: full mode, native engine. Errors as `mode`."""
    return mode() == "full" and market_sim.ENGINE != "reference"


def in_mode(
    rows: Iterable[Verdict], errors: float = 4.0, cap: float = 3.0, rounding: float = 0.0
) -> list[Verdict]:
    """The rows as stated in full mode on the native engine; where fewer runs were made, each within so many
    of its standard errors and half a unit of the printed figure's last digit (`rounding`), but never more
    than `cap` times the stated tolerance. A row without error stays as it is.
    """
    if in_full():
        return list(rows)
    return [row.within(errors, cap * row.tolerance, rounding) if row.standard_error else row for row in rows]


def about() -> str:
    """One sentence for the top of a lesson: which engine runs, and how much."""
    asked = mode()
    long = "in a short form"
    if asked == "full":
        long = (
            "with the runs that the tolerances ask for" if in_full() else "with fewer runs than a full form"
        )
    return f"This lesson runs on the {market_sim.ENGINE} engine, {long} (MARKET_SIM_LESSONS={asked})."


class Exercise:
    """A question with one right number, and a hint for who has another."""

    def __init__(self, answer: float, tolerance: float = 0.0, hint: str = "") -> None:
        self._answer, self._tolerance, self._hint = answer, tolerance, hint

    def check(self, answer: Any) -> str:
        """`right`, or `not yet` with a hint; a blank (`None` or `...`) is no answer. Text to look at."""
        if answer is None or answer is ...:
            return "no answer yet: put a number in the place of the dots"
        try:
            number = float(answer)
        except (TypeError, ValueError):
            return f"not yet: {answer!r} is no number"
        if math.isfinite(number) and abs(number - self._answer) <= self._tolerance:
            return "right"
        return f"not yet. {self._hint}".strip()


def conclude(lesson: str, rows: Iterable[Verdict]) -> pl.DataFrame:
    """The table that a lesson ends with, kept for the dashboard's list of lessons.

    Columns what, published, simulated, standard_error, tolerance, verdict. Raises LessonError, after keeping
    the table, when a line did not come out, so that a lesson that is wrong cannot pass for one that is right.
    """
    verdicts = list(rows)
    kept = {
        "lesson": lesson,
        "engine": market_sim.ENGINE,
        "mode": mode(),
        "rows": [{**asdict(row), "passed": row.passed} for row in verdicts],
    }
    folder = verdict_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{lesson}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    failed = [str(row) for row in verdicts if not row.passed]
    if failed:
        raise LessonError(
            f"{len(failed)} of {len(verdicts)} numbers did not come out: {'; '.join(failed)}",
            f"lesson {lesson}",
            "Run it with MARKET_SIM_LESSONS=full; if it fails again, please report it.",
        )
    # It is the caller who shows the table, and polars would cut a long one in the middle.
    pl.Config.set_tbl_rows(-1).set_fmt_str_lengths(80)
    pl.Config.set_tbl_hide_dataframe_shape(True).set_tbl_hide_column_data_types(True)
    return table(verdicts)


def last_verdicts(lesson: str) -> dict[str, Any] | None:
    """What `conclude` kept of a lesson's last run: lesson, engine, mode, rows; None if it never ran here."""
    file = verdict_folder() / f"{lesson}.json"
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def verdict_folder() -> Path:
    """Where tables are kept: MARKET_SIM_CACHE, else the user's cache folder."""
    home = os.environ.get("MARKET_SIM_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(home if home else Path.home() / ".cache") / "market_sim" / "lessons"
