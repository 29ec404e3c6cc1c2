"""Orders of every type in a whole market: what they reserve, when they end, what their owners hear."""

import pytest
from engine_kit import BUY, GTC, GTD, LIMIT, MARKET, MARKET_TO_LIMIT, SELL, STOP, TRAILING_STOP, Market

from market_sim.engine import NoticeKind, Peg, Phase


@pytest.fixture
def market(kernel_class):
    """Ann and Bob have funds and no credit; 10 ns to the venue, 5 ns back."""
    market = Market(kernel_class)
    way = {"entry": ("constant", 10), "report": ("constant", 5)}
    market.ann, market.bob = market.agent("ann", **way), market.agent("bob", **way)
    return market.start()


def send(market, agent, side, price, size, order_type=LIMIT, tif=GTC, **terms):
    kernel, listing = market.kernel, market.listings[0]
    return kernel.new_order_ex(agent, listing, side, order_type, tif, False, price, size, **terms)


def test_an_order_ends_at_its_time_and_not_before(market):
    send(market, market.ann, BUY, 100, 5, tif=GTD, expire_ns=50)
    assert market.reports(until_ns=49) == ["15 ACCEPTED 5@100 5.1"]
    assert market.reports(until_ns=60) == ["55 CANCELLED 5@100 of 5.1 EXPIRED"]
    assert market.money(market.ann) == market.truth(market.ann)


def test_the_earliest_of_many_ends_first(market):
    for end in (90, 70, 80):
        send(market, market.ann, BUY, 100, 1, tif=GTD, expire_ns=end)
    market.run(20)
    market.kernel.cancel(market.ann, 2)
    assert market.reports(until_ns=100) == [
        "35 CANCELLED 1@100 of 5.2 REQUESTED",
        "85 CANCELLED 1@100 of 5.3 EXPIRED",
        "95 CANCELLED 1@100 of 5.1 EXPIRED",
    ]


def test_an_order_that_comes_too_late_for_its_time_is_refused(market):
    send(market, market.ann, BUY, 100, 5, tif=GTD, expire_ns=10)
    assert market.reports() == ["15 REJECTED 5.1 INVALID_TERMS left 0"]
    assert market.money(market.ann)[0] == 1_000_000


def test_a_stop_reserves_by_its_worst_price_and_its_owner_hears_of_the_election(market):
    send(market, market.ann, BUY, 105, 5, order_type=STOP, stop_price=102)
    assert market.money(market.ann)[0] == 1_000_000 - 5 * 105
    market.sell(market.bob, 102, 9)
    market.buy(market.bob, 102, 1, order_type=MARKET)
    market.run(100)
    market.kernel.replace_ex(market.ann, 1, None, 4, stop_price=103)
    assert market.money(market.ann)[0] == 1_000_000 - 5 * 105, "until the venue answers"
    assert market.reports(market.ann) == ["115 REPLACED 4@105 left 4 of 5.1"]
    assert market.money(market.ann)[0] == 1_000_000 - 4 * 105


def test_an_elected_stop_trades_and_settles(kernel_class):
    market = Market(kernel_class)
    ann, bob, cat = (market.agent(name) for name in ("ann", "bob", "cat"))
    market.start()
    send(market, ann, BUY, 105, 5, order_type=STOP, stop_price=102)
    market.sell(bob, 102, 9)
    market.buy(cat, 102, 1)
    assert market.reports(ann) == [
        "0 ACCEPTED 5@105 5.1",
        "0 TRIGGERED 5@102 5.1 STOP",
        "0 FILL 5@102 left 0 of 5.1",
    ]
    assert market.money(ann) == market.truth(ann) == (1_000_000 - 5 * 102, 1_000_005)
    assert list(market.kernel.ledger_imbalance()) == [0, 0]


@pytest.mark.parametrize(
    ("order_type", "terms"),
    [
        (MARKET_TO_LIMIT, {}),
        (MARKET, {"protection_ticks": 3}),
        (STOP, {"stop_price": 100}),
        (TRAILING_STOP, {"trail_ticks": 3, "trigger_limit_ticks": 2}),
        (LIMIT, {"peg": Peg.PRIMARY}),
    ],
)
def test_a_buy_that_nothing_bounds_needs_credit(kernel_class, order_type, terms):
    market = Market(kernel_class)
    poor, rich = market.agent("poor"), market.agent("rich", unlimited=True)
    market.start()
    for agent, side in ((poor, BUY), (rich, BUY), (poor, SELL)):
        send(market, agent, side, None, 5, order_type=order_type, **terms)
    first = {}
    for report in market.reports():
        order = next(word for word in report.split() if word.startswith(("5.", "6.")))
        first.setdefault(order, " ".join(report.split()[1:]))
    assert first["5.1"] == "REJECTED 5.1 PROTECTION_REQUIRED left 0"
    assert first["6.1"].startswith("ACCEPTED")
    assert first["5.2"].startswith("ACCEPTED"), "a sale costs what it sells, whatever the price"


def test_a_peg_keeps_what_its_limit_may_cost(market):
    market.buy(market.bob, 95, 1)
    market.sell(market.bob, 110, 9)
    market.run(20)
    send(market, market.ann, BUY, 100, 5, peg=Peg.PRIMARY)
    assert "ACCEPTED 5@95 5.1" in market.reports(market.ann)[0]
    market.buy(market.bob, 98, 1)
    assert "REPRICED 5@98 5.1" in market.reports(market.ann)[0]
    assert market.money(market.ann)[0] == 1_000_000 - 5 * 100
    market.kernel.replace(market.ann, 1, 97, 5)
    market.run()
    assert market.money(market.ann)[0] == 1_000_000 - 5 * 97, "the new limit, not the price where it stands"


def test_an_auction_pays_as_any_trade_does(market):
    market.kernel.set_phase(0, int(Phase.OPENING_AUCTION))
    market.buy(market.ann, 105, 5)
    market.sell(market.bob, 99, 8)
    assert len(market.reports()) == 2, "nothing trades while orders gather"
    market.kernel.set_phase(0, int(Phase.CONTINUOUS))
    notices = market.run()
    assert [notice[4] for notice in notices if notice[0] == NoticeKind.PHASE] == [Phase.CONTINUOUS] * 2
    price = market.kernel.last_trade(0)
    assert market.truth(market.ann) == (1_000_000 - 5 * price, 1_000_005)
    assert market.truth(market.bob) == (1_000_000 + 5 * price, 999_995)
    assert market.money(market.ann) == market.truth(market.ann)
    assert list(market.kernel.ledger_imbalance()) == [0, 0]


def test_a_lost_connection_takes_the_orders_of_those_who_asked_for_it(market):
    market.kernel.set_cancel_on_disconnect(market.ann, True)
    for agent in (market.ann, market.bob):
        market.buy(agent, 90, 5)
    send(market, market.ann, SELL, None, 5, order_type=STOP, stop_price=80)
    market.run(100)
    for agent in (market.ann, market.bob):
        market.kernel.disconnect(agent)
    assert market.reports() == [
        "105 CANCELLED 5@90 of 5.1 DISCONNECTED",
        "105 CANCELLED 5@0 of 5.2 DISCONNECTED",
    ]
    assert market.money(market.ann) == (1_000_000, 1_000_000)


def test_an_agent_that_is_taken_out_leaves_no_stop_behind(market):
    send(market, market.ann, SELL, None, 5, order_type=STOP, stop_price=80)
    market.run(100)
    market.kernel.disable_agent(market.ann)
    market.run()
    assert market.kernel.spendable(market.ann, 0, market.btc) == 1_000_000


def test_terms_are_in_the_log(kernel_class):
    hashes = set()
    for terms in ({}, {"display_lots": 2}, {"display_lots": 3}, {"minimum_lots": 1}):
        market = Market(kernel_class)
        ann = market.agent("ann")
        market.start()
        send(market, ann, BUY, 100, 5, **terms)
        market.run()
        hashes.add(market.kernel.event_log_hash())
    assert len(hashes) == 4
