"""What one table cannot see alone: names defined elsewhere, grids of whole atoms, names used twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from market_sim.engine import RESERVED_NAMES
from market_sim.scenario.complaint import nearest, unknown
from market_sim.scenario.fields import plain
from market_sim.scenario.tables import AgentTable, AssetTable, ListingTable

if TYPE_CHECKING:
    from market_sim.scenario.model import Scenario

Problem = tuple[str, str]
LARGEST_ATOMS = 2**62


def problems_of(scenario: Scenario) -> list[Problem]:
    """Every problem of a scenario whose tables are well formed one by one."""
    found: list[Problem] = []
    for check in (_clock, _names, _listings, _fundamentals, _latency, _agents, _events, _replay):
        found.extend(check(scenario))
    return found


def _clock(scenario: Scenario) -> Iterator[Problem]:
    local: datetime = scenario.epoch_time
    expected = local.astimezone(ZoneInfo(scenario.zone)).utcoffset()
    if scenario.zone != "UTC" and local.utcoffset() != expected:
        yield (
            "epoch",
            f"found offset {local:%z} in {scenario.epoch!r}, but {scenario.zone} is at another one then",
        )


def _names(scenario: Scenario) -> Iterator[Problem]:
    if scenario.numeraire not in scenario.assets:
        yield "numeraire", unknown("asset", scenario.numeraire, scenario.assets)
    for name, instrument in scenario.instruments.items():
        for role in ("base", "quote"):
            asset = getattr(instrument, role)
            if asset not in scenario.assets:
                yield f"instruments.{name}.{role}", unknown("asset", asset, scenario.assets)
        if instrument.base == instrument.quote:
            yield f"instruments.{name}", f"base and quote are both {instrument.base!r}; allowed: two assets"


def _listings(scenario: Scenario) -> Iterator[Problem]:
    seen: set[str] = set()
    for listing in scenario.listings:
        where = f"listings.{listing.name}"
        known = True
        if listing.venue not in scenario.venues:
            yield f"{where}.venue", unknown("venue", listing.venue, scenario.venues)
            known = False
        if listing.instrument not in scenario.instruments:
            yield f"{where}.instrument", unknown("instrument", listing.instrument, scenario.instruments)
            known = False
        if listing.name in seen:
            yield where, f"{listing.name} is listed twice; a venue lists an instrument once"
        seen.add(listing.name)
        if known:
            instrument = scenario.instruments[listing.instrument]
            base, quote = scenario.assets.get(instrument.base), scenario.assets.get(instrument.quote)
            if base is not None and quote is not None:
                yield from _grid(listing, where, (instrument.base, base), (instrument.quote, quote))


def _grid(
    listing: ListingTable, where: str, base: tuple[str, AssetTable], quote: tuple[str, AssetTable]
) -> Iterator[Problem]:
    """The exactness of a listing: sizes are whole base atoms, and a tick times a lot whole quote atoms."""
    (base_name, base_asset), (quote_name, quote_asset) = base, quote
    finer = "a coarser one, or more decimals for the asset"
    if not _whole(atoms_of(base_asset, listing.lot)):
        yield (
            f"{where}.lot",
            f"a lot of {plain(listing.lot)} {base_name} is no whole number of atoms "
            f"({base_name} has {base_asset.decimals} decimals); allowed: {finer}",
        )
    elif not _whole(atoms_of(quote_asset, listing.tick, listing.lot)):
        yield (
            f"{where}.tick",
            f"a tick of {plain(listing.tick)} times a lot of {plain(listing.lot)} is "
            f"{plain(listing.tick * listing.lot)} {quote_name}, no whole number of atoms "
            f"({quote_name} has {quote_asset.decimals} decimals); allowed: {finer}",
        )
    if not _whole(atoms_of(quote_asset, listing.min_notional)):
        yield (
            f"{where}.min_notional",
            f"{plain(listing.min_notional)} {quote_name} is no whole number of atoms "
            f"({quote_name} has {quote_asset.decimals} decimals)",
        )


def atoms_of(asset: AssetTable, *factors: Decimal) -> Fraction:
    """The product of the factors in atoms of an asset, exactly; not whole where it is finer than an atom."""
    product = Fraction(10**asset.decimals)
    for factor in factors:
        product *= Fraction(factor)
    return product


def _whole(atoms: Fraction) -> bool:
    return atoms.denominator == 1 and atoms < LARGEST_ATOMS


def _fundamentals(scenario: Scenario) -> Iterator[Problem]:
    for name, fundamental in scenario.fundamentals.items():
        where = f"fundamentals.{name}"
        if name not in scenario.instruments:
            yield where, unknown("instrument", name, scenario.instruments)
        earlier = list(scenario.fundamentals)[: list(scenario.fundamentals).index(name)]
        if fundamental.follows is not None and fundamental.product_of is not None:
            yield where, "found both `follows` and `product_of`; allowed: one of them"
        for leader in fundamental.leaders:
            key = "follows" if fundamental.product_of is None else "product_of"
            # A leader stands above its follower, so that no circle can arise and one pass moves them all.
            if leader not in earlier:
                yield f"{where}.{key}", unknown("fundamental above this one", leader, earlier)
            elif scenario.fundamentals[leader].step_ns != fundamental.step_ns:
                yield (
                    f"{where}.step",
                    f"differs from that of {leader}, on which it depends; allowed: the same",
                )


def _latency(scenario: Scenario) -> Iterator[Problem]:
    for name, profile in scenario.latency.items():
        for venue in profile.venues:
            if venue not in scenario.venues:
                yield f"latency.{name}.venues.{venue}", unknown("venue", venue, scenario.venues)


def _agents(scenario: Scenario) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for group in scenario.agents:
        where = f"agents.{group.name}"
        for member in group.members:
            if member in RESERVED_NAMES:
                # An agent of such a name could not be told from the kernel's own account in a result.
                yield (
                    f"{where}.name",
                    f"{member!r} is the name of an account of the market itself; take another",
                )
            if member in owners:
                yield (
                    f"{where}.name",
                    f"{member!r} is also an agent of agents.{owners[member]}; names are unique",
                )
            owners[member] = group.name
        if group.latency is None and len(scenario.latency) > 1:
            names = ", ".join(scenario.latency)
            yield (
                f"{where}.latency",
                f"this key is missing, and there is more than one profile; allowed: {names}",
            )
        elif group.latency is not None and group.latency not in scenario.latency:
            yield f"{where}.latency", unknown("latency profile", group.latency, scenario.latency)
        for name in group.listings or ():
            if name not in scenario.listing_names:
                yield f"{where}.listings", unknown("listing", name, scenario.listing_names)
        yield from _endowment(scenario, group, where)


def _endowment(scenario: Scenario, group: AgentTable, where: str) -> Iterator[Problem]:
    for venue, amounts in group.endowment.items():
        here = f"{where}.endowment.{venue}"
        if venue not in scenario.venues:
            yield here, unknown("venue", venue, scenario.venues)
        for asset, amount in amounts.items():
            if asset not in scenario.assets:
                yield f"{here}.{asset}", unknown("asset", asset, scenario.assets)
            elif not _whole(atoms_of(scenario.assets[asset], amount)):
                yield (
                    f"{here}.{asset}",
                    f"{plain(amount)} {asset} is no whole number of atoms below 2^62 "
                    f"({asset} has {scenario.assets[asset].decimals} decimals)",
                )


def _events(scenario: Scenario) -> Iterator[Problem]:
    names = scenario.agent_names
    for number, event in enumerate(scenario.events, start=1):
        where = f"events.{number}"
        if event.kind == "jump" and event.instrument not in scenario.fundamentals:
            yield f"{where}.instrument", unknown("fundamental", event.instrument, scenario.fundamentals)
        if event.kind in ("suspend", "resume") and event.venue not in scenario.venues:
            yield f"{where}.venue", unknown("venue", event.venue, scenario.venues)
        if event.kind == "parameter" and event.agent not in names:
            yield f"{where}.agent", _unknown_agent(scenario, event.agent)
        if event.kind in ("agents_on", "agents_off"):
            for agent in event.agents:
                if agent not in names:
                    yield f"{where}.agents", _unknown_agent(scenario, agent)


def _replay(scenario: Scenario) -> Iterator[Problem]:
    for venue in scenario.replay.site_offset_ns:
        if venue not in scenario.venues:
            yield f"replay.site_offset.{venue}", unknown("venue", venue, scenario.venues)
    fed: dict[tuple[str, str], str] = {}
    for listing in scenario.listings:
        if listing.external is None:
            continue
        other = fed.setdefault((listing.venue, listing.external), listing.name)
        if other != listing.name:
            where = f"listings.{listing.name}.external"
            yield where, f"{listing.external!r} already feeds {other}; a recorded symbol feeds one listing"


def _unknown_agent(scenario: Scenario, found: str) -> str:
    tables = [group.name for group in scenario.agents]
    if not tables:
        return unknown("agent", found, tables)
    hint = nearest(found, scenario.agent_names)
    return f"unknown agent {found!r}; allowed: {', '.join(tables)}, or a member{hint}"
