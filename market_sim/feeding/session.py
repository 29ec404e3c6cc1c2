"""`feed`: a market whose external participant mirrors live books; and the replay of its capture."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from market_sim.errors import DataError, MarketSimError
from market_sim.feeding.flow import CapturedFlow, LiveFlow
from market_sim.feeding.placing import placed
from market_sim.feeding.subscriptions import read_wanted, with_grids
from market_sim.market import Market
from market_sim.replaying.notes import queues, use
from market_sim.replaying.recordings import WATCH
from market_sim.result import Result
from market_sim.scenario import Scenario, load
from market_sim.units import SECOND_NS, duration_ns

ScenarioName = str | PathLike[str] | Mapping[str, Any] | Scenario

DEFAULT_SCENARIO = "paper_maker"
LONGEST_SESSION_NS = 365 * 86_400 * SECOND_NS
# A session lasts as long as it is left alone; what runs wild is stopped by memory, not by a count.
LIVE_LIMITS = (f"limits.events={10**12}", f"limits.wall_s={LONGEST_SESSION_NS // SECOND_NS}")
STEP_MS = 50
PATIENCE = "10s"


class FeedSession:
    """A market fed by live books, or by the capture of such a session: `market` is an ordinary Market.

    A live one runs at the speed of the world; `close` stops its sockets and ends the market.
    """

    def __init__(self, market: Market, flow: LiveFlow | CapturedFlow) -> None:
        self.market = market
        self.flow = flow
        #: Set by whoever wants a live session to end; looked at between two steps.
        self.asked_to_stop = False
        # The session ends with its last record, on both sides; a scenario's duration is meant for runs.
        market.end_ns = LONGEST_SESSION_NS

    @property
    def origin(self) -> str:
        """Where the data come from and by which rule orders were made of them, in two sentences."""
        books = ", ".join(f"{book.place}:{book.instrument}" for book in self.flow.books)
        rules = dict.fromkeys(table.cancellations for table in self.market.config.listings if table.external)
        what = (
            f"Live feed of {books}"
            if isinstance(self.flow, LiveFlow)
            else f"Replay of {Path(self.flow.path).name}, a capture of {books}, on the local clock"
        )
        return (
            f"{what}. Sizes by price stand in queues made by rule (cancellations: {', '.join(rules)}); "
            "the traders behind them do not react."
        )

    def begin(self) -> None:
        """Let agents start, at time 0; events are pushed from now on."""
        if not self.market.started:
            self.market.step_to(0)

    def wait_for_live(self, patience_ns: int) -> None:
        """Run until a book is live; DataError saying why where none is in time."""
        assert isinstance(self.flow, LiveFlow), "a capture needs no waiting"
        self.begin()
        deadline = time.monotonic_ns() + patience_ns
        while not (self.asked_to_stop or self.flow.mirror.ever_live):
            self.market.step_to(min(self.flow.pump(STEP_MS), self.market.end_ns))
            if time.monotonic_ns() > deadline:
                causes = self.causes()
                self.close()
                raise DataError(
                    f"no live book within {patience_ns // SECOND_NS} s: {causes}",
                    "feed",
                    remedy="Check network and symbols; MARKET_SIM_<VENUE>_WS_URL names another address.",
                )

    def causes(self) -> str:
        """Why no book is live, as far as the connector knows."""
        assert isinstance(self.flow, LiveFlow), "a capture has no venue to ask"
        venues = self.flow.handle.stats()["venues"]
        return "; ".join(
            f"{book.place}:{book.instrument} is {story.state}"
            f" ({venues.get(book.venue, {}).get('last_error') or story.reason or 'no answer yet'})"
            for book, story in zip(self.flow.books, self.flow.mirror.stories, strict=True)
        )

    def run(self, until: str | int | None = None, told: Callable[[FeedSession], None] | None = None) -> None:
        """Let it run to the end of the capture, or a live one until that time or until it is asked to stop
        (`asked_to_stop`); then close it.

        `told` is called about every 50 ms of a live session.
        """
        until_ns = LONGEST_SESSION_NS if until is None else duration_ns(until)
        if isinstance(self.flow, CapturedFlow):
            self.market.end_ns = min(self.market.end_ns, until_ns)
            self.market.run()
            return
        try:
            self.begin()
            while not (self.asked_to_stop or self.market.finished) and self.market.now_ns < until_ns:
                self.market.step_to(min(self.flow.pump(STEP_MS), self.market.end_ns))
                if told is not None:
                    told(self)
        finally:
            self.close()

    def close(self) -> None:
        """Stop the sockets, play what they still brought, end the market. Nothing happens the second time."""
        if isinstance(self.flow, LiveFlow):
            self.begin()
            self.flow.finish()
        if self.market.failure is None and not self.market.finished:
            self.market.step_to(self.market.end_ns)

    def report(self) -> dict[str, Any]:
        """What came, what was lost and what was used, as plain data: `replay` in the summary of a result.

        Keys: `clock` ("local"), `files` (by "feed": the capture), `live`, `books` (per subscription: state,
        snapshots, diffs, trades, gaps, dropped, states), `interruptions` (the newest), `connector` (counters
        of the sockets; live only), `external` (per listing, sizes in lots), `notes`; of a capture also
        `breaks_off` (it has no end) and `torn_bytes` (there, of a record that is not whole).
        """
        flow, market = self.flow, self.market
        fed = {
            (table.venue, table.external): (listing, table)
            for listing, table in zip(market.listings, market.config.listings, strict=True)
            if table.external is not None
        }
        external = {
            listing.name: dict(market.kernel.external_stats(listing.id)) for listing, _ in fed.values()
        }
        live = isinstance(flow, LiveFlow)
        recorded = flow.record if isinstance(flow, LiveFlow) else flow.path
        told: dict[str, Any] = {
            "clock": "local",
            "live": live,
            "files": {} if recorded is None else {"feed": [recorded]},
            "books": {
                f"{book.place}:{book.instrument}": asdict(story)
                for book, story in zip(flow.books, flow.mirror.stories, strict=True)
            },
            "interruptions": [asdict(one) for one in flow.mirror.interruptions],
            "external": external,
            "notes": [*self._notes(), *queues(fed), *use(fed, external)],
        }
        if isinstance(flow, LiveFlow):
            # Paths in it become texts, for a summary is written as JSON.
            told["connector"] = json.loads(json.dumps(flow.handle.stats(), default=str))
        else:
            told |= {"breaks_off": flow.breaks_off, "torn_bytes": flow.torn_bytes}
        return told

    def _notes(self) -> list[str]:
        notes = [
            "The traders behind a live book do not react to simulated orders.",
            "Kernel time is the local receive stamp and no delay of the feed is added: order latency must "
            "stand for the way to the exchange and back.",
        ]
        for book, story in zip(self.flow.books, self.flow.mirror.stories, strict=True):
            if story.gaps:
                notes.append(
                    f"Gaps in the feed of {book.place}:{book.instrument}: {story.gaps}. From each to the "
                    "next snapshot its book was empty."
                )
        if isinstance(self.flow, CapturedFlow) and self.flow.breaks_off:
            notes.append(
                "The capture breaks off: who wrote it was stopped in the middle, or the file was cut. It is "
                "used to its last whole record."
            )
        return notes

    def result(self) -> Result:
        """The result so far; its summary has the report under `replay`."""
        return Result.of(self.market, replay=self.report())


def open_feed(
    books: Sequence[str],
    scenario: ScenarioName | None = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    *,
    engine: str | None = None,
    overrides: Iterable[str] = (),
    shipped_only: bool = False,
    record: str | Path | None = None,
    ws_urls: Mapping[str, str] | None = None,
    rest_urls: Mapping[str, str] | None = None,
    depth: int | None = None,
    settings: Mapping[str, int] | None = None,
    adapt: Callable[[Scenario], Scenario] | None = None,
) -> FeedSession:
    """A live session that has begun to connect; arguments as in `feed`. `adapt` may change the scenario once
    the books stand in it.

    `depth` is how many levels a side to ask the venues for; None for each venue's own choice.
    Raises DataError for books it cannot follow, EngineError without the native extension, ScenarioError.
    """
    plan = _plan(scenario, (*LIVE_LIMITS, *overrides), shipped_only, bool(agents))
    wanted = [read_wanted(text) for text in books]
    if not wanted:
        raise DataError("no book is named", "feed", remedy='Name one or more, as in "kraken:BTC/USD".')
    subscriptions = with_grids(wanted, plan, rest_urls or {})
    plan = placed(plan, subscriptions)
    plan = plan if adapt is None else adapt(plan)
    flow = LiveFlow(
        subscriptions, ws_urls=ws_urls, rest_urls=rest_urls, depth=depth, record=record, settings=settings
    )
    return _session(plan, flow, agents, seed, engine)


def open_captured(
    path: str | Path,
    scenario: ScenarioName | None = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    *,
    engine: str | None = None,
    overrides: Iterable[str] = (),
    shipped_only: bool = False,
    adapt: Callable[[Scenario], Scenario] | None = None,
) -> FeedSession:
    """The replay of a session's capture, which has not begun: the same scenario and seed, the same hash.
    `adapt` as in `open_feed`.
    """
    flow = CapturedFlow(path)
    plan = placed(_plan(scenario, overrides, shipped_only, bool(agents)), flow.books)
    return _session(plan if adapt is None else adapt(plan), flow, agents, seed, engine)


def _plan(
    scenario: ScenarioName | None, overrides: Iterable[str], shipped_only: bool, own_agents: bool
) -> Scenario:
    """The scenario; the default one leaves its agents out beside one's own, and "watch" has none at all."""
    alone = scenario == WATCH or (own_agents and scenario is None)
    named = DEFAULT_SCENARIO if scenario is None or scenario == WATCH else scenario
    plan = load(Path(named) if isinstance(named, PathLike) else named, overrides, shipped_only=shipped_only)
    return plan.model_copy(update={"agents": []}) if alone else plan


def _session(
    plan: Scenario, flow: LiveFlow | CapturedFlow, agents: Sequence[Any], seed: int | None, engine: str | None
) -> FeedSession:
    try:
        moment = datetime.fromtimestamp(flow.mirror.epoch_ns // SECOND_NS, UTC).astimezone(
            ZoneInfo(plan.zone)
        )
        dated = plan.model_copy(update={"epoch": moment.isoformat()})
        return FeedSession(Market(dated, seed=seed, engine=engine, agents=agents, flow=flow), flow)
    except BaseException:
        if isinstance(flow, LiveFlow):
            flow.handle.stop()
        raise


@contextmanager
def _stopped_by_signals(session: FeedSession) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the session to stop between two steps; the second Ctrl-C breaks it off.

    An exception in the middle of a step would leave events behind that are in the capture already, and its
    replay would be another market.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: object) -> None:
        if session.asked_to_stop and number == signal.SIGINT:
            raise KeyboardInterrupt
        session.asked_to_stop = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def feed(
    books: Sequence[str],
    scenario: ScenarioName | None = None,
    agents: Sequence[Any] = (),
    seed: int | None = None,
    until: str | int | None = None,
    engine: str | None = None,
    *,
    overrides: Iterable[str] = (),
    record: str | Path | None = None,
    ws_urls: Mapping[str, str] | None = None,
    rest_urls: Mapping[str, str] | None = None,
    depth: int | None = None,
    settings: Mapping[str, int] | None = None,
    patience: str | int = PATIENCE,
    told: Callable[[FeedSession], None] | None = None,
    out: str | Path | None = None,
) -> Result:
    """Run agents in live markets and give the Result: what `market-sim feed` does.

    `books`: "kraken:BTC/USD" and the like, also of several venues; "kraken:BTC/USD@0.1/0.00000001" writes
    tick and lot, which else come from the scenario's listing or from the venue. `scenario`: one whose
    listings name the books (`venue = "KRAKEN"`, `external = "BTC/USD"`), beside simulated listings if it
    likes; of one with a single recorded listing, as `paper_maker`, which is the default, every book takes
    that listing's place. "watch": nobody trades.
    `agents` as in `replay`. It ends at `until` (counted from the second in which it began) or with Ctrl-C.
    `record` names a capture file that must not exist yet; replayed with the same scenario and seed it gives
    the same event-log hash. `ws_urls` and `rest_urls` (by venue) go before MARKET_SIM_<VENUE>_WS_URL and
    _REST_URL. `settings` are the connector's times and limits.

    Needs the native extension (EngineError says how to build it). Raises DataError within `patience` where no
    book becomes live, and what `run` raises. Nothing is sent to an exchange but subscriptions.
    """
    session = open_feed(
        books,
        scenario,
        agents,
        seed,
        engine=engine,
        overrides=overrides,
        record=record,
        ws_urls=ws_urls,
        rest_urls=rest_urls,
        depth=depth,
        settings=settings,
    )
    try:
        with _stopped_by_signals(session):
            session.wait_for_live(duration_ns(patience))
            session.run(until, told)
    except MarketSimError as error:
        session.close()
        error.result = session.result()  # type: ignore[attr-defined]
        if out is not None and session.market.started:
            error.result.save(out)  # type: ignore[attr-defined]
        raise
    outcome = session.result()
    if out is not None:
        outcome.save(out)
    _assert_recorded(session, outcome)
    return outcome


def _assert_recorded(session: FeedSession, outcome: Result) -> None:
    """The session went on without its recording; who asked for one must not believe that it is whole."""
    assert isinstance(session.flow, LiveFlow), "only live sessions record"
    recorded = session.flow.handle.stats()["capture"]
    if recorded is None or recorded["error"] is None:
        return
    error = DataError(
        f"the capture ends early, after {recorded['records']} records ({recorded['error']})",
        session.flow.record or "",
        remedy="What it has can be replayed. Make room, and record again.",
    )
    error.result = outcome  # type: ignore[attr-defined]
    raise error
