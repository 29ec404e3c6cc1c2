"""Sixth layer of the kernel: what an agent has been told, and what only an observer may see."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

from market_sim.reference.book import Bbo
from market_sim.reference.kernel.channel import Channel, DepthSide, best_levels
from market_sim.reference.kernel.sending import Sending
from market_sim.reference.kernel.setup import known
from market_sim.reference.kernel.tape import Columns
from market_sim.reference.ledger import AssetId
from market_sim.reference.types import AgentId, Atoms, ListingId, Lots, Nanos, Side, Ticks, VenueId
from market_sim.reference.venue.publishing import check_buffer


class Reading(Sending):
    """Views of agents first, truths for observers below: no agent may call those."""

    # --- an agent's own view -------------------------------------------------------------------------

    def bbo_view(
        self, agent: AgentId, listing: ListingId
    ) -> tuple[Ticks | None, Lots, Ticks | None, Lots, int, Nanos] | None:
        """(bid, bid lots, ask, ask lots, update number, published at), None before anything has arrived."""
        current = self._channel(agent, listing).current
        return (*current.bbo, current.update_no, current.published_ns) if current else None

    def depth_view(self, agent: AgentId, listing: ListingId) -> tuple[DepthSide, DepthSide, Nanos] | None:
        """(bids, asks, published at) as deep as the agent subscribes; ValueError if it does not."""
        channel = self._channel(agent, listing)
        levels = next((wish.depth for wish in channel.subscriptions if wish.agent == agent), 0)
        if not levels:
            raise ValueError(f"agent {agent} has no subscription to depth of listing {listing}")
        current = channel.current
        if current is None or current.depth is None:
            return None
        return (*best_levels(current.depth, levels), current.published_ns)

    def depth_view_into(
        self,
        agent: AgentId,
        listing: ListingId,
        side: int,
        prices: MutableSequence[Ticks],
        sizes: MutableSequence[Lots],
    ) -> int | None:
        """Write one side of it into the caller's buffers (see `Venue.depth_into`); how many levels.

        None before anything has arrived.
        """
        for name, buffer in (("prices", prices), ("sizes", sizes)):
            check_buffer(name, buffer, len(prices))
        view = self.depth_view(agent, listing)
        if view is None:
            return None
        bids, asks, _ = view
        levels = (asks if Side(side) == Side.SELL else bids)[: len(prices)]
        for place, (price, lots) in enumerate(levels):
            prices[place], sizes[place] = price, lots
        return len(levels)

    def last_trade_view(self, agent: AgentId, listing: ListingId) -> tuple[Ticks, Lots, int, Nanos] | None:
        """(price, lots, aggressor side, traded at) of the last trade heard of."""
        last = self._channel(agent, listing).last_trade
        if last is None:
            return None
        price, lots, aggressor, _, traded_ns = last
        return price, lots, aggressor, traded_ns

    def consolidated_view(
        self, agent: AgentId, instrument: int
    ) -> list[tuple[VenueId, Ticks | None, Lots, Ticks | None, Lots, Nanos]]:
        """(venue, bid, bid lots, ask, ask lots, published at) of every venue heard of."""
        profile = self._sender(agent).profile
        known(self._instruments, instrument, "instrument")
        view = []
        for market in self._markets:
            channel = self._consolidated.get((profile, market.id))
            if market.instrument == instrument and channel:
                channel.catch_up(self.now_ns)
                if channel.current:
                    published_ns, bbo = channel.current
                    view.append((market.venue, *bbo, published_ns))
        return view

    def spendable(self, agent: AgentId, venue: VenueId, asset: AssetId) -> Atoms:
        """Atoms that the agent may spend, as far as its reports tell."""
        return self._agent(agent).gateway.spendable.get((self._account(venue), asset), 0)

    def _channel(self, agent: AgentId, listing: ListingId) -> Channel:
        channel = self._market(listing).channels[self._sender(agent).profile]
        channel.catch_up(self.now_ns)
        return channel

    # --- for observers, never for agents ---------------------------------------------------------------

    def balance(self, agent: AgentId, venue: VenueId, asset: AssetId) -> Atoms:
        """True balance, reserved atoms included."""
        return self._ledger.balance(agent, self._account(venue), asset)

    def true_bbo(self, listing: ListingId) -> Bbo:
        """(bid, bid lots, ask, ask lots) of the book itself."""
        return self._market(listing).listing.book.bbo()

    def true_depth(self, listing: ListingId, side: int, levels: int) -> list[tuple[Ticks, Lots, int]]:
        """(price, lots, orders) of the best levels of the book itself."""
        return self._market(listing).listing.book.depth(side, levels)

    def last_trade(self, listing: ListingId) -> Ticks | None:
        """Price of the last trade or print."""
        return self._market(listing).last_trade

    def open_orders(self, listing: ListingId) -> list[tuple[AgentId, int, int, Ticks, Lots, Lots]]:
        """(agent, counter, side, price, leaves, total) of live orders, bids then asks, by priority."""
        book = self._market(listing).listing.book
        return [
            (order.agent, order.counter, order.side, order.price, order.leaves, order.total)
            for side in (Side.BUY, Side.SELL)
            for order in book.in_priority(side)
        ]

    def queue_ahead(self, agent: AgentId, counter: int) -> Lots | None:
        """Lots before a live order at its price; None if it does not rest."""
        for market in self._markets:
            order = market.listing.book.orders.get((agent, counter))
            if order:
                return market.listing.book.lots_ahead(order)
        return None

    def ledger_imbalance(self) -> list[Atoms]:
        """Per asset: all balances less all deposits, by a full scan. Not 0 is a fault of the engine."""
        return [self._ledger.imbalance(asset) for asset in range(len(self._assets))]

    def event_log_hash(self) -> int:
        """Everything that happened so far, as one number."""
        return self._log.state

    def state_hash(self, venue: VenueId) -> int:
        """Phase, counters and books of a venue, as one number."""
        return known(self._venues, venue, "venue").state_hash()

    def totals(self) -> dict[str, Any]:
        """Counts since the start; `volume` in lots per listing, `notices` per agent."""
        notices = [self._agents[n].notices if n in self._agents else 0 for n in range(len(self._names))]
        return {**self._totals, "volume": [market.volume for market in self._markets], "notices": notices}

    def drain_tape(self) -> dict[str, Columns]:
        """The tape's columns since the last drain."""
        return self._tape.drain()

    def set_tape(self, trades: bool, quotes: bool, orders: bool) -> None:
        """Choose which tables are kept."""
        self._tape.keep_trades, self._tape.keep_quotes, self._tape.keep_orders = trades, quotes, orders
