"""Auctions: the orders that gathered in a call, or in a batch, all trade at one price."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from market_sim.reference.allotment import Allotment, allot_batch
from market_sim.reference.auction import Cross, find_cross
from market_sim.reference.event import CancelReason, EventKind
from market_sim.reference.level import NO_LIMIT
from market_sim.reference.order import Order, OrderType, SelfTradePrevention
from market_sim.reference.types import (
    CALL_PHASES,
    INT64_MAX,
    MAX_LEVEL_LOTS,
    MAX_NOTIONAL,
    MAX_PRICE,
    MAX_SIZE,
    ListingId,
    Lots,
    MatchingPolicy,
    Nanos,
    Side,
    Ticks,
)
from market_sim.reference.venue.checks import check_amounts
from market_sim.reference.venue.listing import Listing
from market_sim.reference.venue.matching import Matching

BOTH_ZERO = (0, 0, 0)


class Auctions(Matching):
    """Indicative price, uncross, what becomes of orders without a limit."""

    # --- set-up ------------------------------------------------------------------------------------

    def set_matching(
        self,
        listing: ListingId,
        policy: int,
        *,
        top_order_max_lots: Lots = 0,
        pro_rata_min_lots: Lots = 0,
        interval_ns: Nanos = 0,
    ) -> None:
        """Choose how a listing matches, before its first order.

        PRO_RATA: the order that bettered the price gets up to `top_order_max_lots` first; shares of less
        than `pro_rata_min_lots` are none. BATCH_AUCTION: a batch ends when `advance` passes a multiple of
        `interval_ns`. ValueError for what does not belong to the policy, or while orders are live.
        """
        where = self._listing(listing)
        chosen = MatchingPolicy(policy)
        if where.all_orders():
            raise ValueError(f"listing {listing} has live orders: choose its matching before the first")
        if not (0 <= top_order_max_lots <= MAX_SIZE and 0 <= pro_rata_min_lots <= MAX_SIZE):
            raise ValueError("top_order_max_lots and pro_rata_min_lots are from 0 to 2^48 lots")
        if chosen != MatchingPolicy.PRO_RATA and (top_order_max_lots or pro_rata_min_lots):
            raise ValueError("top_order_max_lots and pro_rata_min_lots belong to PRO_RATA")
        if not 0 <= interval_ns <= INT64_MAX or (chosen == MatchingPolicy.BATCH_AUCTION) != (interval_ns > 0):
            raise ValueError("interval_ns is at least 1 with BATCH_AUCTION, and belongs to it alone")
        if chosen == MatchingPolicy.BATCH_AUCTION and where.rules.halt_bps:
            raise ValueError(f"listing {listing} has a volatility halt: it cannot trade in batches")
        where.rules.policy, where.rules.interval_ns = chosen, interval_ns
        where.rules.top_order_max_lots, where.rules.pro_rata_min_lots = top_order_max_lots, pro_rata_min_lots

    def set_reference_price(self, listing: ListingId, price: Ticks) -> None:
        """Tell the listing's reference and static price, say yesterday's close; the next print replaces it
        as reference. ValueError for an unknown listing or a price out of range."""
        where = self._listing(listing)
        if not 1 <= price <= MAX_PRICE:
            raise ValueError(f"reference price {price}: must be from 1 to 2^53 ticks")
        where.set_reference = where.static_price = price

    # --- the price as it stands --------------------------------------------------------------------

    def indicative(self, listing: ListingId) -> tuple[Ticks, Lots, Lots] | None:
        """(price, volume, surplus of buyers) if the call ended now; None if nothing would trade, or no call.

        A negative surplus is one of sellers.
        """
        where = self._listing(listing)
        cross = find_cross(where.book, where.reference_price) if self._gathers(where) else None
        return None if cross is None else _as_told(cross)

    def _publish_indicative(self, listing: Listing) -> None:
        if self._phase_of(listing) not in CALL_PHASES:
            return
        now = self.indicative(listing.id) or BOTH_ZERO
        if now != listing.call.published:
            listing.call.published = now
            self._say.auction(EventKind.INDICATIVE, listing.id, now)

    # --- the uncross -------------------------------------------------------------------------------

    def _uncross(self, listing: Listing) -> bool:
        """Let everything trade that can, at one price; whether anything did.

        Where self-trade prevention kept orders from trading, what is left may still cross: it then meets in
        another round, at a price of its own, so that no crossed book is left behind.
        """
        price, matches = None, self._say.next_match_id
        while (cross := find_cross(listing.book, listing.reference_price)) is not None:
            price = listing.static_price = cross.price
            self._say.auction(EventKind.AUCTION, listing.id, _as_told(cross))
            for buy, sell, lots in self._pairs(listing, cross):
                self._pair(listing, price, buy, sell, lots)
        self._show_drained(listing)
        for side in (Side.BUY, Side.SELL):
            for order in list(listing.book.sides[side].market.orders.values()):
                self._end_without_limit(listing, order, price)
        listing.call.called, listing.call.published = False, BOTH_ZERO
        listing.call.batch += listing.batches
        return self._say.next_match_id != matches

    def _pairs(self, listing: Listing, cross: Cross) -> Iterator[tuple[Order, Order, Lots]]:
        """Who meets whom, and for how much at most; each pair trades before the next is asked for."""
        if listing.batches:
            yield from _allotted_pairs(listing, cross)
            return
        while True:
            buy = _first(listing, Side.BUY, cross.price)
            sell = _first(listing, Side.SELL, cross.price)
            if buy is None or sell is None:
                return
            yield buy, sell, min(buy.within_reach, sell.within_reach)

    def _pair(self, listing: Listing, price: Ticks, buy: Order, sell: Order, lots: Lots) -> None:
        """Two orders that came to rest before: the younger one counts as the taker."""
        older, younger = (buy, sell) if buy.call <= sell.call else (sell, buy)
        if buy.owner == sell.owner and younger.stp != SelfTradePrevention.NONE:
            prevented = lots if listing.batches else min(buy.leaves, sell.leaves)
            self._prevent(listing, older, younger, prevented)
            return
        notional = listing.notional(price, lots)
        if notional > MAX_NOTIONAL:  # an order to buy without a limit was never asked what it might cost
            listing.book.remove(buy)
            self._say.cancelled(listing.id, buy, CancelReason.AUCTION_REMAINDER)
            return
        used_up = [order for order in (buy, sell) if listing.book.fill(order, lots)]
        fee = listing.taker_fee(notional)
        fees = [0 if order.agent in self.exempt else fee for order in (buy, sell)]
        self._say.crossed(listing.id, (buy, sell), (older, younger), price, lots, fees)
        listing.note_print(price, elects=False)
        for order in (buy, sell):
            self._move_position(listing, order, lots)
        for order in used_up:
            self._peak_used_up(listing, order)

    def _end_without_limit(self, listing: Listing, order: Order, price: Ticks | None) -> None:
        """What is left of an order without a limit: market-to-limit gets the auction's price as its limit."""
        listing.book.remove(order)
        if order.order_type != OrderType.MARKET_TO_LIMIT:
            self._say.cancelled(listing.id, order, CancelReason.AUCTION_REMAINDER)
        elif price is None:
            self._say.cancelled(listing.id, order, CancelReason.NO_LIQUIDITY)
        elif (
            check_amounts(listing, price, order.leaves, order.agent in self.exempt)
            or listing.book.level_lots(order.side, price) + order.leaves > MAX_LEVEL_LOTS
        ):
            self._say.cancelled(listing.id, order, CancelReason.AUCTION_REMAINDER)
        else:
            order.price = price
            self._say.replaced(listing.id, order, kept_priority=False)
            self._rest(listing, order)


def _first(listing: Listing, side: int, price: Ticks) -> Order | None:
    """The next order of a side that trades at an auction's price."""
    order = next(listing.book.in_priority(side), None)
    if order is None or order.price == NO_LIMIT:
        return order
    reaches = order.price >= price if side == Side.BUY else order.price <= price
    return order if reaches else None


def _allotted_pairs(listing: Listing, cross: Cross) -> Iterator[tuple[Order, Order, Lots]]:
    """The pairs of a batch. What an order was allotted is void when prevention has ended it."""
    both = (Side.BUY, Side.SELL)
    buys, sells = (deque(allot_batch(listing.book, side, cross.price, cross.volume)) for side in both)
    while buys and sells:
        (buy, of_buy), (sell, of_sell) = buys[0], sells[0]
        open_buy, open_sell = buy.leaves, sell.leaves
        yield buy, sell, min(of_buy, of_sell)
        _take_off(listing, buys, open_buy)
        _take_off(listing, sells, open_sell)


def _take_off(listing: Listing, queue: deque[Allotment], was_open: Lots) -> None:
    order, allotted = queue.popleft()
    allotted -= was_open - order.leaves
    if allotted and order.id in listing.book.orders:
        queue.appendleft((order, allotted))


def _as_told(cross: Cross) -> tuple[Ticks, Lots, Lots]:
    """The numbers as rows carry them, in 64 bits."""
    return cross.price, min(cross.volume, INT64_MAX), max(min(cross.surplus, INT64_MAX), -INT64_MAX)
