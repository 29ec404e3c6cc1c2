"""A queue of recorded lots and agents: trades and the depth changes that reflect them, in any order."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_sim.engine import EventKind, NoticeKind, OrderType, Side, TimeInForce

PRICE = 100


class Level:
    """One bid level of a recorded market, and agents who join it; time moves on by 10 ns a step."""

    def __init__(self, kernel_class):
        kernel = self.kernel = kernel_class(1)
        dollar, coin = kernel.add_asset("USD", 2), kernel.add_asset("COIN", 0)
        instrument = kernel.add_instrument("COIN/USD", coin, dollar)
        self.listing = kernel.add_listing(kernel.add_venue("V"), instrument, 1, 1, 0, 0, 0)
        kernel.add_external(self.listing)
        profile = kernel.add_profile("here")
        self.agents = [kernel.add_agent(f"a{n}", profile, True, True, 1, 0, 0) for n in range(2)]
        kernel.start()
        self.now_ns = 0
        self.filled = dict.fromkeys(self.agents, 0)

    def _pass(self):
        while (notice := self.kernel.next(self.now_ns)) is not None:
            if notice[0] == NoticeKind.REPORT and notice[4] == EventKind.FILL:
                self.filled[notice[2]] += notice[9]

    def depth(self, lots, stamp=None, price=PRICE):
        self.now_ns += 10
        self.kernel.push_depth(self.now_ns, stamp, 0, self.listing, False, [int(Side.BUY)], [price], [lots])
        self._pass()

    def trade(self, lots, stamp=None):
        self.now_ns += 10
        self.kernel.push_trade(self.now_ns, stamp, 0, self.listing, int(Side.SELL), PRICE, lots)
        self._pass()

    def join(self, lots, agent=0):
        self.now_ns += 10
        self._pass()
        side, order_type, tif = int(Side.BUY), int(OrderType.LIMIT), int(TimeInForce.GTC)
        self.kernel.new_order(self.agents[agent], self.listing, side, order_type, tif, False, PRICE, lots)
        self._pass()

    def ahead(self, agent=0):
        """Lots ahead of an agent's first order."""
        return self.kernel.queue_ahead(self.agents[agent], 1)

    def fills(self, agent=0):
        return self.filled[self.agents[agent]]

    def own(self):
        return self.kernel.external_bbo(self.listing)


@pytest.mark.parametrize("trade_first", [True, False])
def test_a_trade_and_its_depth_change_advance_a_queue_once(kernel_class, trade_first):
    level = Level(kernel_class)
    level.depth(10)
    level.join(5)
    steps = [lambda: level.trade(4, stamp=50), lambda: level.depth(6, stamp=60)]
    for step in steps if trade_first else reversed(steps):
        step()
    assert (level.ahead(), level.fills()) == (6, 0)
    assert level.own()[:2] == (PRICE, 6)


@pytest.mark.parametrize("order", ["ttd", "tdt", "dtt"])
def test_several_trades_of_one_depth_change_advance_it_once_each(kernel_class, order):
    level = Level(kernel_class)
    level.depth(10)
    level.join(5)
    trades = iter([4, 4])
    for step in order:
        if step == "t":
            level.trade(next(trades), stamp=50)
        else:
            level.depth(2, stamp=60)
    assert (level.ahead(), level.fills()) == (2, 0)
    assert level.own()[:2] == (PRICE, 2)


@pytest.mark.parametrize("order", ["td", "dt"])
def test_a_queue_of_several_additions_advances_from_the_front(kernel_class, order):
    level = Level(kernel_class)
    level.depth(4)
    level.depth(7)
    level.join(5)
    for step in order:
        if step == "t":
            level.trade(4, stamp=50)
        else:
            level.depth(3, stamp=60)
    assert (level.ahead(), level.fills()) == (3, 0)


@pytest.mark.parametrize("order", ["td", "dt"])
def test_a_trade_through_the_lots_ahead_reaches_the_agent(kernel_class, order):
    level = Level(kernel_class)
    level.depth(4)
    level.join(5)
    level.depth(10)
    for step in order:
        if step == "t":
            level.trade(7, stamp=50)
        else:
            level.depth(3, stamp=60)
    assert (level.ahead(), level.fills()) == (0, 3)
    assert level.own()[:2] == (PRICE, 3)


@pytest.mark.parametrize("order", ["td", "dt"])
def test_a_trade_through_the_whole_level_reaches_the_agent_within_it(kernel_class, order):
    level = Level(kernel_class)
    level.depth(4)
    level.join(5)
    level.depth(10)
    for step in order:
        if step == "t":
            level.trade(10, stamp=50)
        else:
            level.depth(0, stamp=60)
    assert level.fills() == 5


def recording(draw, size):
    """Batches of (trades, size after them): what traded, joined at the back and left from the back."""
    batches = []
    for _ in range(draw.randrange(1, 5)):
        room = size + draw.choice((0, 0, draw.randrange(8)))
        trades = []
        while room and draw.random() < 0.6:
            trades.append(draw.randrange(1, room + 1))
            room -= trades[-1]
        size = room - draw.choice((0, draw.randrange(room + 1)))
        batches.append((trades, size))
    return batches


def delivered(draw, batches, lateness):
    """An order of arrival: depth in its order, trades in theirs, up to `lateness` depth changes late."""
    steps, latest = [], 0
    for number, (trades, size) in enumerate(batches):
        stamp = 100 * (number + 1)
        steps.append((2 * number + 1, "depth", size, stamp))
        for lots in trades:
            latest = max(latest, 2 * number + 2 * draw.randrange(lateness + 1))
            steps.append((latest, "trade", lots, stamp - 50))
    return [step[1:] for step in sorted(steps, key=lambda step: step[0])]


def outcome(kernel_class, resting, steps):
    """Fills, lots ahead, recorded lots; `resting` alternates recorded lots and agents' orders."""
    level, recorded = Level(kernel_class), 0
    for place, lots in enumerate(resting):
        if place % 2:
            level.join(lots, agent=place // 2)
        elif lots:
            recorded += lots
            level.depth(recorded)
    for kind, lots, stamp in steps:
        (level.depth if kind == "depth" else level.trade)(lots, stamp)
    # Another level's change: what differs from the record anywhere is brought back with it.
    level.depth(1, price=PRICE - 50)
    agents = range(len(resting) // 2)
    return [level.fills(n) for n in agents], [level.ahead(n) for n in agents], level.own()[1]


@pytest.mark.parametrize("lateness", [1, 2, 3])
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_every_order_of_arrival_gives_the_same_queue(kernel_class, lateness, seed):
    draw = random.Random(seed)
    resting = draw.randrange(1, 10), draw.randrange(1, 10), draw.randrange(8)
    batches = recording(draw, resting[0] + resting[2])
    in_order = outcome(kernel_class, resting, delivered(draw, batches, 0))
    assert outcome(kernel_class, resting, delivered(draw, batches, lateness)) == in_order


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_late_trades_never_carry_one_agent_past_lots_between_two(kernel_class, seed):
    draw = random.Random(seed)
    resting = [draw.randrange(place % 2, 10) for place in range(5)]
    batches = recording(draw, sum(resting[::2]))
    fills, _, recorded = outcome(kernel_class, resting, delivered(draw, batches, 0))
    late_fills, _, late_recorded = outcome(kernel_class, resting, delivered(draw, batches, 1))
    # A place between two agents that a depth change emptied is gone: its lots wait further ahead.
    assert all(late <= due for late, due in zip(late_fills, fills, strict=True))
    assert late_recorded == recorded
