"""What must hold whatever anybody sends, with every kind of order there is.

An accountant hears the events and knows what was sent; it has no matching of its own.
"""

import pytest
from engine_kit import BUY, NONE, REJECT_KINDS, SELL
from engine_whole import WHOLE_MIXES, WholeStream, open_whole, send, timed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_sim.engine import CancelReason, Event, EventKind, Phase

hammer = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Known:
    """An order as its agent knows it from what it sent and heard."""

    def __init__(self, command, event):
        kind, _, _, self.listing, self.side, self.type, self.tif, self.stp, *rest = command
        self.price = event.price or None  # for a peg or stop: not its limit yet
        self.terms = rest[3] if kind == "ex" else {}
        waits = any(name in self.terms for name in ("peg", "stop_price", "trail_ticks", "trail_bps"))
        self.limit = rest[1] if waits else self.price
        self.total = self.leaves = event.size
        self.filled = 0

    def allows(self, price):
        if self.limit is None:
            return True
        return price <= self.limit if self.side == BUY else price >= self.limit


class Accountant:
    """Original - executed - prevented = open, for every order, at every event."""

    def __init__(self, mix):
        self.mix = mix
        self.live = {}
        self.last_print = {}
        self.phase = Phase.CONTINUOUS

    def owner(self, agent):
        return self.mix.owners.get(agent, agent)

    def hear(self, command, rows):
        events = [Event(*row) for row in rows]
        if command[0] == "phase":
            self.phase = command[1]
        for event in events:
            key = (event.listing, event.agent, event.counter)
            if event.kind == EventKind.ACCEPTED:
                assert key not in self.live, "an id is live once"
                self.live[key] = Known(command, event)
            elif event.kind == EventKind.TRADE:
                self.trade(event)
            elif event.kind == EventKind.PRINT:
                self.last_print[event.listing] = event.price
            elif event.kind in (EventKind.FILL, EventKind.CANCELLED, EventKind.REPLACED, EventKind.REFRESHED):
                self.report(command, key, event)

    def trade(self, event):
        maker = self.live[event.listing, event.agent, event.counter]
        taker = self.live[event.listing, event.contra_agent, event.contra_counter]
        assert maker.side != taker.side == event.side
        assert maker.allows(event.price), "no trade outside the maker's limit"
        assert taker.allows(event.price), "no trade outside the taker's limit"
        own = self.owner(event.agent) == self.owner(event.contra_agent)
        assert not own or taker.stp == NONE, "no self-trade"
        self.last_print[event.listing] = event.price

    def report(self, command, key, event):
        order = self.live[key]
        if event.kind == EventKind.FILL:
            order.filled += event.size
            order.leaves -= event.size
        elif event.kind == EventKind.CANCELLED:
            assert event.size == order.leaves or event.reason == CancelReason.REPLACED_BELOW_EXECUTED
            order.leaves = 0
        elif event.kind == EventKind.REPLACED:
            order.total, order.leaves = event.size, event.leaves
            if command[0] == "replace" and command[1:4] == (event.agent, event.counter, event.listing):
                order.limit = command[4]
        assert event.leaves == order.leaves >= 0
        if event.kind != EventKind.CANCELLED:
            assert order.total - order.leaves == order.filled, "executed is total less open"
        if event.kind == EventKind.REFRESHED:
            assert 0 < event.size <= order.terms["display_lots"], "a peak is no more than asked for"
        if not order.leaves:
            del self.live[key]

    def compare(self, venue):
        for listing in range(len(self.mix.listings)):
            mine = {key[1:]: order for key, order in self.live.items() if key[0] == listing}
            assert venue.live(listing) == len(mine)
            best = {}
            for side in (BUY, SELL):
                queue, shown = venue.orders(listing, side), venue.shown(listing, side)
                for _, agent, counter, leaves, total in queue:
                    assert (leaves, total) == (mine[agent, counter].leaves, mine[agent, counter].total)
                levels = {}
                for price, agent, counter, lots in shown:
                    order = mine[agent, counter]
                    assert 0 < lots <= order.terms.get("display_lots", order.leaves)
                    count, sum_ = levels.get(price, (0, 0))
                    levels[price] = (count + 1, sum_ + lots)
                depth = [(price, lots, count) for price, (count, lots) in levels.items()]
                assert venue.depth(listing, side, 10**6) == depth, "levels are the sums of what is shown"
                prices = [row[0] for row in queue]
                assert prices == sorted(prices, reverse=side == BUY)
                best[side] = prices[0] if prices else None
            assert None in best.values() or best[BUY] < best[SELL], "never crossed, hidden orders included"
            if self.phase == Phase.CONTINUOUS:
                self.stops(venue, listing, mine)

    def stops(self, venue, listing, mine):
        last = self.last_print.get(listing)
        for agent, counter, stop, leaves in venue.waiting(listing):
            order = mine[agent, counter]
            assert leaves == order.leaves
            if last is not None and stop:
                reached = last >= stop if order.side == BUY else last <= stop
                assert not reached, "no stop waits whose condition holds"


def audit(venue_class, name, seed, count):
    mix = WHOLE_MIXES[name]
    venue, accountant = open_whole(venue_class, mix), Accountant(mix)
    seq, hashes = 0, None
    for time_ns, command in timed(WholeStream(mix, seed).take(count), mix):
        rows = send(venue, time_ns, command)
        assert [row[1] for row in rows] == list(range(seq + 1, seq + 1 + len(rows)))
        seq += len(rows)
        accountant.hear(command, rows)
        accountant.compare(venue)
        now = [venue.book_hash(listing) for listing in range(len(mix.listings))]
        if rows and rows[0][12] in REJECT_KINDS:
            assert len(rows) == 1
            assert now == hashes or hashes is None, "a reject changes no book"
        hashes = now
    return venue, accountant


@hammer
@given(name=st.sampled_from(list(WHOLE_MIXES)), seed=st.integers(0, 10**6), count=st.integers(1, 150))
def test_short_streams(venue_class, name, seed, count):
    audit(venue_class, name, seed, count)


@pytest.mark.parametrize("name", WHOLE_MIXES)
def test_long_streams(venue_class, name):
    audit(venue_class, name, f"accountant {name}", 2_500)


@hammer
@given(name=st.sampled_from(list(WHOLE_MIXES)), seed=st.integers(0, 10**6))
def test_who_cancels_everything_leaves_nothing(venue_class, name, seed):
    venue, accountant = audit(venue_class, name, seed, 120)
    if venue.phase == Phase.CLOSED:
        send(venue, 2_000, ("phase", Phase.SUSPENDED))
    for agent in range(1, WHOLE_MIXES[name].agents + 1):
        command = ("mass", agent, None, None)
        accountant.hear(command, send(venue, 2_000 + agent, command))
    accountant.compare(venue)
    assert accountant.live == {}
    assert all(venue.bbo(listing) == (None, 0, None, 0) for listing in range(len(accountant.mix.listings)))


def test_the_accountant_is_awake(venue_class):
    """It must object to a fill that is not in the books, a wrong remainder, a trade outside a limit."""
    mix = WHOLE_MIXES["everything of one owner"]
    buy = ("new", 1, 1, 0, BUY, 0, 0, NONE, False, 100, 5)
    sell = ("new", 2, 1, 0, SELL, 0, 0, NONE, False, 100, 5)
    for place, changed in (
        (1, {"leaves": 1}),
        (2, {"size": 4}),
        (0, {"price": 101}),
        (0, {"contra_agent": 9}),
    ):
        venue, accountant = open_whole(venue_class, mix), Accountant(mix)
        accountant.hear(buy, send(venue, 1, buy))
        rows = [Event(*row) for row in send(venue, 2, sell)]
        rows[place + 1] = rows[place + 1]._replace(**changed)
        with pytest.raises((AssertionError, KeyError)):
            accountant.hear(sell, rows)
