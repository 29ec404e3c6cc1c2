"""One listing's book: two sides of price levels, each level a queue in order of arrival.

The book matches by price, then time. It knows orders and owners, nothing of venues, fees or clocks.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice

from market_sim.reference.hashing import fnv
from market_sim.reference.order import Order, SelfTradePrevention
from market_sim.reference.types import AgentId, Lots, OrderId, Side, Ticks

Bbo = tuple[Ticks | None, Lots, Ticks | None, Lots]  # bid, bid lots, ask, ask lots


class Level:
    """All orders at one price, oldest first (a dict keeps the order of insertion), and their sum."""

    __slots__ = ("lots", "orders", "price")

    def __init__(self, price: Ticks) -> None:
        self.price = price
        self.lots: Lots = 0
        self.orders: dict[OrderId, Order] = {}


class BookSide:
    """The levels of one side.

    `ranks` holds price for bids and minus price for asks in ascending order: the best level is always
    the last one, where a list grows and shrinks cheaply, and most of the traffic is near the best.
    """

    __slots__ = ("levels", "ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side == Side.BUY else -1
        self.ranks: list[int] = []
        self.levels: dict[Ticks, Level] = {}

    def best(self) -> Level | None:
        """The level that trades first."""
        return self.levels[self.sign * self.ranks[-1]] if self.ranks else None

    def from_best(self) -> Iterator[Level]:
        """Levels from best to worst; the side must not change meanwhile."""
        return (self.levels[self.sign * rank] for rank in reversed(self.ranks))

    def level_for(self, price: Ticks) -> Level:
        """The level at `price`, made if there is none."""
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self.ranks, self.sign * price)
        return level

    def drop(self, price: Ticks) -> None:
        """Forget an empty level: every level in a book holds at least one order."""
        del self.levels[price]
        del self.ranks[bisect_left(self.ranks, self.sign * price)]


class Book:
    """Resting orders of one listing."""

    __slots__ = ("orders", "sides")

    def __init__(self) -> None:
        self.sides = (BookSide(Side.BUY), BookSide(Side.SELL))
        self.orders: dict[OrderId, Order] = {}

    # --- reading -----------------------------------------------------------------------------------

    def best_price(self, side: int) -> Ticks | None:
        """Best price of a side, None if the side is empty."""
        book_side = self.sides[side]
        return book_side.sign * book_side.ranks[-1] if book_side.ranks else None

    def bbo(self) -> Bbo:
        """Best bid and offer with the lots resting there; an empty side is (None, 0)."""
        bid, ask = self.sides[Side.BUY].best(), self.sides[Side.SELL].best()
        return (
            bid.price if bid else None,
            bid.lots if bid else 0,
            ask.price if ask else None,
            ask.lots if ask else 0,
        )

    def depth(self, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """The best `levels` levels of a side as (price, lots, number of orders)."""
        best_first = self.sides[side].from_best()
        return [(level.price, level.lots, len(level.orders)) for level in islice(best_first, levels)]

    def level_lots(self, side: int, price: Ticks) -> Lots:
        """Lots resting at one price."""
        level = self.sides[side].levels.get(price)
        return level.lots if level else 0

    def in_priority(self, side: int) -> Iterator[Order]:
        """Orders of a side in the order in which they would trade."""
        for level in self.sides[side].from_best():
            yield from level.orders.values()

    def lots_ahead(self, order: Order) -> Lots:
        """Lots that stand before an order at its own price."""
        ahead = 0
        for other in self.sides[order.side].levels[order.price].orders.values():
            if other is order:
                break
            ahead += other.leaves
        return ahead

    def crosses(self, side: int, price: Ticks | None) -> bool:
        """Whether an order of `side` limited to `price` (None: no limit) could trade at once."""
        opposite = self.best_price(1 - side)
        return opposite is not None and self._within(side, opposite, price)

    @staticmethod
    def _within(side: int, maker_price: Ticks, limit: Ticks | None) -> bool:
        if limit is None:
            return True
        return maker_price <= limit if side == Side.BUY else maker_price >= limit

    # --- matching ----------------------------------------------------------------------------------

    def next_maker(self, side: int, owner: AgentId, stp: int, limit: Ticks | None) -> Order | None:
        """The resting order that an incoming order of `side` meets next, None if nothing is within its limit.

        Best price first, first come first served within it. With PASS an owner's own orders are
        invisible to each other; with every other mode they are found, and the venue decides.
        """
        for level in self.sides[1 - side].from_best():
            if not self._within(side, level.price, limit):
                return None
            for maker in level.orders.values():
                if stp != SelfTradePrevention.PASS or maker.owner != owner:
                    return maker
        return None

    def can_fill(self, side: int, owner: AgentId, stp: int, limit: Ticks | None, size: Lots) -> bool:
        """Whether `size` lots could trade at once: the question a fill-or-kill order asks first.

        The scan walks in priority order. NEWEST would end the order at its first own maker, so nothing
        behind that maker counts; PASS leaves own makers out.
        """
        for maker in self.in_priority(1 - side):
            if size <= 0 or not self._within(side, maker.price, limit):
                break
            if maker.owner == owner and stp == SelfTradePrevention.NEWEST:
                break
            if maker.owner == owner and stp == SelfTradePrevention.PASS:
                continue
            size -= maker.leaves
        return size <= 0

    # --- changing ----------------------------------------------------------------------------------

    def rest(self, order: Order) -> None:
        """Let an order join the back of the queue at its price."""
        level = self.sides[order.side].level_for(order.price)
        order_id = (order.agent, order.counter)
        assert order.leaves > 0, "an order without leaves cannot rest"
        assert order_id not in self.orders, "an order id is live once"
        assert not self.crosses(order.side, order.price), (
            "continuous trading leaves no bid at or above an offer"
        )
        level.orders[order_id] = order
        level.lots += order.leaves
        self.orders[order_id] = order

    def remove(self, order: Order) -> None:
        """Take an order out of its queue."""
        side = self.sides[order.side]
        level = side.levels[order.price]
        order_id = (order.agent, order.counter)
        del level.orders[order_id]
        del self.orders[order_id]
        level.lots -= order.leaves
        assert level.lots >= 0, "a level's lots are the sum of its orders"
        if not level.orders:
            assert level.lots == 0, "an empty level holds no lots"
            side.drop(order.price)

    def resize(self, order: Order, change: Lots) -> None:
        """Add `change` lots (negative: take away) to the leaves; the order keeps its place, or goes at 0."""
        if order.leaves + change <= 0:
            assert order.leaves + change == 0, "no order can lose more than its leaves"
            self.remove(order)
            order.leaves = 0
            return
        order.leaves += change
        self.sides[order.side].levels[order.price].lots += change

    # --- hash --------------------------------------------------------------------------------------

    def state_hash(self) -> int:
        """FNV-1a over everything that can change a later match: the queues, best first, oldest first."""
        words: list[int] = []
        for side in (Side.BUY, Side.SELL):
            for order in self.in_priority(side):
                words += (
                    side,
                    order.price,
                    order.agent,
                    order.counter,
                    order.leaves,
                    order.total,
                    order.stp | order.post_only << 8,
                )
        return fnv(words)
