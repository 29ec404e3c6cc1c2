"""A venue: listings with their books, fees, phases, sequence numbers and self-trade prevention.

Every command ends in events. A refused command gives one event, a reject, and leaves every book
as it was. The venue knows no accounts and no latency: what its participants own is the ledger's matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from market_sim.reference.book import Bbo, Book
from market_sim.reference.event import MAKER, PRIORITY_KEPT, CancelReason, Event, EventKind, RejectReason
from market_sim.reference.hashing import fnv, fold
from market_sim.reference.ledger import fee_atoms
from market_sim.reference.order import CommandKind, Order, OrderType, SelfTradePrevention, TimeInForce
from market_sim.reference.types import (
    MAX_LEVEL_LOTS,
    MAX_NOTIONAL,
    MAX_PRICE,
    MAX_SIZE,
    AgentId,
    Atoms,
    ListingId,
    Lots,
    Nanos,
    Phase,
    Side,
    Ticks,
)

NO_REASON = 0


@dataclass(slots=True)
class Listing:
    """An instrument on a venue: the size of its grid in atoms, its fees, its book.

    `tick_lot_atoms`: quote atoms of one tick times one lot; `lot_atoms`: base atoms of one lot.
    Fee rates are in 1e-8 of the notional (1 bps = 10_000); a negative rate is a rebate.
    """

    id: ListingId
    tick_lot_atoms: Atoms
    lot_atoms: Atoms
    min_notional_atoms: Atoms
    maker_fee_e8: int
    taker_fee_e8: int
    book: Book = field(default_factory=Book)

    def notional(self, price: Ticks, size: Lots) -> Atoms:
        """Value of `size` lots at `price` in quote atoms."""
        return price * size * self.tick_lot_atoms


class Venue:
    """Matches commands in the order in which they come and collects events until they are taken."""

    def __init__(self, name: str, venue_id: int = 0) -> None:
        self.name = name
        self.id = venue_id
        self.phase = Phase.CONTINUOUS
        self.listings: dict[ListingId, Listing] = {}
        self.next_seq = 1
        self.next_match_id = 1
        self.exempt: set[AgentId] = set()  # recorded flow: its fees were paid elsewhere, its sizes are facts
        self._owner: dict[AgentId, AgentId] = {}
        self._time_ns: Nanos = 0
        self._events: list[Event] = []

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
        if tick_lot_atoms < 1 or lot_atoms < 1 or min_notional_atoms < 0:
            raise ValueError(
                "a tick times a lot and a lot must be at least 1 atom, min_notional not negative"
            )
        if max(abs(maker_fee_e8), abs(taker_fee_e8)) > 10**8:
            raise ValueError("a fee rate must lie within +-1e8, the whole notional")
        number = len(self.listings) if listing_id is None else listing_id
        self.listings[number] = Listing(
            number, tick_lot_atoms, lot_atoms, min_notional_atoms, maker_fee_e8, taker_fee_e8
        )
        return number

    def set_owner(self, agent: AgentId, owner: AgentId) -> None:
        """Let self-trade prevention treat `agent` as `owner`; by default every agent owns itself."""
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
    ) -> int:
        """Accept and match an order, then let the remainder rest or cancel it. Returns the events emitted."""
        check_codes(side, order_type, tif, stp)
        before = self._begin(time_ns)
        resting = tif == TimeInForce.GTC and price is not None
        reason = self._closed_to_orders() or self._unknown(listing)
        if not reason:
            terms = self.listings[listing]
            if (post_only and (order_type == OrderType.MARKET or tif != TimeInForce.GTC)) or (
                order_type == OrderType.LIMIT and price is None
            ):
                reason = RejectReason.INVALID_COMBINATION
            else:
                reason = check_price_and_size(terms, price, size, free=agent in self.exempt)
        if not reason:
            book = terms.book
            if (agent, counter) in book.orders:
                reason = RejectReason.DUPLICATE_ORDER_ID
            elif post_only and book.crosses(side, price):
                reason = RejectReason.POST_ONLY_WOULD_CROSS
            elif resting and book.level_lots(side, price) + size > MAX_LEVEL_LOTS:
                reason = RejectReason.QUANTITY_OVERFLOW
        shown = price or 0
        if reason:
            self._emit(
                EventKind.REJECTED,
                reason=reason,
                price=shown,
                size=size,
                listing=listing,
                agent=agent,
                counter=counter,
                side=side,
            )
            return len(self._events) - before
        owner = self._owner.get(agent, agent)
        order = Order(agent, counter, owner, int(side), shown, size, size, int(stp), bool(post_only))
        self._report(EventKind.ACCEPTED, listing, order, size=size, leaves=size)
        if tif == TimeInForce.FOK and not book.can_fill(side, owner, stp, price, size):
            self._cancelled(listing, order, CancelReason.FILL_OR_KILL)
        elif self._match(terms, order, price) and order.leaves:
            if order_type == OrderType.MARKET and price is None:
                self._cancelled(listing, order, CancelReason.NO_LIQUIDITY)
            elif tif != TimeInForce.GTC:
                self._cancelled(listing, order, CancelReason.IMMEDIATE_OR_CANCEL)
            else:
                book.rest(order)  # a market order with protection rests at its protection price
        book.assert_uncrossed()
        return len(self._events) - before

    def cancel(self, time_ns: Nanos, agent: AgentId, counter: int, listing: ListingId) -> int:
        """Take an order out; accepted while SUSPENDED, so that nobody is locked into a halt."""
        before = self._begin(time_ns)
        order = self._find(listing, agent, counter)
        reason = RejectReason.VENUE_CLOSED if self.phase == Phase.CLOSED else self._unknown(listing)
        if not reason and order is None:
            reason = RejectReason.UNKNOWN_ORDER
        if reason:
            self._refuse(EventKind.CANCEL_REJECTED, reason, listing, agent, counter, order)
        else:
            self.listings[listing].book.remove(order)
            self._cancelled(listing, order, CancelReason.REQUESTED)
        return len(self._events) - before

    def replace(
        self, time_ns: Nanos, agent: AgentId, counter: int, listing: ListingId, price: Ticks, size: Lots
    ) -> int:
        """Change price and TOTAL size of a live order.

        A lower size at the same price keeps the place in the queue; anything else goes to the back,
        because it asks for something that others at that price have waited for longer.
        """
        before = self._begin(time_ns)
        order = self._find(listing, agent, counter)
        reason = self._closed_to_orders() or self._unknown(listing)
        if not reason:
            if order is None:
                reason = RejectReason.UNKNOWN_ORDER
            else:
                reason = self._check_replace(self.listings[listing], order, price, size)
        if reason:
            self._refuse(EventKind.REPLACE_REJECTED, reason, listing, agent, counter, order, price, size)
        else:
            self._replace(self.listings[listing], order, price, size)
        return len(self._events) - before

    def set_phase(self, time_ns: Nanos, phase: int) -> int:
        """Go to another phase; resting orders stay where they are."""
        before = self._begin(time_ns)
        self.phase = Phase(phase)
        self._emit(EventKind.PHASE, reason=int(phase), listing=self.id)
        return len(self._events) - before

    def process(self, commands: Any, events: Any) -> tuple[int, int]:
        """Run structured arrays: COMMAND rows in, EVENT rows out, as long as `events` has room.

        Returns (commands taken, events written). Events of the last command that found no room are
        kept and written first by the next call.
        """
        taken = written = 0
        rows = commands.tolist()
        while True:
            room = len(events) - written
            for row in self._events[:room]:
                events[written] = tuple(row)
                written += 1
            del self._events[:room]
            if taken == len(rows) or written == len(events):
                return taken, written
            self._run(rows[taken])
            taken += 1

    def _run(self, row: tuple[int, ...]) -> None:
        time_ns, price, size, agent, counter, listing, kind, side, order_type, tif, stp, flags = row[:12]
        if kind == CommandKind.NEW:
            limit = price if flags & 2 else None
            post_only = bool(flags & 1)
            self.new_order(
                time_ns, agent, counter, listing, side, order_type, tif, stp, post_only, limit, size
            )
        elif kind == CommandKind.CANCEL:
            self.cancel(time_ns, agent, counter, listing)
        else:
            self.replace(time_ns, agent, counter, listing, price, size)

    # --- operations of the kernel and of recorded flow -----------------------------------------------

    def expire(self, time_ns: Nanos, listing: ListingId, order: Order, reason: CancelReason) -> None:
        """Cancel a live order whatever the phase: end of session, an agent taken out."""
        self._begin(time_ns)
        self.listings[listing].book.remove(order)
        self._cancelled(listing, order, reason)

    def reduce_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> None:
        """Take recorded lots away from a resting order; it keeps its place."""
        assert 0 < lots <= order.leaves, "a reduction takes between one lot and all that is left"
        self._begin(time_ns)
        if lots == order.leaves:
            self.listings[listing].book.remove(order)
            self._cancelled(listing, order, CancelReason.EXTERNAL)
        else:
            self._resize(listing, order, -lots)

    def grow_by(self, time_ns: Nanos, listing: ListingId, order: Order, lots: Lots) -> None:
        """Add recorded lots to a resting order in place."""
        assert lots > 0, "growth is at least one lot"
        self._begin(time_ns)
        self._resize(listing, order, lots)

    def print_trade(self, time_ns: Nanos, listing: ListingId, side: int, price: Ticks, size: Lots) -> None:
        """Report a recorded trade in so far as nobody here took part in it."""
        self._begin(time_ns)
        self._emit(EventKind.PRINT, price=price, size=size, listing=listing, side=int(side))

    def _resize(self, listing: ListingId, order: Order, change: Lots) -> None:
        self.listings[listing].book.resize(order, change)
        order.total += change
        self._report(
            EventKind.REPLACED, listing, order, size=order.total, leaves=order.leaves, flags=PRIORITY_KEPT
        )

    # --- reading -----------------------------------------------------------------------------------

    def take_events(self) -> list[Event]:
        """The events since the last call, oldest first."""
        events, self._events = self._events, []
        return events

    def discard_events(self) -> int:
        """Forget the waiting events; returns how many."""
        return len(self.take_events())

    def bbo(self, listing: ListingId) -> Bbo:
        """(bid, bid lots, ask, ask lots); an empty side is (None, 0)."""
        return self.listings[listing].book.bbo()

    def depth(self, listing: ListingId, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """(price, lots, orders) of the best `levels` levels."""
        return self.listings[listing].book.depth(side, levels)

    def orders(self, listing: ListingId, side: int) -> list[tuple[Ticks, AgentId, int, Lots, Lots]]:
        """(price, agent, counter, leaves, total) of the live orders, in the order they would trade."""
        in_priority = self.listings[listing].book.in_priority(side)
        return [(o.price, o.agent, o.counter, o.leaves, o.total) for o in in_priority]

    def live(self, listing: ListingId) -> int:
        """Number of live orders."""
        return len(self.listings[listing].book.orders)

    def book_hash(self, listing: ListingId) -> int:
        """Hash of one book: what can change a later match."""
        return self.listings[listing].book.state_hash()

    def state_hash(self) -> int:
        """Hash of phase, counters and every book."""
        state = fnv((self.phase, self.next_seq, self.next_match_id))
        return fold(state, (listing.book.state_hash() for listing in self.listings.values()))

    # --- the rules, one by one ------------------------------------------------------------------------

    def _closed_to_orders(self) -> int:
        if self.phase == Phase.CLOSED:
            return RejectReason.VENUE_CLOSED
        return RejectReason.VENUE_SUSPENDED if self.phase == Phase.SUSPENDED else NO_REASON

    def _unknown(self, listing: ListingId) -> int:
        return NO_REASON if listing in self.listings else RejectReason.UNKNOWN_LISTING

    def _find(self, listing: ListingId, agent: AgentId, counter: int) -> Order | None:
        terms = self.listings.get(listing)
        return terms.book.orders.get((agent, counter)) if terms else None

    def _check_replace(self, terms: Listing, order: Order, price: Ticks, size: Lots) -> int:
        reason = check_price_and_size(terms, price, size, free=order.agent in self.exempt)
        if reason:
            return reason
        if order.post_only and terms.book.crosses(order.side, price):
            return RejectReason.POST_ONLY_WOULD_CROSS
        others = terms.book.level_lots(order.side, price) - (order.leaves if price == order.price else 0)
        leaves = size - (order.total - order.leaves)
        return RejectReason.QUANTITY_OVERFLOW if others + leaves > MAX_LEVEL_LOTS else NO_REASON

    def _replace(self, terms: Listing, order: Order, price: Ticks, size: Lots) -> None:
        leaves = size - (order.total - order.leaves)
        if leaves <= 0:
            terms.book.remove(order)
            self._cancelled(terms.id, order, CancelReason.REPLACED_BELOW_EXECUTED)
            return
        if price == order.price and size < order.total:
            terms.book.resize(order, leaves - order.leaves)
            order.total = size
            self._report(EventKind.REPLACED, terms.id, order, size=size, leaves=leaves, flags=PRIORITY_KEPT)
            return
        terms.book.remove(order)
        order.price, order.leaves, order.total = price, leaves, size
        self._report(EventKind.REPLACED, terms.id, order, size=size, leaves=leaves)
        if self._match(terms, order, price) and order.leaves:
            terms.book.rest(order)
        terms.book.assert_uncrossed()

    def _match(self, terms: Listing, taker: Order, limit: Ticks | None) -> bool:
        """Trade until nothing is left or within the limit; False if self-trade prevention ended the order."""
        while taker.leaves:
            maker = terms.book.next_maker(taker.side, taker.owner, taker.stp, limit)
            if maker is None:
                break
            if maker.owner == taker.owner and taker.stp == SelfTradePrevention.NEWEST:
                self._cancelled(terms.id, taker, CancelReason.SELF_TRADE)
                return False
            self._trade(terms, maker, taker, min(maker.leaves, taker.leaves))
        return True

    def _trade(self, terms: Listing, maker: Order, taker: Order, lots: Lots) -> None:
        """One match at the maker's price: the public TRADE, then the two owners' reports, maker first."""
        price = maker.price
        terms.book.resize(maker, -lots)
        taker.leaves -= lots
        match_id = self.next_match_id
        self.next_match_id += 1
        self._emit(
            EventKind.TRADE,
            price=price,
            size=lots,
            match_id=match_id,
            listing=terms.id,
            agent=maker.agent,
            counter=maker.counter,
            contra_agent=taker.agent,
            contra_counter=taker.counter,
            side=taker.side,
        )
        notional = terms.notional(price, lots)
        for order, contra, rate, flags in (
            (maker, taker, terms.maker_fee_e8, MAKER),
            (taker, maker, terms.taker_fee_e8, 0),
        ):
            self._emit(
                EventKind.FILL,
                price=price,
                size=lots,
                leaves=order.leaves,
                fee=0 if order.agent in self.exempt else fee_atoms(notional, rate),
                match_id=match_id,
                listing=terms.id,
                agent=order.agent,
                counter=order.counter,
                contra_agent=contra.agent,
                contra_counter=contra.counter,
                side=order.side,
                flags=flags,
            )

    # --- events --------------------------------------------------------------------------------------

    def _begin(self, time_ns: Nanos) -> int:
        self._time_ns = time_ns
        return len(self._events)

    def _emit(self, kind: EventKind, **fields: int) -> None:
        self._events.append(Event(self._time_ns, self.next_seq, kind=int(kind), **fields))
        self.next_seq += 1

    def _report(self, kind: EventKind, listing: ListingId, order: Order, **fields: int) -> None:
        self._emit(
            kind,
            price=order.price,
            listing=listing,
            agent=order.agent,
            counter=order.counter,
            side=order.side,
            **fields,
        )

    def _cancelled(self, listing: ListingId, order: Order, reason: CancelReason) -> None:
        self._report(EventKind.CANCELLED, listing, order, reason=int(reason), size=order.leaves)

    def _refuse(
        self,
        kind: EventKind,
        reason: int,
        listing: ListingId,
        agent: AgentId,
        counter: int,
        order: Order | None,
        price: Ticks = 0,
        size: Lots = 0,
    ) -> None:
        self._emit(
            kind,
            reason=int(reason),
            price=price,
            size=size,
            leaves=order.leaves if order else 0,
            listing=listing,
            agent=agent,
            counter=counter,
            side=order.side if order else 0,
        )


def check_codes(side: int, order_type: int, tif: int, stp: int) -> None:
    """ValueError for a code that stands for nothing: a programming error, not a reject."""
    for name, value, kind in (
        ("side", side, Side),
        ("order_type", order_type, OrderType),
        ("tif", tif, TimeInForce),
        ("stp", stp, SelfTradePrevention),
    ):
        if not 0 <= value < len(kind):
            raise ValueError(f"{name} {value} is none of {[f'{m.name} {m.value}' for m in kind]}")


def check_price_and_size(terms: Listing, price: Ticks | None, size: Lots, free: bool) -> int:
    """The checks on numbers, in their order; `free` orders (recorded flow) know no minimum notional."""
    if price is not None and not 1 <= price <= MAX_PRICE:
        return RejectReason.PRICE_OUT_OF_RANGE
    if not 1 <= size <= MAX_SIZE:
        return RejectReason.SIZE_OUT_OF_RANGE
    notional = 0 if price is None else terms.notional(price, size)
    if notional > MAX_NOTIONAL or size * terms.lot_atoms > MAX_NOTIONAL:
        return RejectReason.NOTIONAL_OVERFLOW
    if price is not None and notional < terms.min_notional_atoms and not free:
        return RejectReason.MIN_NOTIONAL
    return NO_REASON
