"""The pairs trader on price paths made by hand: when it opens, what it sends, how it ends."""

from collections import deque
from math import sqrt

import numpy as np
import pytest
from agent_kit import HOME, market, reports, sent
from pair_kit import X, Y, plan, quoter

from agents.pairs import PairsTrader, least_squares
from market_sim.errors import AgentError

WINDOW = 24
# Mids of X, and of Y = 40 + 0.5 X and a gap of its own that is one unit on either side.
WAVE = [0, 1, 2, 3, 4, 3, 2, 1]
LITTLE = [0.1, 0.1, -0.1, -0.1]


def paths(gaps, calm=WINDOW + 8):
    """Mids per second: so many calm seconds, then Y off by the gaps."""
    seconds = range(calm + len(gaps))
    xs = [100 + WAVE[k % 8] for k in seconds]
    off = [LITTLE[k % 4] for k in range(calm)] + list(gaps)
    return xs, [40 + 0.5 * x + gap for x, gap in zip(xs, off, strict=True)]


def trader(**params):
    terms = {"size": 100.0, "window": WINDOW, "entry": 3.0, "exit": 0.5, "stop": 50.0, **params}
    return PairsTrader(name="pairs", endowment={"V": {"USD": "100000"}}, short_selling=True, **terms)


def play(gaps, x_size="1000", **params):
    xs, ys = paths(gaps)
    return market(plan(len(xs) + 1), quoter(xs, ys, x_size), trader(**params))


def trades(played):
    """(second, listing, side, size) of every order."""
    return [(ms / 1000, listing, side, size) for ms, listing, side, size, _, _ in sent(played, "pairs")]


# The look that sees the first gap: 32 calm seconds, and quotes move half a second after the whole.
FIRST = 33.0


def test_a_dear_second_is_sold_and_the_first_bought_by_the_slope():
    played = play([2.0, 2.0, 0.0, 0.0])
    beta = 0.5
    assert trades(played)[:2] == [(FIRST, X, "buy", 100 * beta), (FIRST, Y, "sell", 100.0)]


def test_the_pair_is_closed_when_the_gap_is():
    played = play([2.0, 1.5, 0.0, 0.0])
    assert trades(played)[2:] == [(FIRST + 2, X, "sell", 50.0), (FIRST + 2, Y, "buy", 100.0)]
    # 100 Y sold at 2 over fair less the half spread, bought back at fair plus it; X gives back what it gave.
    account = played.trader("pairs").account
    assert (account.position("X"), account.position("Y")) == (0.0, 0.0)
    fills = {(row["listing"], row["side"]): row["price"] for row in reports(played, "pairs", "fill")}
    earned = 100 * (fills[Y, "sell"] - fills[Y, "buy"]) + 50 * (fills[X, "sell"] - fills[X, "buy"])
    assert account.position("USD") == pytest.approx(100_000 + earned)
    assert earned > 100


def test_both_legs_leave_at_market_and_protected():
    # 100 bps beyond the quotes: X 99.90 to 100.10 and Y 91.90 to 92.10 first, then X and Y 2 up and 1 down.
    assert sent(play([2.0, 1.5, 0.0, 0.0]), "pairs") == [
        (1000 * FIRST, X, "buy", 50.0, 101.11, "ioc"),
        (1000 * FIRST, Y, "sell", 100.0, 90.98, "ioc"),
        (1000 * (FIRST + 2), X, "sell", 50.0, 100.88, "ioc"),
        (1000 * (FIRST + 2), Y, "buy", 100.0, 92.02, "ioc"),
    ]


def test_a_cheap_second_is_bought():
    played = play([-2.0, -2.0, 0.0])
    assert trades(played)[:2] == [(FIRST, X, "sell", 50.0), (FIRST, Y, "buy", 100.0)]
    assert trades(played)[2:] == [(FIRST + 2, X, "buy", 50.0), (FIRST + 2, Y, "sell", 100.0)]


def test_the_hedge_stays_as_it_was_at_entry():
    played = play([2.0, 3.0, 4.0, 3.0, 2.0, 1.0])
    assert len(trades(played)) == 2


def test_nothing_before_the_window_is_full():
    xs, ys = paths([2.0, 2.0], calm=WINDOW - 3)
    played = market(plan(len(xs) + 1), quoter(xs, ys), trader())
    assert trades(played) == []


def test_a_gap_inside_the_entry_is_left_alone():
    assert trades(play([0.2, 0.2, 0.2])) == []


def test_beyond_the_stop_it_gives_up_and_waits_until_the_gap_is_small_again():
    wide = [1.0, 9.0, *[9.0] * 2, *[0.0] * (WINDOW + 5), -9.0, -9.0]
    played = play(wide, stop=30.0)
    assert trades(played)[:4] == [
        (FIRST, X, "buy", 50.0),
        (FIRST, Y, "sell", 100.0),
        (FIRST + 1, X, "sell", 50.0),
        (FIRST + 1, Y, "buy", 100.0),
    ]
    assert trades(played)[4][0] > FIRST + 4
    never_small = play([1.0, 9.0, *[9.0] * 3], stop=30.0)
    assert len(trades(never_small)) == 4


def test_it_is_held_no_longer_than_that():
    played = play([2.0] * 8, max_hold_s=3.0)
    assert [row[0] for row in trades(played)[:4]] == [FIRST, FIRST, FIRST + 4, FIRST + 4]


def test_a_leg_that_fills_short_is_sent_again_for_the_rest():
    # 20 X at a price, and the trader takes half a price's worth of ticks at most: 50 are needed.
    played = play([2.0] * 4, x_size="20", protection_bps=1)
    buys = [row for row in trades(played) if row[1] == X]
    assert buys == [(FIRST, X, "buy", 50.0), (FIRST + 1, X, "buy", 30.0), (FIRST + 2, X, "buy", 10.0)]
    assert played.trader("pairs").account.position("X") == 50.0


def test_a_pair_that_cannot_be_completed_is_closed():
    played = play([2.0] * 8, x_size="1", protection_bps=1, patience=2)
    account = played.trader("pairs").account
    assert account.position("Y") == 0.0
    closing = [row for row in trades(played) if row[1] == Y]
    assert closing[:2] == [(FIRST, Y, "sell", 100.0), (FIRST + 3, Y, "buy", 100.0)]


def test_it_cannot_look_ahead():
    """Two futures that part after the entry: up to where they part, every order is the same."""
    calm, storm = play([2.0, 2.0, 0.0, 0.0]), play([2.0, 2.0, 3.0, 3.0])
    parted = FIRST + 1.5
    before = [[row for row in trades(played) if row[0] < parted] for played in (calm, storm)]
    assert before[0] == before[1]
    assert len(before[0]) == 2
    assert trades(calm) != trades(storm)


def test_it_decides_by_what_has_arrived_not_by_what_is():
    xs, ys = paths([2.0, 2.0, 2.0])
    late = plan(len(xs) + 1)
    late["latency"] = {**HOME, "late": {"entry": "1ms", "report": "1ms", "data": "800ms"}}
    slow = PairsTrader(
        name="pairs",
        endowment={"V": {"USD": "100000"}},
        short_selling=True,
        latency="late",
        size=100.0,
        window=WINDOW,
        entry=3.0,
        stop=50.0,
    )
    played = market(late, quoter(xs, ys), slow)
    assert trades(played)[0][0] == FIRST + 1


def test_it_needs_two_listings_and_says_so():
    table = plan(2)
    with pytest.raises(AgentError, match="pairs needs two listings, and trades 1"):
        market(table, PairsTrader(name="pairs", listings=[X]))


def test_least_squares_is_that_of_the_textbooks():
    draws = np.random.default_rng(5)
    x = 100 + draws.normal(size=50).cumsum()
    y = 3 + 0.7 * x + draws.normal(size=50)
    fit = least_squares(deque(zip(x.tolist(), y.tolist(), strict=True)))
    slope, intercept = np.polyfit(x, y, 1)
    rest = y - intercept - slope * x
    assert fit.beta == pytest.approx(slope, rel=1e-9)
    assert fit.alpha == pytest.approx(intercept, rel=1e-7)
    assert fit.deviation == pytest.approx(sqrt((rest @ rest) / 48), rel=1e-9)
    assert fit.score(100.0, 3 + 70 + 2) == pytest.approx(
        (75 - intercept - slope * 100) / fit.deviation, rel=1e-7
    )


def test_nothing_can_be_fitted_to_a_still_price():
    assert least_squares(deque([(1.0, 2.0), (1.0, 3.0), (1.0, 4.0)])) is None
    assert least_squares(deque([(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)])) is None


def test_the_same_orders_on_both_engines(engine_name):
    xs, ys = paths([2.0, 0.0])
    played = market(plan(len(xs) + 1), quoter(xs, ys), trader(), engine=engine_name)
    assert len(trades(played)) == 4
    assert played.trader("pairs").is_portable
