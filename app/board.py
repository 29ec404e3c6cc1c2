"""All views of a market, fed together: one picture is one message to the browser. Three pages of panels; only
the one on show is fed.
"""

from collections.abc import Callable

import panel as pn
from bokeh.models import Range1d

from app.controls import AGENTS, BESIDE, MARKET, VIEWS
from app.session import News, Session
from app.theme import palette
from app.views.agents import Agents
from app.views.beside import Beside
from app.views.between import Between
from app.views.cards import Cards
from app.views.flow import Flow
from app.views.heatmap import Heatmap
from app.views.ladder import Ladder
from app.views.mid_price import MidPrice
from app.views.orders import Orders
from app.views.results import Results
from app.views.sharing import Sharing
from app.views.ticket import Ticket
from app.views.timeline import Timeline
from app.views.trades import Trades

TABLES_EVERY = 4
"""Pictures between two of the tables and numbers: no eye reads a number twenty times a second."""

AGENTS_EVERY = 10

FRAME = """
:host { display: flex; flex-direction: column; gap: 8px; padding: 10px 14px 14px; margin: 0;
  box-sizing: border-box; width: 100%; height: 100%; }
@media (max-width: 1150px) { :host { height: max-content !important; flex: none !important; } }
@media (max-width: 700px) { :host { padding: 8px; } }
"""

AWAY = "away"
"""Class of a page that is not on show: a style sheet of its own would otherwise outdo Bokeh's way to hide."""

GRID = """
:host(.away) { display: none !important; }
:host { display: grid; gap: 10px; margin: 0; box-sizing: border-box; width: 100%; flex: 1 1 auto;
  min-height: 0; }
"""

WIDE = (
    GRID
    + """
:host { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1fr) minmax(0, 1.35fr);
  grid-template-rows: minmax(190px, 1.05fr) minmax(190px, 1.05fr) minmax(170px, 0.8fr);
  grid-template-areas: "mid mid ladder trades" "heat heat ladder ticket" "imbalance spread volume ticket"; }
@media (max-width: 1150px) { :host { height: max-content !important;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
  grid-template-rows: 280px 280px 420px 360px 220px 220px;
  grid-template-areas: "mid mid" "heat heat" "ladder trades" "ticket ticket" "imbalance spread"
    "volume volume"; } }
@media (max-width: 700px) { :host { grid-template-columns: minmax(0, 1fr);
  grid-template-rows: 260px 380px 380px 260px 340px 220px 220px 220px;
  grid-template-areas: "mid" "ladder" "ticket" "heat" "trades" "imbalance" "spread" "volume"; } }
"""
)

TABLES = (
    GRID
    + """
:host { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(0, 2.6fr);
  grid-template-rows: minmax(190px, 1fr) minmax(190px, 1fr) minmax(190px, 1fr);
  grid-template-areas: "profit inventory agents" "between orders agents" "timeline sharing agents"; }
@media (max-width: 1150px) { :host { height: max-content !important;
  grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); grid-template-rows: 220px 420px 300px 320px;
  grid-template-areas: "profit inventory" "agents agents" "between orders" "timeline sharing"; } }
@media (max-width: 700px) { :host { grid-template-columns: minmax(0, 1fr);
  grid-template-rows: 230px 420px 230px 300px 260px 380px 200px;
  grid-template-areas: "profit" "agents" "inventory" "sharing" "orders" "between" "timeline"; } }
"""
)

COLUMNS = """
:host(.away) { display: none !important; }
:host { flex: 1 1 auto; min-height: 420px; margin: 0; }
@media (max-width: 1150px) { :host { height: 640px !important; flex: none !important; } }
"""


class Board:
    """The panels and the one stretch of simulated time that all their time axes show."""

    def __init__(self, dark: bool, view: str, sharing: Sharing, on_price: Callable[[float], None]) -> None:
        self.window = Range1d(0, 1)
        self.mid_price = MidPrice(self.window)
        self.heatmap = Heatmap(self.window, self.mid_price.source)
        self.ladder = Ladder(on_price=on_price)
        self.results, self.flow = Results(self.window), Flow(self.window)
        self.cards, self.trades, self.agents = Cards(), Trades(), Agents()
        self.ticket, self.orders, self.between = Ticket(), Orders(), Between()
        self.timeline, self.beside, self.sharing = Timeline(), Beside(), sharing
        self.pages = self._pages()
        self.view = view
        self._pictures = 0
        self.paint(dark)
        self.show(view)

    def _pages(self) -> dict[str, pn.Column]:
        flow, results = self.flow, self.results
        market = (self.mid_price, self.ladder, self.trades, self.heatmap, self.ticket)
        charts = (flow.imbalance, flow.spread, flow.volume)
        tables = (self.agents, self.between, self.orders, self.timeline, self.sharing)
        both = {"sizing_mode": "stretch_both", "margin": 0}
        return {
            MARKET: pn.Column(*(view.viewable for view in (*market, *charts)), stylesheets=[WIDE], **both),
            BESIDE: pn.Column(self.beside.viewable, stylesheets=[COLUMNS], **both),
            AGENTS: pn.Column(
                *(view.viewable for view in (results.profit, results.inventory, *tables)),
                stylesheets=[TABLES],
                **both,
            ),
        }

    def viewable(self, *top: pn.viewable.Viewable) -> pn.Column:
        """The panels under what stands above all of them."""
        return pn.Column(
            *top, self.cards.viewable, *self.pages.values(), stylesheets=[FRAME], sizing_mode="stretch_both"
        )

    def show(self, view: str) -> None:
        """One of the three pages."""
        assert view in VIEWS, "the controls know no other"
        self.view = view
        self._pictures = 0
        for name, page in self.pages.items():
            page.visible = name == view
            page.css_classes = [] if name == view else [AWAY]

    def paint(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self.palette = palette(dark)
        painted = (self.mid_price, self.heatmap, self.ladder, self.results, self.flow, self.beside)
        for view in (*painted, self.cards, self.trades, self.agents):
            view.paint(self.palette)

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""
        assert session.history is not None, "a market has introduced itself"
        info, listing = session.history.info, session.listing
        self._pictures = 0
        self.mid_price.open(info, listing)
        self.heatmap.open(session.history, listing, self.mid_price.column_of(listing))
        self.ladder.open(info.listings[listing])
        self.results.open(session.history, listing)
        self.flow.open(info, listing)
        self.trades.open(info, listing)
        self.ticket.open(info, info.listings[listing], session.seat)
        self.between.open(info, listing)
        self.beside.open(session.history, session.beside)
        self.sharing.open(info)

    def update(self, session: Session, news: News, names: dict[str, str]) -> None:
        """One picture."""
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        redraw = history.fit(frame) or self._pictures == 0
        self._show_window(session)
        if self.view == MARKET:
            self._update_market(session, news, redraw)
        elif self.view == AGENTS:
            self.results.redraw(history) if redraw else self.results.update(history)
        else:
            self.beside.update(history, frame, session.seat)
        self.trades.remember(news.trades)
        if news.news:
            self.ticket.hear(list(news.news))
        self._update_tables(session, names, bool(news.news))
        self._pictures += 1

    def _update_market(self, session: Session, news: News, redraw: bool) -> None:
        history = session.history
        assert history is not None, "a market has introduced itself"
        if redraw:
            self.mid_price.redraw(history)
            self.heatmap.redraw(history)
            self.flow.redraw(history)
        else:
            self.mid_price.update(history)
            self.flow.update(history)
        self.mid_price.add_trades(news.trades)
        self.mid_price.mark_events(session.timeline, int(history.time[-1]))
        self.heatmap.update(history)
        self.ladder.update(history, session.listing)
        self.ladder.mark_own([order for order in session.orders if order.listing == session.listing])

    def show_answer(self, session: Session) -> None:
        """What the newest picture says in words of the visitor's own doings, before the picture itself."""
        assert session.info is not None, "a market has introduced itself"
        told = session.take_told()
        if told:
            self.ticket.hear(list(told))
            self.ticket.update(session.info, session.account, session.orders, self.palette)

    def show_again(self, session: Session, names: dict[str, str]) -> None:
        """The newest picture once more: colours or listing have changed, and a held market sends no other."""
        if session.frame is not None:
            self._pictures = 0
            self.update(session, News(False, session.frame, ()), names)

    def _update_tables(self, session: Session, names: dict[str, str], at_once: bool) -> None:
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        info = history.info
        # A held market shows its last numbers at once: no later picture would bring them.
        at_once = at_once or not frame.running
        if self._pictures % TABLES_EVERY == 0 or at_once:
            self.cards.update(info, session.listing, frame)
            if self.view == MARKET:
                self.trades.draw()
                self.ticket.update(info, session.account, session.orders, self.palette)
            elif self.view == AGENTS:
                self.orders.update(info, frame, self.palette)
        if self.view == AGENTS and (self._pictures % AGENTS_EVERY == 0 or at_once):
            self.agents.update(history, session.listing, frame)
            self.between.update(info, session.listing, frame)
            self.timeline.update(session.timeline, frame.picture.time_ns)
            self.sharing.update(info, frame, names, session.seat)

    def _show_window(self, session: Session) -> None:
        assert session.history is not None, "a market has introduced itself"
        start, end = session.history.window_ns()
        self.window.update(start=start / 1e6, end=end / 1e6)
