"""What an accepted command does to a book: it trades, rests, is cancelled, changes, and says so."""

from __future__ import annotations

from market_sim.reference.event import CancelReason, EventKind
from market_sim.reference.order import NewOrder, Order, SelfTradePrevention, TimeInForce
from market_sim.reference.types import AgentId, ListingId, Lots, Nanos, Ticks
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.writer import Writer


class Matching:
    """The venue's listings and who stands behind its agents; commands come checked."""

    def __init__(self) -> None:
        self.listings: dict[ListingId, Listing] = {}
        self.exempt: set[AgentId] = set()  # recorded flow: its fees were paid elsewhere, its sizes are facts
        self._owner: dict[AgentId, AgentId] = {}
        self._say = Writer()

    def _begin(self, time_ns: Nanos) -> int:
        self._say.time_ns = time_ns
        return len(self._say.events)

    def _match_new(self, listing: Listing, new: NewOrder) -> None:
        """An accepted order trades what it can; its type and time in force say what becomes of the rest."""
        owner = self._owner.get(new.agent, new.agent)
        agent, counter, side, price, size = new.agent, new.counter, new.side, new.price or 0, new.size
        order = Order(agent, counter, owner, side, price, size, size, new.stp, new.post_only)
        self._say.accepted(listing.id, order)
        whole = new.tif != TimeInForce.FOK or listing.book.can_fill(side, owner, new.stp, new.price, size)
        if not whole:
            self._say.cancelled(listing.id, order, CancelReason.FILL_OR_KILL)
        elif self._match(listing, order, new.price):
            if new.price is None:
                self._say.cancelled(listing.id, order, CancelReason.NO_LIQUIDITY)
            elif new.tif != TimeInForce.GTC:
                self._say.cancelled(listing.id, order, CancelReason.IMMEDIATE_OR_CANCEL)
            else:
                self._rest(listing, order)  # a market order with protection rests at its protection price

    def _replace(self, listing: Listing, order: Order, price: Ticks, size: Lots) -> None:
        leaves = size - order.executed
        if leaves <= 0:
            listing.book.remove(order)
            self._say.cancelled(listing.id, order, CancelReason.REPLACED_BELOW_EXECUTED)
        elif price == order.price and size < order.total:
            listing.book.resize(order, leaves - order.leaves)
            order.total = size
            self._say.replaced(listing.id, order, kept_priority=True)
        else:
            listing.book.remove(order)
            order.price, order.leaves, order.total = price, leaves, size
            self._say.replaced(listing.id, order, kept_priority=False)
            if self._match(listing, order, price):
                self._rest(listing, order)

    def _match(self, listing: Listing, taker: Order, limit: Ticks | None) -> bool:
        """Trade until nothing is left or within the limit; whether something is left that may live on."""
        while taker.leaves:
            maker = listing.book.next_maker(taker.side, taker.owner, taker.stp, limit)
            if maker is None:
                return True
            if maker.owner == taker.owner and taker.stp == SelfTradePrevention.NEWEST:
                self._say.cancelled(listing.id, taker, CancelReason.SELF_TRADE)
                return False
            self._trade(listing, maker, taker, min(maker.leaves, taker.leaves))
        return False

    def _trade(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> None:
        listing.book.resize(maker, -lots)
        taker.leaves -= lots
        notional = listing.notional(maker.price, lots)
        maker_fee = 0 if maker.agent in self.exempt else listing.maker_fee(notional)
        taker_fee = 0 if taker.agent in self.exempt else listing.taker_fee(notional)
        self._say.matched(listing.id, maker, taker, lots, maker_fee, taker_fee)

    def _rest(self, listing: Listing, order: Order) -> None:
        """Join the back of the queue. A continuous book is never crossed, so an order that passed its
        owner's orders and would now stand across from them ends here."""
        if listing.book.crosses(order.side, order.price):
            assert order.stp == SelfTradePrevention.PASS, "matching left an order that could trade"
            self._say.cancelled(listing.id, order, CancelReason.SELF_TRADE)
        else:
            listing.book.rest(order)

    # --- what only the kernel and recorded flow may do -------------------------------------------------

    def expire(self, time_ns: Nanos, listing: ListingId, order: Order, reason: CancelReason) -> None:
        """Cancel a live order whatever the phase: end of session, an agent taken out."""
        self._begin(time_ns)
        self.listings[listing].book.remove(order)
        self._say.cancelled(listing, order, reason)

    def reduce_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> None:
        """Take recorded lots away from a resting order; it keeps its place."""
        assert 0 < lots <= order.leaves, "a reduction takes between one lot and all that is left"
        if lots == order.leaves:
            self.expire(time_ns, listing, order, CancelReason.EXTERNAL)
        else:
            self._resize(time_ns, listing, order, -lots)

    def grow_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> None:
        """Add recorded lots to a resting order in place."""
        assert lots > 0, "growth is at least one lot"
        self._resize(time_ns, listing, order, lots)

    def _resize(self, time_ns: Nanos, listing: ListingId, order: Order, change: Lots) -> None:
        self._begin(time_ns)
        self.listings[listing].book.resize(order, change)
        order.total += change
        self._say.replaced(listing, order, kept_priority=True)

    def print_trade(self, time_ns: Nanos, listing: ListingId, side: int, price: Ticks, size: Lots) -> None:
        """Report a recorded trade in so far as nobody here took part in it."""
        self._begin(time_ns)
        self._say.emit(EventKind.PRINT, price=price, size=size, listing=listing, side=int(side))
