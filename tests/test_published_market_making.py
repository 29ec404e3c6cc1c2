"""Avellaneda and Stoikov's table of 2008 through the matching engine, and through the agent in a market."""

from math import log, sqrt

import numpy as np
import pytest
from scenario_runs import NATIVE

from agents.base import Trader
from agents.market_maker import AvellanedaStoikov
from market_sim.experiments.avellaneda_stoikov import PUBLISHED, Setting, play, verdicts
from market_sim.market import Market

#: (profit, its deviation, deviation of the inventory), 20,000 paths of the model by another program.
INDEPENDENT = {
    (0.1, False): (64.9, 6.5, 2.93),
    (0.1, True): (68.3, 13.5, 8.46),
    (0.01, False): (68.4, 8.95, 5.22),
    (0.01, True): (68.7, 13.8, 8.80),
    (1.0, False): (31.5, 4.8, 1.65),
    (1.0, True): (43.7, 10.8, 5.21),
}


@pytest.mark.parametrize(("gamma", "symmetric"), PUBLISHED)
def test_a_row_of_the_table_in_short(gamma, symmetric):
    """1000 paths, as many as the paper had."""
    setting = Setting(gamma=gamma, symmetric=symmetric)
    outcome = play(setting, 1000, seed=8)
    for verdict in verdicts(setting, outcome, PUBLISHED[gamma, symmetric]):
        assert verdict.passed, str(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(("gamma", "symmetric"), PUBLISHED)
def test_the_table_at_4000_paths(gamma, symmetric):
    """4000 paths: as published, and within an independent program's noise: profit +-0.5 (inventory) or +-1.0
    (symmetric), its deviation +-7 %, that of the inventory +-5 %.
    """
    setting = Setting(gamma=gamma, symmetric=symmetric)
    outcome = play(setting, 4000, seed=1)
    for verdict in verdicts(setting, outcome, PUBLISHED[gamma, symmetric]):
        print(verdict)
        assert verdict.passed
    profit, profit_sd, inventory_sd = INDEPENDENT[gamma, symmetric]
    assert outcome.profit.mean() == pytest.approx(profit, abs=1.0 if symmetric else 0.5)
    assert outcome.profit.std() == pytest.approx(profit_sd, rel=0.07)
    assert outcome.inventory.std() == pytest.approx(inventory_sd, rel=0.05)


@pytest.mark.parametrize("seed", [2, 3])
def test_off_the_paper_without_risk_aversion_it_earns_what_one_can_calculate(seed):
    """gamma -> 0: quotes at 1 / kappa around the mid, each filled with A exp(-1) dt a step for 1 / kappa."""
    setting = Setting(gamma=1e-7, kappa=2.0, intensity=100.0, sigma=0.5)
    outcome = play(setting, 1000, seed)
    expected = 2 * 100 * np.exp(-1) / 2.0
    error = outcome.profit.std() / sqrt(1000)
    assert error < 0.3
    assert outcome.spread == pytest.approx(1.0, abs=1e-6)
    assert outcome.profit.mean() == pytest.approx(expected, abs=4 * error)


@pytest.mark.skipif(not NATIVE, reason="one engine only")
def test_both_engines_match_alike():
    fast, slow = (play(Setting(), 40, 3, engine) for engine in ("rust", "reference"))
    assert (fast.profit == slow.profit).all()
    assert (fast.inventory == slow.inventory).all()


class Takers(Trader):
    """The paper's buyers and sellers: one of each a step, who reach a distance d with A exp(-k d) dt."""

    intensity: float = 140.0
    kappa: float = 1.5
    dt_s: float = 0.005

    def on_start(self):
        self.wake_in(4_000_000)

    def on_wake(self):
        for listing in self.listings:
            value = self.fundamental(listing.instrument)
            for sign, send in ((1, self.buy), (-1, self.sell)):
                reach = log(self.intensity * self.dt_s / (1 - self.random.random())) / self.kappa
                limit = listing.round_price(value + sign * reach, 0 if sign > 0 else 1)
                if limit > 0:
                    send(listing, 1, limit, tif="IOC")
        self.wake_in(5_000_000)


def many_horizons(count, gamma):
    """A market of so many instruments that know nothing of each other, with one maker each."""
    names = [f"X{k}" for k in range(count)]
    return {
        "schema": 1,
        "name": "horizons",
        "duration": "1s",
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 6}, **{name: {"decimals": 0} for name in names}},
        "venues": {"V": {}},
        "instruments": {f"{name}/USD": {"base": name, "quote": "USD"} for name in names},
        "listings": [
            {"venue": "V", "instrument": f"{name}/USD", "tick": "0.01", "lot": "1"} for name in names
        ],
        "latency": {"home": {"entry": "1us", "report": "1us", "data": "1us"}},
        "fundamentals": {
            f"{name}/USD": {
                "start": "100",
                "half_life": "1000h",
                "volatility_bps": "200",
                "step": "5ms",
            }
            for name in names
        },
    }


def test_the_agent_itself_earns_what_the_paper_says():
    """60 makers in one market, the paper's first row: profit and inventory within four standard errors."""
    count = 60
    makers = [
        AvellanedaStoikov(
            name=f"maker-{k}",
            listings=[f"V:X{k}/USD"],
            size=1.0,
            max_inventory=1e6,
            horizon_s=1.0,
            finite=True,
            gamma=0.1,
            sigma=2.0,
            kappa=1.5,
            interval_s=0.005,
            reference="fundamental",
        )
        for k in range(count)
    ]
    played = Market(many_horizons(count, 0.1), agents=[*makers, Takers(name="takers")], seed=2)
    played.run()
    inventory = np.array([maker.account.position(f"X{k}") for k, maker in enumerate(makers)])
    cash = np.array([maker.account.position("USD") for maker in makers])
    mids = np.array([played.fundamental(f"X{k}/USD") for k in range(count)])
    profit = cash + inventory * mids
    assert profit.mean() == pytest.approx(65.0, abs=4 * 6.6 / sqrt(count))
    assert profit.std(ddof=1) == pytest.approx(6.6, abs=4 * 6.6 / sqrt(2 * count))
    assert inventory.mean() == pytest.approx(0.08, abs=4 * 2.9 / sqrt(count))
    assert inventory.std(ddof=1) == pytest.approx(2.9, abs=4 * 2.9 / sqrt(2 * count))
