"""Call phases: what gathers in them, the price that is told meanwhile, and what trades at the end."""

import pytest
from conftest import engine_names
from engine_kit import (
    BOTH,
    BUY,
    DAY,
    DECREMENT,
    FOK,
    GTC,
    GTD,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    NEWEST,
    NONE,
    OLDEST,
    PASS,
    PEAK,
    PRIMARY,
    RESERVE,
    SELL,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    Floor,
    line,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from market_sim.engine import Phase, venue_class

CALLS = (Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.HALT, Phase.CLOSING_AUCTION)


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


@pytest.fixture
def call(floor):
    floor.phase(Phase.OPENING_AUCTION)
    return floor


# --- what gathers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", CALLS)
def test_orders_gather_without_trading(floor, phase):
    assert floor.phase(phase) == [f"PHASE {phase.name}"]
    assert floor.sell(1, 99, 5) == ["ACCEPTED 5@99 1.1"]
    assert floor.buy(2, 101, 3) == ["ACCEPTED 3@101 2.1", "INDICATIVE 3@99 surplus -2"]
    assert (floor.bids(), floor.asks()) == (["3@101 2.1"], ["5@99 1.1"])
    assert floor.venue.bbo(0) == (101, 3, 99, 5)
    assert floor.venue.listing_phase(0) == floor.venue.phase == phase


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_what_must_trade_at_once_is_refused(call, tif):
    assert call.buy(1, 100, 5, tif=tif) == ["REJECTED 1.1 NOT_IN_THIS_PHASE left 0"]
    assert call.buy(1, None, 5, tif=tif, order_type=MARKET) == ["REJECTED 1.2 NOT_IN_THIS_PHASE left 0"]
    assert call.buy(1, 90, 5, tif=tif, order_type=STOP_LIMIT, stop_price=95) == ["ACCEPTED 5@90 1.3"]


def test_what_asks_for_a_best_price_is_refused(call):
    assert call.buy(1, 100, 5, minimum_lots=2) == ["REJECTED 1.1 NOT_IN_THIS_PHASE left 0"]
    assert call.buy(1, None, 5, order_type=MARKET, protection_ticks=3) == [
        "REJECTED 1.2 NOT_IN_THIS_PHASE left 0"
    ]


def test_orders_without_a_limit_stand_first_and_show_no_price(call):
    call.buy(1, 100, 5)
    call.buy(2, None, 4, order_type=MARKET)
    call.buy(3, None, 3, order_type=MARKET_TO_LIMIT)
    assert call.bids() == ["4@0 2.1", "3@0 3.1", "5@100 1.1"]
    assert call.shown(BUY) == ["5@100 1.1"]
    assert call.venue.depth(0, BUY, 9) == [(100, 5, 1)]
    assert call.venue.live(0) == 3
    assert call.cancel(2, 1) == ["CANCELLED 4@0 of 2.1 REQUESTED"]
    assert call.mass_cancel(3) == ["CANCELLED 3@0 of 3.1 MASS_CANCEL"]


def test_an_order_without_a_limit_gets_one_by_replacement(call):
    call.buy(1, None, 4, order_type=MARKET)
    assert call.replace(1, 1, 0, 3) == ["REPLACE_REJECTED 1.1 PRICE_OUT_OF_RANGE left 4"]
    assert call.replace(1, 1, 99, 3) == ["REPLACED 3@99 left 3 of 1.1"]
    assert call.bids() == ["3@99 1.1"]


def test_replacements_keep_or_lose_their_place_as_always(call):
    call.buy(1, 100, 5)
    call.buy(2, 100, 5)
    assert call.replace(1, 1, 100, 4) == ["REPLACED 4@100 left 4 of 1.1 keeps place"]
    assert call.replace(1, 1, 100, 6) == ["REPLACED 6@100 left 6 of 1.1"]
    assert call.bids() == ["5@100 2.1", "6@100 1.1"]


def test_post_only_looks_at_what_rests(call):
    call.buy(1, None, 5, order_type=MARKET)
    assert call.sell(2, 100, 5, post_only=True) == ["REJECTED 2.1 POST_ONLY_WOULD_CROSS left 0"]
    assert call.buy(2, 100, 5, post_only=True) == ["ACCEPTED 5@100 2.2"]
    assert call.sell(3, 99, 5)[0] == "ACCEPTED 5@99 3.1"


def test_pegs_wait_while_nobody_trades(floor):
    floor.buy(1, 100, 5)
    floor.buy(2, None, 5, peg=PRIMARY)
    floor.phase(Phase.CLOSING_AUCTION)
    assert floor.buy(3, None, 5, peg=PRIMARY) == ["ACCEPTED 5@0 3.1"]
    floor.buy(1, 101, 5)
    assert floor.bids() == ["5@101 1.2", "5@100 1.1", "5@100 2.1"]
    assert floor.phase(Phase.CONTINUOUS) == [
        "PHASE CONTINUOUS",
        "REPRICED 5@101 2.1",
        "REPRICED 5@101 3.1",
    ]


def test_expiry_goes_on(call):
    call.buy(1, 100, 5, tif=GTD, expire_ns=50)
    call.sell(2, 100, 5)
    assert call.advance(50) == ["CANCELLED 5@100 of 1.1 EXPIRED", "INDICATIVE 0@0 surplus 0"]


# --- the price that is told ------------------------------------------------------------------------------


def test_the_indicative_price_is_told_when_it_changes(call):
    assert call.buy(1, 101, 5) == ["ACCEPTED 5@101 1.1"]
    assert call.sell(2, 101, 5) == ["ACCEPTED 5@101 2.1", "INDICATIVE 5@101 surplus 0"]
    assert call.buy(3, 100, 5) == ["ACCEPTED 5@100 3.1"]
    assert call.venue.indicative(0) == (101, 5, 0)
    assert call.cancel(1, 1) == ["CANCELLED 5@101 of 1.1 REQUESTED", "INDICATIVE 0@0 surplus 0"]
    assert call.venue.indicative(0) is None


def test_a_new_reference_price_is_told_with_the_next_command(call):
    call.reference(100)
    call.buy(1, 110, 5)
    assert call.sell(2, 90, 5)[1:] == ["INDICATIVE 5@100 surplus 0"]
    call.reference(105)
    assert call.venue.indicative(0) == (105, 5, 0)
    assert call.buy(3, 80, 1)[1:] == ["INDICATIVE 5@105 surplus 0"]


def test_there_is_no_indicative_price_outside_a_call(floor):
    floor.buy(1, 100, 5)
    assert floor.venue.indicative(0) is None
    with pytest.raises(ValueError, match="listing"):
        floor.venue.indicative(9)


def test_a_call_may_pass_through_phases(floor):
    """From call to call, and even into a suspension: nothing trades before it ends."""
    floor.phase(Phase.PRE_OPEN)
    floor.buy(1, 100, 5)
    floor.sell(2, 100, 5)
    assert floor.phase(Phase.OPENING_AUCTION) == ["PHASE OPENING_AUCTION"]
    assert floor.phase(Phase.SUSPENDED) == ["PHASE SUSPENDED"]
    assert floor.venue.indicative(0) is None
    assert floor.buy(3, 100, 1) == ["REJECTED 3.1 VENUE_SUSPENDED left 0"]
    assert floor.phase(Phase.HALT) == ["PHASE HALT", "INDICATIVE 5@100 surplus 0"]
    floor.phase(Phase.SUSPENDED)
    assert floor.phase(Phase.CONTINUOUS)[:2] == ["AUCTION 5@100 surplus 0", "TRADE 5@100 1.1 hit by 2.1 SELL"]


# --- the uncross -----------------------------------------------------------------------------------------


def test_the_rows_of_an_uncross(venue_class):
    """Both pay the taker's rate: nobody waited for the other. The older order is named first."""
    floor = Floor(venue_class, tick_lot=1_000, maker_fee=-5_000, taker_fee=10_000)
    floor.phase(Phase.OPENING_AUCTION)
    floor.sell(1, 100, 8)
    floor.buy(2, 100, 5)
    assert floor.phase(Phase.CONTINUOUS) == [
        "AUCTION 5@100 surplus -3",
        "TRADE 5@100 1.1 hit by 2.1 BUY",
        "FILL 5@100 left 0 of 2.1 fee 50",
        "FILL 5@100 left 3 of 1.1 fee 50",
        "PHASE CONTINUOUS",
    ]
    trade, bought, sold = floor.events[1:4]
    assert trade.match_id == bought.match_id == sold.match_id == 1
    assert (bought.side, bought.contra_agent, sold.side, sold.contra_agent) == (BUY, 1, SELL, 2)


def test_market_orders_then_price_then_time(call):
    call.buy(1, 101, 2)
    call.buy(2, 102, 2)
    call.buy(3, 101, 2)
    call.buy(4, None, 2, order_type=MARKET)
    call.sell(5, 100, 7)
    assert call.uncross() == ((101, 7), [(2, 4, 5), (2, 2, 5), (2, 1, 5), (1, 3, 5)])
    assert call.bids() == ["1@101 3.1"]


def test_what_is_displayed_trades_before_what_is_not(call):
    call.buy(1, 100, 3, display_lots=0)
    call.buy(2, 100, 6, display_lots=2, refresh=RESERVE)
    call.buy(3, 100, 3)
    call.sell(9, 100, 10)
    assert call.uncross() == ((100, 10), [(2, 2, 9), (3, 3, 9), (3, 1, 9), (2, 2, 9)])
    assert call.shown(BUY) == ["2@100 2.1"]


def test_new_peaks_join_the_back_during_an_uncross(call):
    call.buy(1, 100, 6, display_lots=2, refresh=PEAK)
    call.buy(2, 100, 3)
    call.sell(9, 100, 7)
    assert call.uncross() == ((100, 7), [(2, 1, 9), (3, 2, 9), (2, 1, 9)])
    assert "REFRESHED 2@100 left 4 of 1.1" in [line(event) for event in call.events]
    assert call.shown(BUY) == ["2@100 1.1"]


def test_what_is_left_of_market_orders(call):
    """Market-to-limit becomes a limit order at the auction's price, a market order ends."""
    call.sell(1, 100, 5)
    call.buy(2, None, 9, order_type=MARKET_TO_LIMIT)
    call.buy(3, None, 4, order_type=MARKET)
    call.buy(4, 100, 1)
    rows = call.phase(Phase.CONTINUOUS)
    assert rows[-3:] == [
        "REPLACED 9@100 left 4 of 2.1",
        "CANCELLED 4@0 of 3.1 AUCTION_REMAINDER",
        "PHASE CONTINUOUS",
    ]
    assert call.bids() == ["1@100 4.1", "4@100 2.1"]


def test_orders_without_a_limit_and_without_a_price(call):
    """Nobody to trade with, or nothing that could give a price."""
    call.buy(1, None, 5, order_type=MARKET_TO_LIMIT)
    call.sell(2, None, 5, order_type=MARKET)
    assert call.phase(Phase.CONTINUOUS) == [
        "CANCELLED 5@0 of 1.1 NO_LIQUIDITY",
        "CANCELLED 5@0 of 2.1 AUCTION_REMAINDER",
        "PHASE CONTINUOUS",
    ]


def test_the_last_trade_is_a_reference_price(floor):
    floor.reference(90)
    floor.sell(1, 100, 1)
    floor.buy(2, 100, 1)
    floor.phase(Phase.CLOSING_AUCTION)
    floor.buy(1, None, 5, order_type=MARKET)
    floor.sell(2, None, 5, order_type=MARKET)
    assert floor.uncross() == ((100, 5), [(5, 1, 2)])


def test_a_reference_price_set_after_the_last_trade_rules(floor):
    floor.sell(1, 100, 1)
    floor.buy(2, 100, 1)
    floor.reference(90)
    floor.phase(Phase.CLOSING_AUCTION)
    floor.buy(1, None, 5, order_type=MARKET)
    floor.sell(2, None, 5, order_type=MARKET)
    assert floor.uncross() == ((90, 5), [(5, 1, 2)])


def test_closing_trades_first_and_ends_the_day_after(floor):
    floor.phase(Phase.CLOSING_AUCTION)
    floor.buy(1, 100, 5, tif=DAY)
    floor.sell(2, 100, 3)
    assert floor.phase(Phase.CLOSED) == [
        "AUCTION 3@100 surplus 2",
        "TRADE 3@100 1.1 hit by 2.1 SELL",
        "FILL 3@100 left 2 of 1.1",
        "FILL 3@100 left 0 of 2.1",
        "CANCELLED 2@100 of 1.1 EXPIRED",
        "PHASE CLOSED",
    ]


def test_stops_wait_in_a_call_and_hear_of_its_price(call):
    call.buy(1, None, 2, order_type=STOP, stop_price=101)
    call.sell(2, None, 2, order_type=TRAILING_STOP, trail_ticks=3, trigger_limit_ticks=0)
    call.buy(3, 102, 5)
    call.sell(4, 101, 5)
    call.sell(5, 110, 9)
    rows = call.phase(Phase.CONTINUOUS)
    after = rows[rows.index("PHASE CONTINUOUS") + 1 :]
    assert after == [
        "TRIGGERED 2@101 1.1 STOP",
        "TRADE 2@110 5.1 hit by 1.1 BUY",
        "FILL 2@110 left 7 of 5.1 maker",
        "FILL 2@110 left 0 of 1.1",
    ]
    assert call.waiting() == ["2@107 2.1"]


def test_a_stop_whose_price_has_been_reached_waits_for_the_end_of_the_call(floor):
    floor.sell(1, 100, 1)
    floor.buy(2, 100, 1)
    floor.phase(Phase.HALT)
    assert floor.buy(3, 105, 4, order_type=STOP_LIMIT, stop_price=100) == ["ACCEPTED 4@105 3.1"]
    assert floor.waiting() == ["4@100 3.1"]
    assert floor.phase(Phase.CONTINUOUS) == ["PHASE CONTINUOUS", "TRIGGERED 4@100 3.1 STOP_LIMIT"]
    assert floor.bids() == ["4@105 3.1"]


# --- own orders ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "rows"),
    [
        (NEWEST, ["CANCELLED 5@101 of 1.2 SELF_TRADE"]),
        (PASS, ["CANCELLED 5@101 of 1.2 SELF_TRADE"]),
        (OLDEST, ["CANCELLED 8@100 of 1.1 SELF_TRADE"]),
        (BOTH, ["CANCELLED 8@100 of 1.1 SELF_TRADE", "CANCELLED 5@101 of 1.2 SELF_TRADE"]),
        (
            DECREMENT,
            ["REPLACED 3@100 left 3 of 1.1 keeps place", "CANCELLED 5@101 of 1.2 SELF_TRADE_DECREMENT"],
        ),
    ],
    ids=["newest", "pass", "oldest", "both", "decrement"],
)
def test_the_younger_orders_mode_rules(call, mode, rows):
    call.sell(1, 100, 8, stp=NONE)
    call.buy(1, 101, 5, stp=mode)
    ended = [row for row in call.phase(Phase.CONTINUOUS) if not row.startswith(("AUCTION", "PHASE"))]
    assert ended == rows


def test_without_prevention_own_orders_trade(call):
    call.sell(1, 100, 5, stp=NEWEST)
    call.buy(1, 100, 5, stp=NONE)
    assert call.uncross() == ((100, 5), [(5, 1, 1)])


def test_what_prevention_leaves_crossed_meets_again(call):
    """The price was found with orders that then did not trade; the rest has a price of its own."""
    call.sell(1, 98, 10, stp=NEWEST)
    call.buy(1, 102, 10, stp=NEWEST)
    call.buy(2, 99, 4)
    rows = call.phase(Phase.CONTINUOUS)
    assert rows[:4] == [
        "AUCTION 10@102 surplus 0",
        "CANCELLED 10@102 of 1.2 SELF_TRADE",
        "AUCTION 4@98 surplus -6",
        "TRADE 4@98 1.1 hit by 2.1 BUY",
    ]
    assert (call.bids(), call.asks()) == ([], ["6@98 1.1"])


def test_an_auction_at_a_price_that_no_purse_could_hold(venue_class):
    """A buyer without a limit is not asked what he can pay; a sum beyond 2^62 ends him, not the engine."""
    floor = Floor(venue_class, tick_lot=2**20)
    floor.phase(Phase.OPENING_AUCTION)
    floor.sell(1, 2**22, 1)
    floor.reference(2**53)
    floor.buy(2, None, 2**20, order_type=MARKET)
    assert floor.phase(Phase.CONTINUOUS) == [
        f"AUCTION 1@{2**53} surplus {2**20 - 1}",
        f"CANCELLED {2**20}@0 of 2.1 AUCTION_REMAINDER",
        "PHASE CONTINUOUS",
    ]


# --- the price, against every price ----------------------------------------------------------------------

orders = st.lists(
    st.tuples(
        st.integers(0, 1), st.one_of(st.none(), st.integers(95, 105), st.integers(95, 105)), st.integers(1, 9)
    ),
    min_size=1,
    max_size=14,
)


def at(price, gathered):
    """(volume, surplus) at a price, counted order by order."""
    buys = sum(size for side, limit, size in gathered if side == BUY and (limit is None or limit >= price))
    sells = sum(size for side, limit, size in gathered if side == SELL and (limit is None or limit <= price))
    return min(buys, sells), buys - sells


@settings(max_examples=300, deadline=None)
@given(gathered=orders, reference=st.one_of(st.none(), st.integers(90, 110)))
def test_the_price_is_the_ladders(gathered, reference):
    """Most volume of all prices, least surplus, pressure, nearest: told and traded alike, on both engines."""
    told = set()
    for name in engine_names():
        floor = Floor(venue_class(name))
        floor.phase(Phase.OPENING_AUCTION)
        if reference is not None:
            floor.reference(reference)
        for agent, (side, limit, size) in enumerate(gathered, start=1):
            kind = {"order_type": MARKET} if limit is None else {}
            floor.order(agent, side, limit, size, tif=GTC, **kind)
        indicative = floor.venue.indicative(0)
        told.add(indicative)
        auction, pairs = floor.uncross()
        assert auction == (None if indicative is None else indicative[:2])
        assert sum(lots for lots, _, _ in pairs) == (0 if auction is None else auction[1])
        bid, _, ask, _ = floor.venue.bbo(0)
        assert bid is None or ask is None or bid < ask, "the book is uncrossed"
    assert len(told) == 1
    check_ladder(gathered, reference, told.pop())


def check_ladder(gathered, reference, told):
    limits = {limit for _, limit, _ in gathered if limit is not None}
    candidates = sorted(limits | ({reference} - {None}))
    most = max((at(price, gathered)[0] for price in candidates), default=0)
    if most == 0:
        assert told is None
        return
    price, volume, surplus = told
    assert (volume, surplus) == at(price, gathered)
    assert volume == max(at(any_price, gathered)[0] for any_price in range(1, 200)) == most
    fit = [p for p in candidates if at(p, gathered)[0] == most]
    least = min(abs(at(p, gathered)[1]) for p in fit)
    fit = [p for p in fit if abs(at(p, gathered)[1]) == least]
    signs = {(at(p, gathered)[1] > 0) - (at(p, gathered)[1] < 0) for p in fit}
    if signs == {1}:
        assert price == max(fit)
    elif signs == {-1}:
        assert price == min(fit)
    elif reference is None:
        assert price == (min(fit) + max(fit)) // 2
    else:
        assert price == min(fit, key=lambda p: abs(p - reference))
