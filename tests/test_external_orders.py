"""A recorded market of single orders: where an agent stands among them, and who meets recorded executions."""

import numpy as np
import pytest
from engine_kit import BUY, SELL, line, report_event
from test_external import Recorded

from market_sim.engine import EventKind, FlowKind, NoticeKind, Phase
from market_sim.records import FLOW, LAST

ADD, REDUCE, DELETE, EXECUTE = FlowKind.ADD, FlowKind.REDUCE, FlowKind.DELETE, FlowKind.EXECUTE
HIDDEN, REPLACE, CLEAR = FlowKind.HIDDEN, FlowKind.REPLACE, FlowKind.CLEAR


class Orders(Recorded):
    """A market with recorded orders; `tell` applies one update a nanosecond after the last."""

    def tell(self, *ops):
        rows = np.zeros(len(ops), FLOW)
        rows["time_ns"] = self.kernel.now_ns + 1
        for row, (kind, side, number, price, lots) in zip(rows, ops, strict=True):
            row["kind"], row["side"], row["id"], row["price"], row["size"] = kind, side, number, price, lots
        rows["flags"][-1] = LAST
        self.kernel.push_flow(rows)
        return self.run(self.kernel.now_ns + 1)

    def add(self, number, side, price, lots):
        return self.tell((ADD, side, number, price, lots))

    def execute(self, number, lots):
        return self.tell((EXECUTE, BUY, number, 0, lots))


@pytest.fixture
def market(kernel_class):
    """Recorded bids 1 (10 lots) and 2 (5) at 99, ask 9 (20) at 101; ann's bid of 4 stands behind 1 and 2."""
    market = Orders(kernel_class)
    market.ann = market.agent("ann")
    market.start()
    market.tell((ADD, BUY, 1, 99, 10), (ADD, BUY, 2, 99, 5), (ADD, SELL, 9, 101, 20))
    market.order = market.buy(market.ann, 99, 4)
    market.settle()
    market.add(3, BUY, 99, 8)
    assert market.queue(BUY) == ["own 10@99", "own 5@99", "5.1 4@99", "own 8@99"]
    return market


def ahead(market):
    return market.kernel.queue_ahead(market.ann, market.order)


def test_what_is_cancelled_ahead_moves_the_order_forward(market):
    market.tell((REDUCE, BUY, 1, 99, 4))
    assert ahead(market) == 11
    market.tell((DELETE, BUY, 2, 0, 0))
    assert ahead(market) == 6
    assert market.fills() == []


def test_what_is_cancelled_behind_does_not(market):
    market.tell((DELETE, BUY, 3, 0, 0))
    assert (ahead(market), market.queue(BUY)[-1]) == (15, "5.1 4@99")


def test_what_trades_ahead_moves_the_order_forward_without_a_fill(market):
    market.execute(1, 10)
    market.execute(2, 5)
    assert (ahead(market), market.fills()) == (0, [])
    assert market.prints() == [(99, 10, SELL), (99, 5, SELL)]


def test_an_execution_behind_the_order_meets_it_first_and_shrinks_the_recorded_order_all_the_same(market):
    market.execute(3, 6)
    assert market.fills() == ["FILL 4@99 left 0 of 5.1 maker"]
    assert market.queue(BUY) == ["own 10@99", "own 5@99", "own 2@99"]
    assert market.prints() == [(99, 2, SELL)]
    assert market.stat("lots_traded") == 4


def test_an_execution_meets_at_most_its_size(market):
    market.execute(3, 1)
    assert market.fills() == ["FILL 1@99 left 3 of 5.1 maker"]


def test_better_priced_agents_trade_before_any_recorded_order(market):
    market.buy(market.ann, 100, 2)
    market.settle()
    market.execute(1, 3)
    assert market.fills() == ["FILL 2@100 left 0 of 5.2 maker"]
    assert market.queue(BUY)[0] == "own 7@99"


def test_a_replacement_to_fewer_lots_keeps_its_place_and_any_other_goes_behind(market):
    market.tell((REPLACE, BUY, 1, 99, 7))
    assert ahead(market) == 12
    market.tell((REPLACE, BUY, 1, 99, 9))
    assert ahead(market) == 5
    assert market.queue(BUY) == ["own 5@99", "5.1 4@99", "own 8@99", "own 9@99"]
    market.tell((REPLACE, BUY, 2, 98, 5))
    assert (ahead(market), market.queue(BUY)[-1]) == (0, "own 5@98")


def test_a_hidden_execution_touches_agents_at_its_price_or_better_only(market):
    market.tell((HIDDEN, BUY, 0, 100, 7))
    assert market.fills() == []
    market.tell((HIDDEN, BUY, 0, 99, 7))
    assert market.fills() == ["FILL 4@99 left 0 of 5.1 maker"]
    assert market.queue(BUY) == ["own 10@99", "own 5@99", "own 8@99"]
    assert market.prints() == [(100, 7, SELL), (99, 3, SELL)]


def test_a_recorded_order_that_an_agent_took_comes_back_with_the_next_update(market):
    market.buy(market.ann, 101, 12)
    market.settle()
    assert market.fills() == ["FILL 12@101 left 0 of 5.2"]
    assert market.queue(SELL) == ["own 8@101"]
    market.add(4, BUY, 98, 1)
    assert market.queue(SELL) == ["own 20@101"]
    assert (market.stat("lots_taken"), market.stat("restored_lots")) == (12, 12)


def test_an_order_taken_whole_comes_back_behind_everybody(market):
    market.sell(market.ann, 99, 10)
    market.settle()
    assert market.queue(BUY)[0] == "own 5@99"
    market.tell((REDUCE, BUY, 1, 99, 3))
    assert market.queue(BUY) == ["own 5@99", "5.1 4@99", "own 8@99", "own 7@99"]
    market.execute(1, 7)
    assert market.queue(BUY) == ["own 5@99", "own 8@99"], "and an execution of it meets all who are before"


def test_a_recorded_order_that_crosses_an_agents_quote_trades_with_it_and_comes_back(market):
    market.sell(market.ann, 100, 3)
    market.settle()
    market.add(5, BUY, 100, 8)
    assert market.fills() == ["FILL 3@100 left 0 of 5.2 maker"]
    assert market.queue(BUY)[0] == "own 5@100"
    market.add(6, BUY, 97, 1)
    assert market.queue(BUY)[0] == "own 8@100"


def test_a_record_that_crosses_itself_waits(market):
    market.add(7, BUY, 101, 6)
    assert (market.queue(BUY)[0], market.stat("held_back")) == ("own 10@99", 1)
    market.tell((DELETE, SELL, 9, 0, 0))
    assert market.queue(BUY)[0] == "own 6@101"


def test_within_one_update_what_is_in_the_way_may_leave_later(market):
    market.tell((ADD, BUY, 7, 101, 6), (DELETE, SELL, 9, 0, 0))
    assert (market.queue(BUY)[0], market.stat("held_back")) == ("own 6@101", 0)


def test_nothing_moves_in_while_the_venue_is_suspended(market):
    market.kernel.set_phase(0, int(Phase.SUSPENDED))
    market.tell((ADD, BUY, 7, 100, 6), (EXECUTE, BUY, 3, 0, 5), (DELETE, BUY, 1, 0, 0))
    assert market.queue(BUY) == ["own 5@99", "5.1 4@99", "own 3@99"]
    assert market.fills() == []
    market.kernel.set_phase(0, int(Phase.CONTINUOUS))
    market.add(8, BUY, 90, 1)
    assert market.queue(BUY)[0] == "own 6@100"


def test_a_side_may_be_cleared(market):
    market.tell((CLEAR, BUY, 0, 0, 0), (ADD, BUY, 1, 99, 2))
    assert market.queue(BUY) == ["5.1 4@99", "own 2@99"]
    assert market.queue(SELL) == ["own 20@101"]


def test_what_cannot_be_is_counted_and_left_out(market):
    before = market.queue(BUY)
    market.tell((DELETE, BUY, 77, 0, 0), (ADD, BUY, 1, 99, 3))
    assert market.queue(BUY) == before
    assert (market.stat("unknown_orders"), market.stat("repeated_orders")) == (1, 1)
    market.execute(2, 50)
    assert (ahead(market), market.stat("overdrawn_orders")) == (10, 1)


def test_the_public_hears_of_one_change_an_update(kernel_class):
    market = Orders(kernel_class)
    market.agent("ann", quotes=True)
    market.start()
    notices = market.tell((ADD, BUY, 1, 99, 10), (ADD, SELL, 2, 101, 5), (ADD, BUY, 3, 100, 1))
    assert [notice[4:8] for notice in notices if notice[0] == NoticeKind.QUOTE] == [(100, 1, 101, 5)]


def test_levels_and_single_orders_do_not_mix(market):
    with pytest.raises(ValueError, match="recorded levels for listing 0, whose flow is of single orders"):
        market.depth((BUY, 99, 5))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": 9}, "flow row 1: no such kind"),
        ({"side": 2}, "flow row 1: no such side"),
        ({"flags": 0}, "flow row 1: the last row must end an update"),
        ({"listing": 5}, "flow row 1: an update has one time and one listing"),
        ({"kind": FlowKind.TRADE}, "flow row 1: levels, orders and trades mixed"),
        ({"kind": FlowKind.LEVEL}, "flow row 1: levels, orders and trades mixed"),
        ({"size": 0}, "lots"),
        ({"price": 0}, "price"),
    ],
)
def test_rows_that_cannot_be_are_refused_by_number(market, change, why):
    rows = np.zeros(2, FLOW)
    rows["time_ns"], rows["kind"], rows["id"] = market.kernel.now_ns + 1, ADD, (20, 21)
    rows["price"], rows["size"], rows["flags"] = 98, 1, (0, LAST)
    for name, value in change.items():
        rows[name][1] = value
    before = market.queue(BUY)
    with pytest.raises(ValueError, match=why):
        market.kernel.push_flow(rows)
    market.settle()
    assert market.queue(BUY) == before


def test_a_fill_is_reported_like_any_other(market):
    market.execute(3, 4)
    market.settle()
    rows = [report_event(notice) for notice in market.notices if notice[0] == NoticeKind.REPORT]
    assert [line(row) for row in rows if row.kind == EventKind.FILL] == ["FILL 4@99 left 0 of 5.1 maker"]
    assert market.kernel.ledger_imbalance() == [0, 0]


def test_each_recorded_change_ahead_is_told_with_its_cause(market):
    market.moves()
    market.tell((REDUCE, BUY, 1, 99, 4))
    market.execute(1, 6)
    market.tell((DELETE, BUY, 3, 0, 0))
    market.tell((REPLACE, BUY, 2, 99, 9))
    assert market.moves() == [(5, 1, 11, 2), (5, 1, 5, 1), (5, 1, 0, 2)]
    market.tell((HIDDEN, BUY, 0, 99, 1))
    assert (market.fills(), market.moves()) == (["FILL 1@99 left 3 of 5.1 maker"], [])
