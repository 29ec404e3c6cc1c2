"""A recorded market (depth by price level, and trades) as a participant of the simulated one.

Its resting size stands in the same queues as everybody's orders, in the hands of "external-book".
Recorded depth is the truth about sizes; recorded trades tell who was hit at the front. The two tell
of the same events, in either order of arrival: what both explain must move a queue only once.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from market_sim.reference.book import Book
from market_sim.reference.event import PRIORITY_KEPT, Event, EventKind
from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.recorded_queue import Ghost, Resting, Walk, merged, walk
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    EXTERNAL_TAKER,
    AgentId,
    Lots,
    Nanos,
    OrderId,
    Side,
    Ticks,
)


class DepthUpdate(NamedTuple):
    """Levels of a recorded book: all of them (snapshot) or those that changed; (side, price, lots)."""

    exchange_ns: Nanos | None
    delay_ns: Nanos
    snapshot: bool
    levels: list[tuple[int, Ticks, Lots]]


class RecordedTrade(NamedTuple):
    """A trade of the recorded market."""

    exchange_ns: Nanos | None
    delay_ns: Nanos
    aggressor: int
    price: Ticks
    size: Lots


class Desk(Protocol):
    """What the participant may do at its venue."""

    @property
    def open(self) -> bool:
        """Whether the venue takes orders now."""

    def place(self, agent: AgentId, side: int, tif: TimeInForce, price: Ticks, size: Lots) -> Lots:
        """Place a limit order; returns the lots that traded at once."""

    def reduce(self, order: Order, lots: Lots) -> None:
        """Take lots from an own order in place."""

    def grow(self, order: Order, lots: Lots) -> None:
        """Add lots to an own order in place."""

    def print_trade(self, side: int, price: Ticks, lots: Lots) -> None:
        """Report a recorded trade in which nobody took part."""


class ExternalMarket:
    """The recorded market of one listing."""

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
        self._stats = dict.fromkeys(
            ("updates", "trades", "held_back", "lots_taken", "lots_traded", "restored_lots"), 0
        )

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
        joined = event.kind == EventKind.REPLACED and not event.flags & PRIORITY_KEPT
        if event.kind == EventKind.ACCEPTED or joined:
            self._after[order] = latest_own
        elif event.kind == EventKind.CANCELLED or (event.kind == EventKind.FILL and event.leaves == 0):
            self._after.pop(order, None)

    def taken(self, side: int, price: Ticks, lots: Lots) -> None:
        """Agents took own lots: the next update brings the level back to what was recorded."""
        self._stats["lots_taken"] += lots
        self._dirty[side][price] = self._dirty[side].get(price, 0) + lots

    # --- depth -------------------------------------------------------------------------------------------

    def apply_depth(self, desk: Desk, update: DepthUpdate) -> None:
        """Bring the queues to the recorded sizes: reductions first, so that nothing crosses in passing."""
        self._stats["updates"] += 1
        named = {(side, price): lots for side, price, lots in update.levels}  # the last of duplicates wins
        before = {key: self._shadow[key[0]].get(key[1], 0) for key in named}
        touched = set(named) | {(side, price) for side in Side for price in self._dirty[side]}
        if update.snapshot:
            touched |= {(int(side), price) for side in Side for price in self._shadow[side]}
            self._ghosts.clear()
            for shadow in self._shadow:
                shadow.clear()
        for (side, price), lots in named.items():
            self._shadow[side].pop(price, None)
            if lots:
                self._shadow[side][price] = lots
        if not desk.open:
            for side, price in touched:
                self._dirty[side].setdefault(price, 0)
            return  # nothing can be placed now; the next update after the halt catches up
        # Bids from the highest, then asks from the lowest: best levels first on both sides.
        order = sorted(touched, key=lambda key: (key[0], -key[1] if key[0] == Side.BUY else key[1]))
        for side, price in order:
            removed = self._reduce_level(desk, side, price)
            if not update.snapshot and (side, price) in named:
                fell = before[side, price] - named[side, price]
                self._remember_ghosts(side, price, removed, fell, update.exchange_ns)
        for side, price in order:
            self._grow_level(desk, side, price)
        for side, price in touched:
            self._settle_level(side, price)

    def _reduce_level(self, desk: Desk, side: int, price: Ticks) -> list[tuple[int, Lots]]:
        """Take away what is above the recorded size; returns (counter, lots) taken, newest order first."""
        own = self._own(side, price)
        present = sum(order.leaves for order in own)
        surplus = present - self._shadow[side].get(price, 0)
        if surplus <= 0:
            return []
        cuts = [surplus * order.leaves // present if self._proportional else 0 for order in own]
        rest = surplus - sum(cuts)
        removed = []
        for i in range(len(own) - 1, -1, -1):
            more = min(rest, own[i].leaves - cuts[i])
            rest -= more
            lots = cuts[i] + more
            if lots:
                counter = own[i].counter
                desk.reduce(own[i], lots)
                removed.append((counter, lots))
        return removed

    def _remember_ghosts(
        self, side: int, price: Ticks, removed: list[tuple[int, Lots]], fell: Lots, stamp_ns: Nanos | None
    ) -> None:
        """Keep what left a named level whose recorded size fell: a trade may turn out to be the cause."""
        # Trades are recorded in their order: none still to come explains what an update took that is older
        # than the latest of them. Of updates without a stamp only the latest can be waited for.
        ghosts = [
            ghost
            for ghost in self._ghosts.pop((side, price), [])
            if ghost.stamp_ns is not None and ghost.usable(self._traded_ns)
        ]
        for counter, taken in reversed(removed):
            kept = min(taken, fell)
            if kept > 0:
                ghosts.append(Ghost(counter, kept, stamp_ns))
                fell -= kept
        if ghosts:
            self._ghosts[side, price] = sorted(ghosts, key=lambda ghost: ghost.counter)

    def _grow_level(self, desk: Desk, side: int, price: Ticks) -> None:
        """Add what is missing; what agents had taken comes back this way, and is counted."""
        missing = self._shadow[side].get(price, 0) - self.present(side, price)
        if missing <= 0:
            return
        dirty = self._dirty[side]
        restored = min(missing, dirty.get(price, 0))
        if self._add(desk, side, price, missing) and restored:
            self._stats["restored_lots"] += restored
            dirty[price] -= restored

    def _add(self, desk: Desk, side: int, price: Ticks, lots: Lots) -> bool:
        """Add own lots at the back of a level, unless own lots stand across from them: those wait.

        A recorded book does not trade with itself; lots that cross are news of a change under way.
        Agents' orders that cross are met, up to the recorded size. Returns whether the lots were placed.
        """
        across = self.best_own(1 - side)
        if across is not None and (across <= price if side == Side.BUY else across >= price):
            self._stats["held_back"] += 1
            return False
        met = desk.place(EXTERNAL_BOOK, side, TimeInForce.GTC, price, lots)
        if met:
            self.taken(side, price, met)
        return True

    def _settle_level(self, side: int, price: Ticks) -> None:
        if self.present(side, price) == self._shadow[side].get(price, 0):
            self._dirty[side].pop(price, None)
        else:
            self._dirty[side].setdefault(price, 0)

    # --- trades ------------------------------------------------------------------------------------------

    def apply_trade(self, desk: Desk, trade: RecordedTrade) -> None:
        """Let a recorded trade meet the agents it would have met, then move the front of the queue.

        Agents priced better than the trade, or standing ahead of the lots that it consumed, are filled;
        nobody else is, and nobody for more than the trade's size.
        """
        self._stats["trades"] += 1
        side, price, size = 1 - trade.aggressor, trade.price, trade.size
        if not desk.open:
            desk.print_trade(trade.aggressor, price, size)
            return
        if trade.exchange_ns is not None:
            self._traded_ns = max(trade.exchange_ns, self._traded_ns or trade.exchange_ns)
        ghosts = [ghost for ghost in self._ghosts.get((side, price), []) if ghost.usable(trade.exchange_ns)]
        better = min(size, self._agents_better(side, price))
        way = walk(merged(self._resting(side, price), ghosts), len(ghosts), size, size - better)
        met = better + way.met
        if met:
            filled = desk.place(EXTERNAL_TAKER, trade.aggressor, TimeInForce.IOC, price, met)
            assert filled == met, "agents who stand ahead of a recorded trade are filled exactly"
            self._stats["lots_traded"] += met
        homeless = self._restore(desk, side, price, way, ghosts, size)
        for order in self._own(side, price):
            if way.own.get(order.counter):
                desk.reduce(order, way.own[order.counter])
        if homeless:
            self._add(desk, side, price, homeless)
        self._dirty[side].setdefault(price, 0)
        if size > met:
            desk.print_trade(trade.aggressor, price, size - met)

    def _agents_better(self, side: int, price: Ticks) -> Lots:
        """Lots of agents priced strictly better than a trade."""
        lots = 0
        for level in self._book.sides[side].from_best():
            if level.price <= price if side == Side.BUY else level.price >= price:
                break
            lots += sum(order.leaves for order in level.orders.values() if order.agent != EXTERNAL_BOOK)
        return lots

    def _resting(self, side: int, price: Ticks) -> list[Resting]:
        return [
            Resting(order.counter, order.leaves)
            if order.agent == EXTERNAL_BOOK
            else Resting(None, order.leaves, self._after[order.agent, order.counter])
            for order in self._queue(side, price)
        ]

    def _restore(
        self, desk: Desk, side: int, price: Ticks, way: Walk, ghosts: list[Ghost], size: Lots
    ) -> Lots:
        """Give back the ghosts that the trade explains: it moved the front, they were taken from the back.

        Ghosts that the walk consumed are gone for good. Of the others the oldest come back first, for the
        newest are what a cancellation would have taken. They return to their orders; where an order is gone,
        to the one before it, unless nobody stands behind: then they are left over, for a new order at the
        back. So nobody ever passes lots that still stand ahead of him.
        """
        for ghost, consumed in zip(ghosts, way.ghosts, strict=True):
            ghost.lots -= consumed
        back = min(size, sum(ghost.lots for ghost in ghosts) + sum(way.ghosts)) - sum(way.ghosts)
        alive = {order.counter: order for order in self._own(side, price)}
        last_after = max((order.after for order in self._resting(side, price)), default=0)
        homeless = 0
        for ghost in ghosts:
            lots = min(back, ghost.lots)
            if not lots:
                continue
            older = [counter for counter in alive if counter <= ghost.counter]
            if older and (ghost.counter in alive or last_after >= ghost.counter):
                desk.grow(alive[max(older)], lots)
            else:
                homeless += lots
            ghost.lots -= lots
            back -= lots
        left = [ghost for ghost in self._ghosts.pop((side, price), []) if ghost.lots]
        if left:
            self._ghosts[side, price] = left
        return homeless
