"""A venue's reports to an agent: each brings the agent's own record up to date, then goes to a hook."""

from __future__ import annotations

from typing import Any

from market_sim.engine import EventKind, RejectReason
from market_sim.notices import Cancelled, Fill, Reject, Update
from market_sim.order import Order

ACCEPTED, FILL, CANCELLED = int(EventKind.ACCEPTED), int(EventKind.FILL), int(EventKind.CANCELLED)
REPLACED, REJECTED = int(EventKind.REPLACED), int(EventKind.REJECTED)
CANCEL_REJECTED = int(EventKind.CANCEL_REJECTED)
TRIGGERED, REPRICED = int(EventKind.TRIGGERED), int(EventKind.REPRICED)
UPDATES = (TRIGGERED, int(EventKind.REFRESHED), REPRICED)
VENUE_CLOSED = int(RejectReason.VENUE_CLOSED)

_new_row = tuple.__new__


def hear_report(trader: Any, row: tuple[Any, ...]) -> None:
    """Take in one REPORT notice (..., 3 listing, 4 event, 5 reason, 6 order, 7 side, 8 price, 9 size, 10
    leaves, ..., 14 venue time, ...).
    """
    event, counter = row[4], row[6]
    listing = trader.market.listings[row[3]]
    trader._reported_ns[row[3]] = row[14]
    order: Order | None = trader.orders.get(counter)
    if event == ACCEPTED:
        if order is not None:
            order.status = "open"
            order.price_ticks = row[8]
            trader.on_accepted(order)
    elif event == FILL:
        fill = _new_row(Fill, (*row, listing, order))
        trader.account._fill(fill)
        if order is not None:
            order.leaves_lots = row[10]
            if row[10] == 0:
                order.status = "filled"
                del trader.orders[counter]
        trader.on_fill(fill)
    elif event == CANCELLED:
        if order is not None:
            order.leaves_lots = 0
            order.status = "cancelled"
            del trader.orders[counter]
        trader.on_cancelled(_new_row(Cancelled, (*row, listing, order)))
    elif event == REPLACED:
        if order is not None:
            # Self-trade prevention and auctions change an order unasked.
            order.replaces_sent = max(order.replaces_sent - 1, 0)
            order.price_ticks, order.size_lots, order.leaves_lots = row[8], row[9], row[10]
            trader.on_accepted(order)
    elif event in UPDATES:
        if order is not None and event == REPRICED:
            order.price_ticks = row[8]
        if order is not None and event == TRIGGERED:
            order.is_triggered = True
        trader.on_update(_new_row(Update, (*row, listing, order)))
    else:
        _note_reject(trader, event, order)
        # After the close every send is refused; telling an agent that answers rejects with sends would never
        # end.
        if not (trader.market.closing and row[5] == VENUE_CLOSED):
            trader.on_reject(_new_row(Reject, (*row, listing, order)))


def _note_reject(trader: Any, event: int, order: Order | None) -> None:
    if order is None:
        return
    if event == REJECTED:
        order.status = "rejected"
        order.leaves_lots = 0
        del trader.orders[order.id]
    elif event == CANCEL_REJECTED:
        order.cancel_sent = False
    else:
        order.replaces_sent -= 1
        if order.replaces_sent == 0:
            order.asked_ticks, order.asked_lots = order.price_ticks, order.size_lots
