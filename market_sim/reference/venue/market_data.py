"""Market data: what the public may know of a venue, as numbered rows that rebuild its books.

After a command its reports say which orders it touched, and the book says what is shown of them now. The
difference from what was shown before is published, in this order: trades, indications and phases as they
happened; orders (L3); levels (L2) by listing, side and price; the touch (BBO) by listing and side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from market_sim.reference.book import Book
from market_sim.reference.event import ONE_LISTING, PRIORITY_KEPT, Event, EventKind
from market_sim.reference.types import CALL_PHASES, AgentId, ListingId, Lots, Nanos, OrderId, Side, Ticks
from market_sim.reference.venue.listing import Listing


class MarketDataKind(IntEnum):
    """Kinds of rows; fields that a kind does not use are 0.

    BBO: one side of the touch, price and size, both 0 where the side is empty.
    LEVEL: lots shown at a price now and by how many orders; size 0: the level is gone.
    ADD: an order shows `size` lots at the back of its level. REDUCE: it shows fewer and keeps its place.
    DELETE: it is not shown any more. MODIFY: it shows other lots or another price; unless `PLACE_KEPT` is
    flagged it stands at the back now.
    TRADE: a match or a recorded trade: price, lots, the aggressor's side.
    INDICATIVE: what an auction would come to: price, volume and surplus, all 0 while nothing would trade.
    PHASE: the new phase of the venue, or with `OF_ONE` flagged, of the row's listing alone.
    SNAPSHOT: what follows restates everything as of this number; never a part of the stream itself.
    """

    BBO = 1
    LEVEL = 2
    ADD = 3
    REDUCE = 4
    DELETE = 5
    MODIFY = 6
    TRADE = 7
    INDICATIVE = 8
    PHASE = 9
    SNAPSHOT = 10


PLACE_KEPT = PRIORITY_KEPT  # bit 0 of `flags` on a MODIFY
OF_ONE = ONE_LISTING  # bit 0 of `flags` on a PHASE
LAST = 2  # bit 1 of `flags`: the last row of its command; rebuilt books are whole then


class MarketDataRow(NamedTuple):
    """One row. `seq` is the venue's own count of these rows, from 1: a number left out is a row lost.

    `surplus`: of an indication, lots of buyers less those of sellers that would stay unmatched.
    """

    seq: int = 0
    time_ns: Nanos = 0
    price: Ticks = 0
    size: Lots = 0
    surplus: Lots = 0
    match_id: int = 0
    listing: ListingId = 0
    agent: AgentId = 0
    counter: int = 0
    orders: int = 0
    kind: int = 0
    side: int = 0
    phase: int = 0
    flags: int = 0


class Seen(NamedTuple):
    """What the public sees of an order."""

    side: int
    price: Ticks
    lots: Lots


@dataclass(slots=True)
class Published:
    """One listing's channels, and what its subscribers have been told."""

    bbo: bool
    l2: bool
    l3: bool
    orders: dict[OrderId, Seen] = field(default_factory=dict)
    touch: tuple[tuple[Ticks, Lots], tuple[Ticks, Lots]] = ((0, 0), (0, 0))


REPORTS = (
    EventKind.ACCEPTED,
    EventKind.FILL,
    EventKind.CANCELLED,
    EventKind.REPLACED,
    EventKind.TRIGGERED,
    EventKind.REFRESHED,
    EventKind.REPRICED,
)
TO_THE_BACK = (EventKind.ACCEPTED, EventKind.TRIGGERED, EventKind.REFRESHED, EventKind.REPRICED)


class MarketData:
    """The market data of one venue, listing by listing."""

    def __init__(self, listings: dict[ListingId, Listing]) -> None:
        self._listings = listings
        self._published: dict[ListingId, Published] = {}
        self._seq = 0
        self._time_ns: Nanos = 0
        self._rows: list[MarketDataRow] = []

    def set(self, listing: ListingId, bbo: bool, l2: bool, l3: bool) -> None:
        """Publish these channels of a listing from now on; none of them ends it."""
        self._published.pop(listing, None)
        if bbo or l2 or l3:
            book = self._listings[listing].book
            seen = {order.id: shown(book, order.id) for order in book.orders.values()}
            orders = {order_id: each for order_id, each in seen.items() if each}
            self._published[listing] = Published(bbo, l2, l3, orders, touch_of(book))

    def take(self) -> list[MarketDataRow]:
        """The rows since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def observe(self, events: list[Event]) -> None:
        """Publish what one command did: `events` are all of its events."""
        first = len(self._rows)
        self._time_ns = events[-1].time_ns
        for event in events:
            if event.kind in (EventKind.TRADE, EventKind.PRINT) and event.listing in self._published:
                about = {"price": event.price, "size": event.size, "match_id": event.match_id}
                self._push(MarketDataKind.TRADE, listing=event.listing, side=event.side, **about)
            elif event.kind == EventKind.INDICATIVE and event.listing in self._published:
                about = {"price": event.price, "size": event.size, "surplus": event.leaves}
                self._push(MarketDataKind.INDICATIVE, listing=event.listing, **about)
            elif event.kind == EventKind.PHASE:
                self._publish_phase(event)
        moved: dict[tuple[ListingId, int, Ticks], list[int]] = {}
        for listing, order_id, to_the_back in self._touched(events):
            self._publish_order(listing, order_id, to_the_back, moved)
        for (listing, side, price), change in sorted(moved.items()):
            if self._published[listing].l2 and change != [0, 0]:
                self._push(MarketDataKind.LEVEL, **level_fields(self._listings[listing], side, price))
        for listing in sorted({event.listing for event in events if event.kind in REPORTS}):
            self._publish_touch(listing)
        if len(self._rows) > first:
            self._rows[-1] = self._rows[-1]._replace(flags=self._rows[-1].flags | LAST)

    def snapshot(
        self, phase: int, calls: dict[ListingId, tuple[int, tuple[Ticks, Lots, Lots] | None]]
    ) -> list[MarketDataRow]:
        """Everything a late subscriber must know to apply the rows that come after its number.

        `calls`: of every listing its own phase and what its auction would come to.
        """
        rows = [MarketDataRow(kind=MarketDataKind.SNAPSHOT, phase=phase)]
        for listing, published in sorted(self._published.items()):
            book, (own, cross) = self._listings[listing].book, calls[listing]
            if own != phase:
                about = {"phase": own, "flags": OF_ONE}
                rows.append(MarketDataRow(kind=MarketDataKind.PHASE, listing=listing, **about))
            if own in CALL_PHASES:
                price, volume, surplus = cross or (0, 0, 0)
                about = {"price": price, "size": volume, "surplus": surplus}
                rows.append(MarketDataRow(kind=MarketDataKind.INDICATIVE, listing=listing, **about))
            if published.l3:
                rows += orders_shown(listing, book)
            if published.l2:
                rows += levels_shown(self._listings[listing])
            if published.bbo:
                for side, (price, lots) in enumerate(touch_of(book)):
                    if lots:
                        about = {"listing": listing, "side": side, "price": price, "size": lots}
                        rows.append(MarketDataRow(kind=MarketDataKind.BBO, **about))
        rows[-1] = rows[-1]._replace(flags=rows[-1].flags | LAST)
        return [row._replace(seq=self._seq, time_ns=self._time_ns) for row in rows]

    # --- what one command changed ------------------------------------------------------------------

    def _touched(self, events: list[Event]) -> Iterator[tuple[ListingId, OrderId, bool]]:
        """Orders that may be shown otherwise now, and whether they went to the back.

        Those that did so come in the order of the last events that say so, which is the order in which
        they stand in their queues.
        """
        touched: dict[tuple[ListingId, OrderId], bool] = {}
        for event in events:
            published = self._published.get(event.listing)
            if event.kind not in REPORTS or not published or not (published.l2 or published.l3):
                continue
            name = (event.listing, (event.agent, event.counter))
            if loses_place(event):
                touched.pop(name, None)
                touched[name] = True
            else:
                touched.setdefault(name, False)
        return ((listing, order_id, back) for (listing, order_id), back in touched.items())

    def _publish_order(
        self,
        listing: ListingId,
        order_id: OrderId,
        to_the_back: bool,
        moved: dict[tuple[ListingId, int, Ticks], list[int]],
    ) -> None:
        published = self._published[listing]
        before = published.orders.pop(order_id, None)
        now = shown(self._listings[listing].book, order_id)
        if now:
            published.orders[order_id] = now
        for seen, sign in ((before, -1), (now, 1)):
            if seen:
                change = moved.setdefault((listing, seen.side, seen.price), [0, 0])
                change[0] += sign * seen.lots
                change[1] += sign
        kind, flags = difference(before, now, to_the_back)
        if kind and published.l3:
            told = now or (before._replace(lots=0) if before else None)
            assert told, "a difference needs a before or a now"
            agent, counter = order_id
            about = {"side": told.side, "price": told.price, "size": told.lots}
            self._push(kind, listing=listing, agent=agent, counter=counter, flags=flags, **about)

    def _publish_phase(self, event: Event) -> None:
        of_one = event.flags & ONE_LISTING
        if event.listing in self._published if of_one else self._published:
            listing = event.listing if of_one else 0
            self._push(MarketDataKind.PHASE, listing=listing, phase=event.reason, flags=of_one)

    def _publish_touch(self, listing: ListingId) -> None:
        published = self._published.get(listing)
        if not published:
            return
        before, published.touch = published.touch, touch_of(self._listings[listing].book)
        for side in (Side.BUY, Side.SELL) if published.bbo else ():
            if before[side] != published.touch[side]:
                price, lots = published.touch[side]
                self._push(MarketDataKind.BBO, listing=listing, side=int(side), price=price, size=lots)

    def _push(self, kind: MarketDataKind, **fields: int) -> None:
        self._seq += 1
        self._rows.append(MarketDataRow(self._seq, self._time_ns, kind=int(kind), **fields))


def loses_place(event: Event) -> bool:
    """Whether the order of a report stands at the back of a queue since then."""
    return event.kind in TO_THE_BACK or (event.kind == EventKind.REPLACED and not event.flags & PRIORITY_KEPT)


def difference(before: Seen | None, now: Seen | None, to_the_back: bool) -> tuple[MarketDataKind | None, int]:
    """The kind and flags of the row that tells the public how an order changed; (None, 0): it did not."""
    if before is None or now is None:
        if before == now:
            return None, 0
        return (MarketDataKind.ADD if now else MarketDataKind.DELETE), 0
    if to_the_back or now.price != before.price:
        return MarketDataKind.MODIFY, 0
    if now.lots == before.lots:
        return None, 0
    return (MarketDataKind.REDUCE, 0) if now.lots < before.lots else (MarketDataKind.MODIFY, PLACE_KEPT)


def shown(book: Book, order_id: OrderId) -> Seen | None:
    """What the public sees of an order, None if nothing."""
    order = book.orders.get(order_id)
    return Seen(order.side, order.price, order.shown) if order and order.price and order.shown else None


def touch_of(book: Book) -> tuple[tuple[Ticks, Lots], tuple[Ticks, Lots]]:
    """Best price and lots shown there, of bids and asks; (0, 0) for an empty side."""
    bid, bid_lots, ask, ask_lots = book.bbo()
    return (bid or 0, bid_lots), (ask or 0, ask_lots)


def level_fields(listing: Listing, side: int, price: Ticks) -> dict[str, int]:
    """The fields of a LEVEL row, as the book stands."""
    level = listing.book.sides[side].levels.get(price)
    lots, orders = (level.lots, len(level.orders)) if level else (0, 0)
    return {"listing": listing.id, "side": side, "price": price, "size": lots, "orders": orders}


def orders_shown(listing: ListingId, book: Book) -> Iterator[MarketDataRow]:
    """ADD rows of a book, bids first, by priority."""
    for side in (Side.BUY, Side.SELL):
        for order in book.in_priority(side):
            if order.shown:
                about = {"side": order.side, "price": order.price, "size": order.shown}
                name = {"listing": listing, "agent": order.agent, "counter": order.counter}
                yield MarketDataRow(kind=MarketDataKind.ADD, **name, **about)


def levels_shown(listing: Listing) -> Iterator[MarketDataRow]:
    """LEVEL rows of a book, bids first, best first."""
    for side in (Side.BUY, Side.SELL):
        for level in listing.book.sides[side].displayed():
            fields = level_fields(listing, int(side), level.price)
            yield MarketDataRow(kind=MarketDataKind.LEVEL, **fields)
