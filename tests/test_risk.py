"""Risk before trade: every limit, the reason it gives, and what it leaves alone."""

import pytest
from engine_kit import (
    GTC,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    NEWEST,
    PRIMARY,
    STOP,
    STOP_LIMIT,
    TRAILING_STOP,
    Floor,
)

from market_sim.engine import Phase

SECOND = 10**9


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class, tick_lot=10)


def limit(floor, agent=1, **limits):
    floor.venue.set_risk(agent, floor.listing, **limits)
    return floor


def refused(agent, counter, reason, left=0, what="REJECTED"):
    return [f"{what} {agent}.{counter} {reason} left {left}"]


# --- size and value --------------------------------------------------------------------------------------


def test_order_size(floor):
    limit(floor, max_order_lots=10)
    assert floor.buy(1, 100, 11) == refused(1, 1, "RISK_ORDER_SIZE")
    assert floor.buy(1, 100, 10) == ["ACCEPTED 10@100 1.2"]
    assert floor.buy(2, 100, 11) == ["ACCEPTED 11@100 2.1"], "nobody else is concerned"
    assert floor.replace(1, 2, 101, 11) == refused(1, 2, "RISK_ORDER_SIZE", 10, "REPLACE_REJECTED")


def test_notional(floor):
    limit(floor, max_notional_atoms=10_000)
    assert floor.buy(1, 100, 11) == refused(1, 1, "RISK_NOTIONAL")
    assert floor.buy(1, 100, 10) == ["ACCEPTED 10@100 1.2"]
    assert floor.replace(1, 2, 101, 10) == refused(1, 2, "RISK_NOTIONAL", 10, "REPLACE_REJECTED")
    assert floor.replace(1, 2, 111, 9) == ["REPLACED 9@111 left 9 of 1.2"]


def test_notional_without_a_price(floor):
    """A market order is valued at the reference price, a stop at its stop price."""
    limit(floor, max_notional_atoms=10_000)
    assert floor.buy(1, None, 5, order_type=MARKET) == refused(1, 1, "NO_REFERENCE_PRICE")
    floor.reference(1_000)
    assert floor.buy(1, None, 2, order_type=MARKET) == refused(1, 2, "RISK_NOTIONAL")
    assert floor.buy(1, None, 1, order_type=MARKET)[0] == "ACCEPTED 1@0 1.3"
    assert floor.buy(1, None, 2, order_type=STOP, stop_price=501) == refused(1, 4, "RISK_NOTIONAL")
    assert floor.buy(1, None, 2, order_type=STOP, stop_price=500) == ["ACCEPTED 2@0 1.5"]
    assert floor.buy(1, None, 2, order_type=TRAILING_STOP, trail_ticks=1) == refused(1, 6, "RISK_NOTIONAL")


# --- collar ----------------------------------------------------------------------------------------------


def test_collar(floor):
    limit(floor, collar_bps=500)
    assert floor.buy(1, 100, 1) == refused(1, 1, "NO_REFERENCE_PRICE")
    floor.reference(1_000)
    assert floor.buy(1, 1_051, 1) == refused(1, 2, "RISK_COLLAR")
    assert floor.buy(1, 1_050, 1) == ["ACCEPTED 1@1050 1.3"]
    assert floor.sell(1, 949, 1, stp=NEWEST) == refused(1, 4, "RISK_COLLAR")
    assert floor.replace(1, 3, 1_051, 1) == refused(1, 3, "RISK_COLLAR", 1, "REPLACE_REJECTED")
    assert floor.cancel(1, 3) == ["CANCELLED 1@1050 of 1.3 REQUESTED"]
    assert floor.buy(1, 1, 1) == ["ACCEPTED 1@1 1.5"], "far away on its own side does no harm"


def test_the_collar_follows_the_last_trade(floor):
    limit(floor, collar_bps=500)
    floor.sell(2, 100, 1)
    floor.buy(3, 100, 1)
    assert floor.buy(1, 106, 1) == refused(1, 1, "RISK_COLLAR")
    assert floor.buy(1, 105, 1) == ["ACCEPTED 1@105 1.2"]


def test_under_a_collar_an_order_needs_a_limit(floor):
    limit(floor, collar_bps=500)
    floor.reference(1_000)
    floor.sell(2, 1_000, 9)
    assert floor.buy(1, None, 1, order_type=MARKET) == refused(1, 1, "PROTECTION_REQUIRED")
    assert floor.buy(1, None, 1, order_type=MARKET, protection_ticks=51) == refused(1, 2, "RISK_COLLAR")
    assert floor.buy(1, None, 1, order_type=MARKET, protection_ticks=50)[0] == "ACCEPTED 1@1050 1.3"
    assert floor.buy(1, None, 1, order_type=MARKET_TO_LIMIT)[0] == "ACCEPTED 1@1000 1.4"
    assert floor.buy(1, None, 1, order_type=STOP, stop_price=1_100) == refused(1, 5, "PROTECTION_REQUIRED")
    stop = {"order_type": STOP, "stop_price": 1_100}
    assert floor.buy(1, None, 1, protection_ticks=5, **stop) == ["ACCEPTED 1@0 1.6"]
    trailing = {"order_type": TRAILING_STOP, "trail_ticks": 90}
    assert floor.buy(1, None, 1, **trailing) == refused(1, 7, "PROTECTION_REQUIRED")
    assert floor.buy(1, None, 1, trigger_limit_ticks=5, **trailing) == ["ACCEPTED 1@0 1.8"]
    assert floor.buy(1, None, 1, peg=PRIMARY) == ["ACCEPTED 1@0 1.9"]
    stop_limit = {"order_type": STOP_LIMIT, "stop_price": 1_100}
    assert floor.buy(1, 1_051, 1, **stop_limit) == refused(1, 10, "RISK_COLLAR")


def test_in_a_call_the_auction_is_the_protection(floor):
    limit(floor, collar_bps=500)
    floor.reference(1_000)
    floor.phase(Phase.OPENING_AUCTION)
    assert floor.buy(1, None, 1, order_type=MARKET) == ["ACCEPTED 1@0 1.1"]
    assert floor.buy(1, 1_051, 1) == refused(1, 2, "RISK_COLLAR")


# --- position and short sales ------------------------------------------------------------------------------


def test_position_counts_what_is_open(floor):
    limit(floor, max_position_lots=10)
    floor.buy(1, 100, 6)
    assert floor.buy(1, 99, 5) == refused(1, 2, "RISK_POSITION")
    assert floor.buy(1, 99, 4) == ["ACCEPTED 4@99 1.3"]
    assert floor.buy(1, None, 1, order_type=STOP, stop_price=105) == refused(1, 4, "RISK_POSITION")
    assert floor.sell(1, 101, 10) == ["ACCEPTED 10@101 1.5"], "the other side counts by itself"
    floor.cancel(1, 1)
    assert floor.buy(1, 98, 6) == ["ACCEPTED 6@98 1.6"]


def test_position_counts_what_was_traded(floor):
    limit(floor, max_position_lots=10)
    floor.sell(2, 100, 8)
    floor.buy(1, 100, 8)
    assert floor.buy(1, 100, 3) == refused(1, 2, "RISK_POSITION")
    assert floor.sell(1, 200, 19) == refused(1, 3, "RISK_POSITION")
    assert floor.sell(1, 200, 18) == ["ACCEPTED 18@200 1.4"], "from 8 long to 10 short"


def test_position_counts_an_auction_too(floor):
    limit(floor, max_position_lots=10)
    floor.phase(Phase.OPENING_AUCTION)
    floor.sell(2, 100, 8)
    floor.buy(1, 100, 8)
    floor.phase(Phase.CONTINUOUS)
    assert floor.buy(1, 100, 3) == refused(1, 2, "RISK_POSITION")
    assert floor.buy(1, 100, 2) == ["ACCEPTED 2@100 1.3"]


def test_what_was_held_before(floor):
    floor.venue.set_position(1, floor.listing, -10)
    limit(floor, max_position_lots=10)
    assert floor.sell(1, 100, 1) == refused(1, 1, "RISK_POSITION")
    assert floor.buy(1, 99, 20) == ["ACCEPTED 20@99 1.2"]


def test_a_replacement_counts_once(floor):
    limit(floor, max_position_lots=10)
    floor.buy(1, 100, 8)
    assert floor.replace(1, 1, 101, 11) == refused(1, 1, "RISK_POSITION", 8, "REPLACE_REJECTED")
    assert floor.replace(1, 1, 101, 10) == ["REPLACED 10@101 left 10 of 1.1"]


def test_less_of_the_same_is_always_welcome(floor):
    """Limits that came later do not lock anybody into what is open."""
    floor.buy(1, 100, 8)
    limit(floor, max_position_lots=1, max_order_lots=1, max_notional_atoms=1, collar_bps=0)
    assert floor.replace(1, 1, 100, 7) == ["REPLACED 7@100 left 7 of 1.1 keeps place"]
    assert floor.replace(1, 1, 99, 7) == refused(1, 1, "RISK_ORDER_SIZE", 7, "REPLACE_REJECTED")


def test_short_sales(floor):
    limit(floor, no_short_sale=True)
    assert floor.sell(1, 100, 1) == refused(1, 1, "RISK_SHORT_SALE")
    floor.venue.set_position(1, floor.listing, 10)
    assert floor.sell(1, 100, 6) == ["ACCEPTED 6@100 1.2"]
    assert floor.sell(1, 101, 5) == refused(1, 3, "RISK_SHORT_SALE")
    assert floor.sell(1, 101, 4) == ["ACCEPTED 4@101 1.4"]
    floor.buy(2, 100, 6)
    assert floor.sell(1, 101, 1) == refused(1, 5, "RISK_SHORT_SALE")
    assert floor.replace(1, 4, 102, 5) == refused(1, 4, "RISK_SHORT_SALE", 4, "REPLACE_REJECTED")
    floor.sell(2, 90, 3)
    floor.buy(1, 90, 3)
    assert floor.sell(1, 101, 3) == ["ACCEPTED 3@101 1.7"], "what was bought may be sold"


# --- messages ----------------------------------------------------------------------------------------------


def test_message_rate(floor):
    limit(floor, max_messages_per_s=2)
    times = [0, 9 * SECOND // 10, SECOND - 1, SECOND, SECOND + 1, 19 * SECOND // 10 - 1, 19 * SECOND // 10]
    taken = []
    for time_ns in times:
        floor.time_ns = time_ns - 1
        taken.append(floor.buy(1, 100, 1)[0].startswith("ACCEPTED"))
    assert taken == [True, True, False, True, False, False, True], "two in any second that ends now"


def test_replacements_count_and_cancels_do_not(floor):
    limit(floor, max_messages_per_s=2)
    floor.buy(1, 100, 5)
    assert floor.replace(1, 1, 100, 4) == ["REPLACED 4@100 left 4 of 1.1 keeps place"]
    assert floor.replace(1, 1, 100, 3) == refused(1, 1, "RISK_MESSAGE_RATE", 4, "REPLACE_REJECTED")
    assert floor.replace(1, 9, 100, 3) == refused(1, 9, "RISK_MESSAGE_RATE", 0, "REPLACE_REJECTED")
    assert floor.cancel(1, 9) == refused(1, 9, "UNKNOWN_ORDER", 0, "CANCEL_REJECTED")
    assert floor.cancel(1, 1) == ["CANCELLED 4@100 of 1.1 REQUESTED"]


def test_a_message_that_is_refused_for_another_reason_counts(floor):
    limit(floor, max_messages_per_s=2, max_order_lots=1)
    floor.buy(1, 100, 5)
    floor.buy(1, 0, 1)
    assert floor.buy(1, 100, 1) == refused(1, 3, "RISK_MESSAGE_RATE")


def test_a_lower_rate_forgets_the_oldest(floor):
    limit(floor, max_messages_per_s=3)
    floor.buy(1, 100, 1)
    limit(floor, max_messages_per_s=1)
    assert floor.buy(1, 100, 1) == refused(1, 2, "RISK_MESSAGE_RATE")
    limit(floor)
    assert floor.buy(1, 100, 1)[0] == "ACCEPTED 1@100 1.3"


# --- order of the questions, and setting limits ------------------------------------------------------------


def test_the_order_of_the_questions(floor):
    """Rate first; the others after all that a venue asks anyway, and in this order."""
    floor.reference(100)
    limits = {
        "max_messages_per_s": 1,
        "max_order_lots": 1,
        "max_notional_atoms": 1,
        "collar_bps": 1,
        "max_position_lots": 1,
        "no_short_sale": True,
    }
    order = (1, 1, floor.listing, 1, 0, GTC, NEWEST, False, 50, 5)
    reasons = []
    for dropped in (None, *limits):
        limits.pop(dropped, None)
        limit(floor, **limits)
        if dropped is None:
            floor.venue.new_order(1, *order)
        floor.venue.discard_events()
        floor.time_ns = 2
        floor.taken(floor.venue.new_order(2, *order))
        reasons.append(floor.events[0].reason)
    assert reasons == [23, 19, 20, 22, 21, 24, 0]


def test_a_refused_order_changes_no_book(floor):
    limit(floor, max_order_lots=1)
    floor.buy(2, 100, 5)
    before = floor.venue.book_hash(0)
    floor.sell(1, 100, 5)
    assert floor.venue.book_hash(0) == before


def test_limits_hold_in_their_listing_only(floor):
    other = floor.venue.add_listing(1, 1, 0, 0, 0)
    limit(floor, max_order_lots=1)
    assert floor.buy(1, 100, 5, listing=other) == ["ACCEPTED 5@100 1.1"]


@pytest.mark.parametrize(
    "limits",
    [
        {"max_order_lots": -1},
        {"max_notional_atoms": 2**62 + 1},
        {"max_position_lots": -1},
        {"collar_bps": 10**6 + 1},
        {"max_messages_per_s": 0},
        {"max_messages_per_s": 100_001},
    ],
)
def test_limits_out_of_range(floor, limits):
    with pytest.raises(ValueError, match=next(iter(limits))):
        limit(floor, **limits)
    assert floor.buy(1, 100, 5, tif=IOC)[0] == "ACCEPTED 5@100 1.1"


def test_positions_out_of_range_and_unknown_listings(floor):
    with pytest.raises(ValueError, match="position"):
        floor.venue.set_position(1, 0, 2**62 + 1)
    with pytest.raises(ValueError, match="listing"):
        floor.venue.set_position(1, 9, 1)
    with pytest.raises(ValueError, match="listing"):
        floor.venue.set_risk(1, 9, max_order_lots=1)


def test_positions_and_rates_are_in_the_hash(floor):
    plain = floor.venue.state_hash()
    floor.venue.set_position(1, 0, 3)
    held = floor.venue.state_hash()
    floor.venue.set_position(1, 0, 4)
    assert len({plain, held, floor.venue.state_hash()}) == 3
