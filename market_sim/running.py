"""`run` a scenario from start to end, and `verify` that a saved run comes out the same again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from market_sim.errors import MarketSimError, ScenarioError
from market_sim.market import Market
from market_sim.result import SCENARIO_FILE, Result, read_summary
from market_sim.scenario import Scenario, load

Progress = Callable[[int, int], None]


def run(
    scenario: Scenario | str | Path | dict[str, Any],
    seed: int | None = None,
    until: str | int | None = None,
    engine: str | None = None,
    agents: Sequence[Any] = (),
    progress: Progress | None = None,
    out: str | Path | None = None,
) -> Result:
    """Run a market and give its Result.

    `scenario` is a shipped name, a TOML file, a dict of the same form or a Scenario; `seed` and `until`
    ("1h") default to its own. `agents` adds traders of yours: instances, or classes that derive from Trader.
    `progress` is called with (now_ns, end_ns). `out` is a folder to save to, also when the run is stopped by
    an error.

    Raises ScenarioError before anything runs, AgentError when an agent raises, LimitError at a limit; the
    result so far is the error's `result`.
    """
    market = Market(scenario, seed=seed, engine=engine, agents=agents)
    fed = [listing.name for listing in market.config.listings if listing.external is not None]
    if fed:
        raise ScenarioError(
            f"{', '.join(fed)} stays empty: nothing is recorded to feed it",
            market.config.name,
            f"Replay a capture in it: `market-sim replay CAPTURE --scenario {market.config.name}`.",
        )
    return play(market, market.result, until, progress, out)


def play(
    market: Market,
    result: Callable[[], Result],
    until: str | int | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
) -> Result:
    """Run a market that has not begun; its result is saved to `out`, also when an error stops it."""
    try:
        market.run(until, progress)
    except MarketSimError as error:
        error.result = result()  # type: ignore[attr-defined]
        if out is not None:
            error.result.save(out)  # type: ignore[attr-defined]
        raise
    outcome = result()
    if out is not None:
        outcome.save(out)
    return outcome


@dataclass(frozen=True, slots=True)
class Verification:
    """A saved run's hash and that of the same run made again."""

    recorded: str
    repeated: str
    result: Result

    @property
    def same(self) -> bool:
        """True if nothing that happened differs."""
        return self.recorded == self.repeated


def verify(folder: str | Path, engine: str | None = None, progress: Progress | None = None) -> Verification:
    """Run what a folder holds again, a replay with its recordings, and compare hashes.

    Raises DataError if the folder is no saved run or a recording is gone, ScenarioError if its scenario no
    longer loads (an agent of a notebook cannot be found again).
    """
    home = Path(folder)
    saved = read_summary(home)
    own = None if saved.get("folder") is None else Path(saved["folder"])
    plan = load(home / SCENARIO_FILE, folder=own)
    again: dict[str, Any] = {"until": saved["until_ns"], "engine": engine, "progress": progress}
    if "replay" in saved:
        # Not at the top: replays stand on this module.
        from market_sim.replaying import replay

        again["protocol"] = saved["replay"].get("protocol")
        result = replay(saved["replay"]["files"], plan, seed=saved["seed"], **again)
    else:
        result = run(plan, seed=saved["seed"], **again)
    return Verification(str(saved["event_log_hash"]), result.event_log_hash, result)
