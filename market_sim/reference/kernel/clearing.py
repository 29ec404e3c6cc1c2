"""Fourth layer of the kernel: what a venue's events cause.

In order of the events: the hash, the ledger's postings behind each match, the tape, the totals, and a
report on its way to every user agent concerned. Then, once, market data.
"""

from __future__ import annotations

from dataclasses import dataclass

from market_sim.reference.event import MAKER, PRIORITY_KEPT, CancelReason, Event, EventKind, NoticeKind
from market_sim.reference.kernel.market import MarketState
from market_sim.reference.kernel.publishing import Publishing
from market_sim.reference.kernel.queue import REPORT
from market_sim.reference.ledger import Posting, trade_postings
from market_sim.reference.order import Cancel, NewOrder, Replace
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    EXTERNAL_TAKER,
    FIRST_USER_AGENT,
    AgentId,
    Lots,
    Nanos,
    VenueId,
)

Command = NewOrder | Cancel | Replace
REJECTS = (EventKind.REJECTED, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED)


@dataclass(slots=True)
class Cause:
    """The command that a batch of events answers, and when its agent sent it."""

    command: Command
    sent_ns: Nanos

    def answers(self, event: Event) -> bool:
        """Whether an event is about the commanding agent's own order."""
        return (event.agent, event.counter) == (self.command.agent, self.command.counter)


class Clearing(Publishing):
    """Books every event where it belongs."""

    def _clear(self, market: MarketState, events: list[Event], cause: Cause | None = None) -> None:
        """Work through the events of one command, in their order."""
        if cause and events[0].kind not in REJECTS:
            self._log.command(cause.command, self.now_ns)
        trade = maker_fill = None
        for event in events:
            self._log.row(event)
            if event.kind == EventKind.TRADE:
                trade = event
                self._note_trade(market, event)
            elif event.kind == EventKind.PRINT:
                self._note_print(market, event)
                self._tape.trade(event, EXTERNAL_BOOK, EXTERNAL_TAKER)
            elif event.kind == EventKind.FILL and event.flags & MAKER:
                maker_fill = event
            elif event.kind == EventKind.FILL:
                assert trade is not None, "a match begins with its TRADE"
                assert maker_fill is not None, "and the maker is reported before the taker"
                self._settle_trade(market, trade, maker_fill, event)
            self._count(event)
            if event.kind <= EventKind.REPLACE_REJECTED and event.agent >= FIRST_USER_AGENT:
                if market.external:
                    market.external.follow(event, self._external_counters[EXTERNAL_BOOK])
                self._send_report(market, event, cause)

    # --- trades --------------------------------------------------------------------------------------

    def _note_trade(self, market: MarketState, trade: Event) -> None:
        market.volume += trade.size
        self._note_print(market, trade)
        if market.external and trade.agent == EXTERNAL_BOOK:
            market.external.taken(trade.counter, 1 - trade.side, trade.price, trade.size)

    @staticmethod
    def _note_print(market: MarketState, event: Event) -> None:
        market.last_trade = event.price
        market.trades.append((event.price, event.size, event.side, event.match_id, event.time_ns))

    def _settle_trade(self, market: MarketState, trade: Event, maker: Event, taker: Event) -> None:
        """Move the money at the match; what agents may spend moves when their reports arrive."""
        instrument = self._instruments[market.instrument]
        postings = trade_postings(
            self._account(market.venue),
            instrument.base,
            instrument.quote,
            trade.side,
            (maker.agent, maker.fee),
            (taker.agent, taker.fee),
            trade.size * market.listing.lot_atoms,
            market.listing.notional(trade.price, trade.size),
        )
        for posting in postings:
            self._post(posting)
        self._tape.trade(trade, maker.agent, taker.agent, maker.fee, taker.fee)

    def _post(self, posting: Posting) -> None:
        self._ledger.post(posting)
        self._log.posting(posting, self.now_ns)

    # --- reports -------------------------------------------------------------------------------------

    def _count(self, event: Event) -> None:
        """Matches, and what user agents did: a recorded market's own orders are means, not activity."""
        totals = self._totals
        if event.kind == EventKind.TRADE:
            totals["fills"] += 1
        elif event.agent < FIRST_USER_AGENT:
            return
        elif event.kind == EventKind.ACCEPTED:
            totals["orders"] += 1
        elif event.kind == EventKind.CANCELLED and event.reason == CancelReason.REQUESTED:
            totals["cancels"] += 1
        elif event.kind == EventKind.REPLACED:
            totals["replaces"] += 1
        elif event.kind in REJECTS:
            totals["rejects"] += 1

    def _send_report(self, market: MarketState, event: Event, cause: Cause | None) -> None:
        """A report leaves the venue for its owner."""
        sent_ns = cause.sent_ns if cause and cause.answers(event) else 0
        self._record(market, event, sent_ns, self._lots_ahead(market, event))
        arrival_ns = self._agents[event.agent].links[market.venue].report.arrival(self.now_ns)
        self._queue.push(arrival_ns, REPORT, self._on_report, market, event)

    def _record(self, market: MarketState, event: Event, sent_ns: Nanos, queue_ahead: Lots) -> None:
        order = self._agents[event.agent].gateway.open.get(event.counter)
        order_type, tif = (order.order_type, order.tif) if order else (0, 0)
        self._tape.report(event, sent_ns, order_type, tif, queue_ahead)

    @staticmethod
    def _lots_ahead(market: MarketState, event: Event) -> Lots:
        """Lots before an order that has just come to rest: it joined the back, so all others at its price."""
        rests = event.kind == EventKind.ACCEPTED or (
            event.kind == EventKind.REPLACED and not event.flags & PRIORITY_KEPT
        )
        book = market.listing.book
        order = book.orders.get((event.agent, event.counter)) if rests else None
        return book.level_lots(order.side, order.price) - order.leaves if order else 0

    def _on_report(self, market: MarketState, event: Event) -> None:
        """A report arrives: the gateway settles, then the agent hears of it, unless disabled."""
        if event.seq:  # a local reject (seq 0) had reserved nothing
            self._agents[event.agent].gateway.settle(market.terms, event)
        self._ready.append(report_notice(self.now_ns, event))

    # --- transfers and phases --------------------------------------------------------------------------

    def _change_phase(self, venue: VenueId, phase: int) -> None:
        """A venue changes its phase now; the public hears of it with the venue's market data."""
        self._venues[venue].set_phase(self.now_ns, phase)
        for event in self._venues[venue].take_events():
            self._log.row(event)
        self._publish_phase(venue, int(phase))

    def _expire_orders(self, reason: CancelReason, agent: AgentId | None = None) -> None:
        """Cancel live orders (of one agent, or all), listing by listing, bids then asks in their priority."""
        for market in self._markets:
            venue, book = self._venues[market.venue], market.listing.book
            for order in [*book.in_priority(0), *book.in_priority(1)]:
                if agent is None or order.agent == agent:
                    venue.expire(self.now_ns, market.id, order, reason)
            self._clear(market, venue.take_events())
            self._publish_if_changed(market)


def report_notice(now_ns: Nanos, event: Event) -> tuple[int, ...]:
    """A REPORT notice: the row as its owner sees it, with the venue's time at the end."""
    return (
        int(NoticeKind.REPORT),
        now_ns,
        event.agent,
        event.listing,
        event.kind,
        event.reason,
        event.counter,
        event.side,
        event.price,
        event.size,
        event.leaves,
        event.fee,
        event.flags,
        event.match_id,
        event.time_ns,
    )
