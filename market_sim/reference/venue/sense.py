"""Whether the parts of a new order make sense together. What makes none is refused, never ignored."""

from __future__ import annotations

from market_sim.reference.event import RejectReason
from market_sim.reference.order import NewOrder, OrderType, TimeInForce, may_rest
from market_sim.reference.types import MAX_PRICE, Nanos

FINE = 0
STOPS = (OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP)


def check_combination(order: NewOrder) -> int:
    """Type, price, time in force: a limit order has a price, only one that may rest can be post-only."""
    limit, rests = order.order_type == OrderType.LIMIT, may_rest(order.tif)
    if order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and order.price is None:
        return RejectReason.INVALID_COMBINATION
    if order.order_type == OrderType.MARKET_TO_LIMIT and not (order.price is None and rests):
        return RejectReason.INVALID_COMBINATION
    if order.post_only and not (limit and rests):
        return RejectReason.INVALID_COMBINATION
    return FINE


def check_terms(order: NewOrder, time_ns: Nanos) -> int:
    """The terms beyond price and size: each only where it means something."""
    sensible = _display(order) and _minimum(order) and _expiry(order, time_ns)
    sensible = sensible and _protection(order) and _stop(order)
    return FINE if sensible else RejectReason.INVALID_TERMS


def _display(order: NewOrder) -> bool:
    display, resting_limit = order.terms.display_lots, order.order_type == OrderType.LIMIT
    if display is None:
        return order.terms.refresh == 0
    if not (resting_limit and may_rest(order.tif) and 0 <= display <= order.size):
        return False
    return display > 0 or order.terms.refresh == 0


def _minimum(order: NewOrder) -> bool:
    least = order.terms.minimum_lots
    if least == 0:
        return True
    plain = order.order_type in (OrderType.LIMIT, OrderType.MARKET)
    return plain and order.tif != TimeInForce.FOK and not order.post_only and 0 < least <= order.size


def _expiry(order: NewOrder, time_ns: Nanos) -> bool:
    expire_ns = order.terms.expire_ns
    if order.tif != TimeInForce.GTD:
        return expire_ns is None
    return expire_ns is not None and expire_ns > time_ns


def _protection(order: NewOrder) -> bool:
    distance = order.terms.protection_ticks
    if distance is None:
        return True
    becomes_market = order.order_type in (OrderType.MARKET, OrderType.STOP, OrderType.TRAILING_STOP)
    return becomes_market and order.price is None and 0 <= distance <= MAX_PRICE


def _stop(order: NewOrder) -> bool:
    terms = order.terms
    asked = terms.stop_price is not None or terms.trail_ticks or terms.trail_bps
    asked = asked or terms.trigger_limit_ticks is not None or terms.peg or terms.peg_offset_ticks
    return not asked and order.order_type not in STOPS
