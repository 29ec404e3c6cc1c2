"""Numbers and small codes that every part of the engine shares. Integers only: no float enters the engine.

Time is nanoseconds since the scenario's epoch, a price is a count of ticks, a size a count of lots,
money a count of atoms (smallest units) of an asset. The names below are for readers; all are `int`.
"""

from __future__ import annotations

from enum import IntEnum
from operator import index
from typing import SupportsIndex

Nanos = int
Ticks = int
Lots = int
Atoms = int
AgentId = int
VenueId = int
ListingId = int
OrderId = tuple[int, int]  # (agent, the agent's own counter): known to the agent the moment it sends

MAX_PRICE: Ticks = 2**53  # prices stay exact when a reader turns them into a double
MAX_SIZE: Lots = 2**48
MAX_NOTIONAL: Atoms = 2**62  # leaves room for fees within a signed 64-bit balance
MAX_LEVEL_LOTS: Lots = 2**62
MAX_PEAKS = 10_000  # of an iceberg: what one command can set off stays bounded
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


class Side(IntEnum):
    """Side of an order; in public trades the side of the aggressor."""

    BUY = 0
    SELL = 1


class Phase(IntEnum):
    """Phase of a venue. SUSPENDED still accepts cancels, CLOSED accepts nothing.

    In a call phase (PRE_OPEN, OPENING_AUCTION, HALT, CLOSING_AUCTION) orders gather without trading; the
    book may be crossed. Leaving it for CONTINUOUS or CLOSED matches them all at one price. A HALT may also
    concern one listing, while the venue goes on.
    """

    CONTINUOUS = 0
    SUSPENDED = 1
    CLOSED = 2
    PRE_OPEN = 3
    OPENING_AUCTION = 4
    HALT = 5
    CLOSING_AUCTION = 6


CALL_PHASES = (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.HALT, Phase.CLOSING_AUCTION)


class MatchingPolicy(IntEnum):
    """Who trades first at one price.

    PRICE_TIME: who came first. PRO_RATA: everybody in proportion to what they show, after the order that
    set the price. BATCH_AUCTION: nobody until the batch ends; then all trade at one price.
    """

    PRICE_TIME = 0
    PRO_RATA = 1
    BATCH_AUCTION = 2


# Agents that exist in every kernel, created by the kernel itself in this order.
FEES: AgentId = 0  # receives fees, pays rebates
EXTERNAL_BOOK: AgentId = 1  # holds the recorded market's resting size
EXTERNAL_TAKER: AgentId = 2  # acts for the recorded market's aggressors
MARKET: AgentId = 3
TRANSIT: AgentId = 4  # holds assets on their way between two venues
FIRST_USER_AGENT: AgentId = 5
RESERVED_NAMES = ("fees", "external-book", "external-taker", "market", "transit")


def int64(value: SupportsIndex) -> int:
    """A plain integer from any kind of integer, numpy's too.

    TypeError for what is no whole number, ValueError for what leaves 64 bits.
    """
    number = int(index(value))
    if not INT64_MIN <= number <= INT64_MAX:
        raise ValueError(f"integer {number} does not fit into 64 bits")
    return number
