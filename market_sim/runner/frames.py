"""What a market's process sends to a page: plain data, read by views and by nothing else.

A frame is the market's own picture with what the runner knows of its pace. Prices and sizes are floats in
instrument units, for reading only; times are integer nanoseconds of simulated time since the scenario's
epoch.
"""

from dataclasses import dataclass
from typing import Any

from market_sim.frame import Picture, TradePicture
from market_sim.runner.commands import Action, Command


@dataclass(frozen=True, slots=True)
class ListingInfo:
    """One instrument at one venue, with the units its numbers are read in."""

    venue: str
    instrument: str
    base: str
    quote: str
    tick: float
    lot: float
    price_decimals: int
    size_decimals: int
    maker_fee_bps: float = 0.0
    taker_fee_bps: float = 0.0

    @property
    def name(self) -> str:
        """VENUE:INSTRUMENT, as scenarios and the URL write it."""
        return f"{self.venue}:{self.instrument}"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One of the scenario's [[events]]: when it happens and what it is, in words."""

    time_ns: int
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class MarketInfo:
    """What stays the same while a market runs; sent once, before its first frame."""

    title: str
    description: str
    origin: str
    """Where the data come from, in one sentence; for a replay with the rule by which orders were
    synthesised.
    """
    engine: str
    seed: int
    end_ns: int
    numeraire: str
    listings: tuple[ListingInfo, ...]
    agents: tuple[str, ...]
    groups: tuple[str, ...]
    """groups[i] is the scenario's entry that agents[i] was made from: `noise` for `noise-7`."""
    latencies: tuple[str, ...] = ()
    """latencies[i] is how long an order of agents[i] takes to a venue, in words."""
    timeline: tuple[TimelineEvent, ...] = ()
    seats: tuple[str, ...] = ()
    """The accounts of people, among `agents`."""
    live: bool = False
    """Whether it runs at the pace of the world: then nothing holds or hurries it."""
    recording: str = ""
    """The capture that is being written, if one is."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One command from outside, stamped with where the market stood when it was taken."""

    time_ns: int
    events: int
    command: Command


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one command from outside, in words: sent, or why not. `order` is the id it was given."""

    time_ns: int
    command: Action
    done: bool
    sentence: str
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What a person's account has been told about an own order, when the news reached it."""

    agent: str
    time_ns: int
    order: int
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to an `Ask`: rows of text, a file's bytes or plain data; `error` in words instead."""

    number: int
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class BookStatus:
    """One live book: its state and why, and what went wrong so far. `checksums` are (right, wrong).

    Messages, reconnects and drops are those of its venue's connection; `latency_ms` is from the exchange's
    stamp to receipt, of the newest message, None before one.
    """

    book: str
    state: str
    reason: str
    gaps: int
    resyncs: int
    reconnects: int
    dropped: int
    checksums: tuple[int, int]
    messages: int
    messages_per_s: float
    latency_ms: float | None


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """All live books of a market, and the size of its capture in bytes."""

    books: tuple[BookStatus, ...]
    recorded_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a market, with what the runner knows. Frames conflate: a slow reader gets the newest
    picture together with the trades and the journal entries of those it missed; `trades_dropped` trades
    were left out as too many.
    """

    number: int
    picture: Picture
    trades: tuple[TradePicture, ...]
    trades_dropped: int
    running: bool
    speed: float | None
    """Asked for, in simulated seconds per second; None is as fast as it goes."""
    pace: float
    """Reached over about the last second, in simulated seconds per second."""
    events_per_s: float
    journal: tuple[JournalEntry, ...]
    answers: tuple[Answer, ...] = ()
    told: tuple[Told, ...] = ()
    event_log_hash: str = ""
    commands: int = 0
    """How many commands the market's process had taken since it began: with `Runner.sent` it says whether
    this picture already shows what a command has done.
    """
    feed: FeedStatus | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended a market: a sentence for the page, and the traceback for whoever has to mend it."""

    sentence: str
    traceback: str
