"""Lessons 04 and 05 away from their own parameters: what their cells define, against closed forms."""

import ast
import json
import random
from pathlib import Path

import jupytext
import numpy as np
import pytest
from scipy.special import erfi
from statsmodels.tsa.stattools import coint

from market_sim.exchange import Exchange, open_play
from market_sim.experiments.bertram import Setting, play, verdicts
from market_sim.protocols.kraken import checksum
from market_sim.theory import ornstein_uhlenbeck as ou

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
OFF_PAPER = ou.Spread(40.0, 0.5)


def constant(node):
    return all(isinstance(part, ast.Constant | ast.Tuple | ast.Load) for part in ast.walk(node.value))


def definitions(lesson):
    """What a lesson imports, defines and names as constants, without running it."""
    source = "\n".join(
        cell.source for cell in jupytext.read(LESSONS / f"{lesson}.py").cells if cell.cell_type == "code"
    )
    tree = ast.parse(source)
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)
        or (
            isinstance(node, ast.Assign) and constant(node) and not isinstance(node.targets[0], ast.Attribute)
        )
    ]
    # The traders of a lesson say which module they are of.
    found = {"__name__": __name__}
    exec(compile(tree, lesson, "exec"), found)
    return found


@pytest.fixture(scope="module")
def pairs():
    return definitions("04_pairs_trading")


@pytest.fixture(scope="module")
def plugged():
    return definitions("05_plug_in_a_feed")


# -- 04


@pytest.mark.parametrize("bars", [60, 333])
def test_the_lesson_s_statistic_is_that_of_statsmodels(pairs, bars):
    draws = np.random.default_rng(bars)
    x, y = (draws.standard_normal((3, bars)).cumsum(axis=1) for _ in range(2))
    expected = [coint(b, a, trend="c", maxlag=0, autolag=None)[0] for a, b in zip(x, y, strict=True)]
    assert pairs["engle_granger"](x, y) == pytest.approx(expected, rel=1e-9)


def test_made_gaps_have_the_half_life_asked_for(pairs):
    gaps = pairs["make_gaps"](400, 1_000, 7, np.random.default_rng(1))
    assert gaps.std() == pytest.approx(1, abs=0.03)
    for lag in (1, 7, 14):
        found = (gaps[:, lag:] * gaps[:, :-lag]).mean() / (gaps**2).mean()
        assert found == pytest.approx(0.5 ** (lag / 7), abs=0.02)


def test_strangers_are_believed_one_time_in_twenty_with_fewer_bars_too(pairs):
    assert pairs["share_believed"](4_000, bars=200, seed=3) == pytest.approx(0.05, abs=0.015)
    slow, fast = (pairs["share_believed"](1_000, half_life, 200, seed=3) for half_life in (40, 5))
    assert 0.05 < slow < 0.3
    assert fast > 0.8


@pytest.mark.parametrize("cost", [1e-4, 0.01, 0.05])
def test_the_lesson_s_curve_has_its_top_where_the_derivative_is_zero(pairs, cost):
    """2 erfi(u) = (2u - k) 2/sqrt(pi) exp(u^2), in units of s/sqrt(a)."""
    pairs["spread"] = OFF_PAPER
    curve = pairs["returns"](cost, points=4_000)
    top = curve.threshold[curve["return"].idxmax()]
    scale = np.sqrt(OFF_PAPER.speed) / OFF_PAPER.sigma
    u, k = ou.best_return(OFF_PAPER, cost) * scale, cost * scale
    assert 2 * erfi(u) == pytest.approx((2 * u - k) * 2 / np.sqrt(np.pi) * np.exp(u * u), rel=1e-5)
    assert top * scale == pytest.approx(u, rel=2e-3)
    if cost == 1e-4:
        assert u**3 == pytest.approx(0.75 * k, rel=0.05)


@pytest.mark.parametrize("factor", [0.6, 1.8])
def test_away_from_the_best_threshold_the_engine_follows_the_formula(factor):
    best = ou.best_return(OFF_PAPER, 0.01)
    setting = Setting(spread=OFF_PAPER, cost=0.01, interval=5e-5, at=factor * best)
    for row in verdicts(setting, play(setting, 400, seed=5)):
        assert row.within(4, cap=0.25 * row.published).passed, str(row)


def test_signal(pairs):
    signal = pairs["signal"]
    assert [signal(0, gap, 1.0) for gap in (-1.0, -0.9, 0.9, 1.0)] == [1, 0, 0, -1]
    assert [signal(1, gap, 1.0) for gap in (-2.0, 0.0, 0.99, 1.5)] == [1, 1, 1, -1]


def test_another_made_market_earns_what_the_formula_says(pairs):
    pairs |= {"HALF_LIFE_S": 60.0, "DEVIATION": 0.2, "SHARES": 50}
    truth = ou.Spread(np.log(2) / 60, 0.2 * np.sqrt(2 * np.log(2) / 60))
    cost = 2 * 0.02 * (1 + pairs["BETA"])
    best = ou.best_return(truth, cost)
    file = pairs["write_quotes"](*pairs["make_market"](3, seed=6), 0.02)
    found = pairs["trade"](file, threshold=best, size=50)
    watched = best + ou.OVERSHOOT * truth.sigma
    expected = 2 * ou.return_rate(truth, -watched, watched, cost) * 50 * 3_600
    pieces = np.diff(found.equity["profit"].to_numpy()[::30]) * 12
    error = pieces.std() / len(pieces) ** 0.5
    assert len(found.fills) > 50
    assert abs(pieces.mean() - expected) < min(4 * error, 0.5 * expected)


# -- 05


def made_book(draws, levels):
    """(price, size) texts with two and eight decimals, as integers and as written."""
    prices = sorted(draws.sample(range(1, 10_000), levels))
    whole = [(price, draws.choice([1, 10, 12_345_678, 10**9, 25_000_000])) for price in prices]
    return whole, [(f"{p // 100}.{p % 100:02}", f"{s // 10**8}.{s % 10**8:08}") for p, s in whole]


@pytest.mark.parametrize("levels", [1, 4, 10, 14])
def test_the_lesson_s_proof_is_the_library_s(plugged, levels):
    draws = random.Random(levels)
    for _ in range(20):
        (asks, told_asks), (bids, told_bids) = made_book(draws, levels), made_book(draws, levels)
        assert plugged["proof"](told_asks, told_bids) == checksum(bids, asks)


@pytest.fixture(scope="module")
def other_market(plugged):
    """Book messages of a seed that the lesson does not use, and the exchange's own ten levels at the end."""
    exchange = Exchange(open_play("two_venues", "kraken", seed=11, until="15s"), "kraken", speed=None)
    with exchange.in_thread() as market:
        heard = plugged["listen"](market)
        sides = market.board.book("BTC/USD", 10)
    quoted = market.board.symbols["BTC/USD"]
    truth = {side: dict(quoted.texts(levels)) for side, levels in zip(("bids", "asks"), sides, strict=True)}
    return [text for _, text in heard if '"channel":"book","type"' in text], truth


def test_another_market_is_followed_to_its_truth(plugged, other_market):
    texts, truth = other_market
    book, rows = plugged["follow"](texts)
    assert len(rows) > 50
    assert rows.right.all()
    assert book == truth
    assert list(book["bids"]) == list(truth["bids"])


def test_a_lost_message_is_told_exactly_while_the_book_is_wrong(plugged, other_market):
    texts, _ = other_market
    messages = [json.loads(text, parse_float=str, parse_int=str) for text in texts]
    told = 0
    for lost in range(1, len(messages) - 1, 3):
        true, mine = None, None
        for number, message in enumerate(messages):
            true, _, _ = plugged["take"](true, message)
            if number == lost:
                continue
            mine, right, _ = plugged["take"](mine, message)
            assert right == (mine == true)
            told += not right
    assert told > 20
