"""The queue at a traded price as a recorded trade met it: who stood there, ghosts included.

A ghost is what a depth update took from a level before the trade that may explain it was heard of. Such lots
were taken from the back, as a cancellation would. If a trade turns out to be the cause, the front should have
gone instead: the trade then moves the front, and the ghosts come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from market_sim.reference.types import Lots, Nanos


@dataclass(slots=True)
class Ghost:
    """Lots taken from the recorded market's order `counter` by an update of this exchange stamp."""

    counter: int
    lots: Lots
    stamp_ns: Nanos | None

    def usable(self, trade_ns: Nanos | None) -> bool:
        """Whether a trade of this stamp may be what the update told of; unknown stamps may."""
        return trade_ns is None or self.stamp_ns is None or trade_ns <= self.stamp_ns


class Resting(NamedTuple):
    """An order in a queue. `counter` is the recorded market's own, or None for an agent's order; the latter
    stands behind all the recorded market's orders up to `after`.
    """

    counter: int | None
    lots: Lots
    after: int = 0


class Run(NamedTuple):
    """A stretch of the queue: an agent's order, an own live order, or a ghost (its place in the list)."""

    lots: Lots
    counter: int | None = None
    ghost: int | None = None


@dataclass(slots=True)
class Walk:
    """What a recorded trade does to the queue at its price."""

    met: Lots = 0  # lots of agents who stood ahead of what the trade consumed
    own: dict[int, Lots] = field(default_factory=dict)  # consumed of own live orders, by counter
    ghosts: list[Lots] = field(default_factory=list)  # consumed of each ghost


def merged(queue: Sequence[Resting], ghosts: Sequence[Ghost]) -> list[Run]:
    """The queue with the ghosts (oldest order first) where their lots stood.

    A ghost stands behind what is left of its order and of all older ones, before all younger ones, and before
    every agent's order that came when the ghost's order had already been placed.
    """
    waiting = [(ghost.counter, Run(ghost.lots, ghost=place)) for place, ghost in enumerate(ghosts)]
    runs: list[Run] = []

    def place_through(counter: int) -> None:
        while waiting and waiting[0][0] <= counter:
            runs.append(waiting.pop(0)[1])

    for order in queue:
        if order.counter is None:
            place_through(order.after)
            runs.append(Run(order.lots))
        else:
            place_through(order.counter - 1)
            runs.append(Run(order.lots, counter=order.counter))
    runs.extend(run for _, run in waiting)
    return runs


def walk(runs: Sequence[Run], ghosts: int, size: Lots, budget: Lots) -> Walk:
    """Walk a trade of `size` through the queue from the front.

    Each stretch of own lots (resting, or a ghost) that it consumes shows that the agents before it would have
    been met first, lot for lot, within `budget`.
    """
    outcome = Walk(ghosts=[0] * ghosts)
    left, waiting = size, 0
    for run in runs:
        if run.counter is None and run.ghost is None:
            waiting += run.lots
            continue
        consumed = min(run.lots, left)
        met = min(consumed, waiting, budget)
        outcome.met += met
        waiting -= met
        budget -= met
        left -= consumed
        if run.ghost is not None:
            outcome.ghosts[run.ghost] = consumed
        elif run.counter is not None and consumed:
            outcome.own[run.counter] = consumed
    # What is left was more than the record knew of: whoever still waits is met by it.
    outcome.met += min(left, waiting, budget)
    return outcome
