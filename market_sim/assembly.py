"""From a scenario to a kernel that is ready to start: assets, venues, listings, profiles, accounts and
lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from market_sim.engine import SelfTradePrevention, kernel_class
from market_sim.errors import ScenarioError
from market_sim.listing import Listing
from market_sim.scenario import AgentTable, Scenario

LEVELS_OF_ON_BOOK = 5


@dataclass(frozen=True, slots=True)
class Assembly:
    """A kernel and the numbers it gave to what a scenario names, in the scenario's order."""

    kernel: Any
    listings: tuple[Listing, ...]
    assets: dict[str, int]
    venues: dict[str, int]
    instruments: dict[str, int]
    profiles: dict[str, int]


def assemble(scenario: Scenario, seed: int, engine: str) -> Assembly:
    """A kernel with everything of a scenario but its agents."""
    kernel = kernel_class(engine)(seed, scenario.accounts == "pooled")
    assets = {name: kernel.add_asset(name, table.decimals) for name, table in scenario.assets.items()}
    venues = {name: kernel.add_venue(name) for name in scenario.venues}
    instruments = {
        name: kernel.add_instrument(name, assets[table.base], assets[table.quote])
        for name, table in scenario.instruments.items()
    }
    listings = listings_of(scenario)
    for listing, table in zip(listings, scenario.listings, strict=True):
        number = kernel.add_listing(
            venues[listing.venue],
            instruments[listing.instrument],
            listing.tick_lot_atoms,
            listing.lot_atoms,
            listing.min_notional_atoms,
            listing.maker_fee_e8,
            listing.taker_fee_e8,
        )
        assert number == listing.id
        if table.external is not None:
            kernel.add_external(number, table.cancellations == "proportional")
    profiles = {name: kernel.add_profile(name) for name in scenario.latency}
    for name, profile in scenario.latency.items():
        for venue, venue_id in venues.items():
            kernel.set_data_latency(profiles[name], venue_id, profile.model("data", venue))
        if profile.consolidated is not None:
            kernel.set_consolidated_latency(profiles[name], profile.consolidated)
    return Assembly(kernel, listings, assets, venues, instruments, profiles)


def listings_of(scenario: Scenario) -> tuple[Listing, ...]:
    """Every listing of a scenario, numbered as the kernel does."""
    venue_ids = {name: number for number, name in enumerate(scenario.venues)}
    return tuple(
        _listing(scenario, number, venue_ids[table.venue]) for number, table in enumerate(scenario.listings)
    )


def _listing(scenario: Scenario, number: int, venue_id: int) -> Listing:
    table = scenario.listings[number]
    instrument = scenario.instruments[table.instrument]
    listing = Listing(
        id=number,
        venue_id=venue_id,
        venue=table.venue,
        instrument=table.instrument,
        base=instrument.base,
        quote=instrument.quote,
        tick=table.tick,
        lot=table.lot,
        base_decimals=scenario.assets[instrument.base].decimals,
        quote_decimals=scenario.assets[instrument.quote].decimals,
        min_notional_atoms=table.min_notional_atoms,
        maker_fee_e8=table.maker_fee_e8,
        taker_fee_e8=table.taker_fee_e8,
    )
    assert (listing.tick_lot_atoms, listing.lot_atoms) == (table.tick_lot_atoms, table.lot_atoms)
    return listing


def seat_agent(scenario: Scenario, parts: Assembly, group: AgentTable, name: str) -> int:
    """Open an account for one agent of a table: limits, links to every venue, endowment. Gives its number."""
    kernel = parts.kernel
    stp = SelfTradePrevention[group.stp.upper()]
    profile = scenario.profile_of(group)
    agent_id: int = kernel.add_agent(
        name,
        parts.profiles[profile],
        group.credit == "unlimited",
        group.short_selling,
        int(stp),
        group.decision_ns,
        group.limits.max_open_orders,
    )
    latency = scenario.latency[profile]
    for venue, venue_id in parts.venues.items():
        kernel.set_link(agent_id, venue_id, latency.model("entry", venue), latency.model("report", venue))
    for listing, table in zip(parts.listings, scenario.listings, strict=True):
        largest = scenario.max_order_lots(group, table)
        if largest:
            kernel.set_order_limit(agent_id, listing.id, largest)
    for (venue, asset), atoms in scenario.endowment_atoms(group).items():
        kernel.deposit(agent_id, parts.venues[venue], parts.assets[asset], atoms)
    return agent_id


def levels_of(trader: Any) -> int:
    """Price levels a side that an agent asks for: its `depth`, or a few if it overrides `on_book`."""
    return trader.depth or (LEVELS_OF_ON_BOOK if trader.listens("on_book") else 0)


def subscribe(scenario: Scenario, parts: Assembly, group: AgentTable, agent_id: int, trader: Any) -> None:
    """Subscribe an agent to what its class listens to, and to nothing else: every notice costs time."""
    depth = levels_of(trader)
    quotes, trades = trader.listens("on_quote"), trader.listens("on_trade")
    for listing in trader.listings:
        if quotes or trades or depth:
            parts.kernel.subscribe(agent_id, listing.id, quotes, trades, depth)
    if trader.listens("on_consolidated"):
        profile = scenario.profile_of(group)
        if scenario.latency[profile].consolidated is None:
            raise ScenarioError(
                f"{type(trader).__name__} has on_consolidated, but latency profile {profile!r} no such feed",
                f"agents.{group.name}",
                f'Give latency.{profile} a `consolidated` delay, as in consolidated = "1ms".',
            )
        for instrument in dict.fromkeys(listing.instrument for listing in trader.listings):
            parts.kernel.subscribe_consolidated(agent_id, parts.instruments[instrument])
