"""What a runner runs: a market of a scenario, or of a replay, in the shape that the loop asks for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from market_sim.errors import EngineError
from market_sim.frame import Picture
from market_sim.runner.acting import act
from market_sim.runner.answers import answer
from market_sim.runner.commands import Action, Ask, MarketRequest
from market_sim.runner.frames import MarketInfo, Told
from market_sim.runner.introduction import introduce
from market_sim.units import duration_ns

if TYPE_CHECKING:
    from market_sim.market import Market

LEVELS = 120
"""Levels a side in a picture, over all listings: what ladders and heatmaps show, at a price a process can
pay 25 times a second.
"""

SESSION = "30d"
"""How long a simulated market on show goes on: its scenario's duration is meant for runs, and at the speed
at which people watch prices find each other an hour is over in seconds.
"""

MEMORY_MB = 1024
"""What one market on show may use, unless MARKET_SIM_MARKET_MB says otherwise: many share the machine."""

WALL_S = 7 * 24 * 3600
"""A class may go on for days; what must end is a market that nobody looks at, and its runner sees to that."""


def watched() -> list[str]:
    """How a market on show differs from a run: of its tables only the newest rows are kept, and the events of
    a month are no sign of an agent that runs wild.
    """
    text = os.environ.get("MARKET_SIM_MARKET_MB", str(MEMORY_MB))
    if not text.isascii() or not text.isdigit():
        raise EngineError(
            f"{text!r} is no memory limit", "MARKET_SIM_MARKET_MB", "Give megabytes, as in 1024."
        )
    limits = {"tape_rows": 200_000, "events": 10**12, "wall_s": WALL_S, "memory_mb": int(text)}
    return [f"limits.{name}={value}" for name, value in limits.items()]


def open_market(request: MarketRequest) -> MarketSource:
    """The market that a request names. Raises ScenarioError, DataError or EngineError in words."""
    # Imported here: a page that only holds the other end of the pipe needs no market, no Mesa and no tables.
    from market_sim.runner.guests import seats_of, with_guests

    if request.books:
        from market_sim.runner.live import open_live

        return open_live(request)
    changes = [*request.changes, *watched()]
    capture = _session_capture(request)
    if capture is not None:
        from market_sim.feeding import open_captured

        session = open_captured(
            capture,
            request.scenario,
            seed=request.seed,
            engine=request.engine,
            overrides=changes,
            shipped_only=True,
            adapt=lambda plan: with_guests(plan, request),
        )
        return MarketSource(session.market, session.origin, seats_of(session.market.config))
    if request.captures:
        from market_sim.replaying import open_replay
        from market_sim.replaying.recordings import scenario_for

        plan = scenario_for(request.captures, request.scenario, changes, shipped_only=True)
        plan = with_guests(plan, request)
        replay = open_replay(
            request.captures, plan, seed=request.seed, engine=request.engine, shipped_only=True
        )
        return MarketSource(replay.market, replay.origin, seats_of(plan))
    from market_sim.market import Market
    from market_sim.scenario import load

    assert request.scenario is not None, "a request without captures names a scenario"
    plan = with_guests(load(request.scenario, changes, shipped_only=True), request)
    market = Market(plan, seed=request.seed, engine=request.engine)
    market.end_ns = duration_ns(SESSION)
    origin = "Simulated: every order comes from one of the scenario's agents"
    return MarketSource(
        market, f"{origin} or from a ticket." if request.seats else f"{origin}.", seats_of(plan)
    )


def _session_capture(request: MarketRequest) -> str | None:
    """The capture of a live session, if that is what shall be replayed."""
    if not request.captures:
        return None
    from market_sim.replaying.recordings import session_capture

    return session_capture(request.captures)


class MarketSource:
    """A market with its origin in words and the accounts of people in it."""

    def __init__(self, market: Market, origin: str, seats: list[str]) -> None:
        from market_sim.standings import Standings

        self._market = market
        self._origin = origin
        self._seats = seats
        self._standings = Standings(market)
        self._standings.watched = frozenset(seats)
        self._look_now = False
        market.tape.recent_only = True
        market.kernel.set_tape(True, False, True)
        market.frame()  # trades are noted from the first picture on

    @property
    def now_ns(self) -> int:
        """Simulated time."""
        return self._market.now_ns

    @property
    def events(self) -> int:
        """Events so far."""
        return self._market.events

    @property
    def end_ns(self) -> int:
        """When the session ends."""
        return self._market.end_ns

    @property
    def finished(self) -> bool:
        """Whether the session is over."""
        return self._market.finished

    def info(self) -> MarketInfo:
        """What stays the same while it runs."""
        return introduce(self._market, self._origin, self._seats)

    def picture(self) -> Picture:
        """What it shows now."""
        if self._look_now:
            self._standings.look(now=True)
            self._look_now = False
        return self._market.frame(LEVELS // len(self._market.listings), self._standings)

    def event_log_hash(self) -> str:
        """The hash of everything that has happened, as a run of the same market would give it."""
        return f"{self._market.kernel.event_log_hash():016x}"

    def step_to(self, time_ns: int) -> None:
        """Run to that instant; at the end of the session it is closed."""
        self._market.step_to(time_ns)
        self._look_now = self._look_now or self._market.finished

    def step_event(self) -> None:
        """Run through the next event."""
        self._market.step_event()
        self._look_now = True

    def act(self, command: Action) -> tuple[str, int | None]:
        """Carry out a command from outside."""
        self._look_now = True
        return act(self._market, self._seats, command)

    def take_told(self) -> list[Told]:
        """What people have been told since the last call."""
        found: list[Told] = []
        for name in self._seats:
            person = self._market.trader(name)
            told = getattr(person, "told", ())
            if told:
                found.extend(Told(name, *entry) for entry in told)
                told.clear()
                self._look_now = True
        return found

    def watch_orders(self, agents: tuple[str, ...]) -> None:
        """List these agents' live orders, and always those of people."""
        self._standings.watched = frozenset([*self._seats, *agents])
        self._look_now = True

    def ask(self, question: Ask) -> Any:
        """Answer a question from the tape."""
        return answer(self._market, question)
