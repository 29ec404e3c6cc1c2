"""What recorded flow may do at a venue: place, reduce and grow its own orders, and report a print."""

from __future__ import annotations

from typing import Protocol

from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.types import AgentId, Lots, Ticks


class Desk(Protocol):
    """What the participant may do at its venue."""

    @property
    def open(self) -> bool:
        """Whether the venue takes orders now."""

    @property
    def latest(self) -> int:
        """Number of the own order placed last."""

    def place(self, agent: AgentId, side: int, tif: TimeInForce, price: Ticks, size: Lots) -> Lots:
        """Place a limit order; returns the lots that traded at once."""

    def reduce(self, order: Order, lots: Lots) -> None:
        """Take lots from an own order in place."""

    def grow(self, order: Order, lots: Lots) -> bool:
        """Add lots to an own order in place; False where it would grow too large."""

    def print_trade(self, side: int, price: Ticks, lots: Lots) -> None:
        """Report a recorded trade in which nobody took part."""
