"""What can be opened: the shipped scenarios, and captures that lie on this machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from app.controls import DEFAULT_SCENARIO, Controls
from market_sim.runner import MarketRequest
from market_sim.scenario import load, shipped_scenarios

CAPTURES_AT_ONCE = 16


@dataclass(frozen=True)
class Catalogue:
    """`scenarios` maps each name to its description; `default_capture` is empty where no capture is at
    hand.
    """

    scenarios: Mapping[str, str]
    default_capture: str = ""

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


def capture_files(text: str) -> tuple[Path, ...]:
    """The files that a comma-separated text names; ValueError in words for the first that cannot be one.

    Only looks whether they are there: what is in them is read in the market's own process.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError("No capture is named: give the path of a file on this machine.")
    if len(names) > CAPTURES_AT_ONCE:
        raise ValueError(f"{len(names)} captures at once are too many: give {CAPTURES_AT_ONCE} at most.")
    files = tuple(Path(name).expanduser() for name in names)
    for name, file in zip(names, files, strict=True):
        shown = repr(name if len(name) <= 120 else name[:120] + "…")
        try:
            regular = file.is_file()
        except (OSError, ValueError):
            raise ValueError(f"The capture {shown} is no path that can be looked up.") from None
        if not regular:
            why = "is a folder, not a file" if file.is_dir() else "is not there"
            raise ValueError(f"The capture {shown} {why}. Give the path of a file on this machine.")
    return files


def configured_capture() -> str:
    """The recording that MARKET_SIM_DATA holds, as the text field writes it; empty without one."""
    folder = os.environ.get("MARKET_SIM_DATA")
    if not folder:
        return ""
    return ", ".join(str(path) for path in sorted((Path(folder) / "binance").glob("*.gz")))


@cache
def catalogue() -> Catalogue:
    """What this installation can open: shipped scenarios that need no recording, and the recording it is
    told of.
    """
    loaded = {name: load(name, shipped_only=True) for name in shipped_scenarios()}
    simulated = {
        name: scenario.description
        for name, scenario in loaded.items()
        if not any(listing.external for listing in scenario.listings)
    }
    return Catalogue(simulated, configured_capture())
