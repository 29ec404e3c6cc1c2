"""Many independent paths side by side: path i trades in listing i of one venue, all of them at one step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_sim.engine import (
    CommandKind,
    EventKind,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
    engine_name,
    venue_class,
)
from market_sim.errors import EngineError
from market_sim.records import COMMAND, EVENT, HAS_PRICE

Column = NDArray[Any]
# Events of one command: the acceptance, three rows a match, the end of the order.
ROWS_A_COMMAND = 4
STEP_NS = 1_000_000_000


class Lanes:
    """A venue with as many listings as there are paths. Prices in ticks, sizes in lots, no fees.

    Commands of a step are collected by `send`, `cancel` and `move`, and matched in that order by `match`,
    which gives the fills. An order is known by its agent and the counter that `send` gave, alike in every
    lane.
    """

    def __init__(self, count: int, engine: str | None = None) -> None:
        self.count = count
        #: "rust" or "reference": which engine matches.
        self.engine = engine_name(engine)
        self.venue = venue_class(self.engine)("lanes")
        for _ in range(count):
            self.venue.add_listing(1, 1, 0, 0, 0)
        self._counter = 0
        self._time_ns = 0
        self._rows: list[Column] = []
        self._events = np.zeros(1 << 16, EVENT)

    def send(
        self,
        agent: int,
        side: Side,
        price: Any,
        size: Any = 1,
        tif: TimeInForce = TimeInForce.GTC,
        lanes: Column | None = None,
    ) -> int:
        """A new limit order in every lane, or in `lanes` (numbers), at a price and of a size each."""
        self._counter += 1
        rows = self._new(CommandKind.NEW, agent, self._counter, lanes)
        rows["side"], rows["tif"], rows["price"], rows["size"] = side, tif, price, size
        return self._counter

    def move(self, agent: int, counter: int, price: Any, size: Any = 1) -> None:
        """Replace an order of every lane: new price, new total size."""
        rows = self._new(CommandKind.REPLACE, agent, counter, None)
        rows["price"], rows["size"] = price, size

    def cancel(self, agent: int, counter: int, lanes: Column | None = None) -> None:
        """Cancel an order in every lane, or in `lanes`. Where it has ended the venue refuses, and that is
        all.
        """
        self._new(CommandKind.CANCEL, agent, counter, lanes)

    def _new(self, kind: CommandKind, agent: int, counter: int, lanes: Column | None) -> Column:
        numbers = np.arange(self.count) if lanes is None else lanes
        rows = np.zeros(len(numbers), COMMAND)
        rows["time_ns"], rows["kind"], rows["agent"], rows["counter"] = self._time_ns, kind, agent, counter
        rows["listing"], rows["flags"] = numbers, HAS_PRICE
        rows["order_type"], rows["stp"] = OrderType.LIMIT, SelfTradePrevention.NONE
        self._rows.append(rows)
        return rows

    def match(self, agent: int) -> Column:
        """Match all that was sent, and give the EVENT rows of the agent's fills."""
        kept = []
        for rows in self._rows:
            left = rows
            while True:
                taken, written = self.venue.process(left, self._events)
                found = self._events[:written]
                kept.append(found[(found["kind"] == EventKind.FILL) & (found["agent"] == agent)])
                left = left[taken:]
                if not len(left) and written < len(self._events):
                    break
                if not taken and not written:
                    raise EngineError("one command gives more events than fit", "lanes")
        self._rows, self._time_ns = [], self._time_ns + STEP_NS
        return np.concatenate(kept)

    def flow(self, fills: Column) -> tuple[Column, Column]:
        """Lots bought less sold, and ticks times lots received less paid, per lane."""
        sign = np.where(fills["side"] == Side.BUY, 1, -1)
        lots = np.bincount(fills["listing"], sign * fills["size"], self.count)
        money = np.bincount(fills["listing"], -sign * fills["size"] * fills["price"], self.count)
        return lots, money
