"""The Epps effect through the matching engine's market data, against its closed forms."""

import numpy as np
import pytest
from scenario_runs import NATIVE

from market_sim.experiments.epps import SHARES, Setting, measured_share, play, verdicts
from market_sim.theory.epps import lag_share, overlap_share

PATHS = 20 if NATIVE else 4


def test_the_printed_shares_are_those_of_the_formula():
    for multiple, share in SHARES.items():
        assert overlap_share(multiple / 7, 7) == pytest.approx(share, abs=6e-5)


def test_two_rates_fall_together_where_they_are_equal_or_one_is_without_end():
    x = np.array([0.01, 0.3, 2.0, 40.0])
    one = 1 - (1 - np.exp(-x)) / x
    assert overlap_share(x, 1.0, 1.0) == pytest.approx(one, rel=1e-6)
    assert overlap_share(x, 1.0, np.inf) == pytest.approx(one, rel=1e-6)
    assert overlap_share(x, 3.0, 0.5) == pytest.approx(overlap_share(x, 0.5, 3.0))
    # By the integral of both chances to see a moment, done numerically.
    slow, fast, interval = 0.5, 3.0, 2.0
    s = np.linspace(-60, interval, 200_001)
    seen = [
        np.where(s > 0, -np.expm1(-rate * (interval - s)), np.exp(rate * s) * -np.expm1(-rate * interval))
        for rate in (slow, fast)
    ]
    assert overlap_share(interval, slow, fast) == pytest.approx(np.trapezoid(seen[0] * seen[1], s) / interval)


def test_the_shares_in_short():
    setting = Setting(seconds=200.0)
    for verdict in verdicts(setting, play(setting, PATHS, seed=3)):
        short = verdict.within(4, cap=0.04, rounding=0.00005)
        assert short.passed, str(short)


@pytest.mark.slow
def test_the_shares():
    """20,000 seconds of 10 refreshes a second at both venues: +-0.005."""
    setting = Setting()
    for verdict in verdicts(setting, play(setting, 40, seed=1)):
        print(verdict)
        assert verdict.passed


def test_off_the_paper_two_rates_and_a_correlation_of_their_own():
    setting = Setting(rates=(2.0, 12.0), correlation=0.8, seconds=400.0)
    quotes = play(setting, PATHS, seed=4)
    for interval in (0.2, 1.0):
        share, error = measured_share(setting, quotes, interval)
        assert error < 0.1
        assert share == pytest.approx(float(overlap_share(interval, *setting.rates)), abs=4 * error)


@pytest.mark.parametrize(("interval", "lag"), [(1.0, 0.2), (0.5, 0.4), (0.2, 0.3)])
def test_data_that_come_late_cost_the_share_of_the_lag(interval, lag):
    setting = Setting(rates=(20.0, 20.0), delays=(0.0, lag), seconds=200.0, regular=True)
    share, error = measured_share(setting, play(setting, PATHS, seed=5), interval)
    assert error < 0.06
    assert share == pytest.approx(float(lag_share(interval, lag)), abs=4 * error)


@pytest.mark.skipif(not NATIVE, reason="one engine only")
def test_both_engines_publish_alike():
    setting = Setting(seconds=20.0)
    (fast,), (slow,) = (play(setting, 1, 3, engine) for engine in ("rust", "reference"))
    for native, readable in ((fast.arrivals, slow.arrivals), (fast.mids, slow.mids)):
        assert all(np.array_equal(*pair) for pair in zip(native, readable, strict=True))
