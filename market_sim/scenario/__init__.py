"""Scenarios: a market written down in TOML, checked to the last key before anything runs."""

from market_sim.scenario.kinds import foreign_agents
from market_sim.scenario.loading import load, shipped_scenarios
from market_sim.scenario.model import Scenario, check_seed
from market_sim.scenario.parameters import Parameter, parameters_of, read_parameters
from market_sim.scenario.tables import (
    AgentsEvent,
    AgentTable,
    FundamentalTable,
    JumpEvent,
    ListingTable,
    NewsEvent,
    ParameterEvent,
    VenueEvent,
)

__all__ = [
    "AgentTable",
    "AgentsEvent",
    "FundamentalTable",
    "JumpEvent",
    "ListingTable",
    "NewsEvent",
    "Parameter",
    "ParameterEvent",
    "Scenario",
    "VenueEvent",
    "check_seed",
    "foreign_agents",
    "load",
    "parameters_of",
    "read_parameters",
    "shipped_scenarios",
]
