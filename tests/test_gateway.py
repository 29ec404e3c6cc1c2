"""What an agent may spend: reserved when it sends, settled when it hears; and its own limits."""

import pytest
from engine_kit import IOC, MARKET, Market

from market_sim.engine import EventKind
from market_sim.errors import EngineError

LISTING = (1_000, 10, 0, -2_000, 5_000)


def need(price, lots, tick_lot=1_000, rate=5_000):
    """Reservation of a buy: notional, the worst fee rounded down, and one atom of rounding per lot."""
    notional = price * lots * tick_lot
    return notional + (notional * rate // 10**8 + lots if rate > 0 else 0)


def words(reports):
    return [report.split(" ", 1)[1] for report in reports]


@pytest.fixture
def market(kernel_class):
    """Ann with 10 million atoms and 1000 of base, 5 ns from the venue and back; bob makes the other side."""
    market = Market(kernel_class, listing=LISTING)
    market.ann = market.agent("ann", usd=10_000_000, btc=1_000, entry=("constant", 5), report=("constant", 5))
    market.bob = market.agent("bob", usd=10**12, btc=10**6)
    return market.start()


def test_a_buy_reserves_price_and_worst_fee(market):
    market.buy(market.ann, 100, 7)
    assert market.money(market.ann) == (10_000_000 - need(100, 7), 1_000)
    assert market.truth(market.ann) == (10_000_000, 1_000)


def test_a_sale_reserves_its_goods(market):
    market.sell(market.ann, 100, 7)
    assert market.money(market.ann) == (10_000_000, 930)


def test_rebates_on_both_sides_reserve_no_fee(kernel_class):
    market = Market(kernel_class, listing=(1_000, 10, 0, -2_000, 0))
    ann = market.agent("ann", usd=700_000)
    market.start()
    market.buy(ann, 100, 7)
    assert market.money(ann)[0] == 0


def test_the_dearer_fee_counts_whichever_it_is(kernel_class):
    market = Market(kernel_class, listing=(1_000, 10, 0, 9_000, 5_000))
    ann = market.agent("ann", usd=10_000_000)
    market.start()
    market.buy(ann, 100, 7)
    assert market.money(ann)[0] == 10_000_000 - need(100, 7, rate=9_000)


def test_what_is_not_spendable_cannot_be_sent(market):
    most = next(lots for lots in range(1, 1_000) if need(100, lots + 1) > 10_000_000)
    assert market.buy(market.ann, 100, most + 1) == 1
    assert market.buy(market.ann, 100, most) == 2, "a refused order has used up its counter"
    assert market.buy(market.ann, 100, 1) == 3
    assert words(market.reports(market.ann)) == [
        "REJECTED 5.1 INSUFFICIENT_FUNDS left 0",
        "REJECTED 5.3 INSUFFICIENT_FUNDS left 0",
        f"ACCEPTED {most}@100 5.2",
    ]
    assert market.sell(market.ann, 100, 101) == 4
    assert words(market.reports(market.ann)) == ["REJECTED 5.4 INSUFFICIENT_FUNDS left 0"]


def test_a_local_reject_comes_when_the_order_would_have_left(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", usd=10, entry=("constant", 500), report=("constant", 500), decision_ns=30)
    market.start()
    market.run(100)
    market.buy(ann, 100, 1)
    assert market.reports() == ["130 REJECTED 5.1 INSUFFICIENT_FUNDS left 0"]
    assert market.notices[-1][-1] == 130
    rows = market.kernel.drain_tape()["orders"]
    assert (list(rows["time_ns"]), list(rows["sent_ns"])) == ([130], [100])
    assert market.kernel.totals()["rejects"] == 1


def test_a_fill_releases_what_was_too_much(market):
    market.sell(market.bob, 90, 4)
    market.run(1)
    market.buy(market.ann, 100, 7)
    market.run(20)
    cost, fee = 90 * 4 * 1_000, -(-90 * 4 * 1_000 * 5_000 // 10**8)
    assert market.money(market.ann) == (10_000_000 - need(100, 3) - cost - fee, 1_040)
    assert market.truth(market.ann) == (10_000_000 - cost - fee, 1_040)
    market.kernel.cancel(market.ann, 1)
    market.run(40)
    assert market.money(market.ann) == market.truth(market.ann)


def test_ioc_and_rejects_release_everything(market):
    market.buy(market.ann, 100, 7, tif=IOC)
    market.buy(market.ann, 100, 7, post_only=True, tif=IOC)
    assert words(market.reports(market.ann)) == [
        "ACCEPTED 7@100 5.1",
        "CANCELLED 7@100 of 5.1 IMMEDIATE_OR_CANCEL",
        "REJECTED 5.2 INVALID_COMBINATION left 0",
    ]
    assert market.money(market.ann) == (10_000_000, 1_000)


def test_a_sale_is_paid_when_it_is_heard_of(market):
    market.buy(market.bob, 100, 4)
    market.run(1)
    market.sell(market.ann, 95, 7)
    market.run(20)
    fee = -(-100 * 4 * 1_000 * 5_000 // 10**8)
    assert market.money(market.ann) == (10_000_000 + 400_000 - fee, 930)
    assert market.truth(market.ann) == (10_000_000 + 400_000 - fee, 960)


def test_a_market_buy_needs_a_protection_price(market):
    market.sell(market.bob, 100, 5)
    market.buy(market.ann, None, 3, order_type=MARKET)
    market.buy(market.ann, 120, 3, order_type=MARKET)
    market.sell(market.ann, None, 1, order_type=MARKET)
    assert market.money(market.ann) == (10_000_000 - need(120, 3), 990)
    reports = words(market.reports(market.ann))
    assert reports[0] == "REJECTED 5.1 PROTECTION_REQUIRED left 0"
    assert "FILL 3@100 left 0 of 5.2 fee 15" in reports
    assert reports[-1] == "CANCELLED 1@0 of 5.3 NO_LIQUIDITY"
    assert market.money(market.ann) == market.truth(market.ann)


def test_short_selling_is_a_switch(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann", btc=0, short=True), market.agent("bob")
    market.start()
    market.buy(bob, 100, 5)
    market.sell(ann, 100, 5)
    market.run()
    assert market.money(ann) == (1_000_500, -5)


def test_unlimited_credit_checks_nothing_but_keeps_account(kernel_class):
    market = Market(kernel_class)
    ann, bob = market.agent("ann", usd=0, btc=0, unlimited=True), market.agent("bob")
    market.start()
    market.buy(ann, 100, 5)
    assert market.money(ann) == (0, 0)
    market.sell(bob, 100, 5)
    market.run()
    assert market.money(ann) == (-500, 5)
    market.buy(ann, None, 5, order_type=MARKET)
    assert words(market.reports(ann)) == ["ACCEPTED 5@0 5.2", "CANCELLED 5@0 of 5.2 NO_LIQUIDITY"]


# --- replacements -------------------------------------------------------------------------------------------


def test_a_replacement_reserves_the_dearer_version_until_it_is_known(market):
    market.buy(market.ann, 100, 7)
    market.run(10)
    market.kernel.replace(market.ann, 1, 110, 7)
    assert market.money(market.ann)[0] == 10_000_000 - need(110, 7)
    market.run(20)
    assert market.money(market.ann)[0] == 10_000_000 - need(110, 7)
    market.kernel.replace(market.ann, 1, 110, 3)
    assert market.money(market.ann)[0] == 10_000_000 - need(110, 7), "until the venue has agreed"
    market.run(30)
    assert market.money(market.ann)[0] == 10_000_000 - need(110, 3)


def test_a_refused_replacement_goes_back(market):
    market.sell(market.bob, 105, 1)
    market.buy(market.ann, 100, 7, post_only=True)
    market.run(10)
    market.kernel.replace(market.ann, 1, 110, 7)
    assert market.money(market.ann)[0] == 10_000_000 - need(110, 7)
    assert words(market.reports(market.ann)) == ["REPLACE_REJECTED 5.1 POST_ONLY_WOULD_CROSS left 7"]
    assert market.money(market.ann)[0] == 10_000_000 - need(100, 7)


def test_a_replacement_that_cannot_be_paid_stays_here(market):
    market.buy(market.ann, 100, 90)
    market.run(10)
    before = market.money(market.ann)
    market.kernel.replace(market.ann, 1, 120, 90)
    assert market.reports() == ["10 REPLACE_REJECTED 5.1 INSUFFICIENT_FUNDS left 90"]
    assert market.money(market.ann) == before


def test_a_replacement_counts_what_has_traded(market):
    market.sell(market.bob, 100, 4)
    market.buy(market.ann, 100, 10)
    market.run(20)
    before = market.money(market.ann)[0]
    assert market.truth(market.ann)[0] - before == need(100, 6)
    market.kernel.replace(market.ann, 1, 101, 12)
    assert market.truth(market.ann)[0] - market.money(market.ann)[0] == need(101, 8)
    market.run(40)
    assert market.truth(market.ann)[0] - market.money(market.ann)[0] == need(101, 8)


def test_a_fill_heard_of_meanwhile_frees_nothing_that_a_replacement_may_need(kernel_class):
    """The dearer version is still under way: what it may cost must not be spent on something else."""
    market = Market(kernel_class)
    ann = market.agent("ann", usd=1_000, entry=("series", (0, 1), (0, 50)), report=("constant", 10))
    bob = market.agent("bob")
    market.start()
    market.buy(ann, 100, 5)
    market.run(5)
    market.sell(bob, 100, 1)
    market.run(6)
    market.kernel.replace(ann, 1, 200, 5)  # arrives at 56
    assert market.money(ann)[0] == 0
    market.run(20)  # the fill has been heard of: 4 lots are left, at 200 they may cost 800
    assert market.money(ann)[0] == 100
    market.kernel.replace(ann, 1, 150, 5)
    market.run(66)
    assert market.money(ann)[0] == 100, "the first replacement is done, the second needs less"
    market.run(100)
    assert market.money(ann)[0] == 300


def test_answers_to_replacements_come_in_their_order(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", usd=1_000, entry=("constant", 50))
    bob = market.agent("bob")
    market.start()
    market.sell(bob, 110, 1)
    market.buy(ann, 100, 2, post_only=True)
    market.run(60)
    market.kernel.replace(ann, 1, 120, 2)  # will be refused: it would cross
    market.run(70)
    market.kernel.replace(ann, 1, 105, 4)
    assert market.money(ann)[0] == 1_000 - 420
    market.run(110)
    assert words(market.reports(ann, 110)) == []
    assert market.notices[-1][4] == EventKind.REPLACE_REJECTED
    assert market.money(ann)[0] == 1_000 - 420
    market.run(120)
    assert market.notices[-1][4] == EventKind.REPLACED
    assert market.money(ann)[0] == 1_000 - 420
    market.kernel.replace(ann, 1, 100, 1)
    market.kernel.cancel(ann, 1)
    market.run(200)
    assert market.money(ann)[0] == 1_000


def test_cancel_and_replace_of_an_order_that_is_not_open(market):
    market.buy(market.ann, 100, 7)
    market.kernel.cancel(market.ann, 2)
    market.kernel.replace(market.ann, 2, 100, 5)
    market.kernel.cancel(market.ann, 1)  # before the acknowledgement: the counter is enough
    assert words(market.reports(market.ann)) == [
        "CANCEL_REJECTED 5.2 UNKNOWN_ORDER left 0",
        "REPLACE_REJECTED 5.2 UNKNOWN_ORDER left 0",
        "ACCEPTED 7@100 5.1",
        "CANCELLED 7@100 of 5.1 REQUESTED",
    ]
    market.kernel.cancel(market.ann, 1)
    assert words(market.reports(market.ann)) == ["CANCEL_REJECTED 5.1 UNKNOWN_ORDER left 0"]


def test_a_cancel_that_comes_too_late_is_refused_by_the_venue(market):
    market.buy(market.ann, 100, 7)
    market.run(5)
    market.sell(market.bob, 100, 7)
    market.kernel.cancel(market.ann, 1)
    assert words(market.reports(market.ann)) == [
        "ACCEPTED 7@100 5.1",
        "FILL 7@100 left 0 of 5.1 maker fee -14",
        "CANCEL_REJECTED 5.1 UNKNOWN_ORDER left 0",
    ]


# --- limits -------------------------------------------------------------------------------------------------


def test_open_orders_and_order_size_are_limited(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", max_open_orders=2)
    market.kernel.set_order_limit(ann, market.listings[0], 10)
    market.start()
    market.buy(ann, 100, 11)
    market.buy(ann, 100, 10)
    market.buy(ann, 100, 1)
    market.buy(ann, 100, 1)
    assert words(market.reports()) == [
        "REJECTED 5.1 ORDER_SIZE_LIMIT left 0",
        "REJECTED 5.4 OPEN_ORDER_LIMIT left 0",
        "ACCEPTED 10@100 5.2",
        "ACCEPTED 1@100 5.3",
    ]
    market.kernel.replace(ann, 3, 100, 11)
    market.kernel.cancel(ann, 2)
    assert words(market.reports()) == [
        "REPLACE_REJECTED 5.3 ORDER_SIZE_LIMIT left 1",
        "CANCELLED 10@100 of 5.2 REQUESTED",
    ]
    market.buy(ann, 100, 1)
    assert words(market.reports()) == ["ACCEPTED 1@100 5.5"]


def test_local_checks_in_their_order(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", usd=0, btc=0, max_open_orders=1, short=True)
    market.kernel.set_order_limit(ann, market.listings[0], 10)
    market.start()
    market.sell(ann, 100, 1)
    market.run()
    for price, size in ((0, 0), (1, 0), (None, 11)):
        market.buy(ann, price, size, order_type=MARKET)
    market.kernel.cancel(ann, 1)
    assert words(market.reports())[:3] == [
        "REJECTED 5.2 PRICE_OUT_OF_RANGE left 0",
        "REJECTED 5.3 SIZE_OUT_OF_RANGE left 0",
        "REJECTED 5.4 OPEN_ORDER_LIMIT left 0",
    ]
    for price, size in ((None, 11), (None, 10), (5, 10)):
        market.buy(ann, price, size, order_type=MARKET)
    assert words(market.reports()) == [
        "REJECTED 5.5 ORDER_SIZE_LIMIT left 0",
        "REJECTED 5.6 PROTECTION_REQUIRED left 0",
        "REJECTED 5.7 INSUFFICIENT_FUNDS left 0",
    ]


def test_an_order_for_no_listing_is_a_programming_error(market):
    with pytest.raises(EngineError, match="listing"):
        market.kernel.new_order(market.ann, 7, 0, 0, 0, False, 100, 1)
    with pytest.raises(EngineError, match="listing"):
        market.kernel.new_order(market.ann, -1, 0, 0, 0, False, 100, 1)
    for code in (2, 3):
        with pytest.raises(ValueError, match="side"):
            market.kernel.new_order(market.ann, 0, code, 0, 0, False, 100, 1)
    assert market.buy(market.ann, 100, 1) == 1, "no counter was used"


def test_extremes_do_not_wrap(kernel_class):
    """What no balance could hold is refused for lack of funds; the venue refuses it for those with credit."""
    market = Market(kernel_class, listing=(2**20, 2**20, 0, 0, 10**8))
    ann, rich = market.agent("ann"), market.agent("rich", unlimited=True)
    market.start()
    for agent in (ann, rich):
        market.buy(agent, 2**53, 2**48)
        market.sell(agent, 2**53, 2**48)
        market.buy(agent, 2**63 - 1, 2**63 - 1)
    assert words(market.reports()) == [
        "REJECTED 5.1 INSUFFICIENT_FUNDS left 0",
        "REJECTED 5.2 INSUFFICIENT_FUNDS left 0",
        "REJECTED 5.3 PRICE_OUT_OF_RANGE left 0",
        "REJECTED 6.3 PRICE_OUT_OF_RANGE left 0",
        "REJECTED 6.1 NOTIONAL_OVERFLOW left 0",
        "REJECTED 6.2 NOTIONAL_OVERFLOW left 0",
    ]
