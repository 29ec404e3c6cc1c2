"""Links, names and texts that mean harm: a page says so in words, shows them as text, and runs nothing."""

import csv
import io
from dataclasses import replace

import panel as pn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.board import Board
from app.catalogue import catalogue
from app.controls import VIEWS, Controls, from_query
from app.history import History
from app.keeping import standings
from app.session import News, Session, open_runner
from app.views.sharing import Sharing
from market_sim.errors import ScenarioError
from market_sim.frame import OrderPicture, TradePicture
from market_sim.runner import Answer, Failure, MarketRequest, TellNews, TimelineEvent, Told, open_market
from tests.test_page_state import NS, frame, info

SCRIPT = "<img src=x onerror=alert(1)>'\"><script>alert(1)</script>"
KEYS = st.one_of(
    st.sampled_from(
        ["scenario", "replay", "seed", "speed", "listing", "theme", "view", "beside", "latency", "strategy"]
    ),
    st.sampled_from(
        ["set.noise-rate", "set.latency-retail", "set.", "p.size", "p.", "p.__class__", "market"]
    ),
    st.text(max_size=20),
)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "nan",
            "inf",
            "-0",
            "1e400",
            "0x10",
            "\u0663",
            "9" * 4000,
            "../../etc/passwd",
            "os:system",
            SCRIPT,
        ]
    ),
    st.sampled_from(["two_venues", "triangle", "max", "NORTH:BTC/USD", "AvellanedaStoikov"]),
    st.text(max_size=40),
)


@settings(max_examples=80, deadline=None)
@given(st.dictionaries(KEYS, TEXTS, max_size=6))
def test_any_link_opens_a_market_and_what_it_cannot_have_is_said(query: dict[str, str]) -> None:
    wanted, complaints = from_query(query, Controls())
    controls, more = catalogue().check(replace(wanted, market=""))
    request = catalogue().request(controls)
    assert request.scenario in catalogue().scenarios
    assert request.strategy is None or request.strategy[0].startswith("agents.")
    assert all(0 < len(sentence) < 1000 for sentence in [*complaints, *more])
    # What came of it is a link that comes back whole.
    again, nothing = from_query(controls.to_query(), Controls())
    assert nothing == []
    assert again == controls


@pytest.mark.parametrize("kind", ["os:system", "subprocess:Popen", "tests.fake_market:FakeMarket", "a.b.c"])
def test_a_scenario_that_names_a_foreign_class_is_no_market_on_a_page(kind: str) -> None:
    request = MarketRequest(scenario="two_venues", changes=(f"agents.arbitrageur.kind={kind}",))
    with pytest.raises(ScenarioError, match=r"arbitrageur.*kind|shipped"):
        open_market(request)


def hostile_session() -> Session:
    """A session on a market in which everything that has a name is called SCRIPT."""
    session = Session(Controls(), open_runner)
    plain = info()
    listings = tuple(
        replace(listing, venue=SCRIPT + str(k), instrument=SCRIPT, base=SCRIPT, quote=SCRIPT)
        for k, listing in enumerate(plain.listings)
    )
    session.history = History(
        replace(
            plain,
            title=SCRIPT,
            description=SCRIPT,
            origin=SCRIPT,
            numeraire=SCRIPT,
            listings=listings,
            agents=tuple(f"{SCRIPT}-{k}" for k in range(len(plain.agents))),
            groups=(SCRIPT,) * len(plain.agents),
            latencies=(SCRIPT,) * len(plain.agents),
            seats=(f"{SCRIPT}-0",),
            timeline=(TimelineEvent(NS, "news", SCRIPT),),
        )
    )
    picture = frame(NS).picture
    agents = [replace(agent, name=f"{SCRIPT}-{k}") for k, agent in enumerate(picture.agents)]
    picture = replace(
        picture,
        agents=agents,
        orders=(OrderPicture(f"{SCRIPT}-0", 1, 0, "buy", 99.0, 1.0, 1.0, 0.5),),
        between=((0, SCRIPT, SCRIPT, 1.0),),
        listings=[replace(listing, phase=SCRIPT) for listing in picture.listings],
    )
    session.frame = replace(frame(NS), picture=picture)
    session.history.add(session.frame)
    session.seat = f"{SCRIPT}-0"
    return session


def test_names_that_are_scripts_are_shown_as_text_everywhere() -> None:
    session = hostile_session()
    sharing = Sharing(True, True)
    sharing.show_links(SCRIPT, SCRIPT)
    told = (
        Answer(NS, TellNews(SCRIPT), True, SCRIPT),
        Answer(NS, TellNews(SCRIPT), False, SCRIPT),
        Told(f"{SCRIPT}-0", NS, 1, SCRIPT),
    )
    trade = TradePicture(NS, 0, 100.0, 1.0, "buy", SCRIPT, 1, SCRIPT, 1)
    texts = []
    board = Board(True, VIEWS[0], sharing, lambda price: None)
    page = board.viewable()
    board.open(session)
    board.orders.watch(f"{SCRIPT}-0")
    for view in VIEWS:
        board.show(view)
        board.update(session, News(True, session.frame, (trade,), told), {f"{SCRIPT}-0": SCRIPT})
        board.show_again(session, {f"{SCRIPT}-0": SCRIPT})
        texts += [pane.object for pane in page.select(pn.pane.HTML)]
    shown = [text for text in texts if "alert(1)" in text]
    assert len(shown) > 15, "the names are on the page"
    for text in shown:
        assert "<img" not in text
        assert "<script" not in text
        assert "x onerror=alert(1)>" not in text


def test_a_failure_in_words_is_no_markup() -> None:
    from app.views.status import Status

    status = Status()
    status.complain([SCRIPT])
    status.update(None, None, Failure(SCRIPT, SCRIPT))
    assert status.viewable.object.count("alert(1)") >= 3
    assert "<script" not in status.viewable.object
    assert "<img" not in status.viewable.object


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_name_that_is_a_formula_is_none_in_the_leaderboards_file(start: str) -> None:
    session = hostile_session()
    name = f'{start}HYPERLINK("http://x";"y")'
    head, row = csv.reader(io.StringIO(standings(session, {f"{SCRIPT}-0": name}), newline=""))
    assert head[:3] == ["rank", "who", "account"]
    assert row[:2] == ["1", f"'{name}"]
    assert float(row[3]) == session.frame.picture.agents[0].profit
