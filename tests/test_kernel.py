"""The kernel's clock: who hears what and when, views, conflation, phases, agents on and off, the end."""

import numpy as np
import pytest
from engine_kit import BUY, IOC, SELL, Market

from market_sim.engine import CancelReason, EventKind, NoticeKind, Phase
from market_sim.errors import EngineError

WAKE, QUOTE, TRADE, BOOK, REPORT, PHASE, CONSOLIDATED = (int(kind) for kind in NoticeKind)


def words(reports):
    return [report.split(" ", 1)[1] for report in reports]


# --- the clock -----------------------------------------------------------------------------------------


def test_time_stands_where_it_was_asked_to_stop(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    kernel = market.start().kernel
    assert kernel.next(100) is None
    assert kernel.now_ns == 100
    kernel.wake_in(ann, 50)
    assert kernel.next(149) is None
    assert kernel.next(200) == (WAKE, 150, ann)
    assert kernel.now_ns == 150
    assert kernel.next(200) is None
    assert (kernel.now_ns, kernel.events) == (200, 1)
    with pytest.raises(ValueError, match="199"):
        kernel.next(199)


def test_a_wake_up_takes_at_least_a_nanosecond(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    market.start()
    for delay in (0, -5):
        with pytest.raises(ValueError, match="wake"):
            market.kernel.wake_in(ann, delay)
    market.kernel.wake_in(ann, 1)
    assert market.run() == [(WAKE, 1, ann)]


def test_one_instant_venue_then_data_then_report_then_wake(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", quotes=True, trades=True, depth=1)
    market.kernel.add_external(market.listings[0])
    kernel = market.start().kernel
    kernel.wake_in(ann, 10)
    kernel.push_depth(10, None, None, 0, True, [1], [105], [4])
    market.run(9)
    market.buy(ann, 100, 5)  # arrives at 9
    market.run(9)
    kernel.wake_in(ann, 1)
    notices = [(notice[0], notice[1]) for notice in market.run(10)]
    assert notices == [(BOOK, 10), (QUOTE, 10), (WAKE, 10), (WAKE, 10)]
    assert [(notice[0], notice[1]) for notice in market.notices] == [
        *((BOOK, 9), (QUOTE, 9), (REPORT, 9)),
        *notices,
    ]


def test_trades_are_told_before_levels_before_the_touch_agent_by_agent(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    zoe = market.agent("zoe", quotes=True, depth=2)
    bob = market.agent("bob", quotes=True, trades=True, depth=1)
    market.start()
    market.sell(ann, 100, 2)
    market.sell(ann, 101, 2)
    market.run(6)
    market.buy(zoe, 101, 1)
    assert [(notice[0], notice[2]) for notice in market.run(7)] == [
        *((BOOK, zoe), (QUOTE, zoe)),
        *((TRADE, bob), (BOOK, bob), (QUOTE, bob)),
        *((REPORT, zoe), (REPORT, ann), (REPORT, zoe)),
    ]


def test_too_much_at_one_instant_names_the_agent(kernel_class):
    """An agent that answers every report at once, on a link without latency, would stop the clock."""
    market = Market(kernel_class)
    market.agent("ann")
    eager = market.agent("eager", unlimited=True)
    market.start()
    market.run(77)

    def answer_for_ever():
        market.buy(eager, 100, 1)
        while (notice := market.kernel.next(100)) is not None:
            if notice[0] == REPORT:
                market.buy(eager, 100, 1)

    with pytest.raises(EngineError, match=r"77 ns.*eager"):
        answer_for_ever()
    assert market.kernel.events >= 100_000


def test_an_agent_that_never_takes_no_for_an_answer_is_named(kernel_class):
    market = Market(kernel_class)
    market.agent("ann")
    broke = market.agent("broke", usd=0)
    market.start()

    def insist():
        market.buy(broke, 100, 1)
        while market.kernel.next(100) is not None:
            market.buy(broke, 100, 1)

    with pytest.raises(EngineError, match="broke"):
        insist()


def test_a_hundred_thousand_entries_at_one_instant_are_allowed(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    kernel = market.start().kernel
    for _ in range(100_000):
        kernel.wake_in(ann, 5)
    kernel.wake_in(ann, 6)
    assert len(market.run(6)) == 100_001
    for _ in range(100_001):
        kernel.wake_in(ann, 5)
    with pytest.raises(EngineError, match="11 ns"):
        market.run()


def test_entries_of_another_instant_do_not_count(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", usd=0)
    kernel = market.start().kernel
    for _ in range(60_000):
        kernel.wake_in(ann, 5)
    market.run(10)
    for _ in range(60_000):
        market.buy(ann, 1, 1)  # refused at 10 for lack of funds
    assert len(market.run(10)) == 60_000


def test_set_up_is_over_at_the_start(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    kernel = market.kernel
    for call in (
        lambda: kernel.next(5),
        lambda: kernel.wake_in(ann, 5),
        lambda: market.buy(ann, 1, 1),
        kernel.close,
    ):
        with pytest.raises(EngineError, match="start"):
            call()
    market.start()
    for call in (
        kernel.start,
        lambda: kernel.add_asset("EUR", 2),
        lambda: kernel.add_venue("S"),
        lambda: kernel.add_profile("far"),
        lambda: kernel.deposit(ann, 0, 0, 5),
        lambda: kernel.subscribe(ann, 0, True, True, 0),
        lambda: kernel.add_external(0),
        lambda: market.agent("bob"),
    ):
        with pytest.raises(EngineError, match="start"):
            call()


def test_any_kind_of_integer_is_a_number_and_nothing_else_is(kernel_class):
    def story(number):
        market = Market(kernel_class)
        ann = market.agent("ann")
        kernel = market.start().kernel
        counter = kernel.new_order(number(ann), number(0), BUY, 0, 0, False, number(100), number(5))
        kernel.replace(ann, number(counter), number(101), number(4))
        kernel.wake_in(ann, number(7))
        kernel.transfer(ann, 0, 0, market.usd, number(5), number(1), number(3))
        market.run(number(20))
        return market.notices, kernel.event_log_hash()

    assert story(np.int64) == story(np.uint16) == story(int)
    market = Market(kernel_class)
    ann = market.agent("ann")
    market.start()
    for price, size in ((100.0, 1), (100, 1.0), ("100", 1), (100, None)):
        with pytest.raises(TypeError):
            market.buy(ann, price, size)
    for price, size in ((2**63, 1), (1, -(2**63) - 1)):
        with pytest.raises(ValueError, match="64 bits"):
            market.buy(ann, price, size)
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="64 bits"):
            kernel_class(seed)
    assert market.buy(ann, 100, 1) == 1, "no counter was used"


def test_what_does_not_exist_is_an_error(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    kernel = market.kernel
    for call in (
        lambda: kernel.add_asset("USD", 2),
        lambda: kernel.add_asset("EUR", -1),
        lambda: kernel.add_venue("N"),
        lambda: kernel.add_instrument("X", 0, 9),
        lambda: kernel.add_instrument("X", 0, 0),
        lambda: kernel.add_listing(0, 0, 1, 1, 0, 0, 0),
        lambda: kernel.add_listing(3, 0, 1, 1, 0, 0, 0),
        lambda: kernel.add_profile("site"),
        lambda: market.agent("ann"),
        lambda: market.agent("external-book"),
        lambda: market.agent("bob", stp=2),
        lambda: market.agent("bob", decision_ns=-1),
        lambda: market.agent("bob", profile=4),
        lambda: kernel.deposit(2, 0, 0, 5),
        lambda: kernel.deposit(ann, 0, 0, -5),
        lambda: kernel.deposit(ann, 0, 7, 5),
        lambda: kernel.subscribe(ann, 1, True, True, 0),
        lambda: kernel.subscribe(ann, 0, True, True, -1),
        lambda: kernel.subscribe_consolidated(ann, 0),
        lambda: kernel.set_order_limit(ann, 0, -1),
    ):
        with pytest.raises(ValueError, match=r".+"):
            call()
    market.start()
    for call in (
        lambda: kernel.wake_in(3, 5),
        lambda: kernel.wake_in(99, 5),
        lambda: kernel.depth_view(ann, 0),
        lambda: kernel.bbo_view(ann, 4),
        lambda: kernel.set_phase(4, 1),
        lambda: kernel.set_phase(0, 7),
        lambda: kernel.push_trade(0, None, None, 0, 0, 100, 1),
        lambda: kernel.external_stats(0),
    ):
        with pytest.raises(ValueError, match=r".+"):
            call()


# --- what agents see -----------------------------------------------------------------------------------


def test_a_view_is_what_has_arrived(kernel_class):
    market = Market(kernel_class).data("constant", 100)
    ann = market.agent("ann")
    kernel = market.start().kernel
    assert kernel.bbo_view(ann, 0) is None
    market.run(10)
    market.buy(ann, 100, 5)
    market.run(109)
    assert kernel.bbo_view(ann, 0) is None
    assert kernel.true_bbo(0) == (100, 5, None, 0)
    market.run(110)
    assert kernel.bbo_view(ann, 0) == (100, 5, None, 0, 1, 10)
    market.sell(ann, 102, 7)
    market.run(120)
    market.buy(ann, 101, 1)
    market.run(210)
    assert kernel.bbo_view(ann, 0) == (100, 5, 102, 7, 2, 110)
    market.run(220)
    assert kernel.bbo_view(ann, 0) == (101, 1, 102, 7, 3, 120)


def test_inside_on_quote_the_view_is_exactly_that_update(kernel_class):
    market = Market(kernel_class).data("uniform", 1, 60)
    ann, bob = market.agent("ann"), market.agent("bob", quotes=True, trades=True, depth=3)
    kernel = market.start().kernel
    seen = 0
    for step in range(1, 200):
        latest = market.buy(ann, 100 + step % 7, 1 + step % 2)
        kernel.cancel(ann, latest - 1)
        while (notice := kernel.next(step * 50)) is not None:
            if notice[0] == QUOTE:
                assert kernel.bbo_view(bob, 0) == notice[4:]
                bids, asks, published_ns = kernel.depth_view(bob, 0)
                best = (*(bids[0] if bids else (None, 0)), *(asks[0] if asks else (None, 0)))
                assert (best, published_ns) == (notice[4:8], notice[9])
                seen += 1
    assert seen > 100


def test_quotes_conflate_at_one_instant_and_trades_do_not(kernel_class):
    """Three updates arrive together: one quote, the last; both trades, one by one."""
    market = Market(kernel_class).data("series", (0, 10, 20), (90, 80, 70))
    ann, bob = market.agent("ann"), market.agent("bob", quotes=True, trades=True, depth=1)
    market.start()
    market.run(5)
    market.sell(ann, 100, 5)
    market.run(10)
    market.buy(ann, 100, 1, tif=IOC)  # its own order: nothing trades, nothing is published
    market.run(11)
    market.kernel.cancel(ann, 1)
    market.run(15)
    market.sell(ann, 101, 6)
    market.run(20)
    notices = [notice for notice in market.run(200) if notice[2] == bob]
    assert [notice[:2] for notice in notices] == [(BOOK, 95), (QUOTE, 95)]
    assert notices[1][4:] == (None, 0, 101, 6, 3, 15)

    zoe = Market(kernel_class).data("series", (0, 10, 20), (90, 80, 70))
    maker, taker = zoe.agent("maker"), zoe.agent("taker")
    watcher = zoe.agent("watcher", quotes=True, trades=True, depth=1)
    zoe.start()
    zoe.sell(maker, 100, 5)
    for step in (10, 20):
        zoe.run(step)
        zoe.buy(taker, 100, step // 10)
    notices = [notice for notice in zoe.run(200) if notice[2] == watcher]
    assert [notice[:2] for notice in notices] == [(TRADE, 90), (TRADE, 90), (BOOK, 90), (QUOTE, 90)]
    assert [notice[4:7] for notice in notices[:2]] == [(100, 1, BUY), (100, 2, BUY)]
    assert [notice[8] for notice in notices[:2]] == [10, 20]
    assert notices[3][4:] == (None, 0, 100, 2, 3, 20)


def test_a_quote_is_told_only_when_the_touch_changed(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann"), market.agent("bob", quotes=True, depth=2)
    market.start()
    market.buy(ann, 100, 5)
    market.buy(ann, 99, 5)
    market.buy(ann, 98, 5)
    market.run(1)
    told = [(notice[0], notice[1]) for notice in market.notices if notice[2] == bob]
    assert told == [(BOOK, 0), (QUOTE, 0)], "both levels arrive at one instant; the third is too deep"
    market.kernel.cancel(ann, 3)
    assert [notice for notice in market.run(2) if notice[2] == bob] == []
    market.kernel.cancel(ann, 2)
    assert [notice[0] for notice in market.run(3) if notice[2] == bob] == [BOOK]
    assert market.kernel.depth_view(bob, 0) == ([(100, 5)], [], 2)


def test_each_agent_sees_as_deep_as_it_asked(kernel_class):
    market = Market(kernel_class)
    ann, shallow = market.agent("ann"), market.agent("shallow", depth=1)
    deep = market.agent("deep", depth=3)
    kernel = market.start().kernel
    for price in (100, 99, 98, 97):
        market.buy(ann, price, 1)
    market.run(5)
    assert kernel.depth_view(deep, 0)[0] == [(100, 1), (99, 1), (98, 1)]
    assert kernel.depth_view(shallow, 0)[0] == [(100, 1)]
    prices, sizes = np.zeros(5, np.int64), np.zeros(5, np.int64)
    assert kernel.depth_view_into(deep, 0, BUY, prices, sizes) == 3
    assert (prices.tolist(), sizes.tolist()) == ([100, 99, 98, 0, 0], [1, 1, 1, 0, 0])
    assert kernel.depth_view_into(shallow, 0, BUY, prices[:0], sizes[:0]) == 0
    assert kernel.depth_view_into(deep, 0, SELL, prices, sizes) == 0
    with pytest.raises(ValueError, match="sizes has 4 places, prices has 5"):
        kernel.depth_view_into(deep, 0, BUY, prices, sizes[:4])
    with pytest.raises(ValueError, match="depth"):
        kernel.depth_view(ann, 0)


def test_last_trade_as_heard_and_as_it_was(kernel_class):
    market = Market(kernel_class).data("constant", 100)
    ann, bob = market.agent("ann"), market.agent("bob")
    kernel = market.start().kernel
    market.sell(ann, 100, 5)
    market.buy(bob, 103, 2)
    market.run(50)
    assert kernel.last_trade(0) == 100
    assert kernel.last_trade_view(bob, 0) is None
    market.run(100)
    assert kernel.last_trade_view(bob, 0) == (100, 2, BUY, 0)


def test_the_consolidated_view_has_its_own_latency(kernel_class):
    market = Market(kernel_class, venues=("N", "S")).data("constant", 10).data("constant", 20, venue=1)
    market.kernel.set_consolidated_latency(market.profile, ("constant", 500))
    ann, bob = market.agent("ann"), market.agent("bob")
    market.kernel.subscribe_consolidated(bob, market.instrument)
    kernel = market.start().kernel
    market.buy(ann, 100, 5, listing=1)
    market.run(100)
    market.sell(ann, 101, 6, listing=0)
    market.run(499)
    assert kernel.consolidated_view(bob, market.instrument) == []
    assert market.of_kind(CONSOLIDATED, 500) == [(CONSOLIDATED, 500, bob, market.instrument)]
    assert kernel.consolidated_view(bob, market.instrument) == [(1, 100, 5, None, 0, 0)]
    assert market.of_kind(CONSOLIDATED, 700) == [(CONSOLIDATED, 600, bob, market.instrument)]
    assert kernel.consolidated_view(ann, market.instrument) == [
        (0, None, 0, 101, 6, 100),
        (1, 100, 5, None, 0, 0),
    ]


def test_a_site_hears_by_its_own_delay(kernel_class):
    market = Market(kernel_class).data("constant", 10)
    far = market.kernel.add_profile("far")
    market.kernel.set_data_latency(far, 0, ("constant", 1_000))
    ann = market.agent("ann", quotes=True)
    bob = market.agent("bob", quotes=True, profile=far)
    market.start()
    market.buy(ann, 100, 5)
    assert [notice[1:3] for notice in market.of_kind(QUOTE)] == [(10, ann), (1_000, bob)]


# --- the truth, for observers --------------------------------------------------------------------------


def test_queue_ahead_and_open_orders(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann"), market.agent("bob")
    kernel = market.start().kernel
    market.buy(ann, 100, 5)
    market.buy(bob, 100, 6)
    market.buy(ann, 100, 7)
    market.buy(bob, 99, 1)
    market.run(5)
    assert kernel.queue_ahead(ann, 1) == 0
    assert kernel.queue_ahead(ann, 2) == 11
    assert kernel.queue_ahead(bob, 2) == 0
    assert kernel.queue_ahead(bob, 9) is None
    assert kernel.true_depth(0, BUY, 5) == [(100, 18, 3), (99, 1, 1)]
    assert [order[:2] for order in kernel.open_orders(0)] == [(ann, 1), (bob, 1), (ann, 2), (bob, 2)]
    market.sell(bob, 100, 3)
    market.run(10)
    assert kernel.queue_ahead(ann, 2) == 8


def test_the_tape(kernel_class):
    market = Market(kernel_class, listing=(1_000, 1, 0, -2_000, 5_000))
    ann = market.agent("ann", usd=10**9, entry=("constant", 10))
    bob = market.agent("bob", usd=10**9)
    kernel = market.start().kernel
    market.buy(ann, 100, 5)
    market.buy(bob, 100, 4)
    market.run(20)
    market.sell(ann, 100, 6)
    market.run(40)
    tape = {
        table: {name: list(column) for name, column in columns.items()}
        for table, columns in kernel.drain_tape().items()
    }
    orders = tape["orders"]
    names = ("time_ns", "sent_ns", "kind", "agent", "counter", "queue_ahead")
    told = list(zip(*(orders[name] for name in names), strict=True))
    accepted, fill, cancelled = int(EventKind.ACCEPTED), int(EventKind.FILL), int(EventKind.CANCELLED)
    assert told == [
        (0, 0, accepted, bob, 1, 0),
        (10, 0, accepted, ann, 1, 4),
        (30, 20, accepted, ann, 2, 0),
        (30, 0, fill, bob, 1, 0),
        (30, 20, fill, ann, 2, 0),
        (30, 20, cancelled, ann, 2, 0),
    ]
    assert orders["reason"][-1] == CancelReason.SELF_TRADE
    assert orders["fee"][3:5] == [-8, 20]
    assert orders["flags"][3:5] == [1, 0]
    assert tape["trades"] == {
        "time_ns": [30],
        "listing": [0],
        "price": [100],
        "size": [4],
        "aggressor": [1],
        "maker": [bob],
        "maker_counter": [1],
        "taker": [ann],
        "taker_counter": [2],
        "match_id": [1],
        "maker_fee": [-8],
        "taker_fee": [20],
    }
    assert tape["quotes"] == {
        "time_ns": [0, 10, 30],
        "listing": [0, 0, 0],
        "bid": [100, 100, 100],
        "bid_lots": [4, 9, 5],
        "ask": [0, 0, 0],
        "ask_lots": [0, 0, 0],
    }
    assert all(len(column) == 0 for columns in kernel.drain_tape().values() for column in columns.values())


def test_order_type_and_tif_are_on_the_tape(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann"), market.agent("bob")
    kernel = market.start().kernel
    market.buy(ann, 100, 5, order_type=1)
    market.sell(bob, 100, 2, tif=IOC)
    market.buy(bob, 0, 2, tif=IOC)
    market.run(5)
    orders = kernel.drain_tape()["orders"]
    rows = list(zip(orders["agent"], orders["kind"], orders["order_type"], orders["tif"], strict=True))
    assert sorted(rows) == [(ann, 1, 1, 0), (ann, 2, 1, 0), (bob, 1, 0, 1), (bob, 2, 0, 1), (bob, 5, 0, 1)]


def test_tables_can_be_left_out(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann"), market.agent("bob")
    market.start()
    market.kernel.set_tape(False, True, False)
    market.sell(ann, 100, 5)
    market.buy(bob, 100, 5)
    market.run(5)
    tape = market.kernel.drain_tape()
    assert [len(tape[table]["time_ns"]) for table in ("trades", "quotes", "orders")] == [0, 2, 0]


def test_totals(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann", quotes=True), market.agent("bob")
    kernel = market.start().kernel
    market.sell(ann, 100, 5)
    market.buy(bob, 100, 3)
    market.buy(bob, 0, 3)
    market.run(5)
    kernel.replace(ann, 1, 100, 4)
    market.run(6)
    kernel.cancel(ann, 1)
    kernel.cancel(ann, 1)
    market.run(7)
    totals = kernel.totals()
    counted = {name: totals[name] for name in ("orders", "cancels", "replaces", "rejects", "fills")}
    assert counted == {"orders": 2, "cancels": 1, "replaces": 1, "rejects": 2, "fills": 1}
    assert list(totals["volume"]) == [3]
    heard = [sum(notice[2] == agent for notice in market.notices) for agent in (ann, bob)]
    assert list(totals["notices"])[-2:] == heard


# --- phases, agents on and off -------------------------------------------------------------------------


def test_a_halt_is_heard_of_like_market_data(kernel_class):
    market = Market(kernel_class).data("constant", 30)
    far = market.kernel.add_profile("far")
    ann, bob, zoe = market.agent("ann"), market.agent("bob", profile=far), market.agent("zoe")
    kernel = market.start().kernel
    market.buy(ann, 100, 5)
    market.run(10)
    kernel.set_phase(0, Phase.SUSPENDED)
    market.buy(bob, 101, 5)
    notices = [notice for notice in market.run(50) if notice[0] == PHASE]
    assert notices == [(PHASE, 10, bob, 0, 1), (PHASE, 40, ann, 0, 1), (PHASE, 40, zoe, 0, 1)]
    kernel.cancel(ann, 1)
    kernel.set_phase(0, Phase.CONTINUOUS)
    market.buy(bob, 101, 5)
    assert words(market.reports()) == ["CANCELLED 5@100 of 5.1 REQUESTED", "ACCEPTED 5@101 6.2"]
    rejects = [notice for notice in market.notices if notice[0] == REPORT and notice[4] == EventKind.REJECTED]
    assert [notice[2] for notice in rejects] == [bob]


def test_a_disabled_agent_is_out_at_once(kernel_class):
    market = Market(kernel_class, venues=("N", "S"))
    ann = market.agent("ann", entry=("constant", 5), quotes=True)
    bob = market.agent("bob", quotes=True)
    kernel = market.start().kernel
    for listing in (1, 0):
        market.buy(ann, 100, 5, listing=listing)
        market.sell(ann, 110, 5, listing=listing)
    market.buy(bob, 99, 1)
    market.run(10)
    market.buy(ann, 101, 5)  # under way
    kernel.wake_in(ann, 100)
    counted = kernel.events
    kernel.disable_agent(ann)
    assert kernel.now_ns == 10
    assert kernel.events == counted
    assert [kernel.true_bbo(listing) for listing in (0, 1)] == [(99, 1, None, 0), (None, 0, None, 0)]
    assert market.buy(ann, 102, 5) == 0, "ignored: no order has the number 0"
    kernel.cancel(ann, 1)
    kernel.replace(ann, 1, 100, 5)
    assert kernel.transfer(ann, 0, 1, market.usd, 5, 0, 0) is False
    notices = market.run(1_000)
    assert {notice[2] for notice in notices} == {bob}
    assert kernel.true_bbo(0) == (99, 1, None, 0), "what was under way leaves nothing behind"
    orders = kernel.drain_tape()["orders"]
    cancelled = [
        row
        for row in zip(orders["listing"], orders["counter"], orders["reason"], orders["kind"], strict=True)
        if row[3] == EventKind.CANCELLED
    ]
    reason = int(CancelReason.AGENT_DISABLED)
    assert [row[:3] for row in cancelled] == [
        (0, 3, reason),
        (0, 4, reason),
        (1, 1, reason),
        (1, 2, reason),
        (0, 5, reason),
    ]
    assert market.money(ann) == market.truth(ann), "the gateway settles all the same"
    kernel.enable_agent(ann)
    kernel.wake_in(ann, 1)
    assert market.buy(ann, 101, 1) == 6
    assert {notice[0] for notice in market.run() if notice[2] == ann} == {WAKE, REPORT, QUOTE}


def test_disabling_drops_what_is_ready_for_the_agent(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann", quotes=True), market.agent("bob", quotes=True)
    zoe = market.agent("zoe", quotes=True)
    kernel = market.start().kernel
    market.buy(zoe, 100, 1)
    assert kernel.next(5)[2] == ann
    kernel.disable_agent(bob)
    assert [notice[2] for notice in market.run(5)] == [zoe, zoe]


# --- the end -------------------------------------------------------------------------------------------


def test_the_end_drains_links_and_cancels_orders(kernel_class):
    market = Market(kernel_class, venues=("N", "S")).data("constant", 7)
    ann = market.agent("ann", entry=("constant", 10), report=("constant", 20))
    bob = market.agent("bob", report=("constant", 20))
    market.kernel.add_external(market.listings[1])
    kernel = market.start().kernel
    market.buy(bob, 90, 1)
    market.buy(bob, 91, 1)
    market.sell(ann, 110, 2, listing=1)
    market.sell(bob, 111, 2, listing=0)
    market.run(50)
    market.buy(ann, 95, 1)  # under way at the end
    kernel.cancel(ann, 1)
    kernel.wake_in(ann, 5)
    kernel.push_depth(55, None, None, 1, True, [0], [50], [4])
    kernel.push_trade(56, None, None, 1, 0, 50, 4)
    kernel.close()
    assert market.buy(bob, 100, 1) == 4
    kernel.cancel(bob, 1)
    kernel.replace(bob, 1, 90, 2)
    assert kernel.transfer(bob, 0, 1, market.usd, 5, 0, 0) is False
    assert market.money(bob)[0] == 1_000_000 - 90 - 91, "a refused order reserves nothing"
    notices = market.run(2**62)
    assert [notice for notice in notices if notice[0] == WAKE] == []
    assert sorted(notice[1:] for notice in notices if notice[0] == PHASE) == [
        (50, ann, 1, 2),
        (50, bob, 1, 2),
        (57, ann, 0, 2),
        (57, bob, 0, 2),
    ]
    by_bob = [report for report in notices if report[0] == REPORT and report[2] == bob]
    assert [(report[1], report[4], report[5], report[6]) for report in by_bob] == [
        (50, EventKind.REJECTED, 9, 4),
        (50, EventKind.CANCEL_REJECTED, 9, 1),
        (50, EventKind.REPLACE_REJECTED, 9, 1),
        (70, EventKind.CANCELLED, CancelReason.SESSION_END, 2),
        (70, EventKind.CANCELLED, CancelReason.SESSION_END, 1),
        (70, EventKind.CANCELLED, CancelReason.SESSION_END, 3),
    ]
    by_ann = [report for report in notices if report[0] == REPORT and report[2] == ann]
    assert [(report[1], report[4], report[5], report[6]) for report in by_ann] == [
        (70, EventKind.CANCELLED, CancelReason.SESSION_END, 1),
        (80, EventKind.REJECTED, 9, 2),
        (80, EventKind.CANCEL_REJECTED, 9, 1),
    ]
    assert kernel.open_orders(0) == kernel.open_orders(1) == []
    assert market.money(ann) == market.truth(ann)
    assert market.money(bob) == market.truth(bob)
    assert kernel.external_stats(market.listings[1])["updates"] == 0
    assert kernel.now_ns == 2**62
    assert list(kernel.ledger_imbalance()) == [0, 0]


def test_closing_twice_is_closing_once(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann")
    kernel = market.start().kernel
    market.buy(ann, 100, 1)
    market.run(5)
    kernel.close()
    done = kernel.event_log_hash()
    kernel.close()
    assert kernel.event_log_hash() == done
    with pytest.raises(EngineError, match="over"):
        kernel.set_phase(0, Phase.CONTINUOUS)


# --- determinism ---------------------------------------------------------------------------------------


def test_the_hash_depends_on_what_happens_not_on_how_it_is_watched(kernel_class):
    def run(seed=1, watch=False, stops=1, swap=False):
        market = Market(kernel_class, seed=seed)
        names = ("bob", "ann") if swap else ("ann", "bob")
        agents = {name: market.agent(name, entry=("uniform", 1, 50), quotes=watch) for name in names}
        market.start()
        for step in range(1, 60):
            name = "ann" if step % 2 else "bob"
            (market.buy if step % 3 else market.sell)(
                agents[name], 95 + step % 5 + 3 * (step % 3), 1 + step % 4
            )
            for stop in range(1, stops + 1):
                market.run((step - 1) * 10 + 10 * stop // stops)
        market.run(10**6)
        return market.kernel.event_log_hash()

    assert run() == run() == run(stops=5)
    assert run(watch=True) == run(), "notices are not in the hash"
    assert run(seed=2) != run()
