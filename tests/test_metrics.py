from itertools import pairwise

import polars as pl
import pytest
from market_kit import crowd, two_venues
from test_listing import listing

from market_sim import Market
from market_sim.metrics import Board, metrics, triangles

S = 1_000_000_000
NO_TRADES = pl.LazyFrame(schema={"listing": pl.String, "price": pl.Float64, "size": pl.Float64})


def here(number=0, base="BTC", quote="USD", venue="NORTH", **changes):
    return listing(id=number, venue=venue, base=base, quote=quote, instrument=f"{base}/{quote}", **changes)


def quotes(rows):
    schema = {"time_ns": pl.Int64, "listing": pl.String, "bid": pl.Float64, "ask": pl.Float64}
    return pl.LazyFrame(rows, schema=schema, orient="row")


def figures(rows, listings, end_s=10, trades=NO_TRADES, pooled=False):
    return metrics(quotes(rows), trades, listings, end_s * S, pooled)


def test_spread_and_mid_are_means_over_time_while_both_sides_stand():
    rows = [
        (2 * S, "NORTH:BTC/USD", 99.0, None),
        (3 * S, "NORTH:BTC/USD", 99.0, 101.0),
        (6 * S, "NORTH:BTC/USD", 99.0, 100.0),
        (7 * S, "NORTH:BTC/USD", None, 100.0),
    ]
    own = figures(rows, [here()])["listings"]["NORTH:BTC/USD"]
    assert own["two_sided_share"] == pytest.approx(0.4)
    assert own["spread_mean_USD"] == pytest.approx((3 * 2 + 1 * 1) / 4)
    assert own["spread_mean_bps"] == pytest.approx((3 * 2 / 100 + 1 / 99.5) / 4 * 1e4)
    assert own["mid_mean_USD"] == pytest.approx((3 * 100 + 99.5) / 4)
    assert own["mid_last_USD"] == 99.5


def test_of_several_quotes_at_one_instant_the_last_counts():
    rows = [(0, "NORTH:BTC/USD", 1.0, 500.0), (0, "NORTH:BTC/USD", 99.0, 101.0)]
    own = figures(rows, [here()])["listings"]["NORTH:BTC/USD"]
    assert (own["spread_mean_USD"], own["two_sided_share"]) == (2.0, 1.0)


def test_a_market_without_quotes_has_no_means():
    own = figures([], [here()])["listings"]["NORTH:BTC/USD"]
    assert own["two_sided_share"] == 0
    assert own["spread_mean_USD"] is own["mid_last_USD"] is own["volatility_bps_per_sqrt_s"] is None
    assert own["trades"] == 0


def test_volatility_of_a_mid_that_moves_a_basis_point_a_second():
    rows = [(k * S, "NORTH:BTC/USD", 99.99 + (k % 2) * 0.01, 100.01 + (k % 2) * 0.01) for k in range(1, 100)]
    own = figures(rows, [here()], end_s=100)["listings"]["NORTH:BTC/USD"]
    # 99 changes between the 100 whole seconds, the last of which brings none.
    assert own["volatility_bps_per_sqrt_s"] == pytest.approx((98 / 99) ** 0.5, rel=1e-4)


def test_volume_and_turnover():
    trades = pl.LazyFrame({"listing": ["NORTH:BTC/USD"] * 2, "price": [100.0, 102.0], "size": [1.0, 0.5]})
    own = figures([], [here()], trades=trades)["listings"]["NORTH:BTC/USD"]
    assert (own["trades"], own["volume_BTC"], own["turnover_USD"]) == (2, 1.5, 151.0)


def test_crossed_venues_count_before_and_after_fees():
    north, south = here(0, taker_fee_e8=10**6), here(1, venue="SOUTH", taker_fee_e8=10**6)
    rows = [
        (0, "NORTH:BTC/USD", 99.0, 100.0),
        (0, "SOUTH:BTC/USD", 100.0, 101.0),  # touching is not crossed
        (2 * S, "SOUTH:BTC/USD", 101.0, 102.0),  # crossed by 1, less than the fees of 1 % each
        (5 * S, "SOUTH:BTC/USD", 103.0, 104.0),  # crossed by 3
        (6 * S, "SOUTH:BTC/USD", None, 104.0),
    ]
    made = figures(rows, [north, south])
    assert made["pairs"]["NORTH:BTC/USD|SOUTH:BTC/USD"] == {
        "crossed_share": pytest.approx(0.4),
        "crossed_after_fees_share": pytest.approx(0.1),
    }
    assert made["crossed_share"] == pytest.approx(0.4)
    # The other way round: SOUTH cheap, NORTH dear.
    rows = [(0, "NORTH:BTC/USD", 105.0, 106.0), (0, "SOUTH:BTC/USD", 99.0, 100.0)]
    assert figures(rows, [north, south])["crossed_after_fees_share"] == 1


TRIANGLE = [(0, "BTC", "USD"), (1, "ETH", "BTC"), (2, "ETH", "USD")]


def cycle(btc_usd, eth_btc, eth_usd, fee_e8=0):
    listings = [here(*what, taker_fee_e8=fee_e8) for what in TRIANGLE]
    prices = (btc_usd, eth_btc, eth_usd)
    rows = [(0, own.name, price, price) for own, price in zip(listings, prices, strict=True)]
    return figures(rows, listings)["profitable_cycle_share"]


def test_a_cycle_is_profitable_in_either_direction_only_if_prices_disagree():
    assert cycle(100.0, 0.5, 50.0) == 0
    assert cycle(100.0, 0.5, 50.5) == 1
    assert cycle(100.0, 0.5, 49.5) == 1


def test_fees_of_three_legs_are_taken_into_account():
    # One per cent of disagreement against three fees of 0.33 % or of 0.34 %.
    assert cycle(100.0, 0.5, 50.5, fee_e8=330_000) == 1
    assert cycle(100.0, 0.5, 50.5, fee_e8=340_000) == 0
    assert cycle(100.0, 0.5, 49.5, fee_e8=330_000) == 1
    assert cycle(100.0, 0.5, 49.5, fee_e8=340_000) == 0


def test_triangles_stay_within_a_venue_unless_money_is_pooled():
    listings = [here(*what) for what in TRIANGLE] + [
        here(3, "ETH", "USD", venue="SOUTH"),
        here(4, "XRP", "USD"),
    ]
    names = [[own.id for own in three] for three in triangles(listings, pooled=False)]
    assert names == [[0, 1, 2]]
    assert [[own.id for own in three] for three in triangles(listings, pooled=True)] == [[0, 1, 2], [0, 1, 3]]


def test_the_board_agrees_with_a_walk_over_the_quotes(engine_name):
    market = Market(two_venues(), seed=5, engine=engine_name, agents=crowd(4))
    market.run()
    result = market.result()
    state, crossed_ns = {}, 0
    rows = [*result.quotes.select("time_ns", "venue", "bid", "ask").rows(), (market.end_ns, None, None, None)]
    for (time_ns, venue, bid, ask), (next_ns, *_) in pairwise(rows):
        state[venue] = (bid, ask)
        (north_bid, north_ask), (south_bid, south_ask) = (
            state.get(name, (None, None)) for name in ("NORTH", "SOUTH")
        )
        one = north_bid is not None and south_ask is not None and north_bid > south_ask
        other = south_bid is not None and north_ask is not None and south_bid > north_ask
        crossed_ns += (next_ns - time_ns) * (one or other)
    assert crossed_ns > 0
    assert result.metrics["crossed_share"] == pytest.approx(crossed_ns / market.end_ns, abs=1e-12)


def test_a_board_lasts_until_the_end():
    board = Board(quotes([(3 * S, "NORTH:BTC/USD", 1.0, 2.0)]).collect(), [here()], 10 * S)
    assert board.rows["lasted_ns"].to_list() == [7 * S]
    assert board.share(pl.lit(True)) == 0.7
