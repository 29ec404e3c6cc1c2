"""A venue's public side: market data for those who subscribed, depth for those who look."""

from __future__ import annotations

from collections.abc import MutableSequence

from market_sim.reference.types import ListingId, Lots, Ticks
from market_sim.reference.venue.base import VenueParts
from market_sim.reference.venue.market_data import MarketData, MarketDataRow


class Publishing(VenueParts):
    """Market data are off until somebody asks for them."""

    def set_market_data(
        self, listing: ListingId, *, bbo: bool = False, l2: bool = False, l3: bool = False
    ) -> None:
        """Publish a listing from now on: its touch, its levels, its displayed orders; none of them: nothing.

        Trades, indications and phases come with any of the three. Without channels a command costs nothing
        more than before. ValueError for an unknown listing.
        """
        if listing not in self.listings:
            raise ValueError(f"unknown listing {listing}: venue {self.name!r} has {len(self.listings)}")
        self._publish()
        if self._data is None:
            self._data, self._say.heard = MarketData(self.listings), []
        self._data.set(listing, bbo, l2, l3)

    def take_market_data(self) -> list[MarketDataRow]:
        """The rows of market data since the last call, oldest first."""
        self._publish()
        return self._data.take() if self._data else []

    def market_data_snapshot(self) -> list[MarketDataRow]:
        """What a late subscriber starts from: rows that restate everything published so far.

        All of them carry the number of the last row published; the rows after it go on from there.
        """
        self._publish()
        calls = {
            number: (int(self._phase_of(listing)), self.indicative(number))
            for number, listing in self.listings.items()
        }
        return (self._data or MarketData(self.listings)).snapshot(int(self.phase), calls)

    def depth_into(
        self,
        listing: ListingId,
        side: int,
        prices: MutableSequence[Ticks],
        sizes: MutableSequence[Lots],
        orders: MutableSequence[int] | None = None,
    ) -> int:
        """Write the best displayed levels into the caller's buffers; how many there were, and room for.

        Lists, or numpy arrays of int64 and one dimension, all of one length (ValueError); places behind the
        last level are left as they are.
        """
        room = len(prices)
        for name, buffer in (("prices", prices), ("sizes", sizes), ("orders", orders)):
            check_buffer(name, buffer, room)
        levels = self.depth(listing, side, room)
        for place, (price, lots, count) in enumerate(levels):
            prices[place], sizes[place] = price, lots
            if orders is not None:
                orders[place] = count
        return len(levels)

    def _publish(self) -> None:
        """Publish what the last command did; called before anything else happens or is read."""
        if self._data is not None and self._say.heard:
            self._data.observe(self._say.heard)
            self._say.heard.clear()


def check_buffer(name: str, buffer: MutableSequence[int] | None, room: int) -> None:
    """ValueError for a buffer of another length or kind of number than depth can be written to."""
    if buffer is None:
        return
    if len(buffer) != room:
        raise ValueError(f"{name} has {len(buffer)} places, prices has {room}: give buffers of one length")
    numbers, shape = str(getattr(buffer, "dtype", "int64")), getattr(buffer, "shape", (room,))
    flags = getattr(buffer, "flags", None)
    if numbers != "int64" or len(shape) != 1 or (flags is not None and not flags.carray):
        raise ValueError(
            f"{name}: give a writable, contiguous array of int64 and one dimension, not {numbers} of "
            f"{len(shape)} dimensions"
        )
