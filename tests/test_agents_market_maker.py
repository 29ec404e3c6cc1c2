"""The maker's quotes against the published formulas, its inventory, its estimates, and recorded flow."""

from math import log, log1p, sqrt

import pytest
from agent_kit import HOME, Draws, book, market, noted, reports, sent

from agents.market_maker import AvellanedaStoikov
from market_sim.errors import AgentError
from market_sim.market import Market
from market_sim.theory import portable

X = "V:X/USD"
# The parameters of the paper's tables.
PAPER = {"gamma": 0.1, "sigma": 2.0, "kappa": 1.5, "horizon_s": 1.0}


def plan(duration="300ms", tick="0.01", **changes):
    table = {
        "schema": 1,
        "name": "making",
        "duration": duration,
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 8}},
        "venues": {"V": {}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}},
        "listings": [{"venue": "V", "instrument": "X/USD", "tick": tick, "lot": "1"}],
        "latency": HOME,
    }
    return {**table, **changes}


def maker(**params):
    return AvellanedaStoikov(
        name="maker", **{"size": 1.0, "max_inventory": 10.0, "interval_s": 0.1, **params}
    )


WIDE = ((X, "buy", "50", "95"), (X, "sell", "50", "105"))


def quotes_of(played):
    """(side, price) of the maker's new orders, in order."""
    return [(row[2], row[4]) for row in sent(played, "maker")]


def test_flat_quotes_are_those_of_the_paper():
    played = market(plan(), book(*WIDE), maker(**PAPER))
    # Spread 0.1 * 2^2 * 1 + (2 / 0.1) ln(1 + 0.1 / 1.5) = 1.6908 around 100, rounded away from it.
    half = (0.4 + 20 * log(1 + 0.1 / 1.5)) / 2
    assert quotes_of(played)[:2] == [("buy", 99.15), ("sell", 100.85)]
    assert 100 - 99.15 - 0.01 < half < 100 - 99.15


def test_an_inventory_moves_both_quotes_against_itself():
    sold_to = {120: [(X, "sell", "1", "99.15")]}
    played = market(plan(), book(*WIDE, later=sold_to), maker(**PAPER))
    assert played.trader("maker").account.position("X") == 1.0
    # r = 100 - 1 * 0.1 * 4 * 1 = 99.6: both quotes fall by 0.4, the bid is placed anew and the ask replaced.
    assert quotes_of(played)[2] == ("buy", 98.75)
    assert reports(played, "maker", "replaced")[0]["price"] == 100.45


def test_it_sends_these_orders_and_no_others():
    trader = noted(
        AvellanedaStoikov, Draws(then=0.5), name="maker", size=1.0, max_inventory=1.0, interval_s=0.1, **PAPER
    )
    trades = {120: [(X, "sell", "1", "99.15")], 220: [(X, "buy", "1", "100.45")]}
    market(plan("400ms"), book(*WIDE, later=trades), trader)
    assert trader.sent == [
        (50.0, "new", "buy", 1.0, 99.15, "GTC post"),
        (50.0, "new", "sell", 1.0, 100.85, "GTC post"),
        # It has one, which is as much as it may have: no bid, and an ask 0.4 lower.
        (122.0, "replace", "sell", 1.0, 100.45),
        # It has none again: as at first.
        (222.0, "new", "buy", 1.0, 99.15, "GTC post"),
        (222.0, "new", "sell", 1.0, 100.85, "GTC post"),
    ]


def test_the_horizon_draws_near_only_if_it_is_finite():
    still = market(plan("900ms"), book(*WIDE), maker(**PAPER))
    assert still.result().orders.filter(agent="maker", event="replaced").height == 0
    nearing = market(plan("1500ms"), book(*WIDE), maker(**PAPER, finite=True))
    bids = [row["price"] for row in reports(nearing, "maker", "replaced") if row["side"] == "buy"]
    assert bids == sorted(bids)
    # At the end only the part without risk is left: (1 / 0.1) ln(1 + 0.1 / 1.5) = 0.645 on each side.
    assert bids[-1] == 99.35


def test_it_stops_buying_at_its_limit():
    played = market(
        plan("2s"), book(*WIDE, later={200: [(X, "sell", "9", "90")]}), maker(**PAPER, max_inventory=1.0)
    )
    assert played.trader("maker").account.position("X") == 1.0
    open_sides = {order.side.name for order in played.trader("maker").orders.values()}
    assert "BUY" not in open_sides
    assert played.result().orders.filter(agent="maker", side="buy", event="accepted").height == 1


def test_own_orders_are_no_part_of_the_mid():
    """Around its own quotes the maker would chase itself: with an inventory the price would run away."""
    trade = {120: [(X, "sell", "1", "99.15")]}
    played = market(plan("3s"), book(*WIDE, later=trade), maker(**PAPER))
    own = played.result().orders.filter(agent="maker", event="replaced")
    assert own.height <= 2


def test_it_steps_beside_the_best_of_the_others_instead_of_through_it():
    near = ((X, "buy", "50", "95"), (X, "sell", "50", "105"))
    jump = {150: [(X, "cancel", None, None), (X, "buy", "50", "101"), (X, "sell", "50", "101.02")]}
    played = market(plan("160ms"), book(*near, later=jump), maker(**PAPER))
    assert played.result().orders.filter(agent="maker", event="rejected").height == 0


def test_small_changes_leave_quotes_in_their_queue():
    step = {150: [(X, "buy", "1", "95.02")]}
    patient = market(plan(), book(*WIDE, later=step), maker(**PAPER, patience_ticks=5))
    assert patient.result().orders.filter(agent="maker", event="replaced").height == 0
    eager = market(plan(), book(*WIDE, later=step), maker(**PAPER))
    assert eager.result().orders.filter(agent="maker", event="replaced").height > 0


def test_what_is_left_at_zero_is_taken_from_the_market():
    trader = maker(horizon_s=100.0, risk=0.2)
    market(plan(), book(*WIDE), trader)
    # No move of the mid yet: a tick per second stands in. kappa is 2 / spread, gamma 0.2 / (sigma sqrt(100)).
    sigma, kappa = 0.01, 2 / 10
    gamma = 0.2 / (sigma * sqrt(100))
    reservation, spread = trader._model(trader.listings[0], 100.0, 3.0)
    assert reservation == pytest.approx(100 - 3 * 0.2 * sigma * sqrt(100))
    assert spread == pytest.approx(gamma * sigma**2 * 100 + 2 / gamma * log1p(gamma / kappa))


def test_volatility_is_that_of_the_mids_it_has_seen():
    trader = maker(interval_s=0.1, window_s=1000.0)
    up = [(X, "cancel", None, None), (X, "buy", "50", "95.3"), (X, "sell", "50", "105.3")]
    down = [(X, "cancel", None, None), *WIDE]
    later = {50 + 100 * k: up if k % 2 else down for k in range(1, 200)}
    market(plan("20s"), book(*WIDE, later=later), trader)
    # The mid moves by 0.3 every 0.1 s: 0.9 per second.
    (seen,) = trader._seen.values()
    assert seen.variance == pytest.approx(0.9, rel=0.1)
    assert seen.spread == pytest.approx(10.0)


def test_the_logarithm_is_one():
    for x in (0.0, 1e-9, 1 / 15, 0.5, 1.0, 7.0, 300.0):
        assert portable.log1p(x) == pytest.approx(log1p(x), rel=1e-14)


class Recorded:
    """Flow of a recorded market: a snapshot, then a better bid, then a trade through the maker's bid."""

    end_ns = 300_000_000

    def bind(self, kernel, listings):
        self.kernel, (self.listing,) = kernel, listings.values()

    def fill(self, until_ns):
        if self.kernel is not None:
            kernel, self.kernel = self.kernel, None
            ms = 1_000_000
            kernel.push_depth(ms, None, None, self.listing, True, [0, 1], [9500, 10500], [50, 50])
            kernel.push_trade(300 * ms, None, None, self.listing, 1, 9800, 1)
        return until_ns


def test_recorded_flow_is_made_a_market_in_by_the_same_class(engine_name):
    table = plan("500ms")
    table["listings"][0]["external"] = "XUSD"
    simulated = market(plan("250ms"), book(*WIDE), maker(**PAPER))
    played = Market(table, agents=[maker(**PAPER)], flow=Recorded(), engine=engine_name)
    played.run()
    assert quotes_of(played)[:2] == quotes_of(simulated)[:2]
    # A recorded sale at 98 reaches the bid at 99.15, which is better.
    assert played.trader("maker").account.position("X") == 1.0
    assert played.portable


def test_the_symmetric_strategy_ignores_its_inventory():
    sold_to = {120: [(X, "sell", "1", "99.25")]}
    played = market(plan(), book(*WIDE, later=sold_to), maker(**PAPER, symmetric=True, finite=True))
    assert played.trader("maker").account.position("X") == 1.0
    # Mean spread 0.1 * 2^2 / 2 + (2 / 0.1) ln(1 + 0.1 / 1.5) = 1.4908, and still the same after the fill.
    assert quotes_of(played) == [("buy", 99.25), ("sell", 100.75), ("buy", 99.25)]


def test_it_can_quote_around_the_fundamental_value():
    valued = {"X/USD": {"start": "98", "half_life": "1h", "volatility_bps": "0"}}
    played = market(plan(fundamentals=valued), book(*WIDE), maker(**PAPER, reference="fundamental"))
    assert quotes_of(played) == [("buy", 97.15), ("sell", 98.85)]


def test_without_a_value_it_says_what_is_missing():
    with pytest.raises(AgentError, match=r"has no \[fundamentals\] table; give it one, or choose reference"):
        market(plan(), maker(**PAPER, reference="fundamental"))


def test_a_maker_alone_knows_no_mid_and_keeps_still():
    assert quotes_of(market(plan(), maker(**PAPER))) == []
