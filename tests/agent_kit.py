"""Hand-made books for strategies, and what they did in front of them."""

from market_kit import MS, scripted

from market_sim.engine import Side
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


class Draws:
    """A stream whose draws are given, in order; when they are over, every further one is `then`.

    Of the exponential they are in units of its mean, of the normal in deviations.
    """

    portable = True

    def __init__(self, *given, then=1e6):
        self._left = list(given)
        self._then = then

    def random(self):
        return self._left.pop(0) if self._left else self._then

    def expovariate(self, lambd=1.0):
        return self.random() / lambd

    def gauss(self, mu=0.0, sigma=1.0):
        return mu + sigma * self.random()

    def paretovariate(self, alpha):
        return self.random()

    def below(self, n):
        drawn = self.random()
        assert drawn in range(n), f"{drawn} of {n}: the draws are out of step"
        return drawn


def noted(kind, draws=None, **settings):
    """A trader of this kind that writes all it sends into `sent`, instead of its own with these draws.

    Rows: (ms, "new", side, size, price, tif), (ms, "replace", side, size, price) or (ms, "cancel", side,
    price).
    """

    class Noted(kind):
        def on_start(self):
            self.sent = []
            self._stream = self._stream if draws is None else draws
            super().on_start()

        def _note(self, what, side, *told):
            self.sent.append((round(self.now_ns / MS, 3), what, Side(side).name.lower(), *told))

        def _send(self, listing, side, order_type, tif, post_only, ticks, lots, terms=None):
            price = listing.price(ticks) if ticks else None
            self._note("new", side, listing.size(lots), price, f"{tif} post" if post_only else tif)
            return super()._send(listing, side, order_type, tif, post_only, ticks, lots, terms)

        def _ask(self, order, ticks, lots):
            listing = order.listing
            self._note("replace", order.side_code, listing.size(lots), listing.price(ticks))
            super()._ask(order, ticks, lots)

        def cancel(self, order_id):
            order = self.orders[order_id]
            self._note("cancel", order.side_code, order.listing.price(order.asked_ticks))
            super().cancel(order_id)

    return Noted(**settings)
