"""Hand-made books for strategies, and what they did in front of them."""

from market_kit import MS, scripted

from market_sim.market import Market

HOME = {"home": {"entry": "1ms", "report": "1ms", "data": "1ms"}}


def market(table, *traders, engine="reference", seed=1):
    """A finished session of a hand-made market."""
    played = Market(table, agents=traders, engine=engine, seed=seed)
    played.run()
    return played


def book(*quotes, name="book", later=None):
    """A trader that sends orders (listing, side, size, price) at the start, and others later: {ms: orders}.

    The side "cancel" takes all its orders at a listing away.
    """
    script = {0: quotes, **{round(ms * MS): orders for ms, orders in (later or {}).items()}}
    return scripted({at_ns: _sender(orders) for at_ns, orders in script.items()}, name=name)


def _sender(orders):
    def send(trader):
        for listing, side, size, price in orders:
            if side == "cancel":
                trader.cancel_all(listing)
            else:
                getattr(trader, side)(listing, size, price, tif="GTC")

    return send


def sent(played, name):
    """(ms when sent, listing, side, size, price, time in force) of every new order of an agent, in order."""
    rows = played.result().orders.filter(agent=name)
    new = rows.filter(rows["event"].is_in(["accepted", "rejected"])).sort("order")
    columns = ("sent_ns", "listing", "side", "size", "price", "tif")
    return [(row[0] / MS, *row[1:]) for row in new.select(columns).iter_rows()]


def filled(played, name):
    """(listing, side, size, price) of every fill of an agent, in order."""
    rows = played.result().orders.filter(agent=name, event="fill")
    return list(rows.select("listing", "side", "size", "price").iter_rows())
