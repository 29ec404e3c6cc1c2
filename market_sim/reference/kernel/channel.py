"""Market data on its way: what a venue has published, and what has arrived at one site.

A site profile stands for a place where agents sit. All agents of a profile see the same data at the
same time; what they have been told is `current`, what still travels is `pending`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

from market_sim.reference.book import Bbo
from market_sim.reference.latency import Line
from market_sim.reference.types import AgentId, Lots, Nanos, Ticks

TradePrint = tuple[Ticks, Lots, int, int, Nanos]  # price, lots, aggressor side, match id, traded at
DepthSide = list[tuple[Ticks, Lots]]
Depth = tuple[DepthSide, DepthSide]  # bids, asks, best first


def best_levels(depth: Depth, levels: int) -> Depth:
    """The best `levels` of both sides."""
    bids, asks = depth
    return bids[:levels], asks[:levels]


@dataclass(slots=True)
class Update:
    """One publication under way. The flags say what its arrival has to tell."""

    arrival_ns: Nanos
    published_ns: Nanos
    update_no: int
    bbo: Bbo
    trades: tuple[TradePrint, ...]
    depth: Depth | None
    bbo_changed: bool
    depth_changed: bool


@dataclass(slots=True)
class Subscription:
    """What one agent hears of a listing; `depth` counts levels a side, 0 for none."""

    agent: AgentId
    quotes: bool
    trades: bool
    depth: int


class Channel:
    """A listing's market data for one profile."""

    def __init__(self, line: Line, subscriptions: list[Subscription]) -> None:
        self.line = line
        self.subscriptions = sorted(subscriptions, key=lambda wish: wish.agent)
        self.levels = max((wish.depth for wish in subscriptions), default=0)
        self.pending: deque[Update] = deque()
        self.current: Update | None = None
        self.last_trade: TradePrint | None = None

    def receive(self, now_ns: Nanos) -> Update:
        """Take in the oldest update under way; returns it with what it has to tell.

        If the next one arrives at this same instant, changes are left for that one to tell (quote and
        book notices conflate); trades are always told.
        """
        update = self.pending.popleft()
        assert update.arrival_ns == now_ns, "every entry of a channel has its own update"
        self._show(update)
        if self.pending and self.pending[0].arrival_ns <= now_ns:
            following = self.pending[0]
            following.bbo_changed |= update.bbo_changed
            following.depth_changed |= update.depth_changed
            return replace(update, bbo_changed=False, depth_changed=False)
        return update

    def catch_up(self, now_ns: Nanos) -> None:
        """Take in what has arrived, on a channel that nobody subscribes to: no queue entry does it there."""
        if not self.subscriptions:
            while self.pending and self.pending[0].arrival_ns <= now_ns:
                self._show(self.pending.popleft())

    def _show(self, update: Update) -> None:
        self.current = update
        if update.trades:
            self.last_trade = update.trades[-1]


class ConsolidatedChannel:
    """One venue's best bid and offer on its way to the consolidated view of one profile."""

    def __init__(self, line: Line, subscribers: list[AgentId]) -> None:
        self.line = line
        self.subscribers = sorted(subscribers)
        self.pending: deque[tuple[Nanos, Nanos, Bbo]] = deque()  # arrival, published, touch
        self.current: tuple[Nanos, Bbo] | None = None  # published, touch

    def receive(self, now_ns: Nanos) -> bool:
        """Take in the oldest update; False if another arrives at this instant, which will tell instead."""
        _, published_ns, bbo = self.pending.popleft()
        self.current = (published_ns, bbo)
        return not (self.pending and self.pending[0][0] <= now_ns)

    def catch_up(self, now_ns: Nanos) -> None:
        """Take in what has arrived, where nobody subscribes."""
        if not self.subscribers:
            while self.pending and self.pending[0][0] <= now_ns:
                _, published_ns, bbo = self.pending.popleft()
                self.current = (published_ns, bbo)
