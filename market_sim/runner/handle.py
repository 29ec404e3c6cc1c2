"""The page's side of a market's process: start it, command it, read its newest picture, and end it for
certain.

No thread and no callback: whoever looks (`View.poll`) empties the pipe for all views of the runner. A page
that stops looking stops acknowledging, and the process keeps only its newest picture until somebody looks
again.
"""

import contextlib
import multiprocessing.process
import secrets
import sys
import threading
import types
from collections import deque

from market_sim.frame import TradePicture
from market_sim.runner import nursery
from market_sim.runner.commands import (
    Acknowledge,
    Action,
    Ask,
    Command,
    End,
    MarketRequest,
    Reopen,
    Restart,
    SetVenue,
    Stop,
    SwitchAgents,
    TellNews,
    WatchOrders,
)
from market_sim.runner.frames import (
    Answer,
    Failure,
    Frame,
    JournalEntry,
    MarketInfo,
    Reply,
    TimelineEvent,
    Told,
)
from market_sim.runner.process import TRADES_KEPT, Factory, main

JOURNAL_KEPT = 1_000_000
"""Commands; more than a class sends in a day."""

INTERVENTIONS = (TellNews, SetVenue, SwitchAgents, End)
"""What an instructor does that everybody in the market notices."""

INTERVENTIONS_KEPT = 200
REPLIES_KEPT = 64
NEWS_KEPT = 400
"""Answers and reports that wait for a slow page; the oldest go first."""

PARTING_S = 2.0
"""How long a process may take to end by itself before it is killed."""

_main_module = threading.Lock()
_open: dict[str, "Runner"] = {}


def runner_by_id(runner_id: str) -> "Runner | None":
    """The open runner of that id in this server, or None."""
    return _open.get(runner_id)


def open_runners() -> list["Runner"]:
    """Every open runner of this server."""
    return list(_open.values())


class View:
    """One reader of a runner: what it has not yet seen."""

    def __init__(self, runner: "Runner", info: MarketInfo | None, frame: Frame | None) -> None:
        self._runner = runner
        self._info = info
        # A held market sends nothing until something happens: who comes late sees what the others see.
        self._frame = frame
        self._trades: deque[TradePicture] = deque(maxlen=TRADES_KEPT)
        self._news: deque[Answer | Told] = deque(maxlen=NEWS_KEPT)
        #: The person whose news this view keeps beside everybody's; None for who only watches.
        self.person: str | None = None

    @property
    def runner(self) -> "Runner":
        """The market this view looks at."""
        return self._runner

    def poll(self) -> tuple[MarketInfo | None, Frame | None, tuple[TradePicture, ...]]:
        """What is new since the last look: a market's description if it was (re)opened, the newest frame,
        and all trades since, the newest of them if there were more than a screen takes. Never waits.
        """
        self._runner.drain()
        news = self._info, self._frame, tuple(self._trades)
        self._info, self._frame = None, None
        self._trades.clear()
        return news

    def _concerns(self, item: Action | Told) -> bool:
        """Other people's orders are theirs alone; what an instructor does is for everybody."""
        return bool(getattr(item, "agent", self.person) == self.person)

    def take_news(self) -> list[Answer | Told]:
        """What became of commands, and what people were told, since the last call; never waits."""
        news = list(self._news)
        self._news.clear()
        return news

    def leave(self) -> None:
        """Look no more; the runner ends with its last view unless it is pinned."""
        self._runner.leave(self)

    def take(self, message: MarketInfo | Frame) -> None:
        """Called by the runner for every message that arrives."""
        if isinstance(message, MarketInfo):
            self._info, self._frame = message, None
            self._trades.clear()
        else:
            self._frame = message
            self._trades.extend(message.trades)
            self._news.extend(item for item in message.answers if self._concerns(item.command))
            self._news.extend(item for item in message.told if self._concerns(item))


class Runner:
    """A market in a process of its own, known by `id`."""

    def __init__(
        self,
        request: MarketRequest,
        factory: Factory,
        speed: float | None = 1.0,
        running: bool = True,
        pinned: bool = False,
    ) -> None:
        self.id = secrets.token_hex(6)
        self.request = request
        self.pinned = pinned
        self.failure: Failure | None = None
        self.journal: deque[JournalEntry] = deque(maxlen=JOURNAL_KEPT)
        self.happened: deque[TimelineEvent] = deque(maxlen=INTERVENTIONS_KEPT)
        """What was done to the market from outside since it was opened, beside the scenario's own events."""
        self.sent = 0
        """Commands sent so far; `Frame.commands` says how many of them a picture knows of."""
        self._replies: dict[int, Reply] = {}
        self._asked = 0
        self._watched: dict[View, str] = {}
        self._info: MarketInfo | None = None
        self._newest: Frame | None = None
        self._views: list[View] = []
        self._lock = threading.Lock()
        context = nursery.context()
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(  # type: ignore[attr-defined]
            target=main,
            args=(theirs, request, factory, speed, running),
            name=f"market-{self.id}",
            daemon=True,
        )
        start_without_main(self._process)
        # Only the process itself may hold its end: otherwise the end of file that tells of a death never
        # comes.
        theirs.close()
        _open[self.id] = self

    @property
    def pid(self) -> int | None:
        """The operating system's id of the market's process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the market's process runs."""
        return self._process.is_alive()

    @property
    def watched_by(self) -> int:
        """How many views look at it."""
        return len(self._views)

    def join(self) -> View:
        """Look at this market too."""
        view = View(self, self._info, self._newest)
        self._views.append(view)
        return view

    def leave(self, view: View) -> None:
        """See `View.leave`."""
        if view in self._views:
            self.watch_orders(view, "")
            self._views.remove(view)
        if not self._views and not self.pinned:
            self.close()

    def send(self, command: Command) -> None:
        """Put a command into the market's inbox; nothing happens once it has failed or ended."""
        if isinstance(command, Reopen):
            self.request = command.request
        elif isinstance(command, Restart):
            self.request = self.request.with_seed(command.seed)
        if self.failure is None and not self._pipe.closed:
            self.sent += 1
            self._post(command)

    def ask(self, what: str, *about: str | int) -> int:
        """Ask the market's process something; the answer comes to `take_reply` under the number given."""
        self._asked += 1
        self._post(Ask(self._asked, what, about))  # type: ignore[arg-type]
        return self._asked

    def take_reply(self, number: int) -> Reply | None:
        """The answer to a question, once; None while it is not there."""
        self.drain()
        return self._replies.pop(number, None)

    def watch_orders(self, view: View, agent: str) -> None:
        """Have frames list one agent's live orders for a view; an empty name ends it."""
        before = set(self._watched.values())
        self._watched.pop(view, None)
        if agent:
            self._watched[view] = agent
        if set(self._watched.values()) != before:
            self._post(WatchOrders(tuple(sorted(set(self._watched.values())))))

    def drain(self) -> None:
        """Read all that has arrived and hand it to the views."""
        with self._lock:
            try:
                while not self._pipe.closed and self._pipe.poll():
                    self._receive(self._pipe.recv())
            except (EOFError, ConnectionResetError):
                self._notice_end()

    def close(self) -> None:
        """End the process: asked first, killed if it does not listen."""
        _open.pop(self.id, None)
        self._post(Stop())
        self._pipe.close()
        self._process.join(0.05)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(PARTING_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(PARTING_S)

    def _post(self, message: Command | Acknowledge | Ask | WatchOrders) -> None:
        # A process that has ended takes no message; the next look at its end of the pipe finds out why.
        with contextlib.suppress(OSError):
            self._pipe.send(message)

    def _receive(self, message: MarketInfo | Frame | Failure | Reply) -> None:
        if isinstance(message, Failure):
            self.failure = message
            return
        if isinstance(message, Reply):
            self._replies[message.number] = message
            while len(self._replies) > REPLIES_KEPT:
                # Nobody has come for it: its page was closed.
                del self._replies[next(iter(self._replies))]
            return
        if isinstance(message, MarketInfo):
            self._info, self._newest = message, None
            self.happened.clear()
        else:
            self._newest = message
            self.journal.extend(message.journal)
            self.happened.extend(
                TimelineEvent(answer.time_ns, "outside", answer.sentence)
                for answer in message.answers
                if answer.done and isinstance(answer.command, INTERVENTIONS)
            )
            self._post(Acknowledge())
        for view in self._views:
            view.take(message)

    def _notice_end(self) -> None:
        self._pipe.close()
        self._process.join(PARTING_S)
        if self.failure is None:
            code = self._process.exitcode
            cause = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
            self.failure = Failure(
                f"Process {self.pid} of the market ended by itself ({cause}). Restart opens it again.",
                "",
            )


def start_without_main(process: multiprocessing.process.BaseProcess) -> None:
    """Start a process that does not import the parent's main module again.

    A market needs nothing of it, and under `panel serve` it would load a whole second web server (2 s); a
    script that opens a runner needs no `if __name__ == "__main__"` either.
    """
    with _main_module:
        real = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            process.start()
        finally:
            sys.modules["__main__"] = real
