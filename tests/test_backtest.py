"""A backtest that cannot flatter: accounting to the atom, figures that say their basis, no look ahead."""

import json
import re
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from agents.base import Trader
from market_sim import ScenarioError, backtest
from market_sim.backtesting.bootstrap import block_length, interval
from market_sim.backtesting.curve import mids_at
from market_sim.backtesting.figures import drawdown, ratios, sharpe, sortino
from market_sim.cli import app
from market_sim.samples import SAMPLES, sample

HEAD = "time,symbol,bid,ask,bid_size,ask_size\n"


def quotes(*rows, symbol="AAA/USD"):
    """CSV of (second, bid, ask) with sizes of 100."""
    lines = [
        f"2024-01-02 09:{30 + at // 60:02}:{at % 60:02},{symbol},{bid},{ask},100,100" for at, bid, ask in rows
    ]
    return HEAD + "\n".join(lines) + "\n"


@pytest.fixture
def write(tmp_path):
    def save(text, name="quotes.csv"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return save


class Plan(Trader):
    """Sends what it was told: {second: (side, size, price or None)}."""

    orders_at: ClassVar[dict] = {}
    portable: ClassVar[bool] = True

    def on_start(self):
        self.left = dict(self.orders_at)
        self.heard = []
        self.wake_in("500ms")

    def on_wake(self):
        second = self.now_ns // 10**9
        if second in self.left:
            side, size, price = self.left.pop(second)
            (self.buy if side == "buy" else self.sell)(self.listings[0], size, price)
        self.wake_in("1s")

    def on_fill(self, fill):
        self.heard.append((self.now_ns, fill))


def planned(orders):
    return type("Planned", (Plan,), {"orders_at": orders})


RISE = [(0, "9.99", "10.01"), (5, "10.99", "11.01"), (9, "11.99", "12.01"), (40, "11.99", "12.01")]


def test_a_short_sale_from_flat_marks_right_when_the_price_rises(write):
    found = backtest(planned({1: ("sell", 10, "9.99")}), write(quotes(*RISE)), short_selling=True, cash=1000)
    curve = found.equity.filter(pl.col("time_ns") % 10**9 == 0)
    profit = dict(zip((curve["time_ns"] // 10**9).to_list(), curve["profit"].to_list(), strict=True))
    assert profit[2] == pytest.approx(-0.1)
    assert profit[6] == pytest.approx(10 * (9.99 - 11.0))
    assert profit[10] == pytest.approx(10 * (9.99 - 12.0))
    assert found.figures["profit"] == pytest.approx(10 * (9.99 - 12.0))
    assert found.figures["inventory"]["AAA"] == {
        "last": -10.0,
        "mean_abs": pytest.approx(9.5, abs=0.5),
        "max_abs": 10.0,
    }


def test_two_symbols_are_never_marked_with_one_price(write):
    other = quotes((0, "99", "101"), (9, "79", "81"), (40, "79", "81"), symbol="BBB/USD")
    text = quotes(*RISE) + other.removeprefix(HEAD)
    found = backtest(planned({1: ("buy", 10, None)}), write(text), cash=1000)
    assert found.equity["mid_FILE:BBB/USD"].to_list()[-1] == 80.0
    assert found.figures["profit"] == pytest.approx(10 * (12.0 - 10.01))


def test_profit_is_cash_and_inventory_at_mid_less_fees_at_every_sample(write):
    plan = {1: ("buy", 10, None), 6: ("sell", 4, None), 10: ("buy", 3, None)}
    found = backtest(planned(plan), write(quotes(*RISE)), cash=1000, taker_fee_bps=7)
    assert len(found.fills) == 3
    for row in found.equity.iter_rows(named=True):
        done = found.fills.filter(pl.col("time_ns") <= row["time_ns"])
        cash = -float((done["sign"] * done["price"] * done["size"]).sum())
        held = float((done["sign"] * done["size"]).sum())
        if row["profit"] is not None:
            expected = cash + held * row["mid_FILE:AAA/USD"] - float(done["fee"].sum())
            assert row["profit"] == pytest.approx(expected, abs=1e-9)
            assert row["equity"] == pytest.approx(1000 + expected, abs=1e-9)
    assert found.figures["fees"] == pytest.approx(float(found.fills["fee"].sum()))
    account = found.result.summary()["accounts"]["strategy"]
    assert found.equity["profit"][-1] == pytest.approx(account["profit"], abs=1e-9)
    assert found.result.summary()["ledger_imbalance"] == {"AAA": 0, "USD": 0}


def test_mids_are_the_same_however_much_of_the_tape_is_looked_at_together(monkeypatch):
    draw = np.random.default_rng(3)
    seconds = np.sort(draw.integers(0, 90, 400))
    mids = pl.Series([None if at % 11 == 0 else 10.0 + at for at in range(400)], dtype=pl.Float64)
    quotes = pl.LazyFrame({"time_ns": seconds, "listing": "AAA", "mid": mids})
    trades = pl.LazyFrame({"time_ns": seconds[::7] + 1, "listing": "AAA", "price": np.arange(58.0)})

    class Told:
        def lazy(self, table):
            return quotes if table == "quotes" else trades

    def newest(frame, column, time):
        known = frame.collect().filter(pl.col("time_ns") <= min(time, 79))
        return known[column][-1] if len(known) else None

    times = np.arange(0, 80, 3)
    expected = [newest(quotes, "mid", time) or newest(trades, "price", time) for time in times]
    assert None not in expected
    assert len(set(expected)) > 10
    listing = SimpleNamespace(name="AAA")
    for rows in (10**6, 50, 1):
        monkeypatch.setattr("market_sim.backtesting.curve.STRETCH_ROWS", rows)
        assert mids_at(Told(), listing, times, 80).tolist() == expected


def test_profit_falls_as_fees_rise(write):
    file, plan = write(quotes(*RISE)), planned({1: ("buy", 10, None), 6: ("sell", 4, None)})
    runs = [backtest(plan, file, cash=1000, taker_fee_bps=fee) for fee in (0, 5, 50)]
    profits = [run.figures["profit"] for run in runs]
    assert profits == sorted(profits, reverse=True)
    traded = runs[0].figures["traded"]
    assert profits[0] - profits[2] == pytest.approx(traded * 50 / 1e4)


def test_profit_does_not_depend_on_the_order_of_independent_fills(write):
    text = quotes((0, "9.99", "10.01"), (40, "9.99", "10.01"))
    one = backtest(planned({1: ("buy", 10, None), 3: ("buy", 20, None)}), write(text), cash=1000)
    other = backtest(planned({1: ("buy", 20, None), 3: ("buy", 10, None)}), write(text), cash=1000)
    assert one.figures["profit"] == other.figures["profit"] == pytest.approx(-30 * 0.01)


def test_a_signal_comes_before_its_order_arrives_and_that_before_the_fill_is_heard(write):
    found = backtest(planned({1: ("buy", 10, None)}), write(quotes(*RISE)), cash=1000, latency="3ms")
    ((heard_ns, fill),) = found.result.market.traders["strategy"].heard
    (order,) = found.orders.iter_rows(named=True)
    assert order["arrived_ns"] - order["sent_ns"] == 3_000_000
    assert order["sent_ns"] < order["arrived_ns"] <= fill.venue_ns < heard_ns
    assert heard_ns - fill.venue_ns == 3_000_000


@pytest.mark.parametrize("latency", ["0ns", {"entry": "0ns", "report": "1ms"}])
def test_an_order_that_arrives_with_its_signal_is_refused(write, latency):
    with pytest.raises(ScenarioError, match=r"reach FILE at once.*at least 1 ns"):
        backtest(Plan, write(quotes(*RISE)), latency=latency)


class Snoop(Trader):
    """Trades on everything that it is shown, and notes how fresh that is."""

    depth: ClassVar[int] = 3

    def on_start(self):
        self.ages, self.late = [], []
        self.wake_in("300ms")

    def look(self):
        for listing in self.listings:
            view = self.view(listing)
            if view.published_ns is not None:
                self.ages.append(self.now_ns - view.published_ns)
            if view.mid is not None:
                side = self.buy if int(view.mid * 100) % 2 else self.sell
                side(listing, 1, view.ask if side == self.buy else view.bid, tif="IOC")

    def on_wake(self):
        self.look()
        self.wake_in("700ms")

    def on_quote(self, quote):
        self.late.append(self.now_ns - quote.published_ns)
        self.look()

    def on_book(self, book):
        self.look()

    def on_trade(self, trade):
        self.late.append(self.now_ns - trade.traded_ns)


def test_a_strategy_cannot_peek(write):
    """Two recordings that are one until second 20 and different from there: it acts the same until then."""
    start = [(at, f"{10 + at % 3 / 100:.2f}", f"{10.02 + at % 3 / 100:.2f}") for at in range(20)]
    up = [(at, f"{11 + at / 100:.2f}", f"{11.02 + at / 100:.2f}") for at in range(20, 40)]
    down = [(at, f"{9 - at / 100:.2f}", f"{9.02 - at / 100:.2f}") for at in range(20, 50)]
    files = [write(quotes(*start, *end), f"{name}.csv") for name, end in (("up", up), ("down", down))]
    runs = [
        backtest(Snoop, file, latency={"entry": "1ms", "report": "1ms", "data": "2ms"}, short_selling=True)
        for file in files
    ]
    one, other = (
        run.orders.filter(pl.col("sent_ns") < 20 * 10**9).select(
            "sent_ns", "arrived_ns", "side", "filled_lots"
        )
        for run in runs
    )
    assert len(one) > 30
    assert one.rows() == other.rows()
    assert runs[0].orders.rows() != runs[1].orders.rows()
    for run in runs:
        trader = run.result.market.traders["strategy"]
        assert min(trader.ages) >= 2_000_000
        assert min(trader.late) >= 2_000_000


def test_markouts_are_of_the_mid_so_long_after_the_fill(write):
    found = backtest(planned({1: ("buy", 10, None)}), write(quotes(*RISE)), cash=1000)
    (fill,) = found.fills.iter_rows(named=True)
    assert fill["mid"] == 10.0
    assert fill["markout_1s_bps"] == pytest.approx((10.0 - 10.01) / 10.01 * 1e4)
    assert fill["markout_5s_bps"] == pytest.approx((11.0 - 10.01) / 10.01 * 1e4)
    assert fill["markout_30s_bps"] == pytest.approx((12.0 - 10.01) / 10.01 * 1e4)
    # Bought 1 cent above the mid of 10.00 when it was decided.
    assert found.figures["shortfall_price_bps"] == pytest.approx(10.0)
    late = backtest(planned({20: ("buy", 10, None)}), write(quotes(*RISE)), cash=1000)
    assert late.fills["markout_30s_bps"].to_list() == [None]
    assert late.figures["markout_30s_fills"] == 0


def test_fill_ratio_and_time_in_queue(write):
    found = backtest(
        planned({1: ("buy", 10, "9.50"), 2: ("buy", 30, "10.01")}), write(quotes(*RISE)), cash=1000
    )
    assert (found.figures["orders"], found.figures["orders_filled"]) == (2, 1)
    assert found.figures["fill_ratio"] == 0.75
    fall = [(0, "9.99", "10.01"), (8, "9.40", "9.45"), (40, "9.40", "9.45")]
    maker = backtest(planned({1: ("buy", 10, "9.50")}), write(quotes(*fall)), cash=1000)
    assert maker.figures["maker_share"] == 1.0
    assert maker.figures["time_in_queue_mean_s"] == pytest.approx(6.499)
    story = maker.result.order("strategy", 1)
    assert story["what"].to_list() == ["sent", "accepted", "fill"]


def daily(days, seed=3):
    generator = np.random.default_rng(seed)
    price = 100 * np.cumprod(1 + generator.normal(0.001, 0.01, days))
    lines = [f"{np.datetime64('2024-01-01') + day},{value:.2f}" for day, value in enumerate(price)]
    return "date,KO\n" + "\n".join(lines) + "\n"


def test_ratios_are_annualised_only_with_a_calendar_and_from_five_days(write):
    plan = planned({60: ("buy", 500, None)})
    file = write(daily(30), "closes.csv")
    plain = backtest(plan, file, step="1d")
    assert plain.figures["annualised"] is False
    assert plain.figures["period_s"] == 86_400
    for calendar, days in (("24/7", 365), ("252", 252)):
        named = backtest(plan, file, step="1d", calendar=calendar)
        assert named.figures["annualised"] is True
        assert named.figures["calendar"] == calendar
        assert named.figures["sharpe"] == pytest.approx(plain.figures["sharpe"] * days**0.5, rel=0.1)
        low, high = named.figures["sharpe_interval"]
        assert low < named.figures["sharpe"] < high
    short = backtest(plan, write(daily(4), "four.csv"), calendar="252")
    assert short.figures["annualised"] is False
    with pytest.raises(ScenarioError, match="unknown calendar '365'"):
        backtest(plan, file, calendar="365")


def test_ratios_by_hand():
    returns = np.array([0.01, -0.02, 0.03, 0.0])
    assert sharpe(returns) == pytest.approx(0.005 / returns.std(ddof=1))
    assert sortino(returns) == pytest.approx(0.005 / np.sqrt(0.0004 / 4))
    curve = pl.DataFrame({"equity": [100.0, 100.0, 100.0]})
    assert ratios(curve, 10**9, None)["sharpe"] is None, "no deviation, no ratio"


def test_drawdown_has_its_dates():
    times = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 6), "1d", eager=True)
    equity = pl.Series([100.0, 120.0, 90.0, 110.0, 121.0, 119.0])
    curve = pl.DataFrame({"time": times, "equity": equity}).with_columns(
        (pl.col("equity") - pl.col("equity").cum_max()).alias("drawdown")
    )
    assert drawdown(curve) == {
        "max_drawdown": 30.0,
        "max_drawdown_share": 0.25,
        "from": "2024-01-02T00:00:00",
        "to": "2024-01-03T00:00:00",
        "until": "2024-01-05T00:00:00",
    }


def test_block_bootstrap_is_wider_for_dependent_observations():
    generator = np.random.default_rng(0)
    noise = generator.normal(size=4_000)
    moving = np.convolve(noise, np.ones(8) / 8**0.5, "valid")
    plain = interval(noise, lambda drawn: drawn.mean(axis=-1))
    dependent = interval(moving, lambda drawn: drawn.mean(axis=-1))
    assert 1.6 < (dependent[1] - dependent[0]) / (plain[1] - plain[0]) < 3.5
    assert plain[1] - plain[0] == pytest.approx(2 * 1.96 / 4_000**0.5, rel=0.15)
    assert block_length(4_000) == 16
    assert interval(noise[:9], lambda drawn: drawn.mean(axis=-1)) is None


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_read(name):
    found = backtest(Plan, f"sample:{name}", until="30s")
    assert found.figures["equity_first"] is None or found.figures["equity_first"] > 0
    assert sample(name).stat().st_size < 200_000
    assert found.origin.startswith(f"Replay of {name}.csv.gz")


def test_data_may_be_a_scenario():
    found = backtest("agents.market_maker:AvellanedaStoikov", "two_venues", until="1m", cash=10**6)
    assert found.origin == "Simulated: scenario two_venues, seed 1."
    assert found.figures["orders"] > 0


def test_the_command_writes_a_page_that_needs_no_network(tmp_path):
    page = tmp_path / "report.html"
    arguments = ["backtest", "agents.market_maker:AvellanedaStoikov", "sample", "--until", "1m", "--json"]
    arguments += [
        "--param",
        "size=0.01",
        "--holding",
        "BTC=1",
        "--report",
        str(page),
        "--out",
        str(tmp_path / "run"),
    ]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["orders"] > 0
    assert told["run"]["replay"]["protocol"] == "quotes"
    text = page.read_text()
    assert "Bokeh" in text
    assert not re.search(r"<script[^>]*\bsrc=", text)
    assert "<link" not in text.partition("<body>")[2].partition("<script")[0]
    assert (tmp_path / "run" / "backtest_equity.parquet").is_file()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"holdings": {"XYZ": 1}}, "holdings of unknown XYZ"),
        ({"params": {"sise": 1}}, "sise"),
        ({"scenario": "two_venues", "data": "two_venues"}, "both scenarios"),
    ],
)
def test_what_cannot_be_is_refused(write, change, why):
    settings = {"data": write(quotes(*RISE))} | change
    with pytest.raises(ScenarioError, match=why):
        backtest("agents.market_maker:AvellanedaStoikov", **settings)
