"""Events of a feed into a kernel: what a live session and the replay of its capture do alike.

The external participant shows a book only while the connector vouches for it: any gap in the book and any
state but live empty it, and the snapshot that comes with the next "live" fills it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from market_sim.feeding.subscriptions import Subscription

Event = tuple[Any, ...]
LIVE = "live"
NOTED = 200
EMPTY: list[int] = []


@dataclass(slots=True)
class BookStory:
    """What one subscription went through."""

    state: str = "connecting"
    reason: str = ""
    snapshots: int = 0
    diffs: int = 0
    trades: int = 0
    gaps: int = 0
    dropped: int = 0
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """A change of state or a gap: at kernel time, which subscription, what, why."""

    time_ns: int
    book: str
    what: str
    reason: str


class Mirror:
    """Pushes a feed's events to the external participants of one kernel, at `recv_ns - epoch_ns`."""

    def __init__(self, books: Sequence[Subscription], epoch_ns: int) -> None:
        self.books = list(books)
        self.epoch_ns = epoch_ns
        self.stories = [BookStory() for _ in books]
        #: The newest of what interrupted a book, oldest first.
        self.interruptions: list[Discontinuity] = []
        self.last_ns = 0
        self._shown = [False for _ in books]
        self._listings: list[int] = []
        self._kernel: Any = None

    def bind(self, kernel: Any, listings: dict[tuple[str, str], int]) -> None:
        """Push to this kernel from now on."""
        self._kernel = kernel
        self._listings = [listings[book.place, book.symbol] for book in self.books]

    def take(self, event: Event) -> None:
        """Do what an event says. Their stamps rise strictly; the kernel must not be past them."""
        kind, recv_ns, venue_ns, sub = event[:4]
        time_ns = recv_ns - self.epoch_ns
        assert time_ns > self.last_ns or self.last_ns == 0, f"stamps rise strictly: {event[:4]}"
        self.last_ns = time_ns
        exchange_ns = None if venue_ns is None else venue_ns - self.epoch_ns
        story = self.stories[sub]
        if kind == "diff":
            story.diffs += 1
            self._kernel.push_depth(time_ns, exchange_ns, 0, self._listings[sub], False, *event[6:9])
        elif kind == "trade":
            story.trades += 1
            self._kernel.push_trade(time_ns, exchange_ns, 0, self._listings[sub], *event[5:8])
        elif kind == "snapshot":
            story.snapshots += 1
            self._shown[sub] = True
            self._kernel.push_depth(time_ns, exchange_ns, 0, self._listings[sub], True, *event[6:9])
        elif kind == "state":
            self._on_state(sub, time_ns, *event[4:6])
        else:
            self._on_gap(sub, time_ns, event)

    def _on_state(self, sub: int, time_ns: int, state: str, reason: str) -> None:
        story = self.stories[sub]
        story.state, story.reason = state, reason
        story.states[state] = story.states.get(state, 0) + 1
        self._note(sub, time_ns, state, reason)
        if state != LIVE:
            self._clear(sub, time_ns)

    def _on_gap(self, sub: int, time_ns: int, event: Event) -> None:
        scope, reason, _, _, dropped = event[4:9]
        story = self.stories[sub]
        story.gaps += 1
        story.dropped += dropped
        self._note(sub, time_ns, f"gap in {scope}", reason)
        if scope == "book":
            self._clear(sub, time_ns)

    def _clear(self, sub: int, time_ns: int) -> None:
        if self._shown[sub]:
            self._shown[sub] = False
            self._kernel.push_depth(time_ns, None, 0, self._listings[sub], True, EMPTY, EMPTY, EMPTY)

    def _note(self, sub: int, time_ns: int, what: str, reason: str) -> None:
        book = self.books[sub]
        self.interruptions.append(Discontinuity(time_ns, f"{book.place}:{book.instrument}", what, reason))
        del self.interruptions[:-NOTED]

    @property
    def live(self) -> bool:
        """Whether any book is shown now."""
        return any(story.state == LIVE for story in self.stories)

    @property
    def ever_live(self) -> bool:
        """Whether any book has been shown."""
        return any(LIVE in story.states for story in self.stories)
