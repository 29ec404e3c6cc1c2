"""What can be opened: the shipped scenarios with their sliders, the recordings that this machine offers, and
the shipped strategies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from app.captures import capture_files
from app.controls import DEFAULT_SCENARIO, Controls
from app.knobs import Knob, knobs_of
from app.strategies import strategies
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
        complaints = []
        fallback = DEFAULT_SCENARIO if DEFAULT_SCENARIO in self.scenarios else next(iter(self.scenarios))
        ways_out: tuple[tuple[str, dict[str, object]], ...] = (
            ("It is left out.", {"strategy": "", "parameters": ()}),
            ("The sliders are where the scenario has them.", {"changes": ()}),
            (f"This is {fallback} instead.", {"scenario": fallback, "replay": "", "live": ""}),
        )
        looks: tuple[object, ...] = (self._strategy, self._changes, self._source)
        for look, (sentence, changes) in zip(looks, ways_out, strict=True):
            try:
                look(controls)  # type: ignore[operator]
            except ValueError as error:
                complaints.append(f"{error} {sentence}")
                controls = replace(controls, **changes)  # type: ignore[arg-type]
        return controls, complaints

    def request(self, controls: Controls) -> MarketRequest:
        """The market that the controls stand for; ValueError in words if there is none."""
        return replace(
            self._source(controls),
            seed=controls.seed,
            changes=self._changes(controls),
            seats=1,
            latency=f"{controls.latency:g}ms",
            strategy=self._strategy(controls),
        )

    def _source(self, controls: Controls) -> MarketRequest:
        if controls.live:
            return MarketRequest(books=tuple(controls.live.split(",")))
        if controls.replay:
            return MarketRequest(captures=capture_files(controls.replay))
        if controls.scenario not in self.scenarios:
            raise ValueError(
                f"There is no scenario {controls.scenario[:40]!r}: choose {', '.join(self.scenarios)}."
            )
        return MarketRequest(scenario=controls.scenario)

    def knobs(self, controls: Controls) -> tuple[Knob, ...]:
        """The sliders of the market on show: a recording has none."""
        if controls.live or controls.replay or controls.scenario not in self.scenarios:
            return ()
        return knobs_of(controls.scenario)

    def _changes(self, controls: Controls) -> tuple[str, ...]:
        sliders = {knob.key: knob for knob in self.knobs(controls)}
        found: list[str] = []
        for key, text in controls.changes:
            knob = sliders.get(key)
            if knob is None:
                known = ", ".join(sliders) or "none"
                raise ValueError(f"{controls.scenario[:40]} has no slider {key[:40]!r}; it has {known}.")
            value = knob.parse(text)
            if value != knob.default:
                found += knob.changes(value)
        return tuple(found)

    @staticmethod
    def _strategy(controls: Controls) -> tuple[str, tuple[tuple[str, str | int | float | bool], ...]] | None:
        if not controls.strategy:
            if controls.parameters:
                names = ", ".join(name[:40] for name, _ in controls.parameters[:4])
                raise ValueError(f"There is no strategy whose parameters these are: {names}.")
            return None
        strategy = strategies().get(controls.strategy)
        if strategy is None:
            raise ValueError(
                f"There is no strategy {controls.strategy[:40]!r}: choose {', '.join(strategies())}."
            )
        return strategy.kind, strategy.parameters(controls.parameters)


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
