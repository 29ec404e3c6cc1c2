"""Live books: what a visitor may ask for, the controls to ask with, and where a capture goes.

Only the venues that the connector knows, at their own addresses or at those that the server's environment
names: no text from a page ever becomes an address.
"""

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from itertools import product
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from app.books import parse_books
from app.views.sidebar_parts import NOTE, Later
from market_sim.protocols import PROTOCOLS

DEFAULT_BOOKS = "kraken:BTC/USD"
DOWNLOAD_BYTES = 64_000_000
HINT = (
    "Public market data, on paper: no key, and no order leaves the server. The traders behind these books do "
    "not react to yours."
)


class LiveControls:
    """Widgets of the source "Live feed", and the folder of this page's captures."""

    def __init__(self, books: str, record: bool) -> None:
        pairs = [book.split(":") for book in (books or DEFAULT_BOOKS).split(",")]
        small = {"size": "small", "sizing_mode": "stretch_width", "margin": (6, 0)}
        self.venues = pmui.MultiChoice(
            label="Venues",
            options=list(PROTOCOLS),
            value=list(dict.fromkeys(venue for venue, _ in pairs)),
            sizing_mode="stretch_width",
            margin=(6, 0),
        )
        self.symbols = pmui.TextInput(
            label="Symbols, as in BTC/USD, ETH/USD",
            value=", ".join(dict.fromkeys(symbol for _, symbol in pairs)),
            max_length=80,
            **small,
        )
        self.record = pmui.Checkbox(label="Record: keep a capture that replays", value=record, margin=(2, 5))
        self.connect = pmui.Button(
            label="Connect", icon="link", color="primary", variant="contained", **small
        )
        self.disconnect = pmui.Button(
            label="Disconnect", icon="link_off", variant="outlined", disabled=True, **small
        )
        self.download = pmui.FileDownload(
            label="Download the capture",
            filename="live.msfeed",
            callback=self._capture,
            variant="outlined",
            visible=False,
            **small,
        )
        self._hear: Callable[[str], None] = lambda sentence: None
        self._path: Path | None = None
        self._own: Path | None = None
        hint = pn.pane.HTML(f"<p>{HINT}</p>", stylesheets=[NOTE], sizing_mode="stretch_width", margin=(4, 0))
        self.contents = Later(
            hint,
            self.venues,
            self.symbols,
            self.record,
            pn.Row(self.connect, self.disconnect, sizing_mode="stretch_width", margin=0),
            self.download,
            wanted=bool(books),
        )
        self.viewable = self.contents.viewable
        self.viewable.visible = bool(books)

    def complain_to(self, hear: Callable[[str], None]) -> None:
        """Whom to tell why a capture cannot be had."""
        self._hear = hear

    @property
    def books(self) -> str:
        """What the widgets ask for, as a link writes it; ValueError in words."""
        symbols = [part.strip() for part in (self.symbols.value_input or self.symbols.value).split(",")]
        pairs = product(self.venues.value, [symbol for symbol in symbols if symbol])
        books = parse_books(",".join(f"{venue}:{symbol}" for venue, symbol in pairs))
        if not books:
            raise ValueError("No book is named: choose a venue and write a symbol, as in BTC/USD.")
        return books

    def folder(self) -> Path:
        """Where captures go: the folder of recordings where one is configured, else one of this page's."""
        configured = os.environ.get("MARKET_SIM_DATA")
        if configured:
            return Path(configured)
        if self._own is None:
            self._own = Path(tempfile.mkdtemp(prefix="market_sim-live-"))
        return self._own

    def show(self, live: bool, connected: bool, recording: str) -> None:
        """What can be clicked now."""
        self._path = Path(recording) if recording else None
        self.download.visible = bool(recording)
        if self.disconnect.disabled != (not (live and connected)):
            self.disconnect.disabled = not (live and connected)

    def close(self) -> None:
        """Remove what is this page's alone."""
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def _capture(self) -> io.BytesIO:
        path = self._path
        if path is None or not path.is_file():
            self._hear("There is no capture yet.")
            return io.BytesIO()
        if path.stat().st_size > DOWNLOAD_BYTES:
            self._hear(f"The capture is too large to download: {path.name} is in the folder of recordings.")
            return io.BytesIO()
        self.download.filename = path.name
        return io.BytesIO(path.read_bytes())
