"""Whether the two prices of a pairs strategy belong together, on the record that it traded.

The test is Engle and Granger's (`market_sim.theory.cointegration`). It speaks of these prices only, and it is
made on the very record that the backtest traded: a small p-value is no promise for the next one, and a profit
beside a large one may be luck.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from market_sim.listing import Listing
from market_sim.pair import Pair
from market_sim.theory.cointegration import cointegration_p_value, hedge_ratio

#: What is called evidence.
SIGNIFICANCE = 0.05
#: Prices below which the test has nothing to go by.
FEWEST = 30
#: Prices that are tested: evenly thinned beyond that, for the test's time grows with them and its lags.
MOST = 5_000


def pair_of(trader: Any) -> tuple[Listing, Listing] | None:
    """The legs of a trader that trades a `Pair`; None for any other."""
    found = [held for held in vars(trader).values() if isinstance(held, Pair)]
    return found[0].legs if found else None


def cointegration(curve: pl.DataFrame, first: Listing, second: Listing, step_s: float) -> dict[str, Any]:
    """The test on the mids of an equity curve: p-value, hedge ratio, prices and their distance, words.

    `curve` has `mid_LISTING` in quote units at equal steps of `step_s` seconds. Samples in which neither
    price moved are left out: a closed market says nothing. `p_value` and `hedge_ratio` (units of the first
    per unit of the second) are None below FEWEST prices. `is_evidence`: the p-value is below SIGNIFICANCE.
    """
    names = [f"mid_{leg.name}" for leg in (first, second)]
    mids = curve.select(names).drop_nulls()
    if len(mids):
        moved = pl.any_horizontal(pl.col(name).diff().fill_null(1.0) != 0 for name in names)
        mids = mids.filter(moved)
    thinning = -(-len(mids) // MOST) or 1
    prices = mids.gather_every(thinning).to_numpy().T
    told: dict[str, Any] = {
        "first": first.name,
        "second": second.name,
        "prices": prices.shape[1],
        "step_s": step_s * thinning,
        "p_value": None,
        "hedge_ratio": None,
        "is_evidence": False,
    }
    if prices.shape[1] >= FEWEST:
        line = hedge_ratio(*prices)
        told["p_value"] = p_value = cointegration_p_value(*prices)
        told["hedge_ratio"] = None if line is None else line[0]
        told["is_evidence"] = bool(p_value < SIGNIFICANCE)
    return told | {"says": words(told)}


def words(told: dict[str, Any]) -> str:
    """What the p-value means, for people."""
    pair = f"{told['first']} and {told['second']}"
    p_value = told["p_value"]
    if p_value is None:
        return (
            f"Only {told['prices']} prices of {pair}: too few to test whether they belong together "
            f"({FEWEST} at least)."
        )
    measured = f"Engle-Granger p = {p_value:.2g}, {told['prices']:,} prices"
    if told["is_evidence"]:
        return (
            f"In this record the gap between {pair} tends to close ({measured}). The test was made on the "
            "prices that the strategy traded; it promises nothing for others."
        )
    return (
        f"No evidence that {pair} belong together ({measured}, evidence is below {SIGNIFICANCE}): nothing "
        "says that a gap between them closes, and a profit here may be luck."
    )
