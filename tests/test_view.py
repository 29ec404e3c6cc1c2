import pytest
from hypothesis import given
from hypothesis import strategies as st
from market_kit import MS, SECOND, US, Scripted, Watcher, crowd, plan, scripted, two_venues
from test_listing import listing

from agents.base import OrderError
from market_sim import Market, ScenarioError
from market_sim.view import View

L = "NORTH:BTC/USD"


def played(engine_name, agents, table=None, until=None, **options):
    made = Market(table or plan(), seed=7, engine=engine_name, agents=agents, **options)
    made.run(until)
    return made


def maker(at_ns=MS):
    return scripted({at_ns: lambda t: (t.buy(L, 2, 99), t.sell(L, 1, 101))}, name="maker")


# What arrives when. In this scenario: entry 3 ms, report 5 ms, data 7 ms.


def test_a_view_changes_exactly_when_the_data_has_travelled(engine_name):
    seen = {}

    def look(t):
        view = t.view(L)
        seen[t.now_ns] = (view.bid, view.ask, view.published_ns, view.update_no)

    arrival = 4 * MS + 7 * MS
    looker = scripted(dict.fromkeys((arrival - 1, arrival, arrival + 1), look), name="looker")
    played(engine_name, [maker(), looker])
    assert seen == {
        arrival - 1: (None, None, None, 0),
        arrival: (99.0, 101.0, 4 * MS, 2),
        arrival + 1: (99.0, 101.0, 4 * MS, 2),
    }


def test_inside_on_quote_the_view_is_exactly_that_update(engine_name):
    watcher = scripted({}, Watcher, name="watcher")
    played(engine_name, [*crowd(3), watcher])
    heard = watcher.heard_of("quote")
    assert len(heard) > 50
    for at_ns, (quote, view) in heard:
        assert at_ns == quote.time_ns == quote.published_ns + 7 * MS
        for name in (
            "bid_ticks",
            "bid_lots",
            "ask_ticks",
            "ask_lots",
            "update_no",
            "published_ns",
            "mid",
            "spread",
        ):
            assert getattr(quote, name) == getattr(view, name)


def test_trades_are_heard_as_late_as_quotes_and_the_last_one_is_remembered(engine_name):
    watcher = scripted({2 * SECOND: lambda t: t.note("view", t.view(L))}, Watcher, name="watcher")
    taker = scripted({SECOND: lambda t: t.buy(L, "0.4", 101)}, name="taker")
    played(engine_name, [maker(), taker, watcher])
    ((at_ns, trade),) = watcher.heard_of("trade")
    assert (at_ns, trade.traded_ns) == (SECOND + 10 * MS, SECOND + 3 * MS)
    assert (trade.price, trade.size, trade.side.name) == (101.0, 0.4, "BUY")
    view = watcher.heard_of("view")[0][1]
    assert view.last_price == 101.0
    assert view.last_trade == (10_100, 400, 0, SECOND + 3 * MS)


def test_two_agents_with_other_latencies_see_the_same_update_at_other_times(engine_name):
    latency = {"near": {"data": "1us"}, "far": {"data": "30ms"}}
    near, far = (scripted({}, Watcher, name=name, latency=name) for name in ("near", "far"))
    first = scripted({MS: lambda t: t.buy(L, 1, 99)}, name="maker", latency="near")
    played(engine_name, [first, near, far], plan(latency=latency), until="1s")
    assert near.heard_of("quote")[0][0] == MS + US
    assert far.heard_of("quote")[0][0] == MS + 30 * MS


def test_a_view_never_shows_what_is_still_on_its_way(engine_name):
    wrong = []

    class Suspicious(Watcher):
        def on_quote(self, quote):
            true = self.market.kernel.true_bbo(0)
            wrong.append(true[0] != quote.bid_ticks or true[2] != quote.ask_ticks)

    played(engine_name, [*crowd(4, pause_ms=10), scripted({}, Suspicious)])
    # With data 7 ms old, a busy book has often moved on: the agent sees the past, not the present.
    assert 0.1 < sum(wrong) / len(wrong) < 0.9


# Depth


def test_depth_is_there_for_those_who_ask(engine_name):
    def build(t):
        for price, size in ((99, 1), (98, 2), (97, 3), (96, 4)):
            t.buy(L, size, price)
        t.sell(L, 5, 101)

    deep = scripted({SECOND: lambda t: t.note("view", t.view(L))}, Watcher, name="deep")
    flat = scripted({SECOND: lambda t: t.note("view", t.view(L))}, name="flat")
    played(engine_name, [scripted({MS: build}, name="maker"), deep, flat])
    view = deep.heard_of("view")[0][1]
    assert view.bids == [(99.0, 1.0), (98.0, 2.0), (97.0, 3.0)]
    assert view.asks == [(101.0, 5.0)]
    at_ns, book = deep.heard_of("book")[0]
    assert (at_ns, book.bids, book.asks) == (11 * MS, view.bids, view.asks)
    flat_view = flat.heard_of("view")[0][1]
    assert (flat_view.bids, flat_view.bid) == ([], 99.0)


def test_on_book_alone_is_enough_to_get_depth(engine_name):
    class Book(Scripted):
        def on_book(self, book):
            self.note("book", book.bids)

    trader = scripted({}, Book)
    played(engine_name, [maker(), trader], until="1s")
    assert trader.heard_of("book")[0] == (11 * MS, [(99.0, 2.0)])


# The consolidated feed


def consolidated_table():
    return two_venues(latency={"home": {"data": "7ms", "consolidated": "20ms"}})


def test_the_consolidated_view_has_a_latency_of_its_own(engine_name):
    class Tape(Scripted):
        def on_consolidated(self, view):
            self.note("consolidated", view)

    def quote_both(t):
        t.quote(L, 99, 101, 1)
        t.quote("SOUTH:BTC/USD", "100.05", "101.5", 1)

    tape = scripted({15 * MS: lambda t: t.note("early", t.consolidated("BTC/USD"))}, Tape, name="tape")
    both = scripted({MS: quote_both}, name="both")
    played(engine_name, [both, tape], consolidated_table(), until="1s")
    assert tape.heard_of("early")[0][1].quotes == ()
    assert tape.heard_of("consolidated")[0][0] == 21 * MS
    view = [what for at_ns, what in tape.heard_of("consolidated") if at_ns == 21 * MS][-1]
    assert (view.bid, view.best_bid.listing.venue) == (100.05, "SOUTH")
    assert (view.ask, view.best_ask.listing.venue) == (101.0, "NORTH")
    assert view.mid == pytest.approx(100.525)
    assert [quote.published_ns for quote in view.quotes] == [MS, MS]


def test_who_has_no_consolidated_feed_is_told(engine_name):
    class Tape(Scripted):
        def on_consolidated(self, view):
            self.note("consolidated", view)

    with pytest.raises(ScenarioError, match=r"agents.Tape: Tape has on_consolidated.*'home' no such feed"):
        Market(two_venues(), engine=engine_name, agents=[Tape])
    trader = scripted({})
    made = Market(two_venues(), engine=engine_name, agents=[trader])
    made.step()
    with pytest.raises(OrderError, match="'home' has no consolidated feed"):
        trader.consolidated("BTC/USD")
    with pytest.raises(OrderError, match="no instrument 'ETH/USD'"):
        trader.consolidated("ETH/USD")


# Figures of a view


def view_of(bid, bid_lots, ask, ask_lots, **changes):
    fields = {"time_ns": 0, "update_no": 1, "published_ns": 0, "last": None, "depth": None, **changes}
    return View(
        listing=listing(), bid_ticks=bid, bid_lots=bid_lots, ask_ticks=ask, ask_lots=ask_lots, **fields
    )


def test_figures_of_a_two_sided_view():
    view = view_of(9_900, 3_000, 10_100, 1_000)
    assert (view.bid, view.bid_size, view.ask, view.ask_size) == (99.0, 3.0, 101.0, 1.0)
    assert (view.mid, view.spread, view.imbalance) == (100.0, 2.0, 0.5)
    # The heavier bid pushes towards the ask: (99 * 1 + 101 * 3) / 4.
    assert view.microprice == 100.5


@pytest.mark.parametrize("sides", [(None, 0, 10_100, 5), (9_900, 5, None, 0), (None, 0, None, 0)])
def test_a_missing_side_is_none_and_so_is_all_that_needs_it(sides):
    view = view_of(*sides)
    assert view.mid is view.spread is view.microprice is None
    assert (view.bid is None) == (sides[0] is None)
    assert (view.ask is None) == (sides[2] is None)
    assert view.imbalance == {(0, 5): -1.0, (5, 0): 1.0, (0, 0): None}[sides[1], sides[3]]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**4))
def test_the_microprice_lies_between_bid_and_ask(bid, gap, bid_lots, ask_lots):
    view = view_of(bid, bid_lots, bid + gap, ask_lots)
    assert view.bid * (1 - 1e-12) <= view.microprice <= view.ask * (1 + 1e-12)
    assert view.bid < view.mid < view.ask
