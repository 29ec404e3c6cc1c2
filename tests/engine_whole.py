"""Streams of commands over everything the engine knows: terms of orders, expiry, mass cancels and more.

To the commands of `engine_streams` come ("ex", agent, counter, listing, side, order type, tif, stp,
post-only, price, size, terms), ("advance", nanoseconds), ("mass", agent, listing or None, side or None),
("disconnect", agent), ("print", listing, side, price, size): a recorded trade, ("reference", listing, price),
("risk", agent, listing, limits) and ("position", agent, listing, lots).
"""

from dataclasses import dataclass

from engine_kit import (
    BOTH,
    DAY,
    DECREMENT,
    FOK,
    GTC,
    GTD,
    IOC,
    LIMIT,
    MARKET,
    MARKET_TO_LIMIT,
    NEWEST,
    NONE,
    OLDEST,
    PASS,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
)
from engine_streams import Mix, Stream, by_call

from market_sim.engine import MatchingPolicy, Phase

ALL_MODES = (NONE, NEWEST, OLDEST, BOTH, DECREMENT)
BEYOND_PRICE = ("iceberg", "hidden", "minimum", "gtd", "day", "protection", "market to limit")
WAITING = ("stop", "stop limit", "trailing", "peg", "peg")
PLAIN_FEES = (1, 1, 0, 0, 0)
CALLS = (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.HALT, Phase.CLOSING_AUCTION)
BATCHES = {"policy": MatchingPolicy.BATCH_AUCTION, "interval_ns": 150}
SHARED = {"policy": MatchingPolicy.PRO_RATA, "top_order_max_lots": 6, "pro_rata_min_lots": 2}


@dataclass(frozen=True)
class Whole(Mix):
    """What a stream is made of beyond the plain orders; `terms` is the share of orders that carry any."""

    terms: float = 0.6
    features: tuple = BEYOND_PRICE
    modes: tuple = (NONE, NONE, NEWEST)
    phases: tuple = (Phase.SUSPENDED, Phase.CLOSED)
    resume: float = 0.2  # share of commands that open a venue again
    matching: tuple = ()  # per listing: what `set_matching` is told, None: nothing
    halts: tuple = ()  # per listing: (basis points, nanoseconds), None: no halt
    reference: float = 0.0  # share of commands that tell a reference price
    risk: float = 0.0  # share of commands that set limits or tell a position
    limits: tuple = ()  # (agent, listing, limits) from the start, when no price is known yet
    sizes: tuple = (1, 30)
    advance: float = 0.02
    mass: float = 0.01
    disconnect: float = 0.005
    print: float = 0.01
    cancel: float = 0.08
    live: int = 30
    nonsense: float = 0.03  # share of terms that do not fit the order
    step_ns: int = 10  # between commands


WHOLE_MIXES = {
    "everything that shows less": Whole(features=("iceberg", "iceberg", "hidden", "minimum")),
    "everything that ends": Whole(features=("gtd", "day", "iceberg"), advance=0.05, phase=0.02, mass=0.03),
    "everything of one owner": Whole(
        agents=3, owners={3: 1}, modes=ALL_MODES, features=("iceberg", "hidden", "minimum"), terms=0.4
    ),
    "everything without a price": Whole(
        features=("protection", "market to limit", "iceberg", "hidden"), types=(LIMIT, LIMIT, MARKET)
    ),
    "everything that waits for trades": Whole(features=("stop", "stop limit", "trailing", "iceberg")),
    "everything that follows": Whole(
        features=("peg", "peg", "hidden", "iceberg"), terms=0.5, modes=ALL_MODES
    ),
    "everything at two listings": Whole(
        listings=((977, 10, 20_000, -1_777, 4_321), PLAIN_FEES),
        modes=ALL_MODES,
        phase=0.005,
        features=(*BEYOND_PRICE, *BEYOND_PRICE, *WAITING),
    ),
    "everything in a call": Whole(
        listings=((977, 10, 20_000, -1_777, 4_321), PLAIN_FEES),
        features=(*BEYOND_PRICE, "market to limit", *WAITING),
        types=(LIMIT, LIMIT, LIMIT, MARKET),
        modes=(NONE, NONE, NONE, NEWEST, OLDEST, BOTH, DECREMENT),
        phases=(*CALLS, *CALLS, Phase.SUSPENDED, Phase.CLOSED),
        phase=0.02,
        resume=0.04,
        reference=0.01,
        replace=0.1,
    ),
    "everything of one owner in a call": Whole(
        agents=3,
        owners={3: 1},
        features=("iceberg", "hidden", "market to limit"),
        modes=(*ALL_MODES, PASS),
        types=(LIMIT, LIMIT, MARKET),
        phases=CALLS,
        phase=0.03,
        resume=0.06,
        terms=0.4,
    ),
    "everything shared": Whole(
        listings=(PLAIN_FEES, PLAIN_FEES),
        matching=(SHARED, {"policy": MatchingPolicy.PRO_RATA}),
        features=("iceberg", "hidden", "minimum", *WAITING),
        modes=(*ALL_MODES, NONE, NONE, PASS),
        owners={6: 1},
        prices=(98, 102),
        phases=(*CALLS, Phase.SUSPENDED),
        phase=0.003,
        terms=0.3,
    ),
    "everything in batches": Whole(
        matching=(BATCHES,),
        types=(LIMIT, LIMIT, LIMIT, MARKET),
        tifs=(GTC,) * 19 + (IOC,),
        features=("market to limit", "stop", "stop limit", "trailing", "gtd", "day", "iceberg"),
        modes=(NONE, NONE, NONE, NEWEST, OLDEST, BOTH, DECREMENT),
        prices=(98, 102),
        phases=(*CALLS, Phase.SUSPENDED, Phase.CLOSED),
        phase=0.004,
        terms=0.3,
        advance=0.06,
        reference=0.005,
    ),
    "everything that halts": Whole(
        listings=(PLAIN_FEES, (977, 10, 20_000, -1_777, 4_321)),
        matching=(None, SHARED),
        halts=((250, 300), (150, 0)),
        features=("iceberg", "hidden", "minimum", "protection", "market to limit", *WAITING),
        types=(LIMIT, LIMIT, LIMIT, MARKET),
        phases=(*CALLS, Phase.CONTINUOUS, Phase.CONTINUOUS, Phase.SUSPENDED, Phase.CLOSED),
        phase=0.015,
        advance=0.05,
        reference=0.01,
    ),
    "everything everywhere": Whole(
        listings=((977, 10, 20_000, -1_777, 4_321), PLAIN_FEES, PLAIN_FEES),
        matching=(None, SHARED, BATCHES),
        halts=((300, 200), (400, 100), None),
        features=(*BEYOND_PRICE, *WAITING),
        types=(LIMIT, LIMIT, LIMIT, MARKET),
        modes=(*ALL_MODES, NONE, NONE, NONE),
        phases=(*CALLS, Phase.CONTINUOUS, Phase.SUSPENDED, Phase.CLOSED),
        phase=0.01,
        resume=0.1,
        advance=0.05,
        reference=0.01,
        risk=0.002,
        live=60,
    ),
    "everything limited": Whole(
        listings=((977, 10, 20_000, -1_777, 4_321), PLAIN_FEES),
        matching=(None, SHARED),
        agents=3,
        features=(*BEYOND_PRICE, *WAITING),
        types=(LIMIT, LIMIT, LIMIT, MARKET),
        phases=(*CALLS, Phase.SUSPENDED),
        phase=0.005,
        reference=0.01,
        risk=0.05,
        limits=((1, 0, {"collar_bps": 200}), (2, 1, {"max_notional_atoms": 800})),
        sizes=(1, 12),
        step_ns=10**8,
    ),
}


class WholeStream(Stream):
    """A seeded stream over the features of its mix; like its parent it never looks at an engine."""

    def __init__(self, mix, seed):
        super().__init__(mix, seed)
        self.now_ns = 0
        self.phase = Phase.CONTINUOUS

    def command(self):
        draw, mix = self.random, self.mix
        self.now_ns += mix.step_ns
        if self.phase != Phase.CONTINUOUS and draw.random() < mix.resume:
            return self._phase(Phase.CONTINUOUS)
        if draw.random() < mix.phase:
            return self._phase(draw.choice(mix.phases))
        what = draw.random()
        for kind in ("advance", "mass", "disconnect", "print", "reference", "risk"):
            share = getattr(mix, kind)
            if what < share:
                return getattr(self, f"_{kind}")()
            what -= share
        if len(self.known) > mix.live:
            return ("cancel", *self.known.pop(0))
        kind = draw.random()
        if self.known and kind < mix.cancel:
            return ("cancel", *self.known[self.pick()])
        if self.known and kind < mix.cancel + mix.replace:
            return ("replace", *self.known[self.pick()], self.price(), self.new_size())
        return self.new()

    def new_size(self):
        """A replacement's size; of the wild ones those that end in a few peaks or in none, to save time."""
        size = self.size()
        return size if size <= 1_000 else self.random.choice((2**47, 2**48 + 1))

    def _phase(self, phase):
        self.phase = phase
        return ("phase", phase)

    def _advance(self):
        return ("advance", self.now_ns)

    def _mass(self):
        listing = self.random.choice((None, None, 0, 7 if self.random.random() < 0.1 else 0))
        return (
            "mass",
            self.random.randint(1, self.mix.agents),
            listing,
            self.random.choice((None, None, 0, 1)),
        )

    def _disconnect(self):
        return ("disconnect", self.random.randint(1, self.mix.agents))

    def _print(self):
        draw, mix = self.random, self.mix
        listing = draw.randrange(len(mix.listings))
        return ("print", listing, draw.randrange(2), draw.randint(*mix.prices), draw.randint(*mix.sizes))

    def _reference(self):
        return (
            "reference",
            self.random.randrange(len(self.mix.listings)),
            self.random.randint(*self.mix.prices),
        )

    def _risk(self):
        draw, mix = self.random, self.mix
        where = (draw.randint(1, mix.agents), draw.randrange(len(mix.listings)))
        if draw.random() < 0.4:
            return ("position", *where, draw.randint(-10, 30))
        every = {
            "max_order_lots": draw.randint(5, 11),
            "max_notional_atoms": draw.randint(300, 1_200) * mix.listings[where[1]][0],
            "max_position_lots": draw.randint(10, 40),
            "collar_bps": draw.choice((0, 50, 200, 300)),
            "max_messages_per_s": draw.randint(1, 6),
            "no_short_sale": True,
        }
        chosen = draw.sample(list(every), draw.choice((0, 1, 1, 1, 2, 2, 3)))
        return ("risk", *where, {name: every[name] for name in chosen})

    def new(self):
        kind, *order = super().new()
        if self.random.random() > self.mix.terms:
            return (kind, *order)
        feature = self.random.choice(self.mix.features)
        return ("ex", *getattr(self, f"_{feature.replace(' ', '_')}")(order))

    # --- one kind of order each; what does not fit is left in now and then ------------------------------

    def fitting(self, order, **values):
        """Put fields of an order right: order_type, tif, post_only, price."""
        if self.random.random() < self.mix.nonsense:
            return order
        places = {"order_type": 4, "tif": 5, "post_only": 7, "price": 8}
        for name, value in values.items():
            order[places[name]] = value
        return order

    def resting(self, order):
        tif = self.random.choice((GTC, GTC, GTC, DAY))
        price = order[8] or self.price()
        return self.fitting(order, order_type=LIMIT, tif=tif, price=price)

    def _iceberg(self, order):
        """Peaks of a sensible size: a sweep through 2**40 of them would never end."""
        order = self.resting(order)
        peak = max(self.random.randint(1, 5), order[9] // 40)
        return (*order, {"display_lots": peak, "refresh": self.random.randrange(2)})

    def _hidden(self, order):
        return (*self.resting(order), {"display_lots": 0})

    def _minimum(self, order):
        order = self.fitting(order, post_only=False, tif=self.random.choice((GTC, IOC)))
        terms = {"minimum_lots": self.random.randint(1, 10)}
        if order[5] == GTC and order[4] == LIMIT and self.random.random() < 0.3:
            terms["display_lots"] = max(self.random.randint(0, 3), order[9] // 40)
        return (*order, terms)

    def _gtd(self, order):
        order = self.fitting(order, tif=GTD, post_only=False)
        terms = {
            "expire_ns": self.now_ns
            + self.random.choice((-1, 1, 1, 1)) * self.random.randint(1, 40) * self.mix.step_ns
        }
        if order[4] == LIMIT and order[8] is not None and self.random.random() < 0.3:
            terms["display_lots"] = max(self.random.randint(0, 3), order[9] // 40)
        return (*order, terms)

    def _day(self, order):
        return (*self.fitting(order, tif=DAY), {})

    def _protection(self, order):
        tif = self.random.choice((GTC, GTC, IOC, FOK, DAY))
        order = self.fitting(order, order_type=MARKET, price=None, post_only=False, tif=tif)
        return (*order, {"protection_ticks": self.random.randint(0, 6)})

    def _market_to_limit(self, order):
        order = self.fitting(order, order_type=MARKET_TO_LIMIT, price=None, post_only=False, tif=GTC)
        return (*order, {})

    def _stop(self, order):
        order = self.fitting(order, order_type=STOP, post_only=False, tif=self.any_tif())
        terms = {"stop_price": self.price()}
        if self.random.random() < 0.4:
            order = self.fitting(order, price=None)
            terms["protection_ticks"] = self.random.randint(0, 5)
        return (*order, self.with_end(order, terms))

    def _stop_limit(self, order):
        price = order[8] or self.price()
        order = self.fitting(order, order_type=STOP_LIMIT, post_only=False, price=price, tif=self.any_tif())
        return (*order, self.with_end(order, {"stop_price": self.price()}))

    def _trailing(self, order):
        order = self.fitting(order, order_type=TRAILING_STOP, post_only=False, price=None, tif=self.any_tif())
        terms = {"trail_ticks": self.random.randint(1, 6)}
        if self.random.random() < 0.4:
            terms = {"trail_bps": self.random.choice((50, 100, 333, 500))}
        then = self.random.random()
        if then < 0.4:
            terms["trigger_limit_ticks"] = self.random.randint(0, 4)
        elif then < 0.8:
            terms["protection_ticks"] = self.random.randint(0, 4)
        return (*order, self.with_end(order, terms))

    def any_tif(self):
        return self.random.choice((GTC, GTC, GTC, IOC, FOK, DAY, GTD))

    def with_end(self, order, terms):
        if order[5] == GTD:
            terms["expire_ns"] = self.now_ns + self.random.randint(1, 40) * self.mix.step_ns
        return terms

    def _peg(self, order):
        order = self.resting(self.fitting(order, post_only=False))
        order = self.fitting(order, post_only=False, price=self.random.choice((None, self.price())))
        peg = self.random.randint(1, 3)
        return (*order, {"peg": peg, "peg_offset_ticks": self.random.choice((-3, -2, -1, 0, 0, 0, 1, 2))})


def open_whole(venue_class, mix):
    venue = venue_class("V")
    for listing in mix.listings:
        venue.add_listing(*listing)
    for agent, owner in mix.owners.items():
        venue.set_owner(agent, owner)
    for listing, chosen in enumerate(mix.matching):
        if chosen:
            venue.set_matching(listing, **chosen)
    for listing, halt in enumerate(mix.halts):
        if halt:
            venue.set_volatility_halt(listing, *halt)
    for agent, listing, limits in mix.limits:
        venue.set_risk(agent, listing, **limits)
    venue.set_cancel_on_disconnect(1, True)
    venue.set_cancel_on_disconnect(2, True)
    venue.set_cancel_on_disconnect(2, False)
    return venue


def send(venue, time_ns, command):
    """Send one command; returns the event rows as plain tuples."""
    kind, *rest = command
    if kind == "ex":
        *order, terms = rest
        count = venue.new_order_ex(time_ns, *order, **terms)
    elif kind == "advance":
        count = venue.advance(rest[0])
    elif kind == "mass":
        count = venue.mass_cancel(time_ns, *rest)
    elif kind == "disconnect":
        count = venue.disconnect(time_ns, *rest)
    elif kind in ("reference", "position", "risk"):
        return told(venue, kind, *rest)
    elif kind == "print":
        count = venue.print_trade(time_ns, *rest)
    else:
        return by_call(venue, time_ns, command)
    rows = [tuple(row) for row in venue.take_events()]
    assert len(rows) == count
    return rows


def told(venue, kind, *numbers):
    """What a venue is told without an event to answer."""
    if kind == "reference":
        venue.set_reference_price(*numbers)
    elif kind == "position":
        venue.set_position(*numbers)
    else:
        *where, limits = numbers
        venue.set_risk(*where, **limits)
    return []


def timed(commands, mix):
    """Commands with their times."""
    return ((mix.step_ns * (place + 1), command) for place, command in enumerate(commands))


def record_whole(venue, commands, mix):
    """After each command: its events and the hash of the venue."""
    for time_ns, command in timed(commands, mix):
        yield send(venue, time_ns, command), venue.state_hash()


__all__ = ["WHOLE_MIXES", "Phase", "Whole", "WholeStream", "open_whole", "record_whole", "send", "timed"]
