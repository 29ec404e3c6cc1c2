"""Every control of the dashboard in a real Chromium, each judged by what happens in the market."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import polars as pl
import pytest
from playwright.sync_api import Browser, expect

from market_sim.doctor import find_chromium
from market_sim.runner import open_market
from market_sim.runner.journal import from_text, play
from tests.browser_kit import PATIENCE_MS, Served, Visit, until, visits
from tests.test_app import TABLES, explained

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Callable[..., Visit]]:
    with visits(browser, site) as begin:
        yield begin


def mine(page: Visit) -> str:
    return page.text(".mine")


def speed(page: Visit) -> str:
    """What the slider says."""
    return page.text("label", "simulated seconds per second").rpartition(" ")[2]


def open_orders(page: Visit) -> list[list[str]]:
    """The cells of the visitor's own orders."""
    return page.page.locator("tr.own").evaluate_all(
        "rows => rows.map(r => [...r.cells].map(c => c.innerText))"
    )


def send(page: Visit, side: str, size: str, price: str) -> None:
    page.page.get_by_label(re.compile("^Size, ")).fill(size)
    page.page.get_by_label(re.compile("^Price, ")).fill(price)
    page.page.get_by_role("button", name=side, exact=True).click()


def bid(page: Visit) -> int:
    return int(page.number("Best bid and offer").split(" / ")[0].replace(",", ""))


def test_an_order_is_sent_queued_replaced_and_cancelled(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    page.pause()
    price = bid(page) - 25
    send(page, "Buy", "0.25", str(price))
    until(lambda: "sent: buy 0.25" in mine(page), "the order is not answered")
    assert open_orders(page) == []  # it travels
    page.button("+1 second").click()
    until(lambda: open_orders(page), "the order does not stand in the book")
    ((order, venue, side, shown, leaves, ahead, *_),) = open_orders(page)
    assert (order, venue, side, shown, leaves) == ("1", "NORTH", "buy", f"{price:,}", "0.250")
    assert float(ahead) >= 0
    assert "accepted at" in mine(page)
    page.page.locator("tr.own td", has_text="change").click()
    expect(page.button("Replace order 1")).to_be_visible()
    page.page.get_by_label(re.compile("^Size, ")).fill("0.1")
    page.button("Replace order 1").click()
    page.button("+1 second").click()
    until(lambda: open_orders(page)[0][4] == "0.100", "the order is not replaced")
    page.page.locator("tr.own td").first.click()
    story = page.page.get_by_role("dialog")
    expect(story).to_contain_text("Order 1 of you")
    expect(story).to_contain_text("got another price or size")
    page.button("Close the story").click()
    expect(story).to_have_count(0)
    page.page.locator("tr.own td", has_text="cancel").click()
    page.button("+1 second").click()
    until(lambda: not open_orders(page), "the order is not cancelled")
    assert "cancelled" in mine(page)


@pytest.mark.slow
def test_a_market_order_moves_the_own_account(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    page.pause()
    send(page, "Sell", "0.1", "")
    page.button("+1 second").click()
    until(lambda: "holding −0.1 BTC" in mine(page), "the account does not move")
    assert "filled" in mine(page)
    assert "fee" in mine(page)


@pytest.mark.slow
def test_an_order_that_cannot_be_is_answered_in_words(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    page.pause()
    for size, price, words in (
        ("=1+1", "60000", "'=1+1' is no size"),
        ("0.1", "<script>alert(1)</script>", "is no price"),
        ("0.1", "60001", "60001"),
    ):
        send(page, "Buy", size, price)
        until(lambda words=words: words in mine(page), f"no answer with {words}")
    assert open_orders(page) == []


@pytest.mark.slow
def test_keys_run_pause_step_and_set_the_speed(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    page.page.locator("body").click(position={"x": 840, "y": 30})
    page.page.keyboard.press(" ")
    page.page.locator(".chip", has_text="paused").wait_for()
    held = page.held_s()
    page.page.keyboard.press("ArrowRight")
    until(lambda: page.simulated_s() == pytest.approx(held + 1, abs=0.002), "→ is no second")
    events = page.events()
    page.page.keyboard.press(".")
    until(lambda: page.events() > events, ". is no event")
    page.page.keyboard.press("ArrowUp")
    until(lambda: page.note("Speed") == "asked: 2×", "↑ is not faster")
    page.page.keyboard.press("ArrowDown")
    until(lambda: page.note("Speed") == "asked: 1×", "↓ is not slower")
    page.page.keyboard.press(" ")
    page.page.locator(".chip", has_text="running").wait_for()
    # Whoever writes in a field means the field.
    box = page.page.get_by_label(re.compile("^Price, "))
    box.click()
    box.press(" ")
    page.page.wait_for_timeout(300)
    assert "running" in page.status()


def slider(page: Visit, label: str):
    return page.page.locator("div", has_text=re.compile(f"^{label}")).get_by_role("slider").first


def agent_row(page: Visit, name: str) -> list[str]:
    row = page.page.locator("tr.group").filter(has=page.page.locator("td", has_text=name)).first
    return row.evaluate("row => [...row.cells].map(cell => cell.innerText)")


@pytest.mark.slow
def test_sliders_change_the_market_and_the_link_brings_it_back(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="10", view="agents")
    until(lambda: page.page.locator("tr.group").count(), "no agents")
    assert agent_row(page, "noise-north")[-1] == "20ms to 60ms"
    slider(page, "Latency one way, retail, ms").press("End")
    until(lambda: agent_row(page, "noise-north")[-1] == "500ms", "the latency does not change")
    slider(page, "Market makers").press("ArrowRight")
    until(lambda: "× 2" in agent_row(page, "maker-north")[0], "no second maker")
    slider(page, "Your own latency one way, ms").press("Home")
    until(lambda: agent_row(page, "you")[-1] in ("0s", "0ns"), "the own latency does not change")
    query = page.query()
    assert {"set.latency-retail=500", "set.market-maker-count=2", "latency=0"} <= set(query[1:].split("&"))
    again = visit()
    again.page.goto(again.site.url + query)
    again.until_painted(3)
    until(lambda: again.page.locator("tr.group").count(), "no agents")
    assert agent_row(again, "noise-north")[-1] == "500ms"
    assert "× 2" in agent_row(again, "maker-north")[0]


@pytest.mark.slow
def test_a_strategy_joins_with_its_parameters(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="60", view="agents")
    page.page.get_by_text("Strategy", exact=True).click()
    page.page.get_by_role("combobox", name="A strategy of yours").click()
    page.page.get_by_role("listbox").get_by_text("AvellanedaStoikov").click()
    page.page.get_by_label("size (default", exact=False).first.fill("0.2")
    page.button("Restart with it").click()
    until(lambda: page.page.locator("tr.group", has_text="strategy").count(), "no strategy in the market")
    until(lambda: int(agent_row(page, "strategy")[4]) > 0, "the strategy does nothing")
    assert "strategy=AvellanedaStoikov" in page.query()
    assert "p.size=0.2" in page.query()
    until(lambda: "orders" in page.text("p.metrics"), "no figures of what became of its orders")
    assert "turnover" in page.text("p.metrics")


@pytest.mark.slow
def test_agents_their_orders_and_who_traded_with_whom(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="300", view="agents")
    explained(page, TABLES)
    until(lambda: "noise-north" in page.text("table", "maker \\ taker"), "nobody trades")
    page.pause()
    page.page.locator("tr.one td", has_text="noise-north-1").first.click()
    row = page.page.locator("tr[data-do^='story:noise-north-1']").first
    row.wait_for()
    row.click()
    expect(page.page.get_by_role("dialog")).to_contain_text("of noise-north-1")
    expect(page.page.get_by_role("dialog")).to_contain_text("reached the venue")
    page.page.locator("tr.group td", has_text="switch off").first.click()
    until(lambda: page.page.locator("td", has_text="switch on").count() == 1, "the agent stays on")


@pytest.mark.slow
def test_side_by_side_shows_the_chosen_listings(visit: Callable[..., Visit]) -> None:
    page = visit().open(scenario="triangle", speed="60", beside="HUB:ETH/BTC,HUB:BTC/USD", view="beside")
    until(lambda: page.page.locator(".top").count() >= 2, "no columns")
    names = page.page.locator(".top > b").all_inner_texts()
    assert names == ["HUB:ETH/BTC", "HUB:BTC/USD"]
    assert all("mid" in text for text in page.page.locator(".top").all_inner_texts())
    assert {"ladder-0", "ladder-1"} <= set(page.hashes())


@pytest.mark.slow
def test_tables_the_journal_and_a_picture_can_be_kept(visit: Callable[..., Visit], tmp_path: Path) -> None:
    page = visit().open(speed="60")
    until(lambda: page.simulated_s() > 20, "no time passes")
    page.pause()
    send(page, "Buy", "0.1", "")
    page.button("+1 second").click()
    until(lambda: "filled" in mine(page), "no fill")
    page.page.get_by_text("Keep", exact=True).click()

    def kept(label: str) -> Path:
        with page.page.expect_download() as waiting:
            page.button(label).click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    assert "you" in pl.read_csv(kept("Accounts (CSV)"))["agent"].to_list()
    trades = pl.read_parquet(kept("Trades (Parquet)"))
    assert "you" in trades["taker"].to_list()
    request, entries = from_text(kept("Journal").read_text())
    assert any(getattr(command, "agent", "") == "you" for _, command in entries)
    again = play(request, entries, 30 * 10**9, open_market)
    person = next(agent for agent in again.picture().agents if agent.name == "you")
    assert person.inventory["BTC"] == pytest.approx(0.1)
    picture = kept("Picture of the charts").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000


@pytest.mark.slow
def test_hostile_links_are_answered_in_words(visit: Callable[..., Visit]) -> None:
    page = visit().open(
        **{
            "strategy": "os:system",
            "set.noise-rate": "1e99",
            "latency": "nan",
            "view": "<img src=x onerror=alert(1)>",
            "market": "../../etc",
            "beside": ",".join("abcdef"),
        }
    )
    text = " ".join(page.page.get_by_role("alert").all_inner_texts())
    for words in (
        "There is no strategy 'os:system'",
        "'1e99' is out of range",
        "'nan' is out of range",
        "'<img src=x onerror=alert(1)>' is no view",
        "There is no shared market '../../etc'",
        "6 listings are too many",
    ):
        assert words in text
    assert "two_venues, seed 7" in page.status()


# -- a class


def links(page: Visit) -> tuple[str, str]:
    page.button("Share this market").click()
    page.page.get_by_label("Link for everybody").wait_for()
    return tuple(
        page.page.get_by_label(label).input_value()
        for label in ("Link for everybody", "Link for the instructor")
    )


@pytest.mark.slow
def test_a_class_trades_in_one_market_and_only_the_instructor_steers(
    visit: Callable[..., Visit], browser: Browser, site: Served
) -> None:
    everybody, steering = links(visit().open(speed="10", view="agents"))
    teacher = visit()
    teacher.page.goto(steering)
    teacher.until_painted(1)
    until(lambda: speed(teacher) == "10×", "the instructor's slider is not at the market's speed")
    pupils = []
    for name in ("Ada", "<b>Bob</b>"):
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        pupil = Visit(browser, site, 1400, 1000)
        pupil.page.close()
        pupil.page = context.new_page()
        pupil.page.set_default_timeout(PATIENCE_MS)
        pupil.page.goto(everybody)
        pupil.until_painted(1)
        expect(pupil.button("Run")).to_be_disabled()
        expect(pupil.button("End the session")).to_have_count(0)
        pupil.page.get_by_label("Your name").fill(name)
        pupil.button("Take a seat").click()
        pupils.append((context, pupil))
    (ada_context, ada), (bob_context, bob) = pupils
    expect(teacher.page.locator(".rank")).to_contain_text("Ada")
    expect(teacher.page.locator(".rank")).to_contain_text("<b>Bob</b>")
    teacher.button("Run").click()
    until(lambda: ada.simulated_s() > 2, "Ada's market does not run")
    ada.button("Market").click()
    send(ada, "Buy", "0.5", "")
    until(lambda: "filled" in mine(ada), "Ada is not filled")
    assert "filled" not in mine(bob)
    teacher.page.get_by_role("slider").first.press("ArrowLeft")
    until(lambda: speed(ada) == "5×", "the others' sliders do not follow the instructor's")
    until(lambda: "+0.5" in teacher.text(".rank"), "the leaderboard does not know")
    teacher.button("Suspend").click()
    until(lambda: "NORTH is suspended" in mine(ada), "Ada does not hear of it")
    send(ada, "Buy", "0.1", "")
    until(lambda: "refused" in mine(ada), "a suspended venue takes orders")
    teacher.button("End the session").click()
    ada.page.locator(".chip", has_text="over").wait_for()
    # A reloaded page has its account again.
    ada.page.reload()
    ada.until_painted(1)
    until(lambda: "+0.5" in mine(ada), "the account is lost")
    wrong = visit()
    wrong.page.goto(f"{everybody}&token=guess")
    wrong.until_painted(1)
    assert "does not steer this market" in wrong.page.get_by_role("alert").inner_text()
    expect(wrong.button("Run").or_(wrong.button("Pause")).first).to_be_disabled()
    for context in (ada_context, bob_context):
        context.close()


# -- figures


@pytest.mark.slow
def test_from_a_click_to_its_effect(visit: Callable[..., Visit]) -> None:
    """Measured in the page: a driver that asks from outside asks at intervals longer than the wait."""
    page = visit().open()
    page.until_painted(20)
    waits = {"steer": [], "order": []}
    for number in range(1, 21):
        for name, chip in (("Pause", "paused"), ("Run", "running")):
            waits["steer"].append(page.effect_ms(page.button(name), ".chip", chip))
        page.page.wait_for_timeout(100)
        buy = page.page.get_by_role("button", name="Buy", exact=True)
        waits["order"].append(page.effect_ms(buy, ".mine", f"Order {number} sent"))
    for name, found in waits.items():
        print(f"click to effect, {name}: median {median(found):.0f} ms, worst {max(found):.0f} ms")
    assert median(waits["steer"]) <= 200
    assert median(waits["order"]) <= 200
