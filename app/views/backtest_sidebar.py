"""The controls of a backtest: strategy and parameters, data, account and costs, run and stop, files."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

import panel as pn
import panel_material_ui as pmui

from app.backtest_controls import SCENARIO, UPLOAD, BacktestControls
from app.controls import SEED_MAX
from app.parameters import Setting, Value, text_of
from app.views.sidebar import NOTE, slider
from market_sim.replaying.vetting import FORMS

LATENCIES_MS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 240)
FEES_BPS = (-1, -0.5, -0.2, -0.1, 0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
CASH = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
CALENDARS = {"none: a period is a sample": "", "24/7: 365 days a year": "24/7", "252 sessions a year": "252"}
FORM_WORDS = {
    "quotes": "time, symbol, bid, ask, bid_size, ask_size",
    "trades": "time, symbol, price, size, side",
    "bars": "time, open, high, low, close, volume",
    "closes": "date, and a column of closes a symbol",
}
FINE = {"& .MuiTypography-root, & .MuiFormLabel-root": {"fontSize": "13px", "lineHeight": 1.35}}
OWN_FILE = "Your file: "
Moved = Callable[[str, Value], None]


def note(text: str) -> pn.pane.HTML:
    """Small print."""
    return pn.pane.HTML(
        f"<p>{escape(text)}</p>", stylesheets=[NOTE], sizing_mode="stretch_width", margin=(2, 0, 6, 0)
    )


class BacktestSidebar:
    """Widgets only: what they do is wired up by the page."""

    def __init__(
        self,
        controls: BacktestControls,
        strategies: Sequence[str],
        data: Mapping[str, str],
        upload: pmui.Button,
        sample_file: Callable[[str], object],
    ) -> None:
        wide = {"sizing_mode": "stretch_width", "margin": (6, 0)}
        small = {**wide, "size": "small"}
        self._data = dict(data)
        self.strategy = pmui.Select(
            label="Strategy", options=list(strategies), value=controls.strategy, **small
        )
        self.about = note("")
        self.data = pmui.Select(label="Data", options=self._data, value=self._shown(controls), **small)
        self.about_data = note("")
        self.upload = upload
        self.run = pmui.Button(
            label="Run the backtest",
            icon="play_arrow",
            color="primary",
            variant="contained",
            sizing_mode="stretch_width",
            margin=(10, 0, 4, 0),
        )
        self.stop = pmui.Button(label="Stop", icon="stop", variant="outlined", disabled=True, **small)
        self.minutes = slider("Simulated time, minutes", MINUTES, controls.minutes)
        self.seed = pmui.IntInput(
            label="Seed of the simulation and of the strategy's own draws",
            value=controls.seed,
            start=0,
            end=SEED_MAX,
            step=1,
            **small,
        )
        self.cash = slider("Cash at every venue, in the quote currency", CASH, controls.cash)
        self.short = pmui.Checkbox(
            label="May sell what it does not have", value=controls.short, margin=(2, 5)
        )
        self.maker = slider("Maker fee, bps; negative is a rebate", FEES_BPS, controls.maker)
        self.taker = slider("Taker fee, bps", FEES_BPS, controls.taker)
        self.latency = slider("Latency of orders and of answers, ms one way", LATENCIES_MS, controls.latency)
        self.costs_note = note("")
        self.calendar = pmui.Select(
            label="Ratios are annualised by", options=CALENDARS, value=controls.calendar, **small
        )
        self.parameters = pn.Column(sizing_mode="stretch_width", margin=0)
        self.files = pn.Column(sizing_mode="stretch_width", margin=(4, 0))
        self._samples = [
            pmui.FileDownload(
                label=f"{name}: {FORM_WORDS[name]}",
                filename=f"{name}.csv",
                callback=lambda name=name: sample_file(name),
                variant="text",
                size="small",
                sizing_mode="stretch_width",
                margin=(2, 0),
            )
            for name in FORMS
        ]

    def _shown(self, controls: BacktestControls) -> str | None:
        return controls.data if controls.data in self._data.values() else None

    def viewable(self) -> pn.Column:
        """The controls, in the order of use."""
        account = pn.Column(
            self.costs_note,
            self.cash,
            self.short,
            self.maker,
            self.taker,
            self.latency,
            self.calendar,
            sizing_mode="stretch_width",
            margin=0,
        )
        samples = pn.Column(
            note("Four forms of CSV are read: text in UTF-8, a header, times in order. A sample of each:"),
            *self._samples,
            sizing_mode="stretch_width",
            margin=0,
        )
        more = pmui.Accordion(
            ("Parameters", self.parameters),
            ("Account, costs, ratios", account),
            ("Forms of CSV, to download", samples),
            ("Keep", self.files),
            active=[0],
            title_variant="subtitle2",
            sizing_mode="stretch_width",
            margin=(8, 0),
        )
        return pn.Column(
            self.strategy,
            self.about,
            self.data,
            self.about_data,
            self.upload,
            self.minutes,
            self.seed,
            self.run,
            self.stop,
            more,
            sizing_mode="stretch_width",
            margin=(6, 14),
        )

    def show_data(self, controls: BacktestControls, sentence: str) -> None:
        """What the chosen data are, and the controls that mean something for them."""
        simulated = controls.kind == SCENARIO
        self.about_data.object = f"<p>{escape(sentence)}</p>"
        self.minutes.visible = simulated
        for widget in (self.maker, self.taker, self.latency):
            widget.disabled = simulated
        words = "The scenario has fees and latencies of its own." if simulated else "For recorded markets."
        self.costs_note.object = f"<p>{words}</p>"

    def offer_upload(self, name: str) -> None:
        """An uploaded file among the data, chosen."""
        self._data = {label: value for label, value in self._data.items() if value != UPLOAD}
        self._data = {f"{OWN_FILE}{name}": UPLOAD, **self._data}
        self.data.param.update(options=self._data, value=UPLOAD)

    def show_parameters(
        self, sentence: str, settings: Sequence[Setting], given: Mapping[str, str], moved: Moved
    ) -> None:
        """A slider, switch or field for each parameter; `moved(name, value)` is called for each change."""
        self.about.object = f"<p>{escape(sentence)}</p>"
        self.parameters.objects = [_widget(setting, given.get(setting.name), moved) for setting in settings]

    def show_running(self, running: bool) -> None:
        """What can be clicked while a run is under way."""
        self.run.disabled = running
        self.stop.disabled = not running


def _widget(setting: Setting, given: str | None, moved: Moved) -> pn.viewable.Viewable:
    label = f"{setting.name}: {setting.sentence}"
    default = setting.default
    if isinstance(default, bool):
        chosen = default if given is None else given.lower() == "true"
        widget = pmui.Checkbox(label=label, value=chosen, margin=(2, 5), sx=FINE)
    elif isinstance(default, str):
        chosen_text = default if given is None else given
        common = {"label": label, "size": "small", "sizing_mode": "stretch_width", "margin": (6, 0)}
        if setting.values:
            widget = pmui.Select(
                options=[str(value) for value in setting.values], value=chosen_text, **common
            )
        else:
            widget = pmui.TextInput(value=chosen_text, **common)
    else:
        number = type(default)(float(given)) if given is not None else default
        values = sorted({*setting.values, default, number})
        widget = pmui.DiscreteSlider(
            label=label,
            options={text_of(value): value for value in values},
            value=number,
            sizing_mode="stretch_width",
            margin=(8, 10),
            size="small",
            sx=FINE,
        )
    widget.param.watch(lambda event, name=setting.name: moved(name, event.new), "value")
    return widget
