"""First layer of the kernel: assets, venues, instruments, listings, profiles, agents, links, deposits.

Everything is numbered in order of creation. `start` freezes it: what exists cannot change while time runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from market_sim.errors import EngineError
from market_sim.reference.book import Bbo
from market_sim.reference.gateway import Gateway, Terms
from market_sim.reference.hashing import stream_seed
from market_sim.reference.kernel.channel import Channel, ConsolidatedChannel, Depth, Subscription, TradePrint
from market_sim.reference.kernel.log import EventLog
from market_sim.reference.kernel.queue import Queue
from market_sim.reference.kernel.tape import Tape
from market_sim.reference.latency import ZERO, Latency, Line, parse_model
from market_sim.reference.ledger import AssetId, Ledger, Posting
from market_sim.reference.order import SelfTradePrevention
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    EXTERNAL_TAKER,
    FIRST_USER_AGENT,
    RESERVED_NAMES,
    AgentId,
    Atoms,
    ListingId,
    Lots,
    Nanos,
    Ticks,
    VenueId,
)
from market_sim.reference.venue import Listing, Venue

if TYPE_CHECKING:
    from market_sim.reference.external import ExternalMarket

Model = Sequence[Any]
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


class Setup:
    """What exists. Methods raise ValueError for bad arguments, EngineError after `start`."""

    def __init__(self, seed: int, pooled: bool = False) -> None:
        self.now_ns: Nanos = 0
        self.events = 0
        self._seed = seed
        self._pooled = pooled
        self._started = self._closed = False
        self._assets: list[str] = []
        self._venues: list[Venue] = []
        self._instruments: list[Instrument] = []
        self._markets: list[MarketState] = []
        self._profiles: list[Profile] = []
        self._agents: dict[AgentId, Agent] = {}
        self._models: dict[tuple[AgentId, VenueId], tuple[Latency, Latency]] = {}
        self._wishes: dict[tuple[int, ListingId], dict[AgentId, Subscription]] = {}
        self._consolidated_wishes: dict[tuple[int, int], set[AgentId]] = {}
        self._consolidated: dict[tuple[int, ListingId], ConsolidatedChannel] = {}
        self._phase_lines: dict[tuple[int, VenueId], Line] = {}
        # Last order numbers of the recorded markets' accounts, over all listings.
        self._external_counters: dict[AgentId, int] = {EXTERNAL_BOOK: 0, EXTERNAL_TAKER: 0}
        self._totals = dict.fromkeys(("orders", "cancels", "replaces", "rejects", "fills"), 0)
        self._queue = Queue()
        self._ready: deque[tuple[Any, ...]] = deque()
        self._log = EventLog()
        self._ledger = Ledger()
        self._tape = Tape()
        for name in RESERVED_NAMES:
            self._log.name_agent(name)
        self._names = list(RESERVED_NAMES)

    # --- places and things ---------------------------------------------------------------------------

    def add_asset(self, name: str, decimals: int) -> int:
        """An asset; `decimals` says how many places an atom is behind the unit, for people to read."""
        self._before_start()
        if not 0 <= decimals <= 18:
            raise ValueError(f"asset {name!r} with {decimals} decimals: choose 0 to 18")
        return _append(self._assets, name, f"asset {name!r}")

    def add_venue(self, name: str) -> int:
        """A venue, open for continuous trading."""
        self._before_start()
        if any(venue.name == name for venue in self._venues):
            raise ValueError(f"venue {name!r} exists already: names are unique")
        venue = Venue(name, len(self._venues))
        # Recorded flow paid its fees where it was recorded, and its two accounts are one market.
        venue.exempt = {EXTERNAL_BOOK, EXTERNAL_TAKER}
        venue.set_owner(EXTERNAL_TAKER, EXTERNAL_BOOK)
        self._venues.append(venue)
        return venue.id

    def add_instrument(self, name: str, base: AssetId, quote: AssetId) -> int:
        """An instrument: `base` is bought and sold for `quote`."""
        self._before_start()
        _known(self._assets, base, "asset")
        _known(self._assets, quote, "asset")
        if base == quote:
            raise ValueError(f"instrument {name!r} is quoted in its own base: choose two assets")
        if any(instrument.name == name for instrument in self._instruments):
            raise ValueError(f"instrument {name!r} exists already: names are unique")
        self._instruments.append(Instrument(name, base, quote))
        return len(self._instruments) - 1

    def add_listing(
        self,
        venue: VenueId,
        instrument: int,
        tick_lot_atoms: Atoms,
        lot_atoms: Atoms,
        min_notional_atoms: Atoms,
        maker_fee_e8: int,
        taker_fee_e8: int,
    ) -> ListingId:
        """List an instrument on a venue; the id counts over all venues."""
        self._before_start()
        _known(self._venues, venue, "venue")
        _known(self._instruments, instrument, "instrument")
        if any((market.venue, market.instrument) == (venue, instrument) for market in self._markets):
            raise ValueError(f"instrument {instrument} is listed on venue {venue} already")
        number = len(self._markets)
        self._venues[venue].add_listing(
            tick_lot_atoms, lot_atoms, min_notional_atoms, maker_fee_e8, taker_fee_e8, listing_id=number
        )
        _, base, quote = self._instruments[instrument]
        terms = Terms(
            base=(self._account(venue), base),
            quote=(self._account(venue), quote),
            tick_lot_atoms=tick_lot_atoms,
            lot_atoms=lot_atoms,
            worst_fee_e8=max(maker_fee_e8, taker_fee_e8, 0),
        )
        listing = self._venues[venue].listings[number]
        self._markets.append(MarketState(number, venue, instrument, listing, terms))
        return number

    def add_profile(self, name: str) -> int:
        """A site profile."""
        self._before_start()
        if any(profile.name == name for profile in self._profiles):
            raise ValueError(f"profile {name!r} exists already: names are unique")
        self._profiles.append(Profile(name))
        return len(self._profiles) - 1

    def set_data_latency(self, profile: int, venue: VenueId, model: Model) -> None:
        """How late a venue's market data, and its changes of phase, are at a site."""
        self._before_start()
        _known(self._venues, venue, "venue")
        _known(self._profiles, profile, "profile").data[venue] = parse_model(model)

    def set_consolidated_latency(self, profile: int, model: Model) -> None:
        """Give a site a consolidated view over venues, this late."""
        self._before_start()
        _known(self._profiles, profile, "profile").consolidated = parse_model(model)

    # --- participants --------------------------------------------------------------------------------

    def add_agent(
        self,
        name: str,
        profile: int,
        unlimited_credit: bool,
        short_selling: bool,
        stp: int,
        decision_ns: Nanos,
        max_open_orders: int,
    ) -> AgentId:
        """An agent. `decision_ns` is the time it takes to think; 0 open orders stands for no limit."""
        self._before_start()
        _known(self._profiles, profile, "profile")
        if stp not in (SelfTradePrevention.NONE, SelfTradePrevention.NEWEST):
            raise ValueError(f"agent {name!r} with self-trade prevention {stp}: choose NONE 0 or NEWEST 1")
        if decision_ns < 0 or max_open_orders < 0:
            raise ValueError(f"agent {name!r}: decision_ns and max_open_orders cannot be negative")
        number = _append(self._names, name, f"agent {name!r}")
        self._log.name_agent(name)
        gateway = Gateway(unlimited_credit, short_selling, max_open_orders)
        self._agents[number] = Agent(name, profile, stp, decision_ns, gateway)
        return number

    def set_link(self, agent: AgentId, venue: VenueId, entry_model: Model, report_model: Model) -> None:
        """Latency of an agent's orders to a venue and of the reports back."""
        self._before_start()
        self._agent(agent)
        _known(self._venues, venue, "venue")
        self._models[agent, venue] = (parse_model(entry_model), parse_model(report_model))

    def set_order_limit(self, agent: AgentId, listing: ListingId, max_order_lots: Lots) -> None:
        """Largest order of an agent on a listing; 0 for none."""
        self._before_start()
        self._market(listing)
        if max_order_lots < 0:
            raise ValueError(
                f"an order limit of {max_order_lots} lots: give 0 for none, or a positive number"
            )
        self._agent(agent).gateway.max_order_lots[listing] = max_order_lots

    def deposit(self, agent: AgentId, venue: VenueId, asset: AssetId, atoms: Atoms) -> None:
        """Endow an agent."""
        self._before_start()
        _known(self._venues, venue, "venue")
        _known(self._assets, asset, "asset")
        gateway = self._agent(agent).gateway
        if atoms < 0:
            raise ValueError(f"a deposit of {atoms} atoms: it cannot be negative")
        posting = Posting(agent, self._account(venue), asset, atoms)
        self._ledger.deposit(posting)
        gateway.credit((posting.venue, asset), atoms)
        self._log.posting(posting, 0)

    def subscribe(self, agent: AgentId, listing: ListingId, quotes: bool, trades: bool, depth: int) -> None:
        """Add to what an agent hears of a listing; `depth` levels a side, 0 for none."""
        self._before_start()
        self._market(listing)
        if depth < 0:
            raise ValueError(f"a subscription to {depth} levels: give 0 for none, or a positive number")
        wishes = self._wishes.setdefault((self._agent(agent).profile, listing), {})
        wish = wishes.setdefault(agent, Subscription(agent, False, False, 0))
        wish.quotes |= quotes
        wish.trades |= trades
        wish.depth = max(wish.depth, depth)

    def subscribe_consolidated(self, agent: AgentId, instrument: int) -> None:
        """Let an agent hear of every change of best bid or offer of an instrument at any venue."""
        self._before_start()
        _known(self._instruments, instrument, "instrument")
        profile = self._agent(agent).profile
        if self._profiles[profile].consolidated is None:
            raise ValueError(
                f"profile {self._profiles[profile].name!r} has no consolidated view: set its latency first"
            )
        self._consolidated_wishes.setdefault((profile, instrument), set()).add(agent)

    # --- start ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Freeze the set-up and open every line. Each line draws from a stream named after its ends."""
        self._before_start()
        self._started = True
        for (agent, venue), (entry, report) in self._every_model():
            names = (self._names[agent], self._venues[venue].name)
            self._agents[agent].links[venue] = Link(
                Line(entry, self._stream("entry", *names)), Line(report, self._stream("report", *names))
            )
        for market in self._markets:
            for number in range(len(self._profiles)):
                self._open_channels(number, market)
            market.levels = max((channel.levels for channel in market.channels), default=0)
        for number, profile in enumerate(self._profiles):
            for venue in self._venues:
                model = profile.data.get(venue.id, ZERO)
                line = Line(model, self._stream("phase", profile.name, venue.name))
                self._phase_lines[number, venue.id] = line

    def _every_model(self) -> list[tuple[tuple[AgentId, VenueId], tuple[Latency, Latency]]]:
        pairs = [(agent, venue.id) for agent in self._agents for venue in self._venues]
        return [(pair, self._models.get(pair, (ZERO, ZERO))) for pair in pairs]

    def _open_channels(self, number: int, market: MarketState) -> None:
        profile = self._profiles[number]
        names = (profile.name, self._venues[market.venue].name, self._instruments[market.instrument].name)
        line = Line(profile.data.get(market.venue, ZERO), self._stream("data", *names))
        market.channels.append(Channel(line, list(self._wishes.get((number, market.id), {}).values())))
        if profile.consolidated is not None:
            line = Line(profile.consolidated, self._stream("consolidated", *names))
            subscribers = list(self._consolidated_wishes.get((number, market.instrument), ()))
            self._consolidated[number, market.id] = ConsolidatedChannel(line, subscribers)

    def _stream(self, *names: str) -> int:
        return stream_seed(self._seed, *names)

    # --- checks --------------------------------------------------------------------------------------

    def _before_start(self) -> None:
        if self._started:
            raise EngineError("the set-up is frozen", "kernel", "Make every set-up call before start().")

    def _after_start(self) -> None:
        if not self._started:
            raise EngineError(
                "the kernel has not started", "kernel", "Call start() once the set-up is complete."
            )

    def _account(self, venue: VenueId) -> VenueId:
        """Where balances of a venue are kept: pooled accounts are all at venue 0, with one prime broker."""
        return 0 if self._pooled else venue

    def _agent(self, agent: AgentId) -> Agent:
        found = self._agents.get(agent)
        if found is None:
            raise ValueError(
                f"agent {agent} is none of this kernel's user agents (from {FIRST_USER_AGENT} on)"
            )
        return found

    def _market(self, listing: ListingId) -> MarketState:
        return _known(self._markets, listing, "listing")


def _known(things: list[Any], number: int, what: str) -> Any:
    if not 0 <= number < len(things):
        raise ValueError(f"unknown {what} {number}: there are {len(things)}")
    return things[number]


def _append(names: list[str], name: str, what: str) -> int:
    if name in names:
        raise ValueError(f"{what} exists already: names are unique")
    names.append(name)
    return len(names) - 1
