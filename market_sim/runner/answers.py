"""Answers to a page's questions, from what the tape of a market on show still holds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import polars as pl

from market_sim import tables
from market_sim.errors import MarketSimError
from market_sim.runner.commands import Ask
from market_sim.runner.spreadsheet import FORMULA
from market_sim.story import order_story
from market_sim.trader_metrics import trader_metrics

if TYPE_CHECKING:
    from market_sim.market import Market


def answer(market: Market, question: Ask) -> Any:
    """A story or metrics as rows, a table as bytes, a summary as plain data; MarketSimError in words."""
    market.tape.collect(market.kernel)
    if question.what == "story":
        agent, order = question.about
        return story(market, str(agent), int(order))
    if question.what == "table":
        name, form = question.about
        return table(market, str(name), str(form))
    if question.what == "metrics":
        (agent,) = question.about
        return metrics(market, str(agent)).to_dicts()
    return summary(market)


def _lazy(market: Market, name: str) -> pl.LazyFrame:
    names = tables.Names(market.listings, market.agent_names, market.config.epoch_time, market.config.zone)
    return tables.READERS[name](market.tape.lazy(name), names)


def story(market: Market, agent: str, order: int) -> list[dict[str, Any]]:
    """The rows of `Result.order` for an order whose beginning is still on the tape."""
    orders = _lazy(market, "orders")
    own = orders.filter((pl.col("agent") == agent) & (pl.col("order") == order)).collect()
    if own.is_empty():
        raise MarketSimError(
            f"order {order} of {agent} is not on the tape",
            remedy="Either it has not arrived yet, or it is too long ago: the newest reports are kept.",
        )
    if own["event"][0] not in ("accepted", "rejected"):
        raise MarketSimError(
            f"order {order} of {agent} began too long ago", remedy="The newest reports are kept."
        )
    listing = own["listing"][0]
    fed = {row.name for row in market.config.listings if row.external is not None}
    queues = _lazy(market, "queues") if listing in fed else None
    return [
        {"listing": listing, "side": own["side"][0], **row}
        for row in order_story(orders, agent, order, queues).iter_rows(named=True)
    ]


def table(market: Market, name: str, form: str) -> bytes:
    """ "trades", "orders", "accounts" or "metrics" as a file: "csv" or "parquet"."""
    if name == "accounts":
        frame = accounts(market)
    elif name == "metrics":
        frame = metrics(market)
    elif name in ("trades", "orders"):
        frame = _lazy(market, name).collect()
    else:
        raise MarketSimError(
            f"there is no table {name!r}", remedy="Choose trades, orders, accounts or metrics."
        )
    out = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(out)
    else:
        harmless(frame).write_csv(out)
    return out.getvalue()


def metrics(market: Market, agent: str | None = None) -> pl.DataFrame:
    """What a trader's orders came to, or every trader's, of those that the tape still holds whole."""
    orders = _lazy(market, "orders")
    own = orders if agent is None else orders.filter(pl.col("agent") == agent)
    return trader_metrics(own, market.listings)


def accounts(market: Market) -> pl.DataFrame:
    """One row per agent: profit in the numeraire and what it holds of each asset beyond what it was given."""
    money, rates = market.money, market.money.rates()
    rows = []
    for name in market.traders:
        gained = market.gained_atoms(name)
        row: dict[str, Any] = {"agent": name, f"profit_{money.numeraire}": money.worth(gained, rates)}
        rows.append(row | {f"gained_{asset}": money.amount(asset, gained[asset]) for asset in gained})
    return pl.DataFrame(rows)


def harmless(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with an apostrophe before every text that a spreadsheet would run as a formula."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    starts = {name: pl.col(name).str.slice(0, 1).is_in(FORMULA) for name in texts}
    return frame.with_columns(
        pl.when(starts[name]).then("'" + pl.col(name)).otherwise(pl.col(name)).alias(name) for name in texts
    )


def summary(market: Market) -> dict[str, Any]:
    """How the session stands, to be compared and kept."""
    imbalance = dict(zip(market.config.assets, market.kernel.ledger_imbalance(), strict=True))
    totals = market.kernel.totals()
    return {
        "scenario": market.config.name,
        "scenario_hash": market.config.scenario_hash(),
        "seed": market.seed,
        "engine": market.engine,
        "time_ns": market.now_ns,
        "events": market.events,
        "event_log_hash": f"{market.kernel.event_log_hash():016x}",
        "ledger_imbalance": imbalance,
        **{name: totals[name] for name in ("orders", "cancels", "replaces", "rejects", "fills")},
        "accounts": accounts(market).to_dicts(),
    }
