"""Small markets and traders for the tests of the market layer."""

from agents.base import Trader

SECOND = 1_000_000_000
MS = 1_000_000
US = 1_000


def plan(**changes):
    """One venue, one listing, one latency profile, nobody there; top-level keys can be replaced."""
    table = {
        "schema": 1,
        "name": "small",
        "duration": "10s",
        "numeraire": "USD",
        "assets": {"USD": {"decimals": 8}, "BTC": {"decimals": 8}},
        "venues": {"NORTH": {"maker_fee_bps": "-0.2", "taker_fee_bps": "0.5"}},
        "instruments": {"BTC/USD": {"base": "BTC", "quote": "USD"}},
        "listings": [{"venue": "NORTH", "instrument": "BTC/USD", "tick": "0.01", "lot": "0.001"}],
        "latency": {"home": {"entry": "3ms", "report": "5ms", "data": "7ms"}},
    }
    return {**table, **changes}


def two_venues(**changes):
    """The same instrument on NORTH and on SOUTH, whose grid is coarser."""
    base = plan()
    south = {"venue": "SOUTH", "instrument": "BTC/USD", "tick": "0.05", "lot": "0.01"}
    return {
        **base,
        "venues": {**base["venues"], "SOUTH": {}},
        "listings": [*base["listings"], south],
        **changes,
    }


class Scripted(Trader):
    """Does what `script` says, {time in ns: function of the trader}, and writes down everything it hears."""

    def on_start(self):
        self.heard = []
        self.script = getattr(self, "script", {})
        for at_ns in self.script:
            if at_ns:
                self.wake_in(at_ns)
        if 0 in self.script:
            self.script[0](self)

    def note(self, hook, what=None):
        self.heard.append((hook, self.now_ns, what))

    def heard_of(self, hook):
        return [(time_ns, what) for name, time_ns, what in self.heard if name == hook]

    def on_wake(self):
        if self.now_ns in self.script:
            self.script[self.now_ns](self)

    def on_accepted(self, order):
        self.note("accepted", (order.id, order.price, order.size, order.leaves))

    def on_fill(self, fill):
        self.note("fill", fill)

    def on_cancelled(self, cancelled):
        self.note("cancelled", cancelled)

    def on_update(self, update):
        self.note("update", update)

    def on_reject(self, reject):
        self.note("reject", reject)

    def on_phase(self, phase):
        self.note("phase", phase)

    def on_news(self, news):
        self.note("news", news)

    def on_end(self):
        self.note("end")


class Watcher(Scripted):
    """Also listens to all market data."""

    depth = 3

    def on_quote(self, quote):
        self.note("quote", (quote, self.view(quote.listing)))

    def on_trade(self, trade):
        self.note("trade", trade)

    def on_book(self, book):
        self.note("book", book)


class Noise(Trader):
    """Random orders around the mid, drawn portably."""

    portable = True
    pause_ms: int = 100
    size: float = 0.1

    def on_start(self):
        self.pause()

    def pause(self):
        self.wake_in(1 + int(self.random.expovariate() * self.pause_ms * MS))

    def on_wake(self):
        self.act()
        self.pause()

    def act(self):
        listing = self.listings[self.random.below(len(self.listings))]
        if len(self.orders) > 5:
            self.cancel(next(iter(self.orders)))
        view = self.view(listing)
        middle = view.mid or view.last_price or 100.0
        distance = self.random.gauss(0.02, 0.05)
        if self.random.below(2):
            self.buy(listing, self.size, listing.round_price(middle - distance))
        else:
            self.sell(listing, self.size, listing.round_price(middle + distance))


def scripted(script, kind=Scripted, **settings):
    """A trader with a script; without a name it is called like its class."""
    trader = kind(**settings)
    trader.script = script
    return trader


def crowd(count, **settings):
    """So many noise traders, noise-1, noise-2 ..."""
    return [Noise(name=f"noise-{number}", **settings) for number in range(1, count + 1)]
