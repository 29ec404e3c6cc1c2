"""Triangular arbitrage on three order books: what a round trip through their real depth would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import NamedTuple

from market_sim.errors import DataError
from market_sim.orderbook import ExactLevel, OrderBook
from market_sim.units import Number, exact_decimal

DEFAULT_PAIRS = ("BTC/USD", "ETH/BTC", "ETH/USD")
# Amounts divide by prices and never come out even; what is lost lies behind the 50th digit.
DIGITS = 50
HIGHEST_FEE = Decimal("0.1")

Fees = Number | Sequence[Number] | Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Leg:
    """One trade of a round trip: `side` "buy" or "sell", `size` in units of the pair's base, and the average
    `price` over the levels taken, before fees.
    """

    pair: str
    side: str
    size: float
    price: float


@dataclass(frozen=True, slots=True)
class Route:
    """The way round: `assets` from start to start, the trades, and how much of the first asset goes in.

    Where nothing pays, it is empty and false, and `reason` says what each direction would have returned.
    """

    assets: tuple[str, ...] = ()
    legs: tuple[Leg, ...] = ()
    spent: float = 0.0
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.legs)

    def __str__(self) -> str:
        return " -> ".join(self.assets) if self.legs else f"no route: {self.reason}"


class Opportunity(NamedTuple):
    """`profit` in units of the route's first asset, fees taken off; 0 with an empty route where there is
    none.
    """

    profit: float
    route: Route


class _Way(NamedTuple):
    pair: str
    side: str
    levels: tuple[ExactLevel, ...]
    fee: Decimal

    def rate(self, price: Decimal) -> Decimal:
        """Amount out per amount in."""
        return 1 / (price * (1 + self.fee)) if self.side == "buy" else price * (1 - self.fee)

    def capacity(self, level: ExactLevel) -> Decimal:
        """Amount in that takes the whole level."""
        return level.size * level.price * (1 + self.fee) if self.side == "buy" else level.size


class _Walk(NamedTuple):
    spent: Decimal
    got: Decimal
    taken: tuple[tuple[Decimal, Decimal], ...]
    """Per leg (base, quote before fees)."""


def compute_triangular_opportunity(
    ob1: OrderBook,
    ob2: OrderBook,
    ob3: OrderBook,
    pairs: Sequence[str] = DEFAULT_PAIRS,
    fees: Fees = 0,
) -> Opportunity:
    """The most that a round trip through three books brings, and the way it goes: `profit, route = ...`.

    `pairs` names the books as BASE/QUOTE and must join three assets in a triangle. The trip begins and ends
    in the quote of the first pair (USD by default) and is tried in both directions. `fees` are taker fees as
    a fraction of the notional (0.001 is 10 bps), one number, three, or one by pair; they are paid in the
    quote of each trade.

    All three books are walked at once, best levels first, until the next unit would no longer pay: the profit
    is what the resting sizes allow, at their prices. It holds for three trades at the same instant; what
    latency does to it is what the simulator is for.

    Where nothing pays, the result is a profit of 0.0 and an empty route that says why. Raises DataError for
    pairs that are no triangle, fees that are no fractions, and a crossed book.
    """
    books = (ob1, ob2, ob3)
    parted = _parted(pairs)
    rates = _fees(fees, pairs)
    for book, pair in zip(books, pairs, strict=True):
        if book.crossed:
            raise DataError("the best bid is above the best ask", pair, remedy="Wait for a book in order.")
    directions = _directions(parted)
    ways = [[_way(step, parted, books, pairs, rates) for step in pairwise(assets)] for assets in directions]
    with localcontext() as context:
        context.prec = DIGITS
        walks = [_walk(legs) for legs in ways]
        gains = [walk.got - walk.spent for walk in walks]
        best = 0 if gains[0] >= gains[1] else 1
        if gains[best] <= 0:
            return Opportunity(0.0, Route(reason=_reason(directions, ways)))
        legs = tuple(
            Leg(way.pair, way.side, float(base), float(quote / base))
            for way, (base, quote) in zip(ways[best], walks[best].taken, strict=True)
        )
        return Opportunity(float(gains[best]), Route(directions[best], legs, float(walks[best].spent)))


def _parted(pairs: Sequence[str]) -> list[tuple[str, str]]:
    parted = [tuple(pair.split("/")) for pair in pairs]
    if len(parted) != 3 or any(len(pair) != 2 or not all(pair) for pair in parted):
        raise DataError(
            f"found {', '.join(map(str, pairs))}", "pairs", remedy="Name three pairs as BASE/QUOTE."
        )
    held = [asset for pair in parted for asset in pair]
    if len(set(held)) != 3 or len({frozenset(pair) for pair in parted}) != 3:
        raise DataError(
            f"{', '.join(pairs)} is no triangle",
            "pairs",
            remedy=f"Three assets, each in two of the pairs, as in {', '.join(DEFAULT_PAIRS)}.",
        )
    return [(pair[0], pair[1]) for pair in parted]


def _fees(fees: Fees, pairs: Sequence[str]) -> list[Decimal]:
    if isinstance(fees, Mapping):
        missing = [pair for pair in pairs if pair not in fees]
        if missing:
            raise DataError(f"no fee for {', '.join(missing)}", "fees", remedy="Give one for each pair.")
        given = [fees[pair] for pair in pairs]
    elif isinstance(fees, Sequence) and not isinstance(fees, str):
        given = list(fees)
    else:
        given = [fees] * 3
    if len(given) != 3:
        raise DataError(f"found {len(given)} fees", "fees", remedy="Give one number, or three.")
    found = [exact_decimal(fee) for fee in given]
    for fee in found:
        if abs(fee) >= HIGHEST_FEE:
            raise DataError(
                f"a fee of {fee}", "fees", remedy="Fees are fractions of the notional: 0.001 is 10 bps."
            )
    return found


def _directions(parted: Sequence[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (base, start) = parted[0]
    third = next(asset for pair in parted for asset in pair if asset not in (base, start))
    return (start, base, third, start), (start, third, base, start)


def _way(
    step: tuple[str, str],
    parted: Sequence[tuple[str, str]],
    books: Sequence[OrderBook],
    pairs: Sequence[str],
    fees: Sequence[Decimal],
) -> _Way:
    source, target = step
    number = next(n for n, pair in enumerate(parted) if set(pair) == {source, target})
    if parted[number] == (target, source):
        return _Way(pairs[number], "buy", books[number].exact_asks, fees[number])
    return _Way(pairs[number], "sell", books[number].exact_bids, fees[number])


def _walk(ways: Sequence[_Way]) -> _Walk:
    """Take level by level of all three legs while a unit more comes back as more than a unit."""
    at = [0, 0, 0]
    room = [way.capacity(way.levels[0]) if way.levels else Decimal(0) for way in ways]
    taken = [[Decimal(0), Decimal(0)] for _ in ways]
    spent = got = Decimal(0)
    while all(position < len(way.levels) for position, way in zip(at, ways, strict=True)):
        tops = [way.levels[position] for position, way in zip(at, ways, strict=True)]
        rates = [way.rate(top.price) for way, top in zip(ways, tops, strict=True)]
        if rates[0] * rates[1] * rates[2] <= 1:
            break
        # What may enter the first leg so that each leg's best level holds it.
        before = [Decimal(1), rates[0], rates[0] * rates[1]]
        limits = [space / factor for space, factor in zip(room, before, strict=True)]
        entering = min(limits)
        for leg, (way, top) in enumerate(zip(ways, tops, strict=True)):
            amount = entering * before[leg]
            base = amount * rates[leg] if way.side == "buy" else amount
            taken[leg][0] += base
            taken[leg][1] += base * top.price
            room[leg] -= amount
            if limits[leg] == entering:
                at[leg] += 1
                room[leg] = way.capacity(way.levels[at[leg]]) if at[leg] < len(way.levels) else Decimal(0)
        spent += entering
        got += entering * rates[0] * rates[1] * rates[2]
    return _Walk(spent, got, tuple((base, quote) for base, quote in taken))


def _reason(directions: Sequence[tuple[str, ...]], ways: Sequence[Sequence[_Way]]) -> str:
    told = []
    for assets, legs in zip(directions, ways, strict=True):
        empty = [leg.pair for leg in legs if not leg.levels]
        if empty:
            side = "ask" if next(leg for leg in legs if not leg.levels).side == "buy" else "bid"
            told.append(f"{' -> '.join(assets)} finds no {side} in {empty[0]}")
            continue
        first, second, third = (leg.rate(leg.levels[0].price) for leg in legs)
        told.append(f"{' -> '.join(assets)} returns {first * second * third:.6f} per {assets[0]}")
    return "; ".join(told)
