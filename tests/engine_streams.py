"""Streams of commands for a venue, what a venue made of them, and where two venues differ first.

A command is a tuple: ("new", agent, counter, listing, side, order type, tif, stp, post-only, price, size),
("cancel", agent, counter, listing), ("replace", agent, counter, listing, price, size), ("phase", code).
"""

import random
from dataclasses import dataclass, field

import numpy as np
from engine_kit import FOK, GTC, IOC, LIMIT, MARKET, NEWEST, NONE, PASS
from hypothesis import strategies as st

from market_sim.engine import Phase
from market_sim.records import COMMAND, EVENT

MAX_PRICE, MAX_SIZE, INT64 = 2**53, 2**48, 2**63


@dataclass(frozen=True)
class Mix:
    """What a stream is made of; weights are relative."""

    listings: tuple = ((1, 1, 0, 0, 0),)
    agents: int = 6
    owners: dict = field(default_factory=dict)
    modes: tuple = (NONE, NEWEST)
    types: tuple = (LIMIT,) * 6 + (MARKET,)
    tifs: tuple = (GTC,) * 6 + (IOC, FOK)
    post_only: float = 0.1
    prices: tuple = (95, 105)
    sizes: tuple = (1, 12)
    cancel: float = 0.2
    replace: float = 0.15
    phase: float = 0.0
    wild: float = 0.01  # share of numbers, ids and listings that make no sense
    live: int = 25  # orders kept in mind; the oldest is cancelled beyond


FEES = (1_000, 10, 0, -2_000, 5_000)
MIXES = {
    "plain": Mix(),
    "fees": Mix(listings=((977, 10, 200_000, -1_777, 4_321),)),
    "rebates": Mix(listings=((13, 7, 0, 25_000, -3_333),), sizes=(1, 400)),
    "self trade": Mix(agents=3, owners={3: 1}, modes=(NONE, NEWEST, NEWEST)),
    "pass": Mix(agents=4, owners={2: 1}, modes=(PASS, PASS, NEWEST, NONE), tifs=(GTC, IOC, FOK)),
    "two listings": Mix(listings=(FEES, (1, 1, 0, 0, 0)), agents=4),
    "phases": Mix(phase=0.02, cancel=0.3),
    "wide": Mix(prices=(1, 200), sizes=(1, 1_000), tifs=(GTC,) * 9 + (FOK,), replace=0.3, live=60),
    "extremes": Mix(listings=((1, 2**14, 0, 10**8, -(10**8)),), wild=0.5, prices=(1, 4), sizes=(1, 2**47)),
}
WILD_PRICES = (1, 2, MAX_PRICE - 1, MAX_PRICE, MAX_PRICE + 1, 2**20, 0, -1, INT64 - 1, -INT64)
WILD_SIZES = (1, MAX_SIZE - 1, MAX_SIZE, MAX_SIZE + 1, 2**42, 2**40, 0, -1, INT64 - 1, -INT64)


class Stream:
    """A seeded stream of commands. It never looks at an engine, so that all engines get the same."""

    def __init__(self, mix, seed):
        self.mix = mix
        self.random = random.Random(seed)
        self.counters = dict.fromkeys(range(1, mix.agents + 1), 0)
        self.known = []  # (agent, counter, listing) that may live

    def take(self, count):
        return [self.command() for _ in range(count)]

    def command(self):
        draw, mix = self.random, self.mix
        if draw.random() < mix.phase:
            return ("phase", draw.choice((Phase.CONTINUOUS, Phase.CONTINUOUS, Phase.SUSPENDED, Phase.CLOSED)))
        if len(self.known) > mix.live:
            return ("cancel", *self.known.pop(0))
        kind = draw.random()
        if self.known and kind < mix.cancel:
            return ("cancel", *self.known[self.pick()])
        if self.known and kind < mix.cancel + mix.replace:
            return ("replace", *self.known[self.pick()], self.price(), self.size())
        return self.new()

    def new(self):
        draw, mix = self.random, self.mix
        agent = draw.randint(1, mix.agents)
        listing = draw.randrange(len(mix.listings)) if draw.random() > mix.wild / 4 else 9
        if self.known and draw.random() < mix.wild / 2:
            agent, counter, listing = draw.choice(self.known)  # an id that may live already
        else:
            self.counters[agent] += 1
            counter = self.counters[agent]
            self.known.append((agent, counter, listing))
        order_type, tif = draw.choice(mix.types), draw.choice(mix.tifs)
        no_price = draw.random() < (0.4 if order_type == MARKET else mix.wild / 4)
        post_only = draw.random() < mix.post_only and (
            (order_type, tif) == (LIMIT, GTC) or draw.random() < mix.wild
        )
        price = None if no_price else self.price()
        numbers = (draw.randrange(2), order_type, tif, draw.choice(mix.modes), post_only, price, self.size())
        return ("new", agent, counter, listing, *numbers)

    def pick(self):
        """Mostly a recent order: old ones are gone more often."""
        return max(self.random.randrange(len(self.known)) for _ in range(2))

    def price(self):
        if self.random.random() < self.mix.wild:
            return self.random.choice(WILD_PRICES)
        return self.random.randint(*self.mix.prices)

    def size(self):
        if self.random.random() < self.mix.wild:
            return self.random.choice(WILD_SIZES)
        return self.random.randint(*self.mix.sizes)


def open_venue(venue_class, mix):
    venue = venue_class("V")
    for listing in mix.listings:
        venue.add_listing(*listing)
    for agent, owner in mix.owners.items():
        venue.set_owner(agent, owner)
    return venue


def by_call(venue, time_ns, command):
    """Send a command by its method; returns the event rows as plain tuples."""
    kind, *rest = command
    if kind == "new":
        count = venue.new_order(time_ns, *rest)
    elif kind == "cancel":
        count = venue.cancel(time_ns, *rest)
    elif kind == "replace":
        count = venue.replace(time_ns, *rest)
    else:
        count = venue.set_phase(time_ns, int(rest[0]))
    rows = [tuple(row) for row in venue.take_events()]
    assert len(rows) == count
    return rows


def by_batch(venue, time_ns, command):
    """Send a command through the batch door."""
    kind, *rest = command
    if kind == "phase":
        return by_call(venue, time_ns, command)
    row = np.zeros(1, COMMAND)
    row["time_ns"] = time_ns
    row["agent"], row["counter"], row["listing"] = rest[:3]
    if kind == "new":
        side, order_type, tif, stp, post_only, price, size = rest[3:]
        row["side"], row["order_type"], row["tif"], row["stp"] = side, order_type, tif, stp
        row["flags"] = int(post_only) | (0 if price is None else 2)
        row["price"], row["size"] = price or 0, size
    elif kind == "cancel":
        row["kind"] = 1
    else:
        row["kind"] = 2
        row["price"], row["size"] = rest[3:]
    events, rows, left = np.zeros(16, EVENT), [], row
    while True:
        taken, written = venue.process(left, events)
        rows += events[:written].tolist()
        left = left[taken:]
        if written < len(events):
            return rows


def record(venue, commands, send=by_call):
    """After each command: its events and the hash of the venue."""
    return [(send(venue, time_ns, command), venue.state_hash()) for time_ns, command in enumerate(commands)]


def first_difference(one, other):
    """Place of the first command after which two records differ, None if there is none."""
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b), None)


# --- Hypothesis: short streams that find and shrink ------------------------------------------------------

_agents, _counters, _listings = st.integers(1, 3), st.integers(1, 5), st.integers(0, 1)
_prices, _sizes = st.integers(97, 103), st.integers(1, 9)
_new = st.tuples(
    *(st.just("new"), _agents, _counters, _listings, st.integers(0, 1)),
    *(st.sampled_from((LIMIT, LIMIT, MARKET)), st.sampled_from((GTC, GTC, IOC, FOK))),
    *(st.sampled_from((NONE, NEWEST, PASS)), st.booleans()),
    *(st.one_of(st.none(), _prices, _prices, _prices), _sizes),
)
_cancel = st.tuples(st.just("cancel"), _agents, _counters, _listings)
_replace = st.tuples(st.just("replace"), _agents, _counters, _listings, _prices, _sizes)
_phase = st.tuples(st.just("phase"), st.integers(0, 2))
short_streams = st.lists(st.one_of(_new, _new, _new, _cancel, _replace, _phase), max_size=40)
SHORT = Mix(listings=((7, 3, 0, -1_111, 2_222), (1, 1, 300, 3, 0)), owners={3: 2})

_edges = st.sampled_from([0, 1, 2, 2**20, 2**42, 2**48, 2**48 + 1, 2**53, 2**53 + 1, 2**63 - 1, -1, -(2**63)])
_edge_new = st.tuples(
    *(st.just("new"), _agents, _counters, st.just(0), st.integers(0, 1), st.just(LIMIT)),
    *(st.sampled_from((GTC, IOC, FOK)), st.just(NEWEST), st.booleans(), _edges, _edges),
)
_edge_replace = st.tuples(st.just("replace"), _agents, _counters, st.just(0), _edges, _edges)
edge_streams = st.lists(st.one_of(_edge_new, _edge_replace), max_size=25)
edge_atoms = st.sampled_from([(1, 1), (2**9, 2**14), (2**40, 2**40), (2**62, 2**62)])
