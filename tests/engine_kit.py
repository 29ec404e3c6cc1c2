"""Short hands for engine tests: a venue to trade on by hand, and a small market to run.

Expectations read like a blotter: `"FILL 5@100 left 0 of 2.1"` is a fill of 5 lots at tick 100 that
leaves nothing of agent 2's order 1.
"""

from market_sim.engine import (
    CancelReason,
    Event,
    EventKind,
    NoticeKind,
    OrderType,
    Peg,
    Phase,
    Refresh,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)

BUY, SELL = int(Side.BUY), int(Side.SELL)
LIMIT, MARKET = int(OrderType.LIMIT), int(OrderType.MARKET)
MARKET_TO_LIMIT, STOP, STOP_LIMIT, TRAILING_STOP = (int(kind) for kind in list(OrderType)[2:])
GTC, IOC, FOK, DAY, GTD = (int(tif) for tif in TimeInForce)
NONE, NEWEST, PASS, OLDEST, BOTH, DECREMENT = (int(mode) for mode in SelfTradePrevention)
RESERVE, PEAK = (int(style) for style in Refresh)
_, PRIMARY, MIDPOINT, TO_MARKET = (int(peg) for peg in Peg)
REJECT_KINDS = (EventKind.REJECTED, EventKind.CANCEL_REJECTED, EventKind.REPLACE_REJECTED)


def line(event):
    """An event in words, without its numbers of sequence and time."""
    kind, order = EventKind(event.kind), f"{event.agent}.{event.counter}"
    if kind == EventKind.FILL:
        maker = " maker" if event.flags else ""
        fee = f" fee {event.fee}" if event.fee else ""
        return f"FILL {event.size}@{event.price} left {event.leaves} of {order}{maker}{fee}"
    if kind == EventKind.TRADE:
        taker = f"{event.contra_agent}.{event.contra_counter}"
        return f"TRADE {event.size}@{event.price} {order} hit by {taker} {Side(event.side).name}"
    if kind == EventKind.CANCELLED:
        return f"CANCELLED {event.size}@{event.price} of {order} {CancelReason(event.reason).name}"
    if kind == EventKind.REPLACED:
        kept = " keeps place" if event.flags else ""
        return f"REPLACED {event.size}@{event.price} left {event.leaves} of {order}{kept}"
    if kind in REJECT_KINDS:
        return f"{kind.name} {order} {RejectReason(event.reason).name} left {event.leaves}"
    if kind == EventKind.PHASE:
        alone = f" of listing {event.listing}" if event.flags else ""
        return f"PHASE {Phase(event.reason).name}{alone}"
    if kind in (EventKind.AUCTION, EventKind.INDICATIVE):
        return f"{kind.name} {event.size}@{event.price} surplus {event.leaves}"
    if kind == EventKind.PRINT:
        return f"PRINT {event.size}@{event.price} {Side(event.side).name}"
    if kind == EventKind.REFRESHED:
        return f"REFRESHED {event.size}@{event.price} left {event.leaves} of {order}"
    if kind == EventKind.TRIGGERED:
        return f"TRIGGERED {event.size}@{event.price} {order} {OrderType(event.flags).name}"
    return f"{kind.name} {event.size}@{event.price} {order}"


class Floor:
    """A venue with one listing, traded by hand; numbers an agent's orders by itself."""

    def __init__(self, venue_class, tick_lot=1, lot=1, min_notional=0, maker_fee=0, taker_fee=0):
        self.venue = venue_class("V")
        self.listing = self.venue.add_listing(tick_lot, lot, min_notional, maker_fee, taker_fee)
        self.time_ns = 0
        self.counters = {}
        self.events = []

    def order(
        self,
        agent,
        side,
        price,
        size,
        order_type=LIMIT,
        tif=GTC,
        stp=NEWEST,
        post_only=False,
        counter=None,
        listing=None,
        **terms,
    ):
        self.time_ns += 1
        if counter is None:
            counter = self.counters[agent] = self.counters.get(agent, 0) + 1
        where = self.listing if listing is None else listing
        send = self.venue.new_order_ex if terms else self.venue.new_order
        order = (agent, counter, where, side, order_type, tif, stp, post_only, price, size)
        return self.taken(send(self.time_ns, *order, **terms))

    def buy(self, agent, price, size, **options):
        return self.order(agent, BUY, price, size, **options)

    def sell(self, agent, price, size, **options):
        return self.order(agent, SELL, price, size, **options)

    def cancel(self, agent, counter, listing=None):
        self.time_ns += 1
        where = self.listing if listing is None else listing
        return self.taken(self.venue.cancel(self.time_ns, agent, counter, where))

    def replace(self, agent, counter, price, size, listing=None):
        self.time_ns += 1
        where = self.listing if listing is None else listing
        return self.taken(self.venue.replace(self.time_ns, agent, counter, where, price, size))

    def phase(self, phase):
        self.time_ns += 1
        return self.taken(self.venue.set_phase(self.time_ns, int(phase)))

    def reference(self, price):
        self.venue.set_reference_price(self.listing, price)

    def uncross(self, phase=Phase.CONTINUOUS):
        """End a call: (auction price, volume), and the matches as (lots, buyer, seller)."""
        self.phase(phase)
        auctions = [(event.price, event.size) for event in self.events if event.kind == EventKind.AUCTION]
        assert len(auctions) <= 1, "one auction, one price"
        trades = [event for event in self.events if event.kind == EventKind.TRADE]
        assert all(event.price == auctions[0][0] for event in trades), "all at the auction's price"
        pairs = [(t.size, *((t.contra_agent, t.agent)[:: 1 if t.side == BUY else -1])) for t in trades]
        return (auctions[0] if auctions else None), pairs

    def advance(self, time_ns):
        self.time_ns = time_ns
        return self.taken(self.venue.advance(time_ns))

    def mass_cancel(self, agent, listing=None, side=None):
        self.time_ns += 1
        return self.taken(self.venue.mass_cancel(self.time_ns, agent, listing, side))

    def disconnect(self, agent):
        self.time_ns += 1
        return self.taken(self.venue.disconnect(self.time_ns, agent))

    def taken(self, count):
        """The events of the last command, in words; the rows themselves are in `events`."""
        self.events = [Event(*row) for row in self.venue.take_events()]
        assert len(self.events) == count
        assert all(event.time_ns == self.time_ns for event in self.events)
        return [line(event) for event in self.events]

    def bids(self):
        return self.queue(BUY)

    def asks(self):
        return self.queue(SELL)

    def queue(self, side):
        orders = self.venue.orders(self.listing, side)
        return [f"{leaves}@{price} {agent}.{counter}" for price, agent, counter, leaves, _ in orders]

    def waiting(self):
        """Waiting stops, first come first: `"5@100 1.1"`, at their stop prices."""
        rows = self.venue.waiting(self.listing)
        return [f"{leaves}@{stop} {agent}.{counter}" for agent, counter, stop, leaves in rows]

    def shown(self, side):
        """The public queue, first in line first: `"5@100 1.1"`."""
        rows = self.venue.shown(self.listing, side)
        return [f"{lots}@{price} {agent}.{counter}" for price, agent, counter, lots in rows]


class Market:
    """A kernel with venues, one or more instruments and agents; constant latencies unless set by hand.

    Units are one: an asset's atom, a lot and a tick are all 1 unless `listing` says otherwise.
    """

    def __init__(self, kernel_class, venues=("N",), seed=1, pooled=False, listing=(1, 1, 0, 0, 0)):
        self.kernel = kernel_class(seed, pooled)
        self.usd = self.kernel.add_asset("USD", 2)
        self.btc = self.kernel.add_asset("BTC", 8)
        self.venues = [self.kernel.add_venue(name) for name in venues]
        self.instrument = self.kernel.add_instrument("BTC/USD", self.btc, self.usd)
        self.listings = [self.kernel.add_listing(venue, self.instrument, *listing) for venue in self.venues]
        self.profile = self.kernel.add_profile("site")
        self.notices = []

    def data(self, *model, venue=0):
        self.kernel.set_data_latency(self.profile, self.venues[venue], model)
        return self

    def agent(
        self,
        name,
        entry=("constant", 0),
        report=("constant", 0),
        usd=1_000_000,
        btc=1_000_000,
        quotes=False,
        trades=False,
        depth=0,
        unlimited=False,
        short=False,
        stp=NEWEST,
        decision_ns=0,
        max_open_orders=0,
        profile=None,
    ):
        site = self.profile if profile is None else profile
        agent = self.kernel.add_agent(name, site, unlimited, short, stp, decision_ns, max_open_orders)
        for venue in self.venues:
            self.kernel.set_link(agent, venue, entry, report)
            if usd:
                self.kernel.deposit(agent, venue, self.usd, usd)
            if btc:
                self.kernel.deposit(agent, venue, self.btc, btc)
        if quotes or trades or depth:
            for listing in self.listings:
                self.kernel.subscribe(agent, listing, quotes, trades, depth)
        return agent

    def start(self):
        self.kernel.start()
        return self

    def buy(self, agent, price, size, listing=0, order_type=LIMIT, tif=GTC, post_only=False):
        return self.kernel.new_order(
            agent, self.listings[listing], BUY, order_type, tif, post_only, price, size
        )

    def sell(self, agent, price, size, listing=0, order_type=LIMIT, tif=GTC, post_only=False):
        return self.kernel.new_order(
            agent, self.listings[listing], SELL, order_type, tif, post_only, price, size
        )

    def run(self, until_ns=None):
        """The notices up to a time (default: one second on), oldest first."""
        until_ns = self.kernel.now_ns + 10**9 if until_ns is None else until_ns
        notices = []
        while (notice := self.kernel.next(until_ns)) is not None:
            notices.append(notice)
        self.notices += notices
        return notices

    def reports(self, agent=None, until_ns=None):
        """Reports up to a time, in words with their times: `"7 ACCEPTED 5@100 5.1"`."""
        return [
            f"{notice[1]} {line(report_event(notice))}"
            for notice in self.run(until_ns)
            if notice[0] == NoticeKind.REPORT and agent in (None, notice[2])
        ]

    def of_kind(self, kind, until_ns=None):
        """Notices of one kind up to a time."""
        return [notice for notice in self.run(until_ns) if notice[0] == kind]

    def money(self, agent, venue=0):
        """(USD, BTC) that the agent may spend at a venue."""
        kernel, where = self.kernel, self.venues[venue]
        return kernel.spendable(agent, where, self.usd), kernel.spendable(agent, where, self.btc)

    def truth(self, agent, venue=0):
        """(USD, BTC) that the agent truly holds at a venue."""
        kernel, where = self.kernel, self.venues[venue]
        return kernel.balance(agent, where, self.usd), kernel.balance(agent, where, self.btc)


def report_event(notice):
    """The event row that a REPORT notice tells of."""
    _, _, agent, listing, kind, reason, counter, side, price, size, leaves, fee, flags, match_id, venue_ns = (
        notice
    )
    return Event(
        venue_ns,
        0,
        price=price,
        size=size,
        leaves=leaves,
        fee=fee,
        match_id=match_id,
        listing=listing,
        agent=agent,
        counter=counter,
        kind=kind,
        reason=reason,
        side=side,
        flags=flags,
    )
