"""What a backtest leaves behind: the run's own result, and the strategy's curve, fills, orders and
figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from market_sim.assembly import listings_of
from market_sim.backtesting.belonging import cointegration, pair_of
from market_sim.backtesting.curve import equity_curve
from market_sim.backtesting.executions import markouts, order_figures, orders_of, shortfall, with_markouts
from market_sim.backtesting.figures import drawdown, ratios
from market_sim.marks import Rates
from market_sim.result import Result
from market_sim.units import SECOND_NS

#: About so many samples of a curve, unless a step is chosen.
SAMPLES = 2_000
HONESTY = (
    "Recorded traders do not react to the strategy: a backtest shows its fills in the recorded queue, not "
    "its impact on others."
)


class Backtest:
    """A strategy's run. Frames are Polars; figures carry units in their names; None where nothing is known.

    `result` is the run's `Result` (`result.order(agent, id)` answers why an order was not filled), `equity`
    the curve, `fills`, `orders` and `figures` the strategy's, `cointegration` the test of its pair; `plot()`
    draws, `report(path)` writes a page.
    """

    def __init__(
        self,
        result: Result,
        agent: str,
        given_atoms: Mapping[str, int],
        *,
        calendar: str | None = None,
        step_ns: int | None = None,
        origin: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.result = result
        self.agent = agent
        self.calendar = calendar
        self.origin = origin
        self.notes = (*notes,)
        self.step_ns = step_ns or _step(self.end_ns)
        self._given = dict(given_atoms)

    @property
    def end_ns(self) -> int:
        """When the run ended."""
        return int(self.result.summary()["until_ns"])

    @cached_property
    def _curve(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        return equity_curve(self.result, self.agent, self._given, self.step_ns)

    @cached_property
    def equity(self) -> pl.DataFrame:
        """One row a sample: `time_ns, time, equity, profit, drawdown` in the numeraire, `mid_LISTING`,
        `held_ASSET`.
        """
        return self._curve[0]

    @cached_property
    def fills(self) -> pl.DataFrame:
        """One row a fill: time, listing, sign, price, size, fee, is_maker, order, mid, markouts in bps."""
        return with_markouts(self.result, self._curve[1], listings_of(self.result.config), self.end_ns)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row an order that a venue took: sent, arrived, lots ordered and filled, first fill, end."""
        return orders_of(self.result, self.agent)

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Profit, return, ratios with their basis and intervals, drawdown, turnover, fees, inventory,
        executions.
        """
        account = self.result.summary()["accounts"][self.agent]
        known = self.equity.drop_nulls("equity")["equity"]
        first = known[0] if len(known) else None
        last = known[-1] if len(known) else None
        return {
            "agent": self.agent,
            "numeraire": self.result.config.numeraire,
            "duration_s": self.end_ns / SECOND_NS,
            "profit": account["profit"],
            "equity_first": first,
            "equity_last": last,
            "total_return": last / first - 1 if first is not None and first > 0 else None,
            **ratios(self.equity, self.step_ns, self.calendar),
            "drawdown": drawdown(self.equity),
            **({} if self.cointegration is None else {"cointegration": self.cointegration}),
            **self._turnover(),
            "inventory": self._inventory(),
            "fills": len(self.fills),
            "maker_share": self.fills["is_maker"].mean() if len(self.fills) else None,
            **order_figures(self.orders),
            **markouts(self.fills),
            **shortfall(
                self.result,
                self.orders,
                self.fills,
                listings_of(self.result.config),
                self.end_ns,
                self._rates,
            ),
        }

    @cached_property
    def cointegration(self) -> dict[str, Any] | None:
        """Of a strategy that trades a pair: whether its prices belong together (see `cointegration` in
        `market_sim.backtesting.belonging`), with `p_value` and, for people, `says`; None for any other.
        """
        market = self.result.market
        legs = None if market is None else pair_of(market.traders[self.agent])
        return None if legs is None else cointegration(self.equity, *legs, self.step_ns / SECOND_NS)

    @cached_property
    def _rates(self) -> dict[str, float]:
        """What a unit of each listing's quote asset is worth in the numeraire at the last sample."""
        listings = listings_of(self.result.config)
        row = self.equity.row(-1, named=True)
        rates = Rates(listings, lambda listing: row[f"mid_{listing.name}"])
        found = {listing.name: rates.of(listing.quote, self.result.config.numeraire) for listing in listings}
        return {name: rate for name, rate in found.items() if rate is not None}

    def _turnover(self) -> dict[str, Any]:
        """Value traded and fees paid in the numeraire, at the last rates; turnover against mean equity."""
        if self.fills.is_empty() or not self._rates:
            return {"traded": 0.0, "turnover": 0.0, "fees": 0.0}
        known = self.fills.filter(pl.col("listing").is_in(list(self._rates)))
        rate = pl.col("listing").replace_strict(self._rates, default=None, return_dtype=pl.Float64)
        sums = known.select(
            (pl.col("price") * pl.col("size") * rate).sum().alias("traded"),
            (pl.col("fee") * rate).sum().alias("fees"),
        ).row(0, named=True)
        mean = self.equity["equity"].mean()
        share = sums["traded"] / mean if isinstance(mean, float) and mean > 0 else None
        return {"traded": sums["traded"], "turnover": share, "fees": sums["fees"]}

    def _inventory(self) -> dict[str, dict[str, float]]:
        """Per base asset what the strategy held beyond its endowment: last, mean and largest distance from
        0.
        """
        bases = dict.fromkeys(listing.base for listing in listings_of(self.result.config))
        told = {}
        for asset in bases:
            decimals = self.result.config.assets[asset].decimals
            held = self.equity[f"held_{asset}"] - self._given.get(asset, 0) / 10**decimals
            told[asset] = {
                "last": float(held[-1]),
                "mean_abs": float(held.abs().mean() or 0.0),
                "max_abs": float(held.abs().max() or 0.0),
            }
        return told

    def summary(self) -> dict[str, Any]:
        """Plain data for programs: the figures, the run's own summary, origin and notes."""
        return {
            **self.figures,
            "origin": self.origin,
            "notes": list(self.notes),
            "run": self.result.summary(),
        }

    def plot(self) -> Any:
        """Equity, drawdown, inventory and prices with the fills, as one HoloViews layout."""
        from market_sim.backtesting.report import plots

        return plots(self)

    def report(self, path: str | Path) -> Path:
        """Write one HTML page that needs no network: figures, plots, notes. Gives its path."""
        from market_sim.backtesting.report import write_report

        return write_report(self, Path(path))

    def save(self, folder: str | Path) -> Path:
        """Write what `Result.save` writes, and equity, fills and orders of the strategy as Parquet."""
        home = self.result.save(folder)
        for name in ("equity", "fills"):
            getattr(self, name).write_parquet(home / f"backtest_{name}.parquet")
        self.orders.write_parquet(home / "backtest_orders.parquet")
        return home

    def __repr__(self) -> str:
        profit = self.result.summary()["accounts"][self.agent]["profit"]
        return f"Backtest({self.agent}, profit={profit}, fills={len(self._curve[1])})"


def _step(end_ns: int) -> int:
    """A step that people count in, at least a second, that gives about SAMPLES samples."""
    for seconds in (1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400):
        if end_ns <= seconds * SECOND_NS * SAMPLES:
            return seconds * SECOND_NS
    return max(86_400, end_ns // SECOND_NS // SAMPLES // 86_400 * 86_400) * SECOND_NS
