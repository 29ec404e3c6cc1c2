"""Lessons as cards: title, question, ways to open it, and the table of its last verdicts."""

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
from mdit_py_plugins.dollarmath import dollarmath_plugin

from app.lessons import Lesson, cells
from app.theme import MONO
from app.views.frame import CARD

STYLE = f"""
:host {{ margin: 0; overflow-x: auto; }}
.lesson {{ padding: 12px 18px 4px; font-size: 14px; line-height: 1.5; }}
.lesson h2 {{ font-size: 18px; margin: 0 0 2px; }}
.lesson p {{ margin: 2px 0 8px; max-width: 78em; }}
.lesson small {{ color: color-mix(in srgb, currentColor 70%, transparent); }}
table {{ border-collapse: collapse; font: 12px/1.7 {MONO}; }}
th, td {{ text-align: right; padding: 0 18px 0 0; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); font-weight: 500; }}
td.no {{ color: #d55e00; font-weight: 700; }}
a {{ color: inherit; }}
"""
TITLES = ("what", "published", "simulated", "standard error", "tolerance", "verdict")
MODES = {"short": "in its short form", "full": "with its full number of runs"}


def _formula(tex: str, how: dict[str, bool]) -> str:
    """A formula between the signs that a page's MathJax wants; lessons have dollars, as notebooks do."""
    return f"$${tex}$$" if how["display_mode"] else rf"\({tex}\)"


FORMULAS = partial(dollarmath_plugin, renderer=_formula)


class LessonCard:
    """One lesson. `run()` is called to run it; `read(lesson)` to show its text."""

    def __init__(
        self, lesson: Lesson, served: bool, run: Callable[[Lesson], None], read: Callable[[Lesson], None]
    ) -> None:
        self.lesson = lesson
        self._served = served
        small = {"size": "small", "variant": "outlined", "margin": (2, 6)}
        self._pane = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_width")
        self.read = pmui.Button(label="Read", icon="menu_book", **small)
        self.run = pmui.Button(label="Run it here", icon="play_arrow", **small)
        self.read.on_click(lambda _: read(lesson))
        self.run.on_click(lambda _: run(lesson))
        self.viewable = pn.Column(
            self._pane,
            pn.Row(self.read, self.run, margin=(0, 10, 10, 10)),
            stylesheets=[CARD],
            sizing_mode="stretch_width",
            margin=(0, 0, 12, 0),
        )
        self.show("")

    def show(self, doing: str) -> None:
        """The lesson as it stands; `doing` says what is under way."""
        lesson = self.lesson
        link = (
            f"<a href='{escape(lesson.name)}'>Open it as a live notebook</a>"
            if self._served
            else "As a notebook: <code>make lab</code>, or <code>panel serve "
            f"lessons/{escape(lesson.name)}.ipynb</code>"
        )
        text = (
            f"<div class='lesson'><h2>{escape(lesson.title)}</h2><p>{escape(lesson.question)}</p>"
            f"<p><small>{link}</small></p>{_verdicts(lesson.verdicts)}"
            f"{f'<p role=status>{escape(doing)}</p>' if doing else ''}</div>"
        )
        if self._pane.object != text:
            self._pane.object = text


def _verdicts(kept: dict[str, Any] | None) -> str:
    if kept is None:
        return "<p><small>It has not been run here yet: no verdicts.</small></p>"
    head = "".join(f"<th>{title}</th>" for title in TITLES)
    rows = "".join(_verdict(row) for row in kept["rows"])
    mode = MODES.get(kept["mode"], kept["mode"])
    return (
        f"<p><small>Last run: {escape(kept['engine'])} engine, {escape(mode)}.</small></p>"
        f"<table class='verdicts'><tr>{head}</tr>{rows}</table>"
    )


def _verdict(row: dict[str, Any]) -> str:
    names = ("published", "simulated", "standard_error", "tolerance")
    numbers = "".join(f"<td>{_number(row.get(name))}</td>" for name in names)
    word = "passed" if row["passed"] else "did not come out"
    css = "" if row["passed"] else " class='no'"
    return f"<tr><td>{escape(str(row['what']))}</td>{numbers}<td{css}>{word}</td></tr>"


def _number(value: Any) -> str:
    return "–" if value is None else escape(f"{value:,.6g}" if isinstance(value, float) else str(value))


def text_of(lesson: Lesson) -> list[pn.viewable.Viewable]:
    """A lesson to read: its text, and its code as code."""
    made: list[pn.viewable.Viewable] = []
    for is_text, source in cells(lesson):
        shown = source if is_text else f"```python\n{source}\n```"
        pane = pn.pane.Markdown(shown, plugins=[FORMULAS], sizing_mode="stretch_width", margin=(0, 18))
        made.append(pane)
    return made
