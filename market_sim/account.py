"""What an agent knows about its own money: moved by the reports it has received, not by what venues know
already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from market_sim.engine import Side
from market_sim.listing import Listing
from market_sim.marks import Rates
from market_sim.notices import Fill

if TYPE_CHECKING:
    from market_sim.vantage import Vantage


class Account:
    """Balances per venue and asset as reported, in asset units; the methods in `_atoms` give exact integers.

    `balance` counts what open orders have reserved, `spendable` does not. With pooled accounts every venue
    shows the one pool. Unknown venues and assets raise ScenarioError.
    """

    def __init__(self, owner: Vantage) -> None:
        self._owner = owner
        self._money = owner.market.money
        self._atoms: dict[tuple[str, str], int] = {}
        # (arrival time, venue, asset, atoms): assets under way between two venues count when they arrive.
        self._under_way: list[tuple[int, str, str, int]] = []

    def _move(self, venue: str, asset: str, atoms: int) -> None:
        key = (self._money.book_of(venue), asset)
        self._atoms[key] = self._atoms.get(key, 0) + atoms

    def _restate(self) -> None:
        """Read a statement of the true balances: who was away has missed reports."""
        self._atoms = self._money.statement(self._owner.agent_id)
        self._under_way = [entry for entry in self._under_way if entry[0] > self._owner.now_ns]

    def _fill(self, fill: Fill) -> None:
        listing = fill.listing
        sign = 1 if fill.side_code == Side.BUY else -1
        notional = fill.price_ticks * fill.size_lots * listing.tick_lot_atoms
        self._move(listing.venue, listing.base, sign * fill.size_lots * listing.lot_atoms)
        self._move(listing.venue, listing.quote, -sign * notional - fill.fee_atoms)

    def _send(
        self, origin: str, target: str, asset: str, atoms: int, fee_atoms: int, arrival_ns: int
    ) -> None:
        self._move(origin, asset, -atoms)
        self._under_way.append((arrival_ns, target, asset, atoms - fee_atoms))

    def _settle(self) -> None:
        if not self._under_way:
            return
        now_ns = self._owner.now_ns
        for arrival_ns, venue, asset, atoms in self._under_way:
            if arrival_ns <= now_ns:
                self._move(venue, asset, atoms)
        self._under_way = [entry for entry in self._under_way if entry[0] > now_ns]

    def balance_atoms(self, asset: str, venue: str | None = None) -> int:
        """Atoms of an asset at a venue, or over all venues."""
        self._money.decimals(asset)
        self._settle()
        if venue is not None:
            return self._atoms.get((self._money.book_of(venue), asset), 0)
        return sum(atoms for (_, held), atoms in self._atoms.items() if held == asset)

    def balance(self, asset: str, venue: str | None = None) -> float:
        """Holding of an asset at a venue, or over all venues, reserved funds included."""
        return self._money.amount(asset, self.balance_atoms(asset, venue))

    def spendable_atoms(self, asset: str, venue: str | None = None) -> int:
        """Atoms of an asset that a new order at a venue could use, or at all venues together."""
        books = self._money.books if venue is None else [venue]
        return sum(self._money.spendable_atoms(self._owner.agent_id, book, asset) for book in books)

    def spendable(self, asset: str, venue: str | None = None) -> float:
        """What a new order at a venue could use of an asset, or at all venues together: not yet reserved."""
        return self._money.amount(asset, self.spendable_atoms(asset, venue))

    @property
    def unlimited(self) -> bool:
        """True with credit "unlimited": nothing is reserved, and `spendable` limits no order."""
        return self._owner.market.groups[self._owner.name].credit == "unlimited"

    def position(self, asset: str) -> float:
        """Holding of an asset over all venues; below 0 when sold short."""
        return self.balance(asset)

    @property
    def positions(self) -> dict[str, float]:
        """Holdings of every asset over all venues."""
        return {asset: self.balance(asset) for asset in self._money.assets}

    def value(self, numeraire: str | None = None) -> float | None:
        """Worth of all holdings in an asset (default: the scenario's numeraire), at the mids of the own
        views.

        Where a side is empty the last trade heard of marks instead. None if something held has no mark yet.
        """
        target = numeraire or self._money.numeraire
        self._money.decimals(target)
        rates = Rates(self._owner.market.listings, self._known_price)
        total = 0.0
        for asset in self._money.assets:
            held = self.balance(asset)
            if held == 0:
                continue
            rate = rates.of(asset, target)
            if rate is None:
                return None
            total += held * rate
        return total

    def _known_price(self, listing: Listing) -> float | None:
        view = self._owner.look(listing)
        return view.mid if view.mid is not None else view.last_price
