"""Pictures go out as the browser keeps up: at every beat if it does, at an even pace if it does not; and what
a closed tab had still on its way is no error.
"""

import logging
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace

import pytest
from bokeh.server.connection import ServerConnection

from app import transport
from app.transport import LONGEST_S, PICTURES_AHEAD, SILENCE_S, FlowControl, of_open_tabs

BEAT_S = 0.05


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(transport, "time", clock)
    return clock


def sent_at(
    clock: Clock, flow: FlowControl, seconds: float, paint: Callable[[list[float]], None]
) -> list[float]:
    """When pictures went out in so many beats; `paint` is told so before each."""
    times: list[float] = []
    for _ in range(round(seconds / BEAT_S)):
        paint(times)
        if flow.clear():
            flow.count()
            times.append(clock.now)
        clock.now += BEAT_S
    return times


def test_a_browser_that_keeps_up_gets_a_picture_every_beat(clock: Clock) -> None:
    flow = FlowControl()

    def paint(_: list[float]) -> None:
        flow.pictures.painted = flow.pictures.sent

    assert len(sent_at(clock, flow, 10, paint)) == 200


def test_no_more_than_two_wait_in_a_browser_and_silence_is_asked_again(clock: Clock) -> None:
    flow = FlowControl()
    times = sent_at(clock, flow, SILENCE_S, lambda _: None)
    assert len(times) == PICTURES_AHEAD
    assert flow.pictures.sent == PICTURES_AHEAD
    sent_at(clock, flow, 4 * BEAT_S, lambda _: None)
    assert flow.pictures.sent == PICTURES_AHEAD + 1, "counted, for an answer, and nothing to paint"


def test_a_browser_that_is_behind_gets_them_evenly_and_the_pace_again_when_it_keeps_up(clock: Clock) -> None:
    flow = FlowControl()

    def paint_late(times: list[float]) -> None:
        # In pairs, as the page answers, and 70 ms after the second: each pair would take three beats.
        if len(times) % PICTURES_AHEAD == 0 and times and clock.now - times[-1] > 0.07:
            flow.pictures.painted = flow.pictures.sent

    times = [at for at in sent_at(clock, flow, 20, paint_late) if at > 110]
    apart = [later - earlier for earlier, later in pairwise(times)]
    assert min(apart) >= 2 * BEAT_S - 1e-9, "none comes right after another"
    assert 0.9 * LONGEST_S < sum(apart) / len(apart) < 1.1 * LONGEST_S

    def paint(_: list[float]) -> None:
        flow.pictures.painted = flow.pictures.sent

    sent_at(clock, flow, 60, paint)
    assert len(sent_at(clock, flow, 10, paint)) == 200


def test_only_what_a_closed_tab_had_on_its_way_is_left_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def ask_without_session() -> None:
        ServerConnection.session.fget(SimpleNamespace(_session=None))

    def assert_something_else() -> None:
        raise AssertionError

    log = logging.getLogger("test of a closed tab")
    log.addFilter(of_open_tabs)
    for fail in (ask_without_session, assert_something_else):
        try:
            fail()
        except AssertionError:
            log.exception(fail.__name__)
    log.error("no exception")
    assert [record.message for record in caplog.records] == ["assert_something_else", "no exception"]
