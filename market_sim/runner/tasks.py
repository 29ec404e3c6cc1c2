"""One piece of work in a process of its own, with progress, a way to stop it, and limits on time and memory.

A market on show goes on until nobody looks (`Runner`); a task ends by itself. The server that asks for it
never waits: it looks at `poll` when it likes.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from market_sim.errors import EngineError, MarketSimError
from market_sim.runner import nursery
from market_sim.runner.frames import Failure
from market_sim.runner.handle import PARTING_S, start_without_main
from market_sim.runner.process import end_with_parent

TASKS = 4
"""Tasks at once, unless MARKET_SIM_MAX_TASKS says otherwise."""
WALL_S = 300.0
MEMORY_MB = 2048
MEMORY_EVERY_S = 0.1
PROGRESS_EVERY_S = 0.1

_open: set[Task] = set()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come: `share` from 0 to 1, None where nobody can say, and what it does, in words."""

    share: float | None
    doing: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Wall seconds and megabytes of resident memory that a task may use."""

    wall_s: float = WALL_S
    memory_mb: int = MEMORY_MB


@dataclass(frozen=True, slots=True)
class _End:
    """The work is done."""


Tell = Callable[[Any], None]
Work = Callable[[Any, Path, Tell], None]


class Task:
    """`work(request, folder, tell)` in a process; what it tells arrives in `items`, its progress apart.

    `folder` is the task's own: it is there until `close`. `work` is a function of a module, for it is named
    to the other process.
    """

    def __init__(self, work: Work, request: Any, limits: Limits | None = None) -> None:
        if len(_open) >= max_tasks():
            raise EngineError(
                f"{len(_open)} tasks are at work on this server, and no more are begun",
                remedy="Try again in a minute, or raise MARKET_SIM_MAX_TASKS.",
            )
        self.limits = limits or Limits()
        self.progress = Progress(None, "starting")
        self.items: list[Any] = []
        self.failure: Failure | None = None
        self.done = False
        self.folder = Path(tempfile.mkdtemp(prefix="market_sim-task-"))
        self._deadline = time.monotonic() + self.limits.wall_s
        context = nursery.context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(  # type: ignore[attr-defined]
            target=_main, args=(theirs, work, request, self.folder, self.limits), name="task", daemon=True
        )
        _open.add(self)
        try:
            start_without_main(self._process)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()

    @property
    def pid(self) -> int | None:
        """The operating system's id of the task's process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether there may be more to come."""
        return not self.done and self.failure is None

    def poll(self) -> bool:
        """Take what has arrived; True if anything has. Never waits."""
        news = False
        try:
            while self.running and self._pipe.poll():
                news = True
                self._receive(self._pipe.recv())
        except (EOFError, OSError):
            self._fail(f"Process {self.pid} of this task ended by itself{self._cause()}. Try again.")
            return True
        if self.running and time.monotonic() > self._deadline:
            self._fail(
                f"It took more than {self.limits.wall_s:g} s and was stopped. Take less data or a shorter "
                "time, or a strategy that looks at the market less often."
            )
            return True
        if not self.running:
            self._release()
        return news

    def cancel(self) -> None:
        """Stop it; what it has told so far stays."""
        if self.running:
            self._fail("Stopped, as asked.")

    def close(self) -> None:
        """End the process and remove the folder."""
        self._end_process()
        _open.discard(self)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _receive(self, message: Any) -> None:
        if isinstance(message, Progress):
            self.progress = message
        elif isinstance(message, Failure):
            self.failure = message
        elif isinstance(message, _End):
            self.done = True
        else:
            self.items.append(message)

    def _fail(self, sentence: str) -> None:
        self.failure = self.failure or Failure(sentence, "")
        self._release()

    def _release(self) -> None:
        """Its place among the tasks is free; files stay."""
        self._end_process()
        _open.discard(self)

    def _cause(self) -> str:
        self._process.join(PARTING_S)
        code = self._process.exitcode
        return "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"

    def _end_process(self) -> None:
        self._pipe.close()
        if self._process.pid is None:
            return
        self._process.join(0.05)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PARTING_S)


def max_tasks() -> int:
    """How many tasks there may be at once; EngineError if the environment's number is none."""
    text = os.environ.get("MARKET_SIM_MAX_TASKS", str(TASKS))
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise EngineError(f"{text!r} is no number of tasks", "MARKET_SIM_MAX_TASKS", "Give one above 0.")
    return int(text)


def open_tasks() -> int:
    """How many tasks are at work."""
    return len(_open)


# -- in the task's own process


def _main(pipe: Connection, work: Work, request: Any, folder: Path, limits: Limits) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="end-with-parent", daemon=True).start()
    sender = _Sender(pipe)
    threading.Thread(target=_watch_memory, args=(sender, limits), name="memory", daemon=True).start()
    # Whoever shows markets must not wait for whoever computes.
    if hasattr(os, "nice"):
        os.nice(10)
    try:
        work(request, folder, sender.tell)
        sender.send(_End())
    except BaseException as error:
        sender.send(_failure(error))


def _failure(error: BaseException) -> Failure:
    text = "".join(traceback.format_exception(error))
    sentence = str(error) if isinstance(error, MarketSimError) else f"{type(error).__name__}: {error}"
    return Failure(sentence, text)


class _Sender:
    """The pipe, for two threads; progress that comes faster than anybody looks is left out."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()
        self._next = 0.0

    def tell(self, item: Any) -> None:
        """An item of the work, or its progress."""
        if isinstance(item, Progress):
            now = time.monotonic()
            if now < self._next and item.share is not None:
                return
            self._next = now + PROGRESS_EVERY_S
        self.send(item)

    def send(self, message: Any) -> None:
        """Into the pipe; nobody may be there any more."""
        with self._lock:
            try:
                self._pipe.send(message)
            except OSError:
                os._exit(1)


def _watch_memory(sender: _Sender, limits: Limits) -> None:
    from market_sim.limits import memory_mb

    while True:
        used = memory_mb()
        if used is not None and used > limits.memory_mb:
            sender.send(
                Failure(
                    f"It used more than {limits.memory_mb:,} MB of memory and was stopped. Take less data "
                    "or a shorter time.",
                    "",
                )
            )
            os._exit(1)
        time.sleep(MEMORY_EVERY_S)
