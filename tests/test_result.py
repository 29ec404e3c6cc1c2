import json
import subprocess
import sys

import polars as pl
import pytest
from market_kit import MS, SECOND, Noise, crowd, plan, scripted, two_venues
from polars.testing import assert_frame_equal

import market_sim
from market_sim import AgentError, DataError, Market, MarketSimError, Result, run, verify

L = "NORTH:BTC/USD"

SUMMARY_KEYS = {
    "scenario", "scenario_hash", "seed", "engine", "event_log_hash", "events", "orders", "cancels", "fills",
    "volume", "agents", "accounts", "ledger_imbalance", "cpu_s", "wall_s", "peak_rss_mb", "portable",
}  # fmt: skip


def shipped_noise(**changes):
    """Agents that a saved scenario can name again: kinds of the package, not of a test."""
    group = {
        "name": "noise",
        "kind": "agents.noise:NoiseTrader",
        "count": 4,
        "endowment": {"NORTH": {"USD": 1_000_000, "BTC": 1000}},
        "params": {"rate": 5.0, "start_price": 100.0},
    }
    return plan(agents=[group], **changes)


def test_the_summary_is_plain_data_with_every_key_that_programs_rely_on(engine_name):
    result = run(two_venues(), seed=7, engine=engine_name, agents=crowd(3))
    told = result.summary()
    assert told.keys() >= SUMMARY_KEYS
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert (told["scenario"], told["seed"], told["engine"], told["agents"]) == ("small", 7, engine_name, 3)
    assert told["accounts"].keys() == {"noise-1", "noise-2", "noise-3"}
    assert told["accounts"]["noise-1"].keys() >= {"profit", "inventory", "fees"}
    assert told["fills"] == len(result.trades) > 10
    assert told["ledger_imbalance"] == {"USD": 0, "BTC": 0}
    by_venue = dict(result.trades.group_by("listing").agg(pl.col("size").sum()).rows())
    assert told["volume"] == pytest.approx(by_venue)
    assert told["portable"] is True
    assert told["cpu_s"] > 0
    assert told["wall_s"] > 0
    assert told["peak_rss_mb"] > 10
    assert len(told["event_log_hash"]) == len(told["scenario_hash"]) == 16
    told["accounts"].clear()
    assert result.summary()["accounts"]


def test_accounts_have_a_row_for_every_agent(engine_name):
    result = run(plan(), seed=7, engine=engine_name, agents=crowd(3))
    frame = result.accounts
    assert frame["agent"].to_list() == ["noise-1", "noise-2", "noise-3"]
    assert set(frame.columns) >= {"profit", "inventory_BTC", "fees_USD", "balance_USD", "kind", "group"}
    assert sum(frame["inventory_BTC"]) == pytest.approx(0, abs=1e-9)
    assert frame["profit"].null_count() == 0


def test_a_saved_run_is_read_back_and_verified(engine_name, tmp_path):
    result = run(shipped_noise(), seed=3, until="5s", engine=engine_name, out=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "scenario.toml", "run.json", "trades.parquet", "quotes.parquet", "orders.parquet", "queues.parquet",
        "accounts.parquet",
    }  # fmt: skip
    again = Result.load(tmp_path / "out")
    assert again.summary() == result.summary()
    for table in ("trades", "quotes", "orders", "accounts"):
        assert len(getattr(result, table)) > 0
        assert_frame_equal(getattr(again, table), getattr(result, table))
    assert again.metrics == result.metrics
    assert again.metrics["duration_s"] == 5.0
    verification = verify(tmp_path / "out", engine=engine_name)
    assert verification.same
    assert verification.recorded == result.event_log_hash


def test_verify_notices_another_market(tmp_path):
    run(shipped_noise(), seed=3, until="2s", engine="reference", out=tmp_path)
    told = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**told, "seed": 4}))
    verification = verify(tmp_path, engine="reference")
    assert not verification.same
    assert verification.repeated != verification.recorded


def test_the_other_engine_verifies_what_one_has_run(tmp_path):
    result = run(shipped_noise(), seed=3, until="5s", out=tmp_path)
    assert result.summary()["fills"] > 5
    assert verify(tmp_path, engine="reference").same


@pytest.mark.parametrize("damage", ["nothing there", "no json", "foreign", "no scenario"])
def test_a_folder_that_is_none_of_ours_is_refused_by_file(tmp_path, damage):
    if damage == "no json":
        (tmp_path / "run.json").write_text("{")
    elif damage == "foreign":
        (tmp_path / "run.json").write_text('{"name": "x"}')
    elif damage == "no scenario":
        run(shipped_noise(), until="1s", engine="reference", out=tmp_path)
        (tmp_path / "scenario.toml").unlink()
    with pytest.raises(DataError, match=r"scenario\.toml" if damage == "no scenario" else r"run\.json"):
        Result.load(tmp_path)


def test_a_missing_table_is_named(tmp_path):
    run(shipped_noise(), until="1s", engine="reference", out=tmp_path)
    (tmp_path / "quotes.parquet").unlink()
    with pytest.raises(DataError, match=r"quotes\.parquet"):
        _ = Result.load(tmp_path).quotes


def test_a_run_stopped_by_an_agent_still_has_a_result(engine_name, tmp_path):
    class Faulty(Noise):
        def on_fill(self, fill):
            raise RuntimeError("enough")

    with pytest.raises(AgentError) as raised:
        run(plan(), seed=7, engine=engine_name, agents=[*crowd(3), Faulty(name="faulty")], out=tmp_path)
    result = raised.value.result
    assert len(result.trades) > 0
    assert result.summary()["finished"] is False
    assert "enough" in result.summary()["failure"]
    assert Result.load(tmp_path).trades.equals(result.trades)
    assert result.metrics["duration_s"] == pytest.approx(raised.value.time_ns / SECOND)


def test_run_tells_its_progress(engine_name):
    seen = []
    run(
        plan(),
        engine=engine_name,
        agents=crowd(1),
        progress=lambda now_ns, end_ns: seen.append(now_ns / end_ns),
    )
    assert seen[-1] == 1.0
    assert seen == sorted(seen)


def test_a_market_in_the_middle_has_a_result_too(engine_name):
    market = Market(plan(), seed=7, engine=engine_name, agents=crowd(2))
    market.step_to("3s")
    early = market.result()
    assert early.summary()["finished"] is False
    assert early.metrics["duration_s"] == 3.0
    orders = len(early.orders)
    market.run()
    assert len(market.result().orders) > orders > 10


# The story of an order


def test_the_story_of_an_order_follows_its_queue(engine_name):
    def ahead(t):
        t.buy(L, 1, 99)
        t.buy(L, 2, 99)
        t.buy(L, 4, 98)

    first = scripted(
        {
            MS: ahead,
            2 * SECOND: lambda t: t.cancel(1),
            3 * SECOND: lambda t: t.replace(2, size="1.5"),
            7 * SECOND: lambda t: t.buy(L, 9, 99),
        },
        name="first",
    )
    hero = scripted({SECOND: lambda t: t.buy(L, 3, 99)}, name="hero")
    seller = scripted(
        {4 * SECOND: lambda t: t.sell(L, 1, 99), 5 * SECOND: lambda t: t.sell(L, 1, 99)}, name="seller"
    )
    result = run(plan(), engine=engine_name, agents=[first, hero, seller])
    story = result.order("hero", 1).select("time_ns", "what", "cause", "size", "leaves", "queue_ahead").rows()
    entry = 3 * MS
    assert story == [
        (SECOND, "sent", None, 3.0, 3.0, None),
        (SECOND + entry, "accepted", None, 3.0, 3.0, 3.0),
        (2 * SECOND + entry, "ahead", "cancelled of first:1", 3.0, 3.0, 2.0),
        (3 * SECOND + entry, "ahead", "replaced of first:2", 3.0, 3.0, 1.5),
        (4 * SECOND + entry, "ahead", "fill of first:2", 3.0, 3.0, 0.5),
        (5 * SECOND + entry, "ahead", "fill of first:2", 3.0, 3.0, 0.0),
        (5 * SECOND + entry, "fill", "maker", 0.5, 2.5, 0.0),
        (10 * SECOND, "cancelled", "session_end", 2.5, 0.0, None),
    ]


def test_the_story_agrees_with_the_kernel_about_the_queue(engine_name):
    market = Market(plan(), seed=11, engine=engine_name, agents=crowd(5, pause_ms=20))
    market.step_to("9s")
    result = market.result()
    checked = 0
    for trader in market.traders.values():
        for order in trader.orders.values():
            truth = market.kernel.queue_ahead(trader.agent_id, order.id)
            if order.status == "open" and truth is not None:
                last = result.order(trader.name, order.id)["queue_ahead"].drop_nulls()
                assert round(last[-1] * 1000) == truth
                checked += 1
    assert checked > 5


def test_an_order_that_never_was_is_an_error(engine_name):
    result = run(plan(), engine=engine_name, agents=crowd(1), until="1s")
    with pytest.raises(MarketSimError, match="no order 999 of 'noise-1'"):
        result.order("noise-1", 999)


def test_a_story_of_a_refused_order_is_short(engine_name):
    poor = scripted({SECOND: lambda t: t.buy(L, 1, 99)}, name="poor", credit="none")
    result = run(plan(), engine=engine_name, agents=[poor])
    assert result.order("poor", 1).select("what", "cause").rows() == [
        ("sent", None),
        ("rejected", "insufficient_funds"),
    ]


def test_the_plot_names_the_engine_and_where_the_data_come_from(engine_name):
    plot = run(two_venues(), seed=7, engine=engine_name, agents=crowd(2)).plot()
    assert list(plot.keys()) == [L, "SOUTH:BTC/USD"]
    title = plot.opts.get("plot").kwargs["title"]
    assert title == f"small, seed 7, {engine_name} engine: simulated data"


# The package


def test_the_package_gives_what_it_promises_and_is_light():
    for name in market_sim.__all__:
        assert getattr(market_sim, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = market_sim.nonsense
    code = "import sys, market_sim; print(sorted({'mesa', 'polars', 'pydantic', 'numpy'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
