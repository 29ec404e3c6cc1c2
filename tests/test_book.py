"""Price-time priority, order types and what becomes of the remainder. Worked examples of exchanges first."""

import pytest
from engine_kit import BUY, FOK, IOC, MARKET, NEWEST, NONE, PASS, SELL, Floor


@pytest.fixture
def floor(venue_class):
    return Floor(venue_class)


def test_market_order_with_protection_as_cme_prints_it(floor):
    """Protection of 600 ticks from the best offer; the remainder rests at the protection price."""
    for price, size in ((90025, 2), (90300, 3), (90550, 3), (90675, 5)):
        floor.sell(1, price, size)
    assert floor.buy(2, 90625, 10, order_type=MARKET) == [
        "ACCEPTED 10@90625 2.1",
        "TRADE 2@90025 1.1 hit by 2.1 BUY",
        "FILL 2@90025 left 0 of 1.1 maker",
        "FILL 2@90025 left 8 of 2.1",
        "TRADE 3@90300 1.2 hit by 2.1 BUY",
        "FILL 3@90300 left 0 of 1.2 maker",
        "FILL 3@90300 left 5 of 2.1",
        "TRADE 3@90550 1.3 hit by 2.1 BUY",
        "FILL 3@90550 left 0 of 1.3 maker",
        "FILL 3@90550 left 2 of 2.1",
    ]
    assert floor.bids() == ["2@90625 2.1"]
    assert floor.asks() == ["5@90675 1.4"]


def test_lower_size_keeps_its_place(floor):
    """Queue 10: 1.00, 15: 5.50, 20: 4.00; order 15 reduced to 5.00 stays second."""
    for counter, size in ((10, 100), (15, 550), (20, 400)):
        floor.buy(1, 50, size, counter=counter)
    assert floor.replace(1, 15, 50, 500) == ["REPLACED 500@50 left 500 of 1.15 keeps place"]
    assert floor.bids() == ["100@50 1.10", "500@50 1.15", "400@50 1.20"]


@pytest.mark.parametrize(("price", "size"), [(50, 600), (50, 550), (51, 100)], ids=["more", "same", "price"])
def test_anything_but_a_lower_size_goes_to_the_back(floor, price, size):
    for counter, lots in ((10, 100), (15, 550), (20, 400)):
        floor.buy(1, 50, lots, counter=counter)
    assert floor.replace(1, 15, price, size) == [f"REPLACED {size}@{price} left {size} of 1.15"]
    at_price = [row for row in floor.bids() if f"@{price} " in row]
    assert at_price[-1] == f"{size}@{price} 1.15"


def test_best_price_first_then_first_come(floor):
    floor.sell(1, 101, 5)
    floor.sell(2, 100, 5)
    floor.sell(3, 100, 5)
    floor.sell(4, 99, 5)
    fills = [row for row in floor.buy(9, 101, 17) if "maker" in row]
    assert fills == [
        "FILL 5@99 left 0 of 4.1 maker",
        "FILL 5@100 left 0 of 2.1 maker",
        "FILL 5@100 left 0 of 3.1 maker",
        "FILL 2@101 left 3 of 1.1 maker",
    ]


def test_a_partly_filled_order_keeps_its_place(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 10)
    floor.sell(3, 100, 4)
    assert floor.bids() == ["6@100 1.1", "10@100 2.1"]
    assert "FILL 6@100 left 0 of 1.1 maker" in floor.sell(3, 100, 7)


def test_a_limit_order_never_trades_beyond_its_price(floor):
    floor.sell(1, 100, 5)
    floor.sell(1, 102, 5)
    floor.buy(2, 101, 8)
    assert floor.bids() == ["3@101 2.1"]
    assert floor.asks() == ["5@102 1.2"]
    assert floor.venue.bbo(0) == (101, 3, 102, 5)


def test_depth_counts_orders(floor):
    floor.buy(1, 100, 5)
    floor.buy(2, 100, 6)
    floor.buy(1, 98, 7)
    floor.buy(1, 99, 1)
    assert floor.venue.depth(0, BUY, 2) == [(100, 11, 2), (99, 1, 1)]
    assert floor.venue.depth(0, SELL, 5) == []
    assert floor.venue.bbo(0) == (100, 11, None, 0)
    assert floor.venue.live(0) == 4
    assert floor.venue.orders(0, BUY)[1] == (100, 2, 1, 6, 6)


def test_market_without_protection_takes_what_is_there_and_goes(floor):
    floor.sell(1, 100, 5)
    floor.sell(1, 5000, 5)
    rows = floor.buy(2, None, 12, order_type=MARKET)
    assert rows[0] == "ACCEPTED 12@0 2.1"
    assert rows[-1] == "CANCELLED 2@0 of 2.1 NO_LIQUIDITY"
    assert floor.asks() == floor.bids() == []


def test_market_without_protection_says_no_liquidity_even_as_ioc(floor):
    assert floor.buy(2, None, 3, order_type=MARKET, tif=IOC)[-1] == "CANCELLED 3@0 of 2.1 NO_LIQUIDITY"
    assert floor.buy(2, None, 3, order_type=MARKET, tif=FOK)[-1] == "CANCELLED 3@0 of 2.2 FILL_OR_KILL"


def test_ioc_cancels_what_does_not_trade_at_once(floor):
    floor.sell(1, 100, 5)
    assert floor.buy(2, 100, 8, tif=IOC)[-1] == "CANCELLED 3@100 of 2.1 IMMEDIATE_OR_CANCEL"
    assert floor.buy(2, 100, 8, tif=IOC, order_type=MARKET)[-1].endswith("IMMEDIATE_OR_CANCEL")
    assert floor.bids() == []


def test_fok_trades_whole_or_not_at_all(floor):
    floor.sell(1, 100, 5)
    floor.sell(1, 101, 5)
    floor.sell(1, 103, 5)
    before = floor.venue.book_hash(0)
    assert floor.buy(2, 102, 11, tif=FOK) == ["ACCEPTED 11@102 2.1", "CANCELLED 11@102 of 2.1 FILL_OR_KILL"]
    assert floor.venue.book_hash(0) == before
    assert floor.buy(2, 102, 10, tif=FOK)[-1] == "FILL 5@101 left 0 of 2.2"
    assert floor.buy(2, None, 5, tif=FOK, order_type=MARKET)[-1] == "FILL 5@103 left 0 of 2.3"


def test_fok_scan_stops_at_an_own_order_under_newest(floor):
    floor.sell(1, 100, 5)
    floor.sell(2, 100, 5)
    floor.sell(1, 101, 5)
    assert floor.buy(2, 101, 6, tif=FOK)[-1] == "CANCELLED 6@101 of 2.2 FILL_OR_KILL"
    assert floor.buy(2, 101, 5, tif=FOK)[-1] == "FILL 5@100 left 0 of 2.3"


def test_fok_scan_passes_own_orders_under_pass(floor):
    floor.sell(1, 100, 5)
    floor.sell(2, 100, 5)
    floor.sell(1, 101, 5)
    assert floor.buy(2, 101, 11, tif=FOK, stp=PASS)[-1] == "CANCELLED 11@101 of 2.2 FILL_OR_KILL"
    assert floor.buy(2, 101, 10, tif=FOK, stp=PASS)[-1] == "FILL 5@101 left 0 of 2.3"
    assert floor.asks() == ["5@100 2.1"]


def test_fok_counts_own_orders_without_prevention(floor):
    floor.sell(2, 100, 5)
    assert floor.buy(2, 100, 5, tif=FOK, stp=NONE)[-1] == "FILL 5@100 left 0 of 2.2"


def test_post_only_is_refused_when_it_would_trade(floor):
    floor.sell(1, 100, 5)
    assert floor.buy(2, 100, 5, post_only=True) == ["REJECTED 2.1 POST_ONLY_WOULD_CROSS left 0"]
    assert floor.buy(2, 99, 5, post_only=True) == ["ACCEPTED 5@99 2.2"]
    assert floor.sell(1, 99, 5, post_only=True) == ["REJECTED 1.2 POST_ONLY_WOULD_CROSS left 0"]


def test_post_only_is_remembered_by_a_replacement(floor):
    floor.sell(1, 100, 5)
    floor.buy(2, 98, 5, post_only=True)
    assert floor.replace(2, 1, 100, 7) == ["REPLACE_REJECTED 2.1 POST_ONLY_WOULD_CROSS left 5"]
    assert floor.bids() == ["5@98 2.1"]
    assert floor.replace(2, 1, 99, 7) == ["REPLACED 7@99 left 7 of 2.1"]
    assert floor.replace(2, 1, 101, 7) == ["REPLACE_REJECTED 2.1 POST_ONLY_WOULD_CROSS left 7"]


def test_newest_cancels_the_taker_at_its_own_order(floor):
    floor.sell(1, 100, 5)
    floor.sell(2, 100, 5)
    floor.sell(1, 101, 5)
    assert floor.buy(2, 101, 12) == [
        "ACCEPTED 12@101 2.2",
        "TRADE 5@100 1.1 hit by 2.2 BUY",
        "FILL 5@100 left 0 of 1.1 maker",
        "FILL 5@100 left 7 of 2.2",
        "CANCELLED 7@101 of 2.2 SELF_TRADE",
    ]
    assert floor.bids() == []
    assert floor.asks() == ["5@100 2.1", "5@101 1.2"]


def test_the_mode_of_the_taker_rules(floor):
    floor.sell(2, 100, 5, stp=NEWEST)
    assert floor.buy(2, 100, 3, stp=NONE)[-1] == "FILL 3@100 left 0 of 2.2"
    floor.sell(3, 101, 5, stp=NONE)
    floor.cancel(2, 1)
    assert floor.buy(3, 101, 3, stp=NEWEST)[-1] == "CANCELLED 3@101 of 3.2 SELF_TRADE"


def test_owner_ids_join_two_agents(floor):
    floor.venue.set_owner(7, 8)
    floor.sell(7, 100, 5)
    assert floor.buy(8, 100, 3)[-1] == "CANCELLED 3@100 of 8.1 SELF_TRADE"
    assert floor.buy(9, 100, 3)[-1] == "FILL 3@100 left 0 of 9.1"


def test_pass_trades_with_others_behind_own_orders(floor):
    floor.sell(2, 100, 5)
    floor.sell(1, 100, 4)
    floor.sell(2, 101, 5)
    floor.sell(3, 101, 5)
    rows = floor.buy(2, 101, 10, tif=IOC, stp=PASS)
    assert [row for row in rows if "maker" in row] == [
        "FILL 4@100 left 0 of 1.1 maker",
        "FILL 5@101 left 0 of 3.1 maker",
    ]
    assert rows[-1] == "CANCELLED 1@101 of 2.3 IMMEDIATE_OR_CANCEL"
    assert floor.asks() == ["5@100 2.1", "5@101 2.2"]


def test_pass_never_leaves_a_crossed_book(floor):
    floor.sell(2, 100, 5)
    assert floor.buy(2, 100, 3, stp=PASS)[-1] == "CANCELLED 3@100 of 2.2 SELF_TRADE"
    assert floor.buy(2, 99, 3, stp=PASS) == ["ACCEPTED 3@99 2.3"]


def test_a_replacement_that_crosses_trades_as_taker(floor):
    floor.sell(1, 100, 5)
    floor.buy(2, 98, 8)
    assert floor.replace(2, 1, 100, 9) == [
        "REPLACED 9@100 left 9 of 2.1",
        "TRADE 5@100 1.1 hit by 2.1 BUY",
        "FILL 5@100 left 0 of 1.1 maker",
        "FILL 5@100 left 4 of 2.1",
    ]
    assert floor.venue.orders(0, BUY) == [(100, 2, 1, 4, 9)]


def test_a_replacement_obeys_self_trade_prevention(floor):
    floor.sell(2, 100, 5)
    floor.buy(2, 98, 8)
    assert floor.replace(2, 2, 100, 8) == [
        "REPLACED 8@100 left 8 of 2.2",
        "CANCELLED 8@100 of 2.2 SELF_TRADE",
    ]
    assert floor.bids() == []


def test_replacement_size_is_the_total(floor):
    floor.buy(1, 100, 10)
    floor.buy(2, 100, 1)
    floor.sell(3, 100, 4)
    assert floor.replace(1, 1, 100, 9) == ["REPLACED 9@100 left 5 of 1.1 keeps place"]
    assert floor.bids() == ["5@100 1.1", "1@100 2.1"]
    assert floor.replace(1, 1, 101, 9) == ["REPLACED 9@101 left 5 of 1.1"]
    assert floor.replace(1, 1, 101, 20) == ["REPLACED 20@101 left 16 of 1.1"]


@pytest.mark.parametrize("size", [4, 3])
def test_a_replacement_at_or_below_what_has_traded_cancels(floor, size):
    floor.buy(1, 100, 10)
    floor.sell(3, 100, 4)
    assert floor.replace(1, 1, 105, size) == ["CANCELLED 6@100 of 1.1 REPLACED_BELOW_EXECUTED"]
    assert floor.bids() == []


def test_the_hash_of_a_book_sees_every_part_of_an_order(floor):
    hashes = {floor.venue.book_hash(0)}

    def changed():
        hashes.add(floor.venue.book_hash(0))
        return len(hashes)

    floor.buy(1, 100, 10)
    assert changed() == 2
    floor.buy(2, 100, 10)
    assert changed() == 3
    floor.replace(1, 1, 100, 9)
    assert changed() == 4
    floor.replace(1, 1, 100, 10)  # as at first, but now behind agent 2
    assert changed() == 5
    floor.sell(3, 100, 1)
    assert changed() == 6
    floor.cancel(2, 1)
    assert changed() == 6, "agent 1's order stands alone again, as after the first command"
    floor.buy(2, 100, 9, stp=NONE)
    assert changed() == 7
    floor.cancel(2, 2)
    floor.buy(2, 100, 9, stp=NEWEST, counter=2)
    assert changed() == 8
    floor.cancel(2, 2)
    floor.buy(2, 100, 9, post_only=True, counter=2)
    assert changed() == 9


def test_the_hash_is_the_written_down_one(floor):
    """FNV-1a over the words of section 'state_hash': independent of either engine's code."""
    floor.buy(7, 100, 10, post_only=True)
    floor.sell(8, 101, 3, stp=NONE)

    def fnv(*words):
        state = 0xCBF29CE484222325
        for word in words:
            state = (state ^ word) * 0x100000001B3 % 2**64
        return state

    book = fnv(0, 100, 7, 1, 10, 10, 1 | 1 << 8, 1, 101, 8, 1, 3, 3, 0)
    assert floor.venue.book_hash(0) == book
    assert floor.venue.state_hash() == fnv(0, 3, 1, book)
