"""Pegged orders: what they follow, how far, and who they may meet."""

import pytest
from engine_kit import BUY, MIDPOINT, PEAK, PRIMARY, SELL, TO_MARKET, Floor


@pytest.fixture
def floor(venue_class):
    floor = Floor(venue_class)
    floor.buy(1, 100, 5)
    floor.sell(1, 110, 5)
    return floor


@pytest.mark.parametrize(
    ("side", "peg", "offset", "limit", "price"),
    [
        (BUY, PRIMARY, 0, None, 100),
        (BUY, PRIMARY, 2, None, 102),
        (BUY, PRIMARY, -2, None, 98),
        (BUY, PRIMARY, 50, None, 109),
        (BUY, PRIMARY, 5, 103, 103),
        (SELL, PRIMARY, 2, None, 108),
        (SELL, PRIMARY, 20, None, 101),
        (SELL, PRIMARY, 5, 107, 107),
        (BUY, TO_MARKET, 0, None, 109),
        (BUY, TO_MARKET, -4, None, 106),
        (SELL, TO_MARKET, 0, None, 101),
        (SELL, TO_MARKET, -3, None, 103),
        (BUY, MIDPOINT, 0, None, 105),
        (SELL, MIDPOINT, 1, None, 104),
    ],
)
def test_where_a_peg_belongs(floor, side, peg, offset, limit, price):
    rows = floor.order(2, side, limit, 3, peg=peg, peg_offset_ticks=offset)
    assert rows == [f"ACCEPTED 3@{price} 2.1"]
    assert f"3@{price} 2.1" in floor.queue(side)


def test_an_odd_spread_has_two_midpoints(floor):
    floor.buy(1, 101, 1)
    assert floor.buy(2, None, 3, peg=MIDPOINT) == ["ACCEPTED 3@105 2.1"]
    assert floor.sell(3, None, 3, peg=MIDPOINT) == ["ACCEPTED 3@106 3.1"]


def test_a_midpoint_order_is_hidden_and_meets_its_like(floor):
    floor.buy(2, None, 3, peg=MIDPOINT)
    assert floor.venue.bbo(0) == (100, 5, 110, 5)
    assert "TRADE 2@105 2.1 hit by 3.1 SELL" in floor.sell(3, None, 2, peg=MIDPOINT)


def test_a_peg_follows_and_loses_its_place(floor):
    floor.buy(2, None, 3, peg=PRIMARY)
    floor.buy(3, 102, 1)
    assert floor.bids() == ["1@102 3.1", "3@102 2.1", "5@100 1.1"]
    assert floor.cancel(3, 1) == ["CANCELLED 1@102 of 3.1 REQUESTED", "REPRICED 3@100 2.1"]
    assert floor.bids() == ["5@100 1.1", "3@100 2.1"]
    assert floor.buy(4, 99, 1) == ["ACCEPTED 1@99 4.1"], "nothing to follow, nothing told"


def test_pegs_do_not_follow_pegs(floor):
    floor.buy(2, None, 3, peg=PRIMARY, peg_offset_ticks=1)
    floor.buy(3, None, 3, peg=PRIMARY, peg_offset_ticks=1)
    assert floor.bids() == ["3@101 2.1", "3@101 3.1", "5@100 1.1"]


def test_pegs_move_first_come_first(floor):
    floor.buy(2, None, 3, peg=PRIMARY)
    floor.buy(3, None, 3, peg=PRIMARY)
    rows = floor.buy(4, 101, 1)
    assert rows[1:] == ["REPRICED 3@101 2.1", "REPRICED 3@101 3.1"]


def test_a_peg_without_reference_is_parked(floor):
    floor.buy(2, None, 3, peg=PRIMARY, peg_offset_ticks=-1)
    assert floor.cancel(1, 1)[1:] == ["REPRICED 3@0 2.1"]
    assert (floor.bids(), floor.venue.live(0)) == ([], 2)
    assert floor.buy(3, 50, 1)[1:] == ["REPRICED 3@49 2.1"]
    floor.cancel(3, 1)
    assert floor.cancel(2, 1) == ["CANCELLED 3@0 of 2.1 REQUESTED"]


def test_a_peg_that_moves_may_meet_a_hidden_order(floor):
    floor.sell(3, 104, 2, display_lots=0)
    floor.buy(2, None, 3, peg=PRIMARY, peg_offset_ticks=2)
    rows = floor.buy(4, 102, 1)
    assert rows[1:] == [
        "REPRICED 3@104 2.1",
        "TRADE 2@104 3.1 hit by 2.1 BUY",
        "FILL 2@104 left 0 of 3.1 maker",
        "FILL 2@104 left 1 of 2.1",
    ]


def test_replacing_a_peg_moves_its_limit(floor):
    floor.buy(2, 103, 5, peg=PRIMARY, peg_offset_ticks=9)
    assert floor.replace(2, 1, 103, 3) == ["REPLACED 3@103 left 3 of 2.1 keeps place"]
    assert floor.replace(2, 1, 105, 3) == ["REPLACED 3@105 left 3 of 2.1"]


@pytest.mark.parametrize(
    "options",
    [
        {"peg_offset_ticks": 1},
        {"peg": PRIMARY, "post_only": True},
        {"peg": PRIMARY, "display_lots": 1},
        {"peg": PRIMARY, "display_lots": 1, "refresh": PEAK},
        {"peg": PRIMARY, "minimum_lots": 1},
        {"peg": PRIMARY, "peg_offset_ticks": 2**53 + 1},
    ],
)
def test_terms_that_make_no_sense_are_refused(floor, options):
    assert floor.buy(2, 100, 20, **options) == ["REJECTED 2.1 INVALID_TERMS left 0"]


def test_a_limit_out_of_range_is_refused(floor):
    assert floor.buy(2, 0, 5, peg=PRIMARY) == ["REJECTED 2.1 PRICE_OUT_OF_RANGE left 0"]
