"""The controls: which market, how fast, run and step."""

from collections.abc import Sequence
from html import escape

import panel as pn
import panel_material_ui as pmui

from app.controls import FASTEST, SEED_MAX, Controls, speed_text
from app.words import speed as speed_words
from market_sim.runner import MarketInfo

SPEEDS = (0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
SIMULATION, REPLAY = "Simulate", "Replay"

SPEED_HINT = (
    "Up to 5× single orders can be followed; at 300× and more, prices find each other before your eyes."
)

NOTE = """
p { font-size: 12px; line-height: 1.4; margin: 0; color: color-mix(in srgb, currentColor 75%, transparent); }
"""


def speed_options(also: float | None) -> dict[str, str]:
    """The speeds on offer, and the one a link may have asked for between them, as a link writes them."""
    speeds = sorted({value for value in (*SPEEDS, also) if value is not None})
    return {**{speed_words(value): speed_text(value) for value in speeds}, "as fast as it goes": FASTEST}


class Sidebar:
    """Widgets only: what they do is wired up by the page."""

    def __init__(self, controls: Controls, scenarios: Sequence[str], recordings: Sequence[str]) -> None:
        wide = {"sizing_mode": "stretch_width", "margin": (6, 0)}
        small = {**wide, "size": "small"}
        self.source = pmui.RadioButtonGroup(
            options=[SIMULATION, REPLAY], value=REPLAY if controls.replay else SIMULATION, **small
        )
        self.scenario = pmui.Select(
            label="Scenario",
            options=list(scenarios),
            value=controls.scenario,
            visible=not controls.replay,
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
        self.note = pn.pane.HTML("", stylesheets=[NOTE], sizing_mode="stretch_width", margin=(4, 0, 12, 0))
        self.listing = pmui.Select(label="Listing on show", options=[], **small)
        self.run = pmui.Button(
            label="Pause",
            icon="pause",
            color="primary",
            variant="contained",
            sizing_mode="stretch_width",
            margin=(10, 0, 4, 0),
        )
        self.step_second = pmui.Button(label="+1 second", icon="skip_next", variant="outlined", **small)
        self.step_event = pmui.Button(label="+1 event", icon="redo", variant="outlined", **small)
        self.speed = pmui.DiscreteSlider(
            label="Speed, simulated seconds per second",
            options=speed_options(controls.speed),
            value=speed_text(controls.speed),
            sizing_mode="stretch_width",
            margin=(8, 10, 4, 10),
            size="small",
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
            **small,
        )
        self.restart = pmui.Button(
            label="Restart from the beginning", icon="restart_alt", variant="outlined", **small
        )

    def viewable(self) -> pn.Column:
        """All controls, most used first."""
        steps = pn.Row(
            self.step_second, self.step_event, sizing_mode="stretch_width", margin=0, styles={"gap": "8px"}
        )
        return pn.Column(
            self.source,
            self.scenario,
            self.replay,
            self.open_replay,
            self.note,
            self.listing,
            self.run,
            steps,
            self.speed,
            self.hint,
            self.seed,
            self.restart,
            sizing_mode="stretch_width",
            margin=(6, 14),
        )

    def show_run(self, running: bool) -> None:
        """Name the button after what it will do."""
        label, icon = ("Pause", "pause") if running else ("Run", "play_arrow")
        if self.run.label != label:
            self.run.param.update(label=label, icon=icon)

    def show_market(self, info: MarketInfo) -> None:
        """Say what the open market is about."""
        self.note.object = f"<p>{escape(info.description)}</p>"

    def show_source(self, replay: bool) -> None:
        """The controls of the chosen source."""
        self.scenario.visible = not replay
        self.replay.visible = self.open_replay.visible = replay
