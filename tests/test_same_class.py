"""One class, one set of parameters, every source of flow: no strategy asks where its market is from."""

import inspect

import pytest

from agents import SHELF
from agents.market_maker import AvellanedaStoikov
from market_sim import replay, run
from market_sim.exchange import Exchange, open_play
from market_sim.feeding import feed, open_feed
from market_sim.feeding import flow as flows
from market_sim.samples import sample
from market_sim.scenario.kinds import load_kind
from tests.fake_feed import FakeHandle
from tests.test_feed_live import connector
from tests.test_feeding import GRIDS, one_market
from tests.test_replay_lobster import write as write_day

MAKER = {"size": 1.0, "max_inventory": 5.0, "interval_s": 0.5, "horizon_s": 60.0, "risk": 0.1}


def simulated(tmp_path, monkeypatch, trader):
    return run("two_venues", seed=3, until="20s", agents=[trader])


def quotes(tmp_path, monkeypatch, trader):
    return replay(str(sample("quotes")), agents=[trader], until="20s")


def trades(tmp_path, monkeypatch, trader):
    return replay(str(sample("trades")), agents=[trader], until="20s")


def single_orders(tmp_path, monkeypatch, trader):
    return replay(write_day(tmp_path), agents=[trader])


def loopback(tmp_path, monkeypatch, trader):
    """A live session over sockets, on an exchange of this machine."""
    if connector() is None:
        pytest.skip("the native extension has no connector to live feeds")
    with Exchange(
        open_play("two_venues", "kraken", seed=7, until="1m"), "kraken", speed=20.0
    ).in_thread() as exchange:
        urls = {"ws_urls": {"kraken": exchange.url}, "rest_urls": {"kraken": exchange.rest_url}}
        return feed(["kraken:BTC/USD"], agents=[trader], seed=3, until="3s", **urls)


def scripted(tmp_path, monkeypatch, trader):
    """The live session without sockets, on engines without a connector too."""
    monkeypatch.setattr(flows, "_connect", lambda *_: FakeHandle(one_market().events))
    session = open_feed(GRIDS[:1], "watch", [trader], seed=3)
    session.run("16s")
    return session.result()


SOURCES = [simulated, quotes, trades, single_orders, loopback, scripted]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_the_same_class_and_parameters_run_on_every_source(source, tmp_path, monkeypatch):
    trader = AvellanedaStoikov(name="maker", **MAKER)
    result = source(tmp_path, monkeypatch, trader)
    told = result.summary()
    assert told["failure"] is None
    assert told["finished"]
    assert set(told["ledger_imbalance"].values()) == {0}
    own = result.orders.filter(agent="maker")
    assert len(own.filter(event="accepted")) > 0
    assert set(own["side"].unique()) == {"buy", "sell"}
    story = result.order("maker", int(own["order"][0]))
    assert story["what"].to_list()[:2] == ["sent", "accepted"]


@pytest.mark.parametrize("kind", [kind.kind for kind in SHELF])
def test_a_strategy_does_not_know_its_source(kind):
    """Nothing in its code, or in what it is made of, names a source of flow."""
    for base in load_kind(kind, None, shipped_only=True).__mro__:
        if base.__module__.startswith("agents.") and base.__module__ != "agents.base":
            code = inspect.getsource(inspect.getmodule(base))
            for word in ("replay", "backtest", "is_live", "external", "kernel"):
                assert word not in code.lower(), (base, word)
