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
    """(ms when sent, listing, side, size, price, tif) of every new order of an agent, in order."""
    rows = reports(played, name)
    new = sorted(
        (row for row in rows if row["event"] in ("accepted", "rejected")), key=lambda row: row["order"]
    )
    return [((r["sent_ns"] or 0) / MS, r["listing"], r["side"], r["size"], r["price"], r["tif"]) for r in new]


def filled(played, name):
    """(listing, side, size, price) of every fill of an agent, in order."""
    return [(r["listing"], r["side"], r["size"], r["price"]) for r in reports(played, name, "fill")]


def reports(played, name, event=None):
    """The rows of an agent's reports, with prices and sizes as its own listings give them."""
    listings = {listing.name: listing for listing in played.listings}
    rows = []
    for row in played.result().orders.filter(agent=name).iter_rows(named=True):
        listing = listings[row["listing"]]
        price = listing.price(row["price_ticks"]) if row["price_ticks"] else None
        rows.append({**row, "price": price, "size": listing.size(row["size_lots"])})
    return [row for row in rows if event in (None, row["event"])]
