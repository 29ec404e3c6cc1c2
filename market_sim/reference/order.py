"""Orders and commands: what a participant may ask of a venue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from market_sim.reference.types import AgentId, ListingId, Lots, Side, Ticks


class OrderType(IntEnum):
    """LIMIT never trades through its price; MARKET takes what is there, up to its protection price."""

    LIMIT = 0
    MARKET = 1


class TimeInForce(IntEnum):
    """GTC rests until cancelled, IOC cancels what does not trade at once, FOK trades whole or not at all."""

    GTC = 0
    IOC = 1
    FOK = 2


class SelfTradePrevention(IntEnum):
    """What happens when an order meets an order of the same owner. The taker's mode rules.

    NONE: they trade. NEWEST: the taker's remainder is cancelled. PASS: they pass each other;
    only the external participant uses it, whose two accounts play a whole recorded market.
    """

    NONE = 0
    NEWEST = 1
    PASS = 2


class CommandKind(IntEnum):
    """Kinds of a command row (see `Venue.process`)."""

    NEW = 0
    CANCEL = 1
    REPLACE = 2


@dataclass(slots=True)
class NewOrder:
    """Place an order. `price` in ticks: the limit of a LIMIT, the protection price of a MARKET (or None)."""

    agent: AgentId
    counter: int
    listing: ListingId
    side: Side | int
    order_type: OrderType | int
    tif: TimeInForce | int
    stp: SelfTradePrevention | int
    post_only: bool
    price: Ticks | None
    size: Lots


@dataclass(slots=True)
class Cancel:
    """Take a resting order out of the book."""

    agent: AgentId
    counter: int
    listing: ListingId


@dataclass(slots=True)
class Replace:
    """Change price and size of a resting order.

    `size` is the new TOTAL size (FIX OrderQty), so executed lots count towards it.
    """

    agent: AgentId
    counter: int
    listing: ListingId
    price: Ticks
    size: Lots


@dataclass(slots=True)
class Order:
    """A live order in a book. Executed so far is `total - leaves`."""

    agent: AgentId
    counter: int
    owner: AgentId
    side: int
    price: Ticks
    leaves: Lots
    total: Lots
    stp: int
    post_only: bool

    @property
    def executed(self) -> Lots:
        """Lots traded so far."""
        return self.total - self.leaves
