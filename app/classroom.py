"""Shared markets: pinned under an id, one account per browser, an instructor who holds a token."""

import secrets
import threading
import time
from dataclasses import dataclass, field

from app.session import open_runner
from market_sim.runner import MarketRequest, Runner

SEATS = 64
"""Accounts of a shared market: they exist from its beginning, because a market's accounts do not change."""

CLASSES_AT_ONCE = 8
NAME_LENGTH = 24
DESERTED_S = 2 * 3600.0
"""A shared market that nobody has looked at for so long is ended."""


class ClassError(ValueError):
    """What a visitor asked of a shared market and cannot have, in words."""


@dataclass
class Classroom:
    """One shared market. `people` maps a browser's key to (account, the name its owner has chosen)."""

    runner: Runner
    token: str
    seats: int
    people: dict[str, tuple[str, str]] = field(default_factory=dict)
    seen: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        """What a link calls it."""
        return self.runner.id

    def is_instructor(self, token: str) -> bool:
        """Whether a token is this market's; takes as long for every wrong one."""
        return bool(token) and secrets.compare_digest(token.encode(), self.token.encode())

    def join(self, key: str, name: str) -> str:
        """The account of a browser, the same at every visit; ClassError when all are taken or the name is."""
        name = " ".join(name.split())[:NAME_LENGTH]
        if not name or not name.isprintable():
            raise ClassError("Say who you are: one to 24 letters.")
        if any(key != other and name.lower() == taken.lower() for other, (_, taken) in self.people.items()):
            raise ClassError(f"{name!r} is taken: choose another name.")
        if key not in self.people and len(self.people) >= self.seats:
            raise ClassError(f"All {self.seats} accounts of this market are taken: you can watch.")
        seat, _ = self.people.get(key, (f"trader-{len(self.people) + 1}", ""))
        self.people[key] = seat, name
        return seat

    def seat_of(self, key: str) -> str | None:
        """The account of a browser that has joined before."""
        found = self.people.get(key)
        return found[0] if found else None

    @property
    def names(self) -> dict[str, str]:
        """The owner of each account that is taken."""
        return dict(self.people.values())


_open: dict[str, Classroom] = {}
_lock = threading.Lock()


def begin(request: MarketRequest, speed: float | None) -> Classroom:
    """Pin a market for many; ClassError when there are too many already."""
    sweep()
    with _lock:
        if len(_open) >= CLASSES_AT_ONCE:
            raise ClassError(f"{CLASSES_AT_ONCE} shared markets are open, and no more fit: end one first.")
        runner = open_runner(request, speed, False)
        runner.pinned = True
        room = Classroom(runner, secrets.token_urlsafe(16), request.seats)
        _open[room.id] = room
        return room


def find(market: str) -> Classroom:
    """The shared market of that id; ClassError when there is none, or no longer."""
    room = _open.get(market)
    if room is None:
        raise ClassError(f"There is no shared market {market[:40]!r} here, or it has been closed.")
    room.seen = time.monotonic()
    return room


def close(room: Classroom) -> None:
    """End a shared market for everybody."""
    with _lock:
        _open.pop(room.id, None)
    room.runner.close()


def sweep() -> None:
    """End shared markets that everybody has left long ago."""
    for room in list(_open.values()):
        if room.runner.watched_by:
            room.seen = time.monotonic()
        elif time.monotonic() - room.seen > DESERTED_S:
            close(room)
