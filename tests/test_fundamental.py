import math
from decimal import Decimal
from statistics import fmean

import pytest

from market_sim.fundamental import Fundamental, coefficients
from market_sim.scenario import FundamentalTable

SECOND = 1_000_000_000


def table(**changes):
    terms = {"start": "100", "half_life": "10s", "volatility_bps": "50", "step": "1s", **changes}
    return FundamentalTable.model_validate(terms)


def test_coefficients_are_those_of_the_exact_discretisation():
    decay, shock = coefficients(table())
    rate = math.log(2) / 10
    assert decay == pytest.approx(math.exp(-rate), rel=1e-15)
    assert shock == pytest.approx(0.5 * math.sqrt((1 - math.exp(-2 * rate)) / (2 * rate)), rel=1e-14)


def test_the_step_changes_how_often_it_moves_not_what_it_is():
    fine_decay, fine_shock = coefficients(table(step="100ms"))
    decay, shock = coefficients(table())
    assert fine_decay**10 == pytest.approx(decay, rel=1e-13)
    variance = fine_shock**2 * sum(fine_decay ** (2 * k) for k in range(10))
    assert variance == pytest.approx(shock**2, rel=1e-12)


def test_it_wanders_with_the_stationary_variance_and_autocorrelation_of_the_process():
    path = Fundamental.all_of({"X": table()}, seed=3)["X"]
    values = [path.at(k * SECOND) - 100 for k in range(100, 40_100)]
    stationary = 0.25 / (2 * math.log(2) / 10)
    assert fmean(values) == pytest.approx(0, abs=0.1)
    assert fmean(x * x for x in values) == pytest.approx(stationary, rel=0.08)
    lagged = fmean(x * y for x, y in zip(values, values[10:], strict=False)) / fmean(x * x for x in values)
    assert lagged == pytest.approx(0.5, abs=0.04)


def test_it_holds_between_steps_and_does_not_depend_on_who_looks():
    looked, unlooked = (Fundamental.all_of({"X": table()}, seed=3)["X"] for _ in range(2))
    for k in range(50):
        looked.at(k * SECOND // 3)
    assert looked.at(20 * SECOND) == unlooked.at(20 * SECOND)
    assert looked.at(20 * SECOND) == looked.at(21 * SECOND - 1)
    assert looked.at(20 * SECOND) != looked.at(21 * SECOND)
    assert unlooked.at(0 + 21 * SECOND) != 100


def test_a_follower_moves_with_its_leader():
    still = {"volatility_bps": "0"}
    made = Fundamental.all_of(
        {"X": table(), "Y": table(start="50", follows="X", beta="0.5", **still)}, seed=1
    )
    for k in range(1, 30):
        assert made["Y"].at(k * SECOND) == pytest.approx(
            50 + 0.5 * (made["X"].at(k * SECOND) - 100), rel=1e-12
        )
    assert made["Y"].at(30 * SECOND) != 50


def test_a_product_is_worth_what_its_parts_are():
    tables = {
        "X": table(),
        "Y": table(start="20"),
        "XY": table(start="5", product_of=["X", "Y"], volatility_bps="0"),
    }
    made = Fundamental.all_of(tables, seed=1)
    for k in (1, 10, 100):
        parts = made["X"].at(k * SECOND) / 100 * made["Y"].at(k * SECOND) / 20
        assert made["XY"].at(k * SECOND) == pytest.approx(5 * parts, rel=1e-12)


def test_a_jump_is_in_basis_points_of_the_value_and_stays():
    still = table(volatility_bps="0")
    made = Fundamental.all_of({"X": still}, seed=1)["X"]
    made.jump(5 * SECOND, Decimal("100"))
    assert made.at(5 * SECOND) == pytest.approx(101)
    made.jump(6 * SECOND, Decimal("-100"))
    assert made.at(10_000 * SECOND) == pytest.approx(101 * 0.99)


def test_a_value_never_falls_below_zero():
    wild = Fundamental.all_of({"X": table(volatility_bps="20000")}, seed=1)["X"]
    assert min(wild.at(k * SECOND) for k in range(200)) == 0
