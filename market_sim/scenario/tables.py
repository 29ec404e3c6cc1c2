"""The tables of a scenario file, one model each. Keys are the file's; attributes carry their unit."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from market_sim.scenario.complaint import unknown
from market_sim.scenario.fields import (
    DurationNs,
    Exact,
    FeeE8,
    InstrumentName,
    LatencyModel,
    Name,
    NotNegativeExact,
    PositiveDurationNs,
    PositiveExact,
    SignedDurationNs,
    one_of,
)


class Table(BaseModel):
    """A frozen table that refuses unknown keys and names the nearest known one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key in data:
                if key not in known:
                    raise ValueError(unknown("key", key, known))
        return data


class Limits(Table):
    """Where a run stops itself: kernel entries, wall seconds, resident MB, rows of tape in memory."""

    events: int = Field(default=50_000_000, gt=0)
    wall_s: int = Field(default=3600, gt=0)
    memory_mb: int = Field(default=4096, gt=0)
    tape_rows: int = Field(default=5_000_000, gt=0)


class AssetTable(Table):
    """An asset; one atom is 10^-decimals of it."""

    decimals: int = Field(ge=0, le=18)


class VenueTable(Table):
    """A venue and its default fees: what it charges per fill, negative for a rebate."""

    maker_fee_e8: FeeE8 = Field(default=0, alias="maker_fee_bps")
    taker_fee_e8: FeeE8 = Field(default=0, alias="taker_fee_bps")


class ReplayTable(Table):
    """How recorded flow enters: on which clock, and what each venue's site adds to the recorded delays.

    A site offset also sets right two clocks that disagree, so it may be negative. It is for the venue clock.
    """

    clock: Annotated[Literal["local", "venue"], one_of("local", "venue")] = "local"
    site_offset_ns: dict[Name, SignedDurationNs] = Field(default={}, alias="site_offset")


class InstrumentTable(Table):
    """What is traded (base) and what it is priced in (quote)."""

    base: str
    quote: str


class ListingTable(Table):
    """An instrument on a venue with its own grid: prices step by `tick` (quote per base), sizes by `lot`."""

    venue: str
    instrument: str
    tick: PositiveExact
    lot: PositiveExact
    min_notional: NotNegativeExact = Decimal(0)
    own_maker_fee_e8: FeeE8 | None = Field(default=None, alias="maker_fee_bps")
    own_taker_fee_e8: FeeE8 | None = Field(default=None, alias="taker_fee_bps")
    # The symbol under which a recorded or live market trades this: its flow enters as that of a participant.
    external: Annotated[str, Field(min_length=1)] | None = None
    # Which of that participant's orders a recorded cancellation takes first: no level book records it.
    cancellations: Annotated[Literal["back", "proportional"], one_of("back", "proportional")] = "back"
    # Exact integers that need the whole scenario: set once, when it is resolved.
    _resolved: dict[str, int] = PrivateAttr(default_factory=dict)

    @property
    def name(self) -> str:
        """`VENUE:INSTRUMENT`."""
        return f"{self.venue}:{self.instrument}"

    @property
    def tick_lot_atoms(self) -> int:
        """Quote atoms of one tick times one lot."""
        return self._resolved["tick_lot_atoms"]

    @property
    def lot_atoms(self) -> int:
        """Base atoms of one lot."""
        return self._resolved["lot_atoms"]

    @property
    def min_notional_atoms(self) -> int:
        """Quote atoms below which an order is rejected."""
        return self._resolved["min_notional_atoms"]

    @property
    def maker_fee_e8(self) -> int:
        """Charge on a resting order's fill, in 1e-8 of the notional."""
        return self._resolved["maker_fee_e8"]

    @property
    def taker_fee_e8(self) -> int:
        """Charge on an arriving order's fill, in 1e-8 of the notional."""
        return self._resolved["taker_fee_e8"]


class LatencyOverride(Table):
    """What differs from the profile at one venue."""

    entry: LatencyModel | None = None
    report: LatencyModel | None = None
    data: LatencyModel | None = None


_AT_ONCE = ("constant", 0)


class LatencyProfile(Table):
    """A site: how long orders, reports, market data and the consolidated view (None: it has none) travel."""

    entry: LatencyModel = _AT_ONCE
    report: LatencyModel = _AT_ONCE
    data: LatencyModel = _AT_ONCE
    consolidated: LatencyModel | None = None
    venues: dict[Name, LatencyOverride] = {}

    def model(self, direction: Literal["entry", "report", "data"], venue: str) -> tuple[Any, ...]:
        """The kernel's latency model of one direction at one venue."""
        override = self.venues.get(venue)
        at_venue = getattr(override, direction) if override is not None else None
        return at_venue if at_venue is not None else getattr(self, direction)


class FundamentalTable(Table):
    """A mean-reverting value that agents may observe with noise.

    An Ornstein-Uhlenbeck process around `start`, moved every `step`, with `volatility_bps` of `start` per
    square root of a second. With `follows` it is `start + beta * (leader - leader's start)` plus such a
    process around zero: the two are cointegrated with slope `beta` (quote units per quote unit). With
    `product_of` it is `start` times how far the named ones have moved from theirs, plus such a process: a
    cross rate that is worth what its parts are.
    """

    start: PositiveExact
    half_life_ns: PositiveDurationNs = Field(alias="half_life")
    volatility_bps: NotNegativeExact
    step_ns: PositiveDurationNs = Field(default=1_000_000_000, alias="step")
    follows: InstrumentName | None = None
    beta: Exact = Decimal(1)
    product_of: list[InstrumentName] | None = Field(default=None, min_length=1)

    @property
    def leaders(self) -> list[str]:
        """The fundamentals that this one depends on."""
        return ([self.follows] if self.follows is not None else []) + (self.product_of or [])


class AgentLimits(Table):
    """What an agent's own gateway refuses: more open orders, larger orders (in base units); 0: no limit."""

    max_open_orders: int = Field(default=0, ge=0)
    max_order_size: NotNegativeExact = Decimal(0)


class AgentTable(Table):
    """One agent, or `count` alike named `name-1`, `name-2`, …"""

    name: Name
    kind: str
    count: int | None = Field(default=None, ge=1, le=100_000)
    latency: str | None = None
    listings: list[str] | None = Field(default=None, min_length=1)
    endowment: dict[str, dict[str, NotNegativeExact]] = {}
    credit: Annotated[Literal["none", "unlimited"], one_of("none", "unlimited")] = "none"
    short_selling: bool = False
    stp: Annotated[
        Literal["none", "newest", "oldest", "both", "decrement"],
        one_of("none", "newest", "oldest", "both", "decrement"),
    ] = "newest"
    decision_ns: DurationNs = Field(default=0, alias="decision")
    limits: AgentLimits = Field(default_factory=AgentLimits)
    crowd: Annotated[Literal["mesa"], one_of("mesa")] = "mesa"
    params: dict[str, Any] = {}

    @property
    def members(self) -> list[str]:
        """The names of the agents of this table."""
        if self.count is None:
            return [self.name]
        return [f"{self.name}-{number}" for number in range(1, self.count + 1)]


class Event(Table):
    """Something that happens at a time after the epoch."""

    at_ns: DurationNs = Field(alias="at")


class NewsEvent(Event):
    """Every agent hears a text."""

    kind: Literal["news"]
    text: str


class JumpEvent(Event):
    """A fundamental value jumps by so many basis points of itself."""

    kind: Literal["jump"]
    instrument: str
    bps: Exact


class ParameterEvent(Event):
    """A parameter of an agent, or of all agents of a table, takes a new value."""

    kind: Literal["parameter"]
    agent: str
    name: str
    value: Any


class AgentsEvent(Event):
    """Agents are switched on, or off (their orders are cancelled)."""

    kind: Literal["agents_on", "agents_off"]
    agents: list[str] = Field(min_length=1)


class VenueEvent(Event):
    """A venue stops taking orders, or takes them again."""

    kind: Literal["suspend", "resume"]
    venue: str


AnyEvent = Annotated[
    NewsEvent | JumpEvent | ParameterEvent | AgentsEvent | VenueEvent, Field(discriminator="kind")
]
