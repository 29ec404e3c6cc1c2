"""What a runner runs: a market of a scenario, or of a replay, in the shape that the loop asks for."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING

from market_sim.errors import EngineError
from market_sim.frame import Picture
from market_sim.listing import Listing
from market_sim.runner.commands import MarketRequest
from market_sim.runner.frames import ListingInfo, MarketInfo
from market_sim.units import duration_ns

if TYPE_CHECKING:
    from market_sim.market import Market

LEVELS = 120
"""Levels a side in a picture, over all listings: what ladders and heatmaps show, at a price a process can
pay 25 times a second.
"""

SESSION = "30d"
"""How long a simulated market on show goes on: its scenario's duration is meant for runs, and at the speed
at which people watch prices find each other an hour is over in seconds.
"""

MEMORY_MB = 1024
"""What one market on show may use, unless MARKET_SIM_MARKET_MB says otherwise: many share the machine."""

WALL_S = 7 * 24 * 3600
"""A class may go on for days; what must end is a market that nobody looks at, and its runner sees to that."""


def watched() -> list[str]:
    """How a market on show differs from a run. Nobody reads its tables: orders and quotes are not kept,
    trades spill to disk early, and the events of a month are no sign of an agent that runs wild.
    """
    text = os.environ.get("MARKET_SIM_MARKET_MB", str(MEMORY_MB))
    if not text.isascii() or not text.isdigit():
        raise EngineError(
            f"{text!r} is no memory limit", "MARKET_SIM_MARKET_MB", "Give megabytes, as in 1024."
        )
    limits = {"tape_rows": 200_000, "events": 10**12, "wall_s": WALL_S, "memory_mb": int(text)}
    return [f"limits.{name}={value}" for name, value in limits.items()]


def open_market(request: MarketRequest) -> MarketSource:
    """The market that a request names. Raises ScenarioError, DataError or EngineError in words."""
    # Imported here: a page that only holds the other end of the pipe needs no market, no Mesa and no tables.
    if request.captures:
        from market_sim.replaying import open_replay

        replay = open_replay(
            request.captures,
            request.scenario,
            seed=request.seed,
            engine=request.engine,
            overrides=watched(),
            shipped_only=True,
        )
        return MarketSource(replay.market, replay.origin)
    from market_sim.market import Market
    from market_sim.scenario import load

    assert request.scenario is not None, "a request without captures names a scenario"
    scenario = load(request.scenario, watched(), shipped_only=True)
    market = Market(scenario, seed=request.seed, engine=request.engine)
    market.end_ns = duration_ns(SESSION)
    return MarketSource(market, "Simulated: every order comes from one of the scenario's agents.")


class MarketSource:
    """A market with its origin in words."""

    def __init__(self, market: Market, origin: str) -> None:
        self._market = market
        self._origin = origin
        market.kernel.set_tape(True, False, False)
        market.frame()  # trades are noted from the first picture on

    @property
    def now_ns(self) -> int:
        """Simulated time."""
        return self._market.now_ns

    @property
    def events(self) -> int:
        """Events so far."""
        return self._market.events

    @property
    def end_ns(self) -> int:
        """When the session ends."""
        return self._market.end_ns

    @property
    def finished(self) -> bool:
        """Whether the session is over."""
        return self._market.finished

    def info(self) -> MarketInfo:
        """What stays the same while it runs."""
        market = self._market
        return MarketInfo(
            title=market.config.name,
            description=market.config.description,
            origin=self._origin,
            engine=market.engine,
            seed=market.seed,
            end_ns=market.end_ns,
            numeraire=market.config.numeraire,
            listings=tuple(_listing_info(listing) for listing in market.listings),
            agents=tuple(market.traders),
            groups=tuple(market.groups[name].name for name in market.traders),
        )

    def picture(self) -> Picture:
        """What it shows now."""
        return self._market.frame(LEVELS // len(self._market.listings))

    def event_log_hash(self) -> str:
        """The hash of everything that has happened, as a run of the same market would give it."""
        return f"{self._market.kernel.event_log_hash():016x}"

    def step_to(self, time_ns: int) -> None:
        """Run to that instant; at the end of the session it is closed."""
        self._market.step_to(time_ns)

    def step_event(self) -> None:
        """Run through the next event."""
        self._market.step_event()


def _listing_info(listing: Listing) -> ListingInfo:
    tick, lot = listing.prices.step, listing.sizes.step
    return ListingInfo(
        venue=listing.venue,
        instrument=listing.instrument,
        base=listing.base,
        quote=listing.quote,
        tick=float(tick),
        lot=float(lot),
        price_decimals=_decimals(tick),
        size_decimals=_decimals(lot),
    )


def _decimals(step: Decimal) -> int:
    """Digits behind the point that every multiple of a step needs."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a step is a finite number"
    return max(0, -exponent)
