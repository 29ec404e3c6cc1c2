"""A hand-made market of two instruments whose mids follow given paths."""

from agent_kit import HOME, book

X, Y = "V:X/USD", "V:Y/USD"


def quoter(xs, ys, x_size="1000"):
    """Quotes X and Y 0.1 around their mids, and moves half way between two of the trader's looks."""
    later = {}
    for k, (x, y) in enumerate(zip(xs, ys, strict=True)):
        rows = [(listing, "cancel", None, None) for listing in (X, Y)]
        for listing, mid, size in ((X, x, x_size), (Y, y, "1000")):
            rows.append((listing, "buy", size, f"{mid - 0.1:.2f}"))
            rows.append((listing, "sell", size, f"{mid + 0.1:.2f}"))
        later[500 + 1000 * k] = rows
    return book(later=later)


def plan(seconds, fee_bps="0"):
    return {
        "schema": 1,
        "name": "pair",
        "duration": f"{seconds}s",
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 0}, "Y": {"decimals": 0}},
        "venues": {"V": {"taker_fee_bps": fee_bps}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}, "Y/USD": {"base": "Y", "quote": "USD"}},
        "listings": [
            {"venue": "V", "instrument": "X/USD", "tick": "0.01", "lot": "1"},
            {"venue": "V", "instrument": "Y/USD", "tick": "0.01", "lot": "1"},
        ],
        "latency": HOME,
    }
