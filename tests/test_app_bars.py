"""Figures of the dashboard that take minutes or a quiet machine: `make bars` runs them."""

import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.catalogue import catalogue
from app.classroom import Classroom
from app.controls import Controls
from app.session import Session, open_runner
from app.views.sharing import ranking
from market_sim.doctor import find_chromium
from market_sim.runner import Answer, Runner, open_market
from market_sim.runner.commands import Ask
from market_sim.runner.journal import from_text, play, to_text
from tests.browser_kit import Visit, served
from tests.test_serving import settle

pytestmark = pytest.mark.slow

needs_chromium = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"
)
TRADERS, SECONDS = 40, 300
MB = 1024 * 1024


@pytest.mark.timeout(900)
def test_forty_people_trade_in_one_market_for_five_minutes() -> None:
    """Forty sessions, as forty pages have them, in one shared market: every order is answered, the ledger
    balances, the journal replays to the same hash, the leaderboard is the ledger's.
    """
    request = replace(catalogue().request(Controls(speed=10.0)), seats=TRADERS)
    runner = open_runner(request, 10.0, True)
    runner.pinned = True
    try:
        room = Classroom(runner, "token", TRADERS)
        sessions = [joined(room, number) for number in range(TRADERS)]
        sent, answers = trade(sessions)
        ended = settled(runner, sessions[0])
        print(
            f"{sent} orders and cancels of {TRADERS} people, {answers} answered, {ended['events']:,} events"
        )
        assert sent == answers
        assert set(ended["ledger_imbalance"].values()) == {0}
        ledger = {row["agent"]: row["profit_USD"] for row in ended["accounts"]}
        for name, seat, profit, _ in ranking(sessions[0].frame, room.names):
            assert name == f"person {seat.split('-')[1]}"
            assert profit == pytest.approx(ledger[seat], abs=1e-9)
        again = play(*from_text(to_text(request, runner.journal)), ended["time_ns"], open_market)
        assert again.event_log_hash() == ended["event_log_hash"]
        assert again.ask(Ask(1, "summary"))["accounts"] == ended["accounts"]
    finally:
        runner.close()


def joined(room: Classroom, number: int) -> Session:
    session = Session(Controls(market=room.id), open_runner)
    session.join(room.runner)
    session.seat = room.join(f"key {number}", f"person {number + 1}")
    return session


def trade(sessions: list[Session]) -> tuple[int, int]:
    """Everybody sends an order, or a cancel of one, twice a second."""
    source, sent, answers = random.Random(4), 0, 0
    end, due = time.monotonic() + SECONDS, time.monotonic()
    while time.monotonic() < end or answers < sent:
        assert time.monotonic() < end + 60, f"{answers} answers to {sent} orders"
        for session in sessions:
            news = session.poll().news
            answers += sum(isinstance(item, Answer) and item.command.agent == session.seat for item in news)
        if due <= time.monotonic() < end and sessions[0].frame is not None:
            due += 0.5
            for session in sessions:
                act(session, source)
                sent += 1
        time.sleep(0.02)
    return sent, answers


def act(session: Session, source: random.Random) -> None:
    own = session.orders
    book = session.frame.picture.listings[0] if session.frame else None
    if own and source.random() < 0.3:
        session.cancel(source.choice(own).order)
        return
    side = source.choice(("buy", "sell"))
    price = ""
    if book is not None and book.mid is not None and source.random() < 0.7:
        away = source.randrange(0, 40, 5) * (-1 if side == "buy" else 1)
        price = str(int(book.mid // 5 * 5 + away))
    session.order(side, f"{source.randrange(1, 20) / 100:.2f}", price, "GTC", False)


def settled(runner: Runner, session: Session) -> dict:
    """The market held, and what it says of itself then."""
    session.pause()
    while session.running:
        session.poll()
        time.sleep(0.01)
    number, found = runner.ask("summary"), None
    while found is None:
        found = runner.take_reply(number)
        time.sleep(0.01)
    while session.frame.event_log_hash != found.value["event_log_hash"]:
        session.poll()
        time.sleep(0.01)
    return found.value


@pytest.mark.browser
@needs_chromium
@pytest.mark.timeout(900)
def test_sixteen_tabs_on_one_market_repaint_eight_times_a_second(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path / "server.log") as site:
        first = Visit(browser, site, 900, 700).open(view="agents", speed="10")
        first.button("Share this market").click()
        first.page.get_by_label("Link for everybody").wait_for()
        link = first.page.get_by_label("Link for everybody").input_value()
        steering = first.page.get_by_label("Link for the instructor").input_value()
        first.page.close()
        visits = []
        for number in range(16):
            visit = Visit(browser, site, 900, 700)
            visit.page.goto((steering if number == 0 else link).replace("&view=agents", ""))
            visit.until_painted(1)
            visits.append(visit)
        visits[0].button("Run").click()
        visits[0].until_painted(20)
        # Sixteen pages that have just been opened still compile the script that they run.
        visits[0].page.wait_for_timeout(10_000)
        for visit in visits:
            visit.count_repaints()
        before, began = [visit.repaints("mid-price") for visit in visits], time.monotonic()
        visits[0].page.wait_for_timeout(20_000)
        rates = [
            (visit.repaints("mid-price") - start) / (time.monotonic() - began)
            for visit, start in zip(visits, before, strict=True)
        ]
        print("repaints a second of 16 tabs:", ", ".join(f"{rate:.1f}" for rate in rates))
        assert all(not visit.complaints for visit in visits)
        for visit in visits:
            visit.page.close()
    assert min(rates) >= 8


def resident_mb(pids: set[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * 4096 / MB


def renderers(browser: Browser) -> set[int]:
    """The processes in which the browser keeps its pages."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return {process["id"] for process in found if process["type"] == "renderer"}


@pytest.mark.browser
@needs_chromium
@pytest.mark.timeout(1200)
def test_ten_minutes_grow_neither_server_nor_browser(browser: Browser, tmp_path: Path) -> None:
    with served(tmp_path / "server.log") as site:
        visit = Visit(browser, site, 1680, 1000).open()
        heap = visit.page.context.new_cdp_session(visit.page)

        def held() -> tuple[float, float, float]:
            heap.send("HeapProfiler.collectGarbage")
            used = heap.send("Runtime.getHeapUsage")["usedSize"] / MB
            return resident_mb({site.process.pid, *site.markets()}), used, resident_mb(renderers(browser))

        visit.page.wait_for_timeout(60_000)  # pools and caches fill
        before = held()
        visit.page.wait_for_timeout(600_000)
        after = held()
        print(f"server and market {before[0]:.0f} -> {after[0]:.0f} MB")
        print(f"the page's heap {before[1]:.0f} -> {after[1]:.0f} MB")
        print(f"the browser's renderers {before[2]:.0f} -> {after[2]:.0f} MB")
        assert after[0] - before[0] <= 50
        assert after[1] - before[1] <= 50
        assert after[2] - before[2] <= 50
        visit.page.close()
        settle(site)
