"""What a page may ask of a market's process. Each command is plain data and reads well in a journal."""

from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """Which market: a scenario by name or file, or a replay of captures (in a scenario, or None for the one
    that fits), and the seed that makes it one market: None takes the scenario's own. `engine` None takes
    MARKET_SIM_ENGINE's.
    """

    scenario: str | None = None
    captures: tuple[Path, ...] = ()
    seed: int | None = None
    engine: str | None = None

    def __post_init__(self) -> None:
        if self.scenario is None and not self.captures:
            raise ValueError("a market needs a scenario or captures to replay: neither is given")

    def with_seed(self, seed: int | None) -> "MarketRequest":
        """The same market under another seed; None keeps the seed."""
        return self if seed is None else replace(self, seed=seed)


@dataclass(frozen=True, slots=True)
class Run:
    """Let simulated time pass."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold simulated time."""


@dataclass(frozen=True, slots=True)
class Step:
    """Advance by one second of simulated time or by one event, then hold."""

    unit: Literal["second", "event"]


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Simulated seconds per second; None is as fast as it goes."""

    speed: float | None

    def __post_init__(self) -> None:
        if self.speed is not None and not (isfinite(self.speed) and self.speed > 0):
            raise ValueError(
                f"speed {self.speed}: give simulated seconds per second above 0, or None for fastest"
            )


@dataclass(frozen=True, slots=True)
class Restart:
    """The same market from its beginning, under another seed when one is given."""

    seed: int | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The reader took a frame and has room for another. Not a command: it is never journalled."""


Command = Run | Pause | Step | SetSpeed | Restart | Stop
