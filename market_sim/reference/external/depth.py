"""Depth updates: the participant's book follows the recorded one."""

from __future__ import annotations

from typing import NamedTuple

from market_sim.reference.external.desk import Desk
from market_sim.reference.external.queue import Ghost
from market_sim.reference.external.state import State
from market_sim.reference.types import Lots, Nanos, Side, Ticks


class DepthUpdate(NamedTuple):
    """Levels of a recorded book: all of them (snapshot) or those that changed; (side, price, lots)."""

    exchange_ns: Nanos | None
    delay_ns: Nanos
    snapshot: bool
    levels: list[tuple[int, Ticks, Lots]]


class Depth(State):
    """Reconciles levels with the record."""

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

    def _settle_level(self, side: int, price: Ticks) -> None:
        if self.present(side, price) == self._shadow[side].get(price, 0):
            self._dirty[side].pop(price, None)
        else:
            self._dirty[side].setdefault(price, 0)
