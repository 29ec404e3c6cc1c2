"""Stops: accepted to wait, elected by trades, entered when the sweep that elected them has finished."""

from __future__ import annotations

from collections import deque

from market_sim.reference.event import CancelReason
from market_sim.reference.order import NewOrder, Order, OrderType, TimeInForce, may_rest
from market_sim.reference.stops import follow, holds
from market_sim.reference.types import MAX_LEVEL_LOTS, MAX_PRICE, Lots, Phase, Side, Ticks
from market_sim.reference.venue.checks import check_amounts
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.pegging import Pegging
from market_sim.reference.venue.protection import protected_price


class Triggers(Pegging):
    """What follows from a command once its own sweep is over."""

    def _match_new(self, listing: Listing, new: NewOrder, price: Ticks | None) -> None:
        """Accept an order and let it do what its kind does; then everything that follows from it."""
        order = self._order(new, price)
        self._say.accepted(listing.id, order)
        if new.tif == TimeInForce.GTD:
            self._note_expiry(listing, order, new.terms.expire_ns)
        if is_stop(new):
            self._wait_or_act(listing, new, order)
        elif new.terms.peg:
            self._accept_peg(listing, new, order, price)
        else:
            self._enter(listing, new, order, price)
        self._settle(listing)

    def _replace_any(self, listing: Listing, order: Order, price: Ticks, size: Lots) -> None:
        """New numbers for a live order of any kind; then everything that follows."""
        if order.id in listing.stops.waiting:
            self._replace_stop(listing, order, price, size)
        elif order.terms.peg:
            self._replace_peg(listing, order, price, size)
        else:
            self._replace(listing, order, price, size)
        self._settle(listing)

    def _settle(self, listing: Listing) -> None:
        """Elect stops by the prints of the command, let each act, and let pegs follow, until all is quiet.

        A stop acts only when the sweep that elected it has finished; those that its own sweep elects
        queue behind the ones elected before.
        """
        elected: deque[Order] = deque()
        while True:
            for price in listing.take_prints():
                elected.extend(listing.stops.elect(price))
            if elected:
                self._act(listing, elected.popleft())
            elif not self._reprice_pegs(listing):
                break
        self._publish_indicative(listing)

    def _wait_or_act(self, listing: Listing, new: NewOrder, order: Order) -> None:
        """A new stop waits, unless the last print holds for it already."""
        order.stop = new.terms.stop_price
        order.number, self._next_number = self._next_number, self._next_number + 1
        follow(order, listing.last_print)
        if self._phase_of(listing) == Phase.CONTINUOUS and holds(order, listing.last_print):
            self._act(listing, order)
        else:
            listing.stops.waiting[order.id] = order

    def _act(self, listing: Listing, order: Order) -> None:
        """An elected stop becomes a market or limit order and enters."""
        self._say.triggered(listing.id, order)
        price, enters = self._price_at_election(listing, order)
        order.price = price or 0
        if not enters:
            self._say.cancelled(listing.id, order, CancelReason.NO_LIQUIDITY)
        elif order.tif == TimeInForce.FOK and not self._can_fill(listing, order, price, order.leaves):
            self._say.cancelled(listing.id, order, CancelReason.FILL_OR_KILL)
        elif self._match(listing, order, price):
            self._keep_or_cancel(listing, order, price)
        self._show_drained(listing)

    def _price_at_election(self, listing: Listing, order: Order) -> tuple[Ticks | None, bool]:
        """The limit of an elected stop (None: any price), and whether it may enter with it at all."""
        terms, price = order.terms, order.price or None
        if terms.protection_ticks is not None and price is None:
            best = listing.book.best_shown(1 - order.side)
            if best is None:
                return None, False
            price = protected_price(order.side, best.price, terms.protection_ticks)
        elif terms.trigger_limit_ticks is not None:
            assert order.stop is not None, "an elected stop has a price"
            away = terms.trigger_limit_ticks if order.side == Side.BUY else -terms.trigger_limit_ticks
            price = min(max(order.stop + away, 1), MAX_PRICE)
        if price is None:
            return None, True
        room = MAX_LEVEL_LOTS - listing.book.level_lots(order.side, price)
        crowded = may_rest(order.tif) and order.leaves > room
        refused = check_amounts(listing, price, order.leaves, order.agent in self.exempt)
        return price, not (crowded or refused)

    def _replace_stop(self, listing: Listing, order: Order, price: Ticks, size: Lots) -> None:
        """New numbers for a stop that goes on waiting under its number."""
        leaves = size - order.executed
        if leaves <= 0:
            del listing.stops.waiting[order.id]
            self._say.cancelled(listing.id, order, CancelReason.REPLACED_BELOW_EXECUTED)
            return
        kept = price == order.price and size < order.total
        order.price, order.leaves, order.total = price, leaves, size
        self._say.replaced(listing.id, order, kept_priority=kept)


def is_stop(order: NewOrder | Order) -> bool:
    """Whether the order waits for a trade before it enters."""
    return order.order_type >= OrderType.STOP
