"""The lessons as pages with their figures: each is run once, in its short form, and kept until something
changes.

A figure becomes a plain Bokeh document; BokehJS lies beside the pages, so that nothing is fetched from
another machine. `conf.py` calls `setup`; by hand: python docs/lesson_pages.py LESSON TARGET
"""

import ast
import hashlib
import io
import logging
import os
import shutil
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LESSONS = ROOT / "lessons"
SCRIPTS = ("bokeh", "bokeh-widgets", "bokeh-tables")
#: Lessons that run at the same time.
SIDE_BY_SIDE = 2


def setup(app):
    """Runs what is stale before pages are read, and gives lesson pages their scripts."""
    app.connect("builder-inited", make_pages)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def make_pages(app):
    """Writes docs/lessons/NAME.ipynb with outputs for every lesson whose sources have changed."""
    folder, kept = Path(app.srcdir) / "lessons", ROOT / "build" / "lessons"
    kept.mkdir(parents=True, exist_ok=True)
    waiting = []
    for lesson in sorted(LESSONS.glob("[0-9]*.py")):
        target = kept / f"{lesson.stem}-{digest(lesson)}.ipynb"
        if not target.exists():
            for old in kept.glob(f"{lesson.stem}-*.ipynb"):
                old.unlink()
            waiting.append((lesson, target))
    run_all(waiting)
    for made in sorted(kept.glob("*.ipynb")):
        page = folder / f"{made.stem.rpartition('-')[0]}.ipynb"
        if not page.exists() or page.read_bytes() != made.read_bytes():
            shutil.copyfile(made, page)
    copy_scripts(Path(app.outdir) / "_static")


def digest(lesson):
    """Of everything that a lesson's numbers depend on in this repository."""
    told = hashlib.sha256()
    parts = [
        path for folder in ("market_sim", "agents") for end in ("py", "toml", "so", "gz")
        for path in sorted((ROOT / folder).rglob(f"*.{end}"))
    ]  # fmt: skip
    for path in [lesson, Path(__file__), *parts]:
        told.update(path.name.encode() + path.read_bytes())
    return told.hexdigest()[:16]


def run_all(waiting):
    """Run lessons in processes that take one after the other: what all of them import costs more than most of
    them compute. The later ones are the longer ones and go first. SystemExit names those that failed.
    """
    if not waiting:
        return
    with ProcessPoolExecutor(SIDE_BY_SIDE, get_context("spawn"), initializer=prepare) as workers:
        running = {lesson: workers.submit(execute, lesson, target) for lesson, target in reversed(waiting)}
    failed = {lesson: run.exception() for lesson, run in running.items() if run.exception()}
    for error in failed.values():
        traceback.print_exception(error)
    if failed:
        raise SystemExit(f"{', '.join(lesson.name for lesson in failed)} did not run to the end; see above")


def prepare():
    """What a process needs before its first lesson."""
    os.environ |= {"MARKET_SIM_LESSONS": "short", "MARKET_SIM_CACHE": str(ROOT / "build" / "lessons")}
    os.chdir(ROOT)
    # That knobs do not turn in a page is known, and said on the page of lessons.
    logging.getLogger("bokeh").setLevel(logging.ERROR)


def execute(lesson, target):
    """Run a lesson from top to bottom, in names of its own, and write it with what its cells gave."""
    import jupytext
    import nbformat

    notebook = jupytext.read(lesson)
    names = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            printed = io.StringIO()
            with redirect_stdout(printed):
                value = evaluate(cell.source, names)
            cell.outputs, cell.execution_count = outputs(printed.getvalue(), value), None
    partial = target.with_suffix(".part")
    nbformat.write(notebook, partial)
    partial.rename(target)


def evaluate(source, names):
    """Run a cell; the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)  # noqa: S102 - the repository's own lessons
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)  # noqa: S307


def outputs(printed, value):
    """What a notebook keeps of a cell: printed text, then a figure, a table or a text."""
    from nbformat.v4 import new_output

    made = [new_output("stream", name="stdout", text=printed)] if printed else []
    if value is None:
        return made
    html = figure(value) or (value._repr_html_() if hasattr(value, "_repr_html_") else None)
    data = {"text/plain": repr(value)} if html is None else {"text/html": html}
    return [*made, new_output("display_data", data=data)]


def figure(value):
    """HTML of a HoloViews or Panel object, or None for anything else."""
    import holoviews as hv
    import panel as pn
    from bokeh.embed import components
    from bokeh.models import ImportedStyleSheet
    from panel.io.notebook import patch_inline_stylesheets

    if not isinstance(value, hv.core.Dimensioned | hv.core.layout.Layoutable | pn.viewable.Viewable):
        return None
    model = value.get_root() if isinstance(value, pn.viewable.Viewable) else hv.render(value, backend="bokeh")
    for part in model.references():
        if any(isinstance(sheet, ImportedStyleSheet) for sheet in getattr(part, "stylesheets", [])):
            patch_inline_stylesheets(part)
    script, div = components(model)
    return f"<div>{div}{script}</div>"


def copy_scripts(folder):
    """BokehJS and Panel's part of it, out of the installed packages."""
    import bokeh
    import panel

    folder.mkdir(parents=True, exist_ok=True)
    for name in SCRIPTS:
        shutil.copy(Path(bokeh.__file__).parent / "server" / "static" / "js" / f"{name}.min.js", folder)
    shutil.copy(Path(panel.__file__).parent / "dist" / "panel.min.js", folder)


def add_scripts(app, pagename, templatename, context, doctree):
    """Scripts for the pages that have figures only."""
    if pagename.startswith("lessons/") and pagename != "lessons/index":
        for name in (*SCRIPTS, "panel"):
            app.add_js_file(f"{name}.min.js")


if __name__ == "__main__":
    execute(Path(sys.argv[1]), Path(sys.argv[2]))
