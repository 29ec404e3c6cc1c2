"""What somebody is worth: against an accountant who reads nothing but the tape and the quotes."""

from random import Random

import pytest
from agent_kit import HOME
from market_kit import MS, SECOND, scripted

from market_sim.market import Market
from market_sim.scenario import load

X, Y = "V:X/USD", "V:Y/USD"


def plan(maker_fee_bps="0", taker_fee_bps="0", duration="10s"):
    return {
        "schema": 1,
        "name": "books",
        "duration": duration,
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 8}, "Y": {"decimals": 8}},
        "venues": {"V": {"maker_fee_bps": maker_fee_bps, "taker_fee_bps": taker_fee_bps}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}, "Y/USD": {"base": "Y", "quote": "USD"}},
        "listings": [
            {"venue": "V", "instrument": "X/USD", "tick": "0.01", "lot": "1"},
            {"venue": "V", "instrument": "Y/USD", "tick": "0.01", "lot": "1"},
        ],
        "latency": HOME,
    }


def profits(market):
    """Profit of every agent as the dashboard's pictures have it."""
    return {agent.name: agent.profit for agent in market.frame().agents}


def quoter(x_path, y_path):
    """Quotes both instruments 0.5 around mids, one pair of mids a second from the start on."""

    def quote(x, y):
        def send(trader):
            trader.quote(X, x - 0.5, x + 0.5, 1000)
            trader.quote(Y, y - 0.5, y + 0.5, 1000)

        return send

    script = {second * SECOND: quote(*mids) for second, mids in enumerate(zip(x_path, y_path, strict=True))}
    return scripted(script, name="maker", credit="unlimited", short_selling=True)


def client(script, name="client"):
    return scripted(script, name=name, credit="unlimited", short_selling=True)


def test_a_short_from_flat_loses_when_the_price_rises_and_gains_when_it_falls(engine_name):
    maker = quoter([100.0, 100.0, 105.0, 90.0], [50.0] * 4)
    made = Market(plan(), agents=[maker, client({SECOND // 2: lambda t: t.sell(X, 10)})], engine=engine_name)
    seen = []
    for second in (1, 2, 3, 4):
        made.step_to(second * SECOND - 10 * MS)
        seen.append(profits(made)["client"])
    # Ten sold at 99.50; worth 100, 105 and 90 later.
    assert seen == pytest.approx([-5.0, -5.0, -55.0, 95.0])
    made.step_to(4 * SECOND)
    assert profits(made)["maker"] == pytest.approx(-95.0)


def test_a_short_that_is_turned_into_a_long_is_marked_as_what_it_is():
    maker = quoter([100.0, 100.0, 104.0, 104.0, 110.0], [50.0] * 5)
    script = {SECOND // 2: lambda t: t.sell(X, 10), 5 * SECOND // 2: lambda t: t.buy(X, 25)}
    made = Market(plan(), agents=[maker, client(script)])
    made.step_to(5 * SECOND - 10 * MS)
    # Sold 10 at 99.50, bought 25 at 104.50: 15 left, worth 110.
    assert profits(made)["client"] == pytest.approx(10 * 99.5 - 25 * 104.5 + 15 * 110)


def test_two_instruments_are_never_marked_with_one_price(engine_name):
    maker = quoter([100.0, 100.0, 200.0], [10.0, 10.0, 5.0])
    script = {SECOND // 2: lambda t: (t.buy(X, 3), t.sell(Y, 7))}
    made = Market(plan(), agents=[maker, client(script)], engine=engine_name)
    made.step_to(3 * SECOND - 10 * MS)
    cash = -3 * 100.5 + 7 * 9.5
    assert profits(made)["client"] == pytest.approx(cash + 3 * 200.0 - 7 * 5.0)
    trader = made.trader("client")
    # The agent's own account marks by its own view of each.
    assert trader.account.value() == pytest.approx(cash + 3 * 200.0 - 7 * 5.0)
    made.run()
    held = made.result().summary()["accounts"]["client"]
    assert held["profit"] == pytest.approx(cash + 3 * 200.0 - 7 * 5.0)
    assert held["inventory"] == {"USD": pytest.approx(cash), "X": 3.0, "Y": -7.0}


def audit(market, name):
    """Cash before fees, inventory and fees of an agent from the trades of the tape alone, in units."""
    cash, fees, inventory = 0.0, 0.0, {}
    for trade in market.result().trades.iter_rows(named=True):
        base = trade["instrument"].split("/")[0]
        for role, sign in (("taker", 1), ("maker", -1)):
            if trade[role] != name:
                continue
            way = sign if trade["side"] == "buy" else -sign
            cash -= way * trade["price"] * trade["size"]
            inventory[base] = inventory.get(base, 0.0) + way * trade["size"]
            fees += trade[f"{role}_fee"]
    return cash, inventory, fees


def mids(market):
    """The true mid of every base asset that has one."""
    found = {}
    for listing in market.listings:
        bid, _, ask, _ = market.kernel.true_bbo(listing.id)
        if listing.base not in found and bid is not None and ask is not None:
            found[listing.base] = listing.price(bid + ask) / 2
    return found


@pytest.mark.parametrize("name", ["two_venues", "pairs"])
def test_profit_is_cash_and_inventory_at_mid_less_fees_at_every_sample(name):
    market = Market(load(name), seed=3)
    compared = 0
    for sample in range(1, 13):
        market.step_to(f"{10 * sample}s")
        marks, pictured = mids(market), profits(market)
        for agent in market.traders:
            cash, inventory, fees = audit(market, agent)
            if not all(base in marks for base in inventory):
                continue
            expected = cash + sum(held * marks[base] for base, held in inventory.items()) - fees
            assert pictured[agent] == pytest.approx(expected, abs=1e-5)
            compared += bool(inventory)
    assert compared > 100


@pytest.mark.parametrize("name", ["two_venues", "triangle", "pairs"])
def test_all_agents_together_gain_what_they_paid_in_fees_and_no_more(name):
    market = Market(load(name), seed=4)
    for sample in range(1, 7):
        market.step_to(f"{20 * sample}s")
        # Whatever is marked how: over all agents every asset sums to minus the fees paid in it.
        gained = {}
        for agent in market.traders:
            for asset, atoms in market.gained_atoms(agent).items():
                gained[asset] = gained.get(asset, 0) + atoms
        paid = dict.fromkeys(gained, 0)
        quotes = {listing.name: listing.quote for listing in market.listings}
        for trade in market.result().trades.iter_rows(named=True):
            paid[quotes[trade["listing"]]] += trade["maker_fee_atoms"] + trade["taker_fee_atoms"]
        assert gained == {asset: -atoms for asset, atoms in paid.items()}
    assert sum(paid.values()) > 0


# A fixed list of fills: (ms, listing, side, size), each at a price that others quote for it alone.

FILLS = [
    (100, X, "buy", 3, 100.0),
    (200, Y, "sell", 5, 50.0),
    (300, X, "sell", 7, 101.0),
    (400, X, "buy", 2, 99.0),
    (500, Y, "buy", 4, 49.0),
]


def played(fills, **fees):
    """The client's account after these fills, X worth 100 and Y worth 50 at the end."""

    def post(listing, side, size, price):
        return lambda t: getattr(t, "sell" if side == "buy" else "buy")(listing, size, price)

    def take(listing, side, size, price):
        return lambda t: getattr(t, side)(listing, size, price, tif="IOC")

    posts = {ms * MS: post(*terms) for ms, *terms in fills}
    takes = {(ms + 50) * MS: take(*terms) for ms, *terms in fills}
    last = {
        5 * SECOND: lambda t: [t.quote(listing, mid - 1, mid + 1, 1) for listing, mid in ((X, 100), (Y, 50))]
    }
    maker = scripted({**posts, **last}, name="maker", credit="unlimited", short_selling=True)
    made = Market(plan(**fees), agents=[maker, client(takes)])
    made.run()
    assert made.result().trades.height == len(fills)
    return made.result().summary()["accounts"]["client"]


def test_profit_falls_as_fees_rise_by_exactly_the_fees():
    free = played(FILLS)
    turnover = sum(size * price for _, _, _, size, price in FILLS)
    earlier = free["profit"]
    for bps in (1, 2.5, 10, 40):
        account = played(FILLS, taker_fee_bps=str(bps))
        paid = turnover * bps / 10_000
        assert account["fees"]["USD"] == pytest.approx(paid, abs=1e-7)
        assert account["profit"] == pytest.approx(free["profit"] - paid, abs=1e-6)
        assert account["profit"] < earlier
        earlier = account["profit"]


@pytest.mark.parametrize("seed", range(5))
def test_profit_does_not_depend_on_the_order_of_independent_fills(seed):
    """The same fills at other times: nobody quotes anything else meanwhile, so none touches another."""
    terms = [fill[1:] for fill in FILLS]
    Random(seed).shuffle(terms)
    moved = [(100 * (k + 1), *fill) for k, fill in enumerate(terms)]
    one, other = played(FILLS, taker_fee_bps="7"), played(moved, taker_fee_bps="7")
    assert (one["profit"], one["fees"], one["inventory"]) == (
        other["profit"],
        other["fees"],
        other["inventory"],
    )
