"""A hand-made market of one listing, and what an agent sent to it."""

from agent_kit import HOME, reports, sent

X = "V:X/USD"


def plan(duration="300ms", tick="0.01", lot="1", fee_bps="0", **changes):
    table = {
        "schema": 1,
        "name": "one",
        "duration": duration,
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "X": {"decimals": 8}},
        "venues": {"V": {"taker_fee_bps": fee_bps}},
        "instruments": {"X/USD": {"base": "X", "quote": "USD"}},
        "listings": [{"venue": "V", "instrument": "X/USD", "tick": tick, "lot": lot}],
        "latency": HOME,
    }
    return {**table, **changes}


def quotes_of(played, name):
    """(side, price) of an agent's new orders, in order."""
    return [(row[2], row[4]) for row in sent(played, name)]


def replaced(played, name):
    """(side, price) of an agent's replaced orders, in order."""
    return [(row["side"], row["price"]) for row in reports(played, name, "replaced")]


def open_quotes(played, name):
    """(side, price) of what an agent has open."""
    orders = played.trader(name).orders.values()
    return sorted((order.side.name.lower(), order.price) for order in orders)
