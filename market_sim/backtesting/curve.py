"""What a strategy was worth over time: its holdings at the mid of each listing, sampled at equal steps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from market_sim.assembly import listings_of
from market_sim.listing import Listing
from market_sim.marks import Rates
from market_sim.result import Result
from market_sim.units import from_atoms

Floats = np.ndarray[Any, np.dtype[np.float64]]

#: Rows of a tape looked at together: quotes of a long recording may be more than memory holds.
STRETCH_ROWS = 1_000_000


def sample_times(end_ns: int, step_ns: int) -> np.ndarray[Any, Any]:
    """Multiples of the step from the start, and the end."""
    times = np.arange(0, end_ns, step_ns, dtype=np.int64)
    return np.append(times, end_ns) if end_ns > 0 else np.array([0], np.int64)


def mids_at(result: Result, listing: Listing, times: np.ndarray[Any, Any], end_ns: int) -> Floats:
    """Mid of a listing at each time: of the last quotes until then, else the last trade; NaN before both.

    What the end of the session does to the books comes after the last sample.
    """
    name = pl.col("listing") == listing.name
    grid = pl.DataFrame({"time_ns": times})
    quotes = _newest(result.lazy("quotes").filter(name).select("time_ns", mid="mid"), times, end_ns)
    trades = _newest(result.lazy("trades").filter(name).select("time_ns", last="price"), times, end_ns)
    joined = grid.join_asof(quotes, on="time_ns").join_asof(trades, on="time_ns")
    return joined.select(pl.col("mid").fill_null(pl.col("last")).cast(pl.Float64)).to_series().to_numpy()


def _newest(rows: pl.LazyFrame, times: np.ndarray[Any, Any], end_ns: int) -> pl.DataFrame:
    """Of rows before `end_ns`, in order of time, those that are the last until one of the sorted times."""
    count = rows.select(pl.len()).collect().item()
    stretches = 1 + count // STRETCH_ROWS
    edges = [-1 + end_ns * part // stretches for part in range(stretches + 1)]
    kept = []
    for after, until in pairwise(edges):
        part = rows.filter((pl.col("time_ns") > after) & (pl.col("time_ns") <= until)).collect()
        asked = np.searchsorted(times, part["time_ns"].to_numpy(), "left")
        is_last = np.append(asked[1:] != asked[:-1], True)[: len(part)]
        kept.append(part.filter(pl.Series(is_last)))
    return pl.concat(kept)


def own_fills(result: Result, agent: str) -> pl.DataFrame:
    """One row per fill of an agent: when, where, `sign` (1 bought, -1 sold), price, size, fee, whether maker.

    Atoms that moved stay whole numbers: `base_atoms` and `quote_atoms`, fees included.
    """
    listings = {listing.name: listing for listing in listings_of(result.config)}
    trades = result.lazy("trades").filter(pl.col("match_id").is_not_null())
    sides = []
    for role, other in (("maker", -1), ("taker", 1)):
        bought = pl.when(pl.col("side") == "buy").then(other).otherwise(-other)
        sides.append(
            trades.filter(pl.col(role) == agent).select(
                "time_ns",
                "time",
                "listing",
                bought.cast(pl.Int64).alias("sign"),
                "price",
                "size",
                pl.col(f"{role}_fee").alias("fee"),
                pl.lit(role == "maker").alias("is_maker"),
                pl.col(f"{role}_order").cast(pl.Int64).alias("order"),
                "price_ticks",
                "size_lots",
                pl.col(f"{role}_fee_atoms").alias("fee_atoms"),
                pl.col("match_id").cast(pl.Int64),
            )
        )
    fills = pl.concat(sides).sort("time_ns", "match_id", maintain_order=True).collect()
    worth = {name: listing.tick_lot_atoms for name, listing in listings.items()}
    whole = {name: listing.lot_atoms for name, listing in listings.items()}
    unit = pl.col("listing").replace_strict(worth, return_dtype=pl.Int64)
    base = pl.col("listing").replace_strict(whole, return_dtype=pl.Int64)
    return fills.with_columns(
        (pl.col("sign") * pl.col("size_lots") * base).alias("base_atoms"),
        (-pl.col("sign") * pl.col("price_ticks") * pl.col("size_lots") * unit - pl.col("fee_atoms")).alias(
            "quote_atoms"
        ),
    )


def equity_curve(
    result: Result, agent: str, given: Mapping[str, int], step_ns: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(curve, fills). The curve has `time_ns, time, equity, profit, drawdown`, `mid_LISTING` and
    `held_ASSET`.

    `given`: atoms of each asset that the agent began with. Equity is everything held, profit what is held
    beyond that, both in the numeraire at the sample's mids; null where something held has no price yet.
    Profit is cash + inventory at mid - fees: what is gained of each asset, at its rate.
    """
    config = result.config
    listings = listings_of(config)
    end_ns = int(result.summary()["until_ns"])
    times = sample_times(end_ns, step_ns)
    fills = own_fills(result, agent)
    gained = {asset: _gained(fills, listings, asset, times) for asset in config.assets}
    mids = {listing.name: mids_at(result, listing, times, end_ns) for listing in listings}
    decimals = {name: table.decimals for name, table in config.assets.items()}
    equity, profit = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for at in range(len(times)):

        def price_of(listing: Listing, at: int = at) -> float | None:
            mid = mids[listing.name][at]
            return None if np.isnan(mid) else float(mid)

        rates = Rates(listings, price_of)
        own = {asset: int(gained[asset][at]) for asset in gained}
        profit[at] = _worth(own, decimals, rates, config.numeraire)
        total = {asset: atoms + given.get(asset, 0) for asset, atoms in own.items()}
        equity[at] = _worth(total, decimals, rates, config.numeraire)
    epoch = config.epoch_time
    moments = pl.Series("ns", times) + int(epoch.timestamp()) * 10**9
    curve = pl.DataFrame(
        {
            "time_ns": times,
            "time": moments.cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone(config.zone),
            "equity": equity,
            "profit": profit,
        }
    ).with_columns(pl.col("equity", "profit").fill_nan(None))
    curve = curve.with_columns(
        (pl.col("equity") - pl.col("equity").cum_max().forward_fill()).alias("drawdown"),
        *(pl.Series(f"mid_{name}", values).fill_nan(None) for name, values in mids.items()),
        *(
            pl.Series(f"held_{asset}", (gained[asset] + given.get(asset, 0)) / 10.0 ** decimals[asset])
            for asset in config.assets
        ),
    )
    return curve, fills


def _gained(
    fills: pl.DataFrame, listings: tuple[Listing, ...], asset: str, times: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Atoms of an asset that fills up to each time have brought, as whole numbers."""
    moves = []
    for column, names in (
        ("base_atoms", [listing.name for listing in listings if listing.base == asset]),
        ("quote_atoms", [listing.name for listing in listings if listing.quote == asset]),
    ):
        own = fills.filter(pl.col("listing").is_in(names))
        moves.append(own.select("time_ns", atoms=pl.col(column)))
    joined = pl.concat(moves).sort("time_ns")
    held = np.concatenate([[0], np.cumsum(joined["atoms"].to_numpy())]).astype(np.int64)
    return held[np.searchsorted(joined["time_ns"].to_numpy(), times, "right")]


def _worth(atoms: Mapping[str, int], decimals: Mapping[str, int], rates: Rates, numeraire: str) -> float:
    total = 0.0
    for asset, held in atoms.items():
        if held:
            rate = rates.of(asset, numeraire)
            if rate is None:
                return float("nan")
            total += from_atoms(held, decimals[asset]) * rate
    return total
