import pytest
from agent_kit import HOME, book, filled, market, sent

from agents.triangular import TriangularArbitrageur, find_cycles

BTC, CROSS, ETH = "HUB:BTC/USD", "HUB:ETH/BTC", "HUB:ETH/USD"
RICH = {"HUB": {"USD": "100000", "BTC": "2", "ETH": "40"}}


def hub(fee_bps="0", instruments=("BTC/USD", "ETH/BTC", "ETH/USD"), **changes):
    grids = {"BTC/USD": ("1", "0.0005"), "ETH/BTC": ("0.00001", "0.01"), "ETH/USD": ("0.05", "0.01")}
    listings = [("HUB", instrument, *grids.get(instrument, ("0.01", "1"))) for instrument in instruments]
    assets = dict.fromkeys(name for instrument in instruments for name in instrument.split("/"))
    table = {
        "schema": 1,
        "name": "hub",
        "duration": "1s",
        "numeraire": "USD",
        "assets": {asset: {"decimals": 8} for asset in assets},
        "venues": {"HUB": {"taker_fee_bps": fee_bps}},
        "instruments": {
            name: dict(zip(("base", "quote"), name.split("/"), strict=True)) for name in instruments
        },
        "listings": [dict(zip(("venue", "instrument", "tick", "lot"), row, strict=True)) for row in listings],
        "latency": HOME,
    }
    return {**table, **changes}


def quotes(cross_ask="0.05", eth_bid="3010", size="10"):
    """Bitcoin 59990-60000, the cross rate and ether as given: fair values are 0.05 and 3000."""
    cross_bid = f"{float(cross_ask) - 0.0001:.5f}"
    eth_ask = f"{float(eth_bid) + 1:.2f}"
    return [
        (BTC, "sell", "1", "60000"),
        (BTC, "buy", "1", "59990"),
        (CROSS, "sell", size, cross_ask),
        (CROSS, "buy", size, cross_bid),
        (ETH, "sell", "20", eth_ask),
        (ETH, "buy", "20", eth_bid),
    ]


def arbitrageur(endowment=RICH, **params):
    return TriangularArbitrageur(name="arb", endowment=endowment, **params)


def test_it_walks_round_where_ether_is_dear_in_dollars():
    played = market(hub(), book(*quotes()), arbitrageur())
    assert sent(played, "arb") == [
        (2.0, BTC, "buy", 0.5, 60000.0, "ioc"),
        (2.0, CROSS, "buy", 10.0, 0.05, "ioc"),
        (2.0, ETH, "sell", 10.0, 3010.0, "ioc"),
    ]
    assert played.trader("arb").account.positions == {"USD": 100_100.0, "BTC": 2.0, "ETH": 40.0}


def test_it_walks_the_other_way_where_ether_is_cheap_in_dollars():
    played = market(hub(), book(*quotes(eth_bid="2980")), arbitrageur())
    # 10 ether at 2981 sold for 0.499 bitcoin, and those for 29,935.01 dollars.
    assert sent(played, "arb") == [
        (2.0, ETH, "buy", 10.0, 2981.0, "ioc"),
        (2.0, CROSS, "sell", 10.0, 0.0499, "ioc"),
        (2.0, BTC, "sell", 0.499, 59990.0, "ioc"),
    ]
    assert played.trader("arb").account.position("USD") == pytest.approx(100_000 - 29_810 + 29_935.01)


def test_no_gap_no_orders():
    assert sent(market(hub(), book(*quotes(eth_bid="2999.5")), arbitrageur()), "arb") == []


@pytest.mark.parametrize(("fee_bps", "orders"), [("11", 3), ("11.2", 0)])
def test_fees_kill_the_edge_exactly_where_they_eat_it(fee_bps, orders):
    # 3010 / 3000 leaves 33.3 bps for three fees: (1 - f) 3010 > (1 + f)^2 3000 up to f = 11.09 bps.
    assert len(sent(market(hub(fee_bps), book(*quotes()), arbitrageur(min_edge_bps=0.0)), "arb")) == orders


def test_the_edge_asked_for_is_over_the_fees():
    assert sent(market(hub("10"), book(*quotes()), arbitrageur(min_edge_bps=4.0)), "arb") == []
    assert len(sent(market(hub("10"), book(*quotes()), arbitrageur(min_edge_bps=3.0)), "arb")) == 3


def test_fees_in_the_middle_asset_are_bought_along():
    played = market(hub("10"), book(*quotes()), arbitrageur())
    sizes = [size for _, _, _, size, _, _ in sent(played, "arb")]
    # 10 ether cost 0.5005 bitcoin with the fee; 0.5005 are bought, so that none are missing after.
    assert sizes == [0.5005, 10.0, 10.0]
    assert played.trader("arb").account.position("BTC") == pytest.approx(2.0, abs=0.0005)


def test_depth_is_walked_while_it_pays():
    deeper = [(CROSS, "sell", "5", "0.0501"), (CROSS, "sell", "5", "0.0503")]
    played = market(hub(), book(*quotes(size="4"), *deeper), arbitrageur())
    # 4 ether at 0.05 and 5 at 0.0501 (3006 dollars) pay at a bid of 3010; at 0.0503 (3018) none do.
    assert [row[1:5] for row in sent(played, "arb")] == [
        (BTC, "buy", 0.4505, 60000.0),
        (CROSS, "buy", 9.0, 0.0501),
        (ETH, "sell", 9.0, 3010.0),
    ]


@pytest.mark.parametrize(
    ("poor", "most"),
    [
        ({"USD": "6000", "BTC": "2", "ETH": "40"}, 1.98),
        ({"USD": "100000", "BTC": "0.2", "ETH": "40"}, 3.96),
        ({"USD": "100000", "BTC": "2", "ETH": "3"}, 2.97),
    ],
)
def test_every_leg_must_be_paid_from_what_is_there(poor, most):
    played = market(hub(), book(*quotes()), arbitrageur(endowment={"HUB": poor}))
    legs = sent(played, "arb")[:3]
    assert legs[1][3] == legs[2][3] == pytest.approx(most, abs=0.01)
    assert all(row["reason"] is None for row in played.result().orders.filter(agent="arb").to_dicts())


def test_the_largest_amount_is_kept():
    played = market(hub(), book(*quotes()), arbitrageur(max_spend=6000.0))
    assert [row[3] for row in sent(played, "arb")[:3]] == [0.1, 2.0, 2.0]


def test_the_smallest_profit_is_kept():
    assert sent(market(hub(), book(*quotes()), arbitrageur(min_profit=100.5)), "arb") == []
    assert len(sent(market(hub(), book(*quotes()), arbitrageur(min_profit=99.5)), "arb")) == 3


def test_a_leg_that_fails_is_traded_back():
    # The cross rate is taken away while the orders are under way: they leave at 2 ms and arrive at 3 ms.
    gone = {1.5: [(CROSS, "cancel", None, None)]}
    played = market(hub(), book(*quotes(), later=gone), arbitrageur())
    assert [row[1:5] for row in sent(played, "arb")] == [
        (BTC, "buy", 0.5, 60000.0),
        (CROSS, "buy", 10.0, 0.05),
        (ETH, "sell", 10.0, 3010.0),
        # Bitcoin it need not have bought goes back, ether that it should not have sold comes back.
        (BTC, "sell", 0.5, 58790.0),
        (ETH, "buy", 10.0, 3071.25),
    ]
    assert filled(played, "arb")[2:] == [(BTC, "sell", 0.5, 59990.0), (ETH, "buy", 10.0, 3011.0)]
    positions = played.trader("arb").account.positions
    assert (positions["BTC"], positions["ETH"]) == (2.0, 40.0)
    assert positions["USD"] == 100_000 - 5 - 10


def test_a_repair_that_finds_nothing_is_tried_again():
    back = [(BTC, "sell", "1", "60020"), (BTC, "buy", "1", "60010")]
    later = {1.5: [(CROSS, "cancel", None, None)], 2.5: [(BTC, "cancel", None, None)], 300: back}
    played = market(hub(), book(*quotes(), later=later), arbitrageur(retry_s=0.1))
    # Bought at 3 ms; the sale of 4 ms meets an empty book, those of 106 and 206 ms have not even a view.
    assert [row for row in sent(played, "arb") if row[1] == BTC] == [
        (2.0, BTC, "buy", 0.5, 60000.0, "ioc"),
        (4.0, BTC, "sell", 0.5, 58790.0, "ioc"),
        (106.0, BTC, "sell", 0.5, None, "ioc"),
        (206.0, BTC, "sell", 0.5, None, "ioc"),
        (306.0, BTC, "sell", 0.5, 58809.0, "ioc"),
    ]
    assert played.trader("arb").account.position("BTC") == 2.0


def test_it_does_not_send_twice_for_what_it_has_taken():
    # The view shows the old quotes until the data of the own trades arrive; it must not believe them.
    slow = hub(latency={"home": {"entry": "1ms", "report": "1ms", "data": "20ms"}})
    assert len(sent(market(slow, book(*quotes()), arbitrageur(retry_s=0.001)), "arb")) == 3


def test_of_two_round_trips_the_better_one_is_taken():
    names = ("BTC/USD", "ETH/BTC", "ETH/USD", "LTC/USD", "LTC/BTC")
    litecoin = [
        ("HUB:LTC/BTC", "sell", "100", "0.01"),
        ("HUB:LTC/USD", "buy", "100", "602"),
    ]
    rich = {"HUB": {**RICH["HUB"], "LTC": "200"}}
    table = hub(instruments=names)
    played = market(table, book(*litecoin, *quotes(eth_bid="3001")), arbitrageur(rich))
    assert sent(played, "arb")[1][1] == "HUB:LTC/BTC"


def test_all_triangles_are_found_both_ways_round():
    def cycles(*instruments):
        played = market(hub(instruments=instruments), arbitrageur(endowment={}))
        return [
            " ".join(f"{leg.side.name.lower()} {leg.listing.instrument}" for leg in cycle)
            for cycle in find_cycles(played.listings, "")
        ]

    assert cycles("BTC/USD", "ETH/BTC", "ETH/USD") == [
        "buy BTC/USD buy ETH/BTC sell ETH/USD",
        "buy ETH/USD sell ETH/BTC sell BTC/USD",
    ]
    # Four assets, every pair of them listed: four triangles.
    assert len(cycles("BTC/USD", "ETH/BTC", "ETH/USD", "LTC/USD", "LTC/BTC", "LTC/ETH")) == 8
    assert cycles("BTC/USD", "ETH/USD") == []


def test_a_round_trip_can_begin_with_any_asset():
    played = market(hub(), book(*quotes()), arbitrageur(home="BTC"))
    legs = [(listing, side) for _, listing, side, *_ in sent(played, "arb")]
    assert legs == [(CROSS, "buy"), (ETH, "sell"), (BTC, "buy")]
    assert played.trader("arb").account.position("BTC") > 2.0


def test_the_same_orders_on_both_engines(engine_name):
    played = market(hub("3"), book(*quotes()), arbitrageur(), engine=engine_name)
    assert len(sent(played, "arb")) == 3
    assert played.trader("arb").is_portable


def test_with_pooled_accounts_a_round_trip_may_cross_venues():
    table = hub(accounts="pooled", venues={"HUB": {}, "ISLE": {}})
    table["listings"][1]["venue"] = "ISLE"
    isle = [("ISLE:ETH/BTC", "sell", "10", "0.05"), ("ISLE:ETH/BTC", "buy", "10", "0.0499")]
    orders = [*isle, *(row for row in quotes() if row[0] != CROSS)]
    assert sent(market(table, book(*orders), arbitrageur()), "arb") == []
    played = market(table, book(*orders), arbitrageur(across_venues=True))
    assert [row[1] for row in sent(played, "arb")] == [BTC, "ISLE:ETH/BTC", ETH]
    assert played.trader("arb").account.position("USD") == 100_100.0


def test_on_unlimited_credit_it_needs_no_inventory():
    played = market(hub(), book(*quotes()), TriangularArbitrageur(name="arb"))
    assert [row[3] for row in sent(played, "arb")] == [0.5, 10.0, 10.0]


def test_rounding_dust_enters_the_next_sizes_and_does_not_pile_up():
    # Each of 60 round trips costs 0.0165165 bitcoin, of which 0.0165 are whole lots.
    later = {10 * k: [(CROSS, "sell", "0.33", "0.05")] for k in range(1, 61)}
    orders = [row for row in quotes() if row[:2] != (CROSS, "sell")]
    played = market(hub("10"), book(*orders, later=later), arbitrageur())
    assert len(sent(played, "arb")) == 3 * 60
    assert played.trader("arb").account.position("BTC") == pytest.approx(2.0, abs=0.0005)
