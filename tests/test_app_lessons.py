"""The page of lessons: what it lists, how a lesson is read and run, and the table of its verdicts."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from app.lessons import cells, lessons, served_names
from app.views.lessons import LessonCard
from market_sim.doctor import find_chromium
from tests.browser_kit import PATIENCE_MS, Served, Visit, served, visits

expect.set_options(timeout=PATIENCE_MS)


def test_every_lesson_has_a_title_a_question_and_no_solution_to_read() -> None:
    assert [lesson.name[:2] for lesson in lessons().values()] == [
        f"{k:02}" for k in range(1, len(lessons()) + 1)
    ]
    for lesson in lessons().values():
        assert lesson.title.startswith(lesson.name[:2])
        assert lesson.question.endswith("?")
        shown = cells(lesson)
        assert any(is_text for is_text, _ in shown)
        assert any(not is_text for is_text, _ in shown)
        assert "solution" in lesson.file.read_text(encoding="utf-8")


def test_the_last_verdicts_are_shown_and_a_wrong_one_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKET_SIM_CACHE", str(tmp_path))
    lesson = lessons()["01_order_book"]
    card = LessonCard(lesson, True, lambda _: None, lambda _: None)
    assert "not been run here" in card._pane.object
    assert "href='01_order_book'" in card._pane.object
    row = {"published": 1.5, "simulated": 1.4, "standard_error": 0.01, "tolerance": 0.04}
    rows = [{"what": "<b>one</b>", **row, "passed": False}, {"what": "two", **row, "passed": True}]
    home = tmp_path / "market_sim" / "lessons"
    home.mkdir(parents=True)
    kept = {"lesson": lesson.name, "engine": "rust", "mode": "full", "rows": rows}
    (home / f"{lesson.name}.json").write_text(json.dumps(kept))
    card.show("")
    shown = card._pane.object
    assert "with its full number of runs" in shown
    assert "<b>one</b>" not in shown
    assert shown.count("did not come out") == 1
    assert shown.count(">passed<") == 1


def test_notebooks_that_the_server_serves_are_known_by_its_command_line() -> None:
    assert served_names(["panel", "serve", "app", "lessons/01_order_book.ipynb", "--port", "1"]) == {
        "01_order_book"
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("lessons")
    with served(home / "server.log", MARKET_SIM_CACHE=str(home / "cache")) as site:
        yield site


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Callable[[], Visit]]:
    with visits(browser, site) as begin:
        yield lambda: begin(1400, 900)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one")
def test_a_lesson_is_read_and_run_and_shows_its_verdicts(visit: Callable[[], Visit]) -> None:
    page = visit()
    page.page.goto(f"{page.site.url}?page=lessons")
    page.button("Read").first.click()
    expect(page.page.get_by_role("heading", name="01 The order book")).to_be_visible()
    page.page.wait_for_url("**lesson=01_order_book*")
    page.button("All lessons").click()
    page.button("Read").nth(1).click()
    expect(page.page.get_by_role("heading", name="02 Market making")).to_be_visible()
    expect(page.page.locator("mjx-container").first).to_be_visible()
    assert "$" not in page.text("p", "let a quote at distance")
    page.button("All lessons").click()
    page.button("Run it here").first.click()
    expect(page.page.locator("table.verdicts td", has_text="passed").first).to_be_visible()
    assert page.page.locator("table.verdicts td.no").count() == 0
    expect(page.button("Run it here").first).to_be_enabled()
