"""What `buy` and `sell` take beyond side, size and price, in instrument units, and what the kernel takes."""

from __future__ import annotations

from typing import Any, TypedDict

from market_sim.engine import OrderType, Peg, Refresh
from market_sim.listing import Listing
from market_sim.units import Number, UnitsError, duration_ns


class OrderTerms(TypedDict, total=False):
    """Keyword arguments of `buy` and `sell`; what is left out is not asked for.

    `order_type`: "limit" (with a price or a peg), "market", "market_to_limit" (takes the best price only and
    rests there), "stop", "stop_limit", "trailing_stop". Distances (`trail`, `trigger_limit`, `peg_offset`,
    `protection`) are differences of prices on the listing's grid.
    """

    order_type: str
    #: Trades at this price or beyond elect a stop.
    stop_price: Number
    #: Distance of a trailing stop from the best trade since it came: a price difference, or basis points.
    trail: Number
    trail_bps: int
    #: Makes an elected trailing stop a limit order this far beyond its stop.
    trigger_limit: Number
    #: Size that an iceberg shows at a time.
    display: Number
    #: Shows nothing at all.
    hidden: bool
    #: "reserve": a new peak shows after the match; "peak": at once, at the back of the queue.
    refresh: str
    #: "primary" (the own side's best), "midpoint" or "market" (the other side's best); `price` is its limit.
    peg: str
    #: Towards the other side if positive.
    peg_offset: Number
    #: As much must trade at once, or nothing does.
    minimum: Number
    #: Simulated time at which it ends: "10m" after the session's start, or nanoseconds.
    good_till: str | int
    #: A market order's limit is the best opposite price when it arrives, and so much beyond.
    protection: Number


ORDER_TYPES = {kind.name.lower(): int(kind) for kind in OrderType}
PEGS = {peg.name.lower(): int(peg) for peg in Peg if peg}
REFRESHES = {refresh.name.lower(): int(refresh) for refresh in Refresh}


def kernel_terms(listing: Listing, terms: OrderTerms) -> dict[str, Any]:
    """The terms as `Kernel.new_order_ex` takes them; UnitsError off the grid, or for what has no meaning."""
    unknown = terms.keys() - OrderTerms.__annotations__.keys()
    if unknown:
        raise UnitsError(
            f"unknown term {sorted(unknown)[0]!r}",
            listing.name,
            f"Choose among {', '.join(OrderTerms.__annotations__)}.",
        )
    asked: dict[str, Any] = {}
    if "stop_price" in terms:
        asked["stop_price"] = listing.ticks(terms["stop_price"])
    distances = {
        "trail": "trail_ticks",
        "trigger_limit": "trigger_limit_ticks",
        "peg_offset": "peg_offset_ticks",
        "protection": "protection_ticks",
    }
    for name, ticks in distances.items():
        if name in terms:
            asked[ticks] = listing.prices.steps(terms[name], f"{listing.name}, {name}")  # type: ignore[literal-required]
    if "trail_bps" in terms:
        asked["trail_bps"] = terms["trail_bps"]
    if terms.get("hidden"):
        asked["display_lots"] = 0
    if "display" in terms:
        if terms.get("hidden"):
            raise UnitsError("display and hidden together", listing.name, "An order shows a part or nothing.")
        asked["display_lots"] = listing.lots(terms["display"])
    if "minimum" in terms:
        asked["minimum_lots"] = listing.lots(terms["minimum"])
    if "refresh" in terms:
        asked["refresh"] = chosen("refresh", terms["refresh"], REFRESHES, listing)
    if "peg" in terms:
        asked["peg"] = chosen("peg", terms["peg"], PEGS, listing)
    if "good_till" in terms:
        asked["expire_ns"] = duration_ns(terms["good_till"])
    return asked


def chosen(what: str, name: str, known: dict[str, int], listing: Listing) -> int:
    """The code of a name, or an error that lists the names."""
    if name not in known:
        raise UnitsError(f"unknown {what} {name!r}", listing.name, f"Choose {', '.join(known)}.")
    return known[name]
