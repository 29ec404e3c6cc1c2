"""Sharing by size: who is the top order, and how icebergs, own orders and all-or-nothing fare."""

import pytest
from conftest import engine_names
from engine_kit import (
    BOTH,
    BUY,
    DECREMENT,
    FOK,
    NEWEST,
    NONE,
    OLDEST,
    PASS,
    PEAK,
    RESERVE,
    Floor,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from market_sim.engine import EventKind, MatchingPolicy, Phase, venue_class


def shared(engine, **rules):
    floor = Floor(engine)
    floor.venue.set_matching(floor.listing, MatchingPolicy.PRO_RATA, **rules)
    return floor


@pytest.fixture
def floor(venue_class):
    return shared(venue_class, top_order_max_lots=10)


def got(floor):
    """Lots per agent of the last command's trades, in the order of its prints."""
    return [(event.agent, event.size) for event in floor.events if event.kind == EventKind.TRADE]


# --- the rules of a listing ------------------------------------------------------------------------------


def test_the_matching_is_chosen_before_the_first_order(floor):
    floor.buy(1, 100, 5)
    with pytest.raises(ValueError, match="live orders"):
        floor.venue.set_matching(0, MatchingPolicy.PRICE_TIME)
    floor.cancel(1, 1)
    floor.venue.set_matching(0, MatchingPolicy.PRICE_TIME)


@pytest.mark.parametrize(
    ("policy", "rules"),
    [
        (MatchingPolicy.PRICE_TIME, {"top_order_max_lots": 1}),
        (MatchingPolicy.PRICE_TIME, {"interval_ns": 1}),
        (MatchingPolicy.PRO_RATA, {"interval_ns": 1}),
        (MatchingPolicy.PRO_RATA, {"pro_rata_min_lots": -1}),
        (MatchingPolicy.PRO_RATA, {"top_order_max_lots": 2**48 + 1}),
        (MatchingPolicy.BATCH_AUCTION, {}),
        (MatchingPolicy.BATCH_AUCTION, {"interval_ns": 5, "pro_rata_min_lots": 1}),
        (9, {}),
    ],
)
def test_rules_that_do_not_belong_together(venue_class, policy, rules):
    floor = Floor(venue_class)
    with pytest.raises(ValueError, match=r"policy|MatchingPolicy|interval_ns|lots"):
        floor.venue.set_matching(0, policy, **rules)
    floor.buy(1, 100, 5)
    floor.buy(2, 100, 5)
    floor.sell(3, 100, 5)
    assert got(floor) == [(1, 5)], "the rules stay what they were"


def test_an_unknown_listing(floor):
    with pytest.raises(ValueError, match="listing"):
        floor.venue.set_matching(7, MatchingPolicy.PRO_RATA)


# --- the top order ---------------------------------------------------------------------------------------


def test_who_betters_the_price_is_served_first(floor):
    floor.buy(1, 100, 20)
    floor.buy(2, 100, 20)
    floor.sell(3, 100, 20)
    assert got(floor) == [(1, 10 + 4), (2, 6)]


def test_what_is_left_of_the_top_order_stays_on_top(floor):
    floor.buy(1, 100, 30)
    floor.buy(2, 100, 20)
    floor.sell(3, 100, 12)
    assert got(floor) == [(1, 10 + 1), (2, 1)]
    floor.sell(3, 100, 12)
    assert got(floor) == [(1, 10 + 1), (2, 1)], "ten more, and of the two that are shared one"


def test_a_better_price_makes_another_top(floor):
    floor.buy(1, 100, 20)
    floor.buy(2, 101, 1)
    floor.cancel(2, 1)
    floor.buy(2, 100, 20)
    floor.sell(3, 100, 20)
    assert got(floor) == [(1, 10), (2, 10)], "who was bettered is not reinstated"


def test_a_replaced_top_order_is_none_any_more(floor):
    floor.buy(1, 100, 20)
    floor.buy(2, 100, 20)
    floor.replace(1, 1, 100, 21)
    floor.sell(3, 100, 20)
    assert got(floor) == [(2, 10), (1, 10)]


def test_a_smaller_top_order_stays_on_top(floor):
    floor.buy(1, 100, 30)
    floor.buy(2, 100, 20)
    floor.replace(1, 1, 100, 20)
    floor.sell(3, 100, 20)
    assert got(floor) == [(1, 14), (2, 6)]


def test_a_hidden_order_betters_nothing(floor):
    floor.buy(1, 100, 20)
    floor.buy(2, 101, 1, display_lots=0)
    floor.buy(3, 100, 20)
    floor.sell(4, 100, 21)
    assert got(floor) == [(2, 1), (1, 14), (3, 6)]


def test_a_new_peak_is_not_on_top(floor):
    floor.buy(1, 100, 40, display_lots=10, refresh=PEAK)
    floor.buy(2, 100, 30)
    floor.sell(3, 100, 10)
    assert got(floor) == [(1, 10)]
    floor.sell(3, 100, 8)
    assert got(floor) == [(2, 6), (1, 2)]


def test_nobody_is_on_top_after_a_call(floor):
    floor.buy(1, 100, 20)
    floor.phase(Phase.HALT)
    floor.buy(2, 100, 20)
    floor.phase(Phase.CONTINUOUS)
    floor.sell(3, 100, 20)
    assert got(floor) == [(1, 10), (2, 10)]


# --- icebergs and hidden orders --------------------------------------------------------------------------


def test_only_what_is_shown_shares(floor):
    floor.buy(1, 100, 1)
    floor.buy(2, 100, 100, display_lots=10, refresh=RESERVE)
    floor.buy(3, 100, 10)
    floor.buy(4, 100, 50, display_lots=0)
    floor.sell(9, 100, 11)
    assert got(floor) == [(1, 1), (2, 5), (3, 5)]


def test_what_is_not_shown_trades_last_and_by_time(floor):
    floor.buy(1, 100, 30, display_lots=0)
    floor.buy(2, 100, 20, display_lots=10, refresh=RESERVE)
    floor.buy(3, 100, 10)
    floor.sell(9, 100, 55)
    assert got(floor) == [(2, 10), (3, 10), (1, 30), (2, 5)]


def test_new_peaks_share_in_what_is_left(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 30, display_lots=10, refresh=PEAK)
    floor.buy(2, 100, 60, display_lots=20, refresh=PEAK)
    floor.sell(9, 100, 45)
    assert got(floor) == [(1, 10), (2, 20), (1, 5), (2, 10)]
    assert floor.shown(BUY) == ["5@100 1.1", "10@100 2.1"]


# --- own orders ------------------------------------------------------------------------------------------


def test_newest_ends_at_its_own_share(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    floor.buy(3, 100, 10)
    rows = floor.sell(2, 100, 15, stp=NEWEST)
    assert got(floor) == [(1, 5)]
    assert rows[-1] == "CANCELLED 10@100 of 2.2 SELF_TRADE"
    assert floor.bids() == ["5@100 1.1", "10@100 2.1", "10@100 3.1"]


def test_oldest_leaves_its_share_to_the_others(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    floor.buy(3, 100, 10)
    floor.sell(2, 100, 15, stp=OLDEST)
    assert got(floor) == [(1, 5), (3, 5), (1, 3), (3, 2)]
    assert floor.bids() == ["2@100 1.1", "3@100 3.1"]


def test_both_end_at_their_turn(venue_class):
    floor = shared(venue_class)
    floor.buy(2, 100, 10)
    floor.buy(1, 100, 10)
    assert floor.sell(2, 100, 10, stp=BOTH)[1:] == [
        "CANCELLED 10@100 of 2.1 SELF_TRADE",
        "CANCELLED 10@100 of 2.2 SELF_TRADE",
    ]
    assert floor.bids() == ["10@100 1.1"]


def test_decrement_takes_the_share_from_both(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 30)
    rows = floor.sell(2, 100, 20, stp=DECREMENT)
    assert rows[-2:] == [
        "REPLACED 15@100 left 15 of 2.1 keeps place",
        "CANCELLED 15@100 of 2.2 SELF_TRADE_DECREMENT",
    ]
    assert got(floor) == [(1, 5)]


def test_pass_leaves_own_orders_out_of_the_sharing(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 80)
    floor.buy(3, 100, 10)
    floor.sell(2, 100, 10, stp=PASS)
    assert got(floor) == [(1, 5), (3, 5)]


def test_without_prevention_own_orders_share(venue_class):
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    floor.sell(2, 100, 10, stp=NONE)
    assert got(floor) == [(1, 5), (2, 5)]


@pytest.mark.parametrize(
    ("mode", "filled"), [(NEWEST, False), (DECREMENT, False), (OLDEST, True), (NONE, True)]
)
def test_all_or_nothing_beside_an_own_order(venue_class, mode, filled):
    """How much trades before the own order's turn nobody knows in advance: the level does not count."""
    floor = shared(venue_class)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    rows = floor.sell(2, 100, 6, tif=FOK, stp=mode)
    assert (rows[-1] == "CANCELLED 6@100 of 2.2 FILL_OR_KILL") != filled
    assert bool(got(floor)) == filled


def test_auctions_are_by_time(venue_class):
    floor = shared(venue_class, top_order_max_lots=5)
    floor.phase(Phase.OPENING_AUCTION)
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 90)
    floor.sell(3, 100, 20)
    assert floor.uncross() == ((100, 20), [(10, 1, 3), (10, 2, 3)])


# --- whatever the sizes ----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    lots=st.integers(1, 200),
    top=st.integers(0, 30),
    least=st.integers(0, 4),
)
def test_shares_add_up_and_are_fair(sizes, lots, top, least):
    """Every lot goes to somebody, nobody gets more than asked for; only leftovers break the proportion."""
    for name in engine_names():
        floor = shared(venue_class(name), top_order_max_lots=top, pro_rata_min_lots=least)
        for agent, size in enumerate(sizes, start=1):
            floor.buy(agent, 100, size)
        floor.sell(99, 100, lots)
        fills = dict(got(floor))
        shares = [fills.get(agent, 0) for agent in range(1, len(sizes) + 1)]
        assert sum(shares) == min(lots, sum(sizes))
        assert all(share <= size for share, size in zip(shares, sizes, strict=True))
        if lots >= sum(sizes):
            continue
        first = min(top, sizes[0], lots)
        left, wanted = lots - first, sum(sizes) - first
        rests = [sizes[0] - first, *sizes[1:]]
        due = [left * rest // wanted if left * rest // wanted >= least else 0 for rest in rests]
        due[0] += first
        extra = [share - base for share, base in zip(shares, due, strict=True)]
        assert min(extra) >= 0, "nobody gets less than the share by size"
        last = max((place for place, lots_over in enumerate(extra) if lots_over), default=0)
        assert shares[:last] == sizes[:last], "leftovers go to the next only when the one before has all"
