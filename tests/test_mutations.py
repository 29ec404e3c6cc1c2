"""Rule errors planted in the reference engine, each of which the comparison of engines must catch.

The clean story comes from the native engine, or, where that cannot be imported, from the reference
before anything is planted. A planted error that tells the same story would be one that the
differential tests could not find either.
"""

from itertools import zip_longest

import pytest
from conftest import engine_names
from engine_sessions import Session, Stopped, build, lockstep
from engine_streams import MIXES, Stream, first_difference, open_venue, record
from engine_whole import WHOLE_MIXES, WholeStream, open_whole, record_whole

from market_sim import engine
from market_sim.reference import (
    allotment,
    auction,
    book,
    external,
    gateway,
    latency,
    ledger,
    level,
    pegs,
    stops,
)
from market_sim.reference.allotment import share_out
from market_sim.reference.event import EventKind, RejectReason
from market_sim.reference.external import queue as recorded_queue
from market_sim.reference.external import trade as recorded_trade
from market_sim.reference.kernel import channel, clearing, publishing, sending
from market_sim.reference.kernel.queue import Queue
from market_sim.reference.order import SelfTradePrevention, TimeInForce
from market_sim.reference.risk import RiskAccount
from market_sim.reference.terms import Peg
from market_sim.reference.types import Phase
from market_sim.reference.venue import (
    auctions,
    checks,
    listing,
    matching,
    protection,
    risk,
    triggers,
    venue,
    writer,
)

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


def whole_story(name, mix_name):
    """What a venue makes of a stream over everything the engine knows, command by command."""
    mix = WHOLE_MIXES[mix_name]
    commands = WholeStream(mix, seed=f"planted {mix_name}").take(COMMANDS)
    try:
        yield from record_whole(open_whole(engine.venue_class(name), mix), commands, mix)
    except (AssertionError, KeyError) as fault:
        yield repr(fault)


@pytest.fixture(scope="module")
def clean_whole_story():
    return {name: list(whole_story(CLEAN, name)) for name in WHOLE_MIXES}


def differ_somewhere(clean, names):
    """Whether the reference tells another story in one of the mixes; the first difference is enough."""
    return any(
        told != heard
        for name in names
        for told, heard in zip_longest(clean[name], whole_story("reference", name))
    )


def test_nothing_planted_beyond_plain_orders_nothing_found(clean_whole_story):
    assert not differ_somewhere(clean_whole_story, WHOLE_MIXES)


@pytest.mark.parametrize("plant", BEYOND_PLAIN, ids=lambda plant: plant.__name__)
def test_an_error_beyond_plain_orders_is_caught(plant, monkeypatch, clean_whole_story):
    plant(monkeypatch)
    assert differ_somewhere(clean_whole_story, WHOLE_MIXES)


# --- errors in calls and auctions ----------------------------------------------------------------------


def auctions_break_ties_upward(patch):
    honest = auction._best
    patch.setattr(auction, "_best", lambda crosses: honest(crosses)[-1:])


def auctions_forget_pressure(patch):
    honest = auction._best

    def best(crosses):
        found = honest(crosses)
        alike = [each for each in crosses if found and each[1:] == found[0][1:]]
        return alike or found

    patch.setattr(auction, "_best", best)


def auctions_forget_the_surplus(patch):
    def best(crosses):
        most = max((cross.volume for cross in crosses), default=0)
        return [cross for cross in crosses if cross.volume == most and most]

    patch.setattr(auction, "_best", best)


def auctions_forget_the_reference(patch):
    honest = auctions.find_cross
    patch.setattr(auctions, "find_cross", lambda book, reference: honest(book, None))


def orders_without_a_limit_come_last(patch):
    honest = auctions._first

    def first(listing, side, price):
        market = listing.book.sides[side].market
        orders, market.orders = market.orders, {}
        limited = honest(listing, side, price)
        market.orders = orders
        return limited or honest(listing, side, price)

    patch.setattr(auctions, "_first", first)


def auctions_ask_one_side_for_fees(patch):
    honest = writer.Writer.crossed

    def crossed(self, listing, sides, ages, price, lots, fees):
        honest(self, listing, sides, ages, price, lots, [0, fees[1]])

    patch.setattr(writer.Writer, "crossed", crossed)


def the_older_orders_mode_rules(patch):
    honest = venue.Venue._pair

    def pair(self, listing, price, buy, sell, lots):
        if buy.owner == sell.owner:
            buy.call, sell.call = sell.call, buy.call
        honest(self, listing, price, buy, sell, lots)

    patch.setattr(venue.Venue, "_pair", pair)


def auctions_leave_the_book_crossed(patch):
    honest = auctions.find_cross

    def uncross(self, listing):
        rounds = iter((honest(listing.book, listing.reference_price), None))
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(auctions, "find_cross", lambda book, reference: next(rounds))
            return honest_uncross(self, listing)

    honest_uncross = venue.Venue._uncross
    patch.setattr(venue.Venue, "_uncross", uncross)


def market_to_limit_ends_with_the_auction(patch):
    honest = venue.Venue._end_without_limit
    patch.setattr(
        venue.Venue,
        "_end_without_limit",
        lambda self, listing, order, price: honest(self, listing, order, None),
    )


def calls_take_what_must_trade_at_once(patch):
    patch.setattr(checks, "check_call", lambda listing, order: 0)


def stops_act_in_a_call(patch):
    def wait_or_act(self, listing, new, order):
        phase, self.phase = self.phase, Phase.CONTINUOUS
        honest(self, listing, new, order)
        self.phase = phase

    honest = venue.Venue._wait_or_act
    patch.setattr(venue.Venue, "_wait_or_act", wait_or_act)


def indications_are_told_again_and_again(patch):
    honest = venue.Venue._publish_indicative

    def publish(self, listing):
        listing.call.published = (0, 0, 0)
        honest(self, listing)

    patch.setattr(venue.Venue, "_publish_indicative", publish)


def prints_of_a_call_elect_nothing(patch):
    honest = listing.Listing.look_again_at_last_print
    patch.setattr(
        listing.Listing,
        "look_again_at_last_print",
        lambda self: None if self.static_price == self.last_print else honest(self),
    )


# --- errors in sharing and batches ---------------------------------------------------------------------


def leftovers_go_to_the_last(patch):
    honest = allotment.share_out

    def share_out(lots, sizes, least=0, first=0):
        if first:
            return honest(lots, sizes, least, first)
        return honest(lots, sizes[::-1], least)[::-1]

    patch.setattr(matching, "share_out", share_out)


def the_top_order_waits_its_turn(patch):
    honest = allotment.share_out
    patch.setattr(matching, "share_out", lambda lots, sizes, least, first: honest(lots, sizes, least))


def small_shares_are_kept(patch):
    honest = allotment.share_out
    patch.setattr(matching, "share_out", lambda lots, sizes, least, first: honest(lots, sizes, 0, first))


def a_replaced_order_stays_on_top(patch):
    patch.setattr(listing.Listing, "no_longer_top", lambda self, order: None)


def shares_count_what_is_hidden(patch):
    honest = venue.Venue._next_in_line

    def next_in_line(self, listing, maker, taker):
        lots = honest(self, listing, maker, taker)
        return lots[:1] if any(order.display for order, _ in lots) else lots

    patch.setattr(venue.Venue, "_next_in_line", next_in_line)


def batches_are_served_by_time(patch):
    def first_come(lots, sizes, least=0, first=0):
        given = []
        for size in sizes:
            given.append(min(size, lots))
            lots -= given[-1]
        return given

    patch.setattr(allotment, "share_out", first_come)
    patch.setattr(matching, "share_out", share_out)


def earlier_batches_are_forgotten(patch):
    patch.setattr(allotment, "groupby", lambda orders, key: [(0, list(orders))] if orders else [])


def batches_end_late(patch):
    honest = venue.Venue._pass_time
    patch.setattr(
        venue.Venue, "_pass_time", lambda self, listing, time_ns: honest(self, listing, time_ns - 1)
    )


# --- errors in halts -----------------------------------------------------------------------------------


def halts_begin_at_the_edge(patch):
    def beyond(self, price):
        low, high = self.band_edge(1), self.band_edge(0)
        return low is not None and not low < price < high

    patch.setattr(listing.Listing, "beyond_band", beyond)


def halts_are_measured_from_the_last_trade(patch):
    honest = listing.Listing.note_print

    def note_print(self, price, elects=True):
        honest(self, price, elects)
        self.static_price = price if self.rules.halt_bps else self.static_price

    patch.setattr(listing.Listing, "note_print", note_print)


def halts_never_end(patch):
    patch.setattr(venue.Venue, "_halt_is_over", lambda self, listing, time_ns: False)


def halts_open_without_an_auction(patch):
    honest = venue.Venue._pass_time

    def pass_time(self, listing, time_ns):
        if self._halt_is_over(listing, time_ns):
            self._end_halt(listing)
        honest(self, listing, time_ns)

    patch.setattr(venue.Venue, "_pass_time", pass_time)


def all_or_nothing_looks_beyond_the_band(patch):
    patch.setattr(listing.Listing, "within_band", lambda self, side, limit: limit)


def what_set_off_a_halt_is_cancelled(patch):
    honest = venue.Venue._keep_or_cancel

    def keep_or_cancel(self, listing, order, price):
        order.tif = TimeInForce.IOC if listing.call.halted else order.tif
        honest(self, listing, order, price)

    patch.setattr(venue.Venue, "_keep_or_cancel", keep_or_cancel)


# --- errors in risk ------------------------------------------------------------------------------------


def positions_forget_what_is_open(patch):
    def check_position(listing, account, agent, side, lots, replaced):
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(type(listing), "all_orders", lambda self: [])
            return honest(listing, account, agent, side, lots, replaced)

    honest = risk._check_position
    patch.setattr(risk, "_check_position", check_position)


def replaced_orders_count_twice(patch):
    honest = risk._check_position
    patch.setattr(risk, "_check_position", lambda *about: honest(*about[:-1], None))


def trades_do_not_move_positions(patch):
    patch.setattr(venue.Venue, "_move_position", lambda self, listing, order, lots: None)


def collars_hold_passive_prices_too(patch):
    def check_collar(listing, limits, side, price):
        return honest(listing, limits, side, price) or honest(listing, limits, 1 - side, price)

    honest = risk._check_collar
    patch.setattr(risk, "_check_collar", check_collar)


def collars_let_market_orders_pass(patch):
    patch.setattr(risk, "_check_without_limit", lambda limits, order, gathers: 0)


def order_sizes_may_be_exceeded_by_one(patch):
    def check_size(listing, limits, price, size):
        most = limits.max_order_lots
        return honest(listing, limits, price, size - 1 if most is not None and size == most + 1 else size)

    honest = risk._check_size
    patch.setattr(risk, "_check_size", check_size)


def refused_messages_count(patch):
    honest = RiskAccount.takes_message

    def takes_message(self, time_ns):
        taken = honest(self, time_ns)
        if not taken:
            self.times_ns.append(time_ns)
            self.forget_old()
        return taken

    patch.setattr(RiskAccount, "takes_message", takes_message)


def seconds_begin_on_the_clock(patch):
    honest = RiskAccount.takes_message

    def takes_message(self, time_ns):
        if self.times_ns and self.times_ns[-1] // 10**9 != time_ns // 10**9:
            self.times_ns.clear()
        return honest(self, time_ns)

    patch.setattr(RiskAccount, "takes_message", takes_message)


def short_sales_pass(patch):
    honest = risk._check_position

    def check_position(*about):
        reason = honest(*about)
        return 0 if reason == RejectReason.RISK_SHORT_SALE else reason

    patch.setattr(risk, "_check_position", check_position)


BEYOND_CONTINUOUS = [
    auctions_break_ties_upward,
    auctions_forget_pressure,
    auctions_forget_the_surplus,
    auctions_forget_the_reference,
    orders_without_a_limit_come_last,
    auctions_ask_one_side_for_fees,
    the_older_orders_mode_rules,
    auctions_leave_the_book_crossed,
    market_to_limit_ends_with_the_auction,
    calls_take_what_must_trade_at_once,
    stops_act_in_a_call,
    indications_are_told_again_and_again,
    prints_of_a_call_elect_nothing,
    leftovers_go_to_the_last,
    the_top_order_waits_its_turn,
    small_shares_are_kept,
    a_replaced_order_stays_on_top,
    shares_count_what_is_hidden,
    batches_are_served_by_time,
    earlier_batches_are_forgotten,
    batches_end_late,
    halts_begin_at_the_edge,
    halts_are_measured_from_the_last_trade,
    halts_never_end,
    halts_open_without_an_auction,
    all_or_nothing_looks_beyond_the_band,
    what_set_off_a_halt_is_cancelled,
    positions_forget_what_is_open,
    replaced_orders_count_twice,
    trades_do_not_move_positions,
    collars_hold_passive_prices_too,
    collars_let_market_orders_pass,
    order_sizes_may_be_exceeded_by_one,
    refused_messages_count,
    seconds_begin_on_the_clock,
    short_sales_pass,
]


@pytest.mark.parametrize("plant", BEYOND_CONTINUOUS, ids=lambda plant: plant.__name__)
def test_an_error_beyond_continuous_trading_is_caught(plant, monkeypatch, clean_whole_story):
    plant(monkeypatch)
    assert differ_somewhere(clean_whole_story, reversed(WHOLE_MIXES))


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

    def send(self, market, event, cause, is_first):
        honest(self, market, event, cause, is_first)
        self._agents[event.agent].gateway.settle(market.terms, event, is_first)

    def arrive(self, market, event, answers=False):
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
    def publish(self, venue, phase, listing):
        for profile in range(len(self._profiles)):
            self._on_phase(profile, venue, phase, listing)

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
