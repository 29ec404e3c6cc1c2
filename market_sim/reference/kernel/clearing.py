"""Fourth layer of the kernel: what a venue's events cause.

In order of the events: the hash, the ledger's postings behind each match, the tape, the totals, and a
report on its way to every user agent concerned. Then, once, market data.
"""

from __future__ import annotations

from dataclasses import dataclass

from market_sim.reference.event import (
    ONE_LISTING,
    PRIORITY_KEPT,
    CancelReason,
    Event,
    EventKind,
    NoticeKind,
)
from market_sim.reference.kernel.market import MarketState
from market_sim.reference.kernel.publishing import Publishing
from market_sim.reference.kernel.queue import REPORT, VENUE
from market_sim.reference.ledger import Posting, trade_postings
from market_sim.reference.order import Cancel, NewOrder, Replace, ReplaceEx
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    EXTERNAL_TAKER,
    FIRST_USER_AGENT,
    AgentId,
    Lots,
    Nanos,
    VenueId,
)

Command = NewOrder | Cancel | Replace | ReplaceEx
CHANGES = (EventKind.TRIGGERED, EventKind.REFRESHED, EventKind.REPRICED)
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

    def _clear(self, venue: VenueId, events: list[Event], cause: Cause | None = None) -> None:
        """Work through the events of one command or operation at a venue, in their order."""
        if cause and events[0].kind not in REJECTS:
            self._log.command(cause.command, self.now_ns)
        trade = first_fill = None
        for place, event in enumerate(events):
            self._log.row(event)
            if event.kind == EventKind.PHASE:
                self._publish_phase(venue, event.reason, event.listing if event.flags & ONE_LISTING else None)
                continue
            market = self._markets[event.listing]
            if event.kind == EventKind.TRADE:
                trade, first_fill = event, None
                self._note_trade(market, event)
            elif event.kind == EventKind.PRINT:
                self._note_print(market, event)
                self._tape.trade(event, EXTERNAL_BOOK, EXTERNAL_TAKER)
            elif event.kind == EventKind.FILL and first_fill is None:
                first_fill = event
            elif event.kind == EventKind.FILL:
                assert trade is not None, "a match begins with its TRADE"
                assert first_fill is not None, "and both owners are told"
                self._settle_trade(market, trade, first_fill, event)
            self._count(event)
            is_report = event.kind <= EventKind.REPLACE_REJECTED or event.kind in CHANGES
            if is_report and event.agent >= FIRST_USER_AGENT:
                if market.external:
                    market.external.follow(event, self._external_counters[EXTERNAL_BOOK])
                self._send_report(market, event, cause, place == 0)

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

    def _settle_trade(self, market: MarketState, trade: Event, one: Event, other: Event) -> None:
        """Move the money at the match; what agents may spend moves when their reports arrive."""
        # In an auction the buyer is told first, whichever of the two was there first.
        one_is_maker = (one.agent, one.counter) == (trade.agent, trade.counter)
        maker, taker = (one, other) if one_is_maker else (other, one)
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

    def _send_report(self, market: MarketState, event: Event, cause: Cause | None, is_first: bool) -> None:
        """A report leaves the venue for its owner."""
        sent_ns = cause.sent_ns if cause and cause.answers(event) else 0
        self._record(market, event, sent_ns, self._lots_ahead(market, event))
        arrival_ns = self._agents[event.agent].links[market.venue].report.arrival(self.now_ns)
        # The first event of a replacement is its answer; the order may change again in those behind it.
        answers = is_first and cause is not None and isinstance(cause.command, Replace | ReplaceEx)
        self._queue.push(arrival_ns, REPORT, self._on_report, market, event, answers)

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
        return book.level_shown(order.side, order.price) - order.shown if order else 0

    def _on_report(self, market: MarketState, event: Event, answers: bool = False) -> None:
        """A report arrives: the gateway settles, then the agent hears of it, unless disabled."""
        if event.seq:  # a local reject (seq 0) had reserved nothing
            self._agents[event.agent].gateway.settle(market.terms, event, answers)
        self._ready.append(report_notice(self.now_ns, event))

    # --- transfers and phases --------------------------------------------------------------------------

    def _change_phase(self, venue: VenueId, phase: int) -> None:
        """A venue changes its phase now; the public hears of it with the venue's market data."""
        self._venues[venue].set_phase(self.now_ns, phase)
        self._operated(venue)

    def _operated(self, venue: VenueId) -> None:
        """Everything that follows from what happened at a venue without an agent's command."""
        self._set_timer(venue)
        self._clear(venue, self._venues[venue].take_events())
        for market in self._markets:
            if market.venue == venue:
                self._publish_if_changed(market)

    def _set_timer(self, venue: VenueId) -> None:
        """Wake the venue when it next has something to do by the clock, unless it wakes before."""
        time_ns = self._venues[venue].next_time()
        if time_ns is None or self._closed or time_ns >= self._timers.get(venue, time_ns + 1):
            return
        self._timers[venue] = time_ns
        self._queue.push(max(time_ns, self.now_ns), VENUE, self._on_timer, venue)

    def _on_timer(self, venue: VenueId) -> None:
        """A venue's own clock moves: orders end, halts end, batches trade."""
        self._timers.pop(venue, None)
        if not self._closed:
            self._venues[venue].advance(self.now_ns)
            self._operated(venue)

    def _expire_orders(self, reason: CancelReason, agent: AgentId | None = None) -> None:
        """Cancel live orders (of one agent, or all), listing by listing, bids then asks in their priority."""
        for market in self._markets:
            venue = self._venues[market.venue]
            for order in market.listing.all_orders():
                chosen = agent is None or order.agent == agent
                if chosen and market.listing.find(order.id) is order:
                    venue.expire(self.now_ns, market.id, order, reason)
            self._set_timer(market.venue)
            self._clear(market.venue, venue.take_events())
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
