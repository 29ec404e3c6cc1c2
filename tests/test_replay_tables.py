"""Recordings that are tables: recognised by columns, checked row by row, honest about what they lack."""

import numpy as np
import polars as pl
import pytest

from agents.base import Trader
from market_sim import DataError, ScenarioError, replay
from market_sim.engine import FlowKind
from market_sim.records import LAST, SNAPSHOT
from market_sim.replaying.convert import convert
from market_sim.replaying.formats import open_tables, recognise
from market_sim.replaying.rows import RowFlow

QUOTES = """\
time,symbol,bid,ask,bid_size,ask_size
2024-01-02T09:30:00Z,AAA,10.00,10.02,5,7
2024-01-02T09:30:00.5Z,BBB,20.1,20.2,1,1
2024-01-02T09:30:01Z,AAA,10.01,10.02,4,7
"""
TRADES = """\
timestamp,price,size,side
1704187800.5,10.00,3,buy
1704187801,10.02,2,sell
"""
BARS = "Date,open,high,low,close\n2024-01-01,10,12,9,11\n2024-01-02,11,11.5,10,10.5\n"
CLOSES = "date,KO,PEP\n1990-01-02,2.235,4.738\n1990-01-03,2.202,4.738\n"
DEPTH = """\
exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount
binance,BTCUSDT,1704187800000000,1704187800001000,true,bid,100.1,2
binance,BTCUSDT,1704187800000000,1704187800001000,true,ask,100.3,1.5
binance,BTCUSDT,1704187801000000,1704187801002000,false,bid,100.1,0
binance,BTCUSDT,1704187801000000,1704187801002000,false,bid,100.0,3
binance,BTCUSDT,1704187802000000,1704187802001000,false,ask,100.2,1
"""
PRINTS = """\
exchange,symbol,timestamp,local_timestamp,id,side,price,amount
binance,BTCUSDT,1704187801500000,1704187801501000,7,buy,100.3,0.5
binance,BTCUSDT,1704187801600000,1704187801601000,8,unknown,100.3,0.5
"""


@pytest.fixture
def write(tmp_path):
    def save(text, name="data.csv"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return save


def rows_of(sources):
    return [np.concatenate(list(source.batches())) for source in sources]


@pytest.mark.parametrize(
    ("text", "form"),
    [(QUOTES, "quotes"), (TRADES, "trades"), (BARS, "bars"), (CLOSES, "closes"), (DEPTH, "tardis"),
     (PRINTS, "tardis"), ("1700000000000000000 {}\n", None), ("a,b\nc,d\n", None)],
)  # fmt: skip
def test_forms_are_recognised_by_their_columns(write, text, form):
    assert recognise(write(text)) == form


def test_quotes_are_a_book_of_one_level(write):
    sources = open_tables(write(QUOTES), "quotes")
    assert [source.terms.symbol for source in sources] == ["AAA", "BBB"]
    assert [str(source.terms.tick) for source in sources] == ["0.01", "0.1"]
    rows, _ = rows_of(sources)
    assert rows["price"].tolist() == [1000, 1002, 1001, 1002]
    assert rows["size"].tolist() == [5, 7, 4, 7]
    assert rows["flags"].tolist() == [0, LAST | SNAPSHOT] * 2
    assert rows["time_ns"][0] == 1_704_187_800_000_000_000
    assert "no depth, no trades, no queues" in sources[0].notes()[0]


def test_a_trade_reaches_agents_and_a_quote_stands_around_it(write):
    (source,) = open_tables(write(TRADES, "ACME.csv"), "trades", options={"spread_bps": 20})
    (rows,) = rows_of([source])
    assert rows["kind"].tolist() == [FlowKind.TRADE, FlowKind.LEVEL, FlowKind.LEVEL] * 2
    assert rows["side"][::3].tolist() == [0, 1]
    # A buyer paid 10.00: that is the ask, 20 bps above the bid; a seller got 10.02: that is the bid.
    assert rows["price"].tolist() == [1000, 998, 1000, 1002, 1002, 1004]
    assert source.terms.symbol == "ACME"


def test_trades_without_a_side_follow_the_tick_rule(write):
    text = "time,price,size\n" + "".join(
        f"2024-01-02 09:30:0{second},{price},1\n" for second, price in enumerate((10, 11, 11, 10, 10))
    )
    (rows,) = rows_of(open_tables(write(text), "trades"))
    assert rows["side"][::3].tolist() == [0, 0, 0, 1, 1]


def test_bars_go_from_open_over_the_nearer_extreme_to_close(write):
    (source,) = open_tables(write(BARS), "bars", options={"spread_bps": 20})
    (rows,) = rows_of([source])
    mids = (rows["price"][0::2] + rows["price"][1::2]) / 2 * float(source.terms.tick)
    assert mids.tolist() == [10, 9, 12, 11, 11, 11.5, 10, 10.5]
    day = 86_400 * 10**9
    steps = np.diff(rows["time_ns"][0::2]).tolist()
    assert steps == [day // 3, day // 3, day // 3 - 1, 1, day // 3, day // 3, day // 3 - 1]
    assert "a guess" in source.notes()[0]


def test_closes_have_a_symbol_a_column(write):
    sources = open_tables(write(CLOSES), "closes")
    assert [source.terms.symbol for source in sources] == ["KO", "PEP"]
    rows, _ = rows_of(sources)
    assert ((rows["price"][0::2] + rows["price"][1::2]) / 2 * float(sources[0].terms.tick)).tolist() == [
        2.235,
        2.202,
    ]


@pytest.mark.parametrize(
    ("clock", "first_ns", "delay_ns"), [("local", 1_000_000, 0), ("venue", 0, 1_000_000)]
)
def test_tardis_rows_of_one_message_are_one_update(write, clock, first_ns, delay_ns):
    (source,) = open_tables(write(DEPTH), "tardis", clock)
    (rows,) = rows_of([source])
    assert np.flatnonzero(rows["flags"] & LAST).tolist() == [1, 3, 4]
    assert np.flatnonzero(rows["flags"] & SNAPSHOT).tolist() == [0, 1]
    assert rows["time_ns"][0] == 1_704_187_800_000_000_000 + first_ns
    assert rows["delay_ns"][0] == delay_ns
    assert (rows["price"][:2].tolist(), rows["size"][:2].tolist()) == ([1001, 1003], [20, 15])
    assert (source.terms.base, source.terms.quote) == ("BTC", "USDT")


def test_tardis_depth_and_trades_feed_one_listing(write):
    result = replay([write(DEPTH, "depth.csv"), write(PRINTS, "prints.csv")])
    quotes = result.quotes.drop_nulls("bid").select("bid", "ask", "ask_size").rows()
    # The trade takes 0.5 of the ask before depth tells of it.
    assert quotes == [(100.1, 100.3, 1.5), (100.0, 100.3, 1.5), (100.0, 100.3, 1.0), (100.0, 100.2, 1.0)]
    assert result.trades.select("price", "size", "side").rows() == [(100.3, 0.5, "buy")]
    assert any("Trades without a side, left out: 1" in note for note in result.summary()["replay"]["notes"])


@pytest.mark.parametrize("block_bytes", [90, 200, 10**6])
def test_blocks_of_any_size_give_the_same_rows(write, monkeypatch, block_bytes):
    whole = rows_of(open_tables(write(DEPTH), "tardis"))[0]
    import market_sim.replaying.blocks as reading
    import market_sim.replaying.tardis as tardis

    def small(path, names=None):
        return reading.blocks(path, names, block_bytes)

    monkeypatch.setattr(tardis, "blocks", small)
    assert (rows_of(open_tables(write(DEPTH), "tardis"))[0] == whole).all()


def npz(path, events, **more):
    kind = [("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
            ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8")]  # fmt: skip
    np.savez_compressed(path, data=np.array([(*event, 0, 0.0) for event in events], kind), **more)
    return str(path)


BOTH, BUY, SELL = 0xC000_0000, 1 << 29, 1 << 28


def test_npz_levels_and_trades(tmp_path):
    start = 1_700_000_000_000_000_000
    events = [
        (BOTH | BUY | 4, start, start + 50, 99.9, 5.0, 0),
        (BOTH | SELL | 4, start, start + 50, 100.1, 4.0, 0),
        (BOTH | SELL | 2, start + 10, start + 70, 99.9, 1.0, 0),
        (BOTH | BUY | 1, start + 10, start + 60, 99.9, 4.0, 0),
    ]
    file = npz(tmp_path / "btcusdt_20240101.npz", events)
    (source,) = open_tables(file, "hftbacktest", "venue")
    (rows,) = rows_of([source])
    assert rows["kind"].tolist() == [FlowKind.LEVEL, FlowKind.LEVEL, FlowKind.TRADE, FlowKind.LEVEL]
    assert rows["side"].tolist() == [0, 1, 1, 0]
    assert rows["delay_ns"].tolist() == [50, 50, 60, 50]
    assert source.terms.symbol == "BTCUSDT"
    (source,) = open_tables(file, "hftbacktest", "local")
    (rows,) = rows_of([source])
    assert source.counts.backward_stamps == 1
    assert (np.diff(rows["time_ns"]) >= 0).all()


def test_npz_single_orders(tmp_path):
    start = 1_700_000_000_000_000_000
    events = [
        (BOTH | BUY | 10, start, start, 99.0, 5.0, 1),
        (BOTH | BUY | 13, start + 1, start + 1, 99.0, 2.0, 1),
        (BOTH | BUY | 12, start + 1, start + 1, 99.0, 3.0, 1),
        (BOTH | BUY | 11, start + 2, start + 2, 99.0, 0.0, 1),
    ]
    (rows,) = rows_of(open_tables(npz(tmp_path / "x.npz", events), "hftbacktest"))
    kinds = [FlowKind.ADD, FlowKind.EXECUTE, FlowKind.REPLACE, FlowKind.DELETE]
    assert (rows["kind"].tolist(), rows["id"].tolist()) == (kinds, [1] * 4)


def test_npz_is_never_unpickled(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, data=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"evil\.npz: `data` has object"):
        open_tables(str(path), "hftbacktest")
    path.write_bytes(b"no archive")
    with pytest.raises(DataError, match="no npz archive"):
        open_tables(str(path), "hftbacktest")


START = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("event", "clock", "why"),
    [
        ((BOTH | BUY | 1, START, 0, 99.0, 1.0, 0), "local", "row 1 of `data`: local_ts is 0"),
        ((BOTH | BUY | 1, START // 1000, START, 99.0, 1.0, 0), "venue", "row 1 .*: exch_ts is 17"),
        ((BOTH | BUY | 1, START, START, np.nan, 1.0, 0), "local", "row 1 .*: px is nan; a price above 0"),
        ((BOTH | BUY | 1, START, START, -1.0, 1.0, 0), "local", "row 1 .*: px is -1.0"),
        ((BOTH | SELL | 2, START, START, 99.0, np.inf, 0), "local", "row 1 .*: qty is inf"),
        ((BOTH | SELL | 10, START, START, 99.0, -3.0, 7), "local", "row 1 .*: qty is -3.0"),
        ((BOTH | 1, START, START, 99.0, 1.0, 0), "local", "row 1 .*: ev is 3221225473; one of the bits"),
        ((BOTH | BUY | 1, START, START, 1e-12, 1.0, 0), "local", "row 1 .*: px is 1e-12; at least a tick"),
        ((BOTH | BUY | 1, START, START, 1e18, 1.0, 0), "local", "row 1 .*: px is 1e.18; at most"),
        ((BOTH | BUY | 1, START, START, 99.0, 1e30, 0), "local", "row 1 .*: qty is 1e.30; at most"),
    ],
)
def test_an_event_that_cannot_be_gets_its_row_and_the_reason(tmp_path, event, clock, why):
    sound = (BOTH | BUY | 1, START, START, 98.0, 1.0, 0)
    with pytest.raises(DataError, match=rf"x\.npz: {why}.*Correct the row"):
        rows_of(open_tables(npz(tmp_path / "x.npz", [sound, event]), "hftbacktest", clock))


def test_trades_without_a_side_are_left_out_and_counted(tmp_path):
    events = [(BOTH | BUY | 1, START, START, 98.0, 1.0, 0), (BOTH | 2, START, START, 98.0, 1.0, 0)]
    (source,) = open_tables(npz(tmp_path / "x.npz", events), "hftbacktest")
    (rows,) = rows_of([source])
    assert rows["kind"].tolist() == [FlowKind.LEVEL]
    assert "trades without a side, left out: 1" in source.notes()[-1]


def test_an_archive_that_is_no_recording_says_why(tmp_path):
    path = tmp_path / "x.npz"
    wanted = ["ev", "exch_ts", "local_ts", "px", "qty", "order_id"]
    for array, why in (
        ({"other": np.zeros(3)}, "it holds other.npy"),
        ({"data": np.zeros(3)}, "`data` has float64"),
        ({"data": np.zeros(0, [(name, "<i8") for name in wanted])}, "`data` is empty"),
        ({"data": np.zeros(2, [(name, "U4") for name in wanted])}, "`data` has ev as <U4"),
    ):
        np.savez(path, **array)
        with pytest.raises(DataError, match=f"{why}.*Give hftbacktest's .npz"):
            open_tables(str(path), "hftbacktest")
    whole = npz(path, [(BOTH | BUY | 1, START + k, START + k, 98.0, 1.0 + k % 7, 0) for k in range(5000)])
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2] + b"\xff" * 64 + raw[len(raw) // 2 + 64 :])
    with pytest.raises(DataError, match="no npz archive that can be read"):
        open_tables(whole, "hftbacktest")


# Nanoseconds since midnight have as many digits as milliseconds since 1970.
NS_OF_A_DAY = "time,symbol,bid,ask,bid_size,ask_size\n34200000000000,AAA,10.00,10.02,5,7\n"


@pytest.mark.parametrize(
    ("text", "form", "why"),
    [
        (QUOTES.replace("10.01", "ten"), "quotes", "line 4: bid is 'ten'"),
        (QUOTES.replace("2024-01-02T09:30:01Z", "later"), "quotes", "line 4: 'later' is no time"),
        (NS_OF_A_DAY, "quotes", "line 2: '34200000000000' is no time before 2262"),
        (QUOTES.replace("20.1,20.2,1,1", "20.1,20.2"), "quotes", "line 3: 4 columns, where 6 are expected"),
        (QUOTES.replace("bid,", "offer_to_buy,"), "quotes", "no column 'bid'"),
        (TRADES.replace("sell", "both"), "trades", "line 3: side is 'both'"),
        (BARS.replace("12,9", "9,12"), "bars", "line 2: a bar whose high and low"),
        (DEPTH.replace("1704187801000000", "17041878"), "tardis", "line 4: timestamp is '17041878'"),
        (DEPTH.replace("bid,100.0", "middle,100.0"), "tardis", "line 5: side is 'middle'"),
        ("", "quotes", "the file is empty"),
        (QUOTES.splitlines()[0] + "\n", "quotes", "line 2: no rows below the header"),
        (
            QUOTES.replace("\n2024-01-02T09:30:01", "\n\n2024-01-02T09:30:01"),
            "quotes",
            "line 4: an empty line",
        ),
        (QUOTES.replace("10.02,4,7", "10.02,1e30,7"), "quotes", "line 4: bid_size is '1e30'"),
        (TRADES.replace(",2,", f",{9**25},"), "trades", f"line 3: size is '{9**25}'"),
        (TRADES.replace("10.02", "1e17"), "trades", "line 3: price is '1e17'"),
        (
            BARS.replace("Date", "Date,volume").replace("-01,", "-01,1e30,").replace("-02,", "-02,1,"),
            "bars",
            "line 2: volume is '1e30'",
        ),
        (DEPTH.replace("100.1,0", "0.0000000001,0"), "tardis", "line 4: price is '0.0000000001'"),
        (DEPTH.replace("100.1,0", "100.1,1e30"), "tardis", "line 4: amount is '1e30'"),
        (DEPTH.replace("100.1,0", "100.1,"), "tardis", "line 4: price or amount is missing"),
        (QUOTES.replace("ask_size", "ask"), "quotes", "line 1: column 'ask' is there twice"),
        (QUOTES + QUOTES, "quotes", "line 5: the header is there again"),
        (DEPTH + DEPTH, "tardis", "line 7: the header is there again"),
        (QUOTES.replace(",", ";"), "quotes", "line 1: columns are separated by semicolons"),
        (BARS.replace(",", "\t"), "bars", "line 1: columns are separated by tabs"),
        (TRADES.replace("price", '"price"'), "trades", "line 1: fields in quotation marks"),
        (QUOTES.replace("2024-01-02T09:30:01Z", ""), "quotes", "line 4: the time is missing"),
        (TRADES.replace("1704187801,", "soon,"), "trades", "line 3: 'soon' is no time"),
        (CLOSES.replace(",PEP", ","), "closes", "line 1: column 3 has no name"),
        (
            DEPTH.replace("local_timestamp,is", "local_timestamp,id,is"),
            "tardis",
            "line 1: columns .* are no book and no trades",
        ),
        (DEPTH.replace("T,17041878020", "C,17041878020"), "tardis", "line 6: rows of several symbols"),
    ],
)
def test_a_bad_file_gets_the_row_and_the_reason(write, text, form, why):
    with pytest.raises(DataError, match=why):
        rows_of(open_tables(write(text), form))


def test_what_is_no_utf8_gets_its_own_line(tmp_path):
    path = tmp_path / "latin.csv"
    path.write_bytes(QUOTES.replace("BBB", "B\u00e9B").encode("latin-1"))
    with pytest.raises(DataError, match="line 3: byte 0xe9 is no UTF-8"):
        rows_of(open_tables(str(path), "quotes"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (QUOTES.replace(",", ";"), "line 1: columns are separated by semicolons.*Separate them by commas"),
        (DEPTH.replace(",", "\t"), "line 1: columns are separated by tabs"),
        (BARS.replace("open", '"open"'), "line 1: fields in quotation marks are not read"),
    ],
)
def test_a_table_that_lacks_its_commas_is_taken_for_no_capture(write, text, why):
    with pytest.raises(DataError, match=why):
        replay(write(text))


def test_a_form_that_does_not_exist_is_named_with_those_that_do(write):
    with pytest.raises(ScenarioError, match=r"no form or protocol 'quote'.*quotes, trades"):
        replay(write(QUOTES), protocol="quote")


@pytest.mark.parametrize(
    ("text", "form", "name"),
    [
        (DEPTH.replace("binance", "binance-futures"), "tardis", "binance-futures"),
        (DEPTH.replace("BTCUSDT", "BTC-PERPETUAL"), "tardis", "BTC-PERPETUAL"),
        (DEPTH.replace("binance", "bybit"), "tardis", "bybit futures"),
        (QUOTES.replace("AAA", "AAA-PERP"), "quotes", "AAA-PERP"),
        ("time,symbol,bid,ask,funding_rate\n2024-01-01,A,1,2,0.1\n", "quotes", "funding_rate"),
    ],
)
def test_derivatives_are_refused_by_name(write, text, form, name):
    with pytest.raises(DataError, match=f"{name}' is about derivatives.*Spot only"):
        open_tables(write(text), form)


def test_unknown_options_are_refused(write):
    with pytest.raises(ScenarioError, match="unknown options spread"):
        open_tables(write(QUOTES), "quotes", options={"spread": 1})


def test_several_symbols_come_in_one_order_of_time(write):
    flow = RowFlow(open_tables(write(QUOTES), "quotes"), "venue")
    batches = [flow._rows, *flow._batches]
    order = np.concatenate([batch["listing"] for batch in batches])[1::2].tolist()
    assert order == [0, 1, 0]


class Taker(Trader):
    """Buys one at every recorded change of the ask."""

    def on_start(self) -> None:
        self.seen: dict[str, float] = {}

    def on_quote(self, quote) -> None:
        if quote.ask is not None and self.seen.get(quote.listing.name) != quote.ask:
            self.seen[quote.listing.name] = quote.ask
            self.buy(quote.listing, 1, quote.ask)


def test_the_outcome_does_not_depend_on_how_much_is_pushed_at_a_time(write, monkeypatch):
    import market_sim.replaying.tabular as tabular

    file, hashes = write(QUOTES), set()
    for chunk in (1, 2, 20_000):
        monkeypatch.setattr(tabular, "RowFlow", lambda *sources, chunk=chunk: RowFlow(*sources, chunk))
        result = replay(file, agents=[Taker(name="taker")])
        assert result.summary()["fills"] == 2
        hashes.add(result.event_log_hash)
    assert len(hashes) == 1


def test_convert_writes_parquet_and_reports_faults(write, tmp_path):
    text = DEPTH + (
        "binance,BTCUSDT,1704187900000000,1704187900001000,true,bid,100.1,2\n"
        "binance,BTCUSDT,1704187899000000,1704187899001000,false,bid,100.1,1\n"
    )
    told = convert([write(text, "depth.csv"), write(PRINTS, "prints.csv")], tmp_path / "out")
    depth, prints = told["sources"]
    assert (depth["rows"], depth["updates"], depth["backward_stamps"]) == (7, 5, 1)
    faults = {fault["fault"]: fault for fault in depth["faults"]}
    assert faults["silence"]["line"] == 7
    assert faults["silence"]["seconds"] == pytest.approx(97.9995, abs=0.01)
    assert faults["reconnects, with a gap before each"]["count"] == 1
    assert (prints["rows"], prints["trades_without_side"]) == (1, 1)
    table = pl.read_parquet(f"{depth['folder']}/*.parquet")
    assert table["price"].to_list()[:3] == [100.1, 100.3, 100.1]
    assert table["exchange_ns"][0] == 1_704_187_800_000_000_000
    with pytest.raises(DataError, match="holds something already"):
        convert(write(text, "depth.csv"), tmp_path / "out")
    with pytest.raises(DataError, match="no tables that are known"):
        convert(write("a,b\nc,d\n", "ab.csv"), tmp_path / "other")
