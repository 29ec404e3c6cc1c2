"""An agent's own gateway: what it may spend, which of its orders it believes open, its limits.

The gateway reserves funds when the agent sends and learns of fills only when reports arrive. True
balances (the ledger) move at the match; what is spendable moves here, so that no venue's news
reaches another venue ahead of the latency.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from market_sim.reference.event import Event, EventKind, RejectReason
from market_sim.reference.ledger import AssetId
from market_sim.reference.types import MAX_PRICE, MAX_SIZE, Atoms, ListingId, Lots, Side, Ticks, VenueId

Account = tuple[VenueId, AssetId]


@dataclass(slots=True)
class Terms:
    """What a gateway knows of a listing: its accounts, its grid in atoms, the dearer of its two fees."""

    base: Account
    quote: Account
    tick_lot_atoms: Atoms
    lot_atoms: Atoms
    worst_fee_e8: int  # 0 if both fees are rebates


@dataclass(slots=True)
class OpenOrder:
    """An own order as last reported, the atoms reserved for it, and replacements not answered yet."""

    listing: ListingId
    side: int
    order_type: int
    tif: int
    price: Ticks | None  # the worst it can trade at, wherever it stands; None: nothing bounds it
    total: Lots
    leaves: Lots
    reserved: Atoms = 0
    asked: list[tuple[Ticks | None, Lots]] = field(default_factory=list)  # (price or as it is, total)

    @property
    def executed(self) -> Lots:
        """Lots traded as far as reported."""
        return self.total - self.leaves


class Gateway:
    """One agent's books about itself."""

    def __init__(self, unlimited_credit: bool, short_selling: bool, max_open_orders: int) -> None:
        self.unlimited_credit = unlimited_credit
        self.short_selling = short_selling
        self.max_open_orders = max_open_orders  # 0: no limit
        self.max_order_lots: dict[ListingId, Lots] = {}
        self.spendable: dict[Account, Atoms] = {}
        self.open: dict[int, OpenOrder] = {}
        self.last_counter = 0

    def next_counter(self) -> int:
        """Number of the agent's next order, over all venues; a number is never used twice."""
        self.last_counter += 1
        return self.last_counter

    def credit(self, account: Account, atoms: Atoms) -> None:
        """Move what is spendable by `atoms`."""
        self.spendable[account] = self.spendable.get(account, 0) + atoms

    # --- sending -----------------------------------------------------------------------------------

    def admit(self, terms: Terms, counter: int, order: OpenOrder) -> int:
        """Check a new order and reserve for it; returns 0, or the reason why it stays here."""
        reason = self._refusal(order)
        if reason:
            return reason
        account = self._account(terms, order.side)
        need = self._need(terms, order.side, order.price, order.leaves)
        if need > 0 and need > self.spendable.get(account, 0):
            return RejectReason.INSUFFICIENT_FUNDS
        self.credit(account, -need)
        order.reserved = need
        self.open[counter] = order
        return 0

    def _refusal(self, order: OpenOrder) -> int:
        reason = out_of_range(order.price, order.leaves)
        if reason:
            return reason
        if self.max_open_orders and len(self.open) >= self.max_open_orders:
            return RejectReason.OPEN_ORDER_LIMIT
        if self._too_large(order.listing, order.leaves):
            return RejectReason.ORDER_SIZE_LIMIT
        if order.side == Side.BUY and order.price is None and not self.unlimited_credit:
            return RejectReason.PROTECTION_REQUIRED  # nothing bounds what it may cost
        return 0

    def admit_replace(self, terms: Terms, counter: int, price: Ticks | None, size: Lots) -> int:
        """Check a replacement and reserve what it may need beyond what the order has reserved.

        Until the venue answers, either version may trade, so the dearer one stays reserved.
        """
        order = self.open.get(counter)
        if order is None:
            return RejectReason.UNKNOWN_ORDER
        reason = out_of_range(price, size)
        if reason:
            return reason
        if self._too_large(order.listing, size):
            return RejectReason.ORDER_SIZE_LIMIT
        account = self._account(terms, order.side)
        worst = order.price if price is None else price
        more = max(self._need(terms, order.side, worst, size - order.executed) - order.reserved, 0)
        if more > 0 and more > self.spendable.get(account, 0):
            return RejectReason.INSUFFICIENT_FUNDS
        self.credit(account, -more)
        order.reserved += more
        order.asked.append((price, size))
        return 0

    def withdraw(self, account: Account, atoms: Atoms) -> bool:
        """Take atoms for a transfer, if they are spendable."""
        if not self.unlimited_credit and self.spendable.get(account, 0) < atoms:
            return False
        self.credit(account, -atoms)
        return True

    # --- reports -----------------------------------------------------------------------------------

    def settle(self, terms: Terms, report: Event, answers: bool) -> None:
        """Learn from a venue's report: reserve what the order still needs, then book the fill itself.

        `answers`: it is the answer to the oldest replacement asked for. A link keeps the order of messages,
        so answers come in the order of requests; other changes of an order come unasked.
        """
        order = self.open.get(report.counter)
        if order is None:
            return
        kind = report.kind
        if kind == EventKind.FILL:
            order.leaves = report.leaves
        elif kind in (EventKind.CANCELLED, EventKind.REJECTED):
            order.leaves = 0
        elif kind == EventKind.REPLACED:
            order.total, order.leaves = report.size, report.leaves
        elif kind != EventKind.REPLACE_REJECTED:
            return  # an acknowledgement or a refused cancel moves no money
        if answers and order.leaves:
            price, _ = order.asked.pop(0)
            if kind == EventKind.REPLACED and price is not None:
                order.price = price  # what was asked for bounds it; a peg's report says where it stands
        need = self._dearest_need(terms, order)
        self.credit(self._account(terms, order.side), order.reserved - need)
        order.reserved = need
        if kind == EventKind.FILL:
            self._pay(terms, order.side, report)
        if order.leaves == 0:
            del self.open[report.counter]

    def _pay(self, terms: Terms, side: int, fill: Event) -> None:
        sign = 1 if side == Side.BUY else -1
        self.credit(terms.base, sign * fill.size * terms.lot_atoms)
        self.credit(terms.quote, -sign * fill.price * fill.size * terms.tick_lot_atoms - fill.fee)

    # --- rules -------------------------------------------------------------------------------------

    def _need(self, terms: Terms, side: int, price: Ticks | None, lots: Lots) -> Atoms:
        """Atoms that an order of so many lots ties up: a buy its limit and the worst fee, a sale its base.

        Every fill rounds its fee up by less than one atom, and there are at most as many fills as lots.
        """
        if self.unlimited_credit or lots <= 0:
            return 0
        if side == Side.SELL:
            return 0 if self.short_selling else lots * terms.lot_atoms
        assert price is not None, "a buy without a price is refused before it reserves"
        notional = price * lots * terms.tick_lot_atoms
        if terms.worst_fee_e8 == 0:
            return notional
        return notional + notional * terms.worst_fee_e8 // 10**8 + lots

    def _dearest_need(self, terms: Terms, order: OpenOrder) -> Atoms:
        """What the order needs as it stands, or as any replacement under way may make it."""
        if order.leaves == 0:
            return 0
        needs = [
            self._need(terms, order.side, order.price if price is None else price, total - order.executed)
            for price, total in order.asked
        ]
        return max(self._need(terms, order.side, order.price, order.leaves), *needs, 0)

    def _too_large(self, listing: ListingId, size: Lots) -> bool:
        limit = self.max_order_lots.get(listing, 0)
        return 0 < limit < size

    @staticmethod
    def _account(terms: Terms, side: int) -> Account:
        return terms.quote if side == Side.BUY else terms.base


def out_of_range(price: Ticks | None, size: Lots) -> int:
    """The venue's own check of ranges, made before the order travels."""
    if price is not None and not 1 <= price <= MAX_PRICE:
        return RejectReason.PRICE_OUT_OF_RANGE
    return 0 if 1 <= size <= MAX_SIZE else RejectReason.SIZE_OUT_OF_RANGE
