"""What an agent knows about its own money: moved by the reports it has received, not by what venues know
already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from market_sim.engine import Side
from market_sim.marks import Rates
from market_sim.notices import Fill
from market_sim.units import from_atoms

if TYPE_CHECKING:
    from market_sim.market import Market


class Account:
    """Balances per venue and asset as reported; floats in asset units, `_atoms` methods exact integers.

    `balance` counts what orders have reserved, `spendable` does not. With pooled accounts every venue shows
    the one pool.
    """

    def __init__(self, market: Market, agent_id: int) -> None:
        self._market = market
        self._agent_id = agent_id
        self._atoms: dict[tuple[str, str], int] = {}
        # (arrival time, venue, asset, atoms): assets under way between two venues count when they arrive.
        self._under_way: list[tuple[int, str, str, int]] = []

    def _place(self, venue: str) -> str:
        return self._market.book_of(venue)

    def _deposit(self, venue: str, asset: str, atoms: int) -> None:
        key = (self._place(venue), asset)
        self._atoms[key] = self._atoms.get(key, 0) + atoms

    def _fill(self, fill: Fill) -> None:
        """Book one reported fill."""
        listing = fill.listing
        sign = 1 if fill.side_code == Side.BUY else -1
        notional = fill.price_ticks * fill.size_lots * listing.tick_lot_atoms
        self._deposit(listing.venue, listing.base, sign * fill.size_lots * listing.lot_atoms)
        self._deposit(listing.venue, listing.quote, -sign * notional - fill.fee_atoms)

    def _send(
        self, origin: str, target: str, asset: str, atoms: int, fee_atoms: int, arrival_ns: int
    ) -> None:
        self._deposit(origin, asset, -atoms)
        self._under_way.append((arrival_ns, target, asset, atoms - fee_atoms))

    def _settle(self) -> None:
        if not self._under_way:
            return
        now_ns = self._market.now_ns
        for arrival_ns, venue, asset, atoms in self._under_way:
            if arrival_ns <= now_ns:
                self._deposit(venue, asset, atoms)
        self._under_way = [entry for entry in self._under_way if entry[0] > now_ns]

    def balance_atoms(self, asset: str, venue: str | None = None) -> int:
        """Atoms of an asset at a venue, or over all venues."""
        self._market.check_asset(asset)
        self._settle()
        if venue is not None:
            return self._atoms.get((self._place(venue), asset), 0)
        return sum(atoms for (_, held), atoms in self._atoms.items() if held == asset)

    def balance(self, asset: str, venue: str | None = None) -> float:
        """Holding of an asset at a venue, or over all venues, reserved funds included."""
        return from_atoms(self.balance_atoms(asset, venue), self._market.decimals(asset))

    def spendable_atoms(self, asset: str, venue: str | None = None) -> int:
        """Atoms of an asset that a new order could use."""
        self._market.check_asset(asset)
        books = self._market.books if venue is None else [self._place(venue)]
        return sum(self._market.spendable_atoms(self._agent_id, book, asset) for book in books)

    def spendable(self, asset: str, venue: str | None = None) -> float:
        """What a new order at a venue, or at all together, could use of an asset: not reserved by open
        orders.
        """
        return from_atoms(self.spendable_atoms(asset, venue), self._market.decimals(asset))

    def position(self, asset: str) -> float:
        """Holding of an asset over all venues; below 0 when sold short."""
        return self.balance(asset)

    @property
    def positions(self) -> dict[str, float]:
        """Holdings of every asset over all venues."""
        return {asset: self.balance(asset) for asset in self._market.asset_names}

    def value(self, numeraire: str | None = None) -> float | None:
        """Worth of all holdings in an asset (default: the scenario's), at the mids of the agent's own views.

        None if something held cannot be priced yet.
        """
        market = self._market
        rates = Rates(market.listings, lambda listing: self._known_price(listing.id))
        total = 0.0
        for asset in market.asset_names:
            held = self.balance(asset)
            if held == 0:
                continue
            rate = rates.of(asset, numeraire or market.numeraire)
            if rate is None:
                return None
            total += held * rate
        return total

    def _known_price(self, listing_id: int) -> float | None:
        view: Any = self._market.view_of(self._agent_id, self._market.listings[listing_id])
        return view.mid if view.mid is not None else view.last_price
