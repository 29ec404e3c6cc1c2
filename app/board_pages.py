"""The three pages of the board: which panels stand on each, and how they are fed."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import panel as pn
from bokeh.models import Range1d

from app.history import History
from app.session import News, Session
from app.sight import Sight
from app.theme import Palette
from app.views.agents import Agents
from app.views.beside import Beside
from app.views.between import Between
from app.views.flow import Flow
from app.views.frame import GRID
from app.views.heatmap import Heatmap
from app.views.ladder import Ladder
from app.views.mid_price import MidPrice
from app.views.orders import Orders
from app.views.results import Results
from app.views.sharing import Sharing
from app.views.ticket import Ticket
from app.views.timeline import Timeline
from app.views.trades import Trades

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


class BoardPage(Protocol):
    """What the board asks of a page."""

    @property
    def style(self) -> str:
        """Where the panels stand."""

    def panels(self) -> list[pn.viewable.Viewable]:
        """In the order in which a phone shows them and a screen reader reads them."""

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""

    def draw(self, session: Session, news: News, redraw: bool) -> None:
        """One picture; all of the window again when `redraw` says so."""

    def tell(self, session: Session, names: dict[str, str], palette: Palette, seldom: bool) -> None:
        """The numbers and tables; those that cost much only when `seldom` says so."""


class MarketPage:
    """One market in full: price, depth, heatmap and what flows through it, and the ticket to trade with."""

    style = WIDE

    def __init__(
        self,
        window: Range1d,
        sight: Sight,
        trades: Trades,
        ticket: Ticket,
        on_price: Callable[[float], None],
    ) -> None:
        self._sight = sight
        self._mid_price = MidPrice(window)
        self._heatmap = Heatmap(window, self._mid_price.source)
        self._ladder = Ladder(on_price=on_price)
        self._flow = Flow(window)
        self._trades, self._ticket = trades, ticket

    def panels(self) -> list[pn.viewable.Viewable]:
        """In the order in which a phone shows them and a screen reader reads them."""
        market = (self._mid_price, self._ladder, self._trades, self._heatmap, self._ticket)
        charts = (self._flow.imbalance, self._flow.spread, self._flow.volume)
        return [view.viewable for view in (*market, *charts)]

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        for view in (self._mid_price, self._heatmap, self._ladder, self._flow):
            view.paint(palette)

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""
        assert session.history is not None, "a market has introduced itself"
        info, listing = session.history.info, session.listing
        self._mid_price.open(info, listing)
        self._heatmap.open(session.history, listing, self._mid_price.column_of(listing))
        self._ladder.open(info.listings[listing])
        self._flow.open(info, listing)

    def draw(self, session: Session, news: News, redraw: bool) -> None:
        """One picture."""
        history = session.history
        assert history is not None, "a market has introduced itself"
        for view in (self._mid_price, self._heatmap, self._flow):
            again, newest = partial(view.redraw, history), partial(view.update, history)
            self._sight.feed(view.names, redraw, again, newest)
        self._mid_price.add_trades(news.trades)
        self._mid_price.mark_events(session.timeline, int(history.time[-1]))
        ladder = partial(self._draw_ladder, session, history)
        self._sight.feed(self._ladder.names, redraw, ladder, ladder)

    def _draw_ladder(self, session: Session, history: History) -> bool:
        self._ladder.mark_own([order for order in session.orders if order.listing == session.listing])
        return self._ladder.update(history, session.listing)

    def tell(self, session: Session, names: dict[str, str], palette: Palette, seldom: bool) -> None:
        """Trades and the own account."""
        assert session.info is not None, "a market has introduced itself"
        self._sight.feed(self._trades.names, False, self._trades.draw, self._trades.draw)
        self._ticket.update(session.info, session.account, session.orders, palette)


class BesidePage:
    """Up to four listings side by side."""

    style = COLUMNS

    def __init__(self) -> None:
        self._beside = Beside()

    def panels(self) -> list[pn.viewable.Viewable]:
        """One row of columns."""
        return [self._beside.viewable]

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._beside.paint(palette)

    def open(self, session: Session) -> None:
        """Another market, or other listings of it."""
        assert session.history is not None, "a market has introduced itself"
        self._beside.open(session.history, session.beside)

    def draw(self, session: Session, news: News, redraw: bool) -> None:
        """One picture."""
        assert session.history is not None, "a market has introduced itself"
        assert session.frame is not None, "there is a picture to show"
        self._beside.update(session.history, session.frame, session.seat)

    def tell(self, session: Session, names: dict[str, str], palette: Palette, seldom: bool) -> None:
        """The columns tell their numbers with their pictures."""


class AgentsPage:
    """Who trades, what they earn, and who sits here."""

    style = TABLES

    def __init__(self, window: Range1d, sight: Sight, orders: Orders, sharing: Sharing) -> None:
        self._sight = sight
        self._results = Results(window)
        self._agents, self._between, self._timeline = Agents(), Between(), Timeline()
        self._orders, self._sharing = orders, sharing

    def panels(self) -> list[pn.viewable.Viewable]:
        """In the order in which a phone shows them and a screen reader reads them."""
        charts = (self._results.profit, self._results.inventory)
        tables = (self._agents, self._between, self._orders, self._timeline, self._sharing)
        return [view.viewable for view in (*charts, *tables)]

    def paint(self, palette: Palette) -> None:
        """Take the colours of a theme."""
        self._results.paint(palette)
        self._agents.paint(palette)

    def open(self, session: Session) -> None:
        """Another market, or another of its listings."""
        assert session.history is not None, "a market has introduced itself"
        self._results.open(session.history, session.listing)
        self._between.open(session.history.info, session.listing)
        self._sharing.open(session.history.info)

    def draw(self, session: Session, news: News, redraw: bool) -> None:
        """One picture."""
        assert session.history is not None, "a market has introduced itself"
        again = partial(self._results.redraw, session.history)
        newest = partial(self._results.update, session.history)
        self._sight.feed(self._results.names, redraw, again, newest)

    def tell(self, session: Session, names: dict[str, str], palette: Palette, seldom: bool) -> None:
        """The tables."""
        history, frame = session.history, session.frame
        assert history is not None, "a market has introduced itself"
        assert frame is not None, "there is a picture to show"
        self._orders.update(history.info, frame, palette)
        if seldom:
            self._agents.update(history, session.listing, frame)
            self._between.update(history.info, session.listing, frame)
            self._timeline.update(session.timeline, frame.picture.time_ns)
            self._sharing.update(history.info, frame, names, session.seat)
