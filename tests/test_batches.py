"""Frequent batch auctions: within an interval nobody is first."""

import pytest
from engine_kit import (
    DECREMENT,
    FOK,
    GTD,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    NEWEST,
    NONE,
    OLDEST,
    PRIMARY,
    STOP_LIMIT,
    Floor,
)

from market_sim.engine import EventKind, MatchingPolicy, Phase


@pytest.fixture
def floor(venue_class):
    floor = Floor(venue_class)
    floor.venue.set_matching(floor.listing, MatchingPolicy.BATCH_AUCTION, interval_ns=100)
    return floor


def ends(floor, time_ns):
    """Let time pass: (price, volume) of the batch that ends, and its matches as (lots, buyer, seller)."""
    floor.advance(time_ns)
    auctions = [(event.price, event.size) for event in floor.events if event.kind == EventKind.AUCTION]
    trades = [event for event in floor.events if event.kind == EventKind.TRADE]
    return auctions, [(t.size, *((t.contra_agent, t.agent)[:: 1 if t.side == 0 else -1])) for t in trades]


def test_a_batch_ends_with_its_interval(floor):
    floor.buy(1, 102, 5)
    floor.sell(2, 100, 5)
    assert floor.venue.indicative(0) == (101, 5, 0)
    assert ends(floor, 99) == ([], [])
    assert ends(floor, 100) == ([(101, 5)], [(5, 1, 2)])
    floor.buy(1, 102, 5)
    floor.sell(2, 100, 5)
    assert ends(floor, 199) == ([], [])
    assert ends(floor, 1_000)[1] == [(5, 1, 2)], "intervals that were slept through are one"
    assert ends(floor, 1_099) == ([], [])


def test_an_empty_batch_says_nothing(floor):
    floor.buy(1, 99, 5)
    assert floor.advance(100) == []
    assert floor.bids() == ["5@99 1.1"]


def test_the_indication_is_not_told_in_the_middle_of_a_batch(floor):
    floor.buy(1, 102, 5)
    assert floor.sell(2, 100, 5) == ["ACCEPTED 5@100 2.1"]


def test_within_a_batch_shares_go_by_size_not_by_time(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 30)
    floor.buy(3, 100, 61)
    floor.sell(9, 100, 51)
    assert ends(floor, 100) == ([(100, 51)], [(5 + 1, 1, 9), (15, 2, 9), (30, 3, 9)])


def test_a_better_price_is_served_before_it_is_shared(floor):
    floor.buy(1, 100, 50)
    floor.buy(2, 101, 10)
    floor.buy(3, 100, 50)
    floor.sell(9, 100, 30)
    assert ends(floor, 100)[1] == [(10, 2, 9), (10, 1, 9), (10, 3, 9)]


def test_an_earlier_batch_is_served_before_a_later_one(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    ends(floor, 100)
    floor.buy(3, 100, 100)
    floor.sell(9, 100, 30)
    assert ends(floor, 200)[1] == [(10, 1, 9), (10, 2, 9), (10, 3, 9)]


def test_part_of_an_earlier_batch_is_shared(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 30)
    ends(floor, 100)
    floor.buy(3, 100, 100)
    floor.sell(9, 100, 20)
    assert ends(floor, 200)[1] == [(5, 1, 9), (15, 2, 9)]


def test_a_replacement_keeps_or_loses_its_batch(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    ends(floor, 100)
    floor.replace(1, 1, 100, 9)
    floor.replace(2, 1, 100, 11)
    floor.sell(9, 100, 10)
    assert ends(floor, 200)[1] == [(9, 1, 9), (1, 2, 9)]


def test_both_sides_share(floor):
    for agent, lots in ((1, 30), (2, 30)):
        floor.buy(agent, 100, lots)
    for agent, lots in ((3, 10), (4, 20)):
        floor.sell(agent, 100, lots)
    assert ends(floor, 100)[1] == [(10, 1, 3), (5, 1, 4), (15, 2, 4)]


def test_orders_without_a_limit_come_first_and_live_for_one_batch(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, None, 4, order_type=MARKET)
    floor.buy(3, None, 8, order_type=MARKET_TO_LIMIT)
    floor.sell(9, 100, 6)
    floor.advance(100)
    assert floor.bids() == ["10@100 1.1", "4@100 3.1"]
    assert [event.size for event in floor.events if event.kind == EventKind.TRADE] == [2, 4]


@pytest.mark.parametrize(
    ("price", "options"),
    [
        (100, {"tif": IOC}),
        (100, {"tif": FOK}),
        (100, {"minimum_lots": 2}),
        (100, {"display_lots": 2}),
        (None, {"peg": PRIMARY}),
        (None, {"order_type": MARKET, "protection_ticks": 3}),
    ],
)
def test_what_means_nothing_in_a_batch_is_refused(floor, price, options):
    assert floor.buy(1, price, 5, **options) == ["REJECTED 1.1 NOT_IN_THIS_PHASE left 0"]


def test_stops_elected_by_a_batch_enter_the_next(floor):
    floor.buy(1, 105, 3, order_type=STOP_LIMIT, stop_price=100)
    floor.buy(2, 100, 5)
    floor.sell(3, 100, 5)
    floor.sell(4, 103, 3)
    assert floor.advance(100)[-1] == "TRIGGERED 3@100 1.1 STOP_LIMIT"
    assert floor.bids() == ["3@105 1.1"]
    assert ends(floor, 200) == ([(103, 3)], [(3, 1, 4)])


def test_what_expires_with_the_batch_is_not_in_it(floor):
    floor.buy(1, 100, 5, tif=GTD, expire_ns=100)
    floor.sell(2, 100, 5)
    assert floor.advance(100) == ["CANCELLED 5@100 of 1.1 EXPIRED"]


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        (NEWEST, ["CANCELLED 5@100 of 1.2 SELF_TRADE"]),
        (OLDEST, ["CANCELLED 8@100 of 1.1 SELF_TRADE"]),
        (DECREMENT, ["REPLACED 4@100 left 4 of 1.1 keeps place", "REPLACED 1@100 left 1 of 1.2 keeps place"]),
    ],
    ids=["newest", "oldest", "decrement"],
)
def test_own_orders_in_a_batch(floor, mode, rows):
    """Of the 8 and 8 lots to sell the volume of 8 takes 4 each: 4 of the own 5 would have met the own 8."""
    floor.sell(1, 100, 8, stp=NONE)
    floor.sell(2, 100, 8)
    floor.buy(1, 100, 5, stp=mode)
    floor.buy(3, 100, 3)
    told = floor.advance(100)
    assert [row for row in told if "CANCELLED" in row or "REPLACED" in row][: len(rows)] == rows
    assert None in floor.venue.bbo(0)[::2], "one side is exhausted"


def test_no_batch_ends_in_a_call_and_none_in_a_suspension(floor):
    floor.phase(Phase.PRE_OPEN)
    floor.buy(1, 100, 5)
    assert floor.sell(2, 100, 5)[-1] == "INDICATIVE 5@100 surplus 0"
    assert floor.advance(150) == []
    floor.phase(Phase.SUSPENDED)
    assert floor.advance(250) == []
    assert floor.phase(Phase.CONTINUOUS)[0] == "AUCTION 5@100 surplus 0"


def test_the_last_batch_ends_with_the_venue(floor):
    floor.buy(1, 100, 5)
    floor.sell(2, 100, 5)
    assert floor.phase(Phase.CLOSED)[0] == "AUCTION 5@100 surplus 0"


def test_a_batch_listing_knows_no_volatility_halt(floor):
    with pytest.raises(ValueError, match="batch"):
        floor.venue.set_volatility_halt(0, 100, 0)
    other = floor.venue.add_listing(1, 1, 0, 0, 0)
    floor.venue.set_volatility_halt(other, 100, 0)
    with pytest.raises(ValueError, match="halt"):
        floor.venue.set_matching(other, MatchingPolicy.BATCH_AUCTION, interval_ns=5)
