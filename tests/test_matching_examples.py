"""Worked examples of exchanges' published rule documents, with the numbers they print."""

import pytest
from engine_kit import (
    DECREMENT,
    IOC,
    MARKET,
    OLDEST,
    PEAK,
    RESERVE,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    Floor,
)

from market_sim.engine import EventKind


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


def prints(floor):
    """(lots, price) of the trades of the last command."""
    return [(event.size, event.price) for event in floor.events if event.kind == EventKind.TRADE]


# --- protection ------------------------------------------------------------------------------------------


def test_market_order_with_protection(floor):
    """CME: buy 10, best offer 90025, protection 600 points: limit 90625, 2 rest there."""
    for price, size in ((90025, 2), (90300, 3), (90550, 3), (90675, 5)):
        floor.sell(1, price, size)
    rows = floor.buy(2, None, 10, order_type=MARKET, protection_ticks=600)
    assert rows[0] == "ACCEPTED 10@90625 2.1"
    assert prints(floor) == [(2, 90025), (3, 90300), (3, 90550)]
    assert floor.bids() == ["2@90625 2.1"]


# --- iceberg ---------------------------------------------------------------------------------------------


def tsx_iceberg(floor, refresh):
    floor.buy(1, 1000, 100)
    floor.buy(2, 990, 500)
    floor.buy(3, 990, 10_000, display_lots=100, refresh=refresh)
    floor.buy(4, 990, 200)
    floor.sell(9, 990, 1500)


def test_an_iceberg_whose_reserve_trades_last(floor):
    """TSX: 100@10.00, then 500, 100 shown, 200, 600 of the reserve; 9,200 hidden and 100 shown are left."""
    tsx_iceberg(floor, RESERVE)
    assert prints(floor) == [(100, 1000), (500, 990), (100, 990), (200, 990), (600, 990)]
    assert floor.bids() == ["9300@990 3.1"]
    assert floor.shown(0) == ["100@990 3.1"]


def test_an_iceberg_whose_peaks_join_the_back(floor):
    """The same totals, but the iceberg prints seven times 100."""
    tsx_iceberg(floor, PEAK)
    expected = [(100, 1000), (500, 990), (100, 990), (200, 990), *[(100, 990)] * 6]
    assert prints(floor) == expected
    assert floor.bids() == ["9300@990 3.1"]
    assert floor.shown(0) == ["100@990 3.1"]


# --- replace ---------------------------------------------------------------------------------------------


def test_lower_size_keeps_priority(floor):
    """Queue 10: 1.00, 15: 5.50, 20: 4.00; order 15 reduced to 5.00 stays second."""
    for counter, size in ((10, 100), (15, 550), (20, 400)):
        floor.buy(1, 50, size, counter=counter)
    floor.replace(1, 15, 50, 500)
    assert floor.bids() == ["100@50 1.10", "500@50 1.15", "400@50 1.20"]
    floor.replace(1, 10, 50, 101)
    assert floor.bids() == ["500@50 1.15", "400@50 1.20", "101@50 1.10"]
    floor.replace(1, 15, 49, 500)
    assert floor.bids() == ["400@50 1.20", "101@50 1.10", "500@49 1.15"]


# --- self-trade prevention: original - executed - prevented = open -----------------------------------------


def test_expire_maker(floor):
    """Makers 1.2@1.2, 1.3@1.1, 8.1@1 of the same owner, taker sell 3@1: all three expire, it rests."""
    for price, size in ((12, 12), (11, 13), (10, 81)):
        floor.buy(1, price, size)
    rows = floor.sell(1, 10, 30, stp=OLDEST)
    assert rows == [
        "ACCEPTED 30@10 1.4",
        "CANCELLED 12@12 of 1.1 SELF_TRADE",
        "CANCELLED 13@11 of 1.2 SELF_TRADE",
        "CANCELLED 81@10 of 1.3 SELF_TRADE",
    ]
    assert (floor.bids(), floor.asks()) == ([], ["30@10 1.4"])


def test_decrement(floor):
    """Maker 6@2, taker 2@2: the maker keeps 4 open, the taker expires."""
    floor.buy(1, 2, 6)
    assert floor.sell(1, 2, 2, stp=DECREMENT) == [
        "ACCEPTED 2@2 1.2",
        "REPLACED 4@2 left 4 of 1.1 keeps place",
        "CANCELLED 2@2 of 1.2 SELF_TRADE_DECREMENT",
    ]
    assert (floor.bids(), floor.asks()) == (["4@2 1.1"], [])


def test_decrement_after_a_fill(floor):
    """Original - executed - prevented = open, on both sides."""
    floor.buy(1, 2, 6)
    floor.sell(2, 2, 1)
    rows = floor.sell(1, 2, 9, stp=DECREMENT, tif=IOC)
    assert rows[1:] == [
        "CANCELLED 5@2 of 1.1 SELF_TRADE_DECREMENT",
        "REPLACED 4@2 left 4 of 1.2 keeps place",
        "CANCELLED 4@2 of 1.2 IMMEDIATE_OR_CANCEL",
    ]


# --- stops -----------------------------------------------------------------------------------------------


def test_stop_with_protection(floor):
    """CME: buy 10, trigger 133000, protection 300 points from the trigger: 3 rest at 133300."""
    for price, size in ((133025, 2), (133200, 3), (133225, 2), (133375, 9)):
        floor.sell(1, price, size)
    floor.buy(2, 133300, 10, order_type=STOP, stop_price=133000)
    floor.buy(3, 133000, 1)
    floor.sell(4, 133000, 1)
    assert prints(floor) == [(1, 133000), (2, 133025), (3, 133200), (2, 133225)]
    assert floor.bids() == ["3@133300 2.1"]


def test_an_on_stop_order_enters_after_the_sweep_that_triggered_it(floor):
    """TSX: bids 1000@10.00, 500@9.90, 1000@9.80 and an on-stop bid 1000@9.90; sell 1500@9.90."""
    for agent, price, size in ((1, 1000, 1000), (2, 990, 500), (3, 980, 1000)):
        floor.buy(agent, price, size)
    floor.buy(4, 990, 1000, order_type=STOP_LIMIT, stop_price=990)
    rows = floor.sell(9, 990, 1500)
    assert prints(floor) == [(1000, 1000), (500, 990)]
    assert rows[-1] == "TRIGGERED 1000@990 4.1 STOP_LIMIT"
    assert floor.shown(0) == ["1000@990 4.1", "1000@980 3.1"]


@pytest.mark.parametrize(
    ("side", "bps", "start", "best", "stop"),
    [(0, 500, 45_000, 42_000, 44_100), (1, 1000, 40_000, 41_000, 36_900)],
    ids=["buy 5 % above a low of 42,000", "sell 10 % below a high of 41,000"],
)
def test_trailing_stop(floor, side, bps, start, best, stop):
    for price in (start, best):
        floor.sell(1, price, 1)
        floor.buy(2, price, 1)
        if price == start:
            floor.order(3, side, None, 1, order_type=TRAILING_STOP, trail_bps=bps)
    assert floor.waiting() == [f"1@{stop} 3.1"]
