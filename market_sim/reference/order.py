"""Orders and commands: what a participant may ask of a venue."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from market_sim.reference.terms import PLAIN, Amendment, Refresh, Terms
from market_sim.reference.types import AgentId, ListingId, Lots, Nanos, OrderId, Side, Ticks


class OrderType(IntEnum):
    """How an order is priced.

    LIMIT never trades through its price; MARKET takes what is there, up to its protection price.
    MARKET_TO_LIMIT takes the best opposite price only, and what is left stays there as a limit order.
    A STOP waits until trades reach its stop price, then becomes a MARKET order, a STOP_LIMIT a LIMIT order;
    the stop price of a TRAILING_STOP follows the market at a distance.
    """

    LIMIT = 0
    MARKET = 1
    MARKET_TO_LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4
    TRAILING_STOP = 5


class TimeInForce(IntEnum):
    """How long an order lives.

    GTC rests until cancelled, DAY until the venue closes, GTD until a stated time. IOC cancels what does
    not trade at once, FOK trades whole or not at all.
    """

    GTC = 0
    IOC = 1
    FOK = 2
    DAY = 3
    GTD = 4


def may_rest(tif: int) -> bool:
    """Whether what does not trade at once may wait in the book."""
    return tif not in (TimeInForce.IOC, TimeInForce.FOK)


class SelfTradePrevention(IntEnum):
    """What happens when an order meets an order of the same owner. The taker's mode rules.

    NONE: they trade. NEWEST: the taker's remainder is cancelled. OLDEST: the maker is cancelled and the
    taker goes on. BOTH: both are cancelled. DECREMENT: both lose as many lots as they would have traded.
    PASS: they pass each other; only the external participant uses it, whose two accounts play a whole
    recorded market.
    """

    NONE = 0
    NEWEST = 1
    PASS = 2
    OLDEST = 3
    BOTH = 4
    DECREMENT = 5


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
    terms: Terms = PLAIN


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
class ReplaceEx:
    """The same for a waiting stop, whose stop price or distance may change too."""

    agent: AgentId
    counter: int
    listing: ListingId
    change: Amendment


@dataclass(slots=True)
class Order:
    """A live order. Executed so far is `total - leaves`.

    `shown` is what the public sees of a resting order: all of a plain one, the peak of an iceberg,
    nothing of a hidden one. `entry` numbers icebergs and hidden orders in the order in which they came
    to rest: away from the public queue that is what decides who is first.
    """

    agent: AgentId
    counter: int
    owner: AgentId
    side: int
    price: Ticks
    leaves: Lots
    total: Lots
    stp: int
    post_only: bool
    tif: int = TimeInForce.GTC
    display: Lots | None = None  # most that is ever shown; None: everything
    refresh: int = Refresh.RESERVE
    shown: Lots = 0
    entry: int = 0
    expiry: tuple[Nanos, int] | None = None  # good till this time; the number breaks ties
    order_type: int = OrderType.LIMIT
    terms: Terms = PLAIN
    number: int = 0  # of a stop or a peg, in the order in which they came
    stop: Ticks | None = None  # price at which a stop is elected
    extreme: Ticks | None = None  # lowest (buy) or highest (sell) print that a trailing stop has seen
    limit: Ticks | None = None  # cap of a pegged order's price
    call: int = 0  # who came first of those that came to rest while nothing traded; 0: before all of them
    batch: int = 0  # of a listing that trades in batches

    @property
    def id(self) -> OrderId:
        """The name under which its agent knows it."""
        return self.agent, self.counter

    @property
    def executed(self) -> Lots:
        """Lots traded so far."""
        return self.total - self.leaves

    @property
    def peak(self) -> Lots:
        """What a fresh peak would show."""
        return self.leaves if self.display is None else min(self.display, self.leaves)

    @property
    def within_reach(self) -> Lots:
        """What one match can take: the peak while one is shown, then the reserve behind it."""
        return self.shown or self.leaves

    @property
    def keeps_a_reserve(self) -> bool:
        """Whether it stands behind the public queue too: hidden, or with a reserve of RESERVE style."""
        return self.display == 0 or (self.display is not None and self.refresh == Refresh.RESERVE)
