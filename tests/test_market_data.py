"""Market data: rows that rebuild the public books exactly, from the start or from a snapshot."""

import numpy as np
import pytest
from conftest import engine_names
from engine_kit import BUY, REJECT_KINDS, SELL, Floor
from engine_whole import CALLS, WHOLE_MIXES, WholeStream, open_whole, send, timed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_sim import engine
from market_sim.engine import LAST, PLACE_KEPT, Event, MarketDataKind, MarketDataRow, Phase
from market_sim.errors import MarketSimError
from market_sim.market_data import GapError, Subscriber
from market_sim.records import COMMAND, EVENT, MARKET_DATA

hammer = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ALL = {"bbo": True, "l2": True, "l3": True}


def plain(rows):
    """Rows of either engine as tuples of Python's integers."""
    return [MarketDataRow(*row) for row in (rows.tolist() if isinstance(rows, np.ndarray) else rows)]


def told(rows):
    """Rows in words: kind, order, side, price and size."""
    return [
        (
            MarketDataKind(row.kind).name,
            f"{row.agent}.{row.counter}",
            "bid" if row.side == BUY else "ask",
            row.price,
            row.size,
        )
        for row in plain(rows)
    ]


@pytest.fixture
def floor(venue_class):
    floor = Floor(venue_class)
    floor.venue.set_market_data(floor.listing, **ALL)
    return floor


def rows_of(floor):
    return told(floor.venue.take_market_data())


def check(subscriber, venue, listings):
    """Everything heard is everything there is."""
    assert subscriber.whole
    assert subscriber.phase == venue.phase
    for listing in range(listings):
        book = subscriber.book(listing)
        assert book.bbo == tuple(venue.bbo(listing))
        for side in (BUY, SELL):
            assert book.levels(side) == [tuple(level) for level in venue.depth(listing, side, 10**6)]
            assert book.orders(side) == [tuple(order) for order in venue.shown(listing, side)]


# --- by hand --------------------------------------------------------------------------------------------


def test_nothing_is_published_until_somebody_asks(venue_class):
    floor = Floor(venue_class)
    floor.buy(1, 100, 5)
    assert len(floor.venue.take_market_data()) == 0
    assert [MarketDataKind(row.kind) for row in plain(floor.venue.market_data_snapshot())] == [
        MarketDataKind.SNAPSHOT
    ]


def test_an_order_that_comes_shrinks_and_goes(floor):
    floor.buy(1, 100, 5)
    assert rows_of(floor) == [
        ("ADD", "1.1", "bid", 100, 5),
        ("LEVEL", "0.0", "bid", 100, 5),
        ("BBO", "0.0", "bid", 100, 5),
    ]
    floor.replace(1, 1, 100, 3)
    assert rows_of(floor)[0] == ("REDUCE", "1.1", "bid", 100, 3)
    floor.replace(1, 1, 101, 3)
    assert rows_of(floor) == [
        ("MODIFY", "1.1", "bid", 101, 3),
        ("LEVEL", "0.0", "bid", 100, 0),
        ("LEVEL", "0.0", "bid", 101, 3),
        ("BBO", "0.0", "bid", 101, 3),
    ]
    floor.cancel(1, 1)
    assert rows_of(floor) == [
        ("DELETE", "1.1", "bid", 101, 0),
        ("LEVEL", "0.0", "bid", 101, 0),
        ("BBO", "0.0", "bid", 0, 0),
    ]


def test_a_trade_is_told_before_what_it_did(floor):
    floor.sell(1, 101, 4)
    floor.sell(2, 102, 3)
    rows_of(floor)
    floor.buy(3, 102, 5)
    rows = plain(floor.venue.take_market_data())
    assert told(rows) == [
        ("TRADE", "0.0", "bid", 101, 4),
        ("TRADE", "0.0", "bid", 102, 1),
        ("DELETE", "1.1", "ask", 101, 0),
        ("REDUCE", "2.1", "ask", 102, 2),
        ("LEVEL", "0.0", "ask", 101, 0),
        ("LEVEL", "0.0", "ask", 102, 2),
        ("BBO", "0.0", "ask", 102, 2),
    ]
    assert [row.match_id for row in rows[:2]] == [1, 2]
    assert [row.flags for row in rows] == [0] * 6 + [LAST], "one mark where the books are whole"
    assert [row.seq for row in rows] == list(range(rows[0].seq, rows[0].seq + 7))
    assert {row.time_ns for row in rows} == {floor.time_ns}


def test_what_is_not_shown_is_not_told(floor):
    floor.buy(1, 100, 9, display_lots=0)
    assert rows_of(floor) == []
    floor.buy(2, 99, 10, display_lots=2, refresh=1)
    assert rows_of(floor)[:2] == [("ADD", "2.1", "bid", 99, 2), ("LEVEL", "0.0", "bid", 99, 2)]
    floor.sell(3, 99, 14)  # 9 hidden lots, then peaks of 2: 2, 2 and 1 of the third
    rows = rows_of(floor)
    assert [row for row in rows if row[0] == "TRADE"] == [
        ("TRADE", "0.0", "ask", 100, 9),
        ("TRADE", "0.0", "ask", 99, 2),
        ("TRADE", "0.0", "ask", 99, 2),
        ("TRADE", "0.0", "ask", 99, 1),
    ]
    assert ("MODIFY", "2.1", "bid", 99, 1) in rows


def test_a_refreshed_peak_stands_at_the_back(floor):
    floor.buy(1, 100, 4, display_lots=2, refresh=1)
    floor.buy(2, 100, 2)
    subscriber = Subscriber(floor.venue.market_data_snapshot())
    floor.sell(3, 100, 2)
    subscriber.apply(floor.venue.take_market_data())
    assert subscriber.book(0).orders(BUY) == [(100, 2, 1, 2), (100, 1, 1, 2)]


def test_growth_in_place_is_a_modify_that_keeps_the_place(floor):
    """Only recorded flow grows an order in place, so the row is tried on the subscriber by hand."""
    subscriber = Subscriber()
    add = {"listing": 0, "side": BUY, "price": 100, "kind": MarketDataKind.ADD}
    grown = {**add, "kind": MarketDataKind.MODIFY, "flags": PLACE_KEPT}
    rows = [
        MarketDataRow(seq=1, agent=1, counter=1, size=4, **add),
        MarketDataRow(seq=2, agent=2, counter=1, size=4, **add),
        MarketDataRow(seq=3, agent=1, counter=1, size=9, **grown),
    ]
    subscriber.apply(rows)
    assert subscriber.book(0).orders(BUY) == [(100, 1, 1, 9), (100, 2, 1, 4)]


def test_phases_and_prints_are_told(floor):
    floor.phase(Phase.SUSPENDED)
    (row,) = plain(floor.venue.take_market_data())
    assert (row.kind, row.phase, row.flags) == (MarketDataKind.PHASE, Phase.SUSPENDED, LAST)
    floor.phase(Phase.CONTINUOUS)
    floor.time_ns += 1
    floor.venue.print_trade(floor.time_ns, 0, SELL, 103, 7)
    subscriber = Subscriber(floor.venue.market_data_snapshot())
    assert subscriber.phase == Phase.CONTINUOUS
    rows = floor.venue.take_market_data()
    assert told(rows)[-1] == ("TRADE", "0.0", "ask", 103, 7)
    assert subscriber.apply(rows) == 0, "the snapshot is younger than these rows"


def test_a_late_joiner_hears_of_a_call(floor):
    floor.phase(Phase.OPENING_AUCTION)
    floor.buy(1, 101, 5)
    floor.sell(2, 99, 8)
    subscriber = Subscriber(floor.venue.market_data_snapshot())
    book = subscriber.book(0)
    assert book.bbo == (101, 5, 99, 8), "a book may be crossed while orders gather"
    assert (subscriber.phase, book.indicative) == (Phase.OPENING_AUCTION, (99, 5, -3))
    floor.phase(Phase.CONTINUOUS)
    subscriber.apply(floor.venue.take_market_data())
    assert (book.indicative, book.last_trade[:2]) == (None, (99, 5))
    check(subscriber, floor.venue, 1)


def test_channels_are_apart(venue_class):
    kinds = {
        "bbo": {"BBO"},
        "l2": {"LEVEL"},
        "l3": {"ADD", "REDUCE", "DELETE"},
    }
    for channel, expected in kinds.items():
        floor = Floor(venue_class)
        floor.venue.set_market_data(0, **{channel: True})
        floor.buy(1, 100, 5)
        floor.sell(2, 100, 2)
        floor.cancel(1, 1)
        assert {kind for kind, *_ in rows_of(floor)} == expected | {"TRADE"}
        floor.venue.set_market_data(0)
        floor.buy(1, 100, 5)
        assert rows_of(floor) == []


def test_batches_are_published_command_by_command(venue_class):
    """Fields of rows that are given as an array of commands, with fewer places for events than there are."""
    floor = Floor(venue_class)
    floor.venue.set_market_data(0, **ALL)
    commands = np.zeros(3, COMMAND)
    commands["time_ns"], commands["agent"], commands["counter"] = (1, 2, 3), (1, 2, 3), 1
    commands["price"], commands["size"], commands["flags"] = 100, 5, 2
    commands["side"] = (BUY, SELL, BUY)
    events = np.zeros(3, EVENT)
    taken, _ = floor.venue.process(commands, events)
    assert taken == 2, "the second command's rows found no room"
    floor.venue.process(commands[taken:], np.zeros(10, EVENT))
    subscriber = Subscriber()
    rows = floor.venue.take_market_data()
    subscriber.apply(rows)
    assert [row.time_ns for row in plain(rows) if row.flags & LAST] == [1, 2, 3]
    check(subscriber, floor.venue, 1)


# --- properties -----------------------------------------------------------------------------------------


@hammer
@given(name=st.sampled_from(list(WHOLE_MIXES)), seed=st.integers(0, 10**6), joins=st.integers(1, 120))
def test_the_rows_rebuild_the_books_after_every_command(venue_class, name, seed, joins):
    rebuild(venue_class, name, seed, 150, joins)


@pytest.mark.parametrize("name", list(WHOLE_MIXES))
def test_a_long_stream_is_rebuilt(venue_class, name):
    rebuild(venue_class, name, f"market data {name}", 1_200, 600)


def rebuild(venue_class, name, seed, count, joins):
    mix = WHOLE_MIXES[name]
    venue, listings = open_whole(venue_class, mix), len(mix.listings)
    for listing in range(listings):
        venue.set_market_data(listing, **ALL)
    subscribers = [Subscriber(venue.market_data_snapshot())]
    for place, (time_ns, command) in enumerate(timed(WholeStream(mix, seed).take(count), mix)):
        events = send(venue, time_ns, command)
        rows = venue.take_market_data()
        if place == joins:
            subscribers.append(Subscriber(venue.market_data_snapshot()))
        for subscriber in subscribers:
            subscriber.apply(rows)
            check(subscriber, venue, listings)
            check_indications(subscriber, venue, events)


def check_indications(subscriber, venue, events):
    """What an auction would come to is told after every command that a called listing carries out."""
    for listing in {Event(*row).listing for row in events if row[12] not in REJECT_KINDS}:
        book = subscriber.book(listing)
        if (book.own_phase or subscriber.phase) in CALLS:
            cross = venue.indicative(listing)
            assert book.indicative == (tuple(cross) if cross else None)


@pytest.mark.parametrize("name", WHOLE_MIXES)
def test_both_engines_publish_the_same_rows(name):
    mix = WHOLE_MIXES[name]
    venues = [open_whole(engine.venue_class(each), mix) for each in engine_names()]
    for venue in venues:
        for listing in range(len(mix.listings)):
            venue.set_market_data(listing, **ALL)
    for time_ns, command in timed(WholeStream(mix, f"same rows {name}").take(1_500), mix):
        for venue in venues:
            send(venue, time_ns, command)
        first, *others = [plain(venue.take_market_data()) for venue in venues]
        assert all(other == first for other in others), (time_ns, command)
    first, *others = [plain(venue.market_data_snapshot()) for venue in venues]
    assert all(other == first for other in others)


# --- the subscriber -------------------------------------------------------------------------------------


def stream(venue_class, count=200):
    mix = WHOLE_MIXES["everything that shows less"]
    venue = open_whole(venue_class, mix)
    venue.set_market_data(0, **ALL)
    for time_ns, command in timed(WholeStream(mix, 5).take(count), mix):
        send(venue, time_ns, command)
    return venue, plain(venue.take_market_data())


def test_a_missing_row_is_an_error_that_names_it(venue_class):
    _, rows = stream(venue_class)
    subscriber = Subscriber()
    with pytest.raises(GapError, match=r"row 11 of market data is missing.*snapshot") as caught:
        subscriber.apply(rows[:10] + rows[11:])
    assert (caught.value.expected, caught.value.got) == (11, 12)
    assert subscriber.seq == 10, "nothing behind the gap is applied"


def test_after_a_gap_a_snapshot_helps(venue_class):
    venue, rows = stream(venue_class)
    subscriber = Subscriber()
    with pytest.raises(GapError):
        subscriber.apply(rows[5:])
    subscriber.restart(venue.market_data_snapshot())
    check(subscriber, venue, 1)


def test_rows_that_come_twice_are_passed_over(venue_class):
    venue, rows = stream(venue_class)
    subscriber = Subscriber()
    assert subscriber.apply(rows) == len(rows)
    assert subscriber.apply(rows[-50:]) == 0
    check(subscriber, venue, 1)


def test_a_book_is_not_whole_amid_a_command(floor):
    floor.buy(1, 100, 5)
    rows = floor.venue.take_market_data()
    subscriber = Subscriber()
    subscriber.apply(rows[:1])
    assert not subscriber.whole
    subscriber.apply(rows[1:])
    assert subscriber.whole


def test_rows_of_another_venue_are_noticed(venue_class):
    _, rows = stream(venue_class)
    (deleted, *_) = [row for row in rows if row.kind == MarketDataKind.DELETE]
    with pytest.raises(MarketSimError, match=r"DELETE\) finds no order"):
        Subscriber().apply([deleted._replace(seq=1)])
    with pytest.raises(MarketSimError, match="not SNAPSHOT"):
        Subscriber(rows)


def test_a_lost_delete_is_noticed(venue_class):
    """The comparison with the venue is awake: one row dropped and the numbers closed up again."""
    venue, rows = stream(venue_class)
    places = [place for place, row in enumerate(rows) if row.kind == MarketDataKind.ADD]
    wrong = rows[: places[-1]] + [row._replace(seq=row.seq - 1) for row in rows[places[-1] + 1 :]]
    with pytest.raises((AssertionError, MarketSimError)):
        apply_and_check(wrong, venue)


def apply_and_check(rows, venue):
    subscriber = Subscriber()
    subscriber.apply(rows)
    check(subscriber, venue, 1)


# --- depth into buffers ---------------------------------------------------------------------------------


def buffers(levels):
    return tuple(np.full(levels, -1) for _ in range(3))


def test_depth_is_written_into_the_callers_arrays(floor):
    for price, size in ((100, 5), (100, 2), (99, 4), (97, 1)):
        floor.buy(1, price, size)
    prices, sizes, orders = buffers(5)
    assert floor.venue.depth_into(0, BUY, prices, sizes, orders) == 3
    assert prices.tolist() == [100, 99, 97, -1, -1], "places behind the last level stay"
    assert (sizes.tolist()[:3], orders.tolist()[:3]) == ([7, 4, 1], [2, 1, 1])
    assert floor.venue.depth_into(0, BUY, prices[:2], sizes[:2]) == 2
    assert floor.venue.depth_into(0, SELL, prices, sizes) == 0
    assert floor.venue.depth_into(0, BUY, prices[:0], sizes[:0]) == 0


def test_buffers_that_do_not_fit_are_named(floor):
    prices, sizes, orders = buffers(5)
    with pytest.raises(ValueError, match="sizes has 3 places, prices has 5"):
        floor.venue.depth_into(0, BUY, prices, sizes[:3])
    with pytest.raises(ValueError, match="orders has 4 places"):
        floor.venue.depth_into(0, BUY, prices, sizes, orders[:4])
    with pytest.raises(ValueError, match=r"prices: .* one dimension, not float64"):
        floor.venue.depth_into(0, BUY, prices.astype(float), sizes)
    with pytest.raises(ValueError, match=r"sizes: .*not int32"):
        floor.venue.depth_into(0, BUY, prices, sizes.astype(np.int32))
    with pytest.raises(ValueError, match=r"prices: .*2 dimensions"):
        floor.venue.depth_into(0, BUY, np.zeros((5, 5), np.int64), sizes)
    with pytest.raises(ValueError, match="unknown listing 7"):
        floor.venue.depth_into(7, BUY, prices, sizes)


def test_buffers_must_be_writable_and_contiguous(floor):
    prices, sizes, _ = buffers(6)
    with pytest.raises(ValueError, match="sizes: give a writable, contiguous array"):
        floor.venue.depth_into(0, BUY, prices[:3], sizes[::2])
    sizes.flags.writeable = False
    with pytest.raises(ValueError, match="sizes: give a writable, contiguous array"):
        floor.venue.depth_into(0, BUY, prices, sizes)


def test_the_array_has_the_documented_fields():
    assert MARKET_DATA.names == MarketDataRow._fields
    assert MARKET_DATA.itemsize == 72
