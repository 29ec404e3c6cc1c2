"""The live feed on the page in a real Chromium: an exchange on this machine, and no exchange at all."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from market_sim import engine
from market_sim.doctor import find_chromium
from market_sim.errors import EngineError
from market_sim.exchange import Exchange, open_play
from market_sim.replaying import replay
from market_sim.runner.guests import with_guests
from market_sim.runner.journal import from_text
from market_sim.scenario import load
from tests import browser_kit
from tests.browser_kit import PATIENCE_MS, Served, Visit, served, visits


def has_connector() -> bool:
    try:
        engine.feed_module()
    except EngineError:
        return False
    return True


pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
    pytest.mark.skipif(not has_connector(), reason="the native extension has no connector to live feeds"),
]
expect.set_options(timeout=PATIENCE_MS)
NOWHERE = "127.0.0.1:9"


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    play = open_play("two_venues", "kraken", seed=7, until="2h")
    with Exchange(play, "kraken", speed=10.0).in_thread() as exchange:
        yield exchange


@pytest.fixture(scope="module")
def site(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("live")
    addresses = {
        "MARKET_SIM_KRAKEN_WS_URL": exchange.url,
        "MARKET_SIM_KRAKEN_REST_URL": exchange.rest_url,
        "MARKET_SIM_OKX_WS_URL": f"ws://{NOWHERE}/",
        "MARKET_SIM_OKX_REST_URL": f"http://{NOWHERE}",
    }
    recordings = home / "recordings"
    recordings.mkdir()
    with served(home / "server.log", MARKET_SIM_DATA=str(recordings), **addresses) as site:
        yield site


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Visit]:
    with visits(browser, site) as begin:
        yield begin()


until = partial(browser_kit.until, seconds=PATIENCE_MS / 1000)


def cells(page: Visit) -> dict[str, str]:
    """What the page says of its one live book."""
    rows = page.page.locator("table.feed tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText))"
    )
    return dict(zip(rows[0], rows[1], strict=True)) if len(rows) > 1 else {}


def row_of(page: Visit, kind: str) -> list[str]:
    """The line of a kind of agent: name, switch, profit, inventory, open orders, ahead, drawdown, latency."""
    rows = page.page.locator("tr.group").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    )
    return next((row for row in rows if row[0] == kind), [])


def test_a_page_connects_trades_records_and_disconnects(visit: Visit, site: Served) -> None:
    page = visit.open(speed="1")
    page.button("Live feed").click()
    page.page.get_by_label("Record: keep a capture that replays").check()
    page.button("Connect").first.click()
    until(lambda: cells(page).get("state") == "live", "no book is live")
    assert "live=kraken%3ABTC%2FUSD&record=yes" in page.query()
    page.page.get_by_text("Strategy", exact=True).click()
    page.page.get_by_role("combobox", name="A strategy of yours").click()
    page.page.get_by_role("listbox").get_by_text("MicropriceMaker").click()
    page.button("Restart with it").click()
    until(lambda: "MicropriceMaker" in page.query() and cells(page).get("state") == "live", "not again")
    first = page.hashes()
    until(lambda: all(page.hashes()[name] != first[name] for name in ("mid-price", "heatmap")), "held panels")
    until(lambda: cells(page).get("messages/s", "0") != "0", "no messages a second")
    told = cells(page)
    assert int(told["messages"].replace(",", "")) > 0
    assert float(told["latency, ms"]) >= 0
    assert (told["gaps"], told["dropped"]) == ("0", "0")
    page.page.get_by_role("button", name="Agents and class").click()
    # Only a fill moves the profit: a maker that waits has none.
    unmoved = ([], ["–"], ["+0.00"], ["−0.00"])
    until(lambda: row_of(page, "strategy")[2:3] not in unmoved, "the strategy is never filled")
    page.button("Disconnect").click()
    expect(page.page.locator(".chip", has_text="disconnected")).to_be_visible()
    assert cells(page)["state"] == "stopped"
    with page.page.expect_download() as kept:
        page.button("Download the capture").click()
    files = sorted((site.log.parent / "recordings").glob("live-*.msfeed"))
    assert len(files) == 2  # one a connection
    assert Path(kept.value.path()).read_bytes() == files[-1].read_bytes()
    page.page.get_by_text("Keep", exact=True).click()
    with page.page.expect_download() as journal:
        page.button("Journal").click()
    request, _ = from_text(Path(journal.value.path()).read_text())
    plan = with_guests(load("paper_maker"), request)
    again = replay(str(files[-1]), plan, seed=request.seed)
    until(lambda: page.text("td.hash"), "no event-log hash")
    assert again.event_log_hash == page.text("td.hash")
    assert "strategy" in {*again.trades["maker"], *again.trades["taker"]}
    assert again.summary()["replay"]["books"]["KRAKEN:BTC/USD"]["snapshots"] == 1


@pytest.mark.slow
def test_without_a_network_it_says_so_within_seconds_and_the_page_lives(visit: Visit) -> None:
    page = visit.open(speed="1")
    began = time.monotonic()
    page.page.goto(f"{page.site.url}?live=okx:BTC/USDT")
    until(lambda: "cannot connect" in page.text(".error"), "no word about the network")
    assert time.monotonic() - began < 30
    page.button("Simulate").click()
    until(lambda: "two_venues" in page.status() and "running" in page.status(), "the page is dead")


@pytest.mark.slow
def test_no_address_of_a_link_is_opened(visit: Visit) -> None:
    page = visit.open(live="kraken@ws://evil.example:BTC/USD", speed="1")
    assert "is no live book" in page.text(".error")
    assert "two_venues" in page.status()
