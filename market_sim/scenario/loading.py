"""Read a scenario by shipped name, by path, or from a dict, and say everything that is wrong with it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from market_sim.errors import ScenarioError
from market_sim.scenario.complaint import from_pydantic, nearest, report, unknown
from market_sim.scenario.kinds import load_kind
from market_sim.scenario.model import Scenario
from market_sim.scenario.overrides import apply_overrides
from market_sim.scenario.parameters import parameters_of, read_parameters

SHIPPED = Path(__file__).resolve().parent.parent / "scenarios"


def shipped_scenarios() -> list[str]:
    """The names of the scenarios that come with market_sim."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def load(
    source: str | Path | Mapping[str, Any] | Scenario,
    overrides: Iterable[str] = (),
    *,
    folder: Path | None = None,
    shipped_only: bool = False,
) -> Scenario:
    """A scenario from a shipped name, a path to TOML or JSON, a dict of the same form, or another scenario.

    `overrides` are `--set` texts. `folder` is where its own agents are looked for (default: the file's).
    `shipped_only` refuses code of a scenario's own. Raises ScenarioError: file, place, what was found,
    what is allowed.
    """
    if isinstance(source, Scenario):
        raw, label, home = source.resolved(), source.name, source.folder
    elif isinstance(source, Mapping):
        # A copy, because overrides are written into it.
        raw, label, home = (
            json.loads(json.dumps(source, default=str)),
            str(source.get("name", "scenario")),
            None,
        )
    else:
        path = find(source)
        raw, label, home = read(path), path.name, path.resolve().parent
    paths = apply_overrides(raw, overrides)
    try:
        scenario = Scenario.model_validate(raw, context={"source": label, "overridden": paths})
    except ValidationError as error:
        raise ScenarioError(report(label, from_pydantic(error, raw), paths)) from None
    scenario._folder = folder or home
    problems = _load_classes(scenario, shipped_only)
    if problems:
        raise ScenarioError(report(label, problems, paths))
    return scenario


def find(source: str | Path) -> Path:
    """The file of a shipped name or a path; ScenarioError names the shipped ones if there is none."""
    path = Path(source)
    if path.suffix in (".toml", ".json") or path.parent != Path():
        if path.is_file():
            return path
        raise ScenarioError(
            f"no such file: {path}", "scenario", f"Shipped: {', '.join(shipped_scenarios())}."
        )
    shipped = SHIPPED / f"{source}.toml"
    if shipped.is_file():
        return shipped
    near = nearest(source, shipped_scenarios())
    raise ScenarioError(
        f"no shipped scenario {str(source)!r}{near}",
        "scenario",
        f"Name one of {', '.join(shipped_scenarios())}, or the path of a TOML file.",
    )


def read(path: Path) -> dict[str, Any]:
    """The file's tables; numbers with a point are decimals, not floats. ScenarioError on bad syntax."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            raw = json.loads(text, parse_float=Decimal)
        else:
            raw = tomllib.loads(text, parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise ScenarioError(f"no UTF-8 text: {error}", path.name, "Save it as UTF-8.") from None
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise ScenarioError(f"no valid {path.suffix[1:].upper()}: {error}", path.name) from None
    if not isinstance(raw, dict):
        raise ScenarioError("found no table of keys", path.name)
    return raw


def _load_classes(scenario: Scenario, shipped_only: bool) -> list[tuple[str, str]]:
    """Import every kind and read its parameters into the scenario; gives the problems."""
    problems: list[tuple[str, str]] = []
    for group in scenario.agents:
        try:
            kind = load_kind(group.kind, scenario.folder, shipped_only)
        except ValueError as error:
            problems.append((f"agents.{group.name}.kind", str(error)))
            continue
        scenario._classes[group.name] = kind
        scenario._params[group.name], bad = read_parameters(kind, group.params)
        problems.extend((f"agents.{group.name}.params.{name}", what) for name, what in bad)
    problems.extend(_event_parameters(scenario))
    return problems


def _event_parameters(scenario: Scenario) -> list[tuple[str, str]]:
    """Check the parameters that events change against the classes of the agents they name."""
    problems = []
    for number, event in enumerate(scenario.events, start=1):
        if event.kind != "parameter":
            continue
        for group in scenario.agents:
            kind = scenario._classes.get(group.name)
            if kind is None or event.agent not in (group.name, *group.members):
                continue
            declared = parameters_of(kind)
            if event.name not in declared:
                sentence = unknown(f"parameter of {kind.__name__}", event.name, declared)
                problems.append((f"events.{number}.name", sentence))
                continue
            try:
                declared[event.name].read(event.value)
            except ValueError as error:
                problems.append((f"events.{number}.value", str(error)))
    return problems
