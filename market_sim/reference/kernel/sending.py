"""Fifth layer of the kernel: what agents ask for, on its way through gateway and link to a venue.

A command leaves when its agent has thought (`now + decision_ns`) and arrives when its link says.
What the gateway refuses never travels: it comes back as a report at the moment it would have left.
"""

from __future__ import annotations

from typing import Any

from market_sim.errors import EngineError
from market_sim.reference.event import CancelReason, Event, EventKind, NoticeKind, RejectReason
from market_sim.reference.gateway import OpenOrder
from market_sim.reference.kernel.clearing import Cause, Clearing, Command
from market_sim.reference.kernel.market import Agent, MarketState
from market_sim.reference.kernel.queue import REPORT, VENUE, WAKE
from market_sim.reference.kernel.setup import known
from market_sim.reference.ledger import AssetId, Posting
from market_sim.reference.order import Cancel, NewOrder, Replace, ReplaceEx
from market_sim.reference.terms import PLAIN, Amendment, Terms
from market_sim.reference.types import (
    FEES,
    TRANSIT,
    AgentId,
    Atoms,
    ListingId,
    Lots,
    Nanos,
    Ticks,
    VenueId,
    int64,
)
from market_sim.reference.venue import check_codes

IGNORED = 0  # the counter that a disabled agent gets: no order ever has it


class Sending(Clearing):
    """Orders, cancels, replacements, transfers and wake-ups."""

    _latest_agent: AgentId | None = None

    # --- sending -------------------------------------------------------------------------------------

    def wake_in(self, agent: AgentId, delay_ns: Nanos) -> None:
        """Let an agent be woken later; at least 1 ns, or simulated time could stand still."""
        agent, delay_ns = int64(agent), int64(delay_ns)
        self._sender(agent)
        if delay_ns < 1:
            raise ValueError(f"a wake-up in {delay_ns} ns: give at least 1")
        self._queue.push(self.now_ns + delay_ns, WAKE, self._on_wake, agent)

    def new_order(
        self,
        agent: AgentId,
        listing: ListingId,
        side: int,
        order_type: int,
        tif: int,
        post_only: bool,
        price: Ticks | None,
        size: Lots,
        terms: Terms = PLAIN,
    ) -> int:
        """Send an order; returns its counter, known before anybody has seen it. 0 from a disabled agent."""
        agent, listing, size = int64(agent), int64(listing), int64(size)
        price = None if price is None else int64(price)
        sender, market = self._sender(agent), self._tradable(listing)
        check_codes(side, order_type, tif, sender.stp, terms.refresh, terms.peg)
        if not sender.enabled:
            return IGNORED
        counter = sender.gateway.next_counter()
        order = OpenOrder(listing, side, order_type, tif, price, size, size)
        reason = RejectReason.VENUE_CLOSED if self._closed else 0
        reason = reason or sender.gateway.admit(market.terms, counter, order)
        if reason:
            self._refuse(
                market,
                sender,
                Event(
                    self.now_ns + sender.decision_ns,
                    seq=0,
                    price=price or 0,
                    size=size,
                    listing=listing,
                    agent=agent,
                    counter=counter,
                    kind=int(EventKind.REJECTED),
                    reason=int(reason),
                    side=int(side),
                ),
                order,
            )
        else:
            numbers = (int(side), order_type, tif, sender.stp, bool(post_only), price, size)
            self._send(sender, market, NewOrder(agent, counter, listing, *numbers, terms))
        return counter

    def new_order_ex(
        self,
        agent: AgentId,
        listing: ListingId,
        side: int,
        order_type: int,
        tif: int,
        post_only: bool,
        price: Ticks | None,
        size: Lots,
        **terms: Any,
    ) -> int:
        """The same with terms by name (see `Terms`): an iceberg, a stop, a peg, a time to expire."""
        numbers: dict[str, Any] = {
            name: None if value is None else int64(value) for name, value in terms.items()
        }
        order = (agent, listing, side, order_type, tif, post_only, price, size)
        return self.new_order(*order, Terms(**numbers))

    def cancel(self, agent: AgentId, counter: int) -> None:
        """Ask for an order to be taken out."""
        agent, counter = int64(agent), int64(counter)
        sender = self._sender(agent)
        if not sender.enabled:
            return
        order = sender.gateway.open.get(counter)
        if self._closed or order is None:
            self._refuse_change(EventKind.CANCEL_REJECTED, agent, counter, order, self._no_order())
        else:
            self._send(sender, self._markets[order.listing], Cancel(agent, counter, order.listing))

    def replace(self, agent: AgentId, counter: int, price: Ticks, size: Lots) -> None:
        """Ask for another price and another TOTAL size of an order."""
        self._replace(agent, counter, Amendment.of(price, size))

    def replace_ex(
        self,
        agent: AgentId,
        counter: int,
        price: Ticks | None,
        size: Lots,
        *,
        stop_price: Ticks | None = None,
        trail_ticks: Ticks | None = None,
        trail_bps: int | None = None,
    ) -> None:
        """The same, and of a waiting stop its stop price or distance; it may leave out the price."""
        self._replace(agent, counter, Amendment.of(price, size, stop_price, trail_ticks, trail_bps))

    def _replace(self, agent: AgentId, counter: int, change: Amendment) -> None:
        agent, counter = int64(agent), int64(counter)
        sender = self._sender(agent)
        if not sender.enabled:
            return
        order = sender.gateway.open.get(counter)
        if self._closed or order is None:
            reason: int = self._no_order()
        else:
            market = self._markets[order.listing]
            reason = sender.gateway.admit_replace(market.terms, counter, change.price, change.size)
            if not reason:
                command: Replace | ReplaceEx = ReplaceEx(agent, counter, market.id, change)
                if change.price is not None and not change.has_terms:
                    command = Replace(agent, counter, market.id, change.price, change.size)
                self._send(sender, market, command)
                return
        asked = (change.price or 0, change.size)
        self._refuse_change(EventKind.REPLACE_REJECTED, agent, counter, order, reason, *asked)

    def transfer(
        self,
        agent: AgentId,
        from_venue: VenueId,
        to_venue: VenueId,
        asset: AssetId,
        atoms: Atoms,
        fee_atoms: Atoms,
        delay_ns: Nanos,
    ) -> bool:
        """Move an asset between venues; it is in transit for `delay_ns` and belongs to no venue's account.

        False, and nothing moves, if the atoms are not spendable, the agent is disabled or the session over.
        """
        atoms, fee_atoms, delay_ns = int64(atoms), int64(fee_atoms), int64(delay_ns)
        sender = self._sender(agent)
        for venue in (from_venue, to_venue):
            known(self._venues, venue, "venue")
        known(self._assets, asset, "asset")
        if not atoms > fee_atoms >= 0 or delay_ns < 0:
            raise ValueError(
                f"a transfer of {atoms} atoms for a fee of {fee_atoms} in {delay_ns} ns: "
                "the fee must be less than the atoms, and nothing negative"
            )
        source, target = self._account(from_venue), self._account(to_venue)
        if not sender.enabled or self._closed or not sender.gateway.withdraw((source, asset), atoms):
            return False
        self._log.transfer(agent, from_venue, to_venue, asset, atoms, fee_atoms, self.now_ns)
        self._post(Posting(agent, source, asset, -atoms))
        self._post(Posting(TRANSIT, target, asset, atoms))
        arrival_ns = self.now_ns + delay_ns
        self._queue.push(arrival_ns, VENUE, self._on_transfer, agent, (target, asset), atoms, fee_atoms)
        return True

    def _send(self, sender: Agent, market: MarketState, command: Command) -> None:
        departure_ns = self.now_ns + sender.decision_ns
        arrival_ns = sender.links[market.venue].entry.arrival(departure_ns)
        self._queue.push(arrival_ns, VENUE, self._on_command, market, Cause(command, self.now_ns))

    # --- refused by the gateway ------------------------------------------------------------------------

    def _no_order(self) -> RejectReason:
        return RejectReason.VENUE_CLOSED if self._closed else RejectReason.UNKNOWN_ORDER

    def _refuse_change(
        self,
        kind: EventKind,
        agent: AgentId,
        counter: int,
        order: OpenOrder | None,
        reason: int,
        price: Ticks = 0,
        size: Lots = 0,
    ) -> None:
        sender = self._agents[agent]
        event = Event(
            self.now_ns + sender.decision_ns,
            seq=0,
            price=price,
            size=size,
            leaves=order.leaves if order else 0,
            listing=order.listing if order else 0,
            agent=agent,
            counter=counter,
            kind=int(kind),
            reason=int(reason),
            side=int(order.side) if order else 0,
        )
        self._refuse(self._markets[event.listing], sender, event, order)

    def _refuse(self, market: MarketState, sender: Agent, event: Event, order: OpenOrder | None) -> None:
        """A reject that no venue has seen: hashed and taped now, told when the command would have left."""
        self._latest_agent = event.agent
        self._log.row(event)
        order_type, tif = (order.order_type, order.tif) if order else (0, 0)
        self._tape.report(event, self.now_ns, order_type, tif, 0)
        self._count(event)
        self._queue.push(event.time_ns, REPORT, self._on_report, market, event)

    # --- arrivals --------------------------------------------------------------------------------------

    def _on_command(self, market: MarketState, cause: Cause) -> None:
        command, venue = cause.command, self._venues[market.venue]
        self._latest_agent = command.agent
        if isinstance(command, NewOrder):
            venue.enter(self.now_ns, command)
        elif isinstance(command, Cancel):
            venue.cancel(self.now_ns, command.agent, command.counter, command.listing)
        elif isinstance(command, Replace):
            venue.replace(
                self.now_ns, command.agent, command.counter, command.listing, command.price, command.size
            )
        else:
            venue.amend(self.now_ns, command.agent, command.counter, command.listing, command.change)
        left = market.listing.find((command.agent, command.counter))
        if left and not self._agents[command.agent].enabled:
            # It was under way when its agent was taken out: nothing of it may stay behind.
            venue.expire(self.now_ns, market.id, left, CancelReason.AGENT_DISABLED)
        self._set_timer(market.venue)
        self._clear(market.venue, venue.take_events(), cause)
        self._publish_if_changed(market)

    def _on_transfer(
        self, agent: AgentId, account: tuple[VenueId, AssetId], atoms: Atoms, fee: Atoms
    ) -> None:
        venue, asset = account
        self._post(Posting(TRANSIT, venue, asset, -atoms))
        self._post(Posting(agent, venue, asset, atoms - fee))
        if fee:
            self._post(Posting(FEES, venue, asset, fee))
        self._agents[agent].gateway.credit(account, atoms - fee)

    def _on_wake(self, agent: AgentId) -> None:
        self._latest_agent = agent
        if self._agents[agent].enabled and not self._closed:
            self._ready.append((int(NoticeKind.WAKE), self.now_ns, agent))

    # --- checks ----------------------------------------------------------------------------------------

    def _sender(self, agent: AgentId) -> Agent:
        self._after_start()
        return self._agent(agent)

    def _tradable(self, listing: ListingId) -> MarketState:
        if not 0 <= listing < len(self._markets):
            raise EngineError(
                f"order for unknown listing {listing}",
                "kernel",
                f"Use a listing from 0 to {len(self._markets) - 1}.",
            )
        return self._markets[listing]
