import gc
import logging
import os
import subprocess
import sys
import weakref
from pathlib import Path

import mesa
import pytest
from market_kit import MS, SECOND, US, Noise, Scripted, Watcher, crowd, plan, scripted, two_venues

from agents.base import Trader
from market_sim import AgentError, EngineError, LimitError, Market, ScenarioError
from market_sim.engine import CancelReason, Phase

GOLDEN = Path(__file__).parent / "golden" / "noise_market.txt"
L = "NORTH:BTC/USD"


def market(engine_name, agents, table=None, **options):
    return Market(table or plan(), engine=engine_name, agents=agents, **{"seed": 7, **options})


def log_hash(market):
    return f"{market.kernel.event_log_hash():016x}"


def played(engine_name, agents, table=None, **options):
    made = market(engine_name, agents, table, **options)
    made.run()
    return made


# Determinism


def test_a_portable_market_gives_the_golden_hash_on_every_machine(engine_name):
    made = played(engine_name, crowd(4), two_venues(duration="30s"))
    assert made.portable
    assert made.events > 3_000
    assert f"{log_hash(made)} {made.events}" == GOLDEN.read_text().strip()


def test_seeds_and_only_seeds_make_another_market(engine_name):
    first, again, other = (log_hash(played(engine_name, crowd(3), seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from market_kit import crowd, two_venues
from market_sim import Market
market = Market(two_venues(duration="5s"), seed=3, engine=sys.argv[2], agents=crowd(3))
market.run()
print(f"{market.kernel.event_log_hash():016x}", market.kernel.totals())
"""


def test_the_hash_does_not_depend_on_pythons_hash_seed(engine_name):
    told = []
    for hash_seed in "01":
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), engine_name]
        told.append(
            subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        )
    assert told[0] == told[1]
    assert len(told[0].split()[0]) == 16


class Diarist(Noise):
    """Notes the first draws it makes, and trades on another listing than the crowd."""

    def on_start(self):
        self.draws = [self.random.random() for _ in range(5)]
        super().on_start()


def test_another_agent_leaves_the_draws_of_the_others_alone(engine_name):
    def orders(extra):
        agents = [*crowd(2, listings=["SOUTH:BTC/USD"]), *extra]
        made = played(engine_name, agents, two_venues())
        result = made.result().orders
        return result.filter(result["agent"] == "noise-1").select("time_ns", "event", "side", "price", "size")

    alone = orders([])
    assert len(alone) > 50
    assert alone.equals(orders([Diarist(name="newcomer", listings=[L])]))


def test_steps_of_any_size_give_the_same_market(engine_name):
    table = plan(
        events=[
            {"at": "3s", "kind": "news", "text": "x"},
            {"at": "4500ms", "kind": "suspend", "venue": "NORTH"},
        ]
    )
    whole = played(engine_name, crowd(3), table)
    seconds = market(engine_name, crowd(3), table)
    seconds.run_model()
    odd = market(engine_name, crowd(3), table)
    while not odd.finished:
        odd.step_to(odd.now_ns + 777_777_777)
    single = market(engine_name, crowd(3), table)
    while not single.finished:
        single.step_event()
    assert {log_hash(made) for made in (seconds, odd, single)} == {log_hash(whole)}
    assert {made.events for made in (seconds, odd, single)} == {whole.events}


# Time


def test_a_step_is_a_second_and_a_step_of_an_event_is_one_notice(engine_name):
    made = market(engine_name, [scripted({MS: lambda t: t.note("wake"), 5 * MS: lambda t: t.note("wake")})])
    made.step_event()
    assert (made.now_ns, made.events) == (0, 0)
    made.step_event()
    assert (made.now_ns, made.events) == (MS, 1)
    made.step_event()
    assert (made.now_ns, made.events) == (5 * MS, 2)
    made.step()
    assert made.now_ns == SECOND + 5 * MS
    made.step_event()
    assert made.finished
    made.step()
    assert made.now_ns == 10 * SECOND


def test_until_ends_the_session_early_or_late(engine_name):
    made = market(engine_name, crowd(2))
    seen = []
    made.run("1500ms", progress=lambda now_ns, end_ns: seen.append((now_ns, end_ns)))
    assert made.finished
    assert made.now_ns == 1500 * MS
    assert seen[-1] == (1500 * MS, 1500 * MS)
    assert 900 <= len(seen) <= 1100
    assert [now_ns for now_ns, _ in seen] == sorted(now_ns for now_ns, _ in seen)
    longer = market(engine_name, crowd(2))
    longer.run("12s")
    assert longer.now_ns == 12 * SECOND


def test_the_session_ends_with_orders_cancelled_links_drained_and_no_trading_in_on_end(engine_name):
    class Late(Scripted):
        def on_end(self):
            super().on_end()
            self.seen = (dict(self.orders), self.account.balance("BTC"), self.cancel_all())
            self.buy(L, 1, 1)

    def rest(t):
        t.resting = t.buy(L, 1, 90)

    def on_the_way(t):
        t.late = t.buy(L, 1, 91)

    trader = scripted({SECOND: rest, 10 * SECOND - MS: on_the_way}, Late, name="late")
    with pytest.raises(AgentError, match=r"on_end.*session is over"):
        played(engine_name, [trader])
    assert trader.seen == ({}, 0.0, 0)
    (cancel_ns, cancelled), *_ = trader.heard_of("cancelled")
    assert cancelled.order_id == trader.resting
    assert cancelled.reason is CancelReason.SESSION_END
    assert cancelled.venue_ns == 10 * SECOND
    assert cancel_ns == 10 * SECOND + 5 * MS
    # It arrived after the close: refused, and nobody is asked to answer.
    assert trader.heard_of("reject") == []


def test_an_agent_that_answers_the_close_with_orders_does_not_keep_it_open(engine_name):
    class Eager(Scripted):
        def on_cancelled(self, cancelled):
            super().on_cancelled(cancelled)
            self.buy(L, 1, 90)

        def on_reject(self, reject):
            self.buy(L, 1, 90)

    trader = scripted({SECOND: lambda t: t.buy(L, 1, 90)}, Eager)
    made = played(engine_name, [trader])
    assert made.finished
    assert trader.orders == {}
    assert len(trader.heard_of("cancelled")) == 1


# Mesa


def test_it_is_a_mesa_model(engine_name):
    made = market(engine_name, [*crowd(3), scripted({})])
    assert isinstance(made, mesa.Model)
    assert len(made.agents) == 4
    assert {agent.name for agent in made.agents.select(agent_type=Noise)} == {"noise-1", "noise-2", "noise-3"}
    collector = mesa.DataCollector(
        model_reporters={"now": "now_ns"}, agent_reporters={"open": lambda agent: len(agent.orders)}
    )
    for _ in range(3):
        made.step()
        collector.collect(made)
    assert collector.get_model_vars_dataframe()["now"].tolist() == [SECOND, 2 * SECOND, 3 * SECOND]
    assert collector.get_agent_vars_dataframe()["open"].max() > 0
    made.run_model()
    assert made.finished
    assert not made.running


def test_a_market_is_freed_when_nobody_holds_it(engine_name):
    made = played(engine_name, crowd(2), plan(duration="100ms"))
    kept = weakref.ref(made)
    del made
    gc.collect()
    assert kept() is None


# Events of a scenario


def test_news_reaches_everybody_at_its_time(engine_name):
    table = plan(
        events=[
            {"at": "2s", "kind": "news", "text": "rates fall"},
            {"at": "0s", "kind": "news", "text": "hi"},
        ]
    )
    traders = [scripted({}, name="a"), scripted({}, name="b")]
    played(engine_name, traders, table)
    for trader in traders:
        heard = [(at_ns, news.text) for at_ns, news in trader.heard_of("news")]
        assert heard == [(0, "hi"), (2 * SECOND, "rates fall")]


def test_suspend_and_resume_arrive_with_the_delay_of_market_data(engine_name):
    table = plan(
        events=[
            {"at": "1s", "kind": "suspend", "venue": "NORTH"},
            {"at": "2s", "kind": "resume", "venue": "NORTH"},
        ]
    )
    trader = scripted({1500 * MS: lambda t: t.buy(L, 1, 90), 2500 * MS: lambda t: t.buy(L, 1, 90)})
    made = market(engine_name, [trader], table)
    made.step_to("1500ms")
    assert made.frame().listings[0].phase == "suspended"
    made.run()
    phases = [(at_ns, change.venue, change.phase) for at_ns, change in trader.heard_of("phase")]
    assert phases[:2] == [
        (SECOND + 7 * MS, "NORTH", Phase.SUSPENDED),
        (2 * SECOND + 7 * MS, "NORTH", Phase.CONTINUOUS),
    ]
    assert phases[2][2] is Phase.CLOSED
    assert [reject.reason.name for _, reject in trader.heard_of("reject")] == ["VENUE_SUSPENDED"]
    assert len(trader.heard_of("accepted")) == 1


class Timer(Trader):
    """Wakes every `pause_ms` and counts."""

    pause_ms: int = 100

    def on_start(self):
        self.times = []
        self.wake_in(self.pause_ms * MS)

    def on_wake(self):
        self.times.append(self.now_ns)
        self.wake_in(self.pause_ms * MS)


def test_a_parameter_changes_at_its_time_for_one_agent_or_for_a_table(engine_name):
    events = [{"at": "1s", "kind": "parameter", "agent": "slow", "name": "pause_ms", "value": 500}]
    slow, fast = Timer(name="slow"), Timer(name="fast")
    made = market(engine_name, [slow, fast])
    # Agents handed over join the scenario, so its events can name them only once they are there.
    table = {**made.config.resolved(), "events": events}
    made = Market(table_with_classes(made, table), engine=engine_name, seed=7)
    made.run("3s")
    assert len(made.trader("fast").times) == 30
    assert len(made.trader("slow").times) == 10 + 4
    with pytest.raises(ScenarioError, match="no parameter 'pause'"):
        made.set_parameter("slow", "pause", 1)
    with pytest.raises(ScenarioError, match=r"slow.pause_ms: found 'x'"):
        made.set_parameter("slow", "pause_ms", "x")


def table_with_classes(made, table):
    """A scenario from a table whose agents' classes live in tests."""
    from market_sim.scenario import Scenario

    again = Scenario.model_validate(table)
    again._classes.update(made.config._classes)
    return again


def test_switched_off_orders_go_and_nothing_is_heard_until_switched_on_again(engine_name):
    timer = Timer(name="timer")
    resting = scripted({MS: lambda t: t.buy(L, 1, 90), 2 * SECOND: lambda t: t.note("wake")}, name="resting")
    made = market(engine_name, [timer, resting])
    made.step_to("950ms")
    made.switch("timer", on=False)
    made.switch("resting", on=False)
    assert made.kernel.true_bbo(0)[0] is None
    assert made.kernel.open_orders(0) == []
    made.step_to("3s")
    assert len(timer.times) == 9
    assert resting.heard_of("cancelled") == []
    assert resting.orders == {}
    made.switch("timer", on=True)
    made.step_to("4s")
    # Woken at once, then in its own rhythm; the wake it had asked for before the break does not add a second
    # one.
    assert timer.times[9] == 3 * SECOND + 1
    assert len(timer.times) == 9 + 10
    assert resting.heard_of("wake") == []


def test_a_wake_asked_for_before_a_break_does_not_count_after_it(engine_name):
    timer = Timer(name="timer", pause_ms=3000)
    made = market(engine_name, [timer])
    made.step_to("1s")
    made.switch("timer", on=False)
    made.step_to("2s")
    made.switch("timer", on=True)
    made.run()
    assert timer.times == [2 * SECOND + 1, 5 * SECOND + 1, 8 * SECOND + 1]


def test_a_jump_moves_the_fundamental_for_good(engine_name):
    fundamentals = {"BTC/USD": {"start": "100", "half_life": "1h", "volatility_bps": "0"}}
    table = plan(
        fundamentals=fundamentals,
        events=[{"at": "5s", "kind": "jump", "instrument": "BTC/USD", "bps": "-250"}],
    )
    made = market(engine_name, [], table)
    made.step_to("4s")
    assert made.fundamental("BTC/USD") == 100
    made.step_to("6s")
    assert made.fundamental("BTC/USD") == pytest.approx(97.5, abs=1e-12)
    made.run()
    assert made.fundamental("BTC/USD") == pytest.approx(97.5, abs=1e-12)
    assert made.fundamental("ETH/USD") is None


# Errors


class Faulty(Scripted):
    def on_accepted(self, order):
        self.stumble()

    def stumble(self):
        return 1 / 0


def test_an_agent_that_raises_stops_the_run_and_the_tape_is_kept(engine_name):
    faulty = scripted({SECOND: lambda t: t.buy(L, 1, 90)}, Faulty, name="faulty")
    made = market(engine_name, [*crowd(2), faulty])
    with pytest.raises(AgentError) as raised:
        made.run()
    error = raised.value
    assert (error.agent, error.callback, error.time_ns) == ("faulty", "on_accepted", SECOND + 8 * MS)
    assert isinstance(error.__cause__, ZeroDivisionError)
    text = str(error)
    assert "ZeroDivisionError: division by zero" in text
    assert "in stumble" in text
    assert "return 1 / 0" in text
    assert "market_sim/" not in text
    assert made.failure is error
    assert not made.running
    result = made.result()
    assert len(result.orders) > 5
    assert result.summary()["failure"] == text
    with pytest.raises(AgentError):
        made.step()


def test_disabling_instead_cancels_the_orders_and_records_the_error(engine_name, caplog):
    faulty = scripted({SECOND: lambda t: t.buy(L, 1, 90)}, Faulty, name="faulty")
    steady = scripted({2 * SECOND: lambda t: t.buy(L, 1, 89)}, name="steady")
    made = market(engine_name, [faulty, steady], plan(on_agent_error="disable"))
    with caplog.at_level(logging.ERROR, "market_sim"):
        made.step_to("1500ms")
    assert made.kernel.open_orders(0) == []
    assert not faulty.enabled
    assert "faulty" in caplog.text
    made.run()
    (incident,) = made.incidents
    assert (incident.agent, incident.callback) == ("faulty", "on_accepted")
    assert made.result().summary()["incidents"] == [str(incident)]
    assert made.failure is None
    assert len(steady.heard_of("accepted")) == 1


@pytest.mark.parametrize("hook", ["on_start", "on_wake", "on_news", "on_end"])
def test_every_hook_is_named_in_its_error(engine_name, hook):
    def stumble(self, *_):
        raise RuntimeError("no idea")

    kind = type("Broken", (Scripted,), {hook: stumble})
    table = plan(events=[{"at": "2s", "kind": "news", "text": "x"}])
    with pytest.raises(AgentError, match=f"agent 'Broken' in {hook} at .*RuntimeError: no idea"):
        played(engine_name, [scripted({MS: lambda t: None}, kind)], table)


def test_bad_orders_are_errors_that_say_what_to_do(engine_name):
    for order, words in [
        (lambda t: t.buy(L, 1, 100.005), "price 100.005 is off the grid.*tick 0.01"),
        (lambda t: t.buy(L, -1, 100), "size -1 is not above 0"),
        (lambda t: t.buy(L, "0.0001", 100), "size 0.0001 is off the grid"),
        (lambda t: t.buy("BTC/EUR", 1, 100), "does not trade 'BTC/EUR'.*NORTH:BTC/USD"),
        (lambda t: t.buy(L, 1, 100, tif="SOON"), "unknown time in force 'SOON'.*GTC, IOC, FOK"),
        (lambda t: t.wake_in(0), "wake"),
        (lambda t: t.wake_in(1.5), "1.5 is no duration"),
        (lambda t: t.replace(99, price=1), "order 99 is not open"),
    ]:
        with pytest.raises(AgentError, match=f"(?s)agent 'Scripted' in on_wake.*{words}"):
            played(engine_name, [scripted({MS: order})])


class Sleepless(Trader):
    def on_start(self):
        self.wake_in(1)

    def on_wake(self):
        self.wake_in(1)


def test_an_agent_that_wakes_itself_for_ever_is_named(engine_name):
    table = plan(limits={"events": 20_000})
    with pytest.raises(LimitError) as raised:
        played(engine_name, [*crowd(2), Sleepless(name="sleepless")], table)
    text = str(raised.value)
    assert "limits.events = 20,000" in text
    assert "'sleepless': 100%" in text
    assert "00:00:00.0000" in text


def test_agents_that_answer_each_other_without_delay_are_stopped(engine_name):
    class Echo(Scripted):
        def on_cancelled(self, cancelled):
            self.buy(L, 1, 90, tif="IOC")

    table = plan(latency={"home": {}})
    made = market(
        engine_name, [scripted({MS: lambda t: t.buy(L, 1, 90, tif="IOC")}, Echo, name="echo")], table
    )
    with pytest.raises(EngineError, match=r"1000000 ns.*[\"']echo[\"']"):
        made.run()
    assert made.failure is not None


def test_wall_time_and_memory_are_limits_too(engine_name, monkeypatch):
    with pytest.raises(LimitError, match=r"limits\.memory_mb = 1"):
        played(engine_name, crowd(1), plan(limits={"memory_mb": 1}))
    made = market(engine_name, crowd(1), plan(limits={"wall_s": 1}))
    monkeypatch.setattr(type(made.guard), "wall_s", property(lambda self: 2.0))
    with pytest.raises(LimitError, match=r"ran 2 s, more than limits\.wall_s = 1"):
        made.run()


@pytest.mark.parametrize("seed", ["seven", -1, 1.5, True, 2**63])
def test_a_seed_must_be_a_whole_number(seed):
    with pytest.raises(ScenarioError, match="seed: found"):
        Market(plan(), seed=seed, engine="reference")


# Agents handed over


def test_agents_handed_over_are_part_of_the_scenario(engine_name):
    class MyMaker(Trader):
        half_spread: float = 0.5

    made = market(
        engine_name, [MyMaker(half_spread=1), MyMaker, Noise(name="n", credit="none", endowment=None or {})]
    )
    assert list(made.traders) == ["MyMaker", "MyMaker-2", "n"]
    assert made.trader("MyMaker").half_spread == 1.0
    assert made.trader("MyMaker-2").half_spread == 0.5
    tables = {group.name: group for group in made.config.agents}
    assert tables["MyMaker"].credit == "unlimited"
    assert tables["n"].credit == "none"
    assert tables["MyMaker"].kind.endswith("MyMaker")
    other = market(
        engine_name, [MyMaker(half_spread=2), MyMaker, Noise(name="n", credit="none", endowment={})]
    )
    assert made.config.scenario_hash() != other.config.scenario_hash()


def test_what_is_handed_over_is_checked():
    class MyMaker(Trader):
        half_spread: float = 0.5

    with pytest.raises(ScenarioError, match=r"MyMaker\(half_spred=...\).*did you mean 'half_spread'"):
        MyMaker(half_spred=1)
    with pytest.raises(ScenarioError, match=r"half_spread.*found 'wide'"):
        MyMaker(half_spread="wide")
    for bad, words in [
        ([object()], "which is no trader"),
        ([MyMaker(name="fees")], "'fees' is the name of an account"),
        ([MyMaker(name="a"), MyMaker(name="a")], "names are unique"),
        ([MyMaker(listings=["EAST:BTC/USD"])], "unknown listing 'EAST:BTC/USD'"),
        ([MyMaker(endowment={"NORTH": {"EUR": 1}})], "unknown asset 'EUR'"),
        ([MyMaker(latency="moon")], "unknown latency profile 'moon'"),
    ]:
        with pytest.raises(ScenarioError, match=words):
            Market(plan(), engine="reference", agents=bad)


# Pictures


def test_a_picture_holds_books_trades_and_agents(engine_name):
    maker = scripted({MS: lambda t: (t.buy(L, 2, 99), t.buy(L, 1, 98), t.sell(L, 3, 101))}, name="maker")
    taker = scripted({SECOND: lambda t: t.buy(L, 1, 101)}, name="taker")
    made = market(engine_name, [maker, taker])
    assert made.frame().listings[0].bids == []
    made.step_to("2s")
    shown = made.frame(levels=5)
    listing = shown.listings[0]
    assert (listing.bids, listing.asks) == ([(99.0, 2.0), (98.0, 1.0)], [(101.0, 2.0)])
    assert (listing.mid, listing.spread, listing.imbalance, listing.last) == (100.0, 2.0, 0.0, 101.0)
    (trade,) = shown.trades
    assert (trade.time_ns, trade.price, trade.size, trade.side) == (SECOND + 3 * MS, 101.0, 1.0, "buy")
    assert made.frame().trades == []
    agents = {agent.name: agent for agent in shown.agents}
    assert agents["taker"].inventory == {"BTC": 1.0}
    assert agents["taker"].profit == pytest.approx(-1 - 101 * 0.5e-4)
    assert agents["maker"].profit == pytest.approx(1 + 101 * 0.2e-4)
    assert (agents["maker"].open_orders, agents["taker"].open_orders) == (3, 0)
    made.run()
    last = made.frame()
    assert last.finished
    assert last.listings[0].bids == [(99.0, 2.0), (98.0, 1.0)]
    assert last.agents[0].profit == agents["maker"].profit
    assert made.kernel.true_bbo(0) == (None, 0, None, 0)


def test_notices_go_only_to_those_who_listen(engine_name):
    quiet, loud = scripted({}, name="quiet"), scripted({}, Watcher, name="loud")
    made = market(engine_name, [*crowd(2), quiet, loud])
    made.run("2s")
    notices = dict(zip(made.agent_names, made.kernel.totals()["notices"], strict=True))
    assert notices["loud"] > 20
    assert notices["quiet"] <= 1  # the phase of the close
    assert {hook for hook, _, _ in loud.heard} >= {"quote", "trade", "book"}
    assert US < MS
