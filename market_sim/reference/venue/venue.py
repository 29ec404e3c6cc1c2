"""The venue's commands. Every one ends in events; a refused one in a single reject that changes no book.

The venue knows no accounts and no latency: what its participants own is the ledger's matter.
"""

from __future__ import annotations

from typing import Any

from market_sim.reference.book import Bbo, Book
from market_sim.reference.event import CancelReason, Event, EventKind, RejectReason
from market_sim.reference.hashing import fnv, fold
from market_sim.reference.order import NewOrder, Order
from market_sim.reference.risk import RiskAccount
from market_sim.reference.terms import PLAIN, Peg, Terms
from market_sim.reference.types import AgentId, Atoms, ListingId, Lots, Nanos, Phase, Ticks, int64
from market_sim.reference.venue.amending import Amending
from market_sim.reference.venue.batches import Batches
from market_sim.reference.venue.checks import check_codes, check_new, check_phase, check_replace
from market_sim.reference.venue.lifetime import Lifetime
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.market_data import MarketData
from market_sim.reference.venue.pegging import price_of_new_peg
from market_sim.reference.venue.protection import effective_price
from market_sim.reference.venue.publishing import Publishing
from market_sim.reference.venue.recorded import Recorded
from market_sim.reference.venue.triggers import Triggers
from market_sim.reference.venue.writer import Writer


class Venue(Batches, Amending, Publishing, Lifetime, Recorded, Triggers):
    """Matches commands in the order in which they come and keeps the events until they are taken."""

    def __init__(self, name: str, venue_id: int = 0) -> None:
        self.name = name
        self.id = venue_id
        self.phase = Phase.CONTINUOUS
        self.listings: dict[ListingId, Listing] = {}
        self.exempt: set[AgentId] = set()  # recorded flow: its fees were paid elsewhere, its sizes are facts
        self._owner: dict[AgentId, AgentId] = {}
        self._say = Writer()
        self._next_entry = 1
        self._drained: list[Order] = []
        self._expiries: list[tuple[Nanos, int, ListingId, Order]] = []
        self._next_expiry = 1
        self._next_number = 1
        self._next_call = 1
        self._risk: dict[tuple[ListingId, AgentId], RiskAccount] = {}
        self._ends_with_connection: set[AgentId] = set()
        self._data: MarketData | None = None

    # --- set-up ------------------------------------------------------------------------------------

    def add_listing(
        self,
        tick_lot_atoms: Atoms,
        lot_atoms: Atoms,
        min_notional_atoms: Atoms,
        maker_fee_e8: int,
        taker_fee_e8: int,
        listing_id: ListingId | None = None,
    ) -> ListingId:
        """List an instrument; alone, a venue counts its own ids, a kernel gives ids over all venues."""
        number = len(self.listings) if listing_id is None else listing_id
        atoms = (int64(tick_lot_atoms), int64(lot_atoms), int64(min_notional_atoms))
        self.listings[number] = Listing(number, *atoms, int64(maker_fee_e8), int64(taker_fee_e8))
        return number

    def set_owner(self, agent: AgentId, owner: AgentId) -> None:
        """Let self-trade prevention treat `agent` as `owner` from now on; by default it owns itself."""
        self._owner[agent] = owner

    # --- commands ----------------------------------------------------------------------------------

    def new_order(
        self,
        time_ns: Nanos,
        agent: AgentId,
        counter: int,
        listing: ListingId,
        side: int,
        order_type: int,
        tif: int,
        stp: int,
        post_only: bool,
        price: Ticks | None,
        size: Lots,
        terms: Terms = PLAIN,
    ) -> int:
        """Accept and match an order; what is left rests or is cancelled. Returns the events emitted."""
        check_codes(side, order_type, tif, stp, terms.refresh, terms.peg)
        price = None if price is None else int64(price)
        numbers = (int(side), order_type, tif, int(stp), bool(post_only), price, int64(size))
        return self.enter(time_ns, NewOrder(int64(agent), int64(counter), int64(listing), *numbers, terms))

    def new_order_ex(
        self,
        time_ns: Nanos,
        agent: AgentId,
        counter: int,
        listing: ListingId,
        side: int,
        order_type: int,
        tif: int,
        stp: int,
        post_only: bool,
        price: Ticks | None,
        size: Lots,
        **terms: Any,
    ) -> int:
        """The same with terms by name (see `Terms`): an iceberg, a stop, a peg, a time to expire."""
        numbers: dict[str, Any] = {
            name: None if value is None else int64(value) for name, value in terms.items()
        }
        codes = (side, order_type, tif, stp)
        return self.new_order(
            time_ns, agent, counter, listing, *codes, post_only, price, size, Terms(**numbers)
        )

    def enter(self, time_ns: Nanos, order: NewOrder) -> int:
        """The same for an order that has its own object."""
        before = self._begin(time_ns)
        listing = self.listings.get(order.listing)
        reason = check_phase(self.phase, is_cancel=False)
        if not reason and listing is None:
            reason = RejectReason.UNKNOWN_LISTING
        reason = reason or self._check_rate(order.agent, order.listing, time_ns)
        if not reason and listing is not None:
            exempt = order.agent in self.exempt
            pegged = order.terms.peg != Peg.NONE
            gathers = self._gathers(listing)
            if pegged:
                price = None if gathers else price_of_new_peg(listing, order, exempt)
            else:
                price = effective_price(listing, order, gathers)
            reason = check_new(listing, order, price, time_ns, exempt, gathers)
            reason = reason or self._check_new_risk(listing, order, price, gathers)
            if not reason:
                self._match_new(listing, order, price)
                return len(self._say.events) - before
        self._say.emit(
            EventKind.REJECTED,
            reason=int(reason),
            price=order.price or 0,
            size=order.size,
            listing=order.listing,
            agent=order.agent,
            counter=order.counter,
            side=order.side,
        )
        return len(self._say.events) - before

    def cancel(self, time_ns: Nanos, agent: AgentId, counter: int, listing: ListingId) -> int:
        """Take an order out; accepted while SUSPENDED, so that nobody is locked into a halt."""
        before = self._begin(time_ns)
        order = self._find(listing, agent, counter)
        reason = check_phase(self.phase, is_cancel=True)
        reason = reason or self._missing(listing, order)
        if order is None or reason:
            self._say.refused(EventKind.CANCEL_REJECTED, reason, listing, (agent, counter), order)
        else:
            self.listings[listing].take_out(order)
            self._say.cancelled(listing, order, CancelReason.REQUESTED)
            self._settle(self.listings[listing])
        return len(self._say.events) - before

    def replace(
        self, time_ns: Nanos, agent: AgentId, counter: int, listing: ListingId, price: Ticks, size: Lots
    ) -> int:
        """Change price and TOTAL size of a live order.

        A lower size at the same price keeps the place in the queue. Anything else goes to the back,
        because it asks for something that others at that price have waited for longer.
        """
        price, size = int64(price), int64(size)
        before = self._begin(time_ns)
        order = self._find(listing, agent, counter)
        reason = check_phase(self.phase, is_cancel=False)
        if not reason and listing in self.listings:
            reason = self._check_rate(agent, listing, time_ns)
        reason = reason or self._missing(listing, order)
        if order is not None and not reason:
            where = self.listings[listing]
            reason = check_replace(where, order, price, size, agent in self.exempt)
            reason = reason or self._check_replace_risk(where, order, price, size)
        if order is None or reason:
            self._say.refused(
                EventKind.REPLACE_REJECTED, reason, listing, (agent, counter), order, price, size
            )
        else:
            self._replace_any(self.listings[listing], order, price, size)
        return len(self._say.events) - before

    # --- reading -----------------------------------------------------------------------------------

    def take_events(self) -> list[Event]:
        """The events since the last call, oldest first."""
        events, self._say.events = self._say.events, []
        return events

    def discard_events(self) -> int:
        """Forget the waiting events; returns how many."""
        return len(self.take_events())

    def bbo(self, listing: ListingId) -> Bbo:
        """(bid, bid lots, ask, ask lots); an empty side is (None, 0)."""
        return self._book(listing).bbo()

    def depth(self, listing: ListingId, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """(price, lots, orders) of the best `levels` levels."""
        return self._book(listing).depth(side, levels)

    def orders(self, listing: ListingId, side: int) -> list[tuple[Ticks, AgentId, int, Lots, Lots]]:
        """(price, agent, counter, leaves, total) of the live orders, in the order they would trade."""
        in_priority = self._book(listing).in_priority(side)
        return [(o.price, o.agent, o.counter, o.leaves, o.total) for o in in_priority]

    def shown(self, listing: ListingId, side: int) -> list[tuple[Ticks, AgentId, int, Lots]]:
        """(price, agent, counter, lots shown) of the orders that the public sees, first in line first."""
        in_priority = self._book(listing).in_priority(side)
        return [(o.price, o.agent, o.counter, o.shown) for o in in_priority if o.shown]

    def live(self, listing: ListingId) -> int:
        """Number of live orders, those included that wait outside the book."""
        book = self._book(listing)
        where = self.listings[listing]
        return len(book.orders) + len(where.stops.waiting) + len(where.parked)

    def waiting(self, listing: ListingId) -> list[tuple[AgentId, int, Ticks, Lots]]:
        """(agent, counter, stop price or 0, leaves) of the waiting stops, first come first."""
        self._book(listing)
        stops = self.listings[listing].stops.waiting.values()
        return [(order.agent, order.counter, order.stop or 0, order.leaves) for order in stops]

    def book_hash(self, listing: ListingId) -> int:
        """Hash of one book: what can change a later match."""
        return self._book(listing).state_hash()

    def state_hash(self) -> int:
        """Hash of phase, counters and every book."""
        state = fnv((self.phase, self._say.next_seq, self._say.next_match_id))
        state = fold(state, (listing.book.state_hash() for listing in self.listings.values()))
        if (self._next_entry, self._next_expiry) != (1, 1):
            state = fold(state, (self._next_entry, self._next_expiry))
        if self._next_number != 1:
            state = fold(state, [self._next_number])
            for listing in self.listings.values():
                state = fold(state, listing.waiting_words())
        if self._next_call != 1:
            state = fold(state, [self._next_call])
        for listing in self.listings.values():
            state = fold(state, listing.auction_words())
        for where, account in sorted(self._risk.items(), key=lambda each: each[0]):
            state = fold(state, [*where, *account.words()])
        return state

    # --- helpers -----------------------------------------------------------------------------------

    def _listing(self, listing: ListingId) -> Listing:
        found = self.listings.get(listing)
        if found is None:
            raise ValueError(f"unknown listing {listing}: venue {self.name!r} has {len(self.listings)}")
        return found

    def _book(self, listing: ListingId) -> Book:
        return self._listing(listing).book

    def _find(self, listing: ListingId, agent: AgentId, counter: int) -> Order | None:
        found = self.listings.get(listing)
        return found.find((agent, counter)) if found else None

    def _missing(self, listing: ListingId, order: Order | None) -> int:
        if listing not in self.listings:
            return RejectReason.UNKNOWN_LISTING
        return RejectReason.UNKNOWN_ORDER if order is None else 0
