from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from market_kit import MS, SECOND, crowd, plan, scripted, two_venues

from market_sim import Market
from market_sim.tape import FRESH_COLUMNS, TABLES, Tape

L = "NORTH:BTC/USD"


def result_of(engine_name, agents, table=None, until=None):
    made = Market(table or plan(), seed=7, engine=engine_name, agents=agents)
    made.run(until)
    return made.result()


def both_sides():
    maker = scripted({MS: lambda t: (t.buy(L, 2, 99), t.sell(L, 2, "101.5"))}, name="maker")
    taker = scripted({SECOND: lambda t: t.buy(L, "0.5", "101.5")}, name="taker")
    return [maker, taker]


def test_a_trade_by_name_in_units_and_as_integers(engine_name):
    table = plan(epoch="2026-01-05T09:30:00-05:00", zone="America/New_York")
    (trade,) = result_of(engine_name, both_sides(), table).trades.iter_rows(named=True)
    assert trade == {
        "time_ns": SECOND + 3 * MS,
        "time": datetime(2026, 1, 5, 9, 30, 1, 3000, tzinfo=ZoneInfo("America/New_York")),
        "listing": L,
        "venue": "NORTH",
        "instrument": "BTC/USD",
        "price": 101.5,
        "size": 0.5,
        "side": "buy",
        "maker": "maker",
        "maker_order": 2,
        "taker": "taker",
        "taker_order": 1,
        "maker_fee": -0.001015,
        "taker_fee": 0.0025375,
        "match_id": 1,
        "price_ticks": 10_150,
        "size_lots": 500,
        "maker_fee_atoms": -101_500,
        "taker_fee_atoms": 253_750,
    }


def test_quotes_have_nulls_for_missing_sides(engine_name):
    quotes = result_of(engine_name, both_sides()).quotes
    first, second, third, *_ = quotes.select("bid", "bid_size", "ask", "ask_size", "mid", "spread").rows()
    assert first == (99.0, 2.0, None, None, None, None)
    assert second == (99.0, 2.0, 101.5, 2.0, 100.25, 2.5)
    assert third == (99.0, 2.0, 101.5, 1.5, 100.25, 2.5)
    assert quotes["time_ns"].to_list()[:3] == [4 * MS, 4 * MS, SECOND + 3 * MS]
    assert quotes["bid_ticks"].null_count() > 0


def test_orders_tell_what_became_of_each_command(engine_name):
    orders = result_of(engine_name, both_sides()).orders
    columns = [
        "agent",
        "order",
        "event",
        "reason",
        "sent_ns",
        "time_ns",
        "size",
        "leaves",
        "is_maker",
        "order_type",
        "tif",
    ]
    rows = orders.select(columns).rows()
    assert rows == [
        ("maker", 1, "accepted", None, MS, 4 * MS, 2.0, 2.0, None, "limit", "gtc"),
        ("maker", 2, "accepted", None, MS, 4 * MS, 2.0, 2.0, None, "limit", "gtc"),
        ("taker", 1, "accepted", None, SECOND, SECOND + 3 * MS, 0.5, 0.5, None, "limit", "gtc"),
        ("maker", 2, "fill", None, None, SECOND + 3 * MS, 0.5, 1.5, True, "limit", "gtc"),
        ("taker", 1, "fill", None, SECOND, SECOND + 3 * MS, 0.5, 0.0, False, "limit", "gtc"),
        ("maker", 1, "cancelled", "session_end", None, 10 * SECOND, 2.0, 0.0, None, "limit", "gtc"),
        ("maker", 2, "cancelled", "session_end", None, 10 * SECOND, 1.5, 0.0, None, "limit", "gtc"),
    ]


def test_rejects_are_on_the_tape_with_their_reason(engine_name):
    poor = scripted({SECOND: lambda t: t.buy(L, 1, 99)}, name="poor", credit="none")
    orders = result_of(engine_name, [poor]).orders
    assert orders.select("event", "reason", "sent_ns", "price", "size").rows() == [
        ("rejected", "insufficient_funds", SECOND, 99.0, 1.0)
    ]


def prices_are_nearest(trades, decimals, ticks_per_unit):
    assert len(trades) > 10
    for price, ticks in zip(trades["price"], trades["price_ticks"], strict=True):
        assert price == ticks / ticks_per_unit == round(price, decimals)


def test_prices_on_the_tape_are_the_nearest_floats(engine_name):
    trades = result_of(engine_name, crowd(4), two_venues()).trades
    for venue, ticks_per_unit in (("NORTH", 100), ("SOUTH", 20)):
        prices_are_nearest(trades.filter(trades["venue"] == venue), 2, ticks_per_unit)


def test_prices_of_a_single_listing_are_the_nearest_floats(engine_name):
    prices_are_nearest(result_of(engine_name, crowd(4)).trades, 2, 100)


def test_both_engines_write_the_same_tape():
    made = [result_of(name, crowd(3), two_venues()) for name in ("reference", "auto")]
    for table in TABLES:
        first, second = (result.lazy(table).collect() for result in made)
        # Queues are of recorded markets; tests/test_external.py has them.
        assert len(first) > 30 or table == "queues"
        assert first.equals(second)


def test_a_tape_beyond_its_limit_goes_to_disk_and_reads_the_same(engine_name):
    kept = result_of(engine_name, crowd(3))
    spilled = result_of(engine_name, crowd(3), plan(limits={"tape_rows": 500}))
    assert not kept.market.tape.spilled
    assert spilled.market.tape.spilled
    assert len(spilled.orders) > 500
    for table in TABLES:
        assert spilled.lazy(table).collect().equals(kept.lazy(table).collect())
    assert spilled.summary()["accounts"] == kept.summary()["accounts"]


class FakeKernel:
    """Gives the same three trades at every drain."""

    def drain_tape(self):
        columns = {name: [1, 2, 3] for name in Tape(1).lazy("trades").collect_schema().names()}
        return {"trades": columns, "quotes": {"time_ns": []}, "orders": {"time_ns": []}}


def test_the_order_of_rows_survives_spilling():
    tape = Tape(limit_rows=5)
    for _ in range(5):
        tape.collect(FakeKernel())
    assert tape.lazy("trades").collect()["time_ns"].to_list() == [1, 2, 3] * 5


def test_many_small_drains_leave_few_frames():
    tape = Tape(limit_rows=10**9)
    for _ in range(1000):
        tape.collect(FakeKernel())
    assert len(tape._frames["trades"]) <= 10
    assert tape.lazy("trades").collect()["time_ns"].to_list() == [1, 2, 3] * 1000


def test_large_frames_do_not_join_and_read_in_order(monkeypatch):
    monkeypatch.setattr("market_sim.tape.MOST_JOINED_ROWS", 12)
    tape = Tape(limit_rows=10_000)
    for _ in range(20):
        tape.collect(FakeKernel())
    assert [frame.height for frame in tape._frames["trades"]] == [12] * 5
    assert tape.lazy("trades").collect()["time_ns"].to_list() == [1, 2, 3] * 20


def test_a_market_without_events_has_empty_tables_of_the_same_form(engine_name):
    empty, full = result_of(engine_name, []), result_of(engine_name, crowd(2))
    for table in TABLES:
        assert empty.lazy(table).collect().is_empty()
        assert empty.lazy(table).collect_schema() == full.lazy(table).collect_schema()


def test_fresh_trades_are_the_newest_since_the_last_look():
    tape = Tape(limit_rows=1000)
    tape.collect(FakeKernel())
    assert tape.take_fresh_trades() == []
    tape.collect(FakeKernel())
    tape.collect(FakeKernel())
    assert tape.take_fresh_trades() == [(k,) * len(FRESH_COLUMNS) for k in (1, 2, 3)] * 2
    assert tape.take_fresh_trades() == []


@pytest.mark.parametrize("table", TABLES)
def test_tables_can_be_written_without_loading_them(engine_name, table, tmp_path):
    result = result_of(engine_name, crowd(2))
    result.lazy(table).sink_parquet(tmp_path / "x.parquet")
    assert pl.read_parquet(tmp_path / "x.parquet").equals(result.lazy(table).collect())


def test_a_tape_of_the_recent_keeps_the_newest_rows_and_no_file():
    tape = Tape(limit_rows=60)
    tape.recent_only = True
    noted = []
    tape.on_trades = lambda columns: noted.extend(columns["time_ns"])
    for _ in range(100):
        tape.collect(FakeKernel())
    assert not tape.spilled
    kept = tape.lazy("trades").collect()
    assert 0 < kept.height <= 60
    assert kept["time_ns"].to_list()[-3:] == [1, 2, 3]
    assert len(noted) == 300
