"""How orders were executed: fill ratio, time in queue, markouts, implementation shortfall, turnover.

Markout: what the mid is worth h seconds after a fill against its price, in the direction of the fill
(Hasbrouck 2007, Empirical Market Microstructure, ch. 2): below zero the price moved against whoever was
filled. Implementation shortfall (Perold 1988, Journal of Portfolio Management 14:4): against the mid when
each order was sent, what its fills paid more, its fees, and for lots that stayed unfilled without the
agent's own wish what the mid went away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from market_sim.backtesting.bootstrap import interval
from market_sim.backtesting.curve import mids_at
from market_sim.listing import Listing
from market_sim.result import Result
from market_sim.trader_metrics import by_order
from market_sim.units import SECOND_NS

Floats = np.ndarray[Any, np.dtype[np.float64]]
HORIZONS_S = (1, 5, 30)
ORDER_COLUMNS = (
    "order",
    "listing",
    "side",
    "sent_ns",
    "arrived_ns",
    "size_lots",
    "queue_ahead",
    "resized_lots",
    "filled_lots",
    "first_fill_ns",
    "first_as_maker",
    "ended_by",
    "unfilled_lots",
    "ordered_lots",
)


def with_markouts(
    result: Result, fills: pl.DataFrame, listings: tuple[Listing, ...], end_ns: int
) -> pl.DataFrame:
    """The fills with `mid` (just before), and `markout_Hs_bps` for each horizon (null past the end)."""
    parts = []
    for listing in listings:
        own = fills.filter(pl.col("listing") == listing.name)
        times, price = own["time_ns"].to_numpy(), own["price"].to_numpy()
        sign = own["sign"].to_numpy()
        columns = [pl.Series("mid", mids_at(result, listing, times - 1, end_ns)).fill_nan(None)]
        for horizon in HORIZONS_S:
            later = times + horizon * SECOND_NS
            mids = mids_at(result, listing, np.minimum(later, end_ns), end_ns)
            bps = np.where(later < end_ns, sign * (mids - price) / price * 1e4, np.nan)
            columns.append(pl.Series(f"markout_{horizon}s_bps", bps, pl.Float64).fill_nan(None))
        parts.append(own.with_columns(columns))
    joined = pl.concat(parts) if parts else fills
    return joined.sort("time_ns", "match_id", maintain_order=True)


def markouts(fills: pl.DataFrame) -> dict[str, Any]:
    """Mean markouts weighted by value, with 95 % intervals, and over how many fills."""
    told: dict[str, Any] = {}
    for horizon in HORIZONS_S:
        name = f"markout_{horizon}s_bps"
        known = fills.drop_nulls(name) if name in fills.columns else fills.clear()
        if known.is_empty():
            told |= {name: None, f"{name}_interval": None, f"markout_{horizon}s_fills": 0}
            continue
        pairs = np.column_stack([known[name].to_numpy(), (known["price"] * known["size"]).to_numpy()])
        limits = interval(pairs, _weighted)
        told |= {
            name: float(_weighted(pairs)),
            f"{name}_interval": None if limits is None else list(limits),
            f"markout_{horizon}s_fills": len(known),
        }
    return told


def _weighted(pairs: Floats) -> Floats:
    values, weights = pairs[..., 0], pairs[..., 1]
    return (values * weights).sum(axis=-1) / weights.sum(axis=-1)


def orders_of(result: Result, agent: str) -> pl.DataFrame:
    """One row per order that a venue took: sent, arrived, side, lots ordered and filled, first fill, end."""
    reports = result.lazy("orders").filter(pl.col("agent") == agent)
    keys = ["order", "listing"]
    ended = (
        reports.filter(pl.col("event") == "cancelled")
        .group_by(keys)
        .agg(pl.col("reason").last().alias("ended_by"), pl.col("size_lots").last().alias("unfilled_lots"))
    )
    lives = by_order(reports).join(ended, on=keys, how="left")
    return lives.select(ORDER_COLUMNS).sort("sent_ns", "order").collect()


def order_figures(orders: pl.DataFrame) -> dict[str, Any]:
    """Share of ordered lots that traded, and how long first maker fills waited in the queue."""
    ordered, filled = int(orders["ordered_lots"].sum()), int(orders["filled_lots"].sum())
    waited = orders.filter(pl.col("first_as_maker") == True).select(  # noqa: E712 - null is neither
        ((pl.col("first_fill_ns") - pl.col("arrived_ns")) / SECOND_NS).alias("s")
    )["s"]
    return {
        "orders": len(orders),
        "orders_filled": len(orders.filter(pl.col("filled_lots") > 0)),
        "fill_ratio": filled / ordered if ordered else None,
        "time_in_queue_mean_s": waited.mean() if len(waited) else None,
        "time_in_queue_median_s": waited.median() if len(waited) else None,
    }


def shortfall(
    result: Result,
    orders: pl.DataFrame,
    fills: pl.DataFrame,
    listings: tuple[Listing, ...],
    end_ns: int,
    rates: Mapping[str, float],
) -> dict[str, Any]:
    """Implementation shortfall in bps of the value decided on: price, fees, what went away unfilled, sum.

    `rates`: what a unit of each listing's quote asset is worth; orders of others add up by them.
    """
    parts = {"price": 0.0, "fees": 0.0, "missed": 0.0}
    decided = 0.0
    for listing in listings:
        own = orders.filter(pl.col("listing") == listing.name)
        rate = rates.get(listing.name)
        if own.is_empty() or rate is None:
            continue
        known = own.with_columns(
            pl.Series("decision", mids_at(result, listing, own["sent_ns"].to_numpy(), end_ns)).fill_nan(None)
        ).drop_nulls("decision")
        joined = fills.filter(pl.col("listing") == listing.name).join(
            known.select("order", "decision"), on="order"
        )
        paid = joined["sign"] * (joined["price"] - joined["decision"]) * joined["size"]
        parts["price"] += float(paid.sum() or 0.0) * rate
        parts["fees"] += float(joined["fee"].sum() or 0.0) * rate
        decided += float((joined["decision"] * joined["size"]).sum() or 0.0) * rate
        missed = known.filter(pl.col("ended_by").is_not_null() & (pl.col("ended_by") != "requested"))
        final = mids_at(result, listing, np.array([end_ns - 1]), end_ns)[0]
        if len(missed) and np.isfinite(final):
            sign = (missed["side"] == "buy").cast(pl.Int64) * 2 - 1
            size = missed["unfilled_lots"] * float(listing.lot)
            parts["missed"] += float((sign * (final - missed["decision"]) * size).sum()) * rate
            decided += float((missed["decision"] * size).sum()) * rate
    if decided <= 0:
        return {"shortfall_bps": None, **{f"shortfall_{name}_bps": None for name in parts}}
    bps = {f"shortfall_{name}_bps": value / decided * 1e4 for name, value in parts.items()}
    return {"shortfall_bps": sum(bps.values()), **bps}
