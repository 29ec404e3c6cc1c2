"""The tape: what happened, as columns, until somebody drains it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from market_sim.reference.event import Event
from market_sim.reference.types import AgentId, Atoms, ListingId, Lots, Nanos

TRADE_COLUMNS = (
    *("time_ns", "listing", "price", "size", "aggressor", "maker", "maker_counter", "taker", "taker_counter"),
    *("match_id", "maker_fee", "taker_fee"),
)
QUOTE_COLUMNS = ("time_ns", "listing", "bid", "bid_lots", "ask", "ask_lots")
ORDER_COLUMNS = (
    *(
        "time_ns",
        "sent_ns",
        "kind",
        "reason",
        "listing",
        "agent",
        "counter",
        "side",
        "price",
        "size",
        "leaves",
    ),
    *("fee", "flags", "order_type", "tif", "queue_ahead"),
)

QUEUE_COLUMNS = ("time_ns", "listing", "agent", "counter", "ahead", "cause")

Columns = dict[str, list[int]]


class QueueCause(IntEnum):
    """Through whom the queue before an agent's order in a recorded market has changed."""

    TRADED = 1  # a recorded trade
    CANCELLED = 2  # any other recorded change: lots that left untraded
    AGENTS = 3  # what agents did, or the venue's own clock


class Tape:
    """Tables with switches; rows are kept as tuples until the drain. Queues go with orders."""

    def __init__(self) -> None:
        self.keep_trades = self.keep_quotes = self.keep_orders = True
        self._trades: list[tuple[int, ...]] = []
        self._quotes: list[tuple[int, ...]] = []
        self._orders: list[tuple[int, ...]] = []
        self._queues: list[tuple[int, ...]] = []

    def trade(
        self, event: Event, maker: AgentId, taker: AgentId, maker_fee: Atoms = 0, taker_fee: Atoms = 0
    ) -> None:
        """A match (TRADE) or a recorded trade in which no agent took part (PRINT)."""
        if self.keep_trades:
            self._trades.append(
                (
                    event.time_ns,
                    event.listing,
                    event.price,
                    event.size,
                    event.side,
                    maker,
                    event.counter,
                    taker,
                    event.contra_counter,
                    event.match_id,
                    maker_fee,
                    taker_fee,
                )
            )

    def quote(
        self, time_ns: Nanos, listing: ListingId, bbo: tuple[int | None, Lots, int | None, Lots]
    ) -> None:
        """The new best bid and offer; a missing side is price 0 and 0 lots."""
        if self.keep_quotes:
            bid, bid_lots, ask, ask_lots = bbo
            self._quotes.append((time_ns, listing, bid or 0, bid_lots, ask or 0, ask_lots))

    def report(self, event: Event, sent_ns: Nanos, order_type: int, tif: int, queue_ahead: Lots) -> None:
        """A report to a user agent at the venue's time; `sent_ns` is 0 unless it answers an own command."""
        if self.keep_orders:
            self._orders.append(
                (
                    event.time_ns,
                    sent_ns,
                    event.kind,
                    event.reason,
                    event.listing,
                    event.agent,
                    event.counter,
                    event.side,
                    event.price,
                    event.size,
                    event.leaves,
                    event.fee,
                    event.flags,
                    order_type,
                    tif,
                    queue_ahead,
                )
            )

    def queue(
        self,
        time_ns: Nanos,
        listing: ListingId,
        agent: AgentId,
        counter: int,
        ahead: Lots,
        cause: QueueCause,
    ) -> None:
        """More or fewer lots than before stand ahead of an agent's order in a recorded market."""
        if self.keep_orders:
            self._queues.append((time_ns, listing, agent, counter, ahead, int(cause)))

    def drain(self) -> dict[str, Columns]:
        """The columns since the last drain; the tables are empty afterwards."""
        drained = {
            "trades": _columns(TRADE_COLUMNS, self._trades),
            "quotes": _columns(QUOTE_COLUMNS, self._quotes),
            "orders": _columns(ORDER_COLUMNS, self._orders),
            "queues": _columns(QUEUE_COLUMNS, self._queues),
        }
        self._trades, self._quotes, self._orders, self._queues = [], [], [], []
        return drained


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Columns:
    if not rows:
        return {name: [] for name in names}
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
