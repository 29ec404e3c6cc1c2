"""Orders of every type as a trader sends them: in instrument units, by keyword."""

import pytest
from market_kit import MS, SECOND, plan, scripted

from agents.base import CancelReason, EventKind, RejectReason
from market_sim import AgentError, Market
from market_sim.engine import OrderType

L = "NORTH:BTC/USD"


def played(engine_name, agents, table=None):
    made = Market(table or plan(), seed=7, engine=engine_name, agents=agents)
    made.run()
    return made


def maker():
    return scripted({MS: lambda t: (t.buy(L, 2, 99), t.sell(L, 2, 101))}, name="maker")


def print_at(price, time_ns):
    """Two strangers trade one lot at a price between the maker's quotes."""
    seller = scripted({time_ns: lambda t: t.sell(L, "0.1", price)}, name=f"seller{time_ns}")
    buyer = scripted({time_ns + 50 * MS: lambda t: t.buy(L, "0.1", price)}, name=f"buyer{time_ns}")
    return seller, buyer


def test_a_stop_limit_waits_and_tells_when_it_is_elected(engine_name):
    seen = []
    keeper = scripted(
        {
            SECOND: lambda t: t.buy(L, 1, "100.5", order_type="stop_limit", stop_price=100),
            2 * SECOND: lambda t: seen.append(
                [(o.status, o.order_type, o.is_triggered) for o in t.orders.values()]
            ),
            5 * SECOND: lambda t: seen.append(
                [(o.status, o.price, o.is_triggered) for o in t.orders.values()]
            ),
        },
        name="keeper",
    )
    played(engine_name, [maker(), keeper, *print_at(100, 3 * SECOND)])
    assert seen == [[("open", OrderType.STOP_LIMIT, False)], [("open", 100.5, True)]]
    ((_, update),) = keeper.heard_of("update")
    assert (update.kind, update.price, update.size) == (EventKind.TRIGGERED, 100.0, 1.0)


def test_a_stop_without_a_price_is_protected_beyond_its_stop(engine_name):
    keeper = scripted({SECOND: lambda t: t.buy(L, 1, order_type="stop", stop_price=100)}, name="keeper")
    played(engine_name, [maker(), keeper, *print_at(100, 3 * SECOND)])
    ((_, accepted),) = keeper.heard_of("accepted")
    assert accepted[1] == 105.0, "500 basis points"
    ((_, fill),) = keeper.heard_of("fill")
    assert (fill.price, fill.size) == (101.0, 1.0)


def test_an_iceberg_shows_its_peak_and_refreshes(engine_name):
    keeper = scripted({SECOND: lambda t: t.sell(L, 1, 100, display="0.2", refresh="peak")}, name="keeper")
    watcher = scripted({2 * SECOND: lambda t: setattr(t, "seen", t.view(L).ask_size)}, name="watcher")
    taker = scripted({3 * SECOND: lambda t: t.buy(L, "0.3", 100)}, name="taker")
    played(engine_name, [keeper, watcher, taker])
    assert watcher.seen == 0.2
    updates = [update for _, update in keeper.heard_of("update")]
    assert [(update.kind, update.size) for update in updates] == [(EventKind.REFRESHED, 0.2)]


def test_a_hidden_order_and_a_peg(engine_name):
    keeper = scripted(
        {
            SECOND: lambda t: (
                t.buy(L, 1, 98, hidden=True),
                t.buy(L, 1, "99.5", peg="primary", peg_offset="0.1"),
            ),
            2 * SECOND: lambda t: setattr(t, "seen", [o.price for o in t.orders.values()]),
        },
        name="keeper",
    )
    watcher = scripted({2 * SECOND: lambda t: setattr(t, "bid", t.view(L).bid)}, name="watcher")
    played(engine_name, [maker(), keeper, watcher])
    assert keeper.seen == [98.0, 99.1]
    assert watcher.bid == 99.1


def test_an_order_is_good_till_its_time(engine_name):
    keeper = scripted({SECOND: lambda t: t.buy(L, 1, 98, good_till="2s")}, name="keeper")
    played(engine_name, [keeper])
    ((time_ns, cancelled),) = keeper.heard_of("cancelled")
    assert cancelled.reason == CancelReason.EXPIRED
    assert cancelled.venue_ns == 2 * SECOND < time_ns


def test_a_waiting_stop_is_replaced(engine_name):
    keeper = scripted(
        {
            SECOND: lambda t: t.sell(L, 1, order_type="trailing_stop", trail=2),
            2 * SECOND: lambda t: t.replace(1, trail=1, size="0.5"),
        },
        name="keeper",
    )
    played(engine_name, [maker(), keeper])
    accepted = keeper.heard_of("accepted")
    assert len(accepted) == 2
    assert accepted[-1][1][2] == 0.5


def test_a_buy_that_nothing_bounds_is_refused_without_credit(engine_name):
    funds = {"endowment": {"NORTH": {"USD": "1000", "BTC": "1"}}, "credit": "none"}
    script = {SECOND: lambda t: t.buy(L, 1, order_type="market_to_limit")}
    keeper = scripted(script, name="keeper", **funds)
    played(engine_name, [maker(), keeper])
    ((_, reject),) = keeper.heard_of("reject")
    assert reject.reason == RejectReason.PROTECTION_REQUIRED


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (lambda t: t.buy(L, 1, 100, order_type="stopp"), "unknown order_type 'stopp'.*stop_limit"),
        (lambda t: t.buy(L, 1, 100, peg="middle"), "unknown peg 'middle'.*midpoint"),
        (lambda t: t.buy(L, 1, order_type="stop", stop_price="100.001"), "100.001 is off the grid"),
        (lambda t: t.buy(L, 1, 100, display="0.5", hidden=True), "display and hidden together"),
        (lambda t: t.buy(L, 1, 100, good_until="1s"), "unknown term 'good_until'.*good_till"),
        (lambda t: t.buy(L, 1, 100, good_till=1.5), "1.5 is no duration"),
        (lambda t: t.sell(L, 1, order_type="trailing_stop", trail="0.001"), "trail"),
    ],
)
def test_terms_that_mean_nothing_are_errors_that_say_what_to_do(engine_name, order, words):
    with pytest.raises(AgentError, match=f"(?s)agent 'Scripted' in on_wake.*{words}"):
        played(engine_name, [scripted({MS: order})])
