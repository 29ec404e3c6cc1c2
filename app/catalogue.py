"""What can be opened: the shipped scenarios, and the recordings that this machine offers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from app.captures import capture_files
from app.controls import DEFAULT_SCENARIO, Controls
from market_sim.runner import MarketRequest
from market_sim.scenario import load, shipped_scenarios


@dataclass(frozen=True)
class Catalogue:
    """`scenarios` maps each name to its description."""

    scenarios: Mapping[str, str]

    def check(self, controls: Controls) -> tuple[Controls, list[str]]:
        """The controls with what cannot be opened replaced by what can, and a sentence for each
        replacement.
        """
        try:
            self.request(controls)
        except ValueError as error:
            fallback = DEFAULT_SCENARIO if DEFAULT_SCENARIO in self.scenarios else next(iter(self.scenarios))
            return replace(controls, scenario=fallback, replay=""), [f"{error} This is {fallback} instead."]
        return controls, []

    def request(self, controls: Controls) -> MarketRequest:
        """The market that the controls stand for; ValueError in words if there is none."""
        if controls.replay:
            return MarketRequest(captures=capture_files(controls.replay), seed=controls.seed)
        if controls.scenario not in self.scenarios:
            raise ValueError(
                f"There is no scenario {controls.scenario[:40]!r}: choose {', '.join(self.scenarios)}."
            )
        return MarketRequest(scenario=controls.scenario, seed=controls.seed)


@cache
def catalogue() -> Catalogue:
    """What this installation can open: the shipped scenarios that need no recording."""
    loaded = {name: load(name, shipped_only=True) for name in shipped_scenarios()}
    simulated = {
        name: scenario.description
        for name, scenario in loaded.items()
        if not any(listing.external for listing in scenario.listings)
    }
    return Catalogue(simulated)
