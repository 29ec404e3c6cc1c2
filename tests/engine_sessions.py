"""Random sessions of a whole kernel, run on one kernel, or on two in lockstep.

The agents are dice, but they roll after each notice, so that what they do depends on what they hear:
one late notice, and everything after it differs.
"""

import random
from dataclasses import dataclass

import numpy as np
from engine_kit import (
    DAY,
    FOK,
    GTC,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    MARKET_TO_LIMIT,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
)
from engine_whole import CALLS

from market_sim.engine import FlowKind, NoticeKind, Phase
from market_sim.records import FLOW, LAST, SNAPSHOT, STAMPED

DONE = 2**62


@dataclass
class Session:
    """What a seed decides: sites, latencies, agents, and how wild it gets."""

    seed: int
    steps: int = 900
    by_order: bool = False  # recorded flow of single orders instead of levels and trades
    whole: bool = False  # orders of every type, auctions, lost connections

    def __post_init__(self):
        draw = self.random = random.Random(f"session {self.seed}")
        self.pooled = draw.random() < 0.25
        self.venues = draw.randint(1, 3)
        self.profiles = draw.randint(1, 3)
        self.agents = draw.randint(2, 6)
        self.recorded = max(draw.choice((0, 1, 1, 1, 2)), self.by_order)
        self.proportional = draw.random() < 0.5
        self.stretch = draw.choice((3, 50, 1_000))  # nanoseconds between things that happen
        self.purses = draw.choice(((500, 5_000, 50_000, 500_000), (10**4, 10**9, 10**9, 10**9)))
        self.close_at = int(self.steps * 0.95)
        self.cash_only = set()  # agents without credit and short selling, known once a kernel is built


def model(draw, scale):
    """A random latency model; small scales make ties frequent."""
    kind = draw.randrange(4)
    if kind == 0:
        return ("constant", draw.randint(0, scale))
    if kind == 1:
        low = draw.randint(0, scale)
        return ("uniform", low, low + draw.randint(0, scale))
    if kind == 2:
        return ("table", tuple(sorted(draw.randint(0, 2 * scale) for _ in range(draw.randint(2, 6)))))
    times = sorted(draw.sample(range(200 * scale), 4))
    return ("series", tuple(times), tuple(draw.randint(0, scale) for _ in times))


def build(session, kernel_class):
    """A kernel of the session, started. Every kernel of a session is built from the same draws."""
    draw = random.Random(f"build {session.seed}")
    kernel = kernel_class(session.seed, session.pooled)
    usd, btc, eth = (kernel.add_asset(name, 8) for name in ("USD", "BTC", "ETH"))
    instruments = [("BTC/USD", btc, usd), ("ETH/BTC", eth, btc), ("ETH/USD", eth, usd)]
    instruments = [kernel.add_instrument(*instrument) for instrument in instruments]
    venues = [kernel.add_venue(f"venue {number}") for number in range(session.venues)]
    listings = []
    for venue in venues:
        for instrument in draw.sample(instruments, draw.randint(1, 3)):
            fees = draw.choice(((0, 0), (-2_000, 5_000), (3_333, -1_111)))
            atoms = (draw.randint(1, 50), draw.randint(1, 50), draw.choice((0, 0, 500)))
            listings.append(kernel.add_listing(venue, instrument, *atoms, *fees))
    for number in range(session.profiles):
        profile = kernel.add_profile(f"site {number}")
        for venue in venues:
            if draw.random() < 0.8:
                kernel.set_data_latency(profile, venue, model(draw, session.stretch))
        if number == 0 or draw.random() < 0.5:
            kernel.set_consolidated_latency(profile, model(draw, session.stretch))
    for number in range(session.agents):
        add_agent(session, kernel, draw, number, venues, listings, instruments, (usd, btc, eth))
    for listing in recorded(session, listings):
        kernel.add_external(listing, session.proportional)
    kernel.start()
    return kernel


def recorded(session, listings):
    """Listings with recorded flow: none, the first, or the first and the last."""
    return sorted({listings[0], listings[-1]} if session.recorded > 1 else listings[: session.recorded])


def add_agent(session, kernel, draw, number, venues, listings, instruments, assets):
    profile = draw.randrange(session.profiles)
    unlimited, short = draw.random() < 0.3, draw.random() < 0.3
    agent = kernel.add_agent(
        f"agent {number}",
        profile,
        unlimited,
        short,
        draw.choice((0, 1, 1, 3, 4, 5)) if session.whole else draw.randrange(2),
        draw.choice((0, 0, session.stretch)),
        draw.choice((0, 0, 0, 8)),
    )
    if session.whole and draw.random() < 0.5:
        kernel.set_cancel_on_disconnect(agent, True)
    if not unlimited and not short:
        session.cash_only.add(agent)
    for venue in venues:
        if draw.random() < 0.9:
            kernel.set_link(agent, venue, model(draw, session.stretch), model(draw, session.stretch))
        for asset in assets:
            kernel.deposit(agent, venue, asset, draw.choice(session.purses))
    for listing in listings:
        if draw.random() < 0.2:
            kernel.set_order_limit(agent, listing, 15)
        if draw.random() < 0.7:
            wants = (draw.random() < 0.6, draw.random() < 0.5, draw.choice((0, 0, 1, 4)))
            kernel.subscribe(agent, listing, *wants)
    if profile == 0 and draw.random() < 0.6:
        kernel.subscribe_consolidated(agent, draw.choice(instruments))


class Stopped:
    """A kernel that is stopped at odd moments between: that must change nothing."""

    def __init__(self, kernel):
        self._kernel = kernel
        self._random = random.Random("stops")

    def __getattr__(self, name):
        return getattr(self._kernel, name)

    def next(self, until_ns):
        span = until_ns - self._kernel.now_ns
        for _ in range(self._random.randrange(3)):
            stop = self._kernel.now_ns + self._random.randint(0, min(span, 10_000))
            if stop <= until_ns and (notice := self._kernel.next(stop)) is not None:
                return notice
        return self._kernel.next(until_ns)


class Dice:
    """Draws what happens next and does it to all kernels, comparing what they answer."""

    def __init__(self, session, kernels, heard):
        self.session, self.kernels = session, kernels
        self.draw = session.random
        self.listings = len(kernels[0].totals()["volume"])
        self.recorded = recorded(session, list(range(self.listings)))
        self.heard = heard  # notices and answers, with the hash of the log: the story of the session
        self.counters = {}
        self.pushed_ns = 0
        self.latest_id = 0
        self.middle = 100
        self.closed = False

    def agent(self):
        return 5 + self.draw.randrange(self.session.agents)

    def both(self, name, *arguments):
        return self.agree((name, *arguments), [getattr(kernel, name)(*arguments) for kernel in self.kernels])

    def agree(self, what, answers):
        assert all(answer == answers[0] for answer in answers), (what, answers)
        self.heard.append(answers[0])
        return answers[0]

    def act(self):
        """One thing happens."""
        choice, draw = self.draw.random(), self.draw
        agent = self.agent()
        if self.session.recorded and draw.random() < 0.3:
            self.push()
        elif self.session.whole and choice < 0.35:
            self.order_with_terms(agent)
        elif choice < 0.5:
            self.order(agent)
        elif choice < 0.65:
            self.both("cancel", *self.target(agent))
        elif self.session.whole and choice < 0.7:
            self.amend(agent)
        elif choice < 0.79:
            self.both("replace", *self.target(agent), self.price(draw.randrange(2)), draw.randint(0, 20))
        elif choice < 0.87:
            self.both("wake_in", agent, draw.randint(1, 2 * self.session.stretch))
        elif choice < 0.91:
            fee = draw.randint(0, 3)
            places = [draw.randrange(self.session.venues) for _ in range(2)]
            amount, delay = fee + draw.choice((1, 1_000, 10**7)), draw.randint(0, self.session.stretch)
            self.both("transfer", agent, *places, draw.randrange(3), amount, fee, delay)
        elif choice < 0.915:
            self.both("disable_agent", agent)
        elif choice < 0.96:
            self.both("enable_agent", agent)
        elif self.session.whole and choice < 0.964:
            self.both("disconnect", agent)
        elif choice < 0.98 and not self.closed:
            rare = draw.choice(CALLS) if self.session.whole else Phase.SUSPENDED
            phase = draw.choice((*[Phase.CONTINUOUS] * 4, rare))
            self.both("set_phase", draw.randrange(self.session.venues), int(phase))

    def order(self, agent):
        draw = self.draw
        order_type, side = draw.choice((*[LIMIT] * 7, MARKET)), draw.randrange(2)
        price = None if order_type == MARKET and draw.random() < 0.5 else self.price(side)
        tif, post_only = draw.choice((*[GTC] * 7, IOC, FOK)), draw.random() < 0.1
        counter = self.both(
            "new_order",
            *(agent, draw.randrange(self.listings), side, order_type),
            *(tif, post_only, price, draw.randint(0 if draw.random() < 0.02 else 1, 20)),
        )
        self.counters[agent] = max(counter, self.counters.get(agent, 0))

    def order_with_terms(self, agent):
        """One of the orders beyond price and size; those that do not fit are refused alike."""
        draw, side = self.draw, self.draw.randrange(2)
        size, price = draw.randint(1, 20), self.price(side)
        stop, ticks = self.price(1 - side), draw.randint(1, 4)
        tif = draw.choice((GTC, GTC, DAY, GTD))
        end = {"expire_ns": self.kernels[0].now_ns + draw.randint(0, 20 * self.session.stretch)}
        kinds = (
            (LIMIT, price, {"display_lots": draw.randint(1, size), "refresh": draw.randrange(2)}),
            (LIMIT, price, {"display_lots": 0}),
            (LIMIT, price, {"minimum_lots": draw.randint(1, size)}),
            (LIMIT, price, {"peg": draw.randint(1, 3), "peg_offset_ticks": draw.randint(-2, 1)}),
            (LIMIT, None, {"peg": draw.randint(1, 3)}),
            (MARKET, None, {"protection_ticks": ticks}),
            (MARKET_TO_LIMIT, None, {}),
            (STOP, draw.choice((None, price)), {"stop_price": stop}),
            (STOP_LIMIT, price, {"stop_price": stop}),
            (TRAILING_STOP, None, {"trail_ticks": ticks}),
            (TRAILING_STOP, None, {"trail_bps": 100 * ticks, "trigger_limit_ticks": ticks}),
        )
        order_type, limit, terms = draw.choice(kinds)
        if tif == GTD and draw.random() < 0.95:
            terms = terms | end
        listing = draw.randrange(self.listings)
        for kernel in self.kernels:
            order = (agent, listing, side, order_type, tif, False, limit, size)
            counter = kernel.new_order_ex(*order, **terms)
        self.heard.append(counter)
        self.counters[agent] = max(counter, self.counters.get(agent, 0))

    def amend(self, agent):
        draw, target = self.draw, self.target(agent)
        price = draw.choice((None, None, self.price(draw.randrange(2))))
        terms = draw.choice(
            ({"stop_price": self.price(draw.randrange(2))}, {"trail_ticks": draw.randint(1, 5)})
        )
        size = draw.randint(1, 20)
        for kernel in self.kernels:
            kernel.replace_ex(*target, price, size, **terms)

    def target(self, agent):
        """Mostly an order that lives now (it may be gone when the command arrives), else a recent number."""
        live = self.both("open_orders", self.draw.randrange(self.listings))
        users = [order[:2] for order in live if order[0] >= 5]
        if users and self.draw.random() < 0.8:
            return self.draw.choice(users)
        return agent, max(self.counters.get(agent, 0) - int(self.draw.expovariate(0.5)), 0)

    def price(self, side):
        """Mostly where others rest on this side, sometimes across, now and then nonsense."""
        if self.draw.random() < 0.01:
            return self.draw.choice((0, 2**53 + 1))
        away = self.draw.choice((-2, -1, 0, 1, 1, 1, 1, 2, 2, 3, 4))
        return self.middle + (away if side else -away)

    def push(self):
        """Recorded flow: mostly a book that moves, its trades before or after their change of depth."""
        draw = self.draw
        self.pushed_ns = max(self.pushed_ns, self.kernels[0].now_ns) + draw.randint(0, self.session.stretch)
        stamp = draw.choice((None, self.pushed_ns - draw.randint(0, self.session.stretch)))
        times = (self.pushed_ns, stamp, draw.choice((None, 0, draw.randint(0, self.session.stretch))))
        self.middle = min(max(self.middle + draw.choice((*[0] * 8, -1, 1)), 98), 102)
        middle, listing = self.middle, draw.choice(self.recorded)
        if self.session.by_order:
            rows = [self.recorded_order(middle) for _ in range(draw.choice((1, 1, 1, 1, 3)))]
            self.push_rows(times, listing, rows)
            return
        if draw.random() < 0.35:
            aggressor = draw.randrange(2)
            price = middle + (1 if aggressor == 0 else -1) * draw.choice((0, 1, 1, 1, 2, 2, 3))
            self.both("push_trade", *times, listing, aggressor, price, draw.randint(1, 25))
            return
        levels = []
        for _ in range(draw.randint(1, 5)):
            side = draw.randrange(2)
            price = middle + (1 if side else -1) * draw.randint(1 if draw.random() < 0.9 else -2, 4)
            levels.append((side, price, draw.choice((0, draw.randint(1, 30)))))
        if draw.random() < 0.3:
            rows = [(FlowKind.LEVEL, side, 0, price, lots) for side, price, lots in levels]
            self.push_rows(times, listing, rows, SNAPSHOT if draw.random() < 0.1 else 0)
            return
        columns = [list(column) for column in zip(*levels, strict=True)]
        self.both("push_depth", *times, listing, draw.random() < 0.1, *columns)

    def recorded_order(self, middle):
        """(kind, side, id, price, lots): new orders, and what becomes of them; some ids mean nothing."""
        draw, side = self.draw, self.draw.randrange(2)
        price = middle + (1 if side else -1) * draw.randint(1 if draw.random() < 0.9 else -2, 4)
        kinds = (
            *[FlowKind.ADD] * 9,
            *[FlowKind.EXECUTE] * 5,
            FlowKind.REDUCE,
            FlowKind.DELETE,
            FlowKind.DELETE,
        )
        kind = draw.choice((*kinds, FlowKind.REPLACE, FlowKind.HIDDEN))
        if draw.random() < 0.01:
            kind = FlowKind.CLEAR
        self.latest_id += kind == FlowKind.ADD and draw.random() < 0.98
        number = self.latest_id if kind == FlowKind.ADD else max(self.latest_id - draw.randrange(30), 0)
        return kind, side, number, price, draw.randint(1, 25)

    def push_rows(self, times, listing, rows, flags=0):
        time_ns, stamp, delay = times
        update = np.zeros(len(rows), FLOW)
        update["time_ns"], update["delay_ns"], update["listing"] = time_ns, delay or 0, listing
        update["exchange_ns"] = stamp or 0
        for name, column in zip(
            ("kind", "side", "id", "price", "size"), zip(*rows, strict=True), strict=True
        ):
            update[name] = column
        update["flags"][-1] = LAST | flags | (0 if stamp is None else STAMPED)
        for kernel in self.kernels:
            kernel.push_flow(update)


def lockstep(session, *kernels, heard=None):
    """Run a session; every notice, hash and view of the kernels must agree. Returns the session's story."""
    dice = Dice(session, kernels, [] if heard is None else heard)
    one = kernels[0]
    for step in range(session.steps):
        if step == session.close_at:
            dice.both("close")
            dice.closed = True
        for _ in range(session.random.randint(0, 4)):
            dice.act()
        until_ns = one.now_ns + session.random.randint(0, 2 * session.stretch)
        while next_notice(dice, until_ns) is not None:
            if session.random.random() < 0.15:
                dice.act()
        if step % 10 == 0:
            compare_everything(session, dice)
    while next_notice(dice, DONE) is not None:
        pass
    compare_everything(session, dice)
    assert list(one.ledger_imbalance()) == [0, 0, 0]
    everything_is_heard_of(session, one)
    return dice.heard


def next_notice(dice, until_ns):
    notice = dice.both("next", until_ns)
    clocks = [(kernel.now_ns, kernel.events, kernel.event_log_hash()) for kernel in dice.kernels]
    dice.agree("clock, entries and hash of the log", clocks)
    if notice is not None and notice[0] == NoticeKind.QUOTE:
        assert dice.both("bbo_view", notice[2], notice[3]) == notice[4:]
    return notice


def compare_everything(session, dice):
    """All that can be read of a kernel."""
    both = dice.both
    for venue in range(session.venues):
        both("state_hash", venue)
        for agent in (0, 1, 2, 4, *range(5, 5 + session.agents)):
            for asset in range(3):
                held = both("balance", agent, venue, asset)
                free = both("spendable", agent, venue, asset) if agent >= 5 else held
                assert agent not in session.cash_only or min(held, free) >= 0, "nobody spends what he lacks"
    for listing in range(dice.listings):
        for name in ("true_bbo", "last_trade", "open_orders"):
            both(name, listing)
        for side in range(2):
            both("true_depth", listing, side, 3)
        for agent in range(5, 5 + session.agents):
            both("bbo_view", agent, listing)
            both("last_trade_view", agent, listing)
            compare_depth(dice, agent, listing)
    for agent in range(5, 5 + session.agents):
        for instrument in range(3):
            both("consolidated_view", agent, instrument)
        both("queue_ahead", agent, dice.counters.get(agent, 0))
    for listing in dice.recorded:
        both("external_stats", listing)
        both("external_bbo", listing)
    both("ledger_imbalance")
    dice.agree("totals", [plain(kernel.totals()) for kernel in dice.kernels])
    dice.agree("tape", [plain(kernel.drain_tape()) for kernel in dice.kernels])


def compare_depth(dice, agent, listing):
    """A view of depth, or the same refusal where the agent does not subscribe."""
    answers = []
    for kernel in dice.kernels:
        try:
            answers.append(kernel.depth_view(agent, listing))
        except ValueError:
            answers.append("refused")
    dice.agree(("depth_view", agent, listing), answers)


def everything_is_heard_of(session, kernel):
    """At the end nothing is under way or reserved: what an agent may spend is what it has."""
    for venue in range(session.venues):
        for asset in range(3):
            assert kernel.balance(4, venue, asset) == 0, "in transit"
            for agent in range(5, 5 + session.agents):
                assert kernel.spendable(agent, venue, asset) == kernel.balance(agent, venue, asset)


def plain(table):
    """Columns as lists, whatever they came as."""
    if isinstance(table, dict):
        return {name: plain(column) for name, column in table.items()}
    return table if isinstance(table, int) else [int(value) for value in table]
