"""A market: a Mesa model whose clock, venues and messages live in the kernel, and whose agents trade."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from market_sim import dispatch
from market_sim.agenda import Agenda
from market_sim.controls import Controls
from market_sim.engine import Phase
from market_sim.errors import MarketSimError, ScenarioError
from market_sim.frame import ListingPicture, Picture, books, picture
from market_sim.scenario import Scenario
from market_sim.units import SECOND_NS, duration_ns, format_time

if TYPE_CHECKING:
    from market_sim.result import Result
    from market_sim.standings import Standings

END_OF_TIME_NS = 2**62
# Between two looks at the limits: few enough to stop soon, many enough to cost nothing.
NOTICES_PER_LOOK = 4096
EVENTS_PER_DRAIN = 100_000
SLICES_PER_SESSION = 3600
LEVELS_LEFT = 20

logger = logging.getLogger("market_sim.market")


class Flow(Protocol):
    """Recorded or live flow, pushed into the kernel a little ahead of its clock."""

    def bind(self, kernel: Any, listings: dict[tuple[str, str], int]) -> None:
        """Push to this kernel; `listings` gives the listing of each (venue, recorded symbol)."""

    @property
    def end_ns(self) -> int | None:
        """When the last of it happens; None while that is not known."""

    def fill(self, until_ns: int) -> int:
        """Push what comes next, and give the time up to which the kernel may run."""


class Market(Controls):
    """A scenario at work. `run` plays the whole session; `step` (one second), `step_to` and `step_event`
    parts of it.

    `agents` are traders handed over in code, instances or classes, beside those of the scenario. `flow` feeds
    the listings that name a recorded symbol. Raises ScenarioError for a scenario, seed or agent that cannot
    be.

    Mesa's own ways work: `market.agents` is the AgentSet of all traders, a `mesa.DataCollector` may collect
    coarse snapshots between steps, `run_model` steps to the end. The clock is `now_ns`, integer nanoseconds
    since the epoch.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any],
        seed: int | None = None,
        engine: str | None = None,
        agents: Sequence[Any] = (),
        flow: Flow | None = None,
    ) -> None:
        super().__init__(scenario, seed, engine, agents)
        #: The books as the session left them; None before its end.
        self.last_books: list[ListingPicture] | None = None
        self._agenda = Agenda(self, self.config.events)
        self._flow = flow
        self._drained_at = 0

    # Time

    def run(self, until: str | int | None = None, progress: Callable[[int, int], None] | None = None) -> None:
        """Play the session to its end (default: the scenario's duration) and close it.

        ScenarioError for an end in the past. `progress(now_ns, end_ns)` is called about a thousand times.
        Raises AgentError for an agent that raises, LimitError at a limit; the tape is kept in both cases.
        """
        if until is not None:
            self.end_ns = duration_ns(until)
            if self.end_ns < self.now_ns:
                raise ScenarioError(
                    f"{until!r} is over", "until", f"It is {format_time(self.now_ns)} already."
                )
        while not self.finished:
            self.step_to(min(self.now_ns + max(self.end_ns // 1000, 1), self.end_ns))
            if progress is not None:
                progress(self.now_ns, self.end_ns)

    def step(self) -> None:
        """Advance by one simulated second (Mesa's step); `running` turns False at the end of the session."""
        self.step_to(min(self.now_ns + SECOND_NS, self.end_ns))

    def step_to(self, time_ns: str | int) -> None:
        """Advance to a time since the epoch; at the scenario's end the session is closed."""
        target_ns = min(duration_ns(time_ns), self.end_ns)
        with self._at_work():
            self._start()
            self._advance(target_ns)
            if target_ns >= self.end_ns:
                self._close()

    def step_event(self) -> None:
        """Advance to the next thing an agent hears, and through it; where nobody listens, to the next thing
        at all.
        """
        with self._at_work():
            if not self.started:
                self._start()
                return
            reach_ns = 1
            before = self.kernel.events
            while not self.finished and self.kernel.events == before:
                # Doubling finds the next event without knowing where it is, and cannot run far past it.
                if self._advance(min(self.kernel.now_ns + reach_ns, self.end_ns), notices=1):
                    break
                reach_ns *= 2
                if self.kernel.now_ns >= self.end_ns:
                    self._close()

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Wall time counts; an error ends the session and keeps what the tape holds."""
        if self.failure is not None:
            raise self.failure
        try:
            with self.guard:
                yield
        except MarketSimError as error:
            self.failure = error
            self.running = False
            self.tape.collect(self.kernel)
            raise

    def _start(self) -> None:
        if self.started:
            return
        self.started = True
        self.kernel.start()
        if self._flow is not None:
            tables = zip(self.listings, self.config.listings, strict=True)
            fed = {
                (table.venue, table.external): listing.id
                for listing, table in tables
                if table.external is not None
            }
            self._flow.bind(self.kernel, fed)
        self._agenda.act(0)
        for trader in self.traders.values():
            if trader.enabled:
                self._begin(trader)
        unheard, self._unheard = self._unheard, None
        for text in unheard or ():
            self.tell_news(text)

    def _advance(self, until_ns: int, notices: int | None = None) -> bool:
        """Run to a time, or through so many notices; True if they came first."""
        slice_ns = max(self.end_ns // SLICES_PER_SESSION, 1)
        kernel, agenda = self.kernel, self._agenda
        while kernel.now_ns < until_ns and not self.finished:
            target_ns = min(until_ns, kernel.now_ns + slice_ns)
            due_ns = agenda.next_ns
            if due_ns is not None and due_ns <= target_ns:
                target_ns = due_ns
            if self._flow is not None:
                target_ns = self._flow.fill(target_ns)
                if self._flow.end_ns is not None:
                    # Recorded flow has run out: what agents did in a market that stands still says nothing.
                    self.end_ns = min(self.end_ns, self._flow.end_ns)
                    until_ns, target_ns = min(until_ns, self.end_ns), min(target_ns, self.end_ns)
            if self._listen(target_ns, notices):
                return True
            # Whatever else happens at its instant comes before a scenario's event.
            agenda.act(kernel.now_ns)
            self._look_after()
        return False

    def _listen(self, until_ns: int, notices: int | None = None) -> bool:
        """Hand every notice up to a time to its agent; True if `notices` of them came first."""
        next_notice, wake, hear = self.kernel.next, self._wake, self._hear
        row: Any = None
        while True:
            try:
                for _ in range(notices or NOTICES_PER_LOOK):
                    row = None
                    row = next_notice(until_ns)
                    if row is None:
                        return False
                    kind = row[0]
                    if kind:
                        hear[kind][row[2]](row)
                    else:
                        wake[row[2]]()
            except Exception as error:
                if row is None:
                    raise
                self._agent_raised(row[2], dispatch.hook_of(row), error)
            if notices is not None:
                return True
            self._look_after()

    def _look_after(self) -> None:
        events = self.kernel.events
        if events - self._drained_at >= EVENTS_PER_DRAIN:
            self._drained_at = events
            self.tape.collect(self.kernel)
        self.guard.check(self.kernel.now_ns, events)

    def _close(self) -> None:
        """End the session: venues close, orders are cancelled, links drain, then `on_end`."""
        if self.finished:
            return
        self.money.freeze_marks()
        self.last_books = books(self, LEVELS_LEFT)
        self.closing = True
        self.kernel.close()
        for venue in self.phases:
            self.phases[venue] = Phase.CLOSED
        self._listen(END_OF_TIME_NS)
        self.finished = True
        self.running = False
        for trader in self.traders.values():
            if trader.enabled:
                self._call(trader, "on_end")
        self.tape.collect(self.kernel)
        logger.info("[%s] session over after %s events", format_time(self.end_ns), f"{self.events:,}")

    # Looking on

    def frame(self, levels: int = 10, standings: Standings | None = None) -> Picture:
        """A picture of books, trades since the last picture, and agents: plain data for whoever watches."""
        if self.started:
            self.tape.collect(self.kernel)
        if standings is not None:
            standings.look()
        return picture(self, levels, standings)

    def result(self) -> Result:
        """Tables, figures and accounts of what has happened so far."""
        from market_sim.result import Result

        if self.started:
            self.tape.collect(self.kernel)
        return Result.of(self)
