"""Writes the students' copies of the lessons: notebooks without the cells tagged `solution`, and what they import.

python lessons/handout.py FOLDER
"""

import shutil
import sys
from pathlib import Path

import jupytext

LESSONS = Path(__file__).resolve().parent
SOLUTION = "solution"


def without_solutions(lesson: Path, folder: Path) -> Path:
    """One copy; gives its path."""
    notebook = jupytext.read(lesson)
    notebook.cells = [cell for cell in notebook.cells if SOLUTION not in cell.metadata.get("tags", [])]
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / lesson.with_suffix(".ipynb").name
    jupytext.write(notebook, target)
    return target


if __name__ == "__main__":
    for lesson in sorted(LESSONS.glob("[0-9]*.py")):
        written = without_solutions(lesson, Path(sys.argv[1]))
        sys.stdout.write(f"{written}\n")
    # Beside the notebooks it is found wherever the library is installed, without the checkout.
    beside = Path(sys.argv[1]) / LESSONS.name
    beside.mkdir(exist_ok=True)
    shutil.copy(LESSONS / "notebook.py", beside)
