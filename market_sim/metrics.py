"""Figures of a run from its tables: spreads, volumes, volatility, crossed venues, profitable cycles.

Shares are of simulated time, between 0 and 1; a state holds from the quote that brings it to the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import polars as pl

from market_sim.listing import Listing
from market_sim.units import SECOND_NS

FEE_E8 = 100_000_000
SAMPLES = 100_000
# A cycle that returns what was put in, to the last digits of a float, is no profit.
ROUNDING = 1e-12

Figures = dict[str, Any]


def metrics(
    quotes: pl.LazyFrame, trades: pl.LazyFrame, listings: Sequence[Listing], end_ns: int, pooled: bool
) -> Figures:
    """All figures of a run of `end_ns` nanoseconds; `pooled` accounts let a cycle cross venues."""
    sides = quotes.select("time_ns", "listing", "bid", "ask").collect()
    board = Board(sides, listings, end_ns)
    pairs = {
        f"{a.name}|{b.name}": (a, b) for a, b in combinations(listings, 2) if a.instrument == b.instrument
    }
    cycles = {_cycle_name(cycle): cycle for cycle in triangles(listings, pooled)}
    crossed = {name: _crossed(a, b, after_fees=False) for name, (a, b) in pairs.items()}
    gainful = {name: _crossed(a, b, after_fees=True) for name, (a, b) in pairs.items()}
    profitable = {name: _profitable(cycle) for name, cycle in cycles.items()}
    return {
        "duration_s": end_ns / SECOND_NS,
        "listings": {listing.name: _of_listing(board, trades, listing) for listing in listings},
        "pairs": {
            name: {
                "crossed_share": board.share(crossed[name]),
                "crossed_after_fees_share": board.share(gainful[name]),
            }
            for name in pairs
        },
        "cycles": {name: {"profitable_share": board.share(profitable[name])} for name in cycles},
        "crossed_share": board.share_of_any(crossed.values()),
        "crossed_after_fees_share": board.share_of_any(gainful.values()),
        "profitable_cycle_share": board.share_of_any(profitable.values()),
    }


def bid(listing: Listing) -> str:
    """Column of a board: best bid, 0 without one."""
    return f"bid {listing.id}"


def ask(listing: Listing) -> str:
    """Column of a board: best ask, infinite without one."""
    return f"ask {listing.id}"


class Board:
    """The best prices of all listings side by side, one row per change and how long it lasted."""

    def __init__(self, quotes: pl.DataFrame, listings: Sequence[Listing], end_ns: int) -> None:
        self.end_ns = end_ns
        columns = []
        for listing in listings:
            own = pl.col("listing") == listing.name
            # Inside the board an empty side needs a value that carries forward, which null does not.
            columns.append(pl.when(own).then(pl.col("bid").fill_null(0.0)).alias(bid(listing)))
            columns.append(pl.when(own).then(pl.col("ask").fill_null(float("inf"))).alias(ask(listing)))
        filled = (
            quotes.filter(pl.col("time_ns") < end_ns)
            .select("time_ns", *columns)
            .with_columns(
                pl.col("^bid .*$").forward_fill().fill_null(0.0),
                pl.col("^ask .*$").forward_fill().fill_null(float("inf")),
            )
        )
        last = filled.unique("time_ns", keep="last", maintain_order=True)
        lasted = pl.col("time_ns").shift(-1, fill_value=end_ns) - pl.col("time_ns")
        self.rows = last.with_columns(lasted.alias("lasted_ns"))

    def share(self, condition: pl.Expr) -> float:
        """Share of time in which a condition on the columns holds."""
        return int(self.rows.filter(condition)["lasted_ns"].sum()) / self.end_ns if self.end_ns else 0.0

    def share_of_any(self, conditions: Any) -> float:
        """Share of time in which at least one of several conditions holds."""
        every = list(conditions)
        return self.share(pl.any_horizontal(every)) if every else 0.0

    def two_sided(self, listing: Listing) -> pl.DataFrame:
        """`lasted_ns`, `mid` and `spread` of the rows in which a listing has both sides."""
        both = self.rows.filter((pl.col(bid(listing)) > 0) & pl.col(ask(listing)).is_finite())
        return both.select(
            "time_ns",
            "lasted_ns",
            ((pl.col(bid(listing)) + pl.col(ask(listing))) / 2).alias("mid"),
            (pl.col(ask(listing)) - pl.col(bid(listing))).alias("spread"),
        )


def _of_listing(board: Board, trades: pl.LazyFrame, listing: Listing) -> Figures:
    both = board.two_sided(listing)
    lasted = int(both["lasted_ns"].sum())
    traded = (
        trades.filter(pl.col("listing") == listing.name)
        .select(
            pl.len().alias("trades"),
            pl.col("size").sum().alias("volume"),
            (pl.col("price") * pl.col("size")).sum().alias("turnover"),
        )
        .collect()
        .row(0, named=True)
    )
    weighted = both["lasted_ns"] / lasted if lasted else None
    relative = both["spread"] / both["mid"]
    return {
        "trades": traded["trades"],
        f"volume_{listing.base}": traded["volume"],
        f"turnover_{listing.quote}": traded["turnover"],
        "two_sided_share": lasted / board.end_ns if board.end_ns else 0.0,
        f"spread_mean_{listing.quote}": None if weighted is None else (both["spread"] * weighted).sum(),
        "spread_mean_bps": None if weighted is None else (relative * weighted).sum() * 10_000,
        f"mid_mean_{listing.quote}": None if weighted is None else (both["mid"] * weighted).sum(),
        f"mid_last_{listing.quote}": both["mid"][-1] if len(both) else None,
        "volatility_bps_per_sqrt_s": _volatility(both, board.end_ns),
    }


def _volatility(mids: pl.DataFrame, end_ns: int) -> float | None:
    """Realised volatility: root mean square of the relative changes of the mid from second to second, in
    bps.
    """
    step_ns = max(SECOND_NS, end_ns // SAMPLES)
    grid = pl.DataFrame({"time_ns": range(step_ns, end_ns + 1, step_ns)}, schema={"time_ns": pl.Int64})
    sampled = grid.join_asof(mids.select("time_ns", "mid"), on="time_ns")["mid"].drop_nulls()
    if len(sampled) < 2:
        return None
    changes = sampled / sampled.shift(1) - 1
    per_step: float = (changes * changes).mean()  # type: ignore[assignment]
    return float((per_step / (step_ns / SECOND_NS)) ** 0.5 * 10_000)


def _crossed(first: Listing, second: Listing, after_fees: bool) -> pl.Expr:
    """One venue's bid stands above the other's ask, if asked for by more than what taking both costs."""
    return pl.any_horizontal(
        _bought_and_sold(first, second, after_fees), _bought_and_sold(second, first, after_fees)
    )


def _bought_and_sold(here: Listing, there: Listing, after_fees: bool) -> pl.Expr:
    paid, got = (1 + _fee(here), 1 - _fee(there)) if after_fees else (1.0, 1.0)
    return pl.col(bid(there)) * got > pl.col(ask(here)) * paid * (1 + ROUNDING)


def _fee(listing: Listing) -> float:
    return listing.taker_fee_e8 / FEE_E8


def triangles(listings: Sequence[Listing], pooled: bool) -> list[tuple[Listing, Listing, Listing]]:
    """Every three listings that lead from an asset back to itself: within a venue, or anywhere if pooled."""
    found = []
    for three in combinations(listings, 3):
        ends = [{listing.base, listing.quote} for listing in three]
        ring = (
            len(set().union(*ends)) == 3 and ends[0] != ends[1] and ends[1] != ends[2] and ends[0] != ends[2]
        )
        if ring and (pooled or len({listing.venue for listing in three}) == 1):
            found.append(three)
    return found


def _cycle_name(cycle: tuple[Listing, Listing, Listing]) -> str:
    return " > ".join(listing.name for listing in cycle)


def _profitable(cycle: tuple[Listing, Listing, Listing]) -> pl.Expr:
    """One of the two ways round returns more than was put in, after taker fees, at the best prices."""
    return pl.any_horizontal(_returned(cycle) > 1 + ROUNDING, _returned(cycle[::-1]) > 1 + ROUNDING)


def _returned(cycle: tuple[Listing, ...]) -> pl.Expr:
    first, second = cycle[0], cycle[1]
    shared = first.base if first.base in (second.base, second.quote) else first.quote
    held = first.quote if shared == first.base else first.base
    amount = pl.lit(1.0)
    for listing in cycle:
        if held == listing.base:
            amount = amount * pl.col(bid(listing)) * (1 - _fee(listing))
            held = listing.quote
        else:
            amount = amount / (pl.col(ask(listing)) * (1 + _fee(listing)))
            held = listing.base
    return amount
