"""What the dashboard is for, done by somebody who sees it for the first time; the clicks are counted."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from market_sim.doctor import find_chromium
from tests.browser_kit import PATIENCE_MS, Visit, chromium, served
from tests.walk import Walk

CLICKS_AT_MOST = 7
"""Latency 1, profit 1, order 3, link 2; the market runs by itself."""


# Slow: on a busy machine the market moves on while the visitor reads, and the order may be filled at once.
@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium; MARKET_SIM_CHROMIUM names one")
def test_a_new_visitor_gets_everywhere_in_few_clicks(tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE_MS)
    with served(tmp_path / "server.log") as site, chromium() as browser:
        visit = Visit(browser, site, 1680, 1000).open()
        walk = Walk(visit)
        walk.run_a_market()
        walk.change_latency()
        winner = walk.find_who_profits()
        ahead = walk.place_an_order()
        link = walk.share_the_link()
        print(f"{walk.clicks} clicks; {winner} profits most; {ahead} BTC waits before the order")
        guest = Visit(browser, site, 1680, 1000)
        guest.page.goto(link)
        guest.until_painted(1)
        expect(guest.button("Take a seat")).to_have_count(1)
        assert winner
        assert ahead >= 0
        assert walk.clicks <= CLICKS_AT_MOST
        assert not visit.complaints
        assert not guest.complaints
        browser.close()
