"""Two clocks: order, stamps, delays and corrections of updates from one or several recordings."""

from __future__ import annotations

import pytest

from market_sim.replaying.clocks import ClockCounts, on_local_clock, on_venue_clock
from market_sim.replaying.flow import Flow
from market_sim.replaying.grid import Grid
from market_sim.replaying.recordings import infer_steps
from market_sim.replaying.source import Source
from market_sim.replaying.update import Depth, Trade
from tests.captures import BASE_NS, MS, CaptureWriter


def trade(local_ns, exchange_ns, number=0):
    return Trade("f", number, "X", local_ns, exchange_ns, 0, 1, 1)


def snapshot(local_ns):
    return Depth("f", 0, "X", local_ns, None, True, 0, 0, [], [], [])


def local(*streams):
    counts = ClockCounts()
    return [(s.time_ns, s.source) for s in on_local_clock([iter(x) for x in streams], counts)], counts


def venue(*streams, offsets=None):
    counts = ClockCounts()
    stamped = on_venue_clock([iter(x) for x in streams], offsets or [0] * len(streams), counts)
    return [(s.time_ns, s.delay_ns, s.source) for s in stamped], counts


def test_local_stamps_rise_strictly_over_all_recordings():
    found, counts = local([trade(10, 1), trade(20, 2), trade(20, 3)], [trade(10, 1), trade(19, 1)])
    assert found == [(10, 0), (11, 1), (19, 1), (20, 0), (21, 0)]
    assert counts == ClockCounts(bumped_stamps=2)


def test_local_stamps_that_step_back_are_moved_behind_their_predecessor():
    found, counts = local([trade(100, 1), trade(40, 2), trade(99, 3), trade(103, 4)])
    assert [time_ns for time_ns, _ in found] == [100, 101, 102, 103]
    assert counts.bumped_stamps == 2


def test_local_clock_adds_no_delay():
    counts = ClockCounts()
    (stamped,) = on_local_clock([iter([trade(10, 1)])], counts)
    assert stamped.delay_ns == 0


def test_venue_clock_orders_by_exchange_stamp_and_keeps_the_recorded_delay():
    found, counts = venue([trade(100, 50), trade(110, 40), trade(120, 60)], offsets=[5])
    assert found == [(40, 75, 0), (50, 55, 0), (60, 65, 0)]
    assert counts == ClockCounts(least_delay_ns=55)


def test_venue_clock_keeps_the_order_of_receipt_among_equal_stamps():
    updates = [trade(100, 50, number) for number in range(5)]
    counts = ClockCounts()
    stamped = on_venue_clock([iter(updates)], [0], counts)
    assert [s.update.line for s in stamped] == [0, 1, 2, 3, 4]


def test_venue_clock_merges_venues_by_their_own_stamps():
    found, _ = venue([trade(100, 50), trade(130, 90)], [trade(101, 70), trade(140, 80)], offsets=[0, 1])
    assert found == [(50, 50, 0), (70, 32, 1), (80, 61, 1), (90, 40, 0)]


def test_negative_delays_are_taken_as_zero_and_counted():
    found, counts = venue([trade(100, 150), trade(200, 210), trade(300, 290)])
    assert [delay for _, delay, _ in found] == [0, 0, 10]
    assert counts.negative_delays == 2
    found, counts = venue([trade(100, 150)], offsets=[60])
    assert (found[0][1], counts.negative_delays) == (10, 0)


def test_an_update_too_late_for_its_place_is_moved_and_counted():
    second = 10**9
    found, counts = venue(
        [trade(0, 10 * second), trade(1, 20 * second), trade(2, 30 * second), trade(3, 1 * second)]
    )
    assert [time_ns for time_ns, _, _ in found] == [10 * second, 20 * second, 20 * second, 30 * second]
    assert counts.bumped_stamps == 1


def test_a_snapshot_happens_with_the_update_that_continues_it():
    found, _ = venue([trade(10, 5), snapshot(40), trade(41, 30)])
    assert found == [(5, 5, 0), (30, 10, 0), (30, 11, 0)]
    found, counts = venue([snapshot(40), trade(41, 30), trade(42, 20), trade(43, 31)])
    assert found == [(30, 10, 0), (30, 11, 0), (30, 12, 0), (31, 12, 0)]
    assert counts.bumped_stamps == 1
    found, _ = venue([trade(10, 5), snapshot(40)])
    assert found == [(5, 5, 0), (5, 35, 0)]


class Recorder:
    """A kernel's inlet that only keeps what is pushed."""

    def __init__(self):
        self.pushed = []

    def push_depth(self, *args):
        self.pushed.append(args)

    def push_trade(self, *args):
        self.pushed.append(args)


def flow_of(file, clock, chunk):
    grids = {symbol: Grid(*steps) for symbol, steps in infer_steps([file]).items()}
    flow = Flow([Source("V", [file], grids)], clock, {"V": 3 * MS}, chunk)
    kernel = Recorder()
    flow.bind(kernel, {("V", "BTCUSDT"): 7})
    return flow, kernel


def recording(tmp_path):
    capture = CaptureWriter().snapshot(5 * MS, 10, {"100": "1"}, {"101": "1"})
    for number in range(11, 60):
        stamp = number // 3
        capture.diff((20 + number // 2) * MS, stamp, number, number, {"100": str(number)})
        capture.trade((20 + number // 2) * MS, stamp - 2, number, "101", "1", seller=False)
    return capture.write(tmp_path / "c.gz")


@pytest.mark.parametrize("clock", ["local", "venue"])
def test_chunks_do_not_change_what_is_pushed(tmp_path, clock):
    file = recording(tmp_path)
    outcomes = []
    for chunk in (1, 7, 10_000):
        flow, kernel = flow_of(file, clock, chunk)
        while flow.end_ns is None:
            before = len(kernel.pushed)
            safe_ns = flow.fill(10**18)
            assert len(kernel.pushed) > before
            # The kernel may run to `safe`: all pushed is due by then, all still to come is later.
            assert kernel.pushed[-1][0] <= safe_ns
            assert (flow.end_ns is None) == (safe_ns < 10**18)
            remaining = len(kernel.pushed)
            flow.fill(safe_ns)
            assert len(kernel.pushed) == remaining
        outcomes.append(kernel.pushed)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(outcomes[0]) == 1 + 49 + 49
    times = [row[0] for row in outcomes[0]]
    assert times == sorted(times)
    if clock == "local":
        assert len(set(times)) == len(times)
        assert {row[2] for row in outcomes[0]} == {0}


def test_fill_stops_at_the_time_asked_for(tmp_path):
    flow, kernel = flow_of(recording(tmp_path), "local", 10_000)
    assert flow.fill(30 * MS) == 30 * MS
    assert max(row[0] for row in kernel.pushed) <= 30 * MS
    assert flow.end_ns is None
    assert flow.fill(29 * MS) == 29 * MS


def test_time_zero_is_the_second_of_the_first_update(tmp_path):
    flow, kernel = flow_of(recording(tmp_path), "local", 10_000)
    flow.fill(10**18)
    assert flow.epoch_ns == BASE_NS
    # The snapshot waits for the first depth event to know its symbol.
    assert kernel.pushed[0][0] == (20 + 11 // 2) * MS
    flow, kernel = flow_of(recording(tmp_path), "venue", 10_000)
    flow.fill(10**18)
    assert flow.epoch_ns == BASE_NS
    assert kernel.pushed[0][:2] == (3 * MS, None)
