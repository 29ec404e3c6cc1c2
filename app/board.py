"""All views of a market, fed together: one picture is one message to the browser. Three pages of panels; only
the one on show is fed, and each is made when it is first shown: building and laying out what nobody looks at
was half of opening the dashboard.
"""

from collections.abc import Callable

import panel as pn
from bokeh.models import Range1d

from app.board_pages import AgentsPage, BesidePage, BoardPage, MarketPage
from app.controls import AGENTS, BESIDE, MARKET, VIEWS
from app.session import News, Session
from app.sight import Sight
from app.theme import palette
from app.views.cards import Cards
from app.views.frame import AWAY, NUMBERS_EVERY
from app.views.orders import Orders
from app.views.sharing import Sharing
from app.views.ticket import Ticket
from app.views.trades import Trades

AGENTS_EVERY = 3 * NUMBERS_EVERY

FRAME = """
:host { display: flex; flex-direction: column; gap: 8px; padding: 10px 14px 14px; margin: 0;
  box-sizing: border-box; width: 100%; height: 100%; }
@media (max-width: 1150px) { :host { height: max-content !important; flex: none !important; } }
@media (max-width: 700px) { :host { padding: 8px; } }
"""


class Board:
    """The pages and the one stretch of simulated time that all their time axes show."""

    def __init__(self, dark: bool, view: str, sharing: Sharing, on_price: Callable[[float], None]) -> None:
        self.window = Range1d(0, 1)
        self._sight = Sight()
        self.cards, self.trades, self.ticket, self.orders = Cards(), Trades(), Ticket(), Orders()
        self.sharing = sharing
        self._makers: dict[str, Callable[[], BoardPage]] = {
            MARKET: lambda: MarketPage(self.window, self._sight, self.trades, self.ticket, on_price),
            BESIDE: BesidePage,
            AGENTS: lambda: AgentsPage(self.window, self._sight, self.orders, sharing),
        }
        assert set(self._makers) == set(VIEWS), "the controls know these views"
        self._pages: dict[str, BoardPage] = {}
        both = {"sizing_mode": "stretch_both", "margin": 0}
        self._places = {name: pn.Column(visible=False, css_classes=[AWAY], **both) for name in self._makers}
        self._opened: Session | None = None
        self._pictures = 0
        self.paint(dark)
        self.show(view)

    def viewable(self, *top: pn.viewable.Viewable) -> pn.Column:
        """The panels under what stands above all of them."""
        return pn.Column(
            *top, self.cards.viewable, *self._places.values(), stylesheets=[FRAME], sizing_mode="stretch_both"
        )

    def show(self, view: str) -> None:
        """One of the three pages."""
        self.view = view
        self._pictures = 0
        if view not in self._pages:
            self._make(view)
        for name, place in self._places.items():
            place.visible = name == view
            place.css_classes = [] if name == view else [AWAY]

    def _make(self, view: str) -> None:
        page = self._makers[view]()
        page.paint(self.palette)
        if self._opened is not None:
            page.open(self._opened)
        self._pages[view] = page
        place = self._places[view]
        place.stylesheets = [page.style]
        place.objects = page.panels()

    def paint(self, dark: bool) -> None:
        """Take the colours of a theme."""
        self.palette = palette(dark)
        for view in (self.cards, self.trades, *self._pages.values()):
            view.paint(self.palette)

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""
        assert session.history is not None, "a market has introduced itself"
        info, listing = session.history.info, session.listing
        self._opened, self._pictures = session, 0
        self.trades.open(info, listing)
        self.ticket.open(info, info.listings[listing], session.seat, session.controls)
        for page in self._pages.values():
            page.open(session)

    def reopen(self, session: Session) -> None:
        """Other listings on the page on show."""
        self._pages[self.view].open(session)

    def update(self, session: Session, news: News, names: dict[str, str]) -> None:
        """One picture."""
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        redraw = history.fit(frame) or self._pictures == 0
        self._show_window(session)
        self._pages[self.view].draw(session, news, redraw)
        self.trades.remember(news.trades)
        if news.news:
            self.ticket.hear(list(news.news))
        self._update_tables(session, names, bool(news.news))
        self._pictures += 1

    def look_away(self, session: Session, names: dict[str, str], away: list[str]) -> None:
        """These charts are out of the visitor's sight now; what comes back is drawn at once where a held
        market sends no next picture.
        """
        if self._sight.tell(away) and session.frame is not None and not session.frame.running:
            self.show_again(session, names)

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
        # A held market shows its last numbers at once: no later picture would bring them.
        at_once = at_once or not frame.running
        if self._pictures % NUMBERS_EVERY == 0 or at_once:
            self.cards.update(history.info, session.listing, frame)
            seldom = self._pictures % AGENTS_EVERY == 0 or at_once
            self._pages[self.view].tell(session, names, self.palette, seldom)

    def _show_window(self, session: Session) -> None:
        assert session.history is not None, "a market has introduced itself"
        start, end = session.history.window_ns()
        self.window.update(start=start / 1e6, end=end / 1e6)
