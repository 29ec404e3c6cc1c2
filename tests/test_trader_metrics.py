"""What became of traders' orders: on hand-made reports, and against a run's own tables."""

import polars as pl
import pytest
from market_kit import crowd, two_venues
from test_listing import listing

from market_sim import Market
from market_sim.trader_metrics import trader_metrics

S = 1_000_000_000
HERE = listing(id=0, venue="NORTH", base="BTC", quote="USD", instrument="BTC/USD")
SCHEMA = {
    "time_ns": pl.Int64,
    "listing": pl.String,
    "agent": pl.String,
    "order": pl.Int64,
    "event": pl.String,
    "side": pl.String,
    "price": pl.Float64,
    "size": pl.Float64,
    "fee": pl.Float64,
    "is_maker": pl.Boolean,
    "size_lots": pl.Int64,
    "sent_ns": pl.Int64,
    "queue_ahead": pl.Float64,
}


def accepted(time_s, order, side="buy", lots=10, agent="ann"):
    return (
        time_s * S,
        HERE.name,
        agent,
        order,
        "accepted",
        side,
        None,
        lots / 10,
        None,
        None,
        lots,
        None,
        None,
    )


def fill(time_s, order, lots, price, is_maker, fee=0.0, side="buy", agent="ann"):
    return (
        time_s * S,
        HERE.name,
        agent,
        order,
        "fill",
        side,
        price,
        lots / 10,
        fee,
        is_maker,
        lots,
        None,
        None,
    )


def figures(*rows):
    told = trader_metrics(pl.LazyFrame(rows, schema=SCHEMA, orient="row"), [HERE])
    return {row["agent"]: row for row in told.to_dicts()}


def test_orders_fills_and_what_they_came_to_are_counted_per_trader():
    told = figures(
        accepted(1, 1),
        accepted(2, 2, side="sell", lots=5),
        fill(4, 1, 4, 100.0, True, fee=-0.1),
        fill(6, 1, 2, 99.0, True, fee=-0.2),
        fill(7, 2, 5, 101.0, False, fee=0.5, side="sell"),
        accepted(3, 1, agent="bob"),
    )
    ann, bob = told["ann"], told["bob"]
    assert (ann["orders"], ann["orders_filled"], ann["fills"]) == (2, 2, 3)
    assert ann["fill_ratio"] == pytest.approx(11 / 15)
    assert ann["maker_share"] == pytest.approx(6 / 11)
    assert (ann["bought"], ann["sold"]) == (pytest.approx(0.6), pytest.approx(0.5))
    assert ann["turnover"] == pytest.approx(0.4 * 100 + 0.2 * 99 + 0.5 * 101)
    assert ann["fees"] == pytest.approx(0.2)
    assert ann["time_in_queue_mean_s"] == pytest.approx(3.0), "only what first traded as maker has waited"
    assert (ann["base"], ann["quote"]) == ("BTC", "USD")
    assert (bob["fill_ratio"], bob["fills"], bob["turnover"]) == (0.0, 0, 0.0)
    assert bob["maker_share"] is None
    assert bob["time_in_queue_mean_s"] is None


def test_a_replaced_order_counts_with_its_last_size():
    replaced = (2 * S, HERE.name, "ann", 1, "replaced", "buy", 100.0, 2.0, None, None, 20, None, None)
    assert figures(accepted(1, 1), replaced, fill(3, 1, 5, 100.0, True))["ann"]["fill_ratio"] == 0.25


def test_an_order_that_began_before_the_table_is_left_out():
    assert not figures(fill(3, 1, 5, 100.0, True))


def test_a_run_s_turnover_and_fees_are_those_of_its_trades():
    market = Market(two_venues(), seed=5, agents=crowd(6))
    market.run("60s")
    result = market.result()
    told = trader_metrics(result.lazy("orders"), market.listings)
    trades = result.trades
    assert len(trades) > 50
    turnover = (trades["price"] * trades["size"]).sum()
    assert told["turnover"].sum() == pytest.approx(2 * turnover)
    assert told["bought"].sum() == pytest.approx(told["sold"].sum())
    fees = trades["maker_fee"].sum() + trades["taker_fee"].sum()
    assert told["fees"].sum() == pytest.approx(fees)
    assert told["fills"].sum() == 2 * len(trades)
