"""How venues spell an instrument: BTC/USD, BTC-USD or BTCUSD."""

from __future__ import annotations

from market_sim.errors import DataError

QUOTE_ASSETS = (
    "FDUSD",
    "USDT",
    "USDC",
    "USDE",
    "USDP",
    "TUSD",
    "BUSD",
    "USD",
    "DAI",
    "PERP",
    "EUR",
    "GBP",
    "TRY",
    "BRL",
    "JPY",
    "BTC",
    "ETH",
    "BNB",
)
ONE_WORD = ("binance", "bybit")


def symbol_name(base: str, quote: str, protocol: str) -> str:
    """An instrument in a protocol's spelling."""
    if protocol in ONE_WORD:
        return f"{base}{quote}"
    return f"{base}/{quote}" if protocol == "kraken" else f"{base}-{quote}"


def split_symbol(symbol: str) -> tuple[str, str]:
    """Base and quote of a symbol, written with a mark between them or as one word."""
    parts = symbol.replace("/", "-").split("-")
    if len(parts) > 1 and all(parts):
        return parts[0], parts[1]
    for quote in QUOTE_ASSETS:
        if symbol.endswith(quote) and len(symbol) > len(quote):
            return symbol.removesuffix(quote), quote
    raise DataError(
        f"it is open where {symbol} parts into base and quote",
        remedy="Write it as BASE/QUOTE, or replay it in a scenario that lists it.",
    )
