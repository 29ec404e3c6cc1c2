"""`replay`: a recorded market with agents in it, from the first frame to the last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from market_sim.errors import ScenarioError
from market_sim.market import Market
from market_sim.replaying.flow import Flow, clock_named
from market_sim.replaying.formats import recognise
from market_sim.replaying.notes import notes
from market_sim.replaying.recordings import (
    WATCH,
    Files,
    ScenarioName,
    open_sources,
    refuse_contracts,
    scenario_for,
    session_capture,
)
from market_sim.replaying.tabular import TableReplay, open_table_replay
from market_sim.result import Result
from market_sim.running import play
from market_sim.scenario import Scenario
from market_sim.units import SECOND_NS, duration_ns

if TYPE_CHECKING:
    from market_sim.feeding import FeedSession

SiteOffset = str | int | Mapping[str, str | int]


class Replay:
    """A market fed by recordings, ready to run: `market` is an ordinary Market, `flow` what feeds it.

    Step `market` as any other; it ends with its recordings or its scenario's duration, whichever is earlier.
    """

    def __init__(self, market: Market, flow: Flow) -> None:
        self.market = market
        self.flow = flow
        market.end_ns = min(market.end_ns, flow.expected_end_ns())

    @property
    def origin(self) -> str:
        """Where the data come from and by which rule orders were made of them, in two sentences."""
        names = [Path(name).name for source in self.flow.sources for name in source.capture.files]
        shown = ", ".join(names[:2]) + (f" and {len(names) - 2} more files" if len(names) > 2 else "")
        rules = dict.fromkeys(table.cancellations for table in self.market.config.listings if table.external)
        return (
            f"Replay of {shown} on the {self.flow.clock} clock. Recorded sizes stand in queues made by rule "
            f"(cancellations: {', '.join(rules)}); recorded traders do not react."
        )

    def report(self) -> dict[str, Any]:
        """What was read, corrected and used, as plain data: `replay` in the summary of a result.

        Keys: `clock`, `site_offset_ns`, `files` (by venue), `external` (per listing, sizes in lots),
        `bumped_stamps`, `negative_delays`, `sources` (counts of each recording and symbol), `notes`
        (sentences for people).
        """
        market, flow = self.market, self.flow
        fed = {
            (table.venue, table.external): (listing, table)
            for listing, table in zip(market.listings, market.config.listings, strict=True)
            if table.external is not None
        }
        external = {
            listing.name: dict(market.kernel.external_stats(listing.id)) for listing, _ in fed.values()
        }
        return {
            **flow.counts(),
            "site_offset_ns": dict(market.config.replay.site_offset_ns),
            "files": {source.venue: list(source.capture.files) for source in flow.sources},
            "external": external,
            "notes": [*notes(flow, fed, external), *self._left_out()],
        }

    def _left_out(self) -> list[str]:
        # A market to watch is made for its recording, and its description says what could not come along.
        config = self.market.config
        return [config.description] if config.name == WATCH else []

    def result(self) -> Result:
        """The result so far; its summary has the report under `replay`."""
        return Result.of(self.market, replay=self.report())


def open_replay(
    files: Files,
    scenario: ScenarioName = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    *,
    clock: str | None = None,
    site_offset: SiteOffset | None = None,
    engine: str | None = None,
    overrides: Iterable[str] = (),
    shipped_only: bool = False,
    protocol: str | None = None,
) -> Replay | TableReplay | FeedSession:
    """A replay that has not begun; arguments as in `replay`, `overrides` and `shipped_only` as in `load`.

    Raises DataError with file and line, ScenarioError for settings that these files do not have.
    """
    more: dict[str, Any] = {"engine": engine, "overrides": overrides, "shipped_only": shipped_only}
    capture = session_capture(files)
    if capture is not None:
        # Not at the top: feeds stand on the notes of replays.
        from market_sim.feeding import open_captured

        _refuse_settings(clock, site_offset)
        return open_captured(capture, scenario, agents, seed, **more)
    table = recognise(files, protocol)
    if table is not None:
        if site_offset is not None:
            raise ScenarioError(f"a site offset for {table} files", "replay", "Only captures have one.")
        return open_table_replay(files, table, scenario, agents, seed, clock=clock, **more)
    plan = scenario_for(
        files, scenario, overrides, shipped_only=shipped_only, own_agents=bool(agents), protocol=protocol
    )
    sources = open_sources(files, plan, protocol)
    refuse_contracts(plan, sources)
    settings = _settings(plan, clock, site_offset)
    flow = Flow(sources, settings.clock, settings.site_offset_ns)
    dated = plan.model_copy(update={"replay": settings, "epoch": _epoch(flow, plan)})
    return Replay(Market(dated, seed=seed, engine=engine, agents=agents, flow=flow), flow)


def replay(
    files: Files,
    scenario: ScenarioName = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    clock: str | None = None,
    until: str | int | None = None,
    engine: str | None = None,
    *,
    site_offset: SiteOffset | None = None,
    overrides: Iterable[str] = (),
    protocol: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    out: str | Path | None = None,
) -> Result:
    """Run agents in a recorded market and give the Result: what `market-sim replay` does without `--check`.

    `files`: one capture (`<local ns> <raw frame>` a line, plain or gzip) or consecutive ones; of several
    venues as {"VENUE": [files]} or as texts "VENUE=file"; or tables: LOBSTER's two files of a day, Tardis
    CSV, hftbacktest npz, CSV of quotes, trades, bars or closes. `protocol`: binance, kraken, coinbase, okx,
    bybit, lobster, tardis, hftbacktest, quotes, trades, bars, closes; None for what the files show.
    `scenario`: one whose listings name recorded symbols (`external = "BTCUSDT"`), by name, path, dict or
    Scenario; "watch" for the recorded symbols alone, on the grid their numbers show; None for `paper_maker`
    where that lists what was recorded, else "watch". With `agents` (instances or classes, as in `run`) the
    default scenario leaves its own agents out. `clock`: "local" (receive stamps) or "venue" (exchange
    stamps, recorded delays); `site_offset` ("1.28s", or per venue) joins the recorded delays; both default
    to the scenario's [replay]. Time 0 is the second of the first update, `until` counts from there.
    `progress` is called with (now_ns, end_ns). `out` is a folder to save to, also when an error stops the
    run.

    The result's summary has `replay`: counts of what was read, corrected and used, and notes that say what
    recorded traders cannot do. The capture of a live session (`.msfeed`) is replayed in the scenario it was
    lived in, by default `paper_maker`, to the same event-log hash. Raises DataError with file and line for
    what cannot be read, and what `run` raises.
    """
    session = open_replay(
        files,
        scenario,
        agents,
        seed,
        clock=clock,
        site_offset=site_offset,
        engine=engine,
        overrides=overrides,
        protocol=protocol,
    )
    if until is not None:
        until = min(session.market.end_ns, duration_ns(until))
    return play(session.market, session.result, until, progress, out)


def _refuse_settings(clock: str | None, site_offset: SiteOffset | None) -> None:
    if clock not in (None, "local") or site_offset is not None:
        raise ScenarioError(
            "the capture of a live session is replayed as it was lived, on the local clock",
            "replay",
            "Leave out clock and site offset.",
        )


def _settings(plan: Scenario, clock: str | None, site_offset: SiteOffset | None) -> Any:
    given = site_offset
    if given is None:
        offsets = dict(plan.replay.site_offset_ns)
    elif isinstance(given, Mapping):
        offsets = plan.replay.site_offset_ns | {venue: _signed_ns(text) for venue, text in given.items()}
    else:
        offsets = {listing.venue: _signed_ns(given) for listing in plan.listings if listing.external}
    unknown = offsets.keys() - plan.venues.keys()
    if unknown:
        raise ScenarioError(
            f"a site offset for unknown {', '.join(sorted(unknown))}",
            "replay",
            f"Venues: {', '.join(plan.venues)}.",
        )
    return plan.replay.model_copy(
        update={"clock": clock_named(clock or plan.replay.clock), "site_offset_ns": offsets}
    )


def _signed_ns(offset: str | int) -> int:
    if isinstance(offset, str) and offset.startswith("-"):
        return -duration_ns(offset[1:])
    return duration_ns(offset)


def _epoch(flow: Flow, plan: Scenario) -> str:
    moment = datetime.fromtimestamp(flow.epoch_ns // SECOND_NS, UTC).astimezone(ZoneInfo(plan.zone))
    return moment.isoformat()
