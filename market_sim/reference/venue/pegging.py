"""Pegs: priced at entry, priced again after every command, parked while there is nothing to follow."""

from __future__ import annotations

from market_sim.reference.event import CancelReason
from market_sim.reference.order import NewOrder, Order
from market_sim.reference.pegs import pegged_price
from market_sim.reference.types import MAX_LEVEL_LOTS, Lots, Phase, Ticks
from market_sim.reference.venue.checks import check_amounts
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.phases import Phases


class Pegging(Phases):
    """Following the displayed market. A peg that moves loses its place in time."""

    def _reprice_pegs(self, listing: Listing) -> bool:
        """Let the pegs follow, first come first; whether any of them traded on its way."""
        before = self._say.next_match_id
        listing.forget_dead_pegs()
        for order in list(listing.pegs.values()):
            if self._phase_of(listing) != Phase.CONTINUOUS:
                break  # what a peg follows means nothing while orders gather
            if listing.find(order.id) is order:
                self._reprice(listing, order)
        return self._say.next_match_id != before

    def _reprice(self, listing: Listing, order: Order) -> None:
        price = self._price_of_peg(listing, order)
        if (price or 0) == order.price:
            return
        listing.take_out(order)
        order.price = price or 0
        self._say.repriced(listing.id, order)
        self._enter_peg(listing, order, price)

    def _enter_peg(self, listing: Listing, order: Order, price: Ticks | None) -> None:
        if price is None:
            listing.parked[order.id] = order
        elif self._match(listing, order, price):
            self._rest(listing, order)
        self._show_drained(listing)

    def _accept_peg(self, listing: Listing, new: NewOrder, order: Order, price: Ticks | None) -> None:
        order.limit = new.price
        order.number, self._next_number = self._next_number, self._next_number + 1
        listing.pegs[order.number] = order
        self._enter_peg(listing, order, price)

    def _price_of_peg(self, listing: Listing, order: Order) -> Ticks | None:
        if self._gathers(listing):
            return None
        return price_of_peg(listing, order, order.agent in self.exempt)

    def _replace_peg(self, listing: Listing, order: Order, limit: Ticks, size: Lots) -> None:
        """The new price is a new limit; where the order goes, the market says."""
        leaves = size - order.executed
        if leaves <= 0:
            listing.take_out(order)
            self._say.cancelled(listing.id, order, CancelReason.REPLACED_BELOW_EXECUTED)
        elif limit == order.limit and size < order.total:
            if order.id in listing.parked:
                order.leaves = leaves
            else:
                listing.book.resize(order, leaves - order.leaves)
            order.total = size
            self._say.replaced(listing.id, order, kept_priority=True)
        else:
            listing.take_out(order)
            order.limit, order.leaves, order.total = limit, leaves, size
            price = self._price_of_peg(listing, order)
            order.price = price or 0
            self._say.replaced(listing.id, order, kept_priority=False)
            self._enter_peg(listing, order, price)


def price_of_peg(listing: Listing, order: Order, exempt: bool) -> Ticks | None:
    """Where a live peg belongs; its own lots leave it room where it stands."""
    terms = order.terms
    price = pegged_price(listing.book, order.side, terms.peg, terms.peg_offset_ticks, order.limit)
    own = order.leaves if listing.book.orders.get(order.id) is order and order.price == price else 0
    return welcome(listing, order.side, price, order.total, order.leaves - own, exempt)


def price_of_new_peg(listing: Listing, new: NewOrder, exempt: bool) -> Ticks | None:
    """Where a peg that comes in belongs."""
    terms = new.terms
    price = pegged_price(listing.book, new.side, terms.peg, terms.peg_offset_ticks, new.price)
    return welcome(listing, new.side, price, new.size, new.size, exempt)


def welcome(
    listing: Listing, side: int, price: Ticks | None, total: Lots, more: Lots, exempt: bool
) -> Ticks | None:
    """The price, or None (the peg is parked) where a new order of that size would be refused."""
    if price is None or check_amounts(listing, price, total, exempt):
        return None
    return None if listing.book.level_lots(side, price) + more > MAX_LEVEL_LOTS else price
