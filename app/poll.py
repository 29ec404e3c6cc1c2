"""One question to the market's process asked again and again, never twice at once."""

import time
from typing import Any

from market_sim.runner import Runner

EVERY_S = 2.0


class Poll:
    """`what` is the question, see `market_sim.runner.commands.Ask`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._asked: tuple[Runner, int] | None = None
        self._last = -EVERY_S

    def forget(self) -> None:
        """Ask about something else, at once; an answer still on its way no longer counts."""
        self._asked, self._last = None, -EVERY_S

    def look(self, runner: Runner | None, *about: str) -> Any | None:
        """The newest answer when there is one, once; asks when it is time to."""
        if self._asked is not None and self._asked[0] is not runner:
            self.forget()
        if runner is None or runner.failure is not None:
            return None
        if self._asked is not None:
            reply = runner.take_reply(self._asked[1])
            if reply is None:
                return None
            self._asked = None
            return None if reply.error else reply.value
        if time.monotonic() - self._last >= EVERY_S:
            self._last = time.monotonic()
            self._asked = runner, runner.ask(self._what, *about)
        return None
