"""One visitor's session: which market is open, what it has shown so far. Knows no widget and no chart."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.controls import Controls
from app.history import History
from market_sim.frame import TradePicture
from market_sim.runner import (
    Command,
    Failure,
    Frame,
    MarketInfo,
    MarketRequest,
    Pause,
    Restart,
    Run,
    Runner,
    SetSpeed,
    Step,
    View,
    open_market,
)

OpenRunner = Callable[[MarketRequest, float | None, bool], Runner]


@dataclass(frozen=True)
class News:
    """What a look at the runner brought: `opened` when a market begins, the newest frame if there is one."""

    opened: bool
    frame: Frame | None
    trades: tuple[TradePicture, ...]


class Session:
    """Controls, the runner they stand for, and the history of what it sent."""

    def __init__(self, controls: Controls, open_runner: OpenRunner) -> None:
        self.controls = controls
        self.history: History | None = None
        self.frame: Frame | None = None
        self.listing = 0
        self.failure: Failure | None = None
        self._open_runner = open_runner
        self._view: View | None = None

    # -- the market

    @property
    def runner(self) -> Runner | None:
        """The market's process, or None while none is open."""
        return self._view.runner if self._view else None

    @property
    def info(self) -> MarketInfo | None:
        """The open market, once it has introduced itself."""
        return self.history.info if self.history is not None else None

    @property
    def running(self) -> bool:
        """Whether simulated time passes, as far as the newest frame knows."""
        return self.frame is not None and self.frame.running

    def open(self, request: MarketRequest, running: bool) -> None:
        """Leave the open market and open another."""
        self.close()
        self._view = self._open_runner(request, self.controls.speed, running).join()

    def close(self) -> None:
        """Leave the open market; its process ends when nobody else looks at it."""
        if self._view:
            self._view.leave()
        self._view = self.history = self.frame = self.failure = None

    def poll(self) -> News:
        """Look at the runner and remember what is new."""
        if self._view is None:
            return News(False, None, ())
        info, frame, trades = self._view.poll()
        self.failure = self.failure or self._view.runner.failure
        if info is not None:
            self.history = History(info)
            self.frame = None
            self.listing = self._listing_index(info)
        if frame is not None and self.history is not None:
            self.frame = frame
            self.history.add(frame)
        return News(info is not None, frame, trades)

    def _listing_index(self, info: MarketInfo) -> int:
        names = [listing.name for listing in info.listings]
        return names.index(self.controls.listing) if self.controls.listing in names else 0

    # -- commands

    def run(self) -> None:
        """Let simulated time pass."""
        self._send(Run())

    def pause(self) -> None:
        """Hold simulated time."""
        self._send(Pause())

    def step_second(self) -> None:
        """One second of simulated time, then hold."""
        self._send(Step("second"))

    def step_event(self) -> None:
        """One event, then hold."""
        self._send(Step("event"))

    def set_speed(self, speed: float | None) -> None:
        """Simulated seconds per second, None as fast as it goes."""
        self.controls = replace(self.controls, speed=speed)
        self._send(SetSpeed(speed))

    def restart(self, seed: int) -> None:
        """The same market from its beginning under this seed."""
        self.controls = replace(self.controls, seed=seed)
        self._send(Restart(seed))

    def choose_listing(self, name: str) -> None:
        """Show another listing of the open market."""
        self.controls = replace(self.controls, listing=name)
        if self.info:
            self.listing = self._listing_index(self.info)

    def _send(self, command: Command) -> None:
        if self.runner:
            self.runner.send(command)


def open_runner(request: MarketRequest, speed: float | None, running: bool) -> Runner:
    """A market in a process of its own."""
    return Runner(request, open_market, speed, running)
