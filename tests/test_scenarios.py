"""The shipped scenarios: markets that look like markets, and strategies that do what they are for."""

from statistics import median

import pytest
from scenario_runs import NATIVE, on_both_cores, profit_of, with_and_without

from agents.pairs import PairsTrader
from market_sim import run
from market_sim.market import Market
from market_sim.scenario import load

# What the strategy of a scenario is there to bring down, as a share of time.
STRATEGIES = {
    "two_venues": ("arbitrageur", "crossed_share"),
    "triangle": ("arbitrageur", "profitable_cycle_share"),
}
# The reference engine says the same, more slowly: fewer and shorter sessions there.
FEW = ([1, 2], "20m") if NATIVE else ([1], "10m")
MANY = (range(1, 21), "1h") if NATIVE else (range(1, 5), "20m")


@pytest.fixture(scope="module", params=["two_venues", "triangle", "pairs"])
def played(request):
    return run(request.param, seed=3, until="10m")


def test_books_are_two_sided_and_spreads_a_few_ticks(played):
    for listing in played.market.listings:
        figures = played.metrics["listings"][listing.name]
        assert figures["two_sided_share"] > 0.99
        assert 1 <= figures[f"spread_mean_{listing.quote}"] / float(listing.tick) <= 4


def test_there_are_tens_to_hundreds_of_events_a_second(played):
    summary = played.summary()
    assert 50 < summary["events"] / 600 < 400
    assert summary["rejects"] < 0.02 * summary["orders"]


def test_trades_flow_and_prices_move_at_every_listing(played):
    for listing in played.market.listings:
        figures = played.metrics["listings"][listing.name]
        assert figures["trades"] > 600
        assert 0.3 < figures["volatility_bps_per_sqrt_s"] < 5
        mids = played.quotes.filter(listing=listing.name)["mid"].drop_nulls()
        assert mids.max() - mids.min() > 10 * float(listing.tick)


def test_nothing_is_lost_and_nothing_is_unportable(played):
    summary = played.summary()
    assert set(summary["ledger_imbalance"].values()) == {0}
    assert summary["portable"]
    assert summary["incidents"] == []


@pytest.mark.parametrize("name", ["two_venues", "triangle", "pairs"])
def test_books_are_several_levels_deep(name):
    market = Market(load(name), seed=1)
    for minute in (1, 2, 3):
        market.step_to(f"{minute}m")
        for listing in market.listings:
            for side in (0, 1):
                assert len(market.kernel.true_depth(listing.id, side, 20)) >= 3


@pytest.mark.parametrize("name", ["two_venues", "triangle", "pairs"])
def test_prices_stay_with_their_fundamentals(name):
    market = Market(load(name), seed=6)
    off_bps = []
    for minute in range(1, 21):
        market.step_to(f"{minute}m")
        for listing in market.listings:
            bid, _, ask, _ = market.kernel.true_bbo(listing.id)
            if bid is not None and ask is not None:
                value = market.fundamental(listing.instrument)
                off_bps.append(abs(listing.price(bid + ask) / 2 / value - 1) * 10_000)
    assert median(off_bps) < 5
    assert max(off_bps) < 25


@pytest.mark.parametrize("name", ["two_venues", "triangle", "pairs"])
def test_the_same_market_on_every_engine_and_another_for_another_seed(name, engine_name):
    first = run(name, seed=7, until="1m", engine=engine_name).event_log_hash
    assert first == run(name, seed=7, until="1m", engine="reference").event_log_hash
    assert first != run(name, seed=8, until="1m", engine=engine_name).event_log_hash


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_background_is_the_same_without_the_strategy(name):
    strategy, _ = STRATEGIES[name]
    plan = load(name)
    alone, together = plan.without(strategy).resolved(), plan.resolved()
    assert together["agents"][-1]["name"] == strategy
    assert alone == {**together, "agents": together["agents"][:-1]}


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_arbitrageur_brings_venues_and_cross_rates_together(name):
    strategy, share = STRATEGIES[name]
    seeds, until = FEW
    for seed in seeds:
        alone, together, profit = with_and_without(name, strategy, share, seed, until)
        assert alone >= 0.01
        assert together <= alone / 2
        assert profit > 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", STRATEGIES)
def test_it_does_so_over_many_seeds(name):
    strategy, share = STRATEGIES[name]
    seeds, until = MANY
    runs = on_both_cores(with_and_without, seeds, name, strategy, share, until)
    assert all(alone >= 0.01 for alone, _, _ in runs)
    halved = sum(together <= alone / 2 for alone, together, _ in runs)
    assert halved >= 0.95 * len(runs)
    assert median(profit for _, _, profit in runs) > 0


def test_the_pairs_trader_is_hedged_by_the_slope_of_the_pair():
    market = Market(load("pairs"), seed=2)
    trader = market.trader("pairs-trader")
    assert isinstance(trader, PairsTrader)
    held = []
    for step in range(120):
        market.step_to(f"{600 + 10 * step}s")
        oak, elm = trader.account.position("OAK"), trader.account.position("ELM")
        if oak or elm:
            held.append((oak, elm))
    # The pair is worth 0.6 OAK per ELM; what is seen of it within ten minutes is less exact.
    whole = [(oak, elm) for oak, elm in held if abs(elm) == 300 and oak]
    assert len(whole) >= 0.9 * len(held) > 0
    assert all(0 < -oak / elm < 1.5 for oak, elm in whole)
    assert 0.3 < median(-oak / elm for oak, elm in whole) < 0.9


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pairs_trader_earns_a_little():
    seeds, until = (range(1, 11), "1h") if NATIVE else (range(1, 4), "1h")
    runs = on_both_cores(profit_of, seeds, "pairs", "pairs-trader", until)
    assert all(orders >= 8 for _, orders in runs)
    assert 0 < median(profit for profit, _ in runs) < 2000
