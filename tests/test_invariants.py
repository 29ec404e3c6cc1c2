"""What must hold whatever anybody sends, checked by a witness that only hears the events.

The witness has no matching of its own: it judges each event by the queues it has rebuilt from the
events before. At the end of every command its queues must be the engine's.
"""

import numpy as np
import pytest
from engine_kit import BUY, FOK, GTC, IOC, NEWEST, PASS, REJECT_KINDS, SELL
from engine_streams import (
    MIXES,
    SHORT,
    Mix,
    Stream,
    by_call,
    edge_atoms,
    edge_streams,
    open_venue,
    record,
    short_streams,
)
from hypothesis import HealthCheck, given, settings

from market_sim.engine import Event, EventKind
from market_sim.records import COMMAND, EVENT

hammer = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Order:
    def __init__(self, command, owners):
        (
            _,
            self.agent,
            self.counter,
            _,
            self.side,
            _,
            self.tif,
            self.stp,
            self.post_only,
            self.price,
            self.total,
        ) = command
        self.owner = owners.get(self.agent, self.agent)
        self.leaves, self.filled = self.total, 0

    @property
    def id(self):
        return self.agent, self.counter


class Witness:
    """The queues of one listing as the events tell them."""

    def __init__(self, listing, spec, owners):
        self.listing, self.spec, self.owners = listing, spec, owners
        self.queues = ({}, {})  # side -> price -> orders, oldest first
        self.live = {}
        self.taker = None
        self.bought = self.sold = 0

    # --- hearing one command ---------------------------------------------------------------------------

    def hear(self, command, rows):
        events = [Event(*row) for row in rows]
        if events[0].kind in REJECT_KINDS:
            assert len(events) == 1
            return
        if command[0] == "new":
            self.taker = Order(command, self.owners)
            assert self.taker.id not in self.live, "an id is live once"
        self.command = command
        for event in events:
            getattr(self, EventKind(event.kind).name.lower())(event)
        if self.taker is not None and self.taker.leaves:
            self.rest(self.taker)
        self.taker = None

    def accepted(self, event):
        assert (event.size, event.leaves) == (self.taker.total, self.taker.total)
        assert event.price == (self.taker.price or 0)

    def trade(self, event):
        taker = self.taker
        maker = self.first_in_line(taker)
        assert maker is not None
        assert (event.agent, event.counter) == maker.id, "price, then time"
        assert (event.contra_agent, event.contra_counter) == taker.id
        assert event.price == maker.price, "the resting order's price"
        assert event.size == min(maker.leaves, taker.leaves)
        assert event.side == taker.side
        if taker.stp in (NEWEST, PASS):
            assert maker.owner != taker.owner, "no self-trade"
        assert not taker.post_only, "a post-only order takes nothing"
        self.match = event
        self.bought += event.size
        self.sold += event.size

    def first_in_line(self, taker):
        sign = -1 if taker.side == SELL else 1
        for price in sorted(self.queues[1 - taker.side], key=lambda price: sign * price):
            if taker.price is not None and sign * price > sign * taker.price:
                return None
            for order in self.queues[1 - taker.side][price]:
                if not (taker.stp == PASS and order.owner == taker.owner):
                    return order
        return None

    def fill(self, event):
        order = self.live[event.agent, event.counter] if event.flags else self.taker
        assert order.id == (event.agent, event.counter)
        assert (event.price, event.size, event.match_id) == (
            self.match.price,
            self.match.size,
            self.match.match_id,
        )
        order.leaves -= event.size
        order.filled += event.size
        assert event.leaves == order.leaves >= 0
        tick_lot, _, _, *rates = self.spec
        notional, rate = event.price * event.size * tick_lot, rates[0 if event.flags else 1]
        assert notional * rate <= event.fee * 10**8 < notional * rate + 10**8, (
            "rounded against the participant"
        )
        if event.flags and order.leaves == 0:
            self.gone(order)

    def cancelled(self, event):
        order = self.live.get((event.agent, event.counter), self.taker)
        assert event.size == order.leaves > 0
        if self.command[0] == "new" and self.command[6] == FOK:
            assert order.filled in (0, order.total), "whole or not at all"
        if order.id in self.live:
            self.gone(order)
        order.leaves = 0

    def replaced(self, event):
        order = self.live[event.agent, event.counter]
        _, _, _, _, price, size = self.command
        keeps = price == order.price and size < order.total
        assert event.flags == keeps, "only a lower size keeps its place"
        assert (event.price, event.size, event.leaves) == (price, size, size - order.filled)
        if not keeps:
            self.gone(order)
            self.taker = order
        order.price, order.total, order.leaves = price, size, event.leaves

    def phase(self, event):
        raise AssertionError("a phase belongs to no listing")

    # --- queues ------------------------------------------------------------------------------------------

    def rest(self, order):
        assert order.tif == GTC, "only good-till-cancel orders rest"
        assert order.price is not None, "nothing rests without a price"
        self.queues[order.side].setdefault(order.price, []).append(order)
        self.live[order.id] = order

    def gone(self, order):
        queue = self.queues[order.side][order.price]
        queue.remove(order)
        if not queue:
            del self.queues[order.side][order.price]
        del self.live[order.id]

    def compare(self, venue):
        for side, sign in ((BUY, -1), (SELL, 1)):
            levels = [
                self.queues[side][price] for price in sorted(self.queues[side], key=lambda p, s=sign: s * p)
            ]
            queue = [(o.price, *o.id, o.leaves, o.total) for level in levels for o in level]
            assert venue.orders(self.listing, side) == queue, "market data rebuild the book, order by order"
            depth = [(level[0].price, sum(o.leaves for o in level), len(level)) for level in levels]
            assert venue.depth(self.listing, side, 10**6) == depth, "levels are the sums of their orders"
        bid, bid_lots, ask, ask_lots = venue.bbo(self.listing)
        assert bid is None or ask is None or bid < ask, "never crossed"
        assert (bid is None, ask is None) == (bid_lots == 0, ask_lots == 0)
        assert venue.live(self.listing) == len(self.live)
        assert all(order.total == order.filled + order.leaves for order in self.live.values())
        assert self.bought == self.sold


def witness(venue, mix, commands):
    """Send commands; after each the witnesses must agree, and a refused one must have changed no book."""
    witnesses = [Witness(number, spec, mix.owners) for number, spec in enumerate(mix.listings)]
    hashes = [venue.book_hash(each.listing) for each in witnesses]
    seq = 0
    for time_ns, command in enumerate(commands):
        rows = by_call(venue, time_ns, command)
        assert [row[1] for row in rows] == list(range(seq + 1, seq + 1 + len(rows)))
        seq += len(rows)
        if command[0] == "phase" or command[3] >= len(witnesses):
            assert [venue.book_hash(each.listing) for each in witnesses] == hashes
            continue
        one = witnesses[command[3]]
        one.hear(command, rows)
        one.compare(venue)
        now = [venue.book_hash(each.listing) for each in witnesses]
        if rows[0][12] in REJECT_KINDS:
            assert now == hashes, "a reject changes no book"
        hashes = now


@hammer
@given(commands=short_streams)
def test_short_streams(venue_class, commands):
    witness(open_venue(venue_class, SHORT), SHORT, commands)


@hammer
@given(commands=edge_streams, atoms=edge_atoms)
def test_extreme_numbers_never_wrap(venue_class, commands, atoms):
    mix = Mix(listings=((*atoms, 0, 10**8, -(10**8)),))
    witness(open_venue(venue_class, mix), mix, commands)


@pytest.mark.parametrize("name", MIXES)
def test_long_streams(venue_class, name):
    mix = MIXES[name]
    witness(open_venue(venue_class, mix), mix, Stream(mix, seed=f"witness {name}").take(3_000))


def test_a_replayed_log_ends_in_the_same_state(venue_class):
    """The commands once more, all in one batch: the same events, the same hash."""
    mix = MIXES["two listings"]
    commands = Stream(mix, seed="replay").take(4_000)
    told = record(open_venue(venue_class, mix), commands)
    table = np.zeros(len(commands), COMMAND)
    for time_ns, (kind, *rest) in enumerate(commands):
        row = table[time_ns]
        row["time_ns"] = time_ns
        row["agent"], row["counter"], row["listing"] = rest[:3]
        if kind == "new":
            row["side"], row["order_type"], row["tif"], row["stp"] = rest[3:7]
            row["flags"] = rest[7] | (0 if rest[8] is None else 2)
            row["price"], row["size"] = rest[8] or 0, rest[9]
        elif kind == "cancel":
            row["kind"] = 1
        else:
            row["kind"], row["price"], row["size"] = 2, *rest[3:]
    venue, events = open_venue(venue_class, mix), np.zeros(20_000, EVENT)
    taken, written = venue.process(table, events)
    assert taken == len(commands)
    assert events[:written].tolist() == [row for rows, _ in told for row in rows]
    assert venue.state_hash() == told[-1][1]


def test_the_witness_is_awake():
    """A witness that believes everything is none: it must object to a wrong maker, price, size or fee."""
    buy = ("new", 3, 1, 0, BUY, 0, IOC, NEWEST, False, 100, 4)
    sells = [("new", agent, 1, 0, SELL, 0, GTC, NEWEST, False, 100, 5) for agent in (1, 2)]

    def told(**changed):
        one = Witness(0, (1, 1, 0, 0, 0), {})
        for sell in sells:
            one.hear(sell, [Event(0, 0, 100, 5, 5, agent=sell[1], counter=1, kind=1, side=SELL)])
        match = {"price": 100, "size": 4, "match_id": 1, "contra_agent": 3, "contra_counter": 1} | changed
        maker = {"agent": 1, "counter": 1} | {name: changed[name] for name in changed if name == "agent"}
        one.hear(
            buy,
            [
                Event(1, 0, 100, 4, 4, agent=3, counter=1, kind=1),
                Event(1, 0, kind=8, **match | maker),
                Event(1, 0, kind=2, side=SELL, flags=1, leaves=1, **match | maker),
                Event(1, 0, kind=2, agent=3, counter=1, price=100, size=4, match_id=1),
            ],
        )

    told()
    for lie in ({"agent": 2}, {"price": 99}, {"size": 3}, {"fee": 1}):
        with pytest.raises(AssertionError):
            told(**lie)
