"""What a venue refuses and in which order it asks, phases, numbers, fees, the batch door."""

import numpy as np
import pytest
from engine_kit import BUY, FOK, IOC, MARKET, NEWEST, SELL, Floor, line

from market_sim.engine import Event, EventKind, Phase
from market_sim.records import COMMAND, EVENT

MAX_PRICE, MAX_SIZE, MAX_NOTIONAL = 2**53, 2**48, 2**62


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


def reason(rows):
    """Name of the reason of a single reject."""
    assert len(rows) == 1
    return rows[0].split()[2]


# --- what is refused, and in which order ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "size", "expected"),
    [
        (0, 5, "PRICE_OUT_OF_RANGE"),
        (-3, 5, "PRICE_OUT_OF_RANGE"),
        (MAX_PRICE + 1, 5, "PRICE_OUT_OF_RANGE"),
        (100, 0, "SIZE_OUT_OF_RANGE"),
        (100, -1, "SIZE_OUT_OF_RANGE"),
        (100, MAX_SIZE + 1, "SIZE_OUT_OF_RANGE"),
        (0, 0, "PRICE_OUT_OF_RANGE"),
        (MAX_PRICE, MAX_SIZE, "NOTIONAL_OVERFLOW"),
        (2**20, 2**43, "NOTIONAL_OVERFLOW"),
        (-(2**63), 2**63 - 1, "PRICE_OUT_OF_RANGE"),
        (2**63 - 1, -(2**63), "PRICE_OUT_OF_RANGE"),
        (1, 2**63 - 1, "SIZE_OUT_OF_RANGE"),
    ],
)
def test_numbers_out_of_range(floor, price, size, expected):
    before = floor.venue.book_hash(0)
    assert reason(floor.buy(1, price, size)) == expected
    assert (floor.events[0].price, floor.events[0].size) == (price, size)
    assert floor.venue.book_hash(0) == before


@pytest.mark.parametrize(("price", "size"), [(MAX_PRICE, 1), (1, MAX_SIZE), (2**20, 2**42), (1, 1)])
def test_numbers_at_the_edge_are_taken(floor, price, size):
    assert floor.buy(1, price, size) == [f"ACCEPTED {size}@{price} 1.1"]
    assert floor.sell(2, price, size)[-1] == f"FILL {size}@{price} left 0 of 2.1"


def test_a_lot_of_base_may_be_too_much(venue_class):
    floor = Floor(venue_class, lot=2**40)
    assert reason(floor.sell(1, 1, 2**22 + 1)) == "NOTIONAL_OVERFLOW"
    assert floor.sell(1, 1, 2**22) == [f"ACCEPTED {2**22}@1 1.2"]
    assert reason(floor.sell(1, None, 2**22 + 1, order_type=MARKET)) == "NOTIONAL_OVERFLOW"


@pytest.mark.parametrize(
    "options",
    [
        {"post_only": True, "tif": IOC},
        {"post_only": True, "tif": FOK},
        {"post_only": True, "order_type": MARKET},
        {"price": None},
        {"price": None, "tif": IOC},
    ],
)
def test_invalid_combinations(floor, options):
    options = {"price": 100} | options
    assert reason(floor.order(1, BUY, size=0, **options)) == "INVALID_COMBINATION"


def test_least_notional(venue_class):
    floor = Floor(venue_class, tick_lot=10, min_notional=5_000)
    assert reason(floor.buy(1, 100, 4)) == "MIN_NOTIONAL"
    assert floor.buy(1, 100, 5) == ["ACCEPTED 5@100 1.2"]
    assert reason(floor.replace(1, 2, 99, 5)) == "MIN_NOTIONAL"
    assert floor.sell(2, None, 1, order_type=MARKET)[-1] == "FILL 1@100 left 0 of 2.1"
    assert reason(floor.sell(2, 1, 1, order_type=MARKET)) == "MIN_NOTIONAL"


def test_an_id_is_live_once(floor):
    floor.buy(1, 100, 5)
    assert reason(floor.sell(1, 200, 5, counter=1)) == "DUPLICATE_ORDER_ID"
    floor.cancel(1, 1)
    assert floor.sell(1, 200, 5, counter=1) == ["ACCEPTED 5@200 1.1"]


def test_unknown_listing_and_unknown_order(floor):
    assert reason(floor.buy(1, 0, 0, listing=7)) == "UNKNOWN_LISTING"
    assert reason(floor.cancel(1, 1, listing=7)) == "UNKNOWN_LISTING"
    assert reason(floor.replace(1, 1, 0, 0, listing=7)) == "UNKNOWN_LISTING"
    assert floor.events[0].listing == 7
    assert reason(floor.cancel(1, 9)) == "UNKNOWN_ORDER"
    assert reason(floor.replace(1, 9, 0, 0)) == "UNKNOWN_ORDER"
    floor.buy(1, 100, 5, counter=9)
    assert reason(floor.cancel(2, 9)) == "UNKNOWN_ORDER", "an order belongs to its agent"


def test_a_reject_says_what_is_left_of_the_order(floor):
    floor.sell(1, 100, 5)
    floor.buy(2, 100, 2)
    assert floor.replace(1, 1, 0, 9) == ["REPLACE_REJECTED 1.1 PRICE_OUT_OF_RANGE left 3"]
    row = floor.events[0]
    assert (row.price, row.size, row.side) == (0, 9, SELL)
    assert floor.replace(1, 1, 100, 0) == ["REPLACE_REJECTED 1.1 SIZE_OUT_OF_RANGE left 3"]
    assert floor.replace(1, 1, MAX_PRICE, MAX_SIZE) == ["REPLACE_REJECTED 1.1 NOTIONAL_OVERFLOW left 3"]


def test_a_level_holds_a_bounded_sum(floor):
    for _ in range(2**14):
        floor.venue.new_order(1, 1, floor.counters.setdefault(1, 1), 0, BUY, 0, 0, NEWEST, False, 1, MAX_SIZE)
        floor.counters[1] += 1
    floor.venue.discard_events()
    assert floor.venue.bbo(0)[1] == 2**62
    assert reason(floor.buy(2, 1, 1)) == "QUANTITY_OVERFLOW"
    assert floor.buy(2, 2, 1) == ["ACCEPTED 1@2 2.2"]
    assert reason(floor.replace(2, 2, 1, 1)) == "QUANTITY_OVERFLOW"
    assert floor.buy(2, 1, 1, tif=IOC)[-1].endswith("IMMEDIATE_OR_CANCEL"), "it could not have rested"
    assert floor.replace(1, 5, 1, MAX_SIZE)[0].startswith("REPLACED"), "its own lots make room"
    floor.cancel(1, 1)
    assert floor.replace(2, 2, 1, 1) == ["REPLACED 1@1 left 1 of 2.2"]


def test_the_first_failing_check_is_the_reason(venue_class):
    """Repairing a hopeless order one fault at a time uncovers the reasons in their order."""
    floor = Floor(venue_class, min_notional=10)
    floor.sell(1, 50, 5)
    floor.buy(2, 3, 5, counter=1)
    floor.phase(Phase.CLOSED)
    order = {
        "price": 0,
        "size": 0,
        "listing": 3,
        "counter": 1,
        "post_only": True,
        "tif": IOC,
    }

    def attempt(**repaired):
        order.update(repaired)
        return floor.order(2, BUY, **order)

    assert reason(attempt()) == "VENUE_CLOSED"
    floor.phase(Phase.SUSPENDED)
    assert reason(attempt()) == "VENUE_SUSPENDED"
    floor.phase(Phase.CONTINUOUS)
    assert reason(attempt()) == "UNKNOWN_LISTING"
    assert reason(attempt(listing=0)) == "INVALID_COMBINATION"
    assert reason(attempt(tif=0)) == "PRICE_OUT_OF_RANGE"
    assert reason(attempt(price=MAX_PRICE)) == "SIZE_OUT_OF_RANGE"
    assert reason(attempt(size=MAX_SIZE)) == "NOTIONAL_OVERFLOW"
    assert reason(attempt(price=9, size=1)) == "MIN_NOTIONAL"
    assert reason(attempt(price=50)) == "DUPLICATE_ORDER_ID"
    assert reason(attempt(counter=2)) == "POST_ONLY_WOULD_CROSS"
    assert attempt(price=49) == ["ACCEPTED 1@49 2.2"]


def test_codes_that_stand_for_nothing_are_errors(floor):
    for code in ({"side": 2}, {"order_type": 9}, {"tif": 9}, {"stp": 9}):
        arguments = {"side": BUY, "order_type": 0, "tif": 0, "stp": 0} | code
        with pytest.raises(ValueError, match=next(iter(code))):
            floor.venue.new_order(
                0,
                1,
                1,
                0,
                arguments["side"],
                arguments["order_type"],
                arguments["tif"],
                arguments["stp"],
                False,
                100,
                1,
            )
    with pytest.raises(ValueError, match=r"[Pp]hase"):
        floor.venue.set_phase(0, 9)
    assert floor.venue.take_events() == []


def test_an_impossible_listing_is_an_error(venue_class):
    venue = venue_class("V")
    for numbers in (
        (0, 1, 0, 0, 0),
        (1, 0, 0, 0, 0),
        (1, 1, -1, 0, 0),
        (1, 1, 0, 10**8 + 1, 0),
        (1, 1, 0, 0, -(10**8) - 1),
    ):
        with pytest.raises(ValueError, match="listing"):
            venue.add_listing(*numbers)
    assert venue.add_listing(1, 1, 0, 0, 0) == 0


# --- phases ---------------------------------------------------------------------------------------------


def test_a_suspended_venue_lets_orders_go_only(floor):
    floor.buy(1, 100, 5)
    floor.buy(1, 99, 5)
    assert floor.phase(Phase.SUSPENDED) == ["PHASE SUSPENDED"]
    assert floor.venue.phase == Phase.SUSPENDED
    assert floor.buy(2, 100, 1) == ["REJECTED 2.1 VENUE_SUSPENDED left 0"]
    assert floor.replace(1, 1, 100, 1) == ["REPLACE_REJECTED 1.1 VENUE_SUSPENDED left 5"]
    assert floor.cancel(1, 1) == ["CANCELLED 5@100 of 1.1 REQUESTED"]
    assert floor.phase(Phase.CONTINUOUS) == ["PHASE CONTINUOUS"]
    assert floor.bids() == ["5@99 1.2"], "resting orders stay"
    assert floor.sell(3, 99, 1)[-1] == "FILL 1@99 left 0 of 3.1"


def test_a_closed_venue_takes_nothing(floor):
    floor.buy(1, 100, 5)
    floor.phase(Phase.CLOSED)
    assert floor.cancel(1, 1) == ["CANCEL_REJECTED 1.1 VENUE_CLOSED left 5"]
    assert floor.replace(1, 1, 100, 3) == ["REPLACE_REJECTED 1.1 VENUE_CLOSED left 5"]
    assert floor.buy(2, 100, 5) == ["REJECTED 2.1 VENUE_CLOSED left 0"]
    assert floor.bids() == ["5@100 1.1"]


# --- numbers and fees -------------------------------------------------------------------------------------


def test_every_event_and_every_match_has_its_number(floor):
    rows = []
    floor.sell(1, 100, 1)
    rows += floor.events
    floor.sell(1, 100, 1)
    rows += floor.events
    floor.buy(2, 100, 2)
    rows += floor.events
    floor.cancel(2, 7)
    rows += floor.events
    floor.phase(Phase.SUSPENDED)
    rows += floor.events
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    kinds = [(EventKind(row.kind).name, row.match_id) for row in rows if row.match_id]
    assert kinds == [("TRADE", 1), ("FILL", 1), ("FILL", 1), ("TRADE", 2), ("FILL", 2), ("FILL", 2)]


def test_rows_of_a_match_field_by_field(venue_class):
    floor = Floor(venue_class, tick_lot=1000, maker_fee=-2_000, taker_fee=5_000)
    floor.sell(3, 100, 7)
    floor.buy(4, 105, 5)
    accepted, trade, maker, taker = floor.events
    time_ns, notional = 2, 100 * 5 * 1000
    assert accepted == Event(
        time_ns, 2, price=105, size=5, leaves=5, agent=4, counter=1, kind=EventKind.ACCEPTED
    )
    match = {"price": 100, "size": 5, "match_id": 1}
    assert trade == Event(
        time_ns,
        3,
        **match,
        agent=3,
        counter=1,
        contra_agent=4,
        contra_counter=1,
        kind=EventKind.TRADE,
        side=BUY,
    )
    assert maker == Event(
        time_ns,
        4,
        **match,
        leaves=2,
        fee=-(notional * 2_000 // 10**8),
        agent=3,
        counter=1,
        contra_agent=4,
        contra_counter=1,
        kind=EventKind.FILL,
        side=SELL,
        flags=1,
    )
    assert taker == Event(
        time_ns,
        5,
        **match,
        fee=notional * 5_000 // 10**8,
        agent=4,
        counter=1,
        contra_agent=3,
        contra_counter=1,
        kind=EventKind.FILL,
        side=BUY,
    )


@pytest.mark.parametrize(
    ("rate", "notional", "fee"),
    [
        (5_000, 100_000_000, 5_000),
        (5_000, 100_000_001, 5_001),  # a charge rounds up
        (1, 1, 1),
        (-2_000, 100_000_000, -2_000),
        (-2_000, 100_049_999, -2_000),  # a rebate rounds down
        (-1, 99_999_999, 0),
        (0, 12_345, 0),
        (10**8, 2**53, 2**53),
        (-(10**8), 2**53, -(2**53)),
    ],
)
def test_fees_round_against_the_participant(venue_class, rate, notional, fee):
    as_taker = Floor(venue_class, taker_fee=rate)
    as_taker.sell(1, notional, 1)
    as_taker.buy(2, notional, 1)
    assert [row.fee for row in as_taker.events] == [0, 0, 0, fee]
    as_maker = Floor(venue_class, maker_fee=rate)
    as_maker.sell(1, notional, 1)
    as_maker.buy(2, notional, 1)
    assert [row.fee for row in as_maker.events] == [0, 0, fee, 0]


def test_the_largest_notional_has_a_fee_too(venue_class):
    floor = Floor(venue_class, tick_lot=2**30, taker_fee=10**8, maker_fee=3)
    floor.sell(1, 2**30, 4)
    floor.buy(2, 2**30, 4)
    assert [row.fee for row in floor.events[2:]] == [3 * 2**62 // 10**8 + 1, 2**62]


def test_the_venue_hash_covers_counters_and_phase(floor):
    hashes = {floor.venue.state_hash()}
    book = floor.venue.book_hash(0)
    floor.cancel(1, 1)  # refused: only the sequence number moves
    hashes.add(floor.venue.state_hash())
    floor.phase(Phase.SUSPENDED)
    floor.phase(Phase.CONTINUOUS)
    hashes.add(floor.venue.state_hash())
    assert len(hashes) == 3
    assert floor.venue.book_hash(0) == book


def test_two_listings_share_numbers_but_no_orders(venue_class):
    floor = Floor(venue_class)
    second = floor.venue.add_listing(1, 1, 0, 0, 0)
    floor.sell(1, 100, 5)
    floor.sell(1, 100, 5, listing=second, counter=1)
    assert [row.seq for row in floor.events] == [2]
    assert floor.events[0].listing == second
    assert floor.buy(2, 100, 9)[-1] == "FILL 5@100 left 4 of 2.1"
    assert floor.venue.bbo(second) == (None, 0, 100, 5)


def test_discard_says_how_many(floor):
    floor.venue.new_order(1, 1, 1, 0, BUY, 0, 0, NEWEST, False, 100, 1)
    floor.venue.cancel(2, 1, 1, 0)
    assert floor.venue.discard_events() == 2
    assert floor.venue.take_events() == []


# --- the batch door ---------------------------------------------------------------------------------------


def commands(rows):
    table = np.zeros(len(rows), COMMAND)
    for place, row in enumerate(rows):
        for name, value in row.items():
            table[place][name] = value
    return table


def test_a_batch_does_what_calls_do(venue_class):
    table = commands(
        [
            {"time_ns": 1, "agent": 1, "counter": 1, "side": SELL, "price": 100, "size": 5, "flags": 2},
            {"time_ns": 2, "agent": 2, "counter": 1, "price": 101, "size": 3, "flags": 2, "stp": NEWEST},
            {"time_ns": 3, "agent": 2, "counter": 2, "price": 99, "size": 3, "flags": 3},
            {"time_ns": 4, "agent": 2, "counter": 2, "kind": 2, "price": 98, "size": 9},
            {"time_ns": 5, "agent": 1, "counter": 1, "kind": 1},
            {"time_ns": 6, "agent": 3, "counter": 1, "size": 2, "order_type": MARKET, "side": SELL},
            {"time_ns": 7, "agent": 3, "counter": 2, "price": 100, "size": 2, "tif": FOK, "flags": 2},
        ]
    )
    floor = Floor(venue_class)
    events = np.zeros(100, EVENT)
    taken, written = floor.venue.process(table, events)
    assert taken == len(table)
    rows = [Event(*row) for row in events[:written].tolist()]
    assert [line(row) for row in rows] == [
        "ACCEPTED 5@100 1.1",
        "ACCEPTED 3@101 2.1",
        "TRADE 3@100 1.1 hit by 2.1 BUY",
        "FILL 3@100 left 2 of 1.1 maker",
        "FILL 3@100 left 0 of 2.1",
        "ACCEPTED 3@99 2.2",
        "REPLACED 9@98 left 9 of 2.2",
        "CANCELLED 2@100 of 1.1 REQUESTED",
        "ACCEPTED 2@0 3.1",
        "TRADE 2@98 2.2 hit by 3.1 SELL",
        "FILL 2@98 left 7 of 2.2 maker",
        "FILL 2@98 left 0 of 3.1",
        "ACCEPTED 2@100 3.2",
        "CANCELLED 2@100 of 3.2 FILL_OR_KILL",
    ]
    assert [row.seq for row in rows] == list(range(1, written + 1))
    assert [row.time_ns for row in rows] == [1, 2, 2, 2, 2, 3, 4, 5, 6, 6, 6, 6, 7, 7]


def test_a_batch_stops_when_there_is_no_room_for_events(venue_class):
    """However small the array of events is, calling again with what is left loses nothing."""
    table = commands(
        [
            {
                "time_ns": n,
                "agent": 1 + n % 2,
                "counter": n,
                "side": n % 2,
                "price": 100,
                "size": 1 + n % 3,
                "flags": 2,
            }
            for n in range(60)
        ]
    )
    whole = np.zeros(1000, EVENT)
    taken, count = Floor(venue_class).venue.process(table, whole)
    assert taken == 60
    for room in (4, 7, 64):
        venue, rows, start = Floor(venue_class).venue, [], 0
        for _ in range(2 * count):
            events = np.zeros(room, EVENT)
            taken, written = venue.process(table[start:], events)
            rows += events[:written].tolist()
            start += taken
            if not taken and not written:
                break
        assert rows == whole[:count].tolist()
