"""A recorded market as a participant: queues, trades and their depth in either order, who is met."""

import random

import numpy as np
import pytest
from engine_kit import BUY, SELL, Market, line, report_event

from market_sim.engine import EventKind, FlowKind, NoticeKind, Phase
from market_sim.errors import EngineError
from market_sim.records import FLOW, LAST, STAMPED

BOOK_ACCOUNT, TAKER_ACCOUNT = 1, 2


class Recorded(Market):
    """A market with recorded flow on its listing; each update comes one nanosecond after the last."""

    def __init__(self, kernel_class, proportional=False, listing=(1, 1, 0, 0, 0), **options):
        super().__init__(kernel_class, listing=listing, **options)
        self.kernel.add_external(self.listings[0], proportional)

    def depth(self, *levels, snapshot=False, stamp=None, delay=None):
        """Apply an update of (side, price, lots)."""
        sides, prices, sizes = zip(*levels, strict=True) if levels else ((), (), ())
        time_ns = self.kernel.now_ns + 1
        self.kernel.push_depth(
            time_ns, stamp, delay, self.listings[0], snapshot, list(sides), list(prices), list(sizes)
        )
        return self.run(time_ns)

    def snapshot(self, *levels):
        return self.depth(*levels, snapshot=True)

    def trade(self, aggressor, price, size, stamp=None, delay=None):
        time_ns = self.kernel.now_ns + 1
        self.kernel.push_trade(time_ns, stamp, delay, self.listings[0], aggressor, price, size)
        return self.run(time_ns)

    def settle(self):
        """Let orders under way arrive."""
        return self.run(self.kernel.now_ns + 1)

    def queue(self, side):
        """`"own 5"` and `"6.1 7"` in the order of the queue, best level first."""
        return [
            f"{'own' if agent == BOOK_ACCOUNT else f'{agent}.{counter}'} {leaves}@{price}"
            for agent, counter, of, price, leaves, _ in self.kernel.open_orders(self.listings[0])
            if of == side
        ]

    def stat(self, name):
        return self.kernel.external_stats(self.listings[0])[name]

    def fills(self):
        """Fills of agents so far, in words."""
        rows = [report_event(notice) for notice in self.notices if notice[0] == NoticeKind.REPORT]
        return [line(row) for row in rows if row.kind == EventKind.FILL]

    def moves(self):
        """(agent, order, lots ahead now, cause) of changed queues, drained. Causes: 1 traded, 2 cancelled,
        3 agents.
        """
        columns = self.kernel.drain_tape()["queues"]
        rows = zip(*(columns[name] for name in ("agent", "counter", "ahead", "cause")), strict=True)
        return [tuple(int(value) for value in row) for row in rows]

    def prints(self):
        """(price, size, aggressor) of recorded trades in so far as nobody took part, drained."""
        trades = self.kernel.drain_tape()["trades"]
        rows = zip(*(trades[name] for name in ("match_id", "price", "size", "aggressor")), strict=True)
        return [tuple(int(value) for value in row[1:]) for row in rows if row[0] == 0]


@pytest.fixture
def market(kernel_class):
    market = Recorded(kernel_class)
    market.ann = market.agent("ann")
    market.bob = market.agent("bob")
    return market.start()


@pytest.fixture(params=["trade first", "depth first"])
def either_order(request):
    """Runs two things in both orders: a trade and the change of depth that reflects it."""

    def run(trade, depth):
        for act in (trade, depth) if request.param == "trade first" else (depth, trade):
            act()

    return run


# --- depth ---------------------------------------------------------------------------------------------


def test_a_snapshot_builds_the_book(market):
    market.snapshot((BUY, 100, 5), (BUY, 99, 6), (SELL, 101, 7), (SELL, 103, 8))
    assert market.queue(BUY) == ["own 5@100", "own 6@99"]
    assert market.queue(SELL) == ["own 7@101", "own 8@103"]
    assert market.kernel.external_bbo(0) == market.kernel.true_bbo(0) == (100, 5, 101, 7)
    market.snapshot((BUY, 99, 4), (SELL, 102, 1))
    assert market.queue(BUY) == ["own 4@99"]
    assert market.queue(SELL) == ["own 1@102"]
    assert market.stat("updates") == 2


def test_a_diff_sets_named_levels_only(market):
    market.snapshot((BUY, 100, 5), (BUY, 99, 6), (SELL, 101, 7))
    market.depth((BUY, 99, 2), (SELL, 101, 0), (SELL, 102, 9))
    assert market.queue(BUY) == ["own 5@100", "own 2@99"]
    assert market.queue(SELL) == ["own 9@102"]


def test_the_last_of_a_level_named_twice_counts(market):
    market.depth((BUY, 100, 5), (BUY, 100, 3), (SELL, 101, 2), (SELL, 101, 0))
    assert market.queue(BUY) == ["own 3@100"]
    assert market.queue(SELL) == []


def test_growth_joins_the_back_and_cancellations_leave_from_it(market):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 80))
    assert market.queue(BUY) == ["own 50@100", "5.1 10@100", "own 30@100"]
    market.depth((BUY, 100, 45))
    assert market.queue(BUY) == ["own 45@100", "5.1 10@100"]


def test_proportional_cancellations_take_a_share_of_each(kernel_class):
    market = Recorded(kernel_class, proportional=True)
    ann = market.agent("ann")
    market.start()
    market.snapshot((BUY, 100, 50))
    market.buy(ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 80))
    market.depth((BUY, 100, 59))  # 21 of 80: floor(13.125) and floor(7.875), the last one from the back
    assert market.queue(BUY) == ["own 37@100", "5.1 10@100", "own 22@100"]


def test_a_crossing_diff_trades_with_nobody_of_its_own(market):
    """The recorded book moves up in passing: first the new bid, then the news that the offer is gone."""
    market.snapshot((BUY, 100, 5), (SELL, 101, 7), (SELL, 102, 8))
    market.depth((BUY, 101, 4))
    assert market.stat("held_back") == 1
    assert market.queue(BUY) == ["own 5@100"]
    market.depth((SELL, 101, 0))
    assert market.queue(BUY) == ["own 4@101", "own 5@100"]
    assert market.queue(SELL) == ["own 8@102"]
    assert (market.kernel.totals()["fills"], market.prints()) == (0, [])


def test_reductions_come_before_additions(market):
    market.snapshot((BUY, 100, 5), (SELL, 101, 7))
    market.depth((BUY, 103, 4), (SELL, 101, 0), (SELL, 104, 2))
    assert market.stat("held_back") == 0
    assert market.kernel.true_bbo(0) == (103, 4, 104, 2)


def test_crossing_size_meets_an_agent_up_to_that_size_only(market):
    market.snapshot((BUY, 100, 5), (SELL, 110, 7))
    market.sell(market.ann, 105, 10)
    market.settle()
    market.depth((BUY, 106, 4))
    market.settle()
    assert market.fills() == ["FILL 4@105 left 6 of 5.1 maker"]
    assert market.queue(SELL) == ["5.1 6@105", "own 7@110"]
    assert market.queue(BUY) == ["own 5@100"]
    assert market.stat("lots_taken") == 4
    market.depth((BUY, 106, 9))  # still there and larger: nine more are for sale to, six are left
    market.settle()
    assert market.fills()[1:] == ["FILL 6@105 left 0 of 5.1 maker"]
    assert market.queue(BUY) == ["own 3@106", "own 5@100"]
    assert market.stat("lots_taken") == 10


def test_what_agents_took_comes_back_with_the_next_update(market):
    market.snapshot((BUY, 100, 5), (SELL, 101, 7), (SELL, 102, 8))
    market.buy(market.ann, 102, 10)
    market.settle()
    assert market.fills() == ["FILL 7@101 left 3 of 5.1", "FILL 3@102 left 0 of 5.1"]
    assert market.queue(SELL) == ["own 5@102"]
    assert (market.stat("lots_taken"), market.stat("restored_lots")) == (10, 0)
    market.depth((BUY, 99, 1))
    assert market.queue(SELL) == ["own 7@101", "own 8@102"]
    assert market.stat("restored_lots") == 10


def test_growth_of_the_record_is_no_restoration(market):
    market.snapshot((SELL, 101, 7))
    market.buy(market.ann, 101, 2)
    market.settle()
    market.depth((SELL, 101, 20))
    assert market.queue(SELL) == ["own 20@101"]
    assert market.stat("restored_lots") == 2


# --- trades --------------------------------------------------------------------------------------------


def test_a_trade_without_agents_is_a_print(market):
    market.snapshot((BUY, 100, 50), (SELL, 101, 50))
    market.trade(SELL, 100, 20)
    assert market.queue(BUY) == ["own 30@100"]
    assert market.prints() == [(100, 20, SELL)]
    assert market.kernel.last_trade(0) == 100
    assert market.kernel.totals()["fills"] == 0
    assert market.stat("trades") == 1


def test_a_trade_reaches_whoever_stands_ahead_of_what_it_consumed(market):
    market.buy(market.ann, 100, 10)
    market.settle()
    market.snapshot((BUY, 100, 50))
    market.trade(SELL, 100, 4)
    market.settle()
    assert market.fills() == ["FILL 4@100 left 6 of 5.1 maker"]
    assert market.queue(BUY) == ["5.1 6@100", "own 46@100"], "the recorded order shrinks all the same"
    assert market.prints() == []
    market.trade(SELL, 100, 20)
    market.settle()
    assert market.fills()[1:] == ["FILL 6@100 left 0 of 5.1 maker"]
    assert market.queue(BUY) == ["own 26@100"]
    assert market.prints() == [(100, 14, SELL)]
    assert market.stat("lots_traded") == 10


def test_an_agent_behind_is_reached_by_what_goes_beyond_the_queue(market):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.trade(SELL, 100, 49)
    assert market.fills() == []
    assert market.queue(BUY) == ["own 1@100", "5.1 10@100"]
    market.trade(SELL, 100, 4)
    market.settle()
    assert market.fills() == ["FILL 3@100 left 7 of 5.1 maker"]


def test_agents_priced_better_trade_first_at_their_price(market):
    market.snapshot((BUY, 100, 50), (SELL, 105, 50))
    market.buy(market.ann, 102, 3)
    market.buy(market.bob, 101, 3)
    market.settle()
    market.trade(SELL, 100, 5)
    market.settle()
    assert market.fills() == ["FILL 3@102 left 0 of 5.1 maker", "FILL 2@101 left 1 of 6.1 maker"]
    assert market.queue(BUY) == ["6.1 1@101", "own 45@100"]
    assert market.prints() == []


def test_better_prices_use_up_the_trade(market):
    market.buy(market.ann, 100, 10)
    market.settle()
    market.snapshot((BUY, 100, 50), (SELL, 105, 50))
    market.buy(market.bob, 101, 3)
    market.settle()
    market.trade(SELL, 100, 5)
    market.settle()
    assert market.fills() == ["FILL 3@101 left 0 of 6.1 maker", "FILL 2@100 left 8 of 5.1 maker"]
    assert market.stat("lots_traded") == 5


def test_a_trade_through_several_prices_meets_each_price_by_its_own_print(market):
    market.snapshot((SELL, 101, 5), (SELL, 102, 5))
    market.sell(market.ann, 102, 3)
    market.settle()
    market.trade(BUY, 101, 5)
    market.trade(BUY, 102, 6)
    market.settle()
    assert market.fills() == ["FILL 1@102 left 2 of 5.1 maker"]
    assert market.queue(SELL) == ["5.1 2@102"]


def test_a_trade_at_a_price_nobody_knew_meets_the_agents_there(market):
    market.snapshot((SELL, 105, 5))
    market.sell(market.ann, 103, 3)
    market.settle()
    market.trade(BUY, 103, 2)
    market.settle()
    assert market.fills() == ["FILL 2@103 left 1 of 5.1 maker"]
    market.trade(SELL, 90, 4)
    assert market.prints() == [(90, 4, SELL)]


# --- a trade and its change of depth move a queue once -------------------------------------------------


def test_behind_the_recorded_lots(market, either_order):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    either_order(lambda: market.trade(SELL, 100, 20), lambda: market.depth((BUY, 100, 30)))
    assert market.queue(BUY) == ["own 30@100", "5.1 10@100"]
    assert market.kernel.queue_ahead(market.ann, 1) == 30
    assert market.fills() == []


def test_between_recorded_lots(market, either_order):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 90))
    either_order(lambda: market.trade(SELL, 100, 20), lambda: market.depth((BUY, 100, 70)))
    assert market.queue(BUY) == ["own 30@100", "5.1 10@100", "own 40@100"]


def test_through_the_first_order_into_the_agent(market, either_order):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 90))
    either_order(lambda: market.trade(SELL, 100, 55), lambda: market.depth((BUY, 100, 35)))
    market.settle()
    assert market.fills() == ["FILL 5@100 left 5 of 5.1 maker"]
    assert market.queue(BUY) == ["5.1 5@100", "own 35@100"]


def test_ahead_of_the_recorded_lots(market, either_order):
    market.buy(market.ann, 100, 10)
    market.settle()
    market.snapshot((BUY, 100, 50))
    either_order(lambda: market.trade(SELL, 100, 4), lambda: market.depth((BUY, 100, 46)))
    market.settle()
    assert market.fills() == ["FILL 4@100 left 6 of 5.1 maker"]
    assert market.queue(BUY) == ["5.1 6@100", "own 46@100"]


def test_a_level_that_a_trade_empties(market, either_order):
    market.snapshot((BUY, 100, 50), (BUY, 99, 5))
    market.buy(market.ann, 100, 10)
    market.settle()
    either_order(lambda: market.trade(SELL, 100, 50), lambda: market.depth((BUY, 100, 0)))
    assert market.fills() == []
    assert market.queue(BUY) == ["5.1 10@100", "own 5@99"]


def test_a_trade_larger_than_the_emptied_level(market, either_order):
    market.snapshot((BUY, 100, 50), (BUY, 99, 5))
    market.buy(market.ann, 100, 10)
    market.settle()
    either_order(lambda: market.trade(SELL, 100, 53), lambda: market.depth((BUY, 100, 0)))
    market.settle()
    assert market.fills() == ["FILL 3@100 left 7 of 5.1 maker"]


def test_several_trades_before_one_change_of_depth(market, either_order):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 60))

    def trades():
        market.trade(SELL, 100, 20)
        market.trade(SELL, 100, 15)

    either_order(trades, lambda: market.depth((BUY, 100, 25)))
    assert market.queue(BUY) == ["own 15@100", "5.1 10@100", "own 10@100"]


def test_part_trade_part_cancellation(market, either_order):
    """The level falls by 40: a trade of 25 from the front, a cancellation of 15 from the back."""
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 90))
    either_order(lambda: market.trade(SELL, 100, 25), lambda: market.depth((BUY, 100, 50)))
    assert market.queue(BUY) == ["own 25@100", "5.1 10@100", "own 25@100"]


def test_proportional_cancellations_give_back_too(kernel_class, either_order):
    market = Recorded(kernel_class, proportional=True)
    ann = market.agent("ann")
    market.start()
    market.snapshot((BUY, 100, 50))
    market.buy(ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 100))
    either_order(lambda: market.trade(SELL, 100, 20), lambda: market.depth((BUY, 100, 80)))
    assert market.queue(BUY) == ["own 30@100", "5.1 10@100", "own 50@100"]


def test_a_trade_after_the_update_is_another_trade(market):
    """Stamps tell: the trade came later than what the update told of, so the queue moves a second time."""
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 30), stamp=1_000)
    market.trade(SELL, 100, 20, stamp=1_001)
    assert market.queue(BUY) == ["own 10@100", "5.1 10@100"]
    market.depth((BUY, 100, 10), stamp=1_002)
    assert market.queue(BUY) == ["own 10@100", "5.1 10@100"]


def test_a_trade_of_the_same_stamp_is_in_the_update(market):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 30), stamp=1_000)
    market.trade(SELL, 100, 20, stamp=1_000)
    assert market.queue(BUY) == ["own 30@100", "5.1 10@100"]


def test_a_later_trade_leaves_the_memory_of_the_update_alone(market):
    """An update, a trade after it, and only then the trade that the update told of."""
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 30), stamp=1_000)
    market.trade(SELL, 100, 5, stamp=1_001)
    market.trade(SELL, 100, 20, stamp=999)
    assert market.queue(BUY) == ["own 25@100", "5.1 10@100"]


def test_a_level_named_again_forgets_what_left_it(market):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 30))
    market.depth((BUY, 100, 31))
    market.trade(SELL, 100, 5)
    assert market.queue(BUY) == ["own 25@100", "5.1 10@100", "own 1@100"]


def test_a_snapshot_forgets_everything(market):
    market.snapshot((BUY, 100, 50))
    market.buy(market.ann, 100, 10)
    market.settle()
    market.depth((BUY, 100, 30))
    market.snapshot((BUY, 100, 30))
    market.trade(SELL, 100, 5)
    assert market.queue(BUY) == ["own 25@100", "5.1 10@100"]


# --- one update, one publication; stamps and delays ----------------------------------------------------


def test_an_update_is_one_publication(kernel_class):
    market = Recorded(kernel_class)
    ann = market.agent("ann", quotes=True, trades=True, depth=5)
    market.start()
    notices = market.snapshot((BUY, 100, 5), (BUY, 99, 6), (SELL, 101, 7))
    assert [notice[0] for notice in notices] == [NoticeKind.BOOK, NoticeKind.QUOTE]
    assert notices[1][4:] == (100, 5, 101, 7, 1, 1)
    notices = market.depth((BUY, 98, 1))
    assert [notice[0] for notice in notices] == [NoticeKind.BOOK]
    assert market.depth((BUY, 98, 1)) == [], "nothing changed"
    notices = market.trade(SELL, 100, 2)
    assert [notice[0] for notice in notices] == [NoticeKind.TRADE, NoticeKind.BOOK, NoticeKind.QUOTE]
    assert notices[0] == (NoticeKind.TRADE, 4, ann, 0, 100, 2, SELL, 0, 4)
    notices = market.trade(SELL, 90, 2)
    assert [notice[0] for notice in notices] == [NoticeKind.TRADE], "a print is news in any case"


def test_the_recorded_delay_comes_on_top_of_the_site(kernel_class):
    market = Recorded(kernel_class).data("constant", 10)
    far = market.kernel.add_profile("far")
    market.kernel.set_data_latency(far, 0, ("uniform", 100, 100))
    ann, bob = market.agent("ann", quotes=True), market.agent("bob", quotes=True, profile=far)
    market.start()
    market.depth((BUY, 100, 5), delay=1_000)
    quotes = market.of_kind(NoticeKind.QUOTE)
    assert [(notice[1], notice[2], notice[9]) for notice in quotes] == [(1_011, ann, 1), (1_101, bob, 1)]


def test_recorded_flow_goes_before_orders_of_the_same_instant(kernel_class):
    market = Recorded(kernel_class)
    ann = market.agent("ann", entry=("constant", 5))
    market.start()
    market.depth((SELL, 101, 4))
    market.run(5)
    market.buy(ann, 101, 3)
    market.kernel.push_depth(10, None, None, 0, False, [SELL], [101], [0])
    market.run(10)
    assert market.fills() == []
    assert market.queue(BUY) == ["5.1 3@101"]


def test_flow_is_pushed_in_the_order_of_time(market):
    market.depth((BUY, 100, 5))
    market.kernel.push_depth(50, None, None, 0, False, [BUY], [100], [4])
    with pytest.raises(EngineError, match="order of time"):
        market.kernel.push_trade(49, None, None, 0, SELL, 100, 4)
    market.run(60)
    with pytest.raises(EngineError, match="order of time"):
        market.kernel.push_trade(59, None, None, 0, SELL, 100, 4)
    market.kernel.push_trade(60, None, None, 0, SELL, 100, 4)
    assert market.run(60) == []
    assert market.stat("trades") == 1


def test_numbers_that_no_venue_can_hold_are_errors(market):
    kernel = market.kernel
    for call in (
        lambda: kernel.push_depth(1, None, None, 0, False, [BUY], [0], [5]),
        lambda: kernel.push_depth(1, None, None, 0, False, [BUY], [100], [-1]),
        lambda: kernel.push_depth(1, None, None, 0, False, [2], [100], [1]),
        lambda: kernel.push_depth(1, None, None, 0, False, [BUY], [100], [2**48 + 1]),
        lambda: kernel.push_depth(1, None, None, 0, False, [BUY], [100, 101], [1]),
        lambda: kernel.push_depth(1, None, -1, 0, False, [BUY], [100], [1]),
        lambda: kernel.push_trade(1, None, None, 0, SELL, 100, 0),
        lambda: kernel.push_trade(1, None, None, 0, 7, 100, 1),
        lambda: kernel.push_trade(1, None, None, 3, SELL, 100, 1),
    ):
        with pytest.raises(ValueError, match=r".+"):
            call()
    assert market.run(10) == []


def test_numpy_columns_are_as_good_as_lists(market):
    import numpy as np

    columns = [np.array(values, dtype=np.int64) for values in ((BUY, SELL), (100, 101), (5, 6))]
    market.kernel.push_depth(1, None, None, 0, True, *columns)
    market.run(1)
    assert market.kernel.true_bbo(0) == (100, 5, 101, 6)


# --- money, phases -------------------------------------------------------------------------------------


def test_the_record_pays_no_fees_and_knows_no_least_notional(kernel_class):
    market = Recorded(kernel_class, listing=(1_000, 1, 10**9, -2_000, 5_000))
    ann = market.agent("ann", usd=10**12)
    market.start()
    market.snapshot((BUY, 100, 5), (SELL, 101, 20_000))
    assert market.kernel.true_bbo(0) == (100, 5, 101, 20_000)
    market.buy(ann, 101, 10_000)
    market.settle()
    notional = 101 * 10_000 * 1_000
    fee = notional * 5_000 // 10**8
    assert market.truth(ann) == (10**12 - notional - fee, 1_010_000)
    assert market.truth(BOOK_ACCOUNT) == (notional, -10_000)
    assert market.truth(0) == (fee, 0)
    market.sell(ann, 102, 10_000)
    market.settle()
    market.snapshot((BUY, 100, 5))
    market.trade(BUY, 102, 3)
    assert market.truth(TAKER_ACCOUNT) == (-3 * 102 * 1_000, 3)
    assert list(market.kernel.ledger_imbalance()) == [0, 0]


def test_during_a_halt_the_record_waits(market):
    market.snapshot((BUY, 100, 5), (SELL, 101, 7))
    market.kernel.set_phase(0, Phase.SUSPENDED)
    market.buy(market.ann, 101, 2)
    market.depth((BUY, 100, 9), (SELL, 101, 0), (SELL, 102, 3))
    market.trade(SELL, 100, 4)
    assert market.queue(BUY) == ["own 5@100"]
    assert market.queue(SELL) == ["own 7@101"]
    assert market.prints() == [(100, 4, SELL)]
    market.kernel.set_phase(0, Phase.CONTINUOUS)
    market.depth((BUY, 90, 1))
    assert market.queue(BUY) == ["own 9@100", "own 1@90"]
    assert market.queue(SELL) == ["own 3@102"]


# --- why an order moved forward --------------------------------------------------------------------------


@pytest.fixture
def between(market):
    """Ann's bid (5.1) behind 50 recorded lots, bob's (6.1) behind hers, 40 recorded lots at the end."""
    market.snapshot((BUY, 100, 50), (SELL, 105, 9))
    market.buy(market.ann, 100, 10)
    market.buy(market.bob, 100, 3)
    market.settle()
    market.depth((BUY, 100, 90))
    assert market.moves() == []
    return market


def test_what_trades_ahead_is_told_as_traded(between):
    between.trade(SELL, 100, 20)
    between.depth((BUY, 100, 70))
    assert between.moves() == [(5, 1, 30, 1), (6, 1, 40, 1)]


def test_what_leaves_behind_is_not_told_and_what_leaves_ahead_is(between):
    between.depth((BUY, 100, 60))
    assert between.moves() == []
    between.depth((BUY, 100, 44))
    assert between.moves() == [(5, 1, 44, 2), (6, 1, 54, 2)]
    between.depth((BUY, 100, 80))
    assert between.moves() == [], "growth joins the back"


def test_an_agent_that_leaves_is_told_to_those_behind(between):
    between.kernel.cancel(between.ann, 1)
    between.settle()
    assert between.moves() == [(6, 1, 50, 3)]


def test_a_trade_that_reaches_an_agent_moves_the_next_one_by_its_fill_too(between):
    between.trade(SELL, 100, 54)
    between.settle()
    assert between.fills() == ["FILL 4@100 left 6 of 5.1 maker"]
    assert between.moves() == [(5, 1, 0, 1), (6, 1, 6, 1)]


def test_a_new_place_in_the_queue_is_no_move(between):
    between.kernel.replace(between.ann, 1, 99, 10)
    between.settle()
    assert between.moves() == [(6, 1, 50, 3)]
    between.kernel.replace(between.ann, 1, 100, 10)
    between.settle()
    assert between.moves() == []
    between.trade(SELL, 100, 20)
    assert between.moves() == [(5, 1, 73, 1), (6, 1, 30, 1)]


def test_two_recorded_markets_side_by_side(kernel_class):
    market = Market(kernel_class, venues=("N", "S"))
    ann = market.agent("ann")
    for listing in market.listings:
        market.kernel.add_external(listing)
    market.start()
    market.kernel.push_depth(1, None, None, 0, True, [BUY], [100], [5])
    market.kernel.push_depth(1, None, None, 1, True, [SELL], [99], [6])
    market.run(1)
    market.sell(ann, 100, 2, listing=0)
    market.buy(ann, 99, 2, listing=1)
    market.run(2)
    assert market.kernel.external_bbo(0) == (100, 3, None, 0)
    assert market.kernel.external_bbo(1) == (None, 0, 99, 4)
    assert list(market.kernel.totals()["volume"]) == [2, 2]
    assert list(market.kernel.ledger_imbalance()) == [0, 0]


def test_the_short_way_without_agents_is_the_long_way(kernel_class):
    """The same levels and trades, one row an update and as updates of depth: the same log, word for word."""
    draw = random.Random("short way")
    markets = [Recorded(kernel_class).start() for _ in range(2)]
    for step in range(3_000):
        side, aggressor = draw.randrange(2), draw.randrange(2)
        price = 100 + (1 if side else -1) * draw.randint(-1 if draw.random() < 0.1 else 1, 4)
        lots, stamp = draw.choice((0, draw.randint(1, 30))), step if draw.random() < 0.8 else None
        size, at = draw.randint(1, 20), 100 + (1 if aggressor == BUY else -1) * draw.randint(1, 2)
        for market, short in zip(markets, (True, False), strict=True):
            if step % 3 == 0:
                market.trade(aggressor, at, size, stamp)
            elif not short:
                market.depth((side, price, lots), stamp=stamp)
            else:
                row = np.zeros(1, FLOW)
                row["time_ns"], row["kind"], row["side"] = market.kernel.now_ns + 1, FlowKind.LEVEL, side
                row["price"], row["size"], row["flags"] = (
                    price,
                    lots,
                    LAST | (0 if stamp is None else STAMPED),
                )
                row["exchange_ns"] = stamp or 0
                market.kernel.push_flow(row)
                market.run(market.kernel.now_ns + 1)
    one, other = (market.kernel for market in markets)
    assert one.event_log_hash() == other.event_log_hash()
    assert one.external_stats(0) == other.external_stats(0)
    assert one.external_stats(0)["held_back"] > 0
