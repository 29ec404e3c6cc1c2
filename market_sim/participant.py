"""A participant's desk: it sends orders, keeps the record of them as last reported, and reads its delayed
views.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from market_sim.account import Account
from market_sim.engine import OrderType, Side, TimeInForce
from market_sim.errors import MarketSimError
from market_sim.listing import Listing
from market_sim.order import Order
from market_sim.units import Number, duration_ns, parse_duration, to_atoms
from market_sim.view import ConsolidatedView, View, read_consolidated, read_view

if TYPE_CHECKING:
    from market_sim.market import Market

BUY, SELL = int(Side.BUY), int(Side.SELL)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
TIFS = {tif.name: int(tif) for tif in TimeInForce}
BPS = 10_000

_parsed = lru_cache(maxsize=1024)(parse_duration)


class OrderError(MarketSimError, ValueError):
    """An order that makes no sense as written: a listing not traded, an unknown time in force ..."""


class Participant:
    """What a trader can do, apart from its hooks. `Trader` in `agents.base` is the class to derive from.

    Prices and sizes go in as `float`, `str`, `int` or `Decimal` in instrument units and must lie on the
    listing's grid. A listing is named by "VENUE:INSTRUMENT", by its instrument where the agent trades it on
    one venue only, or by the `Listing` itself.
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

    # Orders

    def buy(
        self,
        listing: Listing | str,
        size: Number,
        price: Number | None = None,
        tif: str | None = None,
        post_only: bool = False,
        protection_bps: int = 500,
    ) -> int:
        """Send a buy order and return its id at once; the answer comes later, to a hook.

        With a `price` a limit order, otherwise a market order protected at the best ask of the agent's own
        view plus `protection_bps`, rounded outward to the grid. Without a view of the ask it is rejected on
        the spot (PROTECTION_REQUIRED). `tif`: "GTC", "IOC" or "FOK"; by default GTC for a limit, IOC for a
        market order. Raises UnitsError for a price or size off the grid, OrderError for an unknown listing or
        `tif`.
        """
        return self._order(BUY, listing, size, price, tif, post_only, protection_bps)

    def sell(
        self,
        listing: Listing | str,
        size: Number,
        price: Number | None = None,
        tif: str | None = None,
        post_only: bool = False,
        protection_bps: int = 500,
    ) -> int:
        """Send a sell order and return its id at once; like `buy`, protected below the own view's best
        bid.
        """
        return self._order(SELL, listing, size, price, tif, post_only, protection_bps)

    def _order(
        self,
        side: int,
        ref: Listing | str,
        size: Number,
        price: Number | None,
        tif: str | None,
        post_only: bool,
        protection_bps: int,
    ) -> int:
        listing = self._by_name.get(ref) or self.listing(ref)
        lots = listing.lots(size)
        if price is not None:
            return self._send(listing, side, LIMIT, tif or "GTC", post_only, listing.ticks(price), lots)
        ticks = self._protection_ticks(listing, side, protection_bps)
        # Price 0 passes no gateway: the order is rejected where it is, and recorded like any other.
        counter = self._send(listing, side, MARKET, tif or "IOC", post_only, ticks or 0, lots)
        if ticks is None and counter:
            self.orders[counter].lacks_view = True
        return counter

    def _send(
        self, listing: Listing, side: int, kind: int, tif: str, post_only: bool, ticks: int, lots: int
    ) -> int:
        code = TIFS.get(tif)
        if code is None:
            raise OrderError(f"unknown time in force {tif!r}", self.name, f"Choose {', '.join(TIFS)}.")
        self._assert_open()
        kernel = self._kernel
        counter: int = kernel.new_order(self.agent_id, listing.id, side, kind, code, post_only, ticks, lots)
        if counter:  # 0 says that a switched-off agent's order went nowhere
            self.orders[counter] = Order(counter, listing, side, ticks, lots, kernel.now_ns)
        return counter

    def _assert_open(self) -> None:
        if self.market.finished:
            raise OrderError("the session is over", self.name, "on_end can look, but no longer trade.")

    def _protection_ticks(self, listing: Listing, side: int, protection_bps: int) -> int | None:
        told = self._kernel.bbo_view(self.agent_id, listing.id)
        best = None if told is None else told[2 if side == BUY else 0]
        if best is None:
            return None
        if side == BUY:
            return int(-(-best * (BPS + protection_bps) // BPS))
        return max(int(best * (BPS - protection_bps) // BPS), 1)

    def cancel(self, order_id: int) -> None:
        """Ask the venue to cancel an own order; the answer is `on_cancelled` or `on_reject`."""
        self._assert_open()
        order = self.orders.get(order_id)
        if order is not None:
            order.cancel_sent = True
        self._kernel.cancel(self.agent_id, order_id)

    def cancel_all(self, listing: Listing | str | None = None) -> int:
        """Cancel all own open orders (of one listing) that no cancel is on its way for; gives their
        number.
        """
        only = None if listing is None else self.listing(listing)
        found = [
            order for order in self.orders.values() if not order.cancel_sent and only in (None, order.listing)
        ]
        for order in found:
            self.cancel(order.id)
        return len(found)

    def replace(self, order_id: int, price: Number | None = None, size: Number | None = None) -> None:
        """Ask for another price or total size (what has traded included) of an own order; omitted ones stay.

        Only a smaller size at the same price keeps the place in the queue. Raises OrderError for an order not
        in `self.orders`, UnitsError off the grid.
        """
        order = self.orders.get(order_id)
        if order is None:
            raise OrderError(
                f"order {order_id} is not open", self.name, "Look into self.orders before replacing."
            )
        ticks = order.asked_ticks if price is None else order.listing.ticks(price)
        lots = order.asked_lots if size is None else order.listing.lots(size)
        self._ask(order, ticks, lots)

    def _ask(self, order: Order, ticks: int, lots: int) -> None:
        self._assert_open()
        order.asked_ticks, order.asked_lots = ticks, lots
        order.replaces_sent += 1
        self._kernel.replace(self.agent_id, order.id, ticks, lots)

    def quote(
        self,
        listing: Listing | str,
        bid: Number | None,
        ask: Number | None,
        size: Number,
        ask_size: Number | None = None,
        post_only: bool = True,
    ) -> tuple[int | None, int | None]:
        """Keep one own bid and one own ask at a listing: place, replace or (price None) cancel what is there.

        `size` is what shall be open on each side (`ask_size` on the ask, if it differs). An order that
        already stands as wanted is left alone and keeps its place. Gives the ids of the two orders.
        """
        own = self._by_name.get(listing) or self.listing(listing)
        lots = own.lots(size)
        bid_ticks = None if bid is None else own.ticks(bid)
        wanted = [
            (BUY, bid_ticks, lots),
            (SELL, None if ask is None else own.ticks(ask), lots if ask_size is None else own.lots(ask_size)),
        ]
        standing = self.orders.get(self._quotes.get((own.id, BUY), 0))
        if standing is not None and bid_ticks is not None and bid_ticks > standing.asked_ticks:
            # On the way up the ask makes room first: the own quotes must never meet.
            wanted.reverse()
        ids = {side: self._one_quote(own, side, ticks, lots, post_only) for side, ticks, lots in wanted}
        return ids[BUY], ids[SELL]

    def _one_quote(
        self, listing: Listing, side: int, ticks: int | None, lots: int, post_only: bool
    ) -> int | None:
        order = self.orders.get(self._quotes.get((listing.id, side), 0))
        if order is not None and order.cancel_sent:
            order = None
        if ticks is None:
            if order is not None:
                self.cancel(order.id)
            return None
        if order is None:
            counter = self._send(listing, side, LIMIT, "GTC", post_only, ticks, lots)
            self._quotes[listing.id, side] = counter
            return counter
        total = order.size_lots - order.leaves_lots + lots
        if order.asked_ticks != ticks or order.asked_lots != total:
            self._ask(order, ticks, total)
        return order.id

    def transfer(
        self, asset: str, amount: Number, origin: str, target: str, delay: str | int, fee: Number = 0
    ) -> bool:
        """Move an asset between venues: it leaves `origin` now and reaches `target`, less `fee`, after
        `delay`.

        False, and nothing moves, if it is not there to spend. Amount and fee in units of the asset.
        """
        money = self.market.money
        decimals = money.decimals(asset)
        atoms, fee_atoms = to_atoms(amount, decimals, asset), to_atoms(fee, decimals, asset)
        delay_ns = duration_ns(delay)
        (origin_id, asset_id), (target_id, _) = money.place(origin, asset), money.place(target, asset)
        sent: bool = self._kernel.transfer(
            self.agent_id, origin_id, target_id, asset_id, atoms, fee_atoms, delay_ns
        )
        if sent:
            self.account._send(origin, target, asset, atoms, fee_atoms, self.now_ns + delay_ns)
        return sent
