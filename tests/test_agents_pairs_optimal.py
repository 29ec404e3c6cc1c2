"""Bertram's thresholds and the filtered hedge ratio: formulas, and orders on price paths made by hand."""

from math import sqrt

import numpy as np
import pytest
from agent_kit import market, sent
from pair_kit import X, Y, plan, quoter

from agents.bertram import OptimalPairs
from agents.kalman_pairs import KalmanPairs
from market_sim.errors import AgentError
from market_sim.theory import ornstein_uhlenbeck as ou
from market_sim.theory.cointegration import cointegration_p_value, hedge_ratio
from market_sim.theory.kalman import HedgeFilter

PAPER = ou.Spread(180.9670, 0.1538)


def trades(played, name="pairs"):
    """(second, listing, side, size) of every order."""
    return [(ms / 1000, listing, side, size) for ms, listing, side, size, _, _ in sent(played, name)]


def play(kind, gaps, xs=None, **params):
    """The trader in front of mids X, and Y = 40 + X / 2 + gap, a pair of mids a second."""
    xs = xs or [100.0] * len(gaps)
    ys = [40 + 0.5 * x + gap for x, gap in zip(xs, gaps, strict=True)]
    trader = kind(name="pairs", credit="unlimited", short_selling=True, size=100.0, **params)
    return market(plan(len(xs) + 1), quoter(xs, ys), trader)


def bertram(gaps, **params):
    # The cost and the process are given: thresholds at 40 +- b, known beforehand.
    terms = {"beta": 0.5, "speed": 0.05, "volatility": 0.3, "mean": 40.0, "cost": 0.2, **params}
    return play(OptimalPairs, gaps, **terms)


B = ou.best_return(ou.Spread(0.05, 0.3), 0.2)


def test_the_gap_is_bought_below_and_sold_above():
    assert 0.6 < B < 0.7
    played = bertram([0, -0.9 * B, -1.1 * B, 0, 0.9 * B, 1.1 * B, 0], both=False)
    # Quotes move half a second after each whole one: the third pair of mids is seen at the third second.
    assert trades(played) == [
        (3, X, "sell", 50.0),
        (3, Y, "buy", 100.0),
        (6, X, "buy", 50.0),
        (6, Y, "sell", 100.0),
    ]


def test_both_legs_leave_at_market_and_protected():
    # Quotes 0.1 around the mids, orders 100 bps beyond them.
    assert sent(bertram([0, -0.8, 0.8, 0.8], both=False), "pairs") == [
        (2000.0, X, "sell", 50.0, 98.9, "ioc"),
        (2000.0, Y, "buy", 100.0, 90.2, "ioc"),
        (3000.0, X, "buy", 50.0, 101.11, "ioc"),
        (3000.0, Y, "sell", 100.0, 89.79, "ioc"),
    ]


def test_both_ways_it_turns_round_at_the_far_threshold():
    played = bertram([0, -1.1 * B, 0, 1.1 * B, 0, -1.1 * B])
    assert [row for row in trades(played) if row[1] == Y] == [
        (2, Y, "buy", 100.0),
        (4, Y, "sell", 200.0),
        (6, Y, "buy", 200.0),
    ]


def test_a_cost_beyond_reach_opens_nothing():
    assert trades(bertram([0, -5, 5, -5, 5], cost=50.0)) == []


def test_costs_come_from_spreads_and_fees():
    trader = OptimalPairs(
        name="pairs", credit="unlimited", short_selling=True, beta=0.5, speed=0.05, volatility=0.3, mean=40.0
    )
    xs, ys = [100.0] * 4, [90.0] * 4
    played = market(plan(4, fee_bps="10"), quoter(xs, ys), trader)
    # Spreads of 0.2, and 10 basis points four times: 0.2 + 0.18 for Y, half of 0.2 + 0.2 for X.
    cost = 0.2 + 2 * 90 * 0.001 + 0.5 * (0.2 + 2 * 100 * 0.001)
    assert played.trader("pairs").threshold == pytest.approx(ou.best_return(ou.Spread(0.05, 0.3), cost))


def test_a_process_is_fitted_to_what_it_has_seen():
    draws = np.random.default_rng(3)
    gaps = [0.0]
    for shock in draws.normal(size=399):
        gaps.append(0.8 * gaps[-1] + 0.2 * shock)
    xs = np.round(100 + draws.normal(size=400).cumsum() * 0.2, 2).tolist()
    played = play(OptimalPairs, gaps, xs=xs, window=300, refit=50, cost=0.2)
    trader = played.trader("pairs")
    assert trader.hedge == pytest.approx(0.5, abs=0.06)
    assert trader.process.speed == pytest.approx(-np.log(0.8), rel=0.3)
    assert trader.process.deviation == pytest.approx(0.2 / sqrt(1 - 0.64), rel=0.25)
    assert trades(played)[0][0] >= 300
    assert trader.threshold == pytest.approx(ou.best_return(trader.process, 0.2))


def test_two_listings_are_needed():
    for kind in (OptimalPairs, KalmanPairs):
        with pytest.raises(AgentError, match="pairs needs two listings, and trades 1"):
            market(plan(2), kind(name="pairs", listings=[X]))


# Formulas


def test_thresholds_and_rates_are_the_published_ones():
    b = ou.best_return(PAPER, 0.001)
    assert b == pytest.approx(0.004715, abs=5e-7)
    assert ou.mean_cycle(PAPER, -b, b) == pytest.approx(0.017122, abs=5e-7)
    assert ou.return_rate(PAPER, -b, b, 0.001) == pytest.approx(0.492358, abs=1e-6)
    # The published variances come from a series cut off; quadrature gives 0.03 % more.
    assert ou.cycle_variance(PAPER, -b, b) == pytest.approx(1.5438e-4, rel=5e-4)
    assert ou.return_variance(PAPER, -b, b, 0.001) == pytest.approx(2.1857e-3, rel=5e-4)
    assert ou.best_sharpe(PAPER, 0.001, 0.01)[1] == pytest.approx(3.86293, rel=5e-4)


def test_no_other_threshold_earns_more():
    for cost in (0.0002, 0.001, 0.01):
        b = ou.best_return(PAPER, cost)
        best = ou.return_rate(PAPER, -b, b, cost)
        for other in (0.99 * b, 1.01 * b):
            assert ou.return_rate(PAPER, -other, other, cost) < best


def test_costs_widen_the_band_and_absurd_ones_are_refused():
    bands = [ou.best_return(PAPER, cost) for cost in (0.0, 0.001, 0.005, 0.02)]
    assert bands == sorted(bands)
    with pytest.raises(ValueError, match="does not come that far"):
        ou.best_return(PAPER, 0.2)
    with pytest.raises(ValueError, match="give at least 0"):
        ou.best_return(PAPER, -0.1)


def test_a_process_comes_back_from_its_own_path():
    draws = np.random.default_rng(1)
    true, interval = ou.Spread(2.0, 0.5, 3.0), 0.05
    decay = np.exp(-true.speed * interval)
    noise = true.deviation * sqrt(1 - decay**2)
    path = [3.0]
    for shock in draws.normal(size=20_000):
        path.append(true.mean + decay * (path[-1] - true.mean) + noise * shock)
    found = ou.fit(np.array(path), interval)
    assert found.speed == pytest.approx(true.speed, rel=0.1)
    assert found.sigma == pytest.approx(true.sigma, rel=0.03)
    assert found.mean == pytest.approx(true.mean, abs=0.05)
    assert found.half_life == pytest.approx(np.log(2) / 2, rel=0.1)
    assert ou.fit(np.ones(50), interval) is None
    assert ou.fit(np.arange(50.0) ** 2, interval) is None


def test_the_filter_settles_where_the_riccati_equation_says():
    q, r = 1e-4, 0.04
    known = HedgeFilter(noise=r, drift_alpha=0.0, drift_beta=q, aa=0.0)
    for k in range(2000):
        known.learn(1.0 if k % 2 else -1.0, 0.0)
    # x = +-1 and a known alpha: P = (q + sqrt(q^2 + 4 q r)) / 2 - q = 0.001951.
    assert known.bb == pytest.approx(0.001951, abs=5e-7)


def test_without_drift_the_filter_is_least_squares():
    draws = np.random.default_rng(2)
    x = draws.normal(10, 3, 200)
    y = 2 + 0.7 * x + draws.normal(size=200)
    known = HedgeFilter(noise=1.0, drift_alpha=0.0, drift_beta=0.0, aa=1e8, bb=1e8)
    for pair in zip(x.tolist(), y.tolist(), strict=True):
        known.learn(*pair)
    beta, alpha = hedge_ratio(x, y)
    assert (known.beta, known.alpha) == pytest.approx((beta, alpha), abs=1e-5)


def test_the_filter_errs_as_much_as_it_says():
    """beta a random walk, x = +-1: mean squared error of beta 0.00186 +-6 % over 1e5 steps."""
    draws = np.random.default_rng(5)
    q, r, steps = 1e-4, 0.04, 20_000
    betas = draws.normal(scale=sqrt(q), size=steps).cumsum()
    known = HedgeFilter(noise=r, drift_alpha=0.0, drift_beta=q, aa=0.0)
    errors = []
    noises = draws.normal(scale=sqrt(r), size=steps)
    for k, (beta, noise) in enumerate(zip(betas.tolist(), noises.tolist(), strict=True)):
        x = 1.0 if k % 2 else -1.0
        known.learn(x, beta * x + noise)
        errors.append((known.beta - beta) ** 2)
    assert np.mean(errors[500:]) == pytest.approx(0.00195, rel=0.15)


def test_the_test_for_cointegration_tells_pairs_from_strangers():
    draws = np.random.default_rng(7)
    common, alone = draws.normal(size=500).cumsum(), draws.normal(size=500).cumsum()
    assert cointegration_p_value(common, 0.5 * common + draws.normal(size=500)) < 0.01
    assert cointegration_p_value(common, alone) > 0.1
    assert cointegration_p_value(np.ones(100), alone[:100]) == 1.0
    assert hedge_ratio(np.ones(5), np.arange(5.0)) is None


# The filter's trader


def kalman(gaps, **params):
    xs = [100 + (0, 1, 2, 1)[k % 4] for k in range(len(gaps))]
    return play(KalmanPairs, gaps, xs=xs, warm_up=20, noise=0.1, drift=1e-4, **params)


def test_a_dear_second_is_sold_and_bought_back_when_the_forecast_is_met():
    played = kalman([0.0] * 40 + [1.0, 1.0, -0.2, 0.0])
    rows = trades(played)
    assert [row[1:3] for row in rows] == [(X, "buy"), (Y, "sell"), (X, "sell"), (Y, "buy")]
    assert rows[0][0] == 41
    # The hedge is the filter's beta then: half a unit, learnt from an x that moves by two.
    assert rows[0][3] == pytest.approx(50, abs=8)
    assert rows[1][3] == 100.0
    assert played.trader("pairs").account.position("X") == 0.0


def test_a_filter_that_never_erred_hedges_by_the_ratio_it_began_with():
    # Y is half of X to the digit, then one above, then half of one below.
    played = kalman([-40.0] * 40 + [-39.0, -40.5, -40.0])
    assert sent(played, "pairs") == [
        (41_000.0, X, "buy", 50.0, 101.11, "ioc"),
        (41_000.0, Y, "sell", 100.0, 50.39, "ioc"),
        (42_000.0, X, "sell", 50.0, 99.89, "ioc"),
        (42_000.0, Y, "buy", 100.0, 50.61, "ioc"),
    ]


def test_a_cheap_second_is_bought():
    rows = trades(kalman([0.0] * 40 + [-1.0, -1.0, 0.2]))
    assert [row[1:3] for row in rows[:2]] == [(X, "sell"), (Y, "buy")]


def test_nothing_before_it_has_warmed_up_and_nothing_inside_the_entry():
    assert trades(kalman([0.0] * 10 + [1.0] * 5)) == []
    assert trades(kalman([0.0] * 40 + [0.1, 0.1])) == []


def test_noise_is_learnt_from_the_errors():
    rng = np.random.default_rng(4)
    gaps = np.round(rng.normal(scale=0.5, size=200), 2).tolist()
    xs = [100 + (0, 1, 2, 1)[k % 4] for k in range(200)]
    played = play(KalmanPairs, gaps, xs=xs, warm_up=150, entry=50.0)
    assert sqrt(played.trader("pairs").filter.noise) == pytest.approx(0.5, rel=0.4)


def test_the_same_orders_on_both_engines(engine_name):
    gaps = [0.0] * 40 + [1.0, 1.0, -0.2, 0.0]
    xs = [100 + (0, 1, 2, 1)[k % 4] for k in range(len(gaps))]
    ys = [40 + 0.5 * x + gap for x, gap in zip(xs, gaps, strict=True)]
    trader = KalmanPairs(
        name="pairs", credit="unlimited", short_selling=True, size=100.0, warm_up=20, noise=0.1, drift=1e-4
    )
    played = market(plan(len(xs) + 1), quoter(xs, ys), trader, engine=engine_name)
    assert len(trades(played)) == 4
    assert trader.is_portable
