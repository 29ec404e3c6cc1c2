"""First layer of the kernel: assets, venues, instruments, listings, profiles, agents.

Everything is numbered in order of creation. `start` freezes it: what exists cannot change while time runs.
"""

from __future__ import annotations

from collections import deque
from operator import index
from typing import Any

from market_sim.errors import EngineError
from market_sim.reference.gateway import Gateway, Terms
from market_sim.reference.hashing import MASK
from market_sim.reference.kernel.channel import ConsolidatedChannel, Subscription
from market_sim.reference.kernel.log import EventLog
from market_sim.reference.kernel.market import Agent, Instrument, MarketState, Profile
from market_sim.reference.kernel.queue import Queue
from market_sim.reference.kernel.tape import Tape
from market_sim.reference.latency import Latency, Line
from market_sim.reference.ledger import AssetId, Ledger
from market_sim.reference.order import SelfTradePrevention
from market_sim.reference.types import (
    EXTERNAL_BOOK,
    EXTERNAL_TAKER,
    FIRST_USER_AGENT,
    INT64_MIN,
    RESERVED_NAMES,
    AgentId,
    Atoms,
    ListingId,
    Nanos,
    VenueId,
    int64,
)
from market_sim.reference.venue import Venue


class Setup:
    """What exists. Methods raise ValueError for bad arguments, EngineError after `start`."""

    def __init__(self, seed: int, pooled: bool = False) -> None:
        self.now_ns: Nanos = 0
        self.events = 0
        if not INT64_MIN <= seed <= MASK:
            raise ValueError(f"seed {seed} does not fit into 64 bits")
        self._seed = index(seed)
        self._pooled = pooled
        self._started = self._closed = False
        self._assets: list[str] = []
        self._venues: list[Venue] = []
        self._timers: dict[VenueId, Nanos] = {}  # the first time that each venue's clock is set for
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
        known(self._assets, base, "asset")
        known(self._assets, quote, "asset")
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
        known(self._venues, venue, "venue")
        known(self._instruments, instrument, "instrument")
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
        known(self._profiles, profile, "profile")
        decision_ns, max_open_orders = int64(decision_ns), int64(max_open_orders)
        modes = [mode for mode in SelfTradePrevention if mode != SelfTradePrevention.PASS]
        if stp not in modes:
            known_modes = ", ".join(f"{mode.name} {mode.value}" for mode in modes)
            raise ValueError(f"agent {name!r} with self-trade prevention {stp}: choose {known_modes}")
        if decision_ns < 0 or max_open_orders < 0:
            raise ValueError(f"agent {name!r}: decision_ns and max_open_orders cannot be negative")
        number = _append(self._names, name, f"agent {name!r}")
        self._log.name_agent(name)
        gateway = Gateway(unlimited_credit, short_selling, max_open_orders)
        self._agents[number] = Agent(name, profile, stp, decision_ns, gateway)
        return number

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
        return known(self._markets, listing, "listing")


def known(things: list[Any], number: int, what: str) -> Any:
    """The thing of this number; ValueError if there is none."""
    if not 0 <= number < len(things):
        raise ValueError(f"unknown {what} {number}: there are {len(things)}")
    return things[number]


def _append(names: list[str], name: str, what: str) -> int:
    if name in names:
        raise ValueError(f"{what} exists already: names are unique")
    names.append(name)
    return len(names) - 1
