"""How an order trades: the sweep through the other side, and what becomes of what is left."""

from __future__ import annotations

from market_sim.reference.allotment import Allotment, share_out
from market_sim.reference.event import CancelReason
from market_sim.reference.order import NewOrder, Order, SelfTradePrevention, TimeInForce, may_rest
from market_sim.reference.terms import Peg
from market_sim.reference.types import CALL_PHASES, Lots, Phase, Ticks
from market_sim.reference.venue.halts import Halts
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.prevention import SelfTrades
from market_sim.reference.venue.protection import asks_the_market
from market_sim.reference.venue.risk import Risk


class Matching(SelfTrades, Halts, Risk):
    """Continuous trading, price-time or pro rata; in a call nothing trades, and the same paths only rest."""

    def _enter(self, listing: Listing, new: NewOrder, order: Order, price: Ticks | None) -> None:
        """An accepted order trades what it can; its type and time in force say what becomes of the rest."""
        if price is None and asks_the_market(new) and not self._gathers(listing):
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
        if new.tif == TimeInForce.FOK and not self._can_fill(listing, order, price, order.leaves):
            return CancelReason.FILL_OR_KILL
        if new.terms.minimum_lots and not self._can_fill(listing, order, price, new.terms.minimum_lots):
            return CancelReason.MINIMUM_QUANTITY
        return 0

    def _can_fill(self, listing: Listing, order: Order, price: Ticks | None, lots: Lots) -> bool:
        """Whether that much would trade at once, without a halt on the way."""
        best = listing.book.best_price(1 - order.side)
        if self._gathers(listing) or (best is not None and listing.beyond_band(best)):
            return False
        limit = listing.within_band(order.side, price)
        return listing.book.can_fill(order.side, order.owner, order.stp, limit, lots, listing.shares)

    def _keep_or_cancel(self, listing: Listing, order: Order, price: Ticks | None) -> None:
        if price is None and not self._gathers(listing):
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
        """Trade until nothing is left or within the limit; whether something is left that may live on.

        A match too far from the static price is not made: the listing halts, and from then on gathers.
        """
        while taker.leaves and not self._gathers(listing):
            maker = listing.book.next_maker(taker.side, taker.owner, taker.stp, limit)
            if maker is None:
                return True
            if listing.beyond_band(maker.price):
                self._halt(listing)
                return True
            for each, lots in self._next_in_line(listing, maker, taker):
                if not self._meet(listing, each, taker, lots):
                    return False
        return taker.leaves > 0

    def _next_in_line(self, listing: Listing, maker: Order, taker: Order) -> list[Allotment]:
        """Who trades next, and how much: one order, or all that share its price."""
        if not (listing.shares and maker.shown):
            return [(maker, min(maker.within_reach, taker.leaves))]
        level = listing.book.sides[maker.side].levels[maker.price]
        passes = taker.stp == SelfTradePrevention.PASS
        sharing = [each for each in level.orders.values() if not (passes and each.owner == taker.owner)]
        shown = [each.shown for each in sharing]
        if taker.leaves < sum(shown):
            first = listing.rules.top_order_max_lots if listing.top(maker.side) is sharing[0] else 0
            shown = share_out(taker.leaves, shown, listing.rules.pro_rata_min_lots, first)
        return [(each, lots) for each, lots in zip(sharing, shown, strict=True) if lots]

    def _meet(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> bool:
        """Trade with a maker, unless both have one owner; whether the taker goes on."""
        if maker.owner == taker.owner and taker.stp != SelfTradePrevention.NONE:
            prevented = lots if listing.shares and maker.shown else min(maker.leaves, taker.leaves)
            return self._prevent(listing, maker, taker, prevented)
        self._trade(listing, maker, taker, lots)
        return True

    def _trade(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> None:
        peak_used_up = listing.book.fill(maker, lots)
        taker.leaves -= lots
        notional = listing.notional(maker.price, lots)
        maker_fee = 0 if maker.agent in self.exempt else listing.maker_fee(notional)
        taker_fee = 0 if taker.agent in self.exempt else listing.taker_fee(notional)
        self._say.matched(listing.id, maker, taker, lots, maker_fee, taker_fee)
        listing.note_print(maker.price)
        for order in (maker, taker):
            self._move_position(listing, order, lots)
        if peak_used_up:
            self._peak_used_up(listing, maker)

    def _peak_used_up(self, listing: Listing, order: Order) -> None:
        if order.keeps_a_reserve:
            self._drained.append(order)
        else:
            self._show_peak(listing, order)

    def _show_drained(self, listing: Listing) -> None:
        """After the sweep every RESERVE iceberg that lost its peak and still lives shows the next one."""
        drained, self._drained = self._drained, []
        for order in drained:
            if order.leaves and order.id in listing.book.orders and not order.shown:
                self._show_peak(listing, order)

    def _show_peak(self, listing: Listing, order: Order) -> None:
        listing.book.show_peak(order)
        listing.no_longer_top(order)
        self._say.refreshed(listing.id, order)

    def _rest(self, listing: Listing, order: Order) -> None:
        """Join the back of the queue. A continuous book is never crossed, so an order that passed its
        owner's orders and would now stand across from them ends here."""
        gathers = self._gathers(listing)
        if not gathers and listing.book.crosses(order.side, order.price):
            assert order.stp == SelfTradePrevention.PASS, "matching left an order that could trade"
            self._say.cancelled(listing.id, order, CancelReason.SELF_TRADE)
            return
        if order.display is not None:
            order.entry, self._next_entry = self._next_entry, self._next_entry + 1
        order.call = order.batch = 0
        if gathers:
            order.call, self._next_call = self._next_call, self._next_call + 1
            order.batch = listing.call.batch if listing.batches else 0
        listing.note_top(order, may_be=not gathers)
        listing.book.rest(order, may_cross=gathers)

    def _phase_of(self, listing: Listing) -> Phase:
        """A halt may concern one listing alone."""
        return Phase.HALT if listing.call.halted else self.phase

    def _gathers(self, listing: Listing) -> bool:
        """Whether orders only come to rest now: a call phase, or a listing that trades in batches."""
        return listing.batches or self._phase_of(listing) in CALL_PHASES
