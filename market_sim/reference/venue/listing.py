"""What a listing is worth: atoms of a tick and of a lot, its fees, its least notional; and its book."""

from __future__ import annotations

from dataclasses import dataclass, field

from market_sim.reference.book import Book
from market_sim.reference.ledger import fee_atoms
from market_sim.reference.types import MAX_NOTIONAL, Atoms, ListingId, Lots, Ticks

ONE_E8 = 10**8


@dataclass(slots=True)
class Listing:
    """An instrument on a venue.

    `tick_lot_atoms`: quote atoms of one tick times one lot; `lot_atoms`: base atoms of one lot.
    Fee rates are in 1e-8 of the notional (1 bps = 10_000); a negative rate is a rebate.
    """

    id: ListingId
    tick_lot_atoms: Atoms
    lot_atoms: Atoms
    min_notional_atoms: Atoms
    maker_fee_e8: int
    taker_fee_e8: int
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        for name, least, most in (
            ("tick_lot_atoms", 1, MAX_NOTIONAL),
            ("lot_atoms", 1, MAX_NOTIONAL),
            ("min_notional_atoms", 0, MAX_NOTIONAL),
            ("maker_fee_e8", -ONE_E8, ONE_E8),
            ("taker_fee_e8", -ONE_E8, ONE_E8),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"listing: {name} is {value}, must be from {least} to {most}")

    def notional(self, price: Ticks, size: Lots) -> Atoms:
        """Value of `size` lots at `price` in quote atoms."""
        return price * size * self.tick_lot_atoms

    def maker_fee(self, notional: Atoms) -> Atoms:
        """What the resting side of a match pays; negative: what it is paid."""
        return fee_atoms(notional, self.maker_fee_e8)

    def taker_fee(self, notional: Atoms) -> Atoms:
        """What the incoming side of a match pays; negative: what it is paid."""
        return fee_atoms(notional, self.taker_fee_e8)
