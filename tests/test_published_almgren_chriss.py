"""Almgren and Chriss's example through the matching engine."""

from dataclasses import replace

import pytest
from scenario_runs import NATIVE

from market_sim.experiments.almgren_chriss import HELD, PUBLISHED, Setting, play, verdicts
from market_sim.theory.almgren_chriss import cost_deviation, expected_cost


@pytest.mark.parametrize("risk", PUBLISHED)
def test_without_noise_a_path_costs_what_is_expected(risk):
    """The book alone: temporary and permanent impact come out of its levels, to a cent a thousand shares."""
    setting = Setting(risk=risk)
    calm = _Calm(risk=risk)
    (cost,) = play(calm, 1, seed=1)
    assert cost == pytest.approx(PUBLISHED[risk][0], rel=3e-4)
    assert [left / 1000 for left in Setting().trajectory[1:]] == pytest.approx(HELD, abs=0.05)
    assert setting.trajectory.sum() == calm.trajectory.sum()


class _Calm(Setting):
    """The trajectory of the paper's volatility in a market that does not move by itself."""

    @property
    def trajectory(self):
        return Setting(risk=self.risk).trajectory

    def __init__(self, risk):
        super().__init__(risk=risk, sigma=0.0)


@pytest.mark.skipif(not NATIVE, reason="half a minute on the reference engine")
def test_the_frontier_in_short():
    """1,000 paths at lambda 1e-6: within four standard errors."""
    setting = Setting()
    mean, deviation = verdicts(setting, play(setting, 1000, seed=3), 0.08, 0.1)
    for verdict in (mean.within(4, 75_000), deviation.within(4, 60_000)):
        assert verdict.passed, str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize("risk", PUBLISHED)
def test_the_frontier_at_20000_paths(risk):
    """20,000 paths: expected cost and its deviation +-1.5 %."""
    setting = Setting(risk=risk)
    for verdict in verdicts(setting, play(setting, 20_000, seed=1), 0.015, 0.015):
        print(verdict)
        assert verdict.passed


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_papers_point_at_200000_paths():
    """200,000 paths at lambda 1e-6: expected cost +-0.5 %, its deviation +-1 %."""
    setting = Setting()
    for verdict in verdicts(setting, play(setting, 200_000, seed=2), 0.005, 0.01):
        print(verdict)
        assert verdict.passed


@pytest.mark.skipif(not NATIVE, reason="half a minute on the reference engine")
def test_off_the_paper_it_follows_the_closed_form():
    setting = replace(Setting(), total=400_000, slices=3, interval=2.0, sigma=0.5, risk=3e-6)
    costs = play(setting, 1000, seed=4)
    held = setting.trajectory.astype(float)
    mean = expected_cost(held, setting.epsilon, setting.temporary, setting.permanent, setting.interval)
    deviation = cost_deviation(held, setting.sigma, setting.interval)
    assert costs.mean() == pytest.approx(mean, abs=4 * deviation / 1000**0.5)
    assert costs.std() == pytest.approx(deviation, rel=4 / 2000**0.5)


@pytest.mark.skipif(not NATIVE, reason="one engine only")
def test_both_engines_match_alike():
    setting = replace(Setting(), total=50_000)
    fast, slow = (play(setting, 5, 3, engine) for engine in ("rust", "reference"))
    assert (fast == slow).all()
