"""The page: controls on the left, the board on the right, and one beat that carries pictures from one to
the other.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

import panel as pn
import panel_material_ui as pmui
from bokeh.document import Document
from bokeh.models import CustomJS

from app import serving
from app.board import Board
from app.captures import captures
from app.catalogue import Catalogue, catalogue
from app.controls import (
    DARK,
    DEFAULT_SPEED,
    LIGHT,
    REPLAY_SPEED,
    Controls,
    from_query,
    parse_speed,
    speed_text,
)
from app.quiet import spare_styles
from app.session import OpenRunner, Session, open_runner
from app.theme import RAW_CSS, THEME_CONFIG
from app.transport import FlowControl
from app.views.sidebar import REPLAY, Sidebar
from app.views.status import Status

BEAT_MS = 50
PHONE_PX = 700

DESERTED_S = 3.0
"""A page that has had no browser for so long is closed; the server itself would notice after half a minute
only.
"""

ARRIVAL_S = 10.0
"""How long the place of a page that was asked for is kept until its browser connects."""


class Page:
    """One visitor's page: widgets wired to a session, a session wired to views."""

    def __init__(self, catalogue: Catalogue, open_runner: OpenRunner, query: Mapping[str, str]) -> None:
        wanted, complaints = from_query(query, Controls())
        controls, more = catalogue.check(wanted)
        self._catalogue = catalogue
        self._session = Session(controls, open_runner)
        self._sidebar = Sidebar(controls, list(catalogue.scenarios), list(captures()))
        self._status = Status()
        self._drawn = False
        self._status.complain([*complaints, *more])
        self._asked_for = time.monotonic()
        self._seen = -DESERTED_S
        dark = controls.theme == DARK
        self._board = Board(dark)
        self._flow = FlowControl(self._board.window)
        self.template = pmui.Page(
            title="market_sim",
            sidebar=[self._sidebar.viewable()],
            main=[self._board.viewable(self._status.viewable)],
            sidebar_width=290,
            theme_config=THEME_CONFIG,
            dark_theme=dark,
            busy_indicator=None,
            raw_css=[RAW_CSS],
        )
        self.template.param.watch(lambda event: self._choose_theme(event.new), "dark_theme")
        self._wire()
        self._show_status()

    # -- what the widgets do

    def _wire(self) -> None:
        bar = self._sidebar
        bar.run.on_click(lambda _: self._toggle_run())
        bar.step_second.on_click(lambda _: self._session.step_second())
        bar.step_event.on_click(lambda _: self._session.step_event())
        bar.restart.on_click(lambda _: self._restart())
        bar.open_replay.on_click(lambda _: self._open_replay())
        bar.source.param.watch(lambda event: self._choose_source(event.new), "value")
        bar.scenario.param.watch(lambda event: self._choose(scenario=event.new, replay=""), "value")
        bar.speed.param.watch(lambda event: self._choose_speed(event.new), "value")
        bar.seed.param.watch(lambda event: self._restart(), "value")
        bar.listing.param.watch(lambda event: self._choose_listing(event.new), "value")

    def _toggle_run(self) -> None:
        if self._session.running:
            self._session.pause()
        else:
            self._session.run()

    def _choose_source(self, source: str) -> None:
        self._sidebar.show_source(source == REPLAY)
        if source != REPLAY and self._session.controls.replay:
            self._choose(scenario=self._sidebar.scenario.value, replay="")

    def _open_replay(self) -> None:
        self._choose(replay=self._sidebar.replay.value or "")

    def _choose(self, **changes: str) -> None:
        """Open another market, or say why it cannot be and keep the one that is open."""
        before = self._session.controls
        controls = replace(before, listing="", **changes)
        if bool(controls.replay) != bool(before.replay):
            controls = replace(controls, speed=REPLAY_SPEED if controls.replay else DEFAULT_SPEED)
        try:
            self._catalogue.request(controls)
        except ValueError as error:
            self._status.complain([str(error)])
            self._show_status()
            return
        self._session.controls = controls
        self._status.complain([])
        self._open()
        self._sidebar.speed.value = speed_text(controls.speed)
        self._show_link()

    def _choose_speed(self, text: str) -> None:
        self._session.set_speed(parse_speed(text))
        self._show_link()

    def _choose_theme(self, dark: bool) -> None:
        self._board.paint(dark)
        self._board.show_again(self._session)
        self._session.controls = replace(self._session.controls, theme=DARK if dark else LIGHT)
        self._show_link()

    def _choose_listing(self, name: str) -> None:
        if self._session.info is None or name == self._session.info.listings[self._session.listing].name:
            return
        self._session.choose_listing(name)
        self._board.open(self._session)
        self._board.show_again(self._session)
        self._show_link()

    def _restart(self) -> None:
        seed = self._sidebar.seed.value
        if seed is None:
            return
        self._status.complain([])
        if self._session.failure or self._session.runner is None:
            self._session.controls = replace(self._session.controls, seed=seed)
            self._open()
        else:
            self._session.restart(seed)
        self._show_link()

    def _open(self) -> None:
        request = self._catalogue.request(self._session.controls)
        self._session.open(request, running=self._drawn)
        self._sidebar.show_run(True)
        self._show_status()

    def _show_link(self) -> None:
        if pn.state.location:
            pn.state.location.search = "?" + urlencode(self._session.controls.to_query())

    def _show_status(self) -> None:
        self._status.update(self._session.info, self._session.frame, self._session.failure)

    # -- the beat

    @property
    def in_use(self) -> bool:
        """Whether a browser looks at the page, or may be about to."""
        now = time.monotonic()
        return now - self._seen < DESERTED_S or (not self._drawn and now - self._asked_for < ARRIVAL_S)

    def serve(self, document: Document) -> None:
        """Start the beat of the page's document, and end the market with it."""
        self._document = document
        leave = serving.enter(self)
        document.on_session_destroyed(lambda _: leave())
        # A chart that is fed before its page has been laid out fails in the browser.
        document.on_event("document_ready", lambda _: self._begin())
        document.add_periodic_callback(self._beat, BEAT_MS)
        document.on_session_destroyed(lambda _: self._session.close())
        self.template.server_doc(document)
        # On a phone the controls would cover the market: there they start folded away.
        (page,) = (
            root
            for root in document.roots
            if "sidebar_open" in getattr(getattr(root, "data", None), "properties", lambda: ())()
        )
        fold = CustomJS(
            args={"page": page},
            code=f"if (window.innerWidth < {PHONE_PX}) {{ page.data.sidebar_open = false }}",
        )
        document.js_on_event("document_ready", fold)
        spare_styles(document)

    def _begin(self) -> None:
        if not self._drawn:
            self._drawn = True
            self._session.run()

    def _beat(self) -> None:
        now = time.monotonic()
        if self._document.session_context.session.connection_count:
            self._seen = now
        elif now - self._seen > DESERTED_S:
            self._session.close()
        # Whoever only asks for the page, as a health check does, gets no market; a browser gets one when it
        # connects, and again when it comes back to a page that had been given up.
        if self._seen == now and self._session.runner is None and self._session.failure is None:
            self._open()
        if self._drawn and self._flow.clear():
            with pn.io.hold(self._document):
                self._show_news()

    def _show_news(self) -> None:
        news = self._session.poll()
        info = self._session.info
        if news.opened and info is not None:
            names = [listing.name for listing in info.listings]
            self._sidebar.listing.param.update(options=names, value=names[self._session.listing])
            self._sidebar.show_market(info)
            self._board.open(self._session)
        if news.frame:
            self._board.update(self._session, news)
            self._sidebar.show_run(news.frame.running)
            self._flow.count()
        self._show_status()


def serve_page(document: Document, query: Mapping[str, str]) -> None:
    """A page on what this installation can open; a sentence instead where there is no place left."""
    sentence = serving.full_sentence()
    if sentence is not None:
        pn.pane.Str(sentence).server_doc(document)
        return
    Page(catalogue(), open_runner, query).serve(document)
