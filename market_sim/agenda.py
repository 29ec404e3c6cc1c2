"""A scenario's [[events]]: what happens to a market at stated times, after everything else of that
instant.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from market_sim.engine import Phase
from market_sim.units import format_time

if TYPE_CHECKING:
    from market_sim.market import Market

logger = logging.getLogger("market_sim.market")


class Agenda:
    """The events of a scenario in order of time, equal times in the order of the file."""

    def __init__(self, market: Market, events: list[Any]) -> None:
        self._market = market
        self._events = sorted(events, key=lambda event: event.at_ns)
        self._next = 0

    @property
    def next_ns(self) -> int | None:
        """When the next event is due; None after the last."""
        return self._events[self._next].at_ns if self._next < len(self._events) else None

    def act(self, now_ns: int) -> None:
        """Let everything happen that is due by now."""
        while self._next < len(self._events) and self._events[self._next].at_ns <= now_ns:
            event = self._events[self._next]
            self._next += 1
            market = self._market
            logger.info("[%s] event: %s", format_time(now_ns), _told(event))
            if event.kind == "news":
                market.tell_news(event.text)
            elif event.kind == "jump":
                market.fundamentals[event.instrument].jump(now_ns, event.bps)
            elif event.kind == "parameter":
                for name in market.config.members_of(event.agent):
                    market.set_parameter(name, event.name, event.value)
            elif event.kind in ("suspend", "resume"):
                market.set_phase(
                    event.venue, Phase.SUSPENDED if event.kind == "suspend" else Phase.CONTINUOUS
                )
            else:
                for group in event.agents:
                    for name in market.config.members_of(group):
                        market.switch(name, on=event.kind == "agents_on")


def _told(event: Any) -> str:
    values = event.model_dump(exclude={"at_ns", "kind"})
    return f"{event.kind} {', '.join(f'{key}={value}' for key, value in values.items())}"
