"""The page of backtests: choices on the left, what came of them on the right, the run in a process of its
own.
"""

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from bokeh.models import CustomJS

from app import backtest_data
from app.backtest_controls import DEFAULT_DATA, DEFAULT_STRATEGY, UPLOAD, BacktestControls, from_query
from app.backtest_data import Source
from app.board import FRAME
from app.controls import DARK, LIGHT
from app.parameters import Value, settings_of, text_of
from app.presence import Presence
from app.strategies import strategies
from app.theme import RAW_CSS, THEME_CONFIG
from app.uploads import Uploaded, Uploads
from app.views.backtest_results import BacktestResults
from app.views.backtest_sidebar import BacktestSidebar
from app.views.navigation import BACKTEST, navigation
from market_sim.errors import MarketSimError
from market_sim.runner.backtest_work import run_backtest
from market_sim.runner.backtests import REPORT, TABLES, BacktestOutcome, FileReady
from market_sim.runner.tasks import Task

BEAT_MS = 100
PHONE_PX = 700
FILE_WORDS = {
    REPORT: "Report (HTML, needs no network)",
    **{f"{name}.csv": f"{name.capitalize()} (CSV)" for name in TABLES},
    **{f"{name}.parquet": f"{name.capitalize()} (Parquet)" for name in TABLES},
}


class BacktestPage:
    """One visitor's page of backtests."""

    def __init__(self, query: Mapping[str, str]) -> None:
        controls, complaints = from_query({key: text for key, text in query.items() if key != "page"})
        self._upload: Uploaded | None = None
        self._controls, more = self._possible(controls)
        self._presence = Presence()
        self._task: Task | None = None
        self._ready: list[str] = []
        dark = self._controls.theme == DARK
        self._results = BacktestResults(dark)
        self._results.complain(*complaints, *more)
        self._uploads = Uploads(self._results.charts.window, self._take_upload, self._complain)
        self._sidebar = BacktestSidebar(
            self._controls,
            list(strategies()),
            backtest_data.options(),
            self._uploads.button(),
            backtest_data.sample_file,
        )
        self.template = pmui.Page(
            title="market_sim",
            header=[navigation(BACKTEST, dark)],
            sidebar=[self._sidebar.viewable()],
            main=[self._results.viewable(FRAME)],
            sidebar_width=330,
            theme_config=THEME_CONFIG,
            dark_theme=dark,
            busy_indicator=None,
            raw_css=[RAW_CSS],
        )
        self.template.param.watch(lambda event: self._choose_theme(event.new), "dark_theme")
        self._wire()
        self._show_choices()
        self._show_files()
        self._show_state()

    # -- what the widgets do

    def _wire(self) -> None:
        bar = self._sidebar
        bar.run.on_click(lambda _: self._soon(self._begin))
        bar.stop.on_click(lambda _: self._soon(self._stop))
        bar.strategy.param.watch(lambda event: self._choose_strategy(event.new), "value")
        bar.data.param.watch(lambda event: self._choose_data(event.new), "value")
        for name in ("minutes", "seed", "cash", "short", "maker", "taker", "latency", "calendar"):
            widget = getattr(bar, name)
            widget.param.watch(lambda event, name=name: self._change(**{name: event.new}), "value")

    def _soon(self, action: Any) -> None:
        """Do it as soon as the document may be changed: a click's own handler runs without that right."""
        self._document.add_next_tick_callback(lambda: action())

    def _complain(self, *sentences: str) -> None:
        self._results.complain(*sentences)
        self._show_state()

    def _change(self, **changes: Any) -> None:
        if any(value is None for value in changes.values()):
            return
        kinds = {name: type(getattr(self._controls, name)) for name in changes}
        typed = {name: kinds[name](value) for name, value in changes.items()}
        self._controls = replace(self._controls, **typed)
        self._show_link()

    def _choose_theme(self, dark: bool) -> None:
        self._results.paint(dark)
        self._change(theme=DARK if dark else LIGHT)

    def _choose_strategy(self, name: str) -> None:
        if name != self._controls.strategy:
            self._change(strategy=name, parameters=())
            self._show_choices()

    def _choose_data(self, data: str | None) -> None:
        if data is not None and data != self._controls.data:
            self._change(data=data)
            self._complain()
            self._show_choices()

    def _move(self, name: str, value: Value) -> None:
        given = dict(self._controls.parameters)
        plain = {setting.name: setting.default for setting in self._settings()}
        if value == plain.get(name):
            given.pop(name, None)
        else:
            given[name] = text_of(value)
        self._change(parameters=tuple(sorted(given.items())))

    def _take_upload(self, file: Uploaded) -> None:
        self._upload = file
        self._results.complain()
        self._change(data=UPLOAD)
        self._sidebar.offer_upload(file.name)
        self._show_choices()

    # -- a run

    def _begin(self) -> None:
        self._results.complain()
        try:
            wanted = backtest_data.request(self._controls, self._source())
            self._end_task()
            self._results.begin()
            self._task = Task(run_backtest, wanted)
        except (ValueError, MarketSimError) as error:
            self._complain(str(error))
            return
        self._show_files()
        self._show_state()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._show_state()

    def _end_task(self) -> None:
        if self._task is not None:
            self._task.close()
        self._task, self._ready = None, []

    def _take_news(self, task: Task) -> None:
        for item in task.items:
            if isinstance(item, BacktestOutcome):
                self._results.show(item)
            elif isinstance(item, FileReady):
                self._ready.append(item.name)
                self._show_files()
        task.items.clear()

    # -- what is shown

    def _possible(self, controls: BacktestControls) -> tuple[BacktestControls, list[str]]:
        """The controls with what cannot be had replaced by what can, and a sentence for each replacement."""
        complaints = []
        try:
            backtest_data.strategy_named(controls.strategy).parameters(controls.parameters)
        except ValueError as error:
            name = controls.strategy if controls.strategy in strategies() else DEFAULT_STRATEGY
            complaints.append(f"{error} This is {name} as it is instead.")
            controls = replace(controls, strategy=name, parameters=())
        try:
            backtest_data.find(controls, self._upload)
        except ValueError as error:
            complaints.append(f"{error} This is {DEFAULT_DATA} instead.")
            controls = replace(controls, data=DEFAULT_DATA)
        return controls, complaints

    def _source(self) -> Source:
        return backtest_data.find(self._controls, self._upload)

    def _settings(self) -> Any:
        strategy = backtest_data.strategy_named(self._controls.strategy)
        return settings_of(strategy, self._source().pace_s)

    def _show_choices(self) -> None:
        strategy = backtest_data.strategy_named(self._controls.strategy)
        source = self._source()
        self._sidebar.show_data(self._controls, self._described(source))
        self._sidebar.show_parameters(
            strategy.sentence, self._settings(), dict(self._controls.parameters), self._move
        )

    def _described(self, source: Source) -> str:
        if self._controls.data != UPLOAD or self._upload is None:
            return backtest_data.describe(source)
        seen = self._upload.vetted
        symbols = ", ".join(seen.symbols) or self._upload.symbol
        return f"{seen.form}: {seen.rows:,} rows of {symbols}. It is kept until this tab is closed."

    def _show_link(self) -> None:
        if pn.state.location:
            pn.state.location.search = "?" + urlencode(self._controls.to_query())

    def _show_state(self) -> None:
        task = self._task
        running = task is not None and task.running
        progress = task.progress if task is not None and running else None
        doing = self._uploads.doing
        self._results.show_state(doing, progress, task.failure if task else None)
        self._sidebar.show_running(running and not self._results.fresh)

    def _show_files(self) -> None:
        if not self._ready:
            text = "Files of a run are here when it is done."
            self._sidebar.files.objects = [pn.pane.HTML(f"<p>{text}</p>", margin=0)]
            return
        ordered = [name for name in FILE_WORDS if name in self._ready]
        self._sidebar.files.objects = [
            pmui.FileDownload(
                label=FILE_WORDS[name],
                filename=f"backtest-{name}",
                callback=lambda name=name: self._file(name),
                variant="outlined",
                size="small",
                sizing_mode="stretch_width",
                margin=(4, 0),
            )
            for name in ordered
        ]

    def _file(self, name: str) -> io.BytesIO:
        if self._task is None or name not in self._ready:
            self._complain("This file belongs to a run that is gone: run it again.")
            return io.BytesIO()
        return io.BytesIO((self._task.folder / name).read_bytes())

    # -- the beat

    def serve(self, document: Document) -> None:
        """Start the beat of the page's document, and end its run with it."""
        self._document = document
        self._presence.watch(document, self._close)
        document.add_periodic_callback(self._beat, BEAT_MS)
        self.template.server_doc(document)
        fold_on_phones(document)

    def _beat(self) -> None:
        self._presence.look()
        if self._presence.deserted and self._task is not None and self._task.running:
            self._task.cancel()
        self._uploads.poll()
        task = self._task
        if task is not None and task.poll():
            with pn.io.hold(self._document):
                self._take_news(task)
        self._show_state()

    def _close(self) -> None:
        self._end_task()
        self._uploads.close()


def fold_on_phones(document: Document) -> None:
    """On a phone the controls would cover what they control: there they start folded away."""
    (page,) = (
        root
        for root in document.roots
        if "sidebar_open" in getattr(getattr(root, "data", None), "properties", lambda: ())()
    )
    code = f"if (window.innerWidth < {PHONE_PX}) {{ page.data.sidebar_open = false }}"
    document.js_on_event("document_ready", CustomJS(args={"page": page}, code=code))
