"""New numbers for waiting stops, and commands with terms in bulk: by hand, and both engines alike."""

import numpy as np
import pytest
from conftest import engine_names
from engine_kit import BUY, GTD, LIMIT, NEWEST, SELL, STOP, STOP_LIMIT, TRAILING_STOP, Floor
from engine_whole import WHOLE_MIXES, WholeStream, open_whole, send, timed

from market_sim import engine
from market_sim.engine import Event
from market_sim.records import COMMAND, COMMAND_EX, EVENT, GIVEN, HAS_PRICE, POST_ONLY


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


def amend(floor, agent, counter, price, size, **terms):
    floor.time_ns += 1
    return floor.taken(floor.venue.replace_ex(floor.time_ns, agent, counter, 0, price, size, **terms))


def trade_at(floor, price):
    """One lot between two strangers."""
    floor.sell(8, price, 1)
    return floor.buy(9, price, 1)


# --- by hand --------------------------------------------------------------------------------------------


def test_a_stops_price_is_moved(floor):
    floor.order(1, BUY, None, 5, order_type=STOP, stop_price=110)
    assert amend(floor, 1, 1, None, 5, stop_price=105) == ["REPLACED 5@0 left 5 of 1.1"]
    assert floor.waiting() == ["5@105 1.1"]
    assert "TRIGGERED 5@105 1.1 STOP" in trade_at(floor, 105)


def test_a_stop_keeps_its_place_among_the_waiting(floor):
    floor.order(1, BUY, None, 5, order_type=STOP, stop_price=110)
    floor.order(2, BUY, None, 5, order_type=STOP, stop_price=105)
    amend(floor, 1, 1, None, 7, stop_price=105)
    assert floor.waiting() == ["7@105 1.1", "5@105 2.1"]
    triggered = [line for line in trade_at(floor, 105) if line.startswith("TRIGGERED")]
    assert triggered == ["TRIGGERED 7@105 1.1 STOP", "TRIGGERED 5@105 2.1 STOP"]


def test_a_stop_whose_price_is_reached_already_is_elected_at_once(floor):
    trade_at(floor, 100)
    floor.sell(3, 101, 9)
    floor.order(1, BUY, 103, 5, order_type=STOP_LIMIT, stop_price=110)
    assert amend(floor, 1, 1, None, 5, stop_price=100)[:2] == [
        "REPLACED 5@103 left 5 of 1.1",
        "TRIGGERED 5@100 1.1 STOP_LIMIT",
    ]
    assert floor.waiting() == []


def test_while_suspended_nothing_is_replaced(floor):
    floor.order(1, BUY, None, 5, order_type=STOP, stop_price=110)
    floor.phase(1)
    assert amend(floor, 1, 1, None, 5, stop_price=105) == ["REPLACE_REJECTED 1.1 VENUE_SUSPENDED left 5"]


def test_the_distance_of_a_trailing_stop_is_counted_from_its_best_print(floor):
    trade_at(floor, 100)
    floor.order(1, SELL, None, 5, order_type=TRAILING_STOP, trail_ticks=10)
    trade_at(floor, 120)
    trade_at(floor, 117)
    assert floor.waiting() == ["5@110 1.1"]
    amend(floor, 1, 1, None, 5, trail_ticks=5)
    assert floor.waiting() == ["5@115 1.1"], "from 120, not from 117"
    amend(floor, 1, 1, None, 5, trail_bps=1_000)
    assert floor.waiting() == ["5@108 1.1"]
    assert "TRIGGERED 5@118 1.1 TRAILING_STOP" in amend(floor, 1, 1, None, 5, trail_ticks=2)


def test_a_price_of_its_own_replaces_the_protection_in_ticks(floor):
    floor.order(1, BUY, None, 5, order_type=STOP, stop_price=110, protection_ticks=3)
    assert amend(floor, 1, 1, 104, 4) == ["REPLACED 4@104 left 4 of 1.1"]
    assert amend(floor, 1, 1, None, 3) == ["REPLACED 3@104 left 3 of 1.1 keeps place"]
    floor.sell(2, 110, 9)
    trade = floor.buy(3, 110, 1)
    assert trade[-1] != "CANCELLED", "it rests at its own price"
    assert floor.bids() == ["3@104 1.1"]


@pytest.mark.parametrize(
    ("kind", "price", "terms", "reason"),
    [
        (STOP, None, {"trail_ticks": 3}, "INVALID_TERMS"),
        (STOP, None, {"stop_price": 0}, "INVALID_TERMS"),
        (STOP, None, {"stop_price": 2**53 + 1}, "INVALID_TERMS"),
        (STOP, 0, {}, "PRICE_OUT_OF_RANGE"),
        (TRAILING_STOP, 100, {}, "INVALID_COMBINATION"),
        (TRAILING_STOP, None, {"stop_price": 100}, "INVALID_TERMS"),
        (TRAILING_STOP, None, {"trail_ticks": 3, "trail_bps": 3}, "INVALID_TERMS"),
        (TRAILING_STOP, None, {"trail_bps": 10_000}, "INVALID_TERMS"),
        (TRAILING_STOP, None, {"trail_ticks": 0}, "INVALID_TERMS"),
        (LIMIT, None, {}, "INVALID_COMBINATION"),
        (LIMIT, 100, {"stop_price": 100}, "INVALID_TERMS"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(floor, kind, price, terms, reason):
    if kind == LIMIT:
        floor.buy(1, 90, 5)
    else:
        own = {"stop_price": 110} if kind == STOP else {"trail_ticks": 9}
        floor.order(1, BUY, None, 5, order_type=kind, **own)
    before = floor.waiting(), floor.bids(), floor.venue.book_hash(0)
    assert amend(floor, 1, 1, price, 5, **terms) == [f"REPLACE_REJECTED 1.1 {reason} left 5"]
    assert (floor.waiting(), floor.bids(), floor.venue.book_hash(0)) == before


def test_an_order_that_does_not_wait_is_replaced_as_always(floor):
    floor.buy(1, 100, 5)
    assert amend(floor, 1, 1, 101, 6) == ["REPLACED 6@101 left 6 of 1.1"]
    assert amend(floor, 1, 7, 101, 6) == ["REPLACE_REJECTED 1.7 UNKNOWN_ORDER left 0"]
    assert amend(floor, 1, 7, None, 6, stop_price=3) == ["REPLACE_REJECTED 1.7 UNKNOWN_ORDER left 0"]


# --- both engines, every door ---------------------------------------------------------------------------


class AmendingStream(WholeStream):
    """The same streams with replacements of stops among them."""

    def __init__(self, mix, seed):
        super().__init__(mix, seed)
        self.stops = []

    def new(self):
        command = super().new()
        if command[5] >= STOP:
            self.stops = [*self.stops[-11:], command[1:4]]
        return command

    def command(self):
        command, draw = super().command(), self.random
        if not self.stops or draw.random() > 0.15:
            return command
        names = draw.sample(("stop_price", "trail_ticks", "trail_bps"), draw.choice((0, 1, 1, 1, 1, 2)))
        numbers = {
            "stop_price": self.price(),
            "trail_ticks": draw.randint(0, 6),
            "trail_bps": draw.randint(0, 400),
        }
        limit = self.price() if draw.random() < 0.3 else None
        terms = {name: numbers[name] for name in names}
        return ("amend", *draw.choice(self.stops), limit, self.size(), terms)


def send_any(venue, time_ns, command):
    if command[0] != "amend":
        return send(venue, time_ns, command)
    *order, terms = command[1:]
    count = venue.replace_ex(time_ns, *order, **terms)
    rows = [tuple(row) for row in venue.take_events()]
    assert len(rows) == count
    return rows


def row_of(time_ns, command):
    """A command as a COMMAND_EX row; None for what batches do not carry."""
    kind, *rest = command
    if kind not in ("new", "ex", "cancel", "replace", "amend"):
        return None
    row, terms, price = np.zeros(1, COMMAND_EX), {}, None
    row["time_ns"], row["kind"] = time_ns, {"new": 0, "ex": 0, "cancel": 1, "replace": 2, "amend": 2}[kind]
    row["agent"], row["counter"], row["listing"] = rest[:3]
    if kind in ("new", "ex"):
        row["side"], row["order_type"], row["tif"], row["stp"] = rest[3:7]
        row["flags"] = POST_ONLY * rest[7]
        price, row["size"] = rest[8:10]
        terms = rest[10] if kind == "ex" else {}
    elif kind in ("replace", "amend"):
        price, row["size"] = rest[3:5]
        terms = rest[5] if kind == "amend" else {}
    if price is not None:
        row["price"], row["flags"] = price, row["flags"] | HAS_PRICE
    for name, number in terms.items():
        if number is not None:
            row[name] = number
            row["given"] |= GIVEN.get(name, 0)
    return row


def send_row(venue, time_ns, command):
    """The same through the batch door."""
    row = row_of(time_ns, command)
    if row is None:
        return send_any(venue, time_ns, command)
    events, rows, left = np.zeros(16, EVENT), [], row
    while True:
        taken, written = venue.process(left, events)
        rows += events[:written].tolist()
        left = left[taken:]
        if written < len(events):
            return rows


@pytest.mark.parametrize("name", ["everything that waits for trades", "everything at two listings"])
def test_calls_and_rows_of_both_engines_agree(name):
    mix = WHOLE_MIXES[name]
    doors = [(engine.venue_class(each), door) for each in engine_names() for door in (send_any, send_row)]
    venues = [(open_whole(venue, mix), door) for venue, door in doors]
    amended = 0
    for time_ns, command in timed(AmendingStream(mix, f"amend {name}").take(4_000), mix):
        first, *others = [door(venue, time_ns, command) for venue, door in venues]
        for other in others:
            assert other == first, (time_ns, command, [Event(*row) for row in first])
        assert len({venue.state_hash() for venue, _ in venues}) == 1, (time_ns, command)
        amended += command[0] == "amend" and first[0][12] == engine.EventKind.REPLACED
    assert amended > 20


def test_a_batch_of_both_kinds_of_rows(venue_class):
    floor = Floor(venue_class)
    rows = np.zeros(3, COMMAND_EX)
    rows["time_ns"], rows["agent"], rows["counter"] = 5, (1, 2, 3), 1
    rows["side"], rows["price"], rows["size"] = (BUY, BUY, SELL), (100, 99, 99), (5, 9, 8)
    rows["flags"], rows["stp"] = HAS_PRICE, NEWEST
    rows[0]["display_lots"], rows[0]["given"] = 2, GIVEN["display_lots"]
    rows[1]["tif"], rows[1]["expire_ns"], rows[1]["given"] = GTD, 50, GIVEN["expire_ns"]
    events = np.zeros(100, EVENT)
    taken, written = floor.venue.process(rows, events)
    assert (taken, floor.shown(BUY)) == (3, ["6@99 2.1"])
    floor.venue.advance(50)
    assert floor.bids() == []
    assert written == len(events[events["seq"] > 0])


def test_rows_with_codes_that_stand_for_nothing_are_refused(venue_class):
    floor = Floor(venue_class)
    for column in ("order_type", "peg"):
        rows = np.zeros(2, COMMAND_EX)
        rows[column] = (0, 9)
        rows["size"], rows["price"], rows["flags"] = 1, 1, HAS_PRICE
        with pytest.raises(ValueError, match=r"command row 1|stands for nothing"):
            floor.venue.process(rows, np.zeros(9, EVENT))


def test_the_columns_of_terms_follow_those_of_plain_commands():
    assert set(COMMAND.names) < set(COMMAND_EX.names)
    assert COMMAND_EX.itemsize == 120
