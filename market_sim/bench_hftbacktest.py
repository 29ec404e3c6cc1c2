"""The other side of `market-sim bench replay`: the same feed through the package hftbacktest, if
installed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from market_sim.bench_replay import ADD, CANCEL, ELAPSE_NS, EXECUTE, REPLACE, START_NS, STEP_NS, Rows
from market_sim.replaying.hftbacktest_npz import ADD as ADD_ORDER
from market_sim.replaying.hftbacktest_npz import BUY, DEPTH, EXCHANGE, FILL, LOCAL, MODIFY, SELL, TRADE
from market_sim.replaying.hftbacktest_npz import CANCEL as CANCEL_ORDER

TICK = 0.01
Run = Callable[[], tuple[float, Any]]


def events(feed: Rows, form: str) -> Rows:
    """The feed as the package's own events: "l3" single orders, "l2" depth and trades."""
    from hftbacktest.types import event_dtype  # type: ignore[import-not-found,unused-ignore]

    sides = (EXCHANGE | LOCAL | BUY, EXCHANGE | LOCAL | SELL)
    orders: dict[int, list[int]] = {}
    levels: dict[tuple[int, int], int] = {}
    told: list[tuple[int, int, int, int, int]] = []

    def depth(at: int, side: int, price: int, lots: int) -> None:
        levels[side, price] = levels.get((side, price), 0) + lots
        if form == "l2":
            told.append((sides[side] | DEPTH, at, price, levels[side, price], 0))

    def order(kind: int, at: int, side: int, price: int, lots: int, number: int) -> None:
        if form == "l3":
            told.append((sides[side] | kind, at, price, lots, number))

    for at, (kind, side, _, size, price, number, ref) in enumerate(feed.tolist()):
        if kind in (CANCEL, REPLACE):
            old_side, old_price, old_size = orders.pop(ref)
            order(CANCEL_ORDER, at, old_side, old_price, 0, ref)
            depth(at, old_side, old_price, -old_size)
        if kind in (ADD, REPLACE):
            orders[number] = [side, price, size]
            order(ADD_ORDER, at, side, price, size, number)
            depth(at, side, price, size)
        if kind == EXECUTE:
            order(FILL, at, side, price, size, number)
            left = orders[number][2] = orders[number][2] - size
            order(MODIFY if left else CANCEL_ORDER, at, side, price, left, number)
            if not left:
                del orders[number]
            if form == "l2":
                told.append((sides[1 - side] | TRADE, at, price, size, 0))
            depth(at, side, price, -size)
    columns = np.array(told, np.int64)
    rows = np.zeros(len(told), event_dtype)
    rows["ev"], rows["px"], rows["qty"] = columns[:, 0].astype(np.uint64), columns[:, 2] * TICK, columns[:, 3]
    rows["exch_ts"] = rows["local_ts"] = START_NS + columns[:, 1] * STEP_NS
    rows["order_id"] = columns[:, 4]
    return rows


def runners(feed: Rows, form: str) -> dict[str, Run]:
    """Runs by depth structure: {"hftbacktest hash map", "hftbacktest range of interest"}."""
    from hftbacktest import (  # type: ignore[import-not-found,unused-ignore]
        BacktestAsset,
        HashMapMarketDepthBacktest,
        ROIVectorMarketDepthBacktest,
    )
    from numba import njit  # type: ignore[import-not-found,unused-ignore]

    data = events(feed, form)

    @njit  # type: ignore[untyped-decorator,unused-ignore]
    def nothing(hbt: Any, step: int) -> int:
        steps = 0
        while hbt.elapse(step) == 0:
            steps += 1
        return steps

    def run(kind: Any, bounded: bool) -> tuple[float, Any]:
        asset = (
            BacktestAsset().data([data]).linear_asset(1.0).constant_order_latency(1, 1)
            .no_partial_fill_exchange().trading_value_fee_model(0, 0).tick_size(TICK).lot_size(1.0)
            .last_trades_capacity(0)
        )  # fmt: skip
        asset = asset.l3_fifo_queue_model() if form == "l3" else asset.risk_adverse_queue_model()
        if bounded:
            asset = asset.roi_lb(float(data["px"].min()) - 1).roi_ub(float(data["px"].max()) + 1)
        backtest = kind([asset])
        began = time.process_time()
        steps = nothing(backtest, ELAPSE_NS)
        spent = time.process_time() - began
        if steps < (len(feed) - 1) * STEP_NS // ELAPSE_NS:
            raise RuntimeError(f"hftbacktest stopped after {steps} steps")
        backtest.close()
        return spent, None

    return {
        "hftbacktest hash map": lambda: run(HashMapMarketDepthBacktest, False),
        "hftbacktest range of interest": lambda: run(ROIVectorMarketDepthBacktest, True),
    }
