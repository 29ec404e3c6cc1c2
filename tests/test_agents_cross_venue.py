import pytest
from agent_kit import HOME, book, filled, market, sent

from agents.cross_venue import CrossVenueArbitrageur

NORTH, SOUTH = "NORTH:BTC/USD", "SOUTH:BTC/USD"
RICH = {"NORTH": {"USD": "100000", "BTC": "5"}, "SOUTH": {"USD": "100000", "BTC": "5"}}


def two_venues(north_fee="0", south_fee="0", latency=HOME, south_grid=("1", "0.01")):
    tick, lot = south_grid
    return {
        "schema": 1,
        "name": "two",
        "duration": "1s",
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "BTC": {"decimals": 8}},
        "venues": {"NORTH": {"taker_fee_bps": north_fee}, "SOUTH": {"taker_fee_bps": south_fee}},
        "instruments": {"BTC/USD": {"base": "BTC", "quote": "USD"}},
        "listings": [
            {"venue": "NORTH", "instrument": "BTC/USD", "tick": "1", "lot": "0.01"},
            {"venue": "SOUTH", "instrument": "BTC/USD", "tick": tick, "lot": lot},
        ],
        "latency": latency,
    }


def quotes(south_bid="10020", south_ask="10030", size="1"):
    """NORTH stands at 9990-10000."""
    return [
        (NORTH, "sell", size, "10000"),
        (NORTH, "buy", size, "9990"),
        (SOUTH, "sell", "3", south_ask),
        (SOUTH, "buy", "3", south_bid),
    ]


def arbitrageur(endowment=RICH, **params):
    return CrossVenueArbitrageur(name="arb", endowment=endowment, **params)


def test_it_buys_where_it_is_cheap_and_sells_where_it_is_dear():
    played = market(two_venues(), book(*quotes()), arbitrageur())
    assert sent(played, "arb") == [
        (2.0, NORTH, "buy", 1.0, 10000.0, "ioc"),
        (2.0, SOUTH, "sell", 1.0, 10020.0, "ioc"),
    ]
    account = played.trader("arb").account
    assert account.positions == {"USD": 200_020.0, "BTC": 10.0}
    assert (account.balance("BTC", "NORTH"), account.balance("BTC", "SOUTH")) == (6.0, 4.0)


def test_the_other_way_round():
    played = market(two_venues(), book(*quotes(south_bid="9950", south_ask="9960")), arbitrageur())
    assert sent(played, "arb") == [
        (2.0, SOUTH, "buy", 1.0, 9960.0, "ioc"),
        (2.0, NORTH, "sell", 1.0, 9990.0, "ioc"),
    ]


def test_touching_is_not_crossing():
    assert (
        sent(market(two_venues(), book(*quotes(south_bid="10000")), arbitrageur(min_edge_bps=0.0)), "arb")
        == []
    )


@pytest.mark.parametrize(("fee_bps", "orders"), [("9.9", 2), ("10", 0)])
def test_fees_of_both_venues_are_counted(fee_bps, orders):
    # 10020 (1 - f) > 10000 (1 + f) up to f = 9.99 bps.
    table = two_venues(fee_bps, fee_bps)
    assert len(sent(market(table, book(*quotes()), arbitrageur(min_edge_bps=0.0)), "arb")) == orders


def test_a_rebate_counts_too():
    assert sent(market(two_venues("-10", "25"), book(*quotes()), arbitrageur(min_edge_bps=0.0)), "arb")
    assert not sent(market(two_venues("0", "25"), book(*quotes()), arbitrageur(min_edge_bps=0.0)), "arb")


def test_the_edge_asked_for():
    assert sent(market(two_venues(), book(*quotes()), arbitrageur(min_edge_bps=20.0)), "arb") == []
    assert len(sent(market(two_venues(), book(*quotes()), arbitrageur(min_edge_bps=19.0)), "arb")) == 2


def test_depth_is_walked_on_both_sides_while_it_pays():
    deeper = [(NORTH, "sell", "1", "10010"), (NORTH, "sell", "1", "10025"), (SOUTH, "buy", "1", "10015")]
    played = market(two_venues(), book(*deeper, *quotes()), arbitrageur())
    # At 10000 and 10010 into the 3 bid at 10020; the one at 10025 pays for nothing.
    first = sent(played, "arb")[:2]
    assert [row[1:5] for row in first] == [(NORTH, "buy", 2.0, 10010.0), (SOUTH, "sell", 2.0, 10020.0)]


@pytest.mark.parametrize(
    ("north", "south", "size"),
    [
        ({"USD": "5000"}, {"BTC": "5"}, 0.49),
        ({"USD": "100000"}, {"BTC": "0.25"}, 0.24),
        ({"USD": "0"}, {"BTC": "5"}, None),
        ({"USD": "100000"}, {"BTC": "0"}, None),
    ],
)
def test_inventory_limits_the_size(north, south, size):
    played = market(
        two_venues(), book(*quotes()), arbitrageur(endowment={"NORTH": north, "SOUTH": south}, retry_s=5.0)
    )
    first = sent(played, "arb")[:2]
    assert [row[3] for row in first] == ([size, size] if size else [])
    assert not played.result().orders.filter(agent="arb", event="rejected").height


def test_on_unlimited_credit_it_needs_no_inventory():
    played = market(two_venues(), book(*quotes()), CrossVenueArbitrageur(name="arb"))
    assert [row[3] for row in sent(played, "arb")] == [1.0, 1.0]


def test_the_largest_size_is_kept():
    first = sent(market(two_venues(), book(*quotes()), arbitrageur(max_size=0.25)), "arb")[:2]
    assert [row[3] for row in first] == [0.25, 0.25]


def test_sizes_are_whole_lots_of_both_listings():
    table = two_venues(south_grid=("5", "0.03"))
    played = market(table, book(*quotes()), arbitrageur(retry_s=5.0))
    assert [row[3] for row in sent(played, "arb")[:2]] == [0.99, 0.99]


def test_a_leg_that_fails_is_traded_back_where_it_is_better():
    # SOUTH's bid goes while the sale is under way; NORTH still bids 9990, SOUTH comes back with 9980.
    later = {1.5: [(SOUTH, "cancel", None, None), (SOUTH, "buy", "3", "9980"), (SOUTH, "sell", "3", "10030")]}
    played = market(two_venues(), book(*quotes(), later=later), arbitrageur())
    assert [row[:5] for row in sent(played, "arb")] == [
        (2.0, NORTH, "buy", 1.0, 10000.0),
        (2.0, SOUTH, "sell", 1.0, 10020.0),
        (4.0, NORTH, "sell", 1.0, 9790.0),
    ]
    assert filled(played, "arb") == [(NORTH, "buy", 1.0, 10000.0), (NORTH, "sell", 1.0, 9990.0)]
    assert played.trader("arb").account.positions == {"USD": 199_990.0, "BTC": 10.0}


def test_a_leg_that_fills_in_part_is_traded_back_for_the_rest():
    later = {1.5: [(SOUTH, "cancel", None, None), (SOUTH, "buy", "0.4", "10020")]}
    played = market(two_venues(), book(*quotes(), later=later), arbitrageur())
    repair = sent(played, "arb")[2]
    assert repair[1:4] == (NORTH, "sell", 0.6)
    assert played.trader("arb").account.position("BTC") == 10.0


def test_a_short_purchase_is_made_good():
    later = {1.5: [(NORTH, "cancel", None, None), (NORTH, "sell", "1", "10050")]}
    played = market(two_venues(), book(*quotes(), later=later), arbitrageur())
    # Sold one at SOUTH without having bought: 10030 there is cheaper than 10050.
    assert [row[1:4] for row in sent(played, "arb")][1:] == [(SOUTH, "sell", 1.0), (SOUTH, "buy", 1.0)]
    assert played.trader("arb").account.positions == {"USD": 199_990.0, "BTC": 10.0}


def test_a_repair_that_finds_nothing_is_tried_again():
    later = {
        1.5: [(SOUTH, "cancel", None, None)],
        2.5: [(NORTH, "cancel", None, None)],
        250: [(NORTH, "buy", "1", "9900"), (NORTH, "sell", "1", "9950")],
    }
    played = market(two_venues(), book(*quotes(), later=later), arbitrageur(retry_s=0.1))
    sales = [row for row in sent(played, "arb") if row[2] == "sell" and row[1] == NORTH]
    assert [row[0] for row in sales] == [4.0, 106.0, 206.0, 306.0]
    assert filled(played, "arb")[-1] == (NORTH, "sell", 1.0, 9900.0)
    assert played.trader("arb").account.position("BTC") == 10.0


def test_it_does_not_send_twice_for_what_it_has_taken():
    slow = {"home": {"entry": "1ms", "report": "1ms", "data": "20ms"}}
    played = market(two_venues(latency=slow), book(*quotes()), arbitrageur(retry_s=0.001))
    assert len(sent(played, "arb")) == 2


def test_what_arrives_while_it_is_busy_is_looked_at_after():
    more = {1.5: [(NORTH, "sell", "1", "10000")]}
    played = market(two_venues(), book(*quotes(), later=more), arbitrageur(retry_s=0.1))
    assert [row[0] for row in sent(played, "arb")] == [2.0, 2.0, 104.0, 104.0]


def test_each_venue_is_seen_and_reached_at_its_own_latency():
    far = {
        "home": {"entry": "1ms", "report": "1ms", "data": "1ms"},
        "arb": {"entry": "1ms", "data": "1ms", "venues": {"SOUTH": {"entry": "7ms", "data": "30ms"}}},
    }
    arb = CrossVenueArbitrageur(name="arb", endowment=RICH, latency="arb")
    played = market(two_venues(latency=far), book(*quotes()), arb)
    assert [row[0] for row in sent(played, "arb")] == [31.0, 31.0]
    arrived = played.result().orders.filter(agent="arb", event="accepted")
    assert [time_ns / 1e6 for time_ns in arrived["time_ns"]] == [32.0, 38.0]


def test_switched_off_in_the_middle_it_puts_itself_in_order_again():
    table = two_venues()
    kind = "agents.cross_venue:CrossVenueArbitrageur"
    table["agents"] = [{"name": "arb", "kind": kind, "endowment": RICH}]
    table["events"] = [
        {"at": "3ms", "kind": "agents_off", "agents": ["arb"]},
        {"at": "100ms", "kind": "agents_on", "agents": ["arb"]},
    ]
    later = {
        1.5: [(SOUTH, "cancel", None, None)],
        300: [(SOUTH, "buy", "3", "10020")],
        310: [(NORTH, "sell", "1", "10000")],
    }
    played = market(table, book(*quotes(), later=later))
    assert played.trader("arb").account.position("BTC") == 10.0
    assert [row[0] for row in sent(played, "arb")][-2:] == [312.0, 312.0]


def test_the_same_orders_on_both_engines(engine_name):
    played = market(two_venues("1", "2"), book(*quotes()), arbitrageur(), engine=engine_name)
    assert len(sent(played, "arb")) == 2
    assert played.trader("arb").is_portable
