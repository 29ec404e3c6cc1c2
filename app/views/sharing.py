"""A market for many: the links, the name, the leaderboard, and what the instructor may do."""

from html import escape

import panel as pn
import panel_material_ui as pmui

from app.theme import MONO
from app.views.frame import CARD, Heading
from market_sim.runner import Frame, MarketInfo

STYLE = f"""
:host {{ margin: 0; }}
.rank {{ padding: 0 14px 10px; }}
table {{ border-collapse: collapse; font: 12px/1.7 {MONO}; width: 100%; }}
th, td {{ text-align: right; padding: 0 10px 0 0; white-space: nowrap; }}
th:nth-child(2), td:nth-child(2) {{ text-align: left; }}
th {{ color: color-mix(in srgb, currentColor 68%, transparent); }}
tr.me td {{ font-weight: 700; }}
input {{ width: 100%; font: 11.5px {MONO}; background: none; color: inherit; border: 1px solid currentColor;
  border-radius: 4px; padding: 3px 6px; box-sizing: border-box; }}
p {{ margin: 6px 0 2px; font-size: 12px; }}
"""


class Sharing:
    """Widgets only: what they do is wired up by the page."""

    def __init__(self, shared: bool, instructor: bool) -> None:
        small = {"size": "small", "sizing_mode": "stretch_width", "margin": (5, 5)}
        self.share = pmui.Button(
            label="Share this market: start a class", variant="outlined", icon="group", **small
        )
        self.name = pmui.TextInput(label="Your name, for the leaderboard", max_length=24, **small)
        self.join = pmui.Button(label="Take a seat", variant="contained", **small)
        self.venue = pmui.Select(label="Venue", options=[], **small)
        self.suspend = pmui.Button(label="Suspend", variant="outlined", **small)
        self.resume = pmui.Button(label="Resume", variant="outlined", **small)
        self.news = pmui.TextInput(label="News that every agent hears", max_length=300, **small)
        self.tell = pmui.Button(label="Tell", variant="outlined", **small)
        self.end = pmui.Button(label="End the session", color="error", variant="outlined", **small)
        self._heading = Heading("Leaderboard", "")
        self._pane = pn.pane.HTML("", stylesheets=[STYLE], sizing_mode="stretch_width")
        self._links = ""
        row = {"sizing_mode": "stretch_width", "margin": (0, 8)}
        self.seat_row = pn.Row(self.name, self.join, visible=shared, **row)
        self.steering = pn.Column(
            pn.Row(self.venue, self.suspend, self.resume, **row),
            pn.Row(self.news, self.tell, **row),
            pn.Row(self.end, visible=shared, **row),
            visible=instructor or not shared,
            sizing_mode="stretch_width",
            margin=0,
        )
        self.viewable = pn.Column(
            self._heading.viewable,
            pn.Row(self.share, visible=not shared, **row),
            self.seat_row,
            self._pane,
            self.steering,
            stylesheets=[CARD],
            styles={"grid-area": "sharing", "overflow": "auto"},
            sizing_mode="stretch_both",
            margin=0,
        )
        self._shared = shared

    def open(self, info: MarketInfo) -> None:
        """Another market."""
        venues = list(dict.fromkeys(listing.venue for listing in info.listings))
        self.venue.param.update(options=venues, value=venues[0])
        self._heading.say(
            f"Profit in {info.numeraire} at the mid, as the ledger has it; who trades under which account."
            if self._shared
            else "Share opens this market anew: everybody who follows the link trades with an own account."
        )

    def show_links(self, students: str, instructor: str = "") -> None:
        """The two links of a class."""
        self._links = (
            "<p>For everybody:</p>"
            f"<input readonly aria-label='Link for everybody' value='{escape(students)}'>"
            + (
                f"<p>For you alone, to steer:</p><input readonly aria-label='Link for the instructor' "
                f"value='{escape(instructor)}'>"
                if instructor
                else ""
            )
        )

    def update(self, info: MarketInfo, frame: Frame, names: dict[str, str], seat: str | None) -> None:
        """The newest frame."""
        rows = ranking(frame, names)
        base = info.listings[0].base
        table = "".join(
            f"<tr{' class=me' if account == seat else ''}><td>{number}</td><td>{escape(name)}</td>"
            f"<td>{profit:+,.2f}</td><td>{held:+,.6g}</td></tr>".replace("-", "−")
            for number, (name, account, profit, held) in enumerate(rows, start=1)
        )
        head = (
            f"<tr><th>#</th><th>who</th><th>profit, {escape(info.numeraire)}</th>"
            f"<th>inventory, {escape(base)}</th></tr>"
        )
        board = f"<table>{head}{table}</table>" if rows else ""
        text = f"<div class='rank'>{board}{self._links}</div>"
        if self._pane.object != text:
            self._pane.object = text


def ranking(frame: Frame, names: dict[str, str]) -> list[tuple[str, str, float, float]]:
    """(name, account, profit, inventory of the first asset) of everybody with a seat, best first."""
    rows = [
        (names[agent.name], agent.name, agent.profit or 0.0, next(iter(agent.inventory.values()), 0.0))
        for agent in frame.picture.agents
        if agent.name in names
    ]
    return sorted(rows, key=lambda row: -row[2])
