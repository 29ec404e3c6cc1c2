"""Traders handed over in code join a scenario as if its file had named them, so that it can be hashed and
saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from market_sim.errors import ScenarioError
from market_sim.participant import Participant
from market_sim.scenario import Scenario
from market_sim.scenario.complaint import from_pydantic, report


def with_traders(scenario: Scenario, handed: Sequence[Any]) -> tuple[Scenario, list[Participant]]:
    """The scenario with an [[agents]] table for each trader (a Trader or a class of it), and the traders.

    A trader without a name is called like its class, further ones `Class-2`, `Class-3`. Without an endowment
    it has unlimited credit. Raises ScenarioError for what is no trader, or for settings the scenario does not
    know.
    """
    if not handed:
        return scenario, []
    table = scenario.resolved()
    taken = set(scenario.agent_names)
    traders = [_trader(item) for item in handed]
    for trader in traders:
        entry = _entry(scenario, trader, taken)
        taken.add(entry["name"])
        table["agents"].append(entry)
    label = "agents handed to the run"
    try:
        extended = Scenario.model_validate(table, context={"source": label})
    except ValidationError as error:
        raise ScenarioError(report(label, from_pydantic(error, table))) from None
    extended._folder = scenario.folder
    extended._classes.update(scenario._classes)
    extended._params.update(scenario._params)
    for group, trader in zip(extended.agents[len(scenario.agents) :], traders, strict=True):
        extended._classes[group.name] = type(trader)
        extended._params[group.name] = dict(trader._seat.parameters)
    return extended, traders


def _trader(item: Any) -> Any:
    made = item() if isinstance(item, type) and issubclass(item, Participant) else item
    if not isinstance(made, Participant):
        raise ScenarioError(
            f"found {item!r}, which is no trader",
            "agents",
            "Hand over instances or classes that derive from Trader.",
        )
    return made


def _entry(scenario: Scenario, trader: Any, taken: set[str]) -> dict[str, Any]:
    seat = trader._seat
    kind = type(trader)
    entry: dict[str, Any] = {
        "name": seat.name or _free_name(kind.__name__, taken),
        "kind": f"{kind.__module__}:{kind.__qualname__}",
        "latency": next(iter(scenario.latency)),
        **seat.table,
        "params": dict(seat.given),
    }
    if "endowment" not in entry:
        entry.setdefault("credit", "unlimited")
    return entry


def _free_name(stem: str, taken: set[str]) -> str:
    number = 1
    while (name := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return name
