"""What a page may ask of a market's process. Each command is plain data and reads well in a journal."""

from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Literal

Parameters = tuple[tuple[str, str | int | float | bool], ...]


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """Which market: a scenario by name or file, or a replay of captures (in a scenario, or None for the one
    that fits), and the seed that makes it one market: None takes the scenario's own. `engine` None takes
    MARKET_SIM_ENGINE's.

    `changes` are `--set` texts. `seats` is the number of people's accounts, `latency` how long their orders,
    answers and data take each. `strategy` is a shipped class with its parameters, for all listings or those
    named. `books` are live ones, as in "kraken:BTC/USD", captured in the folder `record` if one is given.
    """

    scenario: str | None = None
    captures: tuple[Path, ...] = ()
    seed: int | None = None
    engine: str | None = None
    changes: tuple[str, ...] = ()
    seats: int = 0
    latency: str = "50ms"
    strategy: tuple[str, Parameters] | None = None
    strategy_listings: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    record: Path | None = None

    def __post_init__(self) -> None:
        if self.scenario is None and not self.captures and not self.books:
            raise ValueError("a market needs a scenario, captures to replay, or live books: none is given")

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
class Reopen:
    """Another market in the same process, from its beginning, running or held as this one."""

    request: MarketRequest


@dataclass(frozen=True, slots=True)
class Stop:
    """End the process."""


# What happens to the market itself, from outside: stamped with simulated time, so that a session repeats.


@dataclass(frozen=True, slots=True)
class SendOrder:
    """A person's order. Without a price a market order. Numbers are texts, so that they are read exactly."""

    agent: str
    listing: str
    side: Literal["buy", "sell"]
    size: str
    price: str | None = None
    tif: str | None = None
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """A person's request to cancel an own order."""

    agent: str
    order: int


@dataclass(frozen=True, slots=True)
class ReplaceOrder:
    """A person's request for another price or total size of an own order; None keeps it."""

    agent: str
    order: int
    price: str | None = None
    size: str | None = None


@dataclass(frozen=True, slots=True)
class TellNews:
    """Every agent hears a text."""

    text: str


@dataclass(frozen=True, slots=True)
class SetVenue:
    """Suspend a venue or resume it."""

    venue: str
    open: bool


@dataclass(frozen=True, slots=True)
class SwitchAgents:
    """Agents of a table, or one by name, on or off."""

    name: str
    on: bool


@dataclass(frozen=True, slots=True)
class End:
    """The session is over: venues close, orders are cancelled, accounts stand."""


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The reader took a frame and has room for another. Not a command: it is never journalled."""


@dataclass(frozen=True, slots=True)
class WatchOrders:
    """Whose live orders the frames shall list one by one. It changes nothing and is never journalled."""

    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; its answer comes back under the number. It changes nothing and is never journalled.

    `what`: "story" of (agent, order); "table" of (name, "csv" | "parquet"); "metrics" of (agent,);
    "summary" of nothing.
    """

    number: int
    what: Literal["story", "table", "metrics", "summary"]
    about: tuple[str | int, ...] = ()


Action = SendOrder | CancelOrder | ReplaceOrder | TellNews | SetVenue | SwitchAgents | End
Command = Run | Pause | Step | SetSpeed | Restart | Reopen | Stop | Action
ACTIONS = (SendOrder, CancelOrder, ReplaceOrder, TellNews, SetVenue, SwitchAgents, End)
