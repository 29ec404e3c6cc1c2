"""The maker that leans on the book: hand-made books with known imbalances."""

import pytest
from agent_kit import Draws, book, market, noted
from one_listing import X, open_quotes, plan, quotes_of, replaced

from agents.microprice import MicropriceMaker
from market_sim.errors import AgentError


def maker(**params):
    terms = {"size": 1.0, "max_inventory": 3.0, "half_spread_ticks": 10.0, "skew_ticks": 4.0, **params}
    return MicropriceMaker(name="maker", interval_s=10.0, **terms)


def lean(bid_size, ask_size, bid="99.90", ask="100.10"):
    return book((X, "buy", str(bid_size), bid), (X, "sell", str(ask_size), ask))


def test_around_the_mid_of_a_balanced_book():
    assert quotes_of(market(plan(), lean(5, 5), maker()), "maker") == [("buy", 99.9), ("sell", 100.1)]


def test_more_bids_lift_both_quotes_by_their_share_of_the_half_spread():
    # Imbalance 0.5, spread 20 ticks: fair is 5 ticks above 100.
    assert quotes_of(market(plan(), lean(15, 5), maker()), "maker") == [("buy", 99.95), ("sell", 100.15)]
    half = market(plan(), lean(15, 5), maker(weight=0.5))
    # 2.5 ticks, and rounding away from the fair price.
    assert quotes_of(half, "maker") == [("buy", 99.92), ("sell", 100.13)]


def test_an_inventory_moves_both_down():
    later = {50: [(X, "sell", "1", "99.95")]}
    played = market(plan(), book((X, "buy", "15", "99.90"), (X, "sell", "5", "100.10"), later=later), maker())
    assert played.trader("maker").account.position("X") == 1.0
    assert quotes_of(played, "maker")[2:] == [("buy", 99.91)]
    assert replaced(played, "maker") == [("sell", 100.11)]


def test_it_sends_these_orders_and_no_others():
    trader = noted(
        MicropriceMaker, Draws(then=0.5), name="maker", size=1.0, max_inventory=3.0, half_spread_ticks=10.0,
        skew_ticks=4.0, interval_s=10.0,
    )  # fmt: skip
    later = {
        50: [(X, "sell", "1", "99.95")],
        100: [(X, "buy", "85", "99.90")],
        150: [(X, "cancel", None, None)],
    }
    found = book((X, "buy", "15", "99.90"), (X, "sell", "5", "100.10"), later=later)
    market(plan(), found, trader)
    assert trader.sent == [
        (2.0, "new", "buy", 1.0, 99.95, "GTC post"),
        (2.0, "new", "sell", 1.0, 100.15, "GTC post"),
        # One bought: four ticks lower.
        (52.0, "new", "buy", 1.0, 99.91, "GTC post"),
        (52.0, "replace", "sell", 1.0, 100.11),
        # 100 bid against 5: nine ticks of the ten above the mid, four of them given up; nobody sells cheaply.
        (102.0, "cancel", "sell", 100.11),
        (102.0, "replace", "buy", 1.0, 99.95),
        # Nobody is left to lean on.
        (152.0, "cancel", "buy", 99.95),
    ]


def test_the_weak_side_is_pulled():
    # Imbalance -0.9: no bid; fair is 9 ticks below.
    assert quotes_of(market(plan(), lean(1, 19), maker()), "maker") == [("sell", 100.01)]
    assert quotes_of(market(plan(), lean(19, 1), maker()), "maker") == [("buy", 99.99)]
    never = market(plan(), lean(1, 19), maker(pull=1.0))
    assert len(quotes_of(never, "maker")) == 2


def test_deeper_levels_count_if_asked_for():
    deep = book((X, "buy", "5", "99.90"), (X, "buy", "10", "99.80"), (X, "sell", "5", "100.10"))
    assert quotes_of(market(plan(), deep, maker(levels=2)), "maker") == [("buy", 99.95), ("sell", 100.15)]


def test_its_own_orders_do_not_lean():
    """With half a tick of spread its own quotes become the touch; the book behind stays balanced."""
    played = market(plan("1s"), lean(5, 5), maker(half_spread_ticks=2.0, size=3.0))
    assert quotes_of(played, "maker") == [("buy", 99.98), ("sell", 100.02)]
    assert replaced(played, "maker") == []


def test_it_stops_at_its_limit_and_goes_when_a_side_is_gone():
    later = {50: [(X, "sell", "1", "99.90")], 100: [(X, "cancel", None, None)]}
    both = ((X, "buy", "5", "99.80"), (X, "sell", "5", "100.20"))
    full = market(plan("90ms"), book(*both, later=later), maker(max_inventory=1.0))
    assert [side for side, _ in open_quotes(full, "maker")] == []
    played = market(plan("90ms"), book(*both, later=later), maker(max_inventory=1.0))
    assert quotes_of(played, "maker") == [("buy", 99.9), ("sell", 100.1)]
    gone = market(plan(), book(*both, later=later), maker())
    cancelled = gone.result().orders.filter(agent="maker", event="cancelled", reason="requested")
    assert cancelled.height == 2


def test_levels_it_cannot_see_are_refused():
    with pytest.raises(AgentError, match="it sees 5, so give 1 to 5"):
        market(plan(), maker(levels=6))


def test_the_same_orders_on_both_engines(engine_name):
    played = market(plan(), lean(15, 5), maker(), engine=engine_name)
    assert quotes_of(played, "maker") == [("buy", 99.95), ("sell", 100.15)]
    assert played.trader("maker").is_portable
