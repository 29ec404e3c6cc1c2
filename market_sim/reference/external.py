"""A recorded market (depth by price level, and trades) as a participant of the simulated one.

Its resting size stands in the same queues as everybody's orders, in the hands of "external-book".
Recorded depth is the truth about sizes; recorded trades tell who was hit at the front. The two tell
of the same events, in either order of arrival: what both explain must move a queue only once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from market_sim.reference.book import Book
from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.types import EXTERNAL_BOOK, EXTERNAL_TAKER, AgentId, Lots, Nanos, Side, Ticks


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


@dataclass(slots=True)
class Ghosts:
    """Lots that a depth update took from a level's queue and that a trade may still explain.

    They were taken from the back, as a cancellation would. If a trade turns out to be the cause, the
    front should have gone instead: the trade then moves the front, and the ghosts come back.
    """

    stamp_ns: Nanos | None
    lots: dict[int, Lots]  # per own order (its counter), oldest first

    def usable(self, trade_ns: Nanos | None) -> bool:
        """Whether a trade of this exchange stamp may be what the update tells of; unknown stamps may."""
        return trade_ns is None or self.stamp_ns is None or trade_ns <= self.stamp_ns


@dataclass(slots=True)
class Walk:
    """What a recorded trade does to the queue at its price."""

    met: Lots = 0  # lots of agents who stood ahead of what the trade consumed
    actual: dict[int, Lots] = field(default_factory=dict)  # consumed of own live orders
    ghost: dict[int, Lots] = field(default_factory=dict)  # consumed of ghosts


class ExternalMarket:
    """The recorded market of one listing."""

    def __init__(self, book: Book, proportional: bool) -> None:
        self._book = book
        self._proportional = proportional
        self._shadow: tuple[dict[Ticks, Lots], dict[Ticks, Lots]] = ({}, {})
        # Levels that may differ from the record, with the lots that agents took there since they agreed.
        self._dirty: tuple[dict[Ticks, Lots], dict[Ticks, Lots]] = ({}, {})
        self._ghosts: dict[tuple[int, Ticks], Ghosts] = {}
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

    # --- depth -------------------------------------------------------------------------------------------

    def taken(self, side: int, price: Ticks, lots: Lots) -> None:
        """Agents took own lots: the next update brings the level back to what was recorded."""
        self._stats["lots_taken"] += lots
        self._dirty[side][price] = self._dirty[side].get(price, 0) + lots

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
        self._ghosts.pop((side, price), None)
        lots: dict[int, Lots] = {}
        for counter, taken in reversed(removed):
            kept = min(taken, fell)
            if kept > 0:
                lots[counter] = kept
                fell -= kept
        if lots:
            self._ghosts[side, price] = Ghosts(stamp_ns, lots)

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
        better = min(size, self._agents_better(side, price))
        ghosts = self._ghosts.get((side, price))
        usable = dict(ghosts.lots) if ghosts and ghosts.usable(trade.exchange_ns) else {}
        walk = self._walk(side, price, size, size - better, usable)
        met = better + walk.met
        if met:
            filled = desk.place(EXTERNAL_TAKER, trade.aggressor, TimeInForce.IOC, price, met)
            assert filled == met, "agents who stand ahead of a recorded trade are filled exactly"
            self._stats["lots_traded"] += met
        for order in self._own(side, price):
            if walk.actual.get(order.counter):
                desk.reduce(order, walk.actual[order.counter])
        if usable:
            self._restore(desk, side, price, walk, usable, min(size, sum(usable.values())))
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

    def _walk(self, side: int, price: Ticks, size: Lots, budget: Lots, ghosts: dict[int, Lots]) -> Walk:
        """Walk a queue front to back, as the trade did.

        Each run of own lots (resting, or a ghost) that the trade consumed shows that the agents before it
        would have been met first, lot for lot, within `budget`.
        """
        walk = Walk()
        left, waiting = size, 0
        for order, counter, lots in self._merged(side, price, ghosts):
            if counter is None:
                waiting += lots
                continue
            consumed = min(lots, left)
            met = min(consumed, waiting, budget)
            walk.met += met
            waiting -= met
            budget -= met
            left -= consumed
            (walk.actual if order else walk.ghost)[counter] = consumed
        # What is left was more than the record knew of: whoever still waits is met by it.
        walk.met += min(left, waiting, budget)
        return walk

    def _merged(
        self, side: int, price: Ticks, ghosts: dict[int, Lots]
    ) -> list[tuple[Order | None, int | None, Lots]]:
        """The queue with the ghosts at their places: (order, own counter or None for an agent, lots).

        A ghost stands behind what is left of its order. If nothing is left: before the next own order,
        behind the last one if there is none, at the front if no own order lives.
        """
        queue = self._queue(side, price)
        own = [order.counter for order in queue if order.agent == EXTERNAL_BOOK]
        waiting = sorted(ghosts.items())
        merged: list[tuple[Order | None, int | None, Lots]] = []

        def place_ghosts(below: int | None) -> None:
            while waiting and (below is None or waiting[0][0] < below):
                counter, lots = waiting.pop(0)
                merged.append((None, counter, lots))

        if not own:
            place_ghosts(None)
        for order in queue:
            if order.agent != EXTERNAL_BOOK:
                merged.append((order, None, order.leaves))
                continue
            place_ghosts(order.counter)
            merged.append((order, order.counter, order.leaves))
            place_ghosts(None if order.counter == own[-1] else order.counter + 1)
        return merged

    def _restore(
        self, desk: Desk, side: int, price: Ticks, walk: Walk, usable: dict[int, Lots], explained: Lots
    ) -> None:
        """Give back the ghosts that the trade explains: it moved the front, they were taken from the back.

        Ghosts that the walk itself consumed are gone for good; the others return to their orders, newest
        first, and what has no live order any more joins the back.
        """
        left = {counter: lots - walk.ghost.get(counter, 0) for counter, lots in usable.items()}
        back = explained - sum(walk.ghost.values())
        alive = {order.counter: order for order in self._own(side, price)}
        for counter in sorted(left, reverse=True):
            lots = min(back, left[counter])
            if counter in alive and lots > 0:
                desk.grow(alive[counter], lots)
                left[counter] -= lots
                back -= lots
        if back > 0:
            self._add(desk, side, price, back)
        for counter in sorted(left, reverse=True):
            lots = min(back, left[counter])
            left[counter] -= lots
            back -= lots
        remaining = {counter: lots for counter, lots in left.items() if lots}
        ghosts = self._ghosts.pop((side, price))
        if remaining:
            self._ghosts[side, price] = Ghosts(ghosts.stamp_ns, remaining)
