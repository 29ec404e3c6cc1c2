"""The lessons that are shipped: what each asks, what its last run here found, and how to run it again."""

import contextlib
import os
import re
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market_sim.runner.tasks import Limits, Progress, Tell
from market_sim.teaching import last_verdicts

HOME = Path(__file__).resolve().parent.parent / "lessons"
LIMITS = Limits(wall_s=900.0, memory_mb=2048)
TITLE = re.compile(r"^# # (.+)$", re.MULTILINE)
QUESTION = re.compile(r"^# \*\*Question\.\*\* (.+?)(?:^#\s*$|^[^#]|\Z)", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Lesson:
    """One lesson: its file's name without an ending, its title, and its question in a line."""

    name: str
    title: str
    question: str

    @property
    def file(self) -> Path:
        """The reviewed source."""
        return HOME / f"{self.name}.py"

    @property
    def verdicts(self) -> dict[str, Any] | None:
        """What its last run here concluded: lesson, engine, mode, rows; None if it never ran here."""
        return last_verdicts(self.name)


def lessons() -> dict[str, Lesson]:
    """Every lesson there is, in order, by name. Empty where the checkout's folder is not here."""
    found = {}
    for file in sorted(HOME.glob("[0-9][0-9]_*.py")):
        text = file.read_text(encoding="utf-8")
        title, question = TITLE.search(text), QUESTION.search(text)
        found[file.stem] = Lesson(
            file.stem,
            title.group(1).strip() if title else file.stem.replace("_", " "),
            " ".join(question.group(1).replace("\n# ", " ").split()) if question else "",
        )
    return found


def served_names(arguments: Sequence[str] = sys.argv) -> set[str]:
    """The lessons that this server serves as pages of their own: it was started with their notebooks."""
    return {Path(text).stem for text in arguments if text.endswith(".ipynb")}


def cells(lesson: Lesson) -> list[tuple[bool, str]]:
    """(whether it is text, its source) of every cell that a reader needs; solutions stay in the notebook."""
    parts = CELL.split(lesson.file.read_text(encoding="utf-8"))
    found = []
    for marker, body in zip(parts[1::2], parts[2::2], strict=True):
        if "solution" in marker:
            continue
        is_text = "[markdown]" in marker
        lines = body.strip("\n").splitlines()
        if is_text:
            lines = [re.sub(r"^# ?", "", line) for line in lines]
        found.append((is_text, "\n".join(lines).strip()))
    return [cell for cell in found if cell[1]]


def run_lesson(request: str, folder: Path, tell: Tell) -> None:
    """The work of a task: run a lesson from top to bottom in its short form; it keeps its own verdicts."""
    os.environ["MARKET_SIM_LESSONS"] = "short"
    os.chdir(folder)
    tell(Progress(None, f"running {request} in its short form"))
    with (folder / "output.txt").open("w", encoding="utf-8") as output, contextlib.redirect_stdout(output):
        runpy.run_path(str(lessons()[request].file), run_name="__main__")
