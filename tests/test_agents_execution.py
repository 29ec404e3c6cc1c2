"""Execution in parts: what each strategy sends and when, in front of hand-made books."""

from itertools import pairwise
from math import sinh

import pytest
from agent_kit import book, market, reports, sent
from one_listing import X, plan

from agents.almgren_chriss import AlmgrenChriss
from agents.pov import PercentageOfVolume
from agents.twap import Twap
from agents.vwap import Vwap
from market_sim.errors import AgentError
from market_sim.theory.almgren_chriss import cost_deviation, curvature, expected_cost, holdings

DEEP = ((X, "buy", "5000", "99"), (X, "sell", "5000", "101"))
TERMS = {"size": 100.0, "duration_s": 10.0, "slices": 5, "start_s": 1.0, "protection_bps": 300}


def orders_of(played, name="worker"):
    """(second, side, size) of every order."""
    return [(round(ms / 1000, 6), side, size) for ms, _, side, size, _, _ in sent(played, name)]


def done(played, name="worker"):
    return played.trader(name).parent.done


def test_twap_takes_equal_slices():
    played = market(plan("15s"), book(*DEEP), Twap(name="worker", **TERMS))
    assert orders_of(played) == [(1 + 2 * k, "buy", 20.0) for k in range(5)]
    parent = played.trader("worker").parent
    assert (parent.done, parent.left, parent.average_price, parent.arrival_mid) == (100, 0, 101.0, 100.0)
    assert parent.shortfall_bps == pytest.approx(100.0)


def test_a_sale_is_a_sale():
    played = market(plan("15s"), book(*DEEP), Twap(name="worker", side="sell", **TERMS))
    assert orders_of(played) == [(1 + 2 * k, "sell", 20.0) for k in range(5)]
    assert played.trader("worker").parent.shortfall_bps == pytest.approx(100.0)


@pytest.mark.parametrize(("side", "price"), [("buy", 104.03), ("sell", 96.03)])
def test_a_slice_is_an_order_at_market_with_protection(side, price):
    # 300 bps beyond 101 and 99.
    played = market(plan("15s"), book(*DEEP), Twap(name="worker", side=side, **TERMS))
    assert sent(played, "worker") == [(1000.0 + 2000 * k, X, side, 20.0, price, "ioc") for k in range(5)]


def test_what_does_not_divide_is_spread():
    played = market(plan("15s"), book(*DEEP), Twap(name="worker", **{**TERMS, "size": 13.9}))
    assert [size for _, _, size in orders_of(played)] == [2, 3, 2, 3, 3]


def test_a_slice_that_found_too_little_is_made_up_for():
    thin = {4000: [(X, "sell", "500", "101")]}
    first = ((X, "buy", "5000", "99"), (X, "sell", "25", "101"))
    played = market(plan("15s"), book(*first, later=thin), Twap(name="worker", **TERMS))
    assert orders_of(played)[:4] == [(1, "buy", 20.0), (3, "buy", 20.0), (5, "buy", 35.0), (7, "buy", 20.0)]
    assert done(played) == 100


def test_after_the_last_slice_it_tries_on():
    late = {12_000: [(X, "sell", "500", "101")]}
    first = ((X, "buy", "5000", "99"), (X, "sell", "60", "101"))
    played = market(plan("15s"), book(*first, later=late), Twap(name="worker", **TERMS))
    assert done(played) == 100
    assert played.trader("worker").account.position("X") == 100.0


def test_without_a_price_it_waits():
    later = {5500: DEEP}
    played = market(plan("15s"), book(later=later), Twap(name="worker", **TERMS))
    assert orders_of(played)[0] == (7, "buy", 80.0)


def test_a_patient_slice_rests_first_and_is_taken_at_its_end():
    meets = book(name="meets", later={2000: [(X, "sell", "20", "99")]})
    wait = ((X, "buy", "10", "99"), (X, "sell", "5000", "101"))
    played = market(plan("15s"), book(*wait), meets, Twap(name="worker", patient=True, **TERMS))
    first, *rest = sent(played, "worker")
    # The first slice joins the best bid. Ten of it trade behind the ten that were there; at the end of the
    # slice, two seconds later, the other ten are taken.
    assert first[1:] == (X, "buy", 20.0, 99.0, "gtc")
    fills = [(row["side"], row["size"], row["price"]) for row in reports(played, "worker", "fill")]
    assert fills[0] == ("buy", 10.0, 99.0)
    assert [price for _, _, price in fills[1:]] == [101.0] * (len(fills) - 1)
    takes = [row for row in rest if row[5] == "ioc"]
    assert takes[0][1:4] == (X, "buy", 10.0)
    assert 3000 <= takes[0][0] < 3100
    assert done(played) == 100
    assert played.trader("worker").account.position("X") == 100.0


def test_a_patient_order_follows_the_best_price():
    later = {1500: [(X, "buy", "1", "99.5")]}
    played = market(plan("2500ms"), book(*DEEP, later=later), Twap(name="worker", patient=True, **TERMS))
    assert [row["price"] for row in reports(played, "worker", "replaced")] == [99.5]


def test_vwap_follows_its_profile():
    params = {**TERMS, "profile": (1.0, 3.0, 0.0, 4.0, 2.0)}
    played = market(plan("15s"), book(*DEEP), Vwap(name="worker", **params))
    assert orders_of(played) == [(1, "buy", 10.0), (3, "buy", 30.0), (7, "buy", 40.0), (9, "buy", 20.0)]


def test_vwap_sends_these_orders_and_no_others():
    params = {**TERMS, "profile": (1.0, 3.0, 0.0, 4.0, 2.0)}
    played = market(plan("15s"), book(*DEEP), Vwap(name="worker", **params))
    sizes = {1000.0: 10.0, 3000.0: 30.0, 7000.0: 40.0, 9000.0: 20.0}
    assert sent(played, "worker") == [(ms, X, "buy", size, 104.03, "ioc") for ms, size in sizes.items()]


def test_vwap_reads_a_profile_of_other_length_than_its_slices():
    played = market(plan("15s"), book(*DEEP), Vwap(name="worker", **{**TERMS, "profile": (1.0, 3.0)}))
    # Two and a half slices of a quarter, then the rest.
    assert [size for _, _, size in orders_of(played)] == [10, 10, 20, 30, 30]


def test_almgren_and_chriss_trade_the_published_trajectory():
    """The paper's example a day a second: 542.0, 289.9, 147.9, 62.1 and 0 thousand shares held."""
    seller = AlmgrenChriss(
        name="worker",
        side="sell",
        size=1_000_000.0,
        duration_s=5.0,
        slices=5,
        risk=1e-6,
        sigma=0.95,
        temporary=2.5e-6,
        permanent=2.5e-7,
        protection_bps=300,
    )
    deep = ((X, "buy", "2000000", "99"), (X, "sell", "2000000", "101"))
    played = market(plan("8s"), book(*deep), seller)
    sizes = [size for _, _, size in orders_of(played)]
    held = [1_000_000 - sum(sizes[: k + 1]) for k in range(5)]
    assert held == pytest.approx([542_000, 289_900, 147_900, 62_100, 0], abs=60)


def test_almgren_and_chriss_by_urgency():
    played = market(plan("15s"), book(*DEEP), AlmgrenChriss(name="worker", urgency=5.0, **TERMS))
    sizes = [size for _, _, size in orders_of(played)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 63
    even = market(plan("15s"), book(*DEEP), AlmgrenChriss(name="worker", urgency=0.0, **TERMS))
    assert [size for _, _, size in orders_of(even)] == [20.0] * 5


def test_almgren_and_chriss_send_the_steps_of_the_trajectory():
    """X sinh(kappa t) / sinh(kappa T) with t left of T, here with kappa T = 5 and whole lots."""
    played = market(plan("15s"), book(*DEEP), AlmgrenChriss(name="worker", urgency=5.0, **TERMS))
    held = [round(100 * sinh(5.0 * left / 5) / sinh(5.0)) for left in range(5, -1, -1)]
    assert sent(played, "worker") == [
        (1000.0 + 2000 * k, X, "buy", float(before - after), 104.03, "ioc")
        for k, (before, after) in enumerate(pairwise(held))
        if before > after
    ]


def test_the_formulas_are_those_of_the_paper():
    kappa = curvature(1e-6, 0.95, 2.5e-6, 2.5e-7, 1.0)
    assert kappa == pytest.approx(0.6071, abs=5e-5)
    held = holdings(1e6, 5, kappa, 1.0)
    assert held[1:5] / 1000 == pytest.approx([542.0, 289.9, 147.9, 62.1], abs=0.05)
    assert expected_cost(held, 0.0625, 2.5e-6, 2.5e-7, 1.0) == pytest.approx(911_227, abs=1)
    assert cost_deviation(held, 0.95, 1.0) == pytest.approx(603_431, abs=1)
    even = holdings(1e6, 5, 0.0, 1.0)
    assert expected_cost(even, 0.0625, 2.5e-6, 2.5e-7, 1.0) == pytest.approx(662_500)
    assert cost_deviation(even, 0.95, 1.0) == pytest.approx(1_040_673, abs=1)
    assert holdings(100, 4, 1e4, 1.0) == pytest.approx([100, 0, 0, 0, 0])
    with pytest.raises(ValueError, match="use shorter slices"):
        curvature(1e-6, 0.95, 1e-7, 2.5e-7, 1.0)


def test_no_other_trajectory_costs_less_at_its_risk_aversion():
    def burden(held):
        return expected_cost(held, 0.0625, 2.5e-6, 2.5e-7, 1.0) + 1e-6 * cost_deviation(held, 0.95, 1.0) ** 2

    best = holdings(1e6, 5, curvature(1e-6, 0.95, 2.5e-6, 2.5e-7, 1.0), 1.0)
    for k in range(1, 5):
        for change in (-5000, 5000):
            other = best.copy()
            other[k] += change
            assert burden(other) > burden(best)


def tape(*trades):
    """Somebody who trades (ms, size) with a resting order of somebody else."""
    return book(name="tape", later={ms: [(X, "buy", str(size), "101")] for ms, size in trades})


def pov(**params):
    return PercentageOfVolume(name="worker", **{"size": 100.0, "rate": 0.2, "start_s": 0.1, **params})


def test_pov_trades_its_share_of_what_it_hears():
    played = market(plan("5s"), book(*DEEP), tape((500, 100), (1500, 40)), pov(rate=0.2))
    # 20 % of 100; its own 20 count too: 20 % of 120 are 24. Then 20 % of 164.
    assert [size for _, _, size in orders_of(played)][:3] == [20.0, 4.0, 8.0]
    others = 140
    assert done(played) == pytest.approx(0.25 * others, abs=2)


def test_pov_sends_these_orders_and_no_others():
    played = market(plan("5s"), book(*DEEP), tape((500, 100), (1500, 40)), pov(rate=0.2))
    # 20 % of 100, of 120 with its own, of 164 and of 172, in whole lots less what it has; 100 bps beyond 101.
    sizes = {502.0: 20.0, 504.0: 4.0, 1502.0: 8.0, 1504.0: 2.0}
    assert sent(played, "worker") == [(ms, X, "buy", size, 102.01, "ioc") for ms, size in sizes.items()]


def test_pov_waits_for_an_order_worth_sending():
    played = market(plan("5s"), book(*DEEP), tape((500, 30), (1500, 30)), pov(child=10.0))
    assert orders_of(played) == [(1.502, "buy", 12.0)]


def test_pov_hears_nothing_before_its_start_and_after_its_end():
    trades = tape((50, 100), (500, 50), (3000, 100))
    played = market(plan("5s"), book(*DEEP), trades, pov(duration_s=2.0))
    assert done(played) == pytest.approx(0.25 * 50, abs=1)


def test_pov_stops_when_all_is_done():
    played = market(plan("5s"), book(*DEEP), tape((500, 1000)), pov(size=30.0))
    assert orders_of(played) == [(0.502, "buy", 30.0)]


@pytest.mark.parametrize(
    ("worker", "told"),
    [
        (Twap(name="worker", slices=0), "give at least one slice"),
        (Twap(name="worker", size=0.5), "less than a lot of V:X/USD"),
        (Vwap(name="worker", profile=(0.0, 0.0)), "give volumes of at least 0, not all 0"),
        (PercentageOfVolume(name="worker", rate=1.0), "give a share above 0 and below 1"),
        (AlmgrenChriss(name="worker", risk=1.0, permanent=1.0), "use shorter slices"),
    ],
)
def test_parameters_without_meaning_are_refused(worker, told):
    with pytest.raises(AgentError, match=told):
        market(plan("1s"), worker)


def test_the_same_orders_on_both_engines(engine_name):
    played = market(plan("15s"), book(*DEEP), Twap(name="worker", **TERMS), engine=engine_name)
    assert orders_of(played) == [(1 + 2 * k, "buy", 20.0) for k in range(5)]
    assert played.trader("worker").is_portable
