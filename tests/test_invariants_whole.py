"""What must hold whatever anybody sends, with every kind of order there is.

An accountant hears the events and knows what was sent; it has no matching of its own.
"""

import pytest
from engine_kit import BUY, MARKET_TO_LIMIT, NONE, REJECT_KINDS, SELL
from engine_whole import CALLS, WHOLE_MIXES, WholeStream, open_whole, send, timed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market_sim.engine import CancelReason, Event, EventKind, MatchingPolicy, Phase

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
        listings = range(len(mix.listings))
        self.phases = dict.fromkeys(listings, Phase.CONTINUOUS)  # halts of one listing included
        self.called = dict.fromkeys(listings, False)
        self.limits, self.positions = {}, {}
        for agent, listing, limits in mix.limits:
            self.told("risk", agent, listing, limits)

    def batches(self, listing):
        chosen = self.mix.matching[listing] if listing < len(self.mix.matching) else None
        return bool(chosen) and chosen["policy"] == MatchingPolicy.BATCH_AUCTION

    def gathers(self, listing):
        phase = self.phases[listing]
        return phase in CALLS or (phase == Phase.CONTINUOUS and self.batches(listing))

    def owner(self, agent):
        return self.mix.owners.get(agent, agent)

    def hear(self, command, rows):
        if command[0] in ("risk", "position"):
            self.told(*command)
        auction = None
        for event in (Event(*row) for row in rows):
            key = (event.listing, event.agent, event.counter)
            if event.kind == EventKind.ACCEPTED:
                assert key not in self.live, "an id is live once"
                self.live[key] = Known(command, event)
                self.within_limits(key)
            elif event.kind == EventKind.PHASE:
                self.enter(event)
            elif event.kind == EventKind.AUCTION:
                assert command[0] in ("phase", "advance"), "a call ends with its phase or its time"
                auction = event
            elif event.kind == EventKind.TRADE:
                self.trade(event)
                if self.gathers(event.listing):
                    assert auction is not None, "nothing trades in a call"
                    assert (auction.listing, auction.price) == (event.listing, event.price), "one price"
            elif event.kind == EventKind.PRINT:
                self.last_print[event.listing] = event.price
            elif event.kind in (EventKind.FILL, EventKind.CANCELLED, EventKind.REPLACED, EventKind.REFRESHED):
                self.report(command, key, event)

    def enter(self, event):
        phase = Phase(event.reason)
        if not event.flags:
            self.phase = phase
        for listing in [event.listing] if event.flags else self.phases:
            self.phases[listing] = phase
            if phase in CALLS:
                self.called[listing] = True
            elif phase != Phase.SUSPENDED:
                self.called[listing] = False

    def told(self, kind, agent, listing, what):
        self.positions.setdefault((listing, agent), 0)
        if kind == "risk":
            self.limits[listing, agent] = what
        else:
            self.positions[listing, agent] = what

    def within_limits(self, key):
        """An order that was accepted breaks no limit, even if all that is open on its side trades."""
        listing, agent, _ = key
        order, limits = self.live[key], self.limits.get((listing, agent), {})
        assert order.total <= limits.get("max_order_lots", order.total)
        of_agent = [each for (where, who, _), each in self.live.items() if (where, who) == (listing, agent)]
        open_lots = sum(each.leaves for each in of_agent if each.side == order.side)
        held = self.positions.get((listing, agent), 0) * (1 if order.side == BUY else -1)
        assert held + open_lots <= limits.get("max_position_lots", held + open_lots)
        if order.side == SELL and limits.get("no_short_sale"):
            assert held + open_lots <= 0, "nothing is sold that is not held"

    def trade(self, event):
        maker = self.live[event.listing, event.agent, event.counter]
        taker = self.live[event.listing, event.contra_agent, event.contra_counter]
        assert maker.side != taker.side == event.side
        assert maker.allows(event.price), "no trade outside the maker's limit"
        assert taker.allows(event.price), "no trade outside the taker's limit"
        own = self.owner(event.agent) == self.owner(event.contra_agent)
        assert not own or taker.stp == NONE, "no self-trade"
        self.last_print[event.listing] = event.price
        for order, agent in ((maker, event.agent), (taker, event.contra_agent)):
            if (event.listing, agent) in self.positions:
                self.positions[event.listing, agent] += event.size if order.side == BUY else -event.size

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
            elif order.type == MARKET_TO_LIMIT and order.limit is None and event.price:
                order.limit = event.price  # what an auction left of it
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
                limits = [price for price in prices if price]
                assert limits == sorted(limits, reverse=side == BUY)
                assert prices == [0] * (len(prices) - len(limits)) + limits, "without a limit, ahead of all"
                assert len(limits) == len(prices) or self.called[listing] or self.batches(listing)
                best[side] = limits[0] if limits else None
            crossed = None not in best.values() and best[BUY] >= best[SELL]
            assert not crossed or self.called[listing] or self.batches(listing), "crossed in a call only"
            assert venue.listing_phase(listing) == self.phases[listing]
            if self.phases[listing] == Phase.CONTINUOUS:
                self.stops(venue, listing, mine)

    def stops(self, venue, listing, mine):
        last = self.last_print.get(listing)
        for agent, counter, stop, leaves in venue.waiting(listing):
            order = mine[agent, counter]
            assert leaves == order.leaves
            if last is not None and stop:
                reached = last >= stop if order.side == BUY else last <= stop
                assert not reached, "no stop waits whose condition holds"


def gathered(venue, listing):
    """What an auction now would come to: told by the venue, and the most that any price could trade."""
    queues = {side: venue.orders(listing, side) for side in (BUY, SELL)}
    most = 0
    for price in {row[0] for queue in queues.values() for row in queue} - {0}:
        buys = sum(row[3] for row in queues[BUY] if not row[0] or row[0] >= price)
        sells = sum(row[3] for row in queues[SELL] if not row[0] or row[0] <= price)
        most = max(most, min(buys, sells))
    return venue.indicative(listing), most


def check_auctions(before, rows):
    """An auction ends at the price that was told before, and trades as much as can be traded."""
    events = [Event(*row) for row in rows]
    if any(event.reason == CancelReason.EXPIRED for event in events if event.kind == EventKind.CANCELLED):
        return  # the books were others by then
    for listing, (told, most) in before.items():
        here = [event for event in events if event.listing == listing]
        auctions = [event for event in here if event.kind == EventKind.AUCTION]
        if not auctions:
            continue
        first = auctions[0]
        assert (first.price, first.size, first.leaves) == told
        assert first.size >= most
        ended = [event.reason for event in here if event.kind == EventKind.CANCELLED]
        prevented = any(event.kind == EventKind.REPLACED for event in here) or ended
        traded = sum(
            event.size for event in here if (event.kind, event.price) == (EventKind.TRADE, first.price)
        )
        assert traded >= first.size or prevented, "all of it trades unless something keeps it from trading"


def audit(venue_class, name, seed, count):
    mix = WHOLE_MIXES[name]
    venue, accountant = open_whole(venue_class, mix), Accountant(mix)
    seq, hashes = 0, None
    for time_ns, command in timed(WholeStream(mix, seed).take(count), mix):
        may_end = command[0] in ("phase", "advance")
        calls = [where for where in range(len(mix.listings)) if may_end and accountant.gathers(where)]
        before = {where: gathered(venue, where) for where in calls}
        rows = send(venue, time_ns, command)
        check_auctions(before, rows)
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
        reopen = ("phase", Phase.SUSPENDED)
        accountant.hear(reopen, send(venue, 2_000, reopen))
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
