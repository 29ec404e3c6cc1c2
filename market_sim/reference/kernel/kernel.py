"""Last layer of the kernel: the loop, phases, the end of the session, recorded flow."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from market_sim.errors import EngineError
from market_sim.reference.book import Bbo
from market_sim.reference.event import CancelReason
from market_sim.reference.external import DepthUpdate, ExternalMarket, RecordedTrade
from market_sim.reference.kernel.clearing import Cause
from market_sim.reference.kernel.reading import Reading
from market_sim.reference.kernel.setup import MarketState, _known
from market_sim.reference.order import NewOrder, Order, OrderType, SelfTradePrevention, TimeInForce
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    MAX_PRICE,
    MAX_SIZE,
    AgentId,
    ListingId,
    Lots,
    Nanos,
    Phase,
    Side,
    Ticks,
    VenueId,
)

MAX_ENTRIES_AT_ONE_INSTANT = 100_000

Recorded = DepthUpdate | RecordedTrade


class Kernel(Reading):
    """The market as a whole. Python pulls: `next` runs it until there is something to tell an agent."""

    def __init__(self, seed: int, pooled: bool = False) -> None:
        super().__init__(seed, pooled)
        self._flow: deque[tuple[Nanos, MarketState, Recorded]] = deque()
        self._latest_push_ns: Nanos = 0
        self._entries_now = 0

    # --- the loop --------------------------------------------------------------------------------------

    def next(self, until_ns: Nanos) -> tuple[Any, ...] | None:
        """Run to the next notice for an agent; None when nothing is left up to `until_ns`.

        The clock then stands at `until_ns`. Every notice is handed over before anything else happens.
        """
        self._after_start()
        if until_ns < self.now_ns:
            raise ValueError(f"next({until_ns}) at {self.now_ns} ns: time does not run backwards")
        while True:
            while self._ready:
                notice = self._ready.popleft()
                agent = self._agents[notice[2]]
                if agent.enabled:
                    agent.notices += 1
                    return notice
            if not self._process_one(until_ns):
                self.now_ns = until_ns
                return None

    def _process_one(self, until_ns: Nanos) -> bool:
        """Process the first entry up to `until_ns`; recorded flow goes first at its instant."""
        flow_ns = self._flow[0][0] if self._flow else None
        entry_ns = self._queue.next_time()
        if flow_ns is not None and flow_ns <= until_ns and (entry_ns is None or flow_ns <= entry_ns):
            self._count_entry(flow_ns)
            _, market, recorded = self._flow.popleft()
            if not self._closed:
                self._apply(market, recorded)
            return True
        if entry_ns is not None and entry_ns <= until_ns:
            self._count_entry(entry_ns)
            _, action, arguments = self._queue.pop()
            action(*arguments)
            return True
        return False

    def _count_entry(self, time_ns: Nanos) -> None:
        """Agents that answer each other without delay would stop the clock; better stop them."""
        if time_ns > self.now_ns:
            self.now_ns, self._entries_now = time_ns, 0
        self._entries_now += 1
        if self._entries_now > MAX_ENTRIES_AT_ONE_INSTANT:
            latest = self._latest_agent
            name = "no agent" if latest is None else f"agent {self._names[latest]!r}"
            raise EngineError(
                f"more than {MAX_ENTRIES_AT_ONE_INSTANT} entries at {time_ns} ns, the latest from {name}",
                "kernel",
                "Give its link a latency, or let it wait before it acts again.",
            )
        self.events += 1

    # --- phases, agents on and off, the end --------------------------------------------------------------

    def set_phase(self, venue: VenueId, phase: int) -> None:
        """Suspend or resume a venue now. Resting orders stay, cancels are still accepted."""
        self._after_start()
        _known(self._venues, venue, "venue")
        new_phase = Phase(phase)
        if self._closed:
            raise EngineError("the session is over", "set_phase", "Change phases before close().")
        self._change_phase(venue, new_phase)

    def disable_agent(self, agent: AgentId) -> None:
        """Cancel an agent's live orders now; until enabled it hears nothing and its sends are ignored."""
        sender = self._sender(agent)
        if sender.enabled:
            sender.enabled = False
            self._expire_orders(CancelReason.AGENT_DISABLED, agent)

    def enable_agent(self, agent: AgentId) -> None:
        """Let notices flow again."""
        self._sender(agent).enabled = True

    def close(self) -> None:
        """End the session: venues close, live orders are cancelled, what is under way still arrives.

        The caller then drains the reports with `next(2**62)` until None. No order is taken any more.
        """
        self._after_start()
        if self._closed:
            return
        self._closed = True
        for venue in self._venues:
            self._change_phase(venue.id, Phase.CLOSED)
        self._expire_orders(CancelReason.SESSION_END)

    # --- recorded flow -----------------------------------------------------------------------------------

    def add_external(self, listing: ListingId, proportional: bool = False) -> None:
        """Let a recorded market trade on a listing; `proportional` says how cancellations hit a queue."""
        self._before_start()
        market = self._market(listing)
        market.external = ExternalMarket(market.listing.book, proportional)

    def push_depth(
        self,
        time_ns: Nanos,
        exchange_ns: Nanos | None,
        delay_ns: Nanos | None,
        listing: ListingId,
        snapshot: bool,
        sides: Sequence[int],
        prices: Sequence[int],
        sizes: Sequence[int],
    ) -> None:
        """Hand in a recorded depth update: lots per (side, price), 0 deletes a level."""
        if not len(sides) == len(prices) == len(sizes):
            raise ValueError(
                f"{len(sides)} sides, {len(prices)} prices, {len(sizes)} sizes: give as many of each"
            )
        levels = [(int(s), int(p), int(n)) for s, p, n in zip(sides, prices, sizes, strict=True)]
        for side, price, lots in levels:
            _check_recorded(side, price, lots, least=0)
        self._push(time_ns, listing, DepthUpdate(exchange_ns, delay_ns or 0, bool(snapshot), levels))

    def push_trade(
        self,
        time_ns: Nanos,
        exchange_ns: Nanos | None,
        delay_ns: Nanos | None,
        listing: ListingId,
        aggressor: int,
        price: Ticks,
        size: Lots,
    ) -> None:
        """Hand in a recorded trade."""
        _check_recorded(aggressor, price, size, least=1)
        trade = RecordedTrade(exchange_ns, delay_ns or 0, int(aggressor), int(price), int(size))
        self._push(time_ns, listing, trade)

    def _push(self, time_ns: Nanos, listing: ListingId, recorded: Recorded) -> None:
        market = self._market(listing)
        if market.external is None:
            raise ValueError(f"listing {listing} has no recorded market: call add_external before start")
        if recorded.delay_ns < 0:
            raise ValueError(f"a recorded delay of {recorded.delay_ns} ns: it cannot be negative")
        earliest = max(self._latest_push_ns, self.now_ns)
        if time_ns < earliest:
            raise EngineError(
                f"recorded flow at {time_ns} ns after {earliest} ns",
                "push",
                "Push updates in the order of time.",
            )
        self._latest_push_ns = time_ns
        self._flow.append((time_ns, market, recorded))

    def _apply(self, market: MarketState, recorded: Recorded) -> None:
        """One recorded update is atomic: all its commands, then one publication."""
        assert market.external, "checked when it was pushed"
        desk = ExternalDesk(self, market)
        if isinstance(recorded, DepthUpdate):
            market.external.apply_depth(desk, recorded)
        else:
            market.external.apply_trade(desk, recorded)
        self._publish_if_changed(market, recorded.delay_ns)

    def external_stats(self, listing: ListingId) -> dict[str, int]:
        """How much of the recorded flow was applied, held back, taken by agents."""
        return self._external(listing).stats()

    def external_bbo(self, listing: ListingId) -> Bbo:
        """(bid, bid lots, ask, ask lots) of the recorded market's own resting lots."""
        external = self._external(listing)
        bid, ask = external.best_own(Side.BUY), external.best_own(Side.SELL)
        return (
            bid,
            0 if bid is None else external.present(Side.BUY, bid),
            ask,
            0 if ask is None else external.present(Side.SELL, ask),
        )

    def _external(self, listing: ListingId) -> ExternalMarket:
        external = self._market(listing).external
        if external is None:
            raise ValueError(f"listing {listing} has no recorded market")
        return external


class ExternalDesk:
    """What a recorded market may do at its venue; each act is cleared at once, like any command."""

    def __init__(self, kernel: Kernel, market: MarketState) -> None:
        self._kernel = kernel
        self._market = market
        self._venue = kernel._venues[market.venue]

    @property
    def open(self) -> bool:
        """Whether the venue takes orders now."""
        return self._venue.phase == Phase.CONTINUOUS

    def place(self, agent: AgentId, side: int, tif: TimeInForce, price: Ticks, size: Lots) -> Lots:
        """A limit order that its own side's orders do not see; returns the lots that traded at once."""
        kernel, listing = self._kernel, self._market.id
        counter = kernel._external_counters[agent] + 1
        kernel._external_counters[agent] = counter
        limit, passing = OrderType.LIMIT, SelfTradePrevention.PASS
        order = NewOrder(agent, counter, listing, side, limit, tif, passing, False, price, size)
        self._venue.enter(kernel.now_ns, order)
        before = self._market.volume
        self._clear(Cause(order, kernel.now_ns))
        return self._market.volume - before

    def reduce(self, order: Order, lots: Lots) -> None:
        """Recorded lots leave an own order."""
        self._venue.reduce_by(self._kernel.now_ns, self._market.id, order, lots)
        self._clear()

    def grow(self, order: Order, lots: Lots) -> None:
        """Recorded lots come back to an own order, in place."""
        self._venue.grow_by(self._kernel.now_ns, self._market.id, order, lots)
        self._clear()

    def print_trade(self, side: int, price: Ticks, lots: Lots) -> None:
        """Report recorded lots in which no agent took part."""
        self._venue.print_trade(self._kernel.now_ns, self._market.id, side, price, lots)
        self._clear()

    def _clear(self, cause: Cause | None = None) -> None:
        self._kernel._clear(self._market, self._venue.take_events(), cause)


def _check_recorded(side: int, price: Ticks, lots: Lots, least: Lots) -> None:
    if side not in (Side.BUY, Side.SELL) or not 1 <= price <= MAX_PRICE or not least <= lots <= MAX_SIZE:
        raise ValueError(f"recorded side {side}, price {price}, lots {lots}: outside what a venue can hold")


__all__ = ["EXTERNAL_BOOK", "ExternalDesk", "Kernel"]
