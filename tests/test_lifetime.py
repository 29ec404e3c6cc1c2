"""How orders end: self-trade modes, expiry, mass cancel, a lost connection; what must trade at once."""

import pytest
from engine_kit import BOTH, BUY, DAY, DECREMENT, GTD, IOC, MARKET, MARKET_TO_LIMIT, OLDEST, SELL, Floor

from market_sim.engine import Phase


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


# --- self-trade prevention -------------------------------------------------------------------------------


def test_oldest_goes_on_to_others(floor):
    floor.sell(1, 100, 5)
    floor.sell(2, 100, 5)
    assert floor.buy(1, 100, 7, stp=OLDEST)[1:] == [
        "CANCELLED 5@100 of 1.1 SELF_TRADE",
        "TRADE 5@100 2.1 hit by 1.2 BUY",
        "FILL 5@100 left 0 of 2.1 maker",
        "FILL 5@100 left 2 of 1.2",
    ]
    assert floor.bids() == ["2@100 1.2"]


def test_both_ends_both(floor):
    floor.sell(2, 99, 1)
    floor.sell(1, 100, 5)
    floor.sell(2, 100, 5)
    assert floor.buy(1, 100, 7, stp=BOTH)[-2:] == [
        "CANCELLED 5@100 of 1.1 SELF_TRADE",
        "CANCELLED 6@100 of 1.2 SELF_TRADE",
    ]
    assert floor.asks() == ["5@100 2.2"]


def test_decrement_of_equal_sizes_ends_both(floor):
    floor.sell(1, 100, 5)
    assert floor.buy(1, 100, 5, stp=DECREMENT)[1:] == [
        "CANCELLED 5@100 of 1.1 SELF_TRADE_DECREMENT",
        "CANCELLED 5@100 of 1.2 SELF_TRADE_DECREMENT",
    ]
    assert floor.venue.live(0) == 0


def test_decrement_takes_an_icebergs_reserve_first(floor):
    floor.sell(1, 100, 20, display_lots=5)
    floor.buy(1, 100, 12, stp=DECREMENT)
    assert (floor.asks(), floor.shown(SELL)) == (["8@100 1.1"], ["5@100 1.1"])
    floor.buy(1, 100, 5, stp=DECREMENT)
    assert (floor.asks(), floor.shown(SELL)) == (["3@100 1.1"], ["3@100 1.1"])


def test_the_takers_mode_rules(floor):
    floor.sell(1, 100, 5, stp=DECREMENT)
    assert floor.buy(1, 100, 5, stp=OLDEST)[1] == "CANCELLED 5@100 of 1.1 SELF_TRADE"


def test_a_decremented_order_may_be_replaced_by_what_is_left_of_its_size(floor):
    """A prevented lot is no executed one: the total falls with it."""
    floor.buy(1, 100, 10)
    floor.sell(1, 100, 4, stp=DECREMENT)
    assert floor.replace(1, 1, 100, 5) == ["REPLACED 5@100 left 5 of 1.1 keeps place"]


# --- expiry ------------------------------------------------------------------------------------------------


def test_good_till_date_ends_with_the_clock(floor):
    floor.buy(1, 100, 5, tif=GTD, expire_ns=50)
    floor.buy(2, 101, 5, tif=GTD, expire_ns=40)
    floor.buy(3, 99, 5, tif=GTD, expire_ns=50)
    floor.buy(4, 98, 5, tif=GTD, expire_ns=60)
    assert floor.advance(39) == []
    assert floor.advance(50) == [
        "CANCELLED 5@101 of 2.1 EXPIRED",
        "CANCELLED 5@100 of 1.1 EXPIRED",
        "CANCELLED 5@99 of 3.1 EXPIRED",
    ]
    assert floor.bids() == ["5@98 4.1"]


def test_a_replaced_order_still_ends_and_a_dead_one_does_not_end_twice(floor):
    floor.buy(1, 100, 5, tif=GTD, expire_ns=50)
    floor.buy(2, 100, 5, tif=GTD, expire_ns=50)
    floor.replace(1, 1, 101, 9)
    floor.cancel(2, 1)
    floor.buy(2, 90, 5, counter=1)
    assert floor.advance(60) == ["CANCELLED 9@101 of 1.1 EXPIRED"]
    assert floor.bids() == ["5@90 2.1"]


def test_only_advance_moves_the_clock(floor):
    floor.buy(1, 100, 5, tif=GTD, expire_ns=50)
    floor.time_ns = 70
    assert "FILL 5@100 left 0 of 1.1 maker" in floor.sell(2, 100, 5)


def test_a_date_in_the_past_is_refused(floor):
    floor.time_ns = 99
    assert floor.buy(1, 100, 5, tif=GTD, expire_ns=100) == ["REJECTED 1.1 INVALID_TERMS left 0"]
    assert floor.buy(1, 100, 5, tif=GTD) == ["REJECTED 1.2 INVALID_TERMS left 0"]
    assert floor.buy(1, 100, 5, tif=GTD, expire_ns=103) == ["ACCEPTED 5@100 1.3"]


def test_orders_expire_in_a_halt(floor):
    floor.buy(1, 100, 5, tif=GTD, expire_ns=50)
    floor.phase(Phase.SUSPENDED)
    assert floor.advance(50) == ["CANCELLED 5@100 of 1.1 EXPIRED"]


def test_a_day_ends_when_the_venue_closes(floor):
    floor.sell(1, 110, 5, tif=DAY)
    floor.buy(1, 100, 5, tif=DAY)
    floor.buy(2, 100, 5)
    floor.buy(3, 101, 5, tif=DAY, display_lots=0)
    assert floor.phase(Phase.SUSPENDED) == ["PHASE SUSPENDED"]
    assert floor.phase(Phase.CLOSED) == [
        "CANCELLED 5@101 of 3.1 EXPIRED",
        "CANCELLED 5@100 of 1.2 EXPIRED",
        "CANCELLED 5@110 of 1.1 EXPIRED",
        "PHASE CLOSED",
    ]
    assert floor.bids() == ["5@100 2.1"]


# --- in bulk -----------------------------------------------------------------------------------------------


def test_mass_cancel(floor):
    other = floor.venue.add_listing(1, 1, 0, 0, 0)
    floor.sell(1, 110, 5)
    floor.buy(1, 100, 5)
    floor.buy(1, 101, 5, display_lots=0)
    floor.buy(1, 90, 5, listing=other)
    floor.buy(2, 100, 5)
    assert floor.mass_cancel(1, side=SELL) == ["CANCELLED 5@110 of 1.1 MASS_CANCEL"]
    assert floor.mass_cancel(1, listing=other, side=SELL) == []
    assert floor.mass_cancel(1) == [
        "CANCELLED 5@101 of 1.3 MASS_CANCEL",
        "CANCELLED 5@100 of 1.2 MASS_CANCEL",
        "CANCELLED 5@90 of 1.4 MASS_CANCEL",
    ]
    assert floor.bids() == ["5@100 2.1"]
    assert floor.mass_cancel(2, listing=9) == ["CANCEL_REJECTED 2.0 UNKNOWN_LISTING left 0"]
    floor.phase(Phase.CLOSED)
    assert floor.mass_cancel(2) == ["CANCEL_REJECTED 2.0 VENUE_CLOSED left 0"]


def test_a_lost_connection_ends_orders_of_those_who_asked_for_it(floor):
    floor.buy(1, 100, 5)
    floor.buy(2, 100, 5)
    assert floor.disconnect(1) == []
    floor.venue.set_cancel_on_disconnect(1, True)
    assert floor.disconnect(1) == ["CANCELLED 5@100 of 1.1 DISCONNECTED"]
    assert floor.disconnect(2) == []


# --- what must trade at once -------------------------------------------------------------------------------


def test_a_minimum_at_entry_and_never_again(floor):
    floor.sell(1, 100, 4)
    assert floor.buy(2, 100, 10, minimum_lots=5) == [
        "ACCEPTED 10@100 2.1",
        "CANCELLED 10@100 of 2.1 MINIMUM_QUANTITY",
    ]
    floor.buy(2, 100, 10, minimum_lots=4)
    assert floor.bids() == ["6@100 2.2"]
    assert "FILL 1@100 left 5 of 2.2 maker" in floor.sell(1, 100, 1)


def test_a_minimum_counts_hidden_lots_within_the_limit_only(floor):
    floor.sell(1, 100, 4, display_lots=0)
    floor.sell(1, 101, 4)
    assert "MINIMUM_QUANTITY" in floor.buy(2, 100, 10, minimum_lots=5, tif=IOC)[-1]
    rows = floor.buy(2, 101, 10, minimum_lots=5, tif=IOC)
    assert rows[-1] == "CANCELLED 2@101 of 2.2 IMMEDIATE_OR_CANCEL"


# --- prices left to the market ---------------------------------------------------------------------------


def test_market_to_limit_stays_at_the_price_it_met(floor):
    floor.sell(1, 100, 5)
    floor.sell(1, 101, 5)
    rows = floor.buy(2, None, 8, order_type=MARKET_TO_LIMIT)
    assert rows[0] == "ACCEPTED 8@100 2.1"
    assert (floor.bids(), floor.asks()) == (["3@100 2.1"], ["5@101 1.2"])


def test_market_to_limit_without_a_market_ends(floor):
    floor.sell(1, 100, 5, display_lots=0)
    rows = floor.buy(2, None, 8, order_type=MARKET_TO_LIMIT)
    assert rows == ["ACCEPTED 8@0 2.1", "CANCELLED 8@0 of 2.1 NO_LIQUIDITY"]


@pytest.mark.parametrize("options", [{"price": 100}, {"tif": IOC}, {"post_only": True}])
def test_market_to_limit_has_no_price_and_rests(floor, options):
    options = {"price": None} | options
    rows = floor.order(2, BUY, size=8, order_type=MARKET_TO_LIMIT, **options)
    assert rows == ["REJECTED 2.1 INVALID_COMBINATION left 0"]


def test_protection_of_an_immediate_order(floor):
    floor.buy(1, 100, 5)
    floor.buy(1, 97, 5)
    rows = floor.sell(2, None, 12, order_type=MARKET, tif=IOC, protection_ticks=2)
    assert rows[0] == "ACCEPTED 12@98 2.1"
    assert rows[-1] == "CANCELLED 7@98 of 2.1 IMMEDIATE_OR_CANCEL"


def test_protection_never_leaves_the_range_of_prices(floor):
    floor.buy(1, 3, 5)
    assert floor.sell(2, None, 6, order_type=MARKET, protection_ticks=10)[0] == "ACCEPTED 6@1 2.1"
    assert floor.asks() == ["1@1 2.1"]
    floor.cancel(2, 1)
    floor.sell(1, 2**53, 1)
    assert floor.buy(2, None, 2, order_type=MARKET, protection_ticks=2**53)[0] == f"ACCEPTED 2@{2**53} 2.2"


def test_protection_without_a_market_ends(floor):
    rows = floor.buy(2, None, 8, order_type=MARKET, protection_ticks=5)
    assert rows == ["ACCEPTED 8@0 2.1", "CANCELLED 8@0 of 2.1 NO_LIQUIDITY"]
