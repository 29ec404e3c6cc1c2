"""The command line: what it prints, what it refuses, and the exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from market_sim.cli import app
from market_sim.engine import native_module
from market_sim.workload import ADD, MARKET, MESSAGE
from tests.captures import MS, CaptureWriter

ROOT = Path(__file__).parents[1]
ENGINES = ["rust", "reference"] if native_module() else ["reference"]

SCENARIO = """
schema = 1
name = "small"
duration = "5s"
numeraire = "USD"
[assets]
USD = { decimals = 8 }
BTC = { decimals = 8 }
[venues.NORTH]
taker_fee_bps = "0.5"
[instruments."BTC/USD"]
base = "BTC"
quote = "USD"
[[listings]]
venue = "NORTH"
instrument = "BTC/USD"
tick = "0.01"
lot = "0.001"
[[agents]]
name = "mine"
kind = "own_agent:Mine"
count = 2
endowment.NORTH = { USD = "100000", BTC = "10" }
"""
# Two of these trade with each other, on a seed's draws.
AGENT = """
from agents.base import Trader

class Mine(Trader):
    size: float = 0.1

    def on_start(self):
        self.wake_in("100ms")

    def on_wake(self):
        price = round(100 + self.random.below(101) / 100, 2)
        trade = self.buy if self.random.below(2) else self.sell
        trade("BTC/USD", self.size, price)
        self.wake_in("100ms")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty current folder with a scenario and its agent."""
    (tmp_path / "small.toml").write_text(SCENARIO)
    (tmp_path / "own_agent.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.stdout, done.stderr


def run_json(*arguments: str) -> dict:
    code, out, err = call("run", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def refused(*arguments: str) -> str:
    """The message of a call that must fail with exit code 2, nothing on standard output and no traceback."""
    code, out, err = call(*arguments)
    assert (code, out) == (2, ""), err
    assert "Traceback" not in err
    return err


def test_json_is_one_object_with_the_promised_keys(folder):
    told = run_json("small.toml", "--seed", "7")
    promised = (
        "scenario scenario_hash seed engine event_log_hash events orders cancels fills volume agents "
        "accounts ledger_imbalance cpu_s wall_s peak_rss_mb"
    )
    assert set(promised.split()) <= set(told)
    assert (told["scenario"], told["seed"], told["agents"]) == ("small", 7, 2)
    assert told["fills"] > 0
    assert told["ledger_imbalance"] == {"USD": 0, "BTC": 0}
    assert set(told["accounts"]) == {"mine-1", "mine-2"}
    assert {"profit", "inventory", "fees"} <= set(told["accounts"]["mine-1"])
    assert len(told["event_log_hash"]) == 16


def test_same_seed_same_hash_another_seed_another(folder):
    hashes = [run_json("small.toml", "--seed", seed)["event_log_hash"] for seed in ("7", "7", "8")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_both_engines_give_one_hash(folder):
    told = [run_json("small.toml", "--engine", engine) for engine in ENGINES]
    assert [one["engine"] for one in told] == ENGINES
    assert len({one["event_log_hash"] for one in told}) == 1


def test_another_process_with_another_hash_seed_gives_the_same(folder):
    done = subprocess.run(
        [sys.executable, "-m", "market_sim", "run", "small.toml", "--seed", "7", "--json"],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (
        json.loads(done.stdout)["event_log_hash"] == run_json("small.toml", "--seed", "7")["event_log_hash"]
    )


def test_until_and_set_change_the_run(folder):
    whole = run_json("small.toml")
    short = run_json("small.toml", "--until", "1s")
    assert short["events"] < whole["events"]
    assert short["until_ns"] == 1_000_000_000
    other = run_json("small.toml", "--set", "agents.mine.params.size=0.2", "--set", "duration=1s")
    assert other["scenario_hash"] != whole["scenario_hash"]
    assert other["until_ns"] == 1_000_000_000


def test_people_get_tables_on_standard_output(folder):
    code, out, err = call("run", "small.toml")
    assert code == 0
    assert "event log hash" in out
    assert "mine-2" in out
    assert err == ""  # a progress bar is for terminals only


def test_out_keeps_what_verify_runs_again(folder):
    code, _, err = call("run", "small.toml", "--seed", "7", "--out", "kept")
    assert code == 0
    assert "verify kept" in err
    files = {path.name for path in (folder / "kept").iterdir()}
    assert {"scenario.toml", "run.json", "trades.parquet", "quotes.parquet", "orders.parquet"} <= files
    for engine in ENGINES:
        code, out, _ = call("verify", "kept", "--engine", engine, "--json")
        told = json.loads(out)
        assert (code, told["same"], told["engine"]) == (0, True, engine)
        assert told["recorded"] == told["repeated"]


def test_verify_notices_another_seed_another_scenario_and_another_hash(folder):
    def spoil(name: str, old: str, new: str) -> None:
        call("run", "small.toml", "--seed", "7", "--out", "kept")
        path = folder / "kept" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    recorded = run_json("small.toml", "--seed", "7")["event_log_hash"]
    changed_digit = ("0" if recorded[0] != "0" else "1") + recorded[1:]
    for change in (
        ("run.json", '"seed": 7', '"seed": 8'),
        ("run.json", recorded, changed_digit),
        ("scenario.toml", "size = 0.1", "size = 0.2"),
    ):
        spoil(*change)
        code, out, _ = call("verify", "kept", "--json")
        assert (code, json.loads(out)["same"]) == (1, False), change


def test_an_unknown_key_or_kind_in_a_scenario_is_named(folder):
    (folder / "typo.toml").write_text(SCENARIO.replace("numeraire", "numerair"))
    message = refused("run", "typo.toml")
    assert "typo.toml" in message
    assert "'numerair'" in message
    assert "did you mean 'numeraire'" in message

    (folder / "kind.toml").write_text(SCENARIO.replace("own_agent:Mine", "agents.noise:NoizeTrader"))
    message = refused("run", "kind.toml")
    assert "agents.mine.kind" in message
    assert "NoiseTrader" in message

    message = refused("run", "small.toml", "--set", "agents.mine.params.sise=3")
    assert "sise" in message
    assert "size" in message


def test_an_unknown_scenario_is_named_with_those_that_exist(folder):
    message = refused("run", "two_venus")
    assert "did you mean 'two_venues'" in message
    assert "triangle" in message
    assert "nowhere.toml" in refused("run", "nowhere.toml")


def test_an_unknown_symbol_is_named(folder):
    (folder / "symbol.toml").write_text(SCENARIO + 'listings = ["NORTH:DOGE/USD"]\n')
    message = refused("run", "symbol.toml")
    assert "NORTH:DOGE/USD" in message
    assert "NORTH:BTC/USD" in message


def test_a_tick_times_a_lot_that_is_no_whole_atom_is_named(folder):
    (folder / "atom.toml").write_text(SCENARIO.replace('tick = "0.01"', 'tick = "0.0000001"'))
    message = refused("run", "atom.toml")
    assert "NORTH:BTC/USD" in message
    assert "tick" in message
    assert "lot" in message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('self.buy("BTC/USD", 1, 100.005)', ("100.005", "tick")),
        ('self.buy("BTC/USD", -1, 100)', ("-1",)),
        ('self.buy("BTC/USD", 0.0005, 100)', ("0.0005", "lot")),
        ('self.buy("DOGE/USD", 1, 100)', ("DOGE/USD", "NORTH:BTC/USD")),
        ("1 / 0", ("ZeroDivisionError",)),
        ("self.wake_in(0)", ("wake",)),
    ],
)
def test_an_agent_that_raises_or_asks_nonsense_is_named_with_hook_and_time(folder, line, words):
    condition = "        if self.now_ns >= 1_000_000_000:"
    spoiled = AGENT.replace(
        "        price = round", f"{condition}\n            {line}\n        price = round"
    )
    (folder / "own_agent.py").write_text(spoiled)
    code, out, err = call("run", "small.toml", "--out", "kept")
    assert (code, out) == (2, "")
    for word in ("mine-1", "on_wake", "own_agent.py", *words):
        assert word in err, (word, err)
    assert "1000000000 ns" in err or "00:00:01" in err
    # What happened until then is kept.
    assert json.loads((folder / "kept" / "run.json").read_text())["failure"]


def test_an_agent_that_wakes_itself_for_ever_is_stopped_and_named(folder):
    (folder / "own_agent.py").write_text(AGENT.replace('self.wake_in("100ms")', "self.wake_in(1)"))
    message = refused("run", "small.toml", "--set", "limits.events=20000")
    assert "limits.events" in message
    assert "mine-" in message


def test_a_seed_that_is_no_integer_is_refused():
    for seed in ("seven", "1.5", "-1"):
        assert "--seed" in refused("run", "two_venues", "--seed", seed)


def test_a_bad_duration_or_override_is_refused(folder):
    message = refused("run", "small.toml", "--until", "5")
    assert "--until" in message
    assert "250ms" in message
    assert "--set" in refused("run", "small.toml", "--set", "duration")


def test_verify_of_a_folder_that_is_no_run_says_what_is_missing(folder):
    message = refused("verify", str(folder))
    assert "run.json" in message
    assert "--out" in message


def test_debug_lets_the_traceback_through(folder):
    done = CliRunner().invoke(app, ["--debug", "run", "two_venus"])
    assert type(done.exception).__name__ == "ScenarioError"


def test_a_missing_native_engine_says_how_to_build_it(folder, monkeypatch):
    monkeypatch.setattr("market_sim.engine.native_module", lambda: None)
    assert "maturin develop" in refused("run", "small.toml", "--engine", "rust")


def test_a_bug_of_ours_is_called_one_and_hides_no_exit_code(folder, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("market_sim.running.run", broken)
    code, out, err = call("run", "small.toml")
    assert (code, out) == (70, "")
    assert "bug in market_sim" in err
    assert "KeyError" in err
    assert "--debug" in err


def test_bench_prints_the_promised_keys(folder):
    rows = np.array([(ADD, 0, 0, 10, 100, 0, 0), (MARKET, 1, 0, 4, 0, 1, 0)], MESSAGE)
    header = np.array([1, 2, 2, MESSAGE.itemsize], "<u4")
    (folder / "w.bin").write_bytes(header.tobytes() + rows.tobytes())
    code, out, err = call("bench", "match", "w.bin", "--path", "reference", "--rounds", "2", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told.pop("ns_per_message") > 0
    assert told == {
        "path": "reference", "books": 1, "ledger": False, "workload": "w.bin", "messages": 1, "preload": 1,
        "rounds": 2,
        "fills": 1, "traded": 4, "hash": 0 * 31 + 4 * 7 + 100,
    }  # fmt: skip
    assert "w.bin" in refused(
        "bench", "match", str(folder / "small.toml").replace("small.toml", "gone-w.bin")
    )


def test_scenarios_lists_those_that_come_along():
    code, out, _ = call("scenarios", "--json")
    told = json.loads(out)["scenarios"]
    assert code == 0
    assert {"two_venues", "triangle", "pairs"} <= {row["name"] for row in told}
    assert all(len(row["description"]) > 20 for row in told)


def test_help_needs_no_heavy_import():
    # Mesa, Polars and numpy take seconds on a cold disk; help and usage errors come without them.
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom market_sim.cli import app\n"
        "assert CliRunner().invoke(app, ['run', '--help']).exit_code == 0\n"
        "sys.exit(', '.join({'mesa', 'polars', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""


def capture(seconds: int = 20) -> CaptureWriter:
    """A book that moves by a cent each 100 ms, with its tickers and some trades."""
    writer = CaptureWriter()
    bids = {f"{price}.00": "1.000" for price in range(60_000, 59_990, -1)}
    asks = {f"{price}.00": "1.000" for price in range(60_001, 60_011)}
    writer.snapshot(0, 10, bids, asks)
    for step in range(1, 10 * seconds):
        at, number, size = step * 100 * MS, 10 + step, f"{1 + step % 3}.000"
        writer.diff(at, step * 100 - 5, number, number, {"60000.00": size})
        writer.ticker(at + 1, number, "60000.00", size, "60001.00", "1.000")
        if step % 7 == 0:
            writer.trade(at + 2, step * 100 - 4, step, "60001.00", "0.010", seller=False)
    return writer


def test_replay_check_prints_the_promised_keys(folder):
    capture().write(folder / "good.gz")
    code, out, err = call("replay", "good.gz", "--check", "--json")
    told = json.loads(out)
    assert code == 0, err
    assert {"bbo_rows", "bbo_equal", "crossed", "gaps"} <= set(told)
    assert (told["bbo_rows"], told["bbo_equal"], told["crossed"], told["gaps"]) == (199, 199, 0, 0)
    code, out, _ = call("replay", "good.gz", "--check")
    assert code == 0
    assert "bbo equal" in out


def test_replay_check_fails_where_the_book_differs_or_frames_are_missing(folder):
    wrong = capture()
    wrong.lines = [line.replace('"B":"2.000"', '"B":"2.001"') for line in wrong.lines]
    wrong.write(folder / "wrong.txt")
    code, out, _ = call("replay", "wrong.txt", "--check", "--json")
    told = json.loads(out)
    assert (code, told["ok"]) == (1, False)
    assert told["bbo_equal"] < told["bbo_rows"]
    assert told["differences"][0]["line"] > 1

    holed = capture()
    del holed.lines[20:30]
    holed.write(folder / "holed.txt")
    code, out, _ = call("replay", "holed.txt", "--check", "--json")
    assert json.loads(out)["gaps"] > 0


def test_replay_runs_a_maker_and_can_be_verified(folder):
    capture().write(folder / "good.gz")
    hashes = set()
    for engine in ENGINES:
        options = ("--seed", "3", "--engine", engine, "--out", f"kept-{engine}", "--json")
        code, out, err = call("replay", "good.gz", *options)
        assert code == 0, err
        told = json.loads(out)
        assert "do not react" in err
        assert told["ledger_imbalance"] == {"USDT": 0, "BTC": 0}
        assert told["orders"] > 0
        hashes.add(told["event_log_hash"])
        assert call("verify", f"kept-{engine}")[0] == 0
    assert len(hashes) == 1
    venue = call("replay", "good.gz", "--clock", "venue", "--json")
    assert venue[0] == 0
    assert json.loads(venue[1])["event_log_hash"] not in hashes


def test_a_truncated_or_foreign_replay_file_is_named_with_the_line(folder):
    good = capture().write(folder / "good.gz")
    (folder / "cut.gz").write_bytes(good.read_bytes()[:-200])
    torn = capture()
    torn.lines[12] = torn.lines[12][:-9]
    torn.write(folder / "torn.txt")
    (folder / "prices.csv").write_text("date,open,close\n2024-08-08,1,2\n")
    for name, words in (("cut.gz", ("line",)), ("torn.txt", ("line 13",)), ("prices.csv", ("line 1",))):
        for check in ((), ("--check",)):
            message = refused("replay", name, *check)
            assert name in message
            for word in words:
                assert word in message, message
    assert "gone.gz" in refused("replay", "gone.gz")
    assert "gone.gz" in refused("replay", "gone.gz", "--check")


def test_replay_check_refuses_options_without_meaning(folder):
    capture().write(folder / "good.gz")
    for option in (("--seed", "3"), ("--until", "1s"), ("--out", "kept")):
        assert option[0] in refused("replay", "good.gz", "--check", *option)
    assert "--until" in refused("replay", "good.gz", "--until", "soon")
