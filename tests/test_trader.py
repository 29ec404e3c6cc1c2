import logging
import random

import pytest
from market_kit import MS, SECOND, Noise, Scripted, Watcher, plan, scripted, two_venues

from agents.base import CancelReason, OrderError, RejectReason, Side, Trader
from market_sim import AgentError, Market

L = "NORTH:BTC/USD"


def played(engine_name, agents, table=None, until=None):
    made = Market(table or plan(), seed=7, engine=engine_name, agents=agents)
    made.run(until)
    return made


def maker(bid=99, ask=101, size=2):
    return scripted({MS: lambda t: (t.buy(L, size, bid), t.sell(L, size, ask))}, name="maker")


# Reports


def test_an_order_is_sent_open_and_filled_as_its_reports_arrive(engine_name):
    seen = []

    def look(t):
        seen.append(
            dict(t.orders) and [(o.id, o.status, o.leaves, o.filled, o.price) for o in t.orders.values()]
        )

    def send(t):
        t.order = t.buy(L, 2, 99)
        look(t)

    buyer = scripted({SECOND: send, SECOND + 8 * MS: look, 2 * SECOND: look}, name="buyer")
    seller = scripted({1500 * MS: lambda t: t.sell(L, "0.5", 99)}, name="seller")
    played(engine_name, [buyer, seller])
    assert buyer.order == 1
    assert seen == [
        [(1, "sent", 2.0, 0.0, 99.0)],
        [(1, "open", 2.0, 0.0, 99.0)],
        [(1, "open", 1.5, 0.5, 99.0)],
    ]
    ((fill_ns, fill),) = buyer.heard_of("fill")
    assert fill_ns == fill.time_ns == 1500 * MS + 3 * MS + 5 * MS
    assert fill.venue_ns == 1500 * MS + 3 * MS
    assert (fill.order_id, fill.side, fill.price, fill.size, fill.leaves) == (1, Side.BUY, 99.0, 0.5, 1.5)
    assert fill.is_maker
    assert fill.fee == pytest.approx(-0.5 * 99 * 0.2e-4)
    ((_, taken),) = seller.heard_of("fill")
    assert not taken.is_maker
    assert taken.fee == pytest.approx(0.5 * 99 * 0.5e-4)
    assert taken.order.status == "filled"
    assert seller.orders == {}


def test_a_replace_changes_the_record_when_it_is_answered(engine_name):
    def change(t):
        t.replace(1, price=98, size=3)
        order = t.orders[1]
        t.note("asked", (order.price, order.asked_ticks, order.asked_lots, order.replaces_sent))

    trader = scripted(
        {MS: lambda t: t.buy(L, 2, 99), SECOND: change, 2 * SECOND: lambda t: t.replace(1, size=1)}
    )
    made = Market(plan(), engine=engine_name, agents=[trader])
    made.step_to("3s")
    assert trader.heard_of("asked")[0][1] == (99.0, 9800, 3000, 1)
    assert [what for _, what in trader.heard_of("accepted")] == [
        (1, 99.0, 2.0, 2.0),
        (1, 98.0, 3.0, 3.0),
        (1, 98.0, 1.0, 1.0),
    ]
    order = trader.orders[1]
    assert (order.status, order.price, order.size, order.leaves, order.replaces_sent) == (
        "open",
        98.0,
        1.0,
        1.0,
        0,
    )


def test_cancel_and_cancel_all_ask_once_for_each_order(engine_name):
    def cancel(t):
        t.cancel(2)
        t.note("count", (t.cancel_all(), t.cancel_all()))

    trader = scripted({MS: lambda t: [t.buy(L, 1, price) for price in (97, 98, 99)], SECOND: cancel})
    made = played(engine_name, [trader])
    assert trader.heard_of("count")[0][1] == (2, 0)
    cancelled = [
        (what.order_id, what.reason, what.size, what.leaves) for _, what in trader.heard_of("cancelled")
    ]
    assert cancelled == [(number, CancelReason.REQUESTED, 1.0, 0.0) for number in (2, 1, 3)]
    assert made.kernel.totals()["cancels"] == 3
    assert trader.orders == {}


def test_an_order_can_be_cancelled_before_it_is_acknowledged(engine_name):
    trader = scripted({SECOND: lambda t: t.cancel(t.buy(L, 1, 99))})
    played(engine_name, [trader])
    assert [hook for hook, _, _ in trader.heard][:2] == ["accepted", "cancelled"]


def test_rejects_say_what_was_refused_where_and_why(engine_name):
    def send(t):
        t.buy(L, 1, 99, post_only=True)
        t.buy(L, 1, 102, post_only=True)
        t.cancel(77)
        t.buy(L, 1, 100_000_000)

    poor = {"endowment": {"NORTH": {"USD": 1000}}, "credit": "none"}
    trader = scripted({SECOND: send}, name="poor", **poor)
    played(engine_name, [maker(), trader])
    told = [
        (reject.kind.name, reject.reason, reject.order_id, at_ns)
        for at_ns, reject in trader.heard_of("reject")
    ]
    assert told == [
        ("CANCEL_REJECTED", RejectReason.UNKNOWN_ORDER, 77, SECOND),
        ("REJECTED", RejectReason.INSUFFICIENT_FUNDS, 3, SECOND),
        ("REJECTED", RejectReason.POST_ONLY_WOULD_CROSS, 2, SECOND + 8 * MS),
    ]
    assert [what[0] for _, what in trader.heard_of("accepted")] == [1]


def test_limits_of_an_agent_are_kept_by_its_own_gateway(engine_name):
    limits = {"max_open_orders": 1, "max_order_size": 2}
    trader = scripted({MS: lambda t: (t.buy(L, 3, 90), t.buy(L, 2, 90), t.buy(L, 1, 90))}, limits=limits)
    played(engine_name, [trader])
    assert [reject.reason for _, reject in trader.heard_of("reject")] == [
        RejectReason.ORDER_SIZE_LIMIT,
        RejectReason.OPEN_ORDER_LIMIT,
    ]


def test_self_trades_are_prevented_unless_the_agent_says_otherwise(engine_name):
    def both(t):
        t.buy(L, 1, 100)
        t.sell(L, 1, 100)

    careful, careless = (
        scripted({MS: both}, name="careful"),
        scripted({MS: both}, name="careless", stp="none"),
    )
    assert played(engine_name, [careful]).kernel.totals()["fills"] == 0
    assert careful.heard_of("cancelled")[0][1].reason is CancelReason.SELF_TRADE
    assert played(engine_name, [careless]).kernel.totals()["fills"] == 1
    assert careless.account.balance("BTC") == 0


# Market orders


def test_a_market_order_is_protected_by_the_agents_own_view(engine_name):
    def take(t):
        t.buy(L, 1, protection_bps=25)
        t.note("price", t.orders[1].price)
        t.sell(L, 1, protection_bps=25)
        t.note("price", t.orders[2].price)

    taker = scripted({SECOND: take}, name="taker")
    played(engine_name, [maker(99.01, 101.01, 1), taker])
    # 101.01 * 1.0025 = 101.262525 and 99.01 * 0.9975 = 98.762475, each rounded outward to the tick.
    assert [what for _, what in taker.heard_of("price")] == [101.27, 98.76]
    assert [fill.price for _, fill in taker.heard_of("fill")] == [101.01, 99.01]


def test_what_a_market_order_does_not_find_is_cancelled_not_left_at_the_protection_price(engine_name):
    taker = scripted({SECOND: lambda t: t.buy(L, 5)}, name="taker")
    made = Market(plan(), engine=engine_name, agents=[maker(), taker])
    made.step_to("2s")
    assert taker.heard_of("fill")[0][1].size == 2
    assert taker.heard_of("cancelled")[0][1].reason is CancelReason.IMMEDIATE_OR_CANCEL
    assert made.kernel.true_bbo(0) == (9900, 2000, None, 0)


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_without_a_view_a_market_order_is_rejected_on_the_spot(engine_name, side):
    # 9 ms after the maker sent: its order stands at the venue, but the news of it is still on its way.
    taker = scripted({9 * MS: lambda t: getattr(t, side)(L, 1)}, name="taker")
    played(engine_name, [maker(), taker])
    ((at_ns, reject),) = taker.heard_of("reject")
    assert at_ns == 9 * MS
    assert reject.reason is RejectReason.PROTECTION_REQUIRED
    assert taker.heard_of("fill") == []


def test_fill_or_kill_and_immediate_or_cancel(engine_name):
    taker = scripted(
        {SECOND: lambda t: (t.buy(L, 3, 101, tif="FOK"), t.buy(L, 3, 101, tif="IOC"))}, name="taker"
    )
    played(engine_name, [maker(), taker])
    assert [(what.order_id, what.reason.name, what.size) for _, what in taker.heard_of("cancelled")] == [
        (1, "FILL_OR_KILL", 3.0),
        (2, "IMMEDIATE_OR_CANCEL", 1.0),
    ]


# Quotes of one's own


class Quoter(Scripted):
    def show(self):
        kernel = self.market.kernel
        return [
            [(price / 100, lots / 1000, orders) for price, lots, orders in kernel.true_depth(0, side, 9)]
            for side in (0, 1)
        ]


def test_quote_keeps_one_bid_and_one_ask(engine_name):
    quoter = scripted(
        {
            MS: lambda t: t.quote(L, 99, 101, 1),
            1 * SECOND: lambda t: t.quote(L, 99, 101, 1),
            2 * SECOND: lambda t: t.quote(L, "99.5", "101.5", 1),
            3 * SECOND: lambda t: t.quote(L, 103, 104, 1, ask_size=2),
            4 * SECOND: lambda t: t.quote(L, 97, 98, 1),
            5 * SECOND: lambda t: t.quote(L, None, 98, 1),
            6 * SECOND: lambda t: t.quote(L, 97, None, 1),
        },
        Quoter,
    )
    made = Market(plan(), engine=engine_name, agents=[quoter])
    books = []
    for second in range(1, 8):
        made.step_to(f"{second * 1000 - 10}ms")
        books.append(quoter.show())
    assert books == [
        [[(99, 1, 1)], [(101, 1, 1)]],
        [[(99, 1, 1)], [(101, 1, 1)]],
        [[(99.5, 1, 1)], [(101.5, 1, 1)]],
        [[(103, 1, 1)], [(104, 2, 1)]],
        [[(97, 1, 1)], [(98, 1, 1)]],
        [[], [(98, 1, 1)]],
        [[(97, 1, 1)], []],
    ]
    totals = made.kernel.totals()
    assert (totals["fills"], totals["rejects"]) == (0, 0)
    # Two orders to begin with, one more when the bid came back; nothing was sent for a quote that stood.
    assert (totals["orders"], totals["replaces"], totals["cancels"]) == (3, 6, 2)


def test_quote_restores_the_open_size_after_a_fill(engine_name):
    quoter = scripted(
        {MS: lambda t: t.quote(L, 99, 101, 2), 2 * SECOND: lambda t: t.quote(L, 99, 101, 2)}, Quoter
    )
    seller = scripted({SECOND: lambda t: t.sell(L, "0.5", 99)}, name="seller")
    made = Market(plan(), engine=engine_name, agents=[quoter, seller])
    made.step_to("1500ms")
    assert quoter.show()[0] == [(99, 1.5, 1)]
    made.step_to("3s")
    assert quoter.show()[0] == [(99, 2, 1)]
    bid = next(order for order in quoter.orders.values() if order.side is Side.BUY)
    assert (bid.size, bid.leaves, bid.filled) == (2.5, 2.0, 0.5)


# Names, time, draws, words


def test_listings_are_found_by_name_by_instrument_or_as_themselves(engine_name):
    trader = scripted({})
    played(engine_name, [trader], two_venues(), until="1s")
    north, south = trader.listings
    assert trader.listing(L) is north
    assert trader.listing("BTC/USD", "SOUTH") is south
    assert trader.listing(south) is south
    with pytest.raises(
        OrderError, match=r"BTC/USD is listed on several venues.*NORTH:BTC/USD, SOUTH:BTC/USD"
    ):
        trader.listing("BTC/USD")
    with pytest.raises(OrderError, match="does not trade 'EAST:BTC/USD'"):
        trader.listing("BTC/USD", "EAST")
    single = scripted({}, listings=["SOUTH:BTC/USD"])
    played(engine_name, [single], two_venues(), until="1s")
    assert single.listing("BTC/USD").venue == "SOUTH"
    with pytest.raises(OrderError, match="does not trade 'NORTH:BTC/USD'"):
        single.listing(L)


def test_decision_time_delays_what_is_sent(engine_name):
    trader = scripted({SECOND: lambda t: t.buy(L, 1, 99)}, decision="20ms")
    played(engine_name, [trader])
    assert trader.heard_of("accepted")[0][0] == SECOND + 20 * MS + 3 * MS + 5 * MS


def test_wakes_take_text_or_nanoseconds(engine_name):
    class Waker(Scripted):
        def on_start(self):
            self.heard = []
            for delay in ("250ms", 17, "1s500ms"):
                self.wake_in(delay)

        def on_wake(self):
            self.note("wake")

    trader = Waker()
    played(engine_name, [trader])
    assert [at_ns for at_ns, _ in trader.heard_of("wake")] == [17, 250 * MS, 1500 * MS]


def test_the_log_carries_simulated_time(engine_name, caplog):
    trader = scripted(
        {1500 * MS: lambda t: t.log("bought %s of %d", "half", 4, level=logging.WARNING)}, name="max"
    )
    with caplog.at_level(logging.INFO, "market_sim"):
        played(engine_name, [trader])
    (record,) = [record for record in caplog.records if record.name == "market_sim.agent.max"]
    assert record.getMessage() == "[00:00:01.500] max: bought half of 4"
    assert record.simulated_ns == 1500 * MS
    assert record.levelno == logging.WARNING


def test_a_percent_sign_in_a_message_without_arguments_is_just_that(engine_name, caplog):
    trader = scripted({MS: lambda t: t.log("90 % sure")}, name="max")
    with caplog.at_level(logging.INFO, "market_sim"):
        played(engine_name, [trader], until="1s")
    assert "max: 90 % sure" in caplog.text


def test_draws_come_from_a_stream_of_its_own(engine_name):
    random.seed(1)
    made = played(engine_name, [Noise(name="a"), Noise(name="b")])
    a, b = made.trader("a"), made.trader("b")
    assert a.random is a.random
    assert a.random is not b.random
    assert a.random is not made.random
    assert a.random.random() != b.random.random()
    random.seed(1)
    before = random.random()
    random.seed(1)
    played(engine_name, [Noise(name="a")])
    assert random.random() == before


def test_only_declared_and_kept_portability_counts(engine_name):
    class Numpy(Noise):
        def on_start(self):
            super().on_start()
            self.drawn = self.rng.normal(size=2).tolist()

    class Logarithm(Noise):
        def on_start(self):
            super().on_start()
            self.random.lognormvariate(0, 1)

    assert played(engine_name, [Noise()], until="1s").portable
    first, again = (played(engine_name, [Numpy(name="n")], until="1s") for _ in range(2))
    assert not first.portable
    assert first.trader("n").drawn == again.trader("n").drawn
    assert not played(engine_name, [Logarithm()], until="1s").portable
    assert not played(engine_name, [Noise(), scripted({})], until="1s").portable


def test_parameters_are_declared_by_annotations():
    class Fancy(Trader):
        kept: "list[int]" = [1, 2]  # noqa: RUF012
        wide: float = 0.05
        deep: int = 3
        loud: bool = False
        word: str | None = None
        not_a_parameter = 7

    plain, given = Fancy(), Fancy(wide=2, word="x", kept=[3])
    assert (plain.kept, plain.wide, plain.deep, plain.loud, plain.word) == ([1, 2], 0.05, 3, False, None)
    assert (given.kept, given.wide, given.word) == ([3], 2.0, "x")
    plain.kept.append(9)
    assert Fancy().kept == [1, 2]
    for bad in ({"deep": 1.5}, {"loud": 1}, {"deep": True}, {"wide": "1"}, {"not_a_parameter": 1}):
        with pytest.raises(Exception, match=next(iter(bad))):
            Fancy(**bad)


def test_a_trader_that_hides_its_init_is_told_what_to_do(engine_name):
    class Old(Trader):
        def __init__(self, model):
            super().__init__()

    Old.__module__, Old.__qualname__ = __name__, "Old"
    globals()["Old"] = Old
    table = plan(agents=[{"name": "old", "kind": f"{__name__}:Old"}])
    with pytest.raises(Exception, match=r"agents.old.*cannot be made.*on_start"):
        Market(table, engine=engine_name)


def test_after_the_end_nothing_can_be_sent(engine_name):
    trader = scripted({})
    played(engine_name, [trader])
    for act in (lambda: trader.buy(L, 1, 1), lambda: trader.cancel(1), lambda: trader.quote(L, 1, 2, 1)):
        with pytest.raises(OrderError, match="the session is over"):
            act()


def test_hooks_hear_prices_and_sizes_that_print_well(engine_name):
    watcher = scripted({}, Watcher, name="watcher")
    taker = scripted({SECOND: lambda t: t.buy(L, 1, 101)}, name="taker")
    played(engine_name, [maker(), taker, watcher], until="2s")
    ((_, trade),) = watcher.heard_of("trade")
    assert repr(trade) == f"Trade({L}, BUY, 1.0 at 101.0, time_ns={SECOND + 10 * MS})"
    ((_, fill),) = taker.heard_of("fill")
    assert "Fill(NORTH:BTC/USD, order_id=1, BUY, 1.0 at 101.0, leaves=0.0" in repr(fill)
    assert "Order(1, NORTH:BTC/USD, BUY, price=101.0" in repr(fill.order)


def test_an_error_in_a_helper_of_the_trader_names_the_hook(engine_name):
    class Deep(Scripted):
        def on_quote(self, quote):
            self.helper(quote)

        def helper(self, quote):
            raise KeyError(quote.bid)

    with pytest.raises(AgentError, match=r"(?s)'Deep' in on_quote at 11000000 ns: KeyError: 99.0.*in helper"):
        played(engine_name, [maker(), scripted({}, Deep)])
