"""Second layer of the kernel: who reaches and hears of what, how late, with which funds; then the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from market_sim.reference.hashing import stream_seed
from market_sim.reference.kernel.channel import Channel, ConsolidatedChannel, Subscription
from market_sim.reference.kernel.market import Link, MarketState
from market_sim.reference.kernel.setup import Setup, known
from market_sim.reference.latency import ZERO, Latency, Line, parse_model
from market_sim.reference.ledger import AssetId, Posting
from market_sim.reference.types import AgentId, Atoms, ListingId, Lots, VenueId, int64

Model = Sequence[Any]


class Linking(Setup):
    """Latencies, links, limits, deposits, subscriptions. Every line draws from a stream of its own."""

    def set_data_latency(self, profile: int, venue: VenueId, model: Model) -> None:
        """How late a venue's market data, and its changes of phase, are at a site."""
        self._before_start()
        known(self._venues, venue, "venue")
        known(self._profiles, profile, "profile").data[venue] = parse_model(model)

    def set_consolidated_latency(self, profile: int, model: Model) -> None:
        """Give a site a consolidated view over venues, this late."""
        self._before_start()
        known(self._profiles, profile, "profile").consolidated = parse_model(model)

    def set_link(self, agent: AgentId, venue: VenueId, entry_model: Model, report_model: Model) -> None:
        """Latency of an agent's orders to a venue and of the reports back."""
        self._before_start()
        self._agent(agent)
        known(self._venues, venue, "venue")
        self._models[agent, venue] = (parse_model(entry_model), parse_model(report_model))

    def set_order_limit(self, agent: AgentId, listing: ListingId, max_order_lots: Lots) -> None:
        """Largest order of an agent on a listing; 0 for none."""
        self._before_start()
        self._market(listing)
        if max_order_lots < 0:
            raise ValueError(
                f"an order limit of {max_order_lots} lots: give 0 for none, or a positive number"
            )
        self._agent(agent).gateway.max_order_lots[listing] = int64(max_order_lots)

    def deposit(self, agent: AgentId, venue: VenueId, asset: AssetId, atoms: Atoms) -> None:
        """Endow an agent."""
        self._before_start()
        agent, venue, asset, atoms = int64(agent), int64(venue), int64(asset), int64(atoms)
        known(self._venues, venue, "venue")
        known(self._assets, asset, "asset")
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
        known(self._instruments, instrument, "instrument")
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
            for place in self._venues:
                model = profile.data.get(place.id, ZERO)
                line = Line(model, self._stream("phase", profile.name, place.name))
                self._phase_lines[number, place.id] = line

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
