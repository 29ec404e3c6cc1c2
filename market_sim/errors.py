"""Errors of market_sim: every message says what is wrong, where, and what to do about it.

All derive from `MarketSimError`, so a program that embeds the simulator needs one `except`.
The parts are also attributes, because the command line and the dashboard show them apart.
"""

from __future__ import annotations

from os import PathLike, fspath


class MarketSimError(Exception):
    """`what` went wrong, `where` (the place, may be empty) and the `remedy` (the way out, may be empty)."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        message = f"{where}: {what}" if where else what
        super().__init__(f"{message}. {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (the runner); Exception's own pickling would call us with the message.
        return (_rebuild, (type(self), self.args, self.__dict__.copy()))


def _rebuild(
    kind: type[MarketSimError], args: tuple[object, ...], state: dict[str, object]
) -> MarketSimError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class ScenarioError(MarketSimError):
    """A scenario that cannot be loaded: unknown key, price off the grid, unknown kind of agent ..."""


class EngineError(MarketSimError):
    """The matching engine or kernel refuses to go on: ledger overflow, an endless loop at one instant ..."""


class LimitError(MarketSimError):
    """A limit of the scenario (events, wall time, memory, tape rows) has been reached."""


class DataError(MarketSimError):
    """A replay or capture file that is truncated, foreign or inconsistent. `line` counts from 1."""

    def __init__(
        self, what: str, file: str | PathLike[str] = "", line: int | None = None, remedy: str = ""
    ) -> None:
        self.file = fspath(file)
        self.line = line
        super().__init__(what, self.file if line is None else f"{self.file}, line {line}", remedy)


class AgentError(MarketSimError):
    """An agent's own code raised or misbehaved; the user's exception is the `__cause__`.

    `agent` is its name, `callback` the hook (for example "on_quote"), `time_ns` the simulated time.
    """

    def __init__(
        self, what: str, agent: str = "", callback: str = "", time_ns: int | None = None, remedy: str = ""
    ) -> None:
        self.agent = agent
        self.callback = callback
        self.time_ns = time_ns
        place = f"agent {agent!r}" if agent else ""
        if callback:
            place += f" in {callback}"
        if time_ns is not None:
            place += f" at {time_ns} ns"
        super().__init__(what, place.strip(), remedy)
