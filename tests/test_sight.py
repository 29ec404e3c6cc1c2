"""Charts out of sight are not fed, and catch up when they come back."""

from app.sight import Sight


def test_a_chart_is_fed_the_newest_while_it_is_seen() -> None:
    drawn = fed(Sight(), ("mid",), times=2)
    assert drawn == ["newest", "newest"]


def test_a_chart_out_of_sight_gets_nothing_and_everything_again_when_it_is_back() -> None:
    sight = Sight()
    assert not sight.tell(["mid"]), "it has missed nothing so far"
    assert fed(sight, ("mid",), times=2) == []
    assert not sight.tell(["mid", "heat"]), "it is still away"
    assert sight.tell(["heat"])
    assert fed(sight, ("mid",), times=2) == ["again", "newest"]
    assert not sight.tell([]), "what was never fed has missed nothing"


def test_what_several_charts_draw_is_fed_while_one_of_them_is_seen() -> None:
    sight = Sight()
    sight.tell(["heat"])
    assert fed(sight, ("mid", "heat"), times=1) == ["newest"]
    assert fed(sight, ("heat",), times=1) == []
    assert fed(sight, ("mid", "heat"), times=1) == ["newest"], "it missed nothing when the heatmap did"
    sight.tell(["heat", "mid"])
    assert fed(sight, ("mid", "heat"), times=1) == []


def test_another_market_is_drawn_out_of_sight_too() -> None:
    sight = Sight()
    sight.tell(["mid"])
    assert fed(sight, ("mid",), times=1) == []
    assert fed(sight, ("mid",), times=1, redraw=True) == ["again"]
    assert not sight.tell([]), "it has everything"


def test_what_had_nothing_to_draw_yet_is_asked_again_out_of_sight_too() -> None:
    sight, answers = Sight(), [True, False, False]
    sight.tell(["heat"])
    for redraw in (True, False, False, False):
        sight.feed(("heat",), redraw, answers.pop, lambda: None)
    assert answers == []
    assert sight.tell([]), "the fourth picture was missed"


def fed(sight: Sight, names: tuple[str, ...], times: int, redraw: bool = False) -> list[str]:
    drawn: list[str] = []
    for _ in range(times):
        sight.feed(names, redraw, lambda: note(drawn, "again"), lambda: note(drawn, "newest"))
    return drawn


def note(drawn: list[str], what: str) -> bool:
    drawn.append(what)
    return True
