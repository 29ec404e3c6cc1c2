"""What one agent has been told about a market: delayed by its own latency, never the venue's true book."""

from __future__ import annotations

from typing import Any, NamedTuple

from market_sim.engine import Side
from market_sim.listing import Listing

SIDES = (Side.BUY, Side.SELL)
UNTOLD = (None, 0, None, 0, 0, None)

_new_row = tuple.__new__


class TopOfBook:
    """Best bid and ask in instrument units, from integer ticks and lots. A missing side is None, never a
    number.
    """

    __slots__ = ()

    listing: Listing
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int

    @property
    def bid(self) -> float | None:
        """Best bid price."""
        return None if self.bid_ticks is None else self.listing.prices.value(self.bid_ticks)

    @property
    def ask(self) -> float | None:
        """Best ask price."""
        return None if self.ask_ticks is None else self.listing.prices.value(self.ask_ticks)

    @property
    def bid_size(self) -> float:
        """Size at the best bid, 0 without one."""
        return self.listing.sizes.value(self.bid_lots)

    @property
    def ask_size(self) -> float:
        """Size at the best ask, 0 without one."""
        return self.listing.sizes.value(self.ask_lots)

    @property
    def mid(self) -> float | None:
        """Half way between bid and ask; None when a side is empty."""
        bid, ask = self.bid_ticks, self.ask_ticks
        return None if bid is None or ask is None else self.listing.prices.value(bid + ask) / 2

    @property
    def spread(self) -> float | None:
        """Ask minus bid; None when a side is empty."""
        bid, ask = self.bid_ticks, self.ask_ticks
        return None if bid is None or ask is None else self.listing.prices.value(ask - bid)

    @property
    def microprice(self) -> float | None:
        """Bid and ask weighted by the size on the other side; None when a side is empty."""
        bid, ask = self.bid, self.ask
        if bid is None or ask is None:
            return None
        return (bid * self.ask_lots + ask * self.bid_lots) / (self.bid_lots + self.ask_lots)

    @property
    def imbalance(self) -> float | None:
        """(bid size - ask size) / (bid size + ask size) at the best prices, -1 to 1; None with an empty
        book.
        """
        total = self.bid_lots + self.ask_lots
        return None if total == 0 else (self.bid_lots - self.ask_lots) / total


class LastTrade(NamedTuple):
    """The last public trade that has arrived."""

    price_ticks: int
    size_lots: int
    aggressor: int
    traded_ns: int


class _ViewFields(NamedTuple):
    listing: Listing
    time_ns: int
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int
    update_no: int
    published_ns: int | None
    last: tuple[int, int, int, int] | None
    depth: tuple[list[tuple[int, int]], list[tuple[int, int]], int] | None


class View(TopOfBook, _ViewFields):
    """The last update of a listing that has arrived at this agent, read at `time_ns`.

    `published_ns` is when the venue published it and `update_no` its number there; before anything has
    arrived both sides are None, `published_ns` is None and `update_no` 0.
    """

    __slots__ = ()

    @property
    def last_price(self) -> float | None:
        """Price of the last public trade that has arrived."""
        return None if self.last is None else self.listing.prices.value(self.last[0])

    @property
    def last_trade(self) -> LastTrade | None:
        """The last public trade that has arrived, in ticks and lots."""
        return None if self.last is None else LastTrade(*self.last)

    @property
    def bids(self) -> list[tuple[float, float]]:
        """(price, size) of the bid levels, best first; empty unless the agent asks for depth (`depth =
        5`).
        """
        return [] if self.depth is None else self._levels(self.depth[0])

    @property
    def asks(self) -> list[tuple[float, float]]:
        """(price, size) of the ask levels, best first; empty unless the agent asks for depth."""
        return [] if self.depth is None else self._levels(self.depth[1])

    def _levels(self, rows: list[tuple[int, int]]) -> list[tuple[float, float]]:
        price, size = self.listing.prices.value, self.listing.sizes.value
        return [(price(ticks), size(lots)) for ticks, lots in rows]

    def __repr__(self) -> str:
        return f"View({self.listing.name}, bid={self.bid}, ask={self.ask}, published_ns={self.published_ns})"


def read_view(kernel: Any, agent_id: int, listing: Listing, with_depth: bool) -> View:
    """What the kernel has told an agent of a listing by now."""
    number = listing.id
    told = kernel.bbo_view(agent_id, number) or UNTOLD
    last = kernel.last_trade_view(agent_id, number)
    depth = kernel.depth_view(agent_id, number) if with_depth else None
    return _new_row(View, (listing, kernel.now_ns, *told, last, depth))


class _VenueQuoteFields(NamedTuple):
    listing: Listing
    bid_ticks: int | None
    bid_lots: int
    ask_ticks: int | None
    ask_lots: int
    published_ns: int


class VenueQuote(TopOfBook, _VenueQuoteFields):
    """One venue's part of a consolidated view."""

    __slots__ = ()


class ConsolidatedView(NamedTuple):
    """Best bid and offer of an instrument over its venues, as the consolidated feed has told this agent.

    `quotes` holds one entry per venue heard of, in listing order. The best prices may be crossed: venues
    differ.
    """

    instrument: str
    quotes: tuple[VenueQuote, ...]

    @property
    def best_bid(self) -> VenueQuote | None:
        """The venue with the highest bid (the first of equals)."""
        with_bid = [quote for quote in self.quotes if quote.bid_ticks is not None]
        return max(with_bid, key=_bid_of, default=None)

    @property
    def best_ask(self) -> VenueQuote | None:
        """The venue with the lowest ask (the first of equals)."""
        with_ask = [quote for quote in self.quotes if quote.ask_ticks is not None]
        return min(with_ask, key=_ask_of, default=None)

    @property
    def bid(self) -> float | None:
        """Highest bid over the venues."""
        best = self.best_bid
        return None if best is None else best.bid

    @property
    def ask(self) -> float | None:
        """Lowest ask over the venues."""
        best = self.best_ask
        return None if best is None else best.ask

    @property
    def mid(self) -> float | None:
        """Half way between the best bid and the best ask; None when a side is empty everywhere."""
        bid, ask = self.bid, self.ask
        return None if bid is None or ask is None else (bid + ask) / 2


def _bid_of(quote: VenueQuote) -> float:
    assert quote.bid is not None
    return quote.bid


def _ask_of(quote: VenueQuote) -> float:
    assert quote.ask is not None
    return quote.ask


def read_consolidated(
    kernel: Any, agent_id: int, instrument: str, instruments: dict[str, int], listings: tuple[Listing, ...]
) -> ConsolidatedView:
    """What the kernel has told an agent of an instrument over all venues by now."""
    rows = kernel.consolidated_view(agent_id, instruments[instrument])
    own = [listing for listing in listings if listing.instrument == instrument]
    by_venue = {listing.venue_id: listing for listing in own}
    return ConsolidatedView(instrument, tuple(VenueQuote(by_venue[venue], *quote) for venue, *quote in rows))
