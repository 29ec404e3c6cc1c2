"""What the parts of a venue share. Each part is a file of its own; `Venue` puts them together."""

from __future__ import annotations

from collections.abc import Callable

from market_sim.reference.order import Order
from market_sim.reference.risk import RiskAccount
from market_sim.reference.types import AgentId, ListingId, Lots, Nanos, Phase, Ticks
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.market_data import MarketData
from market_sim.reference.venue.writer import Writer


class VenueParts:
    """State of a venue, for the type checker; `Venue.__init__` fills it."""

    name: str
    id: int
    phase: Phase
    listings: dict[ListingId, Listing]
    exempt: set[AgentId]
    _owner: dict[AgentId, AgentId]
    _say: Writer
    _next_entry: int  # for icebergs and hidden orders, when they come to rest
    _drained: list[Order]  # RESERVE icebergs whose peak the current sweep has used up
    _expiries: list[tuple[Nanos, int, ListingId, Order]]  # a heap: (time, number, listing, order)
    _next_expiry: int
    _next_number: int  # for stops and pegs, when they are accepted
    _risk: dict[tuple[ListingId, AgentId], RiskAccount]
    _next_call: int  # for orders that come to rest while nothing trades
    _ends_with_connection: set[AgentId]
    _data: MarketData | None  # None until somebody subscribes

    def depth(self, listing: ListingId, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """The best displayed levels (see `Venue`)."""
        raise NotImplementedError

    def indicative(self, listing: ListingId) -> tuple[Ticks, Lots, Lots] | None:
        """What an auction would come to now (see `Auctions`)."""
        raise NotImplementedError

    def _publish(self) -> None:
        """Market data of the command before (see `Publishing`)."""
        raise NotImplementedError

    # The commands of `Venue`, under their own names there; here they take whatever is handed through.
    new_order: Callable[..., int]
    new_order_ex: Callable[..., int]
    cancel: Callable[..., int]
    replace: Callable[..., int]
    replace_ex: Callable[..., int]

    def _find(self, listing: ListingId, agent: AgentId, counter: int) -> Order | None:
        """A live order (see `Venue`)."""
        raise NotImplementedError

    def _missing(self, listing: ListingId, order: Order | None) -> int:
        """The reason if listing or order are unknown (see `Venue`)."""
        raise NotImplementedError

    def _check_rate(self, agent: AgentId, listing: ListingId, time_ns: Nanos) -> int:
        """Whether an agent sends too fast (see `Risk`)."""
        raise NotImplementedError

    def _check_change_risk(
        self, listing: Listing, order: Order, price: Ticks | None, stop_price: Ticks | None, size: Lots
    ) -> int:
        """Whether a changed order breaks a limit (see `Risk`)."""
        raise NotImplementedError

    def _settle(self, listing: Listing) -> None:
        """Everything that follows from a command on a listing (see `Triggers`)."""
        raise NotImplementedError

    def _end_of_day(self) -> None:
        """Let the orders of the day end (see `Lifetime`)."""
        raise NotImplementedError

    def _phase_of(self, listing: Listing) -> Phase:
        """The phase of one listing (see `Matching`)."""
        raise NotImplementedError

    def _pass_time(self, listing: Listing, time_ns: Nanos) -> None:
        """What the clock ends on a listing (see `Phases`)."""
        raise NotImplementedError

    def _listing(self, listing: ListingId) -> Listing:
        """A listing by its id, or ValueError."""
        raise NotImplementedError

    def _note_expiry(self, listing: Listing, order: Order, expire_ns: Nanos | None) -> None:
        """Remember when an order ends (see `Lifetime`)."""
        raise NotImplementedError

    def _begin(self, time_ns: Nanos) -> int:
        """Set the time of the events to come; returns how many wait already."""
        self._publish()
        self._say.time_ns = time_ns
        return len(self._say.events)
