"""What the kernel keeps of each instrument, site, agent and listing while time runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from market_sim.reference.book import Bbo
from market_sim.reference.gateway import Gateway, Terms
from market_sim.reference.kernel.channel import Channel, Depth, TradePrint
from market_sim.reference.latency import Latency, Line
from market_sim.reference.ledger import AssetId
from market_sim.reference.types import ListingId, Lots, Nanos, Ticks, VenueId
from market_sim.reference.venue import Listing

if TYPE_CHECKING:
    from market_sim.reference.external import ExternalMarket

NOTHING: Bbo = (None, 0, None, 0)


class Instrument(NamedTuple):
    """What is traded: `base` for `quote`."""

    name: str
    base: AssetId
    quote: AssetId


@dataclass(slots=True)
class Profile:
    """A place where agents sit: how late market data is there. Unset venues have no delay."""

    name: str
    data: dict[VenueId, Latency] = field(default_factory=dict)
    consolidated: Latency | None = None


@dataclass(slots=True)
class Link:
    """An agent's two lines to a venue."""

    entry: Line
    report: Line


@dataclass(slots=True)
class Agent:
    """A participant with its own gateway, links and pace."""

    name: str
    profile: int
    stp: int
    decision_ns: Nanos
    gateway: Gateway
    enabled: bool = True
    links: dict[VenueId, Link] = field(default_factory=dict)
    notices: int = 0


@dataclass(slots=True)
class MarketState:
    """A listing within the kernel: its terms, and what has been published of it so far."""

    id: ListingId
    venue: VenueId
    instrument: int
    listing: Listing
    terms: Terms
    channels: list[Channel] = field(default_factory=list)  # one per profile
    levels: int = 0  # of the deepest channel
    published_bbo: Bbo = NOTHING
    published_depth: Depth = field(default_factory=lambda: ([], []))
    update_no: int = 0
    trades: list[TradePrint] = field(default_factory=list)  # since the last publication
    last_trade: Ticks | None = None
    volume: Lots = 0
    external: ExternalMarket | None = None
