"""The names of the lab: an order book read exactly, and round trips through three of them."""

import dataclasses
import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_sim import OrderBook, compute_triangular_opportunity, parse_orderbook
from market_sim.errors import DataError, MarketSimError


def book(bids, asks):
    return parse_orderbook(json.dumps({"bids": bids, "asks": asks}))


def test_the_example_of_the_lab():
    ob = parse_orderbook('{"bids":[[100.0,1]],"asks":[[100.1,1]]}')
    profit, route = compute_triangular_opportunity(ob, ob, ob)
    # USD buys ETH at 100.1, ETH sells for 100 BTC each, BTC sells for 100 USD each. One BTC of bids is all
    # there is: 0.01 ETH for 1.001 USD becomes 1 BTC becomes 100 USD.
    assert route.assets == ("USD", "ETH", "BTC", "USD")
    assert profit == 98.999
    assert route.spent == 1.001
    assert [(leg.pair, leg.side, leg.size) for leg in route.legs] == [
        ("ETH/USD", "buy", 0.01),
        ("ETH/BTC", "sell", 0.01),
        ("BTC/USD", "sell", 1.0),
    ]


def test_numbers_are_the_decimals_written_and_sides_are_sorted():
    ob = parse_orderbook('{"bids":[["0.1","2"],[0.30000000000000004,1]],"asks":[[7e-7,"3"],["0.5",1,0,9]]}')
    assert ob.exact_bids == ((Decimal("0.30000000000000004"), 1), (Decimal("0.1"), 2))
    assert ob.exact_asks[0].price == Decimal("7E-7")
    assert ob.bids == ((0.30000000000000004, 1.0), (0.1, 2.0))
    assert ob.crossed


def test_levels_as_objects_and_levels_of_size_zero():
    ob = parse_orderbook(
        '{"lastUpdateId":1,"bids":[{"price":45283.5,"qty":0.10}],"asks":[["45285.2","0"],["45286","1"]]}'
    )
    assert ob.best_bid == (45283.5, 0.1)
    assert ob.best_ask == (45286.0, 1.0)
    assert (ob.mid, ob.spread, ob.crossed) == (45284.75, 2.5, False)


def test_an_empty_side_has_no_mid():
    ob = parse_orderbook('{"bids":[],"asks":[[1,1]]}')
    assert (ob.best_bid, ob.mid, ob.spread) == (None, None, None)


def test_a_book_cannot_be_changed():
    ob = parse_orderbook('{"bids":[],"asks":[[1,1]]}')
    with pytest.raises(dataclasses.FrozenInstanceError):
        ob.exact_bids = ()
    assert isinstance(ob, OrderBook)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no JSON"),
        ("[]", "no object"),
        ('{"bids":[[1,1]]}', "no list of asks"),
        ('{"bids":[[1]],"asks":[]}', "bids[0]: this is no pair"),
        ('{"bids":[[1,1],[0,1]],"asks":[]}', "bids[1]: the price 0 is not above 0"),
        ('{"bids":[[1,-1]],"asks":[]}', "bids[0]: the size -1 is negative"),
        ('{"bids":[],"asks":[[1,1],[1.0,2]]}', "asks[1]: the price 1.0 stands there twice"),
        ('{"bids":[],"asks":[[NaN,1]]}', "asks[0]: 'NaN' is no finite number"),
        ('{"bids":[],"asks":[[1,1e400]]}', "'1e400' is no finite number"),
        ('{"bids":[],"asks":[[null,1]]}', "'None' is no finite number"),
        ('{"bids":[],"asks":[["one",1]]}', "'one' is no finite number"),
    ],
)
def test_what_is_no_book_is_refused_with_its_place(text, told):
    with pytest.raises(DataError) as caught:
        parse_orderbook(text)
    assert told in str(caught.value)
    assert isinstance(caught.value, MarketSimError)


# Fair prices: 1 BTC = 30,000 USD, 1 ETH = 0.05 BTC = 1,500 USD.
FAIR = {"BTC/USD": 30_000, "ETH/BTC": 0.05, "ETH/USD": 1_500}


def test_fair_books_pay_nothing_and_say_what_each_direction_returns():
    books = [book([[price * 0.999, 5]], [[price * 1.001, 5]]) for price in FAIR.values()]
    profit, route = compute_triangular_opportunity(*books)
    assert profit == 0.0
    assert not route
    assert "USD -> BTC -> ETH -> USD returns 0.997" in str(route)
    assert "USD -> ETH -> BTC -> USD returns 0.997" in route.reason


@pytest.mark.parametrize(
    ("eth_usd", "assets"),
    [(1_600, ("USD", "BTC", "ETH", "USD")), (1_400, ("USD", "ETH", "BTC", "USD"))],
)
def test_both_directions_are_found(eth_usd, assets):
    books = [
        book([[29_990, 1]], [[30_010, 1]]),
        book([[0.0499, 50]], [[0.0501, 50]]),
        book([[eth_usd - 1, 50]], [[eth_usd + 1, 50]]),
    ]
    profit, route = compute_triangular_opportunity(*books)
    assert route.assets == assets
    assert profit > 0
    assert profit == pytest.approx(_searched(books, assets), rel=1e-9)


def test_depth_is_walked_until_the_next_unit_does_not_pay():
    books = [
        book([[29_990, 9]], [[30_000, 0.5], [30_400, 0.5], [33_000, 9]]),
        book([[0.049, 90]], [[0.05, 4], [0.0502, 90]]),
        book([[1_600, 9], [1_550, 90]], [[1_700, 9]]),
    ]
    profit, route = compute_triangular_opportunity(*books)
    # 0.5 BTC at 30,000, then at 30,400 while 1/30,400/0.0502*1,550 = 1.0157 > 1; at 33,000 it no longer pays.
    assert route.legs[0].size == 1.0
    assert route.legs[0].price == 30_200.0
    eth = 4 + (1 - 4 * 0.05) / 0.0502
    assert route.legs[2].size == pytest.approx(eth)
    assert profit == pytest.approx(9 * 1_600 + (eth - 9) * 1_550 - 30_200)


def test_fees_turn_a_profit_into_none():
    books = [
        book([[29_990, 1]], [[30_000, 1]]),
        book([[0.0499, 50]], [[0.05, 50]]),
        book([[1_503, 50]], [[1_504, 50]]),
    ]
    assert compute_triangular_opportunity(*books).profit == pytest.approx(60.0)
    assert compute_triangular_opportunity(*books, fees=0.001).profit == 0.0
    by_pair = {"BTC/USD": "0.0005", "ETH/BTC": 0, "ETH/USD": 0}
    # 20 ETH need 1 BTC, which costs 30,000 and 15 of fee.
    assert compute_triangular_opportunity(*books, fees=by_pair).profit == pytest.approx(45.0)
    assert compute_triangular_opportunity(*books, fees=["0.0005", 0, 0]).profit == pytest.approx(45.0)


def test_other_pairs_and_their_order():
    eur_usd, usd_jpy, eur_jpy = (
        book([[1.09, 9]], [[1.1, 9]]),
        book([[150, 9]], [[151, 9]]),
        book([[170, 1]], [[171, 9]]),
    )
    profit, route = compute_triangular_opportunity(
        eur_jpy, eur_usd, usd_jpy, pairs=("EUR/JPY", "EUR/USD", "USD/JPY")
    )
    assert route.assets == ("JPY", "USD", "EUR", "JPY")
    # 1 EUR sold at 170 JPY costs 1.1 USD at 151 JPY.
    assert profit == pytest.approx(170 - 1.1 * 151)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairs": ("BTC/USD", "ETH/BTC")},
        {"pairs": ("BTC/USD", "ETH/BTC", "SOL/USD")},
        {"pairs": ("BTC/USD", "BTC/USD", "ETH/USD")},
        {"pairs": ("BTCUSD", "ETH/BTC", "ETH/USD")},
        {"fees": 10},
        {"fees": [0, 0]},
        {"fees": {"BTC/USD": 0}},
    ],
)
def test_what_is_no_triangle_or_fee_is_refused(wrong):
    ob = book([[1, 1]], [[2, 1]])
    with pytest.raises(DataError):
        compute_triangular_opportunity(ob, ob, ob, **wrong)


def test_an_empty_or_crossed_book():
    ob, empty = book([[1, 1]], [[2, 1]]), book([], [])
    profit, route = compute_triangular_opportunity(ob, empty, ob)
    assert profit == 0.0
    assert "finds no ask in ETH/BTC" in route.reason
    assert "finds no bid in ETH/BTC" in route.reason
    with pytest.raises(DataError, match="ETH/BTC"):
        compute_triangular_opportunity(ob, book([[3, 1]], [[2, 1]]), ob)


def _searched(books, assets):
    """The best profit by trying every amount at which a leg's level runs out, in exact fractions."""
    pairs = ("BTC/USD", "ETH/BTC", "ETH/USD")
    legs = []
    for source, target in pairwise(assets):
        for pair, found in zip(pairs, books, strict=True):
            if pair == f"{target}/{source}":
                asks = [(Fraction(p), Fraction(s)) for p, s in found.exact_asks]
                legs.append([(1 / p, p * s) for p, s in asks])
            elif pair == f"{source}/{target}":
                legs.append([(Fraction(p), Fraction(s)) for p, s in found.exact_bids])

    def out(leg, amount):
        got = Fraction(0)
        for rate, room in leg:
            got += min(room, amount) * rate
            amount -= min(room, amount)
        return got, amount

    def through(amount):
        for leg in legs:
            amount, over = out(leg, amount)
            if over:
                return None
        return amount

    def needed(number, amount):
        """What must enter the first leg so that so much enters leg `number`."""
        for leg in reversed(legs[:number]):
            spent = Fraction(0)
            for rate, room in leg:
                part = min(room, amount / rate)
                spent, amount = spent + part, amount - part * rate
            if amount:
                return None
            amount = spent
        return amount

    corners = []
    for number, leg in enumerate(legs):
        total = Fraction(0)
        for _, room in leg:
            total += room
            corners.append(needed(number, total))
    gains = [
        got - corner for corner in corners if corner is not None and (got := through(corner)) is not None
    ]
    return float(max([*gains, Fraction(0)]))


side = st.lists(
    st.tuples(st.integers(1, 400), st.integers(1, 50)), max_size=5, unique_by=lambda level: level[0]
)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*[st.tuples(side, side)] * 3))
def test_no_amount_pays_more(sides):
    """Against a search over all corners in exact fractions: the walk finds the best amount."""
    books = []
    for bids, asks in sides:
        # Bids below 500, asks above: never crossed.
        books.append(book([[500 - p, s] for p, s in bids], [[500 + p, s] for p, s in asks]))
    profit, _ = compute_triangular_opportunity(*books)
    both = [_searched(books, way) for way in (("USD", "BTC", "ETH", "USD"), ("USD", "ETH", "BTC", "USD"))]
    assert profit == pytest.approx(max(both), rel=1e-9, abs=1e-12)
