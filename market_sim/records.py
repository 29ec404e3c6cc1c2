"""The rows that cross the native engine's boundary in bulk: numpy types, byte for byte as in Rust."""

from __future__ import annotations

import numpy as np

#: One command for `Venue.process`. `kind` is a CommandKind; `flags` bit 0: post-only, bit 1: price is given.
COMMAND = np.dtype(
    {
        "names": [
            "time_ns", "price", "size", "agent", "counter", "listing",
            "kind", "side", "order_type", "tif", "stp", "flags",
        ],
        "formats": ["<i8", "<i8", "<i8", "<u4", "<u4", "<u4", "u1", "u1", "u1", "u1", "u1", "u1"],
        "offsets": [0, 8, 16, 24, 28, 32, 36, 37, 38, 39, 40, 41],
        "itemsize": 48,
    }
)  # fmt: skip
POST_ONLY = 1
HAS_PRICE = 2

#: The same with terms: the numbers that `Venue.new_order_ex` and `replace_ex` take by name. One that may be
#: 0 and still be meant counts only if its bit is set in `given` (see below).
COMMAND_EX = np.dtype(
    {
        "names": [
            "time_ns", "price", "size",
            "stop_price", "trail_ticks", "trail_bps", "trigger_limit_ticks", "display_lots",
            "peg_offset_ticks", "minimum_lots", "expire_ns", "protection_ticks",
            "agent", "counter", "listing",
            "kind", "side", "order_type", "tif", "stp", "flags", "refresh", "peg",
            "given",
        ],
        "formats": [*["<i8"] * 12, *["<u4"] * 3, *["u1"] * 8, "<u4"],
        "offsets": [*range(0, 96, 8), 96, 100, 104, *range(108, 116), 116],
        "itemsize": 120,
    }
)  # fmt: skip
#: Bits of `given`. The last two are for replacements of trailing stops only; a new order's distance is not 0.
GIVEN = {
    "stop_price": 1,
    "trigger_limit_ticks": 2,
    "display_lots": 4,
    "expire_ns": 8,
    "protection_ticks": 16,
    "trail_ticks": 32,
    "trail_bps": 64,
}

#: One event of a venue; the fields of `market_sim.engine.Event` in its order.
EVENT = np.dtype(
    [
        ("time_ns", "<i8"), ("seq", "<u8"), ("price", "<i8"), ("size", "<i8"), ("leaves", "<i8"),
        ("fee", "<i8"), ("match_id", "<u8"), ("listing", "<u4"), ("agent", "<u4"), ("counter", "<u4"),
        ("contra_agent", "<u4"), ("contra_counter", "<u4"), ("kind", "u1"), ("reason", "u1"), ("side", "u1"),
        ("flags", "u1"),
    ]
)  # fmt: skip

#: One row of market data; the fields of `market_sim.engine.MarketDataRow` in its order.
MARKET_DATA = np.dtype(
    {
        "names": [
            "seq", "time_ns", "price", "size", "surplus", "match_id", "listing", "agent", "counter", "orders",
            "kind", "side", "phase", "flags",
        ],
        "formats": ["<u8", "<i8", "<i8", "<i8", "<i8", "<u8", *["<u4"] * 4, *["u1"] * 4],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 52, 56, 60, 64, 65, 66, 67],
        "itemsize": 72,
    }
)  # fmt: skip

#: One row of recorded flow for `Kernel.push_flow`; `kind` is a FlowKind. Rows up to one whose `flags` have
#: LAST are one update: levels, a trade, or events of single orders. `side` is the resting side; of a TRADE it
#: is the aggressor's. `id` is the feed's number of an order. `size` of a LEVEL is what is there now (0:
#: nothing), of an order what the event concerns: the lots that are new, leave or trade. `exchange_ns` counts
#: with STAMPED only.
FLOW = np.dtype(
    {
        "names": [
            "time_ns", "exchange_ns", "delay_ns", "id", "price", "size", "listing", "kind", "side", "flags",
            "spare",
        ],
        "formats": ["<i8", "<i8", "<i8", "<u8", "<i8", "<i8", "<u4", "u1", "u1", "u1", "u1"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 52, 53, 54, 55],
        "itemsize": 56,
    }
)  # fmt: skip
LAST = 1
SNAPSHOT = 2
STAMPED = 4
