"""All views of a market, fed together: one picture is one message to the browser."""

import panel as pn
from bokeh.models import Range1d

from app.session import News, Session
from app.theme import palette
from app.views.agents import Agents
from app.views.cards import Cards
from app.views.heatmap import Heatmap
from app.views.ladder import Ladder
from app.views.mid_price import MidPrice
from app.views.results import Results
from app.views.trades import Trades

TABLES_EVERY = 4
"""Pictures between two of the tables and numbers: no eye reads a number twenty times a second."""

AGENTS_EVERY = 10

GRID = """
:host { display: grid; gap: 10px; padding: 10px 14px 14px; margin: 0; box-sizing: border-box;
  width: 100%; height: 100%;
  grid-template-columns: minmax(0, 1.02fr) minmax(0, 1.02fr) minmax(0, 1fr) minmax(0, 1.08fr);
  grid-template-rows: max-content max-content minmax(190px, 1.05fr) minmax(190px, 1.05fr)
    minmax(170px, 0.9fr);
  grid-template-areas: "status status status status" "cards cards cards cards" "mid mid ladder trades"
    "heat heat ladder trades" "profit inventory agents agents"; }
@media (max-width: 1150px) { :host { height: max-content !important; flex: none !important;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  grid-template-rows: max-content max-content 280px 280px 420px 220px 320px;
  grid-template-areas: "status status" "cards cards" "mid mid" "heat heat" "ladder trades" "profit inventory"
    "agents agents"; } }
@media (max-width: 700px) { :host { padding: 8px; grid-template-columns: minmax(0, 1fr);
  grid-template-rows: max-content max-content 260px 260px 380px 340px 230px 230px 320px;
  grid-template-areas: "status" "cards" "mid" "heat" "ladder" "trades" "profit" "inventory" "agents"; } }
"""


class Board:
    """The panels and the one stretch of simulated time that all their time axes show."""

    def __init__(self, dark: bool) -> None:
        self.window = Range1d(0, 1)
        self.mid_price = MidPrice(self.window)
        self.heatmap = Heatmap(self.window, self.mid_price.source)
        self.ladder = Ladder()
        self.results = Results(self.window)
        self.cards, self.trades, self.agents = Cards(), Trades(), Agents()
        self._pictures = 0
        self.paint(dark)

    def viewable(self, status: pn.viewable.Viewable) -> pn.Column:
        """The panels in the page's grid, under a line of status."""
        return pn.Column(
            status,
            self.cards.viewable,
            self.mid_price.viewable,
            self.ladder.viewable,
            self.trades.viewable,
            self.heatmap.viewable,
            self.results.profit.viewable,
            self.results.inventory.viewable,
            self.agents.viewable,
            stylesheets=[GRID],
            sizing_mode="stretch_both",
        )

    def paint(self, dark: bool) -> None:
        """Take the colours of a theme."""
        colors = palette(dark)
        for view in (
            self.mid_price,
            self.heatmap,
            self.ladder,
            self.results,
            self.cards,
            self.trades,
            self.agents,
        ):
            view.paint(colors)

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""
        assert session.history is not None, "a market has introduced itself"
        info, listing = session.history.info, session.listing
        self._pictures = 0
        self.mid_price.open(info, listing)
        self.heatmap.open(session.history, listing, self.mid_price.column_of(listing))
        self.ladder.open(info.listings[listing])
        self.results.open(session.history, listing)
        self.trades.open(info, listing)

    def update(self, session: Session, news: News) -> None:
        """One picture."""
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        redraw = history.fit(frame) or self._pictures == 0
        self._show_window(session)
        if redraw:
            self.mid_price.redraw(history)
            self.heatmap.redraw(history)
            self.results.redraw(history)
        else:
            self.mid_price.update(history)
            self.results.update(history)
        self.mid_price.add_trades(news.trades)
        self.heatmap.update(history)
        self.ladder.update(history, session.listing)
        self.trades.remember(news.trades)
        self._update_tables(session)
        self._pictures += 1

    def show_again(self, session: Session) -> None:
        """The newest picture once more: colours or listing have changed, and a held market sends no other."""
        if session.frame is not None:
            self._pictures = 0
            self.update(session, News(False, session.frame, ()))

    def _update_tables(self, session: Session) -> None:
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        # A held market shows its last numbers at once: no later picture would bring them.
        if self._pictures % TABLES_EVERY == 0 or not frame.running:
            self.cards.update(history.info, session.listing, frame)
            self.trades.draw()
        if self._pictures % AGENTS_EVERY == 0 or not frame.running:
            self.agents.update(history, session.listing, frame)

    def _show_window(self, session: Session) -> None:
        assert session.history is not None, "a market has introduced itself"
        start, end = session.history.window_ns()
        self.window.update(start=start / 1e6, end=end / 1e6)
