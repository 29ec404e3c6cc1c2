"""A market in a process of its own: what it is told, what it sends, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from market_sim.runner import (
    Frame,
    MarketInfo,
    MarketRequest,
    Pause,
    Restart,
    Run,
    Runner,
    SetSpeed,
    Step,
    View,
    open_market,
    runner_by_id,
)
from market_sim.runner.pacer import LAG_FORGIVEN_S, Meter, Pacer
from market_sim.runner.process import FRAME_INTERVAL_S, TRADES_KEPT
from tests.fake_market import EVENT_NS, open_fake

NS = 1_000_000_000
PATIENCE_S = 60.0


@contextmanager
def opened(
    scenario: str = "fake", speed: float | None = 1.0, running: bool = True, seed: int = 1
) -> Iterator[View]:
    runner = Runner(MarketRequest(scenario=scenario, seed=seed), open_fake, speed, running)
    try:
        yield runner.join()
    finally:
        runner.close()
        assert not runner.alive


class Watch:
    """Polls a view and keeps what came."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.infos: list[MarketInfo] = []
        self.frames: list[Frame] = []
        self.trades = []

    def look(self) -> Frame | None:
        info, frame, trades = self.view.poll()
        if info:
            self.infos.append(info)
        if frame:
            self.frames.append(frame)
        self.trades.extend(trades)
        return frame

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, (self.view.runner.failure, self.frames[-1:])
            self.look()
            time.sleep(0.005)

    def for_seconds(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            time.sleep(0.005)

    @property
    def last(self) -> Frame:
        return self.frames[-1]


def test_introduces_the_market_and_then_sends_frames() -> None:
    with opened(speed=None, seed=5) as view:
        watch = Watch(view)
        watch.until(lambda: len(watch.frames) > 3)
        (info,) = watch.infos
        assert (info.seed, info.listings[0].name) == (5, "NORTH:BTC/USD")
        assert [frame.number for frame in watch.frames] == sorted({frame.number for frame in watch.frames})
        assert watch.last.picture.time_ns > watch.frames[0].picture.time_ns
        assert watch.last.events_per_s > 0


def test_frames_come_at_a_bounded_rate() -> None:
    with opened(speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        began = time.monotonic()
        watch.for_seconds(2)
        assert len(watch.frames) <= (time.monotonic() - began) / FRAME_INTERVAL_S + 3


def test_pause_holds_time_and_run_lets_it_pass() -> None:
    with opened(speed=50.0) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames and watch.last.running)
        view.runner.send(Pause())
        watch.until(lambda: not watch.last.running)
        held = watch.last.picture.time_ns
        watch.for_seconds(0.4)
        assert watch.last.picture.time_ns == held
        view.runner.send(Run())
        watch.until(lambda: watch.last.picture.time_ns > held)


def test_steps_by_a_second_and_by_an_event() -> None:
    with opened(running=False) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        view.runner.send(Step("second"))
        watch.until(lambda: watch.last.picture.time_ns == NS)
        events = watch.last.picture.events
        view.runner.send(Step("event"))
        watch.until(lambda: watch.last.picture.events == events + 1)
        assert watch.last.picture.time_ns == NS + EVENT_NS
        assert not watch.last.running


def test_keeps_the_speed_it_is_given() -> None:
    with opened(speed=20.0) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames and watch.last.pace > 0)
        for speed in (20.0, 100.0):
            view.runner.send(SetSpeed(speed))
            watch.until(lambda speed=speed: watch.last.speed == speed)
            start, began = watch.last.picture.time_ns, time.monotonic()
            watch.for_seconds(2)
            pace = (watch.last.picture.time_ns - start) / NS / (time.monotonic() - began)
            # A loaded machine may lag and a lag is forgiven; it never runs ahead.
            assert 0.4 * speed < pace < 1.15 * speed


def test_another_seed_is_another_market_from_its_beginning() -> None:
    with opened(speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames and watch.last.picture.time_ns > 10 * NS)
        view.runner.send(Restart(9))
        watch.until(lambda: len(watch.infos) == 2)
        assert watch.infos[-1].seed == 9
        view.runner.send(Pause())
        view.runner.send(Restart())
        watch.until(lambda: len(watch.infos) == 3)
        assert watch.infos[-1].seed == 9
        watch.until(lambda: watch.last.picture.time_ns == 0)


def test_a_slow_reader_gets_the_newest_frame_and_a_bounded_number_of_trades() -> None:
    with opened(speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        time.sleep(1.0)
        number, time_ns = watch.last.number, watch.last.picture.time_ns
        watch.until(lambda: watch.last.number > number + 2)
        assert watch.last.number < number + 10
        assert watch.last.picture.time_ns > time_ns
        # What waited when the reader came back is the newest; what it missed is counted. How long it takes
        # until there is more than fits depends on the machine.
        for wait_s in (1, 2, 4, 8, 16):
            if sum(frame.trades_dropped for frame in watch.frames):
                break
            time.sleep(wait_s)
            watch.until(lambda number=watch.last.number: watch.last.number > number + 2)
        assert sum(frame.trades_dropped for frame in watch.frames) > 0
        assert all(len(frame.trades) <= TRADES_KEPT for frame in watch.frames)


def test_an_answer_passes_pictures_that_nobody_has_read() -> None:
    with opened(speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        time.sleep(0.5)  # two pictures wait unread, and no third is sent
        view.runner.send(Pause())
        time.sleep(2.0)
        assert view.runner.sent == 1
        # One look: it acknowledges nothing before it has read what is there.
        assert watch.look().commands == 1
        assert not watch.last.running


def test_many_commands_at_once_are_taken_together() -> None:
    with opened(speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        for _ in range(20):
            view.runner.send(SetSpeed(None))
        watch.until(lambda: watch.last.commands == 20)
        assert len({entry.time_ns for entry in view.runner.journal}) < 20


def test_every_view_of_a_runner_sees_everything_and_the_last_one_ends_it() -> None:
    runner = Runner(MarketRequest(scenario="fake", seed=1), open_fake, 5.0)
    assert runner_by_id(runner.id) is runner
    first, second = Watch(runner.join()), Watch(runner.join())
    first.until(lambda: first.frames and len(first.trades) > 5)
    second.look()
    assert second.infos == first.infos
    assert second.last.number == first.last.number
    assert [*second.trades] == [*first.trades]
    late = Watch(runner.join())
    late.until(lambda: late.frames)
    assert late.infos == first.infos
    first.view.leave()
    second.view.leave()
    assert runner.alive
    late.view.leave()
    assert not runner.alive
    assert runner_by_id(runner.id) is None


def test_who_comes_late_to_a_held_market_sees_it_at_once() -> None:
    with opened(running=False) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        watch.for_seconds(0.2)
        late = Watch(view.runner.join())
        assert late.look() == watch.last
        assert late.infos == watch.infos
        late.view.leave()


def test_a_pinned_runner_outlives_its_views() -> None:
    runner = Runner(MarketRequest(scenario="fake", seed=1), open_fake, 5.0, pinned=True)
    try:
        runner.join().leave()
        assert runner.alive
    finally:
        runner.close()
    assert not runner.alive


def test_commands_are_journalled_with_simulated_time() -> None:
    with opened(running=False) as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        view.runner.send(Step("second"))
        watch.until(lambda: watch.last.picture.time_ns == NS)
        view.runner.send(SetSpeed(3.0))
        watch.until(lambda: watch.last.speed == 3.0)
        entries = [(entry.time_ns, entry.command) for entry in view.runner.journal]
        assert entries == [(0, Step("second")), (NS, SetSpeed(3.0))]


@pytest.mark.parametrize(
    ("scenario", "sentence"), [("failing", "the planted failure"), ("unopenable", "no such market")]
)
def test_an_error_arrives_as_text_with_its_traceback(scenario: str, sentence: str) -> None:
    with opened(scenario, speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: view.runner.failure)
        failure = view.runner.failure
        assert failure is not None
        assert sentence in failure.sentence
        assert "fake_market.py" in failure.traceback
        view.runner.send(Run())  # to nobody, and without an error
        assert watch.look() is None


def test_a_process_that_is_killed_is_noticed_and_named() -> None:
    with opened() as view:
        watch = Watch(view)
        watch.until(lambda: watch.frames)
        pid = view.runner.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        watch.until(lambda: view.runner.failure)
        assert str(pid) in view.runner.failure.sentence
        assert "signal 9" in view.runner.failure.sentence


def test_a_market_that_hangs_in_an_agent_is_ended_all_the_same() -> None:
    with opened("stuck", speed=None) as view:
        watch = Watch(view)
        watch.until(lambda: watch.infos)
        time.sleep(0.3)
        began = time.monotonic()
    assert time.monotonic() - began < 5


PARENT = """
import sys, time
from market_sim.runner import MarketRequest, Runner
from tests.fake_market import open_fake
runner = Runner(MarketRequest(scenario=sys.argv[1], seed=1), open_fake, None)
view = runner.join()
while view.poll()[0] is None:
    time.sleep(0.01)
print(runner.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("scenario", ["fake", "stuck"])
def test_the_process_ends_when_its_parent_dies(scenario: str) -> None:
    root = Path(__file__).resolve().parent.parent
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, scenario],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} outlived its parent"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_request_and_a_speed_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="needs a scenario, captures to replay, or live books"):
        MarketRequest()
    for speed in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            SetSpeed(speed)


# -- the clock, without a process


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_pacer_follows_its_speed_and_forgives_a_long_lag() -> None:
    clock = Clock()
    pacer = Pacer(0, 10.0, clock)
    clock.now += 0.125
    assert pacer.goal_ns(0) == NS * 10 // 8
    clock.now += 5.0
    goal = pacer.goal_ns(NS)
    assert goal is not None
    assert NS < goal <= NS + LAG_FORGIVEN_S * 10 * NS
    pacer.speed = None
    assert pacer.goal_ns(NS) is None


def test_the_meter_measures_the_last_second() -> None:
    clock = Clock()
    meter = Meter(clock)
    assert meter.rates() == (0.0, 0.0)
    for k in range(31):
        meter.note(k * NS, k * 1000)
        clock.now += 0.1
    assert meter.rates() == (pytest.approx(10.0), pytest.approx(10_000.0))
    meter.restart()
    assert meter.rates() == (0.0, 0.0)


# -- real markets


def test_a_scenario_runs_in_the_runner_and_tells_what_it_is() -> None:
    runner = Runner(MarketRequest(scenario="two_venues", seed=3), open_market, None)
    try:
        watch = Watch(runner.join())
        watch.until(lambda: watch.frames and watch.trades and watch.last.picture.time_ns > 60 * NS)
        (info,) = watch.infos
        assert info.title == "two_venues"
        assert info.engine in ("rust", "reference")
        assert "imulated" in info.origin
        assert len(info.agents) == len(info.groups) == len(watch.last.picture.agents)
        assert {listing.venue for listing in info.listings} == {"NORTH", "SOUTH"}
        assert all(listing.bids and listing.asks for listing in watch.last.picture.listings)
    finally:
        runner.close()


def test_being_watched_changes_nothing() -> None:
    """Slices, single events and pictures leave no trace in what happens."""
    straight, watched = (open_market(MarketRequest(scenario="two_venues", seed=3)) for _ in range(2))
    straight.step_to(20 * NS)
    for _ in range(50):
        watched.step_event()
        watched.picture()
    while watched.now_ns < 20 * NS:
        watched.step_to(min(watched.now_ns + 37_000_000, 20 * NS))
        watched.picture()
    assert straight.events > 1000
    assert watched.event_log_hash() == straight.event_log_hash()
    assert watched.picture().agents == straight.picture().agents


def test_an_unknown_scenario_fails_in_words() -> None:
    runner = Runner(MarketRequest(scenario="no_such", seed=3), open_market, None)
    try:
        watch = Watch(runner.join())
        watch.until(lambda: runner.failure)
        assert "no_such" in runner.failure.sentence
        assert "two_venues" in runner.failure.sentence
    finally:
        runner.close()
