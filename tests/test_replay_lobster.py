"""LOBSTER days: a window slides over a book, orders come and go, and every row of the second file agrees."""

import os
import zipfile
from pathlib import Path

import pytest
from conftest import engine_names

from agents.base import Trader
from market_sim import DataError, ScenarioError, replay
from market_sim.replaying.formats import recognise
from market_sim.replaying.lobster import LobsterSource
from market_sim.replaying.lobster_check import check_lobster

DATA = Path(os.environ.get("MARKET_SIM_DATA", "../shared/data")) / "lobster"
DAYS = {"AMZN": (5, 155_935, 33_840), "AAPL": (1, 118_497, 30_071)}

# A window of two levels, cents. Rows: ask, size, bid, size, next ask, size, next bid, size.
MESSAGES = """\
34200.000000001,1,11,5,1000000,1
34200.5,1,12,10,1000100,1
34201.25,4,12,4,1000100,1
34201.25,5,0,3,1000150,-1
34202,3,12,6,1000100,1
34203.000000009,2,11,2,1000000,1
34204,1,13,7,1000200,-1
34205,4,13,7,1000200,-1
"""
ROWS = """\
1000300,8,1000000,5,1000400,9,999900,20
1000300,8,1000100,10,1000400,9,1000000,5
1000300,8,1000100,6,1000400,9,1000000,5
1000300,8,1000100,6,1000400,9,1000000,5
1000300,8,1000000,5,1000400,9,999900,20
1000300,8,1000000,3,1000400,9,999900,20
1000200,7,1000000,3,1000300,8,999900,20
1000300,8,1000000,3,1000400,11,999900,20
"""
NAMES = "AMZN_2012-06-21_34200000_57600000_{}_2.csv"


def write(folder, messages=MESSAGES, rows=ROWS):
    files = [folder / NAMES.format("message"), folder / NAMES.format("orderbook")]
    for file, text in zip(files, (messages, rows), strict=True):
        file.write_text(text)
    return [str(file) for file in files]


@pytest.mark.parametrize("engine", engine_names())
def test_every_row_of_a_hand_made_day_agrees(tmp_path, engine):
    told = check_lobster(write(tmp_path), engine=engine)
    assert (told["ok"], told["rows"], told["rows_equal"]) == (True, 8, 8)
    # 9999 comes back into view when 12 is deleted, 10004 (with other lots) when 13 is executed.
    assert (told["rows_adopting"], told["levels_forgotten"]) == (2, 2)
    assert (told["executions"], told["executions_at_best"], told["executions_of_earliest"]) == (2, 2, 2)
    assert told["executions_hidden"] == 1


def test_a_row_that_the_messages_do_not_explain_fails_the_check(tmp_path):
    wrong = ROWS.replace("1000300,8,1000000,3,1000400,9", "1000300,8,1000000,4,1000400,9")
    told = check_lobster(write(tmp_path, rows=wrong))
    assert (told["ok"], told["rows_equal"]) == (False, 6)
    assert told["differences"][0]["row"] == 6


def test_a_level_inside_the_window_is_never_adopted(tmp_path):
    """10000.50 appears between known levels without a message: nothing may hide that."""
    wrong = ROWS.replace("1000100,6,1000400,9,1000000,5\n", "1000100,6,1000400,9,1000050,1\n", 1)
    assert not check_lobster(write(tmp_path, rows=wrong))["ok"]


def test_files_are_told_apart_and_recognised(tmp_path):
    files = write(tmp_path)
    source = LobsterSource(files[::-1])
    assert (source.levels, source.terms.symbol, str(source.terms.tick)) == (2, "AMZN", "0.01")
    assert recognise(files) == "lobster"


@pytest.mark.parametrize(
    ("messages", "rows", "why"),
    [
        (MESSAGES.replace("34202,3", "noon,3"), ROWS, "message_2.csv, line 5: time is 'noon'"),
        (MESSAGES.replace("34202,3", "34202,9"), ROWS, "line 5: type is '9'"),
        (MESSAGES.replace("1000200,-1\n34205", "1000200,0\n34205"), ROWS, "line 7: direction is '0'"),
        (MESSAGES.replace("34202,3", "90000,3"), ROWS, "line 5: time is '90000'"),
        (MESSAGES.replace("34202,3,12", "34202,3,-12"), ROWS, "line 5: id is '-12'"),
        (MESSAGES.replace("34202,3,12,", f"34202,3,12,{9**18}"), ROWS, "line 5: size is"),
        (MESSAGES, ROWS.replace("1000200,7", "1000200,x"), "orderbook_2.csv, line 7: an orderbook row"),
        (MESSAGES, ROWS.replace("1000200,7", "0,7"), "orderbook_2.csv, line 7: an orderbook row"),
        (MESSAGES, ROWS.replace("1000200,7", "1000200,-7"), "orderbook_2.csv, line 7: an orderbook row"),
        (MESSAGES, ROWS[: ROWS.rindex("1000300")], "8 messages, but 7 rows"),
        (MESSAGES.replace("34202,3,12", "34202,3"), ROWS, "line 5: 5 columns, where 6 are expected"),
        (ROWS, ROWS, "columns that no LOBSTER day has"),
    ],
)
def test_a_bad_file_gets_the_row_and_the_reason(tmp_path, messages, rows, why):
    with pytest.raises(DataError, match=why):
        list(LobsterSource(write(tmp_path, messages, rows)).steps())


def test_a_day_that_the_calendar_lacks_is_refused(tmp_path):
    files = [path.replace("06-21", "02-31") for path in write(tmp_path)]
    for file in write(tmp_path):
        Path(file).rename(file.replace("06-21", "02-31"))
    with pytest.raises(DataError, match=r"no day is 2012-02-31.*Name it as LOBSTER does"):
        LobsterSource(files)


def test_a_halt_is_told_and_changes_no_order(tmp_path):
    messages = MESSAGES + "34206,7,0,0,-1,-1\n"
    rows = ROWS + ROWS.splitlines()[-1] + "\n"
    told = check_lobster(write(tmp_path, messages, rows))
    assert (told["ok"], told["halts"]) == (True, 1)


class Joiner(Trader):
    """Joins the best bid once, before the recorded order 12 has traded."""

    def on_start(self) -> None:
        self.sent = False

    def on_quote(self, quote) -> None:
        if not self.sent and quote.bid is not None and quote.bid >= 100.01:
            self.sent = True
            self.buy(quote.listing, 3, "100.01")


def test_a_maker_is_filled_only_after_the_recorded_queue_ahead(tmp_path):
    result = replay(write(tmp_path), agents=[Joiner(name="joiner")])
    # Behind the ten lots of order 12: its execution of four and its deletion go by, no one trades after that.
    assert result.summary()["fills"] == 0
    story = result.order("joiner", 1)
    assert story["queue_ahead"].drop_nulls().to_list()[0] == 10
    moved = story.filter(what="ahead").select("queue_ahead", "cause").rows()
    assert moved == [(6, "traded ahead"), (0, "cancelled ahead")]
    why = story.row(-1, named=True)
    assert (why["what"], why["size"]) == ("why", 4)
    assert why["cause"] == "4 traded at 100.01 or beyond while it waited, but 10 stood ahead when it came"
    assert result.summary()["replay"]["protocol"] == "lobster"
    assert any("levels a side" in note for note in result.summary()["replay"]["notes"])


def test_what_has_no_meaning_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="no local clock"):
        replay(write(tmp_path), clock="local")
    with pytest.raises(ScenarioError, match="site offset"):
        replay(write(tmp_path), site_offset="1ms")


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="MARKET_SIM_DATA has no lobster folder")
@pytest.mark.parametrize("onlooker", [False, True], ids=["alone", "with a maker that never quotes"])
@pytest.mark.parametrize("symbol", DAYS)
def test_every_row_of_a_day_agrees(symbol, onlooker, tmp_path):
    levels, rows, adopting = DAYS[symbol]
    with zipfile.ZipFile(DATA / f"LOBSTER_SampleFile_{symbol}_2012-06-21_{levels}.zip") as archive:
        archive.extractall(tmp_path)
    told = check_lobster([str(path) for path in sorted(tmp_path.glob("*.csv"))], onlooker=onlooker)
    assert (told["ok"], told["rows"], told["rows_equal"]) == (True, rows, rows)
    assert told["rows_adopting"] == adopting
    assert 0.21 < told["share_adopting"] < 0.32
    assert told["share_at_best"] == 1.0
    assert 0.997 < told["share_of_earliest"] <= 1.0


# One bid level under test, 100.01: order 12 (10 lots) is there, the agent joins with 3, order 14 (5) comes
# behind.
BEFORE = ["34200,1,11,5,1000000,1", "34200.5,1,12,10,1000100,1", "34201,1,14,5,1000100,1"]
LEVEL = [None, 10, 15]
CASES = {
    "ahead cancelled, then behind trades": (["2,12,10", "4,14,1"], 1, 0),
    "ahead trades": (["4,12,10"], 0, None),
    "ahead trades, then behind trades": (["4,12,10", "4,14,5"], 3, 0),
    "behind cancelled": (["3,14,5", "4,12,10"], 0, None),
    "ahead replaced goes behind": (["3,12,10", "1,15,10", "4,14,2"], 2, 0),
    "hidden execution at its price": (["5,0,2"], 2, None),
    "hidden execution above": (["5,0,2,1000150"], 0, None),
    "an execution behind it finds it first": (["4,14,5"], 3, None),
}


@pytest.mark.parametrize("case", CASES)
def test_queue_truth_by_hand_made_files(tmp_path, case):
    """Every way in which the queue around an agent may change, each as the two files of a day."""
    events, filled, _ = CASES[case]
    lines, level = list(BEFORE), list(LEVEL)
    for number, event in enumerate(events):
        kind, order, size, *price = event.split(",")
        lines.append(f"{34202 + number},{kind},{order},{size},{price[0] if price else 1000100},1")
        change = {"1": int(size), "5": 0}.get(kind, -int(size))
        level.append(level[-1] + change)
    rows = []
    for lots in level:
        bids = "1000000,5,1000400,9,999900,20" if not lots else f"1000100,{lots},1000400,9,1000000,5"
        rows.append(f"1000300,8,{bids}")
    files = write(tmp_path, "\n".join(lines) + "\n", "\n".join(rows) + "\n")
    assert check_lobster(files)["ok"]
    result = replay(files, agents=[Joiner(name="joiner")])
    assert sum(result.orders.filter(event="fill", agent="joiner")["size"].to_list()) == filled
    story = result.order("joiner", 1)
    assert (story["what"][-1] == "why") == (filled < 3)


def test_a_level_is_renewed_after_a_fill_of_ours(tmp_path):
    """The agent takes the whole of order 12; the next message brings it back, and its execution finds it
    there.
    """

    class Taker(Trader):
        def on_start(self) -> None:
            self.wake_in("1200ms")

        def on_wake(self) -> None:
            self.sell(self.listings[0], 10, "100.01", tif="IOC")

    lines = [*BEFORE[:2], "34202,1,11000,1,999900,1", "34203,4,12,10,1000100,1"]
    rows = ["1000300,8,1000000,5,1000400,9,999900,20", *["1000300,8,1000100,10,1000400,9,1000000,5"] * 2]
    lines[2] = "34202,5,0,1,1000200,-1"
    rows.append("1000300,8,1000000,5,1000400,9,999900,20")
    result = replay(
        write(tmp_path, "\n".join(lines) + "\n", "\n".join(rows) + "\n"), agents=[Taker(name="taker")]
    )
    external = result.summary()["replay"]["external"]["NASDAQ:AMZN/USD"]
    assert result.summary()["fills"] == 1
    assert (external["lots_taken"], external["restored_lots"]) == (10, 10)
    assert result.trades["size"].to_list() == [10.0, 1.0, 10.0]
