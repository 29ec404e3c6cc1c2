"""The stage of a market: the kernel with everything a scenario names, and its traders in their seats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mesa

from market_sim import dispatch
from market_sim.assembly import assemble, levels_of, seat_agent, subscribe
from market_sim.engine import RESERVED_NAMES, NoticeKind, Phase, engine_name
from market_sim.errors import ScenarioError
from market_sim.fundamental import Fundamental
from market_sim.handed import with_traders
from market_sim.limits import Guard
from market_sim.money import Money
from market_sim.scenario import AgentTable, Scenario, check_seed, load
from market_sim.tape import Tape


class Stage(mesa.Model):
    """What exists in a market, before and while anything happens."""

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any],
        seed: int | None = None,
        engine: str | None = None,
        agents: Sequence[Any] = (),
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
        self.traders: dict[str, Any] = {}
        self.groups: dict[str, AgentTable] = {}
        self._given: dict[str, dict[str, int]] = {}
        self.money = Money(self.config, self._parts)
        self._seat_traders(handed)
        self._connect()
        self.agent_names = [*RESERVED_NAMES, *self.traders]
        self.guard = Guard(self.config.limits, self._notices, self.agent_names)

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
                self._given[name] = dict.fromkeys(self.money.assets, 0)
                for (venue, asset), atoms in self.config.endowment_atoms(group).items():
                    trader.account._move(venue, asset, atoms)
                    self._given[name][asset] += atoms
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

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds since the epoch; once the session is over, its end."""
        return self.end_ns if self.finished else int(self.kernel.now_ns)

    @property
    def events(self) -> int:
        """Entries that the kernel has processed: arrivals of commands, market data and reports, and wakes."""
        return int(self.kernel.events)

    def trader(self, name: str) -> Any:
        """A trader by name; ScenarioError names those there are."""
        found = self.traders.get(name)
        if found is None:
            raise ScenarioError(
                f"no agent {name!r}", self.config.name, f"There are {', '.join(self.traders)}."
            )
        return found

    def fundamental(self, instrument: str) -> float | None:
        """The fundamental value of an instrument now, in quote per base; None where the scenario has none."""
        found = self.fundamentals.get(instrument)
        return None if found is None else found.at(self.now_ns)

    def gained_atoms(self, name: str) -> dict[str, int]:
        """Per asset what an agent truly holds beyond its endowment."""
        money, agent_id = self.money, self.trader(name).agent_id
        return {
            asset: money.balance_atoms(agent_id, asset) - given for asset, given in self._given[name].items()
        }

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
