"""Cross-venue arbitrage: buy where an instrument is cheap and, in the same moment, sell where it is dear."""

from __future__ import annotations

from math import lcm
from typing import ClassVar, NamedTuple

from agents.base import Cancelled, Fill, Listing, Quote, Reject, Side, Trader

SECOND_NS = 1_000_000_000
FEE_ONE = 100_000_000
BPS = 10_000
# More atoms than any order may move: what unlimited credit can spend.
ENOUGH = 2**62
# One part in so many stays unspent: the gateway reserves fees at their highest and rounds them up.
SPARE = 1000
Levels = list[tuple[int, int]]


class Plan(NamedTuple):
    """Both legs: where, at what worst price in ticks, for how many base atoms; profit in quote atoms."""

    cheap: Listing
    ask_ticks: int
    dear: Listing
    bid_ticks: int
    base_atoms: int
    profit: float


class CrossVenueArbitrageur(Trader):
    """Compares every pair of venues that list an instrument, both ways, and trades the pair that pays most.

    Model: the textbook two-market arbitrage on executable prices: buying at one venue's asks and selling at
    the other's bids pays while bid (1 - fee) > ask (1 + fee) there and here. Depth of both sides is walked
    until the next lot would no longer earn `min_edge_bps`; sizes are whole lots of both listings, and no
    more than the quote asset at the one venue and the base asset at the other can pay.

    Both legs leave together as immediate-or-cancel orders. It decides from its own delayed views, so a leg
    may find less than shown: when both answers are in, what was bought too much is sold (and the other way
    round) at the venue with the best price after fees, at market, and again after `retry_s` if that fails.

    Simplifications: one attempt at a time; inventory at the venues is the given endowment and wanders with
    the trades (nothing is transferred): a venue that has run out is traded in the other direction only.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    min_edge_bps: float = 0.5
    """A level is taken only if it earns more than this after both fees, in basis points of the price."""
    max_size: float = 0.0
    """Largest size of an attempt in base units; 0: only depth and balances limit."""
    retry_s: float = 0.5
    """Seconds until it looks again after an attempt, or tries a repair again that fell short."""
    protection_bps: int = 200
    """How far a repair may go through the book, in basis points."""

    def on_start(self) -> None:
        """Find the pairs of venues, and remember how much of each base asset it shall go on owning in all."""
        self._pairs = [
            (one, other)
            for one in self.listings
            for other in self.listings
            if one.venue != other.venue and (one.base, one.quote) == (other.base, other.quote)
        ]
        self._target = {listing.base: self.account.balance_atoms(listing.base) for listing in self.listings}
        self._tops: dict[int, tuple[int | None, int | None]] = {}
        self._traded_ns: dict[int, int] = {}
        self._pending: set[int] = set()
        self._pair: tuple[Listing, Listing] | None = None
        self._repairing = False

    def on_quote(self, quote: Quote) -> None:
        """See whether this listing is now cheap or dear beside another."""
        self._tops[quote.listing_id] = (quote.bid_ticks, quote.ask_ticks)
        if self._pair is None:
            self._look(quote.listing_id)

    def _look(self, listing_id: int | None = None) -> None:
        """Trade the pair that pays most, among all or those with one listing."""
        best: Plan | None = None
        for cheap, dear in self._pairs:
            if listing_id in (None, cheap.id, dear.id) and self._crossed(cheap, dear):
                plan = self._plan(cheap, dear)
                if plan is not None and (best is None or plan.profit > best.profit):
                    best = plan
        if best is not None:
            self._trade(best)

    def _crossed(self, cheap: Listing, dear: Listing) -> bool:
        ask = self._tops.get(cheap.id, (None, None))[1]
        bid = self._tops.get(dear.id, (None, None))[0]
        return ask is not None and bid is not None and self._pays(_cost(cheap, ask), _proceeds(dear, bid))

    def _pays(self, cost: float, proceeds: float) -> bool:
        return proceeds > cost * (1 + self.min_edge_bps / BPS)

    def _plan(self, cheap: Listing, dear: Listing) -> Plan | None:
        """The largest trade that pays on every level, or None."""
        asks, bids = self._levels(cheap, Side.BUY), self._levels(dear, Side.SELL)
        atoms, paid, received = 0, 0.0, 0.0
        worst_ask = worst_bid = 0
        step = lcm(cheap.lot_atoms, dear.lot_atoms)
        most = self._most_atoms(cheap, dear)
        budget = self._spendable(cheap.quote, cheap.venue)
        i = j = used_ask = used_bid = 0
        while i < len(asks) and j < len(bids):
            cost, proceeds = _cost(cheap, asks[i][0]), _proceeds(dear, bids[j][0])
            if not self._pays(cost, proceeds):
                break
            ask_left = asks[i][1] * cheap.lot_atoms - used_ask
            bid_left = bids[j][1] * dear.lot_atoms - used_bid
            # The gateway reserves a whole order at its worst price, so all of it is counted at this cost.
            chunk = min(ask_left, bid_left, most - atoms, int(budget / cost) - atoms)
            if chunk <= 0:
                break
            atoms, paid, received = atoms + chunk, paid + chunk * cost, received + chunk * proceeds
            worst_ask, worst_bid = asks[i][0], bids[j][0]
            used_ask, used_bid = used_ask + chunk, used_bid + chunk
            if chunk == ask_left:
                i, used_ask = i + 1, 0
            if chunk == bid_left:
                j, used_bid = j + 1, 0
        whole = atoms // step * step
        if whole == 0:
            return None
        return Plan(cheap, worst_ask, dear, worst_bid, whole, (received - paid) * whole / atoms)

    def _levels(self, listing: Listing, side: Side) -> Levels:
        """What an order of this side meets; nothing while the view is older than the own last trade."""
        depth = self.view(listing).depth
        if depth is None or depth[2] < self._traded_ns.get(listing.id, 0):
            return []
        return depth[1] if side == Side.BUY else depth[0]

    def _most_atoms(self, cheap: Listing, dear: Listing) -> int:
        most = self._spendable(dear.base, dear.venue)
        if self.max_size > 0:
            most = min(most, dear.sizes.below(self.max_size) * dear.lot_atoms)
        return most

    def _spendable(self, asset: str, venue: str) -> int:
        if self.account.unlimited:
            return ENOUGH
        spendable = self.account.spendable_atoms(asset, venue)
        return spendable - spendable // SPARE

    def _trade(self, plan: Plan) -> None:
        self._pair = (plan.cheap, plan.dear)
        buy_size = plan.cheap.size(plan.base_atoms // plan.cheap.lot_atoms)
        sell_size = plan.dear.size(plan.base_atoms // plan.dear.lot_atoms)
        bought = self.buy(plan.cheap, buy_size, plan.cheap.price(plan.ask_ticks), tif="IOC")
        sold = self.sell(plan.dear, sell_size, plan.dear.price(plan.bid_ticks), tif="IOC")
        self._pending = {bought, sold}

    # Answers: when the last one is in, the attempt is settled.

    def on_fill(self, fill: Fill) -> None:
        """Remember when it traded: a view published earlier does not know of it."""
        self._traded_ns[fill.listing_id] = fill.venue_ns
        self._answered(fill.order_id)

    def on_cancelled(self, cancelled: Cancelled) -> None:
        """A leg found less than the view had shown."""
        self._answered(cancelled.order_id)

    def on_reject(self, reject: Reject) -> None:
        """A leg never traded."""
        self._answered(reject.order_id)

    def _answered(self, order_id: int) -> None:
        if order_id in self._pending and order_id not in self.orders:
            self._pending.discard(order_id)
            if not self._pending:
                self._settle()

    def _settle(self) -> None:
        """All answers are in: be free for the next attempt, or trade back what a short leg has left."""
        repair = self._residual()
        if repair is None:
            self._pair, self._repairing = None, False
        if repair is None or self._repairing:
            # Asking again at this instant would show the same book: what was free to take may still be there
            # in a moment, and so may what a repair did not find.
            self.wake_in(int(self.retry_s * SECOND_NS))
        else:
            self._repair(*repair)

    def on_wake(self) -> None:
        """Look again after an attempt, or try a repair that fell short again."""
        # Whoever has been switched off meanwhile has missed quotes, and lost orders without an answer.
        for listing in self.listings:
            view = self.view(listing)
            self._tops[listing.id] = (view.bid_ticks, view.ask_ticks)
        self._pending.intersection_update(self.orders)
        if self._pair is None:
            self._look()
        elif not self._pending:
            repair = self._residual()
            if repair is not None:
                self._repair(*repair)
            else:
                self._pair, self._repairing = None, False

    def _residual(self) -> tuple[Side, Listing, int] | None:
        """The order (side, where, lots) that brings the holding back to its target; None: it is there."""
        assert self._pair is not None
        base = self._pair[0].base
        excess = self.account.balance_atoms(base) - self._target[base]
        side = Side.SELL if excess > 0 else Side.BUY
        where = self._best_of(self._pair, side, abs(excess))
        lots = abs(excess) // where.lot_atoms
        return (side, where, lots) if lots > 0 else None

    def _best_of(self, pair: tuple[Listing, Listing], side: Side, atoms: int) -> Listing:
        """The venue with the better price after fees that can pay for the order; else the first."""
        best, best_price = pair[0], None
        for listing in pair:
            bid, ask = self._tops[listing.id]
            ticks = ask if side == Side.BUY else bid
            if ticks is None:
                continue
            price = -_cost(listing, ticks) if side == Side.BUY else _proceeds(listing, ticks)
            asset, need = (listing.quote, -price * atoms) if side == Side.BUY else (listing.base, atoms)
            if self._spendable(asset, listing.venue) < need:
                continue
            if best_price is None or price > best_price:
                best, best_price = listing, price
        return best

    def _repair(self, side: Side, where: Listing, lots: int) -> None:
        self._repairing = True
        send = self.buy if side == Side.BUY else self.sell
        self._pending = {send(where, where.size(lots), protection_bps=self.protection_bps)}


def _cost(listing: Listing, ticks: int) -> float:
    """Quote atoms that buying one base atom costs, taker fee included."""
    return ticks * listing.tick_lot_atoms / listing.lot_atoms * (1 + listing.taker_fee_e8 / FEE_ONE)


def _proceeds(listing: Listing, ticks: int) -> float:
    """Quote atoms that selling one base atom brings, taker fee taken off."""
    return ticks * listing.tick_lot_atoms / listing.lot_atoms * (1 - listing.taker_fee_e8 / FEE_ONE)
