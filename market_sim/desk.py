"""A participant's desk: it sends orders and keeps the record of them as last reported."""

from __future__ import annotations

from typing import Any, Unpack

from market_sim.engine import OrderType, Side, TimeInForce
from market_sim.listing import Listing
from market_sim.order import Order
from market_sim.terms import ORDER_TYPES, OrderTerms, chosen, kernel_terms
from market_sim.units import Number
from market_sim.vantage import OrderError, Vantage

BUY, SELL = int(Side.BUY), int(Side.SELL)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
TIFS = {tif.name: int(tif) for tif in TimeInForce}
BPS = 10_000


class Desk(Vantage):
    """Orders. Prices and sizes go in as `float`, `str`, `int` or `Decimal` in instrument units and must lie
    on the listing's grid.
    """

    def buy(
        self,
        listing: Listing | str,
        size: Number,
        price: Number | None = None,
        tif: str | None = None,
        post_only: bool = False,
        protection_bps: int = 500,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a buy order and return its id at once; the answer comes later, to a hook.

        With a `price` a limit order, otherwise a market order protected at the best ask of the agent's own
        view plus `protection_bps`, rounded outward to the grid. Without a view of the ask it is rejected on
        the spot (PROTECTION_REQUIRED). `tif`: "GTC", "IOC", "FOK" or "DAY"; by default GTC for what has a
        limit, IOC for what trades at the market. Raises UnitsError for a price or size off the grid,
        OrderError for an unknown listing or `tif`.

        `terms` (`market_sim.terms.OrderTerms`) make it a stop, an iceberg, a peg ...: `buy(listing, 5, 101,
        order_type="stop_limit", stop_price=100)`. A "stop" without a price is protected at its stop price
        plus `protection_bps`. An agent without credit must bound what a buy may cost: a market-to-limit or
        trailing order, a peg without a price and a protection in ticks have no bound, and are rejected for
        it (PROTECTION_REQUIRED).
        """
        return self._order(BUY, listing, size, price, tif, post_only, protection_bps, terms)

    def sell(
        self,
        listing: Listing | str,
        size: Number,
        price: Number | None = None,
        tif: str | None = None,
        post_only: bool = False,
        protection_bps: int = 500,
        **terms: Unpack[OrderTerms],
    ) -> int:
        """Send a sell order and return its id at once; like `buy`, protected below the own view's best
        bid.
        """
        return self._order(SELL, listing, size, price, tif, post_only, protection_bps, terms)

    def _order(
        self,
        side: int,
        ref: Listing | str,
        size: Number,
        price: Number | None,
        tif: str | None,
        post_only: bool,
        protection_bps: int,
        terms: OrderTerms,
    ) -> int:
        listing = self._by_name.get(ref) or self.listing(ref)
        lots = listing.lots(size)
        if terms:
            return self._order_ex(side, listing, lots, price, tif, post_only, protection_bps, terms)
        if price is not None:
            return self._send(listing, side, LIMIT, tif or "GTC", post_only, listing.ticks(price), lots)
        ticks = self._protection_ticks(listing, side, protection_bps)
        # Price 0 passes no gateway: the order is rejected where it is, and recorded like any other.
        counter = self._send(listing, side, MARKET, tif or "IOC", post_only, ticks or 0, lots)
        if ticks is None and counter:
            self.orders[counter].lacks_view = True
        return counter

    def _order_ex(
        self,
        side: int,
        listing: Listing,
        lots: int,
        price: Number | None,
        tif: str | None,
        post_only: bool,
        protection_bps: int,
        terms: OrderTerms,
    ) -> int:
        priced = price is not None or "peg" in terms
        named = terms.get("order_type", "limit" if priced else "market")
        kind = chosen("order_type", named, ORDER_TYPES, listing)
        asked = kernel_terms(listing, terms)
        ticks = None if price is None else listing.ticks(price)
        lacks_view = False
        if ticks is None and "protection" not in terms:
            if kind == MARKET:
                ticks = self._protection_ticks(listing, side, protection_bps)
                lacks_view, ticks = ticks is None, ticks or 0
            elif kind == OrderType.STOP and "stop_price" in asked:
                ticks = _outward(asked["stop_price"], side, protection_bps)
        at_market = kind in (MARKET, OrderType.STOP, OrderType.TRAILING_STOP)
        tif = tif or ("GTD" if "good_till" in terms else "IOC" if at_market else "GTC")
        counter = self._send(listing, side, kind, tif, post_only, ticks, lots, asked)
        if lacks_view and counter:
            self.orders[counter].lacks_view = True
        return counter

    def _send(
        self,
        listing: Listing,
        side: int,
        kind: int,
        tif: str,
        post_only: bool,
        ticks: int | None,
        lots: int,
        terms: dict[str, Any] | None = None,
    ) -> int:
        code = TIFS.get(tif)
        if code is None:
            raise OrderError(f"unknown time in force {tif!r}", self.name, f"Choose {', '.join(TIFS)}.")
        self._assert_open()
        kernel, order = self._kernel, (self.agent_id, listing.id, side, kind, code, post_only, ticks, lots)
        counter: int = kernel.new_order_ex(*order, **terms) if terms else kernel.new_order(*order)
        if counter:  # 0 says that a switched-off agent's order went nowhere
            self.orders[counter] = record = Order(counter, listing, side, ticks or 0, lots, kernel.now_ns)
            record.order_type = OrderType(kind)
        return counter

    def _assert_open(self) -> None:
        if self.market.finished:
            raise OrderError("the session is over", self.name, "on_end can look, but no longer trade.")

    def _protection_ticks(self, listing: Listing, side: int, protection_bps: int) -> int | None:
        told = self._kernel.bbo_view(self.agent_id, listing.id)
        best = None if told is None else told[2 if side == BUY else 0]
        if best is None:
            return None
        return _outward(best, side, protection_bps)

    def cancel(self, order_id: int) -> None:
        """Ask the venue to cancel an own order; the answer is `on_cancelled` or `on_reject`."""
        self._assert_open()
        order = self.orders.get(order_id)
        if order is not None:
            order.cancel_sent = True
        self._kernel.cancel(self.agent_id, order_id)

    def cancel_all(self, listing: Listing | str | None = None) -> int:
        """Cancel all own open orders (of one listing) that no cancel is on its way for; gives their
        number.
        """
        only = None if listing is None else self.listing(listing)
        found = [
            order for order in self.orders.values() if not order.cancel_sent and only in (None, order.listing)
        ]
        for order in found:
            self.cancel(order.id)
        return len(found)

    def replace(
        self,
        order_id: int,
        price: Number | None = None,
        size: Number | None = None,
        stop_price: Number | None = None,
        trail: Number | None = None,
        trail_bps: int | None = None,
    ) -> None:
        """Ask for another price or total size (what has traded included) of an own order; omitted ones stay.

        Only a smaller size at the same price keeps the place in the queue. The last three are for a stop that
        waits: its stop price, or a trailing one's distance. Raises OrderError for an order not in
        `self.orders`, UnitsError off the grid.
        """
        order = self.orders.get(order_id)
        if order is None:
            raise OrderError(
                f"order {order_id} is not open", self.name, "Look into self.orders before replacing."
            )
        own = order.listing
        lots = order.asked_lots if size is None else own.lots(size)
        if order.asked_ticks and (stop_price, trail, trail_bps) == (None, None, None):
            self._ask(order, order.asked_ticks if price is None else own.ticks(price), lots)
            return
        self._assert_open()
        ticks = None if price is None else own.ticks(price)
        stop = None if stop_price is None else own.ticks(stop_price)
        distance = None if trail is None else own.prices.steps(trail, f"{own.name}, trail")
        order.asked_ticks, order.asked_lots = ticks or order.asked_ticks, lots
        order.replaces_sent += 1
        terms = {"stop_price": stop, "trail_ticks": distance, "trail_bps": trail_bps}
        self._kernel.replace_ex(self.agent_id, order.id, ticks, lots, **terms)

    def _ask(self, order: Order, ticks: int, lots: int) -> None:
        self._assert_open()
        order.asked_ticks, order.asked_lots = ticks, lots
        order.replaces_sent += 1
        self._kernel.replace(self.agent_id, order.id, ticks, lots)


def _outward(price: int, side: int, bps: int) -> int:
    """A price moved by basis points to where an order of that side still trades, rounded outward."""
    if side == BUY:
        return int(-(-price * (BPS + bps) // BPS))
    return max(int(price * (BPS - bps) // BPS), 1)
