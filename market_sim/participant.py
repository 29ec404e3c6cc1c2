"""A participant's desk: it sends orders, keeps the record of them as last reported, and reads its delayed
views.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from market_sim.account import Account
from market_sim.engine import EventKind, OrderType, Side, TimeInForce
from market_sim.errors import MarketSimError
from market_sim.listing import Listing
from market_sim.notices import Cancelled, Fill, Reject
from market_sim.order import Order
from market_sim.units import Number, duration_ns, parse_duration, to_atoms
from market_sim.view import ConsolidatedView, View

if TYPE_CHECKING:
    from market_sim.market import Market

BUY, SELL = int(Side.BUY), int(Side.SELL)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
TIFS = {tif.name: int(tif) for tif in TimeInForce}
BPS = 10_000

ACCEPTED, FILL, CANCELLED = int(EventKind.ACCEPTED), int(EventKind.FILL), int(EventKind.CANCELLED)
REPLACED, REJECTED = int(EventKind.REPLACED), int(EventKind.REJECTED)
CANCEL_REJECTED = int(EventKind.CANCEL_REJECTED)

_new_row = tuple.__new__
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
    listings: tuple[Listing, ...]
    account: Account
    #: Own open orders by id, as last reported. An order leaves it with its last report.
    orders: dict[int, Order]

    def _take_seat(
        self, market: Market, kernel: Any, agent_id: int, name: str, listings: tuple[Listing, ...]
    ) -> None:
        """Join a market; called by `Market` before anything else."""
        self.name = name
        self.listings = listings
        self.orders = {}
        self.account = Account(market, agent_id)
        self._market = market
        self._kernel = kernel
        self._agent_id = agent_id
        self._quotes: dict[tuple[int, int], int] = {}
        self._by_name: dict[Any, Listing] = {}
        several = {listing.instrument for listing in listings}
        for listing in listings:
            self._by_name[listing] = self._by_name[listing.name] = listing
            self._by_name[listing.instrument, listing.venue] = listing
            if sum(other.instrument == listing.instrument for other in listings) == 1:
                several.discard(listing.instrument)
                self._by_name[listing.instrument] = listing

    # Time and names

    @property
    def now_ns(self) -> int:
        """Simulated time in nanoseconds since the scenario's epoch."""
        return int(self._kernel.now_ns)

    def wake_in(self, delay: str | int) -> None:
        """Call `on_wake` after a delay: "250ms", or integer nanoseconds of at least 1 (ValueError
        otherwise).
        """
        self._kernel.wake_in(self._agent_id, _parsed(delay) if type(delay) is str else duration_ns(delay))

    def listing(self, listing: Listing | str, venue: str | None = None) -> Listing:
        """One of the listings this agent trades. OrderError lists them where the name is unknown or
        ambiguous.
        """
        found = self._by_name.get(listing if venue is None else (listing, venue))
        if found is None:
            traded = ", ".join(own.name for own in self.listings)
            asked = f"{venue}:{listing}" if venue is not None else str(listing)
            where = [own.name for own in self.listings if own.instrument == listing]
            if venue is None and len(where) > 1:
                raise OrderError(
                    f"{asked} is listed on several venues", self.name, f"Say which: {', '.join(where)}."
                )
            raise OrderError(f"does not trade {asked!r}", self.name, f"Its listings are {traded}.")
        return found

    # What it has been told

    def view(self, instrument: Listing | str, venue: str | None = None) -> View:
        """The last update of a listing that has arrived here. Sides are None before anything has."""
        return self._market.view_of(self._agent_id, self.listing(instrument, venue))

    def consolidated(self, instrument: str) -> ConsolidatedView:
        """Best bid and offer over venues, by the consolidated feed with its own latency.

        Raises OrderError where the agent's latency profile has no consolidated feed.
        """
        return self._market.consolidated_of(self._agent_id, instrument)

    def fundamental(self, instrument: str) -> float:
        """The scenario's fundamental value of an instrument now, in quote per base: for informed traders
        only.
        """
        return self._market.fundamental(instrument)

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
        the spot (PROTECTION_REQUIRED). `tif`: "GTC", "IOC" or "FOK"; default GTC for a limit and IOC for a
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
        """Send a sell order and return its id at once; like `buy`, protected below the best bid of the own
        view.
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
            return self._send(
                listing, side, LIMIT, TIFS.get(tif or "GTC"), post_only, listing.ticks(price), lots
            )
        ticks = self._protection_ticks(listing, side, protection_bps)
        # Price 0 passes no gateway: the order is rejected where it is, and recorded like any other.
        counter = self._send(listing, side, MARKET, TIFS.get(tif or "IOC"), post_only, ticks or 0, lots)
        if ticks is None:
            self.orders[counter].lacks_view = True
        return counter

    def _send(
        self, listing: Listing, side: int, kind: int, tif: int | None, post_only: bool, ticks: int, lots: int
    ) -> int:
        if tif is None:
            raise OrderError("unknown time in force", self.name, f"Choose {', '.join(TIFS)}.")
        market = self._market
        if market.finished:
            raise OrderError("the session is over", self.name, "on_end can look, but no longer trade.")
        counter: int = self._kernel.new_order(
            self._agent_id, listing.id, side, kind, tif, post_only, ticks, lots
        )
        self.orders[counter] = Order(counter, listing, side, ticks, lots, self._kernel.now_ns)
        return counter

    def _protection_ticks(self, listing: Listing, side: int, protection_bps: int) -> int | None:
        told = self._kernel.bbo_view(self._agent_id, listing.id)
        best = None if told is None else told[2 if side == BUY else 0]
        if best is None:
            return None
        if side == BUY:
            return -(-best * (BPS + protection_bps) // BPS)
        return max(best * (BPS - protection_bps) // BPS, 1)

    def cancel(self, order_id: int) -> None:
        """Ask the venue to cancel an own order; the answer is `on_cancelled` or `on_reject`."""
        order = self.orders.get(order_id)
        if order is not None:
            order.cancel_sent = True
        self._kernel.cancel(self._agent_id, order_id)

    def cancel_all(self, listing: Listing | str | None = None) -> int:
        """Cancel all own open orders (of one listing) that no cancel is on its way for; gives their
        number.
        """
        only = None if listing is None else self.listing(listing)
        open_orders = [
            order for order in self.orders.values() if not order.cancel_sent and only in (None, order.listing)
        ]
        for order in open_orders:
            self.cancel(order.id)
        return len(open_orders)

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

    def _ask(self, order: Order, ticks: int | None, lots: int) -> None:
        order.asked_ticks, order.asked_lots = ticks, lots
        order.replace_sent += 1
        self._kernel.replace(self._agent_id, order.id, ticks, lots)

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
        own = self.listing(listing)
        lots = own.lots(size)
        wanted = (
            (BUY, None if bid is None else own.ticks(bid), lots),
            (SELL, None if ask is None else own.ticks(ask), lots if ask_size is None else own.lots(ask_size)),
        )
        standing = self.orders.get(self._quotes.get((own.id, BUY), 0))
        rising = (
            standing is not None and wanted[0][1] is not None and wanted[0][1] > (standing.asked_ticks or 0)
        )
        # The side that makes room goes first, so that the own quotes never meet on their way up or down.
        ids = {
            side: self._one_quote(own, side, ticks, n, post_only)
            for side, ticks, n in wanted[:: -1 if rising else 1]
        }
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
            counter = self._send(listing, side, LIMIT, TIFS["GTC"], post_only, ticks, lots)
            self._quotes[listing.id, side] = counter
            return counter
        total = order.size_lots - order.leaves_lots + lots
        if order.asked_ticks != ticks or order.asked_lots != total:
            self._ask(order, ticks, total)
        return order.id

    def transfer(
        self, asset: str, amount: Number, origin: str, target: str, delay: str | int, fee: Number = 0
    ) -> bool:
        """Move an asset between venues: it leaves `origin` now and arrives at `target`, less `fee`, after
        `delay`.

        False, and nothing moves, if it is not there to spend. Amount and fee in units of the asset.
        """
        market = self._market
        decimals = market.decimals(asset)
        atoms, fee_atoms = to_atoms(amount, decimals, asset), to_atoms(fee, decimals, asset)
        delay_ns = duration_ns(delay)
        sent = market.send_transfer(self._agent_id, origin, target, asset, atoms, fee_atoms, delay_ns)
        if sent:
            self.account._send(origin, target, asset, atoms, fee_atoms, self.now_ns + delay_ns)
        return sent

    # Hooks that a report ends in; Trader documents and declares them.

    def on_accepted(self, order: Order) -> None: ...  # noqa: D102
    def on_fill(self, fill: Fill) -> None: ...  # noqa: D102
    def on_cancelled(self, cancelled: Cancelled) -> None: ...  # noqa: D102
    def on_reject(self, reject: Reject) -> None: ...  # noqa: D102

    def _on_report(self, row: tuple[Any, ...]) -> None:
        """Bring the own record up to date with one report, then tell the hook."""
        event, counter = row[4], row[6]
        listing = self._market.listings[row[3]]
        order = self.orders.get(counter)
        if event == ACCEPTED:
            if order is not None:
                order.status = "open"
                self.on_accepted(order)
        elif event == FILL:
            fill = _new_row(Fill, (*row, listing, order))
            self.account._fill(fill)
            if order is not None:
                order.leaves_lots = row[10]
                if row[10] == 0:
                    order.status = "filled"
                    del self.orders[counter]
            self.on_fill(fill)
        elif event == CANCELLED:
            if order is not None:
                order.leaves_lots = 0
                order.status = "cancelled"
                del self.orders[counter]
            self.on_cancelled(_new_row(Cancelled, (*row, listing, order)))
        elif event == REPLACED:
            if order is not None:
                order.replace_sent -= 1
                order.price_ticks, order.size_lots, order.leaves_lots = row[8], row[9], row[10]
                self.on_accepted(order)
        else:
            self._note_reject(event, order)
            self.on_reject(_new_row(Reject, (*row, listing, order)))

    def _note_reject(self, event: int, order: Order | None) -> None:
        if order is None:
            return
        if event == REJECTED:
            order.status = "rejected"
            order.leaves_lots = 0
            del self.orders[order.id]
        elif event == CANCEL_REJECTED:
            order.cancel_sent = False
        else:
            order.replace_sent -= 1
            if order.replace_sent == 0:
                order.asked_ticks, order.asked_lots = order.price_ticks, order.size_lots
