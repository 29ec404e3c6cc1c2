"""The dealer of Glosten and Milgrom: quotes what the instrument is worth if they are hit."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Fill, Listing, Trader
from market_sim.theory.glosten_milgrom import after_buy, after_sale


class GlostenMilgromDealer(Trader):
    """Quotes one bid and one ask without profit or regret, and learns from every trade.

    Model: Glosten and Milgrom (1985), Journal of Financial Economics 14:71-100, binary form: the
    instrument is worth `low` or `high`; a share `informed` of the traders knows which, the rest buys or
    sells by a fair coin. With the belief b (probability of `high`) the ask is the expected value after a
    buy, b (1 + a) / (1 + a (2b - 1)), the bid the one after a sale, b (1 - a) / (1 - a (2b - 1)), both
    between low and high; after a trade the belief is the one that its price had assumed. The ask is
    rounded up to the grid, the bid down.

    Units: `low` and `high` in quote units, `size` in base units, probabilities 0 to 1.

    Simplifications: every fill is one trader, whatever its size; the value does not change; the dealer has no
    inventory limit but its funds (the model's dealer is risk neutral). Between a fill and its report a second
    trader may meet the old quotes: the model has no latency, a market has.
    """

    portable: ClassVar[bool] = True

    low: float = 99.0
    """What the instrument is worth in the bad case, in quote units."""
    high: float = 101.0
    """What it is worth in the good case, in quote units."""
    prior: float = 0.5
    """Probability of `high` at the start, between 0 and 1."""
    informed: float = 0.3
    """Share of informed traders, from 0 to less than 1."""
    size: float = 1.0
    """Size of each quote in base units."""

    def on_start(self) -> None:
        """Quote by the prior."""
        if not (self.low < self.high and 0 < self.prior < 1 and 0 <= self.informed < 1):
            raise ValueError(
                f"{self.name}: low {self.low}, high {self.high}, prior {self.prior}, informed "
                f"{self.informed}; "
                "low must be below high, prior between 0 and 1, informed from 0 to less than 1"
            )
        #: Probability of `high` by listing.
        self.belief = {listing.id: self.prior for listing in self.listings}
        for listing in self.listings:
            self._requote(listing)

    def on_fill(self, fill: Fill) -> None:
        """A trader has taken a side: learn, and quote both anew."""
        learn = after_sale if fill.side.name == "BUY" else after_buy
        self.belief[fill.listing_id] = learn(self.belief[fill.listing_id], self.informed)
        self._requote(fill.listing)

    def _requote(self, listing: Listing) -> None:
        belief, width = self.belief[listing.id], self.high - self.low
        bid = listing.prices.below(self.low + width * after_sale(belief, self.informed))
        ask = listing.prices.above(self.low + width * after_buy(belief, self.informed))
        # When the belief is as good as certain both round to one tick, and the own quotes must not meet.
        bid = max(min(bid, ask - 1), 1)
        self.quote(
            listing, listing.price(bid), listing.price(ask), listing.round_size(self.size), post_only=False
        )
