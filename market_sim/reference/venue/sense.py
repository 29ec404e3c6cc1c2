"""Whether the parts of a new order make sense together. What makes none is refused, never ignored."""

from __future__ import annotations

from market_sim.reference.event import RejectReason
from market_sim.reference.order import NewOrder, OrderType, TimeInForce, may_rest
from market_sim.reference.types import MAX_PEAKS, MAX_PRICE, Nanos, Ticks

FINE = 0
ONE_WHOLE_BPS = 10_000


def check_combination(order: NewOrder) -> int:
    """Type, price, time in force: a limit order has a price, only one that may rest can be post-only."""
    limit, rests = order.order_type == OrderType.LIMIT, may_rest(order.tif)
    needs_price = order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and not order.terms.peg
    if needs_price and order.price is None:
        return RejectReason.INVALID_COMBINATION
    if order.order_type == OrderType.MARKET_TO_LIMIT and not (order.price is None and rests):
        return RejectReason.INVALID_COMBINATION
    if order.post_only and not (limit and rests):
        return RejectReason.INVALID_COMBINATION
    return FINE


def check_terms(order: NewOrder, time_ns: Nanos) -> int:
    """The terms beyond price and size: each only where it means something."""
    sensible = _display(order) and _minimum(order) and _expiry(order, time_ns)
    sensible = sensible and _protection(order) and _stop(order) and _peg(order)
    return FINE if sensible else RejectReason.INVALID_TERMS


def _display(order: NewOrder) -> bool:
    display, resting_limit = order.terms.display_lots, order.order_type == OrderType.LIMIT
    if display is None:
        return order.terms.refresh == 0
    if not (resting_limit and may_rest(order.tif) and 0 <= display <= order.size):
        return False
    return order.size <= display * MAX_PEAKS if display else order.terms.refresh == 0


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
    terms, kind = order.terms, order.order_type
    if kind != OrderType.TRAILING_STOP:
        if terms.trail_ticks or terms.trail_bps or terms.trigger_limit_ticks is not None:
            return False
        has_stop = kind in (OrderType.STOP, OrderType.STOP_LIMIT)
        return _in_range(terms.stop_price) if has_stop else terms.stop_price is None
    by_ticks = terms.trail_bps == 0 and 1 <= terms.trail_ticks <= MAX_PRICE
    by_bps = terms.trail_ticks == 0 and 1 <= terms.trail_bps < ONE_WHOLE_BPS
    away = terms.trigger_limit_ticks
    becomes_limit = away is not None and 0 <= away <= MAX_PRICE and terms.protection_ticks is None
    priced = order.price is not None or terms.stop_price is not None
    return (by_ticks or by_bps) and not priced and (away is None or becomes_limit)


def _in_range(price: Ticks | None) -> bool:
    return price is not None and 1 <= price <= MAX_PRICE


def _peg(order: NewOrder) -> bool:
    terms = order.terms
    if not terms.peg:
        return terms.peg_offset_ticks == 0
    resting_limit = order.order_type == OrderType.LIMIT and may_rest(order.tif) and not order.post_only
    shows_all = terms.display_lots is None and not terms.minimum_lots
    return resting_limit and shows_all and abs(terms.peg_offset_ticks) <= MAX_PRICE
