"""People in a market: their orders, what they are told, and a session that repeats from its journal."""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import polars as pl
import pytest

from market_sim.errors import DataError, MarketSimError
from market_sim.runner import (
    Answer,
    CancelOrder,
    End,
    Frame,
    MarketRequest,
    Pause,
    Reopen,
    ReplaceOrder,
    Runner,
    SendOrder,
    SetVenue,
    Step,
    SwitchAgents,
    TellNews,
    Told,
    View,
    open_market,
)
from market_sim.runner.answers import harmless
from market_sim.runner.commands import Ask
from market_sim.runner.journal import from_text, play, to_text

NS = 1_000_000_000
MS = 1_000_000
FILLED = re.compile(r"filled ([\d.]+) at ([\d.,]+), fee ([\d.]+)")
ONE_SEAT = MarketRequest(scenario="two_venues", seed=7, seats=1, latency="50ms")


def orders_of(market, name: str = "you"):
    return [order for order in market.picture().orders if order.agent == name]


def test_a_persons_order_travels_as_long_as_stated_and_stands_in_the_queue() -> None:
    market = open_market(ONE_SEAT)
    market.step_to(10 * NS)
    bid = market.picture().listings[0].bid
    sentence, order = market.act(SendOrder("you", "NORTH:BTC/USD", "buy", "0.5", f"{bid - 25:.0f}"))
    assert "buy 0.5" in sentence
    market.step_to(10 * NS + 49 * MS)
    assert orders_of(market) == []
    market.step_to(10 * NS + 51 * MS)
    market.watch_orders(())
    (mine,) = orders_of(market)
    assert (mine.order, mine.side, mine.price, mine.leaves, mine.size) == (order, "buy", bid - 25, 0.5, 0.5)
    assert mine.ahead >= 0
    assert market.take_told() == []
    market.step_to(10 * NS + 101 * MS)
    (told,) = market.take_told()
    assert (told.agent, told.order, told.time_ns) == ("you", order, 10 * NS + 100 * MS)
    assert told.text.startswith("accepted at")


def test_replace_cancel_and_a_market_order_do_what_they_say() -> None:
    market = open_market(ONE_SEAT)
    market.step_to(10 * NS)
    bid = market.picture().listings[0].bid
    _, order = market.act(SendOrder("you", "NORTH:BTC/USD", "buy", "0.5", f"{bid - 500:.0f}"))
    market.step_to(11 * NS)
    market.act(ReplaceOrder("you", order, f"{bid - 505:.0f}", "0.25"))
    market.step_to(12 * NS)
    market.watch_orders(())
    (mine,) = orders_of(market)
    assert (mine.price, mine.leaves) == (bid - 505, 0.25)
    market.act(CancelOrder("you", order))
    market.step_to(13 * NS)
    market.watch_orders(())
    assert orders_of(market) == []
    market.act(SendOrder("you", "SOUTH:BTC/USD", "buy", "0.1"))
    market.step_to(14 * NS)
    person = next(agent for agent in market.picture().agents if agent.name == "you")
    assert person.inventory == {"BTC": pytest.approx(0.1)}
    told = [entry.text for entry in market.take_told()]
    fills = [FILLED.match(text) for text in told if text.startswith("filled")]
    paid = sum(float(fill[1]) * float(fill[2].replace(",", "")) + float(fill[3]) for fill in fills)
    assert sum(float(fill[1]) for fill in fills) == pytest.approx(0.1)
    mids = [listing.mid for listing in market.picture().listings]
    assert any(person.profit == pytest.approx(0.1 * mid - paid, abs=0.01) for mid in mids)
    assert market.ask(Ask(1, "summary"))["ledger_imbalance"] == {"USD": 0, "BTC": 0}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (SendOrder("maker-north", "NORTH:BTC/USD", "buy", "1", "60000"), "no person's account"),
        (SendOrder("you", "MOON:BTC/USD", "buy", "1", "60000"), "does not trade"),
        (SendOrder("you", "NORTH:BTC/USD", "buy", "1e999999999"), "is no size"),
        (SendOrder("you", "NORTH:BTC/USD", "buy", "=1+1"), "is no size"),
        (SendOrder("you", "NORTH:BTC/USD", "buy", "1", "60001"), "60001"),
        (SendOrder("you", "NORTH:BTC/USD", "buy", "1", "60000", "DAYS"), "time in force"),
        (CancelOrder("you", 99), "order 99 is not open"),
        (ReplaceOrder("you", 99, "60000"), "order 99 is not open"),
        (SetVenue("MOON", False), "no venue 'MOON'"),
        (SwitchAgents("nobody", False), "no agent 'nobody'"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_happens(command, words: str) -> None:
    market, untouched = open_market(ONE_SEAT), open_market(ONE_SEAT)
    for each in (market, untouched):
        each.step_to(5 * NS)
    with pytest.raises(MarketSimError, match=words):
        market.act(command)
    for each in (market, untouched):
        each.step_to(8 * NS)
    assert market.event_log_hash() == untouched.event_log_hash()


def test_an_instructor_suspends_resumes_tells_and_switches() -> None:
    market = open_market(ONE_SEAT)
    market.step_to(5 * NS)
    market.act(SetVenue("NORTH", False))
    assert [listing.phase for listing in market.picture().listings] == ["suspended", "continuous"]
    market.act(SendOrder("you", "NORTH:BTC/USD", "buy", "0.1", "60000"))
    market.step_to(6 * NS)
    assert any("refused" in told.text for told in market.take_told())
    market.act(SetVenue("NORTH", True))
    market.act(TellNews("the bridge is open"))
    market.act(SwitchAgents("noise-north", False))
    picture = market.picture()
    assert picture.listings[0].phase == "continuous"
    assert {agent.enabled for agent in picture.agents if agent.name.startswith("noise-north")} == {False}
    market.act(End())
    assert market.finished
    with pytest.raises(MarketSimError, match="session is over"):
        market.act(SendOrder("you", "NORTH:BTC/USD", "buy", "0.1", "60000"))


def test_changes_and_a_strategy_make_another_market() -> None:
    plain = open_market(replace(ONE_SEAT, seats=0))
    assert plain.info().seats == ()
    wide = replace(ONE_SEAT, changes=("agents.noise-north.params.rate=5", "agents.noise-south.params.rate=5"))
    maker = ("agents.market_maker:AvellanedaStoikov", (("size", 0.2),))
    markets = [open_market(request) for request in (ONE_SEAT, wide, replace(ONE_SEAT, strategy=maker))]
    for market in markets:
        market.step_to(30 * NS)
    assert markets[1].events > 2 * markets[0].events
    info = markets[2].info()
    assert "strategy" in info.agents
    assert info.latencies[info.agents.index("strategy")] == "50ms"
    strategy = next(agent for agent in markets[2].picture().agents if agent.name == "strategy")
    assert strategy.open_orders > 0


def test_a_scenarios_own_code_is_refused() -> None:
    foreign = replace(ONE_SEAT, strategy=("os:system", ()))
    with pytest.raises(MarketSimError, match="only the shipped agents may run here"):
        open_market(foreign)


# -- stories and tables


def test_the_story_of_an_order_and_tables_as_files() -> None:
    market = open_market(ONE_SEAT)
    market.step_to(10 * NS)
    bid = market.picture().listings[0].bid
    _, order = market.act(SendOrder("you", "NORTH:BTC/USD", "buy", "0.5", f"{bid:.0f}"))
    market.step_to(20 * NS)
    rows = market.ask(Ask(1, "story", ("you", order)))
    assert [row["what"] for row in rows[:2]] == ["sent", "accepted"]
    assert rows[1]["time_ns"] - rows[0]["time_ns"] == 50 * MS
    with pytest.raises(MarketSimError, match="not on the tape"):
        market.ask(Ask(2, "story", ("you", 77)))
    csv = market.ask(Ask(3, "table", ("trades", "csv"))).decode()
    assert csv.splitlines()[0].startswith("time_ns,time,listing")
    accounts = pl.read_parquet(market.ask(Ask(4, "table", ("accounts", "parquet"))))
    assert "you" in accounts["agent"].to_list()
    metrics = pl.read_parquet(market.ask(Ask(6, "table", ("metrics", "parquet"))))
    (own,) = market.ask(Ask(7, "metrics", ("you",)))
    assert metrics.filter(pl.col("agent") == "you").to_dicts() == [own]
    assert own["orders"] == 1
    with pytest.raises(MarketSimError, match="no table"):
        market.ask(Ask(5, "table", ("secrets", "csv")))


def test_texts_that_a_spreadsheet_would_run_are_made_harmless() -> None:
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "plain", ""]
    frame = harmless(pl.DataFrame({"text": texts, "number": [-1.0] * len(texts)}))
    assert frame["text"].to_list() == [f"'{text}" for text in texts[:6]] + ["plain", ""]
    assert frame["number"].to_list() == [-1.0] * len(texts)


# -- a session through its process


@pytest.fixture
def view() -> Iterator[View]:
    runner = Runner(replace(ONE_SEAT, seats=3), open_market, 60.0)
    yield runner.join()
    runner.close()


def concerns(item: Answer | Told, name: str | None) -> bool:
    return getattr(item if isinstance(item, Told) else item.command, "agent", None) == name


class Desk:
    """Looks at a view until something is so."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.people: list[View] = []
        self.frame: Frame | None = None
        self.news: list[Answer | Told] = []

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.view.runner.failure, self.news[-3:])
            _, frame, _ = self.view.poll()
            self.frame = frame or self.frame
            self.news += self.view.take_news()
            for person in self.people:
                # What everybody hears is counted once.
                self.news += [item for item in person.take_news() if concerns(item, person.person)]
            time.sleep(0.005)

    def reply(self, what: str, *about: str | int):
        number, found = self.view.runner.ask(what, *about), []
        self.until(lambda: found or found.extend(filter(None, [self.view.runner.take_reply(number)])))
        assert not found[0].error, found[0].error
        return found[0].value


def test_every_command_is_answered_and_the_journal_replays_to_the_same_hash(view: View) -> None:
    desk = Desk(view)
    desk.until(lambda: desk.frame and desk.frame.picture.listings[0].bids)
    runner = view.runner
    for number in (1, 2, 3):
        desk.people.append(runner.join())
        desk.people[-1].person = f"trader-{number}"
    for number in range(30):
        seat = f"trader-{1 + number % 3}"
        side = ("buy", "sell")[number % 2]
        runner.send(SendOrder(seat, "NORTH:BTC/USD", side, "0.05", None if number % 3 else "60000"))
        time.sleep(0.01)
    runner.send(TellNews("half time"))
    runner.send(SwitchAgents("value-north", False))
    runner.send(SendOrder("trader-1", "NORTH:BTC/USD", "buy", "nothing"))
    desk.until(lambda: sum(isinstance(item, Answer) for item in desk.news) == 33)
    runner.send(Pause())
    runner.send(Step("event"))
    runner.send(Step("event"))
    runner.send(SendOrder("trader-2", "SOUTH:BTC/USD", "sell", "0.1"))
    runner.send(Step("second"))
    desk.until(lambda: len(runner.journal) == 38)
    assert [event.text for event in runner.happened] == [
        "Everybody has heard: half time",
        "value-north switched off.",
    ]
    for person in desk.people:
        heard = [item for item in desk.news if concerns(item, person.person)]
        assert len(heard) >= 10, "everybody hears what became of their own orders"
    assert all(not concerns(item, "trader-1") for item in view.take_news())
    refused = [item for item in desk.news if isinstance(item, Answer) and not item.done]
    assert [item.command.size for item in refused] == ["nothing"]
    told = desk.reply("summary")
    desk.until(lambda: desk.frame.event_log_hash == told["event_log_hash"])
    assert set(told["ledger_imbalance"].values()) == {0}
    text = to_text(runner.request, runner.journal)
    again = play(*from_text(text), until_ns=told["time_ns"], factory=open_market)
    assert again.event_log_hash() == told["event_log_hash"]
    assert again.ask(Ask(1, "summary"))["accounts"] == told["accounts"]


def test_reopening_is_another_market_in_the_same_process(view: View) -> None:
    desk = Desk(view)
    desk.until(lambda: desk.frame and desk.frame.picture.time_ns > NS)
    process = view.runner.pid
    view.runner.send(SendOrder("trader-1", "NORTH:BTC/USD", "buy", "0.05"))
    view.runner.send(TellNews("the end"))
    desk.until(lambda: view.runner.happened)
    request = replace(view.runner.request, scenario="triangle", seats=1)
    view.runner.send(Reopen(request))
    desk.until(lambda: desk.frame.picture.listings[0].name == "HUB:BTC/USD")
    assert view.runner.pid == process
    assert view.runner.request == request
    assert not view.runner.happened, "what was done to the market before is no event of this one"
    market, entries = from_text(to_text(view.runner.request, view.runner.journal))
    assert (market, entries) == (request, [])


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"market": {}}', "no json", '{"market": 1}\n{}'],
)
def test_a_damaged_journal_is_said_so(text: str) -> None:
    with pytest.raises(DataError, match="no line of a journal"):
        from_text(text)


def test_a_journal_names_nothing_but_commands() -> None:
    good = to_text(ONE_SEAT, [])
    line = json.dumps({"time_ns": 1, "do": "system", "command": "true"})
    with pytest.raises(DataError, match="line 2"):
        from_text(good + line)
