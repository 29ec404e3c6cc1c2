"""The page of backtests in a real Chromium: a run, an upload that is good, and uploads that are not."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from market_sim.doctor import find_chromium
from tests import browser_kit
from tests.browser_kit import PATIENCE_MS, Served, Visit, visits

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one"),
]
expect.set_options(timeout=PATIENCE_MS)
MB = 1_000_000


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Callable[[str], Visit]]:
    """Opens the page under a link, and holds it to silence."""

    def under(query: str) -> Visit:
        page = begin()
        page.page.goto(f"{site.url}?{query}")
        page.button("Run the backtest").wait_for()
        return page

    with visits(browser, site) as begin:
        yield under


until = partial(browser_kit.until, seconds=PATIENCE_MS / 1000)


def upload(page: Visit, file: Path) -> None:
    with page.page.expect_file_chooser() as chooser:
        page.button("Choose a CSV file").click()
    chooser.value.set_files(file)


def test_a_link_runs_and_shows_figures_fills_pair_and_files(visit: Callable[[str], Visit]) -> None:
    page = visit("page=backtest&strategy=PairsTrader&data=sample:closes&calendar=252&p.entry=1.5&theme=light")
    page.button("Run the backtest").click()
    until(lambda: page.text(".cell", "Profit"), "no outcome")
    assert "a year" in page.note("Sharpe ratio")
    fills = int(page.number("Fills").replace(",", ""))
    assert page.page.locator("table.fills tr").count() == fills + 1 > 10
    assert "passes at 5 %" in page.text(".verdict")
    page.button("Keep").click()
    with page.page.expect_download() as kept:
        page.button("Fills (CSV)").click()
    text = Path(kept.value.path()).read_text()
    assert text.startswith("time_ns,")
    assert text.count("\n") == fills + 1
    with page.page.expect_download() as report:
        page.button("Report (HTML").click()
    written = Path(report.value.path()).read_text()
    assert "Backtest of" in written
    assert "belong together" in written
    for name in ("Equity (Parquet)", "Fills (Parquet)", "Orders (CSV)"):
        expect(page.button(name)).to_be_visible()


@pytest.mark.slow
def test_ten_megabytes_are_taken_and_used_and_the_page_lives(
    visit: Callable[[str], Visit], tmp_path: Path
) -> None:
    page = visit("page=backtest")
    row = "2020-01-02 10:{:02d}:{:02d}.{:03d},ACME,100.00,100.02,5,5{}\n"
    pad = " " * 60
    lines = [row.format(k // 60_000 % 60, k // 1000 % 60, k % 1000, pad) for k in range(0, 1_000_000, 9)]
    file = tmp_path / "quotes.csv"
    file.write_text("time,symbol,bid,ask,bid_size,ask_size\n" + "".join(lines))
    assert 10 * MB < file.stat().st_size < 12 * MB
    upload(page, file)
    until(lambda: f"{len(lines):,} rows of ACME" in page.text("p", "rows of"), "the file is not taken")
    assert "data=upload" in page.query()


@pytest.mark.slow
def test_files_that_cannot_be_are_refused_with_row_and_reason(
    visit: Callable[[str], Visit], tmp_path: Path
) -> None:
    page = visit("page=backtest")
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * (13 * MB))
    upload(page, large)
    until(lambda: "13.0 MB are too many. Up to 12 MB" in page.text(".error"), "no word about its size")
    bad = tmp_path / "<img src=x onerror=alert(1)>.csv"
    bad.write_text("date,KO\n2020-01-02,1\n2020-01-03,1e309\n")
    upload(page, bad)
    until(lambda: "line 3: KO is '1e309'" in page.text(".error"), "no word about the row")
    assert "<img" in page.text(".error")
    page.button("Run the backtest").click()
    until(lambda: page.text(".cell", "Profit"), "the page is dead")


@pytest.mark.slow
def test_a_run_is_stopped_and_an_error_is_said_in_words(visit: Callable[[str], Visit]) -> None:
    page = visit("page=backtest&strategy=NoiseTrader&data=scenario:two_venues&minutes=1440")
    page.button("Run the backtest").click()
    until(lambda: "simulating" in page.status(), "it does not begin")
    page.button("Stop").click()
    until(lambda: "Stopped, as asked." in page.text(".error"), "it does not stop")
    assert page.site.health()["tasks"] == 0
    unfit = visit("page=backtest&strategy=PairsTrader&data=sample:quotes")
    unfit.button("Run the backtest").click()
    until(lambda: "needs two listings" in unfit.text(".error"), "no word of the reason")
