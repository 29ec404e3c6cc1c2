"""What a listing is worth: atoms of a tick and of a lot, its fees, its least notional; and its book."""

from __future__ import annotations

from dataclasses import dataclass, field

from market_sim.reference.book import Book
from market_sim.reference.ledger import fee_atoms
from market_sim.reference.order import Order
from market_sim.reference.stops import StopBook
from market_sim.reference.types import MAX_NOTIONAL, Atoms, ListingId, Lots, OrderId, Side, Ticks

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
    last_print: Ticks | None = None
    prints: list[Ticks] = field(default_factory=list)  # of the current command, not yet looked at by stops
    stops: StopBook = field(default_factory=StopBook)
    pegs: dict[int, Order] = field(default_factory=dict)  # by number; those that died are forgotten late
    parked: dict[OrderId, Order] = field(default_factory=dict)  # pegs that have nothing to follow

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

    def find(self, order_id: OrderId) -> Order | None:
        """A live order: in the book, a waiting stop or a parked peg."""
        return self.book.orders.get(order_id) or self.stops.waiting.get(order_id) or self.parked.get(order_id)

    def take_out(self, order: Order) -> None:
        """Take a live order out of wherever it is."""
        if self.stops.waiting.pop(order.id, None) is None and self.parked.pop(order.id, None) is None:
            self.book.remove(order)

    def all_orders(self) -> list[Order]:
        """Every live order: bids and asks as they would trade, waiting stops, parked pegs."""
        queues = [*self.book.in_priority(Side.BUY), *self.book.in_priority(Side.SELL)]
        return [*queues, *self.stops.waiting.values(), *sorted(self.parked.values(), key=lambda o: o.number)]

    def note_print(self, price: Ticks) -> None:
        """A trade was printed: stops will look at it when the sweep is over."""
        self.last_print = price
        self.prints.append(price)

    def take_prints(self) -> list[Ticks]:
        """The prints that stops have not looked at yet, oldest first."""
        prints, self.prints = self.prints, []
        return prints

    def look_again_at_last_print(self) -> None:
        """Trading resumes: let stops look at the last print, which may have come while they could not."""
        self.prints = [] if self.last_print is None else [self.last_print]

    def forget_dead_pegs(self) -> None:
        """Drop pegs that have traded or been cancelled."""
        self.pegs = {number: order for number, order in self.pegs.items() if self.find(order.id) is order}

    def waiting_words(self) -> list[int]:
        """What decides how waiting stops and parked pegs will act, for the venue's hash."""
        words = [self.last_print or 0]
        for order in self.stops.waiting.values():
            codes = order.side | order.order_type << 8 | order.tif << 16 | order.stp << 24
            words += (order.number, order.agent, order.counter, codes, order.price, order.leaves, order.total)
            words += (order.stop or 0, order.extreme or 0)
        for order in sorted(self.parked.values(), key=lambda order: order.number):
            codes = order.side | order.tif << 16 | order.stp << 24
            words += (order.number, order.agent, order.counter, codes, order.leaves, order.total)
            words += (order.terms.peg, order.terms.peg_offset_ticks, order.limit or 0)
        return words

    def notional(self, price: Ticks, size: Lots) -> Atoms:
        """Value of `size` lots at `price` in quote atoms."""
        return price * size * self.tick_lot_atoms

    def maker_fee(self, notional: Atoms) -> Atoms:
        """What the resting side of a match pays; negative: what it is paid."""
        return fee_atoms(notional, self.maker_fee_e8)

    def taker_fee(self, notional: Atoms) -> Atoms:
        """What the incoming side of a match pays; negative: what it is paid."""
        return fee_atoms(notional, self.taker_fee_e8)
