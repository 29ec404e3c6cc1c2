"""What the page of backtests offers, without a browser: links, data, parameters, what it says of a run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app import backtest_data
from app.backtest_controls import BacktestControls, from_query
from app.parameters import settings_of
from app.strategies import strategies
from app.uploads import Uploaded
from app.views import backtest_words
from market_sim.replaying.vetting import Vetted
from market_sim.runner import backtest_work
from market_sim.runner.backtests import BacktestOutcome, BacktestRequest, PairTest
from market_sim.samples import sample


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[BacktestRequest], BacktestOutcome]:
    """Gives the outcome of a run in this process; its files are left to the browser's test."""
    monkeypatch.setattr(backtest_work, "_write", lambda *_: None)

    def outcome(request: BacktestRequest) -> BacktestOutcome:
        told: list[object] = []
        backtest_work.run_backtest(request, tmp_path, told.append)
        (found,) = (item for item in told if isinstance(item, BacktestOutcome))
        return found

    return outcome


def test_a_link_says_every_control_and_is_read_back() -> None:
    controls = BacktestControls(
        strategy="PairsTrader",
        data="sample:closes",
        seed=9,
        minutes=30.0,
        cash=1_234_567.0,
        short=False,
        maker=-0.5,
        taker=2.0,
        latency=0.1,
        calendar="252",
        theme="light",
        parameters=(("entry", "1.5"), ("window", "50")),
    )
    query = controls.to_query()
    assert query.pop("page") == "backtest"
    assert from_query(query) == (controls, [])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"cash": "inf"}, "no amount of cash"),
        ({"maker": "a"}, "no fee in bps"),
        ({"data": "../../etc/passwd"}, "is no data"),
        ({"calendar": "lunar"}, "is none of"),
        ({"colour": "red"}, "no control here"),
        ({"p.size": "\x00"}, "cannot be shown"),
        ({"minutes": "1e9"}, "no number of minutes"),
    ],
)
def test_a_link_that_asks_for_what_cannot_be_is_answered(query: dict[str, str], words: str) -> None:
    controls, (sentence,) = from_query(query)
    assert words in sentence
    assert controls == BacktestControls()


@pytest.mark.parametrize("data", ["scenario:moon", "sample:moon", "recording:../../etc/passwd", "upload"])
def test_data_that_are_not_there_are_named(data: str) -> None:
    with pytest.raises(ValueError, match=r"There is no|No folder|another tab"):
        backtest_data.find(BacktestControls(data=data), None)


def test_every_parameter_of_every_strategy_has_words_and_values_that_hold_its_default() -> None:
    for strategy in strategies().values():
        for pace_s in (1.0, 86_400.0):
            for setting in settings_of(strategy, pace_s):
                assert len(setting.sentence) > 3, (strategy.name, setting.name)
                assert not setting.values or setting.default in setting.values, setting
                assert isinstance(setting.default, type(strategy.defaults[setting.name]))


def test_seconds_become_days_where_a_row_is_a_day() -> None:
    source = backtest_data.find(BacktestControls(data="sample:closes"), None)
    request = backtest_data.request(BacktestControls(strategy="PairsTrader", data="sample:closes"), source)
    assert dict(request.params) == {"interval_s": 86_400.0, "max_hold_s": 5_184_000.0, "window": 60}
    moved = BacktestControls(strategy="PairsTrader", data="sample:closes", parameters=(("window", "20"),))
    assert dict(backtest_data.request(moved, source).params)["window"] == 20


def test_an_upload_is_used_by_the_servers_own_name_for_it() -> None:
    vetted = Vetted("bars", ("time",), 10, (), 0, 9, 60.0)
    file = Uploaded(Path("/own/upload-1.csv"), "../../EURUSD_m1.csv", vetted)
    source = backtest_data.find(BacktestControls(data="upload"), file)
    assert (source.files, source.symbol, source.pace_s) == ((Path("/own/upload-1.csv"),), "EURUSD", 60.0)


def test_a_pairs_run_on_closes_tests_the_pair(run: Callable) -> None:
    controls = BacktestControls(strategy="PairsTrader", data="sample:closes", calendar="252")
    outcome = run(backtest_data.request(controls, backtest_data.find(controls, None)))
    assert outcome.figures["annualised"]
    assert outcome.figures["fills"] == len(outcome.fills) > 10
    assert outcome.pair is not None
    assert outcome.pair.closes == 250
    assert outcome.pair.p_value < 0.01  # the scenario's two stocks share a value
    assert set(outcome.ledger_imbalance.values()) == {0}
    assert "a year" in backtest_words.figures(outcome)
    assert "passes at 5 %" in backtest_words.notes(outcome)


def test_two_random_walks_do_not_pass_and_the_page_says_what_that_means(
    run: Callable, tmp_path: Path
) -> None:
    walks = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, (400, 2)), axis=0))
    days = np.arange("2020-01-01", "2021-02-04", dtype="datetime64[D]")
    rows = (f"{day},{a:.2f},{b:.2f}\n" for day, (a, b) in zip(days, walks, strict=True))
    file = tmp_path / "walks.csv"
    file.write_text("date,AAA,BBB\n" + "".join(rows))
    paced = (("interval_s", 86_400.0),)
    outcome = run(BacktestRequest("agents.pairs:PairsTrader", paced, files=(file,), form="closes"))
    assert outcome.pair is not None
    assert (outcome.pair.closes, outcome.pair.p_value > 0.05) == (400, True)
    assert "does not pass at 5 %" in backtest_words.notes(outcome)


@pytest.mark.parametrize(
    ("p_value", "words"), [(0.18, "in 18% of cases"), (1e-9, "p < 0.0001"), (0.004, "p = 0.0040")]
)
def test_a_p_value_is_said_in_a_sentence(p_value: float, words: str) -> None:
    assert words in PairTest("FILE:KO/USD", "FILE:PEP/USD", 8_000, p_value).sentence


def test_another_strategy_has_no_pair(run: Callable) -> None:
    request = BacktestRequest("agents.market_maker:AvellanedaStoikov", files=(sample("bars"),), form="bars")
    assert run(request).pair is None
