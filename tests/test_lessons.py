"""The lessons: pairs in step, cells small, every one run from top to bottom in its short form."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import lesson_pages  # noqa: E402 - a script beside the pages, not a module of the project

LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.py"))
LONGEST_CELL = 15


def cells(lesson):
    return jupytext.read(lesson).cells


def code_of(cell):
    """Lines of a cell that are code: neither blank nor comment."""
    return [line for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]


def test_there_are_lessons_in_order():
    assert [lesson.name[:2] for lesson in LESSONS] == [f"{k:02}" for k in range(1, len(LESSONS) + 1)]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_the_notebook_is_the_reviewed_file_and_holds_no_output(lesson):
    notebook = json.loads(lesson.with_suffix(".ipynb").read_text(encoding="utf-8"))
    assert ["".join(cell["source"]) for cell in notebook["cells"]] == [cell.source for cell in cells(lesson)]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook["cells"])


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_has_the_form(lesson):
    text = [cell.source for cell in cells(lesson) if cell.cell_type == "markdown"]
    code = [cell for cell in cells(lesson) if cell.cell_type == "code"]
    assert "**Question.**" in text[0]
    assert any("**Notice**" in part for part in text)
    assert any("**Exercise" in part for part in text)
    assert any("solution" in cell.metadata.get("tags", []) for cell in code)
    assert "conclude(" in code[-1].source.splitlines()[-1]
    imports = (ast.Import, ast.ImportFrom)
    for cell in code:
        # A list of imports is read at a glance, however long.
        if not all(isinstance(line, imports) for line in ast.parse(cell.source).body[:3]):
            assert len(code_of(cell)) <= LONGEST_CELL, cell.source


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_formulas_survive_being_served(lesson):
    r"""`panel serve` puts a cell's text between Python's quotes as it is: `\tau` becomes a tab and `au`."""
    texts = [cell.source for cell in cells(lesson) if cell.cell_type == "markdown"]
    hurt = [found for text in texts for found in re.findall(r"\\[abfnrtvxuUN0-7\\\n'\"]\w*", text)]
    assert hurt == []


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_runs_and_its_numbers_come_out(lesson, tmp_path):
    # Where `make docs` has run just these sources (as .ci/run does), its table is what is looked at.
    pages = ROOT / "build" / "lessons"
    ran_for_pages = (pages / f"{lesson.stem}-{lesson_pages.digest(lesson)}.ipynb").exists()
    cache = pages if ran_for_pages else tmp_path
    if not ran_for_pages:
        environment = {**os.environ, "MARKET_SIM_CACHE": str(cache), "MARKET_SIM_LESSONS": "short"}
        done = subprocess.run(
            [sys.executable, str(lesson)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr[-3000:]
    kept = json.loads((cache / "market_sim" / "lessons" / f"{lesson.stem}.json").read_text())
    assert kept["mode"] == "short"
    assert kept["rows"]
    assert all(row["passed"] for row in kept["rows"])


def names(cells, context):
    """Names that code cells use in a context (ast.Store or ast.Load)."""
    trees = [ast.parse(cell.source) for cell in cells if cell.cell_type == "code"]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return {node.id for node in nodes if isinstance(node.ctx, context)}


def test_a_handout_has_the_questions_and_not_the_solutions(tmp_path):
    script = str(ROOT / "lessons" / "handout.py")
    subprocess.run([sys.executable, script, str(tmp_path)], check=True, capture_output=True, timeout=120)
    for lesson in LESSONS:
        kept = jupytext.read(tmp_path / lesson.with_suffix(".ipynb").name).cells
        tagged = [cell for cell in cells(lesson) if "solution" in cell.metadata.get("tags", [])]
        assert len(kept) == len(cells(lesson)) - len(tagged)
        assert not {cell.source for cell in tagged} & {cell.source for cell in kept}
        assert any("from lessons.notebook import" in cell.source for cell in kept)
        # Nothing that is left needs what only a solution makes.
        only_there = names(tagged, ast.Store) - names(kept, ast.Store)
        assert not only_there & names(kept, ast.Load)
    # Opened in its folder, a copy finds what it imports.
    done = subprocess.run([sys.executable, "-c", "import lessons.notebook as it; print(it.__file__)"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "lessons" / "notebook.py")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_says_which_engine_runs_where_a_served_page_shows_it(lesson):
    """What a cell prints, a served page does not show; the first cell's last value it does."""
    first, *others = [cell for cell in cells(lesson) if cell.cell_type == "code"]
    calls = [line for line in code_of(first) if not line.startswith((" ", "import", "from", ")"))]
    assert calls[0] == "set_up()"
    assert re.fullmatch(r"about\(\)|said\(about\(\), .*\)", calls[-1])
    assert not [line for cell in others for line in code_of(cell) if line.startswith("print(")]
