"""A market: a Mesa model whose clock, venues and messages live in the kernel, and whose agents trade."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import mesa

from market_sim import dispatch
from market_sim.agenda import Agenda
from market_sim.assembly import assemble, levels_of, seat_agent, subscribe
from market_sim.engine import RESERVED_NAMES, NoticeKind, Phase, engine_name
from market_sim.errors import AgentError, MarketSimError, ScenarioError
from market_sim.frame import ListingPicture, Picture, books, picture
from market_sim.fundamental import Fundamental
from market_sim.handed import with_traders
from market_sim.limits import Guard
from market_sim.money import Money
from market_sim.notices import News
from market_sim.scenario import AgentTable, Scenario, check_seed, load, parameters_of
from market_sim.tape import Tape
from market_sim.units import SECOND_NS, duration_ns, format_time

if TYPE_CHECKING:
    from market_sim.result import Result

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


class Market(mesa.Model):
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
        plan = scenario if isinstance(scenario, Scenario) else load(scenario)
        #: The scenario, with a table for every agent handed over in code.
        self.config, handed = with_traders(plan, agents)
        self.seed = _seed(plan.seed if seed is None else seed)
        super().__init__(rng=self.seed)
        self.engine = engine_name(engine)
        self._parts = assemble(self.config, self.seed, self.engine)
        self.kernel = self._parts.kernel
        self.listings = self._parts.listings
        self.venues, self.instruments = self._parts.venues, self._parts.instruments
        self.phases = dict.fromkeys(self.venues, Phase.CONTINUOUS)
        self.fundamentals = Fundamental.all_of(self.config.fundamentals, self.seed)
        self.tape = Tape(self.config.limits.tape_rows)
        self.end_ns = self.config.duration_ns
        self.started = self.closing = self.finished = False
        #: The error that stopped the run, and those of agents that were switched off for theirs.
        self.failure: MarketSimError | None = None
        #: The books as the session left them; None before its end.
        self.last_books: list[ListingPicture] | None = None
        self.incidents: list[AgentError] = []
        self.traders: dict[str, Any] = {}
        self._begun: set[str] = set()
        self._unheard: list[str] | None = []
        self.groups: dict[str, AgentTable] = {}
        self.money = Money(self.config, self._parts)
        self._seat_traders(handed)
        self._connect()
        self.agent_names = [*RESERVED_NAMES, *self.traders]
        self.guard = Guard(self.config.limits, self._notices, self.agent_names)
        self._agenda = Agenda(self, self.config.events)
        self._flow = flow
        self._drained_at = 0

    # Set-up

    def _seat_traders(self, handed: Sequence[Any]) -> None:
        ready = iter(handed)
        first_handed = len(self.config.agents) - len(handed)
        for number, group in enumerate(self.config.agents):
            names = self.config.listings_of(group)
            listings = tuple(listing for listing in self.listings if listing.name in names)
            for name in group.members:
                trader = next(ready) if number >= first_handed else self._make(group)
                agent_id = seat_agent(self.config, self._parts, group, name)
                trader._join(self, self.kernel, agent_id, name, listings, levels_of(trader) > 0)
                subscribe(self.config, self._parts, group, agent_id, trader)
                for (venue, asset), atoms in self.config.endowment_atoms(group).items():
                    trader.account._move(venue, asset, atoms)
                self.traders[name] = trader
                self.groups[name] = group

    def _make(self, group: AgentTable) -> Any:
        try:
            return self.config.class_of(group)(**self.config.params_of(group))
        except TypeError as error:
            raise ScenarioError(
                f"{group.kind} cannot be made: {error}",
                f"agents.{group.name}",
                "Declare parameters as class annotations and set up state in on_start, not in __init__.",
            ) from error

    def _connect(self) -> None:
        """Cache where each agent's notices go."""
        size = len(RESERVED_NAMES) + len(self.traders)
        self._wake: list[Callable[[], None]] = [_nothing] * size
        self._hear: list[list[dispatch.Hear]] = [[dispatch.ignore] * size for _ in NoticeKind]
        for trader in self.traders.values():
            self._wake[trader.agent_id] = trader.on_wake
            for kind, hear in dispatch.hearers(self, trader).items():
                self._hear[kind][trader.agent_id] = hear

    def _notices(self) -> list[int]:
        return list(self.kernel.totals()["notices"])

    # Time

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds since the epoch; once the session is over, its end."""
        return self.end_ns if self.finished else int(self.kernel.now_ns)

    @property
    def events(self) -> int:
        """Entries that the kernel has processed: arrivals of commands, market data and reports, and wakes."""
        return int(self.kernel.events)

    def run(self, until: str | int | None = None, progress: Callable[[int, int], None] | None = None) -> None:
        """Play the session to its end (default: the scenario's duration) and close it.

        `progress(now_ns, end_ns)` is called about a thousand times. Raises AgentError for an agent that
        raises, LimitError at a limit; the tape is kept in both cases.
        """
        if until is not None:
            self.end_ns = duration_ns(until)
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

    # Agents

    def _begin(self, trader: Any) -> None:
        self._begun.add(trader.name)
        self._call(trader, "on_start")

    def _call(self, trader: Any, hook: str, *arguments: Any) -> None:
        try:
            getattr(trader, hook)(*arguments)
        except Exception as error:
            self._agent_raised(trader.agent_id, hook, error)

    def _agent_raised(self, agent_id: int, hook: str, error: Exception) -> None:
        name = self.agent_names[agent_id]
        told = dispatch.agent_error(error, name, hook, self.now_ns)
        if self.config.on_agent_error == "disable":
            logger.error("%s; switched off", told)
            self.incidents.append(told)
            self.switch(name, on=False)
            return
        raise told from error

    def trader(self, name: str) -> Any:
        """A trader by name; ScenarioError names those there are."""
        found = self.traders.get(name)
        if found is None:
            raise ScenarioError(
                f"no agent {name!r}", self.config.name, f"There are {', '.join(self.traders)}."
            )
        return found

    def switch(self, name: str, on: bool) -> None:
        """Switch an agent off (its orders are cancelled, it hears nothing) or on again (it is woken at
        once).
        """
        trader = self.trader(name)
        if trader.enabled == on:
            return
        trader.enabled = on
        if not on:
            self.kernel.disable_agent(trader.agent_id)
            trader.orders.clear()
            return
        self.kernel.enable_agent(trader.agent_id)
        trader._come_back()
        self._wake[trader.agent_id] = trader._wake_if_due
        if name in self._begun:
            trader.wake_in(1)
        else:
            self._begin(trader)

    def set_parameter(self, name: str, parameter: str, value: Any) -> None:
        """Give an agent's parameter another value, checked by type (ScenarioError)."""
        trader = self.trader(name)
        declared = parameters_of(type(trader)).get(parameter)
        if declared is None:
            raise ScenarioError(f"{type(trader).__name__} has no parameter {parameter!r}", name)
        try:
            setattr(trader, parameter, declared.read(value))
        except ValueError as error:
            raise ScenarioError(str(error), f"{name}.{parameter}") from None

    def tell_news(self, text: str) -> None:
        """Let every agent hear a text now."""
        if self._unheard is not None:
            # Nobody hears anything before its on_start.
            self._unheard.append(text)
            return
        news = News(self.now_ns, text)
        for trader in self.traders.values():
            if trader.enabled:
                self._call(trader, "on_news", news)

    def set_phase(self, venue: str, phase: Phase) -> None:
        """Suspend or resume a venue now; agents hear of it as late as their market data."""
        self.kernel.set_phase(self.venues[venue], int(phase))
        self.phases[venue] = phase

    # Looking on

    def fundamental(self, instrument: str) -> float | None:
        """The fundamental value of an instrument now, in quote per base; None where the scenario has none."""
        found = self.fundamentals.get(instrument)
        return None if found is None else found.at(self.now_ns)

    def frame(self, levels: int = 10) -> Picture:
        """A picture of books, trades since the last picture, and agents: plain data for whoever watches."""
        if self.started:
            self.tape.collect(self.kernel)
        return picture(self, levels)

    def gained_atoms(self, name: str) -> dict[str, int]:
        """Per asset what an agent truly holds beyond its endowment."""
        trader = self.trader(name)
        gained = {asset: self.money.balance_atoms(trader.agent_id, asset) for asset in self.money.assets}
        for (_, asset), atoms in self.config.endowment_atoms(self.groups[name]).items():
            gained[asset] -= atoms
        return gained

    def result(self) -> Result:
        """Tables, figures and accounts of what has happened so far."""
        from market_sim.result import Result

        if self.started:
            self.tape.collect(self.kernel)
        return Result.of(self)

    @property
    def portable(self) -> bool:
        """True if every agent drew and computed with what is the same on all machines."""
        return all(trader.is_portable for trader in self.traders.values())


def _nothing() -> None:
    """A wake of an account that no trader sits at."""


def _seed(seed: Any) -> int:
    try:
        return check_seed(seed)
    except ValueError as error:
        raise ScenarioError(str(error), "seed") from None
