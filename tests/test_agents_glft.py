"""The maker without a horizon: quotes against the published formulas, estimates, limits."""

import pytest
from agent_kit import Draws, book, market, noted
from one_listing import X, plan, quotes_of, replaced

from agents.glft import GueantLehalleFernandezTapia
from market_sim.theory import gueant

# Gueant, Lehalle and Fernandez-Tapia's own example; the first term is 3.2790, a unit of inventory 0.06787.
PAPER = {"gamma": 0.01, "sigma": 0.3, "kappa": 0.3, "intensity": 0.9}
WIDE = ((X, "buy", "50", "80"), (X, "sell", "50", "120"))


def maker(**params):
    terms = {"size": 1.0, "max_inventory": 30.0, "interval_s": 0.1, **PAPER, **params}
    return GueantLehalleFernandezTapia(name="maker", **terms)


@pytest.mark.parametrize("form", ["closed", "exact"])
def test_flat_quotes_are_those_of_the_paper(form):
    played = market(plan(), book(*WIDE), maker(form=form))
    # 3.2790 + 0.0679 / 2 = 3.3129 on both sides of 100, rounded away from it.
    assert quotes_of(played, "maker") == [("buy", 96.68), ("sell", 103.32)]


@pytest.mark.parametrize("form", ["closed", "exact"])
def test_a_unit_of_inventory_moves_both_by_one_step(form):
    sold_to = {120: [(X, "sell", "1", "96.68")]}
    played = market(plan(), book(*WIDE, later=sold_to), maker(form=form))
    # q = 1: the bid 3.3812 below, the ask 3.2790 - 0.0339 = 3.2451 above.
    assert quotes_of(played, "maker")[2:] == [("buy", 96.61)]
    assert replaced(played, "maker") == [("sell", 103.25)]


@pytest.mark.parametrize("form", ["closed", "exact"])
def test_it_stops_buying_at_its_limit(form):
    sold_to = {ms: [(X, "sell", "1", "90")] for ms in (120, 220, 320)}
    played = market(plan("600ms"), book(*WIDE, later=sold_to), maker(form=form, max_inventory=2.0))
    assert played.trader("maker").account.position("X") == 2.0
    assert [side for side, _ in quotes_of(played, "maker")].count("sell") == 1
    assert sum(side == "buy" for side, _ in quotes_of(played, "maker")) == 2


def test_it_sends_these_orders_and_no_others():
    trader = noted(
        GueantLehalleFernandezTapia, Draws(then=0.5), name="maker", size=1.0, max_inventory=1.0,
        interval_s=0.1, **PAPER,
    )  # fmt: skip
    trades = {120: [(X, "sell", "1", "96.68")], 220: [(X, "buy", "1", "103.25")]}
    market(plan("400ms"), book(*WIDE, later=trades), trader)
    assert trader.sent == [
        (50.0, "new", "buy", 1.0, 96.68, "GTC post"),
        (50.0, "new", "sell", 1.0, 103.32, "GTC post"),
        (122.0, "replace", "sell", 1.0, 103.25),
        (222.0, "new", "buy", 1.0, 96.68, "GTC post"),
        (222.0, "new", "sell", 1.0, 103.32, "GTC post"),
    ]


def test_it_quotes_beside_the_best_of_the_others_instead_of_through_it():
    narrow = ((X, "buy", "50", "99"), (X, "sell", "50", "101"))
    later = {120: [(X, "sell", "1", "96.68")]}
    played = market(plan(), book(*narrow, later=later), maker(sigma=300.0))
    assert played.result().orders.filter(agent="maker", event="rejected").height == 0


def test_the_fill_rate_comes_from_the_trades_it_hears():
    buys = book(name="buyer", later={50 + 100 * k: [(X, "buy", "1", "120")] for k in range(20)})
    trader = maker(intensity=0.0, interval_s=0.1, window_s=1000.0, max_inventory=0.0)
    market(plan("2s"), book(*WIDE), buys, trader)
    # Ten trades a second, five a side, a spread of 40 wide: A = 5 exp(0.3 * 40 / 2).
    assert trader._terms(trader.listings[0])[3] == pytest.approx(5 * 2.718281828**6, rel=0.1)


def test_without_trades_and_moves_it_still_quotes():
    bare = maker(gamma=0.0, sigma=0.0, kappa=0.0, intensity=0.0)
    (bid, ask) = quotes_of(market(plan(), book(*WIDE), bare), "maker")
    assert bid[1] < 100 < ask[1]


def test_closed_and_exact_agree_as_the_paper_says():
    closed = gueant.closed_form(0, *PAPER.values())
    assert gueant.risk_neutral_distance(0.01, 0.3) == pytest.approx(3.2790, abs=5e-5)
    assert gueant.inventory_step(*PAPER.values()) == pytest.approx(0.06787, abs=5e-6)
    assert sum(closed) == pytest.approx(6.6258, abs=5e-5)
    bids, asks = gueant.stationary(30, *PAPER.values())
    published = {-10: 2.6328, -1: 3.2449, 0: 3.3130, 1: 3.3812, 5: 3.6535, 10: 3.9929}
    for q, distance in published.items():
        assert bids[30 + q] == pytest.approx(distance, abs=1e-4)
        assert gueant.closed_form(q, *PAPER.values())[0] == pytest.approx(distance, abs=0.0015)
    assert asks[::-1] == pytest.approx(bids)
    with pytest.raises(ValueError, match="give at least 1"):
        gueant.stationary(0, *PAPER.values())


def test_in_units_of_avellaneda_and_stoikov():
    assert gueant.risk_neutral_distance(0.1, 1.5) == pytest.approx(0.6454, abs=5e-5)
    assert gueant.inventory_step(0.1, 2.0, 1.5, 140.0) == pytest.approx(0.0517, abs=5e-5)
