"""Triangular arbitrage: round trips through three listings of a venue that end with more than they began."""

from __future__ import annotations

from itertools import combinations, pairwise, permutations
from typing import ClassVar, NamedTuple

from agents.base import Cancelled, Fill, Listing, Quote, Reject, Side, Trader

SECOND_NS = 1_000_000_000
FEE_ONE = 100_000_000
BPS = 10_000
# The gateway reserves an order at its worst price and highest fee, and sizes go to the nearest lot.
SPENT_AT_MOST = 0.99
Levels = list[tuple[int, int]]


class Leg(NamedTuple):
    """One step of a round trip: a buy turns quote into base, a sell base into quote. Amounts are atoms."""

    listing: Listing
    side: Side

    @property
    def spends(self) -> str:
        """The asset that goes in."""
        return self.listing.quote if self.side == Side.BUY else self.listing.base

    @property
    def gets(self) -> str:
        """The asset that comes out."""
        return self.listing.base if self.side == Side.BUY else self.listing.quote

    def rate(self, ticks: int) -> float:
        """Atoms out per atom in at a price, after the taker fee."""
        quote_atoms = ticks * self.listing.tick_lot_atoms
        fee = self.listing.taker_fee_e8 / FEE_ONE
        if self.side == Side.BUY:
            return self.listing.lot_atoms / (quote_atoms * (1 + fee))
        return quote_atoms * (1 - fee) / self.listing.lot_atoms

    def capacity(self, ticks: int, lots: int) -> float:
        """Atoms in that a level takes."""
        if self.side == Side.BUY:
            return lots * ticks * self.listing.tick_lot_atoms * (1 + self.listing.taker_fee_e8 / FEE_ONE)
        return float(lots * self.listing.lot_atoms)

    def fill(self, levels: Levels, atoms_in: float) -> tuple[int, int, float, float]:
        """(lots, worst price in ticks, atoms spent, atoms got) of the whole lots nearest to `atoms_in`."""
        taken, worst, spent, got = 0, 0, 0.0, 0.0
        for ticks, lots in levels:
            per_lot = self.capacity(ticks, 1)
            fitting = min(lots, int((atoms_in - spent) / per_lot + 0.5))
            if fitting <= 0:
                break
            taken, worst = taken + fitting, ticks
            spent += fitting * per_lot
            got += fitting * per_lot * self.rate(ticks)
        return taken, worst, spent, got


Cycle = tuple[Leg, Leg, Leg]


class Plan(NamedTuple):
    """A round trip that pays: its orders (leg, lots, worst price in ticks) and its profit in atoms."""

    profit: float
    orders: list[tuple[Leg, int, int]]


class TriangularArbitrageur(Trader):
    """Watches every triangle of listings, both ways round, and trades the one that pays most.

    Model: triangular arbitrage on executable prices as measured by Fenn, Howison, McDonald, Williams and
    Johnson (2009), International Journal of Theoretical and Applied Finance 12:1105-1123: a round trip pays
    if the product of the rates, fees taken off, exceeds 1. Depth is walked on all three legs at once until
    the next unit would no longer pay; sizes are cut to whole lots and to what each leg may spend.

    The legs leave together as immediate-or-cancel orders, paid from inventory, so it must own some of every
    asset. A leg that fills short leaves an asset too much or too little: as soon as all answers are in, that
    residual is traded back at market, and again after `retry_s` if that fails too. Rounding dust below
    `dust_lots` stays, and enters the next round trip's sizes instead.

    Simplifications: one attempt at a time over all triangles of all venues; no view on how long a quote will
    last; inventory is the given endowment, it is not moved between venues.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    home: str = ""
    """Asset in which round trips begin and end; empty, or not in a triangle: the one most often its quote."""
    min_edge_bps: float = 0.5
    """A level is taken only if the round trip over it pays more than this after fees, in basis points."""
    min_profit: float = 0.0
    """Smallest profit of a round trip, in units of the asset it begins with."""
    max_spend: float = 0.0
    """Largest amount that enters a round trip, in units of its first asset; 0: only balances limit."""
    across_venues: bool = False
    """True: legs may lie on different venues, which only pooled accounts can pay for well."""
    dust_lots: int = 3
    """A residual of fewer lots than this is rounding dust and is not traded back."""
    retry_s: float = 0.5
    """Seconds until it looks again after an attempt, or tries a repair again that fell short."""
    protection_bps: int = 200
    """How far a repair may go through the book, in basis points."""

    def on_start(self) -> None:
        """Find the triangles, and remember the holdings that every attempt shall come back to."""
        self._cycles = find_cycles(self.listings, self.home, self.across_venues)
        self._targets = {
            (listing.venue, asset): self.account.balance_atoms(asset, listing.venue)
            for listing in self.listings
            for asset in (listing.base, listing.quote)
        }
        self._tops: dict[int, tuple[int | None, int | None]] = {}
        self._traded_ns: dict[int, int] = {}
        self._pending: set[int] = set()
        self._cycle: Cycle | None = None
        self._repairing = False

    def on_quote(self, quote: Quote) -> None:
        """See whether a round trip through this listing pays now."""
        self._tops[quote.listing_id] = (quote.bid_ticks, quote.ask_ticks)
        if self._cycle is None:
            self._look(quote.listing_id)

    def _look(self, listing_id: int | None = None) -> None:
        best: Plan | None = None
        chosen: Cycle | None = None
        for cycle in self._cycles:
            if listing_id is not None and all(leg.listing.id != listing_id for leg in cycle):
                continue
            if self._edge(cycle) > 1 + self.min_edge_bps / BPS:
                plan = self._plan(cycle)
                if plan is not None and (best is None or plan.profit > best.profit):
                    best, chosen = plan, cycle
        if best is not None:
            self._cycle = chosen
            self._pending = {self._send_leg(leg, lots, ticks) for leg, lots, ticks in best.orders}

    def _edge(self, cycle: Cycle) -> float:
        """Product of the three best rates after fees, 0 where a side is empty."""
        product = 1.0
        for leg in cycle:
            bid, ask = self._tops.get(leg.listing.id, (None, None))
            ticks = ask if leg.side == Side.BUY else bid
            if ticks is None:
                return 0.0
            product *= leg.rate(ticks)
        return product

    def _plan(self, cycle: Cycle) -> Plan | None:
        """The orders of a round trip with whole lots, or None where it does not pay."""
        books: list[Levels] = []
        for leg in cycle:
            depth = self.view(leg.listing).depth
            # A book published before the own last trade there still shows what that trade took.
            if depth is None or depth[2] < self._traded_ns.get(leg.listing.id, 0):
                return None
            books.append(depth[1] if leg.side == Side.BUY else depth[0])
        amount = min(self._paying_amount(cycle, books), self._affordable(cycle))
        orders: list[tuple[Leg, int, int]] = []
        spent_first = got = worth = 0.0
        for leg, levels in zip(cycle, books, strict=True):
            available = amount if not orders else got + self._surplus(leg)
            lots, ticks, spent, leg_got = leg.fill(levels, available)
            if lots == 0:
                return None
            if not orders:
                spent_first = spent
            else:
                # What rounding leaves of an asset is worth what the round trip has paid for it so far.
                worth += (got - spent) / got * spent_first
            orders.append((leg, lots, ticks))
            got = leg_got
        profit = got - spent_first + worth
        return Plan(profit, orders) if profit > self._smallest_profit(cycle) else None

    def _paying_amount(self, cycle: Cycle, books: list[Levels]) -> float:
        """How many atoms may enter until the next one would no longer earn the edge."""
        level = [0, 0, 0]
        left = [leg.capacity(*book[0]) if book else 0.0 for leg, book in zip(cycle, books, strict=True)]
        amount = 0.0
        while all(level[i] < len(books[i]) for i in range(3)):
            rates = [cycle[i].rate(books[i][level[i]][0]) for i in range(3)]
            if rates[0] * rates[1] * rates[2] <= 1 + self.min_edge_bps / BPS:
                break
            # Each leg's room, counted in atoms that enter the first one.
            rooms = [left[0], left[1] / rates[0], left[2] / (rates[0] * rates[1])]
            tight = rooms.index(min(rooms))
            amount += rooms[tight]
            reach = 1.0
            for i in range(3):
                left[i] -= rooms[tight] * reach
                reach *= rates[i]
            level[tight] += 1
            if level[tight] < len(books[tight]):
                left[tight] = cycle[tight].capacity(*books[tight][level[tight]])
        return amount

    def _affordable(self, cycle: Cycle) -> float:
        """How many atoms may enter so that every leg can be paid from what is there now."""
        first = cycle[0]
        most = self._spendable(first)
        if self.max_spend > 0:
            most = min(most, self.max_spend * _atoms_per_unit(first))
        reach = 1.0
        for before, leg in pairwise(cycle):
            bid, ask = self._tops[before.listing.id]
            ticks = ask if before.side == Side.BUY else bid
            assert ticks is not None
            # The best rate overstates what arrives, so the next leg is never short.
            reach *= before.rate(ticks)
            most = min(most, self._spendable(leg) / reach)
        return most

    def _spendable(self, leg: Leg) -> float:
        if self.account.unlimited:
            return float("inf")
        return SPENT_AT_MOST * self.account.spendable_atoms(leg.spends, leg.listing.venue)

    def _surplus(self, leg: Leg) -> int:
        """Atoms above the target of the asset that a leg spends: dust of earlier round trips, either sign."""
        venue, asset = leg.listing.venue, leg.spends
        return self.account.balance_atoms(asset, venue) - self._targets[venue, asset]

    def _smallest_profit(self, cycle: Cycle) -> float:
        return self.min_profit * _atoms_per_unit(cycle[0])

    def _send_leg(self, leg: Leg, lots: int, ticks: int) -> int:
        send = self.buy if leg.side == Side.BUY else self.sell
        return send(leg.listing, leg.listing.size(lots), leg.listing.price(ticks), tif="IOC")

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
        """All answers are in: be free for the next round trip, or trade back what a short leg has left."""
        repairs = self._residuals()
        if not repairs:
            self._cycle, self._repairing = None, False
        if not repairs or self._repairing:
            # Asking again at this instant would show the same book: what was free to take may still be there
            # in a moment, and so may what a repair did not find.
            self.wake_in(int(self.retry_s * SECOND_NS))
        else:
            self._repair(repairs)

    def on_wake(self) -> None:
        """Look again after an attempt, or try a repair that fell short again."""
        # Whoever has been switched off meanwhile has missed quotes, and lost orders without an answer.
        for listing in self.listings:
            view = self.view(listing)
            self._tops[listing.id] = (view.bid_ticks, view.ask_ticks)
        self._pending.intersection_update(self.orders)
        if self._cycle is None:
            self._look()
        elif not self._pending:
            repairs = self._residuals()
            if repairs:
                self._repair(repairs)
            else:
                self._cycle, self._repairing = None, False

    def _residuals(self) -> list[tuple[Leg, int]]:
        assert self._cycle is not None
        return [order for leg in (self._cycle[0], self._cycle[2]) for order in self._residual_of(leg)]

    def _repair(self, repairs: list[tuple[Leg, int]]) -> None:
        self._repairing = True
        for leg, lots in repairs:
            send = self.buy if leg.side == Side.BUY else self.sell
            self._pending.add(send(leg.listing, leg.listing.size(lots), protection_bps=self.protection_bps))

    def _residual_of(self, leg: Leg) -> list[tuple[Leg, int]]:
        """The order (leg, lots) that brings a leg's other asset back to its target, if it is off."""
        venue, listing = leg.listing.venue, leg.listing
        start = self._cycle[0].spends if self._cycle else ""
        asset = leg.gets if leg.spends == start else leg.spends
        excess = self.account.balance_atoms(asset, venue) - self._targets[venue, asset]
        spend = Leg(listing, Side.SELL if asset == listing.base else Side.BUY)
        repair = spend if excess > 0 else Leg(listing, Side.BUY if spend.side == Side.SELL else Side.SELL)
        atoms_per_lot = listing.lot_atoms
        if asset == listing.quote:
            price = self._tops[listing.id][1 if repair.side == Side.BUY else 0]
            atoms_per_lot = (price or 1) * listing.tick_lot_atoms
        lots = abs(excess) // atoms_per_lot
        return [(repair, lots)] if lots >= self.dust_lots else []


def find_cycles(listings: tuple[Listing, ...], home: str, across_venues: bool = False) -> list[Cycle]:
    """Every triangle of listings, both ways round, within a venue or across, from `home` if it can."""
    cycles: list[Cycle] = []
    for three in combinations(listings, 3):
        quotes = [listing.quote for listing in three]
        assets = dict.fromkeys(asset for listing in three for asset in (listing.quote, listing.base))
        pairs = {frozenset((listing.base, listing.quote)): listing for listing in three}
        apart = len({listing.venue for listing in three}) > 1
        if (apart and not across_venues) or len(assets) != 3 or len(pairs) != 3:
            continue
        start = home if home in assets else max(assets, key=quotes.count)
        for second, third in permutations([asset for asset in assets if asset != start]):
            path = ((start, second), (second, third), (third, start))
            legs = [_leg(pairs[frozenset(step)], step[0]) for step in path]
            cycles.append((legs[0], legs[1], legs[2]))
    return cycles


def _leg(listing: Listing, spends: str) -> Leg:
    return Leg(listing, Side.BUY if spends == listing.quote else Side.SELL)


def _atoms_per_unit(leg: Leg) -> int:
    """Atoms of one unit of the asset that a leg spends."""
    listing = leg.listing
    return int(10 ** (listing.quote_decimals if leg.side == Side.BUY else listing.base_decimals))
