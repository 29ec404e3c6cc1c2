"""What an agent's hooks receive: frozen rows straight from the kernel, read in instrument units on demand.

The rows keep the kernel's integers (`_ticks`, `_lots`, `_ns`, `_atoms`); the properties without a suffix are
floats in instrument units. Nothing is converted before somebody asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from market_sim.engine import CancelReason, EventKind, Phase, RejectReason, Side
from market_sim.listing import Listing
from market_sim.units import from_atoms
from market_sim.view import SIDES, TopOfBook

if TYPE_CHECKING:
    from market_sim.order import Order


class _QuoteFields(NamedTuple):
    notice: int
    time_ns: int
    agent_id: int
    listing_id: int
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int
    update_no: int
    published_ns: int
    listing: Listing


class Quote(TopOfBook, _QuoteFields):
    """`on_quote`: the best bid or ask of a listing has changed; heard at `time_ns`, published at
    `published_ns`.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Quote({self.listing.name}, bid={self.bid}, ask={self.ask}, time_ns={self.time_ns})"


class Trade(NamedTuple):
    """`on_trade`: a public trade, heard at `time_ns`, traded at `traded_ns`; `side` is the aggressor's."""

    notice: int
    time_ns: int
    agent_id: int
    listing_id: int
    price_ticks: int
    size_lots: int
    side_code: int
    match_id: int
    traded_ns: int
    listing: Listing

    @property
    def side(self) -> Side:
        """Side of the order that took liquidity."""
        return SIDES[self.side_code]

    @property
    def price(self) -> float:
        """Trade price."""
        return self.listing.prices.value(self.price_ticks)

    @property
    def size(self) -> float:
        """Traded size."""
        return self.listing.sizes.value(self.size_lots)

    def __repr__(self) -> str:
        what = f"{self.side.name}, {self.size} at {self.price}"
        return f"Trade({self.listing.name}, {what}, time_ns={self.time_ns})"


class _ReportFields(NamedTuple):
    notice: int
    time_ns: int
    agent_id: int
    listing_id: int
    event_code: int
    reason_code: int
    order_id: int
    side_code: int
    price_ticks: int
    size_lots: int
    leaves_lots: int
    fee_atoms: int
    flags: int
    match_id: int
    venue_ns: int
    listing: Listing
    order: Order | None


class Report(_ReportFields):
    """A venue's answer about one own order: heard at `time_ns`, happened at `venue_ns`.

    `order` is the agent's record of the order, already brought up to date; None if it was gone before.
    """

    __slots__ = ()

    @property
    def side(self) -> Side:
        """Side of the order."""
        return SIDES[self.side_code]

    @property
    def price(self) -> float:
        """Price the report speaks of: of the fill, of the order, or as requested."""
        return self.listing.prices.value(self.price_ticks)

    @property
    def size(self) -> float:
        """Size the report speaks of: of the fill, the part cancelled, or as requested."""
        return self.listing.sizes.value(self.size_lots)

    @property
    def leaves(self) -> float:
        """Size of the order that is still open after this."""
        return self.listing.sizes.value(self.leaves_lots)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.listing.name}, order_id={self.order_id}, {self.side.name}, "
            f"{self.size} at {self.price}, leaves={self.leaves}, time_ns={self.time_ns})"
        )


class Fill(Report):
    """`on_fill`: one own order has traded `size` at `price`."""

    __slots__ = ()

    @property
    def is_maker(self) -> bool:
        """True if the own order was resting."""
        return bool(self.flags & 1)

    @property
    def fee(self) -> float:
        """Fee in the quote asset, negative for a rebate."""
        return from_atoms(self.fee_atoms, self.listing.quote_decimals)


class Cancelled(Report):
    """`on_cancelled`: `size` of an own order has ended without trading."""

    __slots__ = ()

    @property
    def reason(self) -> CancelReason:
        """Why: own request, immediate-or-cancel, self-trade prevention, session end ..."""
        return CancelReason(self.reason_code)


class Update(Report):
    """`on_update`: an own order goes on in another way, unasked: see `kind`."""

    __slots__ = ()

    @property
    def kind(self) -> EventKind:
        """TRIGGERED (a stop is elected; `price` is its stop), REFRESHED (an iceberg shows `size` more, at the
        back of its queue) or REPRICED (a peg stands at `price` now; 0: it has nothing to follow).
        """
        return EventKind(self.event_code)


class Reject(Report):
    """`on_reject`: an order, a cancel or a replace was refused, by the venue or by the agent's own gateway.

    A reject of the own gateway never travelled; `is_local` tells.
    """

    __slots__ = ()

    @property
    def kind(self) -> EventKind:
        """REJECTED, CANCEL_REJECTED or REPLACE_REJECTED."""
        return EventKind(self.event_code)

    @property
    def reason(self) -> RejectReason:
        """Why it was refused."""
        # A market order for which the agent has no view goes out with price 0, which no gateway passes.
        if self.order is not None and self.order.lacks_view:
            return RejectReason.PROTECTION_REQUIRED
        return RejectReason(self.reason_code)


class PhaseChange(NamedTuple):
    """`on_phase`: a venue has entered a phase, or, where `listing` is given, that listing alone."""

    time_ns: int
    venue: str
    phase: Phase
    listing: Listing | None = None


class News(NamedTuple):
    """`on_news`: a text that every agent hears."""

    time_ns: int
    text: str
