"""The page of lessons: a list, their last verdicts, one to read, and runs in a process of their own."""

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document

from app.controls import LIGHT
from app.lessons import LIMITS, Lesson, lessons, run_lesson, served_names
from app.presence import Presence
from app.theme import RAW_CSS, THEME_CONFIG
from app.views.lessons import LessonCard, text_of
from app.views.navigation import LESSONS, navigation
from app.views.status import STYLE as STATUS
from market_sim.errors import MarketSimError
from market_sim.runner.tasks import Task

BEAT_MS = 250
INTRODUCTION = (
    "<p style='font-size:14px;max-width:78em;margin:4px 0 10px'>Each lesson asks a question, derives an "
    "answer, simulates it through the engine, and ends with a table: what was published, what came out here, "
    "and whether the two agree.</p>"
)
NO_LESSONS = "The folder of lessons is not here: the installed package holds the library only."


class LessonsPage:
    """One visitor's page of lessons."""

    def __init__(self, query: Mapping[str, str]) -> None:
        # Only this page shows formulas.
        pn.extension("mathjax")
        self._known = lessons()
        self._presence = Presence()
        self._task: Task | None = None
        self._running = ""
        self._dark = query.get("theme") != LIGHT
        complaints = [f"There is no lesson {query['lesson'][:40]!r}."] if self._unknown(query) else []
        complaints += [] if self._known else [NO_LESSONS]
        self._status = pn.pane.HTML("", stylesheets=[STATUS], sizing_mode="stretch_width")
        self._complain(*complaints)
        served = served_names()
        self._cards = {
            name: LessonCard(lesson, name in served, self._run, self._read)
            for name, lesson in self._known.items()
        }
        self._list = pn.Column(
            pn.pane.HTML(INTRODUCTION, sizing_mode="stretch_width"),
            *(card.viewable for card in self._cards.values()),
            sizing_mode="stretch_width",
            margin=0,
        )
        self._back = pmui.Button(label="All lessons", icon="arrow_back", variant="outlined", size="small")
        self._back.on_click(lambda _: self._soon(self._show_list))
        self._text = pn.Column(sizing_mode="stretch_width", margin=0, visible=False)
        self.template = pmui.Page(
            title="market_sim",
            header=[navigation(LESSONS, self._dark)],
            main=[
                pn.Column(self._status, self._list, self._text, sizing_mode="stretch_width", margin=(10, 20))
            ],
            theme_config=THEME_CONFIG,
            dark_theme=self._dark,
            busy_indicator=None,
            raw_css=[RAW_CSS],
        )
        self.template.param.watch(lambda event: self._choose_theme(event.new), "dark_theme")
        self._open = ""
        if query.get("lesson") in self._known:
            self._show_text(self._known[query["lesson"]])

    def _unknown(self, query: Mapping[str, str]) -> bool:
        return bool(query.get("lesson")) and query["lesson"] not in self._known

    def _soon(self, action: Any) -> None:
        """Do it as soon as the document may be changed: a click's own handler runs without that right."""
        self._document.add_next_tick_callback(lambda: action())

    def _complain(self, *sentences: str) -> None:
        parts = (f"<div class='error' role='alert'>{escape(sentence)}</div>" for sentence in sentences)
        self._status.object = "".join(parts)

    def _choose_theme(self, dark: bool) -> None:
        self._dark = dark
        self._show_link()

    def _read(self, lesson: Lesson) -> None:
        self._soon(lambda: self._show_text(lesson))

    def _show_text(self, lesson: Lesson) -> None:
        self._open = lesson.name
        self._text.objects = [self._back, *text_of(lesson)]
        self._list.visible, self._text.visible = False, True
        self._show_link()

    def _show_list(self) -> None:
        self._open = ""
        self._text.objects = []
        self._list.visible, self._text.visible = True, False
        self._show_link()

    def _show_link(self) -> None:
        if pn.state.location:
            theme = {} if self._dark else {"theme": LIGHT}
            lesson = {"lesson": self._open} if self._open else {}
            pn.state.location.search = "?" + urlencode({"page": "lessons", **lesson, **theme})

    # -- a run

    def _run(self, lesson: Lesson) -> None:
        self._soon(lambda: self._begin(lesson))

    def _begin(self, lesson: Lesson) -> None:
        if self._task is not None:
            return
        self._complain()
        try:
            self._task = Task(run_lesson, lesson.name, LIMITS)
        except MarketSimError as error:
            self._complain(str(error))
            return
        self._running = lesson.name
        self._show_buttons()

    def _show_buttons(self) -> None:
        for card in self._cards.values():
            card.run.disabled = self._task is not None

    def serve(self, document: Document) -> None:
        """Start the beat of the page's document, and end its run with it."""
        self._document = document
        self._presence.watch(document, self._close)
        document.add_periodic_callback(self._beat, BEAT_MS)
        self.template.server_doc(document)

    def _beat(self) -> None:
        self._presence.look()
        task = self._task
        if task is None:
            return
        task.poll()
        if task.running and not self._presence.deserted:
            self._cards[self._running].show(f"{task.progress.doing.capitalize()} …")
            return
        self._close()
        self._cards[self._running].show("")
        self._show_buttons()
        if task.failure is not None:
            self._complain(task.failure.sentence.partition("\n")[0])

    def _close(self) -> None:
        if self._task is not None:
            self._task.close()
            self._task = None
