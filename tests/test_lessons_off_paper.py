"""Lessons 01 to 03 with parameters that nobody printed: what they show is computed, not remembered."""

from functools import cache
from math import exp

import numpy as np
import pytest

from market_sim.experiments import avellaneda_stoikov, epps, glosten_milgrom
from market_sim.theory.epps import overlap_share
from market_sim.theory.glosten_milgrom import expected_spread
from tests.lesson_kit import tools_of

tools = cache(tools_of)
#: CME's example, lots by price, as in the lesson's text.
OFFERS = {90025: 2, 90300: 3, 90550: 3, 90675: 5}


@pytest.fixture
def lesson():
    """The tools of lesson 01, its counter of orders at the beginning."""
    made = tools("01_order_book")
    made["counter"] = 0
    return made


@pytest.mark.parametrize("protection", [0, 274, 275, 300, 525, 649, 650, 1000])
def test_01_a_purchase_with_any_protection_takes_what_lies_within_it_and_waits_there(lesson, protection):
    book = lesson["buy_ten"](protection)
    within = {price: lots for price, lots in OFFERS.items() if price <= 90025 + protection}
    left = 10 - min(10, sum(within.values()))
    waiting = [(price, lots) for price, _, _, lots, _ in book.orders(0, lesson["Side"].BUY)]
    assert waiting == ([(90025 + protection, left)] if left else [])
    traded = [(price, lots) for _, price, lots in lesson["trades"](book)]
    assert sum(lots for _, lots in traded) == 10 - left
    assert [price for price, _ in traded] == sorted(within)[: len(traded)]


@pytest.mark.parametrize(("shown", "sold"), [(7, 20), (10, 95), (64, 64), (3, 1)])
def test_01_a_lonely_iceberg_trades_a_peak_at_a_time(lesson, shown, sold):
    venue = lesson["new_venue"]()
    lesson["send"](venue, 1, lesson["Side"].BUY, 1_000, 50, display_lots=shown, refresh=1)
    lesson["send"](venue, 2, lesson["Side"].SELL, sold, 50)
    whole, rest = divmod(sold, shown)
    assert [lots for _, _, lots in lesson["trades"](venue)] == [shown] * whole + [rest] * (rest > 0)
    assert venue.orders(0, lesson["Side"].BUY)[0][3] == 1_000 - sold
    assert venue.shown(0, lesson["Side"].BUY)[0][3] == (shown - rest)


def test_02_a_day_without_risk_aversion_earns_what_one_can_calculate():
    """gamma -> 0: quotes at 1 / k, so a day earns 2 A exp(-1) / k whatever the price does."""
    day = tools("02_market_making")["day"]
    setting = avellaneda_stoikov.Setting(gamma=1e-7, kappa=2.0, intensity=90.0, sigma=0.1)
    earned = np.array([day(setting, seed).profit.iloc[-1] for seed in range(8)])
    error = earned.std(ddof=1) / len(earned) ** 0.5
    assert error < 2.5
    assert earned.mean() == pytest.approx(2 * 90 * exp(-1) / 2.0, abs=4 * error)


def test_02_the_signal_is_the_formula():
    bid, ask = tools("02_market_making")["quotes"](avellaneda_stoikov.Setting(gamma=0.5), 50.0, -2, 0.25)
    assert (bid + ask) / 2 == pytest.approx(50 + 2 * 0.5 * 4 * 0.25)
    assert ask - bid == pytest.approx(0.5 * 4 * 0.25 + 4 * np.log(1 + 0.5 / 1.5))


def test_02_the_dealer_off_the_paper():
    outcome = glosten_milgrom.play(glosten_milgrom.Setting(informed=0.2, trades=12), 400, seed=6)
    error = outcome.spread_error[11]
    assert error < 0.01
    assert outcome.spread[11] == pytest.approx(expected_spread(0.2, 11), abs=4 * error)


def test_03_a_race_of_seven():
    rounds = 400
    share = sum(tools("03_arbitrage")["race"](rounds, ["equal"] * 6, seed=11)) / rounds
    error = (6 / 7 * 1 / 7 / rounds) ** 0.5
    assert share == pytest.approx(6 / 7, abs=4 * error)


def test_03_two_who_are_both_late_are_equals():
    rounds = 400
    first, second = tools("03_arbitrage")["race"](rounds, ["late_50", "late_50"], withdraws=False, seed=12)
    assert first + second == rounds
    assert first / rounds == pytest.approx(0.5, abs=4 * 0.5 / rounds**0.5)


def test_03_the_epps_effect_at_another_rate():
    setting = epps.Setting(rates=(4.0, 4.0), seconds=300.0)
    share, error = epps.measured_share(setting, epps.play(setting, 6, seed=13), 0.6)
    assert error < 0.05
    assert share == pytest.approx(float(overlap_share(0.6, 4.0)), abs=4 * error)


def test_03_the_edge_of_a_round_trip_by_hand():
    """One listing a time, best prices only: 1 / 100 bought, 1 / 0.5 bought, sold at 52, no fee: 4 %."""
    import polars as pl

    class Run:
        quotes = pl.DataFrame(
            {
                "time_ns": [1, 2, 3],
                "instrument": ["BTC/USD", "ETH/BTC", "ETH/USD"],
                "bid": [99.0, 0.49, 52.0],
                "ask": [100.0, 0.5, 53.0],
            }
        )

    told = tools("03_arbitrage")["edges"](Run, fee=0.0)
    assert told["over BTC"].iloc[-1] == pytest.approx(400.0)
    assert told["over ETH"].iloc[-1] == pytest.approx((0.49 * 99 / 53 - 1) * 1e4)
    assert tools("03_arbitrage")["edges"](Run, fee=0.01)["over BTC"].iloc[-1] == pytest.approx(
        (1.04 * 0.99 / 1.01**2 - 1) * 1e4
    )
