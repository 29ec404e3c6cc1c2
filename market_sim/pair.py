"""Two legs that are traded together: what is held of both, and the orders towards a target."""

from __future__ import annotations

from market_sim.listing import Listing
from market_sim.participant import Participant


class Pair:
    """The first two listings of a trader, in lots above what it held at the start."""

    def __init__(self, trader: Participant, protection_bps: int) -> None:
        if len(trader.listings) < 2:
            raise ValueError(f"{trader.name} needs two listings, and trades {len(trader.listings)}")
        self.trader = trader
        self.first, self.second = trader.listings[:2]
        self.protection_bps = protection_bps
        #: Lots of both that shall be held.
        self.target = [0, 0]
        self._home = [self._atoms(leg) for leg in self.legs]

    @property
    def legs(self) -> tuple[Listing, Listing]:
        """Both listings."""
        return self.first, self.second

    def _atoms(self, leg: Listing) -> int:
        return self.trader.account.balance_atoms(leg.base, leg.venue)

    def mids(self) -> tuple[float, float] | None:
        """Both mids of the own views; None while one of them is missing."""
        first, second = (self.trader.view(leg).mid for leg in self.legs)
        return None if first is None or second is None else (first, second)

    def held(self) -> list[int]:
        """Lots of both, as reported."""
        return [
            (self._atoms(leg) - home) // leg.lot_atoms
            for leg, home in zip(self.legs, self._home, strict=True)
        ]

    def aim(self, second_lots: int, beta: float) -> None:
        """Hold so many lots of the second, hedged by beta times their size of the first the other way."""
        hedge = self.first.sizes.nearest(self.second.size(abs(second_lots)) * beta)
        self.target = [-hedge if second_lots > 0 else hedge, second_lots]

    def trade(self) -> None:
        """Send what separates the holding from the target, once all earlier orders are answered."""
        if self.trader.orders:
            return
        for leg, target, held in zip(self.legs, self.target, self.held(), strict=True):
            missing = target - held
            if missing:
                send = self.trader.buy if missing > 0 else self.trader.sell
                send(leg, leg.size(abs(missing)), protection_bps=self.protection_bps)
