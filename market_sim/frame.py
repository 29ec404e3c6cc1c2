"""A picture of a market for whoever watches it: plain data, read from the true books, never given to an
agent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from market_sim.engine import Side
from market_sim.listing import Listing

if TYPE_CHECKING:
    from market_sim.market import Market
    from market_sim.standings import Standings

Level = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ListingPicture:
    """One listing's book: (price, size) levels best first, last trade price, phase of its venue, and what has
    been traded since the start in base units.
    """

    name: str
    bids: list[Level]
    asks: list[Level]
    last: float | None
    phase: str
    volume: float = 0.0

    @property
    def bid(self) -> float | None:
        """Best bid price."""
        return self.bids[0][0] if self.bids else None

    @property
    def ask(self) -> float | None:
        """Best ask price."""
        return self.asks[0][0] if self.asks else None

    @property
    def mid(self) -> float | None:
        """Half way between bid and ask; None when a side is empty."""
        return (self.bids[0][0] + self.asks[0][0]) / 2 if self.bids and self.asks else None

    @property
    def microprice(self) -> float | None:
        """(bid price x ask size + ask price x bid size) / (bid size + ask size): nearer to the side on which
        less waits; None when a side is empty.
        """
        if not (self.bids and self.asks):
            return None
        (bid, bid_size), (ask, ask_size) = self.bids[0], self.asks[0]
        return (bid * ask_size + ask * bid_size) / (bid_size + ask_size)

    @property
    def spread(self) -> float | None:
        """Ask minus bid; None when a side is empty."""
        return self.asks[0][0] - self.bids[0][0] if self.bids and self.asks else None

    @property
    def imbalance(self) -> float | None:
        """(bid size - ask size) / (bid size + ask size) at the best prices; None when a side is empty."""
        if not (self.bids and self.asks):
            return None
        bid, ask = self.bids[0][1], self.asks[0][1]
        return (bid - ask) / (bid + ask)


@dataclass(frozen=True, slots=True)
class AgentPicture:
    """One agent: profit in the numeraire (None while a holding has no mark), holdings beyond what it was
    given per base asset, its number of open orders as reported to it, and whether it is switched on.
    """

    name: str
    profit: float | None
    inventory: dict[str, float]
    open_orders: int
    enabled: bool
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class TradePicture:
    """One trade; `listing` is its number, `side` the aggressor's, "buy" or "sell". Orders go by the agent's
    own numbers; 0 stands for recorded flow.
    """

    time_ns: int
    listing: int
    price: float
    size: float
    side: str
    maker: str = ""
    maker_order: int = 0
    taker: str = ""
    taker_order: int = 0


@dataclass(frozen=True, slots=True)
class OrderPicture:
    """One order in a book, as it truly stands; `ahead` is what waits before it at its price, base units."""

    agent: str
    order: int
    listing: int
    side: str
    price: float
    leaves: float
    size: float
    ahead: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything at one instant; `trades` are the newest of those since the picture before.

    After the session the books are those that it left, before its end cancelled every order.
    """

    time_ns: int
    events: int
    finished: bool
    listings: list[ListingPicture]
    trades: list[TradePicture]
    agents: list[AgentPicture]
    orders: tuple[OrderPicture, ...] = ()
    """The live orders of the agents that were asked for."""
    between: tuple[tuple[int, str, str, float], ...] = ()
    """Who traded with whom since the start: (listing, maker's kind, taker's kind, size in base units)."""


def picture(market: Market, levels: int, standings: Standings | None = None) -> Picture:
    """The market as it is now, with so many levels a side; `standings` adds what orders stand where."""
    return Picture(
        time_ns=market.now_ns,
        events=market.events,
        finished=market.finished,
        listings=market.last_books or books(market, levels),
        trades=[_trade(market, row) for row in market.tape.take_fresh_trades()],
        agents=_agents(market, standings.ahead if standings else {}),
        orders=standings.orders if standings else (),
        between=standings.between if standings else (),
    )


def books(market: Market, levels: int) -> list[ListingPicture]:
    """Every listing's true book, with so many levels a side."""
    return [_listing(market, listing, levels) for listing in market.listings]


def _listing(market: Market, listing: Listing, levels: int) -> ListingPicture:
    kernel, price, size = market.kernel, listing.prices.value, listing.sizes.value
    bids, asks = (
        [(price(ticks), size(lots)) for ticks, lots, _ in kernel.true_depth(listing.id, side, levels)]
        for side in (int(Side.BUY), int(Side.SELL))
    )
    last = kernel.last_trade(listing.id)
    phase = market.phases[listing.venue].name.lower()
    volume = size(kernel.totals()["volume"][listing.id])
    return ListingPicture(listing.name, bids, asks, None if last is None else price(last), phase, volume)


def _trade(market: Market, row: tuple[int, ...]) -> TradePicture:
    time_ns, number, ticks, lots, aggressor, maker, maker_order, taker, taker_order = row
    listing, names = market.listings[number], market.agent_names
    return TradePicture(
        time_ns,
        number,
        listing.prices.value(ticks),
        listing.sizes.value(lots),
        "sell" if aggressor else "buy",
        names[maker],
        maker_order,
        names[taker],
        taker_order,
    )


def _agents(market: Market, ahead: Mapping[str, float]) -> list[AgentPicture]:
    money = market.money
    rates = money.rates()
    bases = list(dict.fromkeys(listing.base for listing in market.listings))
    pictures = []
    for trader in market.traders.values():
        gained = market.gained_atoms(trader.name)
        profit = money.worth(gained, rates)
        inventory = {asset: money.amount(asset, gained[asset]) for asset in bases}
        name = trader.name
        pictures.append(
            AgentPicture(name, profit, inventory, len(trader.orders), trader.enabled, ahead.get(name))
        )
    return pictures
