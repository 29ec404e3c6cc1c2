"""Base and quote of a symbol as files write it."""

from __future__ import annotations

import re

from market_sim.protocols.symbols import QUOTE_ASSETS

SEPARATED = re.compile(r"[/_\-]")


def base_and_quote(symbol: str, quote: str | None = None) -> tuple[str, str]:
    """ "BTC/USD", "btc-usd", "BTCUSDT" and "EURUSD" part by themselves; anything else is priced in `quote`
    (default USD), as stocks are.
    """
    plain = symbol.upper()
    parts = SEPARATED.split(plain)
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1]
    for known in QUOTE_ASSETS:
        if plain.endswith(known) and len(plain) - len(known) >= 3:
            return plain.removesuffix(known), known
    return re.sub(r"[^A-Z0-9]", "", plain) or "ASSET", (quote or "USD").upper()
