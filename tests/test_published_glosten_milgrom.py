"""Glosten and Milgrom through the matching engine."""

import numpy as np
import pytest
from scenario_runs import NATIVE

from market_sim.experiments.glosten_milgrom import QUOTES, Setting, play, quote_verdicts, verdicts
from market_sim.theory.glosten_milgrom import expected_spread

FEW = 2000 if NATIVE else 400


def test_the_spread_decays_and_the_dealer_earns_nothing_in_short():
    setting = Setting()
    for verdict in verdicts(setting, play(setting, FEW, seed=4)):
        short = verdict.within(4, cap=0.05, rounding=0.00005)
        assert short.passed, str(short)


@pytest.mark.slow
def test_the_spread_decays_and_the_dealer_earns_nothing():
    """20,000 paths of 40 trades: spreads +-0.003, speed of learning +-3 %, profit 0 +-3 standard errors."""
    setting = Setting()
    for verdict in verdicts(setting, play(setting, 20_000, seed=1)):
        print(verdict)
        assert verdict.passed


@pytest.mark.slow
@pytest.mark.parametrize(("prior", "informed"), QUOTES)
def test_quotes_are_what_the_instrument_is_worth_if_hit(prior, informed):
    """100,000 first trades: the mean value after a buy is the ask, after a sale the bid, +-4 errors."""
    setting = Setting(prior, informed, trades=1)
    for verdict in quote_verdicts(setting, play(setting, 100_000, seed=2)):
        print(verdict)
        assert verdict.passed
        assert verdict.tolerance < 0.01


def test_off_the_paper_it_follows_the_closed_form():
    outcome = play(Setting(informed=0.5, trades=8), FEW, seed=5)
    for trade in (4, 8):
        error = outcome.spread_error[trade - 1]
        assert error < 0.02
        assert outcome.spread[trade - 1] == pytest.approx(expected_spread(0.5, trade - 1), abs=4 * error)


@pytest.mark.skipif(not NATIVE, reason="one engine only")
def test_both_engines_match_alike():
    fast, slow = (play(Setting(trades=10), 50, 3, engine) for engine in ("rust", "reference"))
    assert (fast.profit == slow.profit).all()
    assert np.array_equal(fast.belief, slow.belief)
