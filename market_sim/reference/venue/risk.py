"""Risk before trade: each refusal has a reason of its own. Agents without limits are asked nothing."""

from __future__ import annotations

from market_sim.reference.event import RejectReason
from market_sim.reference.order import NewOrder, Order, OrderType
from market_sim.reference.risk import MOST, RiskAccount, RiskLimits
from market_sim.reference.terms import Peg
from market_sim.reference.types import AgentId, ListingId, Lots, Nanos, Side, Ticks
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.listing import Listing

FINE = 0
TEN_THOUSAND = 10_000


class Risk(VenueParts):
    """Limits per agent and listing."""

    def set_risk(
        self,
        agent: AgentId,
        listing: ListingId,
        *,
        max_order_lots: Lots | None = None,
        max_notional_atoms: int | None = None,
        max_position_lots: Lots | None = None,
        collar_bps: int | None = None,
        max_messages_per_s: int | None = None,
        no_short_sale: bool = False,
    ) -> None:
        """Set an agent's limits in a listing, in place of those it had. None: no limit.

        Its position counts from the first call (see `set_position` for what it held before) and, in the
        worst case, its open orders. ValueError for an unknown listing and for numbers out of range.
        """
        amounts = (max_order_lots, max_notional_atoms, max_position_lots)
        limits = RiskLimits(*amounts, collar_bps, max_messages_per_s, bool(no_short_sale))
        account = self._account(agent, listing)
        account.limits = limits
        account.forget_old()

    def set_position(self, agent: AgentId, listing: ListingId, lots: Lots) -> None:
        """Tell what an agent holds now: the position that limits are measured from."""
        if abs(lots) > MOST:
            raise ValueError(f"position {lots}: must be from -2^62 to 2^62 lots")
        self._account(agent, listing).position = lots

    def _account(self, agent: AgentId, listing: ListingId) -> RiskAccount:
        self._listing(listing)
        return self._risk.setdefault((listing, agent), RiskAccount())

    def _move_position(self, listing: Listing, order: Order, lots: Lots) -> None:
        """An order has traded."""
        if (account := self._risk.get((listing.id, order.agent))) is not None:
            account.position += lots if order.side == Side.BUY else -lots

    # --- checks: a RejectReason, or 0 ----------------------------------------------------------------

    def _check_rate(self, agent: AgentId, listing: ListingId, time_ns: Nanos) -> int:
        account = self._risk.get((listing, agent))
        if account is None or agent in self.exempt or account.takes_message(time_ns):
            return FINE
        return RejectReason.RISK_MESSAGE_RATE

    def _check_new_risk(self, listing: Listing, order: NewOrder, price: Ticks | None, gathers: bool) -> int:
        account = self._risk.get((listing.id, order.agent))
        if account is None or order.agent in self.exempt:
            return FINE
        value = order.terms.stop_price if price is None else price
        if reason := _check_size(listing, account.limits, value, order.size):
            return reason
        if price is None:
            reason = _check_without_limit(account.limits, order, gathers)
        else:
            reason = _check_collar(listing, account.limits, order.side, price)
        return reason or _check_position(listing, account, order.agent, order.side, order.size, None)

    def _check_replace_risk(self, listing: Listing, order: Order, price: Ticks, size: Lots) -> int:
        if price == (order.limit if order.terms.peg else order.price) and size < order.total:
            return FINE  # less of the same: whoever has too much must be able to shed it
        return self._check_change_risk(listing, order, price, None, size)

    def _check_change_risk(
        self, listing: Listing, order: Order, price: Ticks | None, stop_price: Ticks | None, size: Lots
    ) -> int:
        """A live order with another price and total size; a waiting stop may have none but its stop price."""
        account = self._risk.get((listing.id, order.agent))
        if account is None or order.agent in self.exempt:
            return FINE
        reason = _check_size(listing, account.limits, stop_price if price is None else price, size)
        if price is not None:
            reason = reason or _check_collar(listing, account.limits, order.side, price)
        more = size - order.executed
        return reason or _check_position(listing, account, order.agent, order.side, more, order)


def _check_size(listing: Listing, limits: RiskLimits, price: Ticks | None, size: Lots) -> int:
    """Lots of the order and what they are worth; without a price of its own, at the reference price."""
    if limits.max_order_lots is not None and size > limits.max_order_lots:
        return RejectReason.RISK_ORDER_SIZE
    if limits.max_notional_atoms is None:
        return FINE
    value = listing.reference_price if price is None else price
    if value is None:
        return RejectReason.NO_REFERENCE_PRICE
    worth = listing.notional(value, size)
    return RejectReason.RISK_NOTIONAL if worth > limits.max_notional_atoms else FINE


def _check_collar(listing: Listing, limits: RiskLimits, side: int, price: Ticks) -> int:
    """How far the limit reaches towards the other side; a passive price does no harm, and is not asked."""
    if limits.collar_bps is None:
        return FINE
    reference = listing.reference_price
    if reference is None:
        return RejectReason.NO_REFERENCE_PRICE
    beyond = price - reference if side == Side.BUY else reference - price
    return RejectReason.RISK_COLLAR if beyond * TEN_THOUSAND > limits.collar_bps * reference else FINE


def _check_without_limit(limits: RiskLimits, order: NewOrder, gathers: bool) -> int:
    """Under a collar an order needs a limit, or something that gives it one before it trades."""
    terms = order.terms
    gets_one = terms.protection_ticks is not None or terms.trigger_limit_ticks is not None
    gets_one = gets_one or terms.peg != Peg.NONE or order.order_type == OrderType.MARKET_TO_LIMIT
    if limits.collar_bps is None or gets_one or gathers:
        return FINE
    return RejectReason.PROTECTION_REQUIRED


def _check_position(
    listing: Listing, account: RiskAccount, agent: AgentId, side: int, lots: Lots, replaced: Order | None
) -> int:
    """Where the agent would stand if all it has open on this side were to trade."""
    limits = account.limits
    if limits.max_position_lots is None and not limits.no_short_sale:
        return FINE
    live = [each for each in listing.all_orders() if (each.agent, each.side) == (agent, side)]
    lots += sum(each.leaves for each in live if each is not replaced)
    worst = account.position + lots if side == Side.BUY else lots - account.position
    if limits.max_position_lots is not None and worst > limits.max_position_lots:
        return RejectReason.RISK_POSITION
    return RejectReason.RISK_SHORT_SALE if limits.no_short_sale and side == Side.SELL and worst > 0 else FINE
