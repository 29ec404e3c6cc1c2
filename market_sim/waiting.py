"""Why an order in a recorded market was not filled: what traded at its price while it waited, and what
stood ahead.

The recorded market's own orders are on no tape, but its trades are: they tell whether the market ever came to
the order's price, and how much went by before its turn.
"""

from __future__ import annotations

import polars as pl

FINAL = ("cancelled", "rejected")


def with_reason(story: pl.DataFrame, trades: pl.LazyFrame, listing: str, side: str) -> pl.DataFrame:
    """The story with a last row `why`, for an order that rested and was not filled whole; else as it is.

    Its `cause` is a sentence, its `size` what traded at the order's price or beyond while it waited.
    """
    rested = story.filter(
        pl.col("what").is_in(["accepted", "replaced"]) & pl.col("queue_ahead").is_not_null()
    )
    last = story.row(-1, named=True)
    if rested.is_empty() or (last["leaves"] == 0 and last["what"] == "fill"):
        return story
    entry = rested.row(-1, named=True)
    ends = story.filter(pl.col("what").is_in(FINAL))["time_ns"]
    until = ends[0] if len(ends) else None
    during = trades.filter((pl.col("listing") == listing) & (pl.col("time_ns") >= entry["time_ns"]))
    if until is not None:
        during = during.filter(pl.col("time_ns") <= until)
    # Only aggressors from the other side reach a resting order.
    came = (
        during.filter(pl.col("side") == ("sell" if side == "buy" else "buy"))
        .select("price", "size")
        .collect()
    )
    reached = came.filter(
        pl.col("price") <= entry["price"] if side == "buy" else pl.col("price") >= entry["price"]
    )
    traded = float(reached["size"].sum())
    cause = _sentence(entry, came, traded, side)
    row = {"time_ns": last["time_ns"], "what": "why", "cause": cause, "price": entry["price"], "size": traded}
    row |= {"leaves": last["leaves"], "queue_ahead": entry["queue_ahead"]}
    return pl.concat([story, pl.DataFrame([row], schema=story.schema)])


def _sentence(entry: dict[str, float], came: pl.DataFrame, traded: float, side: str) -> str:
    price, ahead = entry["price"], entry["queue_ahead"]
    if came.is_empty():
        return f"nobody came from the other side while it waited at {price:g}"
    if traded == 0:
        prices = came["price"].to_list()
        nearest = min(prices) if side == "buy" else max(prices)
        return f"the market never came to {price:g}: the nearest trade was at {nearest:g}"
    if traded <= ahead:
        told = f"{traded:g} traded at {price:g} or beyond while it waited"
        return f"{told}, but {ahead:g} stood ahead when it came"
    return (
        f"{traded:g} traded at {price:g} or beyond while it waited, {ahead:g} stood ahead when it came: what "
        "reached it beyond that filled it in part, or met others that were hidden or better"
    )
