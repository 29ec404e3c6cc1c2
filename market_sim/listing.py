"""A listing: an instrument on a venue with its own grid of prices and sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from market_sim.engine import Side
from market_sim.units import Number, UnitsError, exact_decimal, to_atoms

# A float that arithmetic has moved by a few units in its last place still names its grid point; more is off
# the grid.
FLOAT_SLACK = 4e-15
FLOAT_EXACT_STEPS = 10**13


@dataclass(frozen=True, eq=False, slots=True)
class Grid:
    """Multiples of a step, read as floats or decimals, held as integer counts of steps."""

    step: Decimal
    what: str
    unit: str
    #: The step as a fraction in lowest terms.
    up: int = field(init=False, repr=False)
    down: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ratio = Fraction(self.step)
        if ratio <= 0:
            raise UnitsError(
                f"the {self.unit} {self.step} is not above 0", remedy=f"Give a positive {self.unit}."
            )
        object.__setattr__(self, "up", ratio.numerator)
        object.__setattr__(self, "down", ratio.denominator)

    def value(self, steps: int) -> float:
        """The float nearest to so many steps."""
        return steps * self.up / self.down

    def decimal(self, steps: int) -> Decimal:
        """Exactly so many steps."""
        return self.step * steps

    def steps(self, value: Number, where: str) -> int:
        """Whole steps of a value; UnitsError naming `where` if it lies off the grid."""
        if type(value) is float and math.isfinite(value):
            steps = round(value * self.down / self.up)
            if -FLOAT_EXACT_STEPS < steps < FLOAT_EXACT_STEPS:
                if abs(steps * self.up / self.down - value) <= abs(value) * FLOAT_SLACK:
                    return steps
                raise self._off(value, where)
        steps_exact = exact_decimal(value) / self.step
        steps = int(steps_exact)
        if self.step * steps != exact_decimal(value):
            raise self._off(value, where)
        return steps

    def _off(self, value: Number, where: str) -> UnitsError:
        return UnitsError(
            f"{self.what} {value} is off the grid",
            where,
            f"Use a multiple of the {self.unit} {self.step}; listing.round_{self.what}() gives one.",
        )

    def nearest(self, value: float) -> int:
        """The nearest count of steps (ties to even)."""
        return round(value * self.down / self.up)

    def below(self, value: float) -> int:
        """The largest count of steps not above the value, forgiving a float's last places."""
        near = self.nearest(value)
        edge = near * self.up / self.down
        return near if edge - value <= abs(value) * FLOAT_SLACK else near - 1

    def above(self, value: float) -> int:
        """The smallest count of steps not below the value, forgiving a float's last places."""
        return -self.below(-value)


@dataclass(frozen=True, eq=False, slots=True)
class Listing:
    """An instrument on a venue. `id` and `venue_id` are the kernel's numbers; two listings are equal only if
    they are one.

    `tick` is the price step in `quote` per `base`, `lot` the size step in `base`; one tick times one lot is
    `tick_lot_atoms` atoms of the quote asset, one lot `lot_atoms` of the base, both whole (UnitsError
    otherwise). Fees are rates in 1e-8 of the notional, negative for a rebate.
    """

    id: int
    venue_id: int
    venue: str
    instrument: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    base_decimals: int
    quote_decimals: int
    min_notional_atoms: int = 0
    maker_fee_e8: int = 0
    taker_fee_e8: int = 0
    name: str = field(init=False)
    tick_lot_atoms: int = field(init=False)
    lot_atoms: int = field(init=False)
    prices: Grid = field(init=False, repr=False)
    sizes: Grid = field(init=False, repr=False)

    def __post_init__(self) -> None:
        setting = object.__setattr__
        setting(self, "name", f"{self.venue}:{self.instrument}")
        setting(self, "tick_lot_atoms", to_atoms(self.tick * self.lot, self.quote_decimals, self.quote))
        setting(self, "lot_atoms", to_atoms(self.lot, self.base_decimals, self.base))
        setting(self, "prices", Grid(self.tick, "price", "tick"))
        setting(self, "sizes", Grid(self.lot, "size", "lot"))

    def __str__(self) -> str:
        return self.name

    def price(self, ticks: int) -> float:
        """The price of so many ticks."""
        return self.prices.value(ticks)

    def size(self, lots: int) -> float:
        """The size of so many lots."""
        return self.sizes.value(lots)

    def ticks(self, price: Number) -> int:
        """Ticks of a price, exactly. UnitsError if it is off the grid: prices are rejected, never rounded for
        you.
        """
        return self.prices.steps(price, self.name)

    def lots(self, size: Number) -> int:
        """Lots of a size, exactly. UnitsError if it is no multiple of the lot, or not above 0."""
        lots = self.sizes.steps(size, self.name)
        if lots <= 0:
            raise UnitsError(
                f"size {size} is not above 0",
                self.name,
                f"Give at least a lot, {self.lot}; sell with `sell`, not with a negative size.",
            )
        return lots

    def round_price(self, price: Number, side: Side | int | None = None) -> float:
        """The nearest price on the grid; with a side the nearest one not worse for it: a buy down, a sell
        up.
        """
        value = float(price)
        if side is None:
            return self.price(self.prices.nearest(value))
        return self.price(self.prices.below(value) if side == Side.BUY else self.prices.above(value))

    def round_size(self, size: Number) -> float:
        """The largest size on the grid that is not above `size`."""
        return self.size(self.sizes.below(float(size)))
