"""Background flow: zero intelligence, trends, split orders, Poisson rates; by hand and in the long run."""

from math import sqrt

import numpy as np
import pytest
from agent_kit import Draws, book, filled, market, noted, reports, sent
from one_listing import X, plan

from agents.momentum import MomentumTrader
from agents.order_splitter import OrderSplitter
from agents.poisson_flow import PoissonOrderFlow
from agents.zero_intelligence import ZeroIntelligence
from market_sim.errors import AgentError
from market_sim.market import Market

DEEP = ((X, "buy", "5000", "99"), (X, "sell", "5000", "101"))


# Gode and Sunder


def trader(name="zi", **params):
    terms = {"role": "buyer", "values": (150.0,), "rate": 50.0, "low": 1.0, "high": 200.0, **params}
    return ZeroIntelligence(name=name, **terms)


def prices_of(played, name="zi"):
    orders = played.result().orders.filter(agent=name)
    asked = orders.filter(orders["event"].is_in(["accepted", "replaced"]))
    return np.array([played.listings[0].price(ticks) for ticks in asked["price_ticks"]])


@pytest.mark.parametrize(
    ("role", "constrained", "lowest", "highest"),
    [
        ("buyer", True, 1, 150),
        ("buyer", False, 1, 200),
        ("seller", True, 150, 200),
        ("seller", False, 1, 200),
    ],
)
def test_quotes_are_uniform_between_the_limits(role, constrained, lowest, highest):
    prices = prices_of(market(plan("20s", tick="1"), trader(role=role, constrained=constrained)))
    assert len(prices) > 500
    assert lowest <= prices.min() < lowest + 0.05 * (highest - lowest) + 1
    assert highest >= prices.max() > highest - 0.05 * (highest - lowest) - 1
    error = (highest - lowest) / sqrt(12 * len(prices))
    assert prices.mean() == pytest.approx((lowest + highest) / 2, abs=4 * error)


def test_units_are_traded_in_order_one_at_a_time():
    found = book((X, "sell", "2", "10"))
    played = market(plan("20s", tick="1"), found, trader(values=(150.0, 5.0), size=1.0))
    # The second unit is worth less than the ask.
    assert filled(played, "zi") == [(X, "buy", 1.0, 10.0)]
    assert played.trader("zi").traded == 1
    assert prices_of(played)[-1] <= 5


def test_a_trade_takes_the_quote_away():
    others = book((X, "sell", "1", "190"), name="seller")
    buyer = book(name="buyer", later={1000: [(X, "buy", "1", "190")]})
    for reset, cancels in ((True, 1), (False, 0)):
        played = market(plan("1100ms", tick="1"), others, buyer, trader(reset=reset, rate=3.0))
        assert len([r for r in reports(played, "zi", "cancelled") if r["reason"] == "requested"]) == cancels
        others, buyer = (
            book((X, "sell", "1", "190"), name="seller"),
            book(name="buyer", later={1000: [(X, "buy", "1", "190")]}),
        )


def test_every_quote_is_the_price_drawn_for_the_next_unit():
    others = book((X, "sell", "1", "190"), name="seller")
    trades = {2500: [(X, "buy", "1", "190")], 4500: [(X, "sell", "1", "150")]}
    draws = Draws(1.0, *(99, 1.0), *(129, 1.0), *(0, 1.0), *(149, 1.0), *(119,))
    buyer = noted(
        ZeroIntelligence, draws, name="zi", values=(150.0, 120.0), rate=1.0, low=1.0, high=200.0, size=1.0
    )
    market(plan("20s", tick="1"), others, book(name="others", later=trades), buyer)
    assert buyer.traded == 1
    assert buyer.sent == [
        (1000.0, "new", "buy", 1.0, 100.0, "GTC"),
        (2000.0, "replace", "buy", 1.0, 130.0),
        (2502.0, "cancel", "buy", 130.0),
        (3000.0, "new", "buy", 1.0, 1.0, "GTC"),
        (4000.0, "replace", "buy", 1.0, 150.0),
        # A trade takes quotes away, and news of it is there before the report that it was its own.
        (4502.0, "cancel", "buy", 150.0),
        (5000.0, "new", "buy", 1.0, 120.0, "GTC"),
    ]


def test_drawn_units_are_in_the_order_of_the_paper():
    played = market(
        plan("100ms", tick="1"), trader(values=(), units=8), trader("two", values=(), role="seller")
    )
    assert played.trader("zi").worth == sorted(played.trader("zi").worth, reverse=True)
    assert played.trader("two").worth == sorted(played.trader("two").worth)
    assert len(played.trader("zi").worth) == 8


def test_a_market_of_fools_is_efficient():
    """Six buyers and six sellers of five units: with budgets more than 95 % of the surplus is earned.

    Without them all units trade whatever they are worth: what is earned is the sum of values less that of
    costs, exactly.
    """
    surplus, efficiency = {}, {}
    for constrained in (True, False):
        values = {f"b{k}": tuple(190.0 - 7 * k - 25 * unit for unit in range(5)) for k in range(6)}
        costs = {f"s{k}": tuple(10.0 + 7 * k + 25 * unit for unit in range(5)) for k in range(6)}
        crowd = [trader(name, values=worth, constrained=constrained) for name, worth in values.items()] + [
            trader(name, values=worth, constrained=constrained, role="seller")
            for name, worth in costs.items()
        ]
        played = Market(plan("120s", tick="1"), agents=crowd, seed=5)
        played.run()
        bought = sorted((v for worth in values.values() for v in worth), reverse=True)
        sold = sorted(c for worth in costs.values() for c in worth)
        best = sum(v - c for v, c in zip(bought, sold, strict=True) if v > c)
        gained = 0.0
        for agent in crowd:
            worth = sum(agent.worth[: agent.traded])
            gained += worth if agent.role == "buyer" else -worth
        surplus[constrained], efficiency[constrained] = gained, gained / best
        if not constrained:
            assert all(agent.traded == 5 for agent in crowd)
            assert gained == sum(bought) - sum(sold)
    assert 0.95 < efficiency[True] <= 1
    assert efficiency[False] < efficiency[True]


def test_prices_that_cannot_be_are_refused():
    with pytest.raises(AgentError, match="give 0 < low <= high"):
        market(plan(), trader(low=10.0, high=5.0))


# Momentum


def trend(mids, **params):
    later = {}
    for k, mid in enumerate(mids):
        rows = [
            (X, "cancel", None, None),
            (X, "buy", "50", f"{mid - 0.5:.2f}"),
            (X, "sell", "50", f"{mid + 0.5:.2f}"),
        ]
        later[100 + 1000 * k] = rows
    terms = {"size": 1.0, "short": 3, "long": 9, "band_bps": 10.0, **params}
    follower = MomentumTrader(name="trend", credit="unlimited", short_selling=True, **terms)
    return market(plan(f"{len(mids)}s"), book(later=later), follower)


def positions(played):
    held, path = 0.0, []
    for _, side, size, _ in filled(played, "trend"):
        held += size if side == "buy" else -size
        path.append(held)
    return path


def test_it_buys_what_rises_and_turns_when_it_falls():
    up, down = (
        [100.0] * 12 + [101.0, 102.0, 103.0, 104.0] * 1 + [105.0] * 6,
        [103.0, 100.0, 97.0, 94.0] + [90.0] * 8,
    )
    assert positions(trend(up)) == [1.0]
    assert positions(trend(up + down)) == [1.0, -1.0]


def test_a_still_market_says_nothing():
    assert positions(trend([100.0] * 40)) == []
    assert positions(trend([100.0, 100.02] * 20)) == []


def test_within_the_band_it_holds_or_closes():
    path = [100.0] * 12 + [102.0] * 30
    assert positions(trend(path)) == [1.0]
    assert positions(trend(path, hold=False)) == [1.0, 0.0]


def test_it_takes_a_position_and_turns_it_at_market():
    later = {}
    for k, mid in enumerate([100.0] * 4 + [102.0] * 2 + [98.0] * 3):
        quotes = (X, "buy", "50", f"{mid - 0.5:.2f}"), (X, "sell", "50", f"{mid + 0.5:.2f}")
        later[100 + 1000 * k] = [(X, "cancel", None, None), *quotes]
    follower = noted(
        MomentumTrader, Draws(then=0.5), name="trend", credit="unlimited", short_selling=True,
        size=1.0, short=2, long=4, band_bps=10.0, protection_bps=50,
    )  # fmt: skip
    market(plan("9s"), book(later=later), follower)
    # Averages of 101 and 100.5 at the fifth look, of 100 and 100.5 at the seventh; 50 bps beyond the quotes.
    assert follower.sent == [
        (5000.0, "new", "buy", 1.0, 103.02, "IOC"),
        (7000.0, "new", "sell", 2.0, 97.01, "IOC"),
    ]


def test_averages_that_cannot_cross_are_refused():
    with pytest.raises(AgentError, match="give 0 < short < long"):
        market(plan(), MomentumTrader(name="trend", short=9, long=9))


# Split orders


def test_pieces_of_one_order_have_one_sign_and_take_the_best_price():
    played = market(plan("200s"), book(*DEEP), OrderSplitter(name="big", rate=5.0, size=2.0))
    rows = sent(played, "big")
    lengths = played.trader("big").lengths
    signs = [row[2] for row in rows]
    at = 0
    for length in lengths[:-1]:
        assert len(set(signs[at : at + length])) == 1
        at += length
    assert {row[3:] for row in rows} == {(2.0, 101.0, "ioc"), (2.0, 99.0, "ioc")}
    assert len(rows) == pytest.approx(1000, abs=150)


def test_every_piece_is_one_order_at_the_best_price():
    # Two hidden orders: two pieces to buy, then one to sell.
    draws = Draws(1.0, *(0, 0, 2.7, 1.0), 1.0, *(0, 1, 1.5))
    splitter = noted(OrderSplitter, draws, name="big", rate=1.0, size=2.0)
    market(plan("20s"), book(*DEEP), splitter)
    assert splitter.sent == [
        (1000.0, "new", "buy", 2.0, 101.0, "IOC"),
        (2000.0, "new", "buy", 2.0, 101.0, "IOC"),
        (3000.0, "new", "sell", 2.0, 99.0, "IOC"),
    ]
    assert splitter.lengths == [2, 1]


def test_lengths_have_the_tail_that_is_asked_for():
    splitters = [OrderSplitter(name=f"big-{k}", rate=500.0, alpha=1.5, size=1.0) for k in range(4)]
    played = Market(plan("20s"), agents=[book(*DEEP), *splitters], seed=3)
    played.run()
    lengths = np.concatenate([splitter.lengths for splitter in splitters])
    assert len(lengths) > 5000
    for length in (2, 5, 20):
        share, expected = (lengths >= length).mean(), length**-1.5
        assert share == pytest.approx(expected, abs=4 * sqrt(expected / len(lengths)))
    with pytest.raises(AgentError, match="give alpha > 1"):
        market(plan(), OrderSplitter(name="big", alpha=0.5))


def test_signs_remember():
    """Lillo, Mike and Farmer: the autocorrelation of the signs falls like lag^-(alpha - 1) = lag^-0.5."""
    splitters = [OrderSplitter(name=f"big-{k}", rate=100.0, alpha=1.5, size=1.0) for k in range(10)]
    found = ((X, "buy", "5000000", "99"), (X, "sell", "5000000", "101"))
    played = Market(plan("40s"), agents=[book(*found), *splitters], seed=3)
    played.run()
    trades = played.result().trades
    signs = np.where(trades["side"].to_numpy() == "buy", 1.0, -1.0)
    assert len(signs) > 30_000
    signs -= signs.mean()
    lags = np.unique(np.geomspace(10, 300, 12).astype(int))
    memory = np.array([(signs[:-lag] * signs[lag:]).mean() for lag in lags]) / signs.var()
    slope = np.polyfit(np.log(lags), np.log(memory), 1)[0]
    assert -0.8 < slope < -0.3
    assert memory[0] > 0.02


# Poisson order flow


def flow(**params):
    return PoissonOrderFlow(name="flow", stp="none", **{"start_price": 100.0, **params})


def test_the_book_begins_on_both_sides_of_the_start():
    played = market(plan("3ms", tick="1"), flow(seed_depth=2, limit_rates=(1.0, 1.0)))
    rows = [(row[2], row[4]) for row in sent(played, "flow")]
    assert sorted(rows) == sorted([("buy", 100.0), ("buy", 99.0), ("sell", 101.0), ("sell", 102.0)] * 2)


def test_every_event_is_the_order_drawn():
    """Rates 1 and 2 of limit orders, 1 of market orders, 1/2 of each cancellation: 8 a minute, and 1/2 each.

    A pause is drawn in mean pauses: so many as there are events in a minute make a second at speed 60.
    """
    draws = Draws(
        10.0,  # four orders stand
        *(0.05, 0, 10.5),  # 0.5 of 10: a limit order at distance 1, a buy
        *(0.5, 1, 11.0),  # 5.25 of 10.5: at distance 2, a sale
        *(0.6, 0, 11.5),  # 6.6 of 11: a market order, a buy; it is open while it is on its way
        *(0.9,),  # 9.45 of 10.5: a cancellation, 1.45 on: the third of those that stand
    )
    rates = {"limit_rates": (1.0, 2.0), "levels": 2, "market_rate": 1.0, "cancel_rates": (0.5,)}
    trader = noted(PoissonOrderFlow, draws, name="flow", stp="none", start_price=100.0, seed_depth=1, **rates)
    market(plan("20s", tick="1"), trader)
    assert trader.sent == [
        (0.0, "new", "buy", 1.0, 100.0, "GTC"),
        (0.0, "new", "sell", 1.0, 101.0, "GTC"),
        (0.0, "new", "buy", 1.0, 99.0, "GTC"),
        (0.0, "new", "sell", 1.0, 102.0, "GTC"),
        (1000.0, "new", "buy", 1.0, 100.0, "GTC"),
        (2000.0, "new", "sell", 1.0, 102.0, "GTC"),
        (3000.0, "new", "buy", 1.0, 101.0, "IOC"),
        (4000.0, "cancel", "sell", 102.0),
    ]


def test_events_come_at_their_rates():
    played = Market(plan("300s", tick="0.01"), agents=[flow(size=1.0)], seed=2)
    played.run()
    orders = played.result().orders
    minutes = 300.0  # at speed 60 a second is a minute of the paper
    taken = orders.filter(event="accepted", tif="ioc").height
    rested = orders.filter(event="accepted", tif="gtc").height - 2 * 5 * 3
    limit_rate = 2 * sum([1.85, 1.51, 1.09, 0.88, 0.77, *(1.92 / k**0.52 for k in range(6, 21))])
    assert taken == pytest.approx(2 * 0.94 * minutes, abs=4 * sqrt(2 * 0.94 * minutes))
    assert rested == pytest.approx(limit_rate * minutes, abs=4 * sqrt(limit_rate * minutes))
    assert orders.filter(event="accepted")["size"].unique().to_list() == [1.0]


def shape(seed, minutes):
    """(mean spread, share of time at one tick, mean queues 1..3 ticks from the opposite best)."""
    near = {"home": {"entry": "1us", "report": "1us", "data": "1us"}}
    played = Market(plan(f"{minutes}s", tick="1", latency=near), agents=[flow()], seed=seed)
    spreads, queues = [], []
    for half_minute in range(40, 2 * minutes):
        played.step_to(half_minute * 500_000_000)
        bids, asks = (dict(level[:2] for level in played.kernel.true_depth(0, side, 12)) for side in (0, 1))
        spreads.append(min(asks) - max(bids))
        queues.append([bids.get(min(asks) - k, 0) + asks.get(max(bids) + k, 0) for k in (1, 2, 3)])
    spreads = np.array(spreads)
    return spreads.mean(), (spreads == 1).mean(), np.mean(queues, axis=0) / 2


def test_the_book_has_the_published_shape():
    """A single seed of 600 minutes: spread and queues of the long run, off by a tenth at most."""
    spread, one_tick, queues = shape(seed=1, minutes=600)
    assert spread == pytest.approx(1.357, rel=0.1)
    assert one_tick == pytest.approx(0.740, abs=0.06)
    assert queues == pytest.approx([1.574, 1.633, 1.576], rel=0.12)


@pytest.mark.slow
def test_the_book_has_the_published_shape_in_the_long_run():
    """Eight seeds of 3,000 minutes: mean spread 1.357 +-2 %, at one tick 74.0 % of the time, and a hump."""
    runs = [shape(seed, minutes=3000) for seed in range(1, 9)]
    spread, one_tick, queues = (np.mean([run[k] for run in runs], axis=0) for k in range(3))
    print(spread, one_tick, queues)
    assert spread == pytest.approx(1.357, rel=0.02)
    assert one_tick == pytest.approx(0.740, abs=0.01)
    assert queues == pytest.approx([1.574, 1.633, 1.576], rel=0.03)


def test_a_flow_that_cannot_begin_says_so():
    with pytest.raises(AgentError, match="no start_price, and X/USD has no fundamental"):
        market(plan(), flow(start_price=0.0))
    with pytest.raises(AgentError, match='give it stp = "none"'):
        market(plan(), PoissonOrderFlow(name="flow", start_price=100.0))
    with pytest.raises(AgentError, match="give rates of both kinds"):
        market(plan(), flow(levels=2))


def test_the_same_orders_on_both_engines(engine_name):
    def crowd():
        return [
            book(*DEEP),
            trader(),
            trader("seller", role="seller"),
            MomentumTrader(name="trend", short=2, long=5, credit="unlimited", short_selling=True),
            OrderSplitter(name="big", size=1.0),
            flow(),
        ]

    hashes = []
    for engine in (engine_name, "reference"):
        played = Market(plan("10s", tick="1"), agents=crowd(), engine=engine, seed=4)
        played.run()
        hashes.append(played.kernel.event_log_hash())
    assert hashes[0] == hashes[1]
    for name, portable in (("zi", True), ("trend", True), ("big", False), ("flow", False)):
        assert played.trader(name).is_portable == portable


def test_every_standing_order_is_cancelled_at_the_rate_of_its_distance():
    played = Market(plan("10s", tick="1"), agents=[flow(market_rate=0.0)], seed=6)
    played.step_to("5s")
    trader = played.trader("flow")
    bid, ask = (price for price, _ in (trader.view(X).bids[0], trader.view(X).asks[0]))
    trader._look()
    published = (0.71, 0.81, 0.68, 0.56, 0.47)
    seen = set()
    for order in trader.orders.values():
        away = round(ask - order.price if order.side.name == "BUY" else order.price - bid)
        seen.add(away)
        assert trader._cancel_rate(order) == published[min(away, 5) - 1]
    assert {1, 2, 3, 4, 5, 6} <= seen
