"""Rule errors planted in the reference engine, each of which the comparison of engines must catch.

The clean story comes from the native engine, or, where that cannot be imported, from the reference
before anything is planted. A planted error that tells the same story would be one that the
differential tests could not find either.
"""

import pytest
from conftest import engine_names
from engine_sessions import Session, Stopped, build, lockstep
from engine_streams import MIXES, Stream, first_difference, open_venue, record
from engine_whole import WHOLE_MIXES, WholeStream, open_whole, record_whole

from market_sim import engine
from market_sim.reference import book, external, gateway, latency, ledger, level, pegs, stops
from market_sim.reference.event import EventKind
from market_sim.reference.external import queue as recorded_queue
from market_sim.reference.external import trade as recorded_trade
from market_sim.reference.kernel import channel, clearing, publishing, sending
from market_sim.reference.kernel.queue import Queue
from market_sim.reference.order import SelfTradePrevention, TimeInForce
from market_sim.reference.terms import Peg
from market_sim.reference.venue import checks, listing, matching, protection, triggers, venue, writer

CLEAN = engine_names()[0]
COMMANDS, SESSIONS = 1_500, range(8)


# --- errors in matching --------------------------------------------------------------------------------


def last_come_first_served(patch):
    honest = level.Level

    class Stack(honest):
        __slots__ = ()

        def __init__(self, price):
            super().__init__(price)
            self.orders = LastFirst()

    class LastFirst(dict):
        def values(self):
            return reversed(list(super().values()))

    patch.setattr(level, "Level", Stack)


def takers_price(patch):
    honest = matching.Matching._trade

    def trade(self, terms, maker, taker, lots):
        before = len(self._say.events)
        honest(self, terms, maker, taker, lots)
        price = taker.price or maker.price
        rows = self._say.events
        rows[before:] = [row._replace(price=price) for row in rows[before:]]

    patch.setattr(matching.Matching, "_trade", trade)


def charges_round_down(patch):
    patch.setattr(listing, "fee_atoms", lambda notional, rate: notional * rate // 10**8)


def rebates_round_up(patch):
    honest = ledger.fee_atoms
    patch.setattr(
        listing,
        "fee_atoms",
        lambda notional, rate: honest(notional, rate) if rate >= 0 else -(-(notional * rate) // 10**8) - 1,
    )


def fees_swapped(patch):
    maker, taker = listing.Listing.maker_fee, listing.Listing.taker_fee
    patch.setattr(listing.Listing, "maker_fee", taker)
    patch.setattr(listing.Listing, "taker_fee", maker)


def self_trades_allowed(patch):
    honest = matching.Matching._match

    def match(self, terms, taker, limit):
        stp, taker.stp = taker.stp, SelfTradePrevention.NONE
        try:
            return honest(self, terms, taker, limit)
        finally:
            taker.stp = stp

    patch.setattr(matching.Matching, "_match", match)


def owners_forgotten(patch):
    patch.setattr(venue.Venue, "set_owner", lambda self, agent, owner: None)


def replace_always_loses_priority(patch):
    def replace(self, terms, order, price, size):
        leaves = size - order.executed
        if leaves > 0 and price == order.price and size < order.total:
            terms.book.remove(order)
            order.leaves, order.total = leaves, size
            terms.book.rest(order)
            self._say.replaced(terms.id, order, kept_priority=True)
        else:
            honest(self, terms, order, price, size)

    honest = matching.Matching._replace
    patch.setattr(matching.Matching, "_replace", replace)


def replace_keeps_priority_when_larger(patch):
    def replace(self, terms, order, price, size):
        if price == order.price and size > order.total:
            terms.book.resize(order, size - order.total)
            order.total = size
            self._say.replaced(terms.id, order, kept_priority=False)
        else:
            honest(self, terms, order, price, size)

    honest = matching.Matching._replace
    patch.setattr(matching.Matching, "_replace", replace)


def replace_forgets_what_has_traded(patch):
    patch.setattr(book.Order, "executed", property(lambda order: 0))


def fok_scan_counts_own_orders(patch):
    honest = book.Book.can_fill
    patch.setattr(
        book.Book, "can_fill", lambda self, side, owner, stp, *rest: honest(self, side, owner, 0, *rest)
    )


def fok_scan_ignores_the_limit(patch):
    honest = book.Book.can_fill
    patch.setattr(
        book.Book,
        "can_fill",
        lambda self, side, owner, stp, limit, *rest: honest(self, side, owner, stp, None, *rest),
    )


def ioc_rests(patch):
    honest = venue.Venue._match_new

    def match_new(self, terms, new, price):
        if new.tif == TimeInForce.IOC and price is not None:
            new.tif = TimeInForce.GTC
        honest(self, terms, new, price)

    patch.setattr(venue.Venue, "_match_new", match_new)


def post_only_forgotten(patch):
    honest = venue.check_replace

    def check_replace(terms, order, *rest):
        order.post_only = False
        return honest(terms, order, *rest)

    patch.setattr(venue, "check_replace", check_replace)


def halts_lock_orders_in(patch):
    patch.setattr(venue, "check_phase", lambda phase, is_cancel: checks.check_phase(phase, is_cancel=False))


def rejects_have_no_number(patch):
    honest = writer.Writer.emit

    def emit(self, kind, **fields):
        honest(self, kind, **fields)
        if kind == EventKind.CANCEL_REJECTED:
            self.next_seq -= 1

    patch.setattr(writer.Writer, "emit", emit)


def checks_out_of_order(patch):
    honest = checks.check_amounts

    def check_amounts(terms, price, size, exempt):
        return honest(terms, None, size, exempt) or honest(terms, price, size, exempt)

    patch.setattr(checks, "check_amounts", check_amounts)


IN_MATCHING = [
    last_come_first_served,
    takers_price,
    charges_round_down,
    rebates_round_up,
    fees_swapped,
    self_trades_allowed,
    owners_forgotten,
    replace_always_loses_priority,
    replace_keeps_priority_when_larger,
    replace_forgets_what_has_traded,
    fok_scan_counts_own_orders,
    fok_scan_ignores_the_limit,
    ioc_rests,
    post_only_forgotten,
    halts_lock_orders_in,
    rejects_have_no_number,
    checks_out_of_order,
]


def venue_story(name):
    """What a venue makes of a stream of each mix, up to the point where it breaks down, if it does."""
    story = []
    for mix_name, mix in MIXES.items():
        floor = open_venue(engine.venue_class(name), mix)
        commands = Stream(mix, seed=f"planted {mix_name}").take(COMMANDS)
        try:
            story += record(floor, commands)
        except (AssertionError, KeyError) as fault:
            return [*story, repr(fault)]
    return story


def differ(clean, planted):
    shorter = min(len(clean), len(planted))
    return len(clean) != len(planted) or first_difference(clean[:shorter], planted[:shorter]) is not None


@pytest.fixture(scope="module")
def clean_venue_story():
    return venue_story(CLEAN)


def test_nothing_planted_nothing_found(clean_venue_story):
    assert first_difference(clean_venue_story, venue_story("reference")) is None


@pytest.mark.parametrize("plant", IN_MATCHING, ids=lambda plant: plant.__name__)
def test_an_error_in_matching_is_caught(plant, monkeypatch, clean_venue_story):
    plant(monkeypatch)
    assert differ(clean_venue_story, venue_story("reference"))


# --- errors in what goes beyond plain orders -----------------------------------------------------------


def new_peaks_keep_their_place(patch):
    def show_peak(self, order):
        honest(self, order)
        queue = self.sides[order.side].levels[order.price].orders
        others = {name: queue.pop(name) for name in list(queue) if name != order.id}
        queue.update(others)

    honest = book.Book.show_peak
    patch.setattr(book.Book, "show_peak", show_peak)


def reserves_show_during_the_sweep(patch):
    honest = venue.Venue._trade

    def trade(self, listing, *rest):
        honest(self, listing, *rest)
        self._show_drained(listing)

    patch.setattr(venue.Venue, "_trade", trade)


def hidden_orders_trade_with_the_rest(patch):
    def in_priority(self):
        together = {**self.behind, **self.orders}
        return iter(together.values())

    patch.setattr(level.Level, "in_priority", in_priority)


def oldest_ends_the_newest(patch):
    honest = venue.Venue._prevent

    def prevent(self, listing, maker, taker, lots):
        mode = taker.stp
        taker.stp = SelfTradePrevention.NEWEST if mode == SelfTradePrevention.OLDEST else mode
        return honest(self, listing, maker, taker, lots)

    patch.setattr(venue.Venue, "_prevent", prevent)


def the_makers_mode_rules(patch):
    honest = venue.Venue._prevent

    def prevent(self, listing, maker, taker, lots):
        mode, taker.stp = taker.stp, maker.stp or taker.stp
        try:
            return honest(self, listing, maker, taker, lots)
        finally:
            taker.stp = mode

    patch.setattr(venue.Venue, "_prevent", prevent)


def decrement_counts_as_executed(patch):
    honest = venue.Venue._decrement

    def decrement(self, listing, maker, taker, lots):
        before = maker.total
        honest(self, listing, maker, taker, lots)
        maker.total = before

    patch.setattr(venue.Venue, "_decrement", decrement)


def orders_expire_one_tick_late(patch):
    honest = venue.Venue.advance
    patch.setattr(venue.Venue, "advance", lambda self, time_ns: honest(self, time_ns - 1))


def day_orders_outlive_the_day(patch):
    patch.setattr(venue.Venue, "_end_of_day", lambda self: None)


def a_minimum_forgets_the_reserve(patch):
    honest = book.Book._parts

    def parts(level):
        return ((order, lots) for order, lots in honest(level) if lots == order.shown)

    patch.setattr(book.Book, "_parts", staticmethod(parts))


def protection_counts_from_the_own_side(patch):
    honest = protection.protected_price
    patch.setattr(
        protection, "protected_price", lambda side, best, distance: honest(1 - side, best, distance)
    )


def stops_act_inside_the_sweep(patch):
    honest = venue.Venue._trade

    def trade(self, listing, *rest):
        honest(self, listing, *rest)
        for price in listing.take_prints():
            for order in listing.stops.elect(price):
                self._act(listing, order)

    patch.setattr(venue.Venue, "_trade", trade)


def stops_need_a_print_beyond(patch):
    honest = stops.holds

    def holds(order, price):
        return honest(order, price) and price != order.stop

    patch.setattr(stops, "holds", holds)
    patch.setattr(triggers, "holds", holds)


def stops_act_first_come_first_served(patch):
    patch.setattr(stops, "rank", lambda order: order.number)


def trailing_stops_come_back(patch):
    honest = stops.follow

    def follow(order, price):
        order.extreme = price if order.order_type == 5 else order.extreme
        honest(order, price)

    patch.setattr(stops, "follow", follow)


def trailing_stops_round_inward(patch):
    honest = stops.follow

    def follow(order, price):
        honest(order, price)
        if order.order_type == 5 and order.terms.trail_bps and order.extreme * order.terms.trail_bps % 10_000:
            order.stop += 1 if order.side else -1

    patch.setattr(stops, "follow", follow)


def pegs_follow_pegs(patch):
    def reference_price(book, side):
        level = book.best_shown(side)
        return level.price if level else None

    patch.setattr(pegs, "reference_price", reference_price)


def pegs_keep_their_place(patch):
    honest = venue.Venue._enter_peg

    def enter_peg(self, listing, order, price):
        honest(self, listing, order, price)
        if order.id in listing.book.orders and order.shown:
            queue = listing.book.sides[order.side].levels[order.price].orders
            queue.update({name: queue.pop(name) for name in list(queue) if name != order.id})

    patch.setattr(venue.Venue, "_enter_peg", enter_peg)


def midpoints_are_rounded_alike(patch):
    honest = pegs._followed

    def followed(book, side, peg):
        return honest(book, 0 if peg == Peg.MIDPOINT else side, peg)

    patch.setattr(pegs, "_followed", followed)


BEYOND_PLAIN = [
    stops_act_inside_the_sweep,
    stops_need_a_print_beyond,
    stops_act_first_come_first_served,
    trailing_stops_come_back,
    trailing_stops_round_inward,
    pegs_follow_pegs,
    pegs_keep_their_place,
    midpoints_are_rounded_alike,
    new_peaks_keep_their_place,
    reserves_show_during_the_sweep,
    hidden_orders_trade_with_the_rest,
    oldest_ends_the_newest,
    the_makers_mode_rules,
    decrement_counts_as_executed,
    orders_expire_one_tick_late,
    day_orders_outlive_the_day,
    a_minimum_forgets_the_reserve,
    protection_counts_from_the_own_side,
]


def whole_story(name):
    """What a venue makes of streams over everything the engine knows."""
    story = []
    for mix_name, mix in WHOLE_MIXES.items():
        commands = WholeStream(mix, seed=f"planted {mix_name}").take(COMMANDS)
        try:
            story += record_whole(open_whole(engine.venue_class(name), mix), commands, mix)
        except (AssertionError, KeyError) as fault:
            return [*story, repr(fault)]
    return story


@pytest.fixture(scope="module")
def clean_whole_story():
    return whole_story(CLEAN)


def test_nothing_planted_beyond_plain_orders_nothing_found(clean_whole_story):
    assert first_difference(clean_whole_story, whole_story("reference")) is None


@pytest.mark.parametrize("plant", BEYOND_PLAIN, ids=lambda plant: plant.__name__)
def test_an_error_beyond_plain_orders_is_caught(plant, monkeypatch, clean_whole_story):
    plant(monkeypatch)
    assert differ(clean_whole_story, whole_story("reference"))


# --- errors in the kernel ------------------------------------------------------------------------------


def messages_overtake(patch):
    def arrival(self, time_ns, extra_ns=0):
        return time_ns + extra_ns + self.model.draw(self._stream, time_ns)

    patch.setattr(latency.Line, "arrival", arrival)


def uniform_misses_its_upper_end(patch):
    def draw(self, stream, time_ns):
        return self.lowest + stream.below(max(self.highest - self.lowest, 1))

    patch.setattr(latency.Uniform, "draw", draw)


def constants_draw(patch):
    def draw(self, stream, time_ns):
        stream.next()
        return self.ns + stream.below(2)

    patch.setattr(latency.Constant, "draw", draw)


def ties_go_to_the_latest(patch):
    honest = Queue.push

    def push(self, *entry):
        honest(self, *entry)
        self._heap[:] = [(t, c, -abs(s), *rest) for t, c, s, *rest in self._heap]
        self._heap.sort()

    patch.setattr(Queue, "push", push)


def wakes_before_reports(patch):
    patch.setattr(sending, "WAKE", 2)
    patch.setattr(clearing, "REPORT", 4)


def quotes_never_conflate(patch):
    def receive(self, now_ns):
        update = self.pending.popleft()
        self._show(update)
        return update

    patch.setattr(channel.Channel, "receive", receive)


def views_run_ahead(patch):
    honest = publishing.Publishing._publish_if_changed

    def publish(self, market, delay_ns=0):
        honest(self, market, delay_ns)
        for each in market.channels:
            if each.pending:
                each.current = each.pending[-1]

    patch.setattr(publishing.Publishing, "_publish_if_changed", publish)


def decisions_take_no_time(patch):
    honest = sending.Sending._send

    def send(self, sender, market, command):
        thinking, sender.decision_ns = sender.decision_ns, 0
        honest(self, sender, market, command)
        sender.decision_ns = thinking

    patch.setattr(sending.Sending, "_send", send)


def fees_are_not_reserved(patch):
    honest = gateway.Gateway._need

    def need(self, terms, side, price, lots):
        fee, terms.worst_fee_e8 = terms.worst_fee_e8, 0
        try:
            return honest(self, terms, side, price, lots)
        finally:
            terms.worst_fee_e8 = fee

    patch.setattr(gateway.Gateway, "_need", need)


def news_travels_without_latency(patch):
    honest = clearing.Clearing._send_report

    def send(self, market, event, cause):
        honest(self, market, event, cause)
        self._agents[event.agent].gateway.settle(market.terms, event)

    def arrive(self, market, event):
        self._ready.append(clearing.report_notice(self.now_ns, event))

    patch.setattr(clearing.Clearing, "_send_report", send)
    patch.setattr(clearing.Clearing, "_on_report", arrive)


def rebates_are_lost(patch):
    honest = clearing.trade_postings

    def postings(*arguments):
        return [posting for posting in honest(*arguments) if posting.agent or posting.atoms > 0]

    patch.setattr(clearing, "trade_postings", postings)


def disabled_agents_stay_in(patch):
    honest = clearing.Clearing._expire_orders

    def expire(self, reason, agent=None):
        if agent is None:
            honest(self, reason, agent)

    patch.setattr(clearing.Clearing, "_expire_orders", expire)


def halts_are_told_at_once(patch):
    def publish(self, where, phase):
        for profile in range(len(self._profiles)):
            self._on_phase(profile, where, phase)

    patch.setattr(publishing.Publishing, "_publish_phase", publish)


def recorded_growth_jumps_the_queue(patch):
    honest = external.ExternalMarket._grow_level

    def grow(self, desk, side, price):
        own = self._own(side, price)
        missing = self._shadow[side].get(price, 0) - self.present(side, price)
        if own and missing > 0:
            desk.grow(own[0], missing)
        else:
            honest(self, desk, side, price)

    patch.setattr(external.ExternalMarket, "_grow_level", grow)


def trades_and_depth_both_move_the_queue(patch):
    patch.setattr(recorded_queue.Ghost, "usable", lambda self, trade_ns: False)


def recorded_trades_reach_everybody(patch):
    honest = recorded_trade.walk

    def walk(runs, ghosts, size, budget):
        way = honest(runs, ghosts, size, budget)
        here = sum(run.lots for run in runs if run.counter is None and run.ghost is None)
        way.met = min(here, budget)
        return way

    patch.setattr(recorded_trade, "walk", walk)


def crossing_size_is_not_held_back(patch):
    honest = external.ExternalMarket.best_own
    patch.setattr(
        external.ExternalMarket,
        "best_own",
        lambda self, side: None if honest(self, side) is None else (1 if side == 0 else 2**53),
    )


IN_THE_KERNEL = [
    messages_overtake,
    uniform_misses_its_upper_end,
    constants_draw,
    ties_go_to_the_latest,
    wakes_before_reports,
    quotes_never_conflate,
    views_run_ahead,
    decisions_take_no_time,
    fees_are_not_reserved,
    news_travels_without_latency,
    rebates_are_lost,
    disabled_agents_stay_in,
    halts_are_told_at_once,
    recorded_growth_jumps_the_queue,
    trades_and_depth_both_move_the_queue,
    recorded_trades_reach_everybody,
    crossing_size_is_not_held_back,
]


def kernel_story(name, stop=lambda kernel: kernel):
    """What is heard, answered and hashed in a few sessions, up to a breakdown."""
    story = []
    for seed in SESSIONS:
        session = Session(seed, steps=300)
        try:
            lockstep(session, stop(build(session, engine.kernel_class(name))), heard=story)
        except (AssertionError, KeyError) as fault:
            return [*story, repr(fault)]
    return story


@pytest.fixture(scope="module")
def clean_kernel_story():
    return kernel_story(CLEAN)


def test_nothing_planted_in_the_kernel_nothing_found(clean_kernel_story):
    assert first_difference(clean_kernel_story, kernel_story("reference", Stopped)) is None


@pytest.mark.parametrize("plant", IN_THE_KERNEL, ids=lambda plant: plant.__name__)
def test_an_error_in_the_kernel_is_caught(plant, monkeypatch, clean_kernel_story):
    plant(monkeypatch)
    assert differ(clean_kernel_story, kernel_story("reference"))


# --- and by hand, where no comparison is at hand -------------------------------------------------------


def test_worked_examples_catch_planted_errors_too(monkeypatch):
    """The examples of exchanges' rule books fail on an engine with a planted error."""
    import test_book
    from engine_kit import Floor

    def examples():
        yield test_book.test_lower_size_keeps_its_place
        yield test_book.test_best_price_first_then_first_come
        yield test_book.test_newest_cancels_the_taker_at_its_own_order
        yield test_book.test_fok_scan_stops_at_an_own_order_under_newest
        yield test_book.test_ioc_cancels_what_does_not_trade_at_once
        yield test_book.test_post_only_is_remembered_by_a_replacement

    def failed():
        names = set()
        for example in examples():
            try:
                example(Floor(engine.venue_class("reference")))
            except AssertionError:
                names.add(example.__name__)
        return names

    assert failed() == set()
    for plant, example in zip(
        (
            replace_always_loses_priority,
            last_come_first_served,
            self_trades_allowed,
            fok_scan_counts_own_orders,
            ioc_rests,
            post_only_forgotten,
        ),
        examples(),
        strict=True,
    ):
        with monkeypatch.context() as patch:
            plant(patch)
            assert example.__name__ in failed()
