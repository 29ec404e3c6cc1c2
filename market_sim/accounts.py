"""What every agent made of it: profit, fees and holdings at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from market_sim.units import from_atoms

if TYPE_CHECKING:
    from market_sim.market import Market

Accounts = dict[str, dict[str, Any]]


def accounts_of(market: Market, trades: pl.LazyFrame) -> Accounts:
    """Per agent: profit in the numeraire (None without a mark), inventory gained and fees paid per asset.

    Profit is what an agent holds beyond its endowment, marked at mid, else at the last trade. Fees are
    negative where rebates were larger.
    """
    rates = market.money.rates()
    fees = _fees(market, trades)
    accounts: Accounts = {}
    for name, trader in market.traders.items():
        gained = market.gained_atoms(name)
        accounts[name] = {
            "kind": market.groups[name].kind,
            "group": market.groups[name].name,
            "profit": market.money.worth(gained, rates),
            "inventory": {asset: market.money.amount(asset, atoms) for asset, atoms in gained.items()},
            "fees": fees.get(name, {}),
            "balance": {
                asset: market.money.amount(asset, market.money.balance_atoms(trader.agent_id, asset))
                for asset in gained
            },
        }
    return accounts


def _fees(market: Market, trades: pl.LazyFrame) -> dict[str, dict[str, float]]:
    """{agent: {asset: fees paid}}, summed as whole atoms."""
    sides = [
        trades.select("listing", agent=pl.col(side), atoms=pl.col(f"{side}_fee_atoms"))
        for side in ("maker", "taker")
    ]
    quote_of = {listing.name: (listing.quote, listing.quote_decimals) for listing in market.listings}
    paid: dict[tuple[str, str], int] = {}
    # Streaming: a tape that lies on disk must not come into memory for a sum.
    summed = pl.concat(sides).group_by("agent", "listing").agg(pl.col("atoms").sum())
    for agent, listing, atoms in summed.collect(engine="streaming").iter_rows():
        key = (agent, quote_of[listing][0])
        paid[key] = paid.get(key, 0) + atoms
    decimals = dict(quote_of.values())
    fees: dict[str, dict[str, float]] = {}
    for (agent, asset), atoms in sorted(paid.items()):
        fees.setdefault(agent, {})[asset] = from_atoms(atoms, decimals[asset])
    return fees


def accounts_frame(accounts: Accounts, assets: list[str]) -> pl.DataFrame:
    """One row per agent; per asset what it gained, what it paid in fees, and what it holds."""
    rows = [
        {
            "agent": name,
            "group": account["group"],
            "kind": account["kind"],
            "profit": account["profit"],
            **{f"inventory_{asset}": account["inventory"][asset] for asset in assets},
            **{f"fees_{asset}": account["fees"].get(asset, 0.0) for asset in assets},
            **{f"balance_{asset}": account["balance"][asset] for asset in assets},
        }
        for name, account in accounts.items()
    ]
    words = dict.fromkeys(("agent", "group", "kind"), pl.String)
    numbers = [f"{what}_{asset}" for what in ("inventory", "fees", "balance") for asset in assets]
    return pl.DataFrame(rows, schema={**words, "profit": pl.Float64, **dict.fromkeys(numbers, pl.Float64)})
