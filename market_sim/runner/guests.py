"""Who joins a scenario from outside: people at order tickets, and a strategy that a visitor has chosen."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from market_sim.errors import ScenarioError
from market_sim.runner.commands import MarketRequest
from market_sim.scenario import AgentTable, Scenario, load
from market_sim.units import duration_ns

PERSON = "agents.human:Human"
PROFILE = "guests"
ALONE, MANY, STRATEGY = "you", "trader", "strategy"


def with_guests(scenario: Scenario, request: MarketRequest) -> Scenario:
    """The scenario with the seats and the strategy of a request, on a latency profile of their own.

    A guest is given the smallest holding that any agent of the scenario has of each asset at each venue, so
    that nobody's trading is larger than the market; where nobody has anything, credit is unlimited.
    """
    if not request.seats and request.strategy is None:
        return scenario
    table = scenario.resolved()
    duration_ns(request.latency)
    table["latency"][PROFILE] = dict.fromkeys(("entry", "report", "data"), request.latency)
    purse = _smallest_holdings(scenario)
    terms: dict[str, Any] = {"latency": PROFILE, "endowment": purse}
    if not purse:
        terms |= {"credit": "unlimited", "short_selling": True}
    entries = []
    if request.strategy is not None:
        kind, params = request.strategy
        entries.append({"name": STRATEGY, "kind": kind, "params": dict(params), **terms})
        if request.strategy_listings:
            entries[-1]["listings"] = list(request.strategy_listings)
    if request.seats == 1:
        entries.append({"name": ALONE, "kind": PERSON, **terms})
    elif request.seats:
        entries.append({"name": MANY, "kind": PERSON, "count": request.seats, **terms})
    taken = {str(entry["name"]) for entry in table["agents"]}
    for entry in entries:
        if entry["name"] in taken:
            raise ScenarioError(
                f"an agent is called {entry['name']!r}, as guests are", scenario.name, "Rename it."
            )
    table["agents"] = [*table["agents"], *entries]
    return load(table, folder=scenario.folder, shipped_only=True)


def seats_of(scenario: Scenario) -> list[str]:
    """The names of the people's accounts."""
    return [name for group in scenario.agents if group.kind == PERSON for name in group.members]


def _smallest_holdings(scenario: Scenario) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, Decimal]] = {}
    for group in scenario.agents:
        for venue, asset, amount in _holdings(group):
            at_venue = found.setdefault(venue, {})
            at_venue[asset] = min(amount, at_venue.get(asset, amount))
    return {
        venue: {asset: f"{amount:f}" for asset, amount in holdings.items()}
        for venue, holdings in found.items()
    }


def _holdings(group: AgentTable) -> list[tuple[str, str, Decimal]]:
    return [
        (venue, asset, amount)
        for venue, amounts in group.endowment.items()
        for asset, amount in amounts.items()
        if amount > 0
    ]
