"""Where orders stand and who traded with whom, for whoever watches a market: never given to an agent.

Walking all orders of a book costs more than a picture of its levels, so it is done a few times a second.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from market_sim.engine import RESERVED_NAMES
from market_sim.frame import OrderPicture

if TYPE_CHECKING:
    from market_sim.market import Market

EVERY = 8
"""Pictures between two walks through all orders."""

SIDES = ("buy", "sell")
ORDERS_SHOWN = 500


class Standings:
    """Counts trades between kinds of agents from its making on; `look` walks the books."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._looks = 0
        kinds = [*RESERVED_NAMES, *(market.groups[name].name for name in market.traders)]
        self._kinds = list(dict.fromkeys(kinds))
        self._kind_of = np.array([self._kinds.index(kind) for kind in kinds], dtype=np.int64)
        size = len(self._kinds)
        self._lots = np.zeros((len(market.listings), size, size), dtype=np.int64)
        #: Size that waits before each agent's best placed order, base units.
        self.ahead: dict[str, float] = {}
        #: The live orders of the agents that are watched.
        self.orders: tuple[OrderPicture, ...] = ()
        #: (listing, maker's kind, taker's kind, size) for every pair that has traded.
        self.between: tuple[tuple[int, str, str, float], ...] = ()
        #: Agents whose orders are shown one by one.
        self.watched: Collection[str] = ()
        market.tape.on_trades = self._note

    def _note(self, columns: Mapping[str, Sequence[int]]) -> None:
        listing, maker, taker = (
            np.asarray(columns[name], dtype=np.int64) for name in ("listing", "maker", "taker")
        )
        lots = np.asarray(columns["size"], dtype=np.int64)
        np.add.at(self._lots, (listing, self._kind_of[maker], self._kind_of[taker]), lots)

    def look(self, now: bool = False) -> None:
        """Walk the books if it is time to, or `now`."""
        self._looks += 1
        if not now and self._looks % EVERY != 1:
            return
        market = self._market
        orders: list[OrderPicture] = []
        self.ahead = {}
        for listing in market.listings:
            waiting: dict[tuple[int, int], int] = {}
            for agent, counter, side, ticks, leaves, total in market.kernel.open_orders(listing.id):
                lots = waiting.get((side, ticks), 0)
                waiting[side, ticks] = lots + leaves
                name, before = market.agent_names[agent], listing.sizes.value(lots)
                self.ahead[name] = min(before, self.ahead.get(name, before))
                if name in self.watched and len(orders) < ORDERS_SHOWN:
                    price, size = listing.prices.value(ticks), listing.sizes.value
                    orders.append(
                        OrderPicture(
                            name, counter, listing.id, SIDES[side], price, size(leaves), size(total), before
                        )
                    )
        self.orders = tuple(orders)
        self.between = tuple(
            (
                int(k),
                self._kinds[maker],
                self._kinds[taker],
                market.listings[k].sizes.value(int(self._lots[k, maker, taker])),
            )
            for k, maker, taker in zip(*np.nonzero(self._lots), strict=True)
        )
