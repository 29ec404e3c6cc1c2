"""Hand-made captures: frames as Binance sends them, at stamps a test chooses."""

from __future__ import annotations

import gzip
import json
import random
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


def made_up_market(seconds: int, seed: int = 1) -> CaptureWriter:
    """A book that walks at random, recorded like a real one: diffs every 100 ms, trades on time or up to
    150 ms late, a ticker with every change of the best prices. It starts with a snapshot in mid-stream.
    """
    draw = random.Random(seed)
    bids = {6_000_000 - n: draw.randrange(1, 400) for n in range(1, 30)}
    asks = {6_000_000 + n: draw.randrange(1, 400) for n in range(1, 30)}
    capture, changed, trades = CaptureWriter(), ({}, {}), 0
    first = last = 1000
    best = None
    for now_ms in range(1, seconds * 1000):
        if draw.random() < 0.05:
            side = draw.randrange(2)
            levels = (bids, asks)[side]
            touch = max(levels) if side == 0 else min(levels)
            away = -1 if side == 0 else 1
            price = touch + away * draw.randrange(12)
            if draw.random() < 0.3 and max(bids) < min(asks) - 2:
                price = touch - away
            last += 1
            if draw.random() < 0.35:
                price, size = touch, draw.randrange(1, levels[touch] + 1)
                levels[price] -= size
                trades += 1
                late_ms = draw.choice((0, 0, 0, draw.randrange(150)))
                capture.trade(
                    (now_ms + 5 + late_ms) * MS, now_ms, trades, _price(price), _size(size), side == 0
                )
            else:
                levels[price] = draw.choice((0, draw.randrange(1, 400), levels.get(price, 0) + 5))
            if not levels[price]:
                del levels[price]
            levels.setdefault(touch + away * 30, 50)
            changed[1 if levels is asks else 0][price] = changed[side][touch + away * 30] = None
        top = (max(bids), bids[max(bids)], min(asks), asks[min(asks)])
        if top != best:
            best = top
            sizes = _price(top[0]), _size(top[1]), _price(top[2]), _size(top[3])
            capture.ticker((now_ms + 5) * MS, last, *sizes)
        if now_ms % 100 == 0 and last >= first:
            named = [
                {_price(price): _size(levels.get(price, 0)) for price in prices}
                for levels, prices in zip((bids, asks), changed, strict=True)
            ]
            capture.diff((now_ms + 6) * MS, now_ms, first, last, *named)
            first, changed = last + 1, ({}, {})
        if now_ms == 250:
            book = [{_price(price): _size(size) for price, size in levels.items()} for levels in (bids, asks)]
            capture.snapshot((now_ms + 9) * MS, last, *book)
    capture.lines.sort(key=lambda line: int(line[:19]))
    # Trades are sent in their order, however late.
    late = iter(sorted((line[19:] for line in capture.lines if "@trade" in line), key=_trade_number))
    capture.lines = [line[:19] + next(late) if "@trade" in line else line for line in capture.lines]
    return capture


def _trade_number(frame: str) -> int:
    return int(frame.partition('"t":')[2].partition(",")[0])


def _price(ticks: int) -> str:
    return f"{ticks // 100}.{ticks % 100:02d}000000"


def _size(lots: int) -> str:
    return f"{lots // 1000}.{lots % 1000:03d}00000"
