"""Third layer of the kernel: market data leaves a venue and arrives, later, at each site."""

from __future__ import annotations

from market_sim.reference.book import Book
from market_sim.reference.event import NoticeKind
from market_sim.reference.kernel.channel import Depth, Update, best_levels
from market_sim.reference.kernel.linking import Linking
from market_sim.reference.kernel.market import MarketState
from market_sim.reference.kernel.queue import DATA
from market_sim.reference.kernel.tape import QueueCause
from market_sim.reference.types import ListingId, Nanos, Side, VenueId


class Publishing(Linking):
    """Publications, their arrivals, and the notices they cause."""

    def _publish_if_changed(
        self, market: MarketState, delay_ns: Nanos = 0, cause: QueueCause = QueueCause.AGENTS
    ) -> None:
        """Publish if touch, trades or levels subscribed to are news; `delay_ns` is a recorded delay.

        `cause` is that of changes in the queues before agents' orders in a recorded market.
        """
        if market.external:
            for (agent, counter), ahead in market.external.queues_moved():
                self._tape.queue(self.now_ns, market.id, agent, counter, ahead, cause)
        book = market.listing.book
        bbo = book.bbo()
        bbo_changed = bbo != market.published_bbo
        depth = depth_of(book, market.levels) if market.levels else None
        if not (bbo_changed or market.trades or (depth and depth != market.published_depth)):
            return
        market.update_no += 1
        trades, market.trades = tuple(market.trades), []
        for number, channel in enumerate(market.channels):
            channel.catch_up(self.now_ns)
            seen = best_levels(depth, channel.levels) if depth and channel.levels else None
            update = Update(
                arrival_ns=channel.line.arrival(self.now_ns, delay_ns),
                published_ns=self.now_ns,
                update_no=market.update_no,
                bbo=bbo,
                trades=trades,
                depth=seen,
                bbo_changed=bbo_changed,
                depth_changed=seen is not None
                and seen != best_levels(market.published_depth, channel.levels),
            )
            channel.pending.append(update)
            if channel.subscriptions:
                self._queue.push(update.arrival_ns, DATA, self._on_data, market, number)
            if bbo_changed and (number, market.id) in self._consolidated:
                self._publish_consolidated(number, market, delay_ns)
        if bbo_changed:
            self._tape.quote(self.now_ns, market.id, bbo)
        market.published_bbo = bbo
        market.published_depth = depth or ([], [])

    def _publish_consolidated(self, profile: int, market: MarketState, delay_ns: Nanos) -> None:
        channel = self._consolidated[profile, market.id]
        channel.catch_up(self.now_ns)
        arrival_ns = channel.line.arrival(self.now_ns, delay_ns)
        channel.pending.append((arrival_ns, self.now_ns, market.listing.book.bbo()))
        if channel.subscribers:
            self._queue.push(arrival_ns, DATA, self._on_consolidated, market, profile)

    def _publish_phase(self, venue: VenueId, phase: int, listing: ListingId | None) -> None:
        for profile in range(len(self._profiles)):
            arrival_ns = self._phase_lines[profile, venue].arrival(self.now_ns)
            self._queue.push(arrival_ns, DATA, self._on_phase, profile, venue, phase, listing)

    # --- arrivals ------------------------------------------------------------------------------------

    def _on_data(self, market: MarketState, profile: int) -> None:
        """Each subscriber hears of the trades, then of its levels, then of the touch."""
        channel = market.channels[profile]
        update = channel.receive(self.now_ns)
        for wish in channel.subscriptions:
            agent = wish.agent
            if not self._agents[agent].enabled:
                continue
            if wish.trades:
                for trade in update.trades:
                    self._ready.append((int(NoticeKind.TRADE), self.now_ns, agent, market.id, *trade))
            if wish.depth and update.depth_changed:
                self._ready.append((int(NoticeKind.BOOK), self.now_ns, agent, market.id))
            if wish.quotes and update.bbo_changed:
                touch = (*update.bbo, update.update_no, update.published_ns)
                self._ready.append((int(NoticeKind.QUOTE), self.now_ns, agent, market.id, *touch))

    def _on_consolidated(self, market: MarketState, profile: int) -> None:
        channel = self._consolidated[profile, market.id]
        if channel.receive(self.now_ns):
            for agent in channel.subscribers:
                if self._agents[agent].enabled:
                    notice = (int(NoticeKind.CONSOLIDATED), self.now_ns, agent, market.instrument)
                    self._ready.append(notice)

    def _on_phase(self, profile: int, venue: VenueId, phase: int, listing: ListingId | None) -> None:
        alone = () if listing is None else (listing,)
        for number, agent in self._agents.items():
            if agent.profile == profile and agent.enabled:
                self._ready.append((int(NoticeKind.PHASE), self.now_ns, number, venue, phase, *alone))


def depth_of(book: Book, levels: int) -> Depth:
    """The best levels of both sides as (price, lots)."""
    bids, asks = (
        [(price, lots) for price, lots, _ in book.depth(side, levels)] for side in (Side.BUY, Side.SELL)
    )
    return bids, asks
