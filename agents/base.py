"""`Trader`: the class that every agent derives from.

A trader in a few lines::

    class Quoter(Trader):
        half_spread: float = 0.05          # a parameter: annotated, public, with a default

        def on_start(self):
            self.wake_in("1s")

        def on_wake(self):
            for listing in self.listings:
                mid = self.view(listing).mid
                if mid is not None:
                    self.quote(listing, listing.round_price(mid - self.half_spread, Side.BUY),
                               listing.round_price(mid + self.half_spread, Side.SELL), "0.1")
            self.wake_in("1s")

Rules that keep a market repeatable:

- Draw from `self.random` only (a stream of its own, keyed by seed and name: another agent more or less does
  not change it). `self.rng` is a numpy Generator under the same rule, but makes the result `portable: false`.
- Keep state in plain fields, set in `on_start`. Do not override `__init__`.
- Look at nothing but `self.view`, `self.consolidated`, `self.account`, `self.orders` and what hooks receive.
  `on_quote` is called only where a class overrides it, so an agent that polls its views costs nothing between
  its wakes.
- `depth = 5` as a class attribute asks for five price levels a side in `view(...).bids` and `.asks`, and for
  `on_book`.
"""

from __future__ import annotations

import copy
import itertools
import logging
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import mesa
import numpy as np

from market_sim.engine import (
    CancelReason,
    EventKind,
    Phase,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
    stream_seed,
)
from market_sim.listing import Listing
from market_sim.notices import Cancelled, Fill, News, PhaseChange, Quote, Reject, Trade, Update
from market_sim.order import Order
from market_sim.participant import Participant
from market_sim.seat import Seat
from market_sim.stream import Stream
from market_sim.units import format_time
from market_sim.vantage import OrderError
from market_sim.view import ConsolidatedView, View

if TYPE_CHECKING:
    from market_sim.market import Market

__all__ = [
    "CancelReason",
    "Cancelled",
    "ConsolidatedView",
    "EventKind",
    "Fill",
    "Listing",
    "News",
    "Order",
    "OrderError",
    "Phase",
    "PhaseChange",
    "Quote",
    "Reject",
    "RejectReason",
    "SelfTradePrevention",
    "Side",
    "Stream",
    "TimeInForce",
    "Trade",
    "Trader",
    "Update",
    "View",
]


class _Counters(WeakKeyDictionary[Any, Any]):
    def __getitem__(self, model: Any) -> Any:
        return self.setdefault(model, itertools.count(1))


class Trader(Participant, mesa.Agent):
    """An agent that trades: override the hooks you need, send with `buy`, `sell`, `quote`, `cancel`,
    `replace`.

    Parameters are public class annotations with defaults; a scenario's `params`, or keywords here, set them,
    checked by type. `ClassVar` annotations and attributes without annotation are not parameters.

    Handed to `run(..., agents=[MyMaker(half_spread=0.1)])`, a trader may also say what a scenario's
    [[agents]] table would: `name` (default: the class's), `listings` (all), `endowment`, `latency` (the
    scenario's first profile), `credit`, `short_selling`, `stp`, `decision`, `limits`. Without an endowment
    its credit is "unlimited".
    """

    #: Price levels a side that the views shall hold; 0 for the best prices only.
    depth: ClassVar[int] = 0
    #: True for a class that draws from `self.random` and computes with integers and + - * / sqrt only, so
    #: that its orders are the same on every machine. One trader without it makes the whole result `portable:
    #: false`.
    portable: ClassVar[bool] = False
    # Mesa 3.3 counts agents per model in a dictionary of its class, which keeps every model alive for ever.
    _ids: ClassVar[Any] = _Counters()

    def __init__(self, name: str | None = None, **settings: Any) -> None:
        # Joining the model, which mesa does here, waits until a market seats the trader and knows its name.
        self._seat = Seat.read(type(self), name, settings)
        for parameter, value in self._seat.parameters.items():
            # A list among the defaults must not become one list that all traders of the class share.
            setattr(self, parameter, copy.deepcopy(value))

    def _join(
        self,
        market: Market,
        kernel: Any,
        agent_id: int,
        name: str,
        listings: tuple[Listing, ...],
        sees_depth: bool,
    ) -> None:
        """Become part of a market; called once by `Market`."""
        self._sit_down(market, kernel, agent_id, name, listings, sees_depth)
        self._stream = Stream(stream_seed(market.seed, "agent", name))
        self._generator: np.random.Generator | None = None
        self._logger = logging.getLogger(f"market_sim.agent.{name}")
        mesa.Agent.__init__(self, market)

    @property
    def random(self) -> Stream:
        """This agent's own random stream: same draws on every machine, whoever else trades."""
        return self._stream

    @property
    def rng(self) -> np.random.Generator:
        """A numpy generator of this agent's own; its use makes the result `portable: false`."""
        if self._generator is None:
            self._generator = np.random.default_rng(stream_seed(self.market.seed, "numpy", self.name))
        return self._generator

    @property
    def is_portable(self) -> bool:
        """True if the class says so and no draw has contradicted it."""
        return self.portable and self._generator is None and self._stream.portable

    def listens(self, hook: str) -> bool:
        """True if this class overrides a hook."""
        return getattr(type(self), hook) is not getattr(Trader, hook)

    def log(self, message: str, *args: object, level: int = logging.INFO) -> None:
        """Log with the simulated time, through the standard logger "market_sim.agent.NAME"."""
        if self._logger.isEnabledFor(level):
            now_ns = self.now_ns
            text = f"[{format_time(now_ns)}] {self.name}: {message}"
            self._logger.log(level, text, *args, extra={"simulated_ns": now_ns})

    # Hooks. All are empty here; a hook of market data is subscribed to only where a class overrides it.

    def on_start(self) -> None:
        """The session begins: set up state, ask for the first wake."""

    def on_wake(self) -> None:
        """A delay asked for with `wake_in` is over."""

    def on_quote(self, quote: Quote) -> None:
        """The best bid or ask of a listing has changed. `self.view` shows exactly this update."""

    def on_book(self, book: View) -> None:
        """One of the first `depth` levels of a listing has changed."""

    def on_trade(self, trade: Trade) -> None:
        """A public trade has happened."""

    def on_consolidated(self, view: ConsolidatedView) -> None:
        """The consolidated feed of an instrument has brought a change; only for profiles that have this
        feed.
        """

    def on_accepted(self, order: Order) -> None:
        """A venue has taken an order, or a replacement of it."""

    def on_fill(self, fill: Fill) -> None:
        """An own order has traded, wholly or in part."""

    def on_cancelled(self, cancelled: Cancelled) -> None:
        """An own order has ended untraded: own request, expiry, self-trade prevention, session end."""

    def on_update(self, update: Update) -> None:
        """An own order goes on in another way, unasked: a stop is elected, an iceberg shows a new peak, a peg
        has moved.
        """

    def on_reject(self, reject: Reject) -> None:
        """An order, cancel or replace was refused by the venue or by the own gateway."""

    def on_phase(self, phase: PhaseChange) -> None:
        """A venue has been suspended, resumed or closed."""

    def on_news(self, news: News) -> None:
        """A piece of news is out; everybody hears it at the same time."""

    def on_end(self) -> None:
        """The session is over and every order ended: look at the account, no more trading."""
