"""What a page knows and computes without a browser: controls, catalogue, history, price rows, the heatmap's
ring.
"""

import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from bokeh.models import Range1d
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.captures import capture_files, captures
from app.catalogue import Catalogue, catalogue
from app.controls import REPLAY_SPEED, SEED_MAX, SPEED_MAX, Controls, from_query
from app.heat import Heat
from app.history import COLUMNS, KEPT, History
from app.rows import ROWS, PriceRows, nice, step_for, whole_ticks
from app.sight import Sight
from app.theme import palette
from app.views.flow import Flow
from app.views.mid_price import MidPrice
from app.views.results import Results
from app.words import amount, duration, elapsed, speed
from market_sim.frame import AgentPicture, ListingPicture, Picture
from market_sim.runner import Frame, MarketInfo, MarketRequest
from tests.fake_market import NS, FakeMarket

# -- controls and links

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), max_size=40)
CONTROLS = st.builds(
    Controls,
    scenario=TEXT,
    replay=st.just(""),
    seed=st.integers(0, SEED_MAX),
    speed=st.none() | st.sampled_from([0.01, 0.5, 1.0, 60.0, 300.0, SPEED_MAX]),
    listing=TEXT,
    theme=st.sampled_from(["dark", "light"]),
)


# A busy machine makes its texts slowly.
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(CONTROLS)
def test_a_link_brings_back_what_was_chosen(controls: Controls) -> None:
    assert from_query(controls.to_query(), Controls()) == (controls, [])


def test_a_replay_takes_the_place_of_the_scenario_in_a_link() -> None:
    controls = Controls(replay="some/capture.gz", speed=2.0)
    query = controls.to_query()
    assert "scenario" not in query
    assert from_query(query, Controls())[0] == controls
    chosen, _ = from_query({"replay": "some/capture.gz"}, Controls())
    assert chosen.speed == REPLAY_SPEED


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("seed", "seven", "no whole number"),
        ("seed", "-1", "out of range"),
        ("seed", str(SEED_MAX + 1), "out of range"),
        ("speed", "fast", "no speed"),
        ("speed", "nan", "out of range"),
        ("speed", "0", "out of range"),
        ("speed", "1e9", "out of range"),
        ("theme", "sepia", "dark, light"),
        ("listing", "A" * 501, "too long"),
        ("scenario", "a\nb", "cannot be shown"),
        ("colour", "red", "no control here"),
    ],
)
def test_what_a_link_cannot_ask_for_is_said_and_its_default_stands_in(
    key: str, text: str, sentence: str
) -> None:
    controls, (complaint,) = from_query({key: text}, Controls())
    assert controls == Controls()
    assert sentence in complaint
    assert key in complaint
    assert len(complaint) < 200


# -- what can be opened


def test_shipped_scenarios_that_need_no_recording_are_offered() -> None:
    offered = catalogue().scenarios
    assert {"two_venues", "triangle", "pairs"} <= offered.keys()
    assert "paper_maker" not in offered
    assert all(offered.values())


def test_recordings_come_from_the_configured_folder_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MARKET_SIM_DATA", raising=False)
    assert captures() == {}
    with pytest.raises(ValueError, match="No folder of recordings is configured"):
        capture_files("a.gz")
    monkeypatch.setenv("MARKET_SIM_DATA", str(tmp_path))
    assert captures() == {}
    (tmp_path / "binance").mkdir()
    files = [tmp_path / "binance" / f"{name}.gz" for name in "ab"]
    for file in (*files, tmp_path / "okx.log", tmp_path / "licence"):
        file.touch()
    assert captures() == {
        "binance/": tuple(files),
        "binance/a.gz": (files[0],),
        "binance/b.gz": (files[1],),
        "okx.log": (tmp_path / "okx.log",),
    }


@pytest.mark.parametrize(
    "name", ["", "none.gz", "licence", "..", "../out.gz", "/etc/passwd", "a\0b", "x" * 5000]
)
def test_a_name_outside_the_folder_is_refused_in_the_same_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.gz").touch()
    (tmp_path / "out.gz").touch()
    monkeypatch.setenv("MARKET_SIM_DATA", str(tmp_path / "data"))
    with pytest.raises(ValueError, match=r"There is no recording .*: choose one of in.gz") as raised:
        capture_files(name)
    assert len(str(raised.value)) < 300


def test_controls_that_cannot_be_opened_fall_back_to_what_can() -> None:
    offered = Catalogue({"pairs": "", "two_venues": ""})
    controls, (complaint,) = offered.check(Controls(scenario="moon", seed=3))
    assert controls == Controls(scenario="two_venues", seed=3)
    assert "choose pairs, two_venues. This is two_venues instead." in complaint
    good = Controls(scenario="pairs")
    assert offered.check(good) == (good, [])


# -- history


def info(**changes: object) -> MarketInfo:
    return replace(FakeMarket(MarketRequest(scenario="fake", seed=1)).info(), **changes)


def frame(time_ns: int, mid: float | None = 100.0, speed: float | None = 20.0, **changes: object) -> Frame:
    """A frame of the fake market's shape with a book of ten levels a side around a mid."""
    listings = [_book(mid), _book(mid)]
    agents = [
        AgentPicture(name, k + time_ns / NS, {"BTC": -float(k)}, 0, True)
        for k, name in enumerate(info().agents)
    ]
    picture = Picture(time_ns, 0, False, listings, [], agents)
    return Frame(0, picture, (), 0, True, speed, 20.0, 0.0, (), **changes)


def _book(mid: float | None) -> ListingPicture:
    if mid is None:
        return ListingPicture("N:B", [], [], None, "continuous")
    levels = range(1, 11)
    bids = [(round(mid - k * 0.01, 2), k / 10) for k in levels]
    asks = [(round(mid + k * 0.01, 2), k / 10) for k in levels]
    return ListingPicture("N:B", bids, asks, None, "continuous")


def test_agents_are_summed_by_kind_and_single_traders_come_first() -> None:
    history = History(info(agents=("a-1", "a-2", "b"), groups=("a", "a", "b")))
    agents = [
        AgentPicture(n, p, {"BTC": h}, 0, True) for n, p, h in (("a-1", 1, 4), ("a-2", 2, 5), ("b", 3, 6))
    ]
    plain = frame(NS)
    history.add(replace(plain, picture=replace(plain.picture, agents=agents)))
    assert history.groups == ("b", "a")
    assert history.profit[-1].tolist() == [3, 3]
    assert history.inventory[-1, :, 0].tolist() == [6, 9]


def test_the_drawdown_is_the_deepest_fall_from_the_highest_profit() -> None:
    history = History(info(agents=("a",), groups=("a",)))
    for k, profit in enumerate([3.0, 10.0, None, 4.0, 8.0, 5.0, 20.0]):
        plain = frame((k + 1) * NS)
        agents = [AgentPicture("a", profit, {}, 0, True)]
        history.add(replace(plain, picture=replace(plain.picture, agents=agents)))
    assert history.drawdown.tolist() == [6.0]


def test_a_profit_without_a_mark_is_not_a_number_and_an_empty_side_no_mid() -> None:
    history = History(info(agents=("a",), groups=("a",)))
    unmarked = frame(NS, mid=None)
    agents = [AgentPicture("a", None, {}, 0, True)]
    history.add(replace(unmarked, picture=replace(unmarked.picture, agents=agents)))
    assert np.isnan(history.profit[-1, 0])
    assert np.isnan(history.mid[-1]).all()


def test_history_is_bounded_and_keeps_the_newest() -> None:
    history = History(info())
    for k in range(3 * KEPT):
        history.add(frame(k * NS))
        assert len(history) <= 2 * KEPT
    assert history.time[-1] == (3 * KEPT - 1) * NS
    assert (np.diff(history.time) == NS).all()
    assert len(history) >= KEPT


def test_the_window_grows_with_a_young_market_and_then_slides() -> None:
    history = History(info())
    history.add(frame(0))
    assert history.fit(frame(0))
    assert history.column_ns == NS
    assert history.window_ns() == (0, COLUMNS // 10 * NS)
    history.add(frame(300 * NS))
    assert history.window_ns() == (0, 301 * NS)
    history.add(frame(2000 * NS))
    start, end = history.window_ns()
    assert (end - start, end) == (COLUMNS * NS, 2001 * NS)
    assert history.time[history.shown()].tolist() == [300 * NS, 2000 * NS]


def test_a_column_follows_the_speed_but_not_every_wobble_of_the_pace() -> None:
    history = History(info(end_ns=10**18))
    assert history.fit(frame(0, speed=20.0))
    assert not history.fit(frame(0, speed=20.0))
    assert history.fit(frame(0, speed=100.0))
    assert history.column_ns == 5 * NS
    fastest = replace(frame(0), speed=None)
    assert not history.fit(replace(fastest, pace=190.0))
    assert history.fit(replace(fastest, pace=1000.0))
    assert not history.fit(replace(fastest, pace=0.0))


# -- price rows


@given(st.floats(1e-9, 1e12))
def test_nice_numbers_are_above_and_near(value: float) -> None:
    found = nice(value)
    assert value * (1 - 1e-6) <= found <= 2.0001 * value
    leading = f"{found:e}"[0]
    assert leading in "1235"


@given(st.integers(1, 10**7), st.sampled_from([1, 2, 5, 10, 50]), st.integers(-30, 30))
def test_every_price_of_the_grid_lies_in_the_row_that_says_so(mid_ticks: int, ticks: int, away: int) -> None:
    tick = 0.01
    rows = PriceRows.around(mid_ticks * tick, tick, ticks * tick)
    assert rows.holds(mid_ticks * tick, 1)
    price = (mid_ticks + away) * tick
    (row,) = rows.index(np.array([price]))
    centre = rows.centres()[row] if 0 <= row < ROWS else rows.low + (row + 0.5) * rows.step
    assert abs(price - centre) <= rows.step / 2 + 1e-6


def test_row_totals_add_up() -> None:
    rows = PriceRows.around(100.0, 0.01, 0.05)
    side = np.array([[100.0 - k * 0.01, 1.0] for k in range(1, 101)])
    totals = rows.totals(side)
    assert totals.sum() == 100
    assert totals.max() == 5
    assert rows.totals(np.zeros((0, 2))).sum() == 0


def test_row_height_shows_what_waits_near_and_not_the_stragglers() -> None:
    near = np.array([[100.0 - k * 0.01, 1.0] for k in range(1, 19)])
    lost = np.array([[1.0, 0.5]])
    assert step_for(100.0, (near, near), 0.01) == pytest.approx(0.01)
    assert step_for(100.0, (np.concatenate([near, lost]), near), 0.01) == pytest.approx(0.01)
    wide = near * [1, 1] - [0, 0]
    wide[:, 0] = 100 - (100 - wide[:, 0]) * 10
    assert step_for(100.0, (wide, wide), 0.01) == pytest.approx(0.1)
    assert step_for(100.0, (np.zeros((0, 2)), np.zeros((0, 2))), 0.01) == 0.01
    assert whole_ticks(0.003, 0.01) == pytest.approx(0.01)


# -- the heatmap's ring


def test_columns_drawn_one_by_one_are_the_picture_drawn_at_once() -> None:
    history = History(info())
    history.fit(frame(0))
    heat = Heat(history, 0)
    source = random.Random(3)
    time_ns, mid, whole = 0, 100.0, 0
    for _ in range(1500):
        history.add(frame(time_ns, None if source.random() < 0.02 else round(mid, 2)))
        changed = heat.update()
        whole += changed is None
        time_ns += source.choice([0, 1, 1, 1, 2, 5]) * NS // 2
        mid += source.choice([-0.05, 0, 0.05])
    assert 1 < whole < 200
    drawn = heat.image.copy()
    again = Heat(history, 0)
    again.rows, again.full_size = heat.rows, heat.full_size
    start, end = history.window_ns()
    shown = history.shown()
    again._last = history.column(int(history.time[shown.start])) - 1
    for sample in range(shown.start, shown.stop):
        again._draw(sample)
    ring = [k % COLUMNS for k in range(start // history.column_ns, end // history.column_ns)]
    assert drawn.any()
    assert (drawn[:, ring] == again.image[:, ring]).all()


def test_nothing_is_drawn_before_there_is_a_mid() -> None:
    history = History(info())
    heat = Heat(history, 0)
    history.add(frame(0, None))
    assert heat.update() == []
    assert heat.rows is None
    history.add(frame(NS, 100.0))
    assert heat.update() is None
    assert heat.rows is not None


# -- views


@pytest.mark.parametrize("mid", [None, 100.0])
def test_what_was_drawn_whole_is_only_added_to_by_the_next_picture(mid: float | None) -> None:
    history, window, sight = History(info()), Range1d(0, 1), Sight()
    history.fit(frame(0, mid))
    history.add(frame(0, mid))
    mid_price, flow, results = MidPrice(window), Flow(window), Results(window)
    for view in (mid_price, flow, results):
        view.paint(palette(True))
    mid_price.open(history.info, 0)
    flow.open(history.info, 0)
    results.open(history, 0)
    for view in (mid_price, flow, results):
        sight.feed(view.names, True, partial(view.redraw, history), pytest.fail)
    history.add(frame(NS, mid))
    added = []
    for view in (mid_price, flow, results):
        sight.feed(view.names, False, pytest.fail, partial(added.append, view))
    assert added == [mid_price, flow, results]


# -- words


def test_numbers_read_well() -> None:
    assert elapsed(3_723_004_000_000) == "1:02:03.004"
    assert duration(3600 * NS) == "1 h"
    assert duration(651 * NS) == "10 min 51 s"
    assert (speed(0.01), speed(60.0), speed(1234.0)) == ("0.01×", "60×", "1,234×")
    assert (amount(0.01234), amount(1.5), amount(1234.5)) == ("0.0123", "1.50", "1,234")
