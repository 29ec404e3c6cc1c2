"""The inside of a market's process: one loop that takes commands, lets simulated time pass and sends
pictures.

One thread does it all, in an order that a journal can repeat: commands act between two slices of simulated
time, never in the middle of one.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, runtime_checkable

from market_sim.errors import AgentError, MarketSimError
from market_sim.frame import Picture, TradePicture
from market_sim.runner.commands import (
    ACTIONS,
    Acknowledge,
    Action,
    Ask,
    Command,
    MarketRequest,
    Pause,
    Reopen,
    Restart,
    Run,
    SetSpeed,
    Step,
    Stop,
    WatchOrders,
)
from market_sim.runner.frames import Answer, Failure, FeedStatus, Frame, JournalEntry, MarketInfo, Reply, Told
from market_sim.runner.pacer import NS, Meter, Pacer

FRAME_INTERVAL_S = 0.03
"""At most 33 pictures a second leave a process: a page that draws 20 finds a fresh one at every look."""

FRAMES_UNREAD = 2
"""Pictures on their way at once: one being drawn and one waiting. Beyond it the process keeps only the
newest.
"""

ANSWER_INTERVAL_S = 0.008
"""So soon after a picture the next may leave that shows what a command has done: nobody waits for the usual
rhythm, and forty people who send at once do not make forty pictures.
"""

SLICE_S = 0.006
"""Wall time of one stretch of simulation: how long a command may have to wait."""

MESSAGES_AT_ONCE = 64
"""Messages taken between two stretches of simulation: a crowd that sends at once does not wait in a line."""

TRADES_KEPT = 400
"""Trades that wait for a slow reader; the oldest go first and are counted."""


class Source(Protocol):
    """What the loop asks of a market. `Market` and replays are wrapped into this by
    `market_sim.runner.source`.
    """

    now_ns: int
    events: int
    end_ns: int
    finished: bool

    def info(self) -> MarketInfo:
        """What stays the same while it runs."""

    def picture(self) -> Picture:
        """What it shows now; its trades are those since the picture before."""

    def step_to(self, time_ns: int) -> None:
        """Run to that instant of simulated time."""

    def step_event(self) -> None:
        """Run to the next event and through it."""

    def act(self, command: Action) -> tuple[str, int | None]:
        """Carry out a command from outside; MarketSimError in words for what cannot be."""

    def take_told(self) -> list[Told]:
        """What people have been told since the last call."""

    def watch_orders(self, agents: tuple[str, ...]) -> None:
        """List the live orders of these agents in pictures."""

    def ask(self, question: Ask) -> Any:
        """Answer a question; MarketSimError in words for what cannot be answered."""

    def event_log_hash(self) -> str:
        """The hash of everything that has happened."""


@runtime_checkable
class LiveSource(Protocol):
    """A source at the pace of the world."""

    def follow(self) -> None:
        """Run to what has come by now."""

    def feed(self) -> FeedStatus:
        """How its books and connections are."""

    def close(self) -> None:
        """Leave the world alone."""


Factory = Callable[[MarketRequest], Source]


def main(
    pipe: Connection, request: MarketRequest, factory: Factory, speed: float | None, running: bool
) -> None:
    """Run a market until it is told to stop, its reader goes away, or it fails (which the reader is told)."""
    # Ctrl-C in a terminal reaches the whole process group; the page's process decides, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    # A market that runs as fast as it goes must not starve the page that shows it.
    if hasattr(os, "nice"):
        os.nice(5)
    try:
        Loop(pipe, request, factory, speed, running).serve()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the reader is gone, and nobody is left to tell
    except BaseException as error:
        _report(pipe, error)


def end_with_parent() -> None:
    """The pipe tells a waiting loop that the parent died; this tells one that is stuck in an agent's
    callback.
    """
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _report(pipe: Connection, error: BaseException) -> None:
    text = "".join(traceback.format_exception(error))
    sentence = str(error) if isinstance(error, MarketSimError) else f"{type(error).__name__}: {error}"
    try:
        pipe.send(Failure(sentence, text))
    except OSError:
        sys.stderr.write(text)


class Loop:
    """A market, its clock and its two ends of the pipe."""

    def __init__(
        self, pipe: Connection, request: MarketRequest, factory: Factory, speed: float | None, running: bool
    ) -> None:
        self._pipe = pipe
        self._request = request
        self._factory = factory
        self._running = running
        self._stopping = False
        self._meter = Meter()
        self._unread = 0
        self._number = 0
        self._commands = 0
        self._answering = False
        self._journal: list[JournalEntry] = []
        self._answers: list[Answer] = []
        self._told: list[Told] = []
        self._watched: tuple[str, ...] = ()
        self._open(speed)

    def _open(self, speed: float | None) -> None:
        self._close()
        self._market = self._factory(self._request)
        self._running = self._running or isinstance(self._market, LiveSource)
        self._market.watch_orders(self._watched)
        self._told.clear()
        self._answers.clear()
        self._pipe.send(self._market.info())
        self._pacer = Pacer(self._market.now_ns, speed)
        self._meter.restart()
        self._slice_ns = 1_000_000
        self._trades: deque[TradePicture] = deque(maxlen=TRADES_KEPT)
        self._trades_dropped = 0
        self._stale = True
        self._last_frame = self._next_frame = 0.0

    def _close(self) -> None:
        market = getattr(self, "_market", None)
        if isinstance(market, LiveSource):
            market.close()

    def serve(self) -> None:
        """Until told to stop."""
        try:
            self._serve()
        finally:
            self._close()

    def _serve(self) -> None:
        while not self._stopping:
            idle_s = self._advance() if self._running else None
            self._send_frame()
            if self._pipe.poll(self._patience(idle_s)):
                self._take(self._pipe.recv())
                self._take_waiting()

    def _take_waiting(self) -> None:
        for _ in range(MESSAGES_AT_ONCE):
            if self._stopping or not self._pipe.poll():
                return
            self._take(self._pipe.recv())

    def _patience(self, idle_s: float | None) -> float | None:
        """How long to wait for a message; None is until one comes."""
        if self._stale and self._may_send():
            due = max(0.0, self._next_frame - time.perf_counter())
            return due if idle_s is None else min(due, idle_s)
        return idle_s

    def _may_send(self) -> bool:
        """Whether the reader has room. An answer takes one place more than pictures may."""
        return self._unread < FRAMES_UNREAD + self._answering

    # -- commands

    def _take(self, message: Command | Acknowledge | WatchOrders | Ask) -> None:
        if isinstance(message, Acknowledge):
            self._unread -= 1
            return
        if isinstance(message, Ask):
            self._pipe.send(self._reply(message))
            return
        self._stale = True
        if isinstance(message, WatchOrders):
            self._watched = message.agents
            self._market.watch_orders(message.agents)
            return
        self._commands += 1
        self._answering = True
        self._next_frame = min(self._next_frame, self._last_frame + ANSWER_INTERVAL_S)
        self._journal.append(JournalEntry(self._market.now_ns, self._market.events, message))
        match message:
            case Run():
                self._set_running(True)
            case Pause():
                self._set_running(False)
            case Step(unit):
                self._set_running(False)
                self._step(unit)
            case SetSpeed(speed):
                self._pacer.speed = speed
                self._pacer.rebase(self._market.now_ns)
                self._meter.restart()
            case Restart(seed):
                self._request = self._request.with_seed(seed)
                self._open(self._pacer.speed)
            case Reopen(request):
                self._request = request
                self._open(self._pacer.speed)
            case Stop():
                self._stopping = True
            case _ if isinstance(message, ACTIONS):
                self._answers.append(self._act(message))

    def _act(self, command: Action) -> Answer:
        now_ns = self._market.now_ns
        try:
            sentence, order = self._market.act(command)
        except AgentError:
            raise  # an agent's own code failed on what happened: that ends a market
        except MarketSimError as error:
            return Answer(now_ns, command, False, str(error))
        return Answer(now_ns, command, True, sentence, order)

    def _reply(self, question: Ask) -> Reply:
        try:
            return Reply(question.number, self._market.ask(question))
        except MarketSimError as error:
            return Reply(question.number, error=str(error))

    def _set_running(self, running: bool) -> None:
        if isinstance(self._market, LiveSource):
            return  # the world does not wait
        self._running = running
        self._pacer.rebase(self._market.now_ns)
        self._meter.restart()

    def _step(self, unit: str) -> None:
        if self._market.finished or isinstance(self._market, LiveSource):
            return
        if unit == "event":
            self._market.step_event()
        else:
            self._market.step_to(min(self._market.now_ns + NS, self._market.end_ns))

    # -- simulated time

    def _advance(self) -> float | None:
        """Run one slice; returns how many seconds there is nothing to do (None: until a command comes)."""
        market = self._market
        if self._market.finished:
            self._running = False
            self._stale = True
            return None
        if isinstance(market, LiveSource):
            market.follow()
            self._stale = True
            return SLICE_S
        goal = self._pacer.goal_ns(market.now_ns)
        if goal is not None and goal <= market.now_ns:
            return SLICE_S
        to = min(market.now_ns + self._slice_ns, market.end_ns)
        bound = goal is None or to < goal
        if goal is not None:
            to = min(to, goal)
        began = time.perf_counter()
        market.step_to(to)
        spent = time.perf_counter() - began
        self._stale = True
        if bound:  # the slice, not the goal, decided how much work this was: adapt it
            self._slice_ns = max(1_000, int(self._slice_ns * min(2.0, max(0.25, SLICE_S / max(spent, 1e-6)))))
            return 0.0
        return max(0.0, SLICE_S - spent)

    # -- pictures

    def _send_frame(self) -> None:
        now = time.perf_counter()
        if not self._stale or now < self._next_frame or not self._may_send():
            return
        self._told.extend(self._market.take_told())
        if not self._running:
            # A held market sends no later picture that could bring what this one leaves out.
            self._market.watch_orders(self._watched)
        picture = self._market.picture()
        self._trades_dropped += max(0, len(self._trades) + len(picture.trades) - TRADES_KEPT)
        self._trades.extend(picture.trades)
        if self._running:
            self._meter.note(picture.time_ns, picture.events)
        pace, events_per_s = self._meter.rates()
        self._number += 1
        self._pipe.send(
            Frame(
                number=self._number,
                picture=picture,
                trades=tuple(self._trades),
                trades_dropped=self._trades_dropped,
                running=self._running and not picture.finished,
                speed=self._pacer.speed,
                pace=pace,
                events_per_s=events_per_s,
                journal=tuple(self._journal),
                answers=tuple(self._answers),
                told=tuple(self._told),
                event_log_hash=self._market.event_log_hash(),
                commands=self._commands,
                feed=self._market.feed() if isinstance(self._market, LiveSource) else None,
            )
        )
        self._trades.clear()
        self._trades_dropped = 0
        self._journal.clear()
        self._answers.clear()
        self._told.clear()
        self._unread += 1
        self._stale = self._answering = False
        self._last_frame, self._next_frame = now, now + FRAME_INTERVAL_S
