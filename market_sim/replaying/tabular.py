"""A market on recordings that are tables: opened like any replay, stepped like any market."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from market_sim.errors import ScenarioError
from market_sim.market import Market
from market_sim.replaying.flow import clock_named
from market_sim.replaying.formats import CLOCKED, open_tables, own_scenario, scales
from market_sim.replaying.rows import SECOND_NS, RowFlow
from market_sim.result import Result
from market_sim.scenario import Scenario, load


class TableReplay:
    """A market fed by tables, ready to run; same face as `Replay`."""

    def __init__(self, market: Market, flow: RowFlow, protocol: str) -> None:
        self.market = market
        self.flow = flow
        self.protocol = protocol
        market.end_ns = min(market.end_ns, flow.expected_end_ns())

    @property
    def origin(self) -> str:
        """Where the data come from and by which rule orders were made of them, in sentences."""
        names = list(dict.fromkeys(Path(name).name for source in self.flow.sources for name in source.files))
        shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more files" if len(names) > 2 else "")
        return f"Replay of {shown} ({self.protocol}). {self.notes()[1]} Recorded traders do not react."

    def notes(self) -> list[str]:
        """Sentences about the replay: what recorded traders cannot do, what the tables cannot know."""
        told = ["Recorded traders do not react: they did what they did without the simulated orders."]
        for source in self.flow.sources:
            told += source.notes()
        for listing, table in zip(self.market.listings, self.market.config.listings, strict=True):
            if table.external is None:
                continue
            stats = self.market.kernel.external_stats(listing.id)
            taken, met, back = (
                f"{listing.size(stats[name]):g} {listing.base}"
                for name in ("lots_taken", "lots_traded", "restored_lots")
            )
            told.append(
                f"At {listing.name} {taken} of recorded resting size traded with agents ({back} came back "
                f"with later updates), and recorded aggressors traded {met}."
            )
        return list(dict.fromkeys(told))

    def report(self) -> dict[str, Any]:
        """What was read, corrected and used, as plain data: `replay` in the summary of a result."""
        market = self.market
        fed = zip(market.listings, market.config.listings, strict=True)
        return {
            **self.flow.counts(),
            "protocol": self.protocol,
            "files": list(dict.fromkeys(name for source in self.flow.sources for name in source.files)),
            "external": {
                listing.name: dict(market.kernel.external_stats(listing.id))
                for listing, table in fed
                if table.external is not None
            },
            "notes": self.notes(),
        }

    def result(self) -> Result:
        """The result so far; its summary has the report under `replay`."""
        return Result.of(self.market, replay=self.report())


def open_table_replay(
    files: Any,
    protocol: str,
    scenario: Any = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    *,
    clock: str | None = None,
    engine: str | None = None,
    overrides: Iterable[str] = (),
    shipped_only: bool = False,
    options: Mapping[str, Any] | None = None,
    terms: Mapping[str, Any] | None = None,
) -> TableReplay:
    """A replay of tables that has not begun. `options` as in `open_tables`, `terms` as in `own_scenario`.

    Without a scenario the recorded market alone, on the grid that its numbers show.
    """
    chosen = clock_named(clock or "local") if protocol in CLOCKED else "venue"
    if clock is not None and protocol not in CLOCKED and clock != chosen:
        raise ScenarioError(
            f"no {clock} clock: {protocol} files have one stamp, the venue's", "replay", "Leave --clock out."
        )
    sources = open_tables(files, protocol, chosen, options)
    if scenario in (None, "watch"):
        scenario = own_scenario(sources, **dict(terms or {}))
    plan = load(scenario, overrides, shipped_only=shipped_only)
    flow = RowFlow(sources, chosen)
    grids = {
        (table.venue, table.external): (table.tick, table.lot) for table in plan.listings if table.external
    }
    flow.scales = scales(sources, grids)
    market = Market(_dated(plan, flow), seed=seed, engine=engine, agents=agents, flow=flow)
    return TableReplay(market, flow, protocol)


def _dated(plan: Scenario, flow: RowFlow) -> Scenario:
    moment = datetime.fromtimestamp(flow.epoch_ns // SECOND_NS, UTC).astimezone(ZoneInfo(plan.zone))
    return plan.model_copy(update={"epoch": moment.isoformat()})
