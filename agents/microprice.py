"""A market maker that follows the imbalance of the book: it quotes around the microprice."""

from __future__ import annotations

from typing import ClassVar

from agents.base import Cancelled, CancelReason, Fill, Listing, Order, Reject, Trader, View

SECOND_NS = 1_000_000_000
Levels = list[tuple[int, int]]


class MicropriceMaker(Trader):
    """Quotes around the price that the sizes on both sides point to, and steps away from the weak side.

    Model: the size-weighted mid of Gatheral and Oomen (2010), Finance and Stochastics 14:249-283, which
    Stoikov (2018), Quantitative Finance 18:1959-1966, corrects to the microprice: fair = mid + `weight` *
    imbalance * spread / 2, imbalance = (bid size - ask size) / (bid size + ask size) over the first
    `levels` levels. With `weight = 1` it is the weighted mid. Quotes stand `half_spread_ticks` from the
    fair price, moved by `skew_ticks` against every `size` of inventory, and rounded away from it. Where
    the imbalance is beyond `pull` against a side (few bids under the own bid, few asks over the own ask),
    that side is not quoted: its next fill would most likely be followed by a move against it.

    Units: prices in ticks of the listing, sizes in base units.

    It looks at every change of the book, and only once its own orders are reported as the book shows them.

    Simplifications: `weight` is a parameter in place of Stoikov's table of future mids; own orders are taken
    out of the book as far as reported; fees do not enter.
    """

    portable: ClassVar[bool] = True
    depth: ClassVar[int] = 5

    size: float = 0.1
    """Size of each quote in base units."""
    max_inventory: float = 1.0
    """Largest distance of the holding from where it began, in base units."""
    levels: int = 1
    """Levels a side that count for the imbalance, 1 to 5."""
    weight: float = 1.0
    """Share of the imbalance that the fair price follows: 0 is the mid, 1 the weighted mid."""
    half_spread_ticks: float = 1.0
    """Distance of both quotes from the fair price, in ticks."""
    skew_ticks: float = 0.2
    """Ticks by which one `size` of inventory moves both quotes."""
    pull: float = 0.8
    """Imbalance, as a share of both sizes, beyond which the weak side is not quoted; 1: never."""
    interval_s: float = 1.0
    """Seconds between two looks where no level has changed."""
    patience_ticks: int = 1
    """Quotes that are off by less than this stay where they are, and keep their place in the queue."""

    def on_start(self) -> None:
        """Remember the holding it began with; look within one interval."""
        if not 1 <= self.levels <= self.depth:
            raise ValueError(
                f"{self.name}: levels = {self.levels}; it sees {self.depth}, so give 1 to {self.depth}"
            )
        self._home = {listing.base: self.account.position(listing.base) for listing in self.listings}
        self.wake_in(1 + int(self.random.random() * self.interval_s * SECOND_NS))

    def on_wake(self) -> None:
        """Look at every listing."""
        for listing in self.listings:
            self._requote(listing)
        self.wake_in(int(self.interval_s * SECOND_NS))

    def on_book(self, book: View) -> None:
        """A level has changed: behind own quotes the touch may stand still while the others move."""
        self._requote(book.listing)

    def on_fill(self, fill: Fill) -> None:
        """The inventory has changed."""
        self._requote(fill.listing)

    def on_accepted(self, order: Order) -> None:
        """A quote stands: look at what has changed while it was on its way."""
        self._requote(order.listing)

    def on_cancelled(self, cancelled: Cancelled) -> None:
        """A quote is gone."""
        if cancelled.reason is not CancelReason.SESSION_END:
            self._requote(cancelled.listing)

    def on_reject(self, reject: Reject) -> None:
        """The market has moved into a quote on its way; the next change of the book brings another."""

    def _requote(self, listing: Listing) -> None:
        # Whoever takes the own quotes for those of others leans on them, and runs away from itself.
        if not self.settled(listing):
            return
        bids, asks = self.others_depth(listing)
        if not bids or not asks:
            # Nothing to lean on: quotes of a price that is no more would only be picked off.
            self.quote(listing, None, None, listing.round_size(self.size))
            return
        imbalance = _imbalance(bids[: self.levels], asks[: self.levels])
        inventory = self.account.position(listing.base) - self._home[listing.base]
        fair = (bids[0][0] + asks[0][0]) / 2 + self.weight * imbalance * (asks[0][0] - bids[0][0]) / 2
        fair -= self.skew_ticks * inventory / self.size
        size = listing.round_size(self.size)
        buys = inventory + size <= self.max_inventory and imbalance >= -self.pull
        sells = inventory - size >= -self.max_inventory and imbalance <= self.pull
        self.quote_beside(
            listing,
            _floor(fair - self.half_spread_ticks) if buys else None,
            -_floor(-fair - self.half_spread_ticks) if sells else None,
            size,
            self.patience_ticks,
        )


def _imbalance(bids: Levels, asks: Levels) -> float:
    bid, ask = sum(lots for _, lots in bids), sum(lots for _, lots in asks)
    return (bid - ask) / (bid + ask)


def _floor(ticks: float) -> int:
    """The whole tick below, forgiving a float's last places."""
    near = round(ticks)
    return near if near - ticks <= 1e-9 * abs(ticks) else near - 1
