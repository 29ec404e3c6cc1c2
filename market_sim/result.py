"""What a run leaves behind: tables, figures, accounts, the story of an order, a summary, a folder."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import polars as pl

from market_sim import tables
from market_sim.accounts import Accounts, accounts_frame, accounts_of
from market_sim.assembly import listings_of
from market_sim.errors import DataError, MarketSimError
from market_sim.limits import peak_memory_mb
from market_sim.metrics import Figures, metrics
from market_sim.scenario import Scenario
from market_sim.story import order_story
from market_sim.waiting import with_reason

if TYPE_CHECKING:
    from market_sim.market import Market

SUMMARY_FILE = "run.json"
SCENARIO_FILE = "scenario.toml"


class Result:
    """A run, finished or stopped. `trades`, `quotes`, `orders` and `accounts` are Polars frames.

    `lazy(table)` gives a table without loading it, for runs whose tape went to disk.
    """

    def __init__(
        self,
        config: Scenario,
        summary: Mapping[str, Any],
        lazy: Callable[[str], pl.LazyFrame],
        market: Market | None = None,
    ) -> None:
        self.config = config
        #: The market itself, for a run of this process; None for a result loaded from a folder.
        self.market = market
        self._summary = dict(summary)
        self._lazy = lazy

    @classmethod
    def of(cls, market: Market, **more: Any) -> Self:
        """The result of a market as far as it has run; `more` joins the summary."""
        names = tables.Names(
            market.listings, market.agent_names, market.config.epoch_time, market.config.zone
        )

        def lazy(table: str) -> pl.LazyFrame:
            return tables.READERS[table](market.tape.lazy(table), names)

        summary = _summarise(market, accounts_of(market, lazy("trades"))) | more
        return cls(market.config, summary, lazy, market)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """A result from the folder that `save` wrote. DataError names the file that is missing or damaged."""
        home = Path(folder)
        summary = read_summary(home)
        try:
            # The classes of the agents are not needed to read what they did.
            table = tomllib.loads((home / SCENARIO_FILE).read_text(encoding="utf-8"), parse_float=Decimal)
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise DataError(
                str(error), str(home / SCENARIO_FILE), remedy="Name a folder of `run --out`."
            ) from None

        def lazy(table: str) -> pl.LazyFrame:
            path = home / f"{table}.parquet"
            if not path.is_file():
                raise DataError("this table is missing", str(path), remedy="Run again with `--out`.")
            return pl.scan_parquet(path)

        return cls(Scenario.model_validate(table), summary, lazy)

    # Tables

    def lazy(self, table: str) -> pl.LazyFrame:
        """ "trades", "quotes", "orders" or "queues" as a lazy frame."""
        return self._lazy(table)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """One row per trade: time, listing, price, size, aggressor's side, maker and taker with orders and
        fees.
        """
        return self._lazy("trades").collect()

    @cached_property
    def quotes(self) -> pl.DataFrame:
        """One row per published change of a best bid or ask; an empty side is null."""
        return self._lazy("quotes").collect()

    @cached_property
    def orders(self) -> pl.DataFrame:
        """One row per report to an agent: what became of each of its orders, at the venue's time."""
        return self._lazy("orders").collect()

    @cached_property
    def accounts(self) -> pl.DataFrame:
        """One row per agent: profit in the numeraire, inventory gained, fees paid and balance per asset."""
        return accounts_frame(self._summary["accounts"], list(self.config.assets))

    # Figures

    @cached_property
    def metrics(self) -> Figures:
        """Spreads, volumes, volatility, shares of time; units in the names (see `market_sim.metrics`)."""
        pooled = self.config.accounts == "pooled"
        return metrics(
            self.lazy("quotes"),
            self.lazy("trades"),
            listings_of(self.config),
            self._summary["until_ns"],
            pooled,
        )

    def order(self, agent: str, order: int) -> pl.DataFrame:
        """The life of one order: sent, arrived, queue ahead at entry and after each change with its cause,
        fills, end. In a recorded market the causes are "traded ahead", "cancelled ahead" and "agents ahead"
        (what happens behind changes nothing), and an order that was not filled whole ends with a row that
        says why.
        """
        place = (
            self.lazy("orders")
            .filter((pl.col("agent") == agent) & (pl.col("order") == order))
            .head(1)
            .collect()
        )
        fed = {listing.name for listing in self.config.listings if listing.external is not None}
        is_fed = not place.is_empty() and place["listing"][0] in fed
        story = order_story(self.lazy("orders"), agent, order, self.lazy("queues") if is_fed else None)
        if not is_fed:
            return story
        return with_reason(story, self.lazy("trades"), str(place["listing"][0]), str(place["side"][0]))

    def summary(self) -> dict[str, Any]:
        """Plain data for programs: hashes, counts, accounts, imbalance, time and memory used."""
        return json.loads(json.dumps(self._summary))

    @property
    def event_log_hash(self) -> str:
        """16 hex digits over everything that happened."""
        return str(self._summary["event_log_hash"])

    def plot(self) -> Any:
        """Mid price of every listing over time, as a HoloViews plot that names where the data come from."""
        from market_sim.plot import plot_mids

        return plot_mids(self)

    def __repr__(self) -> str:
        told = self._summary
        return (
            f"Result({told['scenario']}, seed={told['seed']}, engine={told['engine']}, "
            f"events={told['events']:,}, event_log_hash={told['event_log_hash']})"
        )

    # Folder

    def save(self, folder: str | Path) -> Path:
        """Write the resolved scenario, run.json and the tables as Parquet; gives the folder."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        (home / SCENARIO_FILE).write_text(self.config.to_toml(), encoding="utf-8")
        for table in tables.READERS:
            self._lazy(table).sink_parquet(home / f"{table}.parquet")
        self.accounts.write_parquet(home / "accounts.parquet")
        text = json.dumps(self._summary, indent=2, ensure_ascii=False)
        (home / SUMMARY_FILE).write_text(text + "\n", encoding="utf-8")
        return home


def read_summary(folder: Path) -> dict[str, Any]:
    """run.json of a folder; DataError if it is none of ours."""
    path = folder / SUMMARY_FILE
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        missing = {"event_log_hash", "seed", "until_ns", "accounts"} - summary.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(str(error), str(path), remedy="Name a folder that `run --out` wrote.") from None
    if missing:
        raise DataError(f"lacks {', '.join(sorted(missing))}", str(path), remedy="Run again with `--out`.")
    return dict(summary)


def _summarise(market: Market, accounts: Accounts) -> dict[str, Any]:
    config, kernel = market.config, market.kernel
    totals = kernel.totals()
    failure: MarketSimError | None = market.failure
    return {
        "scenario": config.name,
        "scenario_hash": config.scenario_hash(),
        "folder": None if config.folder is None else str(config.folder),
        "seed": market.seed,
        "engine": market.engine,
        "event_log_hash": f"{kernel.event_log_hash():016x}",
        "until_ns": market.end_ns if market.finished else market.now_ns,
        "finished": market.finished,
        "failure": None if failure is None else str(failure),
        "incidents": [str(incident) for incident in market.incidents],
        "events": market.events,
        "orders": totals["orders"],
        "cancels": totals["cancels"],
        "replaces": totals["replaces"],
        "rejects": totals["rejects"],
        "fills": totals["fills"],
        "volume": {
            listing.name: listing.size(lots)
            for listing, lots in zip(market.listings, totals["volume"], strict=True)
        },
        "agents": len(accounts),
        "numeraire": config.numeraire,
        "accounts": accounts,
        "ledger_imbalance": dict(zip(config.assets, kernel.ledger_imbalance(), strict=True)),
        "portable": market.portable,
        "cpu_s": market.guard.cpu_s,
        "wall_s": market.guard.wall_s,
        "peak_rss_mb": peak_memory_mb(),
    }
