"""The dashboard in a real Chromium: what a visitor sees, does and is told."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser, WebSocket, expect

from app.quiet import SCRIPT
from app.wire import SEPARATOR
from market_sim.doctor import find_chromium
from tests.browser_kit import CHANGES, PATIENCE_MS, Served, Visit, until, visits

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
]

METHOD = "([module, name, method]) => Bokeh.require(module)[name].prototype[method].toString()"

# The colour in which a chart's first line is drawn, some pictures after it has been given another.
RECOLOUR = """
async (name) => {
    const chart = Bokeh.index.all_views().find((view) => view.model.name === name)
    const line = chart.computed_renderer_views.find((view) => view.model.glyph?.type === "Step")
    const pictures = (left, done) => requestAnimationFrame(left ? () => pictures(left - 1, done) : done)
    await new Promise((done) => pictures(20, done))
    line.model.glyph.setv({line_color: {value: "#123456"}}, {sync: false})
    await new Promise((done) => pictures(20, done))
    const ctx = document.createElement("canvas").getContext("2d")
    line.glyph.visuals.line.set_value(ctx)
    return ctx.strokeStyle
}
"""

FOUR_PANELS = ("mid-price", "depth-ladder", "heatmap", "imbalance")
PANELS = (
    "Mid price",
    "Order-book heatmap",
    "Depth ladder",
    "Trades",
    "Trade yourself",
    "Imbalance",
    "Spread",
    "Volume",
)
TABLES = (
    "Profit",
    "Inventory",
    "Agents",
    "Who traded with whom",
    "Orders",
    "Time line",
    "Leaderboard",
)


# Somebody else may be using the processor.
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Callable[..., Visit]]:
    with visits(browser, site) as begin:
        yield begin
    until(lambda: not site.markets(), "a closed page left its market behind")


def test_opens_on_a_running_market_that_says_what_it_is(visit: Callable[..., Visit]) -> None:
    page = visit().open()
    page.page.locator(".chip", has_text="running").wait_for()
    status = page.status()
    assert "engine" in status
    assert "two_venues, seed 7" in status
    assert "Simulated: every order comes from one of the scenario's agents or from a ticket." in status
    explained(page, PANELS)
    units = {
        "Mid": "USD",
        "Spread": "USD",
        "Imbalance": "of −1…+1",
        "Speed": "real time",
        "Events": "per second",
    }
    assert all(unit in page.number(label) for label, unit in units.items())
    assert page.note("Simulated time").startswith("h:min:s")
    before = page.simulated_s()
    until(lambda: page.simulated_s() > before, "simulated time stands still")


def explained(page: Visit, titles: tuple[str, ...]) -> None:
    """Every panel on show has one explaining sentence."""
    for title in titles:
        heading = page.page.locator(".heading").filter(has=page.page.locator("b", has_text=title)).first
        expect(heading).to_be_visible()
        expect(heading.locator("span")).to_contain_text(".")


def test_what_the_page_replaces_of_bokeh_is_there_and_messages_are_one_frame(
    visit: Callable[..., Visit],
) -> None:
    page = visit()
    frames: list[tuple[str, str | bytes]] = []

    def hear(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: frames.append(("sent", frame)))
        socket.on("framereceived", lambda frame: frames.append(("received", frame)))

    page.page.on("websocket", hear)
    page.open()
    modules = dict(re.findall(r'const {(\w+)} = bokeh\("([^"]+)"\)', SCRIPT))
    modules["PlotView"] = "models/plots/plot"
    replaced = re.findall(r"(\w+)\.prototype\.(\w+) = (?:async )?function", SCRIPT)
    assert len(replaced) > 20
    for name, method in replaced:
        source = page.page.evaluate(METHOD, [modules[name], name, method])
        assert source in SCRIPT, f"Bokeh works otherwise: {name}.{method} is not replaced as app/scripts says"
    assert page.page.evaluate(RECOLOUR, "mid-price") == "#123456"
    sent = [frame for way, frame in frames if way == "sent"]
    received = [frame for way, frame in frames if way == "received" and isinstance(frame, str)]
    assert len(sent) > 1
    assert all(SEPARATOR in str(frame) for frame in sent)
    # The server's greeting comes before it has heard from the page; arrays follow their message.
    assert len(received) > 6
    assert all(SEPARATOR in frame or frame.startswith('{"id"') for frame in received[3:])


@pytest.mark.slow
def test_four_panels_repaint_twelve_times_a_second_while_twenty_thousand_events_pass(
    visit: Callable[..., Visit],
) -> None:
    page = visit().open()
    page.until_painted(20)
    events, began = page.events(), time.monotonic()
    changes, milliseconds = page.page.evaluate(CHANGES, [FOUR_PANELS, 10_000])
    per_second = (page.events() - events) / (time.monotonic() - began)
    print(f"{changes} changes in {milliseconds / 1000:.1f} s at {per_second:,.0f} events/s")
    assert all(changes[panel] >= 120 for panel in FOUR_PANELS[:3]), changes
    assert changes["imbalance"] >= 30, changes
    assert per_second >= 20_000


@pytest.mark.slow
def test_pause_stops_the_market_and_the_pictures(visit: Callable[..., Visit]) -> None:
    page = visit().open()
    page.pause()
    page.page.wait_for_timeout(500)
    held, hashes, pictures = page.simulated_s(), page.hashes(), page.pictures()
    page.page.wait_for_timeout(1500)
    assert (page.simulated_s(), page.hashes(), page.pictures()) == (held, hashes, pictures)
    # Looks may change while time stands still.
    page.page.get_by_label("Toggle theme").click()
    until(
        lambda: all(page.hashes()[name] != hashes[name] for name in FOUR_PANELS),
        "a held page keeps its colours",
    )
    assert page.simulated_s() == held
    page.button("Run").click()
    until(lambda: page.simulated_s() > held, "Run does not run")


@pytest.mark.slow
def test_steps_by_a_second_and_by_an_event(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    page.pause()
    start = page.held_s()
    page.button("+1 second").click()
    until(lambda: page.simulated_s() == pytest.approx(start + 1, abs=0.002), "no step of a second")
    events, now = page.events(), page.simulated_s()
    page.button("+1 event").click()
    until(lambda: page.events() > events, "no step of an event")
    assert page.simulated_s() < now + 1
    assert "paused" in page.status()


def numbers_after_five_seconds(page: Visit, seed: int) -> tuple[str, ...]:
    """What a market of that seed shows after five simulated seconds, wherever the page stood before."""
    box = page.page.get_by_label("Seed")
    box.fill(str(seed))
    box.press("Enter")
    page.button("Restart").click()
    expect(page.page.locator(".status")).to_contain_text(f"seed {seed}")
    until(lambda: page.simulated_s() == 0, "no restart")
    for second in range(1, 6):
        page.button("+1 second").click()
        until(lambda second=second: page.simulated_s() == second, "no step")
    return (*(page.number(label) for label in ("Mid", "Spread", "Imbalance")), str(page.events()))


@pytest.mark.slow
def test_another_seed_is_another_market_and_the_same_seed_the_same(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1", seed="7")
    page.pause()
    first = numbers_after_five_seconds(page, 8)
    assert numbers_after_five_seconds(page, 9) != first
    assert "seed=9" in page.query()
    assert numbers_after_five_seconds(page, 8) == first


def test_every_control_is_in_the_link_and_the_link_opens_the_same(visit: Callable[..., Visit]) -> None:
    page = visit().open(scenario="triangle", speed="60", seed="11", listing="HUB:ETH/USD", theme="light")
    expect(page.page.locator(".status")).to_contain_text("triangle, seed 11")
    assert page.note("Mid") == "HUB:ETH/USD"
    assert page.note("Speed") == "asked: 60×"
    page.page.get_by_label("Toggle theme").click()
    until(lambda: "theme" not in page.query(), "the theme is not in the link")
    page.page.get_by_role("combobox", name="Listing on show").click()
    page.page.get_by_role("listbox").get_by_text("HUB:ETH/BTC").click()
    until(lambda: "listing=HUB%3AETH%2FBTC" in page.query(), "the listing is not in the link")
    until(lambda: page.note("Mid") == "HUB:ETH/BTC", "the listing does not change")
    page.page.get_by_role("combobox", name="Scenario").click()
    page.page.get_by_role("listbox").get_by_text("pairs").click()
    expect(page.page.locator(".status")).to_contain_text("pairs, seed 11")
    assert "scenario=pairs" in page.query()
    assert "speed=60" in page.query()
    assert "listing" not in page.query()


@pytest.mark.slow
def test_the_speed_control_sets_the_speed(visit: Callable[..., Visit]) -> None:
    page = visit().open(speed="1")
    slider = page.page.get_by_role("slider", name="Speed").or_(page.page.get_by_role("slider")).first
    slider.press("End")
    until(lambda: "speed=max" in page.query(), "the slider does not set the speed")
    until(lambda: page.note("Speed") == "as fast as it goes", "the speed does not change")
    before = page.simulated_s()
    until(lambda: page.simulated_s() > before + 60, "the market does not go faster")


@pytest.mark.slow
def test_closing_the_tab_ends_the_market(visit: Callable[..., Visit], site: Served) -> None:
    page = visit().open()
    (market,) = site.markets()
    page.page.close()
    until(lambda: market not in site.markets(), "the market outlived its page", seconds=15)


@pytest.mark.slow
def test_a_link_that_asks_for_what_there_is_not_is_answered_in_words(visit: Callable[..., Visit]) -> None:
    page = visit().open(scenario="<b>moon</b>", seed="seven", speed="-3", colour="red")
    alerts = page.page.get_by_role("alert").all_inner_texts()
    assert len(alerts) == 4
    text = " ".join(alerts)
    assert (
        "There is no scenario '<b>moon</b>': choose eventful, pairs, triangle, two_venues. This is two_venues"
        in text
    )
    assert "'seven' is no whole number" in text
    assert "'-3' is out of range" in text
    assert "'colour', which is no control here" in text
    assert "two_venues, seed 7" in page.status()


@pytest.mark.slow
def test_a_replay_shows_where_it_comes_from(visit: Callable[..., Visit]) -> None:
    page = visit().open(replay="made_by_hand.gz")
    status = page.status()
    assert "Replay of made_by_hand.gz" in status
    assert "recorded traders do not react" in status
    assert "BTC" in page.note("Mid")
    page.page.locator("td", has_text="100.01").first.wait_for()


def test_a_strategy_trades_in_a_replay_and_its_tables_can_be_kept(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    page = visit().open(
        replay="made_by_hand.gz", strategy="AvellanedaStoikov", speed="1", view="agents", **{"p.size": "0.5"}
    )
    row = page.page.locator("tr.group", has_text="strategy")
    until(lambda: row.count() and int(row.locator("td").nth(4).inner_text()) > 0, "the strategy has no order")
    assert "recorded traders do not react" in page.status()
    page.page.get_by_text("Keep", exact=True).click()
    with page.page.expect_download() as waiting:
        page.button("Orders (CSV)").click()
    waiting.value.save_as(tmp_path / "orders.csv")
    orders = pl.read_csv(tmp_path / "orders.csv")
    assert (orders.filter(pl.col("agent") == "strategy")["size"].drop_nulls() == 0.5).any()
    with page.page.expect_download() as waiting:
        page.button("Metrics (Parquet)").click()
    waiting.value.save_as(tmp_path / "metrics.parquet")
    metrics = pl.read_parquet(tmp_path / "metrics.parquet").filter(pl.col("agent") == "strategy")
    assert metrics["orders"][0] > 0
    with page.page.expect_download() as waiting:
        page.button("Picture of the charts (PNG)").click()
    waiting.value.save_as(tmp_path / "charts.png")
    assert (tmp_path / "charts.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_link_learns_nothing_of_other_files(visit: Callable[..., Visit]) -> None:
    page = visit()
    for name in ("none.gz", "../../etc/passwd", "/etc/passwd", "C:\\secret.gz"):
        page.open(replay=name)
        alert = page.page.get_by_role("alert").inner_text()
        assert f"There is no recording {name!r}" in alert, name
        assert "choose one of made_by_hand.gz, notes.txt." in alert


@pytest.mark.slow
def test_a_file_that_is_no_recording_is_answered_in_words(visit: Callable[..., Visit]) -> None:
    page = visit().open()
    page.button("Replay").click()
    page.page.get_by_role("combobox", name="Recording").click()
    page.page.get_by_role("listbox").get_by_text("notes.txt").click()
    page.button("Open this recording").click()
    alert = page.page.get_by_role("alert")
    expect(alert).to_contain_text("notes.txt, line 1")
    page.button("Simulate").click()
    expect(page.page.locator(".status")).to_contain_text("running")
    expect(alert).to_have_count(0)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no signals to kill with")
def test_a_market_that_dies_says_so_and_can_be_opened_again(
    visit: Callable[..., Visit], site: Served
) -> None:
    page = visit().open()
    (market,) = site.markets()
    os.kill(market, signal.SIGKILL)
    alert = page.page.get_by_role("alert")
    expect(alert).to_contain_text("The market stopped.", timeout=2000)
    expect(alert).to_contain_text(str(market))
    page.button("Restart").click()
    expect(page.page.locator(".status")).to_contain_text("running")
    expect(alert).to_have_count(0)


def test_fits_a_phone(visit: Callable[..., Visit]) -> None:
    page = visit(390, 844).open()
    wide = page.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    expect(page.page.get_by_label("Toggle theme")).to_be_in_viewport(ratio=1)
    # The controls are folded away, one tap brings them.
    expect(page.button("Pause")).to_have_count(0)
    page.button("Open drawer").click()
    expect(page.button("Pause")).to_be_visible()
    page.page.keyboard.press("Escape")
    explained(page, PANELS)
    fed_while_seen(page, "mid-price", "volume")


SMALLEST_TEXT_PX = """
() => {
    let smallest = Infinity
    const search = root => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) { search(element.shadowRoot) }
            const own = [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim())
            const {width, height} = element.getBoundingClientRect()
            if (own && width > 1 && height > 1 && getComputedStyle(element).visibility == "visible") {
                smallest = Math.min(smallest, parseFloat(getComputedStyle(element).fontSize))
            }
        }
    }
    search(document.body)
    return smallest
}
"""


@pytest.mark.slow
@pytest.mark.parametrize("zoom", [1.5, 2.0])
def test_is_read_from_the_back_of_a_room(visit: Callable[..., Visit], zoom: float) -> None:
    """A projector of 1920 by 1080 pixels, and the browser's zoom: the page rearranges, nothing sticks out."""
    width, height = round(1920 / zoom), round(1080 / zoom)
    page = visit(width, height).open(theme="light")
    assert page.page.evaluate("document.documentElement.scrollWidth") <= width
    assert zoom * page.page.evaluate(SMALLEST_TEXT_PX) >= 16
    expect(page.button("Pause")).to_be_in_viewport(ratio=1)
    expect(page.page.locator(".cell", has_text="Events")).to_be_in_viewport(ratio=1)
    page.button("Close drawer").click()
    explained(page, PANELS)


def fed_while_seen(page: Visit, seen: str, away: str) -> None:
    """A chart out of sight gets nothing, and has caught up when it comes into sight."""

    def newest_ms(name: str) -> float:
        return page.page.evaluate(NEWEST_MS, name)

    until(lambda: away in page.page.evaluate("window.market_sim_away"), "nothing is out of sight")
    page.until_painted(page.pictures() + 2)
    old, began = newest_ms(away), newest_ms(seen)
    page.until_painted(page.pictures() + 5)
    assert newest_ms(away) == old < began < newest_ms(seen)
    page.page.locator(".heading", has_text=away.capitalize()).scroll_into_view_if_needed()
    until(lambda: newest_ms(away) > began, "the chart has not caught up")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_text_stands_out_in_both_themes(visit: Callable[..., Visit], theme: str) -> None:
    page = visit().open(theme=theme)
    contrast = page.page.locator(".heading span").first.evaluate(CONTRAST)
    assert contrast >= 4.5


# Simulated time of the newest sample that a chart holds, ms.
NEWEST_MS = """
name => Bokeh.documents[0].get_model_by_name(name).renderers[0].data_source.data.t.at(-1)
"""

# WCAG contrast of an element's text with the first solid background behind it.
CONTRAST = """
element => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
    const rgba = color => {
        canvas.clearRect(0, 0, 1, 1)
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const light = ([r, g, b]) => [r, g, b]
        .map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0)
    let node = element, back = [255, 255, 255, 255]
    while (node) {
        if (node instanceof Element) {
            const found = rgba(getComputedStyle(node).backgroundColor)
            if (found[3] === 255) { back = found; break }
        }
        node = node.assignedSlot ?? node.parentNode ?? node.host
    }
    const [r, g, b, a] = rgba(getComputedStyle(element).color)
    const text = [r, g, b].map((v, k) => v * a / 255 + back[k] * (1 - a / 255))
    const [low, high] = [light(text), light(back)].sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
}
"""
