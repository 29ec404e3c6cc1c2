"""The dealer without regret: its quotes before and after trades, by hand."""

import pytest
from agent_kit import book, market, noted
from one_listing import X, plan, quotes_of, replaced

from agents.glosten_milgrom import GlostenMilgromDealer
from market_sim.errors import AgentError
from market_sim.theory.glosten_milgrom import after_buy, after_sale, expected_spread


def dealer(**params):
    return GlostenMilgromDealer(name="dealer", **{"low": 99.0, "high": 101.0, **params})


def test_the_first_quotes_are_the_published_ones():
    # Prior one half, 30 % informed: 0.35 and 0.65 of the way from 99 to 101.
    assert quotes_of(market(plan(), dealer()), "dealer") == [("buy", 99.7), ("sell", 100.3)]
    other = market(plan(tick="0.0001"), dealer(prior=0.8, low=1.0, high=2.0))
    assert quotes_of(other, "dealer") == [("buy", 1.6829), ("sell", 1.8814)]


def test_a_buy_lifts_both_and_a_sale_brings_them_back():
    trades = {50: [(X, "buy", "1", "100.3")], 100: [(X, "sell", "1", "100.0")]}
    played = market(plan(), book(later=trades), dealer())
    # After one buy the belief is 0.65: bid at 0.5 of the way, ask at 0.7752, rounded up.
    assert quotes_of(played, "dealer")[2] == ("sell", 100.56)
    assert replaced(played, "dealer")[0] == ("buy", 100.0)
    # After the sale it is one half again.
    assert quotes_of(played, "dealer")[3] == ("buy", 99.7)
    assert replaced(played, "dealer")[1] == ("sell", 100.3)
    assert next(iter(played.trader("dealer").belief.values())) == pytest.approx(0.5)


def test_it_sends_these_orders_and_no_others():
    trader = noted(GlostenMilgromDealer, name="dealer", low=99.0, high=101.0)
    trades = {50: [(X, "buy", "1", "100.3")], 100: [(X, "sell", "1", "100.0")]}
    market(plan(), book(later=trades), trader)
    assert trader.sent == [
        (0.0, "new", "buy", 1.0, 99.7, "GTC"),
        (0.0, "new", "sell", 1.0, 100.3, "GTC"),
        # On the way up the ask goes first, so that the two never meet.
        (52.0, "new", "sell", 1.0, 100.56, "GTC"),
        (52.0, "replace", "buy", 1.0, 100.0),
        (102.0, "new", "buy", 1.0, 99.7, "GTC"),
        (102.0, "replace", "sell", 1.0, 100.3),
    ]


def test_no_informed_traders_no_spread_but_a_tick():
    assert quotes_of(market(plan(), dealer(informed=0.0)), "dealer") == [("buy", 99.99), ("sell", 100.0)]


def test_a_belief_as_good_as_certain_keeps_its_quotes_apart():
    trades = {20 * k: [(X, "buy", "1", "101")] for k in range(1, 40)}
    played = market(plan("1s"), book(later=trades), dealer(informed=0.6))
    assert played.result().orders.filter(agent="dealer", event="rejected").height == 0
    assert quotes_of(played, "dealer")[-1] == ("sell", 101.0)
    # It sold one a time, each for no less than a trader who may know was worth.
    assert played.trader("dealer").account.position("X") <= -38


@pytest.mark.parametrize("wrong", [{"low": 101.0}, {"prior": 1.0}, {"informed": 1.0}])
def test_parameters_without_meaning_are_refused(wrong):
    with pytest.raises(AgentError, match="low must be below high"):
        market(plan(), dealer(**wrong))


@pytest.mark.parametrize(("prior", "informed"), [(0.5, 0.3), (0.2, 0.6), (0.9, 0.05)])
def test_the_belief_is_a_martingale(prior, informed):
    buys = prior * (1 + informed) / 2 + (1 - prior) * (1 - informed) / 2
    mean = buys * after_buy(prior, informed) + (1 - buys) * after_sale(prior, informed)
    assert mean == pytest.approx(prior, abs=1e-15)


def test_the_spread_decays_as_published():
    published = {1: 0.3000, 2: 0.2752, 5: 0.2178, 10: 0.1528, 20: 0.0811, 40: 0.0255}
    # The published figures are themselves a simulation of 20,000 paths.
    for trade, spread in published.items():
        assert expected_spread(0.3, trade - 1) == pytest.approx(spread, abs=0.0005)


def test_the_same_orders_on_both_engines(engine_name):
    trades = {50: [(X, "buy", "1", "100.3")]}
    played = market(plan(), book(later=trades), dealer(), engine=engine_name)
    assert quotes_of(played, "dealer")[2] == ("sell", 100.56)
    assert played.trader("dealer").is_portable
