"""Whether anybody looks at a page, and what to do when nobody does any more."""

import time
from collections.abc import Callable

from bokeh.document import Document

from app import serving

DESERTED_S = 3.0
"""A page that has had no browser for so long gives up what it holds; the server would notice after half a
minute only.
"""

ARRIVAL_S = 10.0
"""How long the place of a page that was asked for is kept until its browser connects."""


class Presence:
    """One page as the server counts it; `leave` is called once, when its session ends."""

    def __init__(self) -> None:
        self._asked_for = time.monotonic()
        self._seen = -DESERTED_S
        self._arrived = False
        self._document: Document | None = None

    def watch(self, document: Document, leave: Callable[[], None]) -> None:
        """Count the page from now on."""
        self._document = document
        forget = serving.enter(self)
        document.on_session_destroyed(lambda _: forget())
        document.on_session_destroyed(lambda _: leave())

    def look(self) -> bool:
        """Whether a browser is there now; to be called at every beat."""
        assert self._document is not None, "watch comes first"
        here = bool(self._document.session_context.session.connection_count)
        if here:
            self._seen = time.monotonic()
            self._arrived = True
        return here

    @property
    def deserted(self) -> bool:
        """Whether a browser was there and has been away for a while."""
        return self._arrived and time.monotonic() - self._seen > DESERTED_S

    @property
    def in_use(self) -> bool:
        """Whether a browser looks at the page, or may be about to."""
        now = time.monotonic()
        return now - self._seen < DESERTED_S or (not self._arrived and now - self._asked_for < ARRIVAL_S)
