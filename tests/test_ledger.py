"""Money: what a trade posts, what fees do, transfers, pooled accounts; and that no atom is ever lost."""

import pytest
from engine_kit import Market

from market_sim.engine import name_hash
from market_sim.errors import EngineError

FEES, TRANSIT = 0, 4
LISTING = (1_000, 10, 0, -2_000, 5_000)  # a tick times a lot 1000 atoms, a lot 10 atoms, -0.2 and 0.5 bps


def balanced(market):
    assert list(market.kernel.ledger_imbalance()) == [0, 0]


def test_a_trade_moves_money_and_goods(kernel_class):
    market = Market(kernel_class, listing=LISTING)
    ann, bob = market.agent("ann", usd=10**9, btc=1_000), market.agent("bob", usd=10**9, btc=1_000)
    market.start()
    market.sell(ann, 7_000, 5)
    market.buy(bob, 7_001, 3)
    market.run()
    notional = 7_000 * 3 * 1_000
    maker_fee, taker_fee = -(notional * 2_000 // 10**8), -(-notional * 5_000 // 10**8)
    assert market.truth(ann) == (10**9 + notional - maker_fee, 1_000 - 30)
    assert market.truth(bob) == (10**9 - notional - taker_fee, 1_000 + 30)
    assert market.truth(FEES) == (maker_fee + taker_fee, 0)
    balanced(market)


def test_fees_are_whole_atoms_per_fill(kernel_class):
    """Three fills of one lot pay three roundings; the fee account holds what was paid, to the atom."""
    market = Market(kernel_class, listing=(1, 1, 0, -1_500, 5_000))
    ann, bob = market.agent("ann"), market.agent("bob")
    market.start()
    for _ in range(3):
        market.sell(ann, 9_999, 1)
    market.buy(bob, 9_999, 3)
    market.run()
    assert market.truth(bob)[0] == 1_000_000 - 3 * 9_999 - 3 * 1  # 0.499... rounds up
    assert market.truth(ann)[0] == 1_000_000 + 3 * 9_999  # a rebate of 0.149... rounds down to nothing
    assert market.truth(FEES) == (3, 0)
    balanced(market)


def test_true_balances_move_at_the_match_spendable_ones_with_the_report(kernel_class):
    market = Market(kernel_class)
    ann = market.agent("ann", report=("constant", 100))
    bob = market.agent("bob")
    market.start()
    market.sell(ann, 50, 10)
    market.run(10)
    market.buy(bob, 50, 10)
    market.run(20)
    assert market.truth(ann) == (1_000_500, 999_990)
    assert market.money(ann) == (1_000_000, 999_990), (
        "the goods are reserved, the money has not been heard of"
    )
    assert market.money(bob) == market.truth(bob) == (999_500, 1_000_010)
    market.run(110)
    assert market.money(ann) == (1_000_500, 999_990)


def test_a_lost_atom_shows():
    from market_sim.reference.kernel import Kernel
    from market_sim.reference.ledger import Posting

    market = Market(Kernel)
    ann, bob = market.agent("ann"), market.agent("bob")
    market.start()
    market.sell(ann, 50, 10)
    market.buy(bob, 50, 10)
    market.run()
    balanced(market)
    market.kernel._ledger.post(Posting(ann, 0, market.usd, -1))
    assert market.kernel.ledger_imbalance() == [-1, 0]
    market.kernel._ledger.post(Posting(bob, 0, market.btc, 5))
    assert market.kernel.ledger_imbalance() == [-1, 5]


def test_a_posting_left_out_shows(monkeypatch):
    from market_sim.reference.kernel import Kernel, clearing

    honest = clearing.trade_postings
    monkeypatch.setattr(clearing, "trade_postings", lambda *args: honest(*args)[:-1])
    market = Market(Kernel, listing=LISTING)
    ann, bob = market.agent("ann", usd=10**9), market.agent("bob", usd=10**9)
    market.start()
    market.sell(ann, 7_000, 5)
    market.buy(bob, 7_000, 5)
    market.run()
    assert market.kernel.ledger_imbalance()[market.usd] != 0


def test_money_never_wraps(kernel_class):
    """Shares of billions at the largest price: the balance leaves 64 bits, and the run stops."""
    market = Market(kernel_class, listing=(1, 1, 0, 0, 0))
    ann = market.agent("ann", usd=0, btc=0, unlimited=True, stp=0)
    bob = market.agent("bob", usd=2**62, btc=0, unlimited=True)
    market.start()
    for _ in range(4):
        market.sell(ann, 2**31, 2**31)
        market.buy(bob, 2**31, 2**31)
    with pytest.raises(EngineError, match="ledger overflow"):
        market.run()


# --- transfers ----------------------------------------------------------------------------------------------


def test_a_transfer_takes_its_time_and_its_fee(kernel_class):
    market = Market(kernel_class, venues=("N", "S"))
    ann = market.agent("ann", usd=1_000)
    market.start()
    north, south = market.venues
    assert market.kernel.transfer(ann, north, south, market.usd, 600, 7, 50) is True
    assert (market.money(ann, 0)[0], market.money(ann, 1)[0]) == (400, 1_000)
    assert (market.truth(ann, 0)[0], market.truth(ann, 1)[0], market.truth(TRANSIT, 1)[0]) == (
        400,
        1_000,
        600,
    )
    balanced(market)
    before = market.kernel.events
    market.run(49)
    assert market.money(ann, 1)[0] == 1_000
    market.run(50)
    assert market.kernel.events == before + 1
    assert market.money(ann, 1)[0] == market.truth(ann, 1)[0] == 1_593
    assert (market.truth(TRANSIT, 1)[0], market.truth(FEES, 1)[0]) == (0, 7)
    balanced(market)


def test_a_transfer_needs_what_is_spendable(kernel_class):
    market = Market(kernel_class, venues=("N", "S"))
    ann, rich = market.agent("ann", usd=1_000), market.agent("rich", usd=0, unlimited=True)
    market.start()
    market.buy(ann, 500, 1)
    assert market.kernel.transfer(ann, 0, 1, market.usd, 501, 0, 0) is False, "500 are reserved"
    assert market.truth(ann)[0] == 1_000
    assert market.kernel.transfer(ann, 0, 1, market.usd, 500, 0, 0) is True
    assert market.kernel.transfer(rich, 0, 1, market.usd, 10**9, 1, 5) is True
    assert market.money(rich)[0] == -(10**9)
    balanced(market)


@pytest.mark.parametrize(
    ("atoms", "fee", "delay"), [(0, 0, 0), (5, 5, 0), (5, -1, 0), (-5, 0, 0), (5, 1, -1)]
)
def test_a_senseless_transfer_is_an_error(kernel_class, atoms, fee, delay):
    market = Market(kernel_class, venues=("N", "S"))
    ann = market.agent("ann")
    market.start()
    with pytest.raises(ValueError, match="transfer"):
        market.kernel.transfer(ann, 0, 1, market.usd, atoms, fee, delay)


def test_goods_held_at_one_venue_do_not_fund_a_sale_at_another(kernel_class):
    market = Market(kernel_class, venues=("N", "S"))
    ann = market.agent("ann", btc=0)
    market.kernel.deposit(ann, 0, market.btc, 10)
    market.start()
    market.sell(ann, 100, 10, listing=1)
    market.sell(ann, 100, 10, listing=0)
    assert [row.split(" ", 1)[1] for row in market.reports()] == [
        "REJECTED 5.1 INSUFFICIENT_FUNDS left 0",
        "ACCEPTED 10@100 5.2",
    ]


def test_pooled_accounts_are_one(kernel_class):
    market = Market(kernel_class, venues=("N", "S"), pooled=True)
    ann = market.agent("ann", usd=0, btc=0)
    bob = market.agent("bob")
    market.kernel.deposit(ann, 0, market.btc, 10)
    market.kernel.deposit(ann, 1, market.btc, 5)
    market.start()
    assert market.money(ann, 0) == market.money(ann, 1) == (0, 15)
    market.sell(ann, 100, 12, listing=1)
    market.buy(bob, 100, 12, listing=1)
    market.run()
    assert market.money(ann, 0) == market.truth(ann, 1) == (1_200, 3)
    assert market.kernel.transfer(ann, 0, 1, market.usd, 1_000, 10, 5) is True
    assert market.money(ann, 1) == (200, 3)
    market.run()
    assert market.truth(ann, 0) == (1_190, 3)
    balanced(market)


# --- the hash of it -----------------------------------------------------------------------------------------


def words_hash(*words):
    state = 0xCBF29CE484222325
    for word in words:
        state = ((state ^ (word % 2**64)) * 0x100000001B3) % 2**64
    return state


def test_the_event_log_word_by_word(kernel_class):
    """Deposits, an order, a trade with its postings, a cancel and a transfer, folded by hand."""
    market = Market(kernel_class, venues=("N", "S"), listing=(10, 2, 0, 0, 10_000))
    kernel = market.kernel
    ann, bob = market.agent("ann", usd=0, btc=0), market.agent("bob", usd=0, btc=0)
    kernel.deposit(ann, 1, market.btc, 100)
    kernel.deposit(bob, 1, market.usd, 99_999)
    market.start()
    a, b, fees, transit = (name_hash(name) for name in ("ann", "bob", "fees", "transit"))
    words = [1, 10, a, 1, market.btc, 100, 0, 10, b, 1, market.usd, 99_999, 0]
    assert kernel.event_log_hash() == words_hash(*words)
    market.run(5)
    market.sell(ann, 20, 4, listing=1)
    market.run(6)
    words += [20 | 1 << 8 | 1 << 32, a, 1, 1, 20, 4, 1, 5]
    words += [1 | 1 << 16 | 1 << 32, a, 1, 20, 4, 4, 0, 0, 0, 0, 5, 1]
    assert kernel.event_log_hash() == words_hash(*words)
    market.buy(bob, 21, 3, listing=1, tif=1)
    market.run(7)
    words += [20 | 1 << 24 | 1 << 32, b, 1, 1, 21, 3, 1, 6]
    words += [1 | 1 << 32, b, 1, 21, 3, 3, 0, 0, 0, 0, 6, 2]
    words += [8 | 1 << 32, a, 1, 20, 3, 0, 0, 1, b, 1, 6, 3]
    words += [2 | 1 << 16 | 1 << 24 | 1 << 32, a, 1, 20, 3, 1, 0, 1, b, 1, 6, 4]
    words += [2 | 1 << 32, b, 1, 20, 3, 0, 1, 1, a, 1, 6, 5]
    for agent, asset, atoms in (
        (b, market.usd, -600),
        (a, market.usd, 600),
        (a, market.btc, -6),
        (b, market.btc, 6),
        (b, market.usd, -1),
        (fees, market.usd, 1),
    ):
        words += [10, agent, 1, asset, atoms, 6]
    assert kernel.event_log_hash() == words_hash(*words)
    kernel.replace(ann, 1, 20, 3)
    market.run(8)
    words += [22, a, 1, 1, 20, 3, 7]
    words += [3 | 8 << 8 | 1 << 16 | 1 << 32, a, 1, 20, 1, 0, 0, 0, 0, 0, 7, 6]  # 3 have traded: cancelled
    assert kernel.event_log_hash() == words_hash(*words)
    assert kernel.transfer(bob, 1, 0, market.usd, 50, 5, 3)
    words += [
        23,
        b,
        1,
        0,
        market.usd,
        50,
        5,
        8,
        10,
        b,
        1,
        market.usd,
        -50,
        8,
        10,
        transit,
        0,
        market.usd,
        50,
        8,
    ]
    assert kernel.event_log_hash() == words_hash(*words)
    kernel.cancel(bob, 77)  # refused by the gateway: its row has no number of the venue
    words += [6 | 2 << 8, b, 77, 0, 0, 0, 0, 0, 0, 0, 8, 0]
    assert kernel.event_log_hash() == words_hash(*words)
    market.run(20)
    for agent, atoms in ((transit, -50), (b, 45), (fees, 5)):
        words += [10, agent, 0, market.usd, atoms, 11]
    assert kernel.event_log_hash() == words_hash(*words)
    kernel.set_phase(1, 1)
    words += [9 | 1 << 8 | 1 << 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 7]
    assert kernel.event_log_hash() == words_hash(*words)
