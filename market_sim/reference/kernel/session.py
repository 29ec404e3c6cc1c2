"""Phases, agents taken out and let in again, and the end of the session."""

from __future__ import annotations

from market_sim.errors import EngineError
from market_sim.reference.event import CancelReason
from market_sim.reference.kernel.flow import Flow
from market_sim.reference.kernel.setup import known
from market_sim.reference.types import AgentId, Phase, VenueId


class Session(Flow):
    """What the market's operator does; each act takes effect at once."""

    def set_phase(self, venue: VenueId, phase: int) -> None:
        """Suspend or resume a venue now. Resting orders stay, cancels are still accepted."""
        self._after_start()
        known(self._venues, venue, "venue")
        new_phase = Phase(phase)
        if self._closed:
            raise EngineError("the session is over", "set_phase", "Change phases before close().")
        self._change_phase(venue, new_phase)

    def disable_agent(self, agent: AgentId) -> None:
        """Cancel an agent's live orders now; until enabled it hears nothing and its sends are ignored."""
        sender = self._sender(agent)
        if sender.enabled:
            sender.enabled = False
            self._expire_orders(CancelReason.AGENT_DISABLED, agent)

    def enable_agent(self, agent: AgentId) -> None:
        """Let notices flow again."""
        self._sender(agent).enabled = True

    def set_cancel_on_disconnect(self, agent: AgentId, on: bool) -> None:
        """Let an agent's orders end when its connection does, at every venue, or stay."""
        self._agent(agent)
        for venue in self._venues:
            venue.set_cancel_on_disconnect(agent, on)

    def disconnect(self, agent: AgentId) -> None:
        """The agent's connections break now: its orders end wherever it asked for that.

        What it has sent already is under way, and its reports still reach it.
        """
        self._sender(agent)
        for venue in self._venues:
            venue.disconnect(self.now_ns, agent)
            self._operated(venue.id)

    def close(self) -> None:
        """End the session: venues close, live orders are cancelled, what is under way still arrives.

        The caller then drains the reports with `next(2**62)` until None. No order is taken any more.
        """
        self._after_start()
        if self._closed:
            return
        self._closed = True
        for venue in self._venues:
            self._change_phase(venue.id, Phase.CLOSED)
        self._expire_orders(CancelReason.SESSION_END)
