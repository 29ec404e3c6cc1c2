"""The event-log hash: one number that stands for everything that happened, in order."""

from __future__ import annotations

from market_sim.reference.event import Event, EventKind
from market_sim.reference.hashing import ENCODING_VERSION, FNV_OFFSET, FNV_PRIME, MASK, fold, name_hash
from market_sim.reference.ledger import Posting
from market_sim.reference.order import Cancel, NewOrder, Replace, ReplaceEx
from market_sim.reference.terms import PLAIN, Terms
from market_sim.reference.types import AgentId, Atoms, Nanos, VenueId

OF_NOBODY = (EventKind.PHASE, EventKind.PRINT, EventKind.INDICATIVE, EventKind.AUCTION)
# First words of what is no event row; far from the codes of EventKind.
NEW, CANCEL, REPLACE, TRANSFER, TERMS, REPLACE_EX = 20, 21, 22, 23, 24, 25


class EventLog:
    """Folds accepted commands, event rows and postings; agents by name, listings by the kernel's number."""

    def __init__(self) -> None:
        self.state = fold(FNV_OFFSET, (ENCODING_VERSION,))
        self.names: list[int] = []

    def name_agent(self, name: str) -> None:
        """Agents are named in the order of their ids."""
        self.names.append(name_hash(name))

    def command(self, command: NewOrder | Cancel | Replace | ReplaceEx, time_ns: Nanos) -> None:
        """An accepted command, folded before its events; terms, if it has any, behind its own words."""
        name, counter, listing = self.names[command.agent], command.counter, command.listing
        if isinstance(command, NewOrder):
            head = NEW | command.side << 8 | command.order_type << 16 | command.tif << 24
            head |= command.stp << 32 | command.post_only << 40
            price, has_price = command.price or 0, command.price is not None
            self._fold((head, name, counter, listing, price, command.size, has_price, time_ns))
            if command.terms != PLAIN:
                self._fold(terms_words(command.terms))
        elif isinstance(command, Cancel):
            self._fold((CANCEL, name, counter, listing, time_ns))
        elif isinstance(command, Replace):
            self._fold((REPLACE, name, counter, listing, command.price, command.size, time_ns))
        else:
            asked = command.change
            terms = (asked.stop_price, asked.trail_ticks, asked.trail_bps)
            given = given_bits((asked.price, *terms))
            words = (asked.price or 0, asked.size, *(number or 0 for number in terms))
            self._fold((REPLACE_EX, name, counter, listing, given, *words, time_ns))

    def row(self, event: Event) -> None:
        """An event; fields that a kind does not use are 0, so one form serves all kinds."""
        contra = self.names[event.contra_agent] if event.contra_counter else 0
        public = event.kind in OF_NOBODY
        self._fold(
            (
                event.kind | event.reason << 8 | event.side << 16 | event.flags << 24 | event.listing << 32,
                0 if public else self.names[event.agent],
                event.counter,
                event.price,
                event.size,
                event.leaves,
                event.fee,
                event.match_id,
                contra,
                event.contra_counter,
                event.time_ns,
                event.seq,
            )
        )

    def posting(self, posting: Posting, time_ns: Nanos) -> None:
        """A movement of the ledger."""
        agent, venue, asset, atoms = posting
        self._fold((EventKind.POSTING, self.names[agent], venue, asset, atoms, time_ns))

    def transfer(
        self,
        agent: AgentId,
        source: VenueId,
        target: VenueId,
        asset: int,
        atoms: Atoms,
        fee: Atoms,
        time_ns: Nanos,
    ) -> None:
        """A transfer at the moment it is sent, folded before its postings."""
        self._fold((TRANSFER, self.names[agent], source, target, asset, atoms, fee, time_ns))

    def _fold(self, words: tuple[int, ...]) -> None:
        # hashing.fold written out: this loop is a third of the reference engine's running time.
        state = self.state
        for word in words:
            state = ((state ^ (word & MASK)) * FNV_PRIME) & MASK
        self.state = state


def terms_words(terms: Terms) -> tuple[int, ...]:
    """What the log keeps of an order's terms."""
    optional = (
        terms.stop_price,
        terms.trigger_limit_ticks,
        terms.display_lots,
        terms.expire_ns,
        terms.protection_ticks,
    )
    numbers = [number or 0 for number in optional]
    codes = terms.refresh | terms.peg << 8
    others = (terms.trail_ticks, terms.trail_bps, codes, terms.peg_offset_ticks, terms.minimum_lots)
    return TERMS, given_bits(optional), *numbers, *others


def given_bits(numbers: tuple[int | None, ...]) -> int:
    """A bit for each number that is there, the first one lowest."""
    return sum(1 << place for place, number in enumerate(numbers) if number is not None)
