"""Noise and value traders: the market they make, and what they do in front of hand-made books."""

import pytest
from agent_kit import HOME, Draws, book, market, noted, sent

from agents.noise import NoiseTrader
from agents.value import ValueTrader
from market_sim.errors import AgentError
from market_sim.market import Market

X = "V:X/USD"


def plan(duration="60s", fundamental=True, **changes):
    table = {
        "schema": 1,
        "name": "background",
        "duration": duration,
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 8}},
        "venues": {"V": {}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}},
        "listings": [{"venue": "V", "instrument": "X/USD", "tick": "0.5", "lot": "0.1"}],
        "latency": HOME,
    }
    if fundamental:
        # It does not move, so that what an observer makes of it is known.
        table["fundamentals"] = {"X/USD": {"start": "1000", "half_life": "1h", "volatility_bps": "0"}}
    return {**table, **changes}


def noise(name="noise", **params):
    return NoiseTrader(name=name, **params)


def value(**params):
    terms = {"rate": 50.0, "noise_bps": 0.0, "edge_bps": 10.0, "size": 2.0, **params}
    return ValueTrader(name="value", **terms)


# Noise


@pytest.mark.parametrize(("start_price", "about"), [(0.0, 1000.0), (700.0, 700.0)])
def test_noise_seeds_an_empty_book_where_the_market_begins(start_price, about):
    played = market(plan("20s"), noise(start_price=start_price, market_share=0.0))
    first = sent(played, "noise")[0]
    assert abs(first[4] - about) < 0.02 * about
    quotes = played.result().quotes.drop_nulls()
    assert quotes.height > 0
    assert (quotes["bid"] < quotes["ask"]).all()
    assert abs(quotes["mid"][0] - about) < 0.02 * about


def test_noise_waits_where_nobody_knows_a_price():
    assert sent(market(plan("20s", fundamental=False), noise()), "noise") == []


def test_noise_builds_on_a_book_it_finds():
    found = book((X, "buy", "5", "490"), (X, "sell", "5", "510"))
    prices = [
        row[4]
        for row in sent(market(plan("20s", fundamental=False), found, noise(market_share=0.0)), "noise")
    ]
    assert len(prices) > 5
    assert all(450 < price < 550 for price in prices)


def test_noise_does_what_its_draws_say():
    """Draws by hand: rest on either side, take, make room where too much is open, cancel."""
    found = book((X, "buy", "5", "999.5"), (X, "sell", "5", "1000.5"))
    draws = Draws(
        1.0,  # a second's pause
        *(0, 0.9, 0, 0.7, 0.25, 1.0),  # rest, a buy, 1 + 3 ticks below the ask, 1 + 2 lots
        *(0, 0.9, 1, 0.0, 1.0, 1.0),  # rest, a sale, a tick above the bid, 1 + 10 lots
        *(0, 0.4, 1, 0.5, 1.0),  # take, a sale, 1 + 5 lots
        *(0, 0.9, 1.0),  # would rest, but two are open
        *(0, 0.1, 0),  # cancel the first of those left
    )
    trader = noted(NoiseTrader, draws, name="noise", rate=1.0, size=1.0, max_open=2)
    market(plan("20s", fundamental=False), found, trader)
    assert trader.sent == [
        (1000.0, "new", "buy", 0.3, 998.5, "GTC"),
        (2000.0, "new", "sell", 1.1, 1000.0, "GTC"),
        (3000.0, "new", "sell", 0.6, 999.5, "IOC"),
        (4000.0, "cancel", "buy", 998.5),
        (5000.0, "cancel", "sell", 1000.0),
    ]


def test_noise_seeds_both_sides_at_the_start():
    draws = Draws(0.7, 0.25, 0.0, 0.0)
    trader = noted(NoiseTrader, draws, name="noise", size=1.0, start_price=700.0)
    market(plan("1s"), trader)
    assert trader.sent == [
        (0.0, "new", "buy", 0.3, 698.0, "GTC"),
        (0.0, "new", "sell", 0.1, 700.5, "GTC"),
    ]


def test_noise_never_rests_through_the_book():
    played = market(plan("60s"), *(noise(f"noise-{k}", market_share=0.0) for k in range(5)))
    rested = played.result().orders.filter(event="fill", is_maker=False)
    # Orders rest a tick or more from the opposite best they saw; only one that moved meanwhile can trade.
    assert rested.height < 0.05 * played.kernel.totals()["orders"]


def test_noise_keeps_its_own_orders_bounded():
    played = Market(
        plan("60s"),
        agents=[noise(rate=20.0, cancel_share=0.0, market_share=0.0, max_open=4)],
        engine="reference",
    )
    most = 0
    for second in range(1, 60):
        played.step_to(second * 1_000_000_000)
        most = max(most, len(played.trader("noise").orders))
    assert most == 4


def test_noise_acts_at_its_rate_and_in_its_shares():
    crowd = [noise(f"noise-{k}", rate=5.0, cancel_share=0.3, market_share=0.2) for k in range(10)]
    played = market(plan("100s"), *crowd, engine="reference")
    totals = played.kernel.totals()
    # 5,000 actions are expected; a standard deviation is about 71, and 32 for the taking orders.
    assert totals["orders"] + totals["cancels"] == pytest.approx(5000, abs=250)
    taking = played.result().orders.filter(event="accepted", tif="ioc").height
    assert taking == pytest.approx(1000, abs=130)
    assert totals["cancels"] == pytest.approx(1500, abs=300)


def test_noise_sizes_have_the_mean_that_is_asked_for():
    played = market(plan("200s"), *(noise(f"noise-{k}", rate=5.0, size=3.0) for k in range(4)))
    sizes = played.result().orders.filter(event="accepted")["size"]
    assert sizes.min() >= 0.1
    assert sizes.mean() == pytest.approx(3.05, rel=0.1)


# Value


def test_value_buys_below_its_estimate_up_to_the_edge():
    found = book((X, "sell", "1", "998"), (X, "sell", "5", "999"), (X, "sell", "5", "999.5"))
    orders = sent(market(plan("200ms"), found, value()), "value")
    # 10 bps off 1000 is 999: the first order takes what is at 998 and 999.
    assert orders[0][1:] == (X, "buy", 2.0, 999.0, "ioc")
    assert {row[4] for row in orders} == {999.0}


def test_value_sells_above_its_estimate():
    found = book((X, "buy", "50", "1002"), (X, "sell", "5", "1010"))
    orders = sent(market(plan("200ms"), found, value()), "value")
    assert orders
    assert {row[1:] for row in orders} == {(X, "sell", 2.0, 1001.0, "ioc")}


def test_value_leaves_a_fair_market_alone():
    found = book((X, "buy", "5", "999.5"), (X, "sell", "5", "1000.5"))
    assert sent(market(plan("1s"), found, value(edge_bps=5.5)), "value") == []


def test_value_stops_at_its_largest_position():
    found = book((X, "sell", "100", "990"))
    played = market(plan("2s"), found, value(max_position=5.0))
    assert played.trader("value").account.position("X") == 4.0


def test_value_errs_as_much_as_it_is_said_to():
    found = book((X, "buy", "5", "999.5"), (X, "sell", "5", "1000.5"))
    # One in forty looks is off by two standard deviations of 5 bps or more, and then some.
    assert sent(market(plan("20s"), found, value(noise_bps=5.0)), "value") != []
    assert sent(market(plan("20s"), found, value(noise_bps=1.0)), "value") == []


def test_value_trades_by_what_each_look_observes():
    found = book((X, "sell", "50", "999"), (X, "buy", "50", "998.5"))
    # A look a second: 10 bps too high, 40 too low, right, then 5 too low: 10 bps off each estimate.
    draws = Draws(1.0, *(0, 1.0, 1.0), *(0, -4.0, 1.0), *(0, 0.0, 1.0), *(0, -0.5))
    trader = noted(ValueTrader, draws, name="value", rate=1.0, noise_bps=10.0, edge_bps=10.0, size=2.0)
    market(plan("20s"), found, trader)
    assert trader.sent == [
        (1000.0, "new", "buy", 2.0, 999.5, "IOC"),
        (2000.0, "new", "sell", 2.0, 997.0, "IOC"),
        (3000.0, "new", "buy", 2.0, 999.0, "IOC"),
    ]


def test_value_needs_a_fundamental_and_says_so():
    with pytest.raises(AgentError, match=r"values X/USD, which has no \[fundamentals\] table"):
        market(plan("1s", fundamental=False), value())


def test_both_are_portable_and_the_same_on_both_engines(engine_name):
    crowd = [noise(f"noise-{k}") for k in range(5)]
    played = market(plan("30s"), *crowd, value(noise_bps=3.0), engine=engine_name, seed=4)
    assert played.portable
    again = market(plan("30s"), *(noise(f"noise-{k}") for k in range(5)), value(noise_bps=3.0), seed=4)
    assert played.kernel.event_log_hash() == again.kernel.event_log_hash()


def test_one_noise_trader_more_leaves_the_draws_of_the_others_alone():
    few = market(plan("10s"), *(noise(f"noise-{k}", market_share=0.0) for k in range(3)))
    more = market(plan("10s"), *(noise(f"noise-{k}", market_share=0.0) for k in range(4)))
    for k in range(3):
        times = [[row[0] for row in sent(played, f"noise-{k}")][:3] for played in (few, more)]
        assert times[0] == times[1]
