"""How the dashboard is served: who may come in, how many, and what is left when they have gone."""

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app import exposure, serving
from market_sim.cli.serve import command
from market_sim.doctor import find_chromium
from tests.browser_kit import ROOT, Served, Visit, served

# -- addresses and origins


@pytest.mark.parametrize(
    "arguments",
    [
        ["--address", "127.0.0.1", "--allow-websocket-origin", "*"],
        ["--address", "localhost", "--allow-websocket-origin", "*:5006"],
        ["--address", "::1", "--allow-websocket-origin=*"],
        ["--address", "0.0.0.0", "--allow-websocket-origin", "market.example.org:5006"],
        [],
    ],
)
def test_a_closed_address_or_named_origins_may_be_served(arguments: list[str]) -> None:
    exposure.check(["serve", "app", *arguments], {})


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--address", "0.0.0.0", "--allow-websocket-origin", "*"], {}),
        (["--address=192.168.1.4", "--allow-websocket-origin=*:80"], {}),
        (
            ["--address", "example.org", "--allow-websocket-origin", "a:1", "--allow-websocket-origin", "*"],
            {},
        ),
        (["--allow-websocket-origin", "*.org:80"], {}),
        (["--address", "::"], {"BOKEH_ALLOW_WS_ORIGIN": "a.org, *"}),
    ],
)
def test_an_open_address_with_a_wildcard_is_refused(
    arguments: list[str], environment: dict[str, str]
) -> None:
    with pytest.raises(exposure.OpenToAllError, match=r"does not start.*--allow-websocket-origin"):
        exposure.check(["serve", "app", *arguments], environment)


def test_the_server_ends_rather_than_serve_openly(tmp_path: Path) -> None:
    done = subprocess.run(
        command(0, "0.0.0.0", ["*"]),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "error: market_sim does not start: it would listen on 0.0.0.0" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_is_make_serve() -> None:
    line = command(5006, "127.0.0.1", ["127.0.0.1:5006", "localhost:5006"])
    made = subprocess.run(
        ["make", "--dry-run", "--always-make", "serve"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.replace("\\\n", " ")
    (recipe,) = (text for text in made.splitlines() if "panel serve app" in text)
    assert sorted(line[line.index("serve") :]) == sorted(recipe.split()[recipe.split().index("serve") :])


# -- places


class Somebody:
    def __init__(self, in_use: bool = True) -> None:
        self.in_use = in_use


def test_visitors_are_counted_while_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKET_SIM_MAX_SESSIONS", "2")
    people = [Somebody() for _ in range(2)]
    leaves = [serving.enter(person) for person in people]
    try:
        assert "to 2 visitors at once" in serving.full_sentence()
        people[0].in_use = False
        assert serving.full_sentence() is None
        leaves += [serving.enter(Somebody(in_use=False)) for _ in range(6)]
        assert serving.full_sentence() is not None, "pages nobody looks at fill the memory too"
    finally:
        for leave in leaves:
            leave()
    assert serving.full_sentence() is None


@pytest.mark.parametrize("text", ["0", "-1", "many", "²"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("MARKET_SIM_MAX_SESSIONS", text)
    with pytest.raises(ValueError, match="MARKET_SIM_MAX_SESSIONS"):
        serving.max_sessions()


def test_a_stuck_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    serving.tick()
    assert serving.health()["healthy"]
    monkeypatch.setattr(serving, "_beat", time.monotonic() - 10)
    assert not serving.health()["healthy"]


# -- a small server


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("small") / "server.log", MARKET_SIM_MAX_SESSIONS="2") as site:
        yield site


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one")
def test_who_finds_no_place_is_told_and_the_others_go_on(browser: Browser, small: Served) -> None:
    visits = [Visit(browser, small, 900, 700).open() for _ in range(2)]
    assert small.health()["sessions"] == 2
    third = Visit(browser, small, 900, 700)
    answer = third.page.goto(small.url)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "30"
    assert "shows markets to 2 visitors at once" in third.page.inner_text("body")
    before = visits[0].simulated_s()
    visits[1].page.close()
    deadline = time.monotonic() + 20
    while status_of(small.url) != 200:
        assert time.monotonic() < deadline, "a place that has become free is not given"
        time.sleep(0.3)
    assert visits[0].simulated_s() > before
    for visit in (visits[0], third):
        visit.page.close()


@pytest.mark.browser
def test_health_is_told_and_no_module_is_imported_for_a_request(small: Served) -> None:
    health = small.health()
    assert health["healthy"] is True
    assert health["max_sessions"] == 2
    assert health["engine"] in ("rust", "reference")
    base = small.url.replace("/app", "")
    # Whoever imports `this` hears of it.
    assert status_of(f"{base}/components/this/X/css/x") == 404
    assert "Beautiful is better" not in small.log.read_text()
    assert status_of(f"{base}/static/..%2f..%2fetc/passwd") in (403, 404)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(2400)
def test_two_hundred_tabs_leave_nothing_behind(browser: Browser, tmp_path: Path) -> None:
    def held(site: Served) -> tuple[int, int, int]:
        home = Path(f"/proc/{site.process.pid}")
        return len(site.markets()), len(list((home / "task").iterdir())), len(list((home / "fd").iterdir()))

    with served(tmp_path / "server.log") as site:
        # The first visit starts what stays: threads of pools, the nursery's pipes.
        Visit(browser, site, 900, 700).open().page.close()
        settle(site)
        before = held(site)
        for _ in range(25):
            visits = [Visit(browser, site, 900, 700) for _ in range(8)]
            for number, visit in enumerate(visits):
                visit.page.goto(site.url, wait_until="commit" if number % 4 == 3 else "load")
                if number % 4 == 2:
                    visit.page.reload()
            visits[0].until_painted(1)
            for visit in visits:
                visit.page.close()
        settle(site)
        after = held(site)
        print(f"markets, threads, descriptors: {before} before, {after} after 200 tabs")
        assert after[0] == 0
        assert after[1] <= before[1] + 2
        assert after[2] <= before[2] + 4
        assert "Traceback" not in site.log.read_text()


def settle(site: Served) -> None:
    """Wait until every closed page has been dropped."""
    deadline = time.monotonic() + 120
    while site.health()["documents"] or site.markets():
        assert time.monotonic() < deadline, (site.health(), site.markets())
        time.sleep(0.5)
