"""Live feeds as the external participant: what is shown when, and the same hash from the capture."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest

from agents.base import Trader
from market_sim import engine, start_ws
from market_sim.engine import native_module
from market_sim.errors import DataError, EngineError, ScenarioError
from market_sim.feeding import convert_capture, open_captured, open_feed
from market_sim.feeding import flow as flows
from market_sim.feeding.placing import placed
from market_sim.feeding.session import FeedSession
from market_sim.feeding.subscriptions import Subscription, read_wanted, with_grids
from market_sim.replaying import open_replay
from market_sim.scenario import load
from tests.fake_feed import EPOCH_NS, FakeHandle, FakeReader, Script

KRAKEN = Subscription("kraken", "BTC/USD", "BTC", "USD", Decimal("0.1"), Decimal("0.00000001"))
COINBASE = Subscription("coinbase", "BTC-USD", "BTC", "USD", Decimal("0.01"), Decimal("0.00000001"))
ONE = 100_000_000  # lots of one bitcoin
GRIDS = ["kraken:BTC/USD@0.1/0.00000001", "coinbase:BTC/USD@0.01/0.00000001"]


def live(script, monkeypatch, books=GRIDS[:1], scenario=None, agents=(), **more):
    """A session on a script instead of sockets; gives it with the fake connector."""
    made = []

    def connect(*_):
        made.append(FakeHandle(script.events))
        return made[0]

    monkeypatch.setattr(flows, "_connect", connect)
    session = open_feed(books, scenario, agents, seed=5, **more)
    return session, made[0]


def captured(handle, monkeypatch, books=(KRAKEN,), scenario=None, agents=(), **more):
    """The replay of what a fake connector gave."""
    header = {
        "schema": 1,
        "subscriptions": [
            dict(zip(("venue", "symbol", "tick", "lot"), book.row, strict=True)) for book in books
        ],
    }

    class Module:
        @staticmethod
        def CaptureReader(path):
            return FakeReader(json.dumps(header), handle.recorded)

    monkeypatch.setattr(flows, "feed_module", lambda: Module)
    return open_captured("session.msfeed", scenario, agents, seed=5, **more)


def one_market():
    """Half a minute: a book, a maker's time to quote, sales that reach it, a gap, a resync, a disconnect."""
    script = Script().state(0, "connecting").state(300, "syncing")
    script.book(400, [(600_000, ONE), (599_990, ONE)], [(600_010, ONE), (600_020, 2 * ONE)]).state(
        401, "live"
    )
    for number in range(60):
        at_ms = 1000 + 250 * number
        script.diff(at_ms, [(600_000, ONE + number)], [(600_010, ONE - number)])
        script.trade(at_ms + 20, number % 2, 600_010 if number % 2 == 0 else 600_000, ONE // 10)
    script.gap(16_500).state(16_501, "resyncing", "ids 5 to 7 are missing")
    script.book(17_000, [(600_100, ONE)], [(600_110, ONE)]).state(17_001, "live")
    for number in range(20):
        script.diff(17_100 + 100 * number, [(600_100, ONE + number)], [])
    script.gap(19_500, "trades", "overflow", dropped=3)
    script.gap(20_000, "book", "disconnected").state(20_001, "connecting", "the connection was reset")
    script.book(21_000, [(599_000, ONE)], [(599_010, ONE)]).state(21_001, "live")
    return script


class Watcher(Trader):
    """Writes down what it is shown."""

    def on_start(self):
        self.shown = []
        self.wake_in("100ms")

    def on_wake(self):
        view = self.view(self.listings[0])
        self.shown.append((self.now_ns // 1_000_000, view.bid, view.ask))
        self.wake_in("100ms")


class Sender(Trader):
    """Sends and cancels all the time, so that its place among the feed's events is in the hash."""

    def on_start(self):
        self.wake_in("7ms")

    def on_wake(self):
        for order in list(self.orders):
            self.cancel(order)
        self.buy(self.listings[0], "0.01", price="60000.0")
        self.wake_in("61ms")


def test_a_book_is_shown_only_while_it_is_live(monkeypatch):
    watcher = Watcher()
    session, _ = live(one_market(), monkeypatch, agents=[watcher])
    session.run("23s")
    shown = {at_ms: (bid, ask) for at_ms, bid, ask in watcher.shown}
    assert shown[300] == (None, None)
    assert shown[500] == (60000.0, 60001.0)
    assert shown[16_600] == shown[16_900] == (None, None)
    assert shown[17_100] == (60010.0, 60011.0)
    assert shown[20_500] == (None, None)
    assert shown[21_500] == (59900.0, 59901.0)
    report = session.result().summary()["replay"]
    story = report["books"]["KRAKEN:BTC/USD"]
    assert (story["snapshots"], story["diffs"], story["trades"]) == (3, 80, 60)
    assert (story["gaps"], story["dropped"], story["states"]["live"]) == (3, 3, 3)
    assert [one["what"] for one in report["interruptions"] if "gap" in one["what"]] == [
        "gap in book", "gap in trades", "gap in book",
    ]  # fmt: skip
    assert any("Gaps in the feed of KRAKEN:BTC/USD: 3." in note for note in report["notes"])


@pytest.mark.parametrize("until", ["23s", "12s", "1500ms"])
@pytest.mark.parametrize("agents", ["the maker", "Sender"])
def test_the_capture_comes_to_the_same_hash(monkeypatch, until, agents):
    handed = [Sender()] if agents == "Sender" else ()
    session, handle = live(one_market(), monkeypatch, agents=handed)
    session.run(until)
    lived = session.result()
    handed = [Sender()] if agents == "Sender" else ()
    again = captured(handle, monkeypatch, agents=handed)
    again.run()
    repeated = again.result()
    assert repeated.event_log_hash == lived.event_log_hash
    assert again.market.end_ns == session.market.end_ns
    assert repeated.summary()["accounts"] == lived.summary()["accounts"]
    assert lived.summary()["orders"] > 0
    if until == "23s" and agents == "the maker":
        assert lived.summary()["fills"] > 0
        assert lived.summary()["ledger_imbalance"] == {"BTC": 0, "USD": 0}
    # However finely the world is looked at, it is the same.
    coarse, other = live(one_market(), monkeypatch, agents=[Sender()] if agents == "Sender" else ())
    other.step_ns = 400_000_000
    coarse.run(until)
    once_more = captured(other, monkeypatch, agents=[Sender()] if agents == "Sender" else ())
    once_more.run()
    assert once_more.result().event_log_hash == coarse.result().event_log_hash


def test_the_capture_runs_through_replay_too(monkeypatch):
    session, handle = live(one_market(), monkeypatch)
    session.run("10s")
    captured(handle, monkeypatch)
    again = open_replay("session.msfeed", seed=5)
    assert isinstance(again, FeedSession)
    again.run()
    assert again.result().event_log_hash == session.result().event_log_hash
    assert "capture of KRAKEN:BTC/USD" in again.origin
    with pytest.raises(ScenarioError, match="on the local clock"):
        open_replay("session.msfeed", clock="venue")
    with pytest.raises(DataError, match="name it alone"):
        open_replay(["session.msfeed", "capture.gz"])


def test_two_venues_at_once_beside_a_simulated_one(monkeypatch, tmp_path):
    """Books of two venues and a market of noise traders, one strategy over all of them."""
    script = one_market()
    script.state(1, "connecting", sub=1)
    script.book(700, [(6_000_500, ONE)], [(6_000_600, ONE)], sub=1).state(701, "live", sub=1)
    for number in range(100):
        script.diff(750.5 + 100 * number, [(6_000_500 + number % 3, ONE)], [], sub=1)
    plan = load("paper_maker").resolved()
    plan["assets"] = {"BTC": {"decimals": 8}, "USD": {"decimals": 10}}
    plan["instruments"] = {"BTC/USD": {"base": "BTC", "quote": "USD"}}
    plan["venues"] = {name: {"taker_fee_bps": 1} for name in ("KRAKEN", "COINBASE", "NORTH")}
    plan["listings"] = [
        {
            "venue": "KRAKEN",
            "instrument": "BTC/USD",
            "tick": "0.1",
            "lot": "0.00000001",
            "external": "BTC/USD",
        },
        {
            "venue": "COINBASE",
            "instrument": "BTC/USD",
            "tick": "0.01",
            "lot": "0.00000001",
            "external": "BTC-USD",
        },
        {"venue": "NORTH", "instrument": "BTC/USD", "tick": "1", "lot": "0.001"},
    ]
    plan |= {
        "numeraire": "USD",
        "agents": [],
        "latency": {"near": {"entry": "1ms", "report": "1ms", "data": "1ms"}},
    }
    plan["agents"] = [
        {
            "name": "noise", "kind": "agents.noise:NoiseTrader", "count": 3, "listings": ["NORTH:BTC/USD"],
            "endowment": {"NORTH": {"USD": "1000000", "BTC": "10"}},
        }
    ]  # fmt: skip
    seen = []

    class All(Trader):
        def on_start(self):
            self.wake_in("900ms")

        def on_wake(self):
            seen.extend((view.bid, view.ask) for view in map(self.view, self.listings[:2]))

    session, handle = live(script, monkeypatch, GRIDS, plan, [All()])
    assert session.market.config.listing_names == ["KRAKEN:BTC/USD", "COINBASE:BTC/USD", "NORTH:BTC/USD"]
    session.run("12s")
    assert seen == [(60000.0, 60001.0), (60005.01, 60006.0)]
    again = captured(handle, monkeypatch, (KRAKEN, COINBASE), plan, [All()])
    again.run()
    assert again.result().event_log_hash == session.result().event_log_hash


def test_a_scenario_of_one_recorded_market_gives_its_place_to_every_live_book():
    plan = placed(load("paper_maker"), [KRAKEN, COINBASE])
    assert plan.listing_names == ["KRAKEN:BTC/USD", "COINBASE:BTC/USD"]
    assert [group.name for group in plan.agents] == ["maker-kraken-1", "maker-coinbase-2"]
    assert plan.agents[1].listings == ["COINBASE:BTC/USD"]
    assert plan.agents[1].endowment == {"COINBASE": {"USD": Decimal(100000), "BTC": Decimal(2)}}
    assert (plan.numeraire, set(plan.assets)) == ("USD", {"BTC", "USD"})
    alone = placed(load("paper_maker"), [KRAKEN])
    assert [group.name for group in alone.agents] == ["maker"]
    binance = Subscription("binance", "BTCUSDT", "BTC", "USDT", Decimal("0.01"), Decimal("0.000001"))
    unchanged = load("paper_maker")
    assert placed(unchanged, [binance]) is unchanged
    with pytest.raises(ScenarioError, match="no single recorded listing"):
        placed(load("two_venues"), [KRAKEN])


def test_without_a_live_book_it_says_why(monkeypatch):
    session, handle = live(Script().state(0, "connecting").state(400, "connecting", "refused"), monkeypatch)
    with pytest.raises(DataError, match=r"no live book within 0 s: KRAKEN:BTC/USD .* \(connection refused\)"):
        session.wait_for_live(200_000_000)
    assert handle.stopped
    assert session.market.finished


def test_an_agent_that_raises_ends_the_session_and_its_sockets(monkeypatch):
    class Faulty(Trader):
        def on_start(self):
            self.wake_in("600ms")

        def on_wake(self):
            raise RuntimeError("no")

    session, handle = live(one_market(), monkeypatch, agents=[Faulty()])
    with pytest.raises(Exception, match="RuntimeError"):
        session.run("5s")
    assert handle.stopped
    assert session.result().summary()["events"] > 0


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("kraken:BTC/USD", "BTC/USD"), ("coinbase:btc/usd", "BTC-USD"), ("binance:BTC/USDT", "BTCUSDT"),
        ("binance:BTCUSDT", "BTCUSDT"), ("OKX:ETH-USDT", "ETH-USDT"),
        ("bybit:ETH/USDT@0.01/0.00001", "ETHUSDT"),
    ],
)  # fmt: skip
def test_books_are_spelled_as_their_venue_does(text, symbol):
    assert read_wanted(text).symbol == symbol


@pytest.mark.parametrize(
    "text",
    ["BTC/USD", "nasdaq:AAPL/USD", "kraken:", "kraken:BTC/USD@1", "kraken:BTC/USD@0/1", "binance:WHAT"],
)
def test_what_is_no_book_is_refused(text):
    with pytest.raises(DataError):
        read_wanted(text)


def test_grids_come_from_the_text_then_the_scenario_then_the_venue():
    plan = load("paper_maker")
    asked = []

    def fetch(venue, symbol):
        asked.append((venue, symbol))
        return "0.5", "0.001"

    wanted = [read_wanted(text) for text in ("kraken:BTC/USD@0.1/0.01", "binance:BTC/USDT", "okx:BTC/USDT")]
    found = with_grids(wanted, plan, {}, fetch)
    assert [(book.tick, book.lot) for book in found] == [
        (Decimal("0.1"), Decimal("0.01")), (Decimal("0.01"), Decimal("0.000001")),
        (Decimal("0.5"), Decimal("0.001")),
    ]  # fmt: skip
    assert asked == [("okx", "BTC-USDT")]

    def broken(venue, symbol):
        raise ValueError("no route to host")

    with pytest.raises(DataError, match=r"no route to host.*okx:BTC/USDT@TICK/LOT"):
        with_grids(wanted, plan, {}, broken)


def test_without_the_extension_it_says_what_to_build(monkeypatch):
    monkeypatch.setattr(engine, "native_module", lambda: None)
    for attempt in (
        lambda: start_ws("wss://ws.kraken.com/v2"),
        lambda: open_feed(GRIDS[:1]),
        lambda: open_replay("session.msfeed"),
    ):
        with pytest.raises(EngineError, match="maturin develop"):
            attempt()


def test_an_address_of_nobody_known_needs_a_protocol():
    if native_module() is None or not hasattr(native_module(), "FeedHandle"):
        pytest.skip("needs the native extension")
    with pytest.raises(DataError, match="Say protocol="):
        start_ws("ws://127.0.0.1:1/")


def test_stamps_are_counted_from_the_second_of_the_first_record(monkeypatch):
    session, _ = live(one_market(), monkeypatch)
    assert session.flow.mirror.epoch_ns == EPOCH_NS
    assert session.market.config.epoch_time.timestamp() == EPOCH_NS / 1e9


def test_a_capture_becomes_tables_and_a_report(monkeypatch, tmp_path):
    session, handle = live(one_market(), monkeypatch)
    session.run("23s")
    captured(handle, monkeypatch)
    told = convert_capture("session.msfeed", tmp_path / "tables")
    (source,) = told["sources"]
    assert (source["updates"], source["snapshots"], source["trades"], source["faults_found"]) == (
        83,
        3,
        60,
        3,
    )
    assert source["faults"][0]["what"] == "gap in the book: sequence, ids 5 to 7"
    assert (source["backward_stamps"], source["negative_delays"], told["torn_bytes"]) == (0, 0, 0)
    assert not told["breaks_off"]
    levels = pl.read_parquet(tmp_path / "tables" / "levels-*.parquet")
    assert levels.height == source["rows"] == 4 + 2 + 2 + 60 * 2 + 20
    assert levels["time_ns"].is_sorted()
    first = levels.row(0, named=True)
    assert first["time_ns"] - first["exchange_ns"] == 3_000_000
    assert (first["venue"], first["symbol"], first["side"], first["snapshot"]) == (
        "kraken",
        "BTC/USD",
        "bid",
        True,
    )
    assert (first["price"], first["size"], first["price_ticks"], first["size_lots"]) == (
        60000.0,
        1.0,
        600_000,
        ONE,
    )
    trades = pl.read_parquet(tmp_path / "tables" / "trades-*.parquet")
    assert trades["aggressor"].to_list()[:2] == ["buy", "sell"]
    events = pl.read_parquet(tmp_path / "tables" / "events-*.parquet")
    gaps = events.filter(pl.col("kind").str.starts_with("gap"))
    assert gaps.select("first_missing", "last_missing", "dropped").row(1) == (5, 7, 3)
    with pytest.raises(DataError, match="not empty"):
        convert_capture("session.msfeed", tmp_path / "tables")


def test_what_is_no_capture_is_refused(tmp_path):
    if native_module() is None or not hasattr(native_module(), "CaptureReader"):
        pytest.skip("needs the native extension")
    other = tmp_path / "other.msfeed"
    other.write_text("something else")
    for path in (other, tmp_path / "missing.msfeed"):
        with pytest.raises(DataError, match=path.name):
            open_captured(path)
