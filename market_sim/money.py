"""A market's money: assets, where balances are kept, what is owned and what it is worth."""

from __future__ import annotations

from market_sim.assembly import Assembly
from market_sim.errors import ScenarioError
from market_sim.listing import Listing
from market_sim.marks import Rates
from market_sim.scenario import Scenario
from market_sim.units import from_atoms


class Money:
    """Assets and true balances. `balance_atoms` and `rates` are for observers; agents have their
    `Account`.
    """

    def __init__(self, config: Scenario, parts: Assembly) -> None:
        self._kernel = parts.kernel
        self._venues, self._ids, self._listings = parts.venues, parts.assets, parts.listings
        self._decimals = {name: table.decimals for name, table in config.assets.items()}
        self._market = config.name
        self._final: dict[int, float | None] | None = None
        #: The asset in which profit is counted.
        self.numeraire = config.numeraire
        #: Every asset, in the scenario's order.
        self.assets = list(config.assets)
        names = list(config.venues)
        #: The venues where balances are kept: all, or the first one for all with pooled accounts.
        self.books = names[:1] if config.accounts == "pooled" else names

    def decimals(self, asset: str) -> int:
        """Decimals of an asset; ScenarioError where there is none of the name."""
        found = self._decimals.get(asset)
        if found is None:
            raise ScenarioError(f"no asset {asset!r}", self._market, f"There are {', '.join(self.assets)}.")
        return found

    def book_of(self, venue: str) -> str:
        """The venue whose book holds what is owned at a venue; ScenarioError for an unknown venue."""
        if venue not in self._venues:
            raise ScenarioError(f"no venue {venue!r}", self._market, f"There are {', '.join(self._venues)}.")
        return venue if len(self.books) == len(self._venues) else self.books[0]

    def amount(self, asset: str, atoms: int) -> float:
        """Atoms in units of the asset, for reading."""
        return from_atoms(atoms, self.decimals(asset))

    def place(self, venue: str, asset: str) -> tuple[int, int]:
        """The kernel's numbers of a venue and an asset; ScenarioError for unknown ones."""
        self.decimals(asset)
        return self._venues[self.book_of(venue)], self._ids[asset]

    def spendable_atoms(self, agent_id: int, venue: str, asset: str) -> int:
        """What an agent may spend, as far as its reports tell."""
        return int(self._kernel.spendable(agent_id, *self.place(venue, asset)))

    def statement(self, agent_id: int) -> dict[tuple[str, str], int]:
        """True balances of an agent in atoms, by (venue, asset)."""
        return {
            (book, asset): int(self._kernel.balance(agent_id, *self.place(book, asset)))
            for book in self.books
            for asset in self.assets
        }

    def balance_atoms(self, agent_id: int, asset: str) -> int:
        """True holding of an agent over all venues."""
        return sum(int(self._kernel.balance(agent_id, *self.place(book, asset))) for book in self.books)

    def rates(self) -> Rates:
        """Marks of the true books: mid, else last trade; after the session those at its end."""
        return Rates(self._listings, self._mark)

    def freeze_marks(self) -> None:
        """Keep today's marks for good: a session's end empties its books, but not what things were worth."""
        self._final = {listing.id: self._mark(listing) for listing in self._listings}

    def _mark(self, listing: Listing) -> float | None:
        if self._final is not None:
            return self._final[listing.id]
        bid, _, ask, _ = self._kernel.true_bbo(listing.id)
        if bid is not None and ask is not None:
            return listing.prices.value(bid + ask) / 2
        last = self._kernel.last_trade(listing.id)
        return None if last is None else listing.prices.value(last)

    def worth(self, atoms: dict[str, int], rates: Rates) -> float | None:
        """Holdings in the numeraire; None if one that is not zero has no mark."""
        total = 0.0
        for asset, held in atoms.items():
            if held == 0:
                continue
            rate = rates.of(asset, self.numeraire)
            if rate is None:
                return None
            total += self.amount(asset, held) * rate
        return total
