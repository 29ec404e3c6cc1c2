"""What a page offers, without a browser: sliders, strategies, shared markets, and what it says of a frame."""

from dataclasses import replace
from typing import NamedTuple

import panel as pn
import panel_material_ui as pmui
import pytest
from bokeh.plotting import figure
from panel.util import edit_readonly

from app import classroom
from app.catalogue import catalogue
from app.classroom import ClassError, Classroom
from app.controls import Controls, from_query
from app.knobs import knobs_of
from app.quiet import leave_idle
from app.session import News, Session, open_runner
from app.steering import Steering
from app.strategies import strategies
from app.theme import DARK
from app.views.cards import Cards, consolidated
from app.views.marks import Marks, newest
from app.views.sharing import ranking
from app.views.sidebar import Sidebar
from app.views.story import Story
from app.views.timeline import Timeline
from market_sim.frame import AgentPicture, ListingPicture
from market_sim.runner import Command, MarketRequest, SetSpeed, TimelineEvent, open_market
from market_sim.scenario import load
from tests.test_page_state import frame, info

NS = 1_000_000_000

# -- sliders


@pytest.mark.parametrize("scenario", ["two_venues", "triangle", "pairs"])
def test_every_value_of_every_slider_makes_a_scenario(scenario: str) -> None:
    knobs = knobs_of(scenario)
    assert {"noise-rate", "market-maker-count", "latency-retail"} <= {knob.key for knob in knobs}
    assert len({knob.key for knob in knobs}) == len(knobs)
    for knob in knobs:
        assert knob.default in knob.values
        assert knob.unit
        for value in (knob.values[0], knob.values[-1]):
            load(scenario, knob.changes(value), shipped_only=True)


def test_a_slider_changes_what_it_names() -> None:
    by_key = {knob.key: knob for knob in knobs_of("two_venues")}
    changed = load(
        "two_venues",
        [
            *by_key["latency-between"].changes(5.0),
            *by_key["taker-fee-SOUTH".lower()].changes(2.0),
            *by_key["volatility-btc-usd"].changes(0.0),
            *by_key["noise-rate"].changes(5.0),
        ],
    )
    assert changed.latency["between"].model("entry", "SOUTH") == ("constant", 5_000_000)
    assert changed.latency["between"].model("data", "NORTH") == ("constant", 5_000_000)
    assert changed.venues["SOUTH"].taker_fee_e8 == 20_000
    assert changed.fundamentals["BTC/USD"].volatility_bps == 0
    assert {group.params["rate"] for group in changed.agents if group.name.startswith("noise")} == {5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((("moon", "1"),), "no slider 'moon'"),
        ((("noise-rate", "fast"),), "'fast' is no number"),
        ((("noise-rate", "1e9"),), "out of range"),
        ((("noise-rate", "nan"),), "out of range"),
        ((("market-maker-count", "1.5"),), "no whole number"),
    ],
)
def test_a_slider_that_cannot_be_is_said_and_left_where_it_was(changes, words: str) -> None:
    controls, (complaint,) = catalogue().check(Controls(changes=changes))
    assert controls == Controls()
    assert words in complaint
    assert "The sliders are where the scenario has them." in complaint


def test_a_slider_at_its_default_is_no_change() -> None:
    default = next(knob for knob in knobs_of("two_venues") if knob.key == "noise-rate").default
    request = catalogue().request(Controls(changes=(("noise-rate", f"{default:g}"),)))
    assert request.changes == ()


# -- strategies


def test_shipped_strategies_are_offered_and_people_are_not() -> None:
    offered = strategies()
    assert {"AvellanedaStoikov", "PairsTrader", "CrossVenueArbitrageur"} <= offered.keys()
    assert not {"Trader", "Human"} & offered.keys()
    assert all(strategy.sentence for strategy in offered.values())


def test_parameters_are_read_as_their_defaults_are() -> None:
    maker = strategies()["AvellanedaStoikov"]
    assert maker.parameters([("size", "0.5"), ("finite", "true"), ("patience_ticks", "2")]) == (
        ("finite", True),
        ("patience_ticks", 2),
        ("size", 0.5),
    )
    for given, words in (
        (("size", "big"), "give a number"),
        (("finite", "maybe"), "true or false"),
        (("colour", "red"), "no parameter 'colour'"),
    ):
        with pytest.raises(ValueError, match=words):
            maker.parameters([given])


@pytest.mark.parametrize("name", ["os:system", "Human", "Trader", "__import__"])
def test_a_foreign_class_is_no_strategy(name: str) -> None:
    controls, (complaint,) = catalogue().check(Controls(strategy=name))
    assert controls.strategy == ""
    assert f"There is no strategy {name!r}" in complaint


def test_a_link_of_everything_comes_back() -> None:
    controls = Controls(
        view="beside",
        beside=("SOUTH:BTC/USD", "NORTH:BTC/USD"),
        latency=5.0,
        strategy="AvellanedaStoikov",
        changes=(("latency-retail", "5"), ("noise-rate", "2")),
        parameters=(("size", "0.5"),),
        agent="noise-north-1",
        size="0.25",
        price="29,900",
        tif="IOC",
        post_only=True,
    )
    assert from_query(controls.to_query(), Controls()) == (controls, [])
    assert catalogue().check(controls) == (controls, [])
    shared = Controls(market="abc", view="agents")
    assert shared.to_query() == {"market": "abc", "view": "agents"}


def test_a_time_in_force_that_is_none_is_answered_in_words() -> None:
    controls, (sentence,) = from_query({"tif": "DAY"}, Controls())
    assert controls == Controls()
    assert "'DAY' is no time in force: GTC, IOC, FOK are." in sentence


# -- a class


class StillRunner:
    """A runner that does nothing."""

    watched_by = 0
    pinned = True

    def __init__(self) -> None:
        self.id, self.closed = "room", False

    def close(self) -> None:
        self.closed = True


def room(seats: int = 2) -> Classroom:
    return Classroom(StillRunner(), "secret", seats)


def test_every_browser_has_one_account_and_every_name_one_owner() -> None:
    here = room()
    assert here.join("key-a", "  Ada   Lovelace ") == "trader-1"
    assert here.join("key-b", "Bob") == "trader-2"
    assert here.join("key-a", "Ada") == "trader-1"
    assert here.names == {"trader-1": "Ada", "trader-2": "Bob"}
    assert here.seat_of("key-b") == "trader-2"
    assert here.seat_of("key-c") is None
    with pytest.raises(ClassError, match="'ADA' is taken"):
        here.join("key-c", "ADA")
    with pytest.raises(ClassError, match="All 2 accounts"):
        here.join("key-c", "Cleo")
    for name in ("", "   ", "\x00"):
        with pytest.raises(ClassError, match="Say who you are"):
            room().join("key", name)


def test_only_the_token_makes_an_instructor() -> None:
    here = room()
    assert here.is_instructor("secret")
    assert not any(here.is_instructor(token) for token in ("", "Secret", "secre", "ſecret"))


def test_a_market_that_everybody_left_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    left, watched = room(), room()
    watched.runner.watched_by = 1
    monkeypatch.setattr(classroom, "_open", {"left": left, "watched": watched})
    for here in (left, watched):
        here.runner.id = "left" if here is left else "watched"
        here.seen -= 2 * classroom.DESERTED_S
    classroom.sweep()
    assert left.runner.closed
    assert not watched.runner.closed
    with pytest.raises(ClassError, match="no shared market 'left'"):
        classroom.find("left")


def test_the_leaderboard_ranks_who_has_a_seat_by_profit() -> None:
    agents = [
        AgentPicture(f"trader-{k}", profit, {"BTC": 0.5}, 0, True) for k, profit in enumerate((1, 3, 2))
    ]
    shown = frame(NS)
    shown = replace(shown, picture=replace(shown.picture, agents=agents))
    rows = ranking(shown, {"trader-0": "Ada", "trader-1": "<b>Bob</b>"})
    assert rows == [("<b>Bob</b>", "trader-1", 3, 0.5), ("Ada", "trader-0", 1, 0.5)]


# -- what is said of a frame


@pytest.mark.parametrize(
    ("north", "south", "expected"),
    [
        ((99.0, 101.0), (98.0, 100.0), ((99.0, "NORTH"), (100.0, "SOUTH"))),
        ((101.0, 102.0), (99.0, 100.0), ((101.0, "NORTH"), (100.0, "SOUTH"))),
    ],
)
def test_the_consolidated_best_names_its_venues(north, south, expected) -> None:
    def book(bid: float, ask: float) -> ListingPicture:
        return ListingPicture("x", [(bid, 1.0)], [(ask, 1.0)], None, "continuous")

    shown = frame(NS)
    shown = replace(shown, picture=replace(shown.picture, listings=[book(*north), book(*south)]))
    assert consolidated(info(), "BTC/USD", shown) == expected
    empty = ListingPicture("x", [], [], None, "continuous")
    dark = replace(shown, picture=replace(shown.picture, listings=[empty, empty]))
    assert consolidated(info(), "BTC/USD", dark) is None


@pytest.mark.parametrize(
    ("south", "words"),
    [((99.0, 102.0), None), ((101.0, 103.0), "✕ locked"), ((101.5, 103.0), "✕ crossed by 0.50 USD")],
)
def test_crossed_and_locked_markets_are_marked(south: tuple[float, float], words: str | None) -> None:
    north = (98.0, 101.0)
    books = [
        ListingPicture("x", [(bid, 1.0)], [(ask, 1.0)], None, "continuous") for bid, ask in (north, south)
    ]
    plain = frame(NS)
    cards = Cards()
    cards.paint(DARK)
    cards.update(info(), 0, replace(plain, picture=replace(plain.picture, listings=books)))
    assert (words or "bid at SOUTH, offer at NORTH") in cards.viewable.object
    assert ("✕" in cards.viewable.object) == (words is not None)


def test_the_microprice_leans_to_the_side_where_less_waits() -> None:
    assert ListingPicture("x", [(99.0, 3.0)], [(101.0, 1.0)], None, "continuous").microprice == 100.5
    assert ListingPicture("x", [], [(101.0, 1.0)], None, "continuous").microprice is None


def test_names_and_texts_in_markup_are_escaped() -> None:
    story = Story()
    story.say("<script>", "<img src=x onerror=alert(1)>")
    assert "<script>" not in story.viewable.object
    assert "<img" not in story.viewable.object
    line = Timeline()
    event = TimelineEvent(2 * NS, "news", "<script>boo</script>")
    line.update([event], NS)
    text = line._pane.object
    assert "<script>" not in text
    assert "class='next'" in text
    line.update([event], 3 * NS)
    assert "class='past'" in line._pane.object


def test_events_are_numbered_alike_in_the_chart_and_on_the_time_line() -> None:
    events = [
        TimelineEvent(NS, "jump", "The value of BTC/USD jumps by 60 bps"),
        TimelineEvent(2 * NS, "outside", "NORTH is suspended."),
    ]
    plot = figure()
    marks = Marks(plot)
    assert marks.renderers == []
    assert marks.show(events)
    assert not marks.show(events), "nothing new is nothing to draw"
    lines, texts = marks.renderers
    assert lines.data_source is texts.data_source
    assert lines.data_source.data["t"] == [1000.0, 2000.0]
    assert lines.data_source.data["text"] == ["1", "2"]
    assert newest(events, 0) == "Numbered: events to come."
    assert newest(events, NS) == "Event 1: The value of BTC/USD jumps by 60 bps"
    assert newest(events, 9 * NS) == "Event 2: NORTH is suspended."
    line = Timeline()
    line.update(events, NS)
    assert "1. 0:00:01.000 The value of BTC/USD jumps by 60 bps" in line._pane.object
    assert "2. 0:00:02.000 NORTH is suspended." in line._pane.object
    assert marks.show([])
    assert marks.renderers == []


def test_the_scenario_with_events_lets_them_happen() -> None:
    market = open_market(MarketRequest(scenario="eventful", seed=7))
    happens = {event.text: event.time_ns for event in market.info().timeline}
    halt, again = happens["NORTH is suspended"], happens["NORTH takes orders again"]
    market.step_to(halt + NS)
    assert market.picture().listings[0].phase == "suspended"
    volumes = [listing.volume for listing in market.picture().listings]
    market.step_to(again)
    later = [listing.volume for listing in market.picture().listings]
    assert later[0] == volumes[0]
    assert later[1] > volumes[1], "the other venue trades on"


def test_a_scenarios_events_are_told_in_words() -> None:
    from market_sim.runner.introduction import in_words

    table = load("two_venues").resolved()
    table["events"] = [
        {"at": "10s", "kind": "news", "text": "hear"},
        {"at": "5s", "kind": "suspend", "venue": "NORTH"},
        {"at": "20s", "kind": "agents_off", "agents": ["noise-north"]},
        {"at": "30s", "kind": "jump", "instrument": "BTC/USD", "bps": "-50"},
    ]
    words = [in_words(event) for event in load(table).events]
    assert words == [
        "News: hear",
        "NORTH is suspended",
        "noise-north switched off",
        "The value of BTC/USD jumps by -50 bps",
    ]
    assert open_market(MarketRequest(scenario="two_venues")).info().timeline == ()


def test_a_page_does_not_follow_whether_the_server_is_busy() -> None:
    page = pmui.Page(busy_indicator=None)
    leave_idle(page)
    with edit_readonly(pn.state):
        pn.state.busy = True
        try:
            assert page.busy is False
        finally:
            pn.state.busy = False


def test_the_slider_follows_a_speed_that_another_page_has_set_and_says_nothing_to_the_market(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = Session(Controls(speed=300.0), open_runner)
    sidebar = Sidebar(session.controls, [], [], [], may_steer=True)
    steering = Steering(session, sidebar, allowed=True)
    sidebar.speed.param.watch(lambda event: steering.set_speed(event.new), "value")
    sent: list[Command] = []
    monkeypatch.setattr(session, "send", sent.append)
    sidebar.speed.get_root()
    for speed, text in ((10.0, "10"), (7.0, "7"), (299.6, "299.6"), (123456.7, "123457"), (None, "max")):
        steering.follow_speed(speed)
        assert sidebar.speed.value == text
        assert session.controls.speed == speed
    assert not sent
    sidebar.speed.value = "60"
    assert sent == [SetSpeed(60.0)]


class Told(NamedTuple):
    """What a look may bring, without a market."""

    text: str


def test_what_was_looked_at_early_is_given_later_and_nothing_twice() -> None:
    early = News(True, None, ("a trade",), (Told("sent"),))
    both = early.then(News(False, None, ("another",), (Told("filled"),)))
    assert both.opened
    assert both.trades == ("a trade", "another")
    assert [item.text for item in both.news] == ["sent", "filled"]
    # Of the market before nothing is shown in the next one.
    assert both.then(News(True, None, ())).trades == ()
