"""Kyle's insider in front of hand-made books: how much it demands, and when."""

import pytest
from agent_kit import book, market, sent
from one_listing import X, plan

from agents.base import Phase, PhaseChange
from agents.kyle import KyleInsider
from market_sim.errors import AgentError
from market_sim.market import Market
from market_sim.theory.kyle import equilibrium

DEEP = ((X, "buy", "5000", "99.99"), (X, "sell", "5000", "100.01"))


def insider(**params):
    terms = {"value": 102.0, "auctions": 4, "noise_size": 100.0, "value_deviation": 2.0, **params}
    return KyleInsider(name="insider", credit="unlimited", short_selling=True, **terms)


def demands(distance):
    """Lots at each of four auctions while the price stays so far from the value."""
    return [int(auction.demand * abs(distance)) for auction in equilibrium(4, 4.0, 1e4).auctions]


@pytest.mark.parametrize(("value", "side", "price"), [(102.0, "buy", 110.02), (98.0, "sell", 89.99)])
def test_it_demands_the_published_share_of_the_distance(value, side, price):
    played = market(plan("6s"), book(*DEEP), insider(value=value, interval_s=1.0))
    rows = sent(played, "insider")
    assert rows == [(1000.0 * (k + 1), X, side, lots, price, "ioc") for k, lots in enumerate(demands(2.0))]
    # More each time: there is less and less to hide for.
    assert demands(2.0) == sorted(demands(2.0))


def test_a_price_that_is_right_is_left_alone():
    assert sent(market(plan("6s"), book(*DEEP), insider(value=100.0, interval_s=1.0)), "insider") == []


def test_a_single_auction_is_the_textbooks():
    one = insider(auctions=1, interval_s=1.0)
    rows = sent(market(plan("3s"), book(*DEEP), one), "insider")
    # beta = 100 / 2: 50 a unit of distance, of which there are two.
    # 1,000 bps beyond the ask.
    assert rows == [(1000.0, X, "buy", 100.0, 110.02, "ioc")]


def test_it_knows_the_fundamental_if_no_value_is_given():
    valued = {"X/USD": {"start": "102", "half_life": "1h", "volatility_bps": "0"}}
    played = market(plan("2s", fundamentals=valued), book(*DEEP), insider(value=0.0, interval_s=1.0))
    assert sent(played, "insider")[0][3] == demands(2.0)[0]
    with pytest.raises(AgentError, match="give it a value, or X/USD a fundamental"):
        market(plan(), insider(value=0.0))


def test_in_calls_it_demands_once_each():
    """What the venue's phases tell it, by hand: a call is one auction, under whatever names it goes."""
    played = Market(plan("10s"), agents=[book(*DEEP), insider()], engine="reference")
    played.step_to("1s")
    trader = played.trader("insider")
    assert trader.orders == {}
    for phase in (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.CONTINUOUS, Phase.CLOSING_AUCTION):
        trader.on_phase(PhaseChange(trader.now_ns, "V", phase))
    trader.on_phase(PhaseChange(trader.now_ns, "ELSEWHERE", Phase.PRE_OPEN))
    assert trader.held == 2
    played.run()
    rows = sent(played, "insider")
    assert [(row[3], row[5]) for row in rows] == [(lots, "gtc") for lots in demands(2.0)[:2]]
