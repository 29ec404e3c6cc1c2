"""What a command must satisfy, in the order in which a venue asks. The first failure is the reason.

Each check returns a `RejectReason`, or 0 if there is nothing to object to.
"""

from __future__ import annotations

from enum import IntEnum

from market_sim.reference.event import RejectReason
from market_sim.reference.order import NewOrder, Order, OrderType, SelfTradePrevention, TimeInForce, may_rest
from market_sim.reference.terms import Peg, Refresh
from market_sim.reference.types import (
    MAX_LEVEL_LOTS,
    MAX_NOTIONAL,
    MAX_PEAKS,
    MAX_PRICE,
    MAX_SIZE,
    Lots,
    Nanos,
    Phase,
    Side,
    Ticks,
)
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.sense import check_combination, check_terms

FINE = 0


def check_codes(side: int, order_type: int, tif: int, stp: int, refresh: int = 0, peg: int = 0) -> None:
    """ValueError for a code that stands for nothing: a programming error, not a reject."""
    codes: tuple[tuple[str, int, type[IntEnum]], ...] = (
        ("side", side, Side),
        ("order_type", order_type, OrderType),
        ("tif", tif, TimeInForce),
        ("stp", stp, SelfTradePrevention),
        ("refresh", refresh, Refresh),
        ("peg", peg, Peg),
    )
    for name, value, kind in codes:
        if not 0 <= value < len(kind):
            known = ", ".join(f"{member.name} {member.value}" for member in kind)
            raise ValueError(f"{name} {value} stands for nothing: choose {known}")


def check_phase(phase: Phase, is_cancel: bool) -> int:
    """A venue that is not open takes no orders; while suspended it still lets them go."""
    if phase == Phase.CLOSED:
        return RejectReason.VENUE_CLOSED
    if phase == Phase.SUSPENDED and not is_cancel:
        return RejectReason.VENUE_SUSPENDED
    return FINE


def check_call(listing: Listing, order: NewOrder) -> int:
    """Where orders gather there is nothing to trade with at once, nor a best price to stay close to."""
    terms, stop = order.terms, order.order_type >= OrderType.STOP
    at_once = (not may_rest(order.tif) and not stop) or terms.minimum_lots > 0
    close_by = order.order_type == OrderType.MARKET and terms.protection_ticks is not None
    unseen = listing.batches and (terms.display_lots is not None or terms.peg)
    return RejectReason.NOT_IN_THIS_PHASE if at_once or close_by or unseen else FINE


def check_new(
    listing: Listing, order: NewOrder, price: Ticks | None, time_ns: Nanos, exempt: bool, gathers: bool
) -> int:
    """A new order: sensible, within range, under a name that is free, with room at its price.

    `price` is where it would rest: as sent, or found in the book for an order that leaves it to the market.
    """
    if reason := check_combination(order) or check_terms(order, time_ns):
        return reason
    if gathers and (reason := check_call(listing, order)):
        return reason
    book = listing.book
    if order.terms.peg and order.price is not None and not 1 <= order.price <= MAX_PRICE:
        return RejectReason.PRICE_OUT_OF_RANGE
    if reason := check_amounts(listing, price, order.size, exempt):
        return reason
    if listing.find((order.agent, order.counter)) is not None:
        return RejectReason.DUPLICATE_ORDER_ID
    if order.post_only and book.crosses(order.side, price):
        return RejectReason.POST_ONLY_WOULD_CROSS
    rests_at = price if may_rest(order.tif) else None
    if rests_at is not None and book.level_lots(order.side, rests_at) + order.size > MAX_LEVEL_LOTS:
        return RejectReason.QUANTITY_OVERFLOW
    without_limit = gathers and price is None and not order.terms.peg and order.order_type < OrderType.STOP
    if without_limit and book.sides[order.side].market.all_lots + order.size > MAX_LEVEL_LOTS:
        return RejectReason.QUANTITY_OVERFLOW
    return FINE


def check_replace(listing: Listing, order: Order, price: Ticks, size: Lots, exempt: bool) -> int:
    """A replacement of a live order, judged like a new one at the new price."""
    if order.order_type == OrderType.TRAILING_STOP and order.id in listing.stops.waiting:
        return RejectReason.INVALID_COMBINATION
    if reason := check_amounts(listing, price, size, exempt):
        return reason
    if order.terms.peg:
        return FINE
    if order.post_only and listing.book.crosses(order.side, price):
        return RejectReason.POST_ONLY_WOULD_CROSS
    if order.id in listing.stops.waiting:
        crowded = listing.book.level_lots(order.side, price) + size > MAX_LEVEL_LOTS
        return RejectReason.QUANTITY_OVERFLOW if crowded and may_rest(order.tif) else FINE
    others = listing.book.level_lots(order.side, price) - (order.leaves if price == order.price else 0)
    if others + size - order.executed > MAX_LEVEL_LOTS:
        return RejectReason.QUANTITY_OVERFLOW
    return RejectReason.INVALID_TERMS if order.display and size > order.display * MAX_PEAKS else FINE


def check_amounts(listing: Listing, price: Ticks | None, size: Lots, exempt: bool) -> int:
    """Ranges of price, size and money. Recorded flow is `exempt` from the least notional: it is a fact."""
    if price is not None and not 1 <= price <= MAX_PRICE:
        return RejectReason.PRICE_OUT_OF_RANGE
    if not 1 <= size <= MAX_SIZE:
        return RejectReason.SIZE_OUT_OF_RANGE
    notional = 0 if price is None else listing.notional(price, size)
    if notional > MAX_NOTIONAL or size * listing.lot_atoms > MAX_NOTIONAL:
        return RejectReason.NOTIONAL_OVERFLOW
    if price is not None and notional < listing.min_notional_atoms and not exempt:
        return RejectReason.MIN_NOTIONAL
    return FINE
