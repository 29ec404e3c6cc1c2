"""A pairs backtest says whether its pair belongs together."""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from statsmodels.tsa.stattools import coint

from agents.base import Trader
from market_sim import backtest
from market_sim.backtesting import belonging

PAIRS = "agents.pairs:PairsTrader"
CLOSES = Path(os.environ.get("MARKET_SIM_DATA", Path(__file__).parents[2] / "shared" / "data")) / "daily"


def closes(days, held_together):
    draws = np.random.default_rng(5)
    first = 50 + np.cumsum(draws.normal(0, 0.5, days))
    gap = draws.normal(0, 0.5, days) if held_together else np.cumsum(draws.normal(0, 0.5, days))
    second = 10 + 0.5 * first + gap
    lines = [
        f"{np.datetime64('2024-01-01') + day},{one:.2f},{other:.2f}"
        for day, (one, other) in enumerate(zip(first, second, strict=True))
    ]
    return "date,AAA,BBB\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("held_together", [True, False])
def test_the_p_value_stands_beside_the_profit(tmp_path, held_together):
    file = tmp_path / "closes.csv"
    file.write_text(closes(200, held_together))
    found = backtest(
        PAIRS, str(file), params={"interval_s": 86_400, "window": 30}, step="1d", short_selling=True
    )
    told = found.cointegration
    assert found.figures["cointegration"] == told
    assert (told["first"], told["second"]) == ("FILE:AAA/USD", "FILE:BBB/USD")
    assert 195 <= told["prices"] <= 200
    mids = found.equity.select("mid_FILE:AAA/USD", "mid_FILE:BBB/USD").drop_nulls().to_numpy()
    # Of the samples around the file's last day one shows no news, and is left out.
    assert told["p_value"] == pytest.approx(coint(mids[:, 1], mids[:, 0])[1], abs=1e-3)
    assert told["is_evidence"] is held_together
    assert told["says"].startswith("In this record" if held_together else "No evidence that FILE:AAA/USD")
    if not held_together:
        assert told["says"] in found.report(tmp_path / "report.html").read_text()


class Idle(Trader):
    """Trades no pair."""


def test_only_pairs_are_tested(tmp_path):
    file = tmp_path / "closes.csv"
    file.write_text(closes(20, held_together=True))
    found = backtest(Idle, str(file), step="1d")
    assert found.cointegration is None
    assert "cointegration" not in found.figures


def test_a_few_prices_prove_nothing_and_closed_markets_say_nothing():
    class Leg:
        def __init__(self, name):
            self.name = name

    moving = np.repeat(np.arange(20.0), 5)
    curve = pl.DataFrame({"mid_A": moving, "mid_B": -moving})
    told = belonging.cointegration(curve, Leg("A"), Leg("B"), 1.0)
    assert (told["prices"], told["p_value"], told["is_evidence"]) == (20, None, False)
    assert "too few" in told["says"]
    none = belonging.cointegration(
        pl.DataFrame({"mid_A": [None], "mid_B": [1.0]}, schema={"mid_A": pl.Float64, "mid_B": pl.Float64}),
        Leg("A"),
        Leg("B"),
        1.0,
    )
    assert (none["prices"], none["p_value"]) == (0, None)


@pytest.mark.skipif(not CLOSES.is_dir(), reason="no daily closes under MARKET_SIM_DATA")
def test_the_classic_pair_is_not_called_one(tmp_path):
    (file,) = CLOSES.glob("*.csv")
    told = pl.read_csv(file)
    two = tmp_path / "closes.csv"
    told.select(told.columns[0], "KO", "PEP").filter(pl.col("KO").is_not_null()).tail(1_000).write_csv(two)
    found = backtest(PAIRS, str(two), params={"interval_s": 86_400, "window": 60}, short_selling=True)
    assert found.cointegration["p_value"] > belonging.SIGNIFICANCE
    assert "a profit here may be luck" in found.cointegration["says"]
