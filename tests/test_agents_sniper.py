"""Latency arbitrage in front of hand-made books: a leader that moves, a follower that has not yet."""

import pytest
from agent_kit import HOME, book, filled, market, reports, sent

from agents.sniper import SnipingArbitrageur
from market_sim.errors import AgentError

FAST, SLOW = "FAST:X/USD", "SLOW:X/USD"


def plan(duration="3s", fee_bps="0", **changes):
    table = {
        "schema": 1,
        "name": "race",
        "duration": duration,
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 8}, "Y": {"decimals": 8}},
        "venues": {"FAST": {}, "SLOW": {"taker_fee_bps": fee_bps}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}, "Y/USD": {"base": "Y", "quote": "USD"}},
        "listings": [
            {"venue": "FAST", "instrument": "X/USD", "tick": "0.01", "lot": "1"},
            {"venue": "SLOW", "instrument": "X/USD", "tick": "0.01", "lot": "1"},
            {"venue": "SLOW", "instrument": "Y/USD", "tick": "0.01", "lot": "1"},
        ],
        "latency": HOME,
    }
    return {**table, **changes}


def both(listing, mid, size=50, half=0.05):
    return (
        (listing, "buy", str(size), f"{mid - half:.2f}"),
        (listing, "sell", str(size), f"{mid + half:.2f}"),
    )


def move(listing, mid, **terms):
    return [(listing, "cancel", None, None), *both(listing, mid, **terms)]


def sniper(**params):
    terms = {"max_size": 10.0, "warm_up_s": 0.5, "listings": [FAST, SLOW], **params}
    return SnipingArbitrageur(name="sniper", credit="unlimited", short_selling=True, **terms)


def race(later, start=(), fee_bps="0", duration="3s", **params):
    opening = (*both(FAST, 100.0), *both(SLOW, 100.0), *start)
    return market(plan(duration, fee_bps), book(*opening, later=later), sniper(**params))


def test_a_stale_ask_is_bought_and_sold_when_the_market_has_followed():
    played = race({1000: move(FAST, 101.0), 2000: move(SLOW, 101.0)})
    # Asked at 100.05, worth 101: taken up to 100.98, one basis point under.
    # Sold at market, 50 basis points under the bid of 100.95 at most.
    assert sent(played, "sniper") == [
        (1002.0, SLOW, "buy", 10.0, 100.98, "ioc"),
        (2002.0, SLOW, "sell", 10.0, 100.44, "ioc"),
    ]
    assert filled(played, "sniper") == [(SLOW, "buy", 10.0, 100.05), (SLOW, "sell", 10.0, 100.95)]
    assert played.trader("sniper").account.position("USD") == pytest.approx(9.0)


def test_a_stale_bid_is_sold():
    played = race({1000: move(FAST, 99.0), 2000: move(SLOW, 99.0)})
    assert filled(played, "sniper") == [(SLOW, "sell", 10.0, 99.95), (SLOW, "buy", 10.0, 99.05)]


def test_fees_both_ways_and_the_edge_come_first():
    jump = {1000: move(FAST, 100.3), 2000: move(SLOW, 100.3)}
    assert len(sent(race(jump), "sniper")) == 2
    # 0.25 better than the value; in and out cost 2 * 15 basis points of 100.3.
    assert sent(race(jump, fee_bps="15"), "sniper") == []
    assert len(sent(race(jump, fee_bps="10"), "sniper")) == 2
    assert sent(race(jump, fee_bps="10", min_edge_bps=6.0), "sniper") == []


def test_only_the_stale_levels_are_taken():
    deep = ((SLOW, "sell", "3", "99.97"), (SLOW, "sell", "3", "100.50"))
    first = race({1000: move(FAST, 100.3)}, start=deep, max_size=200.0)
    # The spread is 99.95 to 99.97 then, so the usual difference is -0.04: all of 99.97 and 100.05 is stale.
    bought = [row for row in filled(first, "sniper") if row[1] == "buy"]
    assert {price for _, _, _, price in bought} == {99.97, 100.05}
    assert sum(size for _, _, size, _ in bought) == 53


def test_the_usual_difference_is_no_opportunity():
    start = {0.5: move(SLOW, 101.0)}
    played = race({**start, 1500: move(FAST, 100.02)})
    assert sent(played, "sniper") == []


def test_it_learns_before_it_trades():
    assert sent(race({200: move(FAST, 101.0), 400: move(SLOW, 101.0)}), "sniper") == []


def test_a_position_that_the_market_does_not_follow_is_given_up():
    played = race({1000: move(FAST, 101.0)}, max_hold_s=1.0, duration="4s", window_s=1e6)
    buy, sale, *_ = sent(played, "sniper")
    assert (buy[2], sale[2]) == ("buy", "sell")
    assert 2002 < sale[0] <= 3002
    assert filled(played, "sniper")[1] == (SLOW, "sell", 10.0, 99.95)


def test_whoever_is_second_gets_nothing():
    rivals = {
        **HOME,
        "near": {"entry": "500us", "report": "500us", "data": "500us"},
    }
    quick = sniper(latency="near", max_size=50.0)
    slow = SnipingArbitrageur(
        name="late",
        credit="unlimited",
        short_selling=True,
        max_size=50.0,
        warm_up_s=0.5,
        listings=[FAST, SLOW],
    )
    opening = (*both(FAST, 100.0), *both(SLOW, 100.0))
    played = market(plan(latency=rivals), book(*opening, later={1000: move(FAST, 101.0)}), quick, slow)
    assert filled(played, "sniper")[0] == (SLOW, "buy", 50.0, 100.05)
    assert filled(played, "late") == []
    assert reports(played, "late", "cancelled")[0]["reason"] == "immediate_or_cancel"


def test_it_needs_a_follower_of_the_same_assets():
    with pytest.raises(AgentError, match="needs a leader and a follower"):
        market(plan(), sniper(listings=[FAST]))
    with pytest.raises(AgentError, match="SLOW:Y/USD is of other assets than FAST:X/USD"):
        market(plan(), sniper(listings=[FAST, "SLOW:Y/USD"]))


def test_the_same_orders_on_both_engines(engine_name):
    opening = (*both(FAST, 100.0), *both(SLOW, 100.0))
    later = {1000: move(FAST, 101.0), 2000: move(SLOW, 101.0)}
    played = market(plan(), book(*opening, later=later), sniper(), engine=engine_name)
    assert len(filled(played, "sniper")) == 2
    assert played.trader("sniper").is_portable
