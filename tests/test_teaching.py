"""What lessons share: modes, exercises, and a table that cannot hide a number that did not come out."""

import math

import pytest

from market_sim import teaching
from market_sim.errors import DataError
from market_sim.experiments.verdict import Verdict
from market_sim.teaching import (
    Exercise,
    LessonError,
    about,
    conclude,
    in_full,
    in_mode,
    last_verdicts,
    mode,
    pick,
)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("MARKET_SIM_CACHE", str(tmp_path))
    monkeypatch.delenv("MARKET_SIM_LESSONS", raising=False)


def test_a_lesson_is_short_unless_asked(monkeypatch):
    assert (mode(), pick(10, 1_000)) == ("short", 10)
    monkeypatch.setenv("MARKET_SIM_LESSONS", "full")
    assert (mode(), pick(10, 1_000)) == ("full", 1_000)
    monkeypatch.setenv("MARKET_SIM_LESSONS", "long")
    with pytest.raises(DataError, match="short or full"):
        mode()


def test_the_reference_engine_runs_fewer(monkeypatch):
    monkeypatch.setenv("MARKET_SIM_LESSONS", "full")
    monkeypatch.setattr(teaching.market_sim, "ENGINE", "reference", raising=False)
    assert (pick(10, 1_000, reference=50), pick(10, 1_000)) == (50, 1_000)


def test_fewer_runs_are_judged_by_their_errors_up_to_a_cap(monkeypatch):
    noisy, wild, exact = (Verdict("a", 1.0, 1.0, error, 0.1) for error in (0.05, 9.0, 0.0))
    assert [row.tolerance for row in in_mode([noisy, wild, exact])] == pytest.approx([0.2, 0.3, 0.1])
    monkeypatch.setenv("MARKET_SIM_LESSONS", "full")
    monkeypatch.setattr(teaching.market_sim, "ENGINE", "rust", raising=False)
    assert [row.tolerance for row in in_mode([noisy, wild])] == [0.1, 0.1]
    monkeypatch.setattr(teaching.market_sim, "ENGINE", "reference", raising=False)
    assert [row.tolerance for row in in_mode([noisy])] == pytest.approx([0.2])


@pytest.mark.parametrize(
    ("asked", "engine", "full", "told"),
    [
        ("short", "rust", False, "in a short form"),
        ("short", "reference", False, "in a short form"),
        ("full", "rust", True, "with the runs that the tolerances ask for"),
        ("full", "reference", False, "with fewer runs than a full form"),
    ],
)
def test_a_lesson_says_how_much_it_runs(monkeypatch, asked, engine, full, told):
    monkeypatch.setenv("MARKET_SIM_LESSONS", asked)
    monkeypatch.setattr(teaching.market_sim, "ENGINE", engine, raising=False)
    assert in_full() is full
    assert about() == f"This lesson runs on the {engine} engine, {told} (MARKET_SIM_LESSONS={asked})."


@pytest.mark.parametrize("answer", [2, 2.05, "2", 1.95])
def test_an_answer_within_the_tolerance_is_right(answer):
    assert Exercise(2, tolerance=0.1).check(answer) == "right"


@pytest.mark.parametrize("answer", [3, -2, math.nan, math.inf, "two", [2]])
def test_any_other_is_not_yet_right(answer):
    assert Exercise(2, tolerance=0.1, hint="Count again.").check(answer).startswith("not yet")


@pytest.mark.parametrize("blank", [None, ...])
def test_a_blank_is_no_answer(blank):
    assert "no answer yet" in Exercise(2).check(blank)


def test_the_table_is_kept_for_the_page():
    assert last_verdicts("99_trial") is None
    frame = conclude("99_trial", [Verdict("a number", 1.0, 1.01, 0.01, 0.02)])
    assert frame["verdict"].to_list() == ["pass"]
    kept = last_verdicts("99_trial")
    assert kept["lesson"] == "99_trial"
    assert kept["rows"][0]["passed"] is True


def test_a_number_that_did_not_come_out_stops_the_lesson_and_is_kept():
    rows = [Verdict("good", 1.0, 1.0, 0.0, 0.0), Verdict("bad", 1.0, 2.0, 0.1, 0.5)]
    with pytest.raises(LessonError, match="1 of 2 numbers"):
        conclude("99_trial", rows)
    assert [row["passed"] for row in last_verdicts("99_trial")["rows"]] == [True, False]
