"""How a venue speaks: every event gets the venue's next number."""

from __future__ import annotations

from market_sim.reference.event import MAKER, PRIORITY_KEPT, TO_THE_BACK, CancelReason, Event, EventKind
from market_sim.reference.order import Order
from market_sim.reference.types import AgentId, Atoms, ListingId, Lots, Nanos, Ticks


class Writer:
    """Writes events of one venue, in order, until somebody takes them."""

    def __init__(self) -> None:
        self.next_seq = 1
        self.next_match_id = 1
        self.time_ns: Nanos = 0
        self.events: list[Event] = []
        self.heard: list[Event] | None = None  # the same for market data, once somebody subscribes

    def emit(self, kind: EventKind, **fields: int) -> None:
        """Any event; fields that are not given are 0."""
        event = Event(self.time_ns, self.next_seq, kind=int(kind), **fields)
        self.events.append(event)
        if self.heard is not None:
            self.heard.append(event)
        self.next_seq += 1

    def accepted(self, listing: ListingId, order: Order) -> None:
        """The venue has taken the order; nothing has traded yet."""
        self._report(EventKind.ACCEPTED, listing, order, size=order.leaves, leaves=order.leaves)

    def cancelled(
        self, listing: ListingId, order: Order, reason: CancelReason | int, lots: Lots | None = None
    ) -> None:
        """What was left of the order (`lots`, if it has been taken off already) is gone."""
        size = order.leaves if lots is None else lots
        self._report(EventKind.CANCELLED, listing, order, reason=int(reason), size=size)

    def replaced(self, listing: ListingId, order: Order, kept_priority: bool) -> None:
        """The order has new numbers."""
        flags = PRIORITY_KEPT if kept_priority else 0
        self._report(EventKind.REPLACED, listing, order, size=order.total, leaves=order.leaves, flags=flags)

    def refreshed(self, listing: ListingId, order: Order) -> None:
        """An iceberg shows a new peak, at the back of the queue."""
        shown = {"size": order.shown, "leaves": order.leaves}
        self._report(EventKind.REFRESHED, listing, order, **shown, flags=TO_THE_BACK)

    def triggered(self, listing: ListingId, order: Order) -> None:
        """A stop is elected; its own price is told, and what it becomes."""
        about = {"agent": order.agent, "counter": order.counter, "side": order.side, "price": order.stop or 0}
        amounts = {"size": order.leaves, "leaves": order.leaves}
        self.emit(EventKind.TRIGGERED, listing=listing, **about, **amounts, flags=int(order.order_type))

    def repriced(self, listing: ListingId, order: Order) -> None:
        """A peg has moved to its order's price; 0: it has nothing to follow and waits outside the book."""
        self._report(EventKind.REPRICED, listing, order, size=order.leaves, leaves=order.leaves)

    def _report(self, kind: EventKind, listing: ListingId, order: Order, **fields: int) -> None:
        about = {"agent": order.agent, "counter": order.counter, "side": order.side, "price": order.price}
        self.emit(kind, listing=listing, **about, **fields)

    def refused(
        self,
        kind: EventKind,
        reason: int,
        listing: ListingId,
        order_id: tuple[AgentId, int],
        order: Order | None,
        price: Ticks = 0,
        size: Lots = 0,
    ) -> None:
        """A cancel or replacement that changes nothing; says what is left of the order, if it lives."""
        self.emit(
            kind,
            reason=int(reason),
            price=price,
            size=size,
            leaves=order.leaves if order else 0,
            listing=listing,
            agent=order_id[0],
            counter=order_id[1],
            side=order.side if order else 0,
        )

    def auction(self, kind: EventKind, listing: ListingId, told: tuple[Ticks, Lots, Lots]) -> None:
        """An indicative price, or that of an auction, with its volume and the surplus of buyers."""
        price, volume, surplus = told
        self.emit(kind, listing=listing, price=price, size=volume, leaves=surplus)

    def crossed(
        self,
        listing: ListingId,
        sides: tuple[Order, Order],
        ages: tuple[Order, Order],
        price: Ticks,
        lots: Lots,
        fees: list[Atoms],
    ) -> None:
        """One match of an auction: the public TRADE names the older order first; then buyer and seller."""
        common = {"price": price, "size": lots, "match_id": self.next_match_id, "listing": listing}
        self.next_match_id += 1
        older, younger = ages
        self.emit(EventKind.TRADE, side=younger.side, **common, **_parties(older, younger))
        for order, other, fee in zip(sides, reversed(sides), fees, strict=True):
            about = {"side": order.side, "leaves": order.leaves, "fee": fee}
            self.emit(EventKind.FILL, **about, **common, **_parties(order, other))

    def matched(
        self, listing: ListingId, maker: Order, taker: Order, lots: Lots, maker_fee: Atoms, taker_fee: Atoms
    ) -> None:
        """One match at the maker's price: the public TRADE, then the owners' reports, maker first."""
        common = {
            "price": maker.price,
            "size": lots,
            "match_id": self.next_match_id,
            "listing": listing,
        }
        self.next_match_id += 1
        of_maker, of_taker = _parties(maker, taker), _parties(taker, maker)
        self.emit(EventKind.TRADE, side=taker.side, **common, **of_maker)
        self.emit(
            EventKind.FILL,
            side=maker.side,
            leaves=maker.leaves,
            fee=maker_fee,
            flags=MAKER,
            **common,
            **of_maker,
        )
        self.emit(EventKind.FILL, side=taker.side, leaves=taker.leaves, fee=taker_fee, **common, **of_taker)


def _parties(order: Order, contra: Order) -> dict[str, int]:
    """Whose order it is, and who stands on the other side."""
    about = {"agent": order.agent, "counter": order.counter}
    return about | {"contra_agent": contra.agent, "contra_counter": contra.counter}
