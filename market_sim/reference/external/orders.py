"""Flow order by order: every recorded add, reduce and delete is an order of ours, at its queue place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from market_sim.reference.external.desk import Desk
from market_sim.reference.external.state import State
from market_sim.reference.order import Order, TimeInForce
from market_sim.reference.types import EXTERNAL_BOOK, EXTERNAL_TAKER, Lots, Nanos, Side, Ticks


class FlowKind(IntEnum):
    """What a row of recorded flow says. The first two are of price levels, the others of single orders."""

    LEVEL = 0  # so many lots are at a price now
    TRADE = 1
    ADD = 2  # a new order
    REDUCE = 3  # lots leave an order, untraded
    DELETE = 4  # an order is gone, untraded
    EXECUTE = 5  # an order trades: of its lots, so many
    HIDDEN = 6  # an order that nobody saw trades; it has no id
    REPLACE = 7  # an order's price, or its open lots, or both are new
    CLEAR = 8  # every order of a side is gone: the record begins anew


class OrderOp(NamedTuple):
    """A recorded event about one order; `side` is that of the resting order, `id` the feed's number of it."""

    kind: FlowKind
    side: int
    id: int
    price: Ticks
    lots: Lots


class RecordedOrders(NamedTuple):
    """One update of a feed of single orders."""

    delay_ns: Nanos
    ops: Sequence[OrderOp]


@dataclass(slots=True, eq=False)
class Known:
    """A recorded order: what the record has left of it (0: it is over), and the number of our order that
    stands for it (0: none does yet).
    """

    id: int
    side: int
    price: Ticks
    lots: Lots
    counter: int = 0


class Orders(State):
    """Follows a feed of single orders."""

    def apply_orders(self, desk: Desk, update: RecordedOrders) -> None:
        """Carry out what an update says of orders, then bring back what agents took since the last one."""
        self._stats["updates"] += 1
        # What agents meet within this update comes back with the next one.
        due, self._departed = self._departed, {}
        for op in update.ops:
            self._apply(desk, op)
        if desk.open:
            for known in due:
                self._reconcile(desk, known)
            fresh, self._departed = self._departed, {}
            for known in fresh:
                # One that stood in its own other side's way may find it gone by now.
                if known.lots == 0 or not known.counter:
                    self._reconcile(desk, known)
                else:
                    self._departed[known] = None
        else:
            self._departed = due | self._departed

    def _apply(self, desk: Desk, op: OrderOp) -> None:
        if op.kind == FlowKind.ADD:
            self._enter(desk, op.id, op.side, op.price, op.lots)
        elif op.kind == FlowKind.HIDDEN:
            self._execute(desk, op.side, op.price, op.lots, None)
        elif op.kind == FlowKind.CLEAR:
            standing = [known for known in self._known.values() if known.side == op.side]
            for known in sorted(standing, key=lambda known: known.counter):
                self._leave(desk, known)
        elif op.id not in self._known:
            self._stats["unknown_orders"] += 1
        else:
            self._change(desk, self._known[op.id], op)

    def _change(self, desk: Desk, known: Known, op: OrderOp) -> None:
        if op.kind == FlowKind.EXECUTE:
            self._execute(desk, known.side, known.price, op.lots, self._standing(known))
        if op.kind in (FlowKind.EXECUTE, FlowKind.REDUCE):
            self._shrink(desk, known, op.lots)
        elif op.kind == FlowKind.DELETE:
            self._leave(desk, known)
        elif op.price == known.price and op.lots <= known.lots:
            known.lots = op.lots
            self._cut(desk, known)
        else:  # a replacement at another price, or of more lots, loses its place
            self._leave(desk, known)
            self._enter(desk, op.id, known.side, op.price, op.lots)

    def _enter(self, desk: Desk, number: int, side: int, price: Ticks, lots: Lots) -> None:
        if number in self._known:
            self._stats["repeated_orders"] += 1
            return
        known = self._known[number] = Known(number, side, price, lots)
        if desk.open:
            self._stand(desk, known, lots)
        else:
            self._departed[known] = None

    def _stand(self, desk: Desk, known: Known, lots: Lots) -> bool:
        """Put lots behind everybody at the price, unless own lots across are in the way: then they wait."""
        across = self.best_own(1 - known.side)
        if across is not None and (
            across <= known.price if known.side == Side.BUY else across >= known.price
        ):
            self._departed[known] = None
            return False
        met = desk.place(EXTERNAL_BOOK, known.side, TimeInForce.GTC, known.price, lots)
        known.counter = desk.latest
        if met:
            self._stats["lots_taken"] += met
            self._departed[known] = None
        return True

    def _shrink(self, desk: Desk, known: Known, lots: Lots) -> None:
        left = known.lots - lots
        if left < 0:
            self._stats["overdrawn_orders"] += 1
        if left <= 0:
            self._leave(desk, known)
            return
        known.lots = left
        self._cut(desk, known)

    def _leave(self, desk: Desk, known: Known) -> None:
        del self._known[known.id]
        known.lots = 0
        self._cut(desk, known)

    def _cut(self, desk: Desk, known: Known) -> None:
        """Take from our order what it has beyond the record."""
        own = self._standing(known)
        if own is not None and own.leaves > known.lots:
            desk.reduce(own, own.leaves - known.lots)

    def _standing(self, known: Known) -> Order | None:
        """Our order that stands for it, as far as anything is left of that."""
        return self._book.orders.get((EXTERNAL_BOOK, known.counter))

    def _execute(self, desk: Desk, side: int, price: Ticks, lots: Lots, own: Order | None) -> None:
        """A recorded aggressor meets the agents who stand before the order that it executed in the record.

        Of a hidden one (and of one that agents took whole) those are all agents at its price or better.
        """
        self._stats["trades"] += 1
        reached = min(lots, self._agents_before(side, price, own)) if desk.open else 0
        met = desk.place(EXTERNAL_TAKER, 1 - side, TimeInForce.IOC, price, reached) if reached else 0
        assert met in (reached, 0), "agents whom a recorded execution reaches are filled exactly"
        self._stats["lots_traded"] += met
        if lots > met:
            desk.print_trade(1 - side, price, lots - met)

    def _agents_before(self, side: int, price: Ticks, own: Order | None) -> Lots:
        lots = self.agents_better(side, price)
        for order in self._queue(side, price):
            if own is not None and order is own:
                break
            if order.agent != EXTERNAL_BOOK:
                lots += order.shown
        return lots

    def _order_taken(self, counter: int) -> None:
        """Agents took lots of our order: the next update brings them back."""
        for known in self._known.values():
            if known.counter == counter:
                self._departed[known] = None

    def _reconcile(self, desk: Desk, known: Known) -> None:
        """What agents took comes back in place, or behind everybody where nothing of the order was left."""
        if known.lots == 0:
            return
        own, stood = self._standing(known), known.counter
        missing = known.lots - (own.leaves if own else 0)
        if missing <= 0:
            return
        back = self._stand(desk, known, missing) if own is None else desk.grow(own, missing)
        if not back:
            self._stats["held_back"] += 1
        elif stood:
            self._stats["restored_lots"] += missing
