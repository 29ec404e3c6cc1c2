"""What may happen to a market from outside: news, phases, agents on and off, parameters; and agents that
raise.
"""

from __future__ import annotations

import logging
from typing import Any

from market_sim import dispatch
from market_sim.engine import Phase
from market_sim.errors import AgentError, MarketSimError, ScenarioError
from market_sim.notices import News
from market_sim.scenario import parameters_of
from market_sim.stage import Stage

logger = logging.getLogger("market_sim.market")


class Controls(Stage):
    """A stage whose agents can be called, told and switched."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        #: The error that stopped the run.
        self.failure: MarketSimError | None = None
        #: Errors of agents that were switched off for them.
        self.incidents: list[AgentError] = []
        self._begun: set[str] = set()
        # News from before on_start waits for it; None once everybody has started.
        self._unheard: list[str] | None = []

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
