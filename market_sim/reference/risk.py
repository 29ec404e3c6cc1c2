"""What a venue asks of an agent before it lets an order trade, and what it must remember for that."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, fields

from market_sim.reference.types import Atoms, Lots, Nanos

MOST = 2**62
HIGHEST = {"collar_bps": 10**6, "max_messages_per_s": 100_000}
SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one agent in one listing; None: no such limit.

    `max_position_lots` bounds the position either way if all open orders of one side were to trade;
    `collar_bps` how far beyond the reference price a limit may reach; with `no_short_sale` nothing is sold
    that is not held.
    """

    max_order_lots: Lots | None = None
    max_notional_atoms: Atoms | None = None
    max_position_lots: Lots | None = None
    collar_bps: int | None = None
    max_messages_per_s: int | None = None
    no_short_sale: bool = False

    def __post_init__(self) -> None:
        for each in fields(self)[:-1]:
            value, most = getattr(self, each.name), HIGHEST.get(each.name, MOST)
            least = 1 if each.name == "max_messages_per_s" else 0
            if value is not None and not least <= value <= most:
                raise ValueError(f"risk limit {each.name} is {value}, must be from {least} to {most}")


@dataclass(slots=True)
class RiskAccount:
    """An agent in a listing: its limits, its position since they were set, and when it sent messages."""

    limits: RiskLimits = RiskLimits()
    position: Lots = 0  # what it held before, plus bought, less sold
    times_ns: deque[Nanos] = field(default_factory=deque)  # of the newest messages, as many as are allowed

    def takes_message(self, time_ns: Nanos) -> bool:
        """Count a message, unless the second before it is full already."""
        most = self.limits.max_messages_per_s
        if most is None:
            return True
        if len(self.times_ns) == most and self.times_ns[0] > time_ns - SECOND_NS:
            return False
        self.times_ns.append(time_ns)
        self.forget_old()
        return True

    def forget_old(self) -> None:
        """Keep no more message times than the limit needs."""
        while len(self.times_ns) > (self.limits.max_messages_per_s or 0):
            self.times_ns.popleft()

    def words(self) -> list[int]:
        """What decides later orders, for the venue's hash."""
        return [self.position, len(self.times_ns), *self.times_ns]
