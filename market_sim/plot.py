"""One picture of a run: the mid price of every listing over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from market_sim.result import Result

# More points than a screen has columns only make a plot slow.
POINTS = 4000


def plot_mids(result: Result) -> Any:
    """An overlay of one step curve per listing; the title names scenario, seed, engine and the origin of the
    data.
    """
    import holoviews as hv

    hv.extension("bokeh")
    told = result.summary()
    fed = any(listing.external is not None for listing in result.config.listings)
    origin = "replay of recorded data" if fed else "simulated data"
    curves = {}
    for listing in result.config.listings:
        quotes = (
            result.lazy("quotes").filter(pl.col("listing") == listing.name).select("time", "mid").collect()
        )
        thinned = quotes.gather_every(max(len(quotes) // POINTS, 1))
        # A spell without a mid is a gap, not a line across it.
        points = (thinned["time"].dt.replace_time_zone(None).to_numpy(), thinned["mid"].to_numpy())
        curve = hv.Curve(points, "time", f"mid ({result.config.instruments[listing.instrument].quote})")
        curves[listing.name] = curve.opts(interpolation="steps-post")
    title = f"{told['scenario']}, seed {told['seed']}, {told['engine']} engine: {origin}"
    return hv.NdOverlay(curves, kdims="listing").opts(
        title=title, responsive=True, height=360, legend_position="top_left"
    )
