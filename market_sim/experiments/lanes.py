"""Many independent paths side by side: path i trades in listing i of one venue, all of them at one step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from market_sim.engine import (
    CommandKind,
    EventKind,
    OrderType,
    Phase,
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
    which gives the fills; `call` and `uncross` enclose a call auction. An order is known by its agent and
    the counter that `send` gave, alike in every lane.
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
        """A new limit order in every lane, or in `lanes` (numbers), at a price and of a size each; a market
        order with price None.
        """
        self._counter += 1
        rows = self._new(CommandKind.NEW, agent, self._counter, lanes)
        rows["side"], rows["tif"], rows["size"] = side, tif, size
        if price is None:
            rows["order_type"], rows["flags"] = OrderType.MARKET, 0
        else:
            rows["price"] = price
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
        # np.concatenate would pack the rows and lose their padding.
        rows = np.empty(sum(map(len, self._rows)), COMMAND)
        np.concatenate(self._rows or [rows], out=rows)
        self._rows, self._time_ns = [], self._time_ns + STEP_NS
        return self._keep(rows, (EventKind.FILL,), agent)

    def _keep(self, commands: Column, kinds: tuple[EventKind, ...], agent: int) -> Column:
        """Hand commands over and give the events of these kinds that concern an agent (or nobody: 0)."""
        kept = []
        while True:
            taken, written = self.venue.process(commands, self._events)
            found = self._events[:written]
            kept.append(found[np.isin(found["kind"], kinds) & np.isin(found["agent"], (0, agent))])
            commands = commands[taken:]
            if not len(commands) and written < len(self._events):
                return np.concatenate(kept)
            if not taken and not written:
                raise EngineError("one command gives more events than fit", "lanes")

    def call(self, reference: int) -> None:
        """From now on orders gather in every lane without trading; of prices alike the one nearest the
        reference (in ticks) will be the auction's.
        """
        self.venue.set_phase(self._time_ns, Phase.OPENING_AUCTION)
        for lane in range(self.count):
            self.venue.set_reference_price(lane, reference)

    def uncross(self, agent: int) -> tuple[Column, Column]:
        """Trade what has gathered at one price a lane: (EVENT rows of the agent's fills, prices in ticks).

        A lane where nothing trades has the price 0. Continuous trading follows.
        """
        self.match(agent)
        self.venue.set_phase(self._time_ns, Phase.CONTINUOUS)
        rows = self._keep(np.zeros(0, COMMAND), (EventKind.FILL, EventKind.AUCTION), agent)
        prices = np.zeros(self.count, np.int64)
        auctions = rows[rows["kind"] == EventKind.AUCTION]
        prices[auctions["listing"]] = auctions["price"]
        return rows[(rows["kind"] == EventKind.FILL) & (rows["agent"] == agent)], prices

    def cancel_all(self, agent: int) -> None:
        """Cancel all orders of an agent, in all lanes."""
        self.venue.mass_cancel(self._time_ns, agent, None, None)
        self.venue.discard_events()

    def flow(self, fills: Column) -> tuple[Column, Column]:
        """Lots bought less sold, and ticks times lots received less paid, per lane."""
        sign = np.where(fills["side"] == Side.BUY, 1, -1)
        lots = np.bincount(fills["listing"], sign * fills["size"], self.count)
        money = np.bincount(fills["listing"], -sign * fills["size"] * fills["price"], self.count)
        return lots, money
