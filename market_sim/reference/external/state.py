"""What the participant knows: the record, where the book departs from it, and who stands where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from market_sim.reference.book import Book
from market_sim.reference.event import PRIORITY_KEPT, Event, EventKind
from market_sim.reference.external.desk import Desk
from market_sim.reference.external.queue import Ghost
from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.types import EXTERNAL_BOOK, Lots, Nanos, OrderId, Side, Ticks

if TYPE_CHECKING:
    from market_sim.reference.external.orders import Known


STATS = (
    "updates", "trades", "held_back", "lots_taken", "lots_traded", "restored_lots",
    "unknown_orders", "repeated_orders", "overdrawn_orders",
)  # fmt: skip


class State:
    """The recorded market of one listing, and its orders in the book."""

    def __init__(self, book: Book, proportional: bool) -> None:
        self._book = book
        self._proportional = proportional
        self._shadow: tuple[dict[Ticks, Lots], dict[Ticks, Lots]] = ({}, {})
        # Levels that may differ from the record, with the lots that agents took there since they agreed.
        self._dirty: tuple[dict[Ticks, Lots], dict[Ticks, Lots]] = ({}, {})
        self._ghosts: dict[tuple[int, Ticks], list[Ghost]] = {}
        self._traded_ns: Nanos | None = None  # stamp of the latest trade
        # The newest own order that stood ahead when an agent's order joined its queue.
        self._after: dict[OrderId, int] = {}
        # Lots that stood before an agent's order when last looked.
        self._ahead: dict[OrderId, Lots] = {}
        self._stats = dict.fromkeys(STATS, 0)
        # Of a feed of single orders (None: it is not known yet whether it is one or one of levels).
        self._by_order: bool | None = None
        self._known: dict[int, Known] = {}
        self._departed: dict[Known, None] = {}  # their orders may differ from the record
        self._in_update = False
        self._taken_meanwhile: list[tuple[int, int, Ticks, Lots]] = []

    # --- reading -----------------------------------------------------------------------------------------

    def stats(self) -> dict[str, int]:
        """Counts of updates, trades, levels held back, and lots that agents took, met or gave back."""
        return dict(self._stats)

    def present(self, side: int, price: Ticks) -> Lots:
        """Own lots resting at a price."""
        return sum(order.leaves for order in self._own(side, price))

    def best_own(self, side: int) -> Ticks | None:
        """Best price at which own lots rest."""
        for level in self._book.sides[side].from_best():
            if any(order.agent == EXTERNAL_BOOK for order in level.orders.values()):
                return level.price
        return None

    def _queue(self, side: int, price: Ticks) -> list[Order]:
        level = self._book.sides[side].levels.get(price)
        return list(level.orders.values()) if level else []

    def _own(self, side: int, price: Ticks) -> list[Order]:
        return [order for order in self._queue(side, price) if order.agent == EXTERNAL_BOOK]

    # --- agents ------------------------------------------------------------------------------------------

    def follow(self, event: Event, latest_own: int) -> None:
        """Note where an agent's order joined a queue: behind the own orders up to `latest_own`."""
        order = (event.agent, event.counter)
        kept = event.kind == EventKind.REPLACED and event.flags & PRIORITY_KEPT
        rejects = (EventKind.REJECTED, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED)
        if not (kept or event.kind in rejects or (event.kind == EventKind.FILL and event.leaves)):
            self._ahead.pop(order, None)
        joined = event.kind == EventKind.REPLACED and not event.flags & PRIORITY_KEPT
        if event.kind == EventKind.ACCEPTED or joined:
            self._after[order] = latest_own
        elif event.kind == EventKind.CANCELLED or (event.kind == EventKind.FILL and event.leaves == 0):
            self._after.pop(order, None)

    def queues_moved(self) -> list[tuple[OrderId, Lots]]:
        """Agents' orders before which more or fewer lots stand than when last looked, with those lots."""
        moved = []
        for name in sorted(self._after):
            order = self._book.orders.get(name)
            if order is None:
                self._ahead.pop(name, None)
                continue
            now = self._book.lots_ahead(order)
            if self._ahead.get(name, now) != now:
                moved.append((name, now))
            self._ahead[name] = now
        return moved

    def takes(self, by_order: bool) -> bool:
        """Whether it takes updates of single orders, or else of levels and trades: the first one decides."""
        if self._by_order is None:
            self._by_order = by_order
        return self._by_order == by_order

    def taken(self, counter: int, side: int, price: Ticks, lots: Lots) -> None:
        """Agents took lots of the own order of this number: the next update brings back what was recorded."""
        if self._in_update:
            # By stops that the update's own steps set off: what it tells of level or order comes first.
            self._taken_meanwhile.append((counter, side, price, lots))
        elif self._by_order:
            self._stats["lots_taken"] += lots
            self._order_taken(counter)
        else:
            self._level_taken(side, price, lots)

    @contextmanager
    def one_update(self) -> Iterator[None]:
        """The steps of one recorded update; what agents take meanwhile is noted when all are done."""
        self._in_update = True
        yield
        self._in_update = False
        for taken in self._taken_meanwhile:
            self.taken(*taken)
        self._taken_meanwhile.clear()

    def _order_taken(self, counter: int) -> None:
        raise NotImplementedError

    def agents_better(self, side: int, price: Ticks) -> Lots:
        """Lots of agents priced strictly better than a trade."""
        lots = 0
        for level in self._book.sides[side].from_best():
            if level.price <= price if side == Side.BUY else level.price >= price:
                break
            lots += sum(order.shown for order in level.orders.values() if order.agent != EXTERNAL_BOOK)
        return lots

    def _level_taken(self, side: int, price: Ticks, lots: Lots) -> None:
        self._stats["lots_taken"] += lots
        self._dirty[side][price] = self._dirty[side].get(price, 0) + lots

    # --- adding ------------------------------------------------------------------------------------------

    def _add(self, desk: Desk, side: int, price: Ticks, lots: Lots) -> bool:
        """Add own lots at the back of a level, unless own lots stand across from them: those wait.

        A recorded book does not trade with itself; lots that cross are news of a change under way.
        Agents' orders that cross are met, up to the recorded size. Where the last of the queue is an own
        order they join it in place: nobody stands behind it whom they could pass. Returns whether the lots
        were placed.
        """
        across = self.best_own(1 - side)
        if across is not None and (across <= price if side == Side.BUY else across >= price):
            self._stats["held_back"] += 1
            return False
        queue = self._queue(side, price)
        if queue and queue[-1].agent == EXTERNAL_BOOK and desk.grow(queue[-1], lots):
            return True
        met = desk.place(EXTERNAL_BOOK, side, TimeInForce.GTC, price, lots)
        if met:
            self._level_taken(side, price, met)
        return True
