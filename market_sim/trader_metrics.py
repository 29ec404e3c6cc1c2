"""What each trader's orders came to: how many traded, how long they waited, what was turned over and paid."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from market_sim.listing import Listing
from market_sim.units import SECOND_NS

KEYS = ["agent", "listing"]


def trader_metrics(orders: pl.LazyFrame, listings: Sequence[Listing]) -> pl.DataFrame:
    """One row per agent and listing that an order of the agent has reached, from a table of `orders`.

    `orders` counts what the venue took; `fill_ratio` is the share of their lots that traded; `maker_share`
    the share of the traded lots that had waited in the book; `bought` and `sold` are in `base` units,
    `turnover` and `fees` in `quote` units, a rebate being a negative fee; `time_in_queue_mean_s` is how long
    orders that first traded as maker had waited, in simulated seconds. A figure over nothing is null. Only
    what the table holds counts: an order that was taken before its first row is left out, with its fills.
    """
    units = pl.LazyFrame(
        {
            "listing": [listing.name for listing in listings],
            "base": [listing.base for listing in listings],
            "quote": [listing.quote for listing in listings],
        },
        schema={"listing": pl.String, "base": pl.String, "quote": pl.String},
    )
    maker_lots, filled, ordered = (
        pl.col(name).sum() for name in ("maker_lots", "filled_lots", "ordered_lots")
    )
    told = (
        by_order(orders)
        .group_by(KEYS)
        .agg(
            pl.len().alias("orders"),
            (pl.col("filled_lots") > 0).sum().alias("orders_filled"),
            pl.when(ordered > 0).then(filled / ordered).alias("fill_ratio"),
            pl.col("fills").sum(),
            pl.when(filled > 0).then(maker_lots / filled).alias("maker_share"),
            pl.col("traded").filter(pl.col("side") == "buy").sum().alias("bought"),
            pl.col("traded").filter(pl.col("side") == "sell").sum().alias("sold"),
            pl.col("turnover").sum(),
            pl.col("fees").sum(),
            ((pl.col("first_fill_ns") - pl.col("arrived_ns")).filter("first_as_maker") / SECOND_NS)
            .mean()
            .alias("time_in_queue_mean_s"),
        )
    )
    return told.join(units, on="listing").sort(KEYS).collect()


def by_order(reports: pl.LazyFrame) -> pl.LazyFrame:
    """One row per order that a venue took, from a table of `orders`: sent, arrived, side, lots ordered (after
    its last replacement) and filled, first fill, and what its fills came to in base and quote units.
    """
    keys = [*KEYS, "order"]
    first = pl.col("side", "sent_ns", "size_lots", "queue_ahead").first()
    taken = (
        reports.filter(pl.col("event") == "accepted")
        .group_by(keys)
        .agg(first, pl.col("time_ns").first().alias("arrived_ns"))
    )
    resized = (
        reports.filter(pl.col("event") == "replaced")
        .group_by(keys)
        .agg(pl.col("size_lots").last().alias("resized_lots"))
    )
    fills = (
        reports.filter(pl.col("event") == "fill")
        .group_by(keys)
        .agg(
            pl.len().alias("fills"),
            pl.col("size_lots").sum().alias("filled_lots"),
            pl.col("size_lots").filter("is_maker").sum().alias("maker_lots"),
            pl.col("size").sum().alias("traded"),
            (pl.col("price") * pl.col("size")).sum().alias("turnover"),
            pl.col("fee").sum().alias("fees"),
            pl.col("time_ns").first().alias("first_fill_ns"),
            pl.col("is_maker").first().alias("first_as_maker"),
        )
    )
    return (
        taken.join(resized, on=keys, how="left")
        .join(fills, on=keys, how="left")
        .with_columns(
            pl.coalesce("resized_lots", "size_lots").alias("ordered_lots"),
            pl.col("fills", "filled_lots", "maker_lots").fill_null(0),
            pl.col("traded", "turnover", "fees").fill_null(0.0),
        )
    )
