"""One listing's book: two sides of price levels, each level a queue in order of arrival.

The book matches by price, then what is displayed, then time. It knows orders and owners, nothing of
venues, fees or clocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from market_sim.reference.hashing import fnv
from market_sim.reference.level import NO_LIMIT, BookSide, Level
from market_sim.reference.order import Order, OrderType, SelfTradePrevention, TimeInForce
from market_sim.reference.terms import Peg
from market_sim.reference.types import AgentId, Lots, OrderId, Side, Ticks

Bbo = tuple[Ticks | None, Lots, Ticks | None, Lots]  # bid, bid lots, ask, ask lots

# Modes under which an incoming order does not trade past the first order of its owner.
STOPS_AT_OWN = (SelfTradePrevention.NEWEST, SelfTradePrevention.BOTH, SelfTradePrevention.DECREMENT)


class Book:
    """Resting orders of one listing."""

    __slots__ = ("orders", "sides")

    def __init__(self) -> None:
        self.sides = (BookSide(Side.BUY), BookSide(Side.SELL))
        self.orders: dict[OrderId, Order] = {}

    # --- reading -----------------------------------------------------------------------------------

    def best_price(self, side: int) -> Ticks | None:
        """Best price of a side, hidden orders included; None if the side is empty."""
        book_side = self.sides[side]
        return book_side.sign * book_side.ranks[-1] if book_side.ranks else None

    def best_shown(self, side: int) -> Level | None:
        """Best level of a side that the public sees."""
        return next(self.sides[side].displayed(), None)

    def bbo(self) -> Bbo:
        """Best bid and offer with the lots shown there; an empty side is (None, 0)."""
        bid, ask = self.best_shown(Side.BUY), self.best_shown(Side.SELL)
        return (
            bid.price if bid else None,
            bid.lots if bid else 0,
            ask.price if ask else None,
            ask.lots if ask else 0,
        )

    def depth(self, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """The best `levels` displayed levels of a side as (price, lots shown, number of orders)."""
        best_first = self.sides[side].displayed()
        return [(level.price, level.lots, len(level.orders)) for level in islice(best_first, levels)]

    def level_lots(self, side: int, price: Ticks) -> Lots:
        """Lots resting at one price, shown or not."""
        return self.sides[side].lots_at(price)

    def level_shown(self, side: int, price: Ticks) -> Lots:
        """Lots shown at one price."""
        level = self.sides[side].levels.get(price)
        return level.lots if level else 0

    def in_priority(self, side: int) -> Iterator[Order]:
        """Orders of a side in the order in which they would trade."""
        yield from self.sides[side].market.in_priority()
        for level in self.sides[side].from_best():
            yield from level.in_priority()

    def lots_ahead(self, order: Order) -> Lots:
        """Lots shown before an order at its own price."""
        ahead = 0
        for other in self._level(order).orders.values():
            if other is order:
                break
            ahead += other.shown
        return ahead

    def crosses(self, side: int, price: Ticks | None) -> bool:
        """Whether an order of `side` limited to `price` (None: no limit) could trade with what rests."""
        opposite = self.best_price(1 - side)
        if self.sides[1 - side].market.orders:
            return True
        return opposite is not None and self._within(side, opposite, price)

    @staticmethod
    def _within(side: int, maker_price: Ticks, limit: Ticks | None) -> bool:
        if limit is None:
            return True
        return maker_price <= limit if side == Side.BUY else maker_price >= limit

    # --- matching ----------------------------------------------------------------------------------

    def next_maker(self, side: int, owner: AgentId, stp: int, limit: Ticks | None) -> Order | None:
        """The resting order that an incoming order of `side` meets next, None if nothing is within its limit.

        Best price first; at one price the public queue, first come first served, then the orders behind it.
        With PASS an owner's own orders are invisible to each other; with every other mode they are found,
        and the venue decides.
        """
        for level in self.sides[1 - side].from_best():
            if not self._within(side, level.price, limit):
                return None
            for maker in level.in_priority():
                if stp != SelfTradePrevention.PASS or maker.owner != owner:
                    return maker
        return None

    def can_fill(
        self, side: int, owner: AgentId, stp: int, limit: Ticks | None, size: Lots, shared: bool = False
    ) -> bool:
        """Whether `size` lots could trade at once: what fill-or-kill and minimum quantity ask first.

        The scan walks in priority order. A mode that ends or shrinks the order at its first own maker
        lets nothing behind that maker count; PASS and OLDEST leave own makers out. Where a level is
        `shared` pro rata nobody can tell what trades before an own maker: it ends the scan.
        """
        for level in self.sides[1 - side].from_best():
            if size <= 0 or not self._within(side, level.price, limit):
                break
            if shared and stp in STOPS_AT_OWN and any(o.owner == owner for o in level.orders.values()):
                break
            for maker, lots in self._parts(level):
                if maker.owner != owner or stp == SelfTradePrevention.NONE:
                    size -= lots
                elif stp in STOPS_AT_OWN:
                    return size <= 0
        return size <= 0

    @staticmethod
    def _parts(level: Level) -> Iterator[tuple[Order, Lots]]:
        """What a level would give, in order: shown lots, later peaks, what is behind the public queue."""
        for order in level.orders.values():
            yield order, order.shown
        for order in level.orders.values():
            if not order.keeps_a_reserve:
                yield order, order.leaves - order.shown
        for order in level.behind.values():
            yield order, order.leaves - order.shown

    # --- changing ----------------------------------------------------------------------------------

    def rest(self, order: Order, may_cross: bool = False) -> None:
        """Let an order join the back of the queue at its price; one without a price shows nothing."""
        assert order.leaves > 0, "an order without leaves cannot rest"
        assert order.id not in self.orders, "an order id is live once"
        assert may_cross or not (order.price == NO_LIMIT or self.crosses(order.side, order.price)), (
            "continuous trading leaves no bid at or above an offer"
        )
        side = self.sides[order.side]
        level = side.level_for(order.price) if order.price else side.market
        self.orders[order.id] = order
        order.shown = order.peak if order.price else 0
        level.count(order, 1)
        if order.shown or not order.price:
            level.orders[order.id] = order
        if order.keeps_a_reserve:
            level.behind[order.id] = order

    def remove(self, order: Order) -> None:
        """Take an order out of its queue."""
        level = self._level(order)
        del self.orders[order.id]
        level.orders.pop(order.id, None)
        level.behind.pop(order.id, None)
        level.count(order, -1)
        if level.empty:
            assert level.lots == level.reserve == 0, "an empty level holds no lots"
            if order.price:
                self.sides[order.side].drop(order.price)

    def resize(self, order: Order, change: Lots) -> None:
        """Add `change` lots (negative: take away) to the leaves; the order keeps its place, or goes at 0.

        What an iceberg does not show goes first.
        """
        if self._ends(order, change):
            return
        level = self._level(order)
        level.count(order, -1)
        order.leaves += change
        if order.price:
            order.shown = order.leaves if order.display is None else min(order.shown, order.leaves)
        level.count(order, 1)

    def fill(self, order: Order, lots: Lots) -> bool:
        """Take traded lots from what is within reach; whether that used up a peak with more behind it."""
        assert 0 < lots <= order.within_reach, "a match takes what is within reach"
        if self._ends(order, -lots):
            return False
        level = self._level(order)
        level.count(order, -1)
        order.leaves -= lots
        was_shown = order.shown > 0
        order.shown -= lots if was_shown else 0
        level.count(order, 1)
        if was_shown and not order.shown:
            del level.orders[order.id]
            return True
        return False

    def _level(self, order: Order) -> Level:
        """The queue in which a resting order stands."""
        side = self.sides[order.side]
        return side.levels[order.price] if order.price else side.market

    def _ends(self, order: Order, change: Lots) -> bool:
        if order.leaves + change > 0:
            return False
        assert order.leaves + change == 0, "no order can lose more than its leaves"
        self.remove(order)
        order.leaves = order.shown = 0
        return True

    def show_peak(self, order: Order) -> None:
        """Show an iceberg's next peak at the back of the public queue."""
        level = self._level(order)
        assert not order.shown, "a peak is renewed when it is used up"
        level.count(order, -1)
        order.shown = order.peak
        level.count(order, 1)
        level.orders[order.id] = order

    # --- hash --------------------------------------------------------------------------------------

    def state_hash(self) -> int:
        """FNV-1a over everything that can change a later match: the queues, best first, oldest first."""
        words: list[int] = []
        for side in (Side.BUY, Side.SELL):
            for order in self.in_priority(side):
                words += order_words(order)
        return fnv(words)


def order_words(order: Order) -> list[int]:
    """What an order adds to the hash of its book; a plain order adds seven words."""
    kind = order.stp | order.post_only << 8 | (order.display is not None) << 16
    kind |= (order.tif == TimeInForce.DAY) << 17 | (order.expiry is not None) << 18
    kind |= (order.terms.peg != Peg.NONE) << 19
    if order.price == NO_LIMIT:
        kind |= 1 << 20 | (order.order_type == OrderType.MARKET_TO_LIMIT) << 21
    kind |= (order.call != 0) << 22
    words = [order.side, order.price, order.agent, order.counter, order.leaves, order.total, kind]
    if order.display is not None:
        words += (order.shown, order.display, order.refresh, order.entry)
    if order.expiry is not None:
        words += order.expiry
    if order.terms.peg:
        words += (order.terms.peg, order.terms.peg_offset_ticks, order.limit or 0, order.number)
    if order.call:
        words += (order.call, order.batch)
    return words
