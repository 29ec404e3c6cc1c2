"""Orders that wait for trades: when they are elected, in which order, and what they become."""

import pytest
from engine_kit import BUY, DAY, FOK, GTD, IOC, SELL, STOP, STOP_LIMIT, TRAILING_STOP, Floor

from market_sim.engine import Phase


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


def trade_at(floor, price, size=1):
    floor.sell(8, price, size)
    return floor.buy(9, price, size)


def test_a_stop_waits_where_nobody_sees_it(floor):
    rows = floor.buy(1, None, 5, order_type=STOP, stop_price=105)
    assert rows == ["ACCEPTED 5@0 1.1"]
    assert floor.waiting() == ["5@105 1.1"]
    assert (floor.bids(), floor.venue.bbo(0), floor.venue.live(0)) == ([], (None, 0, None, 0), 1)
    assert floor.buy(1, 90, 5, counter=1) == ["REJECTED 1.1 DUPLICATE_ORDER_ID left 0"]


def test_a_print_at_the_stop_elects_it(floor):
    floor.buy(1, None, 5, order_type=STOP, stop_price=105)
    floor.sell(2, 110, 5)
    assert not any("TRIGGERED" in row for row in trade_at(floor, 104))
    assert trade_at(floor, 105)[-5:] == [
        "FILL 1@105 left 0 of 9.2",
        "TRIGGERED 5@105 1.1 STOP",
        "TRADE 5@110 2.1 hit by 1.1 BUY",
        "FILL 5@110 left 0 of 2.1 maker",
        "FILL 5@110 left 0 of 1.1",
    ]


def test_a_stop_whose_price_has_been_reached_acts_at_once(floor):
    trade_at(floor, 100)
    assert floor.sell(1, 95, 5, order_type=STOP_LIMIT, stop_price=100) == [
        "ACCEPTED 5@95 1.1",
        "TRIGGERED 5@100 1.1 STOP_LIMIT",
    ]
    assert floor.asks() == ["5@95 1.1"]


def test_a_stop_enters_when_the_sweep_is_over(floor):
    """The sweep's own remainder rests before the stop that it elected comes in."""
    floor.sell(1, 100, 1)
    floor.sell(1, 101, 1)
    floor.sell(2, 100, 3, order_type=STOP_LIMIT, stop_price=100)
    floor.buy(3, 101, 9, counter=1)
    assert floor.bids() == ["4@101 3.1"]


def test_the_order_of_election(floor):
    """The print that comes first, then buys by rising stop, sells by falling stop, then first come."""
    orders = ((1, BUY, 101), (2, BUY, 100), (3, SELL, 102), (4, SELL, 103), (5, SELL, 103), (6, BUY, 102))
    for agent, side, stop in orders:
        floor.order(agent, side, 50 if side == BUY else 150, 1, order_type=STOP_LIMIT, stop_price=stop)
    floor.sell(8, 101, 1)
    floor.sell(8, 102, 1)
    rows = [row.split()[2] for row in floor.buy(9, 102, 2) if "TRIGGERED" in row]
    assert rows == ["2.1", "1.1", "4.1", "5.1", "3.1", "6.1"]


def test_stops_that_a_stop_elects_queue_behind(floor):
    floor.sell(8, 105, 1)
    floor.sell(8, 110, 1)
    floor.buy(1, None, 1, order_type=STOP, stop_price=100)
    floor.buy(2, None, 1, order_type=STOP, stop_price=105)
    floor.buy(3, 90, 1, order_type=STOP_LIMIT, stop_price=100)
    rows = [row.split()[2] for row in trade_at(floor, 100) if "TRIGGERED" in row]
    assert rows == ["1.1", "3.1", "2.1"]


def test_a_stop_keeps_its_time_in_force(floor):
    floor.sell(2, 104, 3)
    for tif, end in ((IOC, "CANCELLED 2@104 of 1.1 IMMEDIATE_OR_CANCEL"), (FOK, "FILL_OR_KILL")):
        one = Floor(type(floor.venue))
        one.sell(2, 104, 3)
        one.buy(1, 104, 5, order_type=STOP_LIMIT, stop_price=100, tif=tif)
        assert end in trade_at(one, 100)[-1]


def test_a_protected_stop_without_a_market_ends(floor):
    floor.buy(1, None, 5, order_type=STOP, stop_price=100, protection_ticks=5)
    assert trade_at(floor, 100)[-2:] == ["TRIGGERED 5@100 1.1 STOP", "CANCELLED 5@0 of 1.1 NO_LIQUIDITY"]


def test_waiting_stops_can_be_cancelled_replaced_and_end(floor):
    floor.buy(1, 106, 5, order_type=STOP_LIMIT, stop_price=105)
    assert floor.replace(1, 1, 106, 3) == ["REPLACED 3@106 left 3 of 1.1 keeps place"]
    assert floor.replace(1, 1, 107, 4) == ["REPLACED 4@107 left 4 of 1.1"]
    assert floor.cancel(1, 1) == ["CANCELLED 4@107 of 1.1 REQUESTED"]
    floor.buy(1, None, 5, order_type=STOP, stop_price=105, tif=GTD, expire_ns=50)
    floor.buy(1, None, 5, order_type=STOP, stop_price=105, tif=DAY)
    floor.buy(2, None, 5, order_type=STOP, stop_price=105)
    floor.buy(2, None, 5, order_type=TRAILING_STOP, trail_ticks=5)
    assert floor.replace(2, 2, 100, 9) == ["REPLACE_REJECTED 2.2 INVALID_COMBINATION left 5"]
    assert floor.mass_cancel(2) == ["CANCELLED 5@0 of 2.1 MASS_CANCEL", "CANCELLED 5@0 of 2.2 MASS_CANCEL"]
    assert floor.advance(60) == ["CANCELLED 5@0 of 1.2 EXPIRED"]
    assert floor.phase(Phase.CLOSED) == ["CANCELLED 5@0 of 1.3 EXPIRED", "PHASE CLOSED"]
    assert floor.waiting() == []


def test_a_recorded_print_elects_stops_too(floor):
    floor.buy(1, 90, 5, order_type=STOP_LIMIT, stop_price=100)
    floor.time_ns += 1
    rows = floor.taken(floor.venue.print_trade(floor.time_ns, 0, BUY, 100, 3))
    assert rows == ["PRINT 3@100 BUY", "TRIGGERED 5@100 1.1 STOP_LIMIT"]
    for numbers in ((0, BUY, 0, 3), (0, BUY, 100, 0), (7, BUY, 100, 3), (0, 2, 100, 3)):
        with pytest.raises(ValueError):  # noqa: PT011  the number is told, the wording is each engine's
            floor.venue.print_trade(floor.time_ns, *numbers)


def test_stops_look_again_when_trading_resumes(floor):
    floor.buy(1, 90, 5, order_type=STOP_LIMIT, stop_price=100)
    floor.phase(Phase.SUSPENDED)
    floor.time_ns += 1
    assert floor.taken(floor.venue.print_trade(floor.time_ns, 0, BUY, 101, 3)) == ["PRINT 3@101 BUY"]
    assert floor.phase(Phase.CONTINUOUS) == ["PHASE CONTINUOUS", "TRIGGERED 5@100 1.1 STOP_LIMIT"]


# --- trailing stops --------------------------------------------------------------------------------------


def test_a_trailing_stop_follows_and_never_comes_back(floor):
    floor.sell(1, None, 5, order_type=TRAILING_STOP, trail_ticks=5)
    assert floor.waiting() == ["5@0 1.1"]
    for price, stop in ((100, 95), (103, 98), (99, 98)):
        trade_at(floor, price)
        assert floor.waiting() == [f"5@{stop} 1.1"]
    assert "TRIGGERED 5@98 1.1 TRAILING_STOP" in trade_at(floor, 98)


def test_a_trailing_stop_starts_from_the_last_print(floor):
    trade_at(floor, 100)
    floor.buy(1, None, 5, order_type=TRAILING_STOP, trail_bps=333)
    assert floor.waiting() == ["5@104 1.1"], "a distance of 3.33 ticks is rounded outward"


def test_a_trailing_stop_may_become_a_limit_order(floor):
    trade_at(floor, 100)
    floor.buy(1, None, 5, order_type=TRAILING_STOP, trail_ticks=4, trigger_limit_ticks=2)
    trade_at(floor, 105)
    assert floor.bids() == ["5@106 1.1"]


@pytest.mark.parametrize(
    ("terms", "price"), [({"trigger_limit_ticks": 2}, 106), ({"protection_ticks": 2}, 112)]
)
def test_a_stop_whose_price_would_be_refused_ends(venue_class, terms, price):
    """Worth too much at the price it would get; the report says which."""
    floor = Floor(venue_class, tick_lot=1_000)
    trade_at(floor, 100)
    floor.sell(2, 110, 5)
    floor.buy(1, None, 2**48, order_type=TRAILING_STOP, trail_ticks=4, **terms)
    assert trade_at(floor, 105)[-1] == f"CANCELLED {2**48}@{price} of 1.1 NO_LIQUIDITY"


@pytest.mark.parametrize(
    ("price", "options"),
    [
        (None, {"order_type": STOP}),
        (None, {"order_type": STOP, "stop_price": 0}),
        (None, {"order_type": STOP, "stop_price": 2**53 + 1}),
        (None, {"order_type": STOP, "stop_price": 5, "trail_ticks": 1}),
        (None, {"order_type": STOP, "stop_price": 5, "trigger_limit_ticks": 1}),
        (None, {"order_type": STOP, "stop_price": 5, "display_lots": 1}),
        (5, {"order_type": STOP, "stop_price": 5, "protection_ticks": 1}),
        (5, {"order_type": TRAILING_STOP, "trail_ticks": 1}),
        (None, {"order_type": TRAILING_STOP}),
        (None, {"order_type": TRAILING_STOP, "trail_ticks": 1, "trail_bps": 1}),
        (None, {"order_type": TRAILING_STOP, "trail_ticks": -1}),
        (None, {"order_type": TRAILING_STOP, "trail_bps": 10_000}),
        (None, {"order_type": TRAILING_STOP, "trail_ticks": 1, "stop_price": 5}),
        (None, {"order_type": TRAILING_STOP, "trail_ticks": 1, "trigger_limit_ticks": -1}),
        (5, {"stop_price": 5}),
        (5, {"trail_ticks": 5}),
    ],
)
def test_terms_that_make_no_sense_are_refused(floor, price, options):
    assert floor.buy(1, price, 20, **options) == ["REJECTED 1.1 INVALID_TERMS left 0"]
    assert floor.venue.live(0) == 0
