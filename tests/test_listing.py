from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market_sim.engine import Side
from market_sim.listing import Listing
from market_sim.units import UnitsError


def listing(tick="0.01", lot="0.001", **changes):
    terms = {
        "id": 0,
        "venue_id": 0,
        "venue": "NORTH",
        "instrument": "BTC/USD",
        "base": "BTC",
        "quote": "USD",
        "tick": Decimal(tick),
        "lot": Decimal(lot),
        "base_decimals": 8,
        "quote_decimals": 8,
    }
    return Listing(**{**terms, **changes})


STEPS = ["0.01", "0.05", "0.25", "2.5", "1", "0.00001", "50"]


@given(st.sampled_from(STEPS), st.integers(1, 10**12))
def test_a_price_read_as_a_float_goes_back_to_its_ticks(tick, ticks):
    here = listing(tick, lot="1")
    assert here.price(ticks) == float(here.tick * ticks)
    assert here.ticks(here.price(ticks)) == ticks
    assert here.ticks(str(here.tick * ticks)) == ticks
    assert here.ticks(here.prices.decimal(ticks)) == ticks


@given(st.sampled_from(STEPS), st.floats(0.01, 1e9))
def test_rounding_gives_the_nearest_price_and_is_never_worse_for_a_side(tick, price):
    here = listing(tick, lot="1")
    step = float(here.tick)
    slack = price * 1e-14  # of a large price on a fine grid the last place of a float is coarser than a tick
    assert abs(here.round_price(price) - price) <= step / 2 + slack
    down, up = here.round_price(price, Side.BUY), here.round_price(price, Side.SELL)
    assert price - step - slack < down <= price + slack
    assert price - slack <= up < price + step + slack
    here.ticks(down), here.ticks(up)


def test_last_places_that_arithmetic_moves_do_not_make_a_price_wrong():
    here = listing()
    assert 0.1 + 0.2 != 0.3
    assert here.ticks(0.1 + 0.2) == 30
    assert here.ticks(100.01 + 0.05) == 10_006
    assert here.round_price(0.1 + 0.2, Side.SELL) == 0.3


@pytest.mark.parametrize("price", [100.005, "100.001", Decimal("0.011"), 99.99999])
def test_a_price_off_the_grid_is_refused_not_rounded(price):
    with pytest.raises(UnitsError, match=r"NORTH:BTC/USD: price .* is off the grid.*tick 0.01.*round_price"):
        listing().ticks(price)


@pytest.mark.parametrize("size", ["0.0001", 0.1005])
def test_a_size_off_the_lot_is_refused(size):
    with pytest.raises(UnitsError, match=r"size .* is off the grid.*lot 0.001"):
        listing().lots(size)


@pytest.mark.parametrize("size", [0, -1, "-0.5"])
def test_a_size_must_be_above_zero(size):
    with pytest.raises(UnitsError, match="is not above 0"):
        listing().lots(size)


def test_sizes_round_down():
    here = listing()
    assert here.round_size(0.1239) == 0.123
    assert here.round_size(0.123) == 0.123
    assert here.round_size(0.0009) == 0


def test_atoms_of_a_tick_times_a_lot():
    here = listing("0.5", "0.001")
    assert here.tick_lot_atoms == 50_000
    assert here.lot_atoms == 100_000
    with pytest.raises(UnitsError, match="no whole number of atoms"):
        listing("0.01", "0.001", quote_decimals=2)


def test_two_listings_of_one_instrument_have_two_grids():
    fine, coarse = listing("0.01"), listing("0.5", venue="SOUTH", id=1)
    assert fine.ticks(100.25) == 10_025
    with pytest.raises(UnitsError):
        coarse.ticks(100.25)
    assert fine != coarse
    assert coarse.name == "SOUTH:BTC/USD"
