"""What a listing is worth: atoms of a tick and of a lot, its fees, its least notional; and its book."""

from __future__ import annotations

from dataclasses import dataclass, field

from market_sim.reference.book import Book
from market_sim.reference.ledger import fee_atoms
from market_sim.reference.order import Order
from market_sim.reference.stops import StopBook
from market_sim.reference.types import (
    MAX_NOTIONAL,
    Atoms,
    ListingId,
    Lots,
    MatchingPolicy,
    Nanos,
    OrderId,
    Side,
    Ticks,
)

ONE_E8 = 10**8
TEN_THOUSAND = 10_000  # basis points in one


@dataclass(slots=True)
class Rules:
    """How a listing matches (`Venue.set_matching`) and when it halts (`Venue.set_volatility_halt`)."""

    policy: MatchingPolicy = MatchingPolicy.PRICE_TIME
    top_order_max_lots: Lots = 0
    pro_rata_min_lots: Lots = 0
    interval_ns: Nanos = 0
    halt_bps: int = 0
    halt_ns: Nanos = 0


@dataclass(slots=True)
class Call:
    """Where a listing stands between two auctions."""

    called: bool = False  # a call phase has begun, and its orders have not met yet
    halted: bool = False  # by itself, while the venue goes on
    halt_until_ns: Nanos = 0
    batch_clock: int = 0  # intervals that have ended
    batch: int = 1  # the one that gathers now
    published: tuple[Ticks, Lots, Lots] = (0, 0, 0)  # last indicative price, volume, surplus


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
    rules: Rules = field(default_factory=Rules)
    call: Call = field(default_factory=Call)
    set_reference: Ticks | None = None  # where nothing was printed since it was set
    static_price: Ticks | None = None  # the middle of the band within which trading goes on
    tops: list[Order | None] = field(default_factory=lambda: [None, None])  # who bettered the price, per side

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

    def note_print(self, price: Ticks, elects: bool = True) -> None:
        """A trade was printed: stops will look at it when the sweep is over, unless they wait for later."""
        self.last_print, self.set_reference = price, None
        if self.rules.halt_bps and self.static_price is None:
            self.static_price = price
        if elects:
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

    # --- auctions, bands, pro rata -----------------------------------------------------------------

    @property
    def batches(self) -> bool:
        """Whether orders wait for the end of a batch instead of trading on arrival."""
        return self.rules.policy == MatchingPolicy.BATCH_AUCTION

    @property
    def shares(self) -> bool:
        """Whether orders at one price share what trades there."""
        return self.rules.policy == MatchingPolicy.PRO_RATA

    @property
    def reference_price(self) -> Ticks | None:
        """The last print, or the price that was set since."""
        return self.last_print if self.set_reference is None else self.set_reference

    def band_edge(self, side: int) -> Ticks | None:
        """The last price at which an order of `side` may trade before the listing halts; None: any."""
        if not self.rules.halt_bps or self.static_price is None:
            return None
        width = self.static_price * self.rules.halt_bps // TEN_THOUSAND
        return self.static_price + width if side == Side.BUY else self.static_price - width

    def beyond_band(self, price: Ticks) -> bool:
        """Whether a match at this price would be too far away."""
        low, high = self.band_edge(Side.SELL), self.band_edge(Side.BUY)
        return low is not None and high is not None and not low <= price <= high

    def within_band(self, side: int, limit: Ticks | None) -> Ticks | None:
        """The limit of an order, or the edge of the band where that is nearer."""
        edge = self.band_edge(side)
        if edge is None or limit is None:
            return limit if edge is None else edge
        return min(limit, edge) if side == Side.BUY else max(limit, edge)

    def note_top(self, order: Order, may_be: bool) -> None:
        """An order comes to rest: pro rata, it is the top of its side if it betters what is displayed."""
        self.no_longer_top(order)
        best = self.book.best_shown(order.side)
        if self.shares and may_be and order.peak and (best is None or _better(order, best.price)):
            self.tops[order.side] = order

    def no_longer_top(self, order: Order) -> None:
        """An order has lost its place."""
        if self.tops[order.side] is order:
            self.tops[order.side] = None

    def top(self, side: int) -> Order | None:
        """The order that bettered the price of its side and still stands where it did."""
        order = self.tops[side]
        return order if order is not None and self.book.orders.get(order.id) is order else None

    def auction_words(self) -> list[int]:
        """What calls, batches, halts and tops add to the hash of the venue; nothing where there were none."""
        call, words = self.call, list[int]()
        words += (
            call.called | call.halted << 1 | self.rules.policy << 2,
            call.halt_until_ns,
            call.batch_clock,
        )
        words += (self.set_reference or 0, self.static_price or 0)
        for side in (Side.BUY, Side.SELL):
            words += (0, 0) if (top := self.top(side)) is None else top.id
        words += call.published
        return [*words, self.last_print or 0] if any(words) else []


def _better(order: Order, price: Ticks) -> bool:
    return order.price > price if order.side == Side.BUY else order.price < price
