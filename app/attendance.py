"""One visitor in a shared market, or with one of their own that they may share: who they are there, and what
they may do.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from app import classroom
from app.classroom import ClassError, Classroom
from app.controls import AGENTS, Controls
from market_sim.runner import MarketRequest


class Attendance:
    """The shared market that a link names, if there is one; the visitor's account in it, and the token that
    makes an instructor.
    """

    def __init__(self, market: str, token: str) -> None:
        self.complaints: list[str] = []
        self.room = self._find(market)
        self.token = token if self.room and self.room.is_instructor(token) else ""
        if token and self.room and not self.token:
            self.complaints.append("This token does not steer this market: you can watch and trade.")
        self._key = ""

    def _find(self, market: str) -> Classroom | None:
        if not market:
            return None
        try:
            return classroom.find(market)
        except ClassError as error:
            self.complaints.append(f"{error} This is a market of your own instead.")
            return None

    @property
    def may_steer(self) -> bool:
        """Whether the market's course is this visitor's to decide."""
        return self.room is None or bool(self.token)

    @property
    def names(self) -> dict[str, str]:
        """The owner of each account of the shared market that is taken."""
        return self.room.names if self.room else {}

    @property
    def seat(self) -> str | None:
        """The visitor's account in the shared market, once they have one."""
        return self.room.seat_of(self._key) if self.room else None

    def arrive(self, key: str) -> str | None:
        """The visitor's browser has said who it is; the account that was theirs before."""
        self._key = key
        return self.seat

    def take_seat(self, name: str) -> str | None:
        """An account under that name; None in a market of one's own. ClassError in words when not."""
        return self.room.join(self._key, name) if self.room else None

    def in_link(self, controls: dict[str, Any]) -> dict[str, Any]:
        """What a link to this page says of it: the controls, and the token for whom it is theirs."""
        return {**controls, "token": self.token} if self.token else controls


def share(request: MarketRequest, controls: Controls, here: str) -> tuple[str, str]:
    """Begin a shared market like the one that is open; its links for everybody and for the instructor. `here`
    is the page's address without a query. ClassError when there are too many.
    """
    room = classroom.begin(replace(request, seats=classroom.SEATS), controls.speed)
    # Whoever follows a link first needs a seat, and those are taken on the page with the leaderboard.
    link = f"{here}?{urlencode({'market': room.id, 'view': AGENTS})}"
    return link, f"{link}&{urlencode({'token': room.token})}"
