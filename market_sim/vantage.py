"""Where a participant stands: its name, its listings, its clock, and the delayed views it has been sent."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from market_sim.account import Account
from market_sim.engine import Side
from market_sim.errors import MarketSimError
from market_sim.listing import Listing
from market_sim.order import Order
from market_sim.units import duration_ns, parse_duration
from market_sim.view import ConsolidatedView, View, read_consolidated, read_view

if TYPE_CHECKING:
    from market_sim.market import Market

_parsed = lru_cache(maxsize=1024)(parse_duration)


class OrderError(MarketSimError, ValueError):
    """An order that makes no sense as written: a listing not traded, an unknown time in force ..."""


class Vantage:
    """What a participant knows. A listing is named by "VENUE:INSTRUMENT", by its instrument where the
    participant trades it on one venue only, or by the `Listing` itself.
    """

    name: str
    market: Market
    agent_id: int
    #: The listings it trades.
    listings: tuple[Listing, ...]
    account: Account
    #: Own open orders by id, as last reported. An order leaves with its last report.
    orders: dict[int, Order]
    #: False while it is switched off.
    enabled: bool

    def _sit_down(
        self,
        market: Market,
        kernel: Any,
        agent_id: int,
        name: str,
        listings: tuple[Listing, ...],
        sees_depth: bool,
    ) -> None:
        self.name, self.market, self.agent_id = name, market, agent_id
        self.listings = listings
        self.orders = {}
        self.enabled = True
        self._kernel = kernel
        self._sees_depth = sees_depth
        self._quotes: dict[tuple[int, int], int] = {}
        # When the last report of each listing happened at its venue.
        self._reported_ns: dict[int, int] = {}
        # When wakes are due that still count; kept only after a break, because the kernel remembers earlier
        # ones.
        self._due_ns: list[int] | None = None
        self._by_name: dict[Any, Listing] = {}
        for listing in listings:
            self._by_name[listing] = self._by_name[listing.name] = listing
            self._by_name[listing.instrument, listing.venue] = listing
            if sum(other.instrument == listing.instrument for other in listings) == 1:
                self._by_name[listing.instrument] = listing
        self.account = Account(self)

    # Time and names

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds since the scenario's epoch."""
        return self.market.now_ns

    def wake_in(self, delay: str | int) -> None:
        """Call `on_wake` after a delay: "250ms", or integer nanoseconds of at least 1 (ValueError
        otherwise).
        """
        delay_ns = _parsed(delay) if type(delay) is str else duration_ns(delay)
        if self._due_ns is not None:
            self._due_ns.append(self.now_ns + delay_ns)
        self._kernel.wake_in(self.agent_id, delay_ns)

    def _come_back(self) -> None:
        """Switched on again: what was asked for before the break is void, or every break would add a
        rhythm.
        """
        self._due_ns = []
        self.account._restate()

    def _wake_if_due(self) -> None:
        if self._due_ns is not None and self.now_ns in self._due_ns:
            self._due_ns.remove(self.now_ns)
            self.on_wake()

    def on_wake(self) -> None:
        """A delay asked for with `wake_in` is over."""

    def listing(self, listing: Listing | str, venue: str | None = None) -> Listing:
        """One of the listings this agent trades. OrderError lists them where a name is unknown or
        ambiguous.
        """
        found = self._by_name.get(listing if venue is None else (listing, venue))
        if found is not None:
            return found
        namesakes = [own.name for own in self.listings if own.instrument == listing]
        if venue is None and len(namesakes) > 1:
            what = f"{listing} is listed on several venues"
            raise OrderError(what, self.name, f"Say which: {', '.join(namesakes)}.")
        asked = f"{venue}:{listing}" if venue is not None else str(listing)
        traded = ", ".join(own.name for own in self.listings)
        raise OrderError(f"does not trade {asked!r}", self.name, f"Its listings are {traded}.")

    # What it has been told

    def view(self, instrument: Listing | str, venue: str | None = None) -> View:
        """The last update of a listing that has arrived here. Sides are None before anything has."""
        listing = self._by_name.get(instrument if venue is None else (instrument, venue))
        return read_view(
            self._kernel, self.agent_id, listing or self.listing(instrument, venue), self._sees_depth
        )

    def others(self, listing: Listing) -> tuple[int | None, int | None]:
        """Best bid and ask in ticks without the own orders, as far as the view is deep (`depth`, at least
        1).
        """
        bids, asks = self.others_depth(listing)
        return bids[0][0] if bids else None, asks[0][0] if asks else None

    def others_depth(self, listing: Listing) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(ticks, lots) of the bid and the ask levels, best first, without the own orders; for `depth`."""
        book = self.view(listing).depth
        if book is None:
            return [], []
        own: dict[tuple[int, int | None], int] = {}
        for order in self.orders.values():
            if order.listing is listing:
                key = (order.side_code, order.price_ticks)
                own[key] = own.get(key, 0) + order.leaves_lots
        return _without(book[0], own, Side.BUY), _without(book[1], own, Side.SELL)

    def settled(self, listing: Listing) -> bool:
        """True if the deeper view shows the own orders just as `self.orders` has them.

        Market data and reports travel apart: while a request is under way, or a report has overtaken the
        view, an own order can pass for somebody else's in `others`.
        """
        book = self.view(listing).depth
        if book is None or book[2] < self._reported_ns.get(listing.id, 0):
            return False
        return all(
            order.status == "open" and not order.cancel_sent and not order.replaces_sent
            for order in self.orders.values()
            if order.listing is listing
        )

    def look(self, listing: Listing) -> View:
        """The view of any listing of the market, traded or not, without depth."""
        return read_view(self._kernel, self.agent_id, listing, False)

    def consolidated(self, instrument: str) -> ConsolidatedView:
        """Best bid and offer over venues, by the consolidated feed with its own latency.

        Raises OrderError for an unknown instrument, or where the agent's latency profile has no such feed.
        """
        market = self.market
        if instrument not in market.instruments:
            raise OrderError(
                f"no instrument {instrument!r}", self.name, f"There are {', '.join(market.instruments)}."
            )
        profile = market.config.profile_of(market.groups[self.name])
        if market.config.latency[profile].consolidated is None:
            remedy = f'Give latency.{profile} a `consolidated` delay, as in consolidated = "1ms".'
            raise OrderError(f"latency profile {profile!r} has no consolidated feed", self.name, remedy)
        return read_consolidated(self._kernel, self.agent_id, instrument, market.instruments, market.listings)

    def fundamental(self, instrument: str) -> float | None:
        """The fundamental value of an instrument now, in quote per base, for informed traders.

        None where the scenario gives the instrument none.
        """
        return self.market.fundamental(instrument)


def _without(
    levels: list[tuple[int, int]], own: dict[tuple[int, int | None], int], side: Side
) -> list[tuple[int, int]]:
    """The levels that hold more than the own orders there, and how much more."""
    if not own:
        return levels
    rest = [(ticks, lots - own.get((side, ticks), 0)) for ticks, lots in levels]
    return [level for level in rest if level[1] > 0]
