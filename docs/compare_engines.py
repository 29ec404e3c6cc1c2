"""Matching beside what can be installed by name: nanoseconds of processor time a message, in one run.

    uv run --no-project --with . --with hftbacktest --with nautilus_trader --with lightmatchingengine \\
        --with 'order-matching[polars]' docs/compare_engines.py shallow.bin

`shallow.bin` is a matching workload (docs/benchmarks.md). Two neighbours match orders as an exchange does:
their numbers of fills and traded lots must equal market_sim's on the same messages. The other two do not
match orders of several participants: they follow a market that was recorded. They get the same market as the
messages that an exchange would publish about it (`shallow.res.bin` beside the workload), which is less work,
and must end at market_sim's best bid and offer. A neighbour that takes minutes gets the first messages only.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from market_sim.bench import bench_match
from market_sim.engine import EventKind, venue_class
from market_sim.records import EVENT
from market_sim.workload import ADD, CANCEL, MARKET, REPLACE, Workload, commands, read_workload

EXECUTE = 4  # only in the resolved file: a resting order was hit
TICK = 0.01


@dataclass(frozen=True)
class Row:
    """One engine's figure: messages timed, fills and traded lots where it matches."""

    name: str
    messages: int
    ns_per_message: float
    fills: tuple[int, int] | None = None


def timed(work: Callable[[], None]) -> int:
    """Processor nanoseconds of `work`, without a collection of earlier garbage in it."""
    gc.collect()
    gc.disable()
    try:
        start_ns = time.process_time_ns()
        work()
        return time.process_time_ns() - start_ns
    finally:
        gc.enable()


@dataclass(frozen=True)
class Truth:
    """What market_sim makes of the preload and the first messages after it."""

    fills: tuple[int, int]
    best: tuple[int, int]


def truth(workload: Workload, messages: int) -> Truth:
    """Fills, traded lots, best bid and offer in ticks after so many messages."""
    venue = venue_class("rust")("compare")
    venue.add_listing(1, 1, 0, 0, 0)
    rows, events = commands(workload.messages[: workload.preload + messages]), np.zeros(1 << 16, EVENT)
    fills = traded = 0
    while len(rows):
        taken, written = venue.process(rows[:1_000], events)
        trades = events[:written][events["kind"][:written] == EventKind.TRADE]
        fills, traded, rows = fills + len(trades), traded + int(trades["size"].sum()), rows[taken:]
    bid, _, ask, _ = venue.bbo(0)
    return Truth((fills, traded), (bid, ask))


def light_matching_engine(workload: Workload, messages: int) -> Row:
    """A pure-Python book: dictionaries of price to list."""
    from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

    engine, ids, fills = LightMatchingEngine(), {}, [0, 0]
    fields = ["type", "side", "qty", "price", "id", "ref"]
    rows = workload.messages[fields][: workload.preload + messages].tolist()

    def run(part: list[tuple[int, ...]]) -> None:
        for kind, side, qty, price, number, target in part:
            if kind in (CANCEL, REPLACE):
                engine.cancel_order(ids[target], "X")
            if kind != CANCEL:
                # its trades hold one row for the aggressor and one for each maker: the makers' count
                order, trades = engine.add_order(
                    "X", 0 if kind == MARKET else price, qty, Side.SELL if side else Side.BUY
                )
                ids[number] = order.order_id
                makers = [trade for trade in trades if trade.order_id != order.order_id]
                fills[0] += len(makers)
                fills[1] += sum(trade.trade_qty for trade in makers)

    run(rows[: workload.preload])
    spent = timed(lambda: run(rows[workload.preload :]))
    return Row("lightmatchingengine", messages, spent / messages, (fills[0], fills[1]))


def order_matching(workload: Workload, messages: int) -> Row:
    """An engine over sorted price levels with trades as objects; every order is placed, then matched."""
    from loguru import logger
    from order_matching.enums import Side, Status
    from order_matching.matching_engine import MatchingEngine
    from order_matching.order import LimitOrder, MarketOrder
    from order_matching.orders import Orders

    logger.disable("order_matching")  # it writes two lines an order otherwise
    engine, fills, live = MatchingEngine(seed=1), [0, 0], {}
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - the package compares naive times
    rows = workload.messages[["type", "side", "qty", "price", "id", "ref"]][: workload.preload + messages]

    def run(part: list[tuple[int, ...]], first: int) -> None:
        for k, (kind, side, qty, price, number, target) in enumerate(part, first):
            now = start + timedelta(microseconds=k)
            common = {"side": Side.SELL if side else Side.BUY, "size": float(qty), "timestamp": now}
            orders = []
            if kind in (CANCEL, REPLACE):
                gone = live.pop(target)
                gone.status = Status.CANCEL
                orders.append(gone)
            if kind == MARKET:
                orders.append(MarketOrder(order_id=str(number), trader_id="t", **common))
            elif kind != CANCEL:
                # whole numbers: the package rounds prices to one digit
                live[number] = LimitOrder(price=float(price), order_id=str(number), trader_id="t", **common)
                orders.append(live[number])
            for order in orders:
                engine.place(Orders([order]))
                trades = engine.match(timestamp=now).trades
                fills[0] += len(trades)
                fills[1] += round(sum(trade.size for trade in trades))

    listed = rows.tolist()
    run(listed[: workload.preload], 0)
    spent = timed(lambda: run(listed[workload.preload :], workload.preload))
    return Row("order-matching", messages, spent / messages, (fills[0], fills[1]))


def published(workload: Workload) -> tuple[list[tuple[int, ...]], int]:
    """The whole market as an exchange would publish it, and how many of its rows fill the book."""
    path = workload.path.with_suffix(".res.bin")
    preload = int(np.fromfile(path, "<u4", 1)[0])
    rows = np.fromfile(path, workload.messages.dtype, offset=16)
    return rows[["type", "side", "qty", "price", "id", "ref"]].tolist(), preload


def nautilus(workload: Workload, messages: int) -> Row:
    """Its order book in Rust follows the published market, one call a message."""
    from nautilus_trader.core.nautilus_pyo3 import (
        BookOrder,
        BookType,
        InstrumentId,
        OrderBook,
        OrderSide,
        Price,
        Quantity,
    )

    rows, preload = published(workload)
    book = OrderBook(InstrumentId.from_str("X.SIM"), BookType.L3_MBO)
    sides = (OrderSide.BUY, OrderSide.SELL)
    prices = {price: Price(price * TICK, 2) for *_, price, _, _ in rows}
    lots = [Quantity(q, 0) for q in range(max(qty for _, _, qty, *_ in rows) + 1)]
    left: dict[int, tuple[int, int, int]] = {}  # id: side, price, lots
    steps = []

    def order(number: int) -> object:
        side, price, qty = left[number]
        return BookOrder(sides[side], prices[price], lots[qty], number)

    # What a handler would have in hand: the verb and the order. Making them is not timed.
    for kind, side, qty, price, number, target in rows:
        if kind == EXECUTE:
            was, at, open_lots = left[number]
            left[number] = (was, at, open_lots - qty)
            steps.append((book.update if open_lots > qty else book.delete, order(number)))
        if kind in (CANCEL, REPLACE):
            steps.append((book.delete, order(target)))
        if kind in (ADD, REPLACE):
            left[number] = (side, price, qty)
            steps.append((book.add, order(number)))

    def run(part: list[tuple[Callable[..., None], object]]) -> None:
        for verb, what in part:
            verb(what, 0, 0, 0)

    run(steps[:preload])
    spent = timed(lambda: run(steps[preload:]))
    best = tuple(round(price.as_double() / TICK) for price in (book.best_bid_price(), book.best_ask_price()))
    assert best == truth(workload, messages).best, f"nautilus_trader ends at {best}"
    timed_rows = len(rows) - preload
    return Row("nautilus_trader (follows, one call each)", timed_rows, spent / timed_rows)


def hft_backtest(workload: Workload, messages: int) -> Row:
    """Its L3 backtest follows the published market in compiled code, with no strategy in it."""
    from hftbacktest import (
        ADD_ORDER_EVENT,
        BUY_EVENT,
        CANCEL_ORDER_EVENT,
        EXCH_EVENT,
        FILL_EVENT,
        LOCAL_EVENT,
        MODIFY_ORDER_EVENT,
        SELL_EVENT,
        BacktestAsset,
        HashMapMarketDepthBacktest,
        event_dtype,
    )
    from numba import njit

    rows, _ = published(workload)
    feed: list[tuple[float, ...]] = []
    left: dict[int, int] = {}

    def tell(kind: int, side: int, price: int, qty: int, number: int) -> None:
        both = EXCH_EVENT | LOCAL_EVENT | (SELL_EVENT if side else BUY_EVENT)
        feed.append((kind | both, at, at, price * TICK, qty, number, 0, 0))

    for k, (kind, side, qty, price, number, target) in enumerate(rows, 1):
        at = k * 1_000
        if kind == EXECUTE:  # a fill is news only: what it does to the order is told behind it
            left[number] -= qty
            tell(FILL_EVENT, side, price, qty, number)
            tell(
                MODIFY_ORDER_EVENT if left[number] else CANCEL_ORDER_EVENT, side, price, left[number], number
            )
        if kind in (CANCEL, REPLACE):
            tell(CANCEL_ORDER_EVENT, side, price, 0, target)
        if kind in (ADD, REPLACE):
            left[number] = qty
            tell(ADD_ORDER_EVENT, side, price, qty, number)
    events = np.array(feed, event_dtype)  # the backtest keeps a bare pointer to it

    @njit
    def follow(backtest: object) -> int:
        count = 0
        while backtest.wait_next_feed(False, 10**15) in (0, 2, 3):
            count += 1
        return count

    def run() -> None:
        asset = (
            BacktestAsset()
            .data([events])
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .l3_fifo_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0, 0)
            .tick_size(TICK)
            .lot_size(1)
        )
        backtest = HashMapMarketDepthBacktest([asset])
        follow(backtest)
        depth = backtest.depth(0)
        ends.add((depth.best_bid_tick, depth.best_ask_tick))
        backtest.close()

    ends: set[tuple[int, int]] = set()
    run()  # compiles
    spent = timed(run)
    assert ends == {truth(workload, messages).best}, f"hftbacktest ends at {ends}"
    return Row("hftbacktest (follows, compiled)", len(rows), spent / len(rows))


def main() -> None:
    """Print the table."""
    workload = read_workload(Path(sys.argv[1]))
    rows = []
    for path in ("rust", "batch", "call", "reference"):
        report = bench_match(workload.path, path, rounds=2 if path == "reference" else 9)
        rows.append(
            Row(f"market_sim {path}", report.messages, report.ns_per_message, (report.fills, report.traded))
        )
    for neighbour, messages in (
        (light_matching_engine, 100_000),
        (order_matching, 2_000),
        (nautilus, workload.timed),
        (hft_backtest, workload.timed),
    ):
        row = neighbour(workload, min(messages, workload.timed))
        if row.fills is not None:
            assert row.fills == truth(workload, row.messages).fills, (
                f"{row.name} traded otherwise: {row.fills}"
            )
        rows.append(row)
    for row in rows:
        print(f"{row.name:45} {row.messages:>9,} messages {row.ns_per_message:>12,.0f} ns")  # noqa: T201


if __name__ == "__main__":
    main()
