"""The controls: which market, how fast, run and step; its parameters; a strategy; files to keep."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

import panel as pn
import panel_material_ui as pmui

from app.controls import FASTEST, SEED_MAX, SIDE_BY_SIDE, Controls, speed_text
from app.knobs import Knob
from app.live import LiveControls
from app.strategies import Strategy
from app.views.sidebar_parts import NOTE, Later
from app.words import speed as speed_words
from market_sim.runner import MarketInfo

SPEEDS = (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
LATENCIES_MS = (0, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SIMULATION, REPLAY, LIVE = "Simulate", "Replay", "Live feed"
NO_STRATEGY = "none"

SPEED_HINT = (
    "Up to 5× single orders can be followed; at 300× and more, prices find each other before your eyes. "
    "Keys: space runs and pauses, → a second, . an event, ↑ ↓ speed."
)


def speed_options(also: float | None) -> dict[str, str]:
    """The speeds on offer, and the one a link may have asked for between them, as a link writes them."""
    speeds = sorted({value for value in (*SPEEDS, also) if value is not None})
    options = {speed_words(value): speed_text(value) for value in speeds}
    if also is not None:
        # In words it may be the same as one of the others, which then gives way.
        options[speed_words(also)] = speed_text(also)
    return {**options, "as fast as it goes": FASTEST}


def slider(label: str, values: Iterable[float], value: float) -> pmui.DiscreteSlider:
    """A slider over numbers, whatever their distances."""
    options = {f"{number:g}": number for number in sorted({*values, value})}
    return pmui.DiscreteSlider(
        label=label, options=options, value=value, sizing_mode="stretch_width", margin=(6, 10), size="small"
    )


class Sidebar:
    """Widgets only: what they do is wired up by the page."""

    def __init__(
        self,
        controls: Controls,
        scenarios: Sequence[str],
        recordings: Sequence[str],
        strategies: Sequence[str],
        may_steer: bool,
    ) -> None:
        wide = {"sizing_mode": "stretch_width", "margin": (6, 0)}
        small = {**wide, "size": "small"}
        own = not controls.market
        self.source = pmui.RadioButtonGroup(
            options=[SIMULATION, REPLAY, LIVE],
            value=LIVE if controls.live else REPLAY if controls.replay else SIMULATION,
            visible=own,
            **small,
        )
        self.scenario = pmui.Select(
            label="Scenario",
            options=list(scenarios),
            value=controls.scenario,
            visible=own and not controls.replay and not controls.live,
            **small,
        )
        self.replay = pmui.Select(
            label="Recording",
            options=list(recordings),
            value=controls.replay or next(iter(recordings), None),
            visible=bool(controls.replay),
            **small,
        )
        self.open_replay = pmui.Button(
            label="Open this recording", variant="outlined", visible=bool(controls.replay), **small
        )
        self.live = LiveControls(controls.live, controls.record)
        self.note = pn.pane.HTML("", stylesheets=[NOTE], sizing_mode="stretch_width", margin=(4, 0, 12, 0))
        self.listing = pmui.Select(label="Listing on show", options=[], **small)
        self.beside = pmui.MultiChoice(
            label="Side by side", options=[], max_items=SIDE_BY_SIDE, visible=False, **wide
        )
        self.run = pmui.Button(
            label="Pause",
            icon="pause",
            color="primary",
            variant="contained",
            sizing_mode="stretch_width",
            margin=(10, 0, 4, 0),
            disabled=not may_steer,
        )
        steer = {**small, "disabled": not may_steer}
        self.step_second = pmui.Button(label="+1 second", icon="skip_next", variant="outlined", **steer)
        self.step_event = pmui.Button(label="+1 event", icon="redo", variant="outlined", **steer)
        self.speed = pmui.DiscreteSlider(
            label="Speed, simulated seconds per second",
            options=speed_options(controls.speed),
            value=speed_text(controls.speed),
            sizing_mode="stretch_width",
            margin=(8, 10, 4, 10),
            size="small",
            disabled=not may_steer,
        )
        self.hint = pn.pane.HTML(
            f"<p>{SPEED_HINT}</p>", stylesheets=[NOTE], sizing_mode="stretch_width", margin=(4, 0, 12, 0)
        )
        self.seed = pmui.IntInput(
            label="Seed: another seed, another market",
            value=controls.seed,
            start=0,
            end=SEED_MAX,
            step=1,
            visible=own,
            **small,
        )
        self.restart = pmui.Button(
            label="Restart from the beginning", icon="restart_alt", variant="outlined", **steer
        )
        self.latency = slider("Your own latency one way, ms", LATENCIES_MS, controls.latency)
        self.knobs = pn.Column(sizing_mode="stretch_width", margin=0)
        self.strategy = pmui.Select(
            label="A strategy of yours in this market",
            options=[NO_STRATEGY, *strategies],
            value=controls.strategy or NO_STRATEGY,
            **small,
        )
        self.parameters = pn.Column(sizing_mode="stretch_width", margin=0)
        self.open_strategy = pmui.Button(label="Restart with it", variant="outlined", **small)
        self.exports = Later()
        self._own = own

    def viewable(self) -> pn.Column:
        """All controls, most used first."""
        steps = pn.Row(
            self.step_second, self.step_event, sizing_mode="stretch_width", margin=0, styles={"gap": "8px"}
        )
        more = self._sections()
        return pn.Column(
            self.source,
            self.scenario,
            self.replay,
            self.open_replay,
            self.live.viewable,
            self.note,
            self.run,
            steps,
            self.speed,
            self.hint,
            self.listing,
            self.beside,
            self.seed,
            self.restart,
            more,
            sizing_mode="stretch_width",
            margin=(6, 14),
        )

    def _sections(self) -> pmui.Accordion:
        moved = Later(self.latency, self.knobs, wanted=True)
        strategy = Later(self.strategy, self.parameters, self.open_strategy)
        keep = ("Keep", self.exports)
        sections = [("Parameters", moved), ("Strategy", strategy), keep] if self._own else [keep]
        accordion = pmui.Accordion(
            *((title, section.viewable) for title, section in sections),
            active=[0] if self._own else [],
            title_variant="subtitle2",
            sizing_mode="stretch_width",
            margin=(8, 0),
        )

        def unfold(active: Sequence[int]) -> None:
            for k in active:
                sections[k][1].show()

        accordion.param.watch(lambda event: unfold(event.new), "active")
        return accordion

    def show_run(self, running: bool) -> None:
        """Name the button after what it will do."""
        label, icon = ("Pause", "pause") if running else ("Run", "play_arrow")
        if self.run.label != label:
            self.run.param.update(label=label, icon=icon)

    def show_market(self, info: MarketInfo) -> None:
        """Say what the open market is about."""
        self.note.object = f"<p>{escape(info.description)}</p>"
        # The world does not wait, and has no second beginning.
        held = (self.run, self.step_second, self.step_event, self.speed, self.hint, self.restart)
        for widget in (*held, self.seed):
            widget.visible = not info.live and (self._own or widget is not self.seed)

    def show_source(self, source: str) -> None:
        """The controls of the chosen source."""
        self.scenario.visible = source == SIMULATION
        self.replay.visible = self.open_replay.visible = source == REPLAY
        self.live.viewable.visible = source == LIVE
        if source == LIVE:
            self.live.contents.show()

    def show_knobs(
        self, knobs: Sequence[Knob], chosen: Mapping[str, str], moved: Callable[[str, float], None]
    ) -> None:
        """A slider for each main parameter; `moved(key, value)` is called when one is let go."""
        widgets = []
        for knob in knobs:
            widget = slider(
                f"{knob.label}, {knob.unit}", knob.values, float(chosen.get(knob.key, knob.default))
            )
            widget.param.watch(lambda event, key=knob.key: moved(key, event.new), "value")
            widgets.append(widget)
        self.knobs.objects = widgets

    def show_strategy(self, strategy: Strategy | None, given: Mapping[str, str]) -> None:
        """A field for each parameter of a strategy."""
        if strategy is None:
            self.parameters.objects = []
            return
        note = pn.pane.HTML(f"<p>{escape(strategy.sentence)}</p>", stylesheets=[NOTE], margin=(4, 0))
        fields = [
            pmui.TextInput(
                label=f"{name} ({'true or false' if isinstance(default, bool) else f'default {default}'})",
                value=given.get(name, str(default)),
                name=name,
                size="small",
                sizing_mode="stretch_width",
                margin=(3, 0),
            )
            for name, default in strategy.defaults.items()
        ]
        self.parameters.objects = [note, *fields]

    def given_parameters(self, strategy: Strategy) -> tuple[tuple[str, str], ...]:
        """The parameters that differ from the defaults, as texts."""
        fields = [field for field in self.parameters.objects if isinstance(field, pmui.TextInput)]
        names = list(strategy.defaults)
        pairs = zip(names, (field.value_input or field.value for field in fields), strict=False)
        return tuple(sorted((name, text) for name, text in pairs if text != str(strategy.defaults[name])))
