"""A participant: what a trader can do, apart from its hooks."""

from __future__ import annotations

from market_sim.desk import BUY, LIMIT, SELL, Desk
from market_sim.listing import Listing
from market_sim.units import Number, duration_ns, to_atoms


class Participant(Desk):
    """Views, orders, quotes and transfers. `Trader` in `agents.base` is the class to derive from."""

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

    def quote_beside(
        self, listing: Listing, bid_ticks: int | None, ask_ticks: int | None, size: Number, patience: int = 1
    ) -> tuple[int | None, int | None]:
        """Keep a post-only bid and ask at these ticks, but next to the others' best instead of through it.

        An own quote that is off by less than `patience` ticks stays where it is and keeps its place. Needs
        `depth`, to tell the others' quotes from the own ones.
        """
        best_bid, best_ask = self.others(listing)
        # A quote through the others' best would be rejected as post-only; next to it is as far as it goes.
        if bid_ticks is not None:
            beside = bid_ticks if best_ask is None else min(bid_ticks, best_ask - 1)
            bid_ticks = self._unless_near(listing, BUY, max(beside, 1), patience)
        if ask_ticks is not None:
            beside = ask_ticks if best_bid is None else max(ask_ticks, best_bid + 1)
            ask_ticks = self._unless_near(listing, SELL, max(beside, 1), patience)
        price = listing.price
        bid = None if bid_ticks is None else price(bid_ticks)
        return self.quote(listing, bid, None if ask_ticks is None else price(ask_ticks), size)

    def _unless_near(self, listing: Listing, side: int, ticks: int, patience: int) -> int:
        """The wanted price, or that of the standing quote where the two differ by less than the patience."""
        order = self.orders.get(self._quotes.get((listing.id, side), 0))
        near = order is not None and not order.cancel_sent and abs(order.asked_ticks - ticks) < patience
        return order.asked_ticks if order is not None and near else ticks

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
