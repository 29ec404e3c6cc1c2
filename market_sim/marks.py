"""Exchange rates between assets from the prices of listings, for marking what somebody holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from market_sim.listing import Listing


class Rates:
    """Rates between assets along listings; `price_of` gives a listing's price (quote per base) or None.

    Over the fewest conversions; among equally short ways the listing that comes first in the scenario rules,
    so the answer does not depend on anything but its order.
    """

    def __init__(self, listings: Sequence[Listing], price_of: Callable[[Listing], float | None]) -> None:
        self._listings = listings
        self._price_of = price_of
        self._prices: dict[int, float | None] = {}
        self._known: dict[tuple[str, str], float | None] = {}

    def of(self, asset: str, numeraire: str) -> float | None:
        """Units of `numeraire` that one unit of `asset` is worth; None where no chain of prices leads
        there.
        """
        key = (asset, numeraire)
        if key not in self._known:
            self._known[key] = self._search(asset, numeraire)
        return self._known[key]

    def _search(self, asset: str, numeraire: str) -> float | None:
        reached = {asset: 1.0}
        frontier = [asset]
        while frontier and numeraire not in reached:
            following = []
            for held in frontier:
                for listing in self._listings:
                    step = self._step(held, listing)
                    if step is not None and step[0] not in reached:
                        reached[step[0]] = reached[held] * step[1]
                        following.append(step[0])
            frontier = following
        return reached.get(numeraire)

    def _step(self, held: str, listing: Listing) -> tuple[str, float] | None:
        if held not in (listing.base, listing.quote):
            return None
        if listing.id not in self._prices:
            self._prices[listing.id] = self._price_of(listing)
        price = self._prices[listing.id]
        if not price:
            return None
        return (listing.quote, price) if held == listing.base else (listing.base, 1 / price)
