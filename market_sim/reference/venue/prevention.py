"""Self-trade prevention: what happens when an order meets one of its own owner. The taker's mode rules."""

from __future__ import annotations

from market_sim.reference.event import CancelReason
from market_sim.reference.order import Order, SelfTradePrevention
from market_sim.reference.types import Lots
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.listing import Listing


class SelfTrades(VenueParts):
    """The modes that prevent a trade."""

    def _prevent(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> bool:
        """Keep two orders of one owner from trading `lots`; whether the taker goes on."""
        if taker.stp == SelfTradePrevention.DECREMENT:
            self._decrement(listing, maker, taker, lots)
            return taker.leaves > 0
        if taker.stp in (SelfTradePrevention.OLDEST, SelfTradePrevention.BOTH):
            listing.book.remove(maker)
            self._say.cancelled(listing.id, maker, CancelReason.SELF_TRADE)
        if taker.stp == SelfTradePrevention.OLDEST:
            return True
        if taker.id in listing.book.orders:  # in an auction both have come to rest before
            listing.book.remove(taker)
        self._say.cancelled(listing.id, taker, CancelReason.SELF_TRADE)
        return False

    def _decrement(self, listing: Listing, maker: Order, taker: Order, lots: Lots) -> None:
        """Both lose what they would have traded: original - executed - prevented = open, for both."""
        for order in (maker, taker):
            if order.id in listing.book.orders:
                listing.book.resize(order, -lots)
            else:
                order.leaves -= lots
        for order in (maker, taker):
            order.total -= lots
            if order.leaves:
                self._say.replaced(listing.id, order, kept_priority=True)
            else:
                self._say.cancelled(listing.id, order, CancelReason.SELF_TRADE_DECREMENT, lots)
