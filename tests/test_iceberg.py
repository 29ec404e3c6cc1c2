"""Orders that show a part of themselves, or nothing."""

import pytest
from engine_kit import BUY, FOK, MARKET, NEWEST, OLDEST, PEAK, RESERVE, SELL, Floor

BOTH_STYLES = pytest.mark.parametrize("refresh", [RESERVE, PEAK])


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


@BOTH_STYLES
def test_the_public_sees_the_peak(floor, refresh):
    floor.buy(1, 100, 50, display_lots=10, refresh=refresh)
    floor.buy(2, 99, 5)
    assert floor.venue.bbo(0) == (100, 10, None, 0)
    assert floor.venue.depth(0, BUY, 5) == [(100, 10, 1), (99, 5, 1)]
    assert floor.bids() == ["50@100 1.1", "5@99 2.1"]
    assert floor.shown(BUY) == ["10@100 1.1", "5@99 2.1"]


def test_nobody_sees_a_hidden_order_and_it_trades_last(floor):
    floor.buy(1, 100, 7, display_lots=0)
    assert floor.venue.bbo(0) == (None, 0, None, 0)
    assert floor.venue.depth(0, BUY, 5) == []
    assert (floor.venue.live(0), floor.shown(BUY)) == (1, [])
    floor.buy(2, 100, 5)
    assert floor.bids() == ["5@100 2.1", "7@100 1.1"]
    fills = [row for row in floor.sell(3, 100, 8) if "maker" in row]
    assert fills == ["FILL 5@100 left 0 of 2.1 maker", "FILL 3@100 left 4 of 1.1 maker"]


def test_price_comes_before_display(floor):
    floor.sell(1, 101, 5)
    floor.sell(2, 100, 5, display_lots=0)
    assert floor.venue.bbo(0) == (None, 0, 101, 5)
    assert "FILL 5@100 left 0 of 2.1 maker" in floor.buy(3, 101, 6)
    assert floor.asks() == ["4@101 1.1"]


def test_reserves_and_hidden_orders_trade_by_entry(floor):
    """The reserve of an iceberg that came before a hidden order goes before it, and the other way round."""
    floor.buy(1, 100, 20, display_lots=5)
    floor.buy(2, 100, 10, display_lots=0)
    floor.buy(3, 100, 20, display_lots=5)
    fills = [row for row in floor.sell(9, 100, 45) if "maker" in row]
    assert fills == [
        "FILL 5@100 left 15 of 1.1 maker",
        "FILL 5@100 left 15 of 3.1 maker",
        "FILL 15@100 left 0 of 1.1 maker",
        "FILL 10@100 left 0 of 2.1 maker",
        "FILL 10@100 left 5 of 3.1 maker",
    ]
    assert floor.shown(BUY) == ["5@100 3.1"]


def test_new_peaks_show_after_the_sweep_in_the_order_in_which_the_old_ones_ran_out(floor):
    for agent in (1, 2):
        floor.sell(agent, 100, 20, display_lots=5)
    floor.sell(3, 100, 4)
    rows = floor.buy(9, 100, 14)
    assert rows[-2:] == ["REFRESHED 5@100 left 15 of 1.1", "REFRESHED 5@100 left 15 of 2.1"]
    assert floor.shown(SELL) == ["5@100 1.1", "5@100 2.1"]
    assert [row for row in floor.buy(9, 100, 1) if "REFRESHED" in row] == []


def test_a_peak_renewed_at_once_is_behind_who_waits(floor):
    floor.sell(1, 100, 12, display_lots=5, refresh=PEAK)
    floor.sell(2, 100, 4)
    rows = floor.buy(9, 100, 12)
    assert [row for row in rows if "maker" in row or "REFRESHED" in row] == [
        "FILL 5@100 left 7 of 1.1 maker",
        "REFRESHED 5@100 left 7 of 1.1",
        "FILL 4@100 left 0 of 2.1 maker",
        "FILL 3@100 left 4 of 1.1 maker",
    ]
    assert floor.shown(SELL) == ["2@100 1.1"]


def test_the_last_peak_may_be_smaller(floor):
    floor.sell(1, 100, 7, display_lots=5)
    assert floor.buy(9, 100, 5)[-1] == "REFRESHED 2@100 left 2 of 1.1"


@BOTH_STYLES
def test_a_lower_size_comes_from_the_reserve_and_keeps_the_place(floor, refresh):
    floor.buy(1, 100, 20, display_lots=5, refresh=refresh)
    floor.buy(2, 100, 1)
    assert floor.replace(1, 1, 100, 8) == ["REPLACED 8@100 left 8 of 1.1 keeps place"]
    assert floor.shown(BUY) == ["5@100 1.1", "1@100 2.1"]
    floor.replace(1, 1, 100, 3)
    assert floor.shown(BUY) == ["3@100 1.1", "1@100 2.1"]
    floor.replace(1, 1, 100, 30)
    assert floor.shown(BUY) == ["1@100 2.1", "5@100 1.1"]


def test_a_hidden_order_that_moves_loses_its_place_among_the_hidden(floor):
    floor.buy(1, 100, 5, display_lots=0)
    floor.buy(2, 100, 5, display_lots=0)
    floor.replace(1, 1, 100, 6)
    assert floor.bids() == ["5@100 2.1", "6@100 1.1"]


@BOTH_STYLES
def test_an_iceberg_takes_with_all_its_size(floor, refresh):
    floor.sell(1, 100, 30)
    floor.buy(2, 100, 50, display_lots=10, refresh=refresh)
    assert (floor.bids(), floor.shown(BUY)) == (["20@100 2.1"], ["10@100 2.1"])


def test_post_only_meets_hidden_orders(floor):
    floor.sell(1, 100, 5, display_lots=0)
    assert floor.buy(2, 100, 5, post_only=True) == ["REJECTED 2.1 POST_ONLY_WOULD_CROSS left 0"]
    assert floor.buy(2, 99, 5, post_only=True, display_lots=0) == ["ACCEPTED 5@99 2.2"]


@BOTH_STYLES
def test_fill_or_kill_counts_what_is_not_shown(floor, refresh):
    floor.sell(1, 100, 20, display_lots=5, refresh=refresh)
    floor.sell(2, 100, 5, display_lots=0)
    assert floor.buy(9, 100, 26, tif=FOK)[-1] == "CANCELLED 26@100 of 9.1 FILL_OR_KILL"
    assert floor.buy(9, 100, 25, tif=FOK)[-1] == "FILL 5@100 left 0 of 9.2"


def test_fill_or_kill_stops_at_an_own_order_before_later_reserves(floor):
    floor.sell(1, 100, 20, display_lots=5, refresh=PEAK)
    floor.sell(9, 100, 1)
    assert "FILL_OR_KILL" in floor.buy(9, 100, 6, tif=FOK, stp=NEWEST)[-1]
    assert "FILL 5@100" in floor.buy(9, 100, 5, tif=FOK, stp=NEWEST)[-2]
    floor.cancel(1, 1)
    floor.sell(2, 100, 6)
    rows = floor.buy(9, 100, 6, tif=FOK, stp=OLDEST)
    assert rows[1] == "CANCELLED 1@100 of 9.1 SELF_TRADE"
    assert rows[-1] == "FILL 6@100 left 0 of 9.4"


def test_cancelling_an_iceberg_takes_all_of_it(floor):
    floor.sell(1, 100, 20, display_lots=5)
    assert floor.cancel(1, 1) == ["CANCELLED 20@100 of 1.1 REQUESTED"]
    assert floor.venue.bbo(0) == (None, 0, None, 0)


@pytest.mark.parametrize(
    "options",
    [
        {"display_lots": 21},
        {"display_lots": -1},
        {"display_lots": 0, "refresh": PEAK},
        {"refresh": PEAK},
        {"display_lots": 5, "tif": FOK},
        {"display_lots": 5, "order_type": MARKET},
        {"minimum_lots": 21},
        {"minimum_lots": -1},
        {"minimum_lots": 5, "tif": FOK},
        {"minimum_lots": 5, "post_only": True},
        {"protection_ticks": 5},
        {"expire_ns": 10**9},
        {"stop_price": 99},
    ],
)
def test_terms_that_make_no_sense_are_refused(floor, options):
    before = floor.venue.book_hash(0)
    assert floor.buy(1, 100, 20, **options) == ["REJECTED 1.1 INVALID_TERMS left 0"]
    assert floor.venue.book_hash(0) == before


@BOTH_STYLES
def test_an_iceberg_has_a_bounded_number_of_peaks(floor, refresh):
    terms = {"display_lots": 2, "refresh": refresh}
    assert floor.buy(1, 100, 20_001, **terms) == ["REJECTED 1.1 INVALID_TERMS left 0"]
    assert floor.buy(1, 100, 20_000, **terms) == ["ACCEPTED 20000@100 1.2"]
    assert floor.replace(1, 2, 100, 20_001) == ["REPLACE_REJECTED 1.2 INVALID_TERMS left 20000"]
    assert floor.replace(1, 2, 101, 20_000) == ["REPLACED 20000@101 left 20000 of 1.2"]


def test_styles_that_do_not_exist_are_errors(floor):
    with pytest.raises(ValueError, match="refresh"):
        floor.buy(1, 100, 20, display_lots=5, refresh=2)
    with pytest.raises(ValueError, match="peg"):
        floor.buy(1, 100, 20, peg=4)


def test_the_hash_knows_what_is_hidden(floor, venue_class):
    def hash_of(**terms):
        other = Floor(venue_class)
        other.buy(1, 100, 20, **terms)
        return other.venue.book_hash(0)

    states = [{}, {"display_lots": 0}, {"display_lots": 5}, {"display_lots": 5, "refresh": PEAK}]
    assert len({hash_of(**terms) for terms in states}) == len(states)
