"""One price of a book, and one side: the queues in which orders wait."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from market_sim.reference.order import Order
from market_sim.reference.types import Lots, OrderId, Side, Ticks

NO_LIMIT: Ticks = 0  # in the place of a price: trades at any


class Level:
    """All orders at one price and their sums; a dict keeps the order of insertion, oldest first.

    `orders` is the public queue. `behind` are hidden orders and icebergs whose reserve trades after it,
    by entry: a new entry always comes last, so insertion keeps them sorted.
    """

    __slots__ = ("behind", "lots", "orders", "price", "reserve")

    def __init__(self, price: Ticks) -> None:
        self.price = price
        self.lots: Lots = 0  # shown
        self.reserve: Lots = 0  # not shown
        self.orders: dict[OrderId, Order] = {}
        self.behind: dict[OrderId, Order] = {}

    @property
    def all_lots(self) -> Lots:
        """Lots resting here, shown or not."""
        return self.lots + self.reserve

    @property
    def empty(self) -> bool:
        """Whether nobody waits here."""
        return not self.orders and not self.behind

    def in_priority(self) -> Iterator[Order]:
        """Orders as they would trade: the public queue, then what is behind it and not in it."""
        yield from self.orders.values()
        for order in self.behind.values():
            if not order.shown:
                yield order

    def count(self, order: Order, sign: int) -> None:
        """Add (1) an order's lots to the sums, or take them off (-1)."""
        self.lots += sign * order.shown
        self.reserve += sign * (order.leaves - order.shown)
        assert self.lots >= 0, "a level's lots are the sum of its orders"
        assert self.reserve >= 0, "a level's reserve is the sum of what its orders do not show"


class BookSide:
    """The levels of one side, and in a call phase the orders without a limit, ahead of every level.

    `ranks` holds price for bids and minus price for asks in ascending order: the best level is always
    the last one, where a list grows and shrinks cheaply, and most of the traffic is near the best.
    """

    __slots__ = ("levels", "market", "ranks", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side == Side.BUY else -1
        self.ranks: list[int] = []
        self.levels: dict[Ticks, Level] = {}
        self.market = Level(NO_LIMIT)

    def lots_at(self, price: Ticks) -> Lots:
        """Lots resting at one price, shown or not."""
        level = self.levels.get(price)
        return level.all_lots if level else 0

    def displayed(self) -> Iterator[Level]:
        """Levels that the public sees, from best to worst."""
        return (level for level in self.from_best() if level.lots)

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
