"""How an order trades: the sweep through the other side, and what becomes of what is left."""

from __future__ import annotations

from market_sim.reference.event import CancelReason
from market_sim.reference.order import NewOrder, Order, SelfTradePrevention, TimeInForce, may_rest
from market_sim.reference.terms import Peg
from market_sim.reference.types import Lots, Ticks
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.prevention import SelfTrades
from market_sim.reference.venue.protection import asks_the_market


class Matching(SelfTrades, VenueParts):
    """Continuous trading, price-time."""

    def _enter(self, listing: Listing, new: NewOrder, order: Order, price: Ticks | None) -> None:
        """An accepted order trades what it can; its type and time in force say what becomes of the rest."""
        if price is None and asks_the_market(new):
            self._say.cancelled(listing.id, order, CancelReason.NO_LIQUIDITY)
        elif reason := self._unfillable(listing, new, order, price):
            self._say.cancelled(listing.id, order, reason)
        elif self._match(listing, order, price):
            self._keep_or_cancel(listing, order, price)
        self._show_drained(listing)

    def _order(self, new: NewOrder, price: Ticks | None) -> Order:
        owner = self._owner.get(new.agent, new.agent)
        name, amounts = (new.agent, new.counter, owner, new.side), (price or 0, new.size, new.size)
        display, refresh = new.terms.display_lots, new.terms.refresh
        if new.terms.peg == Peg.MIDPOINT:
            display = 0
        order = Order(*name, *amounts, new.stp, new.post_only, new.tif, display, refresh)
        order.order_type, order.terms = new.order_type, new.terms
        return order

    def _unfillable(self, listing: Listing, new: NewOrder, order: Order, price: Ticks | None) -> int:
        """Why the order ends before it trades: it asks for more at once than there is. 0: it does not."""
        about = (order.side, order.owner, order.stp, price)
        if new.tif == TimeInForce.FOK and not listing.book.can_fill(*about, order.leaves):
            return CancelReason.FILL_OR_KILL
        if new.terms.minimum_lots and not listing.book.can_fill(*about, new.terms.minimum_lots):
            return CancelReason.MINIMUM_QUANTITY
        return 0

    def _keep_or_cancel(self, listing: Listing, order: Order, price: Ticks | None) -> None:
        if price is None:
            self._say.cancelled(listing.id, order, CancelReason.NO_LIQUIDITY)
        elif not may_rest(order.tif):
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
        self._show_drained(listing)

    def _match(self, listing: Listing, taker: Order, limit: Ticks | None) -> bool:
        """Trade until nothing is left or within the limit; whether something is left that may live on."""
        while taker.leaves:
            maker = listing.book.next_maker(taker.side, taker.owner, taker.stp, limit)
            if maker is None:
                return True
            if maker.owner == taker.owner and taker.stp != SelfTradePrevention.NONE:
                if not self._prevent(listing, maker, taker):
                    return False
            else:
                self._trade(listing, maker, taker, min(maker.within_reach, taker.leaves))
        return False

    def _trade(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> None:
        peak_used_up = listing.book.fill(maker, lots)
        taker.leaves -= lots
        notional = listing.notional(maker.price, lots)
        maker_fee = 0 if maker.agent in self.exempt else listing.maker_fee(notional)
        taker_fee = 0 if taker.agent in self.exempt else listing.taker_fee(notional)
        self._say.matched(listing.id, maker, taker, lots, maker_fee, taker_fee)
        listing.note_print(maker.price)
        if peak_used_up and maker.keeps_a_reserve:
            self._drained.append(maker)
        elif peak_used_up:
            self._show_peak(listing, maker)

    def _show_drained(self, listing: Listing) -> None:
        """After the sweep every RESERVE iceberg that lost its peak and still lives shows the next one."""
        drained, self._drained = self._drained, []
        for order in drained:
            if order.leaves and order.id in listing.book.orders and not order.shown:
                self._show_peak(listing, order)

    def _show_peak(self, listing: Listing, order: Order) -> None:
        listing.book.show_peak(order)
        self._say.refreshed(listing.id, order)

    def _rest(self, listing: Listing, order: Order) -> None:
        """Join the back of the queue. A continuous book is never crossed, so an order that passed its
        owner's orders and would now stand across from them ends here."""
        if listing.book.crosses(order.side, order.price):
            assert order.stp == SelfTradePrevention.PASS, "matching left an order that could trade"
            self._say.cancelled(listing.id, order, CancelReason.SELF_TRADE)
            return
        if order.display is not None:
            order.entry, self._next_entry = self._next_entry, self._next_entry + 1
        listing.book.rest(order)
