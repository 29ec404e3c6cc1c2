"""Plots of a backtest by hvplot, and a page that holds everything and needs no network."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from market_sim.backtesting.outcome import Backtest

POINTS = 4_000
FOREIGN = re.compile(r"<script[^>]*\bsrc=[^>]*></script>")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; color:
#222 }} table {{ border-collapse: collapse; margin: 1rem 0 }} td {{ padding: .15rem 1.2rem .15rem 0;
vertical-align: top }} td + td {{ text-align: right; font-variant-numeric: tabular-nums }} .note {{ color:
#555 }} </style>{head}</head><body><h1>{title}</h1><p>{origin}</p>{pair}{table}{plots}<h2>What to keep in
mind</h2>{notes} </body></html>
"""


def plots(backtest: Backtest) -> Any:
    """Equity, drawdown, inventory, and each listing's mid with the fills."""
    import holoviews as hv
    import hvplot.pandas  # noqa: F401 - gives frames their .hvplot

    hv.extension("bokeh")
    numeraire = backtest.result.config.numeraire
    curve = _frame(backtest.equity)
    wide = {"x": "time", "responsive": True, "height": 240, "grid": True}
    panels = [
        curve.hvplot.step(
            y="equity", ylabel=f"equity ({numeraire})", title=backtest.origin.partition(". ")[0], **wide
        ),
        curve.hvplot.area(y="drawdown", ylabel=f"drawdown ({numeraire})", **wide),
    ]
    listings = backtest.result.config.listings
    instruments = backtest.result.config.instruments
    bases = dict.fromkeys(instruments[table.instrument].base for table in listings)
    panels += [curve.hvplot.step(y=f"held_{base}", ylabel=f"held ({base})", **wide) for base in bases]
    fills = _frame(backtest.fills)
    for table in listings:
        name = f"{table.venue}:{table.instrument}"
        panel = curve.hvplot.step(y=f"mid_{name}", ylabel=f"mid {name}", **wide)
        own = fills[fills["listing"] == name]
        for sign, colour, marker in ((1, "#1a7f37", "triangle"), (-1, "#cf222e", "inverted_triangle")):
            side = own[own["sign"] == sign]
            if len(side):
                label = "bought" if sign > 0 else "sold"
                panel = panel * side.hvplot.scatter(
                    y="price", color=colour, marker=marker, size=30, label=label, **wide
                )
        panels.append(panel)
    return hv.Layout(panels).cols(1).opts(shared_axes=False)


def _frame(frame: pl.DataFrame) -> Any:
    """The rows that a plot has room for, as pandas: hvplot takes polars only through pyarrow."""
    import pandas as pd  # type: ignore[import-untyped]

    thin = frame.gather_every(max(len(frame) // POINTS, 1))
    plain = thin.with_columns(pl.col("time").dt.replace_time_zone(None))
    return pd.DataFrame({name: plain[name].to_numpy() for name in plain.columns})


def write_report(backtest: Backtest, path: Path) -> Path:
    """Write the page. The scripts of the plots are in it."""
    import holoviews as hv
    from bokeh.embed import components
    from bokeh.resources import INLINE

    figure = hv.render(plots(backtest), backend="bokeh")
    script, div = components(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = PAGE.format(
        title=html.escape(f"Backtest of {backtest.agent}"),
        # Panel, where it is loaded, adds a script of its own server; these plots do without.
        head=FOREIGN.sub("", INLINE.render()) + script,
        origin=html.escape(backtest.origin),
        pair=_pair(backtest),
        table=_table(backtest.figures),
        plots=div,
        notes="".join(f'<p class="note">{html.escape(note)}</p>' for note in backtest.notes),
    )
    path.write_text(text, encoding="utf-8")
    return path


def _pair(backtest: Backtest) -> str:
    """Before all figures: they mean little where nothing holds the pair together."""
    told = backtest.cointegration
    return "" if told is None else f"<p><strong>{html.escape(told['says'])}</strong></p>"


def _table(figures: dict[str, Any]) -> str:
    from market_sim.cli.output import shown

    rows = "".join(
        f"<tr><td>{html.escape(name.replace('_', ' '))}</td><td>{html.escape(shown(value))}</td></tr>"
        for name, value in figures.items()
    )
    return f"<table>{rows}</table>"
