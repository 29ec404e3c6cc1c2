from decimal import Decimal

import pytest
from market_kit import MS, SECOND, crowd, plan, scripted, two_venues
from test_listing import listing

from market_sim import Market, ScenarioError
from market_sim.marks import Rates

L = "NORTH:BTC/USD"
RICH = {"endowment": {"NORTH": {"USD": 10_000, "BTC": 10}}, "credit": "none"}


def market(engine_name, agents, table=None):
    return Market(table or plan(), seed=7, engine=engine_name, agents=agents)


def test_profit_fees_and_inventory_by_hand(engine_name):
    maker = scripted({MS: lambda t: (t.buy(L, 2, 99), t.sell(L, 2, 101))}, name="maker", **RICH)
    taker = scripted({SECOND: lambda t: t.buy(L, "0.5", 101)}, name="taker", **RICH)
    made = market(engine_name, [maker, taker])
    made.run()
    account = made.result().summary()["accounts"]
    # 0.5 BTC at 101 is 50.50 USD; taker 0.5 bps = 0.002525, maker rebate 0.2 bps = 0.00101. The end's mid is
    # 100.
    assert account["taker"]["fees"] == {"USD": 0.002525}
    assert account["maker"]["fees"] == {"USD": -0.00101}
    assert account["taker"]["inventory"] == {"USD": -50.502525, "BTC": 0.5}
    assert account["maker"]["inventory"] == {"USD": 50.50101, "BTC": -0.5}
    assert account["taker"]["profit"] == pytest.approx(-0.502525, abs=1e-12)
    assert account["maker"]["profit"] == pytest.approx(0.50101, abs=1e-12)
    assert account["taker"]["balance"] == {"USD": 9949.497475, "BTC": 10.5}


def test_charges_round_up_and_rebates_down_to_whole_atoms(engine_name):
    table = plan(
        assets={"USD": {"decimals": 5}, "BTC": {"decimals": 3}},
        listings=[{"venue": "NORTH", "instrument": "BTC/USD", "tick": "0.01", "lot": "0.001"}],
    )
    maker = scripted({MS: lambda t: t.sell(L, "0.001", "100.01")}, name="maker")
    taker = scripted({SECOND: lambda t: t.buy(L, "0.001", "100.01")}, name="taker")
    made = market(engine_name, [maker, taker], table)
    made.run()
    # 10001 atoms; 0.5 bps of it is 0.50005 atoms -> 1; 0.2 bps is 0.20002 atoms -> 0.
    trade = made.result().trades.row(0, named=True)
    assert (trade["taker_fee_atoms"], trade["maker_fee_atoms"]) == (1, 0)


def test_everything_sums_to_zero_over_all_accounts(engine_name):
    made = market(engine_name, crowd(4), two_venues())
    made.run()
    assert made.kernel.totals()["fills"] > 50
    for asset in ("USD", "BTC"):
        number = made._parts.assets[asset]
        reserved = sum(made.kernel.balance(0, venue, number) for venue in made.venues.values())
        gained = sum(made.gained_atoms(name)[asset] for name in made.traders)
        assert gained + reserved == 0
    assert made.result().summary()["ledger_imbalance"] == {"USD": 0, "BTC": 0}


def test_an_account_knows_a_fill_when_its_report_arrives_not_before(engine_name):
    seen = {}

    def look(t):
        account, market = t.account, t.market
        true = market.money.balance_atoms(t.agent_id, "BTC")
        seen[t.now_ns] = (account.position("BTC"), account.spendable("USD"), true / 10**8)

    # The seller's order arrives at 1.003 s; the maker hears of it at 1.008 s.
    maker = scripted(
        {MS: lambda t: t.buy(L, 2, 99), 1004 * MS: look, 1008 * MS - 1: look, 1009 * MS: look},
        name="maker",
        **RICH,
    )
    seller = scripted({SECOND: lambda t: t.sell(L, 2, 99)}, name="seller")
    market(engine_name, [maker, seller]).run()
    before, last, after = seen.values()
    assert before == last
    assert (before[0], before[2]) == (10.0, 12.0)
    # 198 USD and the worst fee (0.5 bps, and an atom per lot) are reserved until then.
    assert before[1] == pytest.approx(10_000 - 198 - 0.0099 - 2000e-8, abs=1e-9)
    assert after[0] == 12.0
    assert after[1] == pytest.approx(10_000 - 198 + 198 * 0.2e-4, abs=1e-9)


def test_the_known_balances_end_equal_to_the_true_ones(engine_name):
    made = market(engine_name, crowd(4), two_venues())
    made.run()
    for trader in made.traders.values():
        for asset in ("USD", "BTC"):
            assert trader.account.balance_atoms(asset) == made.money.balance_atoms(trader.agent_id, asset)
            assert trader.account.spendable_atoms(asset) == trader.account.balance_atoms(asset)


def test_stock_at_one_venue_does_not_fund_a_sale_at_another(engine_name):
    endowment = {"NORTH": {"BTC": 1}, "SOUTH": {"USD": 100}}
    script = {MS: lambda t: (t.sell("SOUTH:BTC/USD", 1, 100), t.sell(L, 1, 100))}
    trader = scripted(script, endowment=endowment, credit="none")
    made = market(engine_name, [trader], two_venues())
    made.step()
    assert [reject.reason.name for _, reject in trader.heard_of("reject")] == ["INSUFFICIENT_FUNDS"]
    assert trader.account.balance("BTC", "NORTH") == 1.0
    assert trader.account.balance("BTC", "SOUTH") == 0.0
    assert trader.account.spendable("BTC", "NORTH") == 0.0
    pooled = scripted(script, endowment=endowment, credit="none")
    made = market(engine_name, [pooled], two_venues(accounts="pooled"))
    made.step()
    # One pool of 1 BTC: the first sale takes it, wherever it goes.
    assert [reject.order_id for _, reject in pooled.heard_of("reject")] == [2]
    assert pooled.account.balance("BTC", "SOUTH") == pooled.account.balance("BTC", "NORTH") == 1.0
    assert pooled.account.balance("BTC") == 1.0


def test_a_transfer_takes_its_time_and_its_fee(engine_name):
    seen = {}

    def look(t):
        account = t.account
        seen[t.now_ns] = [account.balance("USD", venue) for venue in ("NORTH", "SOUTH")] + [
            account.spendable("USD", "SOUTH")
        ]

    def send(t):
        assert t.transfer("USD", 100, "NORTH", "SOUTH", "2s", fee="0.5")
        assert not t.transfer("USD", 10_000, "NORTH", "SOUTH", "2s")
        look(t)

    script = {SECOND: send, 3 * SECOND - 1: look, 3 * SECOND: look}
    made = market(engine_name, [scripted(script, **RICH)], two_venues())
    made.run()
    assert list(seen.values()) == [[9900.0, 0.0, 0.0], [9900.0, 0.0, 0.0], [9900.0, 99.5, 99.5]]
    assert made.result().summary()["ledger_imbalance"] == {"USD": 0, "BTC": 0}


def test_value_marks_holdings_at_the_agents_own_view(engine_name):
    seen = []
    holder = scripted(
        dict.fromkeys((2 * MS, SECOND), lambda t: seen.append((t.account.value(), t.account.value("BTC")))),
        name="holder",
        **RICH,
    )
    maker = scripted({MS: lambda t: (t.buy(L, 2, 99), t.sell(L, 2, 101))}, name="maker")
    made = market(engine_name, [maker, holder])
    made.run()
    assert seen[0] == (None, None)
    assert seen[1] == (10_000 + 10 * 100.0, pytest.approx(10 + 100))
    assert holder.account.positions == {"USD": 10_000.0, "BTC": 10.0}


def test_unknown_assets_and_venues_are_named(engine_name):
    trader = scripted({})
    made = market(engine_name, [trader])
    made.step()
    for ask, words in [
        (lambda: trader.account.balance("EUR"), "no asset 'EUR'.*USD, BTC"),
        (lambda: trader.account.spendable("USD", "EAST"), "no venue 'EAST'.*NORTH"),
        (lambda: trader.account.value("EUR"), "no asset 'EUR'"),
        (lambda: trader.transfer("USD", 1, "NORTH", "EAST", 1), "no venue 'EAST'"),
    ]:
        with pytest.raises(ScenarioError, match=words):
            ask()


def pair(number, base, quote, venue="NORTH"):
    return listing(
        tick="1", lot="1", id=number, base=base, quote=quote, instrument=f"{base}/{quote}", venue=venue
    )


def test_rates_follow_the_shortest_chain_of_prices():
    prices = {0: 100.0, 1: 0.05, 2: None}
    listings = [pair(0, "BTC", "USD"), pair(1, "ETH", "BTC"), pair(2, "ETH", "USD")]
    rates = Rates(listings, lambda listing: prices[listing.id])
    assert rates.of("USD", "USD") == 1.0
    assert rates.of("BTC", "USD") == 100.0
    assert rates.of("USD", "BTC") == 0.01
    assert rates.of("ETH", "USD") == pytest.approx(5.0)
    assert rates.of("XRP", "USD") is None
    prices[2] = 6.0
    assert Rates(listings, lambda listing: prices[listing.id]).of("ETH", "USD") == 6.0


def test_among_equally_short_chains_the_first_listing_rules():
    prices = {0: 100.0, 1: 101.0}
    listings = [pair(0, "BTC", "USD"), pair(1, "BTC", "USD", venue="SOUTH")]
    assert Rates(listings, lambda listing: prices[listing.id]).of("BTC", "USD") == 100.0
    assert Decimal(1) == listings[0].tick
