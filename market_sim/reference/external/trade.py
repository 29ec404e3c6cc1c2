"""Recorded trades: they reach agents as far as they would have, and move the queue once."""

from __future__ import annotations

from typing import NamedTuple

from market_sim.reference.external.desk import Desk
from market_sim.reference.external.queue import Ghost, Resting, Walk, merged, walk
from market_sim.reference.external.state import State
from market_sim.reference.order import TimeInForce
from market_sim.reference.types import EXTERNAL_BOOK, EXTERNAL_TAKER, Lots, Nanos, Ticks


class RecordedTrade(NamedTuple):
    """A trade of the recorded market."""

    exchange_ns: Nanos | None
    delay_ns: Nanos
    aggressor: int
    price: Ticks
    size: Lots


class Trades(State):
    """Lets recorded aggressors act."""

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
        better = min(size, self.agents_better(side, price))
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

    def _resting(self, side: int, price: Ticks) -> list[Resting]:
        return [
            Resting(order.counter, order.shown)
            if order.agent == EXTERNAL_BOOK
            else Resting(None, order.shown, self._after[order.agent, order.counter])
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
            at_home = older and (ghost.counter in alive or last_after >= ghost.counter)
            if not (at_home and desk.grow(alive[max(older)], lots)):
                homeless += lots
            ghost.lots -= lots
            back -= lots
        left = [ghost for ghost in self._ghosts.pop((side, price), []) if ghost.lots]
        if left:
            self._ghosts[side, price] = left
        return homeless
