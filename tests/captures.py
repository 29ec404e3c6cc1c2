"""Hand-made captures: frames as Binance sends them, at stamps a test chooses."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

# A second of 2024 in nanoseconds since 1970, so that kernel time 0 of a replay is exactly here.
BASE_NS = 1_723_161_600_000_000_000
BASE_MS = BASE_NS // 1_000_000
MS = 1_000_000


class CaptureWriter:
    """Collects frames; times are nanoseconds (local) and milliseconds (exchange) after BASE_NS."""

    def __init__(self, symbol: str = "BTCUSDT") -> None:
        self.symbol = symbol
        self.lines: list[str] = []

    def raw(self, local_ns: int, frame: object) -> CaptureWriter:
        text = frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"))
        self.lines.append(f"{BASE_NS + local_ns} {text}")
        return self

    def stream(self, local_ns: int, name: str, data: dict) -> CaptureWriter:
        return self.raw(local_ns, {"stream": f"{self.symbol.lower()}@{name}", "data": data})

    def snapshot(self, local_ns: int, last_id: int, bids: dict, asks: dict) -> CaptureWriter:
        return self.raw(local_ns, {"lastUpdateId": last_id, "bids": _levels(bids), "asks": _levels(asks)})

    def diff(
        self,
        local_ns: int,
        exchange_ms: int,
        first: int,
        last: int,
        bids: dict | None = None,
        asks: dict | None = None,
    ) -> CaptureWriter:
        data = {"e": "depthUpdate", "E": BASE_MS + exchange_ms, "s": self.symbol, "U": first, "u": last}
        return self.stream(
            local_ns, "depth@100ms", {**data, "b": _levels(bids or {}), "a": _levels(asks or {})}
        )

    def trade(
        self, local_ns: int, exchange_ms: int, number: int, price: str, size: str, seller: bool
    ) -> CaptureWriter:
        """A trade; `seller` says whether the aggressor sold (the buyer was the maker)."""
        stamp = BASE_MS + exchange_ms
        data = {"e": "trade", "E": stamp, "s": self.symbol, "t": number, "p": price, "q": size, "T": stamp}
        return self.stream(local_ns, "trade", {**data, "m": seller, "M": True})

    def ticker(
        self, local_ns: int, last_id: int, bid: str, bid_size: str, ask: str, ask_size: str
    ) -> CaptureWriter:
        data = {"u": last_id, "s": self.symbol, "b": bid, "B": bid_size, "a": ask, "A": ask_size}
        return self.stream(local_ns, "bookTicker", data)

    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        data = self.text().encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
        return path


def _levels(side: dict) -> list[list[str]]:
    return [[str(price), str(size)] for price, size in side.items()]


def merged(*captures: CaptureWriter) -> CaptureWriter:
    """One recording of several symbols, in order of receipt."""
    both = CaptureWriter()
    both.lines = sorted(
        (line for capture in captures for line in capture.lines), key=lambda line: int(line[:19])
    )
    return both
