"""What exchanges' public feeds say, read from their JSON: one file a protocol, each with the same `read`.

`read(frame)` turns one decoded message into records (`records.py`): books, trades, precisions, sequence
numbers. It keeps nothing; `keeping.py` follows books over many messages by the rules that records carry.
Binance has a reader of its own in `market_sim.replaying`, because its snapshots come over REST.
"""

from __future__ import annotations

from types import ModuleType

from market_sim.protocols import bybit, coinbase, kraken, okx

READERS: dict[str, ModuleType] = {
    "kraken": kraken,
    "coinbase": coinbase,
    "okx": okx,
    "bybit": bybit,
}
"""Protocols whose books arrive in band, by name; a further one is a file and a line here."""

PROTOCOLS = ("binance", *READERS)
"""All protocols that captures, the loopback exchange and live feeds speak."""
