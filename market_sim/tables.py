"""A tape's integer rows as tables for people: names, sides, prices and sizes in instrument units, times as
dates.

The integers stay beside them (`_ticks`, `_lots`, `_ns`, `_atoms`), so that nothing exact is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from market_sim.engine import CancelReason, EventKind, OrderType, Phase, RejectReason, TimeInForce
from market_sim.listing import Listing

SIDE_NAMES = ["buy", "sell"]


@dataclass(frozen=True)
class Names:
    """What the numbers on a tape stand for."""

    listings: Sequence[Listing]
    agents: Sequence[str]
    epoch: datetime
    zone: str

    def time(self, column: str = "time_ns") -> pl.Expr:
        """Simulated nanoseconds as a date and time in the scenario's zone."""
        moment = self.epoch.astimezone(UTC)
        epoch_ns = int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
        stamp = (pl.col(column) + epoch_ns).cast(pl.Datetime("ns", "UTC"))
        return stamp.dt.convert_time_zone(self.zone)

    def listing(self) -> list[pl.Expr]:
        """`listing`, `venue` and `instrument` by name."""
        return [
            _gather([listing.name for listing in self.listings], "listing").alias("listing"),
            _gather([listing.venue for listing in self.listings], "listing").alias("venue"),
            _gather([listing.instrument for listing in self.listings], "listing").alias("instrument"),
        ]

    def agent(self, column: str) -> pl.Expr:
        """An agent by name."""
        return _gather(list(self.agents), column)

    def price(self, ticks: str) -> pl.Expr:
        """Ticks in quote per base; null stays null."""
        return self._scaled(ticks, [(listing.prices.up, listing.prices.down) for listing in self.listings])

    def size(self, lots: str) -> pl.Expr:
        """Lots in base units."""
        return self._scaled(lots, [(listing.sizes.up, listing.sizes.down) for listing in self.listings])

    def quote_amount(self, atoms: str) -> pl.Expr:
        """Atoms of the listing's quote asset in its units."""
        return self._scaled(atoms, [(1, 10**listing.quote_decimals) for listing in self.listings])

    def _scaled(self, column: str, ratios: Sequence[tuple[int, int]]) -> pl.Expr:
        # Polars broadcasts a divisor of one entry and multiplies by its reciprocal: off by a last place.
        padded = [*ratios, (1, 1)]
        up = _gather([ratio[0] for ratio in padded], "listing")
        down = _gather([ratio[1] for ratio in padded], "listing")
        # One division of two exact integers is correctly rounded, so 10001 ticks of 0.01 read 100.01.
        return (pl.col(column) * up) / down


def _gather(values: list[str] | list[int], index: str) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(pl.col(index))


def _null_where_zero(column: str, guard: str) -> pl.Expr:
    return pl.when(pl.col(guard) != 0).then(pl.col(column))


def trades(raw: pl.LazyFrame, names: Names) -> pl.LazyFrame:
    """One row per trade. `side` is the aggressor's. A recorded trade in which no agent took part has no
    match_id.
    """
    recorded = pl.col("match_id") == 0
    return raw.select(
        "time_ns",
        names.time().alias("time"),
        *names.listing(),
        names.price("price").alias("price"),
        names.size("size").alias("size"),
        _gather(SIDE_NAMES, "aggressor").alias("side"),
        names.agent("maker").alias("maker"),
        pl.when(~recorded).then(pl.col("maker_counter")).alias("maker_order"),
        names.agent("taker").alias("taker"),
        pl.when(~recorded).then(pl.col("taker_counter")).alias("taker_order"),
        names.quote_amount("maker_fee").alias("maker_fee"),
        names.quote_amount("taker_fee").alias("taker_fee"),
        pl.when(~recorded).then(pl.col("match_id")).alias("match_id"),
        pl.col("price").alias("price_ticks"),
        pl.col("size").alias("size_lots"),
        pl.col("maker_fee").alias("maker_fee_atoms"),
        pl.col("taker_fee").alias("taker_fee_atoms"),
    )


def quotes(raw: pl.LazyFrame, names: Names) -> pl.LazyFrame:
    """One row per published change of best bid or ask; an empty side is null."""
    sided = raw.with_columns(
        _null_where_zero("bid", "bid_lots").alias("bid_ticks"),
        _null_where_zero("ask", "ask_lots").alias("ask_ticks"),
        _null_where_zero("bid_lots", "bid_lots").alias("bid_lots"),
        _null_where_zero("ask_lots", "ask_lots").alias("ask_lots"),
    )
    return sided.select(
        "time_ns",
        names.time().alias("time"),
        *names.listing(),
        names.price("bid_ticks").alias("bid"),
        names.size("bid_lots").alias("bid_size"),
        names.price("ask_ticks").alias("ask"),
        names.size("ask_lots").alias("ask_size"),
        "bid_ticks",
        "bid_lots",
        "ask_ticks",
        "ask_lots",
    ).with_columns(
        ((pl.col("bid") + pl.col("ask")) / 2).alias("mid"),
        (pl.col("ask") - pl.col("bid")).alias("spread"),
    )


def orders(raw: pl.LazyFrame, names: Names) -> pl.LazyFrame:
    """One row per report to an agent, at the venue's time: what became of each of its commands."""
    rejected = pl.col("kind").is_in(
        [int(EventKind.REJECTED), int(EventKind.CANCEL_REJECTED), int(EventKind.REPLACE_REJECTED)]
    )
    cancelled = pl.col("kind") == int(EventKind.CANCELLED)
    return raw.select(
        "time_ns",
        names.time().alias("time"),
        pl.when(pl.col("sent_ns") != 0).then(pl.col("sent_ns")).alias("sent_ns"),
        *names.listing(),
        names.agent("agent").alias("agent"),
        pl.col("counter").alias("order"),
        _enum(EventKind, "kind").alias("event"),
        pl.when(rejected)
        .then(_enum(RejectReason, "reason"))
        .when(cancelled)
        .then(_enum(CancelReason, "reason"))
        .alias("reason"),
        _gather(SIDE_NAMES, "side").alias("side"),
        pl.when(pl.col("price") != 0).then(names.price("price")).alias("price"),
        names.size("size").alias("size"),
        names.size("leaves").alias("leaves"),
        names.quote_amount("fee").alias("fee"),
        pl.when(pl.col("kind") == int(EventKind.FILL)).then(pl.col("flags") % 2 == 1).alias("is_maker"),
        _enum(OrderType, "order_type").alias("order_type"),
        _enum(TimeInForce, "tif").alias("tif"),
        names.size("queue_ahead").alias("queue_ahead"),
        pl.col("price").alias("price_ticks"),
        pl.col("size").alias("size_lots"),
        pl.col("leaves").alias("leaves_lots"),
        pl.col("queue_ahead").alias("queue_ahead_lots"),
        pl.col("fee").alias("fee_atoms"),
        pl.col("flags"),
    )


#: By the code of a cause: 1, 2, 3.
QUEUE_CAUSES = ["", "traded ahead", "cancelled ahead", "agents ahead"]


def queues(raw: pl.LazyFrame, names: Names) -> pl.LazyFrame:
    """One row per change of the queue before an agent's order in a recorded market, and its cause."""
    return raw.select(
        "time_ns",
        names.time().alias("time"),
        *names.listing(),
        names.agent("agent").alias("agent"),
        pl.col("counter").alias("order"),
        names.size("ahead").alias("queue_ahead"),
        _gather(QUEUE_CAUSES, "cause").alias("cause"),
        pl.col("ahead").alias("queue_ahead_lots"),
    )


def _enum(
    kind: type[EventKind | RejectReason | CancelReason | OrderType | TimeInForce | Phase], column: str
) -> pl.Expr:
    names = {int(member): member.name.lower() for member in kind}
    # Codes of other lists pass through here too, in rows that the caller masks: a name for every byte.
    return _gather([names.get(code, "") for code in range(256)], column)


READERS = {"trades": trades, "quotes": quotes, "orders": orders, "queues": queues}
