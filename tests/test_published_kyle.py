"""Kyle's insider through call auctions of the matching engine."""

import pytest
from scenario_runs import NATIVE

from market_sim.experiments.kyle import PUBLISHED, play, verdicts
from market_sim.theory.kyle import equilibrium

FEW = 2000 if NATIVE else 60


@pytest.mark.parametrize("auctions", PUBLISHED)
def test_the_equilibrium_is_the_published_one(auctions):
    impacts, variance, profit = PUBLISHED[auctions]
    found = equilibrium(auctions)
    for number, impact in impacts.items():
        assert found.auctions[number - 1].impact == pytest.approx(impact, abs=5.1e-5)
    assert found.auctions[-1].variance == pytest.approx(variance, abs=5.1e-5)
    assert found.profit == pytest.approx(profit, abs=5.1e-5)


def test_one_auction_is_solved_in_closed_form():
    """lambda = sqrt(S0) / (2 su), beta = su / sqrt(S0), half of what was unknown comes out."""
    (only,) = equilibrium(1, value_variance=9.0, noise_variance=4.0).auctions
    assert (only.impact, only.demand, only.variance) == pytest.approx((3 / 4, 2 / 3, 4.5))
    assert equilibrium(1, 9.0, 4.0).profit == pytest.approx(2 * 3 / 2)


def test_many_auctions_come_near_the_continuous_one():
    many = equilibrium(400)
    assert [many.auctions[k].impact for k in (0, 200)] == pytest.approx([1.0, 1.0], abs=0.02)
    assert many.auctions[199].variance == pytest.approx(0.5, abs=0.01)
    assert many.profit == pytest.approx(1.0, abs=0.02)
    with pytest.raises(ValueError, match="give at least one auction"):
        equilibrium(0)


@pytest.mark.parametrize(("auctions", "paths"), [(1, FEW), (4, FEW // 2)])
def test_the_insider_and_the_dealer_in_short(auctions, paths):
    for verdict in verdicts(auctions, play(auctions, paths, seed=3)):
        assert verdict.tolerance < (0.3 if NATIVE else 1.5)
        assert verdict.passed, str(verdict)


def test_off_the_equilibrium_the_dealer_gains_what_he_charges_too_much():
    """lambda times 1.5 against the same demand: his profit is 0.5 lambda Var(y) = 0.5, the insider's 0.25."""
    outcome = play(1, FEW, seed=4, charged=1.5)
    for gain, expected in ((outcome.dealer, 0.5), (outcome.insider, 0.25)):
        error = gain.std() / FEW**0.5
        assert error < 0.15
        assert gain.mean() == pytest.approx(expected, abs=4 * error)


@pytest.mark.skipif(not NATIVE, reason="one engine only")
def test_both_engines_match_alike():
    fast, slow = (play(2, 10, 3, engine=engine) for engine in ("rust", "reference"))
    assert (fast.insider == slow.insider).all()
    assert (fast.unknown == slow.unknown).all()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("auctions", "paths"), [(1, 100_000), (2, 100_000), (4, 100_000), (20, 40_000)])
def test_the_insider_and_the_dealer(auctions, paths):
    """100,000 paths (40,000 of 20 auctions): lambdas +-1 %, variance left and profit +-2 %, or 3.5 standard
    errors where those are more; the dealer earns nothing.
    """
    for verdict in verdicts(auctions, play(auctions, paths, seed=1)):
        print(verdict)
        assert verdict.passed
