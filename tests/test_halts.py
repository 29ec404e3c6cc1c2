"""Volatility halts: a listing stops before it trades too far away, gathers, and opens by an auction."""

import pytest
from engine_kit import (
    BUY,
    FOK,
    IOC,
    MARKET,
    MARKET_TO_LIMIT,
    NEWEST,
    PRIMARY,
    RESERVE,
    STOP,
    STOP_LIMIT,
    TO_MARKET,
    Floor,
)

from market_sim.engine import Phase


@pytest.fixture
def floor(venue_class):
    """Band of 5 % around 1000, halts of 100 ns."""
    floor = Floor(venue_class)
    floor.venue.set_volatility_halt(floor.listing, 500, 100)
    floor.reference(1000)
    return floor


def asks(floor, *prices):
    for price in prices:
        floor.sell(1, price, 5)


def halt(floor):
    """A buyer of 10 who gets 5 at 1000 and would pay 1051 for the rest; halted at time 3."""
    asks(floor, 1000, 1051)
    rows = floor.buy(2, 1100, 10)
    assert rows[-2:] == ["PHASE HALT of listing 0", "INDICATIVE 5@1051 surplus 0"]
    assert floor.bids() == ["5@1100 2.1"]


def test_the_edge_of_the_band_still_trades(floor):
    asks(floor, 1050, 1051)
    assert "PHASE HALT of listing 0" not in floor.buy(2, 1100, 5)
    assert floor.buy(2, 1100, 1)[1:] == ["PHASE HALT of listing 0", "INDICATIVE 1@1051 surplus -4"]


def test_falling_out_of_the_band(floor):
    floor.buy(1, 950, 5)
    floor.buy(1, 949, 5)
    rows = floor.sell(2, 900, 10)
    assert [row for row in rows if "TRADE" in row] == ["TRADE 5@950 1.1 hit by 2.1 SELL"]
    assert rows[-2:] == ["PHASE HALT of listing 0", "INDICATIVE 5@949 surplus 0"]


def test_the_static_price_moves_with_auctions_not_with_trades(floor):
    asks(floor, 1040, 1060)
    floor.buy(2, 1040, 5)
    assert floor.buy(2, 1060, 1)[1] == "PHASE HALT of listing 0"
    floor.phase(Phase.CONTINUOUS)
    assert floor.buy(2, 1060, 4)[-1] == "FILL 4@1060 left 0 of 2.3"


def test_a_halted_listing_gathers_while_the_venue_goes_on(floor):
    other = floor.venue.add_listing(1, 1, 0, 0, 0)
    halt(floor)
    assert (floor.venue.phase, floor.venue.listing_phase(0)) == (Phase.CONTINUOUS, Phase.HALT)
    assert floor.venue.listing_phase(other) == Phase.CONTINUOUS
    assert floor.buy(3, 1051, 5, tif=IOC) == ["REJECTED 3.1 NOT_IN_THIS_PHASE left 0"]
    assert floor.sell(3, 1000, 5)[-1] == "INDICATIVE 5@1000 surplus 0"
    floor.sell(3, 1000, 5, listing=other)
    assert floor.buy(4, 1000, 5, listing=other)[-1] == "FILL 5@1000 left 0 of 4.1"
    assert floor.cancel(2, 1) == ["CANCELLED 5@1100 of 2.1 REQUESTED", "INDICATIVE 0@0 surplus 0"]


def test_the_clock_opens_it_again(floor):
    halt(floor)
    assert floor.advance(102) == []
    assert floor.advance(103) == [
        "AUCTION 5@1051 surplus 0",
        "TRADE 5@1051 1.2 hit by 2.1 BUY",
        "FILL 5@1051 left 0 of 2.1",
        "FILL 5@1051 left 0 of 1.2",
        "PHASE CONTINUOUS of listing 0",
    ]
    asks(floor, 1100)
    assert floor.buy(2, 1100, 1)[-1] == "FILL 1@1100 left 0 of 2.2", "1051 is the middle now"
    assert floor.advance(1_000) == []


def test_a_change_of_phase_opens_it_too(floor):
    halt(floor)
    rows = floor.phase(Phase.CONTINUOUS)
    assert (rows[0], rows[-1]) == ("AUCTION 5@1051 surplus 0", "PHASE CONTINUOUS")
    assert floor.venue.listing_phase(0) == Phase.CONTINUOUS
    assert floor.advance(1_000) == []


def test_a_halt_may_pass_into_another_call(floor):
    halt(floor)
    assert floor.phase(Phase.CLOSING_AUCTION) == ["PHASE CLOSING_AUCTION"]
    assert floor.venue.listing_phase(0) == Phase.CLOSING_AUCTION
    assert floor.advance(1_000) == []
    assert floor.phase(Phase.CLOSED)[0] == "AUCTION 5@1051 surplus 0"


def test_a_halt_without_an_end_waits_for_the_phase(venue_class):
    floor = Floor(venue_class)
    floor.venue.set_volatility_halt(0, 500, 0)
    floor.reference(1000)
    halt(floor)
    assert floor.advance(10**18) == []
    assert floor.phase(Phase.CONTINUOUS)[-1] == "PHASE CONTINUOUS"


def test_nothing_trades_at_the_end_of_a_halt_when_nothing_crosses(floor):
    halt(floor)
    floor.cancel(2, 1)
    assert floor.advance(500) == ["PHASE CONTINUOUS of listing 0"]
    assert floor.buy(2, 1100, 1)[1] == "PHASE HALT of listing 0", "the static price is where it was"


# --- what sets it off, and what becomes of that ------------------------------------------------------------


def test_what_may_not_rest_ends(floor):
    asks(floor, 1051)
    assert floor.buy(2, 1100, 5, tif=IOC)[1:] == [
        "PHASE HALT of listing 0",
        "CANCELLED 5@1100 of 2.1 IMMEDIATE_OR_CANCEL",
    ]


def test_a_market_order_waits_for_the_auction(floor):
    asks(floor, 1051)
    assert floor.buy(2, None, 5, order_type=MARKET)[1] == "PHASE HALT of listing 0"
    assert floor.bids() == ["5@0 2.1"]
    assert floor.advance(500)[1] == "TRADE 5@1051 1.1 hit by 2.1 BUY"


def test_market_to_limit_keeps_the_limit_it_got(floor):
    asks(floor, 1051)
    assert floor.buy(2, None, 7, order_type=MARKET_TO_LIMIT)[:2] == [
        "ACCEPTED 7@1051 2.1",
        "PHASE HALT of listing 0",
    ]
    assert floor.bids() == ["7@1051 2.1"]


def test_all_or_nothing_counts_within_the_band_and_halts_nothing(floor):
    asks(floor, 1000, 1051)
    assert floor.buy(2, 1100, 6, tif=FOK)[1:] == ["CANCELLED 6@1100 of 2.1 FILL_OR_KILL"]
    assert floor.buy(2, None, 6, tif=FOK, order_type=MARKET)[1:] == ["CANCELLED 6@0 of 2.2 FILL_OR_KILL"]
    assert floor.buy(2, 1100, 9, minimum_lots=6)[1:] == ["CANCELLED 9@1100 of 2.3 MINIMUM_QUANTITY"]
    assert floor.buy(2, 1100, 5, tif=FOK)[-1] == "FILL 5@1000 left 0 of 2.4"


def test_a_price_too_good_to_be_true_halts_as_well(floor):
    asks(floor, 900)
    assert floor.buy(2, 1000, 5, tif=FOK)[1:] == ["CANCELLED 5@1000 of 2.1 FILL_OR_KILL"]
    assert floor.buy(2, 1000, 5)[1] == "PHASE HALT of listing 0"


def test_an_own_order_beyond_the_band_halts_too(floor):
    asks(floor, 1051)
    assert floor.buy(1, 1051, 5, stp=NEWEST)[1:] == [
        "PHASE HALT of listing 0",
        "INDICATIVE 5@1051 surplus 0",
    ]


def test_a_replacement_may_set_it_off(floor):
    asks(floor, 1051)
    floor.buy(2, 900, 5)
    assert floor.replace(2, 1, 1051, 5)[:2] == ["REPLACED 5@1051 left 5 of 2.1", "PHASE HALT of listing 0"]


def test_stops_elected_before_the_halt_enter_the_call(floor):
    """The print at 1050 elects them; by the time they act the listing gathers."""
    asks(floor, 1050, 1060)
    floor.buy(3, 1060, 2, order_type=STOP_LIMIT, stop_price=1050)
    floor.buy(4, None, 2, order_type=STOP, stop_price=1050)
    floor.buy(5, 1060, 2, order_type=STOP_LIMIT, stop_price=1050, tif=IOC)
    floor.buy(6, 1060, 2, order_type=STOP_LIMIT, stop_price=1050, tif=FOK)
    floor.buy(7, 1060, 2, order_type=STOP_LIMIT, stop_price=1051)
    rows = floor.buy(2, 1060, 6)
    assert rows[4:] == [
        "PHASE HALT of listing 0",
        "TRIGGERED 2@1050 3.1 STOP_LIMIT",
        "TRIGGERED 2@1050 4.1 STOP",
        "TRIGGERED 2@1050 5.1 STOP_LIMIT",
        "CANCELLED 2@1060 of 5.1 IMMEDIATE_OR_CANCEL",
        "TRIGGERED 2@1050 6.1 STOP_LIMIT",
        "CANCELLED 2@1060 of 6.1 FILL_OR_KILL",
        "INDICATIVE 5@1060 surplus 0",
    ]
    assert floor.bids() == ["2@0 4.1", "1@1060 2.1", "2@1060 3.1"]
    assert floor.waiting() == ["2@1051 7.1"]


def test_a_stop_may_set_it_off(floor):
    asks(floor, 1050, 1060)
    floor.buy(3, None, 2, order_type=STOP, stop_price=1050)
    assert floor.buy(2, 1050, 5)[4:] == [
        "TRIGGERED 2@1050 3.1 STOP",
        "PHASE HALT of listing 0",
        "INDICATIVE 2@1060 surplus -3",
    ]


def test_pegs_stand_still_in_a_halt(floor):
    floor.buy(1, 940, 5)
    floor.buy(2, None, 5, peg=PRIMARY)
    asks(floor, 1060)
    assert floor.buy(3, 1060, 1)[-1] == "INDICATIVE 1@1060 surplus -4"
    assert floor.bids() == ["1@1060 3.1", "5@940 1.1", "5@940 2.1"]


def test_a_peg_that_would_trade_too_far_away_halts(floor):
    """It meets a hidden order on its way; the other pegs stay where they are."""
    floor.sell(1, 1055, 5, display_lots=0)
    floor.buy(2, None, 3, peg=TO_MARKET, peg_offset_ticks=-1)
    floor.buy(3, None, 3, peg=TO_MARKET, peg_offset_ticks=-2)
    rows = floor.sell(1, 1057, 5)
    assert rows[1:] == [
        "REPRICED 3@1056 2.1",
        "PHASE HALT of listing 0",
        "INDICATIVE 3@1055 surplus -2",
    ]
    assert floor.venue.live(0) == 4
    assert floor.bids() == ["3@1056 2.1"]


def test_reserves_show_again_when_the_sweep_is_over(floor):
    floor.sell(1, 1000, 10, display_lots=2, refresh=RESERVE)
    asks(floor, 1060)
    rows = floor.buy(2, 1060, 2)
    assert rows[-1] == "REFRESHED 2@1000 left 8 of 1.1"
    floor.buy(2, 1060, 9)
    assert floor.venue.listing_phase(0) == Phase.HALT
    assert floor.bids() == ["1@1060 2.2"]


def test_the_band_concerns_continuous_trading_only(floor):
    floor.phase(Phase.OPENING_AUCTION)
    floor.buy(1, 2000, 5)
    floor.sell(2, 2000, 5)
    assert floor.uncross() == ((2000, 5), [(5, 1, 2)])


# --- the static price where nobody has told one ------------------------------------------------------------


def test_the_first_print_is_the_middle_of_the_band(venue_class):
    floor = Floor(venue_class)
    floor.venue.set_volatility_halt(0, 500, 0)
    asks(floor, 2000, 2100, 2101)
    assert "PHASE" not in " ".join(floor.buy(2, 2100, 10))
    assert floor.buy(2, 2101, 1)[1] == "PHASE HALT of listing 0"


def test_the_last_print_before_it_was_asked_for(venue_class):
    floor = Floor(venue_class)
    asks(floor, 2000, 2101)
    floor.buy(2, 2000, 5)
    floor.venue.set_volatility_halt(0, 500, 0)
    assert floor.buy(2, 2101, 1)[1] == "PHASE HALT of listing 0"


def test_a_band_can_be_taken_away(floor):
    floor.venue.set_volatility_halt(0, 0, 0)
    asks(floor, 2000)
    assert floor.buy(2, 2000, 5)[-1] == "FILL 5@2000 left 0 of 2.1"


@pytest.mark.parametrize("numbers", [(-1, 0), (10_001, 0), (5, -1)])
def test_numbers_out_of_range(floor, numbers):
    with pytest.raises(ValueError, match="bps"):
        floor.venue.set_volatility_halt(0, *numbers)
    with pytest.raises(ValueError, match="listing"):
        floor.venue.set_volatility_halt(5, 1, 1)
    with pytest.raises(ValueError, match="price 0"):
        floor.venue.set_reference_price(0, 0)


def test_a_halt_is_in_the_hash(floor):
    """Halted or not, until when, and the static price: all of it decides later matches."""
    seen = {floor.venue.state_hash()}
    floor.reference(999)
    seen.add(floor.venue.state_hash())
    halt(floor)
    seen.add(floor.venue.state_hash())
    floor.phase(Phase.SUSPENDED)
    seen.add(floor.venue.state_hash())
    assert len(seen) == 4
    assert floor.venue.depth(0, BUY, 1) == [(1100, 5, 1)]
