"""A market without an engine, for tests of the runner and of the page: a random walk with a book drawn
around it.
"""

import random
import time

from market_sim.frame import AgentPicture, ListingPicture, Picture, TradePicture
from market_sim.runner import ListingInfo, MarketInfo, MarketRequest

NS = 1_000_000_000
EVENT_NS = 2_000_000


class FakeMarket:
    def __init__(self, request: MarketRequest) -> None:
        self.request = request
        self.random = random.Random(request.seed)
        self.now_ns = 0
        self.events = 0
        # Longer than any machine gets while a test waits.
        self.end_ns = 1000 * 3600 * NS
        self.mid = 10_000
        self.listings = tuple(
            ListingInfo(v, "BTC/USD", "BTC", "USD", 0.01, 0.001, 2, 3) for v in ("NORTH", "SOUTH")
        )
        self.agents = ("maker-1", "arb-1", *(f"noise-{i}" for i in range(1, 21)))
        self.profits = [0.0] * len(self.agents)
        self.trades = []

    def info(self):
        return MarketInfo(
            title="two venues",
            description="One instrument on two venues.",
            origin="simulated",
            engine="reference",
            seed=self.request.seed or 1,
            end_ns=self.end_ns,
            numeraire="USD",
            listings=self.listings,
            agents=self.agents,
            groups=tuple(a.split("-")[0] for a in self.agents),
        )

    def step_event(self):
        if self.request.scenario == "failing" and self.events > 100:
            raise RuntimeError("the planted failure")
        while self.request.scenario == "stuck" and self.events > 100:
            time.sleep(0.1)
        self.now_ns += EVENT_NS
        self.events += 1
        r = self.random
        if r.random() < 0.02:
            self.mid += r.choice((-1, 1))
        if r.random() < 0.01:
            side = r.choice(("buy", "sell"))
            self.trades.append(
                TradePicture(self.now_ns, r.randrange(2), self.mid / 100, r.randrange(1, 50) / 10, side)
            )
            k = r.randrange(len(self.agents))
            self.profits[k] += r.gauss(0, 1)

    def step_to(self, time_ns):
        while self.now_ns + EVENT_NS <= time_ns:
            self.step_event()
        self.now_ns = time_ns

    def act(self, command):
        return f"{type(command).__name__} done", 1

    def take_told(self):
        return []

    def watch_orders(self, agents):
        self.watched = agents

    def ask(self, question):
        return question.about

    def event_log_hash(self):
        return f"{self.events:016x}"

    @property
    def finished(self):
        return self.now_ns >= self.end_ns

    def picture(self):
        r = random.Random(self.events // 50)
        books = [
            ListingPicture(
                listing.name,
                [((self.mid + k - 1 - i) / 100, r.randrange(1, 100) / 10) for i in range(40)],
                [((self.mid + k + 1 + i) / 100, r.randrange(1, 100) / 10) for i in range(40)],
                self.mid / 100,
                "continuous",
            )
            for k, listing in enumerate(self.listings)
        ]
        trades, self.trades = self.trades, []
        agents = [
            AgentPicture(name, profit, {"BTC": profit / 10}, 0, True)
            for name, profit in zip(self.agents, self.profits, strict=True)
        ]
        return Picture(self.now_ns, self.events, self.finished, books, trades, agents)


def open_fake(request):
    if request.scenario == "unopenable":
        raise RuntimeError("no such market")
    return FakeMarket(request)
