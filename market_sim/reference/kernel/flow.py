"""Recorded flow: a line of updates beside the queue, each applied at its instant, before everything else."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from market_sim.errors import EngineError
from market_sim.reference.book import Bbo
from market_sim.reference.event import EventKind
from market_sim.reference.external import (
    DepthUpdate,
    ExternalMarket,
    FlowKind,
    OrderOp,
    RecordedOrders,
    RecordedTrade,
)
from market_sim.reference.kernel.clearing import Cause
from market_sim.reference.kernel.market import MarketState
from market_sim.reference.kernel.reading import Reading
from market_sim.reference.kernel.tape import QueueCause
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
    int64,
)

Recorded = DepthUpdate | RecordedTrade | RecordedOrders

# Flags of a row of flow (market_sim.records).
LAST, SNAPSHOT, STAMPED = 1, 2, 4


class Flow(Reading):
    """A cursor over recorded updates, and what they do at their venue."""

    def __init__(self, seed: int, pooled: bool = False) -> None:
        super().__init__(seed, pooled)
        self._flow: deque[tuple[Nanos, MarketState, Recorded]] = deque()
        self._latest_push_ns: Nanos = 0

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
        levels = [(int64(s), int64(p), int64(n)) for s, p, n in zip(sides, prices, sizes, strict=True)]
        for side, price, lots in levels:
            _check_recorded(side, price, lots, least=0)
        self._push(
            int64(time_ns),
            listing,
            DepthUpdate(_stamp(exchange_ns), int64(delay_ns or 0), bool(snapshot), levels),
        )

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
        numbers = (int64(aggressor), int64(price), int64(size))
        self._push(
            int64(time_ns), listing, RecordedTrade(_stamp(exchange_ns), int64(delay_ns or 0), *numbers)
        )

    def push_flow(self, rows: Any) -> None:
        """Hand in many updates at once, as FLOW rows; what comes before a bad one stays."""
        update: list[FlowRow] = []
        for number, row in enumerate(map(FlowRow._make, rows.tolist())):
            if row.side not in (Side.BUY, Side.SELL):
                raise ValueError(f"flow row {number}: no such side (market_sim.records)")
            if row.kind > FlowKind.CLEAR:
                raise ValueError(f"flow row {number}: no such kind (market_sim.records)")
            if update and (update[0].time_ns, update[0].listing) != (row.time_ns, row.listing):
                raise ValueError(
                    f"flow row {number}: an update has one time and one listing (market_sim.records)"
                )
            update.append(row)
            if row.flags & LAST:
                self._push_rows(number, update)
                update = []
        if update:
            raise ValueError(
                f"flow row {len(rows) - 1}: the last row must end an update (market_sim.records)"
            )

    def _push_rows(self, number: int, rows: Sequence[FlowRow]) -> None:
        last = rows[-1]
        kinds = {row.kind for row in rows}
        stamp_ns = last.exchange_ns if last.flags & STAMPED else None
        if kinds == {FlowKind.LEVEL}:
            levels = [(row.side, row.price, row.size) for row in rows]
            for level in levels:
                _check_recorded(*level, least=0)
            update: Recorded = DepthUpdate(stamp_ns, last.delay_ns, bool(last.flags & SNAPSHOT), levels)
        elif kinds == {FlowKind.TRADE} and len(rows) == 1:
            _check_recorded(last.side, last.price, last.size, least=1)
            update = RecordedTrade(stamp_ns, last.delay_ns, last.side, last.price, last.size)
        elif kinds & {FlowKind.LEVEL, FlowKind.TRADE}:
            raise ValueError(f"flow row {number}: levels, orders and trades mixed (market_sim.records)")
        else:
            ops = [OrderOp(FlowKind(row.kind), row.side, row.id, row.price, row.size) for row in rows]
            for op in ops:
                _check_op(op)
            update = RecordedOrders(last.delay_ns, ops)
        self._push(last.time_ns, last.listing, update)

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
        by_order = isinstance(recorded, RecordedOrders)
        if not market.external.takes(by_order):
            one, other = ("single orders", "levels") if by_order else ("levels", "single orders")
            raise ValueError(
                f"recorded {one} for listing {listing}, whose flow is of {other}: a listing takes one kind"
            )
        self._latest_push_ns = time_ns
        self._flow.append((time_ns, market, recorded))

    def _apply(self, market: MarketState, recorded: Recorded) -> None:
        """One recorded update is atomic: all its commands, then one publication."""
        assert market.external, "checked when it was pushed"
        desk = ExternalDesk(self, market)
        with market.external.one_update():
            if isinstance(recorded, DepthUpdate):
                market.external.apply_depth(desk, recorded)
            elif isinstance(recorded, RecordedOrders):
                market.external.apply_orders(desk, recorded)
            else:
                market.external.apply_trade(desk, recorded)
        self._set_timer(market.venue)
        self._publish_if_changed(market, recorded.delay_ns, _queue_cause(recorded))

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

    def __init__(self, kernel: Flow, market: MarketState) -> None:
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
        events = self._venue.take_events()
        kernel._clear(self._market.venue, events, Cause(order, kernel.now_ns))
        fills = [event for event in events if event.kind == EventKind.FILL]
        return sum(fill.size for fill in fills if (fill.agent, fill.counter) == (agent, counter))

    @property
    def latest(self) -> int:
        """Number of the own order placed last."""
        return self._kernel._external_counters[EXTERNAL_BOOK]

    def reduce(self, order: Order, lots: Lots) -> None:
        """Recorded lots leave an own order, as far as they are still there.

        Agents' stops and pegs answer every step, and may have taken some.
        """
        if self._market.listing.find(order.id) is order:
            lots = min(lots, order.leaves)
            self._venue.reduce_by(self._kernel.now_ns, self._market.id, order, lots)
            self._clear()

    def grow(self, order: Order, lots: Lots) -> bool:
        """Recorded lots join an own order in place; False where it would grow too large."""
        grown = self._venue.grow_by(self._kernel.now_ns, self._market.id, order, lots)
        self._clear()
        return grown

    def print_trade(self, side: int, price: Ticks, lots: Lots) -> None:
        """Report recorded lots in which no agent took part."""
        self._venue.print_trade(self._kernel.now_ns, self._market.id, side, price, lots)
        self._clear()

    def _clear(self) -> None:
        self._kernel._clear(self._market.venue, self._venue.take_events())


def _queue_cause(recorded: Recorded) -> QueueCause:
    """What a change of the queue before somebody's order comes from."""
    traded = isinstance(recorded, RecordedTrade) or (
        isinstance(recorded, RecordedOrders)
        and any(op.kind in (FlowKind.EXECUTE, FlowKind.HIDDEN) for op in recorded.ops)
    )
    return QueueCause.TRADED if traded else QueueCause.CANCELLED


class FlowRow(NamedTuple):
    """A row of recorded flow, in the order of its fields."""

    time_ns: Nanos
    exchange_ns: Nanos
    delay_ns: Nanos
    id: int
    price: Ticks
    size: Lots
    listing: ListingId
    kind: int
    side: int
    flags: int
    spare: int


def _check_op(op: OrderOp) -> None:
    """Only what an event needs must be there: a deletion need not say where the order stood."""
    if op.kind in (FlowKind.ADD, FlowKind.HIDDEN, FlowKind.REPLACE):
        _check_recorded(op.side, op.price, op.lots, least=1)
    elif op.kind in (FlowKind.REDUCE, FlowKind.EXECUTE):
        _check_recorded(op.side, 1, op.lots, least=1)


def _stamp(exchange_ns: Nanos | None) -> Nanos | None:
    return None if exchange_ns is None else int64(exchange_ns)


def _check_recorded(side: int, price: Ticks, lots: Lots, least: Lots) -> None:
    if side not in (Side.BUY, Side.SELL) or not 1 <= price <= MAX_PRICE or not least <= lots <= MAX_SIZE:
        raise ValueError(f"recorded side {side}, price {price}, lots {lots}: outside what a venue can hold")
