"""Which market a page has open, and what is changed in it: choices, checked against what there is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.catalogue import Catalogue
from app.controls import BESIDE, DEFAULT_SPEED, LIVE_SPEED, REPLAY_SPEED, Controls, speed_text
from app.session import Session
from app.strategies import strategies
from app.views.sidebar import LIVE, NO_STRATEGY, REPLAY, SIMULATION, Sidebar

SPEED_OF = {SIMULATION: DEFAULT_SPEED, REPLAY: REPLAY_SPEED, LIVE: LIVE_SPEED}


class Choices:
    """`say` tells the visitor sentences, none to take back what was said; `reopen` opens what the session's
    controls ask for.
    """

    def __init__(
        self,
        session: Session,
        catalogue: Catalogue,
        sidebar: Sidebar,
        say: Callable[..., None],
        reopen: Callable[[], None],
    ) -> None:
        self._session, self._catalogue, self._sidebar = session, catalogue, sidebar
        self._say, self._reopen = say, reopen
        self._changed = False

    # -- another market

    def source(self, source: str) -> None:
        """Simulate, replay or live."""
        self._sidebar.show_source(source)
        now = self._session.controls
        if source == SIMULATION and (now.replay or now.live):
            self.scenario(self._sidebar.scenario.value)

    def scenario(self, name: str) -> None:
        """A simulated market."""
        self._choose(scenario=name, replay="", live="", changes=(), strategy="")

    def replay(self) -> None:
        """The recording that the sidebar names."""
        self._choose(replay=self._sidebar.replay.value or "", live="", changes=(), strategy="")

    def connect(self) -> None:
        """The books of real exchanges that the sidebar names."""
        live = self._sidebar.live
        try:
            books = live.books
        except ValueError as error:
            self._say(str(error))
            return
        self._choose(live=books, record=bool(live.record.value), replay="", changes=())

    def _choose(self, **changes: Any) -> None:
        """Open another market, or say why it cannot be and keep the one that is open."""
        before = self._session.controls
        controls = replace(
            before, listing="", beside=(), parameters=(), agent="", size="", price="", **changes
        )
        if _source_of(controls) != _source_of(before):
            controls = replace(controls, speed=SPEED_OF[_source_of(controls)])
        if self._take(controls):
            self._reopen()
            self.show()
            self._sidebar.speed.value = speed_text(controls.speed)

    # -- the same market with something changed

    def strategy(self) -> None:
        """A strategy of one's own joins, with the parameters that the sidebar gives it; or none does."""
        name = self._sidebar.strategy.value
        chosen = strategies().get(name)
        given = self._sidebar.given_parameters(chosen) if chosen else ()
        self._change(strategy="" if chosen is None else name, parameters=given)

    def latency(self, latency: float) -> None:
        """The visitor's own way to the venues, ms one way."""
        self._change(latency=float(latency))

    def _move(self, key: str, value: float) -> None:
        moved = dict(self._session.controls.changes) | {key: f"{value:g}"}
        for knob in self._catalogue.knobs(self._session.controls):
            if knob.key in moved and float(moved[knob.key]) == knob.default:
                del moved[knob.key]
        self._change(changes=tuple(sorted(moved.items())))

    def _change(self, **changes: Any) -> None:
        """Open the same market with something changed, at the next beat: a slider that is dragged says many
        values, and one market is enough.
        """
        if self._take(replace(self._session.controls, **changes)):
            self._changed = True

    def beat(self) -> None:
        """Open what was changed since the last beat."""
        if self._changed:
            self._changed = False
            self._reopen()

    def _take(self, controls: Controls) -> bool:
        """Make these the session's controls; False, and why in words, when there is no such market."""
        try:
            self._catalogue.request(controls)
        except ValueError as error:
            self._say(str(error))
            return False
        self._session.controls = controls
        self._say()
        return True

    # -- what is shown of them

    def show(self) -> None:
        """The sliders and the strategy of what is open."""
        controls = self._session.controls
        if not controls.market:
            self._sidebar.show_knobs(self._catalogue.knobs(controls), dict(controls.changes), self._move)
            self._sidebar.strategy.value = controls.strategy or NO_STRATEGY
        self._sidebar.beside.visible = controls.view == BESIDE
        self.show_strategy()

    def show_strategy(self) -> None:
        """The parameters of the strategy that the sidebar names."""
        controls = self._session.controls
        chosen = strategies().get(self._sidebar.strategy.value)
        given = dict(controls.parameters) if chosen and chosen.name == controls.strategy else {}
        self._sidebar.show_strategy(chosen, given)


def _source_of(controls: Controls) -> str:
    return LIVE if controls.live else REPLAY if controls.replay else SIMULATION
