"""Worked examples of exchanges' published rule documents, with the numbers they print."""

import pytest
from engine_kit import (
    BUY,
    DECREMENT,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    OLDEST,
    PEAK,
    RESERVE,
    SELL,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    Floor,
)

from market_sim.engine import EventKind, MatchingPolicy, Phase


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


# --- pro rata --------------------------------------------------------------------------------------------


def pro_rata(floor, resting, size, **rules):
    """Bids at one price in time order, then a sale: what each of them gets, in time order."""
    floor.venue.set_matching(floor.listing, MatchingPolicy.PRO_RATA, **rules)
    for agent, lots in enumerate(resting, start=1):
        floor.buy(agent, 100, lots)
    floor.sell(99, 100, size)
    got = dict.fromkeys(range(1, len(resting) + 1), 0)
    for event in floor.events:
        if event.kind == EventKind.TRADE:
            got[event.agent] += event.size
    assert len(prints(floor)) == sum(1 for lots in got.values() if lots), "one match per order"
    return list(got.values())


@pytest.mark.parametrize(
    ("resting", "size", "rules", "shares"),
    [
        # CME, notice of 2005: 1.67 of the second is below the minimum; it gets the leftover 3.
        ([10, 5, 20, 50, 75], 60, {"top_order_max_lots": 10, "pro_rata_min_lots": 2}, [10, 3, 6, 16, 25]),
        # CME: 100 to the top order, then pro rata, and 2 left over to the first.
        (
            [100, 900, 200, 300, 400, 100],
            501,
            {"top_order_max_lots": 100, "pro_rata_min_lots": 2},
            [100, 189 + 2, 42, 63, 84, 21],
        ),
        # CME without a top order: everybody by size, what rounding leaves first in, first out.
        ([10, 20, 70], 50, {}, [5, 10, 35]),
        ([1, 1, 1], 2, {}, [1, 1, 0]),
        ([3, 7, 5], 8, {"pro_rata_min_lots": 2}, [3, 3, 2]),
        # A top order larger than its maximum shares in the rest with what it has left.
        ([60, 40], 50, {"top_order_max_lots": 10}, [10 + 23, 17]),
        # An aggressor of at least all that rests fills first in, first out.
        ([10, 20, 70], 100, {"top_order_max_lots": 5, "pro_rata_min_lots": 2}, [10, 20, 70]),
        ([10, 20, 70], 120, {}, [10, 20, 70]),
    ],
)
def test_pro_rata(floor, resting, size, rules, shares):
    assert pro_rata(floor, resting, size, **rules) == shares
    asked = [event.agent for event in floor.events if event.kind == EventKind.TRADE]
    assert asked == sorted(asked), "told in time order"


# --- auctions --------------------------------------------------------------------------------------------


def gather(floor, bids, asks, reference=None):
    """Let orders of (lots, price) gather; a price None is market-to-limit, "market" a market order."""
    floor.phase(Phase.OPENING_AUCTION)
    if reference is not None:
        floor.reference(reference)
    for side, orders in ((BUY, bids), (SELL, asks)):
        for place, (lots, price) in enumerate(orders, start=1):
            kind = {None: {"order_type": MARKET_TO_LIMIT}, "market": {"order_type": MARKET}}.get(price, {})
            floor.order(10 * side + place, side, None if kind else price, lots, **kind)


ASX = ([(500, 640), (500, 639), (500, 639), (1000, 634), (500, 633)],)
ASX += ([(1000, 610), (500, 640), (520, 641), (550, 642), (519, 643)],)
EURONEXT = ([(50, None), (90, 1010), (10, 990)], [(40, None), (100, 1008), (60, 1015)])
MIXED = ([(500, 201), (100, 199)], [(500, 199), (100, 201)])


@pytest.mark.parametrize(
    ("bids", "asks", "reference", "expected"),
    [
        (*ASX, None, (639, 1000)),
        (*EURONEXT, 1000, (1008, 140)),
        ([*EURONEXT[0], (20, "market")], EURONEXT[1], 1000, (1010, 140)),
        ([(40, None)], [(45, "market")], 1000, (1000, 40)),
        ([(400, 202), (200, 201)], [(300, 199), (200, 198)], None, (201, 500)),
        ([(300, 202), (200, 201)], [(400, 199), (200, 198)], None, (199, 500)),
        (*MIXED, 200, (200, 500)),
        (*MIXED, 150, (199, 500)),
        (*MIXED, 250, (201, 500)),
        ([(50, "market")], [(40, "market")], 200, (200, 40)),
        ([(50, "market")], [(40, "market")], None, None),
        ([(500, 199)], [(500, 201)], 200, None),
        # Most volume alone decides, whatever the reference says.
        ([(200, 202), (200, 201), (300, 200)], [(200, 200), (200, 199), (300, 198)], 250, (200, 700)),
        # No surplus at several prices: the nearest to the reference, which may lie between them.
        ([(300, 202), (200, 201)], [(300, 199), (200, 198)], 200, (200, 500)),
        ([(300, 202), (200, 201)], [(300, 199), (200, 198)], 210, (201, 500)),
        ([(300, 202), (200, 201)], [(300, 199), (200, 198)], None, (200, 500)),
        # Market orders against limits of one side only.
        ([(900, "market")], [(500, 200), (400, 202)], None, (202, 900)),
        ([(800, "market")], [(500, 200), (400, 202)], None, (202, 800)),
        # TSX: bids 1000@10.00, 200@9.99, 200@9.99; offers market 200, 500@9.99, 100@10.00, 100@10.01.
        (
            [(1000, 1000), (200, 999), (200, 999)],
            [(200, "market"), (500, 999), (100, 1000), (100, 1001)],
            1002,
            (1000, 800),
        ),
    ],
)
def test_the_price_of_an_auction(floor, bids, asks, reference, expected):
    gather(floor, bids, asks, reference)
    told = floor.venue.indicative(floor.listing)
    assert (None if told is None else told[:2]) == expected
    assert floor.uncross()[0] == expected


def test_euronext_allocation(floor):
    """With the market order for 20: fills 40, 10, 20, 70; 20 of the 90 stay at 10.10."""
    gather(floor, [*EURONEXT[0], (20, "market")], EURONEXT[1], 1000)
    assert floor.uncross() == ((1010, 140), [(40, 1, 11), (10, 1, 12), (20, 4, 12), (70, 2, 12)])
    assert (floor.bids(), floor.asks()) == (["20@1010 2.1", "10@990 3.1"], ["60@1015 13.1"])


def test_euronext_market_to_limit_stays_at_the_opening_price(floor):
    """Market-to-limit to sell 45 against market-to-limit to buy 40: 5 stay, at the reference price."""
    gather(floor, [(40, None)], [(45, None)], 1000)
    assert floor.uncross() == ((1000, 40), [(40, 1, 11)])
    assert floor.asks() == ["5@1000 11.1"]


def test_tsx_opening(floor):
    """The bid of 1000@10.00 buys 200, 500 and 100; what is left of it stays."""
    bids = [(1000, 1000), (200, 999), (200, 999)]
    gather(floor, bids, [(200, "market"), (500, 999), (100, 1000), (100, 1001)], 1002)
    assert floor.uncross() == ((1000, 800), [(200, 1, 11), (500, 1, 12), (100, 1, 13)])
    assert floor.bids() == ["200@1000 1.1", "200@999 2.1", "200@999 3.1"]
    assert floor.asks() == ["100@1001 14.1"]
