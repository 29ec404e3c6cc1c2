"""The page: controls on the left, the board on the right, and one beat that carries pictures from one to
the other.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from bokeh.models import CustomJS

from app import keeping, serving
from app.attendance import Attendance, share
from app.backtest_page import BacktestPage
from app.board import Board
from app.browser import Browser
from app.captures import captures
from app.catalogue import Catalogue, catalogue
from app.choices import Choices
from app.classroom import ClassError
from app.controls import (
    AGENTS,
    BESIDE,
    DARK,
    LIGHT,
    MARKET,
    Controls,
    from_query,
)
from app.lessons_page import LessonsPage
from app.poll import Poll
from app.presence import Presence
from app.quiet import leave_idle, spare_layouts
from app.session import OpenRunner, Session, open_runner
from app.steering import Steering
from app.stories import Stories
from app.strategies import strategies
from app.theme import RAW_CSS, THEME_CONFIG
from app.trading import Trading
from app.transport import FlowControl
from app.views.feed import Feed
from app.views.navigation import MARKETS, navigation
from app.views.sharing import Sharing
from app.views.sidebar import Sidebar
from app.views.status import Status
from market_sim.runner import End, SetVenue, SwitchAgents, TellNews
from market_sim.runner.guests import STRATEGY

BEAT_MS = 50
LOOK_MS = 8
"""Between two looks for the answer to what a visitor has asked for: it is not left to the next beat."""

ANSWER_S = 0.5
"""How long pictures are held back for an answer: painted first, they would make it late."""

PHONE_PX = 700

VIEW_NAMES = {"Market": MARKET, "Side by side": BESIDE, "Agents and class": AGENTS}


class Page:
    """One visitor's page: widgets wired to a session, a session wired to views."""

    def __init__(self, catalogue: Catalogue, open_runner: OpenRunner, query: Mapping[str, str]) -> None:
        token = query.get("token", "")
        wanted, complaints = from_query({k: v for k, v in query.items() if k != "token"}, Controls())
        self._attendance = Attendance(wanted.market, token)
        more = self._attendance.complaints
        if self._attendance.room is None:
            wanted, worse = catalogue.check(replace(wanted, market=""))
            more = [*more, *worse]
        controls = wanted
        self._catalogue = catalogue
        self._session = Session(controls, open_runner)
        allowed = self._attendance.may_steer
        self._sidebar = Sidebar(
            controls, list(catalogue.scenarios), list(captures()), list(strategies()), allowed
        )
        self._steering = Steering(self._session, self._sidebar, allowed)
        self._choices = Choices(self._session, catalogue, self._sidebar, self._complain, self._open_chosen)
        self._status = Status(welcome=not query)
        self._drawn = False
        self._status.complain([*complaints, *more])
        self._presence = Presence()
        self._looking = False
        self._shown_names: dict[str, str] = {}
        self._stories = Stories(self._session)
        self._metrics = Poll("metrics")
        dark = controls.theme == DARK
        sharing = Sharing(self._attendance.room is not None, bool(self._attendance.token))
        self._board = Board(
            dark, controls.view, sharing, lambda price: self._soon(lambda: self._trading.take_price(price))
        )
        self._trading = Trading(self._session, self._board.ticket)
        self._views = pmui.RadioButtonGroup(
            options=VIEW_NAMES,
            value=controls.view,
            size="small",
            margin=0,
            sx={"& .MuiToggleButton-root": {"whiteSpace": "nowrap", "padding": "3px 16px"}},
        )
        self._feed = Feed()
        self._flow = FlowControl()
        self._browser = Browser(
            lambda verb, text: self._at_once(lambda _: self._hear(verb, text), None),
            lambda key: self._sit_on(self._attendance.arrive(key)),
        )
        self.template = pmui.Page(
            title="market_sim",
            header=[navigation(MARKETS, dark)],
            sidebar=[self._sidebar.viewable()],
            main=[
                self._board.viewable(self._status.viewable, self._feed.viewable, self._views),
                self._stories.view.viewable,
            ],
            sidebar_width=290,
            theme_config=THEME_CONFIG,
            dark_theme=dark,
            busy_indicator=None,
            raw_css=[RAW_CSS],
        )
        leave_idle(self.template)
        self.template.param.watch(lambda event: self._choose_theme(event.new), "dark_theme")
        self._wire()
        self._choices.show()
        self._show_status()

    @property
    def _names(self) -> dict[str, str]:
        return self._attendance.names

    # -- what the widgets do

    def _wire(self) -> None:
        bar, ticket, sharing = self._sidebar, self._board.ticket, self._board.sharing
        choices, steering = self._choices, self._steering
        for button, action in (
            (bar.run, steering.toggle_run),
            (bar.step_second, steering.step_second),
            (bar.step_event, steering.step_event),
            (bar.restart, self._restart),
            (bar.open_replay, choices.replay),
            (bar.open_strategy, choices.strategy),
            (bar.live.connect, choices.connect),
            (bar.live.disconnect, lambda: steering.send(End())),
            (ticket.buy, lambda: self._trading.order("buy")),
            (ticket.sell, lambda: self._trading.order("sell")),
            (ticket.replace, self._trading.replace),
            (sharing.share, self._share),
            (sharing.join, self._take_seat),
            (sharing.suspend, lambda: steering.send(SetVenue(sharing.venue.value, False))),
            (sharing.resume, lambda: steering.send(SetVenue(sharing.venue.value, True))),
            (sharing.tell, self._tell),
            (sharing.end, lambda: steering.send(End())),
        ):
            button.on_click(lambda _, action=action: self._soon(action))
        for widget, chosen in (
            (bar.source, choices.source),
            (bar.scenario, choices.scenario),
            (bar.speed, self._choose_speed),
            (bar.seed, lambda _: self._restart()),
            (bar.listing, self._choose_listing),
            (bar.beside, self._choose_beside),
            (bar.latency, choices.latency),
            (bar.strategy, lambda _: choices.show_strategy()),
            (self._views, self._choose_view),
            *(
                (field, self._note_ticket)
                for field in (ticket.size, ticket.price, ticket.tif, ticket.post_only)
            ),
        ):
            widget.param.watch(lambda event, chosen=chosen: self._at_once(chosen, event.new), "value")
        kept = keeping.buttons(lambda: self._session.runner, self._complain)
        if self._attendance.room is not None and self._attendance.may_steer:
            kept.append(keeping.standings_button(self._session, lambda: self._names))
        bar.exports.hold(kept)

    def _at_once(self, action: Callable[[Any], None], value: Any) -> None:
        action(value)
        self._look_soon()

    def _soon(self, action: Callable[[], None]) -> None:
        """Do it as soon as the document may be changed: a click's own handler runs without that right."""

        def act() -> None:
            action()
            self._look_soon()

        self._document.add_next_tick_callback(act)

    @property
    def _waits(self) -> bool:
        return self._session.awaits_answer or self._stories.awaited

    def _look_soon(self) -> None:
        """Look for the answer to a command or a question until it is there."""
        if self._waits and not self._looking:
            self._looking, self._asked_at = True, time.monotonic()
            self._document.add_timeout_callback(self._look, LOOK_MS)

    def _look(self) -> None:
        self._session.look()
        self._stories.look()
        if self._waits and time.monotonic() - self._asked_at < ANSWER_S:
            self._document.add_timeout_callback(self._look, LOOK_MS)
            return
        self._looking = False
        if self._drawn and not self._session.unshown.opened:
            with pn.io.hold(self._document):
                self._show_answer()

    def _show_answer(self) -> None:
        """What an answer says in words, before any picture: painting takes longer."""
        if self._session.frame is not None:
            self._sidebar.show_run(self._session.frame.running)
            self._board.show_answer(self._session)
        self._show_status()

    def _complain(self, *sentences: str) -> None:
        self._status.complain(list(sentences))
        self._show_status()

    def _choose_speed(self, text: str) -> None:
        self._steering.set_speed(text)
        self._show_link()

    def _choose_theme(self, dark: bool) -> None:
        self._board.paint(dark)
        self._board.show_again(self._session, self._names)
        self._session.controls = replace(self._session.controls, theme=DARK if dark else LIGHT)
        self._show_link()

    def _choose_view(self, view: str) -> None:
        self._session.controls = replace(self._session.controls, view=view)
        self._sidebar.beside.visible = view == BESIDE
        self._board.show(view)
        self._board.show_again(self._session, self._names)
        self._show_link()

    def _choose_listing(self, name: str) -> None:
        info = self._session.info
        if info is None or name is None or name == info.listings[self._session.listing].name:
            return
        self._session.choose_listing(name)
        self._reopen_board()

    def _choose_beside(self, names: list[str]) -> None:
        history = self._session.history
        shown = [history.info.listings[k].name for k in self._session.beside] if history else names
        if not names or names == shown or history is None:
            return
        self._session.choose_beside(names)
        self._board.reopen(self._session)
        self._board.show_again(self._session, self._names)
        self._show_link()

    def _reopen_board(self) -> None:
        self._board.open(self._session)
        self._board.show_again(self._session, self._names)
        self._show_link()

    def _restart(self) -> None:
        seed = self._sidebar.seed.value
        if seed is None or not self._attendance.may_steer:
            return
        self._status.complain([])
        if self._attendance.room is not None:
            self._session.send_restart()
        elif self._session.failure or self._session.runner is None:
            self._session.controls = replace(self._session.controls, seed=seed)
            self._open()
        else:
            self._session.restart(seed)
        self._show_link()

    def _open_chosen(self) -> None:
        self._open()
        self._show_link()

    def _open(self) -> None:
        room = self._attendance.room
        if room is not None:
            self._session.join(room.runner)
            self._session.seat = self._attendance.seat
        else:
            request = self._catalogue.request(self._session.controls)
            if self._session.controls.live and self._session.controls.record:
                request = replace(request, record=self._sidebar.live.folder())
            self._session.open(request, running=self._drawn)
        self._sidebar.show_run(True)
        self._show_status()

    # -- trading

    def _note_ticket(self, _: Any) -> None:
        asked = replace(self._session.controls, **self._board.ticket.asked)
        if asked != self._session.controls:
            self._session.controls = asked
            self._show_link()

    # -- many in one market

    def _share(self) -> None:
        controls = self._session.controls
        here = pn.state.location.href.partition("?")[0] if pn.state.location else ""
        try:
            links = share(self._catalogue.request(controls), controls, here)
        except ClassError as error:
            self._complain(str(error))
            return
        self._board.sharing.show_links(*links)
        self._board.show_again(self._session, self._names)

    def _take_seat(self) -> None:
        name = self._board.sharing.name
        try:
            seat = self._attendance.take_seat(name.value_input or name.value)
        except ClassError as error:
            self._complain(str(error))
            return
        self._complain()
        self._sit_on(seat)

    def _sit_on(self, seat: str | None) -> None:
        if seat is not None:
            self._session.seat = seat
            if self._session.info is not None:
                self._reopen_board()

    def _tell(self) -> None:
        box = self._board.sharing.news
        text = box.value_input or box.value
        if text.strip():
            self._steering.send(TellNews(text.strip()))

    # -- what the page's script hears

    def _hear(self, verb: str, text: str) -> None:
        if verb == "key":
            self._steering.press(text)
        elif verb == "story":
            self._stories.ask(text)
        elif verb == "close-story":
            self._stories.view.close()
        elif verb == "away":
            self._board.look_away(self._session, self._names, text.split())
        elif verb == "watch":
            self._watch(text)
        elif verb == "switch":
            name, _, state = text.rpartition(" ")
            self._steering.send(SwitchAgents(name, state == "on"))
        elif verb == "cancel" and text.isdecimal():
            self._session.cancel(int(text))
        elif verb == "change" and text.isdecimal():
            self._trading.change(int(text))

    def _watch(self, agent: str) -> None:
        self._board.orders.watch(agent)
        self._session.watch_orders(agent)
        self._metrics.forget()
        self._session.controls = replace(self._session.controls, agent="" if agent == STRATEGY else agent)
        self._show_link()

    # -- what is shown

    def _show_link(self) -> None:
        if pn.state.location:
            query = self._attendance.in_link(self._session.controls.to_query())
            pn.state.location.search = "?" + urlencode(query)

    def _show_status(self) -> None:
        info, frame, failure = self._session.info, self._session.frame, self._session.failure
        self._status.update(info, frame, failure)
        live = info is not None and info.live
        over = frame is not None and frame.picture.finished
        if live and frame is not None:
            self._feed.update(frame.feed, frame.event_log_hash if over else "")
        else:
            self._feed.update(None)
        connected = failure is None and not over
        self._sidebar.live.show(live, connected, info.recording if live and info is not None else "")

    # -- the beat

    def serve(self, document: Document) -> None:
        """Start the beat of the page's document, and end the market with it."""
        self._document = document
        self._presence.watch(document, self._leave)
        # A chart that is fed before its page has been laid out fails in the browser.
        document.on_event("document_ready", lambda _: self._begin())
        document.add_periodic_callback(self._beat, BEAT_MS)
        self.template.server_doc(document)
        spare_layouts(document)
        # On a phone the controls would cover the market: there they start folded away.
        (page,) = (
            root
            for root in document.roots
            if "sidebar_open" in getattr(getattr(root, "data", None), "properties", lambda: ())()
        )
        page.tags = [self._flow.pictures, self._browser.voice]
        fold = CustomJS(
            args={"page": page},
            code=f"if (window.innerWidth < {PHONE_PX}) {{ page.data.sidebar_open = false }}",
        )
        document.js_on_event("document_ready", fold)
        self._browser.listen(document)

    def _leave(self) -> None:
        self._session.close()
        self._sidebar.live.close()

    def _begin(self) -> None:
        if not self._drawn:
            self._drawn = True
            if self._attendance.room is None:
                self._session.run()

    def _beat(self) -> None:
        here = self._presence.look()
        if self._presence.deserted:
            self._session.close()
        # Whoever only asks for the page, as a health check does, gets no market; a browser gets one when it
        # connects, and again when it comes back to a page that had been given up.
        if here and self._session.runner is None and self._session.failure is None:
            self._open()
        self._choices.beat()
        if self._drawn and not self._looking and self._flow.clear():
            with pn.io.hold(self._document):
                self._show_news()

    def _show_news(self) -> None:
        news = self._session.poll()
        info = self._session.info
        if news.opened and info is not None:
            names = [listing.name for listing in info.listings]
            self._sidebar.listing.param.update(options=names, value=names[self._session.listing])
            shown = [names[k] for k in self._session.beside]
            self._sidebar.beside.param.update(options=names, value=shown)
            self._sidebar.show_market(info)
            self._board.open(self._session)
            known = [name for name in (self._session.controls.agent, STRATEGY) if name in info.agents]
            self._watch(known[0] if known else "")
        if news.frame:
            self._board.update(self._session, news, self._names)
            self._sidebar.show_run(news.frame.running)
            if self._attendance.room is not None:
                self._steering.follow_speed(news.frame.speed)
            self._flow.count()
        elif self._names != self._shown_names:
            # Somebody has taken a seat in a market that is held.
            self._board.show_again(self._session, self._names)
        self._shown_names = dict(self._names)
        self._stories.look()
        self._tell_metrics()
        self._show_status()

    def _tell_metrics(self) -> None:
        agent = self._board.orders.agent
        if self._board.view == AGENTS and agent:
            told = self._metrics.look(self._session.runner, agent)
            if told is not None:
                self._board.orders.tell(told)


def serve_page(document: Document, query: Mapping[str, str]) -> None:
    """A page on what this installation can open; a sentence instead where there is no place left."""
    sentence = serving.full_sentence()
    if sentence is not None:
        pn.pane.Str(sentence).server_doc(document)
        return
    if query.get("page") == "backtest":
        BacktestPage(query).serve(document)
        return
    if query.get("page") == "lessons":
        LessonsPage(query).serve(document)
        return
    market = {key: text for key, text in query.items() if key != "page"}
    Page(catalogue(), open_runner, market).serve(document)
