"""A scenario: everything that makes a market but its seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import tomli_w
from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from market_sim.errors import ScenarioError
from market_sim.scenario.checks import atoms_of, problems_of
from market_sim.scenario.complaint import report, show, unknown
from market_sim.scenario.fields import AssetName, InstrumentName, Name, PositiveDurationNs, one_of
from market_sim.scenario.tables import (
    AgentTable,
    AnyEvent,
    AssetTable,
    FundamentalTable,
    InstrumentTable,
    LatencyProfile,
    Limits,
    ListingTable,
    ReplayTable,
    Table,
    VenueTable,
)

LARGEST_SEED = 2**63 - 1


class Scenario(Table):
    """One market: assets, venues, listings, latencies, fundamentals, agents and events.

    `market_sim.scenario.load` reads one; ScenarioError says everything that is wrong with it. Keys are the
    file's, attributes carry units: `duration` is `duration_ns`, `taker_fee_bps` is `taker_fee_e8`.
    """

    schema_version: Literal[1] = Field(alias="schema")
    name: Name
    description: str = ""
    epoch: str = "2026-01-05T00:00:00Z"
    zone: str = "UTC"
    duration_ns: PositiveDurationNs = Field(alias="duration")
    numeraire: str
    accounts: Annotated[Literal["segregated", "pooled"], one_of("segregated", "pooled")] = "segregated"
    on_agent_error: Annotated[Literal["stop", "disable"], one_of("stop", "disable")] = "stop"
    seed: int = 1
    limits: Limits = Field(default_factory=Limits)
    assets: dict[AssetName, AssetTable] = Field(min_length=1)
    venues: dict[Name, VenueTable] = Field(min_length=1)
    instruments: dict[InstrumentName, InstrumentTable] = Field(min_length=1)
    listings: list[ListingTable] = Field(min_length=1)
    latency: dict[Name, LatencyProfile] = Field(default_factory=lambda: {"direct": LatencyProfile()})
    fundamentals: dict[InstrumentName, FundamentalTable] = Field(default_factory=dict)
    agents: list[AgentTable] = Field(default_factory=list)
    events: list[AnyEvent] = Field(default_factory=list)
    replay: ReplayTable = Field(default_factory=ReplayTable)

    _folder: Path | None = PrivateAttr(None)
    _classes: dict[str, type] = PrivateAttr(default_factory=dict)
    _params: dict[str, dict[str, Any]] = PrivateAttr(default_factory=dict)

    @field_validator("epoch", mode="before")
    @classmethod
    def _epoch_has_a_zone(cls, value: Any) -> Any:
        # TOML has date-times of its own; both ways of writing mean the same.
        text = value.isoformat() if isinstance(value, datetime) else value
        example = 'as in "2026-01-05T09:30:00-05:00"'
        try:
            moment = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            raise ValueError(
                f"found {show(value)}; allowed: a date and time of RFC 3339, {example}"
            ) from None
        if moment.utcoffset() is None:
            raise ValueError(
                f"found {show(text)}, which names no offset from UTC; allowed: one that does, {example}"
            )
        return text

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(
                f"unknown time zone {zone!r}; allowed: IANA names, as in 'America/New_York'"
            ) from None
        return zone

    @field_validator("seed", mode="before")
    @classmethod
    def _seed_is_whole(cls, seed: Any) -> Any:
        return check_seed(seed)

    @field_validator("schema_version", mode="before")
    @classmethod
    def _schema_is_ours(cls, value: Any) -> Any:
        if value != 1 or isinstance(value, bool):
            raise ValueError(f"found {show(value)}; allowed: 1, the form this version of market_sim reads")
        return value

    @model_validator(mode="after")
    def _resolve(self, info: ValidationInfo) -> Self:
        problems = problems_of(self)
        if problems:
            context = info.context or {"source": f"scenario {self.name!r}"}
            raise ScenarioError(report(context["source"], problems, context.get("overridden", ())))
        for listing in self.listings:
            listing._resolved.update(self._exact(listing))
        return self

    def _exact(self, listing: ListingTable) -> dict[str, int]:
        instrument, venue = self.instruments[listing.instrument], self.venues[listing.venue]
        base, quote = self.assets[instrument.base], self.assets[instrument.quote]
        own_maker, own_taker = listing.own_maker_fee_e8, listing.own_taker_fee_e8
        return {
            "tick_lot_atoms": int(atoms_of(quote, listing.tick, listing.lot)),
            "lot_atoms": int(atoms_of(base, listing.lot)),
            "min_notional_atoms": int(atoms_of(quote, listing.min_notional)),
            "maker_fee_e8": venue.maker_fee_e8 if own_maker is None else own_maker,
            "taker_fee_e8": venue.taker_fee_e8 if own_taker is None else own_taker,
        }

    @property
    def epoch_time(self) -> datetime:
        """The moment at which simulated time is 0, with its offset."""
        return datetime.fromisoformat(self.epoch)

    @property
    def listing_names(self) -> list[str]:
        """`VENUE:INSTRUMENT` of every listing, in the order of the file, which is the order of their ids."""
        return [listing.name for listing in self.listings]

    @property
    def agent_names(self) -> list[str]:
        """Tables of agents and their members: every name that an event may use."""
        names = [name for group in self.agents for name in (group.name, *group.members)]
        return list(dict.fromkeys(names))

    def members_of(self, name: str) -> list[str]:
        """The agents that a table's name or a member's own name stands for."""
        for group in self.agents:
            if group.name == name:
                return group.members
        return [name]

    def listings_of(self, group: AgentTable) -> list[str]:
        """The names of the listings an agent trades: those it names, else all."""
        return list(group.listings) if group.listings is not None else self.listing_names

    def profile_of(self, group: AgentTable) -> str:
        """The latency profile of an agent: the one it names, else the only one."""
        return group.latency if group.latency is not None else next(iter(self.latency))

    def endowment_atoms(self, group: AgentTable) -> dict[tuple[str, str], int]:
        """What each agent of a table starts with: {(venue, asset): atoms}, zero amounts left out."""
        return {
            (venue, asset): int(atoms_of(self.assets[asset], amount))
            for venue, amounts in group.endowment.items()
            for asset, amount in amounts.items()
            if amount > 0
        }

    def max_order_lots(self, group: AgentTable, listing: ListingTable) -> int:
        """The largest order of an agent in lots of a listing, at least one; 0: no limit."""
        largest = group.limits.max_order_size
        return max(int(largest / listing.lot), 1) if largest > 0 else 0

    def class_of(self, group: AgentTable) -> type:
        """The trader class of a table, as loaded."""
        return self._classes[group.name]

    def params_of(self, group: AgentTable) -> dict[str, Any]:
        """Every parameter of a table's class: those given, else the class's defaults; sorted by name."""
        return self._params.get(group.name, dict(sorted(group.params.items())))

    def without(self, *names: str) -> Self:
        """The same market without some tables of agents; the others draw as before (ScenarioError)."""
        known = [group.name for group in self.agents]
        for name in names:
            if name not in known:
                raise ScenarioError(unknown("table of agents", name, known), f"scenario {self.name!r}")
        smaller = self.model_copy(
            update={"agents": [group for group in self.agents if group.name not in names]}
        )
        problems = problems_of(smaller)
        if problems:
            raise ScenarioError(report(f"scenario {self.name!r} without {', '.join(names)}", problems))
        return smaller

    @property
    def folder(self) -> Path | None:
        """The folder of the file it came from, where its own agents are looked for."""
        return self._folder

    def resolved(self) -> dict[str, Any]:
        """The scenario as plain values that `load` takes again, every default and parameter written out."""
        table = self.model_dump(by_alias=True, exclude_none=True)
        table["agents"] = [self._resolved_agent(group) for group in self.agents]
        for entry in table["events"]:
            if "value" in entry:
                entry["value"] = _plain(entry["value"])
        return table

    def _resolved_agent(self, group: AgentTable) -> dict[str, Any]:
        params = {name: _plain(value) for name, value in self.params_of(group).items() if value is not None}
        found = {
            "latency": self.profile_of(group),
            "listings": self.listings_of(group),
            "params": params,
        }
        return group.model_copy(update=found).model_dump(by_alias=True, exclude_none=True)

    def to_json(self) -> str:
        """The resolved scenario as JSON."""
        return json.dumps(self.resolved(), indent=2, ensure_ascii=False)

    def to_toml(self) -> str:
        """The resolved scenario as TOML."""
        return tomli_w.dumps(self.resolved())

    def scenario_hash(self) -> str:
        """16 hex digits over the resolved scenario without its seed: equal hashes mean the same market."""
        table = {key: value for key, value in self.resolved().items() if key != "seed"}
        # Keys stay in the order of the file: the kernel numbers by it, so another order is another market.
        text = json.dumps(table, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_seed(seed: Any) -> int:
    """The seed as an integer of 0..2^63-1, read from digits too (a command line's); ValueError otherwise."""
    if isinstance(seed, str) and seed.strip().isdecimal():
        seed = int(seed)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"found {show(seed)}; allowed: a whole number from 0 to 2^63 - 1")
    return seed


def _plain(value: Any) -> Any:
    """A parameter as a file can hold it; floats keep their shortest text, so that they come back the same."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str | float):
        return value
    return float(value)
