"""One visitor's session: which market is open, what it has shown so far. Knows no widget and no chart."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from app.controls import SIDE_BY_SIDE, Controls
from app.history import History
from market_sim.frame import AgentPicture, OrderPicture, TradePicture
from market_sim.runner import (
    Answer,
    CancelOrder,
    Command,
    Failure,
    Frame,
    MarketInfo,
    MarketRequest,
    Pause,
    Reopen,
    ReplaceOrder,
    Restart,
    Run,
    Runner,
    SendOrder,
    SetSpeed,
    Step,
    TimelineEvent,
    Told,
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
    news: tuple[Answer | Told, ...] = ()

    def then(self, later: "News") -> "News":
        """Both looks as one: what another market has sent before counts no more."""
        if later.opened:
            return replace(later, news=self.news + later.news)
        trades, news = self.trades + later.trades, self.news + later.news
        return News(self.opened, later.frame or self.frame, trades, news)


NOTHING = News(False, None, ())


class Session:
    """Controls, the runner they stand for, and the history of what it sent. `seat` is the account that the
    visitor trades with, None for who only watches.
    """

    def __init__(self, controls: Controls, open_runner: OpenRunner) -> None:
        self.controls = controls
        self.history: History | None = None
        self.frame: Frame | None = None
        self.listing = 0
        self.beside: list[int] = []
        self._seat: str | None = None
        self.failure: Failure | None = None
        self._open_runner = open_runner
        self._view: View | None = None
        self._asked = 0
        #: What has been looked at and not been given to anybody.
        self.unshown = NOTHING

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
    def timeline(self) -> list[TimelineEvent]:
        """What the scenario lets happen and what was done from outside, by time."""
        if self.info is None or self.runner is None:
            return []
        return sorted([*self.info.timeline, *self.runner.happened], key=lambda event: event.time_ns)

    @property
    def running(self) -> bool:
        """Whether simulated time passes, as far as the newest frame knows."""
        return self.frame is not None and self.frame.running

    @property
    def awaits_answer(self) -> bool:
        """Whether a command is on its way that the newest frame knows nothing of."""
        known = self.frame.commands if self.frame is not None else 0
        return self.runner is not None and self.failure is None and known < self._asked

    def open(self, request: MarketRequest, running: bool) -> None:
        """Leave the open market and open another: in the same process where it is ours alone and well."""
        runner = self.runner
        if runner is not None and not runner.pinned and runner.failure is None:
            self.history = self.frame = None
            self.unshown = NOTHING
            for command in (SetSpeed(self.controls.speed), Reopen(request), Run() if running else Pause()):
                self.send(command)
            return
        self.close()
        self._view = self._open_runner(request, self.controls.speed, running).join()

    def join(self, runner: Runner) -> None:
        """Look at a market that is there already."""
        self.close()
        self._view = runner.join()

    def close(self) -> None:
        """Leave the open market; its process ends when nobody else looks at it."""
        if self._view:
            self._view.leave()
        self._view = self.history = self.frame = self.failure = None
        self._asked, self.unshown = 0, NOTHING

    def poll(self) -> News:
        """What is new since the last call."""
        self.look()
        news, self.unshown = self.unshown, NOTHING
        return news

    def take_told(self) -> tuple[Answer | Told, ...]:
        """What is new of commands and own orders; the next `poll` brings the rest."""
        told = self.unshown.news
        self.unshown = replace(self.unshown, news=())
        return told

    def look(self) -> None:
        """Look at the runner, and remember what is new until it is asked for."""
        self.unshown = self.unshown.then(self._look())

    def _look(self) -> News:
        if self._view is None:
            return NOTHING
        info, frame, trades = self._view.poll()
        self.failure = self.failure or self._view.runner.failure
        if info is not None:
            self._begin(info)
        if self.history is None:
            # What the market before still had on its way.
            frame, trades = None, ()
        if frame is not None and self.history is not None:
            self.frame = frame
            self.history.add(frame)
        return News(info is not None, frame, trades, tuple(self._view.take_news()))

    def _begin(self, info: MarketInfo) -> None:
        self.history = History(info)
        self.frame = None
        self.listing = self._listing_index(info)
        names = [listing.name for listing in info.listings]
        wanted = [names.index(name) for name in self.controls.beside if name in names]
        self.beside = wanted or list(range(len(names)))[:SIDE_BY_SIDE]
        if self.runner is not None and not self.runner.pinned:
            self.seat = info.seats[0] if info.seats else None

    def _listing_index(self, info: MarketInfo) -> int:
        names = [listing.name for listing in info.listings]
        return names.index(self.controls.listing) if self.controls.listing in names else 0

    # -- the visitor's own account

    @property
    def seat(self) -> str | None:
        """The account that the visitor trades with."""
        return self._seat

    @seat.setter
    def seat(self, seat: str | None) -> None:
        self._seat = seat
        if self._view is not None:
            self._view.person = seat

    @property
    def account(self) -> AgentPicture | None:
        """The visitor's own account as the newest frame shows it."""
        if self.frame is None or self.seat is None:
            return None
        return next((agent for agent in self.frame.picture.agents if agent.name == self.seat), None)

    @property
    def orders(self) -> list[OrderPicture]:
        """The visitor's own orders in the books."""
        if self.frame is None:
            return []
        return [order for order in self.frame.picture.orders if order.agent == self.seat]

    def order(self, side: str, size: str, price: str, tif: str, post_only: bool) -> None:
        """Send an order on the listing on show; without a price a market order."""
        if self.seat is None or self.info is None:
            return
        listing = self.info.listings[self.listing].name
        limit = price.strip() or None
        self.send(
            SendOrder(
                self.seat,
                listing,
                "buy" if side == "buy" else "sell",
                size.strip(),
                limit,
                tif if limit or tif != "GTC" else None,
                post_only and limit is not None,
            )
        )

    def cancel(self, order: int) -> None:
        """Ask to cancel an own order."""
        if self.seat is not None:
            self.send(CancelOrder(self.seat, order))

    def replace(self, order: int, size: str, price: str) -> None:
        """Ask for another size and price of an own order."""
        if self.seat is not None:
            self.send(ReplaceOrder(self.seat, order, price.strip() or None, size.strip() or None))

    def watch_orders(self, agent: str) -> None:
        """Have frames list an agent's orders."""
        if self._view is not None:
            self._view.runner.watch_orders(self._view, agent)

    # -- commands

    def run(self) -> None:
        """Let simulated time pass."""
        self.send(Run())

    def pause(self) -> None:
        """Hold simulated time."""
        self.send(Pause())

    def step_second(self) -> None:
        """One second of simulated time, then hold."""
        self.send(Step("second"))

    def step_event(self) -> None:
        """One event, then hold."""
        self.send(Step("event"))

    def set_speed(self, speed: float | None) -> None:
        """Simulated seconds per second, None as fast as it goes."""
        self.controls = replace(self.controls, speed=speed)
        self.send(SetSpeed(speed))

    def restart(self, seed: int) -> None:
        """The same market from its beginning under this seed."""
        self.controls = replace(self.controls, seed=seed)
        self.send(Restart(seed))

    def send_restart(self) -> None:
        """The same market from its beginning, whatever this page's own controls say."""
        self.send(Restart())

    def choose_listing(self, name: str) -> None:
        """Show another listing of the open market; sizes and prices of one are none of another."""
        self.controls = replace(self.controls, listing=name, size="", price="")
        if self.info:
            self.listing = self._listing_index(self.info)

    def choose_beside(self, names: list[str]) -> None:
        """Show these listings side by side."""
        self.controls = replace(self.controls, beside=tuple(names[:SIDE_BY_SIDE]))
        if self.info:
            known = [listing.name for listing in self.info.listings]
            self.beside = [known.index(name) for name in self.controls.beside if name in known]

    def send(self, command: Command) -> None:
        """A command to the market's process."""
        if self.runner:
            self.runner.send(command)
            self._asked = self.runner.sent


def open_runner(request: MarketRequest, speed: float | None, running: bool) -> Runner:
    """A market in a process of its own."""
    return Runner(request, open_market, speed, running)
