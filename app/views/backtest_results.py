"""What a backtest has brought: numbers on top, charts, figures, fills, notes; and how far it has come."""

from html import escape

import panel as pn
import panel_material_ui as pmui

from app.theme import Palette, palette
from app.views import backtest_words as words
from app.views.backtest_charts import Charts
from app.views.cards import STYLE as CARDS
from app.views.frame import AWAY, GRID, Heading, card
from app.views.status import ENGINES
from app.views.status import STYLE as STATUS
from market_sim.runner import Failure
from market_sim.runner.backtests import BacktestOutcome
from market_sim.runner.tasks import Progress

LAYOUT = (
    GRID
    + """
:host { grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr);
  grid-template-rows: minmax(200px, 1.1fr) minmax(150px, .7fr) minmax(190px, 1fr) minmax(150px, .8fr);
  grid-template-areas: "equity figures" "drawdown figures" "price fills" "notes fills"; }
@media (max-width: 1150px) { :host { height: max-content !important;
  grid-template-columns: minmax(0, 1fr);
  grid-template-rows: 280px 200px 280px 460px 380px 320px;
  grid-template-areas: "equity" "drawdown" "price" "figures" "fills" "notes"; } }
"""
)
PROGRESS = "progress { width: 180px; height: 10px; vertical-align: middle; accent-color: #4da3ff; }"
EMPTY = (
    "Choose a strategy and data, move its parameters, and run. The strategy meets the recorded queue, fees "
    "and latency; what it earns, what it trades and what the data cannot know stands here afterwards."
)

FIGURES = "Each with its unit; intervals by block bootstrap."
FILLS = "Markouts: what the mid was worth some seconds later, against the price paid."
NOTES = "Where the data come from, and what they cannot know."


class BacktestResults:
    """Panels only: the page tells them what to show."""

    def __init__(self, dark: bool) -> None:
        self.charts = Charts()
        plain = {"stylesheets": [words.STYLE], "sizing_mode": "stretch_both"}
        self._status = pn.pane.HTML("", stylesheets=[STATUS + PROGRESS], sizing_mode="stretch_width")
        self._cards = pn.pane.HTML("", stylesheets=[CARDS], sizing_mode="stretch_width")
        self._figures, self._fills, self._notes = (pn.pane.HTML("", **plain) for _ in range(3))
        self.listing = pmui.Select(
            label="Listing", options=[], size="small", width=220, margin=(6, 0), visible=False
        )
        self.panels = pn.Column(
            self.charts.equity.viewable,
            self.charts.drawdown.viewable,
            self.charts.price.viewable,
            card(Heading("Figures", FIGURES), self._figures, "figures"),
            card(Heading("Fills", FILLS), self._fills, "fills"),
            card(Heading("What to keep in mind", NOTES), self._notes, "notes"),
            stylesheets=[LAYOUT],
            sizing_mode="stretch_both",
            margin=0,
        )
        self.panels.visible = False
        self.panels.css_classes = [AWAY]
        self._run: BacktestOutcome | None = None
        self._fresh = False
        self._complaints: list[str] = []
        self.listing.param.watch(lambda event: self._choose(event.new), "value")
        self.paint(dark)

    def viewable(self, *styles: str) -> pn.Column:
        """Everything under the bar on top."""
        return pn.Column(
            self._status,
            self._cards,
            self.listing,
            self.panels,
            stylesheets=list(styles),
            sizing_mode="stretch_both",
        )

    def paint(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self._palette: Palette = palette(dark)
        self.charts.paint(self._palette)
        if self._run is not None:
            self._fills.object = words.fills(self._run, self._palette)

    def complain(self, *sentences: str) -> None:
        """Say these until the next choice is made."""
        self._complaints = list(sentences)

    def show_state(self, doing: str, progress: Progress | None, failure: Failure | None) -> None:
        """The line on top: what is under way, or what became of it; `doing` is empty when nothing is."""
        state, text = "ready", EMPTY
        if self._run is not None and progress is not None and self._fresh:
            state, text = "done", f"{self._what()} {escape(progress.doing.capitalize())}."
        elif progress is not None:
            bar = "" if progress.share is None else f" value='{progress.share:.3f}'"
            state = "at work"
            text = f"<progress aria-label='Progress'{bar}></progress> {escape(progress.doing)}"
        elif failure is not None:
            state, text = "stopped", ""
        elif self._run is not None:
            state, text = "done", f"{self._what()} {escape(doing)}"
        elif doing:
            text = escape(doing)
        engine = f"<span class='chip'>{ENGINES[self._run.engine]}</span>" if self._run else ""
        parts = [f"<div class='status'><span class='chip'>{state}</span>{engine}<span>{text}</span></div>"]
        parts += [
            f"<div class='error' role='alert'>{escape(sentence)}</div>" for sentence in self._complaints
        ]
        if failure is not None:
            parts.append(_failed(failure))
        whole = "".join(parts)
        if self._status.object != whole:
            self._status.object = whole

    def _what(self) -> str:
        assert self._run is not None, "a run is on show"
        return f"<b>{escape(self._run.agent)}</b> on {escape(self._run.title)}."

    @property
    def fresh(self) -> bool:
        """Whether the run on show is the newest that was begun."""
        return self._fresh

    def begin(self) -> None:
        """Another run begins: what is on show is of the one before."""
        self._fresh = False

    def show(self, run: BacktestOutcome) -> None:
        """The outcome of a run."""
        self._run, self._fresh = run, True
        names = [price.listing for price in run.prices]
        self.panels.visible = True
        self.panels.css_classes = []
        self._cards.object = f"<div class='cards'>{''.join(_cards(run))}</div>"
        self._figures.object = words.figures(run)
        self._fills.object = words.fills(run, self._palette)
        self._notes.object = words.notes(run)
        self.listing.param.update(options=names, value=names[0], visible=len(names) > 1)
        self.charts.show(run, names[0])

    def _choose(self, listing: str) -> None:
        if self._run is not None and listing:
            self.charts.show_price(self._run, listing)


def _cards(run: BacktestOutcome) -> list[str]:
    told, unit = run.figures, f"<small>{escape(run.numeraire)}</small>"
    show, fall = words.shown, told["drawdown"]
    basis = f"{words.basis(told)}; {_limits(told['sharpe_interval'])}"
    traded = f"traded {show(told['traded'])} {escape(run.numeraire)}"
    return [
        _cell("Profit", f"{show(told['profit'])}{unit}", "at the mid at the end, after fees"),
        _cell("Return", f"{show(told['total_return'], 100)}<small>%</small>", "of equity at the start"),
        _cell("Sharpe ratio", show(told["sharpe"]), basis),
        _cell("Deepest drawdown", f"{show(fall['max_drawdown'])}{unit}", "below the highest equity"),
        _cell("Fills", show(told["fills"]), f"of {show(told['orders'])} orders"),
        _cell("Fees", f"{show(told['fees'])}{unit}", traded),
    ]


def _cell(label: str, value: str, note: str) -> str:
    number = f"<div class='value'>{value}</div>"
    return f"<div class='cell'><div class='label'>{label}</div>{number}<div class='note'>{note}</div></div>"


def _limits(limits: list[float] | None) -> str:
    if not limits:
        return "too few periods for an interval"
    return f"95 %: {words.shown(limits[0])} … {words.shown(limits[1])}"


def _failed(failure: Failure) -> str:
    sentence, _, rest = failure.sentence.partition("\n")
    detail = failure.traceback or rest
    trace = (
        f"<details><summary>Where it happened</summary><pre>{escape(detail)}</pre></details>"
        if detail
        else ""
    )
    return f"<div class='error' role='alert'><b>The backtest stopped.</b> {escape(sentence)}{trace}</div>"
