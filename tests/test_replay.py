"""Recorded markets with agents in them: queues, gaps, clocks, venues, the check, the shipped maker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agents.base import Trader
from agents.cross_venue import CrossVenueArbitrageur
from market_sim import ScenarioError, replay, run, verify
from market_sim.errors import DataError
from market_sim.replaying import check, open_replay
from market_sim.replaying.source import Source
from tests.captures import BASE_NS, MS, CaptureWriter, made_up_market

DATA = Path(os.environ.get("MARKET_SIM_DATA", Path(__file__).parents[2] / "shared" / "data")) / "binance"
SHIPPED = [DATA / "spot_btcusdt_20240808.gz", DATA / "spot_btcusdt_20240809.gz"]
needs_data = pytest.mark.skipif(
    not all(path.is_file() for path in SHIPPED),
    reason=f"the Binance captures are not in {DATA}; MARKET_SIM_DATA names the folder that holds `binance`",
)
SECOND = 10**9


def plan(*venues, **changes):
    """BTC/USDT at each venue, fed by recorded flow; 1 ms to a venue and 1 ms back."""
    venues = venues or ("ALPHA",)
    grid = {"instrument": "BTC/USDT", "tick": "0.01", "lot": "0.001", "external": "BTCUSDT"}
    table = {
        "schema": 1,
        "name": "recorded",
        "duration": "1h",
        "numeraire": "USDT",
        "assets": {"BTC": {"decimals": 8}, "USDT": {"decimals": 8}},
        "venues": {venue: {} for venue in venues},
        "instruments": {"BTC/USDT": {"base": "BTC", "quote": "USDT"}},
        "listings": [{"venue": venue, **grid} for venue in venues],
        "latency": {"site": {"entry": "1ms", "report": "1ms"}},
    }
    return {**table, **changes}


class Scripted(Trader):
    """Does what `script` says, {time in ns: function of the trader}, and notes what it hears."""

    def on_start(self):
        self.heard = []
        for at_ns in self.script:
            self.wake_in(at_ns)

    def on_wake(self):
        self.script[self.now_ns](self)

    def on_fill(self, fill):
        self.heard.append(("fill", fill.venue_ns, fill.price, fill.size))

    def on_cancelled(self, cancelled):
        self.heard.append(("cancelled", cancelled.venue_ns, cancelled.price, cancelled.size))

    def on_quote(self, quote):
        # The end of the session empties the book; that is not what these tests are about.
        if quote.bid is not None or quote.ask is not None:
            self.heard.append(("quote", self.now_ns, quote.bid, quote.bid_size, quote.ask, quote.ask_size))


def scripted(script, kind=Scripted, **settings):
    trader = kind(**settings)
    trader.script = script
    return trader


def heard(trader, what):
    return [row[1:] for row in trader.heard if row[0] == what]


def book(size="10.000"):
    """A book of one level a side at 100 and 101 from 10 ms on, and one far away."""
    capture = CaptureWriter()
    capture.snapshot(9 * MS, 10, {"100.00": size, "90.00": "1"}, {"101.00": "10.000", "110.00": "1"})
    return capture.diff(10 * MS, 5, 11, 11, {"90.00": "2"})


def buy(price, size="5", **options):
    return lambda trader: trader.buy(trader.listings[0], size, price, **options)


# Queues


@pytest.mark.parametrize("order", ["trade first", "depth first"])
def test_a_trade_and_its_depth_change_advance_a_queue_once(engine_name, tmp_path, order):
    capture = book()
    trade_ns, depth_ns = (50, 51) if order == "trade first" else (51, 50)
    capture.trade(trade_ns * MS, 40, 1, "100.00", "4.000", seller=True)
    capture.diff(depth_ns * MS, 45, 12, 12, {"100.00": "6.000"})
    capture.lines.sort(key=lambda line: line[:19])
    # Six lots are left ahead: a trade of seven reaches the agent with one.
    capture.trade(60 * MS, 60, 2, "100.00", "7.000", seller=True)
    trader = scripted({20 * MS: buy("100.00")})
    replay(capture.write(tmp_path / "c.gz"), plan(), [trader], engine=engine_name)
    assert heard(trader, "fill") == [(60 * MS, 100.0, 1.0)]


def test_a_diff_that_crosses_the_own_book_in_passing_trades_with_nobody(engine_name, tmp_path):
    capture = book()
    # The market jumps by three: in the order of the message the new bids come before the old asks are gone.
    capture.diff(
        50 * MS, 45, 12, 12, {"103.00": "3", "100.00": "0"}, {"104.00": "2", "101.00": "0", "102.00": "0"}
    )
    trader = scripted({20 * MS: lambda trader: None})
    result = replay(capture.write(tmp_path / "c"), plan(), [trader], engine=engine_name)
    assert result.summary()["fills"] == 0
    assert result.trades.is_empty()
    assert heard(trader, "quote")[1] == (50 * MS, 103.0, 3.0, 104.0, 2.0)


def test_a_crossing_size_fills_an_agent_up_to_that_size_only(engine_name, tmp_path):
    capture = book()
    capture.diff(50 * MS, 45, 12, 12, {}, {"100.50": "2.000", "101.00": "0"})
    capture.diff(70 * MS, 65, 13, 13, {}, {"100.50": "2.500"})
    # What met the agent comes back with the next change: it is there in the record.
    capture.diff(90 * MS, 85, 14, 14, {"90.00": "3"})
    trader = scripted({20 * MS: buy("100.70")})
    result = replay(capture.write(tmp_path / "c"), plan(), [trader], engine=engine_name)
    assert heard(trader, "fill") == [(50 * MS, 100.7, 2.0), (70 * MS, 100.7, 2.5), (90 * MS, 100.7, 0.5)]
    external = result.summary()["replay"]["external"]["ALPHA:BTC/USDT"]
    assert external["lots_taken"] == 5000
    # The own order stood in the way of the last 2000: its 500 rest, the rest was met.
    assert result.summary()["ledger_imbalance"] == {"BTC": 0, "USDT": 0}


def test_taken_liquidity_comes_back_with_the_next_change_and_is_counted(engine_name, tmp_path):
    capture = book().diff(50 * MS, 45, 12, 12, {"90.00": "4"})
    trader = scripted({20 * MS: buy("101.00", "4", tif="IOC")})
    result = replay(capture.write(tmp_path / "c"), plan(), [trader], engine=engine_name)
    assert heard(trader, "fill") == [(21 * MS, 101.0, 4.0)]
    asks = [(row[0], row[4]) for row in heard(trader, "quote")]
    assert asks == [(10 * MS, 10.0), (21 * MS, 6.0), (50 * MS, 10.0)]
    external = result.summary()["replay"]["external"]["ALPHA:BTC/USDT"]
    assert (external["lots_taken"], external["restored_lots"]) == (4000, 4000)
    assert any("4 BTC of recorded resting size" in note for note in result.summary()["replay"]["notes"])


def test_cancellations_come_from_the_back_or_from_all_alike(engine_name, tmp_path):
    def fills(rule):
        capture = book()
        # Ten more join behind the agent; then ten leave, and a trade of six comes.
        capture.diff(40 * MS, 35, 12, 12, {"100.00": "20.000"})
        capture.diff(50 * MS, 45, 13, 13, {"100.00": "10.000"})
        capture.trade(60 * MS, 55, 1, "100.00", "6.000", seller=True)
        table = plan()
        table["listings"][0]["cancellations"] = rule
        trader = scripted({20 * MS: buy("100.00")})
        result = replay(capture.write(tmp_path / rule), table, [trader], engine=engine_name)
        assert any(
            ("back" if rule == "back" else "alike") in note for note in result.summary()["replay"]["notes"]
        )
        return heard(trader, "fill")

    assert fills("back") == []
    assert fills("proportional") == [(60 * MS, 100.0, 1.0)]


# Gaps


def test_a_gap_empties_the_book_until_the_next_snapshot(engine_name, tmp_path):
    capture = book()
    capture.diff(50 * MS, 45, 13, 13, {"100.00": "9"})
    capture.trade(55 * MS, 50, 1, "100.00", "50", seller=True)
    capture.diff(60 * MS, 55, 14, 14, {"99.00": "1"})
    capture.snapshot(70 * MS, 13, {"99.50": "3"}, {"101.00": "4"})
    capture.trade(75 * MS, 71, 2, "99.50", "2", seller=True)
    trader = scripted({20 * MS: buy("99.40", "1")})
    session = open_replay(capture.write(tmp_path / "c"), plan(), [trader], engine=engine_name)
    session.market.step_to(58 * MS)
    # The trade of 50 would have met the agent's bid; while nobody knows the queue it is left out.
    assert session.market.kernel.true_bbo(0) == (9940, 1000, None, 0)
    session.market.run()
    quotes = heard(trader, "quote")
    assert [row[0] for row in quotes] == [10 * MS, 50 * MS, 70 * MS, 75 * MS]
    assert quotes[1][1:] == (99.4, 1.0, None, 0.0)
    assert quotes[2][1:] == (99.5, 3.0, 101.0, 4.0)
    assert heard(trader, "fill") == []
    report = session.report()
    assert report["sources"][0]["symbols"]["BTCUSDT"]["gaps"] == 1
    assert report["sources"][0]["trades_untrusted"] == 1
    assert report["bumped_stamps"] == 2, "two kept diffs are released with the snapshot"
    assert any(note.startswith("Gaps in the depth") for note in report["notes"])


# Clocks and venues


class Arbitrageur(CrossVenueArbitrageur):
    """The shipped one, with a diary."""

    def on_start(self):
        self.diary = []
        super().on_start()

    def on_quote(self, quote):
        self.diary.append(("sees", self.now_ns, quote.listing.venue))
        super().on_quote(quote)

    def on_fill(self, fill):
        self.diary.append(("fill", fill.venue_ns, fill.listing.venue))
        super().on_fill(fill)

    def on_cancelled(self, cancelled):
        self.diary.append(("cancelled", cancelled.venue_ns, cancelled.listing.venue))
        super().on_cancelled(cancelled)


def skewed(tmp_path):
    """ALPHA's news take 20 ms; BETA's take 5 ms, and its recorder's clock is 30 ms behind.

    At 500 ms BETA jumps above ALPHA; 503 ms: ALPHA follows, and its recorder hears of it at 523 ms.
    """
    alpha = CaptureWriter().snapshot(19 * MS, 10, {"100": "5"}, {"101": "5", "105": "5"})
    alpha.diff(20 * MS, 0, 11, 11, {"90": "1"}).diff(523 * MS, 503, 12, 12, {"102": "5"}, {"101": "0"})
    alpha.diff(920 * MS, 900, 13, 13, {"90": "2"})
    beta = CaptureWriter().snapshot(60 * MS, 10, {"100": "5"}, {"101": "5", "105": "5"})
    beta.diff(75 * MS, 100, 11, 11, {"90": "1"})
    beta.diff(475 * MS + 7, 500, 12, 12, {"103": "2"}, {"101": "0", "104": "2"})
    beta.diff(875 * MS, 900, 13, 13, {"90": "2"})
    return {"ALPHA": [alpha.write(tmp_path / "alpha.gz")], "BETA": [beta.write(tmp_path / "beta")]}


def arbitrage(files, engine, clock):
    site = {"entry": "1ms", "report": "1ms", "venues": {"BETA": {"entry": "2ms", "report": "2ms"}}}
    funds = {"USDT": "10000", "BTC": "10"}
    trader = Arbitrageur(name="arbitrageur", endowment={"ALPHA": funds, "BETA": funds})
    table = plan("ALPHA", "BETA", latency={"site": site})
    result = replay(files, table, [trader], clock=clock, site_offset={"BETA": "30ms"}, engine=engine)
    return trader.diary, result


def test_local_clock_each_venue_is_seen_and_reached_at_its_nanosecond(engine_name, tmp_path):
    diary, result = arbitrage(skewed(tmp_path), engine_name, "local")
    seen_ns = 475 * MS + 7
    assert diary[:5] == [
        ("sees", 20 * MS, "ALPHA"),
        ("sees", 75 * MS, "BETA"),
        ("sees", seen_ns, "BETA"),
        # Both orders leave at once; what they did to the books is seen as soon as they have arrived.
        ("sees", seen_ns + 1 * MS, "ALPHA"),
        ("sees", seen_ns + 2 * MS, "BETA"),
    ]
    fills = [row for row in diary if row[0] == "fill"]
    assert fills == [("fill", seen_ns + 1 * MS, "ALPHA"), ("fill", seen_ns + 2 * MS, "BETA")]
    assert result.config.epoch_time.timestamp() * SECOND == BASE_NS
    account = result.summary()["accounts"]["arbitrageur"]
    # Two bought at 101, two sold at 103.
    assert account["inventory"] == {"BTC": 0.0, "USDT": 4.0}


def test_venue_clock_each_venue_is_seen_and_reached_at_its_nanosecond(engine_name, tmp_path):
    diary, result = arbitrage(skewed(tmp_path), engine_name, "venue")
    # 500 ms at BETA, heard 475.000007 - 500 + 30 ms later.
    seen_ns = 505 * MS + 7
    assert diary[:3] == [
        ("sees", 20 * MS, "ALPHA"),
        ("sees", 105 * MS, "BETA"),
        ("sees", seen_ns, "BETA"),
    ]
    # ALPHA's ask went at 503 ms, which nobody hears of before 523 ms: the order finds nothing at 506 ms.
    assert ("cancelled", seen_ns + 1 * MS, "ALPHA") in diary
    assert ("fill", seen_ns + 2 * MS, "BETA") in diary
    assert ("sees", 523 * MS, "ALPHA") in diary
    assert result.summary()["replay"]["negative_delays"] == 0


def test_clocks_that_disagree_are_corrected_and_counted(engine_name, tmp_path):
    files = skewed(tmp_path)
    table = plan("ALPHA", "BETA")
    result = replay(files, table, clock="venue", engine=engine_name)
    # BETA's snapshot and three diffs: without the offset their news come before they happen.
    assert result.summary()["replay"]["negative_delays"] == 4
    assert any("below zero" in note for note in result.summary()["replay"]["notes"])


@pytest.mark.parametrize("clock", ["local", "venue"])
def test_repeats_and_engines_agree(tmp_path, clock):
    files = skewed(tmp_path)
    _, result = arbitrage(files, "reference", clock)
    for engine in ("reference", None):
        _, again = arbitrage(files, engine, clock)
        assert again.event_log_hash == result.event_log_hash


def test_chunks_do_not_change_what_happens(tmp_path, monkeypatch):
    files = skewed(tmp_path)
    _, result = arbitrage(files, None, "venue")
    monkeypatch.setattr("market_sim.replaying.flow.CHUNK_UPDATES", 1)
    _, again = arbitrage(files, None, "venue")
    assert again.event_log_hash == result.event_log_hash


@pytest.mark.parametrize("clock", ["local", "venue"])
def test_the_shipped_maker_in_a_made_up_recording(tmp_path, clock):
    file = made_up_market(40).write(tmp_path / "c.gz")
    results = [
        replay(file, "paper_maker", seed=7, clock=clock, engine=engine)
        for engine in (None, None, "reference")
    ]
    assert len({result.event_log_hash for result in results}) == 1
    summary = results[0].summary()
    assert summary["ledger_imbalance"] == {"BTC": 0, "USDT": 0}
    assert summary["fills"] > 10
    other = replay(file, "paper_maker", seed=8, clock=clock)
    assert other.event_log_hash != results[0].event_log_hash


# Sessions


def test_a_session_ends_with_its_recording_or_when_asked(tmp_path):
    file = book().diff(700 * MS, 690, 12, 12, {"90": "3"}).write(tmp_path / "c")
    assert replay(file, plan()).summary()["until_ns"] == 700 * MS
    assert replay(file, plan(), until="100ms").summary()["until_ns"] == 100 * MS
    assert replay(file, plan(duration="50ms")).summary()["until_ns"] == 50 * MS


def test_step_by_step_is_the_same_session(tmp_path):
    file = book().diff(700 * MS, 690, 12, 12, {"90": "3"}).write(tmp_path / "c")
    whole = replay(file, plan(), [scripted({20 * MS: buy("100.00")})])
    session = open_replay(file, plan(), [scripted({20 * MS: buy("100.00")})])
    while not session.market.finished:
        session.market.step_event()
    assert session.result().event_log_hash == whole.event_log_hash
    assert session.market.now_ns == 700 * MS


def test_a_saved_replay_is_verified_by_replaying_it(tmp_path):
    file = book().trade(50 * MS, 45, 1, "100.00", "50", seller=True).write(tmp_path / "c")
    table = plan(agents=[{"name": "maker", "kind": "agents.market_maker:AvellanedaStoikov"}])
    saved = replay(file, table, out=tmp_path / "out")
    verification = verify(tmp_path / "out")
    assert verification.same
    assert verification.recorded == saved.event_log_hash


def test_own_agents_take_the_place_of_the_shipped_maker(tmp_path):
    file = book().write(tmp_path / "c")
    assert list(replay(file).summary()["accounts"]) == ["maker"]
    trader = scripted({20 * MS: buy("100.00")})
    assert list(replay(file, agents=[trader]).summary()["accounts"]) == ["Scripted"]


def test_watching_needs_no_scenario(tmp_path):
    ether = CaptureWriter("ETHBTC").snapshot(9 * MS, 10, {"0.0123": "4.5"}, {"0.0124": "10"})
    ether.diff(10 * MS, 5, 11, 11, {"0.01225": "2"})
    result = replay(ether.write(tmp_path / "eth"))
    (listing,) = result.config.listings
    assert (listing.name, str(listing.tick), str(listing.lot)) == ("BINANCE:ETH/BTC", "0.00001", "0.1")
    assert result.quotes["bid"][0] == 0.0123
    assert "BTC" in result.config.assets


def test_scenarios_without_recorded_listings_are_refused(tmp_path):
    file = book().write(tmp_path / "c")
    table = plan()
    del table["listings"][0]["external"]
    with pytest.raises(ScenarioError, match="no listing takes recorded flow"):
        replay(file, table)
    with pytest.raises(ScenarioError, match="market-sim replay CAPTURE --scenario paper_maker"):
        run("paper_maker")


def test_files_of_several_venues_must_say_whose_they_are(tmp_path):
    file = book().write(tmp_path / "c")
    with pytest.raises(ScenarioError, match="VENUE=FILE"):
        replay(file, plan("ALPHA", "BETA"))
    with pytest.raises(ScenarioError, match="GAMMA"):
        replay({"GAMMA": file}, plan("ALPHA", "BETA"))
    result = replay([f"BETA={file}", f"ALPHA={file}"], plan("ALPHA", "BETA"))
    assert set(result.summary()["replay"]["files"]) == {"ALPHA", "BETA"}
    # Of the four updates of one instant three are moved.
    assert result.summary()["replay"]["bumped_stamps"] == 3


def test_unknown_clock_and_offset_are_refused(tmp_path):
    file = book().write(tmp_path / "c")
    with pytest.raises(ScenarioError, match="'sidereal'"):
        replay(file, plan(), clock="sidereal")
    with pytest.raises(ScenarioError, match="'sidereal'"):
        check(file, plan(), clock="sidereal")
    with pytest.raises(ScenarioError, match="unknown BETA"):
        replay(file, plan(), site_offset={"BETA": "-5ms"})


def test_a_fault_far_into_a_file_stops_the_run_and_keeps_the_result(tmp_path):
    capture = book()
    for number in range(12, 200):
        capture.diff(number * 10 * MS, number * 10, number, number, {"100.00": str(number)})
    capture.raw(5 * SECOND, '{"stream":"btcusdt@trade","data":{"e":"trade"}}')
    file = capture.write(tmp_path / "c")
    with pytest.raises(DataError, match="line 191") as caught:
        replay(file, plan())
    assert caught.value.result.quotes.height > 0


# The check


def test_the_check_compares_with_the_last_ticker_up_to_each_diff(engine_name, tmp_path):
    capture = book()
    capture.ticker(11 * MS, 11, "100.00", "10", "101.00", "10")
    capture.diff(50 * MS, 45, 12, 14, {"100.00": "8"})
    # It comes after its diff and is still the last up to it; the next one is later than it.
    capture.ticker(52 * MS, 13, "100.00", "8.0", "101.00", "10.00000")
    capture.ticker(53 * MS, 15, "100.00", "7", "101.00", "10")
    capture.diff(60 * MS, 55, 15, 16, {"100.00": "6"})
    outcome = check(capture.write(tmp_path / "c"), plan(), engine=engine_name)
    assert (outcome["bbo_rows"], outcome["bbo_equal"], outcome["crossed"], outcome["gaps"]) == (3, 2, 0, 0)
    assert outcome["ok"] is False
    (difference,) = outcome["differences"]
    assert (difference["line"], difference["book"][1], difference["book_ticker"][1]) == (7, "6.000", "7")


def test_the_check_reads_the_frames_not_the_replay(tmp_path, monkeypatch):
    capture = book().ticker(11 * MS, 11, "100.00", "10", "101.00", "10")
    capture.diff(50 * MS, 45, 12, 12, {"100.00": "8"}).ticker(51 * MS, 12, "100.00", "8", "101.00", "10")
    file = capture.write(tmp_path / "c")
    assert check(file, plan())["ok"]

    honest = Source._depth

    def one_lot_more(self, *arguments):
        depth = honest(self, *arguments)
        return depth._replace(sizes=[size + 1 for size in depth.sizes])

    monkeypatch.setattr(Source, "_depth", one_lot_more)
    assert check(file, plan())["bbo_equal"] == 0


def test_the_check_counts_gaps_and_needs_tickers(tmp_path):
    capture = book().diff(50 * MS, 45, 13, 14, {"100.00": "8"}).diff(60 * MS, 55, 14, 15, {"100.00": "7"})
    outcome = check(capture.write(tmp_path / "c"), plan())
    assert (outcome["gaps"], outcome["bbo_rows"], outcome["ok"]) == (1, 0, False)


@pytest.mark.parametrize("clock", ["local", "venue"])
def test_the_check_finds_a_made_up_recording_rebuilt_exactly(engine_name, tmp_path, clock):
    outcome = check(made_up_market(30).write(tmp_path / "c.gz"), clock=clock, engine=engine_name)
    assert outcome["bbo_rows"] == outcome["bbo_equal"] > 250
    assert (outcome["crossed"], outcome["gaps"], outcome["ok"]) == (0, 0, True)


@needs_data
@pytest.mark.parametrize("clock", ["local", "venue"])
def test_the_rebuilt_book_equals_the_exchange_s_own_best_prices(clock):
    outcome = check(SHIPPED, clock=clock)
    assert (outcome["bbo_rows"], outcome["bbo_equal"]) == (6493, 6491)
    assert (outcome["crossed"], outcome["gaps"], outcome["ok"]) == (0, 0, True)


@needs_data
def test_the_maker_in_the_recorded_market_is_the_same_on_both_engines():
    results = [
        replay(SHIPPED, "paper_maker", seed=7, until="60s", engine=engine) for engine in (None, "reference")
    ]
    assert results[0].event_log_hash == results[1].event_log_hash
    summary = results[0].summary()
    assert summary["ledger_imbalance"] == {"BTC": 0, "USDT": 0}
    assert summary["fills"] > 0
    assert replay(SHIPPED, "paper_maker", seed=8, until="60s").event_log_hash != results[0].event_log_hash
