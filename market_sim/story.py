"""The life of one order: when it was sent and arrived, who stood before it, what moved it forward, how it
ended.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from market_sim.errors import MarketSimError

Id = tuple[str, int]


def order_story(
    orders: pl.LazyFrame, agent: str, order: int, queues: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """One row per thing that happened to an order, in order of time.

    `what`: "sent", "accepted", "ahead" (the queue before it has changed; `cause` says through whom), "fill",
    "replaced", "cancelled", "rejected", "cancel_rejected", "replace_rejected". `queue_ahead` is in base
    units. On a listing fed by a recorded market, whose orders are on no tape, give `queues`: the changes that
    the kernel noted. Raises MarketSimError for an order that is on no tape.
    """
    own = orders.filter((pl.col("agent") == agent) & (pl.col("order") == order)).collect()
    if own.is_empty():
        raise MarketSimError(
            f"no order {order} of {agent!r}", "the tape", "Look at result.orders for what there is."
        )
    first = own.row(0, named=True)
    lot = first["size"] / first["size_lots"] if first["size_lots"] else 0.0
    teller = _Teller((agent, order), lot, queues is not None)
    if first["sent_ns"] is not None:
        teller.tell(first["sent_ns"], "sent", None, first, None)
    if queues is not None:
        moved = queues.filter((pl.col("agent") == agent) & (pl.col("order") == order)).collect()
        reports = [(row["time_ns"], 0, row) for row in own.iter_rows(named=True)]
        changes = [(row["time_ns"], 1, row) for row in moved.iter_rows(named=True)]
        for _, changed, row in sorted(reports + changes, key=lambda entry: entry[:2]):
            (teller.moved if changed else teller.own)(row)
    else:
        for row in _neighbours(orders, own).iter_rows(named=True):
            teller.hear(row)
    schema = {
        "time_ns": pl.Int64,
        "what": pl.String,
        "cause": pl.String,
        "price": pl.Float64,
        "size": pl.Float64,
        "leaves": pl.Float64,
        "queue_ahead": pl.Float64,
    }
    return pl.DataFrame(teller.rows, schema=schema, orient="row")


def _neighbours(orders: pl.LazyFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Every report about orders that ever stood at a price of this one, on its side and listing."""
    first = own.row(0, named=True)
    same_book = (pl.col("listing") == first["listing"]) & (pl.col("side") == first["side"])
    prices = own["price_ticks"].unique().to_list()
    met = orders.filter(same_book & pl.col("price_ticks").is_in(prices)).select("agent", "order").unique()
    return (
        orders.filter(same_book)
        .with_row_index("row")
        .join(met, on=["agent", "order"], how="semi")
        .sort("row")
        .collect()
    )


class _Teller:
    """Replays the queue around one order. Lots are integers, so a queue that empties is exactly empty."""

    def __init__(self, own: Id, lot: float, is_fed: bool) -> None:
        self._own = own
        self._lot = lot
        self._is_fed = is_fed
        # Live orders in the order of their priority within a price: id -> [price in ticks, leaves in lots].
        self._live: dict[Id, list[int]] = {}
        self._ahead_lots: int | None = None
        self.rows: list[tuple[Any, ...]] = []

    def tell(
        self, time_ns: int, what: str, cause: str | None, row: dict[str, Any], ahead: float | None
    ) -> None:
        self.rows.append((time_ns, what, cause, row["price"], row["size"], row["leaves"], ahead))

    def own(self, row: dict[str, Any]) -> None:
        """A report about the order itself."""
        what = row["event"]
        resting = what in ("accepted", "replaced") and row["leaves_lots"] > 0
        cause = ("maker" if row["is_maker"] else "taker") if what == "fill" else row["reason"]
        if self._is_fed:
            self.tell(row["time_ns"], what, cause, row, row["queue_ahead"] if resting else None)
            return
        self._ahead_lots = self._count() if self._own in self._live else None
        if what == "accepted":
            # The tape counts what stood before it once it rests, recorded orders of a partial taker included.
            self._ahead_lots = row["queue_ahead_lots"] if resting else None
        self.tell(row["time_ns"], what, cause, row, self._ahead())

    def hear(self, row: dict[str, Any]) -> None:
        """A report about the order or one of its neighbours."""
        name = (row["agent"], row["order"])
        self._move(name, row)
        if name == self._own:
            self.own(row)
        elif self._own in self._live and self._ahead_lots is not None:
            ahead = self._count()
            if ahead != self._ahead_lots:
                self._ahead_lots = ahead
                cause = f"{row['event']} of {row['agent']}:{row['order']}"
                price, size, leaves = self.rows[-1][3:6]
                self.rows.append((row["time_ns"], "ahead", cause, price, size, leaves, self._ahead()))

    def moved(self, row: dict[str, Any]) -> None:
        """The kernel noted another queue before the order."""
        price, size, leaves = self.rows[-1][3:6]
        self.rows.append((row["time_ns"], "ahead", row["cause"], price, size, leaves, row["queue_ahead"]))

    def _move(self, name: Id, row: dict[str, Any]) -> None:
        what, leaves = row["event"], row["leaves_lots"]
        if what == "accepted":
            self._live[name] = [row["price_ticks"], leaves]
        elif what == "replaced":
            if row["flags"] % 2 == 0:
                self._live.pop(name, None)
            self._live[name] = [row["price_ticks"], leaves]
        elif what == "fill" and name in self._live:
            self._live[name][1] = leaves
        if leaves == 0 and what in ("fill", "cancelled", "replaced"):
            self._live.pop(name, None)

    def _count(self) -> int:
        price = self._live[self._own][0]
        lots = 0
        for name, (ticks, leaves) in self._live.items():
            if name == self._own:
                break
            if ticks == price:
                lots += leaves
        return lots

    def _ahead(self) -> float | None:
        return None if self._ahead_lots is None else self._ahead_lots * self._lot
